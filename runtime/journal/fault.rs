//! What can be wrong with the bytes of a block or a segment's header.

use crate::block::FORMAT_VERSION;
use outrigger_policy::columns::ColumnsError;
use std::fmt;

/// Why bytes are not the block, or the segment header, that should stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file ends inside it, after this many of its bytes.
    Partial {
        /// Bytes there.
        bytes: u64,
    },
    /// It does not begin as one.
    Magic,
    /// The checksum of the header does not match.
    HeaderChecksum,
    /// The checksum of the body does not match.
    BodyChecksum,
    /// A block of another version than its segment.
    Version(u16),
    /// A file of a newer format than this build reads.
    Newer(u16),
    /// A kind that does not exist.
    Kind(u8),
    /// A field outside its bound.
    Bound(&'static str),
    /// The columns are not columns.
    Columns(ColumnsError),
    /// It does not name the hash of the block before.
    Chain,
    /// It has another number than the one expected.
    Number {
        /// Number there.
        found: u64,
        /// Number expected.
        expected: u64,
    },
    /// Its first sequence number is not the one expected.
    Sequence {
        /// Number there.
        found: u64,
        /// Number expected.
        expected: u64,
    },
    /// It counts another number of records before it in its stream than there are.
    StreamCount {
        /// Count there.
        found: u64,
        /// Count expected.
        expected: u64,
    },
    /// It names a stream that its segment does not know.
    Stream(u16),
    /// It belongs to another log.
    LogId,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partial { bytes } => write!(f, "the file ends inside, after {bytes} bytes"),
            Self::Magic => f.write_str("it does not begin with the magic bytes"),
            Self::HeaderChecksum => f.write_str("the checksum of the header does not match"),
            Self::BodyChecksum => f.write_str("the checksum of the body does not match"),
            Self::Version(found) => {
                write!(f, "block of format version {found} in a segment of another")
            }
            Self::Newer(found) => write!(
                f,
                "format version {found} is newer than this build's {FORMAT_VERSION}"
            ),
            Self::Kind(found) => write!(f, "kind {found} does not exist"),
            Self::Bound(field) => write!(f, "{field} is outside its bound"),
            Self::Columns(error) => write!(f, "columns: {error}"),
            Self::Chain => f.write_str("it does not name the hash of the block before"),
            Self::Number { found, expected } => {
                write!(f, "block number {found} where {expected} was expected")
            }
            Self::Sequence { found, expected } => {
                write!(f, "sequence number {found} where {expected} was expected")
            }
            Self::StreamCount { found, expected } => {
                write!(
                    f,
                    "{found} records before it in its stream where {expected} were expected"
                )
            }
            Self::Stream(found) => write!(f, "stream {found} is not in the segment's table"),
            Self::LogId => f.write_str("it belongs to another log"),
        }
    }
}
