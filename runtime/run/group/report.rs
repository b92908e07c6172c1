//! What a member of a group says of itself: the sum over its partitions, those that it had before
//! included.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use outrigger_kafka::Trouble;
use outrigger_policy::verdict::Health;

use super::share::Share;
use super::{Shared, record};
use crate::audit::Audit;
use crate::config::GroupConfig;
use crate::pipeline::{Counters, PluginCounters, PluginView};
use crate::status::{GroupStatus, LatencyStatus, OwnedPartition, PipelineStatus};
use crate::telemetry::{Latency, lock};
use crate::topics::TopicFigures;

/// How often the status is made known.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// What is said of a member.
pub(super) struct Report<'a> {
    shared: &'a Shared,
    audit: &'a Audit,
    /// Counters of partitions that are no longer ours; what is wrong.
    status: PipelineStatus,
    /// Of the group.
    pub(super) figures: GroupStatus,
    commit_time: Latency,
    quarantined: BTreeSet<(i32, String)>,
    last: Option<Instant>,
}

impl<'a> Report<'a> {
    pub(super) fn new(shared: &'a Shared, audit: &'a Audit, group: &GroupConfig) -> Self {
        Self {
            shared,
            audit,
            status: PipelineStatus::default(),
            figures: GroupStatus {
                group: group.group.clone(),
                topic: group.topic.clone(),
                ..GroupStatus::default()
            },
            commit_time: Latency::default(),
            quarantined: BTreeSet::new(),
            last: None,
        }
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        self.status.trouble.is_some()
    }

    /// All is well again.
    pub(super) fn well(&mut self) {
        self.status.trouble = None;
    }

    /// A transaction was committed, which took this long.
    pub(super) fn committed(&mut self, took: Duration) {
        self.figures.commits += 1;
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_time.record(took_ns, 1);
        self.well();
    }

    /// Something went wrong, and all starts anew.
    pub(super) fn trouble(&mut self, trouble: &Trouble) {
        let said = self.status.trouble.replace(trouble.to_string());
        if said.is_none() {
            let group = &self.figures.group;
            tracing::warn!("group {group}: {trouble}; it starts anew from what is committed");
        }
        self.figures.retries += 1;
    }

    /// A key was found in two partitions.
    pub(super) fn split(&mut self, plugin: &str, one: i32, other: i32) {
        self.figures.split_keys += 1;
        if self.figures.split_keys > 1 {
            return;
        }
        let detail = format!(
            "a key of plugin {plugin} is in partitions {one} and {other} of {}, and is judged apart in \
             each: confined = true is not so",
            self.figures.topic
        );
        tracing::error!("{detail}");
        if let Err(error) = self.audit.append(&record("split-key", detail)) {
            tracing::error!("{error}");
        }
    }

    /// Keeps what a partition counted that is no longer ours.
    pub(super) fn retire(&mut self, share: &mut Share) {
        self.quarantined
            .retain(|(partition, _)| *partition != share.partition);
        count_into(&mut self.status, share, false);
    }

    /// Makes the status known: now, or if it is due.
    pub(super) fn say(
        &mut self,
        shares: &mut BTreeMap<i32, Share>,
        ends: impl FnOnce() -> BTreeMap<i32, i64>,
        refused: u64,
        now: bool,
    ) {
        let due = self.last.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if !due && !now {
            return;
        }
        self.last = Some(Instant::now());
        let ends = ends();
        self.figures.refused = refused;
        self.figures.commit_time = LatencyStatus::of(&self.commit_time);
        let mut status = self.status.clone();
        self.figures.partitions.clear();
        for (&partition, share) in shares.iter_mut() {
            let position = share.position();
            let end = position.zip(ends.get(&partition));
            let views = count_into(&mut status, share, true);
            for view in views.iter().filter(|view| view.health.quarantined) {
                self.quarantine(partition, view);
            }
            self.figures.partitions.push(OwnedPartition {
                partition,
                position,
                lag: end.map(|(at, &end)| u64::try_from(end - at).unwrap_or(0)),
                state_keys: views.iter().map(|view| view.state_keys).sum(),
                state_bytes: views.iter().map(|view| view.state_bytes).sum(),
            });
        }
        self.figures.other_classes = status.counters.other_classes;
        status.topics = status
            .counters
            .records
            .iter()
            .map(|&written| TopicFigures {
                written,
                ..TopicFigures::default()
            })
            .collect();
        status.group = Some(self.figures.clone());
        *lock(&self.shared.pipeline) = status;
    }

