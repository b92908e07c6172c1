//! Bad input: whatever the bytes, no panic, and no message that was not sent.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use asterix_decoder::body::{BODY_BYTES_MAX, RECORD_BYTES_MAX};
use asterix_decoder::fault::Cause;
use common::{
    CAPTURED_NS, Datagram, RECORDINGS, Random, datagrams, decode, decode_one, decode_with, host,
    recordings, run, sites_json, unhex, value,
};
use serde_json::{Value, json};

/// Records of each category with all shapes of items; made by hand, see `golden`.
const SAMPLES: [&str; 5] = [
    include_str!("../golden/cat062.hex"),
    include_str!("../golden/cat048.hex"),
    include_str!("../golden/cat034.hex"),
    include_str!("../golden/cat021.hex"),
    include_str!("../golden/blocks.hex"),
];

fn samples() -> Vec<Vec<u8>> {
    SAMPLES
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(unhex)
        .collect()
}

/// Where the blocks of a datagram end.
fn block_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    let mut at = 0;
    while let Some(&[_, high, low]) = bytes.get(at..at + 3) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length <= 3 || at + length > bytes.len() {
            break;
        }
        at += length;
        ends.push(at);
    }
    ends
}

/// Cut anywhere, a datagram gives the messages of the blocks that are whole, and no other.
#[test]
fn every_recorded_datagram_cut_at_every_byte_makes_no_message_of_the_rest() {
    let mut all: Vec<(String, Vec<Datagram>)> = vec![(
        "golden".into(),
        samples()
            .into_iter()
            .map(|bytes| (CAPTURED_NS, bytes))
            .collect(),
    )];
    if let Some(folder) = recordings() {
        for file in RECORDINGS {
            all.push((file.into(), datagrams(&folder.join(file))));
        }
        for file in ["croatia_asterix.pcap", "croatia_cat_001_002.pcap"] {
            all.push((
                file.into(),
                datagrams(&folder.join("undecodable").join(file)),
            ));
        }
    }
    let mut host = host(&sites_json()).without_rerun();
    for (file, given) in &all {
        let mut cuts = 0;
        for (captured_ns, bytes) in given {
            let ends = block_ends(bytes);
            let whole: Vec<_> = ends
                .iter()
                .map(|&end| run(&mut host, &[(*captured_ns, bytes[..end].to_vec())], 1))
                .collect();
            for end in 0..bytes.len() {
                let cut = run(&mut host, &[(*captured_ns, bytes[..end].to_vec())], 1);
                let before = ends.iter().rposition(|&block| block <= end).unwrap();
                let expected = whole[before].messages.iter();
                let expected: Vec<_> = expected.map(|one| (&one.key, &one.body)).collect();
                let found: Vec<_> = cut
                    .messages
                    .iter()
                    .map(|one| (&one.key, &one.body))
                    .collect();
                assert_eq!(found, expected, "{file}, cut at {end}");
                if !ends.contains(&end) {
                    assert_eq!(cut.rejects.len(), 1, "{file}, cut at {end}");
                }
                cuts += 1;
            }
        }
        println!("{file}: {} datagrams cut in {cuts} places", given.len());
    }
}

#[test]
fn random_bytes_become_rejects_or_skips() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut host = host(&sites_json());
    for _ in 0..2_000 {
        let given: Vec<Datagram> = (0..16)
            .map(|_| {
                let length = random.below(200);
                (0, (0..length).map(|_| random.next() as u8).collect())
            })
            .collect();
        let outcome = run(&mut host, &given, 16);
        assert_eq!(outcome.messages, []);
        assert_eq!(outcome.rejects.len() + outcome.skips.len(), given.len());
    }
}

