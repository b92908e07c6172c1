//! Nanoseconds per frame, natively, on the recordings: key, decoding and bodies, as the runtime
//! asks for them, without the crossing into the sandbox.
//!
//! `cargo bench -p adsb-decoder`; `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::time::Instant;

use adsb_decoder::decode::{self, Input, Output, Settings};
use adsb_decoder::fault::Cause;
use adsb_decoder::state::Kept;
use outrigger_sdk::Body;

/// Takes what comes into one buffer.
#[derive(Default)]
struct Buffer {
    bodies: Vec<u8>,
    messages: u64,
}

impl Output for Buffer {
    fn message(&mut self, _: &'static str, key: &str, _: u64, body: &impl Body, _: &[u64]) {
        self.bodies.extend_from_slice(key.as_bytes());
        body.encode(&mut self.bodies);
        self.messages += 1;
    }

    fn reject(&mut self, _: Cause, _: &str) {}

    fn skip(&mut self, _: &'static str) {}
}

fn main() {
    let Some(folder) = common::recordings() else {
        return;
    };
    let settings = Settings::default();
    for (name, frames) in [
        ("long flight, Beast", common::long_flight(&folder)),
        ("Los Angeles, AVR", common::los_angeles(&folder)),
    ] {
        let mut best = f64::MAX;
        let mut out = Buffer::default();
        for _ in 0..7 {
            out = Buffer::default();
            out.bodies.reserve(64 << 20);
            let mut states: BTreeMap<String, Option<Kept>> = BTreeMap::new();
            let mut none = None;
            let start = Instant::now();
            for (at, (captured_ns, payload)) in frames.iter().enumerate() {
                let input = Input {
                    sequence: at as u64,
                    captured_ns: *captured_ns,
                    payload,
                };
                let kept = match decode::key_of(&settings, payload) {
                    Some(address) => match states.get_mut(address.key()) {
                        Some(kept) => kept,
                        None => states.entry(address.key().to_owned()).or_default(),
                    },
                    None => &mut none,
                };
                decode::decode(&settings, input, kept, &mut out);
            }
            best = best.min(start.elapsed().as_nanos() as f64);
        }
        let (frames, messages) = (frames.len() as f64, out.messages as f64);
        println!(
            "{name}: {frames} frames, {:.0} ns each; {messages} messages, {:.0} ns each, {:.0} bytes a body",
            best / frames,
            best / messages,
            out.bodies.len() as f64 / messages,
        );
    }
}
