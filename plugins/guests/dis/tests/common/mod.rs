//! The plugin under the SDK's host, PDUs made to measure, and the recordings.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::expect_used)]

use std::path::{Path, PathBuf};

use dis_decoder::DisDecoder;
use outrigger_sdk::testing::{
    DecodedBatch, DecodedMessage, DecoderHost, no_parameters, parameters,
};
use serde::Serialize;
use serde_json::Value;

pub type Message = DecodedMessage;
pub type Outcome = DecodedBatch;
pub type Host = DecoderHost<DisDecoder>;

/// Captures of the recordings, without their endings.
pub const CAPTURES: [&str; 2] = [
    "opendis7_Entity90DegreesTurn",
    "opendis7_PdusaveGAZ69Patroling",
];

/// Single PDUs of the recordings, without their endings.
pub const PDUS: [&str; 5] = [
    "ElectromagneticEmissionPdu-single-system",
    "EntityStatePdu-26",
    "SetDataPdu-multi-variable-datums",
    "SignalPdu",
    "TransmitterPdu",
];

/// Capture time where a recording has none: 2026-04-29, 12:00 UTC.
pub const CAPTURED_NS: u64 = 1_777_464_000_000_000_000;

/// A body as JSON.
pub fn value(message: &Message) -> Value {
    rmp_serde::from_slice(&message.body).expect("bodies are MessagePack")
}

pub fn host() -> Host {
    DecoderHost::new(no_parameters()).expect("no parameter is required")
}

pub fn host_with(given: &impl Serialize) -> Host {
    DecoderHost::new(parameters(given)).expect("these parameters are right")
}

/// Decodes one frame in a new host.
pub fn decode(frame: &[u8]) -> Outcome {
    host().decode(CAPTURED_NS, &[(CAPTURED_NS, frame)])
}

/// The folder of recordings, or `None`, said aloud.
pub fn recordings() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
        .join("dis");
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: recordings absent ({})", folder.display());
        None
    }
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a recording can be read")
}

/// Records of a file, one a line.
pub fn records(path: &Path) -> Vec<Value> {
    let text = String::from_utf8(read(path)).expect("JSON lines are text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a record is JSON"))
        .collect()
}

/// Datagrams of a capture, with their times: nanoseconds from its begin.
pub fn datagrams(path: &Path) -> Vec<(u64, Vec<u8>)> {
    let bytes = read(path);
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(
        (u32_at(0), u32_at(20)),
        (0xa1b2_c3d4, 101),
        "raw IP, microseconds"
    );
    let (mut frames, mut at) = (Vec::new(), 24);
    while at < bytes.len() {
        let time_ns = u64::from(u32_at(at)) * 1_000_000_000 + u64::from(u32_at(at + 4)) * 1_000;
        let end = at + 16 + u32_at(at + 8) as usize;
        // An IP header of 20 bytes, a UDP header of 8.
        frames.push((time_ns, bytes[at + 16 + 28..end].to_vec()));
        at = end;
    }
    frames
}

/// A golden case: bytes in hexadecimal, with spaces, line ends and `#` comments.
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::bytes)
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// An Entity State PDU; what a test sets is what matters.
#[derive(Clone, Debug)]
pub struct Made {
    pub version: u8,
    pub exercise: u8,
    pub timestamp: u32,
    /// Kind, domain, category.
    pub kind: [u8; 3],
    pub velocity_mps: [f32; 3],
    pub location_m: [f64; 3],
    pub orientation_rad: [f32; 3],
    pub algorithm: u8,
    pub angular_velocity_rps: [f32; 3],
    pub marking_set: u8,
    pub marking: [u8; 11],
    pub parameters: u8,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            version: 7,
            exercise: 1,
            timestamp: 1,
            kind: [1, 2, 1],
            velocity_mps: [0.0, 200.0, 0.0],
            location_m: [6_379_137.0, 0.0, 0.0],
            orientation_rad: [1.5, 0.0, -1.5],
            algorithm: 4,
            angular_velocity_rps: [0.0; 3],
            marking_set: 1,
            marking: *b"VIPER 1\0\0\0\0",
            parameters: 0,
        }
    }
}

impl Made {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![self.version, self.exercise, 1, 1];
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        let length = 144 + 16 * u16::from(self.parameters);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 1, 0, 2, 0, 3, 1, self.parameters]);
        let [kind, domain, category] = self.kind;
        for _ in 0..2 {
            out.extend_from_slice(&[kind, domain, 0, 225, category, 2, 3, 0]);
        }
        let floats = |out: &mut Vec<u8>, values: [f32; 3]| {
            for value in values {
                out.extend_from_slice(&value.to_be_bytes());
            }
        };
        floats(&mut out, self.velocity_mps);
        for value in self.location_m {
            out.extend_from_slice(&value.to_be_bytes());
        }
        floats(&mut out, self.orientation_rad);
        out.extend_from_slice(&[0, 0, 0, 0, self.algorithm]);
        out.extend_from_slice(&[0; 15]);
        floats(&mut out, [0.0; 3]);
        floats(&mut out, self.angular_velocity_rps);
        out.push(self.marking_set);
        out.extend_from_slice(&self.marking);
        out.extend_from_slice(&[0; 4]);
        out.extend(vec![0x5a; 16 * usize::from(self.parameters)]);
        out
    }
}
