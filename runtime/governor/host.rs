//! What the host has and what others on it use: `sysinfo`, and the kernel's files where present.

use std::fs;
use std::time::Instant;

use sysinfo::{MemoryRefreshKind, System};

use super::gate::process_cpu_ns;
use super::group::Group;
use crate::trace::HostFacts;

/// What the host is and has at one moment; `None` where it cannot be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostSample {
    /// CPU of all others since the sample before, permille of all cores.
    pub others_cpu_permille: Option<u64>,
    /// Memory available, permille of all: of the host, or of a control group around this process if
    /// less is left there. Reason: who runs out of either is ended by the kernel.
    pub available_permille: Option<u64>,
    /// PSI `some avg10` of CPU, permille of time.
    pub pressure_cpu_permille: Option<u64>,
    /// PSI `full avg10` of memory, permille of time.
    pub pressure_memory_permille: Option<u64>,
}

/// Measures the host.
pub struct HostMeter {
    system: System,
    group: Group,
    last: Option<(Instant, u64)>,
}

impl Default for HostMeter {
    fn default() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        Self {
            system,
            group: Group::of_this_process(),
            last: Some((Instant::now(), process_cpu_ns())),
        }
    }
}

impl HostMeter {
    /// Takes a sample: reads up to four files under `/proc`, and two of each control group that has a
    /// bound on memory.
    pub fn sample(&mut self) -> HostSample {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let now = (Instant::now(), process_cpu_ns());
        let before = self.last.replace(now);
        let of_host = permille(self.system.available_memory(), self.system.total_memory());
        let of_group = self.group.available_permille();
        HostSample {
            others_cpu_permille: before.and_then(|before| self.others(before, now)),
            available_permille: of_host.into_iter().chain(of_group).min(),
            pressure_cpu_permille: pressure("cpu", "some"),
            pressure_memory_permille: pressure("memory", "full"),
        }
    }

    fn others(&self, before: (Instant, u64), now: (Instant, u64)) -> Option<u64> {
        let cores = self.system.cpus().len() as u64;
        let busy = self.system.global_cpu_usage();
        if cores == 0 || !busy.is_finite() {
            return None;
        }
        let elapsed_ns = u64::try_from((now.0 - before.0).as_nanos()).ok()?;
        let own = permille(
            now.1.saturating_sub(before.1),
            elapsed_ns.checked_mul(cores)?,
        )?;
        let busy = (f64::from(busy) * 10.0).clamp(0.0, 1_000.0) as u64;
        Some(busy.saturating_sub(own))
    }
}

/// What cost depends on, of this host.
pub fn host_facts() -> HostFacts {
    use sysinfo::{CpuRefreshKind, RefreshKind};
    let kinds = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kinds);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    HostFacts {
        cores: cores as u64,
        memory_bytes: memory_bytes(&system),
        cpu: system
            .cpus()
            .first()
            .map(|cpu| cpu.brand().to_owned())
            .unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
    }
}

/// The host's memory: what `/proc/meminfo` says, or where that is missing the system call sysinfo(2).
pub(super) fn memory_bytes(system: &System) -> u64 {
    match system.total_memory() {
        0 => {
            let info = rustix::system::sysinfo();
            info.totalram.saturating_mul(u64::from(info.mem_unit))
        }
        bytes => bytes,
    }
}

pub(super) fn permille(part: u64, whole: u64) -> Option<u64> {
    let share = u128::from(part) * 1_000 / u128::from((whole > 0).then_some(whole)?);
    u64::try_from(share).ok()
}

/// Pressure stall information: the ten seconds' mean of a line, permille of time. `None` where the
/// kernel has none.
fn pressure(resource: &str, line: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/pressure/{resource}")).ok()?;
    parse_pressure(&text, line)
}

/// Source: Documentation/accounting/psi.rst of the kernel: `some avg10=0.22 avg60=… total=…`.
pub(super) fn parse_pressure(text: &str, line: &str) -> Option<u64> {
    let fields = text.lines().find_map(|one| one.strip_prefix(line))?;
    let mean = fields
        .split_whitespace()
        .find_map(|field| field.strip_prefix("avg10="))?;
    let percent: f64 = mean.parse().ok()?;
    (0.0..=100.0)
        .contains(&percent)
        .then_some((percent * 10.0).round() as u64)
}
