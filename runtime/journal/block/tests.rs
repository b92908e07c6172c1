#![allow(clippy::unwrap_used)]

use super::*;
use outrigger_policy::columns::ColumnsError;
use proptest::prelude::*;

fn records() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    prop::collection::vec(
        (any::<u64>(), prop::collection::vec(any::<u8>(), 0..40)),
        0..20,
    )
}

fn encoded(records: &[(u64, Vec<u8>)]) -> (Vec<u8>, Header, Columns, Hash) {
    let mut columns = Columns::new();
    for (time_ns, record) in records {
        columns.push(*time_ns, record);
    }
    let mut header = Header {
        kind: Kind::Records,
        stream: StreamId(3),
        block: 5,
        first_seq: 70,
        count: u32::try_from(columns.len()).unwrap(),
        stream_first: 60,
        time_min_ns: 1,
        time_max_ns: 2,
        written_ns: 3,
        time_steps: 4,
        prev_hash: [9; 32],
        ..Header::default()
    };
    let mut out = Vec::new();
    let hash = encode(&mut out, &mut header, &columns);
    (out, header, columns, hash)
}

/// A whole block, or why it is none.
fn decoded(bytes: &[u8]) -> Result<(Header, Columns), Fault> {
    let header = Header::decode(bytes)?;
    let Some(body) = bytes.get(HEADER_BYTES..header.block_bytes()) else {
        return Err(Fault::Partial {
            bytes: bytes.len() as u64,
        });
    };
    let mut columns = Columns::new();
    decode_body(&header, body, &mut columns)?;
    Ok((header, columns))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_block_is_read_as_it_was_written(records in records()) {
        let (bytes, header, columns, written) = encoded(&records);
        prop_assert_eq!(bytes.len(), header.block_bytes());
        prop_assert_eq!(hash(&bytes), written);
        prop_assert_eq!(decoded(&bytes), Ok((header, columns)));
    }

    #[test]
    fn every_changed_bit_is_found(records in records(), place in any::<prop::sample::Index>(), bit in 0..8) {
        let (mut bytes, ..) = encoded(&records);
        let place = place.index(bytes.len());
        bytes[place] ^= 1u8 << bit;
        prop_assert!(decoded(&bytes).is_err());
    }

    #[test]
    fn random_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..300), magic in any::<bool>()) {
        if magic && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&MAGIC);
        }
        prop_assert!(decoded(&bytes).is_err());
    }
}

#[test]
fn a_well_made_header_with_nonsense_is_refused() {
    let cases: [(usize, u8, Fault); 5] = [
        (4, 9, Fault::Version(9)),
        (6, 9, Fault::Kind(9)),
        (14, 1, Fault::Bound("count")),
        (67, 1, Fault::Bound("body bytes")),
        (64, 0, Fault::Bound("body bytes")),
    ];
    for (place, value, fault) in cases {
        let (mut bytes, ..) = encoded(&[(1, vec![1; 4])]);
        bytes[place] = value;
        let crc = crc32c::crc32c(&bytes[..108]);
        bytes[108..112].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decoded(&bytes), Err(fault));
    }
}

#[test]
fn columns_that_are_none_are_refused_though_the_checksums_match() {
    let (mut bytes, mut header, ..) = encoded(&[(1, vec![1; 4]), (2, vec![1; 4])]);
    // The first end, behind two times.
    bytes[HEADER_BYTES + 16] = 9;
    header.body_crc = crc32c::crc32c(&bytes[HEADER_BYTES..]);
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    assert_eq!(decoded(&bytes), Err(Fault::Columns(ColumnsError::Order(1))));
}
