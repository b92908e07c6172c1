//! Rules of fault orders.

use super::Checker;
use crate::faults::{Effect, Field, Kind};
use crate::platform::Class;
use crate::scenario::{FaultOrder, FormatName, Group, ScenarioError, Sensor, Target, raw};

use super::groups::AIS_INTERVAL_MIN_S;

/// Highest AIS speed that is a value and not a sentinel, knots (M.1371-5, Table 48).
const AIS_SPEED_MAX_KT: f64 = 102.2;
/// Highest speed of message 9, knots (M.1371-5, Table 59).
const SAR_SPEED_MAX_KT: f64 = 1_022.0;
/// Highest speed that every format of aircraft carries, knots: 1,022 steps of four, less what a
/// component's rounding takes (Doc 9871, Table A-2-9b).
const AIRCRAFT_SPEED_MAX_KT: f64 = 4_000.0;

impl Checker<'_> {
    pub(super) fn fault(
        &self,
        place: usize,
        raw: &raw::Fault,
        groups: &[Group],
        sensors: &[Sensor],
        duration_s: u32,
    ) -> Result<FaultOrder, ScenarioError> {
        let key = |what: &str| format!("faults[{place}].{what}");
        let kind = self.kind(place, raw)?;
        self.only_of_its_kind(place, raw, kind)?;
        let (first, tracks, group) = self.fault_tracks(place, raw, groups)?;
        if group.class.is_fixed() {
            return self.refuse(
                key("track"),
                "must be a track that moves or swings",
                format_args!("{:?} of class {}", group.name, group.class.name()),
            );
        }
        let sensor = self.fault_sensor(place, raw, group, sensors)?;
        let format = sensors[sensor].format;
        self.fits_format(place, kind, format, group)?;
        let with = self.other_track(place, raw, kind, groups, first)?;
        if let Kind::SpeedJump { by_kt } = kind {
            let limits_kt = group
                .class
                .limits()
                .map_or(1.0, |limits| limits.speed_max_kt);
            let highest = match (format, group.class) {
                (FormatName::Ais, Class::SarAircraft) => SAR_SPEED_MAX_KT,
                (FormatName::Ais, _) => AIS_SPEED_MAX_KT,
                (FormatName::AdsB | FormatName::Cat062 | FormatName::Cat048, _) => {
                    AIRCRAFT_SPEED_MAX_KT
                }
            };
            // Room for the noise of the speed too.
            self.within(key("by_kt"), by_kt, limits_kt, highest - limits_kt - 1.0)?;
        }
        if let Kind::Duplicate { delay_ms } = kind {
            let interval_s = match format {
                FormatName::Ais => group.report_interval_s.unwrap_or(AIS_INTERVAL_MIN_S),
                FormatName::AdsB | FormatName::Cat062 | FormatName::Cat048 => {
                    sensors[sensor].update_period_s
                }
            };
            // Intervals vary by a tenth; the repeat must come before the next report.
            self.within(
                key("delay_s"),
                delay_ms as f64 / 1e3,
                0.05,
                interval_s.min(2.2) * 0.85,
            )?;
        }
        let reports = raw.reports.unwrap_or(kind.reports());
        let alone = matches!(kind.effect(), Effect::Repeat { .. } | Effect::Swap);
        if !(1..=1_000).contains(&reports) || (reports > 1 && alone) {
            return self.refuse(
                key("reports"),
                "must be 1 to 1000, and 1 where a report is repeated or swapped",
                reports,
            );
        }
        let earliest_s = match kind {
            Kind::TimeReversal { delay_ms } => delay_ms as f64 / 1e3,
            _ => 0.0,
        };
        let time_ms = |what: &str, value: Option<f64>| match value {
            None => self.refuse(key(what), "must say when, in seconds", "absent"),
            Some(seconds) => self
                .within(key(what), seconds, earliest_s, f64::from(duration_s))
                .map(|seconds| (seconds * 1e3) as u64),
        };
        let target = if raw.track.is_some() {
            Target::Track {
                track: first,
                at_ms: time_ms("at_s", raw.at_s)?,
            }
        } else {
            let (from_ms, to_ms) = (time_ms("from_s", raw.from_s)?, time_ms("to_s", raw.to_s)?);
            if from_ms > to_ms {
                return self.refuse(key("to_s"), "must not be before from_s", to_ms as f64 / 1e3);
            }
            Target::Among {
                first,
                tracks,
                count: raw.count.unwrap_or(1),
                from_ms,
                to_ms,
            }
        };
        Ok(FaultOrder {
            kind,
            reports,
            sensor,
            with,
            target,
        })
    }

    /// The sensor whose reports are spoiled: the group's first when none is named.
    fn fault_sensor(
        &self,
        place: usize,
        raw: &raw::Fault,
        group: &Group,
        sensors: &[Sensor],
    ) -> Result<usize, ScenarioError> {
        let Some(name) = &raw.sensor else {
            return Ok(group.sensors[0]);
        };
        let named = group
            .sensors
            .iter()
            .find(|sensor| sensors[**sensor].name == *name);
        match named {
            Some(sensor) => Ok(*sensor),
            None => self.refuse(
                format_args!("faults[{place}].sensor"),
                "must be one of the track's sensors",
                format_args!("{name:?}"),
            ),
        }
    }

    /// Whether the fault can show in reports of `format`.
    fn fits_format(
        &self,
        place: usize,
        kind: Kind,
        format: FormatName,
        group: &Group,
    ) -> Result<(), ScenarioError> {
        let (fits, needs) = match kind {
            Kind::TimeReversal { .. }
            | Kind::Duplicate { .. }
            | Kind::TimeShift { .. }
            | Kind::Swapped => (format.carries_time(), "a time in its reports"),
            Kind::ReversedClimb => (format.carries_climb(), "a climb in its reports"),
            Kind::AltitudeRamp { .. } => (
                group.class.is_aircraft() && format != FormatName::Ais,
                "a height in steps of 25 ft or less",
            ),
            Kind::OutOfRange { field } => (
                match format {
                    FormatName::Ais => field != Field::Speed,
                    FormatName::Cat062 => field == Field::Position,
                    FormatName::AdsB | FormatName::Cat048 => false,
                },
                "a field wider than its values",
            ),
            Kind::SpeedJump { .. }
            | Kind::Teleport { .. }
            | Kind::NotAvailable { .. }
            | Kind::PositionOffset { .. }
            | Kind::PositionNoise { .. }
            | Kind::SpeedRamp { .. }
            | Kind::ReversedHeading
            | Kind::FrozenPosition
            | Kind::IdentityClash
            | Kind::Dropped => (true, ""),
        };
        if fits {
            return Ok(());
        }
        self.refuse(
            format_args!("faults[{place}].kind"),
            format_args!("must fit the format: it needs {needs}"),
            format_args!("{} in {}", kind.name(), format.name()),
        )
    }

    /// The track whose identity is used twice.
    fn other_track(
        &self,
        place: usize,
        raw: &raw::Fault,
        kind: Kind,
        groups: &[Group],
        track: usize,
    ) -> Result<Option<usize>, ScenarioError> {
        let key = format_args!("faults[{place}].with").to_string();
        match (&raw.with, kind) {
            (None, Kind::IdentityClash) => {
                self.refuse(key, "must name the track whose identity is used", "absent")
            }
            (None, _) => Ok(None),
            (Some(_), Kind::IdentityClash) if raw.track.is_none() => {
                let rule = "must stand beside `track`";
                self.refuse(key, rule, "given with `among`")
            }
            (Some(name), _) => {
                let tracks = groups.iter().flat_map(|group| {
                    (0..group.count).map(move |index| (group, group.track_name(index)))
                });
                let mine = tracks.clone().nth(track).map(|(group, _)| group);
                let other = tracks
                    .enumerate()
                    .find(|(other, (_, other_name))| *other != track && other_name == name);
                match (other, mine) {
                    (Some((other, (group, _))), Some(mine))
                        if group.sensors == mine.sensors
                            && group.ais.is_some() == mine.ais.is_some() =>
                    {
                        Ok(Some(other))
                    }
                    (_, _) => self.refuse(
                        key,
                        "must name another track, with the same sensors",
                        format_args!("{name:?}"),
                    ),
                }
            }
        }
    }

    /// Keys that mean nothing to the fault's kind are refused.
    fn only_of_its_kind(
        &self,
        place: usize,
        raw: &raw::Fault,
        kind: Kind,
    ) -> Result<(), ScenarioError> {
        let takes: &[&str] = match kind {
            Kind::SpeedJump { .. } => &["by_kt"],
            Kind::Teleport { .. } | Kind::PositionOffset { .. } => &["distance_m"],
            Kind::PositionNoise { .. } => &["noise_m"],
            Kind::TimeReversal { .. } | Kind::Duplicate { .. } => &["delay_s"],
            Kind::NotAvailable { .. } | Kind::OutOfRange { .. } => &["field"],
            Kind::AltitudeRamp { .. } => &["rate_mps"],
            Kind::SpeedRamp { .. } => &["rate_kt_s"],
            Kind::TimeShift { .. } => &["shift_s"],
            Kind::IdentityClash => &["with"],
            Kind::ReversedHeading
            | Kind::ReversedClimb
            | Kind::FrozenPosition
            | Kind::Dropped
            | Kind::Swapped => &[],
        };
        for (given, what) in [
            (raw.by_kt.is_some(), "by_kt"),
            (raw.distance_m.is_some(), "distance_m"),
            (raw.noise_m.is_some(), "noise_m"),
            (raw.delay_s.is_some(), "delay_s"),
            (raw.field.is_some(), "field"),
            (raw.rate_mps.is_some(), "rate_mps"),
            (raw.rate_kt_s.is_some(), "rate_kt_s"),
            (raw.shift_s.is_some(), "shift_s"),
            (raw.with.is_some(), "with"),
        ] {
            if given && !takes.contains(&what) {
                let rule = format!("must be absent for kind {}", kind.name());
                return self.refuse(format_args!("faults[{place}].{what}"), rule, "given");
            }
        }
        Ok(())
    }

    /// First track, number of tracks and group that a fault order names.
    fn fault_tracks<'g>(
        &self,
        place: usize,
        raw: &raw::Fault,
        groups: &'g [Group],
    ) -> Result<(usize, u32, &'g Group), ScenarioError> {
        let key = |what: &str| format!("faults[{place}].{what}");
        let misplaced = |what: &str, rule: &str| self.refuse(key(what), rule, "given");
        let mut first = 0;
        match (&raw.track, &raw.among) {
            (Some(_), Some(_)) | (None, None) => {
                let value = if raw.track.is_some() {
                    "both"
                } else {
                    "neither"
                };
                self.refuse(key("track"), "must be given, or else `among`", value)
            }
            (Some(name), None) => {
                let rule = "must be absent beside `track`";
                if raw.count.is_some() {
                    return misplaced("count", rule);
                }
                if raw.from_s.is_some() {
                    return misplaced("from_s", rule);
                }
                if raw.to_s.is_some() {
                    return misplaced("to_s", rule);
                }
                for group in groups {
                    for index in 0..group.count {
                        if group.track_name(index) == *name {
                            return Ok((first + index as usize, 1, group));
                        }
                    }
                    first += group.count as usize;
                }
                self.refuse(key("track"), "must name a track", format_args!("{name:?}"))
            }
            (None, Some(name)) => {
                if raw.at_s.is_some() {
                    return misplaced("at_s", "must be absent beside `among`");
                }
                for group in groups {
                    if group.name == *name {
                        return Ok((first, group.count, group));
                    }
                    first += group.count as usize;
                }
                let value = format_args!("{name:?}");
                self.refuse(key("among"), "must name a group of tracks", value)
            }
        }
    }

    fn kind(&self, place: usize, raw: &raw::Fault) -> Result<Kind, ScenarioError> {
        let key = |what: &str| format!("faults[{place}].{what}");
        let delay_ms = |default_s: f64, low: f64, high: f64| {
            self.within(key("delay_s"), raw.delay_s.unwrap_or(default_s), low, high)
                .map(|seconds| (seconds * 1e3) as u64)
        };
        let field = raw.field.unwrap_or(Field::Position);
        let distance_m = |default_m: f64, low: f64| {
            let distance_m = raw.distance_m.unwrap_or(default_m);
            self.within(key("distance_m"), distance_m, low, 5e5)
        };
        Ok(match raw.kind.as_str() {
            "speed-jump" => Kind::SpeedJump {
                by_kt: raw.by_kt.unwrap_or(60.0),
            },
            "teleport" => Kind::Teleport {
                distance_m: distance_m(30_000.0, 5e3)?,
            },
            "time-reversal" => Kind::TimeReversal {
                delay_ms: delay_ms(8.0, 4.0, 25.0)?,
            },
            "duplicate" => Kind::Duplicate {
                delay_ms: delay_ms(0.5, 0.05, 2.0)?,
            },
            "not-available" => Kind::NotAvailable { field },
            "out-of-range" => {
                if field == Field::Speed {
                    return self.refuse(
                        key("field"),
                        "must be position or course: AIS has no speed out of range",
                        "speed",
                    );
                }
                Kind::OutOfRange { field }
            }
            "position-offset" => Kind::PositionOffset {
                distance_m: distance_m(5_000.0, 100.0)?,
            },
            "position-noise" => {
                let noise_m = raw.noise_m.unwrap_or(3_000.0);
                let noise_m = self.within(key("noise_m"), noise_m, 10.0, 1e5)?;
                Kind::PositionNoise { noise_m }
            }
            "altitude-ramp" => {
                let rate_mps = raw.rate_mps.unwrap_or(40.0);
                let rate_mps = self.within(key("rate_mps"), rate_mps, -500.0, 500.0)?;
                Kind::AltitudeRamp { rate_mps }
            }
            "speed-ramp" => {
                let rate_kt_s = raw.rate_kt_s.unwrap_or(5.0);
                let rate_kt_s = self.within(key("rate_kt_s"), rate_kt_s, -100.0, 100.0)?;
                Kind::SpeedRamp { rate_kt_s }
            }
            "reversed-heading" => Kind::ReversedHeading,
            "reversed-climb" => Kind::ReversedClimb,
            "frozen-position" => Kind::FrozenPosition,
            "time-shift" => {
                let shift_s = raw.shift_s.unwrap_or(-10.0);
                // Half a minute and more reads as another minute's second in AIS.
                let shift_s = self.within(key("shift_s"), shift_s, -29.0, 29.0)?;
                Kind::TimeShift {
                    shift_ms: (shift_s * 1e3) as i64,
                }
            }
            "identity-clash" => Kind::IdentityClash,
            "dropped" => Kind::Dropped,
            "swapped" => Kind::Swapped,
            other => {
                return self.refuse(
                    key("kind"),
                    format_args!("must be one of {:?}", Kind::NAMES),
                    format_args!("{other:?}"),
                );
            }
        })
    }
}
