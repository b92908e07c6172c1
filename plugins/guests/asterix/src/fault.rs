//! What can be wrong with a datagram, as the host counts it.

/// Why bytes are no record. The order is that of `description.causes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A block's length is less than its head, or more than is left; or bytes are left after the
    /// last block that are no block, such as a vendor's trailer.
    BlockLength,
    /// A category that is not decoded.
    Category,
    /// A field reference number that the editions decoded here do not use.
    FieldSpecification,
    /// An item ends behind its block, or a length in it cannot be.
    ItemLength,
    /// An item that every record of the category must have is missing.
    ItemMissing,
    /// A bit is set that the editions decoded here leave spare.
    SpareBits,
    /// A time of day past the end of a day.
    TimeOfDay,
    /// A record with more bytes than can be kept in a message.
    RecordLength,
    /// A datagram with more messages than the host takes of one.
    TooManyMessages,
}

impl Cause {
    /// Names by which the host counts rejects.
    pub const NAMES: [&'static str; 9] = [
        "block-length",
        "category",
        "field-specification",
        "item-length",
        "item-missing",
        "spare-bits",
        "time-of-day",
        "record-length",
        "too-many-messages",
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What was wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind, for counting.
    pub cause: Cause,
    /// Byte of the datagram.
    pub offset: usize,
    /// The item that it is about, or nothing.
    pub item: &'static str,
    /// Category of the block.
    pub category: u8,
}
