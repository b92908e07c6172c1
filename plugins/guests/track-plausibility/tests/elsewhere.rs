//! What other receivers, sensors and platforms send than those of the recordings: made by hand, with
//! the noise that their standards allow. What is normal is no anomaly, and what is a fault is one.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::report::{KNOT_MPS, LAT_M_PER_DEG, at, host};
use outrigger_sdk::testing::{Anomaly, Given};
use outrigger_sdk::{AltDatum, Severity, Source, Text, TimeSource, Track};

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

/// Nothing is said.
#[track_caller]
fn is_quiet(what: &str, found: &[Vec<Anomaly>]) {
    if std::env::var_os("SHOW").is_some() {
        println!("{what}: {} {:?}", found.len(), count(found));
        if !found.iter().flatten().any(|_| true) {
            return;
        }
        for (place, a) in found
            .iter()
            .enumerate()
            .filter(|(_, a)| !a.is_empty())
            .take(4)
        {
            println!("    {place} {a:?}");
        }
        return;
    }
    assert!(count(found).is_empty(), "{what}: {:?}", count(found));
}

#[test]
fn surface() {
    let mut random = Random(1);
    // Taxi with right angles, a stop, take-off, and a landing that brakes hard.
    let truths = moves(8.0, &every(0.5, 600), |t| match t as u32 {
        10..13 => (30.0, 0.0, 0.0),
        30..34 => (0.0, -2.0, 0.0),
        60..64 => (0.0, 2.0, 0.0),
        70..76 => (15.0, 0.0, 0.0),
        100..125 => (0.0, 3.0, 0.0),
        125..180 => (0.0, 0.0, 15.0),
        180..235 => (0.0, 0.0, -15.0),
        240..260 => (0.0, -3.5, 0.0),
        _ => (0.0, 0.0, 0.0),
    });
    let tracks = adsb(&truths, &mut random);
    for class in ["large", "", "light"] {
        is_quiet("taxi", &in_class("track.air", class, &tracks));
    }
    let mut slow = tracks.clone();
    for t in &mut slow {
        steps(&mut t.course_deg, 2.8125);
    }
    is_quiet("taxi 2.8", &in_class("track.air", "large", &slow));
    let v: Vec<_> = moves(15.0, &every(0.5, 400), |t| match t as u32 % 40 {
        5..8 => (30.0, 0.0, 0.0),
        15..20 => (0.0, -4.0, 0.0),
        25..30 => (0.0, 4.0, 0.0),
        _ => (0.0, 0.0, 0.0),
    });
    let mut v = adsb(&v, &mut random);
    for t in &mut v {
        t.climb_mps = None;
        t.alt_m = None;
    }
    is_quiet("vehicle", &in_class("track.air", "surface-vehicle", &v));
}

#[test]
fn helicopter() {
    let mut random = Random(2);
    let truths = moves(60.0, &every(0.5, 900), |t| match t as u32 % 150 {
        10..28 => (0.0, -3.2, -3.0),
        40..60 => (20.0 * (t).sin(), 0.1, 0.0),
        60..78 => (0.0, 3.2, 6.0),
        90..100 => (25.0, 0.0, 0.0),
        110..125 => (0.0, 0.0, -18.0),
        _ => (0.0, 0.0, 0.0),
    });
    let tracks = adsb(&truths, &mut random);
    for class in ["rotorcraft", ""] {
        is_quiet("helicopter", &in_class("track.air", class, &tracks));
    }
    // hover
    let truths = moves(0.5, &every(0.5, 400), |t| {
        (
            60.0 * (t * 0.7).sin(),
            (t * 0.9).sin(),
            0.5 * (t * 0.3).sin(),
        )
    });
    let tracks = adsb(&truths, &mut random);
    is_quiet("hover", &in_class("track.air", "rotorcraft", &tracks));
    is_quiet("hover?", &in_class("track.air", "", &tracks));
}

