#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const DIGEST: [u8; 32] = [0xab; 32];
/// {"lat_deg": 55.5}
const BODY: &[u8] = b"\x81\xa7lat_deg\xcb\x40\x4b\xc0\0\0\0\0\0";
/// {"speed_mps": 3}
const DETAIL: &[u8] = b"\x81\xa9speed_mps\x03";

fn source(frames: &[u64]) -> Source<'_> {
    Source {
        position: Position {
            block: 7,
            ordinal: 2,
        },
        tap: "harbour",
        frames,
        index: 1,
        captured_ns: 1_700_000_000_000_000_001,
    }
}

fn outgoing<'a>(frames: &'a [u64], plugins: &'a [u8]) -> Outgoing<'a> {
    Outgoing {
        source: source(frames),
        class: "track.sea",
        key: "219000001",
        event_ns: 1_700_000_000_000_000_000,
        label: "open",
        plugins,
        body: BODY,
        failure: None,
    }
}

fn anomaly() -> AnomalyEntry<'static> {
    AnomalyEntry {
        rule: "speed",
        severity: 2,
        score_permille: 900,
        detail: DETAIL,
        plugin: "plausibility",
    }
}

fn encoded(outgoing: &Outgoing<'_>, anomalies: &[AnomalyEntry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, outgoing, anomalies.iter().copied());
    bytes
}

fn dead_letter() -> Vec<u8> {
    let plugins = encode_plugins([("ais", &DIGEST)].into_iter());
    let failure = Failure {
        cause: "checksum",
        stage: "decode:ais",
        detail: "sentence 1",
        frame: Some(b"!AI"),
    };
    let dead = Outgoing {
        class: "",
        key: "",
        event_ns: 0,
        body: EMPTY_BODY,
        failure: Some(failure),
        ..outgoing(&[4], &plugins)
    };
    encoded(&dead, &[])
}

#[test]
fn message_is_read_back_as_it_was_written() {
    let plugins = encode_plugins([("ais", &DIGEST), ("plausibility", &[1; 32])].into_iter());
    let bytes = encoded(&outgoing(&[3, 4], &plugins), &[anomaly()]);
    let record = Record::decode(&bytes).unwrap();
    assert_eq!(record.version, RECORD_VERSION);
    assert_eq!((record.block, record.ordinal, record.index), (7, 2, 1));
    assert_eq!(record.frames, [3, 4]);
    assert_eq!(record.plugins["ais"].0, DIGEST);
    assert_eq!(record.body, json!({ "lat_deg": 55.5 }));
    assert_eq!(record.anomalies[0].detail, json!({ "speed_mps": 3 }));
    assert_eq!(
        (record.cause, record.stage, record.frame),
        (None, None, None)
    );
}

#[test]
fn json_of_a_message_is_as_documented() {
    let plugins = encode_plugins([("ais", &DIGEST)].into_iter());
    let bytes = encoded(&outgoing(&[3, 4], &plugins), &[anomaly()]);
    let object = Record::decode(&bytes).unwrap().to_json("tracks", 12);
    let expected = json!({
        "topic": "tracks",
        "seq": 12,
        "source": { "tap": "harbour", "frames": [3, 4], "index": 1 },
        "captured_ns": 1_700_000_000_000_000_001u64,
        "class": "track.sea",
        "key": "219000001",
        "event_ns": 1_700_000_000_000_000_000u64,
        "label": "open",
        "verdict": "anomaly",
        "anomalies": [{
            "rule": "speed",
            "severity": "major",
            "score": 0.9,
            "detail": { "speed_mps": 3 },
            "plugin": "plausibility",
        }],
        "plugins": { "ais": "ab".repeat(32) },
        "body": { "lat_deg": 55.5 },
    });
    assert_eq!(object, expected);
    let without = encoded(&outgoing(&[3], &plugins), &[]);
    let object = Record::decode(&without).unwrap().to_json("tracks", 12);
    assert_eq!(object["verdict"], "pass");
}

#[test]
fn json_of_a_dead_letter_says_why_and_holds_the_frame() {
    let object = Record::decode(&dead_letter())
        .unwrap()
        .to_json("_dead-letters", 0);
    assert_eq!(object["cause"], "checksum");
    assert_eq!(object["stage"], "decode:ais");
    assert_eq!(object["detail"], "sentence 1");
    assert_eq!(object["frame_hex"], "214149");
    for absent in ["class", "key", "event_ns", "verdict"] {
        assert_eq!(object[absent], Value::Null, "{absent}");
    }
}

