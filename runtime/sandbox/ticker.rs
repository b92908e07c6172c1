//! The clock of deadlines: a thread that moves the engine's epoch on while there are calls.
//!
//! What always holds: while a call is under way the epoch moves. When none was for [`REST_TICKS`]
//! ticks the thread rests until the next begins, so that an idle runtime is not woken for nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// Length of an epoch tick. Reason: a deadline is a backstop of a second or so, and each tick
/// wakes a thread; 20 a second cost less than 0.1 % of a core.
pub const TICK_MS: u64 = 50;

/// Ticks without a call after which the thread rests. Reason: under steady traffic, however thin,
/// no call pays for waking it.
const REST_TICKS: u32 = 4;

/// The calls of this process. Of all engines together: an engine's clock that is woken by another's
/// call ticks a little for nothing, and rests again.
static CALLS: Calls = Calls::new();

/// Deadline in ticks of one in milliseconds, at least that long: the tick under way does not count.
pub fn deadline_ticks(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(TICK_MS) + 1
}

/// Says that a call is under way, until what it returns is dropped.
pub(crate) fn call() -> UnderWay {
    CALLS.begin()
}

/// Counts calls, and wakes the clocks that rest.
#[derive(Debug)]
struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
    /// Clocks that rest.
    resting: AtomicU64,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Calls {
    const fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            resting: AtomicU64::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    fn begin(&'static self) -> UnderWay {
        // One order of all: either this sees who rests, or that one sees this call.
        self.begun.fetch_add(1, Ordering::SeqCst);
        if self.resting.load(Ordering::SeqCst) > 0 {
            self.wake_all();
        }
        UnderWay { calls: self }
    }

    fn locked(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        // Held, so that nobody is between looking and waiting.
        drop(self.locked());
        self.wake.notify_all();
    }

    /// True if no call is under way, nor begun since `seen` were.
    fn quiet_since(&self, seen: u64) -> bool {
        // What has ended is read first: what begins between the two counts as under way.
        let ended = self.ended.load(Ordering::SeqCst);
        let begun = self.begun.load(Ordering::SeqCst);
        begun == ended && begun == seen
    }
}

/// A call that is under way.
pub(crate) struct UnderWay {
    calls: &'static Calls,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.calls.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Moves an engine's epoch on until it is dropped.
pub struct Ticker {
    calls: &'static Calls,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let engine = engine.clone();
        Self::spawn(&CALLS, move || engine.increment_epoch())
    }

    fn spawn(calls: &'static Calls, move_on: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(move || tick(calls, &stopped, move_on))?;
        Ok(Self {
            calls,
            stop,
            thread: Some(thread),
        })
    }
}

fn tick(calls: &Calls, stop: &AtomicBool, move_on: impl Fn()) {
    let is_stopped = || stop.load(Ordering::SeqCst);
    let mut guard = calls.locked();
    let mut seen = calls.begun.load(Ordering::SeqCst);
    let mut quiet_ticks = 0;
    while !is_stopped() {
        if quiet_ticks >= REST_TICKS {
            calls.resting.fetch_add(1, Ordering::SeqCst);
            let rests = |(): &mut ()| !is_stopped() && calls.quiet_since(seen);
            let rested = calls.wake.wait_while(guard, rests);
            guard = rested.unwrap_or_else(PoisonError::into_inner);
            calls.resting.fetch_sub(1, Ordering::SeqCst);
            quiet_ticks = 0;
            continue;
        }
        let tick = Duration::from_millis(TICK_MS);
        let ticked = calls
            .wake
            .wait_timeout_while(guard, tick, |()| !is_stopped());
        guard = ticked.unwrap_or_else(PoisonError::into_inner).0;
        move_on();
        quiet_ticks = if calls.quiet_since(seen) {
            quiet_ticks + 1
        } else {
            0
        };
        seen = calls.begun.load(Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.calls.wake_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
