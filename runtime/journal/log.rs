//! The writer: the only one who appends to a log.
//!
//! An append is one plain write of a whole block, numbered, chained and checksummed. What always
//! holds: a block is either acknowledged and whole on file, or not there; numbers are below the
//! stored ceiling and never used twice; the log never outgrows its bound in bytes. The writer does
//! not decide when to sync or what may be removed: its caller does, from other threads and between
//! appends.

use crate::append::{Current, RULINGS_RESERVE_BYTES};
use crate::block::{self, BODY_BYTES_MAX, StreamId};
use crate::ceiling::{Ceiling, StoreError};
use crate::error::{OpenError, StreamError};
use crate::lock::DirLock;
use crate::recover::{Cut, LastSegment, RecoverError, Recovered, recover};
use crate::retain::Held;
use crate::segment::{
    self, Previous, SEGMENT_HEADER_BYTES_MAX, STREAM_NAME_BYTES_MAX, STREAM_ORIGIN_BYTES_MAX,
    STREAMS_MAX, StreamInfo, Streams, file_name,
};
use crate::sync::{Shared, SyncError, SyncHandle, Tip};
use cap_std::fs::{Dir, OpenOptions};
use std::fs::File;
use std::io;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Smallest segment that may be asked for, bytes.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;

/// Most that the writer keeps in memory: one block and a segment's header. Bytes.
pub const WRITER_BYTES_MAX: usize = SEGMENT_HEADER_BYTES_MAX + block::HEADER_BYTES + BODY_BYTES_MAX;

/// What a log is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What this process calls itself, for whoever finds the log locked.
    pub command: String,
    /// Identity given to a log that does not exist yet; random if absent.
    pub log_id: Option<[u8; 16]>,
    /// Bound over all segments, bytes. When reached: appends are refused as full, rulings apart.
    pub bytes_max: u64,
    /// Size at which a new segment begins, bytes. A larger block gets a segment of its own.
    pub segment_bytes_max: u64,
    /// Age by the host's clock from which a segment may be removed, ns.
    pub age_ns_max: Option<u64>,
    /// Open a log of which something is gone that a clean close had left whole: cut it there.
    pub accept_loss: bool,
}

impl Options {
    /// 1 GiB in segments of 64 MiB, any age.
    pub fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            log_id: None,
            bytes_max: 1 << 30,
            segment_bytes_max: 64 << 20,
            age_ns_max: None,
            accept_loss: false,
        }
    }

    fn check(&self) -> Result<(), OpenError> {
        if self.segment_bytes_max < SEGMENT_BYTES_MIN {
            return Err(OpenError::Options(format!(
                "segment_bytes_max {} is below {SEGMENT_BYTES_MIN}",
                self.segment_bytes_max
            )));
        }
        let least = self
            .segment_bytes_max
            .saturating_mul(2)
            .saturating_add(RULINGS_RESERVE_BYTES);
        if self.bytes_max < least {
            return Err(OpenError::Options(format!(
                "bytes_max {} is below {least}: two segments and {RULINGS_RESERVE_BYTES} for rulings",
                self.bytes_max
            )));
        }
        Ok(())
    }
}

/// What opening found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// The log's identity.
    pub log_id: [u8; 16],
    /// The log did not exist.
    pub created: bool,
    /// The last writer closed it.
    pub clean: bool,
    /// The last block held or known of.
    pub last_block: Option<u64>,
    /// Number of the next block.
    pub next_block: u64,
    /// Sequence number of the next record.
    pub next_seq: u64,
    /// Block numbers between the last block and the next one, that will never be used: from
    /// unclean starts since that block, or a loss.
    pub blocks_skipped: u64,
    /// Sequence numbers that will never be used, likewise.
    pub seqs_skipped: u64,
    /// What was cut, if anything.
    pub cut: Option<Cut>,
    /// Blocks that a clean close had recorded and that are not there.
    pub blocks_missing: u64,
}

impl OpenReport {
    /// True if what is gone is no more than a torn tail.
    pub fn is_torn_only(&self) -> bool {
        let torn = self.cut.is_none_or(|cut| cut.blocks_behind == 0);
        !self.clean && torn && self.blocks_missing == 0
    }

    /// What of the log is gone, and why, for people; `None` when it is as it was left. A torn tail
    /// is what an unclean stop may leave; anything else is damage.
    pub fn loss(&self) -> Option<String> {
        let cut = self.cut.map(|cut| match (self.clean, cut.blocks_behind) {
            (true, _) => format!("damage to what a clean stop had left whole: {cut}"),
            (false, 0) => format!("a torn tail: {cut}"),
            (false, _) => format!("damage before the tail: {cut}"),
        });
        let missing = (self.blocks_missing > 0).then(|| {
            format!(
                "{} blocks that a clean stop had recorded are not there",
                self.blocks_missing
            )
        });
        match (cut, missing) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(cut), Some(missing)) => Some(format!("{cut}; {missing}")),
        }
    }
}