#[test]
fn aerobatics() {
    let mut random = Random(3);
    let truths = moves(70.0, &every(0.5, 400), |t| match t as u32 % 40 {
        0..10 => (25.0, 0.0, 10.0),
        10..20 => (-25.0, 0.0, -20.0),
        20..25 => (0.0, 4.0, -30.0),
        25..30 => (0.0, -4.0, 30.0),
        _ => (0.0, 0.0, 0.0),
    });
    is_quiet(
        "aerobatics",
        &in_class("track.air", "light", &adsb(&truths, &mut random)),
    );
    let glider = moves(28.0, &every(1.0, 400), |t| {
        (
            if t as u32 % 100 < 70 { 18.0 } else { 0.0 },
            0.5 * (t / 3.0).sin(),
            3.0,
        )
    });
    is_quiet(
        "glider",
        &in_class("track.air", "glider", &adsb(&glider, &mut random)),
    );
    // go-around
    let ga = moves(75.0, &every(0.5, 400), |t| {
        if t < 60.0 {
            (0.0, 0.0, -4.0)
        } else if t < 63.0 {
            (0.0, 2.0, -4.0 + (t - 60.0) * 7.0)
        } else {
            (0.0, 0.3, 17.0)
        }
    });
    is_quiet(
        "go-around",
        &in_class("track.air", "heavy", &adsb(&ga, &mut random)),
    );
}

#[test]
fn repeats() {
    let mut random = Random(4);
    for speed in [80.0, 150.0, 250.0, 300.0] {
        for odds in [0.05, 0.3] {
            let truths = moves(speed, &every(0.5, 500), |t| {
                (if t as u32 % 120 < 30 { 2.0 } else { 0.0 }, 0.0, 0.0)
            });
            let tracks = adsb(&truths, &mut random);
            let mut all: Vec<(f64, Track)> = Vec::new();
            for (truth, track) in truths.iter().zip(tracks) {
                all.push((truth.seconds, track));
                if random.unit() < odds {
                    let late = 2.0 * random.unit();
                    let mut again = track;
                    again.time_ns += (late * 1e9) as u64;
                    all.push((truth.seconds + late, again));
                }
            }
            all.sort_by_key(|(_, track)| track.time_ns);
            let tracks: Vec<Track> = all.into_iter().map(|(_, track)| track).collect();
            is_quiet(
                &format!("repeats {speed} {odds}"),
                &in_class("track.air", "large", &tracks),
            );
        }
    }
}

#[test]
fn mlat_and_radar() {
    let mut random = Random(5);
    for scan in [4.0, 6.0, 10.0, 12.0] {
        for range_m in [50e3, 100e3, 200e3, 400e3] {
            for platform in ["", "large"] {
                let mut found = Vec::new();
                for run in 0..10 {
                    let truths = moves(220.0, &every(scan, 100), |t| {
                        (
                            if (t as u32 + run * 17) % 200 < 60 {
                                1.5
                            } else {
                                0.0
                            },
                            0.0,
                            if t as u32 % 300 < 100 { 10.0 } else { 0.0 },
                        )
                    });
                    let mut tracks = Vec::new();
                    for truth in &truths {
                        let mut track = seen_by(Source::Radar, truth);
                        track.time_ns = at(truth.seconds + 0.05 * random.normal());
                        // north = cross-range
                        let (e, n) = (
                            random.normal() * 50.0,
                            random.normal() * 0.1_f64.to_radians() * range_m,
                        );
                        shifted(&mut track, e, n);
                        track.climb_mps = None;
                        steps(&mut track.alt_m, 100.0 * 0.3048);
                        // tracker's velocity lags
                        track.speed_mps = track.speed_mps.map(|v| v + 5.0 * random.normal());
                        track.course_deg = track
                            .course_deg
                            .map(|c| (c + 4.0 * random.normal()).rem_euclid(360.0));
                        tracks.push(track);
                    }
                    found.extend(in_class("track.air", platform, &tracks));
                    let plots: Vec<Track> = tracks
                        .iter()
                        .map(|t| Track {
                            speed_mps: None,
                            course_deg: None,
                            ..*t
                        })
                        .collect();
                    if platform.is_empty() {
                        found.extend(in_class("track.air", platform, &plots));
                    }
                }
                is_quiet(&format!("radar {scan} s {range_m} {platform}"), &found);
            }
        }
    }
    let mut found = Vec::new();
    for _ in 0..10 {
        let truths = moves(200.0, &every(1.0, 200), |t| {
            (if (t as u32) % 100 < 30 { 2.0 } else { 0.0 }, 0.0, 0.0)
        });
        let mut tracks: Vec<Track> = truths.iter().map(|t| seen_by(Source::Mlat, t)).collect();
        for t in &mut tracks {
            shifted(t, random.normal() * 100.0, random.normal() * 100.0);
            t.climb_mps = None;
        }
        found.extend(in_class("track.air", "large", &tracks));
        for t in &mut tracks {
            t.speed_mps = None;
            t.course_deg = None;
        }
        found.extend(in_class("track.air", "large", &tracks));
    }
    is_quiet("mlat", &found);
}

