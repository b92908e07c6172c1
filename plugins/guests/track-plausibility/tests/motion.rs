//! What is judged of motion, each rule on both sides of its limit.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{KNOT_MPS, LAT_M_PER_DEG, at, given, host, judge, rules, ship};
use outrigger_sdk::testing::{Anomaly, Given, ValidatorHost, parameters};
use outrigger_sdk::{Severity, Source, Text, TimeSource, Track};
use serde_json::json;
use track_plausibility::TrackPlausibility;

/// Metres per degree of longitude at the equator of WGS-84.
const LON_M_PER_DEG: f64 = 111_319.490_8;

/// An aircraft on the equator, `east_m` east, at 100 m/s to the east.
fn aircraft(seconds: f64, east_m: f64) -> Track {
    Track {
        lat_deg: Some(0.0),
        lon_deg: Some(east_m / LON_M_PER_DEG),
        ..flying(seconds, 100.0, 90.0)
    }
}

/// Its velocity alone.
fn flying(seconds: f64, speed_mps: f64, course_deg: f64) -> Track {
    Track {
        speed_mps: Some(speed_mps),
        course_deg: Some(course_deg),
        ..silent(seconds)
    }
}

/// Nothing but its identity.
fn silent(seconds: f64) -> Track {
    Track::new(
        Text::new("4840d6").unwrap(),
        at(seconds),
        TimeSource::TimeOfTrack,
    )
}

fn in_air(track: &Track) -> Given {
    Given::new("track.air", &track.track_id, track.time_ns, track)
}

fn judge_air(tracks: &[Track]) -> Vec<Vec<Anomaly>> {
    let given: Vec<Given> = tracks.iter().map(in_air).collect();
    host().validate(0, &given)
}

#[track_caller]
fn passes(tracks: &[Track]) {
    let found = judge_air(tracks);
    assert!(found.iter().all(Vec::is_empty), "{found:?}");
}

/// The last report, and no other, breaks the rule.
#[track_caller]
fn breaks(tracks: &[Track], rule: &str) -> Anomaly {
    let found = judge_air(tracks);
    let (last, before) = found.split_last().unwrap();
    assert!(before.iter().all(Vec::is_empty), "{found:?}");
    let [anomaly] = &last[..] else {
        panic!("{found:?}");
    };
    assert_eq!(anomaly.rule, rule, "{anomaly:?}");
    anomaly.clone()
}

fn of_class(track: Track, class: &str) -> Track {
    Track {
        platform_class: Text::new(class),
        ..track
    }
}

#[test]
fn speed_changes_no_faster_than_the_platform_accelerates() {
    // Five deviations of 5 m/s, and half a g for 1.2 s.
    let limit_mps = 25.0 + 4.9 * 1.2;
    for sign in [-1.0, 1.0] {
        let changed = |by_mps| {
            [
                flying(0.0, 100.0, 90.0),
                flying(1.0, 100.0 + sign * by_mps, 90.0),
            ]
        };
        passes(&changed(limit_mps - 0.01));
        let anomaly = breaks(&changed(limit_mps + 0.01), "acceleration");
        assert_eq!(anomaly.severity, Severity::Minor);
        assert!((anomaly.evidence["limit_mps"] - limit_mps).abs() < 1e-9);
        assert!((anomaly.evidence["change_mps"] - limit_mps).abs() < 0.1);
        passes(&changed(limit_mps + 0.01).map(|track| of_class(track, "fighter")));
    }
}

#[test]
fn course_turns_no_faster_than_the_load_factor_lets_it() {
    // ω = g√(n²−1)/v at 100 m/s, the noise of 25 m/s across it, and 6°.
    let limit_deg = |load: f64| {
        let omega = 9.806_65 * (load * load - 1.0_f64).sqrt() / 100.0;
        omega.to_degrees() * 1.2 + 0.25_f64.atan().to_degrees() + 6.0
    };
    for (class, load) in [("airliner", 2.5), ("helicopter", 3.5), ("fighter", 9.0)] {
        let turned = |by_deg: f64| {
            [
                flying(0.0, 100.0, 350.0),
                flying(1.0, 100.0, (350.0 + by_deg) % 360.0),
            ]
            .map(|track| of_class(track, class))
        };
        passes(&turned(limit_deg(load) - 0.1));
        let anomaly = breaks(&turned(limit_deg(load) + 0.1), "turn-rate");
        assert!(
            (anomaly.evidence["limit_deg"] - limit_deg(load)).abs() < 1e-3,
            "{class}"
        );
    }
    // What a fighter flies is no turn of an airliner.
    assert!(limit_deg(9.0) > 80.0 && limit_deg(2.5) < 36.0);
}

