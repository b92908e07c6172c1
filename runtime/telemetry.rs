//! What every part measures with: the host's clock, latencies, and locks that outlive a panic.

use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use hdrhistogram::Histogram;

/// Longest latency told apart, in microseconds: an hour. Longer ones count as this.
pub const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Latencies in microseconds, two significant digits.
#[derive(Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, 2);
        Self(histogram.expect("the bounds are constants that hold"))
    }
}

impl Latency {
    /// Memory of one, bytes.
    pub fn bytes() -> usize {
        size_of::<Self>() + Self::default().0.distinct_values() * size_of::<u64>()
    }

    /// Records `count` latencies of `ns` nanoseconds.
    pub fn record(&mut self, ns: u64, count: u64) {
        let us = (ns / 1_000).clamp(1, LATENCY_US_MAX);
        self.0
            .record_n(us, count)
            .expect("clamped to the histogram's bounds");
    }

    /// The histogram, in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

/// Locks, and goes on with what a panicking thread left: every value here is whole at all times.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// The host's clock, nanoseconds since the Unix epoch.
pub fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        })
}
