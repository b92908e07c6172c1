//! Puts the snapshot together from what the threads share.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use outrigger_journal::{Stat, StreamId, Writer};
use outrigger_tap::{TapCounts, TapFacts};

use super::ledger::{Books, TapCounted};
use super::sampler::{Mark, Sampler};
use super::snapshot::{
    ClassStatus, DeadLetters, FORMAT, Health, JournalStatus, LatencyStatus, PipelineLag,
    PluginStatus, ProcessStatus, StatusSnapshot, TapStatus, TopicStatus,
};
use super::{Latency, PipelineStatus};
use crate::config::{Config, TapSource};
use crate::data::open_to_read;
use crate::governor::cpu_permille;
use crate::pipeline::PluginView;
use crate::record::hex;
use crate::run::{Phase, Shared, TapState, lock, now_ns};

/// Blocks that may wait before the pipeline is said to lag. Reason: a second of 500 blocks.
const LAG_BLOCKS_MAX: u64 = 500;

/// Frames that a tap lost before it could hand them over.
pub(super) fn lost_before(counts: &TapCounts) -> u64 {
    counts.kernel_drops.max(counts.socket_drops)
        + counts.oversized
        + counts.truncated
        + counts.malformed
}

/// The journal's own figures.
#[derive(Clone, Debug, Default)]
struct JournalFigures {
    bytes: u64,
    next_block: u64,
    next_seq: u64,
    last_captured_ns: Option<u64>,
    /// Frames that each stream has had since the log began.
    streams: Vec<(StreamId, u64)>,
}

impl JournalFigures {
    fn of_writer(journal: &Writer) -> Self {
        let tip = journal.tip();
        let streams = journal.streams();
        Self {
            bytes: journal.bytes(),
            next_block: tip.next_block,
            next_seq: tip.next_seq,
            last_captured_ns: last_captured(streams.iter().map(|stream| stream.time_last_ns)),
            streams: streams.iter().map(|one| (one.id, one.records)).collect(),
        }
    }

    fn of_stat(stat: &Stat) -> Self {
        let streams = &stat.streams;
        Self {
            bytes: stat.bytes,
            next_block: stat.last_block.map_or(0, |block| block + 1),
            next_seq: stat.next_seq,
            last_captured_ns: last_captured(streams.iter().map(|stream| stream.time_last_ns)),
            streams: streams.iter().map(|one| (one.id, one.records)).collect(),
        }
    }

    /// From the open journal, or, after the run's end, from its files; with the taps' counts of the
    /// same moment.
    fn of(shared: &Shared, config: &Config) -> (Self, Vec<TapCounted>) {
        let counted = || shared.taps.iter().map(TapCounted::of).collect();
        let both = shared.with_journal(|journal| (Self::of_writer(journal), counted()));
        both.unwrap_or_else(|| (Self::of_files(config), counted()))
    }

    fn of_files(config: &Config) -> Self {
        let stat = open_to_read(&config.data_dir, "journal")
            .ok()
            .and_then(|dir| outrigger_journal::stat(&dir).ok());
        stat.as_ref().map(Self::of_stat).unwrap_or_default()
    }
}

fn last_captured(times_ns: impl Iterator<Item = u64>) -> Option<u64> {
    times_ns.max().filter(|&time_ns| time_ns > 0)
}

