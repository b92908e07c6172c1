//! What a log holds, told from its segments' headers and its last segment.

use crate::block::Block;
use crate::cursor::segment_header;
use crate::error::ReadError;
use crate::recover::{RecoverError, Recovered, scan_segment};
use crate::segment::{self, Damage, StreamInfo};
use cap_std::fs::Dir;

#[cfg(test)]
mod tests;

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The log's identity, `None` without a segment.
    pub log_id: Option<[u8; 16]>,
    /// Segments held.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// First block held.
    pub first_block: Option<u64>,
    /// Last whole block.
    pub last_block: Option<u64>,
    /// Sequence number of the first record held.
    pub first_seq: u64,
    /// Sequence number after the last record.
    pub next_seq: u64,
    /// Block numbers within what is held that were never used.
    pub blocks_skipped: u64,
    /// Sequence numbers within what is held that were never used.
    pub seqs_skipped: u64,
    /// Smallest time of the first block, ns; rulings apart.
    pub time_first_ns: Option<u64>,
    /// Largest time of all blocks, ns; rulings apart.
    pub time_max_ns: Option<u64>,
    /// When the first segment began and the last block was appended, by the host's clock, ns.
    pub written_ns: Option<(u64, u64)>,
    /// The streams, with their records and steps back in time since the log began.
    pub streams: Vec<StreamInfo>,
    /// Where the last segment stops being good: a block being written now, a torn tail, or damage.
    pub tail: Option<Damage>,
}

/// Tells what the log in `dir` holds. Only the last segment is checked block by block; see
/// [`crate::verify()`] for all.
///
/// # Errors
/// The directory or a segment's header cannot be read.
pub fn stat(dir: &Dir) -> Result<Stat, ReadError> {
    let segments = segment::list(dir).map_err(|cause| ReadError::Io {
        file: ".".to_owned(),
        cause,
    })?;
    let mut stat = Stat {
        segments: segments.len() as u64,
        bytes: segments.iter().map(|listed| listed.bytes).sum(),
        ..Stat::default()
    };
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Ok(stat);
    };
    for listed in &segments[..segments.len() - 1] {
        let header = header(dir, listed.first_block)?;
        stat.add_header(&header, listed == first);
    }
    let mut found = Recovered::default();
    let mut block = Block::default();
    let scanned = scan_segment(dir, *last, &mut found, true, &mut block, |block| {
        if block.header.kind.is_dated() {
            stat.add_time(block.header.time_max_ns);
        }
    });
    match scanned {
        Ok(tail) => stat.tail = tail,
        Err(RecoverError::Damaged(damage) | RecoverError::Loss(damage, _)) => {
            stat.tail = Some(damage);
        }
        Err(RecoverError::Io { file, cause }) => return Err(ReadError::Io { file, cause }),
    }
    if let Ok(header) = header(dir, last.first_block) {
        stat.add_header(&header, last == first);
        stat.last_block = found.last_block.filter(|&last| last >= first.first_block);
        stat.next_seq = found.seq_end.max(header.first_seq);
        stat.written_ns = stat.written_ns.map(|(from, to)| {
            let to = found.last.end.written_ns.max(to);
            (from, to)
        });
        stat.streams = found.streams.list;
    }
    stat.time_first_ns = time_first_ns(dir)?;
    Ok(stat)
}

impl Stat {
    fn add_time(&mut self, time_ns: u64) {
        self.time_max_ns = Some(self.time_max_ns.map_or(time_ns, |max| max.max(time_ns)));
    }

    fn add_header(&mut self, header: &segment::SegmentHeader, first: bool) {
        let previous = header.previous;
        if first {
            self.log_id = Some(header.log_id);
            self.first_block = Some(header.first_block);
            self.first_seq = header.first_seq;
            self.written_ns = Some((header.created_ns, header.created_ns));
        } else {
            self.blocks_skipped += header.first_block.saturating_sub(previous.block_end);
            self.seqs_skipped += header.first_seq.saturating_sub(previous.seq_end);
            if previous.time_max_ns > 0 {
                self.add_time(previous.time_max_ns);
            }
        }
    }
}

/// Smallest time of the first dated block.
fn time_first_ns(dir: &Dir) -> Result<Option<u64>, ReadError> {
    let mut reader = crate::Reader::open(dir)?;
    reader.seek_time(0)?;
    reader
        .peek_header()
        .map(|header| header.map(|header| header.time_min_ns))
}

fn header(dir: &Dir, segment: u64) -> Result<segment::SegmentHeader, ReadError> {
    segment_header(dir, segment).map_err(|error| error.into_read(segment))
}
