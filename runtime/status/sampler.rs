//! Remembers a little of the past, so that there are rates: one mark each second, a few seconds.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outrigger_journal::{Block, Kind, Reader};

use crate::config::Config;
use crate::data::open_to_read;
use crate::governor::{Meter, Sample};
use crate::run::{Shared, TapState, lock};

/// How often a mark is made.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Marks kept: rates are over two seconds. Reason: long against the fifth of a second between two
/// reports of the pipeline, short for a reader. The oldest goes.
pub const MARKS_MAX: usize = 3;
/// How often the journal's files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Blocks read to find the oldest with a capture time. Reason: rulings carry none, and seldom
/// stand in a row. Beyond it the time is unknown.
const LOOK_BLOCKS_MAX: usize = 16;

/// What was counted at one moment.
#[derive(Clone)]
pub(super) struct Mark {
    pub(super) process: Sample,
    /// By tap: frames, bytes, frames lost.
    pub(super) taps: Vec<[u64; 3]>,
    pub(super) messages: Vec<u64>,
    pub(super) written: Vec<u64>,
    /// Faults of all plugins.
    pub(super) faults: u64,
}

/// What the journal's files say, looked up now and then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JournalFiles {
    pub(super) segments: u64,
    pub(super) first_captured_ns: Option<u64>,
}

/// Takes samples for rates. One per run, on the thread that answers.
pub struct Sampler {
    pub(super) meter: Meter,
    pub(super) started_ns: u64,
    pub(super) began: Sample,
    pub(super) marks: VecDeque<Mark>,
    first: Option<Mark>,
    /// By tap: frames, and when they last rose.
    pub(super) heard: Vec<(u64, Option<Instant>)>,
    pub(super) files: JournalFiles,
    looked: Option<Instant>,
}

impl Sampler {
    /// A sampler that begins now, at `started_ns` by the host's clock.
    pub fn new(shared: &Shared, config: &Config, started_ns: u64) -> Self {
        let mut meter = Meter::default();
        let began = meter.sample();
        let mut sampler = Self {
            meter,
            started_ns,
            began,
            marks: VecDeque::with_capacity(MARKS_MAX),
            first: None,
            heard: vec![(0, None); shared.taps.len()],
            files: JournalFiles::default(),
            looked: None,
        };
        sampler.sample(shared, config);
        sampler.first = sampler.marks.front().cloned();
        sampler
    }

    /// Makes a mark; to be called about every [`SAMPLE_EVERY`].
    pub fn sample(&mut self, shared: &Shared, config: &Config) {
        let known = *lock(&shared.governor.own);
        let process = known.unwrap_or_else(|| self.meter.sample());
        self.mark(shared, config, process);
    }

    fn mark(&mut self, shared: &Shared, config: &Config, process: Sample) {
        let taps: Vec<[u64; 3]> = shared.taps.iter().map(tap_mark).collect();
        for (heard, tap) in self.heard.iter_mut().zip(&taps) {
            if tap[0] > heard.0 {
                *heard = (tap[0], Some(process.at));
            }
        }
        let status = lock(&shared.pipeline);
        let mark = Mark {
            process,
            taps,
            messages: status.counters.messages.clone(),
            written: status.topics.iter().map(|topic| topic.written).collect(),
            faults: status
                .plugins
                .iter()
                .flat_map(|view| view.counters.faults.values())
                .sum(),
        };
        drop(status);
        if self.marks.len() == MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back(mark);
        let due = self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if due || self.files.first_captured_ns.is_none() {
            self.look(config);
        }
    }

    fn look(&mut self, config: &Config) {
        self.looked = Some(Instant::now());
        self.files = look(config);
    }

    /// Makes the last mark of a run: from here on rates are over all of it.
    pub fn end(&mut self, shared: &Shared, config: &Config) {
        let process = self.meter.sample();
        self.mark(shared, config, process);
        self.look(config);
        let first = self.first.clone();
        let last = self.marks.pop_back();
        self.marks = first.into_iter().chain(last).collect();
    }
}

fn tap_mark(tap: &TapState) -> [u64; 3] {
    let frames = tap.frames.load(Ordering::Acquire);
    let bytes = tap.bytes.load(Ordering::Acquire);
    let shed = tap.shed_frames.load(Ordering::Acquire);
    let counts = lock(&tap.source).as_ref().map(|(counts, _)| *counts);
    [
        frames,
        bytes,
        shed + counts.as_ref().map_or(0, super::lost_before),
    ]
}

fn look(config: &Config) -> JournalFiles {
    let Ok(dir) = open_to_read(&config.data_dir, "journal") else {
        return JournalFiles::default();
    };
    let names = dir.entries().into_iter().flatten().flatten();
    let segments = names
        .filter(|entry| entry.file_name().as_encoded_bytes().ends_with(b".seg"))
        .count() as u64;
    let first = || {
        let mut reader = Reader::open(&dir).ok()?;
        let mut block = Block::default();
        for _ in 0..LOOK_BLOCKS_MAX {
            if !reader.next(&mut block).ok()? {
                return None;
            }
            match block.header.kind {
                Kind::Frames | Kind::Tick => return Some(block.header.time_min_ns),
                Kind::Rulings | Kind::Records => {}
            }
        }
        None
    };
    JournalFiles {
        segments,
        first_captured_ns: first(),
    }
}
