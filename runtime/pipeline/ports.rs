//! What goes into the pipeline and comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrigger_policy::Columns;
use outrigger_policy::topology::{ClassId, TapId, TopicId, Topology};

use super::Installed;
use crate::record::Position;

/// What the pipeline needs to know of the configuration.
pub struct Setup {
    /// The graph.
    pub topology: Arc<Topology>,
    /// By plugin; `None` for those that the graph never calls.
    pub plugins: Vec<Option<Installed>>,
    /// Instances restart at every block whose number is a multiple of this.
    pub instance_blocks: u64,
    /// Most frames or messages in a call.
    pub batch_messages_max: usize,
}

/// A block of frames, or a tick.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Number of the block.
    pub block: u64,
    /// The tap.
    pub tap: TapId,
    /// Sequence number of the first frame.
    pub first_seq: u64,
    /// The frames; none in a tick.
    pub frames: &'a Columns,
    /// Time of a tick, nanoseconds since the Unix epoch.
    pub tick_ns: Option<u64>,
}

/// Takes records on their way to the topics.
pub trait Outbox {
    /// Takes a record that stands at `position` in `topic`, captured at `time_ns`. Positions rise.
    fn put(&mut self, topic: TopicId, position: Position, time_ns: u64, record: &[u8]);

    /// A batch is done, and its block is not: what waits may be written if it is much. Calls that have
    /// been late must be written down first; who does so takes them.
    fn relieve(&mut self, _late: &mut Vec<(u64, u32)>) {}
}

/// Finds frames of earlier blocks: capture time and payload.
pub trait FrameArchive {
    /// The frame with this sequence number, if it is of this tap and the journal still holds it. A
    /// decoder names frames as it likes: one of another tap may be of a higher label.
    fn frame(&mut self, tap: TapId, sequence: u64) -> Option<(u64, Vec<u8>)>;
}

/// Why the pipeline stops: a plugin that must not be bypassed is quarantined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Name of the plugin.
    pub plugin: String,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { plugin } = self;
        write!(
            f,
            "plugin {plugin} is quarantined and its configuration says on_quarantine = \"stop\""
        )
    }
}

impl std::error::Error for Stopped {}

/// Counters of the pipeline since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Blocks processed.
    pub blocks: u64,
    /// Frames processed, rejected ones included, by tap.
    pub frames: Vec<u64>,
    /// Frames that the decoder took, and has not rejected since, by tap.
    pub processed: Vec<u64>,
    /// Frames that were rejected, each once, by tap: the decoder says so, failed on them, or is in
    /// quarantine.
    pub rejected: Vec<u64>,
    /// Frames that are messages of a class that their tap does not carry.
    pub other_classes: u64,
    /// Messages decoded, by class.
    pub messages: Vec<u64>,
    /// Messages with at least one anomaly, by class.
    pub anomalous: Vec<u64>,
    /// Messages that went to one topic or more, by class.
    pub delivered: Vec<u64>,
    /// Messages that their router gave to no topic, by class.
    pub withheld: Vec<u64>,
    /// Messages that became dead letters and went nowhere else, by class. Those of records that a
    /// sink refused later are not among them.
    pub dead: Vec<u64>,
    /// Frames that were not decoded, because all that their tap brings was shed, by tap.
    pub shed_frames: Vec<u64>,
    /// Messages shed after they were decoded, by class.
    pub shed_messages: Vec<u64>,
    /// The same by tap and class.
    pub shed_of_taps: BTreeMap<(TapId, ClassId), u64>,
    /// Records emitted, by topic, re-executed ones included.
    pub records: Vec<u64>,
    /// Dead letters by stage and cause. Bounded: both come from the configuration and from
    /// checked descriptions.
    pub dead_letters: BTreeMap<(String, String), u64>,
}
