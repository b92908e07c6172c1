//! The bits of an AIS message, read by position as in ITU-R M.1371-5, annex 8.

use crate::words;

/// Most six-bit characters of a message. Source: a message takes at most five slots, 1,064 bits
/// (M.1371-5, annex 8, § 3.24, message 26), which is 178 characters. Longer is rejected.
pub const MESSAGE_CHARS_MAX: usize = 178;

const BYTES: usize = MESSAGE_CHARS_MAX * 6 / 8 + 1;
/// Room after the last byte, so that eight bytes can be read from any position.
const SPARE: usize = 8;

/// A message's bits.
#[derive(Clone, Debug)]
pub struct Bits {
    bytes: [u8; BYTES + SPARE],
    length: usize,
}

impl Bits {
    /// Unpacks six-bit characters, without the `fill_bits` at the end. `None` when there are more
    /// than [`MESSAGE_CHARS_MAX`], or fewer bits than are to be dropped.
    ///
    /// Characters must be of the alphabet; others give bits that mean nothing.
    #[inline]
    pub fn unpack(characters: &[u8], fill_bits: u8) -> Option<Self> {
        if characters.len() > MESSAGE_CHARS_MAX {
            return None;
        }
        let length = (characters.len() * 6).checked_sub(usize::from(fill_bits))?;
        let mut unpacked = Self {
            bytes: [0; BYTES + SPARE],
            length,
        };
        for (place, eight) in characters.chunks(8).enumerate() {
            let mut whole = [b'0'; 8];
            match eight.first_chunk() {
                Some(eight) => whole = *eight,
                None => whole[..eight.len()].copy_from_slice(eight),
            }
            // Six bytes, and two that the next ones overwrite.
            let bits = words::unpack(whole) << 16;
            unpacked.bytes[6 * place..6 * place + 8].copy_from_slice(&bits.to_be_bytes());
        }
        Some(unpacked)
    }

    /// Number of bits.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without bits.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Unsigned field of `width` bits (1 to 32) at bit `at`. Bits past the end mean nothing: callers
    /// check the length first.
    #[inline]
    pub fn unsigned(&self, at: usize, width: usize) -> u32 {
        let Some(window) = self.bytes.get(at / 8..at / 8 + 8) else {
            return 0;
        };
        let mut word = [0; 8];
        word.copy_from_slice(window);
        let word = u64::from_be_bytes(word) << (at % 8);
        (word >> (64 - width)) as u32
    }

    /// Two's complement field of `width` bits (1 to 32) at bit `at`.
    #[inline]
    pub fn signed(&self, at: usize, width: usize) -> i32 {
        let shift = 32 - width;
        ((self.unsigned(at, width) << shift) as i32) >> shift
    }

    /// One bit.
    #[inline]
    pub fn flag(&self, at: usize) -> bool {
        self.unsigned(at, 1) == 1
    }

    /// Six-bit text of `count` characters at bit `at`: up to the first `@`, without spaces around
    /// it. Source: M.1371-5, annex 8, six-bit ASCII.
    pub fn text(&self, at: usize, count: usize) -> Text {
        let mut text = Text::default();
        for place in 0..count.min(TEXT_MAX) {
            let value = self.unsigned(at + 6 * place, 6) as u8;
            match value {
                0 => break,
                1..=31 => text.push(value + 64),
                _ => text.push(value),
            }
        }
        text
    }
}

/// Longest text, in characters. Source: name of an aid to navigation with its extension, 20 + 14.
const TEXT_MAX: usize = 34;

/// Text of a message, ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    bytes: [u8; TEXT_MAX],
    length: u8,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: [0; TEXT_MAX],
            length: 0,
        }
    }
}

impl Text {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.length)) {
            *place = byte;
            self.length += 1;
        }
    }

    /// This text with `other` after it, as far as there is room.
    pub fn join(mut self, other: Self) -> Self {
        for &byte in other.untrimmed() {
            self.push(byte);
        }
        self
    }

    fn untrimmed(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The text without spaces around it; `None` when nothing is left.
    pub fn get(&self) -> Option<&str> {
        let trimmed = self.untrimmed().trim_ascii();
        std::str::from_utf8(trimmed)
            .ok()
            .filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests;
