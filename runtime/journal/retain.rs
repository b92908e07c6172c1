//! Retention: which segments are held, and which may go.
//!
//! Whole segments only, the oldest first, never the one being written, and never one that is still
//! owed, unless the caller says so in as many words and has recorded it.

use crate::append::RULINGS_RESERVE_BYTES;
use crate::cursor::segment_header;
use crate::error::ReadError;
use crate::log::Writer;
use crate::segment::{Listed, SegmentHeader, file_name};
use std::collections::VecDeque;
use std::io;

#[cfg(test)]
mod tests;

/// The segments of a log, as its writer knows them.
#[derive(Debug)]
pub(crate) struct Held {
    segments: VecDeque<Listed>,
    bytes: u64,
    /// Header of the oldest segment and of the one behind it, once read.
    oldest: Option<(SegmentHeader, SegmentHeader)>,
}

impl Held {
    pub(crate) fn new(segments: Vec<Listed>) -> Self {
        let bytes = segments.iter().map(|listed| listed.bytes).sum();
        Self {
            segments: segments.into(),
            bytes,
            oldest: None,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn first_block(&self) -> Option<u64> {
        self.segments.front().map(|listed| listed.first_block)
    }

    pub(crate) fn push(&mut self, first_block: u64, bytes: u64) {
        self.segments.push_back(Listed { first_block, bytes });
        self.bytes += bytes;
    }

    pub(crate) fn grow(&mut self, bytes: u64) {
        if let Some(last) = self.segments.back_mut() {
            last.bytes += bytes;
            self.bytes += bytes;
        }
    }
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Segments removed.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their blocks.
    pub blocks: u64,
    /// Their records, rulings apart.
    pub records: u64,
    /// The last block removed.
    pub last_block: Option<u64>,
}

impl Writer {
    /// Removes segments that are too old, or too many for the bound in bytes, as long as none of
    /// their blocks is owed: `owed_from_block` is the first one that is. Removes by bytes down to
    /// room for one more segment, so that appends go on until the next call.
    ///
    /// # Errors
    /// A segment's header could not be read or its file not removed; what was removed before stays
    /// removed.
    pub fn retain(&mut self, owed_from_block: u64, now_ns: u64) -> Result<Retained, ReadError> {
        let options = &self.options;
        let bytes_kept = options
            .bytes_max
            .saturating_sub(RULINGS_RESERVE_BYTES)
            .saturating_sub(options.segment_bytes_max);
        let age_ns_max = options.age_ns_max;
        self.remove_while(|held_bytes, behind| {
            let owed = behind.previous.block_end > owed_from_block;
            let too_many = held_bytes > bytes_kept;
            let age_ns = now_ns.saturating_sub(behind.previous.written_ns);
            let too_old = age_ns_max.is_some_and(|age_ns_max| age_ns > age_ns_max);
            !owed && (too_many || too_old)
        })
    }

    /// Removes every segment whose blocks are all below `below_block`, owed or not. The caller has
    /// recorded by a ruling that it does.
    ///
    /// # Errors
    /// As [`Writer::retain`].
    pub fn remove_owed(&mut self, below_block: u64) -> Result<Retained, ReadError> {
        self.remove_while(|_, behind| behind.previous.block_end <= below_block)
    }

    fn remove_while(
        &mut self,
        mut goes: impl FnMut(u64, &SegmentHeader) -> bool,
    ) -> Result<Retained, ReadError> {
        let mut retained = Retained::default();
        while let (Some(&oldest), Some(&behind)) =
            (self.held.segments.front(), self.held.segments.get(1))
        {
            let headers = match self.held.oldest.take() {
                Some(headers) => headers,
                None => (
                    self.header_of(oldest.first_block)?,
                    self.header_of(behind.first_block)?,
                ),
            };
            if !goes(self.held.bytes, &headers.1) {
                self.held.oldest = Some(headers);
                break;
            }
            let name = file_name(oldest.first_block);
            match self.shared.dir.remove_file(&name) {
                Ok(()) => {}
                // Someone removed it by hand; the numbers below still count it as gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(ReadError::Io { file: name, cause }),
            }
            self.shared.unsynced().dir_changed = true;
            self.held.segments.pop_front();
            self.held.bytes -= oldest.bytes;
            let end = headers.1.previous;
            retained.segments += 1;
            retained.bytes += oldest.bytes;
            retained.blocks += end.block_end.saturating_sub(headers.0.first_block);
            retained.records += end.seq_end.saturating_sub(headers.0.first_seq);
            retained.last_block = end.block_end.checked_sub(1);
        }
        Ok(retained)
    }

    fn header_of(&self, segment: u64) -> Result<SegmentHeader, ReadError> {
        segment_header(&self.shared.dir, segment).map_err(|error| error.into_read(segment))
    }
}
