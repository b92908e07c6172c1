//! The control groups around this process (cgroup version 2): what the kernel holds it to, and how
//! much memory is left. Source: Documentation/admin-guide/cgroup-v2.rst of the kernel.

use std::fs;
use std::path::{Path, PathBuf};

use super::host::permille;

/// Where cgroup version 2 is mounted.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Bounds that the kernel holds this process to; `None` where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupLimits {
    /// CPU, thousandths of a core.
    pub cpu_millicores: Option<u64>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
}

/// The groups around a process, the innermost first; none where there is no version 2.
#[derive(Clone, Debug, Default)]
pub struct Group {
    dirs: Vec<PathBuf>,
}

impl Group {
    /// Those around this process.
    pub fn of_this_process() -> Self {
        let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        // Version 2 has one line, `0::/path`.
        let path = membership.lines().find_map(|line| line.strip_prefix("0::"));
        path.map_or_else(Self::default, |path| {
            Self::at(Path::new(CGROUPS), Path::new(path.trim_start_matches('/')))
        })
    }

    /// Those from `path` up to `root`, below which it is.
    pub(super) fn at(root: &Path, path: &Path) -> Self {
        let dirs = path.ancestors().map(|group| root.join(group));
        Self {
            dirs: dirs.collect(),
        }
    }

    /// The tightest bounds of all.
    pub fn limits(&self) -> CgroupLimits {
        let tightest = |bound: fn(&Path) -> Option<u64>| {
            let bounds = self.dirs.iter().filter_map(|dir| bound(dir));
            bounds.min()
        };
        CgroupLimits {
            cpu_millicores: tightest(|dir| parse_cpu_max(&text(dir, "cpu.max"))),
            memory_bytes: tightest(memory_max),
        }
    }

    /// Memory left in the group that has the least left, permille of its bound; `None` without a bound.
    /// Pages of files count as left, since the kernel takes them back first.
    pub fn available_permille(&self) -> Option<u64> {
        let left = self.dirs.iter().filter_map(|dir| {
            let bound = memory_max(dir)?;
            let used: u64 = text(dir, "memory.current").trim().parse().ok()?;
            let stat = text(dir, "memory.stat");
            let files = stat.lines().filter_map(|line| {
                let (name, bytes) = line.split_once(' ')?;
                let bytes: u64 = bytes.parse().ok()?;
                matches!(name, "active_file" | "inactive_file").then_some(bytes)
            });
            let used = used.saturating_sub(files.fold(0, u64::saturating_add));
            permille(bound.saturating_sub(used), bound)
        });
        left.min()
    }
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_default()
}

/// Bytes; `None` where it is `max`, or no file.
fn memory_max(dir: &Path) -> Option<u64> {
    text(dir, "memory.max").trim().parse().ok()
}

/// `QUOTA PERIOD` in microseconds, or `max PERIOD`: thousandths of a core.
fn parse_cpu_max(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    quota.checked_mul(1_000)?.checked_div(period)
}