/// Puts a snapshot together. `status` is the pipeline's, of which there may be a newer one than
/// the shared one at the run's end.
pub fn snapshot(
    shared: &Shared,
    config: &Config,
    status: &PipelineStatus,
    sampler: &Sampler,
) -> StatusSnapshot {
    // The journal after the pipeline's status, so that nothing is processed and not yet captured.
    let (journal, counted) = JournalFigures::of(shared, config);
    let now_ns = now_ns();
    let window = Window::of(sampler);
    let phase = shared.phase();
    let taps: Vec<TapStatus> = shared
        .taps
        .iter()
        .enumerate()
        .map(|(at, tap)| tap_status(at, tap, &counted[at], config, sampler, &window))
        .collect();
    let lost = |tap: &TapStatus| {
        tap.kernel_drops.max(tap.socket_drops) + tap.oversized + tap.truncated + tap.malformed
    };
    let lost_before = taps.iter().map(lost).sum();
    let books = Books {
        shared,
        config,
        status,
        taps: &counted,
        streams: &journal.streams,
    };
    let shed = books.shed();
    let frames = books.frames(&shed);
    let begun_block = shared.begun_block.load(Ordering::Acquire);
    let begun_ns = shared.begun_written_ns.load(Ordering::Relaxed);
    let lag_blocks = journal.next_block.saturating_sub(begun_block);
    let lag_ms = match lag_blocks {
        0 => 0,
        _ if begun_ns == 0 => 0,
        _ => now_ns.saturating_sub(begun_ns) / 1_000_000,
    };
    let mut snapshot = StatusSnapshot {
        format: FORMAT,
        name: config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        data_dir: config.data_dir.display().to_string(),
        started_ns: sampler.started_ns,
        now_ns,
        uptime_ms: millis(sampler.began.at.elapsed()),
        phase: match phase {
            Phase::Running => "running",
            Phase::Draining => "draining",
            Phase::Stopping => "stopping",
        }
        .to_owned(),
        health: Health::default(),
        rates_ms: window.ms,
        ledger: books.total(&frames, lost_before),
        frames,
        streams: books.streams(),
        deliveries: books.deliveries(&shed),
        shed,
        taps,
        journal: JournalStatus {
            bytes: journal.bytes,
            bytes_max: config.journal.bytes_max.get(),
            segments: sampler.files.segments,
            next_block: journal.next_block,
            next_seq: journal.next_seq,
            first_captured_ns: sampler.files.first_captured_ns,
            last_captured_ns: journal.last_captured_ns,
            durable_below: shared.journal_sync.durable_below(),
            owed_from: shared.snapshot_block.load(Ordering::Acquire),
        },
        pipeline: PipelineLag {
            next_block: begun_block,
            lag_blocks,
            lag_ms,
            trouble: status.trouble.clone(),
            recovered_below: status.recovered_below,
            snapshot_block: status.snapshot_block,
            snapshot_age_ms: (status.snapshot_ns > 0)
                .then(|| now_ns.saturating_sub(status.snapshot_ns) / 1_000_000),
        },
        classes: classes(config, status, &window),
        topics: topics(config, status, &window),
        plugins: status
            .plugins
            .iter()
            .map(|view| plugin_status(view, config))
            .collect(),
        dead_letters: status
            .counters
            .dead_letters
            .iter()
            .map(|((stage, cause), &count)| DeadLetters {
                stage: stage.clone(),
                cause: cause.clone(),
                count,
            })
            .collect(),
        group: status.group.clone(),
        kafka: super::kafka::clusters(shared, config, status, now_ns),
        kafka_readers: super::readers::gather(shared),
        to_verdict: latency(&status.to_verdict),
        to_delivery: latency(&status.to_delivery),
        process: process(shared, sampler),
        budget: super::budget::gather(shared, config, status),
    };
    snapshot.health = health(&snapshot, phase, window.faults);
    snapshot
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The time over which rates are taken.
struct Window<'a> {
    ends: Option<(&'a Mark, &'a Mark)>,
    ms: u64,
    faults: u64,
}

impl<'a> Window<'a> {
    fn of(sampler: &'a Sampler) -> Self {
        let ends = sampler.marks.front().zip(sampler.marks.back());
        let ms = ends.map_or(0, |(first, last)| {
            millis(last.process.at - first.process.at)
        });
        Self {
            ends: ends.filter(|_| ms > 0),
            ms,
            faults: ends.map_or(0, |(first, last)| last.faults.saturating_sub(first.faults)),
        }
    }

    fn rose(&self, count: impl Fn(&Mark) -> Option<u64>) -> u64 {
        let rose = self.ends.and_then(|(first, last)| {
            let before = count(first).unwrap_or(0);
            Some(count(last)?.saturating_sub(before))
        });
        rose.unwrap_or(0)
    }

    /// Per second, to a tenth.
    fn rate(&self, count: impl Fn(&Mark) -> Option<u64>) -> f64 {
        match self.ms {
            0 => 0.0,
            ms => (self.rose(count) as f64 * 10_000.0 / ms as f64).round() / 10.0,
        }
    }
}

