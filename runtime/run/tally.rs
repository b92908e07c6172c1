//! The frames' ledger, as taps and the pipeline's thread write it up.
//!
//! A tap counts what it captured while it holds the journal, in the same breath as the journal
//! itself: whoever holds the journal sees both of one moment. How far the pipeline is says the
//! journal too: each block names its place among its stream's frames. So what waits is the journal's
//! own count less the journal's own count, and owes nothing to what taps or decoders count.

use std::sync::atomic::{AtomicU64, Ordering};

use outrigger_journal::{AppendError, Appended, Header, Kind, StreamId};
use outrigger_policy::Columns;
use outrigger_policy::topology::TapId;

use super::shared::{Shared, TapState};

/// Why the journal did not take frames that a tap had captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShedCause {
    /// It is at its bound, and all that it holds is owed.
    JournalFull,
    /// The disk has no room.
    DiskFull,
    /// It failed; the run ends.
    JournalFailed,
}

impl ShedCause {
    /// All causes, in the order of [`Tally::shed`].
    pub const ALL: [Self; 3] = [Self::JournalFull, Self::DiskFull, Self::JournalFailed];

    /// In the status and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::JournalFull => "journal-full",
            Self::DiskFull => "disk-full",
            Self::JournalFailed => "journal-failed",
        }
    }

    fn of(error: &AppendError) -> Self {
        match error {
            AppendError::Full { .. } => Self::JournalFull,
            AppendError::NoSpace { .. } => Self::DiskFull,
            AppendError::Failed(_)
            | AppendError::Empty
            | AppendError::Stream(_)
            | AppendError::TooLarge { .. } => Self::JournalFailed,
        }
    }
}

/// What became of a tap's frames. Changes only while the journal is held.
#[derive(Debug, Default)]
pub struct Tally {
    captured: AtomicU64,
    shed: [AtomicU64; ShedCause::ALL.len()],
}

impl Tally {
    /// Frames that the tap handed over.
    pub fn captured(&self) -> u64 {
        self.captured.load(Ordering::Acquire)
    }

    /// Of these, the ones that the journal did not take, by cause.
    pub fn shed(&self) -> [u64; ShedCause::ALL.len()] {
        std::array::from_fn(|at| self.shed[at].load(Ordering::Acquire))
    }
}

impl TapState {
    /// Counts what was handed to the journal. Frames of a recording that it does not take are not
    /// captured: they are read again.
    fn count(&self, columns: &Columns, finite: bool, appended: &Result<Appended, AppendError>) {
        let (frames, bytes) = (columns.len() as u64, columns.bytes().len() as u64);
        let tally = &self.tally;
        match appended {
            Ok(_) => {
                tally.captured.fetch_add(frames, Ordering::AcqRel);
                self.frames.fetch_add(frames, Ordering::AcqRel);
                self.bytes.fetch_add(bytes, Ordering::AcqRel);
            }
            Err(_) if finite => {}
            Err(error) => {
                tally.captured.fetch_add(frames, Ordering::AcqRel);
                let cause = ShedCause::of(error) as usize;
                tally.shed[cause].fetch_add(frames, Ordering::AcqRel);
                self.shed_frames.fetch_add(frames, Ordering::AcqRel);
                self.shed_bytes.fetch_add(bytes, Ordering::AcqRel);
            }
        }
    }
}

impl Shared {
    /// Appends a tap's frames, counts them, and wakes the pipeline.
    pub(super) fn append_frames(
        &self,
        tap: &TapState,
        columns: &Columns,
        finite: bool,
        written_ns: u64,
    ) -> Result<Appended, AppendError> {
        self.appended(|journal| {
            let appended = journal.append(Kind::Frames, tap.stream, columns, written_ns);
            tap.count(columns, finite, &appended);
            appended
        })
    }
}

/// A stream of the journal, as the run found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStart {
    /// The stream.
    pub id: StreamId,
    /// Its tap's name.
    pub name: String,
    /// Its tap, if the configuration still has it.
    pub tap: Option<TapId>,
    /// Frames that it had before the first block that this run processes.
    pub before: u64,
    /// Frames that the run before left to process.
    pub behind: u64,
}

/// How far the pipeline is in each stream, by the stream's number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    passed: Vec<u64>,
    unread: Vec<u64>,
}

impl Passage {
    /// Before the first block.
    pub fn new(streams: &[StreamStart]) -> Self {
        let mut passage = Self::default();
        for stream in streams {
            *place(&mut passage.passed, stream.id) = stream.before;
        }
        passage
    }

    /// The pipeline is done with a block; `read` unless no tap of the configuration owns it.
    pub(super) fn pass(&mut self, header: &Header, read: bool) {
        if header.kind != Kind::Frames {
            return;
        }
        let count = u64::from(header.count);
        // The journal's own count of the stream, not a sum of ours.
        *place(&mut self.passed, header.stream) = header.stream_first + count;
        if !read {
            *place(&mut self.unread, header.stream) += count;
        }
    }

    /// Frames of the stream before the first block that is not processed.
    pub fn passed(&self, stream: StreamId) -> u64 {
        let at = usize::from(stream.0);
        self.passed.get(at).copied().unwrap_or(0)
    }

    /// Frames of the stream that were passed over, because no tap of the configuration owns them.
    pub fn unread(&self, stream: StreamId) -> u64 {
        let at = usize::from(stream.0);
        self.unread.get(at).copied().unwrap_or(0)
    }
}

fn place(counts: &mut Vec<u64>, stream: StreamId) -> &mut u64 {
    let at = usize::from(stream.0);
    if counts.len() <= at {
        counts.resize(at + 1, 0);
    }
    &mut counts[at]
}
