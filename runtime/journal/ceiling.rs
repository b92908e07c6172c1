//! The ceiling: numbers below it may be used, so that none is ever used twice.
//!
//! Before a block or sequence number is used, a number above it is on stable storage in the file
//! `ceiling`. A start after anything but a clean close continues from there, whatever a power cut
//! took from the log, and the numbers skipped are reported. A clean close stores the exact next
//! numbers.
//!
//! The file is replaced as a whole: temporary file, `fsync`, rename, `fsync` of the directory. It
//! holds its content twice, so that one damaged sector does not make the log unusable.

use crate::block::FORMAT_VERSION;
use crate::fields::{Fields, PREAMBLE_BYTES, Preamble, PreambleFault};
use cap_std::fs::{Dir, OpenOptions};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};

#[cfg(test)]
mod tests;

/// Name of the file.
pub const CEILING_FILE: &str = "ceiling";

const TEMPORARY_FILE: &str = "ceiling.new";

/// Block numbers reserved at a time. Source: at a thousand blocks per second, one write a minute;
/// an unclean start skips at most twice as many of 2^64.
pub const RESERVE_BLOCKS: u64 = 1 << 16;

/// Sequence numbers reserved at a time, likewise: 20,000 frames per second, one write a minute.
pub const RESERVE_SEQS: u64 = 1 << 20;

const _: () = assert!(RESERVE_SEQS >= 2 * crate::block::BLOCK_RECORDS_MAX as u64);

const FILE_KIND: u16 = 2;
const COPY_BYTES: usize = PREAMBLE_BYTES + 16 + 8 + 8 + 8 + 8 + 4;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The log's identity.
    pub log_id: [u8; 16],
    /// After a clean close the next block number, else the first one not reserved.
    pub block: u64,
    /// After a clean close the next sequence number, else the first one not reserved.
    pub seq: u64,
    /// After a clean close number after the last block, which lies below `block` if an unclean
    /// start skipped numbers and nothing was appended since. 0 while the log is open.
    pub block_end: u64,
    /// True if the log was closed and not opened for writing since.
    pub clean: bool,
}

/// Why there is no ceiling.
#[derive(Debug)]
pub enum CeilingError {
    /// The file is of a newer format.
    Newer(u16),
    /// Neither of its copies is whole.
    Damaged,
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for CeilingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(found) => write!(
                f,
                "{CEILING_FILE}: format version {found} is newer than this build's {FORMAT_VERSION}"
            ),
            Self::Damaged => write!(
                f,
                "{CEILING_FILE}: both copies are damaged, so numbers cannot be continued safely"
            ),
            Self::Io(cause) => write!(f, "{CEILING_FILE}: {cause}"),
        }
    }
}

impl std::error::Error for CeilingError {}

/// Why the ceiling was not stored.
#[derive(Debug)]
pub(crate) enum StoreError {
    /// Nothing was changed; may be tried again.
    Write(io::Error),
    /// What reached the disk is unknown; never tried again.
    Sync(io::Error),
}

impl Ceiling {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(COPY_BYTES);
        Preamble {
            version: FORMAT_VERSION,
            file_kind: FILE_KIND,
            bytes: u32::try_from(COPY_BYTES).expect("a constant below 4 GiB"),
        }
        .encode(&mut out);
        out.extend_from_slice(&self.log_id);
        out.extend_from_slice(&self.block.to_le_bytes());
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.block_end.to_le_bytes());
        out.extend_from_slice(&u64::from(self.clean).to_le_bytes());
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(copy: &[u8]) -> Result<Self, CeilingError> {
        let preamble = Preamble::decode(copy).map_err(|fault| match fault {
            PreambleFault::Partial | PreambleFault::Magic | PreambleFault::Checksum => {
                CeilingError::Damaged
            }
        })?;
        if preamble.version > FORMAT_VERSION {
            return Err(CeilingError::Newer(preamble.version));
        }
        if preamble.file_kind != FILE_KIND || copy.len() != COPY_BYTES {
            return Err(CeilingError::Damaged);
        }
        let (body, crc) = copy.split_at(COPY_BYTES - 4);
        if crc != crc32c::crc32c(body).to_le_bytes() {
            return Err(CeilingError::Damaged);
        }
        let mut fields = Fields::new(&body[PREAMBLE_BYTES..]);
        let mut read = || {
            Some(Self {
                log_id: fields.array()?,
                block: fields.u64()?,
                seq: fields.u64()?,
                block_end: fields.u64()?,
                clean: fields.u64()? == 1,
            })
        };
        read().ok_or(CeilingError::Damaged)
    }

    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    /// The file is newer, damaged or unreadable.
    pub fn load(dir: &Dir) -> Result<Option<Self>, CeilingError> {
        let file = match dir.open(CEILING_FILE) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CeilingError::Io(error)),
        };
        let mut bytes = Vec::with_capacity(2 * COPY_BYTES);
        file.take(2 * COPY_BYTES as u64)
            .read_to_end(&mut bytes)
            .map_err(CeilingError::Io)?;
        let (first, second) = bytes.split_at(bytes.len().min(COPY_BYTES));
        match Self::decode(first) {
            Ok(ceiling) => Ok(Some(ceiling)),
            Err(CeilingError::Damaged) => Self::decode(second).map(Some),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file and waits until it is on stable storage. `dir_file` is the directory,
    /// opened for reading.
    pub(crate) fn store(&self, dir: &Dir, dir_file: &File) -> Result<(), StoreError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut bytes = self.encode();
        bytes.extend_from_within(..);
        let file = dir
            .open_with(TEMPORARY_FILE, &options)
            .and_then(|mut file| file.write_all(&bytes).map(|()| file))
            .map_err(StoreError::Write)?;
        file.sync_all().map_err(StoreError::Sync)?;
        dir.rename(TEMPORARY_FILE, dir, CEILING_FILE)
            .map_err(StoreError::Write)?;
        dir_file.sync_all().map_err(StoreError::Sync)
    }
}