fn tap_status(
    at: usize,
    tap: &TapState,
    counted: &TapCounted,
    config: &Config,
    sampler: &Sampler,
    window: &Window<'_>,
) -> TapStatus {
    let source = lock(&tap.source).clone();
    let (counts, facts) = source.unwrap_or_default();
    let trouble = lock(&tap.trouble)
        .clone()
        .or_else(|| unconnected(tap, config, at, &facts));
    let (kind, from) = describe(&config.taps[at].source);
    let column = |column: usize| move |mark: &Mark| mark.taps.get(at).map(|tap| tap[column]);
    TapStatus {
        name: tap.name.clone(),
        kind: kind.to_owned(),
        source: from,
        paused: tap.paused.load(Ordering::Acquire),
        ended: tap.ended.load(Ordering::Acquire),
        trouble,
        frames: counted.frames,
        bytes: counted.bytes,
        frames_per_s: window.rate(column(0)),
        bytes_per_s: window.rate(column(1)),
        silent_ms: sampler.heard[at].1.map(|heard| millis(heard.elapsed())),
        shed_frames: counted.shed_frames,
        shed_bytes: counted.shed_bytes,
        kernel_drops: counts.kernel_drops,
        socket_drops: counts.socket_drops,
        oversized: counts.oversized,
        empty: counts.empty,
        truncated: counts.truncated,
        malformed: counts.malformed,
        skipped: counts.skipped,
        reconnects: counts.reconnects,
        connect_failures: counts.connect_failures,
        lost_lately: window.rose(column(2)),
        group: facts.group.map(|group| group.to_string()),
        interface: facts.interface,
        receive_buffer_asked_bytes: facts.receive_buffer_asked_bytes.map(|bytes| bytes as u64),
        receive_buffer_got_bytes: facts.receive_buffer_got_bytes.map(|bytes| bytes as u64),
        kernel_times: facts.kernel_times,
        peer: facts.peer.map(|peer| peer.to_string()),
        last_error: facts.last_error.or(facts.cut),
    }
}

/// Why a TCP tap has nobody to read from.
fn unconnected(tap: &TapState, config: &Config, at: usize, facts: &TapFacts) -> Option<String> {
    if !matches!(config.taps[at].source, TapSource::Tcp(_)) {
        return None;
    }
    let resting = tap.paused.load(Ordering::Acquire) || tap.ended.load(Ordering::Acquire);
    if facts.peer.is_some() || resting {
        return None;
    }
    let cause = facts.last_error.as_deref().unwrap_or("no server yet");
    Some(format!("tap {} is not connected: {cause}", tap.name))
}

/// Kind of a tap, and what it reads, for people.
pub fn describe(source: &TapSource) -> (&'static str, String) {
    match source {
        TapSource::Udp(udp) => {
            let at = std::net::SocketAddr::new(udp.group.unwrap_or(udp.address), udp.port);
            ("udp", at.to_string())
        }
        TapSource::Tcp(tcp) => ("tcp", format!("{}:{}", tcp.host, tcp.port)),
        TapSource::Pcap(pcap) => ("pcap", pcap.path.display().to_string()),
        TapSource::Lines(lines) => ("lines", lines.path.display().to_string()),
    }
}

fn classes(config: &Config, status: &PipelineStatus, window: &Window<'_>) -> Vec<ClassStatus> {
    let classes = config.topology.classes().iter().enumerate();
    classes
        .map(|(at, class)| ClassStatus {
            name: class.name.clone(),
            messages: count(&status.counters.messages, at),
            anomalous: count(&status.counters.anomalous, at),
            shed: count(&status.counters.shed_messages, at),
            messages_per_s: window.rate(|mark| mark.messages.get(at).copied()),
        })
        .collect()
}

fn topics(config: &Config, status: &PipelineStatus, window: &Window<'_>) -> Vec<TopicStatus> {
    let audit = config.topology.audit();
    config
        .topology
        .topic_ids()
        .filter(|id| *id != audit)
        .map(|id| {
            let at = id.index();
            let figures = status.topics.get(at).copied().unwrap_or_default();
            TopicStatus {
                name: config.topology.topic(id).name.clone(),
                written: figures.written,
                suppressed: figures.suppressed,
                before: figures.before,
                total: figures.total,
                records_per_s: window.rate(|mark| mark.written.get(at).copied()),
                bytes: figures.bytes,
                bytes_max: config.topic(id).bytes_max.get(),
                next_seq: figures.next_seq,
            }
        })
        .collect()
}

