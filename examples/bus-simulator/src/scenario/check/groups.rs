//! Rules of groups of tracks.

use std::collections::BTreeMap;

use super::Checker;
use crate::motion::{Motion, Region, turning_room_m};
use crate::platform::Class;
use crate::random::Random;
use crate::report::Position;
use crate::scenario::{AisGroup, Group, ScenarioError, Sensor, TRACKS_MAX, raw};

/// Shortest interval of AIS reports, seconds (M.1371-5, Annex 1, Table 1). It also keeps two
/// reports of one track out of the same second.
pub(super) const AIS_INTERVAL_MIN_S: f64 = 2.0;
/// Longest interval of reports, seconds.
const INTERVAL_MAX_S: f64 = 3_600.0;
/// Interval of static reports when none is given, seconds: 6 min (M.1371-5, Annex 1).
const STATIC_INTERVAL_S: f64 = 360.0;

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
                    2.0 * turning_room_m(&limits, high),
                    raw.class.name()
                ),
                format_args!("{height_m:.0} m by {width_m:.0} m"),
            );
        }
        if let Some([lat_deg, lon_deg]) = raw.at {
            let room_m = turning_room_m(&limits, high);
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
}
