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

/// Slices of HalfOpen. Reason: seconds 1, 2, 4 and 8 by default, a quarter of a minute in all.
pub const SLICES: u32 = 4;
/// Longest time that passes between two samples. Unit: milliseconds.
pub const STEP_MS_MAX: u64 = 10_000;
/// A trip is remembered, and the next wait doubled, for so many times its wait in Closed.
pub const REMEMBERED_WAITS: u64 = 10;
/// CPU above the budget that counts as over it, permille of the budget: what the bucket's burst and
/// its granularity can come to in a second.
pub const CPU_TOLERANCE_PERMILLE: u64 = 200;
/// Resident memory that opens the breaker, permille of the budget; at the budget itself the run ends.
pub const MEMORY_TRIP_PERMILLE: u64 = 950;
/// Egress above the budget that counts as over it, permille: protocol and repeats are not metered.
pub const EGRESS_TOLERANCE_PERMILLE: u64 = 250;

/// When to open and how to close; from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Frames lost before capture, permille; 1000 is never.
    pub drops_permille_max: u64,
    /// CPU used by others, permille of all cores; 1000 is never.
    pub host_cpu_permille_max: u64,
    /// Memory available on the host, permille; 0 is never.
    pub host_available_permille_min: u64,
    /// PSI `some avg10` of CPU, permille of time; 1000 is never.
    pub pressure_cpu_permille_max: u64,
    /// PSI `full avg10` of memory, permille of time; 1000 is never.
    pub pressure_memory_permille_max: u64,
    /// How long something is over before it trips, milliseconds.
    pub trip_after_ms: u64,
    /// First wait in Open, milliseconds.
    pub backoff_ms: u64,
    /// Longest wait in Open, milliseconds.
    pub backoff_ms_max: u64,
    /// First slice of HalfOpen, milliseconds.
    pub probe_ms: u64,
}

/// The budget, and the thresholds, that samples are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU of the process, permille of all cores.
    pub cpu_permille: u64,
    /// Memory of the process, bytes.
    pub memory_bytes: u64,
    /// Egress, bytes per second.
    pub egress_bytes_per_s: u64,
    /// Logs and snapshots, bytes.
    pub storage_bytes: u64,
    /// The rest.
    pub thresholds: Thresholds,
}

/// What was measured; `None` where it could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// CPU of the process over the last second, permille of all cores.
    pub cpu_permille: Option<u64>,
    /// Resident memory of the process, bytes.
    pub rss_bytes: Option<u64>,
    /// What the producers sent over the last second, bytes per second.
    pub egress_bytes_per_s: Option<u64>,
    /// Logs and snapshots, bytes.
    pub storage_bytes: Option<u64>,
    /// Frames lost before capture over the last second, permille of all.
    pub drops_permille: Option<u64>,
    /// CPU of all others over the last second, permille of all cores.
    pub host_cpu_permille: Option<u64>,
    /// Memory available on the host, permille.
    pub host_available_permille: Option<u64>,
    /// PSI `some avg10` of CPU, permille of time.
    pub pressure_cpu_permille: Option<u64>,
    /// PSI `full avg10` of memory, permille of time.
    pub pressure_memory_permille: Option<u64>,
}

/// What opens the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An operator holds it open.
    Operator,
    /// CPU of the process.
    Cpu,
    /// Memory of the process.
    Memory,
    /// Egress.
    Egress,
    /// Logs and snapshots.
    Storage,
    /// Frames lost before capture.
    Drops,
    /// CPU of others.
    HostCpu,
    /// Memory of the host.
    HostMemory,
    /// Pressure on CPU.
    PressureCpu,
    /// Pressure on memory.
    PressureMemory,
}

impl Cause {
    /// As it stands in status, log and audit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Egress => "egress",
            Self::Storage => "storage",
            Self::Drops => "drops",
            Self::HostCpu => "host-cpu",
            Self::HostMemory => "host-memory",
            Self::PressureCpu => "pressure-cpu",
            Self::PressureMemory => "pressure-memory",
        }
    }
}

/// A bound that a sample passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Which.
    pub cause: Cause,
    /// What was measured, in the cause's unit.
    pub value: u64,
    /// The bound.
    pub bound: u64,
}

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { value, bound, .. } = self;
        match self.cause {
            Cause::Operator => write!(f, "held open by an operator"),
            Cause::Cpu => write!(f, "CPU of this process is {value} ‰, bound {bound} ‰"),
            Cause::Memory => write!(f, "memory of this process is {value} B, bound {bound} B"),
            Cause::Egress => write!(f, "egress is {value} B/s, bound {bound} B/s"),
            Cause::Storage => write!(f, "logs and snapshots are {value} B, bound {bound} B"),
            Cause::Drops => write!(
                f,
                "{value} ‰ of frames lost before capture, bound {bound} ‰"
            ),
            Cause::HostCpu => write!(f, "CPU of others is {value} ‰, bound {bound} ‰"),
            Cause::HostMemory => write!(f, "{value} ‰ of memory available, bound {bound} ‰"),
            Cause::PressureCpu => write!(f, "pressure on CPU is {value} ‰, bound {bound} ‰"),
            Cause::PressureMemory => write!(f, "pressure on memory is {value} ‰, bound {bound} ‰"),
        }
    }
}

impl Limits {
    /// The first bound that a sample passes, in the order of [`Cause`].
    pub fn over(&self, sample: &Sample) -> Option<Over> {
        let Thresholds {
            drops_permille_max,
            host_cpu_permille_max,
            host_available_permille_min,
            pressure_cpu_permille_max,
            pressure_memory_permille_max,
            ..
        } = self.thresholds;
        let above = |bound: u64, tolerance: u64| bound.saturating_add(share(bound, tolerance));
        let most = [
            (
                Cause::Cpu,
                sample.cpu_permille,
                above(self.cpu_permille, CPU_TOLERANCE_PERMILLE),
            ),
            (
                Cause::Memory,
                sample.rss_bytes,
                share(self.memory_bytes, MEMORY_TRIP_PERMILLE),
            ),
            (
                Cause::Egress,
                sample.egress_bytes_per_s,
                above(self.egress_bytes_per_s, EGRESS_TOLERANCE_PERMILLE),
            ),
            (Cause::Storage, sample.storage_bytes, self.storage_bytes),
            (Cause::Drops, sample.drops_permille, drops_permille_max),
            (
                Cause::HostCpu,
                sample.host_cpu_permille,
                host_cpu_permille_max,
            ),
            (
                Cause::PressureCpu,
                sample.pressure_cpu_permille,
                pressure_cpu_permille_max,
            ),
            (
                Cause::PressureMemory,
                sample.pressure_memory_permille,
                pressure_memory_permille_max,
            ),
        ];
        // A thousandth of a thousandth more than all there is cannot be: 1000 is never.
        let most = most.into_iter().filter_map(|(cause, value, bound)| {
            let value = value.filter(|&value| value > bound)?;
            Some(Over {
                cause,
                value,
                bound,
            })
        });
        let least = sample.host_available_permille.and_then(|value| {
            let bound = host_available_permille_min;
            let cause = Cause::HostMemory;
            (value < bound).then_some(Over {
                cause,
                value,
                bound,
            })
        });
        most.chain(least).min_by_key(|over| over.cause)
    }
}

fn share(of: u64, permille: u64) -> u64 {
    let share = u128::from(of) * u128::from(permille) / 1_000;
    u64::try_from(share).unwrap_or(u64::MAX)
}

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
