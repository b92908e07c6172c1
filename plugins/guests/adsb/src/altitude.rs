//! Altitude codes.
//!
//! Source: ICAO Annex 10, volume IV, § 3.1.2.6.5.4 (13 bits, of Mode S) and appendix to chapter 3
//! (the 100 ft code, as transponders reply in Mode C).

/// Metres of a foot, exactly.
pub const FOOT_M: f64 = 0.3048;

/// What an altitude code says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Code {
    /// Not available.
    None,
    /// Feet of pressure altitude.
    Feet(i32),
    /// Metres: the M bit is set. The code's meaning is reserved, so no altitude.
    Metric,
    /// A code that no altitude has.
    Invalid,
}

impl Code {
    /// Metres, if it is an altitude.
    pub fn metres(self) -> Option<f64> {
        match self {
            Self::Feet(feet) => Some(f64::from(feet) * FOOT_M),
            Self::None | Self::Metric | Self::Invalid => None,
        }
    }
}

/// The 12 bits of an airborne position: 13 bits without M.
pub fn code_12(bits: u32) -> Code {
    code_13((bits & 0xfc0) << 1 | bits & 0x3f)
}

/// The 13 bits of a surveillance reply: C1 A1 C2 A2 C4 A4 M B1 Q B2 D2 B4 D4.
pub fn code_13(bits: u32) -> Code {
    const M: u32 = 1 << 6;
    const Q: u32 = 1 << 4;
    if bits == 0 {
        Code::None
    } else if bits & M != 0 {
        Code::Metric
    } else if bits & Q != 0 {
        let steps = (bits & 0x1f80) >> 2 | (bits & 0x20) >> 1 | bits & 0xf;
        Code::Feet(steps as i32 * 25 - 1_000)
    } else {
        hundreds(bits)
    }
}

/// The Gillham code: D2 D4 A1 A2 A4 B1 B2 B4 count 500 ft in a Gray code, C1 C2 C4 the 100 ft
/// within, forwards and backwards in turn.
fn hundreds(bits: u32) -> Code {
    let bit = |place: u32| bits >> place & 1;
    let (c1, a1, c2, a2, c4, a4) = (bit(12), bit(11), bit(10), bit(9), bit(8), bit(7));
    let (b1, b2, d2, b4, d4) = (bit(5), bit(3), bit(2), bit(1), bit(0));
    let gray = [d2, d4, a1, a2, a4, b1, b2, b4];
    let five_hundreds = from_gray(&gray);
    let within = match from_gray(&[c1, c2, c4]) {
        value @ 1..=4 => value,
        7 => 5,
        // 0, 5 and 6 are no code.
        _ => return Code::Invalid,
    };
    let within = match five_hundreds % 2 {
        0 => within,
        _ => 6 - within,
    };
    Code::Feet(five_hundreds * 500 + within * 100 - 1_300)
}

fn from_gray(bits: &[u32]) -> i32 {
    let mut value = 0;
    let mut last = 0;
    for bit in bits {
        last ^= bit;
        value = value << 1 | last as i32;
    }
    value
}

/// The 13 bits of an identity reply as four octal digits: C1 A1 C2 A2 C4 A4 X B1 D1 B2 D2 B4 D4.
/// Source: ICAO Annex 10, volume IV, § 3.1.2.6.7.1.
pub fn squawk(bits: u32) -> u16 {
    let bit = |place: u32| (bits >> place & 1) as u16;
    let a = bit(7) << 2 | bit(9) << 1 | bit(11);
    let b = bit(1) << 2 | bit(3) << 1 | bit(5);
    let c = bit(8) << 2 | bit(10) << 1 | bit(12);
    let d = bit(0) << 2 | bit(2) << 1 | bit(4);
    a << 9 | b << 6 | c << 3 | d
}

#[cfg(test)]
mod tests;
