//! What other receivers, sensors and platforms send than those of the recordings: made by hand, with
//! the noise that their standards allow. What is normal is no anomaly, and what is a fault is one.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::report::{KNOT_MPS, LAT_M_PER_DEG, at, host};
use outrigger_sdk::testing::{Anomaly, Given};
use outrigger_sdk::{AltDatum, Source, Text, TimeSource, Track};

/// Metres per degree of longitude at the equator of WGS-84.
const LON_M_PER_DEG: f64 = 111_319.490_8;

/// xorshift64*: enough for test data, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Where something really is.
#[derive(Clone, Copy, Debug)]
struct Truth {
    seconds: f64,
    east_m: f64,
    north_m: f64,
    alt_m: f64,
    speed_mps: f64,
    course_deg: f64,
    climb_mps: f64,
}

/// What it does: turn in degrees per second, change of speed, rate of climb.
type Does = (f64, f64, f64);

/// Something on the equator that moves so, seen at these times.
fn moves(speed_mps: f64, times: &[f64], does: impl Fn(f64) -> Does) -> Vec<Truth> {
    const STEP_S: f64 = 0.02;
    let mut now = Truth {
        seconds: 0.0,
        east_m: 0.0,
        north_m: 0.0,
        alt_m: 1_000.0,
        speed_mps,
        course_deg: 90.0,
        climb_mps: 0.0,
    };
    let mut seen = Vec::new();
    let mut steps = 0.0;
    for time in times {
        while now.seconds < *time {
            let (turn_dps, change_mps2, climb_mps) = does(now.seconds);
            let course = now.course_deg.to_radians();
            now.east_m += now.speed_mps * course.sin() * STEP_S;
            now.north_m += now.speed_mps * course.cos() * STEP_S;
            now.alt_m += climb_mps * STEP_S;
            now.course_deg = (now.course_deg + turn_dps * STEP_S).rem_euclid(360.0);
            now.speed_mps = (now.speed_mps + change_mps2 * STEP_S).max(0.0);
            now.climb_mps = climb_mps;
            steps += 1.0;
            now.seconds = steps * STEP_S;
        }
        seen.push(now);
    }
    seen
}

fn every(interval_s: f64, count: usize) -> Vec<f64> {
    (0..count)
        .map(|report| report as f64 * interval_s)
        .collect()
}

/// A report of it by this source.
fn seen_by(source: Source, truth: &Truth) -> Track {
    Track {
        source: Some(source),
        lat_deg: Some(truth.north_m / LAT_M_PER_DEG),
        lon_deg: Some(truth.east_m / LON_M_PER_DEG),
        alt_m: Some(truth.alt_m),
        alt_datum: Some(AltDatum::Barometric),
        speed_mps: Some(truth.speed_mps),
        course_deg: Some(truth.course_deg),
        climb_mps: Some(truth.climb_mps),
        ..Track::new(
            Text::new("icao:4840d6").unwrap(),
            at(truth.seconds),
            match source {
                Source::Ais => TimeSource::UtcSecond,
                Source::Adsb => TimeSource::Capture,
                _ => TimeSource::TimeOfTrack,
            },
        )
    }
}

/// Moves a report.
fn shifted(track: &mut Track, east_m: f64, north_m: f64) {
    track.lat_deg = track.lat_deg.map(|lat| lat + north_m / LAT_M_PER_DEG);
    track.lon_deg = track.lon_deg.map(|lon| lon + east_m / LON_M_PER_DEG);
}

/// In steps of the format.
fn steps(value: &mut Option<f64>, step: f64) {
    *value = value.map(|value| (value / step).round() * step);
}

