//! From the file as written to a checked scenario. Each rule is a sentence that ends "…, not X".

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{
    AisGroup, DURATION_MAX_S, FAULTS_MAX, FaultOrder, Group, Scenario, ScenarioError, Sensor,
    TRACKS_MAX, Target, raw,
};
use crate::faults::{self, Field, Kind, SPACING_MIN_S};
use crate::format::ais::{NAME_CHARS_MAX, is_six_bit};
use crate::motion::{Motion, Region};
use crate::platform::Class;
use crate::random::Random;
use crate::report::Position;

/// Shortest interval of AIS reports, seconds (M.1371-5, Annex 1, Table 1). It also keeps two
/// reports of one track out of the same second.
const AIS_INTERVAL_MIN_S: f64 = 2.0;
/// Longest interval of reports, seconds.
const INTERVAL_MAX_S: f64 = 3_600.0;
/// Interval of static reports when none is given, seconds: 6 min (M.1371-5, Annex 1, § 4.2.1).
const STATIC_INTERVAL_S: f64 = 360.0;
/// Highest AIS speed that is a value and not a sentinel, knots (M.1371-5, Table 48).
const AIS_SPEED_MAX_KT: f64 = 102.2;
/// Highest speed of message 9, knots (M.1371-5, Table 59).
const SAR_SPEED_MAX_KT: f64 = 1_022.0;

/// Carries the file's name to every refusal.
struct Checker<'a> {
    file: &'a str,
}

