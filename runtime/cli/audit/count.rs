//! Counts a log's records one by one, without the help of whoever wrote it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use outrigger_journal::{Block, Fault, ReadError, Reader, StreamId};

use super::super::output::Trouble;
use super::super::place::trouble;
use super::super::text::digits;
use super::Stop;

/// How often a long walk says how far it is.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// Blocks between two looks at the clock.
const BLOCKS_PER_LOOK: u64 = 1_024;

/// Retention removed what was being counted.
#[derive(Debug)]
pub(super) struct Overtaken;

/// What a walk over a log found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// By stream: records removed by retention, by the log's own count.
    pub(super) removed: BTreeMap<StreamId, u64>,
    /// First block held; 0 for an empty log.
    pub(super) first_block: u64,
    /// Nothing was ever removed.
    pub(super) whole: bool,
    /// Records counted here.
    pub(super) records: u64,
    /// What is not as it should be, in words.
    pub(super) problems: Vec<String>,
    /// A block or segment cannot be read.
    pub(super) damaged: bool,
}

/// Problems of one log that are told. Reason: the first says what is wrong; the rest follow from it.
const PROBLEMS_MAX: usize = 8;

impl Walked {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// Walks the log from the first block held, as long as `each` wants more. `name` is for people.
///
/// # Errors
/// It cannot be read, or retention was faster. What is damaged or missing is among the problems.
pub(super) fn walk(
    dir: &Dir,
    name: &str,
    mut each: impl FnMut(&Block) -> bool,
) -> Result<Walked, Stop> {
    let mut reader = match Reader::open(dir) {
        Ok(reader) => reader,
        Err(error) => {
            let mut walked = Walked::default();
            faulty(&mut walked, name, &error)?;
            return Ok(walked);
        }
    };
    let mut walked = Walked {
        first_block: reader.next_block(),
        whole: reader.stands_in_first(),
        removed: totals(&reader),
        ..Walked::default()
    };
    let mut counted = walked.removed.clone();
    let mut block = Block::default();
    let mut said = Instant::now();
    let mut blocks = 0u64;
    loop {
        match reader.next(&mut block) {
            Ok(true) => {}
            Ok(false) => return Ok(walked),
            Err(ReadError::Gone { from, to }) => {
                let held = Reader::open(dir).map_err(|error| trouble(name, &error))?;
                if held.next_block() > from {
                    return Err(Overtaken.into());
                }
                let there = totals(&reader);
                let missing = there.values().sum::<u64>() - counted.values().sum::<u64>();
                walked.problem(format!(
                    "{name}: blocks {from} to {to} are missing in the middle, with {} records by \
                     the count of what follows",
                    digits(missing)
                ));
                counted = there;
                continue;
            }
            Err(error) => {
                faulty(&mut walked, name, &error)?;
                return Ok(walked);
            }
        }
        if !each(&block) {
            return Ok(walked);
        }
        let header = &block.header;
        if header.kind.consumes() {
            let before = counted.entry(header.stream).or_default();
            if *before != header.stream_first {
                walked.problem(format!(
                    "{name}: block {} says that {} records came before it in its stream; there are {}",
                    header.block,
                    digits(header.stream_first),
                    digits(*before)
                ));
            }
            let records = block.columns.len() as u64;
            *before = header.stream_first + records;
            walked.records += records;
        }
        blocks += 1;
        if blocks.is_multiple_of(BLOCKS_PER_LOOK) && said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            eprintln!(
                "outrigger: {name}: {} records counted, block {}",
                digits(walked.records),
                digits(block.header.block)
            );
        }
    }
}

/// What each stream has had before the segment that the reader stands in.
fn totals(reader: &Reader) -> BTreeMap<StreamId, u64> {
    let streams = reader.streams().iter();
    streams.map(|stream| (stream.id, stream.records)).collect()
}

/// Damage is found; what cannot be read at all ends the command.
fn faulty(walked: &mut Walked, name: &str, error: &ReadError) -> Result<(), Trouble> {
    match error {
        ReadError::Damaged(damage) if !matches!(damage.fault, Fault::Newer(_)) => {
            walked.damaged = true;
            walked.problem(format!(
                "{name}: {damage}; nothing behind it was counted, `outrigger journal verify` says more"
            ));
            Ok(())
        }
        ReadError::Damaged(_)
        | ReadError::Gone { .. }
        | ReadError::GoneRecords { .. }
        | ReadError::Io { .. } => Err(trouble(name, error)),
    }
}
