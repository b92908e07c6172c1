//! Why a packet is refused: causes for counting, and the byte at which it went wrong.

/// Cause of a reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The packet is shorter or longer than its header says, or shorter than a header.
    PacketLength,
    /// A version of the standard that the parameters do not list.
    Version,
    /// A classification that is none of the five; so nobody knows who may see it.
    Classification,
    /// A segment does not end within the packet, or is not as long as its content.
    SegmentLength,
    /// A type of segment that the standard does not define.
    SegmentType,
    /// A mask that lacks a mandatory field, has a spare bit, or selects fields that contradict
    /// each other.
    ExistenceMask,
    /// A text with bytes outside of the standard's character set.
    Text,
    /// A value that means nothing: no date, no flag, a position off the earth.
    Value,
    /// More messages than the host takes of a frame.
    TooMany,
}

impl Cause {
    /// Names, in the order of the variants.
    pub const NAMES: [&str; 9] = [
        "packet-length",
        "version",
        "classification",
        "segment-length",
        "segment-type",
        "existence-mask",
        "text",
        "value",
        "too-many",
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What was wrong with a packet, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for counting.
    pub cause: Cause,
    /// What was wrong, for people.
    pub what: &'static str,
    /// Byte of the frame.
    pub offset: usize,
}
