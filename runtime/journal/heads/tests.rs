#![allow(clippy::unwrap_used)]

use super::*;
use crate::support::{Place, append, small};
use crate::verify;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// A log with one signed head, and that head.
fn one() -> (Place, Writer, Head) {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    assert_eq!(writer.sign_head(&key(), 0).unwrap(), None);
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 0, b"x").unwrap();
    let head = writer.sign_head(&key(), 7).unwrap().unwrap();
    (place, writer, head)
}

#[test]
fn a_head_says_what_was_signed_and_only_durable_blocks_are() {
    let (place, writer, head) = one();
    assert_eq!(head.hash, writer.tip().hash);
    assert_eq!(writer.sync_handle().durable_below(), 1);
    assert_eq!(load(&place.dir).unwrap(), [Ok(head)]);
    let public = key().verifying_key();
    assert!(head.is_signed_by(&writer.log_id(), &public));
    assert!(!head.is_signed_by(&[0; 16], &public));
    for changed in [
        Head { block: 1, ..head },
        Head { time_ns: 8, ..head },
        Head {
            hash: [0; 32],
            ..head
        },
    ] {
        assert!(!changed.is_signed_by(&writer.log_id(), &public));
    }
}

#[test]
fn every_changed_byte_of_an_entry_is_found() {
    let (place, _writer, head) = one();
    let whole = head.encode();
    assert_eq!(whole.len(), HEAD_BYTES);
    for index in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[index] ^= 1;
        std::fs::write(place.path().join(HEADS_FILE), &bytes).unwrap();
        assert!(load(&place.dir).unwrap()[0].is_err());
        let problem = verify(&place.dir, None).unwrap().problem.unwrap();
        assert_eq!(problem.to_string(), "heads, entry 0: the entry is damaged");
    }
}

#[test]
fn an_entry_cut_short_is_cut_off_by_the_next_writer() {
    let (place, writer, head) = one();
    writer.close().unwrap();
    let path = place.path().join(HEADS_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_within(..50);
    std::fs::write(&path, bytes).unwrap();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 0, b"y").unwrap();
    let second = writer.sign_head(&key(), 8).unwrap().unwrap();
    assert_eq!(load(&place.dir).unwrap(), [Ok(head), Ok(second)]);
}

#[test]
fn heads_are_bounded_and_the_newer_half_stays() {
    let (place, writer, head) = one();
    writer.close().unwrap();
    let entry = head.encode();
    let full = entry.repeat(usize::try_from(HEADS_MAX).unwrap());
    std::fs::write(place.path().join(HEADS_FILE), full).unwrap();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 0, b"y").unwrap();
    let last = writer.sign_head(&key(), 8).unwrap().unwrap();
    let left = load(&place.dir).unwrap();
    assert_eq!(left.len() as u64, HEADS_MAX / 2 + 1);
    assert_eq!(left[left.len() - 1], Ok(last));
    append(&mut writer, tap, 0, b"z").unwrap();
    writer.sign_head(&key(), 9).unwrap().unwrap();
    assert_eq!(load(&place.dir).unwrap().len() as u64, HEADS_MAX / 2 + 2);
}
