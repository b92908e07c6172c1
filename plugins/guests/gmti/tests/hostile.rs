//! Bad input: whatever the bytes, no panic, and no message that was not sent.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{
    CAPTURED_NS, SAMPLES, decode, dwell, dwell_bit, from_hex, host, host_with, mission, packet,
    read, recordings, resize, target_bit, value,
};
use gmti_decoder::fault::Cause;
use gmti_decoder::security::MARKINGS;
use serde_json::json;

/// The recordings, and packets with everything that they do not have.
fn samples() -> Vec<Vec<u8>> {
    let every_field = !(0xffff | target_bit(4) | target_bit(5));
    let mut full = every_field.to_be_bytes().to_vec();
    // D2 to D31 have 78 bytes, D32.1 to D32.18 without D32.4 and D32.5 have 32.
    full.extend((0..78).map(|at| if at == 6 { 2 } else { u8::from(at == 4) }));
    full.extend((0..64).map(|at| at as u8));
    let reduced = target_bit(4) | target_bit(5) | dwell_bit(10) | dwell_bit(11);
    let steps = vec![vec![0, 5, 0xff, 0xfb], vec![0x80, 0, 0x7f, 0xff]];
    let mut samples = vec![
        packet(
            2,
            b"XN",
            0,
            &[(1, mission(2026, 4, 29)), (2, dwell(0, 5, &[]))],
        ),
        packet(5, b"US", 0x2000, &[(2, full)]),
        packet(
            1,
            b"XN",
            0,
            &[(2, dwell(reduced, 5, &steps)), (3, vec![1; 40])],
        ),
    ];
    for name in ["dwells", "segments", "faults"] {
        let path = format!("{}/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
        let text = String::from_utf8(read(std::path::Path::new(&path))).unwrap();
        let golden = text.split("\n\n").map(from_hex);
        samples.extend(golden.filter(|sample| decode(sample).rejects.is_empty()));
    }
    if let Some(folder) = recordings() {
        samples.extend(SAMPLES.map(|name| read(&folder.join(format!("{name}.gmti")))));
    }
    samples
}

#[test]
fn every_sample_is_right() {
    for sample in samples() {
        let outcome = decode(&sample);
        assert_eq!(outcome.rejects, []);
        assert!(!outcome.messages.is_empty() || !outcome.skips.is_empty());
    }
}

#[test]
fn a_packet_cut_at_any_byte_is_a_reject() {
    for sample in samples() {
        for end in 0..sample.len() {
            let outcome = decode(&sample[..end]);
            assert_eq!(outcome.messages, [], "cut at {end}");
            assert_eq!(outcome.rejects.len(), 1, "cut at {end}");
            assert_eq!(outcome.rejects[0].cause, "packet-length");
        }
    }
}

/// A forger would write the new length into the header: then only whole segments are messages.
#[test]
fn a_packet_cut_and_relabelled_has_only_its_whole_segments() {
    for sample in samples() {
        let whole = decode(&sample).messages;
        let mut ends = BTreeSet::from([32]);
        let mut at = 32;
        while at < sample.len() {
            at += u32::from_be_bytes(sample[at + 1..at + 5].try_into().unwrap()) as usize;
            ends.insert(at);
        }
        for end in 32..sample.len() {
            let mut cut = sample[..end].to_vec();
            resize(&mut cut);
            let outcome = decode(&cut);
            if ends.contains(&end) {
                assert_eq!(
                    outcome.messages,
                    whole[..outcome.messages.len()],
                    "cut at {end}"
                );
                assert_eq!(outcome.rejects, []);
            } else {
                assert_eq!(outcome.messages, [], "cut at {end}");
                assert_eq!(outcome.rejects[0].cause, "segment-length", "cut at {end}");
            }
        }
    }
}

#[test]
fn bytes_after_a_packet_are_a_reject() {
    for mut sample in samples() {
        sample.push(0);
        assert_eq!(decode(&sample).rejects[0].cause, "packet-length");
        resize(&mut sample);
        assert_eq!(decode(&sample).rejects[0].cause, "segment-length");
    }
}

/// A small generator of known start: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

#[test]
fn changed_bytes_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let samples = samples();
    let mut host = host();
    let (mut messages, mut causes) = (0, BTreeSet::new());
    for _ in 0..4_000 {
        let frames: Vec<Vec<u8>> = (0..8)
            .map(|_| {
                let mut frame = samples[random.below(samples.len())].clone();
                for _ in 0..=random.below(3) {
                    let at = random.below(frame.len());
                    frame[at] = random.next() as u8;
                }
                if random.below(2) == 0 {
                    resize(&mut frame);
                }
                frame
            })
            .collect();
        let frames: Vec<_> = frames
            .iter()
            .map(|frame| (CAPTURED_NS, &frame[..]))
            .collect();
        let outcome = host.decode(CAPTURED_NS, &frames);
        messages += outcome.messages.len();
        causes.extend(outcome.rejects.iter().map(|reject| reject.cause));
        for message in &outcome.messages {
            value(message);
        }
    }
    println!("{messages} messages, {causes:?}");
    assert!(messages > 1_000);
    for cause in Cause::NAMES {
        assert!(
            causes.contains(cause) || cause == "too-many",
            "{cause} never met"
        );
    }
}

