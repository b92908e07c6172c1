//! What the last run left: the newest snapshot, and the rulings behind it.

use std::collections::BTreeMap;

use outrigger_journal::{Block, Kind, ReadError, Reader, StreamId};

use crate::data::DataDir;
use crate::pipeline::{Folded, Pipeline};
use crate::rulings;
use crate::snapshot::{self, Identity, SnapshotError};

/// Where processing goes on.
pub struct Recovered {
    /// First block to process.
    pub from_block: u64,
    /// Blocks that are there to be processed again or for the first time.
    pub blocks_behind: u64,
    /// Frames in them, by stream.
    pub frames_behind: BTreeMap<StreamId, u64>,
    /// What was folded before.
    pub folded: Folded,
    /// No snapshot says that what comes next is made by this build, configuration and plugins: one
    /// has to be written before the first block.
    pub unsaid: bool,
}

/// Why a run cannot go on from what is there.
#[derive(Debug)]
pub enum RecoverError {
    /// The snapshots cannot be read.
    Snapshot(SnapshotError),
    /// The journal cannot be read.
    Journal(ReadError),
    /// A ruling cannot be understood: block and cause.
    Ruling(u64, String),
    /// The snapshot belongs to another journal.
    OtherJournal,
    /// What was captured before an unclean stop was processed by other code.
    Changed {
        /// What differs: configuration, plugin, build.
        what: String,
        /// Blocks that wait.
        blocks: u64,
    },
    /// There is no snapshot, and the journal's first blocks are gone.
    NoSnapshot {
        /// First block held.
        first_block: u64,
    },
}

impl std::fmt::Display for RecoverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Snapshot(error) => write!(f, "{error}"),
            Self::Journal(error) => write!(f, "journal: {error}"),
            Self::Ruling(block, cause) => {
                write!(
                    f,
                    "journal: the ruling in block {block} cannot be read: {cause}"
                )
            }
            Self::OtherJournal => f.write_str(
                "the newest snapshot belongs to another journal: the data directory was mixed \
                 from two; restore its journal, or remove snapshots/ and topics/ as well",
            ),
            Self::Changed { what, blocks } => write!(
                f,
                "the last run left {blocks} blocks behind its last snapshot, and since then the \
                 {what} has changed; run once with what it was before, or pass \
                 --accept-change to process these blocks with what it is now"
            ),
            Self::NoSnapshot { first_block } => write!(
                f,
                "there is no usable snapshot, and the journal begins at block {first_block}: the \
                 state from before is lost; pass --accept-change to begin with empty state"
            ),
        }
    }
}

impl std::error::Error for RecoverError {}

/// Finds where to go on. `accept_change` goes on in spite of changed code or lost state.
///
/// # Errors
/// What is there cannot be read, or going on would give other outputs than before.
pub fn recover(
    data: &DataDir,
    log_id: [u8; 16],
    identity: &Identity,
    accept_change: bool,
) -> Result<Recovered, RecoverError> {
    let (snapshot, damaged) = snapshot::newest(&data.snapshots).map_err(RecoverError::Snapshot)?;
    for error in damaged {
        tracing::warn!("{error}; the one before is used");
    }
    let mut reader = Reader::open(&data.journal).map_err(RecoverError::Journal)?;
    let first_block = reader.next_block();
    let Some(snapshot) = snapshot else {
        // A kill before the first block skips numbers, and nothing is lost.
        if !reader.stands_in_first() && !accept_change {
            return Err(RecoverError::NoSnapshot { first_block });
        }
        let (blocks_behind, frames_behind) = count_behind(&mut reader, first_block)?;
        return Ok(Recovered {
            from_block: first_block,
            blocks_behind,
            frames_behind,
            folded: Folded::default(),
            unsaid: true,
        });
    };
    if snapshot.log_id != log_id {
        return Err(RecoverError::OtherJournal);
    }
    let (blocks_behind, frames_behind) = count_behind(&mut reader, snapshot.next_block)?;
    let changed = differs(&snapshot.identity, identity);
    let unsaid = changed.is_some();
    if blocks_behind > 0
        && !accept_change
        && let Some(what) = changed
    {
        let blocks = blocks_behind;
        return Err(RecoverError::Changed { what, blocks });
    }
    Ok(Recovered {
        from_block: snapshot.next_block,
        blocks_behind,
        frames_behind,
        folded: snapshot.folded,
        unsaid,
    })
}

/// Counts the blocks with frames from `from_block` on, and their frames by stream.
fn count_behind(
    reader: &mut Reader,
    from_block: u64,
) -> Result<(u64, BTreeMap<StreamId, u64>), RecoverError> {
    let mut blocks = 0;
    let mut frames: BTreeMap<StreamId, u64> = BTreeMap::new();
    for_each(reader, from_block, |block| {
        if block.header.kind == Kind::Frames {
            blocks += 1;
            *frames.entry(block.header.stream).or_default() += block.columns.len() as u64;
        }
        Ok(())
    })?;
    Ok((blocks, frames))
}

/// Makes every ruling known that concerns blocks from `from_block` on.
///
/// # Errors
/// The journal cannot be read, or a ruling not be understood.
pub fn apply_rulings(
    data: &DataDir,
    from_block: u64,
    pipeline: &mut Pipeline,
) -> Result<u64, RecoverError> {
    let mut reader = Reader::open(&data.journal).map_err(RecoverError::Journal)?;
    let mut count = 0;
    for_each(&mut reader, from_block, |block| {
        if block.header.kind != Kind::Rulings {
            return Ok(());
        }
        let number = block.header.block;
        let rulings = rulings::decode(&block.columns)
            .map_err(|error| RecoverError::Ruling(number, error.to_string()))?;
        for ruling in rulings {
            ruling.apply(pipeline);
            count += 1;
        }
        Ok(())
    })?;
    Ok(count)
}

fn for_each(
    reader: &mut Reader,
    from_block: u64,
    mut visit: impl FnMut(&Block) -> Result<(), RecoverError>,
) -> Result<(), RecoverError> {
    reader
        .seek_block(from_block)
        .map_err(RecoverError::Journal)?;
    let mut block = Block::default();
    while reader.next(&mut block).map_err(RecoverError::Journal)? {
        visit(&block)?;
    }
    Ok(())
}

fn differs(then: &Identity, now: &Identity) -> Option<String> {
    if then.build != now.build {
        return Some(format!("build ({} then, {} now)", then.build, now.build));
    }
    if then.configuration != now.configuration {
        return Some("configuration".to_owned());
    }
    let only_in = |some: &[(String, String)], others: &[(String, String)]| {
        let changed = some.iter().find(|plugin| !others.contains(plugin));
        changed.map(|(name, _)| format!("plugin {name}"))
    };
    only_in(&now.plugins, &then.plugins).or_else(|| only_in(&then.plugins, &now.plugins))
}