impl Checker<'_> {
    fn refuse<T>(
        &self,
        key: impl Display,
        rule: impl Display,
        value: impl Display,
    ) -> Result<T, ScenarioError> {
        Err(ScenarioError::Rule {
            file: self.file.to_owned(),
            key: key.to_string(),
            rule: rule.to_string(),
            value: value.to_string(),
        })
    }

    /// `value` when it lies in `low..=high`; NaN does not.
    fn within(
        &self,
        key: impl Display,
        value: f64,
        low: f64,
        high: f64,
    ) -> Result<f64, ScenarioError> {
        if (low..=high).contains(&value) {
            Ok(value)
        } else {
            self.refuse(key, format_args!("must be {low} to {high}"), value)
        }
    }

    fn region(&self, key: &str, raw: &raw::Box) -> Result<Region, ScenarioError> {
        self.within(format_args!("{key}.south_deg"), raw.south_deg, -80.0, 80.0)?;
        self.within(format_args!("{key}.north_deg"), raw.north_deg, -80.0, 80.0)?;
        self.within(format_args!("{key}.west_deg"), raw.west_deg, -180.0, 180.0)?;
        self.within(format_args!("{key}.east_deg"), raw.east_deg, -180.0, 180.0)?;
        if raw.south_deg >= raw.north_deg {
            return self.refuse(
                format_args!("{key}.north_deg"),
                format_args!("must be above south_deg {}", raw.south_deg),
                raw.north_deg,
            );
        }
        if raw.west_deg >= raw.east_deg {
            return self.refuse(
                format_args!("{key}.east_deg"),
                format_args!("must be above west_deg {}", raw.west_deg),
                raw.east_deg,
            );
        }
        Ok(Region {
            south_deg: raw.south_deg,
            west_deg: raw.west_deg,
            north_deg: raw.north_deg,
            east_deg: raw.east_deg,
        })
    }

    fn sensor(&self, name: &str, raw: &raw::Sensor) -> Result<Sensor, ScenarioError> {
        let bounded = |what: &str, value: Option<f64>, default: f64, low: f64, high: f64| {
            self.within(
                format_args!("sensors.{name}.{what}"),
                value.unwrap_or(default),
                low,
                high,
            )
        };
        let sentences = raw.sentences_per_datagram.unwrap_or(1);
        self.within(
            format_args!("sensors.{name}.sentences_per_datagram"),
            f64::from(sentences),
            1.0,
            9.0,
        )?;
        Ok(Sensor {
            name: name.to_owned(),
            format: raw.format,
            position_noise_m: bounded("position_noise_m", raw.position_noise_m, 3.0, 0.0, 1e4)?,
            correlation_s: bounded("correlation_s", raw.correlation_s, 60.0, 0.0, 1e5)?,
            speed_noise_kt: bounded("speed_noise_kt", raw.speed_noise_kt, 0.1, 0.0, 10.0)?,
            course_noise_deg: bounded("course_noise_deg", raw.course_noise_deg, 0.5, 0.0, 30.0)?,
            sentences_per_datagram: sentences,
        })
    }

    fn text(&self, key: &str, text: &str) -> Result<(), ScenarioError> {
        if text.len() > NAME_CHARS_MAX || !text.bytes().all(is_six_bit) {
            return self.refuse(
                key,
                format_args!(
                    "must be at most {NAME_CHARS_MAX} characters of the AIS six-bit set \
                     (capitals, digits, punctuation)"
                ),
                format_args!("{text:?}"),
            );
        }
        Ok(())
    }

    fn group(
        &self,
        place: usize,
        raw: raw::Tracks,
        area: &Region,
        regions: &BTreeMap<String, Region>,
        sensors: &[Sensor],
    ) -> Result<Group, ScenarioError> {
        let key = |what: &str| format!("tracks[{place}].{what}");
        let count = raw.count.unwrap_or(1);
        if !(1..=TRACKS_MAX).contains(&count) {
            return self.refuse(
                key("count"),
                format_args!("must be 1 to {TRACKS_MAX}"),
                count,
            );
        }
        if raw.name.is_empty() {
            return self.refuse(key("name"), "must name the track", "\"\"");
        }
        let region = match &raw.region {
            None => *area,
            Some(name) => match regions.get(name) {
                Some(region) => *region,
                None => {
                    return self.refuse(
                        key("region"),
                        "must be one of the regions",
                        format_args!("{name:?}"),
                    );
                }
            },
        };
        let mut places = Vec::new();
        for name in &raw.sensors {
            match sensors.iter().position(|sensor| sensor.name == *name) {
                Some(sensor) if !places.contains(&sensor) => places.push(sensor),
                Some(_) | None => {
                    return self.refuse(
                        key("sensors"),
                        "must name sensors, each once",
                        format_args!("{name:?}"),
                    );
                }
            }
        }
        if places.len() != 1 {
            return self.refuse(
                key("sensors"),
                "must name one AIS sensor: a transponder reports once",
                format_args!("{} of them", places.len()),
            );
        }
        let at = match raw.at {
            None => None,
            Some([lat_deg, lon_deg]) => {
                let at = Position { lat_deg, lon_deg };
                if !region.contains(at) {
                    return self.refuse(
                        key("at"),
                        "must lie in the track's region",
                        format_args!("[{lat_deg}, {lon_deg}]"),
                    );
                }
                Some(at)
            }
        };
        let speed_kt = self.speed(place, &raw, &region)?;
        let report_interval_s = match raw.report_interval_s {
            None => None,
            Some(interval) => Some(self.within(
                key("report_interval_s"),
                interval,
                AIS_INTERVAL_MIN_S,
                INTERVAL_MAX_S,
            )?),
        };
        let static_interval_s = self.within(
            key("static_interval_s"),
            raw.static_interval_s.unwrap_or(STATIC_INTERVAL_S),
            AIS_INTERVAL_MIN_S,
            INTERVAL_MAX_S,
        )?;
        if raw.class.is_fixed() && at.is_none() {
            return self.refuse(key("at"), "must say where a fixed station is", "absent");
        }
        if at.is_some() && count != 1 {
            return self.refuse(key("count"), "must be 1 where `at` is given", count);
        }
        let ais = Some(self.ais(place, raw.class, count, raw.ais.as_ref())?);
        let group = Group {
            name: raw.name,
            class: raw.class,
            count,
            sensors: places,
            region,
            at,
            speed_kt,
            report_interval_s,
            static_interval_s,
            ais,
        };
        self.text(&key("name"), &group.track_name(count - 1))?;
        Ok(group)
    }

    fn speed(
        &self,
        place: usize,
        raw: &raw::Tracks,
        region: &Region,
    ) -> Result<[f64; 2], ScenarioError> {
        let key = format!("tracks[{place}].speed_kt");
        let Some(limits) = raw.class.limits() else {
            return match raw.speed_kt {
                None => Ok([0.0; 2]),
                Some([low, high]) => self.refuse(
                    key,
                    format_args!("must be absent for class {}", raw.class.name()),
                    format_args!("[{low}, {high}]"),
                ),
            };
        };
        let speed_kt = raw.speed_kt.unwrap_or(limits.speed_kt);
        let [low, high] = speed_kt;
        let rising = 0.0 < low && low <= high;
        if !rising || high > limits.speed_max_kt {
            return self.refuse(
                key,
                format_args!(
                    "must be [low, high] with 0 < low <= high <= {} for class {}",
                    limits.speed_max_kt,
                    raw.class.name()
                ),
                format_args!("[{low}, {high}]"),
            );
        }
        // The same construction that the run uses, so that what passes here can run.
        if Motion::under_way(raw.class, region, None, speed_kt, Random::new(0, 0)).is_none() {
            let (height_m, width_m) = region.extent_m();
            return self.refuse(
                format_args!("tracks[{place}].region"),
                format_args!(
                    "must be wider than {:.0} m each way for class {} at {high} kt",
                    2.0 * crate::motion::turning_room_m(&limits, high),
                    raw.class.name()
                ),
                format_args!("{height_m:.0} m by {width_m:.0} m"),
            );
        }
        if let Some([lat_deg, lon_deg]) = raw.at {
            let room_m = crate::motion::turning_room_m(&limits, high);
            let at = Position { lat_deg, lon_deg };
            let inner = region.shrunk_by(room_m);
            if !inner.is_some_and(|inner| inner.contains(at)) {
                return self.refuse(
                    format_args!("tracks[{place}].at"),
                    format_args!("must lie {room_m:.0} m inside its region, to turn in"),
                    format_args!("[{lat_deg}, {lon_deg}]"),
                );
            }
        }
        Ok(speed_kt)
    }

    fn ais(
        &self,
        place: usize,
        class: Class,
        count: u32,
        raw: Option<&raw::Ais>,
    ) -> Result<AisGroup, ScenarioError> {
        let key = |what: &str| format!("tracks[{place}].ais{what}");
        let Some(raw) = raw else {
            return self.refuse(key(""), "must be given for an AIS sensor", "absent");
        };
        // Forms of identity: ITU-R M.585-9, Annex 1.
        let (lowest, highest, form, messages, message): (u32, u32, _, &[u8], u8) = match class {
            Class::Cargo | Class::Ferry | Class::Fishing => {
                (201_000_000, 775_999_999, "a ship's", &[1, 2, 3, 18], 1)
            }
            Class::Anchored => (201_000_000, 775_999_999, "a ship's", &[1, 2, 3, 18], 3),
            Class::Pleasure => (201_000_000, 775_999_999, "a ship's", &[1, 2, 3, 18], 18),
            Class::SarAircraft => (111_201_000, 111_775_999, "a SAR aircraft's", &[9], 9),
            Class::BaseStation => (2_010_000, 7_759_999, "a coast station's", &[4], 4),
            Class::Aid => (992_010_000, 997_759_999, "an aid's", &[21], 21),
        };
        let last = raw.mmsi.saturating_add(count - 1);
        if raw.mmsi < lowest || last > highest {
            return self.refuse(
                key(".mmsi"),
                format_args!("must leave all within {form} {lowest:09} to {highest:09}"),
                format_args!("{:09} to {last:09}", raw.mmsi),
            );
        }
        let position_message = raw.position_message.unwrap_or(message);
        if !messages.contains(&position_message) {
            return self.refuse(
                key(".position_message"),
                format_args!("must be one of {messages:?} for class {}", class.name()),
                position_message,
            );
        }
        let destination = raw.destination.clone().unwrap_or_default();
        self.text(&key(".destination"), &destination)?;
        let aid_type = raw.aid_type.unwrap_or(0);
        self.within(key(".aid_type"), f64::from(aid_type), 0.0, 31.0)?;
        Ok(AisGroup {
            mmsi: raw.mmsi,
            position_message,
            destination,
            aid_type,
        })
    }

    fn fault(
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

    /// Seconds since 1970 of the start.
    fn start_s(&self, raw: toml::value::Datetime) -> Result<u64, ScenarioError> {
        let rule = "must be a whole second with its offset, from 1970 on, as 2026-06-01T06:00:00Z";
        match raw.to_string().parse::<jiff::Timestamp>() {
            Ok(stamp) if stamp.subsec_nanosecond() == 0 && stamp.as_second() >= 0 => {
                Ok(stamp.as_second().unsigned_abs())
            }
            Ok(_) | Err(_) => self.refuse("start", rule, raw),
        }
    }
}

