//! What the runtime says against what lies on the disk.

use std::collections::BTreeMap;

use cap_std::fs::Dir;
use outrigger_journal::{Block, Kind, ReadError, Reader, StreamId};
use outrigger_policy::topology::AUDIT;

use super::super::place::{Place, trouble};
use super::super::text::digits;
use super::count::{Walked, walk};
use super::lines::Report;
use super::{Source, Stop};
use crate::control::{fetch_status, status_socket};
use crate::record::{Position, position_of};
use crate::run::ShedCause;
use crate::status::{StatusSnapshot, TapLedger, TopicStatus};

/// Counts the journal and the topic logs.
pub(super) fn check(place: &Place, source: &Source, report: &mut Report) -> Result<(), Stop> {
    match source.status() {
        None => logs_alone(place, report),
        // There is nothing of its own.
        Some(status) if status.group.is_some() => Ok(()),
        Some(status) => {
            let journal = place.journal()?;
            // What a running runtime has written since is not in its counts; of one that has
            // stopped, there must be nothing more.
            let running = matches!(source, Source::Running(_));
            check_journal(&journal, status, running, report)?;
            check_owed(place, &journal, source, status, report)?;
            for topic in &status.topics {
                check_topic(place, topic, running, report)?;
            }
            Ok(())
        }
    }
}

/// Frames of a tap in the journal, by where they lie.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Before the first block of this run.
    before: u64,
    /// From there up to the pipeline's block.
    done: u64,
    /// From there on.
    waiting: u64,
}

fn check_journal(
    dir: &Dir,
    status: &StatusSnapshot,
    running: bool,
    report: &mut Report,
) -> Result<(), Stop> {
    let (from, next) = (status.ledger.from_block, status.ledger.next_block);
    let end = status.journal.next_block;
    let mut held: BTreeMap<StreamId, Held> = BTreeMap::new();
    let walked = walk(dir, "journal", |block| {
        let number = block.header.block;
        if running && number >= end {
            return false;
        }
        if block.header.kind == Kind::Frames {
            let held = held.entry(block.header.stream).or_default();
            let frames = block.columns.len() as u64;
            match number {
                _ if number < from => held.before += frames,
                _ if number < next => held.done += frames,
                _ => held.waiting += frames,
            }
        }
        true
    })?;
    if !walked.whole && walked.first_block > next {
        return Err(Stop::Overtaken);
    }
    take(&walked, "journal", "frames", report);
    for tap in &status.frames {
        journal_lines(tap, status, &walked, &held, report);
    }
    Ok(())
}

fn journal_lines(
    tap: &TapLedger,
    status: &StatusSnapshot,
    walked: &Walked,
    held: &BTreeMap<StreamId, Held>,
    report: &mut Report,
) {
    let mut counted = Held::default();
    let (mut before, mut removed) = (0, 0);
    for stream in status.streams.iter().filter(|stream| stream.tap == tap.tap) {
        let id = StreamId(stream.stream);
        let held = held.get(&id).copied().unwrap_or_default();
        counted.before += held.before;
        counted.done += held.done;
        counted.waiting += held.waiting;
        before += stream.before;
        removed += walked.removed.get(&id).copied().unwrap_or(0);
    }
    // Retention may have gone beyond the first block of this run: then what it took of this run is
    // the journal's total less what was there before.
    let taken = removed.saturating_sub(before);
    if taken == 0 {
        report.line(
            "journal",
            &tap.tap,
            &[("before_this_run", before)],
            &[("removed_by_retention", removed), ("held", counted.before)],
        );
    }
    let at_journal: u64 = status
        .shed
        .iter()
        .filter(|shed| shed.tap == tap.tap && is_at_journal(&shed.cause))
        .map(|shed| shed.frames)
        .sum();
    report.line(
        "journal",
        &tap.tap,
        &[("captured", tap.captured)],
        &[
            ("shed_by_the_journal", at_journal),
            ("removed_by_retention", taken),
            ("held", counted.done + counted.waiting),
        ],
    );
    report.line(
        "journal",
        &tap.tap,
        &[
            ("processed", tap.processed),
            ("rejected", tap.rejected),
            ("shed_later", tap.shed.saturating_sub(at_journal)),
        ],
        &[("removed_by_retention", taken), ("held", counted.done)],
    );
    report.line(
        "journal",
        &tap.tap,
        &[("waiting", tap.waiting)],
        &[("held", counted.waiting)],
    );
}

fn is_at_journal(cause: &str) -> bool {
    ShedCause::ALL.iter().any(|known| known.name() == cause)
}

