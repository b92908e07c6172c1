//! Bad input: whatever the bytes, no panic, and no message that was not sent.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{CAPTURED_NS, Host, borrowed, lines, long_flight, los_angeles, recordings};
use outrigger_sdk::testing::parameters;
use serde_json::json;

/// One frame of each kind that makes a message, and its form.
fn samples() -> Vec<Vec<u8>> {
    let frames = [
        "8D4840D6202CC371C32CE0576098",
        "8D485020994409940838175B284F",
        "8DA05F219B06B6AF189400CBC33F",
        "8c38a0dbe11faf00000000919cf3",
        "8d398101f8010002004abc91825d",
        "8d486257ea0dc848017e006c5a48",
    ];
    let mut all = Vec::new();
    for digits in frames {
        let bytes = common::unhex(digits);
        let mut beast = vec![0x1a, b'3', 0, 0, 0, 0, 0, 1, 40];
        beast.extend(&bytes);
        all.push(beast);
        all.push(format!("*{digits};").into_bytes());
        all.push(format!("@000000000001{digits};").into_bytes());
        all.push(digits.as_bytes().to_vec());
        all.push(bytes);
    }
    all
}

fn run(frames: &[Vec<u8>]) -> common::Outcome {
    let frames = frames
        .iter()
        .map(|payload| (CAPTURED_NS, payload.as_slice()));
    Host::default().run(frames, 256)
}

#[test]
fn a_frame_cut_at_any_byte_is_a_reject() {
    for whole in samples() {
        let outcome = run(std::slice::from_ref(&whole));
        assert_eq!(outcome.messages.len(), 1, "{whole:02x?}");
        for end in 1..whole.len() {
            let cut = whole[..end].to_vec();
            let outcome = run(std::slice::from_ref(&cut));
            assert_eq!(outcome.messages, [], "{cut:02x?}");
            // Half of the digits of a long frame can be a short frame of no format that is read.
            assert_eq!(outcome.rejects.len() + outcome.skips.len(), 1);
            assert!(
                outcome.rejects.len() == 1 || end == 14,
                "{cut:02x?} {:?}",
                outcome.skips
            );
        }
        let mut longer = whole.clone();
        longer.push(b'0');
        assert_eq!(run(&[longer]).rejects.len(), 1);
    }
}

/// Every frame of both recordings and of the golden cases, cut at every byte: a reject, or, where
/// the digits that are left are as many as a short frame has, a kind that is counted.
#[test]
fn recorded_frames_cut_at_any_byte_make_no_message() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut all: Vec<(u64, Vec<u8>)> = ["published", "departure", "faults"]
        .iter()
        .flat_map(|name| lines(&golden.join(format!("{name}.avr"))))
        .map(|line| (CAPTURED_NS, line.into_bytes()))
        .collect();
    if let Some(folder) = recordings() {
        all.extend(long_flight(&folder));
        all.extend(los_angeles(&folder));
    }
    let (mut cuts, mut counted) = (0, 0);
    let mut host = Host(Host::default().0.without_rerun());
    for frames in all.chunks(4_096) {
        let pieces: Vec<(u64, &[u8])> = frames
            .iter()
            .flat_map(|(at, payload)| (0..payload.len()).map(|end| (*at, &payload[..end])))
            .collect();
        let outcome = host.run(pieces.iter().copied(), 256);
        assert_eq!(outcome.messages, []);
        assert_eq!(outcome.rejects.len() + outcome.skips.len(), pieces.len());
        for (sequence, kind) in &outcome.skips {
            let (_, piece) = pieces[*sequence as usize - 1 - cuts];
            let short_digits = piece.len() == 14 && piece.iter().all(u8::is_ascii_hexdigit);
            assert!(short_digits || *kind == "empty", "{piece:02x?}: {kind}");
            counted += usize::from(short_digits);
        }
        cuts += pieces.len();
    }
    assert_eq!(host.0.keys(), Vec::<Vec<u8>>::new());
    println!(
        "{} frames cut in {cuts} places, {counted} counted",
        all.len()
    );
}

/// A changed bit of an extended squitter is found by its parity; of its format, it makes a frame
/// of another kind, which names no one who is known.
#[test]
fn a_frame_with_one_or_two_bits_changed_makes_no_message() {
    let mut changed = Vec::new();
    for whole in samples().into_iter().filter(|whole| whole.len() == 14) {
        for first in 0..112 {
            for second in first..112 {
                let mut bytes = whole.clone();
                bytes[first / 8] ^= 0x80 >> (first % 8);
                if second != first {
                    bytes[second / 8] ^= 0x80 >> (second % 8);
                }
                changed.push(bytes);
            }
        }
        // The aircraft is known.
        let mut frames = vec![whole];
        frames.append(&mut changed);
        let outcome = run(&frames);
        assert_eq!(outcome.messages.len(), 1);
        assert_eq!(outcome.rejects.len() + outcome.skips.len(), 112 * 113 / 2);
    }
}

/// Pseudo-random bytes in every form and length: no message, one answer each.
#[test]
fn noise_makes_no_message() {
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let frames: Vec<(u64, Vec<u8>)> = (0..200_000)
        .map(|_| {
            let length = match next() % 4 {
                0 => 7,
                1 => 14,
                2 => 23,
                _ => next() as usize % 64,
            };
            let mut payload: Vec<u8> = (0..length).map(|_| next() as u8).collect();
            if length == 23 {
                payload[..2].copy_from_slice(&[0x1a, b'3']);
            }
            if length == 14 {
                payload[0] = 17 << 3 | payload[0] & 7;
            }
            (CAPTURED_NS, payload)
        })
        .collect();
    for form in ["auto", "beast", "avr", "hex", "raw"] {
        let mut host = Host::new(parameters(&json!({ "form": form })));
        let outcome = host.run(borrowed(&frames), 256);
        assert_eq!(outcome.messages, [], "{form}");
        assert_eq!(outcome.rejects.len() + outcome.skips.len(), frames.len());
    }
}

#[test]
fn batches_do_not_matter() {
    let Some(folder) = recordings() else { return };
    let mut frames = long_flight(&folder);
    frames.truncate(40_000);
    let mut host = Host::toulouse();
    let alone = host.run(borrowed(&frames), 1);
    for batch in [7, 256] {
        let mut same = Host::toulouse();
        assert_eq!(same.run(borrowed(&frames), batch), alone, "{batch}");
        assert_eq!(same.kept(), host.kept(), "{batch}");
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    for wrong in [
        json!({ "receiver": { "lat_deg": 91.0, "lon_deg": 0.0 } }),
        json!({ "receiver": { "lat_deg": 0.0, "lon_deg": -181.0 } }),
        json!({ "receiver": { "lat_deg": 0.0 } }),
        json!({ "form": "sbs" }),
        json!({ "other": 1 }),
    ] {
        let host = outrigger_sdk::testing::DecoderHost::<adsb_decoder::AdsbDecoder>::new(
            parameters(&wrong),
        );
        assert!(host.is_err(), "{wrong}");
    }
}
