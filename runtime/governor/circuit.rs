//! The breaker as threads see it: whether taps may read, who holds it, what it did last.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use outrigger_policy::breaker::{Breaker, Limits, Sample, State};

use crate::telemetry::lock;

/// Transitions remembered for the status. Reason: one screen; all of them are in the audit log.
pub const TRANSITIONS_MAX: usize = 8;
/// Longest time without a sample in which taps go on. Reason: ten samples; a governor that does not
/// look is no governor.
pub const BLIND_AFTER: Duration = Duration::from_secs(5);

/// A change of state, with the sample that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// From which state to which.
    pub states: (&'static str, &'static str),
    /// Why.
    pub cause: String,
    /// What was measured.
    pub sample: Sample,
}

/// What the breaker is, for status.
#[derive(Clone, Debug)]
pub struct CircuitView {
    /// The breaker.
    pub breaker: Breaker,
    /// The last sample.
    pub sample: Sample,
    /// What it is held to.
    pub limits: Limits,
    /// The last [`TRANSITIONS_MAX`] changes, oldest first.
    pub transitions: VecDeque<Transition>,
    /// Time without mirroring since the start.
    pub open: Duration,
}

/// The breaker, shared between threads.
#[derive(Debug)]
pub struct Circuit {
    began: Instant,
    mirrors: AtomicBool,
    held: AtomicBool,
    /// When the last sample was taken, milliseconds since the start.
    sampled_ms: AtomicU64,
    view: Mutex<CircuitView>,
}

impl Circuit {
    /// Closed.
    pub fn new(limits: Limits) -> Self {
        Self {
            began: Instant::now(),
            mirrors: AtomicBool::new(true),
            held: AtomicBool::new(false),
            sampled_ms: AtomicU64::new(0),
            view: Mutex::new(CircuitView {
                breaker: Breaker::new(0),
                sample: Sample::default(),
                limits,
                transitions: VecDeque::with_capacity(TRANSITIONS_MAX),
                open: Duration::ZERO,
            }),
        }
    }

    /// True while taps may read.
    pub fn mirrors(&self) -> bool {
        self.mirrors.load(Ordering::Acquire)
    }

    /// True while it is Open: not in HalfOpen, whether it mirrors or rests.
    pub fn is_open(&self) -> bool {
        matches!(lock(&self.view).breaker.state, State::Open { .. })
    }

    /// True if no sample has been taken for [`BLIND_AFTER`].
    pub fn is_blind(&self) -> bool {
        let blind_ms = u64::try_from(BLIND_AFTER.as_millis()).unwrap_or(u64::MAX);
        self.now_ms()
            .saturating_sub(self.sampled_ms.load(Ordering::Acquire))
            > blind_ms
    }

    /// Holds it open, or lets it go. False if it was so already.
    pub fn hold(&self, held: bool) -> bool {
        self.held.swap(held, Ordering::AcqRel) != held
    }

    /// What it is.
    pub fn view(&self) -> CircuitView {
        lock(&self.view).clone()
    }

    /// Takes a sample in, at `time_ns` of the host's clock. Returns what changed.
    pub fn step(&self, sample: Sample, time_ns: u64) -> Option<Transition> {
        let now_ms = self.now_ms();
        let mut view = lock(&self.view);
        let before = view.breaker;
        let held = self.held.load(Ordering::Acquire);
        let after = before.step(&view.limits, &sample, held, now_ms);
        if !before.mirrors() {
            let since = self.sampled_ms.load(Ordering::Acquire);
            view.open += Duration::from_millis(now_ms.saturating_sub(since));
        }
        view.breaker = after;
        view.sample = sample;
        self.mirrors.store(after.mirrors(), Ordering::Release);
        self.sampled_ms.store(now_ms, Ordering::Release);
        let states = (before.state.name(), after.state.name());
        let tripped = after.trips > before.trips;
        if states.0 == states.1 && !tripped {
            return None;
        }
        let cause = match after.last.filter(|_| tripped) {
            Some(over) => over.to_string(),
            None => match states.1 {
                "HalfOpen" => "nothing is over its bound; mirroring is tried".to_owned(),
                _ => "nothing was over its bound while it was tried".to_owned(),
            },
        };
        let transition = Transition {
            time_ns,
            states,
            cause,
            sample,
        };
        if view.transitions.len() == TRANSITIONS_MAX {
            view.transitions.pop_front();
        }
        view.transitions.push_back(transition.clone());
        Some(transition)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