#[test]
fn coasting() {
    for (turn, long) in [(1.5, 10.0), (3.0, 12.0), (3.0, 24.0)] {
        for scan in [4.0, 5.0, 8.0, 12.0] {
            let truths = moves(200.0, &every(scan, 60), |t| {
                (
                    if (80.0..140.0).contains(&t) {
                        turn
                    } else {
                        0.0
                    },
                    0.0,
                    0.0,
                )
            });
            let from = truths.iter().position(|t| t.seconds >= 90.0).unwrap();
            let mut tracks: Vec<Track> = truths
                .iter()
                .map(|t| seen_by(Source::SystemTrack, t))
                .collect();
            for place in from..truths.len() {
                let base = truths[from];
                let dt = truths[place].seconds - base.seconds;
                if dt > long {
                    break;
                }
                let c = base.course_deg.to_radians();
                tracks[place] = Track {
                    time_ns: tracks[place].time_ns,
                    ..tracks[from]
                };
                shifted(
                    &mut tracks[place],
                    200.0 * dt * c.sin(),
                    200.0 * dt * c.cos(),
                );
            }
            is_quiet(
                &format!("coasting {turn} {long} {scan}"),
                &in_class("track.air", "large", &tracks),
            );
        }
    }
}

#[test]
fn fighters() {
    let mut random = Random(6);
    for (source, interval) in [
        (Source::Radar, 4.0),
        (Source::Radar, 1.0),
        (Source::SystemTrack, 4.0),
        (Source::Dis, 0.5),
        (Source::Dis, 1.0),
        (Source::Adsb, 0.5),
    ] {
        for platform in ["fighter", ""] {
            let mut found = Vec::new();
            for run in 0..5_u32 {
                let truths = moves(220.0, &every(interval, 150), |t| {
                    match (t as u32 + 7 * run) % 60 {
                        10..20 => (22.0, -5.0, 60.0),
                        20..30 => (0.0, 8.0, -100.0),
                        35..45 => (-20.0, -3.0, 100.0),
                        _ => (0.0, 0.0, 0.0),
                    }
                });
                let mut tracks: Vec<Track> = truths.iter().map(|t| seen_by(source, t)).collect();
                let m = match source {
                    Source::Radar => 80.0,
                    Source::SystemTrack => 50.0,
                    Source::Adsb => 4.0,
                    _ => 0.5,
                };
                for t in &mut tracks {
                    shifted(t, m * random.normal(), m * random.normal());
                    if source == Source::Radar {
                        t.climb_mps = None;
                    }
                }
                found.extend(in_class("track.air", platform, &tracks));
            }
            is_quiet(
                &format!("fighters {source:?} {interval} {platform}"),
                &found,
            );
        }
    }
}

