#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use super::*;
use crate::format::ais::tests::decoder::{Decoded, decode};
use crate::geodesy::{distance_and_bearing, turn_between};
use crate::platform::MPS_PER_KNOT;
use crate::report::Position;

const HARBOUR: &str = include_str!("../../../harbour/scenario.toml");
const BASE_NS: u64 = 1_780_293_600 * NS_PER_S;

fn harbour() -> Scenario {
    Scenario::parse("harbour", HARBOUR).unwrap()
}

fn play(scenario: Scenario, duration_s: u64) -> (Traffic, Vec<(Emission, Vec<Datagram>)>) {
    let mut traffic = Traffic::new(scenario, BASE_NS, Some(duration_s));
    let mut played = Vec::new();
    let mut datagrams = Vec::new();
    while let Some(emissions) = traffic.next(&mut datagrams) {
        // Each report with the datagrams that carry it, which ASTERIX reports share.
        for emission in emissions {
            let carried = emission
                .placed
                .map_or(Vec::new(), |[first, last]| datagrams[first..=last].to_vec());
            played.push((emission, carried));
        }
        datagrams.clear();
    }
    (traffic, played)
}

fn bytes(scenario: Scenario) -> Vec<u8> {
    let (_, played) = play(scenario, 60);
    let datagrams = played.iter().flat_map(|(_, datagrams)| datagrams);
    datagrams
        .flat_map(|datagram| datagram.bytes.clone())
        .collect()
}

fn messages(datagrams: &[Datagram]) -> Vec<Decoded> {
    decode(datagrams.iter().map(|datagram| datagram.bytes.as_slice()))
}

#[test]
fn equal_seeds_give_equal_bytes_and_other_seeds_others() {
    assert_eq!(bytes(harbour()), bytes(harbour()));
    let mut other = harbour();
    other.seed += 1;
    assert_ne!(bytes(harbour()), bytes(other));
}

#[test]
fn a_track_more_leaves_the_others_as_they_were() {
    let mut more = harbour();
    let mut last = more.groups.last().unwrap().clone();
    last.name = "ONE MORE".to_owned();
    last.ais.as_mut().unwrap().mmsi += 1;
    more.groups.push(last);
    let of_67 = |scenario| {
        let (_, played) = play(scenario, 60);
        let reports = played
            .into_iter()
            .filter(|(emission, _)| emission.track < 67);
        reports
            .map(|(emission, _)| (emission.at_ns, emission.track, emission.reported))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_67(harbour()), of_67(more));
}

#[test]
fn truth_agrees_with_what_the_datagrams_say() {
    let (traffic, played) = play(harbour(), 60);
    let mut compared = 0;
    for (emission, datagrams) in &played {
        let identity = traffic.identity(emission.track).ais.as_ref().unwrap();
        let announced: Vec<&str> = datagrams
            .iter()
            .flat_map(|datagram| datagram.messages.iter().copied())
            .collect();
        let decoded = messages(datagrams);
        assert_eq!(decoded.is_empty(), emission.placed.is_none());
        if decoded.is_empty() {
            assert_eq!(emission.fault.map(|fault| fault.kind), Some("dropped"));
            continue;
        }
        let names: Vec<String> = decoded.iter().map(Decoded::name).collect();
        assert_eq!(names, announced);
        assert!(
            decoded
                .iter()
                .all(|message| message.mmsi() == identity.mmsi)
        );
        let Some(reported) = emission.reported else {
            continue;
        };
        let message = &decoded[0];
        let second = (BASE_NS + emission.applies_ns) / NS_PER_S % 60;
        assert_eq!(u64::from(message.second()), second);
        match (message.position(), reported.lat_deg, reported.lon_deg) {
            (None, None, None) => {}
            (Some((lat_deg, lon_deg)), Some(lat), Some(lon)) => {
                // Half a step of 1/10,000 min.
                let half = 0.500_01 / 600_000.0;
                assert!((lat_deg - lat).abs() < half && (lon_deg - lon).abs() < half);
            }
            other => panic!("{other:?}"),
        }
        if matches!(message.kind(), 4 | 21) {
            continue;
        }
        let step_kt = if message.kind() == 9 { 1.0 } else { 0.1 };
        let speed_kt = reported.speed_mps.unwrap() / MPS_PER_KNOT;
        assert!((message.speed_kt().unwrap() - speed_kt).abs() <= step_kt / 2.0 + 1e-9);
        let (said, meant) = (message.course_deg().unwrap(), reported.course_deg.unwrap());
        let apart = if meant < 360.0 {
            turn_between(said, meant)
        } else {
            said - meant
        };
        assert!(apart.abs() <= 0.05 + 1e-9, "{said} for {meant}");
        compared += 1;
    }
    assert!(compared > 1_000, "{compared} compared");
}

