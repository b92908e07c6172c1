//! Bytes looked at eight at a time.
//!
//! WebAssembly without SIMD has words of eight bytes and nothing longer; a kept crate that looks for
//! a byte there (`memchr`) takes words of four.

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGH: u64 = 0x80 * ONES;

/// Place of the first such byte.
pub fn position(byte: u8, bytes: &[u8]) -> Option<usize> {
    first(bytes, |word| are(word, byte), |other| other == byte)
}

/// Place of the first byte that is one or the other.
pub fn position_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    first(
        bytes,
        |word| are(word, one) | are(word, other),
        |byte| byte == one || byte == other,
    )
}

/// Place of the first byte outside the alphabet of payloads.
pub fn position_not_sixbit(bytes: &[u8]) -> Option<usize> {
    first(bytes, are_not_sixbit, |byte| !is_sixbit(byte))
}

/// Place of the first byte that is `wanted`. Of a little-endian word `flags` gives the highest bit of
/// each byte that is wanted; above the first of them it may give others too.
#[inline(always)]
fn first(bytes: &[u8], flags: impl Fn(u64) -> u64, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let in_word = |start: usize, word: [u8; 8]| match flags(u64::from_le_bytes(word)) {
        0 => None,
        flags => Some(start + flags.trailing_zeros() as usize / 8),
    };
    let (words, _) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        if let Some(place) = in_word(8 * index, *word) {
            return Some(place);
        }
    }
    match bytes.last_chunk() {
        // Some of it once more, where nothing was found.
        Some(last) => in_word(bytes.len() - 8, *last),
        None => bytes.iter().position(|byte| wanted(*byte)),
    }
}

/// Flags of the bytes that are this one: zero, when it is taken out of each, and so they borrow when
/// one is taken from each. What is right above them may be flagged too.
fn are(word: u64, byte: u8) -> u64 {
    let zero = word ^ (u64::from(byte) * ONES);
    zero.wrapping_sub(ONES) & !zero & HIGH
}

/// The alphabet of IEC 61162-1, table "six-bit binary field conversion".
fn is_sixbit(byte: u8) -> bool {
    matches!(byte, 48..=87 | 96..=119)
}

/// Flags of the bytes outside of it: not ASCII, below 48, from 88 to 95, or from 120 on. Adding what a
/// bound lacks to 128 sets the highest bit of an ASCII byte just if it reaches the bound.
fn are_not_sixbit(word: u64) -> u64 {
    let from = |bound: u64| (word & !HIGH) + (128 - bound) * ONES;
    (word | !from(48) | from(88) & !from(96) | from(120)) & HIGH
}

/// Eight characters of the alphabet as 48 bits, the first one's highest.
pub fn unpack(characters: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(characters);
    // Those from 96 on, and they alone, have both of these bits.
    let late = word >> 6 & word >> 5 & ONES;
    let six = word.wrapping_sub(48 * ONES).wrapping_sub(late << 3);
    let twelve = (six & 0x003f_003f_003f_003f) << 6 | six >> 8 & 0x003f_003f_003f_003f;
    let both = (twelve & 0x0000_0fff_0000_0fff) << 12 | twelve >> 16 & 0x0000_0fff_0000_0fff;
    (both & 0x00ff_ffff) << 24 | both >> 32 & 0x00ff_ffff
}

#[cfg(test)]
mod tests;
