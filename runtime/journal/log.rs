//! The writer: the only one who appends to a log.
//!
//! An append is one plain write of a whole block, numbered, chained and checksummed. What always
//! holds: a block is either acknowledged and whole on file, or not there; numbers are below the
//! stored ceiling and never used twice; the log never outgrows its bound in bytes. The writer does
//! not decide when to sync or what may be removed: its caller does, from other threads and between
//! appends.

use crate::block::{
    self, BLOCK_RECORDS_MAX, BODY_BYTES_MAX, Hash, Header, Kind, RECORD_OVERHEAD_BYTES, StreamId,
};
use crate::ceiling::{Ceiling, StoreError};
use crate::error::{AppendError, OpenError, StreamError};
use crate::lock::DirLock;
use crate::recover::{Cut, LastSegment, RecoverError, Recovered, recover};
use crate::retain::Held;
use crate::segment::{
    self, Previous, SEGMENT_HEADER_BYTES_MAX, STREAM_NAME_BYTES_MAX, STREAM_ORIGIN_BYTES_MAX,
    STREAMS_MAX, SegmentHeader, StreamInfo, Streams, file_name,
};
use crate::sync::{Shared, SyncError, SyncHandle, Tip, UNSYNCED_SEGMENTS_MAX};
use cap_std::fs::{Dir, OpenOptions};
use outrigger_policy::Columns;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Room kept for rulings when the log is full, bytes. Source: a ruling takes below 1 KiB, so this
/// holds a thousand of them, more than an operator and a fault can cause before space is made.
/// When reached, rulings are refused too, and the caller must stop.
pub const RULINGS_RESERVE_BYTES: u64 = 1 << 20;

/// Smallest segment that may be asked for, bytes.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;

/// Most that the writer keeps in memory: one block and a segment's header. Bytes.
pub const WRITER_BYTES_MAX: usize = SEGMENT_HEADER_BYTES_MAX + block::HEADER_BYTES + BODY_BYTES_MAX;

/// Name of a segment until its header and first block are written.
const TEMPORARY_FILE: &str = "segment.new";

/// A segment begins anew after this part of the age to which records are kept, so that age bounds
/// what a slow log holds.
const SEGMENTS_PER_AGE: u64 = 8;

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

/// What an append was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Number of the block.
    pub block: u64,
    /// Sequence number of its first record, or the next free one if it consumes none.
    pub first_seq: u64,
}

/// The segment being written.
#[derive(Debug)]
struct Current {
    file: Arc<File>,
    first_block: u64,
    created_ns: u64,
    offset: u64,
    end: Previous,
}