    fn quarantine(&mut self, partition: i32, view: &PluginView) {
        let name = &view.plugin.name;
        if !self.quarantined.insert((partition, name.clone())) {
            return;
        }
        let faults = view.health.faults;
        let detail = format!("plugin {name} in partition {partition} after {faults} faults");
        tracing::error!(plugin = name, "quarantined: {detail}");
        if let Err(error) = self.audit.append(&record("quarantine", detail)) {
            tracing::error!("{error}");
        }
    }
}

/// Adds what a partition's pipeline counted, and, while it is `live`, what it keeps: its views.
fn count_into(status: &mut PipelineStatus, share: &mut Share, live: bool) -> Vec<PluginView> {
    add_counters(&mut status.counters, share.pipeline.counters());
    let mut views = share.pipeline.plugins();
    for view in &mut views {
        for note in view.notes.drain(..) {
            let plugin = &view.plugin.name;
            tracing::info!(plugin, level = ?note.level, "{}", note.text);
        }
        if !live {
            view.health = Health::default();
            (view.state_keys, view.state_bytes) = (0, 0);
        }
        let name = &view.plugin.name;
        let mut known = status.plugins.iter_mut();
        match known.find(|known| known.plugin.name == *name) {
            Some(known) => add_view(known, view),
            None => status.plugins.push(view.clone()),
        }
    }
    views
}

fn add_all(to: &mut Vec<u64>, from: &[u64]) {
    to.resize(to.len().max(from.len()), 0);
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

fn add_counters(sum: &mut Counters, counters: &Counters) {
    sum.blocks += counters.blocks;
    sum.other_classes += counters.other_classes;
    add_all(&mut sum.frames, &counters.frames);
    add_all(&mut sum.processed, &counters.processed);
    add_all(&mut sum.rejected, &counters.rejected);
    add_all(&mut sum.messages, &counters.messages);
    add_all(&mut sum.anomalous, &counters.anomalous);
    add_all(&mut sum.delivered, &counters.delivered);
    add_all(&mut sum.withheld, &counters.withheld);
    add_all(&mut sum.dead, &counters.dead);
    add_all(&mut sum.shed_frames, &counters.shed_frames);
    add_all(&mut sum.shed_messages, &counters.shed_messages);
    for (of_tap, count) in &counters.shed_of_taps {
        *sum.shed_of_taps.entry(*of_tap).or_default() += count;
    }
    add_all(&mut sum.records, &counters.records);
    for (key, count) in &counters.dead_letters {
        *sum.dead_letters.entry(key.clone()).or_default() += count;
    }
}

/// The worse health counts: a plugin is quarantined if it is in one partition.
fn add_view(sum: &mut PluginView, view: &PluginView) {
    let mut usage = sum.usage.pop().unwrap_or_default();
    for one in &view.usage {
        usage.calls += one.calls;
        usage.rows += one.rows;
        usage.fuel += one.fuel;
        usage.starts += one.starts;
        usage.notes_dropped += one.notes_dropped;
    }
    sum.usage.push(usage);
    sum.state_keys += view.state_keys;
    sum.state_bytes += view.state_bytes;
    sum.health.quarantined |= view.health.quarantined;
    sum.health.faults = sum.health.faults.max(view.health.faults);
    let PluginCounters {
        faults,
        dead,
        rejects,
        skips,
        not_granted,
        anomalies,
        withheld,
        bypassed,
        evicted,
    } = &view.counters;
    let to = &mut sum.counters;
    for (kind, count) in faults {
        *to.faults.entry(*kind).or_default() += count;
    }
    to.dead += dead;
    add_all(&mut to.rejects, rejects);
    add_all(&mut to.skips, skips);
    to.not_granted += not_granted;
    add_all(&mut to.anomalies, anomalies);
    to.withheld += withheld;
    to.bypassed += bypassed;
    to.evicted += evicted;
}
