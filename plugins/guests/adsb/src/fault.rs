//! What can be wrong with a frame, as the host counts it.

/// Why a frame is no message. The order is that of `description.causes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Not of the configured form, or of none.
    Form,
    /// Fewer or more bytes than the downlink format has.
    Length,
    /// The parity of an extended squitter or an all-call reply is wrong.
    Parity,
    /// A field holds a value that has no meaning.
    Value,
}

impl Cause {
    /// Names by which the host counts rejects.
    pub const NAMES: [&'static str; 4] = ["form", "length", "parity", "value"];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What was wrong with a frame, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for counting.
    pub cause: Cause,
    /// What was wrong, for people.
    pub what: &'static str,
    /// Byte of the payload.
    pub offset: usize,
}

impl Fault {
    pub(crate) fn new(cause: Cause, what: &'static str, offset: usize) -> Self {
        Self {
            cause,
            what,
            offset,
        }
    }
}
