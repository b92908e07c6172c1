//! Samples of what this process uses and of what the host has, and what obeys them: the [`Gate`] that
//! threads pass, the [`Circuit`] that closes taps, the cap on memory ([`cap`]). What is decided is
//! decided by `outrigger_policy::budget` and `outrigger_policy::breaker`.

pub mod cap;

mod circuit;
mod drift;
mod gate;
mod group;
mod host;
pub mod priority;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

pub use circuit::{BLIND_AFTER, Circuit, CircuitView, TRANSITIONS_MAX, Transition};
pub use drift::DriftView;
pub use gate::{Gate, Hand, process_cpu_ns, thread_cpu_ns};
pub use group::{CgroupLimits, Group};
pub use host::{HostMeter, HostSample, host_facts};

/// What was used up to one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, by the monotonic clock.
    pub at: Instant,
    /// CPU time of all threads since the process began, milliseconds; steps of 10.
    pub cpu_ms: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Largest resident memory so far, bytes.
    pub rss_peak_bytes: u64,
}

/// What the threads of a run share of their budget.
pub struct Governor {
    /// Whom CPU is given to.
    pub gate: Gate,
    /// Whether taps may read.
    pub circuit: Circuit,
    /// Cores that the process may run on.
    pub cores: u64,
    /// The host's memory, bytes.
    pub host_memory_bytes: u64,
    /// What the kernel holds this process to.
    pub cgroup: CgroupLimits,
    /// What was last measured of this process.
    pub own: Mutex<Option<Sample>>,
    /// What cannot be measured here.
    pub unmeasured: Mutex<Vec<&'static str>>,
    /// What costs more than its baseline.
    pub drifts: Mutex<Vec<DriftView>>,
    /// What is to be known of the baseline.
    pub baseline: Mutex<Option<String>>,
    /// Samples taken, and the CPU that they took, nanoseconds.
    cost: (AtomicU64, AtomicU64),
}

impl Governor {
    /// A governor that has measured nothing yet.
    pub fn new(gate: Gate, circuit: Circuit, meter: &Meter, cgroup: CgroupLimits) -> Self {
        Self {
            gate,
            circuit,
            cores: meter.cores(),
            host_memory_bytes: meter.memory_bytes(),
            cgroup,
            own: Mutex::default(),
            unmeasured: Mutex::default(),
            drifts: Mutex::default(),
            baseline: Mutex::default(),
            cost: Default::default(),
        }
    }

    /// Counts a sample that took so much CPU.
    pub fn sampled(&self, cpu_ns: u64) {
        self.cost.0.fetch_add(1, Ordering::Relaxed);
        self.cost.1.fetch_add(cpu_ns, Ordering::Relaxed);
    }

    /// Mean CPU of a sample, nanoseconds; 0 before the first.
    pub fn sample_cost_ns(&self) -> u64 {
        let (count, sum) = &self.cost;
        let sum = sum.load(Ordering::Relaxed);
        sum.checked_div(count.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Measures a process and its host.
pub struct Meter {
    system: System,
    pid: Pid,
    cores: u64,
    memory_bytes: u64,
    rss_peak_bytes: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self::of(std::process::id())
    }
}

impl Meter {
    /// A meter of the process with this id.
    pub fn of(pid: u32) -> Self {
        let mut system = System::new();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory_bytes: host::memory_bytes(&system),
            system,
            pid: Pid::from_u32(pid),
            cores: cores as u64,
            rss_peak_bytes: 0,
        }
    }

    /// Cores that this process may run on.
    pub fn cores(&self) -> u64 {
        self.cores
    }

    /// The host's memory, bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Takes a sample: reads two or three files under `/proc`. What cannot be read is 0.
    pub fn sample(&mut self) -> Sample {
        self.system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[self.pid]),
            false,
            ProcessRefreshKind::nothing()
                .with_cpu()
                .with_memory()
                .without_tasks(),
        );
        let process = self.system.process(self.pid);
        let rss_bytes = process.map_or(0, sysinfo::Process::memory);
        let peak = resident_peak_bytes(self.pid).unwrap_or(rss_bytes);
        self.rss_peak_bytes = self.rss_peak_bytes.max(peak).max(rss_bytes);
        Sample {
            at: Instant::now(),
            cpu_ms: process.map_or(0, sysinfo::Process::accumulated_cpu_time),
            rss_bytes,
            rss_peak_bytes: self.rss_peak_bytes,
        }
    }
}

/// Share of all `cores` that `cpu_ms` are in `elapsed`, permille, rounded up: use is never shown
/// as none.
pub fn cpu_permille(cpu_ms: u64, elapsed: Duration, cores: u64) -> u64 {
    let available_us = u64::try_from(elapsed.as_micros())
        .unwrap_or(u64::MAX)
        .saturating_mul(cores);
    if available_us == 0 {
        return 0;
    }
    cpu_ms.saturating_mul(1_000_000).div_ceil(available_us)
}

/// The kernel's high-water mark, which also knows of peaks between two samples.
fn resident_peak_bytes(pid: Pid) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests;
