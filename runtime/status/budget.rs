//! The budget in the status: breaker, shedding, waiting, and what all of it was judged by.

use std::fmt::Write;

use outrigger_policy::breaker::{Sample, State};
use outrigger_policy::budget::block_delay_us;
use serde::{Deserialize, Serialize};

use super::PipelineStatus;
use super::render::{bytes, digits, duration, line, percent, wrapped};
use crate::config::Config;
use crate::governor::{CircuitView, DriftView, Transition};
use crate::run::{SAMPLE_EVERY, Shared, lock};

/// The budget, and what is done to keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetStatus {
    /// `Closed` mirrors, `Open` does not, `HalfOpen` tries.
    pub breaker: String,
    /// Taps may read now.
    pub mirrors: bool,
    /// What opened it last: `cpu`, `memory`, `egress`, `storage`, `drops`, `host-cpu`, `host-memory`,
    /// `pressure-cpu`, `pressure-memory` or `operator`.
    pub cause: Option<String>,
    /// The same with its figures, for people.
    pub detail: Option<String>,
    /// Times that it opened.
    pub trips: u64,
    /// Time until it tries again, or goes on trying, milliseconds; `None` while Closed or held.
    pub remaining_ms: Option<u64>,
    /// Time without mirroring since the start, milliseconds. What the bus carried then is not known.
    pub open_ms: u64,
    /// The last changes, oldest first.
    pub transitions: Vec<TransitionStatus>,
    /// The last sample.
    pub sample: SampleStatus,
    /// CPU, permille of all cores.
    pub cpu_permille_max: u64,
    /// Memory, bytes; the run ends above it.
    pub memory_bytes_max: u64,
    /// Egress, bytes per second.
    pub egress_bytes_per_s_max: u64,
    /// Logs and snapshots, bytes.
    pub storage_bytes_max: u64,
    /// Time that taps have waited for their share of the CPU, milliseconds. The kernel kept what came.
    pub taps_waited_ms: u64,
    /// Time that the pipeline has waited for CPU, milliseconds.
    pub pipeline_waited_ms: u64,
    /// How long a frame waits for others to share its block, microseconds: longer than configured while
    /// more than half of the CPU budget is used.
    pub block_delay_us: u64,
    /// How far the pipeline may lag before it sheds, milliseconds.
    pub lag_ms_max: u64,
    /// Classes that are shed now.
    pub shedding: Vec<String>,
    /// What costs more than its baseline.
    #[serde(default)]
    pub drift: Vec<DriftStatus>,
    /// What is to be known of the baseline, such as that it is of another configuration.
    #[serde(default)]
    pub baseline: Option<String>,
    /// What cannot be measured on this host, and so is not judged.
    pub unmeasured: Vec<String>,
    /// Time between samples, milliseconds.
    pub sample_every_ms: u64,
    /// CPU that a sample takes on average, microseconds.
    pub sample_cost_us: u64,
    /// The control group's own bound on CPU, thousandths of a core.
    pub cgroup_cpu_millicores: Option<u64>,
    /// The control group's own bound on memory, bytes.
    pub cgroup_memory_bytes: Option<u64>,
}

/// A cost that has drifted from its baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftStatus {
    /// The plugin; `None` for CPU of the process as a whole.
    pub plugin: Option<String>,
    /// The class, if it is one class's cost.
    pub class: Option<String>,
    /// How much dearer, permille.
    pub permille: u64,
    /// Since when it is said, nanoseconds since the Unix epoch.
    pub since_ns: u64,
    /// In words.
    pub detail: String,
}

impl From<&DriftView> for DriftStatus {
    fn from(view: &DriftView) -> Self {
        let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            plugin: named(&view.plugin),
            class: named(&view.what).filter(|_| !view.plugin.is_empty()),
            permille: view.permille,
            since_ns: view.since_ns,
            detail: view.to_string(),
        }
    }
}

/// A change of the breaker's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionStatus {
    /// When, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// State before.
    pub from: String,
    /// State after.
    pub to: String,
    /// Why.
    pub cause: String,
    /// The sample that caused it.
    pub sample: SampleStatus,
}

/// What was measured; `None` where it could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleStatus {
    /// CPU of the process over a second, permille of all cores.
    pub cpu_permille: Option<u64>,
    /// Resident memory, bytes.
    pub rss_bytes: Option<u64>,
    /// Sent over a second, bytes per second.
    pub egress_bytes_per_s: Option<u64>,
    /// Logs and snapshots, bytes.
    pub storage_bytes: Option<u64>,
    /// Frames lost before capture, permille of all.
    pub drops_permille: Option<u64>,
    /// CPU of others, permille of all cores.
    pub host_cpu_permille: Option<u64>,
    /// Memory available on the host, or in the control group if less is left there, permille.
    pub host_available_permille: Option<u64>,
    /// PSI `some avg10` of CPU, permille of time.
    pub pressure_cpu_permille: Option<u64>,
    /// PSI `full avg10` of memory, permille of time.
    pub pressure_memory_permille: Option<u64>,
}

impl From<&Sample> for SampleStatus {
    fn from(sample: &Sample) -> Self {
        let Sample {
            cpu_permille,
            rss_bytes,
            egress_bytes_per_s,
            storage_bytes,
            drops_permille,
            host_cpu_permille,
            host_available_permille,
            pressure_cpu_permille,
            pressure_memory_permille,
        } = *sample;
        Self {
            cpu_permille,
            rss_bytes,
            egress_bytes_per_s,
            storage_bytes,
            drops_permille,
            host_cpu_permille,
            host_available_permille,
            pressure_cpu_permille,
            pressure_memory_permille,
        }
    }
}

