//! Verification: every checksum, the whole chain, the numbers, the ceiling and the signed heads.

use crate::block::{Block, Hash};
use crate::ceiling::Ceiling;
use crate::cursor::segment_header;
use crate::error::ReadError;
use crate::fault::Fault;
use crate::heads::{self, HeadFault};
use crate::recover::{RecoverError, Recovered, scan_segment};
use crate::segment::{self, Damage, Listed, SegmentHeader};
use cap_std::fs::Dir;
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;
use std::fmt;
use std::io;

#[cfg(test)]
mod tests;

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A block or a segment's header.
    Damaged(Damage),
    /// A signed head.
    Head {
        /// Its place in the file, from 0.
        index: u64,
        /// The block that it names, if it can be read.
        block: Option<u64>,
        /// What is wrong.
        fault: HeadFault,
    },
    /// The ceiling is absent or unreadable.
    Ceiling(String),
    /// The log holds numbers that the ceiling never allowed.
    AboveCeiling {
        /// Number after the last block.
        block_end: u64,
        /// Sequence number after the last record.
        seq_end: u64,
    },
    /// A clean close recorded blocks up to a number, and the log ends before it.
    Missing {
        /// First block that is not there.
        from: u64,
        /// Last block that is not there.
        to: u64,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(damage) => damage.fmt(f),
            Self::Head {
                index,
                block,
                fault,
            } => {
                let file = heads::HEADS_FILE;
                match block {
                    Some(block) => write!(f, "{file}, entry {index}, block {block}: {fault}"),
                    None => write!(f, "{file}, entry {index}: {fault}"),
                }
            }
            Self::Ceiling(cause) => f.write_str(cause),
            Self::AboveCeiling { block_end, seq_end } => write!(
                f,
                "the log ends at block {block_end} and sequence number {seq_end}, \
                 above the stored ceiling"
            ),
            Self::Missing { from, to } => write!(
                f,
                "the log was closed after block {to}, but ends before block {from}"
            ),
        }
    }
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// The log's identity.
    pub log_id: Option<[u8; 16]>,
    /// Segments walked.
    pub segments: u64,
    /// Good blocks.
    pub blocks: u64,
    /// Records in them.
    pub records: u64,
    /// First block held.
    pub first_block: Option<u64>,
    /// Last good block.
    pub last_block: Option<u64>,
    /// Block numbers in between that were never used.
    pub blocks_skipped: u64,
    /// Bytes behind the last whole block: one being written, or a torn tail that the next opening
    /// cuts.
    pub tail_bytes: u64,
    /// Heads in the file.
    pub heads: u64,
    /// Heads of blocks that retention has removed.
    pub heads_before: u64,
    /// The last block whose hash stands in a head signed by the key. Evidence reaches to it. `None`
    /// without a key.
    pub signed_to: Option<u64>,
    /// Good blocks behind it, which nothing but the unkeyed chain vouches for.
    pub blocks_unsigned: u64,
    /// The first thing that is wrong.
    pub problem: Option<Problem>,
}

/// Walks begun anew because retention removed a segment under them. Reason: a walk of a large log
/// takes longer than retention's interval, and each one begins at what is held then; when reached,
/// the segment that was missing is the error.
const WALKS_MAX: u32 = 1_000;

/// Checks the log in `dir`, which may be live. Without a key signatures are not checked, hashes in
/// heads are.
///
/// # Errors
/// A file cannot be read. What is wrong with the content is in the report.
pub fn verify(dir: &Dir, key: Option<&VerifyingKey>) -> Result<VerifyReport, ReadError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match verify_once(dir, key) {
            // Retention removed a segment between listing and opening.
            Err(ReadError::Io { cause, .. })
                if cause.kind() == io::ErrorKind::NotFound && tries < WALKS_MAX => {}
            other => return other,
        }
    }
}

/// A head to compare with its block.
struct Expected {
    index: u64,
    hash: Hash,
    seen: bool,
}

fn verify_once(dir: &Dir, key: Option<&VerifyingKey>) -> Result<VerifyReport, ReadError> {
    let io_error = |file: &str| {
        let file = file.to_owned();
        move |cause| ReadError::Io { file, cause }
    };
    let mut report = VerifyReport::default();
    // Heads first: they name blocks that are already there. The ceiling last: it only rises.
    let entries = heads::load(dir).map_err(io_error(heads::HEADS_FILE))?;
    report.heads = entries.len() as u64;
    let segments = segment::list(dir).map_err(io_error("."))?;
    let mut expected = BTreeMap::new();
    let mut head_problem = None;
    // If it is damaged, the walk says so.
    let first = segments
        .first()
        .and_then(|first| segment_header(dir, first.first_block).ok());
    let log_id = first.as_ref().map(|header| header.log_id);
    for (index, entry) in (0u64..).zip(&entries) {
        let (block, fault) = match (entry, key, log_id) {
            (Err(fault), _, _) => (None, *fault),
            (Ok(head), Some(key), Some(log_id)) if !head.is_signed_by(&log_id, key) => {
                (Some(head.block), HeadFault::Signature)
            }
            (Ok(head), _, _) => {
                let hash = head.hash;
                let seen = false;
                expected.insert(head.block, Expected { index, hash, seen });
                continue;
            }
        };
        head_problem.get_or_insert(Problem::Head {
            index,
            block,
            fault,
        });
    }
    let mut walk = Walk {
        report,
        found: Recovered::default(),
        expected,
        keyed: key.is_some(),
        tail: None,
    };
    walk.all(dir, &segments)?;
    walk.check_heads(first.as_ref());
    walk.report.problem = walk.report.problem.or(head_problem);
    let ceiling = walk.check_ceiling(dir, segments.is_empty());
    walk.report.problem = walk.report.problem.or(ceiling);
    Ok(walk.report)
}

