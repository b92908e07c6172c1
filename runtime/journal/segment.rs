//! A segment: one file of blocks, and the header that lets a log be opened by its last segment
//! alone.
//!
//! The file is named by its first block, twenty digits, `.seg`. Its header says all that a writer
//! must know to go on: first block and sequence number, the hash of the block before (kept when
//! the block before has been removed), what the segment before held, up to which block the log was
//! on stable storage, and the table of streams with the records each had so far. A stream
//! registered later begins a new segment, so the table never changes within one. Block and
//! sequence numbers have no holes within a segment: numbers skipped by an unclean start lie
//! between segments.

use crate::block::{FORMAT_VERSION, Hash, Header, StreamId};
use crate::fault::Fault;
use crate::fields::{Fields, PREAMBLE_BYTES, Preamble, PreambleFault, put_text};
use cap_std::fs::Dir;
use std::fmt;
use std::io;

#[cfg(test)]
mod tests;

/// Streams that a log knows at a time. Source: a runtime has a handful of taps; recordings get one
/// each. When reached, the stream longest without a record in a segment still held makes room; if
/// there is none, the registration is refused.
pub const STREAMS_MAX: usize = 64;

/// Bytes of a stream's name.
pub const STREAM_NAME_BYTES_MAX: usize = 255;

/// Bytes of a stream's origin, which may hold a file's path.
pub const STREAM_ORIGIN_BYTES_MAX: usize = 1_024;

/// Segments of a log. Source: opening lists and seeking reads every header once. When reached: an
/// append that would begin another is refused as full, and a directory with more is not listed.
pub const SEGMENTS_MAX: usize = 100_000;

/// Largest header: fixed fields, a full table of streams, and the checksum, rounded up.
pub const SEGMENT_HEADER_BYTES_MAX: usize = 96 << 10;

const _: () = assert!(
    512 + STREAMS_MAX * (STREAM_NAME_BYTES_MAX + STREAM_ORIGIN_BYTES_MAX + 64)
        <= SEGMENT_HEADER_BYTES_MAX
);

/// File kind in the preamble of a segment.
const FILE_KIND: u16 = 1;

/// The place and cause of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// First block of the segment, which names its file.
    pub segment: u64,
    /// Offset of the block, or 0 for the segment's header. Bytes.
    pub offset: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = file_name(self.segment);
        write!(f, "{name}, offset {}: {}", self.offset, self.fault)
    }
}

impl std::error::Error for Damage {}

/// A stream of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its number, never used for another stream of this log.
    pub id: StreamId,
    /// Its name, such as a tap's.
    pub name: String,
    /// Where its records come from, such as a file and its size: another origin is another stream.
    pub origin: String,
    /// Records so far; rulings are not counted.
    pub records: u64,
    /// Number after its last block with records, 0 without one.
    pub block_end: u64,
    /// Time of its last record, ns since the Unix epoch.
    pub time_last_ns: u64,
    /// Records whose time is smaller than that of the record before.
    pub time_steps: u64,
}

/// The streams of a log, as the header of a segment holds them and blocks move them on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    pub(crate) list: Vec<StreamInfo>,
    pub(crate) next_id: u16,
}

impl Streams {
    pub(crate) fn get(&self, id: StreamId) -> Option<&StreamInfo> {
        self.list.iter().find(|stream| stream.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut StreamInfo> {
        self.list.iter_mut().find(|stream| stream.id == id)
    }

    /// Moves the counts past a block whose last record has this time.
    ///
    /// # Errors
    /// The block names an unknown stream, or does not continue its count.
    pub(crate) fn apply(
        &mut self,
        header: &Header,
        time_last_ns: Option<u64>,
    ) -> Result<(), Fault> {
        if header.stream == StreamId::NONE && !header.kind.consumes() {
            return Ok(());
        }
        let stream = self
            .get_mut(header.stream)
            .ok_or(Fault::Stream(header.stream.0))?;
        if header.stream_first != stream.records {
            return Err(Fault::StreamCount {
                found: header.stream_first,
                expected: stream.records,
            });
        }
        if header.kind.consumes() {
            stream.records = stream.records.saturating_add(u64::from(header.count));
            stream.block_end = header.block.saturating_add(1);
            stream.time_steps = stream
                .time_steps
                .saturating_add(u64::from(header.time_steps));
            stream.time_last_ns = time_last_ns.unwrap_or(stream.time_last_ns);
        }
        Ok(())
    }
}

/// What the segment before held, so that it need not be read to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Previous {
    /// Its first block, which names it.
    pub(crate) first_block: u64,
    /// Number after its last block.
    pub(crate) block_end: u64,
    /// Sequence number after its last record.
    pub(crate) seq_end: u64,
    /// Largest time in it, rulings apart; 0 without one.
    pub(crate) time_max_ns: u64,
    /// When its last block was appended.
    pub(crate) written_ns: u64,
}

/// A segment's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log_id: [u8; 16],
    pub(crate) first_block: u64,
    pub(crate) first_seq: u64,
    pub(crate) prev_hash: Hash,
    pub(crate) created_ns: u64,
    /// Every block below this number was on stable storage when the segment began.
    pub(crate) durable_below: u64,
    pub(crate) previous: Previous,
    pub(crate) streams: Streams,
}

