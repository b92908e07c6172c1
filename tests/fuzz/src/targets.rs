//! The targets: one for each plugin.

use adsb_decoder::AdsbDecoder;
use ais_decoder::AisDecoder;
use asterix_decoder::AsterixDecoder;
use dis_decoder::DisDecoder;
use gmti_decoder::GmtiDecoder;
use outrigger_sdk::testing::{DecoderHost, no_parameters, parameters};
use outrigger_sdk::{Configuration, Decoder};
use serde_json::json;
use track_plausibility::TrackPlausibility;

use crate::case::Case;
use crate::corpus;
use crate::mutate::Repair;
use crate::oracle::{self, Values};

/// A plugin under test.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name: the plugin's folder.
    pub name: &'static str,
    /// What cases grow from.
    pub corpus: fn() -> Vec<Case>,
    /// Puts a changed frame's checksum or length right.
    pub repair: Repair,
    /// Runs a case; panics where a rule is broken.
    pub check: fn(&Case),
}

/// All targets.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "ais",
        corpus: || corpus::load("ais", "ais"),
        repair: nmea_checksum,
        check: |case| oracle::decoder::<AisDecoder>(&no_parameters(), Values::AsSent, case),
    },
    Target {
        name: "adsb",
        corpus: || corpus::load("adsb", "adsb"),
        repair: |frame| match frame.first() {
            Some(&0x1a) => beast_parity(frame),
            _ => avr_parity(frame),
        },
        check: |case| {
            oracle::decoder::<AdsbDecoder>(&adsb_parameters(), Values::InRange, case);
        },
    },
    Target {
        name: "asterix",
        corpus: || corpus::load("asterix", "asterix"),
        repair: |frame| big_endian_length(frame, 1, 2),
        check: |case| {
            oracle::decoder::<AsterixDecoder>(&asterix_parameters(), Values::AsSent, case);
        },
    },
    Target {
        name: "dis",
        corpus: || corpus::load("dis", "dis"),
        repair: |frame| big_endian_length(frame, 8, 2),
        check: |case| oracle::decoder::<DisDecoder>(&no_parameters(), Values::InRange, case),
    },
    Target {
        name: "gmti",
        corpus: || corpus::load("gmti", "gmti"),
        repair: |frame| big_endian_length(frame, 2, 4),
        check: |case| oracle::decoder::<GmtiDecoder>(&no_parameters(), Values::InRange, case),
    },
    Target {
        name: "track-plausibility",
        corpus: tracks,
        repair: |_| (),
        check: |case| {
            for class in ["track.sea", "track.air", "track.ground"] {
                oracle::validator::<TrackPlausibility>(&no_parameters(), class, case);
            }
        },
    },
];

/// The target of a name.
pub fn named(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Tracks that the decoders make of their corpora.
fn tracks() -> Vec<Case> {
    let mut cases = tracks_of::<AisDecoder>("ais", no_parameters());
    cases.extend(tracks_of::<AdsbDecoder>("adsb", adsb_parameters()));
    cases.extend(tracks_of::<AsterixDecoder>("asterix", asterix_parameters()));
    cases.extend(tracks_of::<DisDecoder>("dis", no_parameters()));
    cases.extend(tracks_of::<GmtiDecoder>("gmti", no_parameters()));
    cases
}

fn tracks_of<D: Decoder>(plugin: &str, configuration: Configuration) -> Vec<Case> {
    let decoded = corpus::load(plugin, plugin).into_iter().map(|recording| {
        let mut host = DecoderHost::<D>::new(configuration.clone())
            .expect("the parameters are right")
            .without_rerun();
        let mut case = Case::new();
        for (captured_ns, frame) in &recording {
            let batch = host.decode(*captured_ns, &[(*captured_ns, frame)]);
            let tracks = batch
                .messages
                .into_iter()
                .filter(|message| message.class.starts_with("track."));
            case.extend(tracks.map(|message| (*captured_ns, message.body)));
        }
        case
    });
    decoded.filter(|case| !case.is_empty()).collect()
}

/// Near Toulouse-Blagnac, where the long flight was recorded.
fn adsb_parameters() -> Configuration {
    parameters(&json!({ "receiver": { "lat_deg": 43.62, "lon_deg": 1.37 } }))
}

/// A radar of the recordings, so that its plots have positions.
fn asterix_parameters() -> Configuration {
    parameters(&json!({ "sites": [{
        "sac": 25, "sic": 12, "lat_deg": 43.571_026, "lon_deg": 16.406_064, "height_m": 780.0,
    }] }))
}

/// Writes a frame's length into its header.
fn big_endian_length(frame: &mut [u8], at: usize, bytes: usize) {
    let length = (frame.len() as u64).to_be_bytes();
    if let Some(field) = frame.get_mut(at..at + bytes) {
        field.copy_from_slice(&length[8 - bytes..]);
    }
}

/// The checksum of the first sentence: exclusive or of what lies between `!` or `$` and `*`
/// (IEC 61162-1, 7.2.4).
fn nmea_checksum(frame: &mut Vec<u8>) {
    let Some(start) = frame.iter().position(|byte| matches!(byte, b'!' | b'$')) else {
        return;
    };
    let content = &frame[start + 1..];
    let Some(star) = content.iter().position(|&byte| byte == b'*') else {
        return;
    };
    let sum = content[..star].iter().fold(0, |sum, byte| sum ^ byte);
    let end = (start + 1 + star + 3).min(frame.len());
    frame.splice(start + 2 + star..end, format!("{sum:02X}").into_bytes());
}

/// The parity of a line `*HEX;` of 112 bits.
fn avr_parity(line: &mut [u8]) {
    let digits = line
        .get(1..29)
        .and_then(|digits| std::str::from_utf8(digits).ok());
    let Some(bytes) = digits
        .and_then(|digits| digits.get(..22))
        .and_then(crate::case::from_hex)
    else {
        return;
    };
    let parity = parity(&bytes);
    line[23..29].copy_from_slice(format!("{parity:06X}").as_bytes());
}

/// The parity of a Beast frame: 0x1a, type, six bytes of clock, signal, then 7 or 14 bytes.
fn beast_parity(frame: &mut [u8]) {
    let length = match frame.get(1) {
        Some(b'2') => 7,
        Some(b'3') => 14,
        _ => return,
    };
    if let Some(message) = frame.get_mut(9..9 + length) {
        let (content, place) = message.split_at_mut(length - 3);
        place.copy_from_slice(&parity(content).to_be_bytes()[1..]);
    }
}

/// The remainder by the generator 1FFF409 (ICAO Annex 10 Volume IV, 3.1.2.3.3).
fn parity(bytes: &[u8]) -> u32 {
    let mut remainder = 0u32;
    for byte in bytes {
        remainder ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            remainder <<= 1;
            if remainder & 0x100_0000 != 0 {
                remainder ^= 0x1ff_f409;
            }
        }
    }
    remainder
}
