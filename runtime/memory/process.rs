//! The process itself: program, threads, status and control.

use outrigger_kafka::BROKERS_PLANNED;
use outrigger_policy::plan::MemoryPlan;
use outrigger_sandbox::engine::STACK_BYTES_MAX;

use super::plugins::{places, used};
use super::{bytes, lines};
use crate::config::Config;
use crate::control::{CONNECTIONS_MAX, REQUEST_BYTES_MAX};
use crate::forward::Forwarders;
use crate::run::REQUESTS_MAX;
use crate::telemetry::Latency;

/// Program and libraries where the maps cannot be read, bytes. Source: the release build on x86-64.
const PROGRAM_BYTES: u64 = 32 << 20;
/// Stack that a thread really touches and its first pieces of an allocator's arena, bytes. Source: 40 to
/// 130 KiB a thread, `/proc/PID/smaps` of a run under load.
const THREAD_BYTES: u64 = 256 << 10;
/// Threads of every run: the caller's, pipeline, keeper, governor, epoch, control, and control's commands.
const THREADS: u64 = 7;
/// What the runtime has allocated before any component of this plan does, bytes: the configuration
/// itself, arguments, logging, the engine's tables. Source: `RssAnon` of a run of one UDP tap without
/// plugins is 3 MiB.
const BASE_BYTES: u64 = 4 << 20;
/// What a snapshot of the status takes for a tap, plugin, class or topic, as text and as a value, bytes.
/// Source: the largest row, a plugin's, is 1.5 KiB of text.
const STATUS_ROW_BYTES: u64 = 8 << 10;
/// Copies of the latencies: the pipeline's own, what it has made known, a reader's, and a merged one.
const LATENCY_COPIES: u64 = 4;

/// Threads of the runtime's own.
pub(super) fn threads(config: &Config) -> u64 {
    let delivering = Forwarders::plan(config).count() + bytes(config.kafka.len());
    THREADS + bytes(config.taps.len()) + delivering
}

/// Threads that librdkafka starts: a client for each forwarder, of each cluster's readers two, and of a
/// group four; and as many while clients are made anew.
pub(super) fn foreign_threads(config: &Config) -> u64 {
    let group = if config.group.is_some() { 4 } else { 0 };
    let clients = Forwarders::plan(config).count() + 2 * bytes(config.kafka.len()) + group;
    2 * clients * (BROKERS_PLANNED + 2)
}

pub(super) fn add(plan: &mut MemoryPlan, config: &Config) {
    let topology = &config.topology;
    let delivering = Forwarders::plan(config).count() + bytes(config.kafka.len());
    let threads = threads(config);
    let rows = topology.taps().len()
        + topology.plugins().len()
        + topology.classes().len()
        + topology.topics().len()
        + 2;
    let named = used(config).map(|(id, _)| places(config, id)).sum::<u64>();
    let mut lines = lines(plan, "process");
    lines.mapped("program and libraries", program_bytes(), "");
    lines.heap("configuration, engine", BASE_BYTES, "");
    let stacks = threads * THREAD_BYTES + bytes(STACK_BYTES_MAX);
    lines.mapped(&format!("stacks of {threads} threads"), stacks, "");
    let readers = 2 * bytes(CONNECTIONS_MAX);
    let latencies = (2 + delivering) * LATENCY_COPIES * bytes(Latency::bytes());
    let text = (bytes(rows) + named) * STATUS_ROW_BYTES;
    let requests = bytes(REQUEST_BYTES_MAX) * (readers + bytes(REQUESTS_MAX));
    lines.heap(
        "status and control",
        readers * text + latencies + requests,
        "",
    );
}

/// Bytes of all files that are mapped into this process: the program that plans is the one that runs.
fn program_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mapped = text.lines().filter_map(|line| {
        // Range, rights, offset, device, inode, path.
        let mut words = line.split_ascii_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let inode: u64 = words.nth(3)?.parse().ok()?;
        let from = u64::from_str_radix(from, 16).ok()?;
        let to = u64::from_str_radix(to, 16).ok()?;
        (inode > 0).then(|| to.saturating_sub(from))
    });
    match mapped.sum() {
        0 => PROGRAM_BYTES,
        bytes => bytes,
    }
}
