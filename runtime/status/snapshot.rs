//! The snapshot itself: names, numbers and nothing else. It is what the socket answers with, as
//! one JSON object; fields are only ever added within a [`FORMAT`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::budget::BudgetStatus;
use super::ledger::{Deliveries, Ledger, ShedStatus, StreamStatus, TapLedger};
use super::readers::ReadersStatus;

/// Version of the snapshot's form. Rises when a field goes or changes its meaning.
pub const FORMAT: u32 = 1;

/// Everything that the runtime says of itself. Counts are since its start; rates are over the last
/// [`StatusSnapshot::rates_ms`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusSnapshot {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the deployment.
    pub name: String,
    /// Version of the runtime.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Where its data lies.
    pub data_dir: String,
    /// When it started, nanoseconds since the Unix epoch.
    pub started_ns: u64,
    /// When this was put together, nanoseconds since the Unix epoch.
    pub now_ns: u64,
    /// Time since the start by the monotonic clock, milliseconds.
    pub uptime_ms: u64,
    /// What it is doing: `running`, `draining` or `stopping`.
    pub phase: String,
    /// Whether all is well.
    pub health: Health,
    /// Time over which rates are taken, milliseconds; 0 in the first second.
    pub rates_ms: u64,
    /// By tap.
    pub taps: Vec<TapStatus>,
    /// The journal.
    pub journal: JournalStatus,
    /// The pipeline's place in it.
    pub pipeline: PipelineLag,
    /// By class.
    pub classes: Vec<ClassStatus>,
    /// By topic; the audit log is not among them.
    pub topics: Vec<TopicStatus>,
    /// By cluster and guarantee; empty if nothing is mirrored to Kafka.
    #[serde(default)]
    pub kafka: Vec<KafkaStatus>,
    /// By cluster: consumer groups that read what is mirrored.
    #[serde(default)]
    pub kafka_readers: Vec<ReadersStatus>,
    /// The group that it reads Kafka in; none with taps of a bus.
    #[serde(default)]
    pub group: Option<GroupStatus>,
    /// By plugin that the graph calls.
    pub plugins: Vec<PluginStatus>,
    /// Dead letters, by stage and cause.
    pub dead_letters: Vec<DeadLetters>,
    /// From capture to verdict.
    pub to_verdict: LatencyStatus,
    /// From capture to the topic log.
    pub to_delivery: LatencyStatus,
    /// What the process uses.
    pub process: ProcessStatus,
    /// The budget, and what is done to keep it.
    #[serde(default)]
    pub budget: BudgetStatus,
    /// Where every frame is.
    pub ledger: Ledger,
    /// The same by tap.
    #[serde(default)]
    pub frames: Vec<TapLedger>,
    /// By stream of the journal: how far it, and the pipeline in it, was then.
    #[serde(default)]
    pub streams: Vec<StreamStatus>,
    /// What was given up after capture, by tap, class and cause.
    #[serde(default)]
    pub shed: Vec<ShedStatus>,
    /// What became of messages and records.
    #[serde(default)]
    pub deliveries: Deliveries,
}

/// A member of a group that shares a Kafka topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Its name.
    pub group: String,
    /// Topic that is read.
    pub topic: String,
    /// Partitions that are ours.
    pub partitions: Vec<OwnedPartition>,
    /// Frames processed, those of aborted transactions included.
    pub frames: u64,
    /// Of these, messages of classes that the tap does not carry.
    pub other_classes: u64,
    /// Records refused for good, whose dead letters are committed.
    pub refused: u64,
    /// Times that a key was found in two partitions.
    pub split_keys: u64,
    /// Records of state sent.
    pub state_records: u64,
    /// Transactions committed.
    pub commits: u64,
    /// From the end of a transaction's work until it was committed.
    pub commit_time: LatencyStatus,
    /// Transactions aborted.
    pub aborts: u64,
    /// Times that the partitions were taken back.
    pub rebalances: u64,
    /// Times that it started anew after trouble.
    pub retries: u64,
}

/// A partition that is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedPartition {
    /// Its number.
    pub partition: i32,
    /// Offset behind the last frame processed; `None` before the first.
    pub position: Option<i64>,
    /// Records between there and the end, as last heard.
    pub lag: Option<u64>,
    /// Keys that plugins keep, of all labels.
    pub state_keys: u64,
    /// Bytes of their state.
    pub state_bytes: u64,
}

/// Whether all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `HEALTHY`, `DEGRADED`, or `STOPPED` when it captures no more.
    pub state: String,
    /// Why it is not healthy.
    pub reasons: Vec<String>,
}

