//! A tap's thread: from the bus to the journal, and nowhere else.
//!
//! It never waits for the pipeline. When the journal cannot take a block, a live tap sheds it and
//! counts; a recording waits, since its frames are safe where they are.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outrigger_journal::AppendError;
use outrigger_policy::Columns;
use outrigger_policy::budget::block_delay_us;
use outrigger_tap::{Progress, ReadLimits, Tap, TapConfig, TapCounts, TapError};

use super::shared::{Phase, Shared, TapState, lock, now_ns};
use crate::governor::Hand;

/// Longest time that a tap waits for a frame before it looks whether to stop. Reason: each look
/// wakes a thread when nothing else does, and an operator waits so long for a pause.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// First and longest wait before a source is opened again.
const REOPEN_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Looks without a sample of the governor after which a tap closes. Reason: two seconds.
const BLIND_LOOKS: u32 = 20;
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
    /// Its part in the CPU budget.
    pub(super) hand: Hand,
}

impl Capture<'_> {
    /// Reads until the run stops or the recording ends.
    pub(super) fn run(mut self, first: Box<dyn Tap>) {
        self.limits.wait = LOOK_EVERY.min(self.tick);
        let delay = self.limits.delay;
        let mut open = Some(first);
        let mut backoff = REOPEN_AFTER.0;
        while self.shared.phase() == Phase::Running {
            if self.is_closed() {
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
            let reading = self.read(tap, &before, delay);
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

    fn read(
        &mut self,
        mut tap: Box<dyn Tap>,
        before: &TapCounts,
        delay: Duration,
    ) -> Result<Reading, TapError> {
        let delay_us = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        let mut columns = Columns::new();
        let mut reported: Option<Instant> = None;
        let mut last = Instant::now();
        loop {
            let used = self.shared.governor.gate.used_permille();
            self.limits.delay = Duration::from_micros(block_delay_us(delay_us, used));
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
            if self.wait_for_budget() || self.is_closed() {
                self.report(&mut *tap, before);
                return Ok(Reading::Paused);
            }
        }
    }

    /// True while its socket is to be closed: by an operator, or by the breaker.
    fn is_closed(&self) -> bool {
        self.tap.paused.load(Ordering::Acquire) || !self.shared.governor.circuit.mirrors()
    }

    /// Waits while the taps' share of the CPU is spent; meanwhile the kernel keeps what comes, and
    /// drops and counts what it has no room for. True if nobody has looked at the budget for long:
    /// who mirrors without a governor mirrors without a bound.
    fn wait_for_budget(&mut self) -> bool {
        let governor = &self.shared.governor;
        let mut blind = 0;
        loop {
            let wait = governor.gate.tap(&mut self.hand);
            let is_blind = governor.circuit.is_blind();
            if wait.is_none() && !is_blind {
                return false;
            }
            // A process that was stopped is blind for a moment: its governor has to wake too.
            blind += u32::from(is_blind);
            if blind > BLIND_LOOKS || self.is_closed() || self.shared.phase() > Phase::Running {
                return is_blind;
            }
            let wait = wait.unwrap_or(LOOK_EVERY).min(LOOK_EVERY);
            let began = Instant::now();
            self.shared.wait_for_phase(Phase::Running, wait);
            governor.gate.tap_waited(began.elapsed());
        }
    }

    fn append(&self, columns: &Columns, finite: bool) {
        loop {
            let shed_before = self.tap.shed_frames.load(Ordering::Acquire);
            let appended = self
                .shared
                .append_frames(self.tap, columns, finite, now_ns());
            let cause = match appended {
                Ok(_) => {
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
                    if shed_before == 0 {
                        tracing::warn!(tap = self.tap.name, "shedding: {cause}");
                    }
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
