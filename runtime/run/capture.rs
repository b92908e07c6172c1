//! A tap's thread: from the bus to the journal, and nowhere else.
//!
//! It never waits for the pipeline. When the journal cannot take a block, a live tap sheds it and
//! counts; a recording waits, since its frames are safe where they are.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outrigger_journal::{AppendError, Kind};
use outrigger_policy::Columns;
use outrigger_tap::{Progress, ReadLimits, Tap, TapConfig, TapCounts, TapError};

use super::shared::{Phase, Shared, TapState, lock, now_ns};

/// Longest time that a tap waits for a frame before it looks whether to stop. Reason: each look
/// wakes a thread when nothing else does, and an operator waits so long for a pause.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// First and longest wait before a source is opened again.
const REOPEN_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often a tap's own counts are made known.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// What a tap's thread works with.
pub(super) struct Capture<'a> {
    pub(super) shared: &'a Shared,
    pub(super) tap: &'a TapState,
    pub(super) config: TapConfig,
    /// Frames of this origin that the journal holds already.
    pub(super) resume_after: u64,
    pub(super) limits: ReadLimits,
    pub(super) tick: Duration,
}

impl Capture<'_> {
    /// Reads until the run stops or the recording ends.
    pub(super) fn run(mut self, first: Box<dyn Tap>) {
        self.limits.wait = LOOK_EVERY.min(self.tick);
        let mut open = Some(first);
        let mut backoff = REOPEN_AFTER.0;
        while self.shared.phase() == Phase::Running {
            if self.tap.paused.load(Ordering::Acquire) {
                // Dropping the tap closes its socket: the bus never notices.
                open = None;
                self.shared.wait_for_phase(Phase::Running, LOOK_EVERY);
                continue;
            }
            let tap = match open.take() {
                Some(tap) => tap,
                None => {
                    let done = self.resume_after + self.tap.frames.load(Ordering::Acquire);
                    match outrigger_tap::open(&self.config, done) {
                        Ok(tap) => tap,
                        Err(error) => {
                            self.trouble(&error, &mut backoff);
                            continue;
                        }
                    }
                }
            };
            *lock(&self.tap.trouble) = None;
            // What was lost before a pause or an error stays counted.
            let before = lock(&self.tap.source)
                .as_ref()
                .map(|(counts, _)| *counts)
                .unwrap_or_default();
            let frames = self.tap.frames.load(Ordering::Acquire);
            let reading = self.read(tap, &before);
            if self.tap.frames.load(Ordering::Acquire) > frames {
                // It worked for a while: the next trouble is a new one.
                backoff = REOPEN_AFTER.0;
            }
            match reading {
                Ok(Reading::Ended) => break,
                Ok(Reading::Paused) => {}
                Err(error) => self.trouble(&error, &mut backoff),
            }
        }
        self.tap.ended.store(true, Ordering::Release);
        self.shared.wake();
    }

    fn trouble(&self, error: &TapError, backoff: &mut Duration) {
        if !error.is_retryable() {
            self.shared.fail(format!("tap {}: {error}", self.tap.name));
            return;
        }
        tracing::warn!(tap = self.tap.name, "{error}; trying again in {backoff:?}");
        *lock(&self.tap.trouble) = Some(error.to_string());
        self.shared.wait_for_phase(Phase::Running, *backoff);
        *backoff = (*backoff * 2).min(REOPEN_AFTER.1);
    }

    fn report(&self, tap: &mut dyn Tap, before: &TapCounts) {
        let counts = sum(before, &tap.counts());
        *lock(&self.tap.source) = Some((counts, tap.facts()));
    }

    fn read(&self, mut tap: Box<dyn Tap>, before: &TapCounts) -> Result<Reading, TapError> {
        let mut columns = Columns::new();
        let mut reported: Option<Instant> = None;
        let mut last = Instant::now();
        loop {
            let progress = tap.read(&mut columns, &self.limits);
            if progress.is_err() {
                // What came before the error is good.
                if !columns.is_empty() {
                    self.append(&columns, tap.finite());
                }
                self.report(&mut *tap, before);
            }
            let progress = progress?;
            if !columns.is_empty() {
                self.append(&columns, tap.finite());
                columns.clear();
                last = Instant::now();
            } else if progress == Progress::Idle
                && !tap.recorded_time()
                && last.elapsed() >= self.tick
            {
                // A tick that does not fit is no loss: the next one carries a later time.
                let _ = self.shared.append_tick(self.tap.stream, now_ns());
                last = Instant::now();
            }
            if reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) || progress == Progress::End {
                reported = Some(Instant::now());
                self.report(&mut *tap, before);
            }
            if progress == Progress::End || self.shared.phase() > Phase::Running {
                self.report(&mut *tap, before);
                return Ok(Reading::Ended);
            }
            if self.tap.paused.load(Ordering::Acquire) {
                self.report(&mut *tap, before);
                return Ok(Reading::Paused);
            }
        }
    }

    fn append(&self, columns: &Columns, finite: bool) {
        let (frames, bytes) = (columns.len() as u64, columns.bytes().len() as u64);
        loop {
            let appended = self
                .shared
                .append(Kind::Frames, self.tap.stream, columns, now_ns());
            let cause = match appended {
                Ok(_) => {
                    self.tap.frames.fetch_add(frames, Ordering::AcqRel);
                    self.tap.bytes.fetch_add(bytes, Ordering::AcqRel);
                    // If it was shedding, it no longer is.
                    *lock(&self.tap.trouble) = None;
                    return;
                }
                Err(cause) => cause,
            };
            match cause {
                AppendError::Full { .. } | AppendError::NoSpace { .. } if finite => {
                    if self.shared.phase() > Phase::Running {
                        // Not counted as shed: the recording resumes after what the journal holds.
                        return;
                    }
                    self.shared.wait_for_room(LOOK_EVERY);
                }
                AppendError::Full { .. } | AppendError::NoSpace { .. } => {
                    if self.tap.shed_frames.fetch_add(frames, Ordering::AcqRel) == 0 {
                        tracing::warn!(tap = self.tap.name, "shedding: {cause}");
                    }
                    self.tap.shed_bytes.fetch_add(bytes, Ordering::AcqRel);
                    *lock(&self.tap.trouble) = Some(format!("shedding: {cause}"));
                    return;
                }
                AppendError::Failed(_)
                | AppendError::Empty
                | AppendError::Stream(_)
                | AppendError::TooLarge { .. } => {
                    self.shared
                        .fail(format!("tap {}: journal: {cause}", self.tap.name));
                    return;
                }
            }
        }
    }
}

/// Counts of a tap that was opened again, on top of those from before.
fn sum(before: &TapCounts, now: &TapCounts) -> TapCounts {
    TapCounts {
        frames: before.frames + now.frames,
        bytes: before.bytes + now.bytes,
        kernel_drops: before.kernel_drops + now.kernel_drops,
        socket_drops: before.socket_drops + now.socket_drops,
        oversized: before.oversized + now.oversized,
        empty: before.empty + now.empty,
        truncated: before.truncated + now.truncated,
        malformed: before.malformed + now.malformed,
        skipped: before.skipped + now.skipped,
        reconnects: before.reconnects + now.reconnects,
        connect_failures: before.connect_failures + now.connect_failures,
    }
}

enum Reading {
    Ended,
    Paused,
}
