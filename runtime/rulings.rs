//! Rulings: what could not be decided again, written down at the journal's tail.
//!
//! A ruling names the block it concerns: a late call of a block in the past, or a block not yet
//! begun. Recovery reads all rulings up to the tail before it processes anything, and obeys them.

use outrigger_policy::Columns;
use serde::{Deserialize, Serialize};

use crate::pipeline::Pipeline;

/// A ruling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ruling {
    /// The call with this ordinal in this block did not end before its deadline.
    Late {
        /// The block.
        block: u64,
        /// Ordinal of the call in the block.
        call: u32,
    },
    /// All instances restart before the first block from here on: a stop, or a snapshot that an
    /// operator asked for.
    Restart {
        /// The block.
        at_block: u64,
    },
    /// The quarantine of a plugin is lifted before the first block from here on.
    Lift {
        /// The block.
        at_block: u64,
        /// Name of the plugin.
        plugin: String,
        /// User who asked.
        uid: u32,
    },
    /// From this block on messages of these classes are shed, and of no others.
    Shed {
        /// The block.
        at_block: u64,
        /// Names of the classes; none if nothing is shed any more.
        classes: Vec<String>,
    },
    /// A tap stopped reading, or reads again.
    Tap {
        /// Name of the tap.
        tap: String,
        /// True if it stopped.
        paused: bool,
        /// User who asked.
        uid: u32,
    },
    /// A record can never be delivered to Kafka: it becomes a dead letter, where this ruling stands
    /// in the journal, and delivery goes on behind it.
    Refused(Box<Refused>),
}

/// A record that can never be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its topic.
    pub topic: String,
    /// Cluster that refused it.
    pub cluster: String,
    /// What the broker, or its client, said.
    pub detail: String,
    /// The record. Without its body if that is over [`REFUSED_BODY_BYTES_MAX`].
    #[serde(with = "serde_bytes")]
    pub record: Vec<u8>,
}

/// Largest body that a ruling carries along, bytes. Reason: the journal keeps 1 MiB of room for
/// rulings when it is full.
pub const REFUSED_BODY_BYTES_MAX: usize = 16 << 10;

impl Ruling {
    /// Makes the ruling known to the pipeline.
    pub fn apply(&self, pipeline: &mut Pipeline) {
        match self {
            Self::Late { block, call } => pipeline.rule_late(*block, *call),
            Self::Restart { at_block } => pipeline.rule_restart(*at_block),
            Self::Lift {
                at_block, plugin, ..
            } => pipeline.rule_lift(*at_block, plugin),
            Self::Shed { at_block, classes } => pipeline.rule_shed(*at_block, classes),
            // What a tap did not capture is not in the journal: nothing to obey.
            Self::Tap { .. } => {}
            // Obeyed where it stands in the journal.
            Self::Refused(_) => {}
        }
    }
}

/// Encodes rulings as the records of a block.
pub fn encode(rulings: &[Ruling], now_ns: u64) -> Columns {
    let mut columns = Columns::new();
    for ruling in rulings {
        let bytes = rmp_serde::to_vec(ruling).expect("a ruling is plain data");
        columns.push(now_ns, &bytes);
    }
    columns
}

/// Decodes the rulings of a block.
///
/// # Errors
/// A record that is no ruling: of a newer build, or not ours.
pub fn decode(columns: &Columns) -> Result<Vec<Ruling>, rmp_serde::decode::Error> {
    columns
        .iter()
        .map(|(_, bytes)| rmp_serde::from_slice(bytes))
        .collect()
}