pub(super) fn check(file: &str, raw: raw::Scenario) -> Result<Scenario, ScenarioError> {
    let checker = Checker { file };
    let start_s = checker.start_s(raw.start)?;
    if !(1..=DURATION_MAX_S).contains(&raw.duration_s) {
        let rule = format!("must be 1 to {DURATION_MAX_S}");
        return checker.refuse("duration_s", rule, raw.duration_s);
    }
    let area = checker.region("area", &raw.area)?;
    let mut regions = BTreeMap::new();
    for (name, raw) in &raw.regions {
        let key = format!("regions.{name}");
        let region = checker.region(&key, raw)?;
        let corner = |lat_deg, lon_deg| area.contains(Position { lat_deg, lon_deg });
        if !corner(region.south_deg, region.west_deg) || !corner(region.north_deg, region.east_deg)
        {
            return checker.refuse(key, "must lie in the area", "partly outside");
        }
        regions.insert(name.clone(), region);
    }
    let sensors: Vec<Sensor> = raw
        .sensors
        .iter()
        .map(|(name, raw)| checker.sensor(name, raw))
        .collect::<Result<_, _>>()?;
    let mut groups: Vec<Group> = Vec::new();
    let mut tracks = 0_u64;
    for (place, raw) in raw.tracks.into_iter().enumerate() {
        let group = checker.group(place, raw, &area, &regions, &sensors)?;
        if groups.iter().any(|other| other.name == group.name) {
            let value = format!("{:?} again", group.name);
            return checker.refuse(
                format_args!("tracks[{place}].name"),
                "must be unique",
                value,
            );
        }
        tracks += u64::from(group.count);
        groups.push(group);
    }
    if !(1..=u64::from(TRACKS_MAX)).contains(&tracks) {
        let rule = format!("must hold 1 to {TRACKS_MAX} tracks");
        return checker.refuse("tracks", rule, tracks);
    }
    check_identities(&checker, &groups)?;
    let faults: Vec<FaultOrder> = raw
        .faults
        .iter()
        .enumerate()
        .map(|(place, fault)| checker.fault(place, fault, &groups, raw.duration_s))
        .collect::<Result<_, _>>()?;
    let asked: u64 = faults.iter().map(|order| order.target.count()).sum();
    if asked > FAULTS_MAX as u64 {
        let rule = format!("must ask for at most {FAULTS_MAX} injections");
        return checker.refuse("faults", rule, asked);
    }
    if let Err(place) = faults::plan(raw.seed, &faults) {
        let rule = format!(
            "must leave {SPACING_MIN_S} s between two faults of a track, and draw from a group \
             with enough tracks that have none"
        );
        return checker.refuse(format_args!("faults[{place}]"), rule, "so");
    }
    Ok(Scenario {
        seed: raw.seed,
        start_ns: start_s * 1_000_000_000,
        duration_s: raw.duration_s,
        sensors,
        groups,
        faults,
    })
}

/// No two tracks share a maritime identity.
fn check_identities(checker: &Checker<'_>, groups: &[Group]) -> Result<(), ScenarioError> {
    let mut ranges: Vec<(u32, u32, usize)> = groups
        .iter()
        .enumerate()
        .filter_map(|(place, group)| {
            let ais = group.ais.as_ref()?;
            Some((ais.mmsi, ais.mmsi + (group.count - 1), place))
        })
        .collect();
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let ((first, last, before), (next, _, place)) = (pair[0], pair[1]);
        if next <= last {
            return checker.refuse(
                format_args!("tracks[{place}].ais.mmsi"),
                format_args!(
                    "must not be among those of tracks[{before}], {first:09} to {last:09}"
                ),
                format_args!("{next:09}"),
            );
        }
    }
    Ok(())
}
