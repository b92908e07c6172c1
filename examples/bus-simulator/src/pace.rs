//! When each datagram is due. Due times depend on the schedule alone, never on how long earlier
//! sends took, so a late sender catches up and its lateness shows (no coordinated omission).

use std::time::{Duration, Instant};

/// Length of a burst cycle, nanoseconds: what falls due within a cycle leaves at its end.
pub const BURST_NS: u64 = 1_000_000_000;

/// How datagrams are spread in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Pace {
    /// Each at its own time.
    Steady,
    /// All of a second at once, at its end.
    Bursty,
    /// As fast as they go.
    FlatOut,
}

/// The due time of every datagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// How they are spread.
    pub pace: Pace,
    /// Scenario seconds per second; 2 is twice as fast.
    pub factor: f64,
    /// Datagrams per second, in place of the scenario's own times.
    pub rate: Option<f64>,
}

impl Schedule {
    /// When datagram `number` (from 0), at `at_ns` in the scenario, is due: nanoseconds from the
    /// start of sending. Never falls as numbers and times rise.
    pub fn due_ns(&self, number: u64, at_ns: u64) -> u64 {
        let even_ns = match self.rate {
            Some(rate) => (number as f64 * 1e9 / rate) as u64,
            None if self.factor == 1.0 => at_ns,
            None => (at_ns as f64 / self.factor) as u64,
        };
        match self.pace {
            Pace::Steady => even_ns,
            Pace::Bursty => (even_ns / BURST_NS + 1) * BURST_NS,
            Pace::FlatOut => 0,
        }
    }
}

/// A clock to wait by, which tests replace.
pub trait Clock {
    /// Nanoseconds since the start of sending; 0 before it.
    fn now_ns(&mut self) -> u64;
    /// Waits for `wait_ns` at most.
    fn wait(&mut self, wait_ns: u64);
}

/// The machine's monotonic clock.
#[derive(Debug)]
pub struct Monotonic {
    start: Instant,
}

impl Monotonic {
    /// A clock whose zero is `start`.
    pub fn starting_at(start: Instant) -> Self {
        Self { start }
    }
}

impl Clock for Monotonic {
    fn now_ns(&mut self) -> u64 {
        // 2⁶⁴ ns are 584 years.
        Instant::now()
            .saturating_duration_since(self.start)
            .as_nanos() as u64
    }

    fn wait(&mut self, wait_ns: u64) {
        std::thread::sleep(Duration::from_nanos(wait_ns));
    }
}

#[cfg(test)]
mod tests;