#[test]
fn a_slow_course_says_nothing_and_a_heading_does() {
    let slow = |seconds, course| flying(seconds, 25.0, course);
    passes(&[slow(0.0, 0.0), slow(1.0, 180.0)]);
    let heading = |seconds, heading_deg| Track {
        heading_deg: Some(heading_deg),
        ..slow(seconds, 0.0)
    };
    // 30°/s for 1.2 s and 20°.
    passes(&[heading(0.0, 0.0), heading(1.0, 55.9)]);
    let anomaly = breaks(&[heading(0.0, 0.0), heading(1.0, 56.1)], "turn-rate");
    assert!((anomaly.evidence["heading_deg"] - 56.1).abs() < 1e-4);
}

#[test]
fn altitude_changes_no_faster_than_the_platform_climbs() {
    let at_height = |seconds, alt_m| Track {
        alt_m: Some(alt_m),
        ..silent(seconds)
    };
    // 300 ft, and 12,500 ft/min for 1.2 s.
    let limit_m = 91.44 + 63.5 * 1.2;
    passes(&[
        at_height(0.0, 1_000.0),
        at_height(1.0, 1_000.0 + limit_m - 0.1),
    ]);
    let broken = [
        at_height(0.0, 1_000.0),
        at_height(1.0, 1_000.0 - limit_m - 0.1),
    ];
    let anomaly = breaks(&broken, "climb-rate");
    assert!((anomaly.evidence["limit_m"] - limit_m).abs() < 1e-6);
    passes(&broken.map(|track| of_class(track, "fighter")));
    // The same of a reported rate.
    let climbing = |climb_mps| Track {
        climb_mps: Some(climb_mps),
        ..silent(0.0)
    };
    passes(&[climbing(63.5)]);
    breaks(&[climbing(-63.6)], "climb-rate");
}

/// An aircraft that climbs at `true_mps` and says `said_mps`, a report a second.
fn climbing(seconds: u32, true_mps: f64, said_mps: f64) -> Vec<Track> {
    (0..seconds)
        .map(|second| Track {
            alt_m: Some(3_000.0 + true_mps * f64::from(second)),
            climb_mps: Some(said_mps),
            source: Some(Source::Adsb),
            ..silent(f64::from(second))
        })
        .collect()
}

#[test]
fn altitudes_agree_with_the_reported_rate_of_climb() {
    passes(&climbing(200, 15.0, 15.0));
    passes(&climbing(200, 15.0, 16.0));
    for (true_mps, said_mps) in [(15.0, -15.0), (0.0, 15.0), (10.0, 0.0)] {
        let found = judge_air(&climbing(30, true_mps, said_mps));
        let first = found
            .iter()
            .position(|anomalies| !anomalies.is_empty())
            .unwrap();
        assert_eq!(found[first][0].rule, "climb-mismatch", "{found:?}");
        assert!(first < 20, "{first}");
    }
}

#[test]
fn a_reversed_rate_of_climb_is_an_acceleration() {
    let mut tracks = climbing(10, 15.0, 15.0);
    tracks.last_mut().unwrap().climb_mps = Some(-15.0);
    // 30 m/s within a second: 1.5 g and 1,000 ft/min of noise are 22.7 m/s.
    breaks(&tracks, "acceleration");
}

/// Ten seconds later 100 m on, and so far beside; `moves` is how fast it says it goes.
fn beside(beside_m: f64) -> [Track; 2] {
    let off = Track {
        lon_deg: Some(beside_m / LON_M_PER_DEG),
        ..ship(10.0, 100.0)
    };
    [ship(0.0, 0.0), off]
}

