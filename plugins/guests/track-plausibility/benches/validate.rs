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
use outrigger_sdk::testing::{Given, ValidatorHost, no_parameters, sink};
use outrigger_sdk::{
    Anomalies, Body, Configuration, ConfigureError, Description, Message, Source, State, Text,
    TimeSource, Track, Validator, description,
};
use track_plausibility::{STATE_BYTES_MAX, TrackPlausibility, TrackState};

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

/// Cost of a message by number of keys, in batches of 256. As in the host, the states of a batch are
/// gathered from a store first and put back after, which is timed apart: what grows with the keys
/// there is the way to memory, and the host's own store is measured with the host.
fn by_keys() {
    for keys in KEYS {
        let mut plugin = TrackPlausibility::configure(&no_parameters()).expect("no parameters");
        let mut out = sink::<TrackPlausibility>();
        let mut store = vec![([0_u8; STATE_BYTES_MAX], 0_usize); keys];
        let mut batch_states = vec![([0_u8; STATE_BYTES_MAX], 0_usize); 256];
        let mut bytes = Vec::with_capacity(STATE_BYTES_MAX);
        let (mut judging_ns, mut storing_ns) = (f64::MAX, f64::MAX);
        // Every key has its state, and a second report, before it counts.
        let warm = (2 * keys).div_ceil(KEYED_MESSAGES) + 1;
        for round in 0..KEYED_ROUNDS + warm {
            let messages: Vec<(usize, Vec<u8>)> = (0..KEYED_MESSAGES)
                .map(|place| sailing(round * KEYED_MESSAGES + place, keys))
                .collect();
            let (mut judging, mut storing) = (0, 0);
            for batch in messages.chunks(256) {
                let start = Instant::now();
                for ((key, _), state) in batch.iter().zip(&mut batch_states) {
                    *state = store[*key];
                }
                let gathered = Instant::now();
                for ((_, body), (kept, length)) in batch.iter().zip(&mut batch_states) {
                    let body = Track::decode("track.sea", body).expect("a track");
                    let message = Message {
                        class: "track.sea",
                        captured_ns: body.time_ns,
                        event_ns: body.time_ns,
                        now_ns: body.time_ns,
                        body,
                    };
                    let mut state = (*length > 0)
                        .then(|| TrackState::decode(&kept[..*length]).expect("a state of ours"));
                    plugin.validate(&message, &mut state, &mut out);
                    bytes.clear();
                    state.expect("a track has a state").encode(&mut bytes);
                    kept[..bytes.len()].copy_from_slice(&bytes);
                    *length = bytes.len();
                }
                let judged = Instant::now();
                for ((key, _), state) in batch.iter().zip(&batch_states) {
                    store[*key] = *state;
                }
                judging += (judged - gathered).as_nanos();
                storing += (gathered - start).as_nanos() + judged.elapsed().as_nanos();
            }
            if round >= warm {
                judging_ns = judging_ns.min(judging as f64 / KEYED_MESSAGES as f64);
                storing_ns = storing_ns.min(storing as f64 / KEYED_MESSAGES as f64);
            }
        }
        let mean = store.iter().map(|(_, length)| length).sum::<usize>() / keys;
        println!(
            "{keys} keys: {judging_ns:.0} ns a message, {storing_ns:.0} ns beside to and from the store, {mean} bytes of state each"
        );
    }
}

/// A ship at its own place that makes 10 m/s to the north: its key, and the next of its reports.
fn sailing(turn: usize, keys: usize) -> (usize, Vec<u8>) {
    let key = turn.wrapping_mul(7_919) % keys;
    let seconds = 10 * (turn / keys) as u64;
    let track = Track {
        platform_class: Text::new("class-a"),
        lat_deg: Some((key % 1_000) as f64 * 0.05 + seconds as f64 * 10.0 / 111_000.0),
        lon_deg: Some((key / 1_000) as f64 * 0.05),
        speed_mps: Some(10.0),
        course_deg: Some(0.0),
        heading_deg: Some(0.0),
        source: Some(Source::Ais),
        ..Track::new(
            Text::format(format_args!("mmsi:{key:09}")).expect("short"),
            1_577_836_800_000_000_000 + seconds * 1_000_000_000,
            TimeSource::UtcSecond,
        )
    };
    let mut body = Vec::new();
    track.encode(&mut body);
    (key, body)
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
