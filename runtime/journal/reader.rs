//! A reader: walks the blocks of a log in order, also while a writer appends to it.
//!
//! It has file handles of its own, takes no lock, and can live in another process. It checks every
//! checksum and the chain as it goes, so a block it returns is the one that was appended. It never
//! skips silently: what retention removed before it was read is an error that says so.

use crate::block::Block;
use crate::cursor::{Cursor, Step, StepError};
use crate::error::ReadError;
use crate::fault::Fault;
use crate::segment::{self, Listed, StreamInfo, file_name};
use cap_std::fs::Dir;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

#[cfg(test)]
mod tests;

/// Most that a reader keeps in memory beside the block it fills: one block, or one chunk. Bytes.
pub const READER_BYTES_MAX: usize = crate::block::HEADER_BYTES + crate::block::BODY_BYTES_MAX;

const _: () = assert!(READER_BYTES_MAX >= crate::cursor::CHUNK_BYTES);

/// At the tail, the directory is listed again at every so many reads that find nothing, though its
/// time of change stayed the same. Source: that time has the grain of the kernel's tick, so a
/// change right after a listing can hide behind it.
const IDLE_READS_PER_LISTING: u32 = 16;

/// Reads a log. Memory is bounded by [`READER_BYTES_MAX`].
#[derive(Debug)]
pub struct Reader {
    pub(crate) dir: Dir,
    dir_file: File,
    dir_changed: (i64, i64),
    idle_reads: u32,
    /// The last segment of the last listing.
    last_listed: u64,
    pub(crate) cursor: Option<Cursor>,
}

impl Reader {
    /// Stands before the first block held. `dir` may be a read-only capability.
    ///
    /// # Errors
    /// The directory cannot be read, or its first segment is newer or damaged.
    pub fn open(dir: &Dir) -> Result<Self, ReadError> {
        let in_dir = |cause| ReadError::Io {
            file: ".".to_owned(),
            cause,
        };
        let mut reader = Self {
            dir: dir.try_clone().map_err(in_dir)?,
            dir_file: dir.open(".").map_err(in_dir)?.into_std(),
            dir_changed: (0, 0),
            idle_reads: 0,
            last_listed: 0,
            cursor: None,
        };
        reader.seek_start()?;
        Ok(reader)
    }

    /// Reads the next block into `block`, whose memory is used again. `false` means that there is
    /// none now: at the end of the log, or before a block that is still being written.
    ///
    /// # Errors
    /// Blocks are gone, damaged or unreadable. After an error `block` holds nothing of use.
    pub fn next(&mut self, block: &mut Block) -> Result<bool, ReadError> {
        loop {
            let Some(cursor) = &mut self.cursor else {
                // An empty log: its first segment may have come since.
                self.seek_start()?;
                if self.cursor.is_none() {
                    return Ok(false);
                }
                continue;
            };
            let segment = cursor.segment;
            match cursor.next(block) {
                Ok(Step::Block) => {
                    self.idle_reads = 0;
                    return Ok(true);
                }
                Ok(Step::End { .. }) => {}
                Err(error) => return Err(error.into_read(segment)),
            }
            let Some(next) = self.following()? else {
                return Ok(false);
            };
            // A later segment is there, so this one is complete: what it says now is final.
            let Some(cursor) = &mut self.cursor else {
                continue;
            };
            match cursor.next(block) {
                Ok(Step::Block) => return Ok(true),
                Ok(Step::End { partial_bytes: 0 }) => self.enter(next)?,
                Ok(Step::End { partial_bytes }) => {
                    return Err(ReadError::Damaged(cursor.damage(Fault::Partial {
                        bytes: partial_bytes,
                    })));
                }
                Err(error) => return Err(error.into_read(segment)),
            }
        }
    }

    /// Number of the block expected next; 0 before any segment is known.
    pub fn next_block(&self) -> u64 {
        self.cursor.as_ref().map_or(0, |cursor| cursor.next_block)
    }

    /// The streams known at the start of the segment that the reader stands in.
    pub fn streams(&self) -> &[StreamInfo] {
        self.cursor
            .as_ref()
            .map_or(&[], |cursor| &cursor.header.streams.list)
    }