/// ADS-B of it: noise of a good receiver, compact positions of even and odd frames in turn, speed and
/// rate of climb in steps, up to 0.4 s from the position's time to that of reception.
fn adsb(truths: &[Truth], random: &mut Random) -> Vec<Track> {
    let (mut east, mut north) = (0.0, 0.0);
    truths
        .iter()
        .zip(0_u32..)
        .map(|(truth, place)| {
            let mut track = seen_by(Source::Adsb, truth);
            // Wanders: noise of a satellite's receiver is alike from second to second.
            east += (random.normal() * 3.0 - east) * 0.1;
            north += (random.normal() * 3.0 - north) * 0.1;
            shifted(&mut track, east, north);
            let zones = if place % 2 == 0 { 60.0 } else { 59.0 };
            steps(&mut track.lat_deg, 360.0 / zones / 131_072.0);
            steps(&mut track.lon_deg, 360.0 / (zones - 1.0) / 131_072.0);
            steps(&mut track.alt_m, 25.0 * 0.3048);
            steps(&mut track.climb_mps, 64.0 * 0.3048 / 60.0);
            steps(&mut track.speed_mps, KNOT_MPS);
            track.time_ns = at(truth.seconds + 0.4 * random.unit());
            track
        })
        .collect()
}

fn in_class(class: &'static str, platform: &str, tracks: &[Track]) -> Vec<Vec<Anomaly>> {
    let given: Vec<Given> = tracks
        .iter()
        .map(|track| {
            let track = Track {
                platform_class: Text::new(platform),
                ..*track
            };
            Given::new(class, &track.track_id, track.time_ns, &track)
        })
        .collect();
    let mut host = host();
    given
        .chunks(256)
        .flat_map(|batch| host.validate(0, batch))
        .collect()
}

fn count(found: &[Vec<Anomaly>]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for anomaly in found.iter().flatten() {
        *counts.entry(anomaly.rule).or_default() += 1;
    }
    counts
}

/// Nothing is said, but of repeats.
#[track_caller]
fn is_quiet(what: &str, found: &[Vec<Anomaly>]) {
    says_at_most(what, found, 0);
}

/// So many anomalies at most, but of repeats.
#[track_caller]
fn says_at_most(what: &str, found: &[Vec<Anomaly>], most: usize) {
    let mut counts = count(found);
    counts.remove("duplicate");
    let said: usize = counts.values().sum();
    assert!(said <= most, "{what}: {counts:?} of {}", found.len());
}

/// 1 from `begin` to `end` with a second and a half of slope at both: nothing rolls or climbs at once.
fn phase(seconds: f64, begin: f64, end: f64) -> f64 {
    let slope = |from: f64| ((seconds - from) / 1.5).clamp(0.0, 1.0);
    slope(begin) - slope(end)
}

#[test]
fn aircraft_on_the_ground_take_off_and_land() {
    // Taxi with right angles, a stop, take-off, landing and hard braking.
    let truths = moves(8.0, &every(0.5, 600), |t| {
        let turn_dps = 30.0 * phase(t, 10.0, 13.0) + 15.0 * phase(t, 70.0, 76.0);
        let change_mps2 =
            -2.0 * phase(t, 30.0, 34.0) + 2.0 * phase(t, 60.0, 64.0) + 3.0 * phase(t, 100.0, 125.0)
                - 3.5 * phase(t, 240.0, 260.0);
        let climb_mps = 15.0 * phase(t, 125.0, 180.0) - 15.0 * phase(t, 181.0, 235.0);
        (turn_dps, change_mps2, climb_mps)
    });
    let mut tracks = adsb(&truths, &mut Random(1));
    for platform in ["large", "light", ""] {
        is_quiet(platform, &in_class("track.air", platform, &tracks));
    }
    for track in &mut tracks {
        steps(&mut track.course_deg, 360.0 / 128.0);
    }
    is_quiet("coarse", &in_class("track.air", "large", &tracks));
    let vehicle = moves(15.0, &every(0.5, 400), |t| {
        let t = t % 40.0;
        let change_mps2 = 4.0 * phase(t, 25.0, 28.5) - 4.0 * phase(t, 15.0, 18.5);
        (30.0 * phase(t, 5.0, 8.0), change_mps2, 0.0)
    });
    let vehicle = adsb(&vehicle, &mut Random(2));
    is_quiet(
        "vehicle",
        &in_class("track.air", "surface-vehicle", &vehicle),
    );
}

