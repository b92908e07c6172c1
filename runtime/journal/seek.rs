//! Seeking: by block, by sequence number and by time, told from headers alone.

use crate::block::Header;
use crate::cursor::{Cursor, StepError, segment_header};
use crate::error::ReadError;
use crate::reader::Reader;
use crate::segment::{Listed, SegmentHeader};
use std::io;

/// Listings tried while retention removes segments between listing and opening.
const LISTINGS_MAX: usize = 8;

impl Reader {
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
