//! What samples are held to: the bounds, what was measured, and which bound it passes.

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
    /// Memory available on the host, or in the control group if less is left there, permille; 0 is
    /// never.
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
    /// Memory available on the host, or in the control group if less is left there, permille.
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
