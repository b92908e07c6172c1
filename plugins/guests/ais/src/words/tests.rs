//! Words against bytes, one by one.

use super::*;

/// Bytes that stand at the bounds of what is looked for, in every place of some words and beside
/// every other byte.
fn samples() -> impl Iterator<Item = Vec<u8>> {
    (0..=255_u8).flat_map(|byte| {
        (0..20).flat_map(move |place| {
            [0, b'+', b'*', b')', b'0', b'w', b',', 0x80, 0xff].map(|other| {
                let mut bytes = vec![other; 20];
                bytes[place] = byte;
                bytes
            })
        })
    })
}

#[test]
fn words_find_what_bytes_find() {
    for bytes in samples() {
        let by_bytes = |wanted: fn(u8) -> bool| bytes.iter().position(|byte| wanted(*byte));
        assert_eq!(position(b'*', &bytes), by_bytes(|byte| byte == b'*'));
        assert_eq!(
            position_either(b'*', b',', &bytes),
            by_bytes(|byte| byte == b'*' || byte == b',')
        );
        assert_eq!(
            position_not_sixbit(&bytes),
            by_bytes(|byte| !is_sixbit(byte))
        );
    }
}

#[test]
fn eight_characters_are_six_bits_each() {
    let alphabet: Vec<u8> = (0..=255).filter(|byte| is_sixbit(*byte)).collect();
    assert_eq!(alphabet.len(), 64);
    for (value, &character) in (0..64_u64).zip(&alphabet) {
        for place in 0..8 {
            for (other, beside) in [(0, alphabet[0]), (63, alphabet[63])] {
                let mut characters = [beside; 8];
                characters[place] = character;
                let expected = (0..8).fold(0, |bits, at| {
                    bits << 6 | if at == place { value } else { other }
                });
                assert_eq!(unpack(characters), expected);
            }
        }
    }
}