fn count(counts: &[u64], at: usize) -> u64 {
    counts.get(at).copied().unwrap_or(0)
}

fn plugin_status(view: &PluginView, config: &Config) -> PluginStatus {
    let plugin = &view.plugin;
    let limits = &plugin.limits;
    let total = |of: fn(&outrigger_sandbox::Usage) -> u64| view.usage.iter().map(of).sum::<u64>();
    let (calls, rows) = (total(|usage| usage.calls), total(|usage| usage.rows));
    let fuel = total(|usage| usage.fuel);
    let granted = calls
        .saturating_mul(limits.call_fuel)
        .saturating_add(rows.saturating_mul(limits.message_fuel));
    let permille = u128::from(fuel) * 1_000;
    let counters = &view.counters;
    let named = |names: &[String], counts: &[u64]| -> BTreeMap<String, u64> {
        let counted = names.iter().cloned().zip(counts.iter().copied());
        counted.filter(|(_, count)| *count > 0).collect()
    };
    let description = &plugin.description;
    let configured = config
        .topology
        .find_plugin(&plugin.name)
        .map(|id| config.plugin(id));
    PluginStatus {
        name: plugin.name.clone(),
        role: plugin.role.as_str().to_owned(),
        digest: hex(&plugin.digest),
        calls,
        rows,
        fuel,
        fuel_per_row: fuel.checked_div(rows).unwrap_or(0),
        fuel_permille: match granted {
            0 => 0,
            granted => u64::try_from(permille.div_ceil(u128::from(granted))).unwrap_or(u64::MAX),
        },
        class_fuel: class_fuel(view),
        class_messages: class_messages(view),
        call_fuel: term_fuel(view, outrigger_policy::drift::CALLS),
        bare_fuel: term_fuel(view, outrigger_policy::drift::BARE),
        starts: total(|usage| usage.starts),
        faults: counters
            .faults
            .iter()
            .map(|(kind, &count)| (kind.name().to_owned(), count))
            .collect(),
        faults_held: view.health.faults,
        faults_max: configured.map_or(0, |plugin| plugin.limits.faults_max),
        quarantined: view.health.quarantined,
        dead: counters.dead,
        rejects: named(&description.causes, &counters.rejects),
        skips: named(&description.skips, &counters.skips),
        anomalies: named(&description.rules, &counters.anomalies),
        not_granted: counters.not_granted,
        withheld: counters.withheld,
        bypassed: counters.bypassed,
        state_keys: view.state_keys,
        state_bytes: view.state_bytes,
        evicted: counters.evicted,
        notes_dropped: total(|usage| usage.notes_dropped),
    }
}

fn class_fuel(view: &PluginView) -> BTreeMap<String, u64> {
    let (costs, counts) = (view.cost.costs(None), view.cost.counts());
    let classes = view.plugin.description.classes.iter().enumerate();
    let seen = classes.filter_map(|(index, class)| {
        let term = outrigger_policy::drift::term_of(index);
        let fuel = costs[term].max(0.0).round() as u64;
        (counts[term] > 0.0).then(|| (class.clone(), fuel))
    });
    seen.collect()
}

fn class_messages(view: &PluginView) -> BTreeMap<String, u64> {
    let counts = view.cost.counts();
    let classes = view.plugin.description.classes.iter().enumerate();
    let counted = classes.map(|(index, class)| {
        let term = outrigger_policy::drift::term_of(index);
        (class.clone(), counts[term] as u64)
    });
    counted.filter(|(_, count)| *count > 0).collect()
}

fn term_fuel(view: &PluginView, term: usize) -> u64 {
    match view.cost.counts()[term] > 0.0 {
        true => view.cost.costs(None)[term].max(0.0).round() as u64,
        false => 0,
    }
}

impl LatencyStatus {
    /// Of these latencies.
    pub fn of(measured: &Latency) -> Self {
        latency(measured)
    }
}

pub(super) fn latency(latency: &Latency) -> LatencyStatus {
    let histogram = latency.histogram();
    if histogram.is_empty() {
        return LatencyStatus::default();
    }
    LatencyStatus {
        count: histogram.len(),
        p50_us: histogram.value_at_quantile(0.5),
        p90_us: histogram.value_at_quantile(0.9),
        p99_us: histogram.value_at_quantile(0.99),
        p999_us: histogram.value_at_quantile(0.999),
        max_us: histogram.max(),
    }
}

