//! Nanoseconds per message, natively, on a recording: bodies and states as bytes, as the runtime
//! passes them, without the crossing into the sandbox.
//!
//! `cargo bench -p track-plausibility`; `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Instant;

use geographiclib_rs::{Geodesic, InverseGeodesic};
use outrigger_sdk::testing::{Given, ValidatorHost, no_parameters};
use outrigger_sdk::{
    Anomalies, Body, Configuration, ConfigureError, Description, Message, Source, State, Text,
    TimeSource, Track, Validator, description,
};
use track_plausibility::{TrackPlausibility, TrackState};

/// Reads the track and judges nothing: what is left is the test host and the body.
struct Nothing;

impl Validator for Nothing {
    type Body = Track;
    type State = ();

    fn describe() -> Description {
        description!().reads("track.sea").reads("track.air")
    }

    fn configure(_: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self)
    }

    fn validate(&mut self, message: &Message<Track>, _: &mut Option<()>, _: &mut Anomalies) {
        black_box(&message.body);
    }
}

const ROUNDS: usize = 101;

/// Best of some rounds, nanoseconds for each of `count`.
fn best(count: usize, mut round: impl FnMut()) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        round();
        start.elapsed().as_nanos() as f64
    });
    times.fold(f64::MAX, f64::min) / count as f64
}

fn run<V: Validator>(messages: &[Given], batch: usize) -> f64 {
    best(messages.len(), || {
        let mut host = ValidatorHost::<V>::new(no_parameters())
            .expect("no parameters are needed")
            .without_rerun();
        for batch in messages.chunks(batch) {
            black_box(host.validate(0, batch));
        }
    })
}

/// Keys of one round, and how many messages each round judges: so that each state is read and
/// written, and most are not in a cache when there are many.
const KEYS: [usize; 3] = [1_000, 100_000, 1_000_000];
const KEYED_MESSAGES: usize = 200_000;
const KEYED_ROUNDS: usize = 7;

/// Reads the track, and replaces a state of the same size: what is left is the test host with its
/// store, which is a tree, and the body.
struct Stores;

/// A state's bytes.
struct Raw(Vec<u8>);

impl State for Raw {
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Ok(Self(bytes.to_vec()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Validator for Stores {
    type Body = Track;
    type State = Raw;

    fn describe() -> Description {
        Nothing::describe()
    }

    fn configure(_: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self)
    }

    fn validate(&mut self, message: &Message<Track>, state: &mut Option<Raw>, _: &mut Anomalies) {
        let raw = state.get_or_insert_with(|| Raw(vec![0; 110]));
        raw.0[..8].copy_from_slice(&message.body.time_ns.to_le_bytes());
    }
}

/// Cost of a message by number of keys, in batches of 256 different keys: all of it, and without
/// what a validator costs that only keeps a state of this size. The host's own store is measured
/// with the host.
fn by_keys() {
    for keys in KEYS {
        // Each key is a ship at its own place that makes 10 m/s to the north.
        let made = |key: usize, seconds: f64| {
            let lat_deg = (key % 1_000) as f64 * 0.05 + seconds * 10.0 / 111_000.0;
            Track {
                platform_class: Text::new("class-a"),
                lat_deg: Some(lat_deg),
                lon_deg: Some((key / 1_000) as f64 * 0.05),
                speed_mps: Some(10.0),
                course_deg: Some(0.0),
                heading_deg: Some(0.0),
                source: Some(Source::Ais),
                ..Track::new(
                    Text::format(format_args!("mmsi:{key:09}")).expect("short"),
                    1_577_836_800_000_000_000 + (seconds * 1e9) as u64,
                    TimeSource::UtcSecond,
                )
            }
        };
        let all = keyed::<TrackPlausibility>(keys, made);
        let stores = keyed::<Stores>(keys, made);
        println!(
            "{keys} keys: {all:.0} ns a message; {stores:.0} ns of it host, store and body; {:.0} ns state and rules",
            all - stores
        );
    }
}

fn keyed<V: Validator>(keys: usize, made: impl Fn(usize, f64) -> Track) -> f64 {
    let mut host = ValidatorHost::<V>::new(no_parameters())
        .expect("no parameters are needed")
        .without_rerun();
    let mut best_ns = f64::MAX;
    let warm = keys.div_ceil(KEYED_MESSAGES) + 1;
    for round in 0..KEYED_ROUNDS + warm {
        let messages: Vec<Given> = (0..KEYED_MESSAGES)
            .map(|place| {
                let turn = round * KEYED_MESSAGES + place;
                // Far apart in the store, and each key in turn.
                let key = turn.wrapping_mul(7_919) % keys;
                let track = made(key, 10.0 * (turn / keys) as f64);
                Given::new("track.sea", &track.track_id, track.time_ns, &track)
            })
            .collect();
        let start = Instant::now();
        for batch in messages.chunks(256) {
            black_box(host.validate(0, batch));
        }
        let ns = start.elapsed().as_nanos() as f64 / KEYED_MESSAGES as f64;
        // Every key has its state before it counts.
        if round >= warm {
            best_ns = best_ns.min(ns);
        }
    }
    best_ns
}

fn main() {
    by_keys();
    let Some(messages) = common::recording(common::RECORDINGS[0]) else {
        return;
    };
    let count = messages.len();
    for batch in [256, 64, 1] {
        let nothing = run::<Nothing>(&messages, batch);
        let all = run::<TrackPlausibility>(&messages, batch);
        println!(
            "batches of {batch}: {all:.0} ns a message; {nothing:.0} ns of it host and body; {:.0} ns state and rules",
            all - nothing
        );
    }
    let body = best(count, || {
        for message in &messages {
            black_box(Track::decode(message.class, &message.body).expect("a track"));
        }
    });
    // States as they are after the recording, one for each message.
    let mut host = ValidatorHost::<TrackPlausibility>::new(no_parameters())
        .expect("no parameters are needed")
        .without_rerun();
    for batch in messages.chunks(256) {
        host.validate(0, batch);
    }
    let states: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| {
            let mut bytes = Vec::new();
            let state = host.state(&message.key).expect("each track has a state");
            state.encode(&mut bytes);
            bytes
        })
        .collect();
    let state = best(count, || {
        let mut bytes = Vec::with_capacity(256);
        for state in &states {
            bytes.clear();
            let state = TrackState::decode(state).expect("a state");
            state.encode(&mut bytes);
            black_box(&bytes);
        }
    });
    let mean: usize = states.iter().map(Vec::len).sum::<usize>() / count;
    let places: Vec<(f64, f64)> = messages
        .iter()
        .filter_map(|message| {
            Track::decode(message.class, &message.body)
                .expect("a track")
                .position_deg()
        })
        .collect();
    let geodesic = Geodesic::wgs84();
    let distance = best(places.len() - 1, || {
        for pair in places.windows(2) {
            let ((lat_a, lon_a), (lat_b, lon_b)) = (pair[0], pair[1]);
            let distance_m: f64 = geodesic.inverse(lat_a, lon_a, lat_b, lon_b);
            black_box(distance_m);
        }
    });
    println!(
        "body {body:.0} ns; state of {mean} bytes {state:.0} ns both ways; a geodesic would be {distance:.0} ns"
    );
}
