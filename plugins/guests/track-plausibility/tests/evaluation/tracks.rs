//! Real tracks of the recordings, each with its updates in order.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use adsb_decoder::AdsbDecoder;
use asterix_decoder::AsterixDecoder;
use outrigger_sdk::testing::{DecoderHost, parameters};
use outrigger_sdk::{Body, Track};
use serde_json::{Value, json};

use super::hash;

/// Which half of the tracks a track is in: thresholds and scores are set on one and reported on the
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    Calibration,
    Report,
}

/// One real track.
#[derive(Clone, Debug)]
pub struct Real {
    pub recording: &'static str,
    pub class: &'static str,
    pub key: String,
    /// In order of arrival.
    pub updates: Vec<Track>,
}

/// Seed of the split into halves. One aircraft has 98 % of the ADS-B updates: with this seed it is in
/// the half that is reported on, which is why it is this seed.
pub const SPLIT_SEED: u64 = 3;

impl Real {
    pub fn half(&self) -> Half {
        if super::mix(hash(&self.key) ^ SPLIT_SEED) & 1 == 0 {
            Half::Calibration
        } else {
            Half::Report
        }
    }
}

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
}

/// All tracks, or `None`, said aloud, where the recordings are absent.
pub fn all() -> Option<Vec<Real>> {
    let mut tracks = Vec::new();
    for recording in crate::common::RECORDINGS.iter().take(3) {
        let given = crate::common::recording(recording)?;
        let updates = given.iter().map(|given| {
            let track = Track::decode(given.class, &given.body).expect("a track");
            (given.class, given.key.clone(), track)
        });
        collect(recording, updates, &mut tracks);
    }
    collect("rs1090_long_flight", adsb()?.into_iter(), &mut tracks);
    for recording in [
        "transcoded_switzerland_cat062.pcap",
        "croatia_cat_034_048.pcap",
    ] {
        collect(recording, asterix(recording)?.into_iter(), &mut tracks);
    }
    Some(tracks)
}

type Update = (&'static str, String, Track);

fn collect(recording: &'static str, updates: impl Iterator<Item = Update>, tracks: &mut Vec<Real>) {
    let mut by_key: BTreeMap<(String, &'static str), Vec<Track>> = BTreeMap::new();
    for (class, key, track) in updates {
        by_key.entry((key, class)).or_default().push(track);
    }
    tracks.extend(by_key.into_iter().map(|((key, class), updates)| Real {
        recording,
        class,
        key,
        updates,
    }));
}

/// Tracks of an ADS-B recording as the decoder makes them.
fn adsb() -> Option<Vec<Update>> {
    let path = folder().join("adsb/rs1090_long_flight.csv.gz");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: recording absent ({})", path.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .expect("a recording is whole");
    let frames: Vec<(u64, Vec<u8>)> = text.lines().filter_map(frame).collect();
    // Near the airport where it was recorded.
    let receiver = json!({ "receiver": { "lat_deg": 43.62, "lon_deg": 1.37 } });
    let mut host = DecoderHost::<AdsbDecoder>::new(parameters(&receiver))
        .expect("parameters are right")
        .without_rerun();
    let mut updates = Vec::new();
    for frames in frames.chunks(256) {
        let frames: Vec<(u64, &[u8])> = frames
            .iter()
            .map(|(captured_ns, frame)| (*captured_ns, frame.as_slice()))
            .collect();
        let now_ns = frames[frames.len() - 1].0;
        for message in host.decode(now_ns, &frames).messages {
            if message.class.starts_with("track.") {
                updates.push((message.class, message.key.clone(), message.read::<Track>()));
            }
        }
    }
    Some(updates)
}

/// A line: seconds, and the frame in hexadecimal digits.
fn frame(line: &str) -> Option<(u64, Vec<u8>)> {
    let (time, digits) = line.split_once(',')?;
    let captured_ns = (time.parse::<f64>().ok()? * 1e6).round() as u64 * 1_000;
    let bytes = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    Some((captured_ns, bytes))
}

/// Tracks of an ASTERIX recording as the decoder makes them. The radars of the second stand where
/// one of them says that it does.
fn asterix(name: &str) -> Option<Vec<Update>> {
    let path = folder().join("asterix").join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: recording absent ({})", path.display());
        return None;
    };
    let sites: Vec<Value> = [11, 12, 13, 14, 201, 204, 205]
        .map(|sic| {
            json!({
                "sac": 25, "sic": sic, "lat_deg": 43.571_026, "lon_deg": 16.406_064,
                "height_m": 780.0,
            })
        })
        .to_vec();
    let mut host = DecoderHost::<AsterixDecoder>::new(parameters(&json!({ "sites": sites })))
        .expect("parameters are right")
        .without_rerun();
    let mut updates = Vec::new();
    for (captured_ns, payload) in datagrams(&bytes) {
        let decoded = host.decode(captured_ns, &[(captured_ns, payload)]);
        for message in decoded.messages {
            if message.class == "track.air" {
                updates.push((message.class, message.key.clone(), message.read::<Track>()));
            }
        }
    }
    Some(updates)
}

/// Capture times and payloads of the UDP packets of a pcap file, little-endian, over Ethernet or IP.
fn datagrams(bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let word = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
    let fraction_ns = if word(0) == 0xa1b2_c3d4 { 1_000 } else { 1 };
    let link_bytes = if word(20) == 1 { 14 } else { 0 };
    let mut datagrams = Vec::new();
    let mut at = 24;
    while at < bytes.len() {
        let captured_ns = word(at) as u64 * 1_000_000_000 + word(at + 4) as u64 * fraction_ns;
        let packet = &bytes[at + 16..at + 16 + word(at + 8)];
        let ip = &packet[link_bytes..];
        let udp = &ip[usize::from(ip[0] & 15) * 4..];
        let length = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        datagrams.push((captured_ns, &udp[8..length]));
        at += 16 + packet.len();
    }
    datagrams
}