/// What is owed must be there. Retention goes on under a running runtime, and what is owed moves on
/// with it: so it is looked first, and asked then.
fn check_owed(
    place: &Place,
    dir: &Dir,
    source: &Source,
    status: &StatusSnapshot,
    report: &mut Report,
) -> Result<(), Stop> {
    let failed = |error: &ReadError| trouble("journal", error);
    let reader = Reader::open(dir).map_err(|error| failed(&error));
    // Damage has been told of.
    let Ok(mut reader) = reader else {
        return Ok(());
    };
    let gone = match reader.seek_block(status.journal.owed_from) {
        Err(ReadError::Gone { from, to }) => (from, to),
        Ok(()) | Err(_) => return Ok(()),
    };
    let owed_from = match source {
        Source::Running(_) => match fetch_status(&status_socket(&place.data_dir)) {
            Ok(status) => status.journal.owed_from,
            Err(_) => return Err(Stop::Overtaken),
        },
        Source::Stopped(_) | Source::Logs => status.journal.owed_from,
    };
    if gone.1 >= owed_from {
        report.problem(format!(
            "journal: blocks {} to {} are gone, though they are not in a snapshot yet",
            gone.0.max(owed_from),
            gone.1
        ));
    }
    Ok(())
}

/// Checks that no record is there twice: positions rise.
#[derive(Default)]
struct Rising {
    last: Option<Position>,
    twice: u64,
    unreadable: u64,
}

impl Rising {
    fn look(&mut self, block: &Block) {
        for (_, record) in block.columns.iter() {
            match position_of(record) {
                Ok(position) => {
                    self.twice += u64::from(self.last.is_some_and(|last| position <= last));
                    self.last = self.last.max(Some(position));
                }
                Err(_) => self.unreadable += 1,
            }
        }
    }

    fn tell(&self, name: &str, report: &mut Report) {
        if self.twice > 0 {
            report.problem(format!(
                "{name}: {} records stand at a position that was there before",
                digits(self.twice)
            ));
        }
        if self.unreadable > 0 {
            report.problem(format!(
                "{name}: {} records cannot be read",
                digits(self.unreadable)
            ));
        }
    }
}

fn check_topic(
    place: &Place,
    topic: &TopicStatus,
    running: bool,
    report: &mut Report,
) -> Result<(), Stop> {
    let Some(total) = topic.total else {
        report.note(format!(
            "topic {}: at most once and to Kafka, it has no log to count",
            topic.name
        ));
        return Ok(());
    };
    let name = format!("topic {}", topic.name);
    let dir = place.topic(&topic.name)?;
    let mut rising = Rising::default();
    let mut held = 0;
    let walked = walk(&dir, &name, |block| {
        if running && block.header.first_seq >= topic.next_seq {
            return false;
        }
        held += block.columns.len() as u64;
        rising.look(block);
        true
    })?;
    take(&walked, &name, "records", report);
    rising.tell(&name, report);
    let removed: u64 = walked.removed.values().sum();
    if removed > total {
        return Err(Stop::Overtaken);
    }
    report.line(
        "logs",
        &topic.name,
        &[
            ("before_this_run", topic.before),
            ("written", topic.written),
        ],
        &[("removed_by_retention", removed), ("held", held)],
    );
    Ok(())
}

/// Without anybody's counts, each log's own totals are all there is to hold its records against.
fn logs_alone(place: &Place, report: &mut Report) -> Result<(), Stop> {
    let journal = place.journal()?;
    log_alone(&journal, "journal", "journal", "frames", false, report)?;
    for topic in place.topic_names()? {
        let dir = place.topic(&topic)?;
        log_alone(&dir, "logs", &topic, "records", topic != AUDIT, report)?;
    }
    report.note(
        "the ledgers themselves are not checked: nobody is there to say what was counted"
            .to_owned(),
    );
    Ok(())
}

fn log_alone(
    dir: &Dir,
    ledger: &'static str,
    name: &str,
    what: &str,
    positions: bool,
    report: &mut Report,
) -> Result<(), Stop> {
    let stat = outrigger_journal::stat(dir).map_err(|error| trouble(name, &error))?;
    let mut rising = Rising::default();
    let walked = walk(dir, name, |block| {
        if positions {
            rising.look(block);
        }
        true
    })?;
    take(&walked, name, what, report);
    rising.tell(name, report);
    report.line(
        ledger,
        name,
        &[(
            "total",
            stat.streams.iter().map(|stream| stream.records).sum(),
        )],
        &[
            ("removed_by_retention", walked.removed.values().sum()),
            ("held", walked.records),
        ],
    );
    Ok(())
}

/// Takes over what a walk found.
fn take(walked: &Walked, name: &str, what: &str, report: &mut Report) {
    for problem in &walked.problems {
        report.problem(problem.clone());
    }
    report.damaged(walked.damaged);
    let removed: u64 = walked.removed.values().sum();
    if removed > 0 {
        report.note(format!(
            "{name}: {} {what} before block {} were removed by retention; their number is the log's \
             own",
            digits(removed),
            digits(walked.first_block)
        ));
    }
}
