//! The governor's thread: samples, steps the breaker, and says what it did.
//!
//! Twice a second it measures this process and the host, and steps the breaker with what it found.
//! Rates are over the last second. It obeys nothing itself: taps look at the breaker, and whoever
//! works passes the gate. If it should end, the run does: a budget without a governor is none.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use outrigger_policy::breaker::{Limits, Sample};

use super::shared::{Phase, Shared, lock, now_ns};
use super::watch::Watch;
use crate::audit::{Audit, AuditRecord};
use crate::config::Config;
use crate::governor::{
    Circuit, Gate, Governor, Group, HostMeter, Meter, cap, process_cpu_ns, thread_cpu_ns,
};
use crate::snapshot;

/// How often a sample is taken. Reason: twice in the second that rates are over.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// Time that rates are over.
const RATES_OVER: Duration = Duration::from_secs(1);
/// Samples that are looked back to.
const MARKS_MAX: usize = 4;
/// How often the snapshots' sizes are looked up.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The governor of a run.
pub(super) fn governor(config: &Config) -> Governor {
    let meter = Meter::default();
    let budget = &config.budget;
    let cgroup = Group::of_this_process().limits();
    let cores = meter.cores();
    let cpu_permille = budget.cpu_permille;
    let rate_ns = cores.saturating_mul(1_000_000).saturating_mul(cpu_permille);
    // Reaching the group's own bound means that the kernel ends us: ours is the smaller one.
    let memory_bytes = budget
        .memory_bytes(meter.memory_bytes())
        .min(cgroup.memory_bytes.unwrap_or(u64::MAX));
    let logs = config
        .topics
        .iter()
        .map(|topic| topic.bytes_max.get() + topic.segment_bytes.get());
    let journal = config.journal.bytes_max.get() + config.journal.segment_bytes.get();
    let bounds = logs.sum::<u64>() + journal;
    let limits = Limits {
        cpu_permille,
        memory_bytes,
        egress_bytes_per_s: budget.egress_bytes_per_s,
        storage_bytes: budget.storage_bytes_max.map_or(bounds, |bytes| bytes.get()),
        thresholds: budget.thresholds,
    };
    let gate = Gate::new(rate_ns, budget.tap_permille);
    Governor::new(gate, Circuit::new(limits), &meter, cgroup)
}

/// What the governor's thread works with.
pub(super) struct Govern<'a> {
    pub(super) shared: &'a Shared,
    pub(super) audit: &'a Audit,
    pub(super) snapshots: &'a Dir,
    pub(super) watch: Option<Watch>,
}

struct Mark {
    at: Instant,
    cpu_ns: u64,
    egress_bytes: u64,
    frames: u64,
    lost: u64,
}

struct Measuring {
    meter: Meter,
    host: HostMeter,
    marks: VecDeque<Mark>,
    snapshots_bytes: u64,
    looked: Option<Instant>,
}