/// A tap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TapStatus {
    /// Its name.
    pub name: String,
    /// `udp`, `tcp`, `pcap` or `lines`.
    pub kind: String,
    /// What it reads: address or file.
    pub source: String,
    /// Paused by an operator: its socket is closed.
    pub paused: bool,
    /// Reads no more: a recording is over, or the runtime stops.
    pub ended: bool,
    /// What is wrong with it now.
    pub trouble: Option<String>,
    /// Frames that the journal took.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames per second.
    pub frames_per_s: f64,
    /// Bytes per second.
    pub bytes_per_s: f64,
    /// Time without a frame, milliseconds, to the second; `None` before the first frame.
    pub silent_ms: Option<u64>,
    /// Frames captured that the journal could not take.
    pub shed_frames: u64,
    /// Their bytes.
    pub shed_bytes: u64,
    /// Datagrams dropped by the kernel, as told with later ones.
    pub kernel_drops: u64,
    /// The same, as the socket counts them now. Not to be added.
    pub socket_drops: u64,
    /// Frames too long, shed.
    pub oversized: u64,
    /// Lines or frames without a byte.
    pub empty: u64,
    /// Frames cut short, shed.
    pub truncated: u64,
    /// What could not be read as a frame, shed.
    pub malformed: u64,
    /// What the tap is not meant to deliver.
    pub skipped: u64,
    /// Connections lost.
    pub reconnects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Frames lost in the time over which rates are taken, whatever the cause.
    pub lost_lately: u64,
    /// Multicast group joined.
    pub group: Option<String>,
    /// Interface on which it was joined.
    pub interface: Option<String>,
    /// Kernel's receive buffer asked for, bytes.
    pub receive_buffer_asked_bytes: Option<u64>,
    /// Kernel's receive buffer got, bytes.
    pub receive_buffer_got_bytes: Option<u64>,
    /// True when the kernel stamps datagrams.
    pub kernel_times: Option<bool>,
    /// Address of the server while connected.
    pub peer: Option<String>,
    /// Why the last attempt failed, the last connection ended, or the recording was cut.
    pub last_error: Option<String>,
}

/// The journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStatus {
    /// Bytes on disk.
    pub bytes: u64,
    /// Their bound.
    pub bytes_max: u64,
    /// Segments, counted within the last ten seconds.
    pub segments: u64,
    /// Number of the next block.
    pub next_block: u64,
    /// Sequence number of the next frame.
    pub next_seq: u64,
    /// Capture time of the oldest block, nanoseconds since the Unix epoch, looked up within the
    /// last ten seconds.
    pub first_captured_ns: Option<u64>,
    /// Capture time of the newest frame.
    pub last_captured_ns: Option<u64>,
    /// Blocks below this are on stable storage.
    pub durable_below: u64,
    /// Blocks from here on are not yet in a snapshot, so retention keeps them.
    pub owed_from: u64,
}

/// The pipeline's place in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineLag {
    /// First block that it has not begun.
    pub next_block: u64,
    /// Blocks that wait.
    pub lag_blocks: u64,
    /// While blocks wait, milliseconds since the newest begun one was written; else 0.
    pub lag_ms: u64,
    /// Why outputs wait, such as a disk without room; `None` when they do not.
    pub trouble: Option<String>,
    /// Blocks below this were captured by the run before.
    pub recovered_below: u64,
    /// First block that the newest snapshot does not hold.
    pub snapshot_block: u64,
    /// Age of this run's newest snapshot, milliseconds; `None` before the first.
    pub snapshot_age_ms: Option<u64>,
}

/// A class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassStatus {
    /// Its name.
    pub name: String,
    /// Messages decoded.
    pub messages: u64,
    /// Of these, with an anomaly.
    pub anomalous: u64,
    /// Of these, shed because the pipeline lagged.
    #[serde(default)]
    pub shed: u64,
    /// Messages per second.
    pub messages_per_s: f64,
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicStatus {
    /// Its name.
    pub name: String,
    /// Records written.
    pub written: u64,
    /// Records that it held already, from before a restart.
    pub suppressed: u64,
    /// Records that its log had had before this run, by the log's count since it began.
    #[serde(default)]
    pub before: u64,
    /// Records that its log has had, likewise; `None` without a log.
    #[serde(default)]
    pub total: Option<u64>,
    /// Records written per second.
    pub records_per_s: f64,
    /// Bytes of its log.
    pub bytes: u64,
    /// Their bound.
    pub bytes_max: u64,
    /// Sequence number of its next record.
    pub next_seq: u64,
}

