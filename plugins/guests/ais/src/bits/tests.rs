#![allow(clippy::unwrap_used)]

use super::*;

/// The alphabet in order of value.
fn alphabet() -> Vec<u8> {
    (48..=87).chain(96..=119).collect()
}

#[test]
fn fields_anywhere_are_the_bits_that_stand_there() {
    let characters: Vec<u8> = (0..MESSAGE_CHARS_MAX)
        .map(|at| alphabet()[(at * 37 + at / 64) % 64])
        .collect();
    let bits = Bits::unpack(&characters, 0).unwrap();
    let bit = |at: usize| {
        let value = alphabet()
            .iter()
            .position(|&one| one == characters[at / 6])
            .unwrap();
        value as u64 >> (5 - at % 6) & 1
    };
    assert_eq!(bits.len(), MESSAGE_CHARS_MAX * 6);
    for width in 1..=32 {
        for at in 0..=bits.len() - width {
            let expected = (at..at + width).fold(0, |sum, at| sum << 1 | bit(at));
            assert_eq!(
                u64::from(bits.unsigned(at, width)),
                expected,
                "{at} {width}"
            );
        }
    }
}

#[test]
fn the_sign_is_the_first_bit() {
    let bits = Bits::unpack(b"wwwwwwO0", 0).unwrap();
    assert_eq!(bits.signed(0, 28), -1);
    assert_eq!(bits.signed(36, 6), 31);
    assert_eq!(bits.signed(37, 5), -1);
    assert_eq!(bits.signed(42, 6), 0);
}

#[test]
fn fill_bits_are_dropped_and_length_is_bounded() {
    assert_eq!(Bits::unpack(b"00", 2).unwrap().len(), 10);
    assert!(Bits::unpack(b"", 0).unwrap().is_empty());
    assert!(Bits::unpack(b"", 1).is_none());
    assert!(Bits::unpack(&[b'0'; MESSAGE_CHARS_MAX + 1], 0).is_none());
}

#[test]
fn reading_past_the_end_gives_something_and_never_panics() {
    let bits = Bits::unpack(b"w", 0).unwrap();
    for at in (0..5_000).step_by(7) {
        bits.unsigned(at, 32);
        bits.text(at, 40);
    }
}

#[test]
fn text_ends_at_the_first_at_sign_without_spaces_around_it() {
    // Values 32, 1, 32, 2, 32, 0, 3: " A B @C".
    let bits = Bits::unpack(b"P1P2P03", 0).unwrap();
    assert_eq!(bits.text(0, 7).get(), Some("A B"));
    assert_eq!(bits.text(0, 1).get(), None);
    assert_eq!(bits.text(30, 1).get(), None);
    let joined = bits.text(6, 1).join(bits.text(36, 1));
    assert_eq!(joined.get(), Some("AC"));
}
