//! The plugin under the SDK's host, and the recordings.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

pub mod geocentric;

use std::io::Read;
use std::path::{Path, PathBuf};

use asterix_decoder::AsterixDecoder;
use asterix_decoder::parameters::{Parameters, SiteParameters};
use outrigger_sdk::Configuration;
use outrigger_sdk::testing::{
    DecodedBatch, DecodedMessage, DecoderHost, no_parameters, parameters,
};
use serde_json::{Value, json};

pub type Message = DecodedMessage;
pub type Outcome = DecodedBatch;

/// A datagram with its capture time.
pub type Datagram = (u64, Vec<u8>);

/// One capture time for what has none: 2020-01-01, noon.
pub const CAPTURED_NS: u64 = 1_577_880_000_000_000_000;

/// The radars of `croatia_cat_034_048.pcap`. 25-12 says in CAT034 where it stands (I034/120);
/// where the others stand is not known, so they are put to the same place.
pub fn sites() -> Vec<SiteParameters> {
    [11, 12, 13, 14, 201, 204, 205]
        .map(|sic| SiteParameters {
            sac: 25,
            sic,
            lat_deg: 43.571_026,
            lon_deg: 16.406_064,
            height_m: 780.0,
        })
        .to_vec()
}

pub fn with_sites() -> Parameters {
    Parameters {
        sites: sites(),
        ..Parameters::default()
    }
}

/// Parameters as a configuration has them.
pub fn configuration(given: &Value) -> Configuration {
    match given {
        Value::Null => no_parameters(),
        given => parameters(given),
    }
}

pub fn sites_json() -> Value {
    let sites: Vec<Value> = sites()
        .iter()
        .map(|site| {
            json!({
                "sac": site.sac, "sic": site.sic, "lat_deg": site.lat_deg,
                "lon_deg": site.lon_deg, "height_m": site.height_m,
            })
        })
        .collect();
    json!({ "sites": sites })
}

pub fn host(given: &Value) -> DecoderHost<AsterixDecoder> {
    DecoderHost::new(configuration(given)).expect("parameters are right")
}

/// Decodes datagrams in batches of `batch`.
pub fn decode_with(given: &Value, datagrams: &[Datagram], batch: usize) -> Outcome {
    run(&mut host(given), datagrams, batch)
}

pub fn decode(datagrams: &[Datagram], batch: usize) -> Outcome {
    decode_with(&Value::Null, datagrams, batch)
}

/// Decodes one datagram.
pub fn decode_one(bytes: &[u8]) -> Outcome {
    decode(&[(CAPTURED_NS, bytes.to_vec())], 1)
}

pub fn run(
    host: &mut DecoderHost<AsterixDecoder>,
    datagrams: &[Datagram],
    batch: usize,
) -> Outcome {
    let mut all = Outcome::default();
    for datagrams in datagrams.chunks(batch) {
        let frames: Vec<(u64, &[u8])> = datagrams
            .iter()
            .map(|(captured_ns, payload)| (*captured_ns, payload.as_slice()))
            .collect();
        let now_ns = frames.iter().map(|(captured_ns, _)| *captured_ns).max();
        let outcome = host.decode(now_ns.unwrap_or(0), &frames);
        all.messages.extend(outcome.messages);
        all.rejects.extend(outcome.rejects);
        all.skips.extend(outcome.skips);
    }
    all
}

/// A MessagePack value as JSON, with bytes as `{"bytes": "hex"}`.
pub fn value(message: &Message) -> Value {
    let mut bytes = message.body.as_slice();
    let value = read_value(&mut bytes);
    assert!(bytes.is_empty(), "bytes after the body");
    value
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}

fn big(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

fn read_value(bytes: &mut &[u8]) -> Value {
    let head = take(bytes, 1)[0];
    let mut length = |width: usize| big(take(bytes, width)) as usize;
    match head {
        0x00..=0x7f => head.into(),
        0x80..=0x8f => read_map(bytes, usize::from(head & 15)),
        0x90..=0x9f => read_array(bytes, usize::from(head & 15)),
        0xa0..=0xbf => read_text(bytes, usize::from(head & 31)),
        0xc2 => false.into(),
        0xc3 => true.into(),
        0xc4 | 0xc5 => {
            let count = length(1 + usize::from(head == 0xc5));
            json!({ "bytes": hex(take(bytes, count)) })
        }
        0xcb => f64::from_bits(big(take(bytes, 8))).into(),
        0xcc => length(1).into(),
        0xcd => length(2).into(),
        0xce => length(4).into(),
        0xcf => big(take(bytes, 8)).into(),
        0xd9 => {
            let count = length(1);
            read_text(bytes, count)
        }
        0xdc => {
            let count = length(2);
            read_array(bytes, count)
        }
        0xde => {
            let count = length(2);
            read_map(bytes, count)
        }
        other => panic!("no body has {other:#x}"),
    }
}

fn read_text(bytes: &mut &[u8], count: usize) -> Value {
    std::str::from_utf8(take(bytes, count)).unwrap().into()
}

fn read_array(bytes: &mut &[u8], count: usize) -> Value {
    (0..count).map(|_| read_value(bytes)).collect()
}

fn read_map(bytes: &mut &[u8], count: usize) -> Value {
    let mut map = serde_json::Map::new();
    for _ in 0..count {
        let key = read_value(bytes)
            .as_str()
            .expect("keys are texts")
            .to_owned();
        let value = read_value(bytes);
        assert!(map.insert(key.clone(), value).is_none(), "{key} twice");
    }
    Value::Object(map)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The folder of recordings, or `None`, said aloud.
pub fn recordings() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
        .join("asterix");
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

/// The JSON values of a file, one a line.
pub fn json_lines(path: &Path) -> Vec<Value> {
    read(path)
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("the reference is JSON"))
        .collect()
}

/// The datagrams of a recording: the payloads of a pcap file's UDP packets, or for bare ASTERIX the
/// whole file as one datagram.
pub fn datagrams(path: &Path) -> Vec<Datagram> {
    let bytes = read(path);
    if path.extension().is_none_or(|extension| extension != "pcap") {
        return vec![(CAPTURED_NS, bytes)];
    }
    let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
    assert!(
        matches!(word(0), 0xa1b2_c3d4 | 0xa1b2_3c4d),
        "little-endian pcap"
    );
    let fraction_ns = if word(0) == 0xa1b2_c3d4 { 1_000 } else { 1 };
    // Ethernet, or IP alone.
    let link_bytes = match word(20) {
        1 => 14,
        101 => 0,
        other => panic!("link type {other}"),
    };
    let mut datagrams = Vec::new();
    let mut at = 24;
    while at < bytes.len() {
        let captured_ns = word(at) as u64 * 1_000_000_000 + word(at + 4) as u64 * fraction_ns;
        let packet = &bytes[at + 16..at + 16 + word(at + 8)];
        let ip = &packet[link_bytes..];
        assert_eq!(ip[0] >> 4, 4, "IPv4");
        assert_eq!(ip[9], 17, "UDP");
        let udp = &ip[usize::from(ip[0] & 15) * 4..];
        let length = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        datagrams.push((captured_ns, udp[8..length].to_vec()));
        at += 16 + packet.len();
    }
    datagrams
}

/// A small generator of known start: the same bytes in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Every recording that decodes.
pub const RECORDINGS: [&str; 6] = [
    "transcoded_switzerland_cat062.pcap",
    "croatia_cat_034_048.pcap",
    "croatia_cat_062_065.pcap",
    "croatia_cat062cat065.raw",
    "croatia_cat048.raw",
    "croatia_cat21_re.ast",
];
