//! Markings: what the header says of who may see a packet.
//!
//! A packet has a classification (P4), the system that gave it (P5) and codes that narrow it
//! (P6). The host needs one word for all three, and maps it to a label. So there are two words
//! per classification: the plain one, and one ending in `.special` for everything that the
//! parameters do not declare harmless. Without parameters every packet is special.

use crate::fault::{Cause, Fault};
use crate::parameters::Parameters;

/// Every marking: the five classifications from the lowest, then the same with codes, or of a
/// system that the parameters do not list.
pub const MARKINGS: [&str; 10] = [
    "unclassified",
    "restricted",
    "confidential",
    "secret",
    "top-secret",
    "unclassified.special",
    "restricted.special",
    "confidential.special",
    "secret.special",
    "top-secret.special",
];

/// Classification of a packet, P4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classification {
    /// 5.
    Unclassified,
    /// 4.
    Restricted,
    /// 3.
    Confidential,
    /// 2.
    Secret,
    /// 1.
    TopSecret,
}

impl Classification {
    /// From its number.
    ///
    /// # Errors
    /// [`Cause::Classification`] for any other number than 1 to 5.
    pub fn new(number: u8, offset: usize) -> Result<Self, Fault> {
        match number {
            1 => Ok(Self::TopSecret),
            2 => Ok(Self::Secret),
            3 => Ok(Self::Confidential),
            4 => Ok(Self::Restricted),
            5 => Ok(Self::Unclassified),
            _ => Err(Fault {
                cause: Cause::Classification,
                what: "no classification",
                offset,
            }),
        }
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        MARKINGS[self as usize]
    }
}

/// Place in [`MARKINGS`] of a packet's marking.
pub fn marking(
    classification: Classification,
    system: [u8; 2],
    codes: u16,
    parameters: &Parameters,
) -> usize {
    let special = !parameters.knows_system(system) || codes & !parameters.plain_codes != 0;
    classification as usize + if special { MARKINGS.len() / 2 } else { 0 }
}
