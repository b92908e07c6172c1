//! Opening: what a directory holds, what of it is good, and where a writer goes on.
//!
//! Blocks are scanned from the first one that may not have been on stable storage when the last
//! segment began (its header says). At the first bad block the log is cut: this block, all behind
//! it in its segment, and all later segments go, and the report says so. Nothing is skipped over,
//! so every record before the cut is there and none behind it. What is cut is not kept.

use crate::block::{Block, Hash};
use crate::cursor::{Cursor, Step, StepError};
use crate::fault::Fault;
use crate::segment::{Damage, Listed, Previous, Streams, file_name};
use cap_std::fs::{Dir, OpenOptions};
use std::fmt;
use std::io;

/// Block headers counted behind a cut, at most. Source: the count is for the operator's eyes.
const BLOCKS_BEHIND_MAX: u64 = 100_000;

/// What opening cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where, and what is wrong there.
    pub damage: Damage,
    /// Bytes cut, removed segments included.
    pub bytes: u64,
    /// Segments removed: those behind the cut, and one left without a block.
    pub segments: u64,
    /// Whole block headers behind the bad place, counted up to 100,000. A torn tail has none; more
    /// means damage in the middle of the log.
    pub blocks_behind: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: cut {} bytes and removed {} segments; {} whole blocks stood behind it",
            self.damage, self.bytes, self.segments, self.blocks_behind
        )
    }
}

/// What a scan found.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) log_id: Option<[u8; 16]>,
    pub(crate) segments: Vec<Listed>,
    /// Index of the first segment that may not be on stable storage.
    pub(crate) unsynced_from: usize,
    pub(crate) last: LastSegment,
    /// Hash of the last block, [`crate::block::GENESIS`] without one.
    pub(crate) prev_hash: Hash,
    pub(crate) last_block: Option<u64>,
    pub(crate) block_end: u64,
    pub(crate) seq_end: u64,
    pub(crate) streams: Streams,
    pub(crate) cut: Option<Cut>,
}

/// What is known of the segment that holds the last block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LastSegment {
    pub(crate) end: Previous,
    pub(crate) created_ns: u64,
}

/// Why a directory could not be recovered.
#[derive(Debug)]
pub(crate) enum RecoverError {
    Io {
        file: String,
        cause: io::Error,
    },
    Damaged(Damage),
    /// Damage that must not be cut: where, and the whole blocks behind it.
    Loss(Damage, u64),
}

fn step_error(segment: u64, error: StepError) -> RecoverError {
    match error {
        StepError::Io(cause) => RecoverError::Io {
            file: file_name(segment),
            cause,
        },
        StepError::Damaged(damage) => RecoverError::Damaged(damage),
    }
}

/// Scans what may not be durable, cuts at the first bad block, and says where to go on. Without
/// `may_cut` a bad block is an error and nothing is changed.
pub(crate) fn recover(
    dir: &Dir,
    mut segments: Vec<Listed>,
    may_cut: bool,
) -> Result<Recovered, RecoverError> {
    let mut found = Recovered::default();
    let Some(start) = scan_start(dir, &segments)? else {
        found.segments = segments;
        return Ok(found);
    };
    found.unsynced_from = start;
    let mut block = Block::default();
    let mut first = true;
    for index in start..segments.len() {
        let scanned = scan_segment(dir, segments[index], &mut found, first, &mut block, |_| {});
        if let Some(damage) = scanned? {
            if !may_cut {
                let mut blocks = blocks_behind(dir, damage, BLOCKS_BEHIND_MAX)?;
                for later in &segments[index + 1..] {
                    let start = Damage {
                        segment: later.first_block,
                        offset: 0,
                        ..damage
                    };
                    blocks += blocks_behind(dir, start, BLOCKS_BEHIND_MAX - blocks)?;
                }
                return Err(RecoverError::Loss(damage, blocks));
            }
            found.cut = Some(cut(dir, &mut segments, index, damage)?);
            break;
        }
        first = false;
    }
    found.segments = segments;
    Ok(found)
}

/// Index of the first segment to scan, `None` without segments.
///
/// # Errors
/// A segment is newer, or its header is damaged although blocks stand behind it: cutting there
/// would take a whole segment for one bad byte, so a person decides.
fn scan_start(dir: &Dir, segments: &[Listed]) -> Result<Option<usize>, RecoverError> {
    for (index, segment) in segments.iter().enumerate().rev() {
        match Cursor::open(dir, segment.first_block) {
            Ok(cursor) => {
                let durable_below = cursor.header.durable_below;
                let start = segments[..=index]
                    .iter()
                    .rposition(|listed| listed.first_block <= durable_below)
                    .unwrap_or(0);
                return Ok(Some(start));
            }
            Err(StepError::Damaged(damage)) => refuse_valuable(dir, damage)?,
            Err(StepError::Io(cause)) => {
                return Err(step_error(segment.first_block, StepError::Io(cause)));
            }
        }
    }
    Ok((!segments.is_empty()).then_some(0))
}

/// Refuses a segment whose header is bad unless nothing whole stands behind it.
fn refuse_valuable(dir: &Dir, damage: Damage) -> Result<(), RecoverError> {
    let newer = matches!(damage.fault, Fault::Newer(_));
    if newer || blocks_behind(dir, damage, 1)? > 0 {
        return Err(RecoverError::Damaged(damage));
    }
    Ok(())
}