/// Random items behind a right head: every length and every value is met.
#[test]
fn changed_and_random_records_never_panic_and_always_fit() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut samples = samples();
    if let Some(folder) = recordings() {
        for file in RECORDINGS {
            samples.extend(
                datagrams(&folder.join(file))
                    .into_iter()
                    .take(40)
                    .map(|one| one.1),
            );
        }
    }
    let mut causes = BTreeSet::new();
    let (mut messages, mut rejects, mut largest) = (0, 0, 0);
    let mut given = sites_json();
    for allowed in [false, true] {
        given["spare_bits_allowed"] = allowed.into();
        let mut host = host(&given);
        for round in 0..6_000 {
            let frames: Vec<Datagram> = (0..16)
                .map(|_| {
                    let mut bytes = match random.below(4) {
                        0 => {
                            let length = 3 + random.below(300);
                            let mut bytes = vec![0; length];
                            bytes.fill_with(|| random.next() as u8);
                            bytes[0] = [21, 34, 48, 62][random.below(4)];
                            bytes
                        }
                        _ => samples[random.below(samples.len())].clone(),
                    };
                    for _ in 0..random.below(4) {
                        let at = random.below(bytes.len());
                        match random.below(3) {
                            0 => bytes[at] = random.next() as u8,
                            1 => bytes.insert(at, random.next() as u8),
                            _ if bytes.len() > 1 => drop(bytes.remove(at)),
                            _ => {}
                        }
                    }
                    // Often of the right length, so that the change is met further in.
                    if bytes.len() > 3 && random.below(2) == 0 && block_ends(&bytes).len() < 3 {
                        let length = (bytes.len() as u16).to_be_bytes();
                        bytes[1..3].copy_from_slice(&length);
                    }
                    (round, bytes)
                })
                .collect();
            let outcome = run(&mut host, &frames, 16);
            messages += outcome.messages.len();
            rejects += outcome.rejects.len();
            causes.extend(outcome.rejects.iter().map(|reject| reject.cause));
            for message in &outcome.messages {
                value(message);
                largest = largest.max(message.body.len());
            }
        }
    }
    println!("{messages} messages, {rejects} rejects: {causes:?}; largest body {largest} bytes");
    assert!(largest <= BODY_BYTES_MAX);
    for cause in Cause::NAMES {
        let rare = ["record-length", "too-many-messages"].contains(&cause);
        assert!(causes.contains(cause) || rare, "{cause} never met");
    }
}

fn block(category: u8, records: &[u8]) -> Vec<u8> {
    let mut bytes = vec![category, 0, 0];
    bytes.extend_from_slice(records);
    let length = (bytes.len() as u16).to_be_bytes();
    bytes[1..3].copy_from_slice(&length);
    bytes
}

/// The least record of CAT062: I062/010, 070, 040, 080.
const LEAST_062: [u8; 11] = [0x91, 0x0c, 1, 2, 0, 0, 0, 0, 7, 0, 0];

fn least(track: u16) -> Vec<u8> {
    let [high, low] = track.to_be_bytes();
    vec![0x91, 0x0c, 1, 2, 0, 0, 0, high, low, 0]
}

#[test]
fn the_least_record_is_one_and_one_byte_more_is_not() {
    let found = decode_one(&block(62, &least(7)));
    assert_eq!((found.messages.len(), found.rejects.len()), (2, 0));
    assert_eq!(found.messages[0].key, "1-2-7");
    let found = decode_one(&block(62, &LEAST_062));
    assert_eq!((found.messages.len(), found.rejects.len()), (0, 1));
}

#[test]
fn a_bad_record_takes_its_block_along_and_no_other() {
    let mut spoilt = [least(1), least(2)].concat();
    spoilt.extend([0x91, 0x0c, 1, 2, 0xff, 0xff, 0xff, 0, 3, 0]);
    let bytes = [
        block(62, &least(4)),
        block(62, &spoilt),
        block(7, &[1, 2, 3]),
        block(62, &least(5)),
        b"vendor trailer".to_vec(),
    ]
    .concat();
    let found = decode_one(&bytes);
    let keys: Vec<&str> = found.messages.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["1-2-4", "1-2-4", "1-2-5", "1-2-5"]);
    assert_eq!(found.rejects.len(), 1);
    assert_eq!(found.rejects[0].cause, "time-of-day");
    assert_eq!(
        found.rejects[0].detail,
        "i062_070: past the end of the day at byte 40, and 2 more"
    );
}