/// The one writer of a log. Dropping it without [`Writer::close`] is an unclean end: nothing
/// written is lost, and the next opening continues from the ceiling. A log that was closed before
/// and has taken nothing since is left as it was found, so that a start which comes to nothing does
/// not make a closed log an open one.
#[derive(Debug)]
pub struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    pub(crate) held: Held,
    pub(crate) current: Option<Current>,
    /// What the last segment held, when none is being written.
    pub(crate) previous: Previous,
    pub(crate) streams: Streams,
    /// The table of streams is not the one in the current segment's header.
    pub(crate) streams_changed: bool,
    pub(crate) tip: Tip,
    pub(crate) ceiling: Ceiling,
    pub(crate) buffer: Vec<u8>,
    /// The end of a log that was closed before.
    closed_at: Option<Tip>,
    _lock: DirLock,
}

impl Writer {
    /// Opens or creates the log in `dir` and cuts what is torn. `now_ns` is the host's clock,
    /// which the lock file states.
    ///
    /// # Errors
    /// The directory is in use, unreadable, of a newer format, or damaged in a way that cutting
    /// would make worse; or the options are out of bounds.
    pub fn open(dir: Dir, options: Options, now_ns: u64) -> Result<(Self, OpenReport), OpenError> {
        options.check()?;
        let lock = DirLock::acquire(&dir, &options.command, now_ns).map_err(OpenError::Lock)?;
        let in_dir = |cause| OpenError::Io {
            file: ".".to_owned(),
            cause,
        };
        let dir_file = dir.open(".").map_err(in_dir)?.into_std();
        let listed = segment::list(&dir).map_err(in_dir)?;
        let stored = Ceiling::load(&dir).map_err(OpenError::Ceiling)?;
        if stored.is_none() && !listed.is_empty() {
            return Err(OpenError::CeilingMissing);
        }
        // What a clean close left is on stable storage and whole: nothing there is torn, so what is
        // missing is damage, and a person decides whether to go on without it.
        let closed = stored.filter(|ceiling| ceiling.clean && !options.accept_loss);
        let found = recover(&dir, listed, closed.is_none()).map_err(|error| match error {
            RecoverError::Io { file, cause } => OpenError::Io { file, cause },
            RecoverError::Damaged(damage) => OpenError::Damaged(damage),
            RecoverError::Loss(damage, blocks) => OpenError::Loss {
                damage: Some(damage),
                blocks,
            },
        })?;
        if let Some(ceiling) = closed
            && found.block_end < ceiling.block_end
        {
            return Err(OpenError::Loss {
                damage: None,
                blocks: ceiling.block_end - found.block_end,
            });
        }
        let created = stored.is_none();
        let before = match stored {
            Some(ceiling) => ceiling,
            None => Ceiling {
                log_id: options.log_id.map_or_else(random_id, Ok)?,
                block: 0,
                seq: 0,
                block_end: 0,
                clean: true,
            },
        };
        if found.log_id.is_some_and(|log_id| log_id != before.log_id) {
            return Err(OpenError::LogId);
        }
        sync_found(&dir, &dir_file, &found)?;
        let report = report(&found, &before, created);
        let tip = Tip {
            block: found.last_block,
            hash: found.prev_hash,
            next_block: report.next_block,
            next_seq: report.next_seq,
        };
        // A hole in the numbers lies between segments, so after one a new segment begins.
        let goes_on = found.cut.is_none()
            && tip.next_block == found.block_end
            && tip.next_seq == found.seq_end;
        let current = match found.segments.last() {
            Some(last) if goes_on => Some(open_current(&dir, *last, &found.last)?),
            Some(_) | None => None,
        };
        let file = current.as_ref().map(|current| Arc::clone(&current.file));
        let shared = Shared::new(
            dir,
            dir_file,
            Ceiling {
                block_end: 0,
                clean: false,
                ..before
            },
            tip,
            file,
        );
        shared
            .reserve(
                tip.next_block.saturating_add(1),
                tip.next_seq.saturating_add(1),
            )
            .map_err(|error| match error {
                StoreError::Write(cause) | StoreError::Sync(cause) => OpenError::Io {
                    file: crate::ceiling::CEILING_FILE.to_owned(),
                    cause,
                },
            })?;
        let writer = Self {
            ceiling: shared.ceiling(),
            shared: Arc::new(shared),
            held: Held::new(found.segments),
            options,
            current,
            previous: found.last.end,
            streams: found.streams,
            streams_changed: false,
            tip,
            buffer: Vec::new(),
            closed_at: (report.clean && report.cut.is_none()).then_some(tip),
            _lock: lock,
        };
        Ok((writer, report))
    }

