//! What holds whatever comes: batches make no difference, state is small, nothing panics.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{at, given, host};
use outrigger_sdk::testing::{Anomaly, Given};
use outrigger_sdk::{AltDatum, Source, State, Text, TimeSource, Track};
use track_plausibility::{
    AGAIN_MS, Candidate, Course, Fix, LASTING_MAX, Place, Recent, STATE_BYTES_MAX, Said, TimeKind,
    TrackState, Velocity, Vertical,
};

/// xorshift64*: enough for test data, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Mostly near `usual`, now and then absent or absurd.
    fn value(&mut self, usual: f64) -> Option<f64> {
        match self.below(20) {
            0 => None,
            1 => Some(f64::from_bits(self.next())),
            2 => Some(-usual),
            _ => Some(usual + self.below(1_000) as f64 / 1e6),
        }
    }
}

/// Three ships under every kind of fault.
fn faulty(seed: u64, messages: usize) -> Vec<Given> {
    let mut random = Random(seed);
    let mut made: Vec<Given> = Vec::new();
    let sources = [
        TimeSource::TimeOfTrack,
        TimeSource::UtcSecond,
        TimeSource::Receiver,
        TimeSource::Capture,
    ];
    for place in 0..messages {
        if place > 5 && random.below(8) == 0 {
            let back = 1 + random.below(5) as usize;
            made.push(made[place - back].clone());
            continue;
        }
        let ship = random.below(3);
        let id = Text::format(format_args!("mmsi:21900000{ship}")).unwrap();
        let mut time_ns = at(place as f64);
        match random.below(20) {
            0 => time_ns -= random.below(100) * 1_000_000_000,
            1 => time_ns = random.next(),
            _ => {}
        }
        let mut track = Track::new(id, time_ns, sources[random.below(4) as usize]);
        track.platform_class = Text::new(["class-a", "class-b", "ferry"][random.below(3) as usize]);
        track.lat_deg = random.value(55.0 + place as f64 * 1e-5);
        track.lon_deg = random.value(12.0);
        track.speed_mps = random.value(7.0);
        track.course_deg = random.value(10.0);
        track.heading_deg = random.value(10.0);
        track.alt_m = random.value(0.0);
        track.climb_mps = random.value(0.0);
        track.turn_rate_dps = random.value(0.1);
        track.accuracy_m = random.value(30.0);
        track.source = match random.below(12) {
            source @ 0..8 => Some(Source::ALL[source as usize]),
            _ => None,
        };
        track.alt_datum =
            [None, Some(AltDatum::Barometric), Some(AltDatum::Geometric)][random.below(3) as usize];
        made.push(given(&track));
    }
    made
}

#[test]
fn verdicts_do_not_depend_on_how_messages_fall_into_batches() {
    for seed in 1..=20 {
        let messages = faulty(seed, 1_024);
        let run = |batch: usize| -> Vec<Vec<Anomaly>> {
            let mut host = host();
            let batches = messages.chunks(batch);
            batches.flat_map(|batch| host.validate(0, batch)).collect()
        };
        let whole = run(256);
        assert_eq!(run(1), whole, "seed {seed}");
        assert_eq!(run(7), whole, "seed {seed}");
        // The faults are there.
        for rule in [
            "speed",
            "teleport",
            "time-reversal",
            "duplicate",
            "not-available",
            "out-of-range",
        ] {
            let speaks = |anomaly: &Anomaly| anomaly.rule == rule;
            let said = whole.iter().flatten().any(speaks);
            assert!(said, "seed {seed}: {rule} never speaks");
        }
    }
}

fn bytes(state: &TrackState) -> usize {
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    assert_eq!(&TrackState::decode(&bytes).unwrap(), state);
    bytes.len()
}

