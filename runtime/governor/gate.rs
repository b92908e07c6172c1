//! CPU by construction: threads ask here whether they may go on, and wait when they may not.
//!
//! The decision is `outrigger_policy::budget`'s; here are the clocks that it is fed with, and the
//! time that was waited. Costs two system calls a look, at most one look a millisecond and thread.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use outrigger_policy::budget::CpuBudget;
use rustix::time::{ClockId, clock_gettime};

use crate::telemetry::lock;

/// Shortest time between two looks of one thread. Reason: a look costs a microsecond or two, and
/// what all cores use meanwhile is a hundredth of a default budget's second.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Longest time that an answer holds. Reason: whoever waits longer asks again, and is told of what
/// was paid back meanwhile.
const ANSWER_MAX: Duration = Duration::from_millis(200);

/// CPU time that this process has used, nanoseconds.
pub fn process_cpu_ns() -> u64 {
    cpu_ns(ClockId::ProcessCPUTime)
}

/// CPU time that this thread has used, nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    cpu_ns(ClockId::ThreadCPUTime)
}

fn cpu_ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let (seconds, nanos) = (time.tv_sec, time.tv_nsec);
    u64::try_from(seconds).unwrap_or(0) * 1_000_000_000 + u64::try_from(nanos).unwrap_or(0)
}

/// The CPU budget of this process.
#[derive(Debug)]
pub struct Gate {
    began: Instant,
    budget: Mutex<CpuBudget>,
    /// What all taps' threads have used, nanoseconds.
    taps_ns: AtomicU64,
    tap_waited_ns: AtomicU64,
    others_waited_ns: AtomicU64,
    /// CPU that is used, permille of the budget, smoothed.
    used_permille: AtomicU64,
}

/// One thread's part in it.
#[derive(Debug, Default)]
pub struct Hand {
    /// Until when the last answer holds, and whether it is to wait.
    answered: Option<(Instant, bool)>,
    told_ns: u64,
}

impl Gate {
    /// A gate for `rate_ns` of CPU each second, of which `tap_permille` are for taps only.
    pub fn new(rate_ns: u64, tap_permille: u64) -> Self {
        let budget = CpuBudget::new(rate_ns, tap_permille, 0, process_cpu_ns());
        Self {
            began: Instant::now(),
            budget: Mutex::new(budget),
            taps_ns: AtomicU64::new(0),
            tap_waited_ns: AtomicU64::new(0),
            others_waited_ns: AtomicU64::new(0),
            used_permille: AtomicU64::new(0),
        }
    }

    /// How long a tap's thread must wait; `None` if it may read. To be called on that thread.
    pub fn tap(&self, hand: &mut Hand) -> Option<Duration> {
        if let Some(answer) = hand.answer() {
            return answer;
        }
        let used = thread_cpu_ns();
        let more = used.saturating_sub(hand.told_ns);
        hand.told_ns = used;
        self.taps_ns.fetch_add(more, Ordering::AcqRel);
        hand.keep(self.metered().tap_wait_ns())
    }

    /// How long any other thread must wait; `None` if it may go on.
    pub fn others(&self, hand: &mut Hand) -> Option<Duration> {
        match hand.answer() {
            Some(answer) => answer,
            None => hand.keep(self.metered().others_wait_ns()),
        }
    }

    fn metered(&self) -> CpuBudget {
        let mut budget = lock(&self.budget);
        let now_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let taps_ns = self.taps_ns.load(Ordering::Acquire);
        budget.meter(now_ns, taps_ns, process_cpu_ns());
        *budget
    }

    /// Counts what a tap has waited.
    pub fn tap_waited(&self, time: Duration) {
        add(&self.tap_waited_ns, time);
    }

    /// Counts what another thread has waited.
    pub fn others_waited(&self, time: Duration) {
        add(&self.others_waited_ns, time);
        // At once: the next sample says it too late.
        self.used_permille.store(1_000, Ordering::Relaxed);
    }

    /// Notes the CPU of the last second, permille of the budget. Half of the difference is taken over:
    /// what is judged by it changes the use itself, and must not swing.
    pub fn note_use(&self, permille: u64) {
        let before = self.used_permille.load(Ordering::Relaxed);
        let now = before.midpoint(permille.min(1_000));
        self.used_permille.store(now, Ordering::Relaxed);
    }

    /// CPU that is used, permille of the budget, over the last seconds.
    pub fn used_permille(&self) -> u64 {
        self.used_permille.load(Ordering::Relaxed)
    }

    /// Time that taps and others have waited for their budget.
    pub fn waited(&self) -> (Duration, Duration) {
        let read = |count: &AtomicU64| Duration::from_nanos(count.load(Ordering::Relaxed));
        (read(&self.tap_waited_ns), read(&self.others_waited_ns))
    }
}

fn add(count: &AtomicU64, time: Duration) {
    let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    count.fetch_add(ns, Ordering::Relaxed);
}

impl Hand {
    /// The last answer, while it holds.
    fn answer(&self) -> Option<Option<Duration>> {
        let (until, waits) = self.answered?;
        let left = until.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then(|| waits.then_some(left))
    }

    fn keep(&mut self, wait_ns: Option<u64>) -> Option<Duration> {
        let wait = wait_ns.map(Duration::from_nanos);
        let holds = wait.unwrap_or(LOOK_EVERY).min(ANSWER_MAX);
        self.answered = Some((Instant::now() + holds, wait.is_some()));
        wait
    }
}