#[test]
fn a_position_beside_its_track_passes_the_gate_at_its_limit() {
    // Twice 10 m², 5 % of 100 m, 0.5 m/s for 10 s, a twelfth of 0.2 m/s²; a new track's double room.
    let variance = 2.0 * 100.0 + 25.0 + 25.0 + (0.2_f64 * 100.0 / 12.0).powi(2);
    let limit_m = (27.6 * 2.0 * variance).sqrt();
    assert_eq!(rules(&judge(&beside(limit_m - 0.5))), [[""; 0]; 2]);
    let found = judge(&beside(limit_m + 0.5));
    assert_eq!(rules(&found), [vec![], vec!["innovation"]]);
    let anomaly = &found[1][0];
    assert!(
        (anomaly.evidence["limit_m"] - limit_m).abs() < 0.1,
        "{anomaly:?} {limit_m}"
    );
    assert_eq!(anomaly.severity, Severity::Minor);
    assert_eq!(
        judge(&beside(2.1 * limit_m))[1][0].severity,
        Severity::Major
    );
}

#[test]
fn noise_is_that_of_the_source_or_of_the_report() {
    let from = |source, accuracy_m| {
        let tracks = beside(250.0).map(|track| Track {
            source,
            accuracy_m,
            ..track
        });
        rules(&judge(&tracks)).concat()
    };
    assert_eq!(from(Some(Source::Ais), None), ["innovation"]);
    assert_eq!(from(Some(Source::Radar), None), [""; 0]);
    assert_eq!(from(Some(Source::Ais), Some(10.0)), ["innovation"]);
    // As much says the report of itself.
    assert_eq!(from(Some(Source::Ais), Some(200.0)), [""; 0]);
    let wide = parameters(&json!({ "sources": { "ais": { "position_m": 100 } } }));
    let mut host = ValidatorHost::<TrackPlausibility>::new(wide).unwrap();
    assert_eq!(
        rules(&host.validate(0, &beside(250.0).map(|track| given(&track)))),
        [[""; 0]; 2]
    );
}

#[test]
fn a_steady_turn_is_no_innovation() {
    // 3°/s at 100 m/s, a report every 4 s: radius 1,910 m, for three circles.
    let radius_m = 100.0 / 3.0_f64.to_radians();
    let tracks: Vec<Track> = (0..90)
        .map(|report| {
            let turned = (12.0 * f64::from(report)).to_radians();
            Track {
                lat_deg: Some(radius_m * turned.sin() / LAT_M_PER_DEG),
                lon_deg: Some(radius_m * (1.0 - turned.cos()) / LON_M_PER_DEG),
                source: Some(Source::Adsb),
                ..flying(4.0 * f64::from(report), 100.0, turned.to_degrees() % 360.0)
            }
        })
        .collect();
    passes(&tracks);
}

/// A ship that makes 10 m/s to the north and says another velocity, a report every ten seconds.
fn saying(reports: u32, speed_mps: f64, course_deg: f64) -> Vec<Vec<&'static str>> {
    let tracks: Vec<Track> = (0..reports)
        .map(|report| Track {
            speed_mps: Some(speed_mps),
            course_deg: Some(course_deg),
            ..ship(10.0 * f64::from(report), 100.0 * f64::from(report))
        })
        .collect();
    rules(&judge(&tracks))
}

#[test]
fn reported_velocity_agrees_with_the_one_that_positions_show() {
    for (speed_mps, course_deg) in [(10.0, 0.0), (11.0, 0.0), (9.2, 3.0)] {
        assert_eq!(saying(100, speed_mps, course_deg).concat(), [""; 0]);
    }
    for (speed_mps, course_deg) in [(15.0, 0.0), (6.0, 0.0), (10.0, 90.0)] {
        let said = saying(30, speed_mps, course_deg);
        // Said again each minute, at the sixth report.
        let last: Vec<usize> = (12..30).filter(|at| !said[*at].is_empty()).collect();
        assert_eq!(last.len(), 3, "{said:?}");
        assert!(last.windows(2).all(|pair| pair[1] - pair[0] == 6));
        let said = said.concat();
        assert_eq!(said.last(), Some(&"velocity-mismatch"), "{said:?}");
    }
}

#[test]
fn a_place_that_stays_while_the_track_moves_is_frozen() {
    let stuck = |speed_mps: f64, reports: u32| {
        let mut tracks = vec![Track {
            speed_mps: Some(speed_mps),
            ..ship(-10.0, -10.0 * speed_mps)
        }];
        tracks.extend((0..reports).map(|report| Track {
            speed_mps: Some(speed_mps),
            ..ship(10.0 * f64::from(report), 0.0)
        }));
        // It moves again, from where it really was.
        let seconds = 10.0 * f64::from(reports);
        tracks.push(Track {
            speed_mps: Some(speed_mps),
            ..ship(seconds, seconds * speed_mps)
        });
        rules(&judge(&tracks))
    };
    // From the second time on, once a minute.
    for (reports, times) in [(5, 1), (7, 1), (8, 2), (14, 3)] {
        let said = stuck(10.0, reports);
        assert_eq!(said.concat(), vec!["frozen-position"; times], "{said:?}");
        assert_eq!(said[2], ["frozen-position"]);
        assert_eq!(said.last().unwrap().len(), 0);
    }
    // Below 5 kt the same place may come twice.
    assert_eq!(stuck(2.5, 3).concat(), [""; 0]);
}