fn blocks_behind(dir: &Dir, damage: Damage, max: u64) -> Result<u64, RecoverError> {
    let name = file_name(damage.segment);
    dir.open(&name)
        .and_then(|file| {
            crate::cursor::headers_behind(&file.into_std(), damage.offset.saturating_add(1), max)
        })
        .map_err(|cause| RecoverError::Io { file: name, cause })
}

/// Scans one segment, moves `found` on to its last good block, and hands out each; returns the first
/// damage. `first` is for a segment whose predecessor was not scanned.
pub(crate) fn scan_segment(
    dir: &Dir,
    listed: Listed,
    found: &mut Recovered,
    first: bool,
    block: &mut Block,
    mut each: impl FnMut(&Block),
) -> Result<Option<Damage>, RecoverError> {
    let segment = listed.first_block;
    let mut cursor = match Cursor::open(dir, segment) {
        Ok(cursor) => cursor,
        Err(StepError::Damaged(damage)) => {
            refuse_valuable(dir, damage)?;
            return Ok(Some(damage));
        }
        Err(error) => return Err(step_error(segment, error)),
    };
    let header = cursor.header.clone();
    let at_header = |fault| {
        Ok(Some(Damage {
            segment,
            offset: 0,
            fault,
        }))
    };
    if found.log_id.is_some_and(|log_id| log_id != header.log_id) {
        // Not ours to cut.
        return Err(RecoverError::Damaged(Damage {
            segment,
            offset: 0,
            fault: Fault::LogId,
        }));
    }
    if !first {
        if header.prev_hash != found.prev_hash {
            return at_header(Fault::Chain);
        }
        if header.first_block < found.block_end {
            return at_header(Fault::Number {
                found: header.first_block,
                expected: found.block_end,
            });
        }
        if header.first_seq < found.seq_end {
            return at_header(Fault::Sequence {
                found: header.first_seq,
                expected: found.seq_end,
            });
        }
    } else {
        found.prev_hash = header.prev_hash;
        found.block_end = header.previous.block_end;
        found.seq_end = header.previous.seq_end;
        found.last_block = header.previous.block_end.checked_sub(1);
        found.last.end = header.previous;
    }
    found.log_id = Some(header.log_id);
    found.streams.clone_from(&header.streams);
    let blocks_offset = cursor.offset;
    let mut end = Previous {
        first_block: segment,
        ..Previous::default()
    };
    loop {
        let damage = match cursor.next(block) {
            Ok(Step::Block) => {
                let time_last_ns = block.columns.times_ns().last().copied();
                let offset = cursor.offset - block.header.block_bytes() as u64;
                if let Err(fault) = found.streams.apply(&block.header, time_last_ns) {
                    return Ok(Some(Damage {
                        segment,
                        offset,
                        fault,
                    }));
                }
                end.block_end = cursor.next_block;
                end.seq_end = cursor.next_seq;
                end.written_ns = block.header.written_ns;
                if block.header.kind.is_dated() {
                    end.time_max_ns = end.time_max_ns.max(block.header.time_max_ns);
                }
                each(block);
                found.prev_hash = block.hash;
                found.last_block = Some(block.header.block);
                found.block_end = end.block_end;
                found.seq_end = end.seq_end;
                found.last = LastSegment {
                    end,
                    created_ns: header.created_ns,
                };
                continue;
            }
            // A segment without a block is never left behind by a close.
            Ok(Step::End { partial_bytes: 0 }) if cursor.offset > blocks_offset => return Ok(None),
            Ok(Step::End { partial_bytes }) => cursor.damage(Fault::Partial {
                bytes: partial_bytes,
            }),
            Err(StepError::Damaged(damage)) => damage,
            Err(error) => return Err(step_error(segment, error)),
        };
        return Ok(Some(damage));
    }
}

/// Cuts the log at `damage` in segment `index` and removes every later segment, last first, so that
/// a cut that is itself interrupted is found and finished by the next opening.
fn cut(
    dir: &Dir,
    segments: &mut Vec<Listed>,
    index: usize,
    damage: Damage,
) -> Result<Cut, RecoverError> {
    let mut cut = Cut {
        damage,
        bytes: 0,
        segments: 0,
        blocks_behind: blocks_behind(dir, damage, BLOCKS_BEHIND_MAX)?,
    };
    let io_error = |segment: u64| {
        move |cause| RecoverError::Io {
            file: file_name(segment),
            cause,
        }
    };
    let has_blocks =
        Cursor::open(dir, damage.segment).is_ok_and(|cursor| damage.offset > cursor.offset);
    let keep = if has_blocks { index + 1 } else { index };
    while segments.len() > keep {
        let Some(listed) = segments.pop() else { break };
        if listed.first_block != damage.segment {
            let start = Damage {
                segment: listed.first_block,
                offset: 0,
                ..damage
            };
            let rest = BLOCKS_BEHIND_MAX - cut.blocks_behind;
            cut.blocks_behind += blocks_behind(dir, start, rest)?;
        }
        dir.remove_file(file_name(listed.first_block))
            .map_err(io_error(listed.first_block))?;
        cut.bytes += listed.bytes;
        cut.segments += 1;
    }
    if has_blocks {
        let mut options = OpenOptions::new();
        options.write(true);
        let file = dir
            .open_with(file_name(damage.segment), &options)
            .map_err(io_error(damage.segment))?;
        file.set_len(damage.offset)
            .and_then(|()| file.sync_all())
            .map_err(io_error(damage.segment))?;
        if let Some(listed) = segments.last_mut() {
            cut.bytes += listed.bytes.saturating_sub(damage.offset);
            listed.bytes = damage.offset;
        }
    }
    Ok(cut)
}
