//! The memory plan of a configuration: every component's worst case, bytes, reckoned from the same
//! constants that bound it, and held against the budget before anything starts.
//!
//! What always holds: a line is a bound that somebody enforces, or a measured figure that says where
//! it was measured. `tests/memory.rs` holds the real program's peak below the plan. Not in it: pages
//! of files that the kernel keeps and gives back by itself.

mod group;
mod logs;
mod pipeline;
mod plugins;
mod process;

use outrigger_policy::limits::{MEMORY_BUDGET_BYTES, MEMORY_PERMILLE};
use outrigger_policy::plan::{Excess, Line, Memory, MemoryPlan};

use crate::config::{Config, ConfigErrors};
use crate::forward;
use crate::governor::{Group, Meter, cap};

/// What glibc's allocator wastes on fragments and heads, permille of what is asked of it. Source:
/// peak resident memory above the largest sum of live allocations was 71 to 105 permille with blocks of
/// 16 bytes to 64 KiB of random size, replaced at random 30 times over by one and by four threads, and
/// 46 to 406 in 60 runs where four threads grow buffers of up to 1 MiB piece by piece (glibc 2.36); `tests/memory.rs` repeats the worst of them.
pub const ALLOCATOR_WASTE_PERMILLE: u64 = 450;

/// Partitions of a source topic that one process is reckoned to read in a group. Reason: as many as a
/// topic that is made has by default; how many come, the group decides.
pub const GROUP_PARTITIONS_PLANNED: u64 = 6;

/// Makes lines of one component.
pub(crate) struct Lines<'a> {
    plan: &'a mut MemoryPlan,
    component: String,
}

impl Lines<'_> {
    fn add(&mut self, memory: Memory, what: &str, bytes: u64, key: &str) {
        self.plan.push(Line {
            component: self.component.clone(),
            what: what.to_owned(),
            bytes,
            memory,
            key: key.to_owned(),
        });
    }

    /// From the allocator; `key` shrinks it, if it is not empty.
    pub(crate) fn heap(&mut self, what: &str, bytes: u64, key: &str) {
        self.add(Memory::Heap, what, bytes, key);
    }

    /// By whole pages.
    pub(crate) fn mapped(&mut self, what: &str, bytes: u64, key: &str) {
        self.add(Memory::Mapped, what, bytes, key);
    }

    /// By the kernel.
    pub(crate) fn kernel(&mut self, what: &str, bytes: u64, key: &str) {
        self.add(Memory::Kernel, what, bytes, key);
    }
}

pub(crate) fn lines(plan: &mut MemoryPlan, component: impl Into<String>) -> Lines<'_> {
    Lines {
        plan,
        component: component.into(),
    }
}

/// Bytes of a length; the configuration bounds them far below what a number holds.
pub(crate) fn bytes(length: usize) -> u64 {
    length as u64
}

/// The plan of everything that `outrigger run` does with this configuration.
pub fn plan(config: &Config) -> MemoryPlan {
    let mut plan = MemoryPlan::default();
    process::add(&mut plan, config);
    plugins::add(&mut plan, config);
    pipeline::add(&mut plan, config);
    match &config.group {
        Some(group) => group::add(&mut plan, config, group),
        None => logs::add(&mut plan, config),
    }
    for client in forward::memory(config) {
        let component = format!("kafka.{} {}", client.cluster, client.what);
        let queue = format!("kafka.{}.queue_bytes_max", client.cluster);
        let mut lines = lines(&mut plan, component);
        for line in client.lines {
            let key = match line.what {
                "records that wait" => &queue[..],
                _ => "",
            };
            lines.heap(line.what, line.bytes, key);
        }
    }
    plan.push_slack(ALLOCATOR_WASTE_PERMILLE);
    plan
}

/// Memory that the process may use on this host, bytes, and the host's. A control group that allows less
/// than the budget is the budget: at its bound the kernel ends us.
pub fn budget(config: &Config) -> (u64, u64) {
    let host_bytes = Meter::default().memory_bytes();
    let own = config.budget.memory_bytes(host_bytes);
    let group = Group::of_this_process().limits().memory_bytes;
    (own.min(group.unwrap_or(u64::MAX)), host_bytes)
}

/// Sets the kernel's limit behind the budget, for the whole process.
///
/// # Errors
/// The kernel refuses.
pub fn cap(config: &Config) -> std::io::Result<u64> {
    let (budget_bytes, _) = budget(config);
    let (threads, foreign) = (process::threads(config), process::foreign_threads(config));
    cap::set(cap::limit_bytes(budget_bytes, threads, foreign))
}

/// Holds a plan against the budget.
///
/// # Errors
/// It does not fit: which key says so, and the largest lines with the keys that shrink them.
pub fn admit(config: &Config, plan: &MemoryPlan) -> Result<(), ConfigErrors> {
    let (budget_bytes, host_bytes) = budget(config);
    match plan.over(budget_bytes) {
        None => Ok(()),
        Some(excess) => Err(refusal(config, &excess, host_bytes)),
    }
}

fn refusal(config: &Config, excess: &Excess<'_>, host_bytes: u64) -> ConfigErrors {
    let Excess {
        bytes,
        budget_bytes,
        largest,
    } = excess;
    let own = config.budget.memory_bytes_max;
    let (key, is, range) = match own.filter(|own| own == budget_bytes) {
        Some(own) => (
            "budget.memory_bytes_max",
            own.to_string(),
            MEMORY_BUDGET_BYTES.1,
        ),
        None => {
            let permille = config.budget.memory_permille;
            let is = format!(
                "{permille}: {budget_bytes} bytes of the host's {host_bytes}, or of a control group"
            );
            ("budget.memory_permille", is, MEMORY_PERMILLE.max)
        }
    };
    let largest = largest.iter().map(|line| {
        let Line {
            component, what, ..
        } = line;
        let shrinks = match &line.key[..] {
            "" => String::new(),
            key => format!(" ({key})"),
        };
        format!("{component}, {what}: {}{shrinks}", line.bytes)
    });
    let largest = largest.collect::<Vec<_>>().join("; ");
    let message = format!(
        "must hold the memory plan of {bytes} bytes, is {is}; raise it, up to {range}, or shrink the \
         largest lines: {largest}"
    );
    config.error(key, message)
}