#[test]
fn ships() {
    let mut random = Random(7);
    for (what, platform, speed, interval, does) in [
        (
            "class b sail",
            "class-b",
            3.0,
            30.0,
            (|t: f64| (if (t as u32) % 300 < 6 { 15.0 } else { 0.0 }, 0.0, 0.0)) as fn(f64) -> Does,
        ),
        ("class b anchor", "class-b", 0.2, 180.0, |t: f64| {
            (8.0 * (t / 20.0).sin(), 0.0, 0.0)
        }),
        ("class b fast zigzag", "class-b", 20.0, 30.0, |t: f64| {
            (
                if (t as u32) % 40 < 6 {
                    15.0
                } else if (20..26).contains(&((t as u32) % 40)) {
                    -15.0
                } else {
                    0.0
                },
                0.0,
                0.0,
            )
        }),
        ("class b stops", "class-b", 10.0, 30.0, |t: f64| {
            (
                0.0,
                if (t as u32) % 240 < 10 {
                    -1.0
                } else if (60..70).contains(&((t as u32) % 240)) {
                    1.0
                } else {
                    0.0
                },
                0.0,
            )
        }),
        ("class b 180", "class-b", 10.0, 180.0, |t: f64| {
            (
                if (t as u32) % 100 < 20 { 10.0 } else { 0.0 },
                if (t as u32) % 240 < 10 {
                    -1.0
                } else if (60..70).contains(&((t as u32) % 240)) {
                    1.0
                } else {
                    0.0
                },
                0.0,
            )
        }),
        ("pilot boat", "class-a", 0.0, 6.0, |t: f64| {
            (
                if (40..50).contains(&((t as u32) % 120)) {
                    18.0
                } else {
                    0.0
                },
                if (5..20).contains(&((t as u32) % 120)) {
                    1.0
                } else if (60..75).contains(&((t as u32) % 120)) {
                    -1.0
                } else {
                    0.0
                },
                0.0,
            )
        }),
        ("pilot boat 2", "class-a", 0.0, 2.0, |t: f64| {
            (
                if (40..50).contains(&((t as u32) % 120)) {
                    18.0
                } else {
                    0.0
                },
                if (5..20).contains(&((t as u32) % 120)) {
                    1.0
                } else if (60..75).contains(&((t as u32) % 120)) {
                    -1.0
                } else {
                    0.0
                },
                0.0,
            )
        }),
        ("inland", "class-a", 4.0, 10.0, |t: f64| {
            (3.0 * (t / 40.0).sin(), 0.0, 0.0)
        }),
        ("tug", "class-a", 3.0, 10.0, |t: f64| {
            (20.0 * (t / 7.0).sin(), 0.3 * (t / 11.0).sin(), 0.0)
        }),
        ("sar", "sar-aircraft", 70.0, 10.0, |t: f64| {
            (
                if (t as u32) % 80 < 20 { 9.0 } else { 0.0 },
                0.0,
                if (t as u32) % 100 < 20 { 5.0 } else { 0.0 },
            )
        }),
        ("sar fast", "sar-aircraft", 110.0, 10.0, |t: f64| {
            (
                if (t as u32) % 60 < 12 { 15.0 } else { 0.0 },
                0.0,
                if (t as u32) % 100 < 20 { 5.0 } else { 0.0 },
            )
        }),
        ("sar hover", "sar-aircraft", 50.0, 10.0, |t: f64| {
            (
                if (t as u32) % 60 < 12 { 15.0 } else { 0.0 },
                if (20..36).contains(&((t as u32) % 160)) {
                    -3.0
                } else if (100..116).contains(&((t as u32) % 160)) {
                    3.0
                } else {
                    0.0
                },
                0.0,
            )
        }),
    ] {
        for received in [false, true] {
            let mut found = Vec::new();
            for run in 0..5 {
                let times: Vec<f64> = (0..120)
                    .map(|place| {
                        interval * f64::from(place)
                            + 13.0 * f64::from(run)
                            + random.unit() * interval * 0.2
                    })
                    .collect();
                let truths = moves(speed, &times, does);
                let (mut east, mut north) = (0.0, 0.0);
                let tracks: Vec<Track> = truths
                    .iter()
                    .map(|truth| {
                        let mut track = seen_by(Source::Ais, truth);
                        east += (random.normal() * 20.0 - east) * 0.3;
                        north += (random.normal() * 20.0 - north) * 0.3;
                        shifted(&mut track, east, north);
                        steps(
                            &mut track.speed_mps,
                            if platform == "sar-aircraft" {
                                KNOT_MPS
                            } else {
                                KNOT_MPS / 10.0
                            },
                        );
                        steps(&mut track.course_deg, 0.1);
                        track.climb_mps = None;
                        if platform != "sar-aircraft" {
                            track.alt_m = None;
                        } else {
                            steps(&mut track.alt_m, 1.0);
                        }
                        track.time_ns = at(truth.seconds.floor());
                        if received {
                            track.time_source = TimeSource::Receiver;
                            track.time_ns = at(truth.seconds + 1.5 * random.unit());
                        }
                        track
                    })
                    .collect();
                let class = if platform == "sar-aircraft" {
                    "track.air"
                } else {
                    "track.sea"
                };
                found.extend(in_class(class, platform, &tracks));
            }
            is_quiet(&format!("{what} {received}"), &found);
        }
    }
}

