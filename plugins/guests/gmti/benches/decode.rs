//! Nanoseconds per packet and per message, natively, on the recordings and on a dwell of 60
//! targets: keys, decoding and bodies as the runtime asks for them, without the crossing into the
//! sandbox.
//!
//! `cargo bench -p gmti-decoder`; `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{CAPTURED_NS, SAMPLES, dwell, host, packet, read, recordings, target_bit};

const BATCHES: usize = 40;

fn main() {
    let mask = target_bit(2) | target_bit(3) | target_bit(7);
    let targets: Vec<Vec<u8>> = (0..60u8).map(|at| vec![at; 10]).collect();
    let large = packet(5, b"XN", 0, &[(2, dwell(mask, 5, &targets))]);
    let mut cases = vec![("dwell of 60 targets".to_owned(), large)];
    if let Some(folder) = recordings() {
        let sample = |name: &str| (name.to_owned(), read(&folder.join(format!("{name}.gmti"))));
        cases.extend(SAMPLES.map(sample));
    }
    for (name, frame) in cases {
        let frames = vec![(CAPTURED_NS, &frame[..]); 256];
        let mut best = f64::MAX;
        let (mut messages, mut bytes) = (0, 0);
        for _ in 0..7 {
            let mut host = host().without_rerun();
            let start = Instant::now();
            for _ in 0..BATCHES {
                let outcome = host.decode(CAPTURED_NS, &frames);
                messages = outcome.messages.len();
                bytes = outcome
                    .messages
                    .iter()
                    .map(|message| message.body.len())
                    .sum();
            }
            best = best.min(start.elapsed().as_nanos() as f64);
        }
        let per_frame = best / (BATCHES * frames.len()) as f64;
        println!(
            "{name}: {per_frame:.0} ns a packet of {} bytes; {:.0} ns a message, {} bytes a body",
            frame.len(),
            per_frame * frames.len() as f64 / messages as f64,
            bytes / messages,
        );
    }
}