/// What a walk over all segments carries along.
struct Walk {
    report: VerifyReport,
    found: Recovered,
    expected: BTreeMap<u64, Expected>,
    keyed: bool,
    /// Where the last segment ends inside a block.
    tail: Option<Damage>,
}

impl Walk {
    /// Walks all segments up to the first damage.
    fn all(&mut self, dir: &Dir, segments: &[Listed]) -> Result<(), ReadError> {
        let mut block = Block::default();
        let report = &mut self.report;
        for (index, listed) in segments.iter().enumerate() {
            let block_end = self.found.block_end;
            let blocks_before = report.blocks;
            let (expected, keyed) = (&mut self.expected, self.keyed);
            let each = |block: &Block| {
                let number = block.header.block;
                report.blocks += 1;
                report.blocks_unsigned += 1;
                report.records += u64::from(block.header.count);
                let Some(head) = expected.get_mut(&number) else {
                    return;
                };
                head.seen = true;
                if head.hash != block.hash {
                    report.problem.get_or_insert(Problem::Head {
                        index: head.index,
                        block: Some(number),
                        fault: HeadFault::Hash,
                    });
                } else if keyed {
                    report.signed_to = Some(number);
                    report.blocks_unsigned = 0;
                }
            };
            let scanned = scan_segment(dir, *listed, &mut self.found, index == 0, &mut block, each);
            report.segments += 1;
            if index == 0 {
                report.first_block = Some(listed.first_block);
            } else {
                report.blocks_skipped += listed.first_block.saturating_sub(block_end);
            }
            let damage = match scanned {
                Ok(None) => continue,
                Ok(Some(damage))
                | Err(RecoverError::Damaged(damage) | RecoverError::Loss(damage, _)) => damage,
                Err(RecoverError::Io { file, cause }) => return Err(ReadError::Io { file, cause }),
            };
            if index + 1 == segments.len() && matches!(damage.fault, Fault::Partial { .. }) {
                self.tail = Some(damage);
                report.tail_bytes = listed.bytes;
                if report.blocks > blocks_before {
                    report.tail_bytes = listed.bytes.saturating_sub(damage.offset);
                }
            } else {
                report.problem.get_or_insert(Problem::Damaged(damage));
            }
            break;
        }
        report.log_id = self.found.log_id;
        report.last_block = self.found.last_block;
        Ok(())
    }

    /// Looks for heads whose block was not walked. `first` is the first segment's header.
    fn check_heads(&mut self, first: Option<&SegmentHeader>) {
        let walked_all = self.report.problem.is_none();
        for (&block, head) in &self.expected {
            let fault = match first {
                _ if head.seen => continue,
                Some(first) if block < first.first_block => {
                    self.report.heads_before += 1;
                    // The hash of the last block removed is kept.
                    let kept = block.checked_add(1) == Some(first.previous.block_end);
                    if !kept || first.prev_hash == head.hash {
                        continue;
                    }
                    HeadFault::Hash
                }
                // Behind damage nothing was walked.
                Some(_) if !walked_all => continue,
                Some(_) | None => HeadFault::Missing,
            };
            self.report.problem.get_or_insert(Problem::Head {
                index: head.index,
                block: Some(block),
                fault,
            });
        }
    }

    /// Checks that no number is above the ceiling, and that a clean close was not cut since.
    fn check_ceiling(&self, dir: &Dir, empty: bool) -> Option<Problem> {
        let found = &self.found;
        let ceiling = match Ceiling::load(dir) {
            Ok(Some(ceiling)) => ceiling,
            Ok(None) if empty => return None,
            Ok(None) => {
                let cause = "the file `ceiling` is absent".to_owned();
                return Some(Problem::Ceiling(cause));
            }
            Err(error) => return Some(Problem::Ceiling(error.to_string())),
        };
        if found.log_id.is_some_and(|log_id| log_id != ceiling.log_id) {
            let cause = "the file `ceiling` belongs to another log".to_owned();
            return Some(Problem::Ceiling(cause));
        }
        if found.block_end > ceiling.block || found.seq_end > ceiling.seq {
            return Some(Problem::AboveCeiling {
                block_end: found.block_end,
                seq_end: found.seq_end,
            });
        }
        if ceiling.clean && found.block_end < ceiling.block_end {
            return Some(Problem::Missing {
                from: found.block_end,
                to: ceiling.block_end - 1,
            });
        }
        self.tail.filter(|_| ceiling.clean).map(Problem::Damaged)
    }
}
