#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn integers_are_the_shortest_that_hold_them() {
    for value in [
        0,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        u64::from(u32::MAX),
        1 << 32,
        u64::MAX,
    ] {
        let mut bytes = Vec::new();
        unsigned(&mut bytes, value);
        let expected = rmp_serde::to_vec(&value).unwrap();
        assert_eq!(bytes, expected, "{value}");
    }
}

#[test]
fn maps_of_any_number_of_pairs_have_the_shortest_head() {
    for pairs in 0..40u64 {
        let mut bytes = vec![0xff];
        Map::write(&mut bytes, |map| {
            for pair in 0..pairs {
                map.unsigned("k", pair);
            }
        });
        let map: serde_json::Value = serde_json::json!({ "k": pairs.saturating_sub(1) });
        let read: serde_json::Value = rmp_serde::from_slice(&bytes[1..]).unwrap();
        assert!(pairs == 0 || read == map);
        let head = if pairs < 16 {
            vec![0x80 | pairs as u8]
        } else {
            vec![0xde, 0, pairs as u8]
        };
        assert!(bytes[1..].starts_with(&head));
        // One pair more, added from outside.
        add_pair(&mut bytes, 1);
        let head = if pairs < 15 {
            vec![0x81 + pairs as u8]
        } else {
            vec![0xde, 0, pairs as u8 + 1]
        };
        assert!(bytes[1..].starts_with(&head));
    }
}
