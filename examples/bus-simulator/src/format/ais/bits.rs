//! Bits of one message, most significant first, and the six-bit characters they become.

/// Longest message here, bits: message 5 has 424 (M.1371-5, Table 52).
const MESSAGE_BITS_MAX: usize = 424;

/// A message being packed.
#[derive(Debug, Clone)]
pub struct Bits {
    bytes: [u8; MESSAGE_BITS_MAX / 8],
    len: usize,
}

/// Whether `byte` has a code in the six-bit set (M.1371-5, Annex 8, six-bit ASCII): `@` to `_`, and space to `?`.
pub fn is_six_bit(byte: u8) -> bool {
    (b' '..=b'_').contains(&byte)
}

impl Bits {
    /// The head that all messages share: type, repeat indicator 0, identity.
    pub fn message(kind: u8, mmsi: u32) -> Self {
        let mut bits = Self {
            bytes: [0; MESSAGE_BITS_MAX / 8],
            len: 0,
        };
        bits.unsigned(u32::from(kind), 6);
        bits.unsigned(0, 2);
        bits.unsigned(mmsi, 30);
        bits
    }

    /// Appends `value` in `width` bits.
    ///
    /// # Panics
    /// `value` does not fit, or the message is longer than any here: a fault of the encoder.
    pub fn unsigned(&mut self, value: u32, width: usize) {
        assert!(
            width <= 32 && u64::from(value) < 1 << width,
            "{value} needs more than {width} bits"
        );
        for place in (0..width).rev() {
            if value >> place & 1 == 1 {
                self.bytes[self.len / 8] |= 0x80 >> (self.len % 8);
            }
            self.len += 1;
        }
    }

    /// Appends `value` in `width` bits, two's complement.
    ///
    /// # Panics
    /// `value` does not fit.
    pub fn signed(&mut self, value: i32, width: usize) {
        let half = 1_i64 << (width - 1);
        assert!(
            (-half..half).contains(&i64::from(value)),
            "{value} needs more than {width} bits"
        );
        // The bits above the width are the sign's, and go.
        self.unsigned(value as u32 & (u32::MAX >> (32 - width)), width);
    }

    /// Appends `text` in `chars` six-bit characters, filled with `@` (0).
    ///
    /// Characters outside the set become `?`; the scenario's check has refused them.
    pub fn text(&mut self, text: &str, chars: usize) {
        let codes = text.bytes().map(|byte| match byte {
            b'@'..=b'_' => byte - b'@',
            b' '..=b'?' => byte,
            _ => b'?',
        });
        for code in codes.chain(std::iter::repeat(0)).take(chars) {
            self.unsigned(u32::from(code), 6);
        }
    }

    /// The message's characters on the wire (IEC 61162-1: 0 to 39 are `0` to `W`, 40 to 63 are
    /// `` ` `` to `w`), and the zero bits that fill the last one.
    pub fn armoured(&self) -> (Vec<u8>, usize) {
        let chars = self.len.div_ceil(6);
        let armoured = (0..chars)
            .map(|place| {
                let code = (0..6).fold(0, |code, bit| {
                    let at = place * 6 + bit;
                    let set = at < self.len && self.bytes[at / 8] & (0x80 >> (at % 8)) != 0;
                    code << 1 | u8::from(set)
                });
                if code < 40 { code + 48 } else { code + 56 }
            })
            .collect();
        (armoured, chars * 6 - self.len)
    }
}
