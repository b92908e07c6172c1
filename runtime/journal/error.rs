//! What can go wrong in opening, appending and reading; who is at fault, and what is left whole.

use crate::block::{BLOCK_RECORDS_MAX, BODY_BYTES_MAX, StreamId};
use crate::ceiling::CeilingError;
use crate::lock::LockError;
use crate::segment::{Damage, STREAM_NAME_BYTES_MAX, STREAM_ORIGIN_BYTES_MAX, STREAMS_MAX};
use crate::sync::SyncError;
use std::fmt;
use std::io;

/// Why a log was not opened for writing. Nothing of it was changed, cuts apart.
#[derive(Debug)]
pub enum OpenError {
    /// An option out of bounds.
    Options(String),
    /// The directory is in use, or its lock cannot be used.
    Lock(LockError),
    /// The ceiling cannot be read.
    Ceiling(CeilingError),
    /// There are segments but no ceiling, so numbers cannot be continued safely.
    CeilingMissing,
    /// Segments and ceiling belong to different logs.
    LogId,
    /// Damage that cutting would make worse, or a newer format.
    Damaged(Damage),
    /// A clean close had left the log whole, and now something is gone. Nothing was changed.
    Loss {
        /// Where it is damaged; `None` if blocks are missing at its end.
        damage: Option<Damage>,
        /// Whole blocks that cutting there would take, or that are missing.
        blocks: u64,
    },
    /// A file could not be used.
    Io {
        /// Its name.
        file: String,
        /// The cause.
        cause: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(what) => f.write_str(what),
            Self::Lock(error) => error.fmt(f),
            Self::Ceiling(error) => error.fmt(f),
            Self::CeilingMissing => f.write_str(
                "there are segments but no file `ceiling`, so numbers cannot be continued safely",
            ),
            Self::LogId => f.write_str("segments and the file `ceiling` belong to different logs"),
            Self::Damaged(damage) => damage.fmt(f),
            Self::Loss {
                damage: Some(damage),
                blocks,
            } => write!(
                f,
                "{damage}; a clean stop had left it whole, and going on would cut it there, with \
                 {blocks} whole blocks behind"
            ),
            Self::Loss {
                damage: None,
                blocks,
            } => write!(
                f,
                "its last {blocks} blocks are not there, and a clean stop had left them"
            ),
            Self::Io { file, cause } => write!(f, "{file}: {cause}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a stream was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// Name or origin are too long.
    TooLong {
        /// Bytes of the name.
        name_bytes: usize,
        /// Bytes of the origin.
        origin_bytes: usize,
    },
    /// The table is full, and every stream in it still has records held or none yet.
    TooMany,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong {
                name_bytes,
                origin_bytes,
            } => write!(
                f,
                "a stream's name of {name_bytes} bytes (at most {STREAM_NAME_BYTES_MAX}) \
                 or origin of {origin_bytes} (at most {STREAM_ORIGIN_BYTES_MAX})"
            ),
            Self::TooMany => write!(f, "the log already holds {STREAMS_MAX} streams"),
        }
    }
}

impl std::error::Error for StreamError {}

/// Why a block was not appended. Its numbers are free again.
#[derive(Debug)]
pub enum AppendError {
    /// No records.
    Empty,
    /// The stream is not registered.
    Stream(StreamId),
    /// More than a block may hold; the caller splits it.
    TooLarge {
        /// Records.
        records: usize,
        /// Bytes of the body.
        body_bytes: usize,
    },
    /// The log's own bound is reached; the caller retains or sheds.
    Full {
        /// Bytes held.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// The file system has no room. The partial block was taken back; the log is good and later
    /// appends may succeed.
    NoSpace {
        /// The file.
        file: String,
        /// The cause.
        cause: io::Error,
    },
    /// The log cannot be used any more until it is opened again.
    Failed(SyncError),
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a block without records"),
            Self::Stream(id) => write!(f, "stream {} is not registered", id.0),
            Self::TooLarge {
                records,
                body_bytes,
            } => write!(
                f,
                "a block of {records} records (at most {BLOCK_RECORDS_MAX}) and {body_bytes} bytes \
                 (at most {BODY_BYTES_MAX})"
            ),
            Self::Full { bytes, bytes_max } => {
                write!(f, "full: {bytes} bytes held of {bytes_max}")
            }
            Self::NoSpace { file, cause } => write!(f, "{file}: no room: {cause}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AppendError {}

/// Why a read stopped. The reader keeps its place unless said otherwise.
#[derive(Debug)]
pub enum ReadError {
    /// Retention removed these blocks before they were read. The reader now stands behind them, so
    /// reading on is possible, knowingly.
    Gone {
        /// First block that is gone.
        from: u64,
        /// Last block that is gone.
        to: u64,
    },
    /// Retention removed the records sought, up to this sequence number. The reader stands at the
    /// first block held.
    GoneRecords {
        /// First sequence number sought.
        from: u64,
        /// Last sequence number that is gone.
        to: u64,
    },
    /// What stands there is not the block that should.
    Damaged(Damage),
    /// A file could not be read.
    Io {
        /// Its name.
        file: String,
        /// The cause.
        cause: io::Error,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone { from, to } => {
                write!(
                    f,
                    "blocks {from} to {to} were removed before they were read"
                )
            }
            Self::GoneRecords { from, to } => {
                write!(
                    f,
                    "records {from} to {to} were removed before they were read"
                )
            }
            Self::Damaged(damage) => damage.fmt(f),
            Self::Io { file, cause } => write!(f, "{file}: {cause}"),
        }
    }
}

impl std::error::Error for ReadError {}
