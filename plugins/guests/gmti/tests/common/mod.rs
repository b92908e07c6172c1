//! The plugin under the SDK's host, packets made to measure, and the recordings.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::expect_used)]

use std::path::{Path, PathBuf};

use gmti_decoder::GmtiDecoder;
use outrigger_sdk::testing::{
    DecodedBatch, DecodedMessage, DecoderHost, no_parameters, parameters,
};
use serde::Serialize;
use serde_json::Value;

pub type Message = DecodedMessage;
pub type Outcome = DecodedBatch;
pub type Host = DecoderHost<GmtiDecoder>;

/// Samples of the recordings, without their endings.
pub const SAMPLES: [&str; 3] = [
    "free_text_and_test_status",
    "mission_dwell_hi_res_targets",
    "platform_location_mixed_time_basis",
];

/// Capture time of all frames: 2026-04-30, 12:00 UTC.
pub const CAPTURED_NS: u64 = 1_777_550_400_000_000_000;

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
        .join("gmti");
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

/// A packet of these segments: type and content.
pub fn packet(
    classification: u8,
    system: &[u8; 2],
    codes: u16,
    segments: &[(u8, Vec<u8>)],
) -> Vec<u8> {
    let mut bytes = b"41\0\0\0\0XN".to_vec();
    bytes.push(classification);
    bytes.extend_from_slice(system);
    bytes.extend_from_slice(&codes.to_be_bytes());
    bytes.push(1);
    bytes.extend_from_slice(b"SENSOR-1  ");
    bytes.extend_from_slice(&7u32.to_be_bytes());
    bytes.extend_from_slice(&9u32.to_be_bytes());
    for (number, content) in segments {
        bytes.push(*number);
        bytes.extend_from_slice(&(content.len() as u32 + 5).to_be_bytes());
        bytes.extend_from_slice(content);
    }
    resize(&mut bytes);
    bytes
}

/// Writes the packet's length into its header.
pub fn resize(packet: &mut [u8]) {
    let size = packet.len() as u32;
    packet[2..6].copy_from_slice(&size.to_be_bytes());
}

/// The content of a mission segment with this reference date.
pub fn mission(year: u16, month: u8, day: u8) -> Vec<u8> {
    let mut bytes = b"PLAN        FLIGHT\0\0\0\0\0\0".to_vec();
    bytes.push(36);
    bytes.extend_from_slice(b"BLOCK 5   ");
    bytes.extend_from_slice(&year.to_be_bytes());
    bytes.extend_from_slice(&[month, day]);
    bytes
}

/// The same of a platform of this type (M3).
pub fn mission_of(platform_type: u8) -> Vec<u8> {
    let mut bytes = mission(2026, 4, 29);
    bytes[24] = platform_type;
    bytes
}

/// The content of a platform location segment: 45° north, 22.5° west, 9 km high, flying east at
/// 200 m/s, level.
pub fn location(time_ms: u32) -> Vec<u8> {
    let mut bytes = time_ms.to_be_bytes().to_vec();
    bytes.extend_from_slice(&0x4000_0000u32.to_be_bytes());
    bytes.extend_from_slice(&0xf000_0000u32.to_be_bytes());
    bytes.extend_from_slice(&900_000i32.to_be_bytes());
    bytes.extend_from_slice(&0x4000u16.to_be_bytes());
    bytes.extend_from_slice(&200_000u32.to_be_bytes());
    bytes.push(0);
    bytes
}

/// The mandatory bits of a dwell's mask.
pub const MANDATORY: u64 = 0xff00_03c0_0000_0000;

/// The bit of D32.`field`.
pub fn target_bit(field: u32) -> u64 {
    1 << (34 - field)
}

/// The bit of D`field`.
pub fn dwell_bit(field: u32) -> u64 {
    1 << (65 - field)
}

/// The content of a dwell of nothing but mandatory fields, and these target reports.
pub fn dwell(mask: u64, time_ms: u32, targets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = (MANDATORY | mask).to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0, 3, 0, 4, 1]);
    bytes.extend_from_slice(&(targets.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&time_ms.to_be_bytes());
    bytes.extend_from_slice(&0x4000_0000u32.to_be_bytes());
    bytes.extend_from_slice(&0xf000_0000u32.to_be_bytes());
    bytes.extend_from_slice(&1_000_000i32.to_be_bytes());
    for field in [10, 11] {
        if mask & dwell_bit(field) != 0 {
            bytes.extend_from_slice(&0x1000u32.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&0x4000_0000u32.to_be_bytes());
    bytes.extend_from_slice(&0xffff_ff00u32.to_be_bytes());
    bytes.extend_from_slice(&[5, 0, 4, 0]);
    for target in targets {
        bytes.extend_from_slice(target);
    }
    bytes
}
