//! Bits to values.

use crate::table::ASCII_BYTES_MAX;

/// `count` bits, at most 57, from bit `at`, counted from the most significant of the first byte.
/// Zero past the end, which a caller that knows the item's length never asks for.
#[inline]
pub fn bits(bytes: &[u8], at: usize, count: usize) -> u64 {
    let first = at / 8;
    let word = word(bytes.get(first..).unwrap_or_default());
    (word << (at % 8)) >> (64 - count)
}

/// The first eight bytes as a number, zeros for those that are not there. Without a copy of a length
/// that only the data knows: on WebAssembly that is a call, and most items are shorter.
#[inline]
pub fn word(bytes: &[u8]) -> u64 {
    if let Some(chunk) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*chunk);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two overlap where there are fewer than eight, and agree there.
        let first = u64::from(u32::from_be_bytes(*first)) << 32;
        let last = u64::from(u32::from_be_bytes(*last));
        return first | last << (64 - 8 * bytes.len());
    }
    let start =
        |place: usize| u64::from(bytes.get(place).copied().unwrap_or(0)) << (56 - 8 * place);
    start(0) | start(1) | start(2)
}

/// `count` bits as a number in two's complement.
#[inline]
pub fn signed(raw: u64, count: usize) -> i64 {
    let spare = 64 - count;
    ((raw << spare) as i64) >> spare
}

/// A short text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chars {
    /// The text, and whatever stood behind it.
    pub(crate) bytes: [u8; Self::MAX],
    /// Bytes of the text.
    pub(crate) length: usize,
}

impl Chars {
    const MAX: usize = ASCII_BYTES_MAX;
    const EMPTY: Self = Self {
        bytes: [0; Self::MAX],
        length: 0,
    };

    /// The text; empty when there is none.
    pub fn as_str(&self) -> &str {
        // Made from ASCII only.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    /// Eight characters of six bits without the spaces behind them: ICAO Annex 10, volume IV,
    /// table 3-9. A code that has no character there is `?`, which the table has not. Nothing but
    /// zeros is no text.
    pub fn icao(raw: u64) -> Self {
        if raw == 0 {
            return Self::EMPTY;
        }
        let mut text = Self {
            bytes: [0; Self::MAX],
            length: 8,
        };
        for (place, byte) in text.bytes.iter_mut().enumerate() {
            let code = (raw >> (42 - 6 * place)) as u8 & 0x3f;
            *byte = match code {
                1..=26 => b'A' + code - 1,
                32 => b' ',
                48..=57 => code,
                _ => b'?',
            };
        }
        text.trimmed()
    }

    /// Characters of eight bits without the spaces and zeros behind them. One that cannot be
    /// printed is `?`.
    pub fn ascii(bytes: &[u8]) -> Self {
        let mut text = Self::EMPTY;
        for (place, &byte) in text.bytes.iter_mut().zip(bytes) {
            *place = match byte {
                b' '..=b'~' => byte,
                0 => b' ',
                _ => b'?',
            };
            text.length += 1;
        }
        text.trimmed()
    }

    /// Four digits of three bits.
    pub fn octal(raw: u64) -> Self {
        let mut text = Self {
            bytes: [0; Self::MAX],
            length: 4,
        };
        for (place, byte) in text.bytes[..4].iter_mut().enumerate() {
            *byte = b'0' + ((raw >> (9 - 3 * place)) as u8 & 7);
        }
        text
    }

    /// A 24-bit address in six lower-case hex digits.
    pub fn address(raw: u64) -> Self {
        let mut text = Self {
            bytes: [0; Self::MAX],
            length: 6,
        };
        for (place, byte) in text.bytes[..6].iter_mut().enumerate() {
            *byte = b"0123456789abcdef"[(raw >> (20 - 4 * place)) as usize & 0xf];
        }
        text
    }

    fn trimmed(mut self) -> Self {
        while self.length > 0 && self.bytes[self.length - 1] == b' ' {
            self.length -= 1;
        }
        self
    }
}
