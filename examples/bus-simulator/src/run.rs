//! A run: one thread plays the scenario into chunks, this one sends them when they are due.
//!
//! Encoding runs ahead of sending by a bounded number of chunks, so that it does not disturb the
//! pace. Truth is written with the datagram it speaks of, so a run that is stopped leaves truth
//! of exactly what was sent.

mod chunk;
mod summary;

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use crate::pace::{Clock, Monotonic, Pace, Schedule};
use crate::scenario::Scenario;
use crate::sink::{BATCH_DATAGRAMS_MAX, Recording, Udp};
use crate::traffic::Traffic;
use chunk::{CHUNKS_WAITING_MAX, Chunk};
pub use summary::{Lateness, Summary};

const NS_PER_S: u64 = 1_000_000_000;
/// Longest wait before looking for a signal to stop, nanoseconds.
const WAIT_MAX_NS: u64 = 50_000_000;
/// Time between lines of progress, nanoseconds.
const PROGRESS_NS: u64 = NS_PER_S;

/// What to run, and where to.
#[derive(Debug)]
pub struct Plan {
    /// The scenario, its seed already replaced if that was asked for.
    pub scenario: Scenario,
    /// Seconds to play; `None` for no end but `count`.
    pub duration_s: Option<u64>,
    /// Datagrams to send at most.
    pub count: Option<u64>,
    /// When they are due. Used with `udp` only.
    pub schedule: Schedule,
    /// Live destination.
    pub udp: Option<Udp>,
    /// Recording.
    pub recording: Option<Recording>,
    /// File for the truth, as JSON lines.
    pub truth: Option<PathBuf>,
    /// Whether to tell progress on standard error.
    pub progress: bool,
}

