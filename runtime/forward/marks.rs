//! How far a topic has been delivered, kept beside its log.
//!
//! For at-least-once topics this is what a restart goes on from. For exactly-once topics Kafka itself
//! holds that; here it only says where in the log to look first. A mark that is lost costs repeats
//! or a longer look, never a record.

use std::io::Write as _;

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};

use crate::record::Position;

/// A mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The journal's identity.
    pub log_id: String,
    /// The cluster that was delivered to.
    pub cluster: String,
    /// Topic there.
    pub topic: String,
    /// Journal block of the last record that was delivered.
    pub block: u64,
    /// Its ordinal among that block's records for the topic.
    pub ordinal: u32,
    /// Block of the topic log that holds it.
    pub log_block: u64,
}

impl Mark {
    /// Position of the last record that was delivered.
    pub fn position(&self) -> Position {
        Position {
            block: self.block,
            ordinal: self.ordinal,
        }
    }
}

/// Reads a topic's mark; `None` if there is none that can be read, which is logged.
pub fn read(dir: &Dir, topic: &str) -> Option<Mark> {
    let bytes = match dir.read(topic) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!("forward/{topic}: {error}; delivery begins at the start of the log");
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(mark) => Some(mark),
        Err(error) => {
            tracing::warn!("forward/{topic}: {error}; delivery begins at the start of the log");
            None
        }
    }
}

/// Writes a topic's mark: the old one or the new one is there at any time.
///
/// # Errors
/// The directory takes no files.
pub fn write(dir: &Dir, topic: &str, mark: &Mark) -> std::io::Result<()> {
    let new = format!("{topic}.new");
    let mut file = dir.create(&new)?;
    file.write_all(&serde_json::to_vec(mark).expect("a mark is plain data"))?;
    drop(file);
    dir.rename(&new, dir, topic)
}