#[test]
fn a_record_that_lacks_what_every_record_has_is_none() {
    for (category, record, item) in [
        // Of the least record of each category, one item less.
        (62, "110c 000000 0007 00", "i062_010"),
        (62, "810c 0102 0007 00", "i062_070"),
        (62, "9104 0102 000000 00", "i062_040"),
        (62, "9108 0102 000000 0007", "i062_080"),
        (48, "20 00", "i048_010"),
        (48, "80 0102", "i048_020"),
        (34, "40 01", "i034_010"),
        (34, "80 0102", "i034_000"),
        (21, "4110 00 000001", "i021_010"),
        (21, "8110 0102 000001", "i021_040"),
        (21, "c0 0102 00", "i021_080"),
    ] {
        let found = decode_one(&block(category, &unhex(record)));
        assert_eq!(found.messages, [], "{item}");
        assert_eq!(found.rejects[0].cause, "item-missing", "{item}");
        assert!(
            found.rejects[0].detail.starts_with(item),
            "{:?}",
            found.rejects
        );
    }
}

/// A record of many Mode S registers: kept as bytes when its items would be too long for a body.
#[test]
fn a_long_record_is_kept_as_bytes_and_a_longer_one_rejected() {
    let with = |registers: u8| {
        let mut record = vec![0xa1, 0x20, 1, 2, 0x20, registers];
        record.extend((0..registers).flat_map(|at| [at, 1, 2, 3, 4, 5, 6, 0x40]));
        record
    };
    for (registers, is_list) in [(10, true), (200, false)] {
        let found = decode_one(&block(48, &with(registers)));
        let body = value(&found.messages[0]);
        assert!(found.messages[0].body.len() <= BODY_BYTES_MAX);
        assert_eq!(body["i048_250"].is_array(), is_list);
        assert_eq!(body["i048_010"].get("bytes").is_none(), is_list);
    }
    // No item can be longer than 256 octets of groups, so only several make a record too long.
    let long = vec![0xff; 5_000];
    let record = [
        &[0x91, 0x0d, 0x01, 0x01, 0x20, 1, 2, 0, 0, 0, 0, 7, 0][..],
        &long,
        &[0xfe],
    ];
    let found = decode_one(&block(62, &record.concat()));
    assert!(record.concat().len() > RECORD_BYTES_MAX);
    assert_eq!(found.messages, []);
    assert_eq!(found.rejects.len(), 1);
}

/// A datagram's own work is bounded: the messages that the host takes of a frame, or none.
#[test]
fn a_datagram_with_more_messages_than_are_taken_is_rejected() {
    let records = |count: u16| (0..count).flat_map(least).collect::<Vec<u8>>();
    for (parameters, taken) in [
        (Value::Null, 32),
        (json!({ "source_classes": false }), 64),
        (json!({ "frame_messages_max": 1_024 }), 512),
    ] {
        for count in [taken, taken + 1, 6_000] {
            let given = [(CAPTURED_NS, block(62, &records(count)))];
            let found = decode_with(&parameters, &given, 1);
            let each = if parameters["source_classes"] == false {
                1
            } else {
                2
            };
            if count == taken {
                assert_eq!(found.messages.len(), usize::from(taken) * each);
                assert_eq!(found.rejects, []);
            } else {
                assert_eq!(found.messages, []);
                assert_eq!(found.rejects[0].cause, "too-many-messages");
            }
        }
    }
}