#[test]
fn what_flies_in_circles_hovers_or_goes_around_is_normal() {
    let mut random = Random(3);
    let helicopter = moves(60.0, &every(0.5, 900), |t| {
        let weave_dps = 20.0 * t.sin();
        let t = t % 150.0;
        let turn_dps = weave_dps * phase(t, 40.0, 60.0) + 25.0 * phase(t, 90.0, 100.0);
        let change_mps2 = 3.2 * phase(t, 62.0, 80.0) - 3.2 * phase(t, 10.0, 28.0);
        let climb_mps = 6.0 * phase(t, 62.0, 78.0) - 18.0 * phase(t, 110.0, 125.0);
        (turn_dps, change_mps2, climb_mps)
    });
    let hover = moves(0.5, &every(0.5, 400), |t| {
        let turn_dps = 60.0 * (t * 0.7).sin();
        (turn_dps, (t * 0.9).sin(), 0.5 * (t * 0.3).sin())
    });
    for truths in [helicopter, hover] {
        let tracks = adsb(&truths, &mut random);
        for platform in ["rotorcraft", ""] {
            is_quiet(platform, &in_class("track.air", platform, &tracks));
        }
    }
    let glider = moves(28.0, &every(1.0, 400), |t| {
        (
            18.0 * phase(t % 100.0, 0.0, 70.0),
            0.5 * (t / 3.0).sin(),
            3.0,
        )
    });
    let go_around = moves(75.0, &every(0.5, 400), |t| {
        let change_mps2 = 2.0 * phase(t, 60.0, 63.0);
        (0.0, change_mps2, 21.0 * phase(t, 60.0, 500.0) - 4.0)
    });
    let aerobatics = moves(70.0, &every(0.5, 400), |t| {
        let t = t % 40.0;
        let turn_dps = 25.0 * phase(t, 0.0, 10.0) - 25.0 * phase(t, 12.0, 20.0);
        let climb_mps = 25.0 * phase(t, 30.0, 35.0) - 25.0 * phase(t, 20.0, 25.0);
        (turn_dps, -0.2 * climb_mps / 2.0, climb_mps)
    });
    for (platform, truths) in [
        ("glider", glider),
        ("heavy", go_around),
        ("light", aerobatics),
    ] {
        let tracks = adsb(&truths, &mut random);
        is_quiet(platform, &in_class("track.air", platform, &tracks));
    }
}

#[test]
fn a_frozen_aircraft_is_found_by_the_third_report_though_frames_differ() {
    let moving = moves(100.0, &every(1.0, 30), |_| (0.0, 0.0, 0.0));
    let mut tracks: Vec<Track> = moving
        .iter()
        .map(|truth| seen_by(Source::Adsb, truth))
        .collect();
    let held = tracks[19];
    for (place, track) in tracks.iter_mut().enumerate().skip(20) {
        let off_m = if place % 2 == 0 { 2.0 } else { -2.0 };
        (track.lat_deg, track.lon_deg) = (held.lat_deg, held.lon_deg);
        shifted(track, off_m, off_m);
    }
    let found = in_class("track.air", "large", &tracks);
    let first = found.iter().position(|said| !said.is_empty()).unwrap();
    assert!((20..=22).contains(&first), "{first}");
    assert_eq!(found[first][0].rule, "frozen-position");
    // Said once: ten seconds are no minute.
    assert_eq!(count(&found), [("frozen-position", 1)].into());
    // Radar plots that near are two.
    for track in &mut tracks {
        track.source = Some(Source::Radar);
    }
    assert!(!count(&in_class("track.air", "large", &tracks)).contains_key("frozen-position"));
}

