//! What the runtime says of itself: one bounded snapshot, asked for over a socket.
//!
//! Everything here is bounded by the configuration: lists have one entry per tap, class, topic,
//! plugin, rule or cause. Names are the configuration's.

mod budget;
mod gather;
mod group;
mod kafka;
mod last;
mod ledger;
mod readers;
mod render;
mod sampler;
mod snapshot;

pub use crate::telemetry::Latency;

use crate::pipeline::{Counters, PluginView};
use crate::run::Passage;
use crate::topics::TopicFigures;

pub use budget::{BudgetStatus, SampleStatus, TransitionStatus};
use gather::lost_before;
pub use gather::{describe, snapshot};
pub use last::{LAST_STATUS, forget_last, leave_last, read_last};
pub use ledger::{
    ClassLedger, Deliveries, KafkaLedger, Ledger, ShedStatus, StreamStatus, TapLedger, TopicLedger,
};
pub use readers::{ReaderPartitionStatus, ReaderStatus, ReadersStatus};
pub use render::{render, summary};
pub use sampler::{MARKS_MAX, SAMPLE_EVERY, Sampler};
pub use snapshot::{
    ClassStatus, DeadLetters, FORMAT, GroupStatus, Health, JournalStatus, KafkaStatus,
    KafkaTopicStatus, LatencyStatus, OwnedPartition, PipelineLag, PluginStatus, ProcessStatus,
    StatusSnapshot, TapStatus, TopicStatus,
};

/// What the pipeline's thread last said of itself.
#[derive(Clone, Default)]
pub struct PipelineStatus {
    /// Next block to process.
    pub next_block: u64,
    /// Why outputs wait, if they do.
    pub trouble: Option<String>,
    /// How far that is in each stream of the journal, by the journal's count.
    pub passage: Passage,
    /// Blocks that the last run left behind its snapshot; those below this are re-executed.
    pub recovered_below: u64,
    /// The pipeline's counters.
    pub counters: Counters,
    /// Its plugins.
    pub plugins: Vec<PluginView>,
    /// Figures of the topic logs, by topic.
    pub topics: Vec<TopicFigures>,
    /// From capture to verdict.
    pub to_verdict: Latency,
    /// From capture to the topic log.
    pub to_delivery: Latency,
    /// First block that the newest snapshot does not hold.
    pub snapshot_block: u64,
    /// When it was taken, nanoseconds since the Unix epoch; 0 before the first.
    pub snapshot_ns: u64,
    /// Names of the classes that are shed now.
    pub shedding: Vec<String>,
    /// The group that it reads in, if it does.
    pub group: Option<GroupStatus>,
}
