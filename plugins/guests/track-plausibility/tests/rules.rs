//! Each rule speaks with the numbers that broke it, and is silent at its limit.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{KNOT_MPS, at, given, host, judge, rules, ship};
use outrigger_sdk::testing::{Anomaly, Given};
use outrigger_sdk::{Severity, Text, TimeSource, Track};

fn only(anomalies: &[Vec<Anomaly>], place: usize) -> &Anomaly {
    for (index, anomalies) in anomalies.iter().enumerate() {
        assert_eq!(
            anomalies.len(),
            usize::from(index == place),
            "{anomalies:?}"
        );
    }
    &anomalies[place][0]
}

#[track_caller]
fn near(anomaly: &Anomaly, name: &str, expected: f64, tolerance: f64) {
    let found = anomaly.evidence[name];
    assert!(
        (found - expected).abs() <= tolerance,
        "{name}: {found}, expected {expected}"
    );
}

fn names(anomaly: &Anomaly) -> Vec<&str> {
    anomaly.evidence.keys().map(String::as_str).collect()
}

#[test]
fn speed_beyond_the_platforms_limit_is_an_anomaly_and_at_it_is_none() {
    let with = |class: &str, speed_kt: f64| Track {
        platform_class: Text::new(class),
        speed_mps: Some(speed_kt * KNOT_MPS),
        ..ship(0.0, 0.0)
    };
    let found = judge(&[with("class-a", 60.1)]);
    let anomaly = only(&found, 0);
    assert_eq!((anomaly.rule, anomaly.severity), ("speed", Severity::Major));
    assert_eq!(names(anomaly), ["limit_mps", "ratio", "speed_mps"]);
    near(anomaly, "speed_mps", 60.1 * KNOT_MPS, 1e-9);
    near(anomaly, "limit_mps", 60.0 * KNOT_MPS, 1e-9);
    assert!(only(&judge(&[with("class-a", 120.0)]), 0).score >= anomaly.score);

    for (class, speed_kt) in [("class-a", 60.0), ("class-b", 100.0), ("of-its-own", 100.0)] {
        assert_eq!(
            rules(&judge(&[with(class, speed_kt)])),
            [[""; 0]],
            "{class}"
        );
        assert_eq!(
            rules(&judge(&[with(class, speed_kt * 1.01)])),
            [["speed"]],
            "{class}"
        );
    }
    let mut aircraft = given(&with("sar-aircraft", 899.0));
    aircraft.class = "track.air";
    assert_eq!(rules(&host().validate(0, &[aircraft])), [[""; 0]]);
}

/// The gate's width of two positions of 10 m, with a new track's double room: √(2 · 27.6 · 2) · 10 m.
const FLOOR_M: f64 = 105.071_404_292_5;

/// Ten seconds at 10 m/s that may become 1 m/s faster each second, 1.2 s of slack, and the floor.
const ALLOWED_M: f64 = FLOOR_M + 11.2 * (10.0 + 10.0);

#[test]
fn a_step_beyond_reach_is_a_teleport_and_one_within_is_none() {
    let found = judge(&[ship(0.0, 0.0), ship(10.0, ALLOWED_M + 0.2)]);
    let anomaly = only(&found, 1);
    assert_eq!(
        (anomaly.rule, anomaly.severity),
        ("teleport", Severity::Major)
    );
    assert_eq!(
        names(anomaly),
        [
            "allowed_m",
            "distance_m",
            "implied_speed_mps",
            "interval_s",
            "limit_mps",
            "ratio"
        ]
    );
    near(anomaly, "allowed_m", ALLOWED_M, 1e-6);
    near(anomaly, "distance_m", ALLOWED_M + 0.2, 0.1);
    near(anomaly, "interval_s", 10.0, 0.0);
    near(anomaly, "implied_speed_mps", ALLOWED_M / 10.0, 0.1);
    near(anomaly, "limit_mps", 10.0 + 10.0, 1e-9);
    near(anomaly, "ratio", 1.0, 1e-2);
    // Within reach it can still be off where the ship was going.
    let reachable = [ship(0.0, 0.0), ship(10.0, ALLOWED_M - 0.2)];
    assert_eq!(rules(&judge(&reachable)), [vec![], vec!["innovation"]]);
}

#[test]
fn two_positions_at_one_time_have_a_distance_and_no_speed() {
    let found = judge(&[ship(0.0, 0.0), ship(0.0, 5_000.0)]);
    let anomaly = only(&found, 1);
    assert_eq!(anomaly.rule, "teleport");
    assert_eq!(
        names(anomaly),
        [
            "allowed_m",
            "distance_m",
            "interval_s",
            "limit_mps",
            "ratio"
        ]
    );
}

