//! What a forwarder says of itself.

use std::sync::{Arc, Mutex};

use outrigger_kafka::ProducerFigures;

use super::{Egress, Readers};
use crate::telemetry::Latency;

/// What others see of delivery.
#[derive(Default)]
pub struct Shown {
    /// By forwarder.
    pub forwarders: Vec<Arc<Mutex<ForwardStatus>>>,
    /// What all of them send.
    pub egress: Arc<Egress>,
    /// By cluster whose consumer groups are looked at.
    pub readers: Vec<Arc<Mutex<Readers>>>,
}

/// A forwarder.
#[derive(Clone)]
pub struct ForwardStatus {
    /// Name of the cluster.
    pub cluster: String,
    /// It uses transactions.
    pub exactly_once: bool,
    /// There is a client that has reached a broker.
    pub connected: bool,
    /// Why nothing is delivered, if so.
    pub trouble: Option<String>,
    /// Since when, nanoseconds since the Unix epoch.
    pub away_since_ns: Option<u64>,
    /// Attempts that failed.
    pub retries: u64,
    /// Records sent and not yet acknowledged or committed.
    pub under_way: u64,
    /// Transactions committed.
    pub commits: u64,
    /// How long each took.
    pub commit_time: Latency,
    /// What librdkafka says.
    pub producer: ProducerFigures,
    /// By topic.
    pub lanes: Vec<LaneStatus>,
}

impl ForwardStatus {
    /// Before anything was done.
    pub fn new(cluster: &str, exactly_once: bool) -> Self {
        Self {
            cluster: cluster.to_owned(),
            exactly_once,
            connected: false,
            trouble: None,
            away_since_ns: None,
            retries: 0,
            under_way: 0,
            commits: 0,
            commit_time: Latency::default(),
            producer: ProducerFigures::default(),
            lanes: Vec::new(),
        }
    }
}

/// A topic on its way.
#[derive(Clone)]
pub struct LaneStatus {
    /// The topic.
    pub topic: String,
    /// Its name in Kafka.
    pub kafka_topic: String,
    /// Records that were written and not delivered when the run began.
    pub owed_before: u64,
    /// Records written since.
    pub written: u64,
    /// Records that Kafka turned out not to hold although they were delivered: they are again.
    pub again: u64,
    /// Records that Kafka turned out to hold, though it was not known that they are delivered.
    pub found: u64,
    /// Records delivered since the start.
    pub delivered: u64,
    /// Records refused for good, and passed over.
    pub refused: u64,
    /// Records of an at-most-once topic that were shed, or not taken; and records that retention
    /// took from the log before they were delivered.
    pub lost: u64,
    /// Records that are written and not delivered.
    pub waiting: u64,
    /// Rate at which records are written, bytes per second.
    pub bytes_per_s: u64,
    /// From capture to acknowledgement or commit.
    pub latency: Latency,
}