impl Govern<'_> {
    /// Samples until the run stops.
    pub(super) fn run(mut self, done: &AtomicBool) {
        let governor = &self.shared.governor;
        let mut measuring = Measuring {
            meter: Meter::default(),
            host: HostMeter::default(),
            marks: VecDeque::with_capacity(MARKS_MAX),
            snapshots_bytes: 0,
            looked: None,
        };
        let mut said: Vec<&'static str> = Vec::new();
        while !done.load(Ordering::Acquire) {
            let began_ns = thread_cpu_ns();
            let sample = self.measure(&mut measuring);
            let limits = governor.circuit.view().limits;
            if let Some(permille) = sample.cpu_permille {
                let used = permille * 1_000 / limits.cpu_permille.max(1);
                governor.gate.note_use(used);
            }
            let unmeasured = unmeasured(&sample);
            if unmeasured != said {
                said.clone_from(&unmeasured);
                if !unmeasured.is_empty() {
                    let what = unmeasured.join(", ");
                    tracing::warn!("cannot be measured here, and is not judged: {what}");
                }
                *lock(&governor.unmeasured) = unmeasured;
            }
            if let Some(transition) = governor.circuit.step(sample, now_ns()) {
                self.tell(&transition);
                self.shared.wake();
            }
            if let Some(cause) = exceeded(&sample, &limits) {
                self.write_down("memory", cause.clone());
                self.shared.fail(cause);
            }
            self.watch_drift();
            governor.sampled(thread_cpu_ns().saturating_sub(began_ns));
            match self.shared.phase() {
                Phase::Running => {
                    self.shared.wait_for_phase(Phase::Running, SAMPLE_EVERY);
                }
                // The phase changes no more; whoever ends the run unparks this thread.
                Phase::Draining | Phase::Stopping => std::thread::park_timeout(SAMPLE_EVERY),
            }
        }
    }

    fn watch_drift(&mut self) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        for what in watch.look(self.shared) {
            tracing::warn!("drift: {what}");
            self.write_down("drift", what);
        }
    }

    fn measure(&self, measuring: &mut Measuring) -> Sample {
        let shared = self.shared;
        let process = measuring.meter.sample();
        *lock(&shared.governor.own) = Some(process);
        let host = measuring.host.sample();
        if measuring.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            measuring.looked = Some(Instant::now());
            // Unreadable: what was known stays.
            if let Ok(bytes) = snapshot::bytes(self.snapshots) {
                measuring.snapshots_bytes = bytes;
            }
        }
        let (frames, lost) = counted(shared);
        let mark = Mark {
            at: Instant::now(),
            cpu_ns: process_cpu_ns(),
            egress_bytes: shared.forward.egress.sent_bytes(),
            frames,
            lost,
        };
        let marks = &mut measuring.marks;
        // The youngest that is a second old, or the oldest.
        let old = |before: &&Mark| mark.at - before.at + SAMPLE_EVERY / 10 >= RATES_OVER;
        let before = marks.iter().rev().find(old);
        let rates = before.map(|before| {
            let elapsed_ns = (mark.at - before.at).as_nanos().max(1);
            let per_second = |count: u64| {
                let rate = u128::from(count) * 1_000_000_000 / elapsed_ns;
                u64::try_from(rate).unwrap_or(u64::MAX)
            };
            let cpu_ns = per_second(mark.cpu_ns.saturating_sub(before.cpu_ns));
            let lost = mark.lost.saturating_sub(before.lost);
            let all = lost + mark.frames.saturating_sub(before.frames);
            (
                cpu_ns.div_ceil(1_000_000 * shared.governor.cores.max(1)),
                per_second(mark.egress_bytes.saturating_sub(before.egress_bytes)),
                (lost * 1_000).checked_div(all),
            )
        });
        let journal = shared.with_journal(|journal| journal.bytes()).unwrap_or(0);
        let topics = &lock(&shared.pipeline).topics;
        let logs = journal + topics.iter().map(|topic| topic.bytes).sum::<u64>();
        let sample = Sample {
            cpu_permille: rates.map(|rates| rates.0),
            rss_bytes: (process.rss_bytes > 0).then_some(process.rss_bytes),
            egress_bytes_per_s: rates.map(|rates| rates.1),
            storage_bytes: Some(logs + measuring.snapshots_bytes),
            drops_permille: rates.and_then(|rates| rates.2),
            host_cpu_permille: host.others_cpu_permille,
            host_available_permille: host.available_permille,
            pressure_cpu_permille: host.pressure_cpu_permille,
            pressure_memory_permille: host.pressure_memory_permille,
        };
        if marks.len() == MARKS_MAX {
            marks.pop_front();
        }
        marks.push_back(mark);
        sample
    }

    fn tell(&self, transition: &crate::governor::Transition) {
        let (from, to) = transition.states;
        let cause = &transition.cause;
        match to {
            "Open" => tracing::warn!("breaker: {from} → {to}: {cause}; the taps' sockets close"),
            _ => tracing::info!("breaker: {from} → {to}: {cause}"),
        }
        let sample = describe(&transition.sample);
        self.write_down("breaker", format!("{from} → {to}: {cause}; {sample}"));
    }

    fn write_down(&self, event: &str, detail: String) {
        let record = AuditRecord {
            time_ns: now_ns(),
            event: event.to_owned(),
            uid: None,
            pid: None,
            detail,
        };
        if let Err(error) = self.audit.append(&record) {
            tracing::error!("{error}");
        }
    }
}

/// Frames that taps took, and those lost before.
fn counted(shared: &Shared) -> (u64, u64) {
    let taps = shared.taps.iter().map(|tap| {
        let counts = lock(&tap.source).as_ref().map(|(counts, _)| *counts);
        let lost = counts.map_or(0, |counts| counts.kernel_drops.max(counts.socket_drops));
        (tap.frames.load(Ordering::Acquire), lost)
    });
    taps.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// Why the run has to end, if it has: its memory is what the kernel would end another process for.
fn exceeded(sample: &Sample, limits: &Limits) -> Option<String> {
    cap::exceeded(sample.rss_bytes?, limits.memory_bytes)
}

/// What a sample lacks because the host does not tell it.
fn unmeasured(sample: &Sample) -> Vec<&'static str> {
    let all = [
        (sample.rss_bytes, "memory of this process (/proc/self/stat)"),
        (sample.host_cpu_permille, "CPU of others (/proc/stat)"),
        (
            sample.host_available_permille,
            "memory available (/proc/meminfo)",
        ),
        (
            sample.pressure_cpu_permille,
            "pressure on CPU (/proc/pressure/cpu)",
        ),
        (
            sample.pressure_memory_permille,
            "pressure on memory (/proc/pressure/memory)",
        ),
    ];
    let unknown = all.into_iter().filter(|(value, _)| value.is_none());
    unknown.map(|(_, name)| name).collect()
}

/// A sample in words, for the audit log.
fn describe(sample: &Sample) -> String {
    let parts = [
        ("cpu_permille", sample.cpu_permille),
        ("rss_bytes", sample.rss_bytes),
        ("egress_bytes_per_s", sample.egress_bytes_per_s),
        ("storage_bytes", sample.storage_bytes),
        ("drops_permille", sample.drops_permille),
        ("host_cpu_permille", sample.host_cpu_permille),
        ("host_available_permille", sample.host_available_permille),
        ("pressure_cpu_permille", sample.pressure_cpu_permille),
        ("pressure_memory_permille", sample.pressure_memory_permille),
    ];
    let parts = parts.map(|(name, value)| match value {
        Some(value) => format!("{name} {value}"),
        None => format!("{name} unknown"),
    });
    parts.join(", ")
}
