//! Delivery to Kafka, as the status shows it.

use super::PipelineStatus;
use super::gather::latency;
use super::render::{Table, line, micros, short, wrapped};
use super::snapshot::{KafkaStatus, KafkaTopicStatus, StatusSnapshot};
use crate::config::{Config, Guarantee};
use crate::forward::{ForwardStatus, LaneStatus};
use crate::run::{Shared, lock};

/// What each forwarder says of itself.
pub(super) fn clusters(
    shared: &Shared,
    config: &Config,
    status: &PipelineStatus,
    now_ns: u64,
) -> Vec<KafkaStatus> {
    let shown = shared
        .forward
        .forwarders
        .iter()
        .map(|shown| lock(shown).clone());
    shown
        .map(|forward| cluster(&forward, config, status, now_ns))
        .collect()
}

fn cluster(
    forward: &ForwardStatus,
    config: &Config,
    status: &PipelineStatus,
    now_ns: u64,
) -> KafkaStatus {
    let producer = forward.producer;
    let away = forward.trouble.is_some();
    let topics: Vec<KafkaTopicStatus> = forward
        .lanes
        .iter()
        .map(|lane| topic(lane, away, config, status))
        .collect();
    KafkaStatus {
        cluster: forward.cluster.clone(),
        guarantee: guarantee(forward, config).to_owned(),
        connected: forward.connected,
        trouble: forward.trouble.clone(),
        away_ms: forward
            .away_since_ns
            .map(|since_ns| now_ns.saturating_sub(since_ns) / 1_000_000),
        retries: forward.retries,
        under_way: forward.under_way,
        commits: forward.commits,
        commit_time: latency(&forward.commit_time),
        queue_records: producer.queue_records,
        queue_bytes: producer.queue_bytes,
        sent_bytes: producer.sent_bytes,
        requests_retried: producer.retries,
        requests_timed_out: producer.timeouts,
        brokers_up: producer.brokers_up,
        brokers: producer.brokers,
        round_trip_us: producer.round_trip_us,
        throttle_ms: producer.throttle_ms,
        topics,
    }
}

/// All topics of a forwarder have the same guarantee.
fn guarantee(forward: &ForwardStatus, config: &Config) -> &'static str {
    let first = forward.lanes.first().map(|lane| &lane.topic);
    let topic = config
        .topics
        .iter()
        .find(|topic| Some(&topic.name) == first);
    match topic.map(|topic| topic.guarantee) {
        Some(Guarantee::AtLeastOnce) => "at-least-once",
        Some(Guarantee::AtMostOnce) => "at-most-once",
        Some(Guarantee::ExactlyOnce) | None => "exactly-once",
    }
}

fn topic(
    lane: &LaneStatus,
    away: bool,
    config: &Config,
    status: &PipelineStatus,
) -> KafkaTopicStatus {
    let id = config
        .topology
        .topic_ids()
        .find(|id| config.topic(*id).name == lane.topic);
    let room = id.map(|id| {
        let held = status
            .topics
            .get(id.index())
            .map_or(0, |figures| figures.bytes);
        config.topic(id).bytes_max.get().saturating_sub(held)
    });
    KafkaTopicStatus {
        topic: lane.topic.clone(),
        kafka_topic: lane.kafka_topic.clone(),
        delivered: lane.delivered,
        waiting: lane.waiting,
        refused: lane.refused,
        lost: lane.lost,
        lasts_s: room
            .filter(|_| away)
            .and_then(|room| room.checked_div(lane.bytes_per_s)),
        to_kafka: latency(&lane.latency),
    }
}

/// Delivery as text; nothing without clusters.
pub(super) fn render(out: &mut String, snapshot: &StatusSnapshot) {
    let heads = ["DELIVERED", "WAIT", "REFUSED", "LOST", "P50", "P99"];
    let mut table = Table::new("KAFKA", &heads);
    for kafka in &snapshot.kafka {
        for topic in &kafka.topics {
            let cells = vec![
                short(topic.delivered),
                short(topic.waiting),
                short(topic.refused),
                short(topic.lost),
                micros(topic.to_kafka.p50_us),
                micros(topic.to_kafka.p99_us),
            ];
            table.row(&format!("{}.{}", kafka.cluster, topic.kafka_topic), cells);
        }
    }
    table.render(out);
    for kafka in &snapshot.kafka {
        let KafkaStatus {
            cluster,
            guarantee,
            brokers_up,
            brokers,
            ..
        } = kafka;
        let state = match (&kafka.trouble, kafka.connected) {
            (Some(_), _) => "AWAY",
            (None, true) => "connected",
            (None, false) => "connecting",
        };
        let commits = match kafka.commits {
            0 => String::new(),
            commits => format!(
                ", {} commits of {} at p50 and {} at p99",
                short(commits),
                micros(kafka.commit_time.p50_us),
                micros(kafka.commit_time.p99_us)
            ),
        };
        line(
            out,
            &format!("  {cluster}, {guarantee}: {state}, {brokers_up} of {brokers} brokers"),
        );
        let rest = format!(
            "{} under way, {} tried again{commits}",
            short(kafka.under_way),
            short(kafka.retries)
        );
        wrapped(out, "    ", "    ", &rest);
    }
}

/// Why delivery is not well.
pub(super) fn reasons(kafka: &KafkaStatus) -> Option<String> {
    let trouble = kafka.trouble.as_ref()?;
    let waiting: u64 = kafka.topics.iter().map(|topic| topic.waiting).sum();
    let lasts = kafka.topics.iter().filter_map(|topic| topic.lasts_s).min();
    let lasts = lasts.map_or_else(String::new, |s| format!(", its log lasts {}", time(s)));
    let since = kafka.away_ms.unwrap_or(0) / 1_000;
    Some(format!(
        "kafka.{} ({}) takes nothing since {}: {trouble}; {waiting} records wait{lasts}",
        kafka.cluster,
        kafka.guarantee,
        time(since)
    ))
}

/// Seconds, for people.
fn time(s: u64) -> String {
    match s {
        0..=119 => format!("{s} s"),
        120..=7_199 => format!("{} min", s / 60),
        7_200..=172_799 => format!("{} h", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}
