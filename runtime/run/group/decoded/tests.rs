#![allow(clippy::unwrap_used)]

use outrigger_policy::labels::Labels;
use outrigger_policy::topology::{ClassDescription, Description, TargetDescription};
use serde_json::json;

use super::*;

/// 2024-01-01T00:00:00.123Z.
const TIME_MS: i64 = 1_704_067_200_123;

/// A tap of label `secret`, above `open` and apart from `other`, that carries these classes.
fn decoded(classes: &[&str], format: ValueFormat) -> Decoded {
    let order = |names: [&str; 3]| names.map(str::to_owned).to_vec();
    let labels = Labels::new(&[
        order(["open", "secret", "top"]),
        order(["open", "other", "top"]),
    ])
    .unwrap();
    let secret = labels.find("secret").unwrap();
    let names: Vec<String> = classes.iter().map(|name| (*name).to_owned()).collect();
    let class = ClassDescription {
        validators: Vec::new(),
        target: TargetDescription::Topic("out".to_owned()),
        expired_topic: None,
    };
    let topology = Topology::new(Description {
        labels,
        taps: vec![("mirror".to_owned(), secret)],
        carriers: vec![("mirror".to_owned(), names.clone())],
        classes: names
            .into_iter()
            .map(|name| (name, class.clone()))
            .collect(),
        topics: vec![("out".to_owned(), secret)],
        ..Description::default()
    })
    .unwrap();
    Decoded::new(&topology, topology.find_tap("mirror").unwrap(), format)
}

fn record(value: &[u8], headers: &[(&str, &str)]) -> Fetched {
    Fetched {
        partition: 0,
        offset: 7,
        time_ms: TIME_MS,
        value: Some(value.to_vec()),
        key: Some(b"219000001".to_vec()),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
    }
}

fn body() -> Vec<u8> {
    rmp_serde::to_vec(&json!({"lat_deg": 55.5, "n": 3})).unwrap()
}

fn cause(decoded: &Decoded, fetched: &Fetched) -> &'static str {
    match decoded.read(fetched).0 {
        Carried::Rejected { cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_outrigger_writes_is_read_back() {
    let both = decoded(&["track.sea", "track.air"], ValueFormat::MessagePack);
    let anomalies = r#"[{"rule":"speed","severity":"minor"},{"rule":"jump","severity":"major"}]"#;
    let fetched = record(
        &body(),
        &[
            ("outrigger-id", "j/5/0"),
            ("outrigger-class", "track.air"),
            ("outrigger-schema", "00ff"),
            ("outrigger-captured-ns", "1704067200123456789"),
            ("outrigger-event-ns", "1704067199000000000"),
            ("outrigger-label", "open"),
            ("outrigger-anomalies", anomalies),
        ],
    );
    let (carried, captured_ns, origin) = both.read(&fetched);
    assert_eq!(captured_ns, 1_704_067_200_123_456_789);
    assert_eq!(origin.id.as_deref(), Some(&b"j/5/0"[..]));
    assert_eq!(origin.schema.as_deref(), Some(&b"00ff"[..]));
    assert_eq!(origin.anomalies.as_deref(), Some(anomalies.as_bytes()));
    let expected = Carried::Message {
        class: both.classes[1].1,
        key: "219000001".to_owned(),
        event_ns: 1_704_067_199_000_000_000,
        severity: 2,
        body: body(),
    };
    assert_eq!(carried, expected);
}

#[test]
fn a_record_of_others_needs_a_key_and_a_body() {
    let one = decoded(&["track.sea"], ValueFormat::Json);
    let fetched = record(
        br#"{"b": 1, "a": null, "c": [null, {"d": null}], "x": 2.0}"#,
        &[],
    );
    let (carried, captured_ns, origin) = one.read(&fetched);
    assert_eq!(captured_ns, TIME_MS as u64 * 1_000_000);
    assert_eq!(origin, Origin::default());
    // Keys in their order, absent for null; 2.0 stays a float.
    let body = b"\x83\xa1b\x01\xa1c\x92\xc0\x80\xa1x\xcb\x40\0\0\0\0\0\0\0";
    let expected = Carried::Message {
        class: one.classes[0].1,
        key: "219000001".to_owned(),
        event_ns: captured_ns,
        severity: 0,
        body: body.to_vec(),
    };
    assert_eq!(carried, expected);
}

#[test]
fn what_is_no_message_says_why() {
    let both = decoded(&["track.sea", "track.air"], ValueFormat::MessagePack);
    let sea = ("outrigger-class", "track.sea");
    assert_eq!(cause(&both, &record(&body(), &[])), "class");
    assert_eq!(cause(&both, &record(b"\x93", &[sea])), "value");
    assert_eq!(cause(&both, &record(b"", &[sea])), "value");
    let other = decoded(&["track.sea"], ValueFormat::Json);
    assert_eq!(cause(&other, &record(b"[1]", &[])), "value");
    assert_eq!(cause(&other, &record(b"{", &[])), "value");
    let with = |header: (&str, &str)| cause(&both, &record(&body(), &[sea, header]));
    assert_eq!(with(("outrigger-event-ns", "-1")), "header");
    assert_eq!(with(("outrigger-anomalies", "[{}]")), "header");
    assert_eq!(with(("outrigger-label", "other")), "label");
    assert_eq!(with(("outrigger-label", "unknown")), "label");
    let mut fetched = record(&body(), &[sea]);
    for key in [
        None,
        Some(Vec::new()),
        Some(vec![0xff]),
        Some(vec![b'k'; 256]),
    ] {
        fetched.key = key;
        assert_eq!(cause(&both, &fetched), "key");
    }
    let mut fetched = record(&body(), &[sea]);
    fetched.value = None;
    assert_eq!(cause(&both, &fetched), "value");
    let elsewhere = record(&body(), &[("outrigger-class", "static.sea")]);
    assert_eq!(both.read(&elsewhere).0, Carried::OtherClass);
}

#[test]
fn the_records_time_counts_more_than_its_header() {
    let one = decoded(&["track.sea"], ValueFormat::MessagePack);
    let of = |time_ms: i64, header: &str| {
        let mut fetched = record(&body(), &[("outrigger-captured-ns", header)]);
        fetched.time_ms = time_ms;
        one.read(&fetched).1
    };
    assert_eq!(
        of(TIME_MS, "1704067200124000000"),
        TIME_MS as u64 * 1_000_000
    );
    assert_eq!(of(TIME_MS, "what"), TIME_MS as u64 * 1_000_000);
    assert_eq!(of(0, "1704067200124000000"), 1_704_067_200_124_000_000);
    assert_eq!(of(-1, "what"), 0);
}
