//! Nanoseconds per frame and per message, natively, on a recording: keys, decoding and bodies, as
//! the runtime asks for them, without the crossing into the sandbox.
//!
//! `cargo bench -p ais-decoder`; `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use ais_decoder::decode::{self, Input, Output, States};
use ais_decoder::fault::Cause;
use ais_decoder::group::{FRAME_GROUPS_MAX, FrameGroups, Kept, may_have_fragments};
use outrigger_sdk::Body;

/// Takes what comes into one buffer.
#[derive(Default)]
struct Buffer {
    bodies: Vec<u8>,
    messages: u64,
    others: u64,
}

impl Output for Buffer {
    fn message(&mut self, _: &'static str, key: &str, _: u64, body: &impl Body, _: &[u64]) {
        self.bodies.extend_from_slice(key.as_bytes());
        body.encode(&mut self.bodies);
        self.messages += 1;
    }

    fn reject(&mut self, _: u64, _: Cause, _: &str) {
        self.others += 1;
    }

    fn skip(&mut self, _: &'static str) {
        self.others += 1;
    }
}

/// One state for all groups: the recordings have one open at a time.
#[derive(Default)]
struct Slots {
    pending: Option<Kept>,
    groups: [Option<Kept>; FRAME_GROUPS_MAX],
}

impl States for Slots {
    fn pending(&mut self) -> &mut Option<Kept> {
        &mut self.pending
    }

    fn group(&mut self, place: usize) -> &mut Option<Kept> {
        &mut self.groups[place]
    }
}

fn main() {
    let Some(folder) = common::recordings() else {
        return;
    };
    let bytes = common::read(&folder.join("dma_ais-sample.txt.gz"));
    let all = common::file_lines(&bytes);
    let sentences: Vec<&[u8]> = all
        .iter()
        .copied()
        .filter(|line| line.starts_with(b"!"))
        .collect();
    for (name, frames) in [
        ("recording, a line a frame", all),
        ("its AIS sentences alone", sentences),
    ] {
        let mut best = f64::MAX;
        let mut out = Buffer::default();
        let mut keys = 0;
        for _ in 0..7 {
            out = Buffer::default();
            out.bodies.reserve(64 << 20);
            let mut slots = Slots::default();
            let start = Instant::now();
            for (at, payload) in frames.iter().enumerate() {
                if may_have_fragments(payload) {
                    keys += FrameGroups::of(payload).iter().count();
                }
                let input = Input {
                    sequence: at as u64,
                    captured_ns: common::CAPTURED_NS,
                    payload,
                };
                decode::decode(input, &mut slots, &mut out);
            }
            best = best.min(start.elapsed().as_nanos() as f64);
        }
        let (frames, messages) = (frames.len() as f64, out.messages as f64);
        println!(
            "{name}: {frames} frames, {:.0} ns each; {messages} messages, {:.0} ns each, {:.0} bytes a body ({keys} keys, {} others)",
            best / frames,
            best / messages,
            out.bodies.len() as f64 / messages,
            out.others,
        );
    }
}
