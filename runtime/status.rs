//! What the runtime says of itself: one bounded snapshot, asked for over a socket.
//!
//! Everything here is bounded by the configuration: lists have one entry per tap, class, topic,
//! plugin, rule or cause. Names are the configuration's.

mod gather;
mod render;
mod sampler;
mod snapshot;

use hdrhistogram::Histogram;

use crate::pipeline::{Counters, PluginView};
use crate::topics::TopicFigures;

use gather::lost_before;
pub use gather::{describe, snapshot};
pub use render::{render, summary};
pub use sampler::{MARKS_MAX, SAMPLE_EVERY, Sampler};
pub use snapshot::{
    ClassStatus, DeadLetters, FORMAT, Health, JournalStatus, LatencyStatus, Ledger, PipelineLag,
    PluginStatus, ProcessStatus, StatusSnapshot, TapStatus, TopicStatus,
};

/// Longest latency told apart, in microseconds: an hour. Longer ones count as this.
pub const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Latencies in microseconds, two significant digits.
#[derive(Clone)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_US_MAX, 2);
        Self(histogram.expect("the bounds are constants that hold"))
    }
}

impl Latency {
    /// Records `count` latencies of `ns` nanoseconds.
    pub fn record(&mut self, ns: u64, count: u64) {
        let us = (ns / 1_000).clamp(1, LATENCY_US_MAX);
        self.0
            .record_n(us, count)
            .expect("clamped to the histogram's bounds");
    }

    /// The histogram, in microseconds.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

/// What the pipeline's thread last said of itself.
#[derive(Clone, Default)]
pub struct PipelineStatus {
    /// Next block to process.
    pub next_block: u64,
    /// Why outputs wait, if they do.
    pub trouble: Option<String>,
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
}
