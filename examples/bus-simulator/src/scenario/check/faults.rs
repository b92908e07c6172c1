//! Rules of fault orders.

use super::Checker;
use crate::faults::{Field, Kind};
use crate::platform::Class;
use crate::scenario::{FaultOrder, Group, ScenarioError, Target, raw};

use super::groups::AIS_INTERVAL_MIN_S;

/// Highest AIS speed that is a value and not a sentinel, knots (M.1371-5, Table 48).
const AIS_SPEED_MAX_KT: f64 = 102.2;
/// Highest speed of message 9, knots (M.1371-5, Table 59).
const SAR_SPEED_MAX_KT: f64 = 1_022.0;

impl Checker<'_> {
    pub(super) fn fault(
        &self,
        place: usize,
        raw: &raw::Fault,
        groups: &[Group],
        duration_s: u32,
    ) -> Result<FaultOrder, ScenarioError> {
        let key = |what: &str| format!("faults[{place}].{what}");
        let kind = self.kind(place, raw)?;
        let (first, tracks, group) = self.fault_tracks(place, raw, groups)?;
        if group.class.is_fixed() {
            return self.refuse(
                key("track"),
                "must be a track that moves or swings",
                format_args!("{:?} of class {}", group.name, group.class.name()),
            );
        }
        if let Kind::SpeedJump { by_kt } = kind {
            let limits_kt = group
                .class
                .limits()
                .map_or(1.0, |limits| limits.speed_max_kt);
            let highest = match group.class {
                Class::SarAircraft => SAR_SPEED_MAX_KT,
                Class::Cargo
                | Class::Ferry
                | Class::Fishing
                | Class::Pleasure
                | Class::Anchored
                | Class::BaseStation
                | Class::Aid => AIS_SPEED_MAX_KT,
            };
            // Room for the noise of the speed too.
            self.within(key("by_kt"), by_kt, limits_kt, highest - limits_kt - 1.0)?;
        }
        if let Kind::Duplicate { delay_ms } = kind {
            let interval_s = group.report_interval_s.unwrap_or(AIS_INTERVAL_MIN_S);
            // Intervals vary by a tenth; the repeat must come before the next report.
            self.within(
                key("delay_s"),
                delay_ms as f64 / 1e3,
                0.05,
                interval_s.min(2.2) * 0.85,
            )?;
        }
        let reports = raw.reports.unwrap_or(1);
        if !(1..=1_000).contains(&reports) || (reports > 1 && kind.repeat_delay_ms().is_some()) {
            return self.refuse(
                key("reports"),
                "must be 1 to 1000, and 1 where a report is repeated",
                reports,
            );
        }
        let earliest_s = match kind {
            Kind::TimeReversal { delay_ms } => delay_ms as f64 / 1e3,
            Kind::Duplicate { .. }
            | Kind::SpeedJump { .. }
            | Kind::Teleport { .. }
            | Kind::NotAvailable { .. }
            | Kind::OutOfRange { .. } => 0.0,
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
            target,
        })
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
        let (kind, takes) = match raw.kind.as_str() {
            "speed-jump" => {
                let by_kt = raw.by_kt.unwrap_or(60.0);
                (Kind::SpeedJump { by_kt }, "by_kt")
            }
            "teleport" => {
                let distance_m = raw.distance_m.unwrap_or(30_000.0);
                let distance_m = self.within(key("distance_m"), distance_m, 5e3, 5e5)?;
                (Kind::Teleport { distance_m }, "distance_m")
            }
            "time-reversal" => {
                let delay_ms = delay_ms(8.0, 4.0, 25.0)?;
                (Kind::TimeReversal { delay_ms }, "delay_s")
            }
            "duplicate" => {
                let delay_ms = delay_ms(0.5, 0.05, 2.0)?;
                (Kind::Duplicate { delay_ms }, "delay_s")
            }
            "not-available" => (Kind::NotAvailable { field }, "field"),
            "out-of-range" => {
                if field == Field::Speed {
                    return self.refuse(
                        key("field"),
                        "must be position or course: AIS has no speed out of range",
                        "speed",
                    );
                }
                (Kind::OutOfRange { field }, "field")
            }
            other => {
                return self.refuse(
                    key("kind"),
                    format_args!("must be one of {:?}", Kind::NAMES),
                    format_args!("{other:?}"),
                );
            }
        };
        for (given, what) in [
            (raw.by_kt.is_some(), "by_kt"),
            (raw.distance_m.is_some(), "distance_m"),
            (raw.delay_s.is_some(), "delay_s"),
            (raw.field.is_some(), "field"),
        ] {
            if given && what != takes {
                let rule = format!("must be absent for kind {}", kind.name());
                return self.refuse(key(what), rule, "given");
            }
        }
        Ok(kind)
    }
}
