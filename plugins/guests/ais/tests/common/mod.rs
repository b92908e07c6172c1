//! What the host does with a decoder, in small: batches, states by key as bytes.
#![allow(dead_code, missing_docs, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use ais_decoder::decode::{self, Input, Output, States};
use ais_decoder::group::{FrameGroups, Kept, PENDING_KEY};
use ais_decoder::nmea::Cause;
use outrigger_sdk::{Body, State};
use serde_json::Value;

/// One message as it leaves the decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub class: &'static str,
    pub key: String,
    pub event_ns: u64,
    pub body: Vec<u8>,
    pub sources: Vec<u64>,
}

impl Message {
    pub fn value(&self) -> Value {
        rmp_serde::from_slice(&self.body).expect("bodies are MessagePack")
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub messages: Vec<Message>,
    pub rejects: Vec<(u64, Cause, String)>,
    pub skips: Vec<(u64, &'static str)>,
}

#[derive(Default)]
struct Collected {
    outcome: Outcome,
    sequence: u64,
}

impl Output for Collected {
    fn message(
        &mut self,
        class: &'static str,
        key: &str,
        event_ns: u64,
        body: &impl Body,
        earlier: &[u64],
    ) {
        let mut bytes = Vec::new();
        body.encode(&mut bytes);
        let mut sources = earlier.to_vec();
        sources.push(self.sequence);
        sources.dedup();
        self.outcome.messages.push(Message {
            class,
            key: key.into(),
            event_ns,
            body: bytes,
            sources,
        });
    }

    fn reject(&mut self, sequence: u64, cause: Cause, detail: &str) {
        self.outcome.rejects.push((sequence, cause, detail.into()));
    }

    fn skip(&mut self, kind: &'static str) {
        self.outcome.skips.push((self.sequence, kind));
    }
}

struct Slots<'a> {
    states: &'a mut BTreeMap<Vec<u8>, Option<Kept>>,
    keys: Vec<Vec<u8>>,
}

impl States for Slots<'_> {
    fn pending(&mut self) -> &mut Option<Kept> {
        self.states
            .get_mut(PENDING_KEY)
            .expect("every frame asks for it")
    }

    fn group(&mut self, place: usize) -> &mut Option<Kept> {
        self.states
            .get_mut(&self.keys[place])
            .expect("the frame asked for it")
    }
}

/// Keeps states between batches as the bytes that a host would have.
#[derive(Default)]
pub struct Host {
    pub kept: BTreeMap<Vec<u8>, Vec<u8>>,
    next: u64,
}

impl Host {
    /// Decodes frames in batches of `batch`. Sequences go on from the last call.
    pub fn run<'a>(
        &mut self,
        frames: impl Iterator<Item = (u64, &'a [u8])>,
        batch: usize,
    ) -> Outcome {
        let frames: Vec<_> = frames.collect();
        let mut out = Collected::default();
        for frames in frames.chunks(batch) {
            let keys: Vec<Vec<Vec<u8>>> = frames
                .iter()
                .map(|(_, payload)| {
                    FrameGroups::of(payload)
                        .iter()
                        .map(|key| key.get().to_vec())
                        .collect()
                })
                .collect();
            let mut states: BTreeMap<Vec<u8>, Option<Kept>> = keys
                .iter()
                .flatten()
                .cloned()
                .chain([PENDING_KEY.to_vec()])
                .map(|key| {
                    let kept = self.kept.get(&key);
                    let state =
                        kept.map(|bytes| <Kept as State>::decode(bytes).expect("own bytes"));
                    (key, state)
                })
                .collect();
            for ((captured_ns, payload), keys) in frames.iter().zip(keys) {
                out.sequence = self.next;
                self.next += 1;
                let input = Input {
                    sequence: out.sequence,
                    captured_ns: *captured_ns,
                    payload,
                };
                let mut slots = Slots {
                    states: &mut states,
                    keys,
                };
                decode::decode(input, &mut slots, &mut out);
            }
            for (key, state) in states {
                match state {
                    Some(state) => {
                        let mut bytes = Vec::new();
                        State::encode(&state, &mut bytes);
                        assert!(!bytes.is_empty() && bytes.len() <= 1_024, "{}", bytes.len());
                        self.kept.insert(key, bytes);
                    }
                    None => {
                        self.kept.remove(&key);
                    }
                }
            }
        }
        out.outcome
    }

    /// Evicts every state.
    pub fn evict(&mut self) -> Vec<(u64, Cause, String)> {
        let mut rejects = Vec::new();
        for bytes in std::mem::take(&mut self.kept).into_values() {
            let state = <Kept as State>::decode(&bytes).expect("own bytes");
            decode::expire(&state, |sequence, cause, detail| {
                rejects.push((sequence, cause, detail.to_owned()));
            });
        }
        rejects
    }
}

/// One capture time for all frames: 2020-01-01.
pub const CAPTURED_NS: u64 = 1_577_836_800_000_000_000;

/// Decodes frames captured at once.
pub fn decode_all<'a>(frames: impl IntoIterator<Item = &'a [u8]>, batch: usize) -> (Outcome, Host) {
    let mut host = Host::default();
    let outcome = host.run(frames.into_iter().map(|frame| (CAPTURED_NS, frame)), batch);
    (outcome, host)
}

/// The sentence around `content`, with its checksum.
pub fn sentence(content: &str) -> String {
    let sum = content.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("!{content}*{sum:02X}")
}

/// The folder of recordings, or `None`, said aloud.
pub fn recordings() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
        .join("ais");
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: recordings absent ({})", folder.display());
        None
    }
}

/// A file, unpacked when its name ends in `.gz`.
pub fn read(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a recording can be read");
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut unpacked)
            .expect("a recording is whole");
        unpacked
    } else {
        bytes
    }
}

/// Lines of a file, as a file tap gives them.
pub fn file_lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}