#[test]
fn two_ships_with_one_identity_are_named_after_the_third_time() {
    let mut host = host();
    let mut said = Vec::new();
    for report in 0..14_u32 {
        let seconds = 10.0 * f64::from(report);
        let there = Track {
            lon_deg: Some(1.0),
            ..ship(seconds, 10.0 * seconds)
        };
        let track = if report % 2 == 0 {
            ship(seconds, 10.0 * seconds)
        } else {
            there
        };
        said.extend(host.validate(0, &[given(&track)]));
    }
    let expected: Vec<Vec<&str>> = (0..14)
        .map(|report| match report {
            1 | 3 | 5 => vec!["teleport"],
            // A minute later again, at the next of the other's reports.
            7 | 13 => vec!["duplicate-identity"],
            _ => vec![],
        })
        .collect();
    assert_eq!(rules(&said), expected);
    assert_eq!(said[7][0].severity, Severity::Critical);
    assert_eq!(said[7][0].evidence["alternations"], 3.0);
}

#[test]
fn what_lasts_is_said_once_a_minute_and_each_rejected_position_each_time() {
    // A report each two seconds for five minutes: 102.2 kt at rest, and no position at all.
    let fast = |seconds| Track {
        speed_mps: Some(102.2 * KNOT_MPS),
        ..ship(seconds, 0.0)
    };
    let nowhere = |seconds| Track {
        lat_deg: None,
        lon_deg: None,
        ..ship(seconds, 0.0)
    };
    for (rule, report) in [
        ("speed", &fast as &dyn Fn(f64) -> Track),
        ("not-available", &nowhere),
    ] {
        let tracks: Vec<Track> = (0..150).map(|at| report(2.0 * f64::from(at))).collect();
        let said = rules(&judge(&tracks));
        for (place, said) in said.iter().enumerate() {
            let expected: &[&str] = if place % 30 == 0 { &[rule] } else { &[] };
            assert_eq!(said, expected, "{place}");
        }
    }
    // Another rule speaks in between, and says how many were broken: the one that lasts is not one.
    let mut tracks: Vec<Track> = (0..10).map(|at| fast(2.0 * f64::from(at))).collect();
    tracks[5].lon_deg = Some(1.0);
    let said = judge(&tracks);
    assert_eq!(rules(&said).concat(), ["speed", "teleport"]);
    assert!(!said[5][0].evidence.contains_key("suppressed"));
    // Positions that jump are each an anomaly.
    let jumps: Vec<Track> = (0..20)
        .map(|at| {
            let away_m = if at % 2 == 0 {
                0.0
            } else {
                9e4 * f64::from(at)
            };
            ship(10.0 * f64::from(at), 100.0 * f64::from(at) + away_m)
        })
        .collect();
    assert_eq!(rules(&judge(&jumps)).concat(), ["teleport"; 10]);
}

#[test]
fn a_pilot_boat_of_class_a_gathers_way() {
    // From rest to 30 kt in 16 s, a report every 6 s, then as fast again to rest.
    let speeds = [0.0, 5.8, 11.6, 15.4, 15.4, 9.6, 3.8, 0.0];
    let mut north_m = 0.0;
    let tracks: Vec<Track> = (0..speeds.len())
        .map(|place| {
            if place > 0 {
                north_m += 6.0 * f64::midpoint(speeds[place - 1], speeds[place]);
            }
            Track {
                speed_mps: Some(speeds[place]),
                ..ship(6.0 * place as f64, north_m)
            }
        })
        .collect();
    assert_eq!(rules(&judge(&tracks)).concat(), [""; 0]);
    // No vessel does twice that.
    let doubled = [ship(0.0, 0.0), ship(6.0, 0.0)].map(|track| Track {
        speed_mps: track
            .speed_mps
            .map(|_| if track.time_ns == at(0.0) { 0.0 } else { 11.6 }),
        ..track
    });
    assert_eq!(rules(&judge(&doubled)).concat(), ["acceleration"]);
}