#[test]
fn state_is_small_whatever_comes() {
    let fix = Fix {
        time_ns: u64::MAX,
        time_kind: TimeKind::Received,
        place: Place::new(-89.123_456_789, -179.123_456_789),
        speed_mps: Some(123.456),
        course_deg: Some(359.9),
    };
    let recent = Recent {
        at_ms: u32::MAX,
        digest: u32::MAX,
    };
    let fullest = TrackState {
        captured_ms: u32::MAX,
        interval_s: 1.5,
        course: Some(Course {
            last: fix,
            noise: 9.0,
            frozen_reports: u8::MAX,
            ..Course::default()
        }),
        velocity: Some(Velocity {
            at_ms: 1,
            speed_mps: 1.0,
            course_deg: Some(1.0),
            heading_deg: None,
            rejected: 2,
        }),
        vertical: Some(Vertical {
            at_ms: 1,
            datum: 2,
            alt_m: 1.0,
            climb_mps: None,
            drift_m: -1.0,
            way_m: 1.0,
            rejected: 2,
        }),
        candidate: Some(Candidate {
            fix,
            reports: u8::MAX,
            alternations: u8::MAX,
        }),
        recent: [Some(recent); track_plausibility::RECENT_MAX],
        said: Said([AGAIN_MS; LASTING_MAX]),
    };
    let longest = bytes(&fullest);
    // The README says so.
    assert_eq!(longest, 200);
    const { assert!(200 <= STATE_BYTES_MAX) };
    let mut host = host();
    for message in faulty(7, 2_000) {
        host.validate(0, std::slice::from_ref(&message));
        let state = host.state(&message.key).unwrap();
        assert!(bytes(&state) <= longest);
    }
}

#[test]
fn a_state_that_is_none_is_an_error_and_never_a_panic() {
    let mut host = host();
    let messages = faulty(3, 64);
    host.validate(0, &messages);
    let mut bytes = Vec::new();
    host.state(&messages[0].key).unwrap().encode(&mut bytes);
    for end in 0..bytes.len() {
        assert!(TrackState::decode(&bytes[..end]).is_err(), "{end}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        TrackState::decode(&longer).unwrap_err(),
        "bytes after the state"
    );
    let mut newer = bytes.clone();
    newer[0] = 4;
    assert_eq!(
        TrackState::decode(&newer).unwrap_err(),
        "state of version 4, known is 3"
    );
    let mut random = Random(5);
    for _ in 0..10_000 {
        let mut damaged = bytes.clone();
        let place = random.below(damaged.len() as u64) as usize;
        damaged[place] = random.next() as u8;
        // Whether it is one or not, reading it ends.
        let _ = TrackState::decode(&damaged);
    }
}

#[test]
fn nothing_panics_on_any_values_and_states_come_back_as_they_went() {
    let mut random = Random(11);
    let mut host = host();
    // Any bits of a number, and what is at the edge of what is accepted.
    let edges = [
        0.0, -0.0, 90.0, -90.0, 180.0, -180.0, 1e-310, 1e308, -1e308, 51.4, 1e5, 360.0,
    ];
    let any = |random: &mut Random| match random.below(4) {
        0 => None,
        1 => Some(f64::from_bits(random.next())),
        _ => Some(edges[random.below(edges.len() as u64) as usize]),
    };
    for place in 0..30_000_u64 {
        let id = Text::format(format_args!("{}", random.below(4))).unwrap();
        let time_ns = match random.below(5) {
            0 => random.next(),
            1 => 0,
            2 => u64::MAX,
            _ => at(place as f64 / 3.0),
        };
        let mut track = Track::new(id, time_ns, TimeSource::TimeOfTrack);
        if random.below(2) == 0 {
            track.time_source = TimeSource::UtcSecond;
        }
        track.platform_class = Text::new(["class-a", "fighter", "x"][random.below(3) as usize]);
        track.source = Some(Source::ALL[random.below(8) as usize]);
        for value in [
            &mut track.lat_deg,
            &mut track.lon_deg,
            &mut track.alt_m,
            &mut track.speed_mps,
            &mut track.course_deg,
            &mut track.climb_mps,
            &mut track.heading_deg,
            &mut track.turn_rate_dps,
            &mut track.accuracy_m,
        ] {
            *value = any(&mut random);
        }
        let mut given = given(&track);
        given.captured_ns = random.next();
        let said = host.validate(0, std::slice::from_ref(&given));
        assert!(said[0].len() <= 1, "one report, one anomaly");
        let state = host.state(&given.key).unwrap();
        assert!(bytes(&state) <= STATE_BYTES_MAX);
        if random.below(50) == 0 {
            host.evict(random.next(), &given.key);
        }
    }
}