#[test]
fn without_a_speed_reach_is_that_of_the_platform() {
    let silent = |seconds, north_m| Track {
        speed_mps: None,
        ..ship(seconds, north_m)
    };
    let allowed_m = FLOOR_M + 11.2 * 120.0 * KNOT_MPS;
    let found = judge(&[silent(0.0, 0.0), silent(10.0, allowed_m + 1.0)]);
    near(only(&found, 1), "allowed_m", allowed_m, 1e-6);
    let none = [silent(0.0, 0.0), silent(10.0, allowed_m - 1.0)];
    assert_eq!(rules(&judge(&none)), [[""; 0]; 2]);
}

#[test]
fn a_forged_speed_does_not_widen_reach_and_is_the_one_cause() {
    let forged = Track {
        speed_mps: Some(1e6),
        ..ship(10.0, 20_000.0)
    };
    let found = judge(&[ship(0.0, 0.0), forged]);
    // The value that cannot be speaks, and counts what else was broken.
    let anomaly = only(&found, 1);
    assert_eq!(anomaly.rule, "speed");
    near(anomaly, "suppressed", 1.0, 0.0);
}

#[test]
fn distance_is_short_across_the_antimeridian_and_at_the_pole() {
    let place = |seconds, lat, lon| Track {
        lat_deg: Some(lat),
        lon_deg: Some(lon),
        course_deg: None,
        ..ship(seconds, 0.0)
    };
    let across = [place(0.0, 0.0, 179.9995), place(10.0, 0.0, -179.9995)];
    assert_eq!(rules(&judge(&across)), [[""; 0]; 2]);
    let pole = [place(0.0, 89.9995, 0.0), place(10.0, 89.9995, 180.0)];
    assert_eq!(rules(&judge(&pole)), [[""; 0]; 2]);
}

#[test]
fn an_earlier_report_is_a_reversal_beyond_the_tolerance() {
    let found = judge(&[ship(10.0, 0.0), ship(5.0, -50.0)]);
    let anomaly = only(&found, 1);
    assert_eq!(
        (anomaly.rule, anomaly.severity),
        ("time-reversal", Severity::Minor)
    );
    assert_eq!(names(anomaly), ["interval_s", "ratio", "tolerance_s"]);
    near(anomaly, "interval_s", -5.0, 0.0);
    near(anomaly, "tolerance_s", 2.1, 0.0);
    near(anomaly, "ratio", 5.0 / 2.1, 1e-9);
    assert_eq!(
        rules(&judge(&[ship(10.0, 0.0), ship(8.0, -20.0)])),
        [[""; 0]; 2]
    );
    // Off the track it is worse than late.
    let found = judge(&[ship(10.0, 0.0), ship(5.0, 9_000.0)]);
    let anomaly = only(&found, 1);
    assert_eq!(
        (anomaly.rule, anomaly.severity),
        ("time-reversal", Severity::Major)
    );
    assert_eq!(
        names(anomaly),
        [
            "allowed_m",
            "distance_m",
            "interval_s",
            "ratio",
            "tolerance_s"
        ]
    );
}

#[test]
fn what_the_second_of_a_minute_cannot_tell_is_no_reversal() {
    // A clock that is half a minute off lands now in this minute, now in the next.
    assert_eq!(
        rules(&judge(&[ship(60.0, 0.0), ship(11.0, 10.0)])),
        [[""; 0]; 2]
    );
    // Of a time that is complete, the same is one.
    let whole = |seconds| Track {
        time_source: TimeSource::TimeOfTrack,
        ..ship(seconds, 0.0)
    };
    assert_eq!(
        rules(&judge(&[whole(60.0), whole(11.0)]))[1],
        ["time-reversal"]
    );
    // The platform's clock against the receiver's.
    let received = |seconds| Track {
        time_source: TimeSource::Receiver,
        ..ship(seconds, 0.0)
    };
    assert_eq!(
        rules(&judge(&[ship(60.0, 0.0), received(31.0)])),
        [[""; 0]; 2]
    );
    assert_eq!(
        rules(&judge(&[ship(60.0, 0.0), received(29.0)]))[1],
        ["time-reversal"]
    );
    assert_eq!(
        rules(&judge(&[received(60.0), received(55.0)]))[1],
        ["time-reversal"]
    );
}