    /// The stream with this name and origin; registers it if it is new. Another origin under the
    /// same name is another stream.
    ///
    /// # Errors
    /// Name or origin are too long, or the table is full of streams that still have records held.
    pub fn stream(&mut self, name: &str, origin: &str) -> Result<StreamId, StreamError> {
        if name.len() > STREAM_NAME_BYTES_MAX || origin.len() > STREAM_ORIGIN_BYTES_MAX {
            return Err(StreamError::TooLong {
                name_bytes: name.len(),
                origin_bytes: origin.len(),
            });
        }
        let known = |stream: &&StreamInfo| stream.name == name && stream.origin == origin;
        if let Some(stream) = self.streams.list.iter().find(known) {
            return Ok(stream.id);
        }
        if self.streams.list.len() >= STREAMS_MAX {
            let held_from = self.held.first_block().unwrap_or(self.tip.next_block);
            let oldest = self.streams.list.iter().enumerate();
            let oldest = oldest.min_by_key(|(_, stream)| stream.block_end);
            match oldest {
                Some((index, stream)) if stream.block_end <= held_from && stream.records > 0 => {
                    self.streams.list.remove(index);
                }
                Some(_) | None => return Err(StreamError::TooMany),
            }
        }
        let id = StreamId(self.streams.next_id);
        if id == StreamId::NONE {
            return Err(StreamError::TooMany);
        }
        self.streams.next_id += 1;
        self.streams.list.push(StreamInfo {
            id,
            name: name.to_owned(),
            origin: origin.to_owned(),
            records: 0,
            block_end: 0,
            time_last_ns: 0,
            time_steps: 0,
        });
        self.streams_changed = true;
        Ok(id)
    }

    /// Records that the stream has had, those removed by retention included; 0 if it is unknown. A
    /// recording's tap resumes after them.
    pub fn stream_records(&self, id: StreamId) -> u64 {
        self.streams.get(id).map_or(0, |stream| stream.records)
    }

    /// The streams.
    pub fn streams(&self) -> &[StreamInfo] {
        &self.streams.list
    }

    /// The log's identity.
    pub fn log_id(&self) -> [u8; 16] {
        self.shared.log_id
    }

    /// The end of the log.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.held.bytes()
    }

    /// A handle by which another thread makes appended blocks durable.
    pub fn sync_handle(&self) -> SyncHandle {
        SyncHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Syncs everything and stores the exact next numbers, so that the next opening skips none.
    ///
    /// # Errors
    /// A sync failed, now or earlier.
    pub fn close(self) -> Result<(), SyncError> {
        self.shared.sync()?;
        self.shared.close().map_err(|error| match error {
            StoreError::Write(cause) | StoreError::Sync(cause) => self
                .shared
                .poison(format!("storing the ceiling failed: {cause}")),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.closed_at == Some(self.tip) && self.shared.check().is_ok() {
            // If it cannot be stored, the end is unclean, and the next opening skips numbers.
            drop(self.shared.close());
        }
        // Before the lock goes.
        self.shared.end();
    }
}

fn random_id() -> Result<[u8; 16], OpenError> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|cause| OpenError::Io {
        file: "the kernel's random numbers".to_owned(),
        cause: io::Error::other(cause.to_string()),
    })?;
    Ok(id)
}

/// Syncs what an earlier process may have left in the page cache.
fn sync_found(dir: &Dir, dir_file: &File, found: &Recovered) -> Result<(), OpenError> {
    for listed in found.segments.iter().skip(found.unsynced_from) {
        let name = file_name(listed.first_block);
        let synced = dir.open(&name).and_then(|file| file.sync_data());
        synced.map_err(|cause| OpenError::Io { file: name, cause })?;
    }
    dir_file.sync_all().map_err(|cause| OpenError::Io {
        file: ".".to_owned(),
        cause,
    })
}

fn report(found: &Recovered, before: &Ceiling, created: bool) -> OpenReport {
    let next_block = before.block.max(found.block_end);
    let next_seq = before.seq.max(found.seq_end);
    OpenReport {
        log_id: before.log_id,
        created,
        clean: before.clean,
        last_block: found.last_block,
        next_block,
        next_seq,
        blocks_skipped: next_block - found.block_end,
        seqs_skipped: next_seq - found.seq_end,
        cut: found.cut,
        blocks_missing: before.block_end.saturating_sub(found.block_end),
    }
}

/// Opens the last segment to go on in it.
fn open_current(
    dir: &Dir,
    listed: segment::Listed,
    last: &LastSegment,
) -> Result<Current, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = dir
        .open_with(file_name(listed.first_block), &options)
        .map_err(|cause| OpenError::Io {
            file: file_name(listed.first_block),
            cause,
        })?;
    Ok(Current {
        file: Arc::new(file.into_std()),
        first_block: listed.first_block,
        created_ns: last.created_ns,
        offset: listed.bytes,
        end: last.end,
    })
}
