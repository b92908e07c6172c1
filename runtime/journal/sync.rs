//! Durability, off the append path: what the writer and the thread that syncs share.
//!
//! Appends are plain writes, so a killed process loses nothing; what a power cut can take is
//! bounded by how often [`SyncHandle::sync`] is called. A sync covers every segment written since
//! the last one, and extends the ceiling before it is needed, so that an append never waits for
//! the disk as long as syncs go on. After a failed sync the kernel may have dropped the very pages
//! that it could not write, so trying again would report success over a hole: the handle and the
//! writer are poisoned, and the log must be recovered from disk by opening it again.

use crate::block::Hash;
use crate::ceiling::{Ceiling, RESERVE_BLOCKS, RESERVE_SEQS, StoreError};
use crate::heads::HeadsFile;
use cap_std::fs::Dir;
use std::fmt;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

#[cfg(test)]
mod tests;

/// Segments that may wait for a sync beside the current one. Source: each holds a file open. When
/// reached, the writer itself syncs before it begins another.
pub(crate) const UNSYNCED_SEGMENTS_MAX: usize = 16;

/// A step that failed and is never tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncError {
    /// What was being synced, and the cause.
    pub cause: String,
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; what reached the disk is unknown, so the log must be opened again",
            self.cause
        )
    }
}

impl std::error::Error for SyncError {}

/// The end of a log: what the next block follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The last block, `None` in a log without one.
    pub block: Option<u64>,
    /// The hash of the last block.
    pub hash: Hash,
    /// Number of the next block.
    pub next_block: u64,
    /// Sequence number of the next record.
    pub next_seq: u64,
}

/// Files written since the last sync.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    /// Segments that are full.
    pub(crate) rolled: Vec<Arc<File>>,
    /// The segment being written.
    pub(crate) current: Option<Arc<File>>,
    /// Files were created or removed.
    pub(crate) dir_changed: bool,
}

/// What the writer and the sync handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: Dir,
    /// The directory again, opened for reading: the capability itself cannot be synced.
    pub(crate) dir_file: File,
    pub(crate) log_id: [u8; 16],
    tip: Mutex<Tip>,
    unsynced: Mutex<Unsynced>,
    /// Held by the one who syncs.
    syncing: Mutex<()>,
    ceiling: Mutex<Ceiling>,
    /// The writer is gone. Its files may belong to another writer now, so handles that outlive it
    /// write no ceiling and sign nothing. Set and looked at under the locks of what it guards.
    ended: AtomicBool,
    durable_below: AtomicU64,
    heads: Mutex<Option<HeadsFile>>,
    failed: OnceLock<SyncError>,
}