#[test]
fn every_ordered_fault_shows_once_under_its_rule() {
    let (traffic, played) = play(harbour(), 20);
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut shown = std::collections::BTreeSet::new();
    for (emission, _) in &played {
        if let Some(fault) = emission.fault
            && shown.insert(fault.id)
        {
            *counts.entry(fault.rule).or_default() += 1;
            assert!(emission.at_ns < 15 * NS_PER_S, "{fault:?} comes late");
        }
    }
    let expected = [
        ("duplicate", 2),
        ("not-available", 1),
        ("out-of-range", 2),
        ("silent", 1),
        ("speed", 2),
        ("teleport", 4),
        ("time-reversal", 2),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    assert_eq!(traffic.faults_planned(), 14);
}

#[test]
fn faults_look_as_their_rule_describes() {
    let (traffic, played) = play(harbour(), 20);
    for (place, (emission, datagrams)) in played.iter().enumerate() {
        let Some(fault) = emission.fault else {
            continue;
        };
        let earlier: Vec<&(Emission, Vec<Datagram>)> = played[..place]
            .iter()
            .filter(|(other, _)| other.track == emission.track && other.reported.is_some())
            .collect();
        let (last, last_datagrams) = *earlier.last().unwrap();
        let reported = emission.reported.unwrap();
        let off_m = || {
            let actual = place_of(&emission.actual.unwrap());
            distance_and_bearing(actual, place_of(&reported)).0
        };
        match fault.rule {
            "speed" => {
                let limits = traffic.identity(emission.track).class.limits().unwrap();
                let limit_mps = limits.speed_max_kt * MPS_PER_KNOT;
                assert!(reported.speed_mps.unwrap() > 1.5 * limit_mps);
                let elapsed_s = (emission.applies_ns - last.applies_ns) as f64 / 1e9;
                let moved_m =
                    distance_and_bearing(place_of(&last.reported.unwrap()), place_of(&reported)).0;
                assert!(
                    moved_m / elapsed_s > limit_mps,
                    "{moved_m} m in {elapsed_s} s"
                );
            }
            // Six standard deviations on each axis are the most that is drawn.
            "teleport" if fault.kind == "position-noise" => {
                assert!((1.0..26_000.0).contains(&off_m()));
            }
            "teleport" => assert!(off_m() > 20_000.0),
            "silent" => assert!(datagrams.is_empty()),
            "time-reversal" => {
                let (original, original_datagrams) = *earlier
                    .iter()
                    .find(|(other, _)| other.applies_ns == emission.applies_ns)
                    .unwrap();
                assert_eq!(original_datagrams, datagrams);
                assert!(emission.at_ns - original.at_ns >= 6 * NS_PER_S);
                assert!(
                    last.applies_ns > emission.applies_ns,
                    "nothing newer came between"
                );
            }
            "duplicate" => {
                assert_eq!(last_datagrams, datagrams);
                assert!(emission.at_ns - last.at_ns < 2 * NS_PER_S);
            }
            "not-available" => assert_eq!(reported.lat_deg, None),
            "out-of-range" => {
                assert!(reported.lat_deg.unwrap() > 90.0 || reported.course_deg.unwrap() > 360.0)
            }
            other => panic!("{other}"),
        }
    }
}

fn place_of(values: &Values) -> Position {
    Position {
        lat_deg: values.lat_deg.unwrap(),
        lon_deg: values.lon_deg.unwrap(),
    }
}

#[test]
fn reports_without_a_fault_are_plausible() {
    let mut scenario = harbour();
    scenario.faults.clear();
    let (traffic, played) = play(scenario, 600);
    let mut last: HashMap<usize, (u64, Position)> = HashMap::new();
    for (emission, _) in &played {
        let Some(reported) = emission.reported else {
            continue;
        };
        let identity = traffic.identity(emission.track);
        let limit_mps = identity
            .class
            .limits()
            .map_or(1.0, |limits| limits.speed_max_kt * MPS_PER_KNOT);
        let position = place_of(&reported);
        assert!(
            reported.speed_mps.unwrap() <= limit_mps,
            "{}",
            identity.name
        );
        if let Some((before_ns, before)) =
            last.insert(emission.track, (emission.applies_ns, position))
        {
            // Never two reports of one second, never backwards.
            assert!(emission.applies_ns > before_ns, "{}", identity.name);
            let elapsed_s = (emission.applies_ns - before_ns) as f64 / 1e9;
            let (moved_m, _) = distance_and_bearing(before, position);
            // The error wanders by less than its deviation of 4 m, times 4, in a step.
            assert!(
                moved_m <= elapsed_s * limit_mps + 16.0,
                "{}: {moved_m} m",
                identity.name
            );
        }
    }
    assert_eq!(last.len(), 67);
}

#[test]
fn every_message_type_and_about_thirty_a_second() {
    let (_, played) = play(harbour(), 20);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, datagrams) in &played {
        for message in datagrams.iter().flat_map(|datagram| &datagram.messages) {
            *counts.entry(message).or_default() += 1;
        }
    }
    let types: Vec<&str> = counts.keys().copied().collect();
    assert_eq!(
        types,
        ["1", "18", "2", "21", "24A", "24B", "3", "4", "5", "9"]
    );
    let per_s = counts.values().sum::<usize>() as f64 / 20.0;
    assert!((25.0..=40.0).contains(&per_s), "{per_s} messages/s");
}

