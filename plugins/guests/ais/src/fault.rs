//! What can be wrong with a frame, as the host counts it.

/// Why a line, or a group of lines, is no message. The order is that of `description.causes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A checksum of the sentence or its tag block is wrong.
    Checksum,
    /// Not a sentence: wrong start, wrong fields, no checksum.
    SentenceForm,
    /// A tag block without end, or with a value that cannot be read.
    TagBlock,
    /// A payload has a character outside the six-bit alphabet.
    PayloadCharacter,
    /// A payload is shorter or longer than its message type says.
    PayloadLength,
    /// A message type that does not exist.
    MessageType,
    /// A fragment whose fellows never came.
    FragmentLost,
    /// A fragment that does not fit those before it.
    FragmentOrder,
    /// A frame with more sentences or fragment groups than are read.
    FrameTooLong,
}

impl Cause {
    /// Names by which the host counts rejects.
    pub const NAMES: [&'static str; 9] = [
        "checksum",
        "sentence-form",
        "tag-block",
        "payload-character",
        "payload-length",
        "message-type",
        "fragment-lost",
        "fragment-order",
        "frame-too-long",
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What was wrong with a line, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for counting.
    pub cause: Cause,
    /// What was wrong, for people.
    pub what: &'static str,
    /// Byte of the frame.
    pub offset: u32,
}

#[cfg(test)]
mod tests;
