//! A group that reads a Kafka topic: consumer, producer, and the records of a transaction.

use outrigger_kafka::{FETCH_BYTES_MAX, consumer_memory, producer_memory};
use outrigger_policy::claims::{EVIDENCE_BYTES_MAX, KEY_BYTES_MAX};
use outrigger_policy::limits::{ANOMALY_BYTES, RECORD_BYTES};
use outrigger_policy::plan::MemoryPlan;
use outrigger_policy::topology::Role;

use super::pipeline::batch_bytes;
use super::plugins::{state, used};
use super::{GROUP_PARTITIONS_PLANNED, bytes, lines};
use crate::config::{Config, GroupConfig};
use crate::forward::bounds;
use crate::run::{GROUP_BYTES_MAX, GROUP_FLIGHT_BYTES, GROUP_FRAMES_MAX};

/// Consumers: the one that reads, and two that read state back when partitions come.
const CONSUMERS: u64 = 3;
/// What librdkafka keeps of a fetched record beside its bytes. Source: `sizeof rd_kafka_op_t` in
/// librdkafka 2.12 is below 400.
const FETCHED_RECORD_BYTES: u64 = 512;
/// Fetched records of a partition: those below which more is fetched, and those of one more fetch of
/// small ones.
const FETCHED_RECORDS_MAX: u64 = 16_384;

pub(super) fn add(plan: &mut MemoryPlan, config: &Config, group: &GroupConfig) {
    let Some(cluster) = config
        .kafka
        .iter()
        .find(|known| known.name == group.cluster)
    else {
        return;
    };
    let bounds = bounds(cluster);
    let partitions = GROUP_PARTITIONS_PLANNED;
    let component = format!("taps.{}", group.tap);
    let queue = format!("kafka.{}.queue_bytes_max", cluster.name);
    let mut own = lines(plan, component);
    let consumer: u64 = consumer_memory(&bounds, FETCH_BYTES_MAX)
        .iter()
        .map(|line| line.bytes)
        .sum();
    own.heap("consumers", CONSUMERS * consumer, "");
    let fetched = partitions * FETCHED_RECORDS_MAX * FETCHED_RECORD_BYTES;
    own.heap("records fetched", fetched, "");
    // Frames, and what a frame is that needs no decoder: the same bytes once more.
    let frames = 2 * (GROUP_BYTES_MAX + GROUP_FRAMES_MAX * RECORD_BYTES);
    own.heap("frames of partitions", partitions * bytes(frames), "");
    let producer: u64 = producer_memory(&bounds).iter().map(|line| line.bytes).sum();
    own.heap("producer", producer, &queue);
    // The keys of one partition that are silent at once, and one thing said of each.
    let expired = used(config).filter_map(|(id, _)| match config.topology.plugin(id).role {
        Role::Validator { .. } => state(config, id),
        Role::Decoder { .. } | Role::Router { .. } => None,
    });
    let each = RECORD_BYTES + KEY_BYTES_MAX + ANOMALY_BYTES + EVIDENCE_BYTES_MAX;
    let expired = expired.map(|bounds| bounds.keys_max as u64).max();
    let expired = expired.unwrap_or(0).saturating_mul(bytes(each));
    let made = batch_bytes(config).saturating_add(expired);
    own.heap("records of a turn", made, "plugins.*.state_keys_max");
    own.heap("records under way", bytes(GROUP_FLIGHT_BYTES), "");
}
