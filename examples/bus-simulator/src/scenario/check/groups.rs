//! Rules of groups of tracks.

use std::collections::BTreeMap;

use super::Checker;
use crate::motion::{Motion, Pattern, Region};
use crate::platform::{Class, MPS_PER_KNOT};
use crate::random::Random;
use crate::report::Position;
use crate::scenario::{
    AircraftGroup, AisGroup, FormatName, Group, ScenarioError, Sensor, TRACKS_MAX, raw,
};

/// Shortest interval of AIS reports, seconds (M.1371-5, Annex 1, Table 1). It also keeps two
/// reports of one track out of the same second.
pub(super) const AIS_INTERVAL_MIN_S: f64 = 2.0;
/// Longest interval of reports, seconds.
const INTERVAL_MAX_S: f64 = 3_600.0;

impl Checker<'_> {
    pub(super) fn group(
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
        let is_ais = |sensor: &usize| sensors[*sensor].format == FormatName::Ais;
        let ais_sensors = places.iter().filter(|place| is_ais(place)).count();
        if places.is_empty() || ais_sensors > 1 {
            return self.refuse(
                key("sensors"),
                "must name a sensor, and at most one for AIS: a transponder reports once",
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
        let speed_kt = self.speed(place, &raw)?;
        let (altitude_m, pattern, formation_m) = self.conduct(place, &raw, count)?;
        let report_interval_s = match raw.report_interval_s {
            None => None,
            Some(_) if ais_sensors == 0 => {
                return self.refuse(
                    key("report_interval_s"),
                    "must be absent without an AIS sensor: others have update_period_s",
                    "given",
                );
            }
            Some(interval) => Some(self.within(
                key("report_interval_s"),
                interval,
                AIS_INTERVAL_MIN_S,
                INTERVAL_MAX_S,
            )?),
        };
        let static_interval_s = match raw.static_interval_s {
            None => None,
            Some(interval) => Some(self.within(
                key("static_interval_s"),
                interval,
                AIS_INTERVAL_MIN_S,
                INTERVAL_MAX_S,
            )?),
        };
        if raw.class.is_fixed() && at.is_none() {
            return self.refuse(key("at"), "must say where a fixed station is", "absent");
        }
        if at.is_some() && count != 1 {
            return self.refuse(key("count"), "must be 1 where `at` is given", count);
        }
        let ais = match (&raw.ais, ais_sensors) {
            (Some(_), 0) => {
                let rule = "must be absent without an AIS sensor";
                return self.refuse(key("ais"), rule, "given");
            }
            (None, 0) => None,
            (ais, _) => Some(self.ais(place, raw.class, count, ais.as_ref())?),
        };
        let others = places.len() - ais_sensors;
        let aircraft = match (&raw.aircraft, others) {
            (Some(_), 0) => {
                let rule = "must be absent without a sensor of aircraft";
                return self.refuse(key("aircraft"), rule, "given");
            }
            (None, 0) => None,
            (aircraft, _) => Some(self.aircraft(place, raw.class, count, aircraft.as_ref())?),
        };
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
            altitude_m,
            pattern,
            formation_m,
            ais,
            aircraft,
        };
        if group.ais.is_some() {
            self.text(&key("name"), &group.track_name(count - 1))?;
        }
        self.room(place, &group)?;
        Ok(group)
    }

    fn speed(&self, place: usize, raw: &raw::Tracks) -> Result<[f64; 2], ScenarioError> {
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
        Ok(speed_kt)
    }

    /// Heights, pattern and formation.
    #[expect(
        clippy::type_complexity,
        reason = "three values that one place takes apart"
    )]
    fn conduct(
        &self,
        place: usize,
        raw: &raw::Tracks,
        count: u32,
    ) -> Result<(Option<[f64; 2]>, Pattern, Option<f64>), ScenarioError> {
        let key = |what: &str| format!("tracks[{place}].{what}");
        let is_aircraft = raw.class.is_aircraft();
        for (is_given, what) in [
            (raw.altitude_m.is_some(), "altitude_m"),
            (raw.pattern.is_some(), "pattern"),
            (raw.formation_m.is_some(), "formation_m"),
        ] {
            if is_given && !is_aircraft {
                let rule = format!("must be absent for class {}", raw.class.name());
                return self.refuse(key(what), rule, "given");
            }
        }
        if let Some([low, high]) = raw.altitude_m
            && !(-300.0 <= low && low <= high && high <= 15_000.0)
        {
            return self.refuse(
                key("altitude_m"),
                "must be [low, high] with -300 <= low <= high <= 15000",
                format_args!("[{low}, {high}]"),
            );
        }
        let pattern = match (raw.pattern, raw.radius_m) {
            (Some(raw::Pattern::Orbit), radius_m) => {
                let radius_m = radius_m.unwrap_or(5_000.0);
                let radius_m = self.within(key("radius_m"), radius_m, 500.0, 200_000.0)?;
                Pattern::Orbit { radius_m }
            }
            (_, Some(_)) => {
                return self.refuse(key("radius_m"), "must be absent but for an orbit", "given");
            }
            (Some(raw::Pattern::Hold), None) => Pattern::Hold,
            (Some(raw::Pattern::Legs) | None, None) => Pattern::Legs,
        };
        if let Some(spacing_m) = raw.formation_m {
            self.within(key("formation_m"), spacing_m, 20.0, 2_000.0)?;
            if !(2..=12).contains(&count) {
                return self.refuse(key("count"), "must be 2 to 12 in a formation", count);
            }
        }
        Ok((raw.altitude_m, pattern, raw.formation_m))
    }

    /// Whether the group's region has room for what it does.
    fn room(&self, place: usize, group: &Group) -> Result<(), ScenarioError> {
        // The last of a formation is the farthest out.
        let task = group.task(group.count - 1);
        let Some(room_m) = task.room_m() else {
            return Ok(());
        };
        let class = group.class.name();
        let high = group.speed_kt[1];
        if let (Pattern::Orbit { radius_m }, Some(limits)) = (task.pattern, task.limits()) {
            let rate_deg_s = limits.turn_rate_deg_s(high * MPS_PER_KNOT, 2.0);
            let least_m = high * MPS_PER_KNOT / rate_deg_s.to_radians() * 1.2;
            if radius_m < least_m {
                return self.refuse(
                    format_args!("tracks[{place}].radius_m"),
                    format_args!("must be at least {least_m:.0} for class {class} at {high} kt"),
                    radius_m,
                );
            }
        }
        // The same construction that the run uses, so that what passes here can run.
        if Motion::under_way(&task, Random::new(0, 0)).is_none() {
            let (height_m, width_m) = group.region.extent_m();
            return self.refuse(
                format_args!("tracks[{place}].region"),
                format_args!(
                    "must be wider than {:.0} m each way for class {class} at {high} kt",
                    2.0 * room_m,
                ),
                format_args!("{height_m:.0} m by {width_m:.0} m"),
            );
        }
        if let Some(at) = group.at {
            let inner = group.region.shrunk_by(room_m);
            if !inner.is_some_and(|inner| inner.contains(at)) {
                return self.refuse(
                    format_args!("tracks[{place}].at"),
                    format_args!("must lie {room_m:.0} m inside its region, to turn in"),
                    format_args!("[{}, {}]", at.lat_deg, at.lon_deg),
                );
            }
        }
        Ok(())
    }

    fn aircraft(
        &self,
        place: usize,
        class: Class,
        count: u32,
        raw: Option<&raw::Aircraft>,
    ) -> Result<AircraftGroup, ScenarioError> {
        let key = |what: &str| format!("tracks[{place}].aircraft{what}");
        if !class.is_aircraft() {
            let rule = "must be a class that flies, for its sensors";
            return self.refuse(format_args!("tracks[{place}].class"), rule, class.name());
        }
        let Some(raw) = raw else {
            return self.refuse(key(""), "must be given for a sensor of aircraft", "absent");
        };
        // All zeros and all ones are no addresses (Annex 10, Volume III, Part I, Chapter 9).
        let last = raw.icao.saturating_add(count - 1);
        if raw.icao == 0 || last >= 0xFF_FFFF {
            return self.refuse(
                key(".icao"),
                "must leave all within 0x000001 to 0xFFFFFE",
                format_args!("{:#08x} to {last:#08x}", raw.icao),
            );
        }
        let digits = if count == 1 {
            0
        } else {
            count.to_string().len()
        };
        let is_written = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if raw.callsign.is_empty()
            || raw.callsign.len() + digits > 8
            || !raw.callsign.bytes().all(is_written)
        {
            return self.refuse(
                key(".callsign"),
                "must be capitals and digits, at most 8 with the number of the last track",
                format_args!("{:?}", raw.callsign),
            );
        }
        let squawk = raw.squawk.as_deref().unwrap_or("1000");
        let octal = u16::from_str_radix(squawk, 8).ok();
        let Some(squawk) = octal.filter(|code| squawk.len() == 4 && *code < 0o10000) else {
            let rule = "must be four octal digits";
            return self.refuse(key(".squawk"), rule, format_args!("{squawk:?}"));
        };
        Ok(AircraftGroup {
            icao: raw.icao,
            callsign: raw.callsign.clone(),
            squawk,
        })
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
            Class::Airliner
            | Class::LightAircraft
            | Class::Helicopter
            | Class::Fighter
            | Class::Drone => {
                let rule = format!("must not be AIS for class {}", class.name());
                return self.refuse(format_args!("tracks[{place}].sensors"), rule, "AIS");
            }
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
}
