//! From the file as written to a checked scenario. Each rule is a sentence that ends "…, not X".

mod faults;
mod groups;
mod sensors;

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{
    DURATION_MAX_S, FAULTS_MAX, FaultOrder, FormatName, Group, Scenario, ScenarioError, Sensor,
    TRACKS_MAX, raw,
};
use crate::faults::{SPACING_MIN_S, plan};
use crate::format::ais::{NAME_CHARS_MAX, is_six_bit};
use crate::format::asterix::RADAR_TRACK_NUMBER_MAX;
use crate::motion::Region;
use crate::report::Position;

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
        tracks += u64::from(group.count);
        groups.push(group);
    }
    if !(1..=u64::from(TRACKS_MAX)).contains(&tracks) {
        let rule = format!("must hold 1 to {TRACKS_MAX} tracks");
        return checker.refuse("tracks", rule, tracks);
    }
    check_names(&checker, &groups)?;
    check_identities(&checker, &groups)?;
    check_track_numbers(&checker, &groups, &sensors)?;
    let faults: Vec<FaultOrder> = raw
        .faults
        .iter()
        .enumerate()
        .map(|(place, fault)| checker.fault(place, fault, &groups, &sensors, raw.duration_s))
        .collect::<Result<_, _>>()?;
    let asked: u64 = faults.iter().map(|order| order.target.count()).sum();
    if asked > FAULTS_MAX as u64 {
        let rule = format!("must ask for at most {FAULTS_MAX} injections");
        return checker.refuse("faults", rule, asked);
    }
    if let Err(place) = plan(raw.seed, &faults) {
        let rule = format!(
            "must leave {SPACING_MIN_S} s between two faults of a track, and draw from a group \
             with enough tracks that have none"
        );
        let value = format!("{} more", faults[place].target.count());
        return checker.refuse(format_args!("faults[{place}]"), rule, value);
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

/// No two groups, and no two tracks, share a name.
fn check_names(checker: &Checker<'_>, groups: &[Group]) -> Result<(), ScenarioError> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (place, group) in groups.iter().enumerate() {
        if counts.insert(&group.name, group.count).is_some() {
            let value = format!("{:?} again", group.name);
            return checker.refuse(
                format_args!("tracks[{place}].name"),
                "must be unique",
                value,
            );
        }
    }
    for (place, group) in groups.iter().enumerate() {
        // "X 3" alone is also the third track of a group "X".
        let numbered = group.name.rsplit_once(' ').and_then(|(stem, number)| {
            let number: u32 = number.parse().ok()?;
            let count = *counts.get(stem)?;
            (count > 1 && (1..=count).contains(&number)).then_some(stem)
        });
        if let (1, Some(stem)) = (group.count, numbered) {
            let rule = format!("must not be that of a track of group {stem:?}");
            let value = format!("{:?}", group.name);
            return checker.refuse(format_args!("tracks[{place}].name"), rule, value);
        }
    }
    Ok(())
}

/// No two tracks share a maritime identity, or an aircraft's address.
fn check_identities(checker: &Checker<'_>, groups: &[Group]) -> Result<(), ScenarioError> {
    let address = |group: &Group| group.aircraft.as_ref().map(|aircraft| aircraft.icao);
    let written = |icao| format!("{icao:#08x}");
    check_ranges(checker, groups, "aircraft.icao", address, written)?;
    let identity = |group: &Group| group.ais.as_ref().map(|ais| ais.mmsi);
    check_ranges(checker, groups, "ais.mmsi", identity, |mmsi| {
        format!("{mmsi:09}")
    })
}

/// No two groups' identities overlap, from their firsts on.
fn check_ranges(
    checker: &Checker<'_>,
    groups: &[Group],
    key: &str,
    first: impl Fn(&Group) -> Option<u32>,
    written: impl Fn(u32) -> String,
) -> Result<(), ScenarioError> {
    let mut ranges: Vec<(u32, u32, usize)> = groups
        .iter()
        .enumerate()
        .filter_map(|(place, group)| {
            let first = first(group)?;
            Some((first, first + (group.count - 1), place))
        })
        .collect();
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let ((first, last, before), (next, _, place)) = (pair[0], pair[1]);
        if next <= last {
            return checker.refuse(
                format_args!("tracks[{place}].{key}"),
                format_args!(
                    "must not be among those of tracks[{before}], {} to {}",
                    written(first),
                    written(last)
                ),
                written(next),
            );
        }
    }
    Ok(())
}

/// Every radar has enough track numbers for the aircraft of the scenario.
fn check_track_numbers(
    checker: &Checker<'_>,
    groups: &[Group],
    sensors: &[Sensor],
) -> Result<(), ScenarioError> {
    let aircraft: u32 = groups
        .iter()
        .filter(|group| group.aircraft.is_some())
        .map(|group| group.count)
        .sum();
    for sensor in sensors {
        let highest = match sensor.format {
            FormatName::Ais | FormatName::AdsB => continue,
            FormatName::Cat062 => u16::MAX,
            FormatName::Cat048 => RADAR_TRACK_NUMBER_MAX,
        };
        if aircraft > u32::from(highest) {
            return checker.refuse(
                format_args!("sensors.{}.format", sensor.name),
                format_args!("must have a track number, 1 to {highest}, for every aircraft"),
                format_args!("{aircraft} of them"),
            );
        }
    }
    Ok(())
}
