//! What the threads of a run share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use outrigger_journal::{AppendError, Appended, Kind, StreamId, SyncHandle, Writer};
use outrigger_policy::Columns;
use outrigger_tap::{TapCounts, TapFacts};

use super::tally::{StreamStart, Tally};
use crate::forward::Shown;
use crate::governor::Governor;
use crate::rulings::{self, Ruling};
use crate::status::PipelineStatus;
pub use crate::telemetry::{lock, now_ns};

/// Requests of operators that wait for the pipeline. Reason: each is answered within a block; when
/// reached, further ones are refused.
pub const REQUESTS_MAX: usize = 16;

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Capturing and processing.
    Running,
    /// Capturing no more, processing what is in the journal.
    Draining,
    /// Stopping where it is.
    Stopping,
}

/// What an operator asks of the pipeline. Done between two blocks.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub what: RequestKind,
    /// User who asks.
    pub uid: u32,
    /// Where the answer goes: what was done, or why not.
    pub answer: SyncSender<Result<String, String>>,
}

/// What an operator can ask of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Lift the quarantine of a plugin.
    Lift {
        /// Its name.
        plugin: String,
    },
    /// Take a snapshot now.
    Snapshot,
}

/// A tap, as its thread and others see it.
pub struct TapState {
    /// Its name.
    pub name: String,
    /// Its stream in the journal.
    pub stream: StreamId,
    /// Set by an operator: the socket is closed, nothing is read.
    pub paused: AtomicBool,
    /// A recording has been read to its end.
    pub ended: AtomicBool,
    /// What became of its frames.
    pub tally: Tally,
    /// Frames that were captured and not taken by the journal.
    pub shed_frames: AtomicU64,
    /// Their bytes.
    pub shed_bytes: AtomicU64,
    /// Frames that the last run left in the journal for this one to process.
    pub behind_frames: u64,
    /// Frames appended since the start.
    pub frames: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// What the tap itself counts and knows; `None` before it is open.
    pub source: Mutex<Option<(TapCounts, TapFacts)>>,
    /// What is wrong with it now, if anything.
    pub trouble: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Progress {
    next_block: u64,
    phase: Phase,
    requests: VecDeque<Request>,
    /// Rises when space may have been made.
    retained: u64,
}

/// What the threads of a run share.
pub struct Shared {
    journal: Mutex<Option<Writer>>,
    /// Makes the journal durable without holding it.
    pub journal_sync: SyncHandle,
    /// The taps.
    pub taps: Vec<TapState>,
    /// First block that the newest snapshot does not hold: owed from here.
    pub snapshot_block: AtomicU64,
    /// Streams of the journal, as the run found them.
    pub streams: Vec<StreamStart>,
    /// First block that this run processes.
    pub from_block: u64,
    /// First block that the pipeline has not begun.
    pub begun_block: AtomicU64,
    /// When the block before it was written, nanoseconds since the Unix epoch.
    pub begun_written_ns: AtomicU64,
    /// What the pipeline last said of itself.
    pub pipeline: Mutex<PipelineStatus>,
    /// What delivery last said of itself.
    pub forward: Shown,
    /// The budget: who may work, and whether taps may read.
    pub governor: Governor,
    /// When the newest block was written, nanoseconds since the Unix epoch.
    written_ns: AtomicU64,
    progress: Mutex<Progress>,
    /// Told of everything but blocks.
    changed: Condvar,
    /// Told of everything: only the pipeline waits here, so that a block wakes nobody else.
    work: Condvar,
    fatal: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(
        journal: Writer,
        taps: Vec<TapState>,
        forward: Shown,
        snapshot_block: u64,
        governor: Governor,
    ) -> Self {
        let progress = Progress {
            next_block: journal.tip().next_block,
            phase: Phase::Running,
            requests: VecDeque::new(),
            retained: 0,
        };
        Self {
            journal_sync: journal.sync_handle(),
            journal: Mutex::new(Some(journal)),
            taps,
            snapshot_block: AtomicU64::new(snapshot_block),
            streams: Vec::new(),
            from_block: snapshot_block,
            begun_block: AtomicU64::new(snapshot_block),
            begun_written_ns: AtomicU64::new(0),
            pipeline: Mutex::default(),
            forward,
            governor,
            written_ns: AtomicU64::new(0),
            progress: Mutex::new(progress),
            changed: Condvar::new(),
            work: Condvar::new(),
            fatal: Mutex::new(None),
        }
    }

    /// Looks at, or works on, the journal; `None` once it is closed.
    pub fn with_journal<T>(&self, work: impl FnOnce(&mut Writer) -> T) -> Option<T> {
        lock(&self.journal).as_mut().map(work)
    }

    pub(super) fn take_journal(&self) -> Option<Writer> {
        lock(&self.journal).take()
    }

    /// Appends rulings and wakes the pipeline.
    pub(super) fn append(
        &self,
        kind: Kind,
        stream: StreamId,
        columns: &Columns,
        written_ns: u64,
    ) -> Result<Appended, AppendError> {
        let appended =
            self.appended(|journal| journal.append(kind, stream, columns, written_ns))?;
        self.wrote(written_ns);
        Ok(appended)
    }

    /// A block was written then: what the lag is measured against.
    pub(super) fn wrote(&self, written_ns: u64) {
        self.written_ns.fetch_max(written_ns, Ordering::Relaxed);
    }

    /// Appends a tick and wakes the pipeline.
    pub(super) fn append_tick(&self, stream: StreamId, time_ns: u64) -> Result<(), AppendError> {
        self.appended(|journal| journal.append_tick(stream, time_ns, time_ns))
            .map(|_| ())
    }

