//! Bits of a message field by the numbers that the standards give them: from 1, most significant
//! first.

/// The 56 bits of an extended squitter's message field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Me(u64);

/// Bytes of a message field.
pub const ME_BYTES: usize = 7;

impl Me {
    /// From its bytes.
    pub fn new(bytes: [u8; ME_BYTES]) -> Self {
        Self(
            bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; ME_BYTES] {
        let [_, a, b, c, d, e, f, g] = self.0.to_be_bytes();
        [a, b, c, d, e, f, g]
    }

    /// Bits `first` to `last`, both 1 to 56 and in this order; at most 32 of them.
    pub fn get(self, first: u32, last: u32) -> u32 {
        debug_assert!(1 <= first && first <= last && last <= 56 && last - first < 32);
        let width = last - first + 1;
        (self.0 >> (56 - last) & ((1 << width) - 1)) as u32
    }

    /// Bit `at`.
    pub fn flag(self, at: u32) -> bool {
        self.get(at, at) == 1
    }

    /// Type code, bits 1 to 5.
    pub fn type_code(self) -> u8 {
        self.get(1, 5) as u8
    }
}
