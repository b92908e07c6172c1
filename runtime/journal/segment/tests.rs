#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn header(streams: usize) -> SegmentHeader {
    SegmentHeader {
        log_id: [1; 16],
        first_block: 2,
        first_seq: 3,
        prev_hash: [4; 32],
        created_ns: 5,
        durable_below: 2,
        previous: Previous {
            first_block: 0,
            block_end: 2,
            seq_end: 3,
            time_max_ns: 6,
            written_ns: 7,
        },
        streams: Streams {
            next_id: 70,
            list: (0..streams)
                .map(|index| StreamInfo {
                    id: StreamId(u16::try_from(index).unwrap()),
                    name: "n".repeat(STREAM_NAME_BYTES_MAX),
                    origin: "o".repeat(STREAM_ORIGIN_BYTES_MAX),
                    records: 8,
                    block_end: 2,
                    time_last_ns: 9,
                    time_steps: 10,
                })
                .collect(),
        },
    }
}

#[test]
fn the_largest_header_is_read_as_it_was_written() {
    for streams in [0, 1, STREAMS_MAX] {
        let header = header(streams);
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        assert!(bytes.len() <= SEGMENT_HEADER_BYTES_MAX);
        let decoded = SegmentHeader::decode(&bytes, 2).unwrap();
        assert_eq!(decoded, (header, bytes.len()));
    }
}

#[test]
fn every_changed_or_missing_byte_of_a_header_is_found() {
    let mut whole = Vec::new();
    header(1).encode(&mut whole);
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        assert!(SegmentHeader::decode(&bytes, 2).is_err(), "byte {place}");
        let partial = SegmentHeader::decode(&whole[..place], 2);
        assert!(
            matches!(partial, Err(Fault::Partial { .. })),
            "byte {place}"
        );
    }
}

#[test]
fn a_newer_format_is_named_whatever_else_changed_with_it() {
    let mut bytes = Vec::new();
    header(1).encode(&mut bytes);
    bytes.truncate(PREAMBLE_BYTES);
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(b"nothing that this build knows");
    let fault = SegmentHeader::decode(&bytes, 2).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "format version 2 is newer than this build's 1"
    );
}

#[test]
fn a_segment_under_another_name_is_refused() {
    let mut bytes = Vec::new();
    header(1).encode(&mut bytes);
    let fault = Fault::Number {
        found: 2,
        expected: 3,
    };
    assert_eq!(SegmentHeader::decode(&bytes, 3).unwrap_err(), fault);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(SegmentHeader::decode(&bytes, 0).is_err());
    }

    #[test]
    fn a_file_name_says_its_block(block in any::<u64>()) {
        prop_assert_eq!(parse_name(&file_name(block)), Some(block));
    }
}

#[test]
fn other_file_names_are_no_segments() {
    for name in [
        "1.seg",
        "ceiling",
        "0000000000000000000+.seg",
        "99999999999999999999.seg",
    ] {
        assert_eq!(parse_name(name), None, "{name}");
    }
}
