//! The plugin under the SDK's host, and the recordings.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::expect_used)]

use std::io::Read;
use std::path::{Path, PathBuf};

use adsb_decoder::AdsbDecoder;
use outrigger_sdk::Configuration;
use outrigger_sdk::testing::{
    BATCH_MAX, DecodedBatch, DecodedMessage, DecoderHost, no_parameters, parameters,
};
use serde_json::{Value, json};

pub type Message = DecodedMessage;
pub type Outcome = DecodedBatch;

/// A body as JSON.
pub fn value(message: &Message) -> Value {
    rmp_serde::from_slice(&message.body).expect("bodies are MessagePack")
}

/// The decoder under a host. The first frame has the number 1.
pub struct Host(pub DecoderHost<AdsbDecoder>);

impl Default for Host {
    fn default() -> Self {
        Self::new(no_parameters())
    }
}

impl Host {
    pub fn new(configuration: Configuration) -> Self {
        Self(DecoderHost::new(configuration).expect("the parameters are right"))
    }

    /// Near Toulouse-Blagnac, where the long flight was recorded.
    pub fn toulouse() -> Self {
        let receiver = json!({ "receiver": { "lat_deg": 43.62, "lon_deg": 1.37 } });
        Self::new(parameters(&receiver))
    }

    /// Decodes frames in batches of `batch`. Sequence numbers go on from the last call.
    pub fn run<'a>(
        &mut self,
        frames: impl IntoIterator<Item = (u64, &'a [u8])>,
        batch: usize,
    ) -> Outcome {
        let frames: Vec<_> = frames.into_iter().collect();
        let mut all = Outcome::default();
        for frames in frames.chunks(batch.min(BATCH_MAX)) {
            let now_ns = frames.iter().map(|(captured_ns, _)| *captured_ns).max();
            let outcome = self.0.decode(now_ns.unwrap_or(0), frames);
            all.messages.extend(outcome.messages);
            all.rejects.extend(outcome.rejects);
            all.skips.extend(outcome.skips);
        }
        all
    }

    /// Everything that is kept.
    pub fn kept(&self) -> Vec<(Vec<u8>, Option<adsb_decoder::state::Kept>)> {
        let keys = self.0.keys().into_iter();
        keys.map(|key| (key.clone(), self.0.state(&key))).collect()
    }
}

/// First capture time where a sample has none: 2020-01-01.
pub const CAPTURED_NS: u64 = 1_577_836_800_000_000_000;

/// The folder of recordings, or `None`, said aloud.
pub fn recordings() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
        .join("adsb");
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: recordings absent ({})", folder.display());
        None
    }
}

/// A file, unpacked when its name ends in `.gz`, as lines.
pub fn lines(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).expect("a recording can be read");
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .expect("a recording is whole");
    } else {
        text = String::from_utf8(bytes).expect("it is text");
    }
    text.lines().map(str::to_owned).collect()
}

/// Bytes of hexadecimal digits.
pub fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits"))
        .collect()
}

/// The long flight: capture time and Beast payload of each frame.
pub fn long_flight(folder: &Path) -> Vec<(u64, Vec<u8>)> {
    lines(&folder.join("rs1090_long_flight.csv.gz"))
        .iter()
        .map(|line| {
            let (time, digits) = line.split_once(',').expect("time and frame");
            let (seconds, part) = time.split_once('.').unwrap_or((time, "0"));
            let seconds: u64 = seconds.parse().expect("seconds");
            let part: u64 = format!("{part:0<9}").parse().expect("parts of a second");
            (seconds * 1_000_000_000 + part, unhex(digits))
        })
        .collect()
}

/// Los Angeles: AVR lines. The recording has no times; a millisecond apart.
pub fn los_angeles(folder: &Path) -> Vec<(u64, Vec<u8>)> {
    lines(&folder.join("adsb_deku_lax.avr.gz"))
        .into_iter()
        .zip((CAPTURED_NS..).step_by(1_000_000))
        .map(|(line, captured_ns)| (captured_ns, line.into_bytes()))
        .collect()
}

/// Frames as `run` takes them.
pub fn borrowed(frames: &[(u64, Vec<u8>)]) -> impl Iterator<Item = (u64, &[u8])> {
    frames.iter().map(|(at, bytes)| (*at, bytes.as_slice()))
}
