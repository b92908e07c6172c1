//! Why a datagram is refused: causes for counting, and the byte at which it went wrong.

/// Cause of a reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A PDU does not end where the datagram does, or is not as long as its content.
    PduLength,
    /// A version of the protocol that is not read.
    Version,
    /// A type that the standard does not define, or one of another family.
    PduType,
    /// A number that is none.
    NotANumber,
    /// A location inside of the earth or farther away than [`crate::geodesy::RADIUS_M_MAX`].
    Location,
    /// More PDUs than are read of a datagram.
    TooMany,
}

impl Cause {
    /// Names, in the order of the variants.
    pub const NAMES: [&str; 6] = [
        "pdu-length",
        "version",
        "pdu-type",
        "not-a-number",
        "location",
        "too-many",
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What was wrong with a datagram, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for counting.
    pub cause: Cause,
    /// What was wrong, for people.
    pub what: &'static str,
    /// Byte of the frame.
    pub offset: usize,
}
