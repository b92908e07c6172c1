//! Time, behind one trait, so that tests of pace and backoff do not wait.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Three views of time.
pub(crate) trait Clock: Send {
    /// Nanoseconds since the Unix epoch; may step. For capture times.
    fn wall_ns(&self) -> u64;
    /// Time since some fixed moment; never steps. For waiting.
    fn uptime(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The host's clocks.
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn wall_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // Before 1970 the host's clock is not set: zero says so. The far end is the year 2554.
        since.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    fn uptime(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, time: Duration) {
        if !time.is_zero() {
            std::thread::sleep(time);
        }
    }
}

/// A clock that moves only when someone sleeps; clones share it.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct TestClock {
    now: std::sync::Arc<std::sync::Mutex<Duration>>,
}

#[cfg(test)]
impl TestClock {
    /// Wall time at which every test clock starts, nanoseconds.
    pub(crate) const EPOCH_NS: u64 = 1_700_000_000_000_000_000;
}

#[cfg(test)]
impl Clock for TestClock {
    fn wall_ns(&self) -> u64 {
        Self::EPOCH_NS + self.uptime().as_nanos() as u64
    }

    fn uptime(&self) -> Duration {
        *self.now.lock().expect("no test panics while it holds it")
    }

    fn sleep(&self, time: Duration) {
        *self.now.lock().expect("no test panics while it holds it") += time;
    }
}
