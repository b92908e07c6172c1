//! The circuit breaker: when mirroring stops, and how it begins again.
//!
//! A pure function of (state, sample, now): [`Breaker::step`]. *Over* means that one of the
//! [`Limits`] is passed by the sample; what could not be measured is not judged.
//!
//! | state | sample | time | next |
//! |---|---|---|---|
//! | Closed | nothing over | any | Closed, nothing remembered |
//! | Closed | over | for less than `trip_after_ms` | Closed, remembers since when |
//! | Closed | over | for `trip_after_ms` | Open, for `backoff_ms`; for twice the last wait if that trip was not long ago |
//! | Open | any | before the wait's end | Open |
//! | Open | over | at the wait's end | Open, the wait begins again |
//! | Open | nothing over | at the wait's end | HalfOpen, mirrors for a first slice of `probe_ms` |
//! | HalfOpen | over | any | Open, for twice the last wait, `backoff_ms_max` at most |
//! | HalfOpen, slice | nothing over | before its end | HalfOpen, mirrors |
//! | HalfOpen, slice | nothing over | at its end, one of the first [`SLICES`] - 1 | HalfOpen, rests for `probe_ms` |
//! | HalfOpen, slice | nothing over | at its end, the last | Closed |
//! | HalfOpen, rest | nothing over | at its end | HalfOpen, mirrors for twice the last slice |
//! | any | held by an operator | any | Open |
//! | Open, held | released | any | Open, for `backoff_ms` |
//!
//! What always holds: it never mirrors while Open; it is Closed at most one wait and all slices after
//! load has ended; between two openings lie at least `backoff_ms`. A slice is a slice of time: whole
//! blocks of all keys, so order per key holds.
//!
//! Time is the caller's monotonic clock. A step backwards counts as none, and one of more than
//! [`STEP_MS_MAX`] as that: a host that was asleep has not been over its bounds all night.

mod limits;

pub use limits::{
    CPU_TOLERANCE_PERMILLE, Cause, EGRESS_TOLERANCE_PERMILLE, Limits, MEMORY_TRIP_PERMILLE, Over,
    Sample, Thresholds,
};

/// Slices of HalfOpen. Reason: seconds 1, 2, 4 and 8 by default, a quarter of a minute in all.
pub const SLICES: u32 = 4;
/// Longest time that passes between two samples. Unit: milliseconds.
pub const STEP_MS_MAX: u64 = 10_000;
/// A trip is remembered, and the next wait doubled, for so many times its wait in Closed.
pub const REMEMBERED_WAITS: u64 = 10;
/// What it is doing. Times are the breaker's own, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Mirrors.
    Closed {
        /// Since when a bound is passed.
        over_since: Option<u64>,
        /// Since when it is closed.
        since: u64,
    },
    /// Does not mirror.
    Open {
        /// When it looks again.
        until: u64,
        /// An operator holds it.
        held: bool,
    },
    /// Mirrors for slices of time.
    HalfOpen {
        /// Which slice, from 0.
        slice: u32,
        /// Mirrors now; else it rests behind that slice.
        mirrors: bool,
        /// When that ends.
        until: u64,
    },
}

impl State {
    /// As people call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "Closed",
            Self::Open { .. } => "Open",
            Self::HalfOpen { .. } => "HalfOpen",
        }
    }
}

/// The breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// What it is doing.
    pub state: State,
    /// The last bound that opened it.
    pub last: Option<Over>,
    /// How often it has opened.
    pub trips: u64,
    /// The last wait, milliseconds; 0 when none is remembered.
    wait_ms: u64,
    /// The breaker's own clock, milliseconds, and the caller's at the last step.
    clock_ms: u64,
    last_now_ms: u64,
}

impl Breaker {
    /// Closed, at `now_ms` of the caller's monotonic clock.
    pub fn new(now_ms: u64) -> Self {
        Self {
            state: State::Closed {
                over_since: None,
                since: 0,
            },
            last: None,
            trips: 0,
            wait_ms: 0,
            clock_ms: 0,
            last_now_ms: now_ms,
        }
    }