#[test]
fn messages_do_not_depend_on_where_batches_end() {
    let mut given: Vec<Datagram> = samples()
        .into_iter()
        .map(|bytes| (CAPTURED_NS, bytes))
        .collect();
    if let Some(folder) = recordings() {
        for file in RECORDINGS {
            given.extend(datagrams(&folder.join(file)).into_iter().take(100));
        }
    }
    let alone = decode_with(&sites_json(), &given, 1);
    for batch in [7, 64, 256] {
        assert_eq!(
            decode_with(&sites_json(), &given, batch),
            alone,
            "batches of {batch}"
        );
    }
}

#[test]
fn what_is_passed_over_is_counted() {
    let given = json!({ "skipped_categories": [65, 34] });
    let found = decode_with(&given, &[(CAPTURED_NS, block(65, &[1]))], 1);
    assert_eq!(
        (found.skips.as_slice(), found.rejects.len()),
        (&[(1, "category")][..], 0)
    );
    let bytes = [block(65, &[1]), block(62, &least(1)), block(34, &[1])].concat();
    let found = decode_with(&given, &[(CAPTURED_NS, bytes)], 1);
    assert_eq!(
        (found.messages.len(), found.skips.len(), found.rejects.len()),
        (2, 0, 0)
    );
    let found = decode(&[(CAPTURED_NS, Vec::new())], 1);
    assert_eq!(found.skips, [(1, "empty")]);
    let given = json!({ "source_classes": false });
    let plot = block(48, &unhex("a0 0102 20"));
    let found = decode_with(&given, &[(CAPTURED_NS, plot)], 1);
    assert_eq!(found.skips, [(1, "no-track")]);
}

#[test]
fn times_of_day_are_of_the_day_nearest_to_the_capture() {
    const DAY_NS: u64 = 86_400_000_000_000;
    let midnight = CAPTURED_NS - DAY_NS / 2;
    let at = |seconds: u32| {
        let ticks = (seconds * 128).to_be_bytes();
        let record = [0x91, 0x0c, 1, 2, ticks[1], ticks[2], ticks[3], 0, 7, 0];
        block(62, &record)
    };
    for (captured_ns, seconds, expected_ns) in [
        (midnight + 1_000_000_000, 86_399, midnight - 1_000_000_000),
        (midnight - 1_000_000_000, 1, midnight + 1_000_000_000),
        (midnight, 0, midnight),
        (CAPTURED_NS, 0, midnight),
        (CAPTURED_NS, 86_399, midnight + 86_399_000_000_000),
        (5_000_000_000, 86_399, 86_399_000_000_000),
    ] {
        let found = decode(&[(captured_ns, at(seconds))], 1);
        assert_eq!(
            found.messages[0].event_ns, expected_ns,
            "{seconds} at {captured_ns}"
        );
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let site = |sic: u8, lat_deg: f64, height_m: f64| json!({ "sac": 1, "sic": sic, "lat_deg": lat_deg, "lon_deg": 0.0, "height_m": height_m });
    for (given, word) in [
        (json!({ "sites": [site(1, 91.0, 0.0)] }), "lat_deg"),
        (json!({ "sites": [site(1, 1.0, 20_000.0)] }), "height_m"),
        (
            json!({ "sites": [site(1, 1.0, 0.0), site(1, 2.0, 0.0)] }),
            "given once",
        ),
        (
            json!({ "sites": (0..65).map(|sic| site(sic, 1.0, 0.0)).collect::<Vec<_>>() }),
            "64",
        ),
        (json!({ "frame_messages_max": 0 }), "frame_messages_max"),
        (json!({ "frame_messages_max": 1_025 }), "frame_messages_max"),
        (json!({ "site": [] }), "unknown field"),
    ] {
        let refused = outrigger_sdk::testing::DecoderHost::<asterix_decoder::AsterixDecoder>::new(
            common::configuration(&given),
        );
        let refused = refused.err().expect("it is refused").to_string();
        assert!(refused.contains(word), "{refused}");
    }
}
