//! Mode S frames of 112 bits, their parity, and how receivers pass them on.

use serde::Deserialize;

/// Bytes of a long frame.
pub const FRAME_BYTES: usize = 14;
/// Generator of the parity field (Annex 10, Volume IV, § 3.1.2.3.3): x²⁴ and what follows.
const GENERATOR: u32 = 0x00FF_F409;
/// Downlink format 17, capability 5: level 2 transponder, airborne (§ 3.1.2.5.2.2.1).
const HEAD: u8 = 17 << 3 | 5;
/// Signal level that Beast frames name: middling, of 255.
const SIGNAL: u8 = 0x80;

/// The 56 bits of an extended squitter's message, filled from the first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Message {
    bits: u64,
    count: u32,
}

impl Message {
    /// Appends the lowest `width` bits of `value`.
    pub fn put(&mut self, value: u64, width: u32) {
        debug_assert!(value >> width == 0, "value wider than its field");
        self.bits = self.bits << width | value;
        self.count += width;
    }
}

/// Downlink format 17: head, address, message, parity.
pub fn squitter(icao: u32, message: Message) -> [u8; FRAME_BYTES] {
    debug_assert_eq!(message.count, 56, "a squitter's message has 56 bits");
    let mut frame = [0; FRAME_BYTES];
    frame[0] = HEAD;
    frame[1..4].copy_from_slice(&icao.to_be_bytes()[1..]);
    frame[4..11].copy_from_slice(&message.bits.to_be_bytes()[1..]);
    let parity = parity(&frame[..11]);
    frame[11..].copy_from_slice(&parity.to_be_bytes()[1..]);
    frame
}

/// Remainder of `bytes`, followed by 24 zeros, by the generator.
fn parity(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |remainder, byte| {
        let mut remainder = remainder ^ u32::from(*byte) << 16;
        for _ in 0..8 {
            remainder <<= 1;
            if remainder & 0x0100_0000 != 0 {
                remainder ^= GENERATOR;
            }
        }
        remainder & 0x00FF_FFFF
    })
}

/// How a receiver passes frames on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Text lines: `*8D…;`.
    Avr,
    /// Mode S Beast binary: 0x1A, type 3, clock of 12 MHz, signal level, frame.
    Beast,
}

impl Encoding {
    /// Appends `frame`, heard at `time_ns` since 1970.
    pub fn wrap(self, frame: &[u8; FRAME_BYTES], time_ns: u64, out: &mut Vec<u8>) {
        match self {
            Self::Avr => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                out.push(b'*');
                for byte in frame {
                    out.push(DIGITS[usize::from(byte >> 4)]);
                    out.push(DIGITS[usize::from(byte & 0xF)]);
                }
                out.extend_from_slice(b";\n");
            }
            Self::Beast => {
                let clock = (u128::from(time_ns) * 12 / 1_000) as u64;
                out.extend_from_slice(&[0x1A, b'3']);
                let head = clock.to_be_bytes();
                let bytes = head[2..].iter().chain(&[SIGNAL]).chain(frame);
                for byte in bytes {
                    out.push(*byte);
                    // The mark is doubled wherever it is not one.
                    if *byte == 0x1A {
                        out.push(*byte);
                    }
                }
            }
        }
    }
}