impl SegmentHeader {
    /// Appends the header to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = Vec::with_capacity(1_024);
        fields.extend_from_slice(&self.log_id);
        fields.extend_from_slice(&self.prev_hash);
        for value in [
            self.first_block,
            self.first_seq,
            self.created_ns,
            self.durable_below,
            self.previous.first_block,
            self.previous.block_end,
            self.previous.seq_end,
            self.previous.time_max_ns,
            self.previous.written_ns,
        ] {
            fields.extend_from_slice(&value.to_le_bytes());
        }
        fields.extend_from_slice(&self.streams.next_id.to_le_bytes());
        let count = u16::try_from(self.streams.list.len()).expect("at most STREAMS_MAX streams");
        fields.extend_from_slice(&count.to_le_bytes());
        for stream in &self.streams.list {
            fields.extend_from_slice(&stream.id.0.to_le_bytes());
            for value in [
                stream.records,
                stream.block_end,
                stream.time_last_ns,
                stream.time_steps,
            ] {
                fields.extend_from_slice(&value.to_le_bytes());
            }
            put_text(&mut fields, &stream.name);
            put_text(&mut fields, &stream.origin);
        }
        let start = out.len();
        let bytes = PREAMBLE_BYTES + fields.len() + 4;
        Preamble {
            version: FORMAT_VERSION,
            file_kind: FILE_KIND,
            bytes: u32::try_from(bytes).expect("names, origins and streams are bounded"),
        }
        .encode(out);
        out.extend_from_slice(&fields);
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Reads a header from the first bytes of the segment named by `first_block`; returns it with
    /// its length.
    ///
    /// # Errors
    /// Names what is wrong.
    pub(crate) fn decode(bytes: &[u8], first_block: u64) -> Result<(Self, usize), Fault> {
        let partial = Fault::Partial {
            bytes: bytes.len() as u64,
        };
        let preamble = Preamble::decode(bytes).map_err(|fault| match fault {
            PreambleFault::Partial => partial,
            PreambleFault::Magic => Fault::Magic,
            PreambleFault::Checksum => Fault::HeaderChecksum,
        })?;
        if preamble.version > FORMAT_VERSION {
            return Err(Fault::Newer(preamble.version));
        }
        let len = preamble.bytes as usize;
        if preamble.file_kind != FILE_KIND || len > SEGMENT_HEADER_BYTES_MAX {
            return Err(Fault::Bound("segment header bytes"));
        }
        let header = bytes.get(..len).ok_or(partial)?;
        let fields_len = len
            .checked_sub(PREAMBLE_BYTES + 4)
            .ok_or(Fault::Bound("segment header bytes"))?;
        if header[len - 4..] != crc32c::crc32c(&header[..len - 4]).to_le_bytes() {
            return Err(Fault::HeaderChecksum);
        }
        let mut fields = Fields::new(&header[PREAMBLE_BYTES..PREAMBLE_BYTES + fields_len]);
        let header =
            Self::decode_fields(&mut fields).ok_or(Fault::Bound("segment header fields"))?;
        if header.first_block != first_block {
            return Err(Fault::Number {
                found: header.first_block,
                expected: first_block,
            });
        }
        Ok((header, len))
    }

    fn decode_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let mut header = Self {
            log_id: fields.array()?,
            prev_hash: fields.array()?,
            first_block: fields.u64()?,
            first_seq: fields.u64()?,
            created_ns: fields.u64()?,
            durable_below: fields.u64()?,
            previous: Previous {
                first_block: fields.u64()?,
                block_end: fields.u64()?,
                seq_end: fields.u64()?,
                time_max_ns: fields.u64()?,
                written_ns: fields.u64()?,
            },
            streams: Streams {
                next_id: fields.u16()?,
                list: Vec::new(),
            },
        };
        let count = usize::from(fields.u16()?);
        if count > STREAMS_MAX {
            return None;
        }
        for _ in 0..count {
            header.streams.list.push(StreamInfo {
                id: StreamId(fields.u16()?),
                records: fields.u64()?,
                block_end: fields.u64()?,
                time_last_ns: fields.u64()?,
                time_steps: fields.u64()?,
                name: fields.text()?.to_owned(),
                origin: fields.text()?.to_owned(),
            });
        }
        fields.is_empty().then_some(header)
    }
}

/// The file name of the segment that begins with this block.
pub fn file_name(first_block: u64) -> String {
    format!("{first_block:020}.seg")
}

/// A segment in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) first_block: u64,
    pub(crate) bytes: u64,
}

/// Memory of a segment in a writer's list, bytes: the list, and one that it grows from.
pub const SEGMENT_LISTED_BYTES: usize = 2 * size_of::<Listed>();

/// Listings begun while retention removes segments under them.
const LISTINGS_MAX: usize = 8;

/// The segments of a directory, in order.
///
/// # Errors
/// The directory cannot be read, or has more than [`SEGMENTS_MAX`] segments.
pub(crate) fn list(dir: &Dir) -> io::Result<Vec<Listed>> {
    let mut segments = Vec::new();
    for _ in 0..LISTINGS_MAX {
        segments.clear();
        if list_once(dir, &mut segments)? {
            break;
        }
    }
    segments.sort_by_key(|segment| segment.first_block);
    Ok(segments)
}

/// Lists once. `false` if a segment vanished meanwhile: what was listed before may then have
/// vanished too, and what was added since is not in the list.
fn list_once(dir: &Dir, segments: &mut Vec<Listed>) -> io::Result<bool> {
    let mut whole = true;
    for entry in dir.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(first_block) = name.to_str().and_then(parse_name) else {
            continue;
        };
        let bytes = match entry.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                whole = false;
                continue;
            }
            Err(error) => return Err(error),
        };
        if segments.len() == SEGMENTS_MAX {
            let cause = format!("more than {SEGMENTS_MAX} segments");
            return Err(io::Error::other(cause));
        }
        segments.push(Listed { first_block, bytes });
    }
    Ok(whole)
}

/// The first block that a segment's file name states; other names are no segments.
fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}
