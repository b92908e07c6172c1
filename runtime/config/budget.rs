//! `[budget]`: what the runtime may use of its host.

use std::path::PathBuf;

use outrigger_policy::breaker::Thresholds;

use super::paths::Paths;
use super::read::{Context, Table};
use super::{Bytes, JournalConfig, TopicConfig, words};

/// `[budget]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetConfig {
    /// CPU of the process, permille of all cores.
    pub cpu_permille: u64,
    /// Share of that which only taps may spend, permille.
    pub tap_permille: u64,
    /// Memory of the process, permille of the host's.
    pub memory_permille: u64,
    /// Memory of the process, bytes: the smaller holds.
    pub memory_bytes_max: Option<u64>,
    /// What all producers send together, bytes per second.
    pub egress_bytes_per_s: u64,
    /// What all logs and snapshots may come to; without it, the sum of their bounds.
    pub storage_bytes_max: Option<Bytes>,
    /// Longest age of what came from the bus, hours; without it, that of each log.
    pub storage_age_hours_max: Option<u64>,
    /// How far the pipeline may lag, milliseconds.
    pub lag_ms_max: u64,
    /// When the breaker opens, and how it closes.
    pub thresholds: Thresholds,
    /// Niceness of all threads but the taps'.
    pub nice: i32,
    /// Resource trace that live cost is compared with; absolute.
    pub baseline: Option<PathBuf>,
    /// How much dearer than it a message may become, permille.
    pub drift_permille: u64,
}

impl BudgetConfig {
    /// The memory budget on a host of `host_bytes`, bytes.
    pub fn memory_bytes(&self, host_bytes: u64) -> u64 {
        let share = host_bytes / 1_000 * self.memory_permille;
        share.min(self.memory_bytes_max.unwrap_or(u64::MAX))
    }
}

/// Reads the section.
pub(super) fn read_budget<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    paths: &Paths,
) -> BudgetConfig {
    let cpu_permille = cx.setting(table, "cpu_permille");
    let tap_permille = cx.setting(table, "tap_permille");
    let memory_permille = cx.setting(table, "memory_permille");
    let memory_bytes_max = cx.number(table, "memory_bytes_max");
    let link = cx.setting(table, "link_bytes_per_s");
    let egress_permille = cx.setting(table, "egress_permille");
    let egress = cx.number(table, "egress_bytes_per_s");
    if let Some(egress) = egress.filter(|&egress| egress > link) {
        let message = format!("must be at most link_bytes_per_s {link}, is {egress}");
        cx.fail(words::join(&table.path, "egress_bytes_per_s"), message);
    }
    let storage_bytes_max = cx.number(table, "storage_bytes_max").map(Bytes::new);
    let storage_age_hours_max = cx.number(table, "storage_age_hours_max");
    let lag_ms_max = cx.setting(table, "lag_ms_max");
    let thresholds = Thresholds {
        drops_permille_max: cx.setting(table, "drops_permille_max"),
        host_cpu_permille_max: cx.setting(table, "host_cpu_permille_max"),
        host_available_permille_min: cx.setting(table, "host_available_permille_min"),
        pressure_cpu_permille_max: cx.setting(table, "pressure_cpu_permille_max"),
        pressure_memory_permille_max: cx.setting(table, "pressure_memory_permille_max"),
        trip_after_ms: cx.setting(table, "trip_after_ms"),
        backoff_ms: cx.setting(table, "backoff_ms"),
        backoff_ms_max: cx.setting(table, "backoff_ms_max"),
        probe_ms: cx.setting(table, "probe_ms"),
    };
    if thresholds.backoff_ms_max < thresholds.backoff_ms {
        let message = format!(
            "must be at least backoff_ms {}, is {}",
            thresholds.backoff_ms, thresholds.backoff_ms_max
        );
        cx.fail(words::join(&table.path, "backoff_ms_max"), message);
    }
    let nice = cx.setting(table, "nice");
    let baseline = cx.text(table, "baseline", None, |path| !path.is_empty());
    BudgetConfig {
        cpu_permille,
        tap_permille,
        memory_permille,
        memory_bytes_max,
        egress_bytes_per_s: (link / 1_000 * egress_permille)
            .min(egress.unwrap_or(u64::MAX))
            .max(1),
        storage_bytes_max,
        storage_age_hours_max,
        lag_ms_max,
        thresholds,
        nice: i32::try_from(nice).unwrap_or(i32::MAX),
        baseline: baseline.map(|path| paths.resolve(&path)),
        drift_permille: cx.setting(table, "drift_permille"),
    }
}

/// Fails logs that cannot keep to the storage budget.
pub(super) fn check_storage(
    cx: &mut Context<'_>,
    budget: &BudgetConfig,
    journal: Option<&JournalConfig>,
    topics: &[TopicConfig],
) {
    let own = topics.len().saturating_sub(2);
    let mut logs: Vec<(String, u64, Option<u64>)> = Vec::new();
    if let Some(journal) = journal {
        let age = Some(journal.age_hours_max);
        logs.push(("journal".to_owned(), journal.bytes_max.get(), age));
    }
    for (at, topic) in topics.iter().enumerate() {
        let age = (at < own).then_some(topic.age_hours_max);
        logs.push((
            words::join("topics", &topic.name),
            topic.bytes_max.get(),
            age,
        ));
    }
    if let Some(max) = budget.storage_age_hours_max {
        for (log, _, age) in &logs {
            if let Some(age) = age.filter(|&age| age > max) {
                let message =
                    format!("must be at most budget.storage_age_hours_max {max}, is {age}");
                cx.fail(words::join(log, "age_hours_max"), message);
            }
        }
    }
    let Some(max) = budget.storage_bytes_max.map(Bytes::get) else {
        return;
    };
    let sum: u64 = logs.iter().map(|(_, bytes, _)| bytes).sum();
    if sum > max {
        logs.sort_by_key(|(_, bytes, _)| std::cmp::Reverse(*bytes));
        let largest = logs.iter().take(LARGEST_NAMED).map(|(log, bytes, _)| {
            let key = words::join(log, "bytes_max");
            format!("{key} {bytes}")
        });
        let message = format!(
            "must be at least the sum of the logs' bounds {sum}, is {max}; the largest: {}",
            largest.collect::<Vec<_>>().join(", ")
        );
        cx.fail("budget.storage_bytes_max", message);
    }
}

/// Logs named when their sum is too large. Reason: one line.
const LARGEST_NAMED: usize = 3;