#[test]
fn a_velocity_that_is_held_and_then_renewed_is_no_turn() {
    // 60° of bank at 70 m/s, the velocity's own frames lost but every fifth second.
    let truths = moves(70.0, &every(0.5, 300), |t| {
        (13.0 * phase(t % 60.0, 10.0, 40.0), 0.0, 0.0)
    });
    let mut tracks = adsb(&truths, &mut Random(4));
    for place in 0..tracks.len() {
        let heard = tracks[place - place % 10];
        tracks[place].course_deg = heard.course_deg;
        tracks[place].speed_mps = heard.speed_mps;
        tracks[place].climb_mps = heard.climb_mps;
    }
    is_quiet("held", &in_class("track.air", "", &tracks));
}

#[test]
fn what_several_receivers_hand_on_seconds_later_is_a_repeat() {
    let mut random = Random(5);
    for speed_mps in [80.0, 150.0, 250.0, 300.0] {
        let truths = moves(speed_mps, &every(0.5, 500), |t| {
            (2.0 * phase(t % 120.0, 0.0, 30.0), 0.0, 0.0)
        });
        let mut tracks = Vec::new();
        let mut repeats = 0;
        for track in adsb(&truths, &mut random) {
            tracks.push(track);
            if random.unit() < 0.1 {
                repeats += 1;
                tracks.push(Track {
                    time_ns: track.time_ns + (2e9 * random.unit()) as u64,
                    // What is merged into it goes on.
                    climb_mps: Some(random.unit()),
                    ..track
                });
            }
        }
        tracks.sort_by_key(|track| track.time_ns);
        let found = in_class("track.air", "large", &tracks);
        // The last four reports are remembered, which is hardly two seconds: a late repeat of an airliner
        // that comes after that is a teleport now and then.
        says_at_most("repeats", &found, 6);
        let known = count(&found).get("duplicate").copied().unwrap_or(0);
        // The others came before the next position: the same place again, which is nothing yet.
        assert!(known * 2 >= repeats, "{known} of {repeats}");
    }
}

#[test]
fn plots_of_a_far_radar_are_noisy_and_no_anomaly() {
    let mut random = Random(6);
    for scan_s in [4.0, 6.0, 10.0, 12.0] {
        // 0.1° of azimuth.
        for (range_m, most) in [(50e3, 0), (100e3, 0), (200e3, 0), (400e3, 8)] {
            let mut found = Vec::new();
            for run in 0..10 {
                let truths = moves(220.0, &every(scan_s, 100), |t| {
                    let t = t + 17.0 * f64::from(run);
                    let climb_mps = 10.0 * phase(t % 300.0, 0.0, 100.0);
                    (1.5 * phase(t % 200.0, 0.0, 60.0), 0.0, climb_mps)
                });
                let mut tracks: Vec<Track> = truths
                    .iter()
                    .map(|truth| seen_by(Source::Radar, truth))
                    .collect();
                for track in &mut tracks {
                    let across_m = 0.1_f64.to_radians() * range_m;
                    shifted(track, 50.0 * random.normal(), across_m * random.normal());
                    track.climb_mps = None;
                    steps(&mut track.alt_m, 100.0 * 0.3048);
                    track.speed_mps = track.speed_mps.map(|speed| speed + 5.0 * random.normal());
                    track.course_deg = track
                        .course_deg
                        .map(|course| (course + 4.0 * random.normal()).rem_euclid(360.0));
                }
                found.extend(in_class("track.air", "", &tracks));
                for track in &mut tracks {
                    (track.speed_mps, track.course_deg) = (None, None);
                }
                found.extend(in_class("track.air", "", &tracks));
            }
            let what = format!("{scan_s} s, {range_m} m");
            says_at_most(&what, &found, most);
            let identities = count(&found).get("duplicate-identity").copied();
            assert_eq!(identities, None, "{what}");
        }
    }
}

