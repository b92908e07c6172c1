//! The targets: one for each plugin.

use adsb_decoder::AdsbDecoder;
use ais_decoder::AisDecoder;
use asterix_decoder::AsterixDecoder;
use dis_decoder::DisDecoder;
use gmti_decoder::GmtiDecoder;
use outrigger_sdk::testing::{DecoderHost, no_parameters, parameters};
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
        repair: |line| avr_parity(line),
        check: |case| {
            // Near Toulouse-Blagnac, where the long flight was recorded.
            let near = json!({ "receiver": { "lat_deg": 43.62, "lon_deg": 1.37 } });
            oracle::decoder::<AdsbDecoder>(&parameters(&near), Values::InRange, case);
        },
    },
    Target {
        name: "asterix",
        corpus: || corpus::load("asterix", "asterix"),
        repair: |frame| big_endian_length(frame, 1, 2),
        check: |case| {
            // A radar of the recordings, so that its plots have positions.
            let sites = json!({ "sites": [{
                "sac": 25, "sic": 12, "lat_deg": 43.571_026, "lon_deg": 16.406_064, "height_m": 780.0,
            }] });
            oracle::decoder::<AsterixDecoder>(&parameters(&sites), Values::AsSent, case);
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
            for class in ["track.sea", "track.air"] {
                oracle::validator::<TrackPlausibility>(&no_parameters(), class, case);
            }
        },
    },
];

/// The target of a name.
pub fn named(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Tracks that the AIS decoder makes of its corpus.
fn tracks() -> Vec<Case> {
    let decoded = corpus::load("ais", "ais").into_iter().map(|recording| {
        let mut host = DecoderHost::<AisDecoder>::new(no_parameters())
            .expect("it has no parameters")
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

/// The parity of a line `*HEX;` of 112 bits: the remainder by the generator 1FFF409 (ICAO Annex 10
/// Volume IV, 3.1.2.3.3).
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
    let mut remainder = 0u32;
    for byte in bytes {
        remainder ^= u32::from(byte) << 16;
        for _ in 0..8 {
            remainder <<= 1;
            if remainder & 0x100_0000 != 0 {
                remainder ^= 0x1ff_f409;
            }
        }
    }
    line[23..29].copy_from_slice(format!("{remainder:06X}").as_bytes());
}