#[test]
fn times_never_fall_and_reports_hold_for_the_second_they_leave_in() {
    let (_, played) = play(harbour(), 60);
    assert!(played.is_sorted_by_key(|(emission, _)| emission.at_ns));
    for (emission, _) in &played {
        if emission.fault.is_none() {
            assert_eq!(emission.applies_ns, emission.at_ns / NS_PER_S * NS_PER_S);
        }
    }
}

#[test]
fn without_an_interval_reports_come_as_the_standard_says() {
    let scenario = harbour();
    let mut group = scenario.groups[0].clone();
    group.report_interval_s = None;
    let at = |group: &Group, speed_kt: f64, turn_rate_deg_s: f64| {
        let Motion::Fixed(mut state) = Motion::fixed(Position {
            lat_deg: 55.0,
            lon_deg: 13.0,
        }) else {
            panic!("not fixed")
        };
        state.speed_mps = speed_kt * MPS_PER_KNOT;
        state.turn_rate_deg_s = turn_rate_deg_s;
        interval_s(group, &state)
    };
    assert_eq!(at(&group, 10.0, 0.0), 10.0);
    assert_eq!(at(&group, 10.0, 0.5), 10.0 / 3.0);
    assert_eq!(at(&group, 18.0, 0.0), 6.0);
    assert_eq!(at(&group, 18.0, 0.5), 2.0);
    assert_eq!(at(&group, 25.0, 0.0), 2.0);
    group.ais.as_mut().unwrap().position_message = 18;
    assert_eq!(at(&group, 10.0, 0.0), 30.0);
    assert_eq!(at(&group, 1.0, 0.0), 180.0);
    group.class = Class::SarAircraft;
    assert_eq!(at(&group, 100.0, 0.0), 10.0);
}

const AIR: &str = include_str!("../../../air/scenario.toml");
const EVERY: &str = include_str!("../../tests/reference/scenario.toml");

fn air() -> Scenario {
    Scenario::parse("air", AIR).unwrap()
}

fn every() -> Scenario {
    Scenario::parse("every", EVERY).unwrap()
}

#[test]
fn equal_seeds_give_equal_bytes_in_every_format() {
    for scenario in [air, every] {
        assert_eq!(bytes(scenario()), bytes(scenario()));
        let mut other = scenario();
        other.seed += 1;
        assert_ne!(bytes(scenario()), bytes(other));
    }
}

#[test]
fn the_air_shows_its_fourteen_faults_within_twenty_seconds() {
    let (traffic, played) = play(air(), 20);
    let shown: std::collections::BTreeSet<u32> = played
        .iter()
        .filter_map(|(emission, _)| emission.fault)
        .map(|fault| fault.id)
        .collect();
    assert_eq!(traffic.faults_planned(), 14);
    assert_eq!(shown, (1..=14).collect());
}

#[test]
fn every_fault_of_every_format_shows_and_ends() {
    let (traffic, played) = play(every(), 120);
    let ended = played
        .iter()
        .filter_map(|(emission, _)| emission.fault)
        .filter(|fault| fault.last);
    let ended: Vec<u32> = ended.map(|fault| fault.id).collect();
    let once: std::collections::BTreeSet<u32> = ended.iter().copied().collect();
    assert_eq!(ended.len(), once.len(), "each ends once");
    assert_eq!(once.len(), traffic.faults_planned());
}