    /// True if nothing was ever held before the segment that the reader stands in: numbers may
    /// have been skipped before it, but no block was. True of an empty log.
    pub fn stands_in_first(&self) -> bool {
        let first = |cursor: &Cursor| cursor.header.prev_hash == crate::block::GENESIS;
        self.cursor.as_ref().is_none_or(first)
    }

    /// The log's identity, `None` before any segment is known.
    pub fn log_id(&self) -> Option<[u8; 16]> {
        self.cursor.as_ref().map(|cursor| cursor.header.log_id)
    }

    /// Checks that the log ends here, for callers who know that no writer is alive: bytes of a
    /// block that is not whole are then a torn tail.
    ///
    /// # Errors
    /// The tail is torn, or there is more to read.
    pub fn check_end(&mut self) -> Result<(), ReadError> {
        let Some(cursor) = &mut self.cursor else {
            return Ok(());
        };
        let segment = cursor.segment;
        let bytes = cursor
            .file_bytes()
            .map_err(|cause| StepError::Io(cause).into_read(segment))?;
        let bytes = bytes.saturating_sub(cursor.offset);
        if bytes == 0 {
            return Ok(());
        }
        Err(ReadError::Damaged(cursor.damage(Fault::Partial { bytes })))
    }

    /// The segment behind the current one, if there is one yet.
    fn following(&mut self) -> Result<Option<u64>, ReadError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let (segment, next_block) = (cursor.segment, cursor.next_block);
        // Without an unclean start in between it is named by the next block.
        if next_block > segment && self.dir.exists(file_name(next_block)) {
            return Ok(Some(next_block));
        }
        self.idle_reads += 1;
        let due = segment < self.last_listed || self.idle_reads >= IDLE_READS_PER_LISTING;
        if !due && self.changed()? == self.dir_changed {
            return Ok(None);
        }
        let listed = self.list()?;
        Ok(listed
            .iter()
            .map(|listed| listed.first_block)
            .find(|&first_block| first_block > segment))
    }

    /// Enters the segment behind the current one and checks that nothing is missing in between.
    fn enter(&mut self, first_block: u64) -> Result<(), ReadError> {
        let Some(old) = self.cursor.take() else {
            return Ok(());
        };
        let (next_block, prev_hash) = (old.next_block, old.prev_hash);
        let opened = Cursor::open(&self.dir, first_block);
        let cursor = match opened {
            Ok(cursor) => cursor,
            Err(error) => {
                self.cursor = Some(old);
                // Removed since it was listed: the next listing shows what is left.
                if let StepError::Io(cause) = &error
                    && cause.kind() == io::ErrorKind::NotFound
                {
                    self.dir_changed = (0, 0);
                    return Ok(());
                }
                return Err(error.into_read(first_block));
            }
        };
        let previous = cursor.header.previous;
        let gone_end = previous.block_end;
        if gone_end > next_block && previous.first_block == old.segment {
            // Not retention: the segment just read has lost its end.
            let damage = old.damage(Fault::Partial { bytes: 0 });
            self.cursor = Some(old);
            return Err(ReadError::Damaged(damage));
        }
        if gone_end > next_block {
            self.cursor = Some(cursor);
            return Err(ReadError::Gone {
                from: next_block,
                to: gone_end - 1,
            });
        }
        if prev_hash.is_some_and(|hash| hash != cursor.header.prev_hash) {
            self.cursor = Some(old);
            return Err(ReadError::Damaged(crate::segment::Damage {
                segment: first_block,
                offset: 0,
                fault: Fault::Chain,
            }));
        }
        self.cursor = Some(cursor);
        Ok(())
    }

    fn changed(&self) -> Result<(i64, i64), ReadError> {
        let metadata = self.dir_file.metadata().map_err(|cause| ReadError::Io {
            file: ".".to_owned(),
            cause,
        })?;
        Ok((metadata.mtime(), metadata.mtime_nsec()))
    }

    pub(crate) fn list(&mut self) -> Result<Vec<Listed>, ReadError> {
        // The time first: a change during the listing then shows at the next look.
        self.dir_changed = self.changed()?;
        self.idle_reads = 0;
        let segments = segment::list(&self.dir).map_err(|cause| ReadError::Io {
            file: ".".to_owned(),
            cause,
        })?;
        self.last_listed = segments.last().map_or(0, |listed| listed.first_block);
        Ok(segments)
    }
}
