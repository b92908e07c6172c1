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
    for (emission, _) in &played {
        if let Some(fault) = emission.fault {
            *counts.entry(fault.rule).or_default() += 1;
            assert!(emission.at_ns < 15 * NS_PER_S, "{fault:?} comes late");
        }
    }
    let expected = [
        ("duplicate", 2),
        ("not-available", 1),
        ("out-of-range", 2),
        ("speed", 2),
        ("teleport", 3),
        ("time-reversal", 2),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    assert_eq!(traffic.faults_planned(), 12);
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
            "teleport" => assert!(off_m() > 20_000.0),
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