/// Delivery to a cluster, of the topics of one guarantee.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaStatus {
    /// Name of the cluster.
    pub cluster: String,
    /// `exactly-once`, `at-least-once` or `at-most-once`.
    pub guarantee: String,
    /// There is a client that has reached a broker.
    pub connected: bool,
    /// Why nothing is delivered, if so.
    pub trouble: Option<String>,
    /// For how long, milliseconds.
    pub away_ms: Option<u64>,
    /// Attempts that failed.
    pub retries: u64,
    /// Records sent and not yet acknowledged or committed.
    pub under_way: u64,
    /// Transactions committed.
    pub commits: u64,
    /// How long each took.
    pub commit_time: LatencyStatus,
    /// Records in librdkafka's queues.
    pub queue_records: u64,
    /// Their bytes.
    pub queue_bytes: u64,
    /// Bytes sent since the client was made, protocol included.
    pub sent_bytes: u64,
    /// Requests sent again.
    pub requests_retried: u64,
    /// Requests not answered in time.
    pub requests_timed_out: u64,
    /// Brokers connected.
    pub brokers_up: u64,
    /// Brokers known.
    pub brokers: u64,
    /// Longest mean time from a request to its answer among the brokers, microseconds.
    pub round_trip_us: u64,
    /// Longest mean throttling by a quota among the brokers, milliseconds.
    pub throttle_ms: u64,
    /// By topic. Of the records written: `delivered + refused + lost + waiting`.
    pub topics: Vec<KafkaTopicStatus>,
}

/// A topic on its way to Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaTopicStatus {
    /// The topic.
    pub topic: String,
    /// Its name in Kafka.
    pub kafka_topic: String,
    /// Records delivered since the start.
    pub delivered: u64,
    /// Records written and not delivered.
    pub waiting: u64,
    /// Records refused for good; each is a dead letter.
    pub refused: u64,
    /// Records of an at-most-once topic that were shed or not taken, and blocks lost to retention.
    pub lost: u64,
    /// While nothing is delivered: how long the log has room at the present rate, seconds.
    pub lasts_s: Option<u64>,
    /// From capture to acknowledgement or commit.
    pub to_kafka: LatencyStatus,
}

/// A plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// Its name.
    pub name: String,
    /// `decoder`, `validator` or `router`.
    pub role: String,
    /// SHA-256 of its component.
    pub digest: String,
    /// Calls, retries included.
    pub calls: u64,
    /// Frames or messages in them.
    pub rows: u64,
    /// Fuel burnt.
    pub fuel: u64,
    /// Fuel per row, rounded down.
    pub fuel_per_row: u64,
    /// Share of the granted fuel, permille, rounded up.
    pub fuel_permille: u64,
    /// Fuel of a message by class of the plugin, rounded; classes not yet seen are left out.
    #[serde(default)]
    pub class_fuel: BTreeMap<String, u64>,
    /// Messages by class of the plugin, of which [`Self::class_fuel`] tells.
    #[serde(default)]
    pub class_messages: BTreeMap<String, u64>,
    /// Fuel of a call by itself, rounded.
    #[serde(default)]
    pub call_fuel: u64,
    /// Fuel of a row that becomes no message, rounded.
    #[serde(default)]
    pub bare_fuel: u64,
    /// Instances started.
    pub starts: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Faults that count towards quarantine now.
    pub faults_held: u32,
    /// How many quarantine it.
    pub faults_max: u32,
    /// It is quarantined.
    pub quarantined: bool,
    /// Rows that became dead letters.
    pub dead: u64,
    /// Rejects by cause.
    pub rejects: BTreeMap<String, u64>,
    /// Skipped frames by kind.
    pub skips: BTreeMap<String, u64>,
    /// Anomalies by rule.
    pub anomalies: BTreeMap<String, u64>,
    /// Messages of classes that it is not granted.
    pub not_granted: u64,
    /// Messages without a delivery.
    pub withheld: u64,
    /// Rows passed over in quarantine.
    pub bypassed: u64,
    /// Keys with state.
    pub state_keys: u64,
    /// Bytes of state.
    pub state_bytes: u64,
    /// Keys whose state was evicted.
    pub evicted: u64,
    /// Notes beyond the bound of a call.
    pub notes_dropped: u64,
}

/// Dead letters of one stage and cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetters {
    /// Where.
    pub stage: String,
    /// Why.
    pub cause: String,
    /// How many.
    pub count: u64,
}

/// A latency, microseconds. Frames of the run before are in none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyStatus {
    /// Frames measured.
    pub count: u64,
    /// Half are at most this.
    pub p50_us: u64,
    /// 90 %.
    pub p90_us: u64,
    /// 99 %.
    pub p99_us: u64,
    /// 99.9 %.
    pub p999_us: u64,
    /// All.
    pub max_us: u64,
}

/// What the process uses, against its budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Share of all cores over the last second or so, permille.
    pub cpu_permille: u64,
    /// The same since the start.
    pub cpu_permille_mean: u64,
    /// Budget of CPU, permille of all cores.
    pub cpu_permille_max: u64,
    /// CPU time used, milliseconds.
    pub cpu_ms: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// The most that it was.
    pub rss_peak_bytes: u64,
    /// Budget of memory, bytes.
    pub rss_bytes_max: u64,
    /// Cores that the process may run on.
    pub cores: u64,
    /// The host's memory, bytes.
    pub host_memory_bytes: u64,
    /// Whether the budget is enforced, or only measured.
    pub budget_enforced: bool,
}