/// Shortest time over which a share of the processors says something. Reason: their clock moves in
/// steps of 10 ms, so that right after the start a step would pass for a thousand processors.
/// Below it the share is given as 0.
const SHARE_OVER_MIN: std::time::Duration = std::time::Duration::from_millis(200);

fn process(shared: &Shared, sampler: &Sampler) -> ProcessStatus {
    let meter = &sampler.meter;
    let cores = meter.cores();
    let Some(last) = sampler.marks.back() else {
        return ProcessStatus::default();
    };
    let now = last.process;
    let view = shared.governor.circuit.view();
    let limits = view.limits;
    let before = match sampler.marks.len() {
        0 | 1 => sampler.began,
        marks => sampler.marks[marks - 2].process,
    };
    let share = |since: crate::governor::Sample| {
        let elapsed = now.at - since.at;
        if elapsed < SHARE_OVER_MIN {
            return 0;
        }
        cpu_permille(now.cpu_ms.saturating_sub(since.cpu_ms), elapsed, cores)
    };
    ProcessStatus {
        // The governor's is by a clock of nanoseconds.
        cpu_permille: view.sample.cpu_permille.unwrap_or_else(|| share(before)),
        cpu_permille_mean: share(sampler.began),
        cpu_permille_max: limits.cpu_permille,
        cpu_ms: now.cpu_ms,
        rss_bytes: now.rss_bytes,
        rss_peak_bytes: now.rss_peak_bytes,
        rss_bytes_max: limits.memory_bytes,
        cores,
        host_memory_bytes: meter.memory_bytes(),
        budget_enforced: true,
    }
}

/// Says whether all is well, and if not, why.
fn health(snapshot: &StatusSnapshot, phase: Phase, faults_lately: u64) -> Health {
    let mut reasons = Vec::new();
    if let Some(trouble) = &snapshot.pipeline.trouble {
        reasons.push(format!("outputs wait: {trouble}"));
    }
    for tap in &snapshot.taps {
        let name = &tap.name;
        if tap.lost_lately > 0 {
            reasons.push(format!(
                "tap {name} loses frames: {} lately",
                tap.lost_lately
            ));
        }
        match &tap.trouble {
            Some(trouble) => reasons.push(trouble.clone()),
            None if tap.paused => reasons.push(format!("tap {name} is paused")),
            None => {}
        }
    }
    reasons.extend(super::budget::reasons(&snapshot.budget));
    reasons.extend(snapshot.group.iter().flat_map(super::group::reasons));
    reasons.extend(snapshot.kafka.iter().flat_map(super::kafka::reasons));
    for plugin in snapshot.plugins.iter().filter(|plugin| plugin.quarantined) {
        reasons.push(format!("plugin {} is quarantined", plugin.name));
    }
    if faults_lately > 0 {
        reasons.push(format!("plugins fault: {faults_lately} lately"));
    }
    if snapshot.pipeline.lag_blocks > LAG_BLOCKS_MAX {
        let PipelineLag {
            lag_blocks, lag_ms, ..
        } = snapshot.pipeline;
        reasons.push(format!(
            "the pipeline is {lag_blocks} blocks behind, {lag_ms} ms"
        ));
    }
    let process = &snapshot.process;
    if process.cpu_permille > process.cpu_permille_max {
        reasons.push(format!(
            "CPU is over its budget: {} of {} permille",
            process.cpu_permille, process.cpu_permille_max
        ));
    }
    if process.rss_bytes > process.rss_bytes_max {
        reasons.push("memory is over its budget".to_owned());
    }
    let taps = snapshot.frames.iter();
    let taps = taps.map(|line| (format!("tap {}", line.tap), line.difference));
    let taps = taps.filter(|(_, difference)| *difference != 0);
    for (what, difference) in taps.chain(snapshot.deliveries.unbalanced()) {
        reasons.push(format!("the ledger of {what} is off by {difference}"));
    }
    let state = match phase {
        Phase::Draining => {
            reasons.insert(0, "it processes what it has, and then ends".to_owned());
            "STOPPED"
        }
        Phase::Stopping => "STOPPED",
        Phase::Running if reasons.is_empty() => "HEALTHY",
        Phase::Running => "DEGRADED",
    };
    Health {
        state: state.to_owned(),
        reasons,
    }
}