impl From<&Transition> for TransitionStatus {
    fn from(transition: &Transition) -> Self {
        let (from, to) = transition.states;
        Self {
            time_ns: transition.time_ns,
            from: from.to_owned(),
            to: to.to_owned(),
            cause: transition.cause.clone(),
            sample: (&transition.sample).into(),
        }
    }
}

pub(super) fn gather(shared: &Shared, config: &Config, status: &PipelineStatus) -> BudgetStatus {
    let governor = &shared.governor;
    let CircuitView {
        breaker,
        sample,
        limits,
        transitions,
        open,
    } = governor.circuit.view();
    let (taps_waited, pipeline_waited) = governor.gate.waited();
    let closed = matches!(breaker.state, State::Closed { .. });
    let last = breaker.last.filter(|_| !closed);
    BudgetStatus {
        breaker: breaker.state.name().to_owned(),
        mirrors: governor.circuit.mirrors(),
        cause: last.map(|over| over.cause.name().to_owned()),
        detail: last.map(|over| over.to_string()),
        trips: breaker.trips,
        remaining_ms: breaker.remaining_ms(),
        open_ms: super::gather::millis(open),
        transitions: transitions.iter().map(Into::into).collect(),
        sample: (&sample).into(),
        cpu_permille_max: limits.cpu_permille,
        memory_bytes_max: limits.memory_bytes,
        egress_bytes_per_s_max: limits.egress_bytes_per_s,
        storage_bytes_max: limits.storage_bytes,
        taps_waited_ms: super::gather::millis(taps_waited),
        pipeline_waited_ms: super::gather::millis(pipeline_waited),
        block_delay_us: block_delay_us(
            config.journal.block_delay_us,
            governor.gate.used_permille(),
        ),
        lag_ms_max: config.budget.lag_ms_max,
        shedding: status.shedding.clone(),
        drift: lock(&governor.drifts).iter().map(Into::into).collect(),
        baseline: lock(&governor.baseline).clone(),
        unmeasured: lock(&governor.unmeasured)
            .iter()
            .map(|&what| what.to_owned())
            .collect(),
        sample_every_ms: super::gather::millis(SAMPLE_EVERY),
        sample_cost_us: governor.sample_cost_ns() / 1_000,
        cgroup_cpu_millicores: governor.cgroup.cpu_millicores,
        cgroup_memory_bytes: governor.cgroup.memory_bytes,
    }
}

/// Why all is not well.
pub(super) fn reasons(budget: &BudgetStatus) -> Vec<String> {
    let mut reasons = Vec::new();
    if !budget.breaker.is_empty() && budget.breaker != "Closed" {
        let why = budget.detail.as_deref().unwrap_or("");
        let then = match budget.remaining_ms {
            Some(ms) if budget.breaker == "Open" => format!("; tried again in {}", duration(ms)),
            Some(_) => "; being tried again".to_owned(),
            None => "; until it is released".to_owned(),
        };
        reasons.push(format!("breaker {}: {why}{then}", budget.breaker));
    }
    reasons.extend(budget.drift.iter().map(|drift| drift.detail.clone()));
    reasons.extend(budget.baseline.clone());
    if !budget.shedding.is_empty() {
        let classes = budget.shedding.join(", ");
        reasons.push(format!("the pipeline lags and sheds {classes}"));
    }
    reasons
}

/// Lines of the head.
pub(super) fn render(out: &mut String, budget: &BudgetStatus) {
    if budget.breaker.is_empty() {
        return;
    }
    let sample = &budget.sample;
    if sample.egress_bytes_per_s.is_some_and(|rate| rate > 0) {
        let rate = sample.egress_bytes_per_s.unwrap_or(0);
        let bound = budget.egress_bytes_per_s_max;
        line(
            out,
            &format!("  egress   {}/s, bound {}/s", bytes(rate), bytes(bound)),
        );
    }
    if let Some(storage) = sample.storage_bytes {
        let bound = bytes(budget.storage_bytes_max);
        line(
            out,
            &format!("  storage  {}, bound {bound}", bytes(storage)),
        );
    }
    let mut text = match budget.mirrors {
        true => budget.breaker.clone(),
        false => format!("{}, not mirroring", budget.breaker),
    };
    if budget.trips > 0 {
        let times = match budget.trips {
            1 => "once".to_owned(),
            trips => format!("{} times", digits(trips)),
        };
        let _ = write!(
            text,
            ", opened {times}, {} without mirroring",
            duration(budget.open_ms)
        );
    }
    if let Some(others) = sample.host_cpu_permille {
        let _ = write!(text, "; others use CPU {}", percent(others));
    }
    wrapped(out, "breaker    ", "           ", &text);
    if !budget.unmeasured.is_empty() {
        let text = format!("{}; not judged", budget.unmeasured.join(", "));
        wrapped(out, "unknown    ", "           ", &text);
    }
    if budget.taps_waited_ms + budget.pipeline_waited_ms > 0 {
        let text = format!(
            "pipeline {}, taps {} for their share of the CPU",
            duration(budget.pipeline_waited_ms),
            duration(budget.taps_waited_ms)
        );
        wrapped(out, "waited     ", "           ", &text);
    }
}