#[test]
fn an_equal_report_is_a_duplicate_even_when_others_came_between() {
    let (one, two) = (ship(0.0, 0.0), ship(10.0, 100.0));
    let found = judge(&[one, two, one, two]);
    assert_eq!(
        rules(&found),
        [vec![], vec![], vec!["duplicate"], vec!["duplicate"]]
    );
    let anomaly = &found[2][0];
    assert_eq!((anomaly.severity, anomaly.score), (Severity::Minor, 1_000));
    assert_eq!(names(anomaly), ["interval_s", "window_s"]);
    // A ship that lies still says the same at another time.
    let still = |seconds| Track {
        speed_mps: Some(0.0),
        ..ship(seconds, 0.0)
    };
    assert_eq!(rules(&judge(&[still(0.0), still(10.0)])), [[""; 0]; 2]);
    // Other content at the same time is no repeat.
    let turned = Track {
        heading_deg: Some(1.0),
        ..one
    };
    assert_eq!(rules(&judge(&[one, turned])), [[""; 0]; 2]);
}

#[test]
fn received_times_of_one_transmission_may_differ_by_the_window() {
    let heard = |seconds| Track {
        time_source: TimeSource::Receiver,
        ..ship(seconds, 0.0)
    };
    let found = judge(&[heard(0.0), heard(1.5)]);
    let anomaly = only(&found, 1);
    assert_eq!((anomaly.rule, anomaly.score), ("duplicate", 900));
    near(anomaly, "interval_s", 1.5, 0.0);
    near(anomaly, "window_s", 1.5, 0.0);
    assert_eq!(rules(&judge(&[heard(0.0), heard(1.6)])), [[""; 0]; 2]);
}

#[test]
fn a_repeat_of_a_bad_report_is_only_a_repeat() {
    let bad = Track {
        speed_mps: Some(52.6),
        ..ship(0.0, 0.0)
    };
    assert_eq!(rules(&judge(&[bad, bad])), [["speed"], ["duplicate"]]);
}

#[test]
fn an_absent_position_is_named_where_one_is_expected() {
    let nowhere = |lat, lon| Track {
        lat_deg: lat,
        lon_deg: lon,
        ..ship(0.0, 0.0)
    };
    for (lat, lon, available) in [
        (None, None, (0.0, 0.0)),
        (Some(91.0), Some(181.0), (0.0, 0.0)),
        (Some(1.0), None, (1.0, 0.0)),
        (Some(f64::NAN), Some(1.0), (0.0, 1.0)),
    ] {
        let found = judge(&[nowhere(lat, lon)]);
        let anomaly = only(&found, 0);
        assert_eq!(
            (anomaly.rule, anomaly.severity),
            ("not-available", Severity::Minor)
        );
        assert_eq!(anomaly.score, 1_000);
        near(anomaly, "lat_available", available.0, 0.0);
        near(anomaly, "lon_available", available.1, 0.0);
    }
    let airborne = |platform: &str, lat| {
        let track = Track {
            platform_class: Text::new(platform),
            ..nowhere(lat, None)
        };
        let mut given = given(&track);
        given.class = "track.air";
        rules(&host().validate(0, &[given]))
    };
    // An aircraft's identity or velocity alone is normal; a search and rescue aircraft on AIS has
    // one report, with its position.
    assert_eq!(airborne("adsb", None), [[""; 0]]);
    assert_eq!(airborne("sar-aircraft", None), [["not-available"]]);
    assert_eq!(airborne("adsb", Some(1.0)), [["not-available"]]);
}

#[test]
fn values_outside_their_range_are_named_and_those_at_its_ends_are_not() {
    type Set = fn(&mut Track, f64);
    let cases: [(&str, &str, Set, f64, f64); 8] = [
        ("lat_deg", "deg", |t, v| t.lat_deg = Some(v), -90.0, 90.0),
        ("lon_deg", "deg", |t, v| t.lon_deg = Some(v), -180.0, 180.0),
        (
            "course_deg",
            "deg",
            |t, v| t.course_deg = Some(v),
            0.0,
            360.0,
        ),
        (
            "heading_deg",
            "deg",
            |t, v| t.heading_deg = Some(v),
            0.0,
            360.0,
        ),
        ("alt_m", "m", |t, v| t.alt_m = Some(v), -2_000.0, 100_000.0),
        (
            "climb_mps",
            "mps",
            |t, v| t.climb_mps = Some(v),
            -1_000.0,
            1_000.0,
        ),
        (
            "turn_rate_dps",
            "dps",
            |t, v| t.turn_rate_dps = Some(v),
            -90.0,
            90.0,
        ),
        (
            "speed_mps",
            "mps",
            |t, v| t.speed_mps = Some(v),
            0.0,
            60.0 * KNOT_MPS,
        ),
    ];
    for (name, unit, set, min, max) in cases {
        let with = |value| {
            let mut track = ship(0.0, 0.0);
            set(&mut track, value);
            judge(&[track])
        };
        for good in [min, max] {
            // A format can say more than a ship can climb.
            let said: &[&str] = if name == "climb_mps" {
                &["climb-rate"]
            } else {
                &[]
            };
            assert_eq!(rules(&with(good)), [said], "{name} {good}");
        }
        let mut bad = vec![min - 0.5];
        // Beyond the greatest speed another rule speaks.
        if name != "speed_mps" {
            bad.push(max + 0.5);
        }
        for bad in bad {
            let found = with(bad);
            let anomaly = only(&found, 0);
            assert_eq!(
                (anomaly.rule, anomaly.severity),
                ("out-of-range", Severity::Major)
            );
            assert_eq!(anomaly.score, 1_000);
            near(anomaly, name, bad, 0.0);
            near(anomaly, &format!("min_{unit}"), min, 0.0);
            near(anomaly, &format!("max_{unit}"), max, 0.0);
        }
    }
}