    /// True while taps may read.
    pub fn mirrors(&self) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { .. } => false,
            State::HalfOpen { mirrors, .. } => mirrors,
        }
    }

    /// Time until it changes if nothing is over, milliseconds; `None` while Closed or held.
    pub fn remaining_ms(&self) -> Option<u64> {
        match self.state {
            State::Closed { .. } | State::Open { held: true, .. } => None,
            State::Open { until, .. } | State::HalfOpen { until, .. } => {
                Some(until.saturating_sub(self.clock_ms))
            }
        }
    }

    /// What it is after this sample. `held`: an operator holds it open.
    #[must_use]
    pub fn step(mut self, limits: &Limits, sample: &Sample, held: bool, now_ms: u64) -> Self {
        let passed = now_ms.saturating_sub(self.last_now_ms).min(STEP_MS_MAX);
        self.last_now_ms = self.last_now_ms.max(now_ms);
        self.clock_ms = self.clock_ms.saturating_add(passed);
        let thresholds = limits.thresholds;
        let over = limits.over(sample);
        let now = self.clock_ms;
        if held {
            return self.hold();
        }
        match (self.state, over) {
            (State::Closed { since, .. }, None) => {
                let remembered = self.wait_ms.saturating_mul(REMEMBERED_WAITS);
                if now.saturating_sub(since) > remembered {
                    self.wait_ms = 0;
                }
                self.state = State::Closed {
                    over_since: None,
                    since,
                };
            }
            (State::Closed { over_since, since }, Some(over)) => {
                let began = over_since.unwrap_or(now);
                if now - began >= thresholds.trip_after_ms {
                    return self.trip(over, &thresholds);
                }
                self.state = State::Closed {
                    over_since: Some(began),
                    since,
                };
            }
            (State::Open { held: true, .. }, _) => {
                self.wait_ms = thresholds.backoff_ms;
                self.state = State::Open {
                    until: now + self.wait_ms,
                    held: false,
                };
            }
            (State::Open { until, .. }, _) if now < until => {}
            (State::Open { .. }, Some(over)) => {
                self.last = Some(over);
                self.state = State::Open {
                    until: now + self.wait_ms.max(thresholds.backoff_ms),
                    held: false,
                };
            }
            (State::Open { .. }, None) => {
                self.state = State::HalfOpen {
                    slice: 0,
                    mirrors: true,
                    until: now + thresholds.probe_ms,
                };
            }
            (State::HalfOpen { .. }, Some(over)) => return self.trip(over, &thresholds),
            (State::HalfOpen { until, .. }, None) if now < until => {}
            (
                State::HalfOpen {
                    slice,
                    mirrors: true,
                    ..
                },
                None,
            ) => {
                self.state = if slice + 1 == SLICES {
                    State::Closed {
                        over_since: None,
                        since: now,
                    }
                } else {
                    State::HalfOpen {
                        slice,
                        mirrors: false,
                        until: now + thresholds.probe_ms,
                    }
                };
            }
            (
                State::HalfOpen {
                    slice,
                    mirrors: false,
                    ..
                },
                None,
            ) => {
                self.state = State::HalfOpen {
                    slice: slice + 1,
                    mirrors: true,
                    until: now + (thresholds.probe_ms << (slice + 1)),
                };
            }
        }
        self
    }

    fn hold(mut self) -> Self {
        if !matches!(self.state, State::Open { held: true, .. }) {
            self.trips += 1;
            self.last = Some(Over {
                cause: Cause::Operator,
                value: 0,
                bound: 0,
            });
        }
        self.state = State::Open {
            until: self.clock_ms,
            held: true,
        };
        self
    }

    fn trip(mut self, over: Over, thresholds: &Thresholds) -> Self {
        self.wait_ms = match self.wait_ms {
            0 => thresholds.backoff_ms,
            before => before.saturating_mul(2).min(thresholds.backoff_ms_max),
        };
        self.trips += 1;
        self.last = Some(over);
        self.state = State::Open {
            until: self.clock_ms + self.wait_ms,
            held: false,
        };
        self
    }
}

#[cfg(test)]
mod tests;
