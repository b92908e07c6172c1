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
    Anomalies, Body, Configuration, ConfigureError, Description, Message, State, Track, Validator,
    description,
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

fn main() {
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