#[test]
fn times() {
    let truths = moves(220.0, &every(4.0, 100), |_| (0.0, 0.0, 0.0));
    for source in [Source::Radar, Source::SystemTrack, Source::Adsb] {
        // one report a day off
        for off in [-86_400.0, 86_400.0] {
            let mut tracks: Vec<Track> = truths.iter().map(|t| seen_by(source, t)).collect();
            tracks[50].time_ns = at(truths[50].seconds + off + 86_400.0);
            for (p, t) in tracks.iter_mut().enumerate() {
                if p != 50 {
                    t.time_ns += 86_400_000_000_000;
                }
            }
            is_quiet(
                &format!("day once {source:?} {off}"),
                &in_class("track.air", "", &tracks),
            );
            let mut tracks: Vec<Track> = truths.iter().map(|t| seen_by(source, t)).collect();
            for (p, t) in tracks.iter_mut().enumerate() {
                t.time_ns += 86_400_000_000_000;
                if p >= 50 {
                    t.time_ns = t.time_ns.checked_add_signed((off * 1e9) as i64).unwrap();
                }
            }
            is_quiet(
                &format!("day lasting {source:?} {off}"),
                &in_class("track.air", "", &tracks),
            );
        }
        // gap of 24 h, then elsewhere
        for (gap, far) in [
            (86_400.0, 500e3),
            (86_400.0, 0.0),
            (90.0, 200e3),
            (150.0, 300e3),
            (300.0, 5e3),
            (300.0, 400e3),
        ] {
            let mut tracks: Vec<Track> = truths.iter().map(|t| seen_by(source, t)).collect();
            for t in &mut tracks[50..] {
                t.time_ns += (gap * 1e9) as u64;
                shifted(t, 0.0, far);
                t.alt_m = Some(9000.0);
                t.course_deg = Some(270.0);
                t.speed_mps = Some(120.0);
            }
            let n = tracks.len();
            for p in 50..n {
                let dt = truths[p].seconds - truths[50].seconds;
                tracks[p].lon_deg = Some((truths[50].east_m - 120.0 * dt) / LON_M_PER_DEG);
            }
            is_quiet(
                &format!("gap {source:?} {gap} {far}"),
                &in_class("track.air", "", &tracks),
            );
        }
    }
    let _ = Severity::Minor;
}