    pub(super) fn appended(
        &self,
        append: impl FnOnce(&mut Writer) -> Result<Appended, AppendError>,
    ) -> Result<Appended, AppendError> {
        // The journal closes after the last thread that appends has ended.
        let appended = self
            .with_journal(append)
            .expect("the journal is open while threads append")?;
        self.moved_on(appended);
        Ok(appended)
    }

    /// Several threads append, so a later block can be made known before an earlier one.
    fn moved_on(&self, appended: Appended) {
        let mut progress = lock(&self.progress);
        progress.next_block = progress.next_block.max(appended.block + 1);
        drop(progress);
        self.work.notify_all();
    }

    /// Appends rulings of an operator, and makes them durable. For threads that do not belong to
    /// the run, and may outlive its journal.
    ///
    /// # Errors
    /// The journal is closed, cannot take them, or cannot be synced.
    pub fn rule(&self, rulings: &[Ruling]) -> Result<(), String> {
        let now_ns = now_ns();
        let columns = rulings::encode(rulings, now_ns);
        let append =
            |journal: &mut Writer| journal.append(Kind::Rulings, StreamId::NONE, &columns, now_ns);
        let appended = self
            .with_journal(append)
            .ok_or_else(|| "the journal is closed".to_owned())?
            .map_err(|error| format!("journal: {error}"))?;
        self.moved_on(appended);
        let synced = self.journal_sync.sync();
        synced
            .map_err(|error| format!("journal: {error}"))
            .map(drop)
    }

    /// Says that the pipeline begins a block, and when it was written.
    pub(super) fn begin_block(&self, block: u64, written_ns: u64) {
        self.begun_written_ns.store(written_ns, Ordering::Relaxed);
        self.begun_block.store(block + 1, Ordering::Release);
    }

    /// How far a block is behind the newest, milliseconds.
    pub(super) fn behind_ms(&self, written_ns: u64) -> u64 {
        let newest = self.written_ns.load(Ordering::Relaxed);
        newest.saturating_sub(written_ns) / 1_000_000
    }

    /// What the run is doing.
    pub fn phase(&self) -> Phase {
        lock(&self.progress).phase
    }

    /// Goes on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        let mut progress = lock(&self.progress);
        progress.phase = progress.phase.max(phase);
        drop(progress);
        self.wake();
    }

    /// Stops the run because of an error; the first one counts.
    pub fn fail(&self, cause: String) {
        tracing::error!("{cause}");
        lock(&self.fatal).get_or_insert(cause);
        self.advance(Phase::Stopping);
    }

    pub(super) fn take_failure(&self) -> Option<String> {
        lock(&self.fatal).take()
    }

    /// Number of the next block that will be appended.
    pub fn next_block(&self) -> u64 {
        lock(&self.progress).next_block
    }

    /// Asks the pipeline for something.
    ///
    /// # Errors
    /// Too many requests wait already.
    pub fn request(&self, request: Request) -> Result<(), Request> {
        let mut progress = lock(&self.progress);
        if progress.requests.len() >= REQUESTS_MAX {
            return Err(request);
        }
        progress.requests.push_back(request);
        drop(progress);
        self.wake();
        Ok(())
    }

    pub(super) fn take_request(&self) -> Option<Request> {
        lock(&self.progress).requests.pop_front()
    }

    /// Says that space was made in the journal.
    pub(super) fn made_room(&self) {
        lock(&self.progress).retained += 1;
        self.wake();
    }

    /// Wakes whoever waits, for instance because a tap was resumed or has ended.
    pub fn wake(&self) {
        // Held, so that nobody is between looking and waiting: what changed may be outside of it.
        drop(lock(&self.progress));
        self.changed.notify_all();
        self.work.notify_all();
    }

    /// Waits until there is a block from `next_block` on, a request, another phase, `timeout`, or
    /// until every tap has ended where before, as `ended` says, not all had.
    pub(super) fn wait_for_block(&self, next_block: u64, ended: bool, timeout: Duration) {
        let progress = lock(&self.progress);
        let phase = progress.phase;
        let waits = |progress: &mut Progress| {
            progress.next_block <= next_block
                && progress.requests.is_empty()
                && progress.phase == phase
                && self.all_ended() == ended
        };
        drop(self.work.wait_timeout_while(progress, timeout, waits));
    }

    /// Waits until space is made in the journal, another phase, or `timeout`.
    pub(super) fn wait_for_room(&self, timeout: Duration) {
        let progress = lock(&self.progress);
        let (phase, retained) = (progress.phase, progress.retained);
        let waits =
            |progress: &mut Progress| progress.retained == retained && progress.phase == phase;
        drop(self.changed.wait_timeout_while(progress, timeout, waits));
    }

    /// Waits for another phase than `phase`, or `timeout`. True if the phase is another.
    pub(super) fn wait_for_phase(&self, phase: Phase, timeout: Duration) -> bool {
        let progress = lock(&self.progress);
        let waits = |progress: &mut Progress| progress.phase == phase;
        let waited = self.changed.wait_timeout_while(progress, timeout, waits);
        let (progress, _) = waited.unwrap_or_else(|poison| poison.into_inner());
        progress.phase != phase
    }

    /// True once every tap has been read to its end.
    pub fn all_ended(&self) -> bool {
        self.taps
            .iter()
            .all(|tap| tap.ended.load(Ordering::Acquire))
    }
}