#[test]
fn dropped_reports_are_not_sent_and_swapped_ones_come_after_their_successors() {
    let (_, played) = play(every(), 120);
    let of = |kind: &str| {
        let places = played.iter().enumerate().filter(move |(_, (emission, _))| {
            emission.fault.is_some_and(|fault| fault.kind == kind)
        });
        places.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let dropped = of("dropped");
    assert_eq!(dropped.len(), 4 + 12 + 12);
    assert!(
        dropped
            .iter()
            .all(|place| played[*place].0.placed.is_none())
    );
    let swapped = of("swapped");
    assert_eq!(swapped.len(), 3);
    for place in swapped {
        let late = &played[place].0;
        let same = |other: &Emission| other.track == late.track && other.sensor == late.sensor;
        let before = played[..place]
            .iter()
            .rev()
            .find(|(other, _)| same(other))
            .unwrap();
        assert!(before.0.applies_ns > late.applies_ns && before.0.at_ns <= late.at_ns);
    }
}

#[test]
fn a_clash_gives_two_platforms_one_key() {
    let (traffic, played) = play(every(), 60);
    let clashes: Vec<&Emission> = played
        .iter()
        .map(|(emission, _)| emission)
        .filter(|emission| {
            emission
                .fault
                .is_some_and(|fault| fault.kind == "identity-clash")
        })
        .collect();
    assert_eq!(clashes.len(), 3 * 12);
    for clash in clashes {
        assert_ne!(clash.said, clash.track);
        let key = traffic.key(clash.said, clash.sensor);
        let theirs = |other: &&Emission| other.track == clash.said && other.sensor == clash.sensor;
        let other = played
            .iter()
            .map(|(emission, _)| emission)
            .find(theirs)
            .unwrap();
        assert_eq!(traffic.key(other.said, other.sensor), key);
    }
}

#[test]
fn reports_of_aircraft_leave_together_and_hold_for_when_they_were_made() {
    let (traffic, played) = play(air(), 30);
    assert!(played.is_sorted_by_key(|(emission, _)| emission.at_ns));
    let sensors = &traffic.scenario().sensors;
    let mut shared = 0;
    for (emission, datagrams) in &played {
        if emission.fault.is_some() {
            continue;
        }
        let sensor = &sensors[emission.sensor];
        let age_s = (emission.at_ns - emission.applies_ns) as f64 / 1e9;
        if sensor.format == FormatName::AdsB {
            assert_eq!(age_s, 0.0);
        } else {
            let oldest_s = sensor.gather_s + sensor.latency_s + 1e-6;
            assert!((sensor.latency_s..=oldest_s).contains(&age_s), "{age_s} s");
            shared += usize::from(datagrams[0].messages.len() > 1);
        }
    }
    assert!(shared > 100, "{shared} reports share a datagram");
}

#[test]
fn a_radar_meets_each_target_once_in_a_turn_and_sees_no_farther_than_it_can() {
    let mut scenario = air();
    scenario.faults.clear();
    let radar = scenario
        .sensors
        .iter()
        .position(|one| one.name == "radar")
        .unwrap();
    scenario.sensors[radar].range_max_m = 150_000.0;
    let site = scenario.sensors[radar].site.unwrap();
    let (_, played) = play(scenario, 120);
    let mut last_ns: HashMap<usize, u64> = HashMap::new();
    for (emission, _) in played
        .iter()
        .filter(|(emission, _)| emission.sensor == radar)
    {
        let actual = emission.actual.unwrap();
        let seen = site.sees(place_of(&actual), actual.alt_m.unwrap());
        assert!(seen.range_m <= 150_000.0);
        if let Some(before_ns) = last_ns.insert(emission.track, emission.applies_ns) {
            let turn_s = (emission.applies_ns - before_ns) as f64 / 1e9;
            assert!(turn_s > 3.5, "met again after {turn_s} s");
        }
    }
    assert!(last_ns.len() > 10);
}

#[test]
fn sensors_err_by_their_noise_and_bias() {
    let mut scenario = every();
    scenario.faults.clear();
    let beast = scenario
        .sensors
        .iter()
        .position(|one| one.name == "beast")
        .unwrap();
    let sensor = &mut scenario.sensors[beast];
    sensor.position_noise_m = 20.0;
    sensor.correlation_s = 0.0;
    sensor.position_bias_m = [300.0, -400.0];
    sensor.altitude_noise_m = 12.0;
    sensor.altitude_bias_m = 50.0;
    let (_, played) = play(scenario, 120);
    let (mut count, mut off, mut height_m) = (0.0, [0.0; 2], 0.0);
    for (emission, _) in played
        .iter()
        .filter(|(emission, _)| emission.sensor == beast)
    {
        let (Some(actual), Some(reported)) = (emission.actual, emission.reported) else {
            continue;
        };
        let (away_m, bearing_deg) = distance_and_bearing(place_of(&actual), place_of(&reported));
        let (sin, cos) = bearing_deg.to_radians().sin_cos();
        off = [off[0] + away_m * cos, off[1] + away_m * sin];
        height_m += reported.alt_m.unwrap() - actual.alt_m.unwrap();
        count += 1.0;
    }
    assert!(count > 5_000.0, "{count} reports");
    // Means of so many lie well within a tenth of the deviation.
    assert!((off[0] / count - 300.0).abs() < 2.0 && (off[1] / count + 400.0).abs() < 2.0);
    assert!((height_m / count - 50.0).abs() < 1.2);
}
