//! How fast records may leave: a bucket of bytes that fills at the stated rate.

use std::time::{Duration, Instant};

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