#[test]
fn a_track_that_coasts_through_a_turn_is_at_most_three_anomalies() {
    for (turn_dps, long_s, most) in [(1.5, 10.0, 0), (3.0, 12.0, 1), (3.0, 24.0, 3)] {
        for scan_s in [4.0, 5.0, 8.0, 12.0] {
            let truths = moves(200.0, &every(scan_s, 60), |t| {
                (turn_dps * phase(t, 80.0, 140.0), 0.0, 0.0)
            });
            let from = truths.iter().position(|t| t.seconds >= 90.0).unwrap();
            let last = truths[from];
            let tracks: Vec<Track> = truths
                .iter()
                .map(|truth| {
                    let coasted_s = truth.seconds - last.seconds;
                    if !(0.0..=long_s).contains(&coasted_s) {
                        return seen_by(Source::SystemTrack, truth);
                    }
                    let course = last.course_deg.to_radians();
                    let way_m = 200.0 * coasted_s;
                    let mut track = seen_by(Source::SystemTrack, &last);
                    shifted(&mut track, way_m * course.sin(), way_m * course.cos());
                    track.time_ns = at(truth.seconds);
                    track
                })
                .collect();
            let what = format!("{turn_dps}°/s for {long_s} s every {scan_s} s");
            says_at_most(&what, &in_class("track.air", "large", &tracks), most);
        }
    }
}

#[test]
fn a_fighter_at_nine_g_is_normal_where_its_kind_is_said() {
    let mut random = Random(7);
    for (source, interval_s, noise_m) in [
        (Source::Radar, 1.0, 80.0),
        (Source::Radar, 4.0, 80.0),
        (Source::SystemTrack, 4.0, 50.0),
        (Source::Dis, 0.5, 0.5),
        (Source::Dis, 1.0, 0.5),
        (Source::Adsb, 0.5, 4.0),
    ] {
        let truths = moves(220.0, &every(interval_s, 300), |t| {
            let t = t % 60.0;
            let turn_dps = 22.0 * phase(t, 10.0, 20.0) - 20.0 * phase(t, 35.0, 45.0);
            let change_mps2 = 8.0 * phase(t, 20.0, 30.0)
                - 5.0 * phase(t, 10.0, 20.0)
                - 3.0 * phase(t, 35.0, 45.0);
            let climb_mps = 60.0 * phase(t, 10.0, 18.0) - 80.0 * phase(t, 20.0, 28.0)
                + 80.0 * phase(t, 35.0, 43.0);
            (turn_dps, change_mps2, climb_mps)
        });
        let tracks: Vec<Track> = truths
            .iter()
            .map(|truth| {
                let mut track = seen_by(source, truth);
                shifted(
                    &mut track,
                    noise_m * random.normal(),
                    noise_m * random.normal(),
                );
                track
            })
            .collect();
        for platform in ["fighter", "high-performance", "attack"] {
            let what = format!("{platform} of {source:?} every {interval_s} s");
            is_quiet(&what, &in_class("track.air", platform, &tracks));
        }
        // Of an aircraft of unknown kind it is said, and not at every report.
        let unknown = in_class("track.air", "", &tracks);
        let minutes = truths.last().unwrap().seconds / 60.0;
        if source != Source::Dis {
            says_at_most("unknown", &unknown, 6 * minutes.ceil() as usize);
        }
    }
}

