//! Mode S parity: 24 bits over the whole frame.
//!
//! Checked, never used to correct: a corrected frame would be a guess.

/// Generator, without its leading one. Source: ICAO Annex 10, volume IV, § 3.1.2.3.3.1.2.
const POLYNOMIAL: u32 = 0xff_f409;

/// Remainder of each byte value.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        let mut rest = (value as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            rest <<= 1;
            if rest & 0x100_0000 != 0 {
                rest ^= 0x100_0000 | POLYNOMIAL;
            }
            bit += 1;
        }
        table[value] = rest;
        value += 1;
    }
    table
};

/// Parity of all bytes but the last three, combined with these: 0 for a whole extended squitter,
/// the interrogator's code for an all-call reply, the address for formats with address parity.
/// Shorter than three bytes: the bytes themselves.
pub fn residue(frame: &[u8]) -> u32 {
    let (content, parity) = frame.split_at(frame.len().saturating_sub(3));
    let computed = content.iter().fold(0u32, |rest, byte| {
        (rest << 8 & 0xff_ffff) ^ TABLE[usize::from((rest >> 16) as u8 ^ byte)]
    });
    parity
        .iter()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
        ^ computed
}