/// Why a run ended early.
#[derive(Debug)]
pub enum RunError {
    /// A datagram could not be sent.
    Send(io::Error),
    /// The recording could not be written.
    Recording(io::Error),
    /// The truth could not be written.
    Truth(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(cause) => write!(out, "cannot send: {cause}"),
            Self::Recording(cause) => write!(out, "cannot write the recording: {cause}"),
            Self::Truth(cause) => write!(out, "cannot write the truth: {cause}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Runs `plan` until its end, or until `stop` is set.
///
/// # Errors
/// A datagram, a line of the recording or of the truth could not be written.
pub fn run(plan: Plan, stop: &AtomicBool) -> Result<Summary, RunError> {
    let live = plan.udp.is_some();
    // A load is encoded ahead as far as the bound allows before the first send.
    let ahead = live && (plan.schedule.rate.is_some() || plan.schedule.pace == Pace::FlatOut);
    let (base_ns, start) = if live {
        next_second()
    } else {
        (plan.scenario.start_ns, Instant::now())
    };
    let mut outputs = Outputs {
        truth: match &plan.truth {
            None => None,
            Some(path) => Some(BufWriter::new(File::create(path).map_err(RunError::Truth)?)),
        },
        udp: plan.udp,
        recording: plan.recording,
        base_ns,
    };
    let traffic = Traffic::new(plan.scenario, base_ns, plan.duration_s);
    let mut summary = Summary::new(traffic.faults_planned());
    let with_truth = outputs.truth.is_some();
    let count = plan.count.unwrap_or(u64::MAX);
    let (sender, chunks) = sync_channel(CHUNKS_WAITING_MAX);
    let (ready, is_ready) = sync_channel::<()>(1);
    std::thread::scope(|scope| {
        scope.spawn(move || chunk::play(traffic, count, with_truth, &sender, &ready));
        let start = if ahead {
            // An error means that the player has ended, which is as good.
            let _ = is_ready.recv();
            Instant::now()
        } else {
            start
        };
        std::thread::sleep(start.saturating_duration_since(Instant::now()));
        let mut clock = Monotonic::starting_at(start);
        let schedule = live.then_some(&plan.schedule);
        let mut progress = Progress::new(plan.progress);
        send(
            &chunks,
            schedule,
            &mut clock,
            &mut outputs,
            &mut summary,
            stop,
            &mut progress,
        )?;
        summary.elapsed_ns = clock.now_ns();
        // The player must not wait for a reader that is gone.
        drop(chunks);
        Ok(())
    })?;
    Ok(summary)
}

/// The next whole second: nanoseconds since 1970, and the same moment on the monotonic clock.
fn next_second() -> (u64, Instant) {
    let (wall, monotonic) = (SystemTime::now(), Instant::now());
    // A clock set before 1970 plays from 1970.
    let now_ns = wall
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64);
    let base_ns = (now_ns / NS_PER_S + 1) * NS_PER_S;
    (base_ns, monotonic + Duration::from_nanos(base_ns - now_ns))
}

#[derive(Debug)]
struct Outputs {
    udp: Option<Udp>,
    recording: Option<Recording>,
    truth: Option<BufWriter<File>>,
    base_ns: u64,
}

impl Put for Outputs {
    fn put(&mut self, chunk: &Chunk, from: usize, to: usize) -> Result<(), RunError> {
        if let Some(udp) = &self.udp {
            let batch: Vec<&[u8]> = (from..to).map(|place| chunk.datagram(place)).collect();
            udp.send(&batch).map_err(RunError::Send)?;
        }
        if let Some(recording) = &mut self.recording {
            for place in from..to {
                recording
                    .write(self.base_ns + chunk.at_ns(place), chunk.datagram(place))
                    .map_err(RunError::Recording)?;
            }
        }
        if let Some(truth) = &mut self.truth {
            truth
                .write_all(chunk.truth(from, to))
                .map_err(RunError::Truth)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RunError> {
        if let Some(recording) = &mut self.recording {
            recording.flush().map_err(RunError::Recording)?;
        }
        if let Some(truth) = &mut self.truth {
            truth.flush().map_err(RunError::Truth)?;
        }
        Ok(())
    }
}

/// Sends every chunk when due (at once without a schedule), and counts.
fn send(
    chunks: &Receiver<Chunk>,
    schedule: Option<&Schedule>,
    clock: &mut dyn Clock,
    outputs: &mut dyn Put,
    summary: &mut Summary,
    stop: &AtomicBool,
    progress: &mut Progress,
) -> Result<(), RunError> {
    let mut lateness = Histogram::<u64>::new_with_bounds(1, 3_600 * NS_PER_S, 3)
        .expect("these bounds and digits are valid");
    let mut number = 0_u64;
    'run: for chunk in chunks {
        let mut from = 0;
        while from < chunk.len() {
            if stop.load(Ordering::Relaxed) {
                break 'run;
            }
            let now_ns = clock.now_ns();
            let due_ns = |place: usize| match schedule {
                None => 0,
                Some(schedule) => {
                    schedule.due_ns(number + (place - from) as u64, chunk.at_ns(place))
                }
            };
            let batch_end = chunk.len().min(from + BATCH_DATAGRAMS_MAX);
            let to = (from..batch_end)
                .find(|place| due_ns(*place) > now_ns)
                .unwrap_or(batch_end);
            if to == from {
                outputs.flush()?;
                clock.wait((due_ns(from) - now_ns).min(WAIT_MAX_NS));
                continue;
            }
            outputs.put(&chunk, from, to)?;
            if schedule.is_some_and(|schedule| schedule.pace != Pace::FlatOut) {
                let sent_ns = clock.now_ns();
                for place in from..to {
                    lateness.saturating_record(sent_ns.saturating_sub(due_ns(place)));
                }
            }
            summary.count(&chunk, from, to);
            number += (to - from) as u64;
            from = to;
            progress.tell(clock, summary);
        }
    }
    summary.lateness = (!lateness.is_empty()).then(|| Lateness::from(&lateness));
    outputs.flush()
}

/// Where batches go: a seam for tests of pacing.
trait Put {
    fn put(&mut self, chunk: &Chunk, from: usize, to: usize) -> Result<(), RunError>;
    fn flush(&mut self) -> Result<(), RunError>;
}

/// Tells progress once a second.
#[derive(Debug)]
struct Progress {
    told_ns: Option<u64>,
    wanted: bool,
}

impl Progress {
    fn new(wanted: bool) -> Self {
        Self {
            told_ns: None,
            wanted,
        }
    }

    fn tell(&mut self, clock: &mut dyn Clock, summary: &Summary) {
        if !self.wanted {
            return;
        }
        let now_ns = clock.now_ns();
        let told_ns = *self.told_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(told_ns) >= PROGRESS_NS {
            self.told_ns = Some(now_ns);
            eprintln!("{}", summary.progress(now_ns));
        }
    }
}

#[cfg(test)]
mod tests;