#[test]
fn random_bytes_are_rejects() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..5_000 {
        let length = random.below(300);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        assert_eq!(decode(&bytes).rejects.len(), 1);
    }
}

#[test]
fn wrong_packets_are_rejects_that_say_where() {
    let good = packet(
        5,
        b"XN",
        0,
        &[(1, mission(2026, 4, 29)), (2, dwell(0, 5, &[]))],
    );
    let change = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let with =
        |mask: u64, targets: &[Vec<u8>]| packet(5, b"XN", 0, &[(2, dwell(mask, 5, targets))]);
    let dwell_at = 32 + 5 + 39 + 5;
    let over_a_pole = target_bit(4) | target_bit(5) | dwell_bit(10) | dwell_bit(11);
    let mut steep = dwell(over_a_pole, 5, &[vec![0x7f, 0xff, 0, 0]]);
    let scale_at = 8 + 7 + 4 + 12;
    steep[scale_at] = 0x7f;
    let mut absent = dwell(0, 5, &[]);
    absent[0] = 0x7f;
    for (bytes, cause, detail) in [
        (
            vec![],
            "packet-length",
            "shorter than a packet header at byte 0",
        ),
        (
            change(0, b'9'),
            "version",
            "a version that is not read at byte 0",
        ),
        (
            change(8, 0),
            "classification",
            "no classification at byte 8",
        ),
        (
            change(8, 6),
            "classification",
            "no classification at byte 8",
        ),
        (
            change(10, 0x80),
            "text",
            "no character of the basic set at byte 10",
        ),
        (
            change(15, 7),
            "text",
            "no character of the basic set at byte 15",
        ),
        (
            change(32, 4),
            "segment-type",
            "a segment of no known type at byte 32",
        ),
        (
            change(36, 4),
            "segment-length",
            "the segment does not end within the packet at byte 33",
        ),
        (
            change(36, 43),
            "segment-length",
            "ends inside a field at byte 75",
        ),
        (
            change(36, 45),
            "segment-length",
            "bytes after the segment's content at byte 76",
        ),
        (change(74, 13), "value", "no date at byte 72"),
        (
            change(dwell_at + 12, 2),
            "value",
            "the last dwell is neither 0 nor 1 at byte 93",
        ),
        (
            change(dwell_at + 7, 1),
            "existence-mask",
            "a bit without a field is set at byte 81",
        ),
        (
            packet(5, b"XN", 0, &[(2, absent)]),
            "existence-mask",
            "a mandatory field is absent at byte 37",
        ),
        (
            with(target_bit(2), &[vec![0; 4]]),
            "existence-mask",
            "half a position of a target at byte 37",
        ),
        (
            with(target_bit(4) | target_bit(5), &[vec![0; 4]]),
            "existence-mask",
            "a position without its scale at byte 37",
        ),
        (
            with(over_a_pole | target_bit(2) | target_bit(3), &[vec![0; 12]]),
            "existence-mask",
            "two positions of a target at byte 37",
        ),
        (
            with(0, &[vec![]]),
            "existence-mask",
            "target reports without fields at byte 37",
        ),
        (
            with(target_bit(6), &[vec![0; 3]]),
            "segment-length",
            "the target reports do not fill the segment at byte 80",
        ),
        (
            packet(5, b"XN", 0, &[(2, steep)]),
            "value",
            "a latitude beyond a pole at byte 88",
        ),
    ] {
        let outcome = decode(&bytes);
        assert_eq!(outcome.messages, [], "{detail}");
        let got: Vec<_> = outcome
            .rejects
            .iter()
            .map(|reject| (reject.cause, reject.detail.as_str()))
            .collect();
        assert_eq!(got, [(cause, detail)]);
    }
}