/// A vessel: its platform, speed, interval between reports, and what it does.
type Vessel = (&'static str, f64, f64, fn(f64) -> Does);

const VESSELS: [Vessel; 9] = [
    // Sails and tacks; lies at anchor; stops and goes on.
    ("class-b", 3.0, 30.0, |t| {
        (15.0 * phase(t % 300.0, 0.0, 6.0), 0.0, 0.0)
    }),
    ("class-b", 0.2, 180.0, |t| {
        (8.0 * (t / 20.0).sin(), 0.0, 0.0)
    }),
    ("class-b", 10.0, 30.0, |t| {
        let t = t % 240.0;
        (0.0, phase(t, 60.0, 70.0) - phase(t, 0.0, 10.0), 0.0)
    }),
    ("class-b", 10.0, 180.0, |t| {
        (10.0 * phase(t % 100.0, 0.0, 20.0), 0.0, 0.0)
    }),
    // A pilot boat.
    ("class-a", 0.0, 6.0, pilot),
    ("class-a", 0.0, 2.0, pilot),
    // An inland vessel, a tug that assists.
    ("class-a", 4.0, 10.0, |t| (3.0 * (t / 40.0).sin(), 0.0, 0.0)),
    ("class-a", 3.0, 10.0, |t| {
        (20.0 * (t / 7.0).sin(), 0.3 * (t / 11.0).sin(), 0.0)
    }),
    // A helicopter that searches.
    ("sar-aircraft", 70.0, 10.0, |t| {
        let change_mps2 = 3.0 * phase(t % 160.0, 100.0, 116.0) - 3.0 * phase(t % 160.0, 20.0, 36.0);
        let climb_mps = 5.0 * phase(t % 100.0, 0.0, 20.0);
        (12.0 * phase(t % 60.0, 0.0, 12.0), change_mps2, climb_mps)
    }),
];

fn pilot(seconds: f64) -> Does {
    let t = seconds % 120.0;
    let change_mps2 = phase(t, 5.0, 20.0) - phase(t, 60.0, 75.0);
    (18.0 * phase(t, 40.0, 50.0), change_mps2, 0.0)
}

fn ais(vessel: &Vessel, received: bool, random: &mut Random) -> Vec<Track> {
    let (platform, speed_mps, interval_s, does) = vessel;
    let times: Vec<f64> = (0..120)
        .map(|place| (f64::from(place) + 0.2 * random.unit()) * interval_s)
        .collect();
    let aircraft = *platform == "sar-aircraft";
    let (mut east, mut north) = (0.0, 0.0);
    moves(*speed_mps, &times, does)
        .iter()
        .map(|truth| {
            let mut track = seen_by(Source::Ais, truth);
            east += (random.normal() * 20.0 - east) * 0.3;
            north += (random.normal() * 20.0 - north) * 0.3;
            shifted(&mut track, east, north);
            steps(
                &mut track.speed_mps,
                KNOT_MPS * if aircraft { 1.0 } else { 0.1 },
            );
            steps(&mut track.course_deg, 0.1);
            track.climb_mps = None;
            track.alt_m = track.alt_m.filter(|_| aircraft).map(f64::round);
            track.time_ns = at(truth.seconds.floor());
            if received {
                track.time_source = TimeSource::Receiver;
                track.time_ns = at(truth.seconds + 1.5 * random.unit());
            }
            track
        })
        .collect()
}

#[test]
fn ships_of_every_kind_are_normal() {
    let mut random = Random(8);
    for (place, vessel) in VESSELS.iter().enumerate() {
        let class = match vessel.0 {
            "sar-aircraft" => "track.air",
            _ => "track.sea",
        };
        for received in [false, true] {
            for _ in 0..5 {
                let tracks = ais(vessel, received, &mut random);
                let what = format!("{place} {} {received}", vessel.0);
                is_quiet(&what, &in_class(class, vessel.0, &tracks));
            }
        }
    }
    // Quarter turns to and fro at 40 kt, seen every 30 s: hardly to be told from a wrong course.
    let zigzag: Vessel = ("class-b", 20.0, 30.0, |t| {
        let t = t % 40.0;
        let turn_dps = 15.0 * phase(t, 0.0, 6.0) - 15.0 * phase(t, 20.0, 26.0);
        (turn_dps, 0.0, 0.0)
    });
    for received in [false, true] {
        for _ in 0..5 {
            let tracks = ais(&zigzag, received, &mut random);
            says_at_most("zigzag", &in_class("track.sea", "class-b", &tracks), 3);
        }
    }
}

const DAY_S: f64 = 86_400.0;

/// An aircraft seen every four seconds, a day after the start.
fn steady(source: Source) -> Vec<Track> {
    moves(220.0, &every(4.0, 100), |_| (0.0, 0.0, 0.0))
        .iter()
        .map(|truth| Track {
            time_ns: at(truth.seconds + DAY_S),
            ..seen_by(source, truth)
        })
        .collect()
}

fn later(track: &mut Track, seconds: f64) {
    let time_ns = track.time_ns.checked_add_signed((seconds * 1e9) as i64);
    track.time_ns = time_ns.unwrap();
}

#[test]
fn a_day_too_much_or_too_little_is_a_time_reversal_and_the_track_goes_on() {
    for source in [Source::Radar, Source::SystemTrack, Source::Adsb] {
        // Midnight, counted once too often or not at all: one report, or all from then on.
        for (off_s, lasting, said) in [
            (-DAY_S, false, 1),
            (DAY_S, false, 1),
            (-DAY_S, true, 2),
            (DAY_S, true, 0),
        ] {
            let mut tracks = steady(source);
            let end = if lasting { 100 } else { 51 };
            for track in &mut tracks[50..end] {
                later(track, off_s);
            }
            let counts = count(&in_class("track.air", "", &tracks));
            let expected: BTreeMap<_, _> = [("time-reversal", said)]
                .into_iter()
                .filter(|(_, said)| *said > 0)
                .collect();
            assert_eq!(counts, expected, "{source:?} {off_s} {lasting}");
        }
    }
}

#[test]
fn a_track_number_that_is_used_again_begins_anew_and_an_address_does_not() {
    // A pause, and another aircraft elsewhere: height, course and speed are its own.
    for (gap_s, north_m) in [
        (90.0, 200e3),
        (150.0, 5e3),
        (300.0, 400e3),
        (DAY_S, 0.0),
        (DAY_S, 500e3),
    ] {
        let again = |source| {
            let mut tracks = steady(source);
            let first = tracks[50];
            for (place, track) in tracks.iter_mut().enumerate().skip(50) {
                let way_m = -120.0 * 4.0 * (place - 50) as f64;
                track.lon_deg = first.lon_deg;
                shifted(track, way_m, north_m);
                later(track, gap_s);
                track.alt_m = Some(9_000.0);
                track.course_deg = Some(270.0);
                track.speed_mps = Some(120.0);
            }
            count(&in_class("track.air", "", &tracks))
        };
        for source in [Source::Radar, Source::SystemTrack] {
            assert_eq!(
                again(source),
                BTreeMap::new(),
                "{source:?} {gap_s} {north_m}"
            );
        }
        // Two anomalies, and no word of heights and turns when the third report is believed.
        let reachable = north_m <= 5e3 || gap_s == DAY_S;
        let expected: BTreeMap<_, _> = [("teleport", 2)]
            .into_iter()
            .filter(|_| !reachable)
            .collect();
        assert_eq!(again(Source::Adsb), expected, "{gap_s} {north_m}");
    }
    // Without a pause it is a jump, of whatever source.
    let mut tracks = steady(Source::Radar);
    for track in &mut tracks[50..] {
        shifted(track, 0.0, 100e3);
    }
    let counts = count(&in_class("track.air", "", &tracks));
    assert_eq!(counts, [("teleport", 2)].into());
}

#[test]
fn a_jump_of_satellite_navigation_is_said_there_and_back() {
    // 2 km to the side for twenty seconds, as under jamming.
    let truths = moves(120.0, &every(0.5, 400), |_| (0.0, 0.0, 0.0));
    let mut tracks = adsb(&truths, &mut Random(9));
    for track in &mut tracks[200..240] {
        shifted(track, 0.0, 2_000.0);
    }
    let found = in_class("track.air", "large", &tracks);
    assert_eq!(found[200][0].rule, "teleport");
    assert_eq!(found[240][0].rule, "teleport");
    says_at_most("there and back", &found, 4);
}
