//! Appending: one plain write of one whole block.
//!
//! A block is either acknowledged and whole on file, or not there: a write that fails is taken back,
//! and its numbers are free again.

use crate::block::{
    self, BLOCK_RECORDS_MAX, BODY_BYTES_MAX, Hash, Header, Kind, RECORD_OVERHEAD_BYTES, StreamId,
};
use crate::ceiling::StoreError;
use crate::error::AppendError;
use crate::log::Writer;
use crate::segment::{Previous, SEGMENTS_MAX, SegmentHeader, file_name};
use crate::sync::{Tip, UNSYNCED_SEGMENTS_MAX};
use cap_std::fs::OpenOptions;
use outrigger_policy::Columns;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Room kept for rulings when the log is full, bytes. Source: a ruling takes below 1 KiB, so this
/// holds a thousand of them, more than an operator and a fault can cause before space is made.
/// When reached, rulings are refused too, and the caller must stop.
pub const RULINGS_RESERVE_BYTES: u64 = 1 << 20;

/// Name of a segment until its header and first block are written.
const TEMPORARY_FILE: &str = "segment.new";

/// A segment begins anew after this part of the age to which records are kept, so that age bounds
/// what a slow log holds.
const SEGMENTS_PER_AGE: u64 = 8;

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
pub(crate) struct Current {
    pub(crate) file: Arc<File>,
    pub(crate) first_block: u64,
    pub(crate) created_ns: u64,
    pub(crate) offset: u64,
    pub(crate) end: Previous,
}

impl Writer {
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
        let many = rolls && self.held.segments() >= SEGMENTS_MAX;
        if many || self.held.bytes().saturating_add(append_bytes) > room {
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
}