#[test]
fn one_report_whose_time_ran_ahead_is_one_anomaly() {
    // By more than the gap, by less, and at rest.
    for (ahead_s, speed_mps) in [(3_600.0, 10.0), (100.0, 10.0), (100.0, 0.0), (3_600.0, 0.0)] {
        let tracks: Vec<Track> = (0..12_u32)
            .map(|report| {
                let seconds = 10.0 * f64::from(report);
                let mut track = Track {
                    speed_mps: Some(speed_mps),
                    time_source: TimeSource::TimeOfTrack,
                    ..ship(seconds, seconds * speed_mps)
                };
                if report == 6 {
                    track.time_ns = at(seconds + ahead_s);
                }
                track
            })
            .collect();
        let said = rules(&judge(&tracks)).concat();
        assert_eq!(said.len(), 1, "{ahead_s} {speed_mps}: {said:?}");
    }
}

#[test]
fn one_bad_value_of_any_kind_is_one_anomaly() {
    type Spoil = fn(&mut Track);
    let spoils: [(&str, Spoil); 6] = [
        ("teleport", |track| track.lon_deg = Some(3.0)),
        ("out-of-range", |track| track.lat_deg = Some(95.0)),
        ("acceleration", |track| track.speed_mps = Some(250.0)),
        ("turn-rate", |track| track.course_deg = Some(270.0)),
        ("climb-rate", |track| track.alt_m = Some(9_000.0)),
        ("acceleration", |track| track.climb_mps = Some(60.0)),
    ];
    for (rule, spoil) in spoils {
        let tracks: Vec<Track> = (0..40_u32)
            .map(|report| {
                let seconds = f64::from(report);
                let mut track = Track {
                    alt_m: Some(5_000.0),
                    climb_mps: Some(0.0),
                    source: Some(Source::Adsb),
                    ..aircraft(seconds, 100.0 * seconds)
                };
                if report == 20 {
                    spoil(&mut track);
                }
                track
            })
            .collect();
        let found = judge_air(&tracks);
        assert_eq!(rules(&found).concat(), [rule]);
        assert_eq!(found[20].len(), 1, "{rule}");
    }
}

#[test]
fn a_fighters_turn_is_judged_as_a_fighters() {
    // 7 g at 250 m/s: 15.6°/s; a report a second.
    let turn_dps = (9.806_65 * 48.0_f64.sqrt() / 250.0).to_degrees();
    let radius_m = 250.0 / turn_dps.to_radians();
    let tracks: Vec<Track> = (0..40)
        .map(|second| {
            let turned = (turn_dps * f64::from(second)).to_radians();
            Track {
                lat_deg: Some(radius_m * turned.sin() / LAT_M_PER_DEG),
                lon_deg: Some(radius_m * (1.0 - turned.cos()) / LON_M_PER_DEG),
                source: Some(Source::Radar),
                ..flying(f64::from(second), 250.0, turned.to_degrees() % 360.0)
            }
        })
        .collect();
    let fighter: Vec<Track> = tracks
        .iter()
        .map(|track| of_class(*track, "fighter"))
        .collect();
    passes(&fighter);
}

#[test]
fn a_track_that_goes_silent_is_said_when_its_state_expires() {
    let heard = |interval_s: f64| {
        let mut host = host();
        for report in 0..20_u32 {
            let mut given = given(&ship(interval_s * f64::from(report), 0.0));
            given.captured_ns = at(interval_s * f64::from(report));
            host.validate(0, &[given]);
        }
        (host, 19.0 * interval_s)
    };
    let key = ship(0.0, 0.0).track_id;
    // Sixty seconds at least, and ten usual intervals.
    for (interval_s, limit_s) in [(2.0, 60.0), (10.0, 100.0)] {
        let (mut host, last_s) = heard(interval_s);
        let said = host.evict(at(last_s + limit_s + 1.0), &key);
        assert_eq!(rules(std::slice::from_ref(&said)), [["silent"]]);
        assert!((said[0].evidence["silence_s"] - limit_s - 1.0).abs() < 0.01);
        let (mut host, last_s) = heard(interval_s);
        // Evicted for want of room.
        assert_eq!(host.evict(at(last_s + limit_s - 1.0), &key), []);
    }
}
