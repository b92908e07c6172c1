//! Tracks of the AIS recordings, and reports made by hand.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::expect_used)]

pub mod report;

use std::io::Read;
use std::path::{Path, PathBuf};

use ais_decoder::AisDecoder;
use outrigger_sdk::testing::{DecoderHost, Given, no_parameters};

/// The AIS recordings. The last two have no times: each line counts as captured one second after
/// the one before.
pub const RECORDINGS: [&str; 5] = [
    "dma_ais-sample.txt.gz",
    "dma_538004030_drift_1.ais",
    "dma_219165000_ssc_1.ais",
    "gpsd_ais-nmea.log",
    "signalk_nais300-merrimac.log",
];

/// 2020-01-01, nanoseconds since the Unix epoch.
pub const START_NS: u64 = 1_577_836_800_000_000_000;

/// Tracks of a recording as the decoder makes them, or `None`, said aloud, where it is absent.
pub fn recording(name: &str) -> Option<Vec<Given>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from);
    let path = folder.join("ais").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: recording absent ({})", path.display());
        return None;
    };
    let bytes = if name.ends_with(".gz") {
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_end(&mut unpacked)
            .expect("a recording is whole");
        unpacked
    } else {
        bytes
    };
    let frames: Vec<(u64, &[u8])> = bytes
        .split(|byte| *byte == b'\n')
        .zip(0..)
        .map(|(line, place)| (START_NS + place * 1_000_000_000, line))
        .collect();
    let mut host = DecoderHost::<AisDecoder>::new(no_parameters())
        .expect("it has no parameters")
        .without_rerun();
    let mut tracks = Vec::new();
    for frames in frames.chunks(256) {
        let now_ns = frames[frames.len() - 1].0;
        let decoded = host.decode(now_ns, frames);
        let of_tracks = decoded
            .messages
            .into_iter()
            .filter(|message| message.class.starts_with("track."));
        tracks.extend(of_tracks.map(|message| Given {
            class: message.class,
            key: message.key,
            captured_ns: now_ns,
            event_ns: message.event_ns,
            severity: None,
            body: message.body,
        }));
    }
    Some(tracks)
}
