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
    /// Live destinations, by place of the sensor.
    pub udp: BySensor<Udp>,
    /// Recordings, by place of the sensor.
    pub recordings: BySensor<Recording>,
    /// File for the truth, as JSON lines.
    pub truth: Option<PathBuf>,
    /// Whether to tell progress on standard error.
    pub progress: bool,
}

/// Outputs, each with the sensors that it takes: a named sensor's own, or else that of all.
#[derive(Debug)]
pub struct BySensor<T> {
    outputs: Vec<T>,
    /// For each sensor that has its own, place in `outputs`.
    of_sensor: Vec<Option<usize>>,
    /// Place of that of all others.
    of_all: Option<usize>,
}

impl<T> BySensor<T> {
    /// Outputs named by sensor (`None` for all that have none of their own), for the sensors
    /// `names`.
    ///
    /// # Errors
    /// A name that is no sensor's, or that comes twice.
    pub fn new(named: Vec<(Option<String>, T)>, names: &[&str]) -> Result<Self, String> {
        let mut outputs = Vec::new();
        let mut of_all = None;
        let mut of_sensor = vec![None; names.len()];
        for (name, output) in named {
            let slot = match &name {
                None => &mut of_all,
                Some(name) => match names.iter().position(|known| known == name) {
                    Some(place) => &mut of_sensor[place],
                    None => return Err(format!("the scenario has no sensor {name:?}")),
                },
            };
            if slot.replace(outputs.len()).is_some() {
                let whose = name.as_deref().unwrap_or("all sensors");
                return Err(format!("two outputs of one kind for {whose}"));
            }
            outputs.push(output);
        }
        Ok(Self {
            outputs,
            of_sensor,
            of_all,
        })
    }

    /// No output.
    pub fn none() -> Self {
        Self {
            outputs: Vec::new(),
            of_sensor: Vec::new(),
            of_all: None,
        }
    }

    /// One output for all sensors.
    pub fn all(output: T) -> Self {
        Self {
            outputs: vec![output],
            of_sensor: Vec::new(),
            of_all: Some(0),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Place of the output of sensor `sensor`.
    fn place(&self, sensor: usize) -> Option<usize> {
        self.of_sensor
            .get(sensor)
            .copied()
            .flatten()
            .or(self.of_all)
    }
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
    let live = !plan.udp.is_empty();
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
        recordings: plan.recordings,
        is_text: plan
            .scenario
            .sensors
            .iter()
            .map(|sensor| sensor.format.is_text(sensor.encoding))
            .collect(),
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
    udp: BySensor<Udp>,
    recordings: BySensor<Recording>,
    /// Whether a sensor's datagrams are lines of text.
    is_text: Vec<bool>,
    truth: Option<BufWriter<File>>,
    base_ns: u64,
}

impl Put for Outputs {
    fn put(&mut self, chunk: &Chunk, from: usize, to: usize) -> Result<(), RunError> {
        // Neighbours with the same destination leave in one call.
        let mut start = from;
        while start < to && !self.udp.is_empty() {
            let of = |place: usize| self.udp.place(chunk.sensor(place));
            let output = of(start);
            let end = (start + 1..to)
                .find(|place| of(*place) != output)
                .unwrap_or(to);
            if let Some(output) = output {
                let batch: Vec<&[u8]> = (start..end).map(|place| chunk.datagram(place)).collect();
                self.udp.outputs[output]
                    .send(&batch)
                    .map_err(RunError::Send)?;
            }
            start = end;
        }
        for place in from..to {
            let sensor = chunk.sensor(place);
            if let Some(output) = self.recordings.place(sensor) {
                let time_ns = self.base_ns + chunk.at_ns(place);
                self.recordings.outputs[output]
                    .write(time_ns, chunk.datagram(place), self.is_text[sensor])
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
        for recording in &mut self.recordings.outputs {
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
