//! Bad input: whatever the bytes, no panic, and no message that was not sent.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{
    CAPTURED_NS, CAPTURES, Made, PDUS, datagrams, decode, from_hex, host, host_with, read,
    recordings, value,
};
use dis_decoder::fault::Cause;
use serde_json::json;

/// PDUs with everything, and every recorded datagram; nothing that is refused as it is.
fn samples() -> Vec<Vec<u8>> {
    let mut samples = vec![
        Made::default().bytes(),
        Made {
            parameters: 3,
            version: 6,
            ..Made::default()
        }
        .bytes(),
        [
            Made::default().bytes(),
            Made {
                version: 5,
                ..Made::default()
            }
            .bytes(),
        ]
        .concat(),
    ];
    for name in ["entities", "faults"] {
        let path = format!("{}/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
        let text = String::from_utf8(read(std::path::Path::new(&path))).unwrap();
        samples.extend(text.split("\n\n").map(from_hex));
    }
    if let Some(folder) = recordings() {
        for name in CAPTURES {
            let frames = datagrams(&folder.join(format!("{name}.pcap")));
            samples.extend(frames.into_iter().map(|(_, frame)| frame));
        }
        samples.extend(PDUS.map(|name| read(&folder.join(format!("pdus/{name}.raw")))));
    }
    samples.retain(|sample| decode(sample).rejects.is_empty());
    samples
}

#[test]
fn a_datagram_cut_at_any_byte_has_only_its_whole_pdus() {
    let (mut cuts, mut samples_seen) = (0, 0);
    for sample in samples() {
        let whole = decode(&sample).messages;
        let mut ends = BTreeSet::new();
        let mut at = 0;
        while at < sample.len() {
            at += usize::from(u16::from_be_bytes([sample[at + 8], sample[at + 9]]));
            ends.insert(at);
        }
        let frames: Vec<_> = (0..sample.len())
            .map(|end| (CAPTURED_NS, &sample[..end]))
            .collect();
        let mut host = host().without_rerun();
        for (batch, frames) in frames.chunks(256).enumerate() {
            let outcome = host.decode(CAPTURED_NS, frames);
            let refused: BTreeSet<_> = outcome
                .rejects
                .iter()
                .map(|reject| reject.sequence)
                .collect();
            for (place, (_, frame)) in frames.iter().enumerate() {
                let sequence = (batch * 256 + place + 1) as u64;
                assert_eq!(refused.contains(&sequence), !ends.contains(&frame.len()));
            }
            for message in &outcome.messages {
                assert!(whole.iter().any(|one| one.body == message.body));
            }
            assert!(
                outcome
                    .rejects
                    .iter()
                    .all(|reject| reject.cause == "pdu-length")
            );
        }
        cuts += sample.len();
        samples_seen += 1;
    }
    println!("{samples_seen} datagrams cut in {cuts} places");
    if recordings().is_some() {
        assert_eq!(cuts, 435_788);
    }
}

#[test]
fn bytes_after_a_pdu_are_a_reject() {
    for mut sample in samples() {
        sample.push(0);
        let outcome = decode(&sample);
        assert_eq!(outcome.messages, []);
        assert_eq!(outcome.rejects[0].cause, "pdu-length");
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
                    let at = random.below(frame.len().min(160));
                    frame[at] = [random.next() as u8, 0x7f, 0xff, 0][random.below(4)];
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
            let body = value(message);
            if let Some(lat_deg) = body.get("lat_deg") {
                assert!(lat_deg.as_f64().unwrap().abs() <= 90.0);
                assert!(body["alt_m"].as_f64().unwrap().is_finite());
            }
        }
    }
    println!("{messages} messages, {causes:?}");
    assert!(messages > 1_000);
    for cause in Cause::NAMES {
        assert!(
            causes.contains(cause) || ["too-many", "not-a-number"].contains(&cause),
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
fn wrong_datagrams_are_rejects_that_say_where() {
    let good = Made::default();
    let change = |at: usize, byte: u8| {
        let mut bytes = good.bytes();
        bytes[at] = byte;
        bytes
    };
    let located = |location_m| {
        Made {
            location_m,
            ..good.clone()
        }
        .bytes()
    };
    let not_here = "not on the earth or around it at byte 48";
    for (bytes, cause, detail) in [
        (vec![], "pdu-length", "shorter than a PDU header at byte 0"),
        (
            change(0, 4),
            "version",
            "a version that is not read at byte 0",
        ),
        (
            change(0, 8),
            "version",
            "a version that is not read at byte 0",
        ),
        (
            change(2, 73),
            "pdu-type",
            "a PDU of no known type at byte 2",
        ),
        (
            change(3, 2),
            "pdu-type",
            "an Entity State of another family at byte 3",
        ),
        (
            change(9, 145),
            "pdu-length",
            "the PDU does not end within the datagram at byte 8",
        ),
        (
            change(9, 11),
            "pdu-length",
            "the PDU does not end within the datagram at byte 8",
        ),
        (
            change(9, 143),
            "pdu-length",
            "an Entity State of another length at byte 8",
        ),
        (
            change(19, 1),
            "pdu-length",
            "an Entity State of another length at byte 8",
        ),
        (
            Made {
                velocity_mps: [0.0, f32::NAN, 0.0],
                ..good.clone()
            }
            .bytes(),
            "not-a-number",
            "no finite number at byte 40",
        ),
        (
            Made {
                angular_velocity_rps: [0.0, 0.0, f32::INFINITY],
                ..good.clone()
            }
            .bytes(),
            "not-a-number",
            "no finite number at byte 124",
        ),
        (
            located([0.0, f64::NEG_INFINITY, 0.0]),
            "not-a-number",
            "no finite number at byte 56",
        ),
        (located([0.0; 3]), "location", not_here),
        (located([6_299_999.0, 0.0, 0.0]), "location", not_here),
        (located([0.0, 0.0, 1.1e9]), "location", not_here),
        (located([f64::MAX; 3]), "location", not_here),
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
    // The second of two says where it lies in the datagram, and takes the first with it.
    let outcome = decode(&[good.bytes(), change(0, 9)].concat());
    assert_eq!(outcome.messages, []);
    assert_eq!(
        outcome.rejects[0].detail,
        "a version that is not read at byte 144"
    );
}

#[test]
fn a_datagram_has_at_most_the_pdus_that_are_read() {
    let one = Made::default().bytes();
    assert_eq!(decode(&one.repeat(12)).messages.len(), 24);
    let outcome = decode(&one.repeat(13));
    assert_eq!(outcome.messages, []);
    assert_eq!(
        outcome.rejects[0].detail,
        "more PDUs than are read at byte 1728"
    );
}

#[test]
fn every_byte_of_parameters_is_kept_up_to_the_bound() {
    for (parameters, kept) in [
        (0, None),
        (1, Some(32)),
        (16, Some(512)),
        (17, None),
        (255, None),
    ] {
        let made = Made {
            parameters,
            ..Made::default()
        };
        let outcome = decode(&made.bytes());
        let body = value(&outcome.messages[1]);
        assert_eq!(body["parameter_count"], parameters);
        let length = body
            .get("parameters")
            .map(|text| text.as_str().unwrap().len());
        assert_eq!(length, kept);
        assert!(outcome.messages[1].body.len() <= 4_096);
    }
}

#[test]
fn the_kind_chooses_the_class_and_the_category_the_platform() {
    for (kind, class, platform) in [
        ([1, 1, 1], Some("track.ground"), Some("tank")),
        ([1, 1, 6], Some("track.ground"), Some("wheeled-vehicle")),
        ([1, 1, 255], Some("track.ground"), None),
        ([3, 1, 1], Some("track.ground"), Some("life-form")),
        ([1, 2, 1], Some("track.air"), Some("fighter")),
        ([1, 2, 21], Some("track.air"), Some("helicopter")),
        ([1, 2, 0], Some("track.air"), None),
        ([1, 3, 6], Some("track.sea"), Some("frigate")),
        ([1, 4, 3], Some("track.sea"), Some("submarine")),
        (
            [1, 4, 8],
            Some("track.sea"),
            Some("unmanned-underwater-vehicle"),
        ),
        ([1, 5, 1], None, None),
        ([2, 2, 1], None, None),
        ([1, 0, 1], None, None),
    ] {
        let bytes = Made {
            kind,
            ..Made::default()
        }
        .bytes();
        let outcome = decode(&bytes);
        let classes: Vec<_> = outcome
            .messages
            .iter()
            .map(|message| message.class)
            .collect();
        let expected: Vec<_> = class.into_iter().chain(["dis.entity-state"]).collect();
        assert_eq!(classes, expected, "{kind:?}");
        let body = value(&outcome.messages[0]);
        assert_eq!(
            body.get("platform_class").and_then(|name| name.as_str()),
            platform
        );

        let off = json!({ "source_classes": false });
        let outcome = host_with(&off).decode(CAPTURED_NS, &[(CAPTURED_NS, &bytes)]);
        match class {
            Some(_) => assert_eq!((outcome.messages.len(), outcome.skips.len()), (1, 0)),
            None => assert_eq!(outcome.skips, [(1, "source-class-off")]),
        }
    }
}

#[test]
fn the_algorithm_says_along_which_axes_a_velocity_is() {
    // Level over the equator, ψ east and φ upright: heading east, 200 m/s ahead.
    let quarter = std::f32::consts::FRAC_PI_2;
    let east = Made {
        orientation_rad: [quarter, 0.0, -quarter],
        ..Made::default()
    };
    for algorithm in 0..=255 {
        let in_body_axes = (6..=9).contains(&algorithm);
        let velocity_mps = if in_body_axes {
            [200.0, 0.0, 0.0]
        } else {
            [0.0, 200.0, 0.0]
        };
        let made = Made {
            algorithm,
            velocity_mps,
            angular_velocity_rps: [0.0, 0.0, 0.1],
            ..east.clone()
        };
        let outcome = decode(&made.bytes());
        let track = value(&outcome.messages[0]);
        let near = |name: &str, expected: f64| {
            assert!(
                (track[name].as_f64().unwrap() - expected).abs() < 1e-4,
                "{algorithm}: {name}"
            );
        };
        near("speed_mps", 200.0);
        near("course_deg", 90.0);
        near("heading_deg", 90.0);
        near("climb_mps", 0.0);
        let turns = [3, 4, 7, 8].contains(&algorithm);
        assert_eq!(track.get("turn_rate_dps").is_some(), turns, "{algorithm}");
        assert_eq!(
            value(&outcome.messages[1])["velocity_in_body_axes"],
            in_body_axes
        );
    }
}

#[test]
fn a_marking_that_cannot_be_read_is_no_callsign() {
    for (marking_set, marking, expected) in [
        (1, b"VIPER 1\0\0\0\0", Some("VIPER 1")),
        (1, b"  ELEVEN12 ", Some("ELEVEN12")),
        (1, b"ELEVENCHARS", Some("ELEVENCHARS")),
        (1, b"AB\0CD\0\0\0\0\0\0", Some("AB")),
        (1, b"\0\0\0\0\0\0\0\0\0\0\0", None),
        (1, b"           ", None),
        (1, b"AB\xff\0\0\0\0\0\0\0\0", None),
        (2, b"VIPER 1\0\0\0\0", None),
    ] {
        let made = Made {
            marking_set,
            marking: *marking,
            ..Made::default()
        };
        let track = value(&decode(&made.bytes()).messages[0]);
        assert_eq!(
            track.get("callsign").and_then(|text| text.as_str()),
            expected
        );
    }
}

#[test]
fn another_exercise_is_passed_over() {
    let bytes = Made {
        exercise: 4,
        ..Made::default()
    }
    .bytes();
    for (exercise, messages) in [(4, 2), (5, 0)] {
        let mut host = host_with(&json!({ "exercise": exercise }));
        let outcome = host.decode(CAPTURED_NS, &[(CAPTURED_NS, &bytes)]);
        assert_eq!(outcome.messages.len(), messages);
        assert_eq!(outcome.skips.is_empty(), messages > 0);
        // One exercise: its entities' numbers are enough.
        let parts = outcome
            .messages
            .iter()
            .map(|one| one.key.split('-').count());
        assert!(parts.eq(std::iter::repeat_n(3, messages)));
    }
    use outrigger_sdk::testing::{DecoderHost, parameters};
    let unknown = parameters(&json!({ "exercises": 4 }));
    assert!(DecoderHost::<dis_decoder::DisDecoder>::new(unknown).is_err());
}

/// Entities of two exercises may have the same numbers, and are not one track.
#[test]
fn entities_of_two_exercises_have_keys_of_their_own() {
    let of = |exercise| {
        let made = Made {
            exercise,
            ..Made::default()
        };
        let outcome = decode(&made.bytes());
        let keys: Vec<String> = outcome.messages.iter().map(|one| one.key.clone()).collect();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], keys[1]);
        assert_eq!(value(&outcome.messages[0])["track_id"], keys[0].as_str());
        keys[0].clone()
    };
    let (one, other) = (of(1), of(2));
    assert_eq!(one.strip_prefix("1-"), other.strip_prefix("2-"));
    assert_ne!(one, other);
}

#[test]
fn an_absolute_timestamp_is_a_time_and_a_relative_one_is_not() {
    // Half past the hour; the capture is at the hour.
    for (timestamp, source, minutes) in [
        (0x8000_0001, "time-of-track", 30),
        (0x8000_0000, "capture", 0),
    ] {
        let captured_ns = CAPTURED_NS + 20 * 60_000_000_000;
        let frame = Made {
            timestamp,
            ..Made::default()
        }
        .bytes();
        let outcome = host().decode(captured_ns, &[(captured_ns, &frame)]);
        let message = &outcome.messages[0];
        let expected_ns = if minutes == 30 {
            CAPTURED_NS + 1_800_000_000_838
        } else {
            captured_ns
        };
        assert_eq!(
            (message.event_ns, value(message)["time_source"].as_str()),
            (expected_ns, Some(source))
        );
    }
}