#[test]
fn a_packet_without_segments_is_passed_over() {
    let outcome = decode(&packet(5, b"XN", 0, &[]));
    assert_eq!(outcome.skips, [(1, "no-segment")]);
    let given = json!({ "source_classes": false });
    let only_text = packet(5, b"XN", 0, &[(6, b"text".to_vec())]);
    let outcome = host_with(&given).decode(CAPTURED_NS, &[(CAPTURED_NS, &only_text)]);
    assert_eq!(outcome.skips, [(1, "source-class-off")]);
}

#[test]
fn a_packet_of_more_messages_than_are_asked_for_is_a_reject() {
    let targets = |count: usize| {
        let reports = vec![vec![0, 9]; count];
        packet(5, b"XN", 0, &[(2, dwell(target_bit(6), 5, &reports))])
    };
    assert_eq!(decode(&targets(63)).messages.len(), 64);
    let outcome = decode(&targets(64));
    assert_eq!(outcome.messages, []);
    assert_eq!(outcome.rejects[0].cause, "too-many");
    let given = json!({ "messages_max": 1_024 });
    let outcome = host_with(&given).decode(CAPTURED_NS, &[(CAPTURED_NS, &targets(1_023))]);
    assert_eq!(outcome.messages.len(), 1_024);
}

#[test]
fn markings_are_the_headers_and_plain_only_when_the_parameters_say_so() {
    let given = json!({ "systems": ["XN", "US"], "plain_codes": 0x2040 });
    for (number, word) in (1..=5).zip([
        "top-secret",
        "secret",
        "confidential",
        "restricted",
        "unclassified",
    ]) {
        for (system, codes, plain) in [
            (b"XN", 0, true),
            (b"US", 0x2000, true),
            (b"XN", 0x0040, true),
            (b"XN", 0x0041, false),
            (b"XN", 0x8000, false),
            (b"ZZ", 0, false),
            (b"  ", 0, false),
        ] {
            let bytes = packet(
                number,
                system,
                codes,
                &[(1, mission(2026, 4, 29)), (2, dwell(0, 5, &[]))],
            );
            let expected = if plain {
                word.to_owned()
            } else {
                format!("{word}.special")
            };
            let outcome = host_with(&given).decode(CAPTURED_NS, &[(CAPTURED_NS, &bytes)]);
            assert_eq!(outcome.messages.len(), 2);
            for message in &outcome.messages {
                assert_eq!(message.marking, Some(expected.as_str()));
            }
            let outcome = decode(&bytes);
            let special = format!("{word}.special");
            assert_eq!(outcome.messages[0].marking, Some(special.as_str()));
            assert!(MARKINGS.contains(&special.as_str()));
        }
    }
}

/// What a packet of one marking says must not show in what is made of one of another.
#[test]
fn a_reference_day_counts_for_packets_of_its_own_marking_only() {
    let given = json!({ "systems": ["XN"] });
    let mut host = host_with(&given);
    let secret = packet(2, b"XN", 0, &[(1, mission(2001, 2, 3))]);
    let frames = [
        secret.clone(),
        packet(2, b"XN", 0, &[(2, dwell(0, 1_000, &[]))]),
        packet(5, b"XN", 0, &[(2, dwell(0, 1_000, &[]))]),
        packet(2, b"XN", 1, &[(2, dwell(0, 1_000, &[]))]),
    ];
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| (CAPTURED_NS, &frame[..]))
        .collect();
    let outcome = host.decode(CAPTURED_NS, &frames);
    let days: Vec<_> = outcome.messages[1..]
        .iter()
        .map(|message| value(message)["day_from"].clone())
        .collect();
    assert_eq!(days, ["mission", "capture", "capture"]);
    assert_eq!(host.keys().len(), 1);
    assert_eq!(host.evict(CAPTURED_NS, &host.keys()[0]), []);
}

#[test]
fn a_wrong_parameter_is_refused_by_name() {
    use outrigger_sdk::testing::{DecoderHost, parameters};
    for (given, expected) in [
        (
            json!({ "systems": ["NATO"] }),
            "systems must be texts of two printable characters each, not \"NATO\"",
        ),
        (
            json!({ "versions": vec!["41"; 17] }),
            "versions must be at most 16 texts, not 17",
        ),
        (
            json!({ "messages_max": 0 }),
            "messages_max must be 1 to 1024, not 0",
        ),
    ] {
        let refused = DecoderHost::<gmti_decoder::GmtiDecoder>::new(parameters(&given));
        let Err(error) = refused else {
            panic!("{given} was taken");
        };
        assert_eq!(error.to_string(), format!("parameter: {expected}"));
    }
    let unknown =
        DecoderHost::<gmti_decoder::GmtiDecoder>::new(parameters(&json!({ "system": [] })));
    assert!(unknown.is_err());
}