#[test]
fn position_is_read_without_the_rest() {
    let bytes = dead_letter();
    let expected = Position {
        block: 7,
        ordinal: 2,
    };
    assert_eq!(position_of(&bytes).unwrap(), expected);
    assert_eq!(
        position_of(&bytes[..8]).unwrap(),
        expected,
        "it is at the begin"
    );
    assert!(position_of(&[]).is_err());
    assert!(
        position_of(&[0x93, 1, 7, 2]).is_err(),
        "an array of another length"
    );
    let mut negative = bytes.clone();
    let at = negative.iter().position(|byte| *byte == 7).unwrap();
    negative[at] = 0xff;
    assert!(position_of(&negative).is_err());
}

#[test]
fn positions_are_ordered_by_block_and_then_ordinal() {
    let at = |block, ordinal| Position { block, ordinal };
    assert!(at(1, 9) < at(2, 0) && at(2, 0) < at(2, 1));
}

#[test]
fn part_of_a_record_is_no_record() {
    let bytes = dead_letter();
    for end in 0..bytes.len() {
        assert!(Record::decode(&bytes[..end]).is_err(), "{end} bytes");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::decode(&bytes);
        let _ = position_of(&bytes);
    }

    #[test]
    fn every_record_comes_back(
        block in any::<u64>(),
        ordinal in any::<u32>(),
        frames in prop::collection::vec(any::<u64>(), 0..64),
        key in ".{0,60}",
        captured_ns in any::<u64>(),
        frame in prop::collection::vec(any::<u8>(), 0..300),
        detail in ".{0,60}",
    ) {
        let plugins = encode_plugins([("p", &DIGEST)].into_iter());
        let position = Position { block, ordinal };
        let failure = Failure { cause: "late", stage: "route:r", detail: &detail, frame: Some(&frame) };
        let whole = Outgoing {
            source: Source { position, captured_ns, ..source(&frames) },
            key: &key,
            failure: Some(failure),
            ..outgoing(&frames, &plugins)
        };
        let bytes = encoded(&whole, &[anomaly(), anomaly()]);
        prop_assert_eq!(position_of(&bytes).unwrap(), position);
        let record = Record::decode(&bytes).unwrap();
        prop_assert_eq!((record.block, record.ordinal), (block, ordinal));
        prop_assert_eq!(record.frames, frames);
        prop_assert_eq!(record.key, key);
        prop_assert_eq!(record.captured_ns, captured_ns);
        prop_assert_eq!(record.anomalies.len(), 2);
        prop_assert_eq!(record.stage, Some(("route:r".to_owned(), detail)));
        prop_assert_eq!(record.frame.unwrap().0, frame);
    }
}

#[test]
fn a_view_shows_what_was_encoded_without_copying() {
    let plugins = encode_plugins([("ais", &[7u8; 32])].into_iter());
    let body = [0x81, 0xa1, b'a', 0x01];
    let detail = [0x81, 0xa1, b'd', 0x92, 0x01, 0xc3];
    let outgoing = Outgoing {
        source: Source {
            position: Position {
                block: 300,
                ordinal: 70_000,
            },
            tap: "bus",
            frames: &[4, 900],
            index: 2,
            captured_ns: 1_700_000_000_000_000_000,
        },
        class: "track.sea",
        key: "244660000",
        event_ns: 5,
        label: "open",
        plugins: &plugins,
        body: &body,
        failure: None,
    };
    let anomaly = AnomalyEntry {
        rule: "teleport",
        severity: 3,
        score_permille: 990,
        detail: &detail,
        plugin: "plausibility",
    };
    let mut bytes = Vec::new();
    encode(&mut bytes, &outgoing, [anomaly, anomaly].into_iter());
    let view = View::of(&bytes).unwrap();
    assert_eq!(view.position, outgoing.source.position);
    assert_eq!(
        (view.tap, view.last_frame, view.index),
        ("bus", Some(900), 2)
    );
    assert_eq!(
        (view.class, view.key, view.label),
        ("track.sea", "244660000", "open")
    );
    assert_eq!(
        (view.captured_ns, view.event_ns),
        (1_700_000_000_000_000_000, 5)
    );
    assert_eq!(view.anomaly_count, 2);
    assert_eq!((view.plugins, view.body), (&plugins[..], &body[..]));
    let rules: Vec<Anomaly> = rmp_serde::from_slice(view.anomalies).unwrap();
    assert_eq!(rules[1].rule, "teleport");
    for end in 0..bytes.len() - 3 {
        assert!(View::of(&bytes[..end]).is_err(), "cut at {end}");
    }
}
