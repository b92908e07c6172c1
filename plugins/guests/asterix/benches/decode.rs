//! Nanoseconds per datagram and per record, natively, on recordings: decoding and bodies, without
//! the crossing into the sandbox.
//!
//! `cargo bench -p asterix-decoder`; `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use asterix_decoder::decode::{Datagrams, Input, Output};
use asterix_decoder::fault::Cause;
use asterix_decoder::parameters::{Parameters, Settings};
use outrigger_sdk::Body;

/// Takes what comes into one buffer.
#[derive(Default)]
struct Buffer {
    bodies: Vec<u8>,
    messages: u64,
    others: u64,
}

impl Output for Buffer {
    fn message(&mut self, _: &'static str, key: &str, _: u64, body: &impl Body) {
        self.bodies.extend_from_slice(key.as_bytes());
        body.encode(&mut self.bodies);
        self.messages += 1;
    }

    fn reject(&mut self, _: Cause, _: &str) {
        self.others += 1;
    }

    fn skip(&mut self, _: &'static str) {
        self.others += 1;
    }
}

fn main() {
    let Some(folder) = common::recordings() else {
        return;
    };
    for (file, repeat) in [
        ("transcoded_switzerland_cat062.pcap", 1),
        ("croatia_cat_034_048.pcap", 100),
        ("croatia_cat062cat065.raw", 5_000),
        ("croatia_cat21_re.ast", 5_000),
    ] {
        let datagrams = common::datagrams(&folder.join(file));
        for source_classes in [true, false] {
            let settings = Settings::new(&Parameters {
                source_classes,
                ..common::with_sites()
            });
            let mut decoder = Datagrams::new(settings.expect("parameters are right"));
            let mut best = f64::MAX;
            let mut out = Buffer::default();
            out.bodies.reserve(64 << 20);
            for _ in 0..9 {
                out.messages = 0;
                let start = Instant::now();
                for _ in 0..repeat {
                    out.bodies.clear();
                    for (captured_ns, payload) in &datagrams {
                        let input = Input {
                            captured_ns: *captured_ns,
                            payload,
                        };
                        decoder.decode(input, &mut out);
                    }
                }
                best = best.min(start.elapsed().as_nanos() as f64 / f64::from(repeat));
            }
            let frames = datagrams.len() as f64;
            let messages = out.messages as f64 / f64::from(repeat);
            println!(
                "{file}, source classes {source_classes}: {frames} datagrams, {:.0} ns each; {messages} messages, {:.0} ns and {:.0} bytes each",
                best / frames,
                best / messages,
                out.bodies.len() as f64 / messages,
            );
        }
    }
}