#[test]
fn one_bad_report_far_away_and_back_is_one_anomaly() {
    let tracks = [
        ship(0.0, 0.0),
        ship(10.0, 100.0),
        ship(20.0, 40_000.0),
        ship(30.0, 300.0),
        ship(40.0, 400.0),
    ];
    assert_eq!(only(&judge(&tracks), 2).rule, "teleport");
    let out_of_range = Track {
        lat_deg: Some(95.0),
        ..ship(20.0, 0.0)
    };
    let tracks = [ship(0.0, 0.0), out_of_range, ship(30.0, 300.0)];
    assert_eq!(only(&judge(&tracks), 1).rule, "out-of-range");
}

#[test]
fn a_track_that_moved_is_taken_up_with_the_third_report_that_agrees() {
    let moved: Vec<Track> = (0..8)
        .map(|place| {
            let away_m = if place < 3 { 0.0 } else { 40_000.0 };
            ship(f64::from(place) * 10.0, f64::from(place) * 100.0 + away_m)
        })
        .collect();
    let found = rules(&judge(&moved));
    let expected = [3, 4].map(|place| (place, vec!["teleport"]));
    for (place, rules) in found.iter().enumerate() {
        let expected = expected.iter().find(|(known, _)| *known == place);
        assert_eq!(
            rules,
            expected.map_or(&vec![], |(_, rules)| rules),
            "{place}"
        );
    }
}

#[test]
fn a_clock_that_was_set_back_is_taken_up_too() {
    let tracks = [
        ship(1_000.0, 0.0),
        ship(1_010.0, 100.0),
        ship(500.0, 200.0),
        ship(510.0, 300.0),
        ship(520.0, 400.0),
        ship(530.0, 500.0),
    ];
    let found = rules(&judge(&tracks));
    assert_eq!(found[2..4], [["time-reversal"], ["time-reversal"]]);
    assert_eq!(found[4..], [[""; 0], [""; 0]]);
}

#[test]
fn bad_reports_that_do_not_agree_never_take_the_track() {
    let tracks: Vec<Track> = (0..20)
        .map(|place| match place % 2 {
            0 => ship(f64::from(place) * 10.0, f64::from(place) * 100.0),
            _ => ship(f64::from(place) * 10.0, 50_000.0 * f64::from(place)),
        })
        .collect();
    for (place, rules) in rules(&judge(&tracks)).iter().enumerate() {
        let expected: &[&str] = if place % 2 == 0 { &[] } else { &["teleport"] };
        assert_eq!(rules, expected, "{place}");
    }
}

#[test]
fn tracks_are_judged_apart() {
    let other = Track {
        track_id: Text::new("mmsi:219000002").unwrap(),
        ..ship(5.0, 90_000.0)
    };
    let found = judge(&[ship(0.0, 0.0), other, ship(10.0, 100.0)]);
    assert_eq!(rules(&found), [[""; 0]; 3]);
}

#[test]
fn a_far_time_and_the_first_nanosecond_are_only_times() {
    let mut first = ship(0.0, 0.0);
    first.time_ns = 0;
    let mut last = ship(0.0, 0.0);
    last.time_ns = u64::MAX;
    let found = judge(&[first, last, ship(10.0, 0.0)]);
    assert_eq!(rules(&found), [vec![], vec![], vec!["time-reversal"]]);
    let given: Vec<Given> = [first, last].iter().map(given).collect();
    assert_eq!(given[1].event_ns, u64::MAX);
    assert_eq!(at(0.0), common::START_NS);
}