/// Locks; a panic of another holder does not make what is behind these locks wrong, as each change
/// is a single assignment.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Shared {
    /// `tip` is on stable storage.
    pub(crate) fn new(
        dir: Dir,
        dir_file: File,
        ceiling: Ceiling,
        tip: Tip,
        current: Option<Arc<File>>,
    ) -> Self {
        Self {
            dir,
            dir_file,
            log_id: ceiling.log_id,
            tip: Mutex::new(tip),
            unsynced: Mutex::new(Unsynced {
                current,
                ..Unsynced::default()
            }),
            syncing: Mutex::new(()),
            ceiling: Mutex::new(ceiling),
            ended: AtomicBool::new(false),
            durable_below: AtomicU64::new(tip.block.map_or(0, |block| block.saturating_add(1))),
            heads: Mutex::new(None),
            failed: OnceLock::new(),
        }
    }

    /// The failure that ended this log's use, if there was one.
    pub(crate) fn check(&self) -> Result<(), SyncError> {
        self.failed.get().cloned().map_or(Ok(()), Err)
    }

    pub(crate) fn poison(&self, cause: String) -> SyncError {
        self.failed.get_or_init(|| SyncError { cause }).clone()
    }

    pub(crate) fn tip(&self) -> Tip {
        *hold(&self.tip)
    }

    pub(crate) fn set_tip(&self, tip: Tip) {
        *hold(&self.tip) = tip;
    }

    pub(crate) fn durable_below(&self) -> u64 {
        self.durable_below.load(Ordering::Acquire)
    }

    pub(crate) fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        hold(&self.unsynced)
    }

    /// The file of signed heads, once it was used.
    pub(crate) fn heads(&self) -> MutexGuard<'_, Option<HeadsFile>> {
        hold(&self.heads)
    }

    /// The writer goes; see `ended`.
    pub(crate) fn end(&self) {
        let _heads = self.heads();
        let _ceiling = hold(&self.ceiling);
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The ceiling as last stored.
    pub(crate) fn ceiling(&self) -> Ceiling {
        *hold(&self.ceiling)
    }

    /// Makes sure that at least these numbers are below the stored ceiling.
    pub(crate) fn reserve(&self, block_end: u64, seq_end: u64) -> Result<(), StoreError> {
        let mut ceiling = hold(&self.ceiling);
        let enough = ceiling.block >= block_end && ceiling.seq >= seq_end;
        if enough || ceiling.clean || self.is_ended() {
            return Ok(());
        }
        let next = Ceiling {
            block: ceiling.block.max(block_end.saturating_add(RESERVE_BLOCKS)),
            seq: ceiling.seq.max(seq_end.saturating_add(RESERVE_SEQS)),
            ..*ceiling
        };
        next.store(&self.dir, &self.dir_file)?;
        *ceiling = next;
        Ok(())
    }

    /// Stores the exact next numbers.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let tip = self.tip();
        let mut ceiling = hold(&self.ceiling);
        let next = Ceiling {
            block: tip.next_block,
            seq: tip.next_seq,
            block_end: tip.block.map_or(0, |block| block.saturating_add(1)),
            clean: true,
            ..*ceiling
        };
        next.store(&self.dir, &self.dir_file)?;
        *ceiling = next;
        Ok(())
    }

    /// Syncs all that was appended before the call.
    pub(crate) fn sync(&self) -> Result<Tip, SyncError> {
        let _syncing = hold(&self.syncing);
        self.check()?;
        // The tip first: every file that holds a block before it is then in the list.
        let tip = self.tip();
        let (files, rolled, dir_changed) = {
            let mut unsynced = self.unsynced();
            let mut files = unsynced.rolled.clone();
            let rolled = files.len();
            files.extend(unsynced.current.clone());
            let dir_changed = std::mem::take(&mut unsynced.dir_changed);
            (files, rolled, dir_changed)
        };
        let end = tip.block.map_or(0, |block| block.saturating_add(1));
        if end > self.durable_below() || rolled > 0 {
            for file in &files {
                file.sync_data()
                    .map_err(|cause| self.poison(format!("syncing a segment failed: {cause}")))?;
            }
        }
        if dir_changed {
            self.dir_file
                .sync_all()
                .map_err(|cause| self.poison(format!("syncing the directory failed: {cause}")))?;
        }
        self.unsynced().rolled.drain(..rolled);
        self.durable_below.fetch_max(end, Ordering::AcqRel);
        self.extend_ceiling(tip)?;
        Ok(tip)
    }

    /// Reserves more numbers when less than half of a reserve is left.
    fn extend_ceiling(&self, tip: Tip) -> Result<(), SyncError> {
        let block_end = tip.next_block.saturating_add(RESERVE_BLOCKS / 2);
        let seq_end = tip.next_seq.saturating_add(RESERVE_SEQS / 2);
        match self.reserve(block_end, seq_end) {
            Ok(()) => Ok(()),
            // The append that needs the numbers tries again and reports.
            Err(StoreError::Write(_)) => Ok(()),
            Err(StoreError::Sync(cause)) => {
                Err(self.poison(format!("syncing the ceiling failed: {cause}")))
            }
        }
    }
}

/// Makes appended blocks durable without holding the writer. Cheap to clone; for any thread.
#[derive(Clone, Debug)]
pub struct SyncHandle {
    pub(crate) shared: Arc<Shared>,
}

impl SyncHandle {
    /// Waits until every block appended before this call is on stable storage; returns the end of
    /// the log that is. May be called after the writer is gone, for what it appended.
    ///
    /// # Errors
    /// A sync failed, now or earlier. It is never tried again.
    pub fn sync(&self) -> Result<Tip, SyncError> {
        self.shared.sync()
    }

    /// Every block below this number is known to be on stable storage.
    pub fn durable_below(&self) -> u64 {
        self.shared.durable_below()
    }
}
