//! How fast records may leave: a bucket of bytes that fills at the stated rate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::telemetry::lock;

/// A bucket holds this much time's worth. Reason: long enough that a loop every few milliseconds
/// never finds it short, short enough that a backlog leaves no burst worth speaking of.
const BUCKET: Duration = Duration::from_millis(250);

/// A bucket of bytes.
#[derive(Debug)]
pub struct Pace {
    bytes_per_s: u64,
    bytes: f64,
    at: Instant,
}

impl Pace {
    /// A full bucket.
    pub fn new(bytes_per_s: u64, now: Instant) -> Self {
        Self {
            bytes_per_s,
            bytes: bytes_per_s as f64 * BUCKET.as_secs_f64(),
            at: now,
        }
    }

    /// True if anything may leave now: one record may overdraw the bucket, and is paid for later.
    pub fn allows(&mut self, now: Instant) -> bool {
        let full = self.bytes_per_s as f64 * BUCKET.as_secs_f64();
        let elapsed = now.saturating_duration_since(self.at);
        self.at = now;
        self.bytes = (self.bytes + self.bytes_per_s as f64 * elapsed.as_secs_f64()).min(full);
        self.bytes > 0.0
    }

    /// Takes what left.
    pub fn spend(&mut self, bytes: u64) {
        self.bytes -= bytes as f64;
    }
}

/// What all forwarders send together: a bucket of their own, and a count.
#[derive(Debug)]
pub struct Egress {
    pace: Mutex<Pace>,
    sent_bytes: AtomicU64,
}

impl Egress {
    /// Nothing sent yet.
    pub fn new(bytes_per_s: u64, now: Instant) -> Self {
        Self {
            pace: Mutex::new(Pace::new(bytes_per_s, now)),
            sent_bytes: AtomicU64::new(0),
        }
    }

    /// True if anything may leave now.
    pub fn allows(&self, now: Instant) -> bool {
        lock(&self.pace).allows(now)
    }

    /// Takes what left.
    pub fn spend(&self, bytes: u64) {
        lock(&self.pace).spend(bytes);
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes handed to the producers since the start, keys and headers included.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }
}

impl Default for Egress {
    /// Without a bound.
    fn default() -> Self {
        Self::new(u64::MAX / 2, Instant::now())
    }
}

#[cfg(test)]
mod tests;
