//! Nanoseconds per datagram and per message, natively, on the recordings: decoding and bodies as
//! the runtime asks for them, without the crossing into the sandbox.
//!
//! `cargo bench -p dis-decoder`; `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{CAPTURED_NS, CAPTURES, Made, datagrams, host, host_with, recordings};
use serde_json::json;

const ROUNDS: usize = 40;

fn main() {
    let mut cases = vec![(
        "one Entity State".to_owned(),
        vec![(CAPTURED_NS, Made::default().bytes())],
    )];
    if let Some(folder) = recordings() {
        cases.extend(CAPTURES.map(|name| {
            let frames = datagrams(&folder.join(format!("{name}.pcap")));
            (name.to_owned(), frames)
        }));
    }
    for (name, frames) in cases {
        let frames: Vec<(u64, &[u8])> = frames
            .iter()
            .map(|(time_ns, frame)| (*time_ns, &frame[..]))
            .cycle()
            .take(256)
            .collect();
        for source_classes in [true, false] {
            let given = json!({ "source_classes": source_classes });
            let mut best = f64::MAX;
            let (mut messages, mut bytes) = (0, 0);
            for _ in 0..7 {
                let mut host = if source_classes {
                    host()
                } else {
                    host_with(&given)
                }
                .without_rerun();
                let start = Instant::now();
                for _ in 0..ROUNDS {
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
            let per_frame = best / (ROUNDS * frames.len()) as f64;
            println!(
                "{name}, {}: {per_frame:.0} ns a datagram; {:.0} ns a message, {} bytes a body",
                if source_classes {
                    "both classes"
                } else {
                    "tracks alone"
                },
                per_frame * frames.len() as f64 / messages as f64,
                bytes / messages,
            );
        }
    }
}
