//! A reader: walks the blocks of a log in order, also while a writer appends to it.
//!
//! It has file handles of its own, takes no lock, and can live in another process. It checks every
//! checksum and the chain as it goes, so a block it returns is the one that was appended. It never
//! skips silently: what retention removed before it was read is an error that says so.

use crate::block::{Block, Fault, Header};
use crate::cursor::{Cursor, Step, StepError, segment_header};
use crate::error::ReadError;
use crate::segment::{self, Listed, SegmentHeader, StreamInfo, file_name};
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

/// Listings tried while retention removes segments between listing and opening.
const LISTINGS_MAX: usize = 8;

/// Reads a log. Memory is bounded by [`READER_BYTES_MAX`].
#[derive(Debug)]
pub struct Reader {
    dir: Dir,
    dir_file: File,
    dir_changed: (i64, i64),
    idle_reads: u32,
    /// The last segment of the last listing.
    last_listed: u64,
    cursor: Option<Cursor>,
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

    /// Stands before the first block held.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn seek_start(&mut self) -> Result<(), ReadError> {
        self.with_listing(|reader, segments| {
            reader.cursor = match segments.first() {
                Some(first) => Some(reader.open_segment(first.first_block)?),
                None => None,
            };
            Ok(())
        })
    }

    /// Stands before the first block whose number is `number` or above; at the end of the log if
    /// there is none.
    ///
    /// # Errors
    /// [`ReadError::Gone`] if retention removed it: the reader then stands before the first block
    /// held. Else the log is damaged or unreadable.
    pub fn seek_block(&mut self, number: u64) -> Result<(), ReadError> {
        self.with_listing(|reader, segments| {
            let index = segments.partition_point(|listed| listed.first_block <= number);
            let Some(listed) = segments.get(index.saturating_sub(1)) else {
                reader.cursor = None;
                return Ok(());
            };
            let mut cursor = reader.open_segment(listed.first_block)?;
            let gone_end = cursor.header.previous.block_end;
            if index == 0 && gone_end > number {
                reader.cursor = Some(cursor);
                return Err(StepOr::Read(ReadError::Gone {
                    from: number,
                    to: gone_end - 1,
                }));
            }
            reader.skip_while(&mut cursor, |header| header.block < number)?;
            reader.cursor = Some(cursor);
            Ok(())
        })
    }

    /// Stands before the block that holds the record with this sequence number, or the first one
    /// after it; at the end of the log if there is none.
    ///
    /// # Errors
    /// [`ReadError::GoneRecords`] if retention removed it: the reader then stands before the first
    /// block held. Else the log is damaged or unreadable.
    pub fn seek_seq(&mut self, seq: u64) -> Result<(), ReadError> {
        self.with_listing(|reader, segments| {
            let mut low = 0;
            let mut high = segments.len();
            while low < high {
                let middle = low + (high - low) / 2;
                if reader.header(segments[middle])?.first_seq <= seq {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            let Some(first) = segments.get(low.saturating_sub(1)) else {
                reader.cursor = None;
                return Ok(());
            };
            if low == 0 {
                let cursor = reader.open_segment(first.first_block)?;
                let gone_end = cursor.header.previous.seq_end;
                reader.cursor = Some(cursor);
                if gone_end > seq {
                    return Err(StepOr::Read(ReadError::GoneRecords {
                        from: seq,
                        to: gone_end - 1,
                    }));
                }
            }
            reader.seek_header(&segments[low.saturating_sub(1)..], |header| {
                header.kind.consumes() && header.seq_end() > seq
            })
        })
    }

    /// Stands before the first block held whose largest time is `time_ns` or above; at the end of
    /// the log if there is none. Rulings are passed over. Capture time may step back, so later
    /// blocks can hold earlier times: sequence is the order.
    ///
    /// # Errors
    /// The log is damaged or unreadable.
    pub fn seek_time(&mut self, time_ns: u64) -> Result<(), ReadError> {
        self.with_listing(|reader, segments| {
            let mut index = 0;
            // A segment's largest time stands in the header of the one behind it.
            while let Some(behind) = segments.get(index + 1) {
                let previous = reader.header(*behind)?.previous;
                if previous.time_max_ns >= time_ns {
                    break;
                }
                index += 1;
            }
            reader.seek_header(segments.get(index..).unwrap_or_default(), |header| {
                header.kind.is_dated() && header.time_max_ns >= time_ns
            })
        })
    }

    /// Stands before the last whole block; `false` if there is none.
    ///
    /// # Errors
    /// The log is damaged or unreadable.
    pub fn seek_last(&mut self) -> Result<bool, ReadError> {
        self.with_listing(|reader, segments| {
            for listed in segments.iter().rev() {
                let mut cursor = reader.open_segment(listed.first_block)?;
                reader.skip_while(&mut cursor, |_| true)?;
                let Some(last) = cursor.next_block.checked_sub(1) else {
                    continue;
                };
                if last < listed.first_block {
                    continue;
                }
                let mut cursor = reader.open_segment(listed.first_block)?;
                reader.skip_while(&mut cursor, |header| header.block < last)?;
                reader.cursor = Some(cursor);
                return Ok(true);
            }
            reader.seek_header(segments, |_| true)?;
            Ok(false)
        })
    }

    /// Header of the next block of the segment it stands in, without passing over it.
    pub(crate) fn peek_header(&mut self) -> Result<Option<Header>, ReadError> {
        let Some(cursor) = &mut self.cursor else {
            return Ok(None);
        };
        let segment = cursor.segment;
        let mut found = None;
        cursor
            .skip_while(|header| {
                found = Some(header.clone());
                false
            })
            .map_err(|error| error.into_read(segment))?;
        Ok(found)
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

    /// Stands before the first block in these segments that `found` accepts, or at their end.
    fn seek_header(
        &mut self,
        segments: &[Listed],
        mut found: impl FnMut(&Header) -> bool,
    ) -> Result<(), StepOr> {
        self.cursor = None;
        for listed in segments {
            let mut cursor = self.open_segment(listed.first_block)?;
            let hit = self.skip_while(&mut cursor, |header| !found(header))?;
            self.cursor = Some(cursor);
            if hit {
                break;
            }
        }
        Ok(())
    }

    fn skip_while(
        &self,
        cursor: &mut Cursor,
        skip: impl FnMut(&Header) -> bool,
    ) -> Result<bool, StepOr> {
        let segment = cursor.segment;
        cursor
            .skip_while(skip)
            .map_err(|error| StepOr::Step(segment, error))
    }

    fn open_segment(&self, segment: u64) -> Result<Cursor, StepOr> {
        Cursor::open(&self.dir, segment).map_err(|error| StepOr::Step(segment, error))
    }

    fn header(&self, listed: Listed) -> Result<SegmentHeader, StepOr> {
        segment_header(&self.dir, listed.first_block)
            .map_err(|error| StepOr::Step(listed.first_block, error))
    }

    fn changed(&self) -> Result<(i64, i64), ReadError> {
        let metadata = self.dir_file.metadata().map_err(|cause| ReadError::Io {
            file: ".".to_owned(),
            cause,
        })?;
        Ok((metadata.mtime(), metadata.mtime_nsec()))
    }

    fn list(&mut self) -> Result<Vec<Listed>, ReadError> {
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

    /// Runs `act` on a listing, again on a new one if a segment was removed in between.
    fn with_listing<T>(
        &mut self,
        mut act: impl FnMut(&mut Self, &[Listed]) -> Result<T, StepOr>,
    ) -> Result<T, ReadError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let segments = self.list()?;
            match act(self, &segments) {
                Ok(done) => return Ok(done),
                Err(StepOr::Read(error)) => return Err(error),
                Err(StepOr::Step(_, StepError::Io(cause)))
                    if cause.kind() == io::ErrorKind::NotFound && tries < LISTINGS_MAX => {}
                Err(StepOr::Step(segment, error)) => return Err(error.into_read(segment)),
            }
        }
    }
}

/// An error of a seek: final, or one that a new listing may cure.
enum StepOr {
    Step(u64, StepError),
    Read(ReadError),
}