/// The one writer of a log. Dropping it without [`Writer::close`] is an unclean end: nothing
/// written is lost, and the next opening continues from the ceiling.
#[derive(Debug)]
pub struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    pub(crate) held: Held,
    current: Option<Current>,
    /// What the last segment held, when none is being written.
    previous: Previous,
    streams: Streams,
    /// The table of streams is not the one in the current segment's header.
    streams_changed: bool,
    tip: Tip,
    ceiling: Ceiling,
    buffer: Vec<u8>,
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
        let found = recover(&dir, listed).map_err(|error| match error {
            RecoverError::Io { file, cause } => OpenError::Io { file, cause },
            RecoverError::Damaged(damage) => OpenError::Damaged(damage),
        })?;
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

    /// Appends one block of records. When this returns, a reader sees the block and a killed
    /// process does not lose it; a power cut may, until the next sync.
    ///
    /// # Errors
    /// Nothing was appended; see [`AppendError`] for what the caller can do.
    ///
    /// # Panics
    /// If `kind` is a tick: ticks have no records.
    pub fn append(
        &mut self,
        kind: Kind,
        stream: StreamId,
        columns: &Columns,
        written_ns: u64,
    ) -> Result<Appended, AppendError> {
        assert!(kind != Kind::Tick, "ticks are appended by append_tick");
        if columns.is_empty() {
            return Err(AppendError::Empty);
        }
        let (mut time_min_ns, mut time_max_ns) = (u64::MAX, 0);
        let (mut time_steps, mut time_last_ns) = (0u32, 0);
        if let Some(info) = self.streams.get(stream) {
            time_last_ns = info.time_last_ns;
        }
        for &time_ns in columns.times_ns() {
            time_min_ns = time_min_ns.min(time_ns);
            time_max_ns = time_max_ns.max(time_ns);
            time_steps += u32::from(time_ns < time_last_ns);
            time_last_ns = time_ns;
        }
        if !kind.consumes() {
            time_steps = 0;
        }
        let header = Header {
            kind,
            stream,
            time_min_ns,
            time_max_ns,
            time_steps,
            written_ns,
            ..Header::default()
        };
        self.append_block(header, columns, Some(time_last_ns))
    }

    /// Appends an empty block that carries a time, so that time and expiry move on while a bus is
    /// silent. `stream` may be [`StreamId::NONE`].
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_tick(
        &mut self,
        stream: StreamId,
        time_ns: u64,
        written_ns: u64,
    ) -> Result<Appended, AppendError> {
        let header = Header {
            kind: Kind::Tick,
            stream,
            time_min_ns: time_ns,
            time_max_ns: time_ns,
            written_ns,
            ..Header::default()
        };
        self.append_block(header, &Columns::new(), None)
    }

    fn append_block(
        &mut self,
        mut header: Header,
        columns: &Columns,
        time_last_ns: Option<u64>,
    ) -> Result<Appended, AppendError> {
        self.shared.check().map_err(AppendError::Failed)?;
        let body_bytes = columns.len() * RECORD_OVERHEAD_BYTES + columns.bytes().len();
        if columns.len() > BLOCK_RECORDS_MAX || body_bytes > BODY_BYTES_MAX {
            return Err(AppendError::TooLarge {
                records: columns.len(),
                body_bytes,
            });
        }
        header.stream_first = match self.streams.get(header.stream) {
            Some(stream) => stream.records,
            None if header.stream == StreamId::NONE && !header.kind.consumes() => 0,
            None => return Err(AppendError::Stream(header.stream)),
        };
        header.block = self.tip.next_block;
        header.first_seq = self.tip.next_seq;
        header.prev_hash = self.tip.hash;
        header.count = u32::try_from(columns.len()).expect("bounded by BLOCK_RECORDS_MAX");
        self.reserve(header.block.saturating_add(1), header.seq_end())?;

        let block_bytes = (block::HEADER_BYTES + body_bytes) as u64;
        let rolls = self.rolls(block_bytes, header.written_ns);
        self.buffer.clear();
        if rolls {
            self.segment_header(&header).encode(&mut self.buffer);
        }
        let room = match header.kind {
            Kind::Rulings => self.options.bytes_max,
            Kind::Frames | Kind::Tick | Kind::Records => {
                self.options.bytes_max - RULINGS_RESERVE_BYTES
            }
        };
        let append_bytes = self.buffer.len() as u64 + block_bytes;
        if self.held.bytes().saturating_add(append_bytes) > room {
            return Err(AppendError::Full {
                bytes: self.held.bytes(),
                bytes_max: self.options.bytes_max,
            });
        }
        let hash = block::encode(&mut self.buffer, &mut header, columns);
        if rolls {
            self.write_first(&header)?;
        } else {
            self.write_next()?;
        }
        self.acknowledge(&header, hash, time_last_ns);
        Ok(Appended {
            block: header.block,
            first_seq: header.first_seq,
        })
    }

    /// Makes sure that the numbers are below the stored ceiling. Waits for the disk only when no
    /// sync has extended the ceiling in time.
    fn reserve(&mut self, block_end: u64, seq_end: u64) -> Result<(), AppendError> {
        if block_end <= self.ceiling.block && seq_end <= self.ceiling.seq {
            return Ok(());
        }
        let reserved = self.shared.reserve(block_end, seq_end);
        self.ceiling = self.shared.ceiling();
        reserved.map_err(|error| match error {
            StoreError::Write(cause) => AppendError::NoSpace {
                file: crate::ceiling::CEILING_FILE.to_owned(),
                cause,
            },
            StoreError::Sync(cause) => AppendError::Failed(
                self.shared
                    .poison(format!("syncing the ceiling failed: {cause}")),
            ),
        })
    }

    /// True if the next block begins a segment.
    fn rolls(&self, block_bytes: u64, written_ns: u64) -> bool {
        let Some(current) = &self.current else {
            return true;
        };
        let old = self.options.age_ns_max.is_some_and(|age_ns_max| {
            written_ns.saturating_sub(current.created_ns) > age_ns_max / SEGMENTS_PER_AGE
        });
        let full = current.offset.saturating_add(block_bytes) > self.options.segment_bytes_max;
        self.streams_changed || full || old
    }

    fn segment_header(&self, header: &Header) -> SegmentHeader {
        SegmentHeader {
            log_id: self.shared.log_id,
            first_block: header.block,
            first_seq: header.first_seq,
            prev_hash: self.tip.hash,
            created_ns: header.written_ns,
            durable_below: self.shared.durable_below(),
            previous: self
                .current
                .as_ref()
                .map_or(self.previous, |current| current.end),
            streams: self.streams.clone(),
        }
    }

    /// Creates a segment and writes its header and first block.
    fn write_first(&mut self, header: &Header) -> Result<(), AppendError> {
        if self.shared.unsynced().rolled.len() >= UNSYNCED_SEGMENTS_MAX {
            self.shared.sync().map_err(AppendError::Failed)?;
        }
        // Under another name until it is whole, so that no reader meets half a header.
        let (dir, name) = (&self.shared.dir, file_name(header.block));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let written = dir
            .open_with(TEMPORARY_FILE, &options)
            .and_then(|file| {
                let file = file.into_std();
                file.write_all_at(&self.buffer, 0).map(|()| file)
            })
            .and_then(|file| dir.rename(TEMPORARY_FILE, dir, &name).map(|()| file));
        let file = match written {
            Ok(file) => Arc::new(file),
            Err(cause) => {
                let undone = match dir.remove_file(TEMPORARY_FILE) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                };
                return Err(self.refuse(name, cause, undone));
            }
        };
        {
            let mut unsynced = self.shared.unsynced();
            let full = unsynced.current.replace(Arc::clone(&file));
            unsynced.rolled.extend(full);
            unsynced.dir_changed = true;
        }
        let bytes = self.buffer.len() as u64;
        self.held.push(header.block, bytes);
        self.current = Some(Current {
            file,
            first_block: header.block,
            created_ns: header.written_ns,
            offset: bytes,
            end: Previous {
                first_block: header.block,
                ..Previous::default()
            },
        });
        self.streams_changed = false;
        Ok(())
    }

    /// Writes a block behind the last one.
    fn write_next(&mut self) -> Result<(), AppendError> {
        let current = self
            .current
            .as_mut()
            .expect("without a current segment the block begins one");
        if let Err(cause) = current.file.write_all_at(&self.buffer, current.offset) {
            let name = file_name(current.first_block);
            let undone = current.file.set_len(current.offset);
            return Err(self.refuse(name, cause, undone));
        }
        let bytes = self.buffer.len() as u64;
        current.offset += bytes;
        self.held.grow(bytes);
        Ok(())
    }

    /// The error for a write that failed. The log stays good only if the partial block could be
    /// taken back and the cause is space; anything else ends its use.
    fn refuse(&self, file: String, cause: io::Error, undone: io::Result<()>) -> AppendError {
        if let Err(undo) = undone {
            let cause = format!("{file}: write failed ({cause}), and taking it back too ({undo})");
            return AppendError::Failed(self.shared.poison(cause));
        }
        match cause.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => AppendError::NoSpace { file, cause },
            _ => AppendError::Failed(self.shared.poison(format!("{file}: write failed: {cause}"))),
        }
    }

    /// Moves everything past a block that is on file.
    fn acknowledge(&mut self, header: &Header, hash: Hash, time_last_ns: Option<u64>) {
        self.streams
            .apply(header, time_last_ns)
            .expect("the block was built from this table");
        self.tip = Tip {
            block: Some(header.block),
            hash,
            next_block: header.block + 1,
            next_seq: header.seq_end(),
        };
        if let Some(current) = &mut self.current {
            current.end.block_end = self.tip.next_block;
            current.end.seq_end = self.tip.next_seq;
            current.end.written_ns = header.written_ns;
            if header.kind.is_dated() {
                current.end.time_max_ns = current.end.time_max_ns.max(header.time_max_ns);
            }
        }
        self.shared.set_tip(self.tip);
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
