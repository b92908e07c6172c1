//! The plugin under the SDK's host, and the recordings.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::expect_used)]

use std::io::Read;
use std::path::{Path, PathBuf};

use ais_decoder::AisDecoder;
use outrigger_sdk::testing::{DecodedBatch, DecodedMessage, DecoderHost, no_parameters};
use serde_json::Value;

pub type Message = DecodedMessage;
pub type Outcome = DecodedBatch;

/// A body as JSON.
pub fn value(message: &Message) -> Value {
    rmp_serde::from_slice(&message.body).expect("bodies are MessagePack")
}

/// The decoder under a host. The first frame has the number 1.
pub struct Host(pub DecoderHost<AisDecoder>);

impl Default for Host {
    fn default() -> Self {
        Self(DecoderHost::new(no_parameters()).expect("it has no parameters"))
    }
}

impl Host {
    /// Decodes frames in batches of `batch`. Sequence numbers go on from the last call.
    pub fn run<'a>(
        &mut self,
        frames: impl IntoIterator<Item = (u64, &'a [u8])>,
        batch: usize,
    ) -> Outcome {
        let frames: Vec<_> = frames.into_iter().collect();
        let mut all = Outcome::default();
        for frames in frames.chunks(batch) {
            let now_ns = frames.iter().map(|(captured_ns, _)| *captured_ns).max();
            let outcome = self.0.decode(now_ns.unwrap_or(0), frames);
            all.messages.extend(outcome.messages);
            all.rejects.extend(outcome.rejects);
            all.skips.extend(outcome.skips);
        }
        all
    }

    /// Evicts every state; says which frames will never be a message.
    pub fn evict(&mut self) -> Vec<outrigger_sdk::testing::Reject> {
        let keys = self.0.keys();
        keys.iter().flat_map(|key| self.0.evict(0, key)).collect()
    }

    /// Everything that is kept.
    pub fn kept(&self) -> Vec<(Vec<u8>, Option<ais_decoder::group::Kept>)> {
        let keys = self.0.keys().into_iter();
        keys.map(|key| (key.clone(), self.0.state(&key))).collect()
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
