//! A block: the unit of append, of checksum and of the hash chain.
//!
//! ```text
//! offset  bytes  field (all little-endian)
//!      0      4  magic "OBLK"
//!      4      2  format version
//!      6      1  kind: 1 frames, 2 tick, 3 rulings, 4 records
//!      7      1  zero
//!      8      2  stream
//!     10      2  zero
//!     12      4  count: records in this block
//!     16      8  block number
//!     24      8  sequence number of the first record
//!     32      8  records of this stream before this block
//!     40      8  smallest time, ns since the Unix epoch
//!     48      8  largest time, ns
//!     56      8  time of the append by the host's clock, ns (informational)
//!     64      4  bytes of the body
//!     68      4  steps: records whose time is smaller than that of the record before in the stream
//!     72     32  SHA-256 of the whole block before
//!    104      4  CRC32C of the body
//!    108      4  CRC32C of the 108 bytes before
//!    112         body: times (8 × count), ends (4 × count), bytes
//! ```
//!
//! The header has a checksum of its own, so that its length can be trusted before the body is
//! there: a block that is still being written and one whose length was damaged look different.
//!
//! Frames and records consume sequence numbers. Ticks have no records. Rulings have records but
//! consume none: their first sequence number is the next one free, which says where among the
//! frames they stand and leaves the frames numbered without holes.

use crate::fault::Fault;
use crate::fields::Fields;
use outrigger_policy::Columns;
use sha2::{Digest, Sha256};

#[cfg(test)]
mod tests;

/// Version of the format this build writes, and the newest that it reads.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of a block's header.
pub const HEADER_BYTES: usize = 112;

/// Largest body of a block, bytes. Source: a reader's and the writer's buffer must hold one block,
/// and both stand in the memory plan. When reached: the append is refused, nothing is written.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// Most records in a block. Source: `ends` and `times` of a block stay below 1 MiB. When reached:
/// the append is refused, nothing is written.
pub const BLOCK_RECORDS_MAX: usize = 65_536;

/// Bytes of the body that each record takes beside its own: a time and an end.
pub const RECORD_OVERHEAD_BYTES: usize = 12;

const _: () = assert!(BLOCK_RECORDS_MAX * RECORD_OVERHEAD_BYTES <= BODY_BYTES_MAX / 4);

const MAGIC: [u8; 4] = *b"OBLK";

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// What the first block of a log names as the hash of the block before.
pub const GENESIS: Hash = [0; 32];

/// A stream's number within a log: a tap of a journal; topic logs have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u16);

impl StreamId {
    /// No stream: ticks and rulings that concern none.
    pub const NONE: Self = Self(u16::MAX);
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Frames from a bus.
    Frames,
    /// Nothing but a time.
    Tick,
    /// Decisions that a re-run obeys. They consume no sequence numbers.
    Rulings,
    /// Records of a topic, dead letters, audit.
    Records,
}

impl Kind {
    /// True if the records of this kind consume sequence numbers.
    pub fn consumes(self) -> bool {
        match self {
            Self::Frames | Self::Records => true,
            Self::Tick | Self::Rulings => false,
        }
    }

    /// True if times of this kind are capture times, which seeks by time go by. Rulings carry the
    /// time of the ruling, which a replayed recording would put years after its frames.
    pub fn is_dated(self) -> bool {
        match self {
            Self::Frames | Self::Records | Self::Tick => true,
            Self::Rulings => false,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Frames => 1,
            Self::Tick => 2,
            Self::Rulings => 3,
            Self::Records => 4,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Frames),
            2 => Some(Self::Tick),
            3 => Some(Self::Rulings),
            4 => Some(Self::Records),
            _ => None,
        }
    }
}

/// A block's header, as the table in the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the block holds.
    pub kind: Kind,
    /// Stream of the records.
    pub stream: StreamId,
    /// Number of the block.
    pub block: u64,
    /// Sequence number of the first record; the next free one if the block consumes none.
    pub first_seq: u64,
    /// Records.
    pub count: u32,
    /// Records of this stream before this block. Rulings are not counted.
    pub stream_first: u64,
    /// Smallest time of a record, or the time of the tick. Nanoseconds since the Unix epoch.
    pub time_min_ns: u64,
    /// Largest time of a record, or the time of the tick.
    pub time_max_ns: u64,
    /// When the block was appended, by the host's clock.
    pub written_ns: u64,
    /// Records whose time is smaller than that of the record before in the same stream.
    pub time_steps: u32,
    /// Hash of the block before.
    pub prev_hash: Hash,
    pub(crate) body_bytes: u32,
    pub(crate) body_crc: u32,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            kind: Kind::Tick,
            stream: StreamId::NONE,
            block: 0,
            first_seq: 0,
            count: 0,
            stream_first: 0,
            time_min_ns: 0,
            time_max_ns: 0,
            written_ns: 0,
            time_steps: 0,
            prev_hash: GENESIS,
            body_bytes: 0,
            body_crc: 0,
        }
    }
}

impl Header {
    /// The sequence number after this block.
    pub fn seq_end(&self) -> u64 {
        if self.kind.consumes() {
            self.first_seq.saturating_add(u64::from(self.count))
        } else {
            self.first_seq
        }
    }

    /// Bytes of the whole block in its segment.
    pub fn block_bytes(&self) -> usize {
        HEADER_BYTES + self.body_bytes as usize
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        out[6] = self.kind.code();
        out[8..10].copy_from_slice(&self.stream.0.to_le_bytes());
        out[12..16].copy_from_slice(&self.count.to_le_bytes());
        out[16..24].copy_from_slice(&self.block.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_seq.to_le_bytes());
        out[32..40].copy_from_slice(&self.stream_first.to_le_bytes());
        out[40..48].copy_from_slice(&self.time_min_ns.to_le_bytes());
        out[48..56].copy_from_slice(&self.time_max_ns.to_le_bytes());
        out[56..64].copy_from_slice(&self.written_ns.to_le_bytes());
        out[64..68].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[68..72].copy_from_slice(&self.time_steps.to_le_bytes());
        out[72..104].copy_from_slice(&self.prev_hash);
        out[104..108].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..108]);
        out[108..112].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header from the first bytes of a block.
    ///
    /// # Errors
    /// Names what is wrong.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let partial = Fault::Partial {
            bytes: bytes.len() as u64,
        };
        let Some(bytes) = bytes.get(..HEADER_BYTES) else {
            return Err(partial);
        };
        if bytes[..4] != MAGIC {
            return Err(Fault::Magic);
        }
        let crc = crc32c::crc32c(&bytes[..108]);
        let mut fields = Fields::new(bytes);
        let header = Self::decode_fields(&mut fields, crc).ok_or(partial)??;
        if header.count as usize > BLOCK_RECORDS_MAX {
            return Err(Fault::Bound("count"));
        }
        let columns_bytes = header.count as usize * RECORD_OVERHEAD_BYTES;
        let body_bytes = header.body_bytes as usize;
        if body_bytes > BODY_BYTES_MAX || body_bytes < columns_bytes {
            return Err(Fault::Bound("body bytes"));
        }
        if header
            .first_seq
            .checked_add(u64::from(header.count))
            .is_none()
        {
            return Err(Fault::Bound("first sequence number"));
        }
        Ok(header)
    }

    fn decode_fields(fields: &mut Fields<'_>, crc: u32) -> Option<Result<Self, Fault>> {
        let _magic = fields.u32()?;
        let version = fields.u16()?;
        let kind = fields.u8()?;
        let _zero = fields.u8()?;
        let stream = StreamId(fields.u16()?);
        let _zero = fields.u16()?;
        let count = fields.u32()?;
        let mut header = Self {
            stream,
            count,
            block: fields.u64()?,
            first_seq: fields.u64()?,
            stream_first: fields.u64()?,
            time_min_ns: fields.u64()?,
            time_max_ns: fields.u64()?,
            written_ns: fields.u64()?,
            body_bytes: fields.u32()?,
            time_steps: fields.u32()?,
            prev_hash: fields.array()?,
            body_crc: fields.u32()?,
            kind: Kind::Tick,
        };
        if fields.u32()? != crc {
            return Some(Err(Fault::HeaderChecksum));
        }
        if version != FORMAT_VERSION {
            return Some(Err(Fault::Version(version)));
        }
        let Some(kind) = Kind::from_code(kind) else {
            return Some(Err(Fault::Kind(kind)));
        };
        header.kind = kind;
        Some(Ok(header))
    }
}

/// One block as read: header, columns, and its hash.
///
/// A reader fills the same block again and keeps its memory.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The header.
    pub header: Header,
    /// The records; none in a tick.
    pub columns: Columns,
    /// SHA-256 of the whole block, which the next block names.
    pub hash: Hash,
}

/// Appends a block to `out` and returns its hash. Sets the header's lengths and checksums.
pub(crate) fn encode(out: &mut Vec<u8>, header: &mut Header, columns: &Columns) -> Hash {
    let start = out.len();
    let body = start + HEADER_BYTES;
    let ends = body + columns.len() * 8;
    let bytes = ends + columns.len() * 4;
    out.resize(bytes, 0);
    for (slot, value) in out[body..ends].chunks_exact_mut(8).zip(columns.times_ns()) {
        slot.copy_from_slice(&value.to_le_bytes());
    }
    for (slot, value) in out[ends..bytes].chunks_exact_mut(4).zip(columns.ends()) {
        slot.copy_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(columns.bytes());
    let body_bytes = out.len() - body;
    header.body_bytes =
        u32::try_from(body_bytes).expect("the writer bounds a body far below 4 GiB");
    header.body_crc = crc32c::crc32c(&out[body..]);
    out[start..body].copy_from_slice(&header.encode());
    hash(&out[start..])
}

/// SHA-256.
pub(crate) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Reads the body of a block into `columns`, keeping their memory.
///
/// # Errors
/// Names what is wrong; `columns` are then empty.
pub(crate) fn decode_body(
    header: &Header,
    body: &[u8],
    columns: &mut Columns,
) -> Result<(), Fault> {
    let (mut times_ns, mut ends, mut bytes) = std::mem::take(columns).into_parts();
    if crc32c::crc32c(body) != header.body_crc {
        return Err(Fault::BodyChecksum);
    }
    let count = header.count as usize;
    let mut fields = Fields::new(body);
    let times_raw = fields.bytes(count * 8).ok_or(Fault::Bound("body bytes"))?;
    let ends_raw = fields.bytes(count * 4).ok_or(Fault::Bound("body bytes"))?;
    times_ns.clear();
    times_ns.extend(
        times_raw
            .as_chunks::<8>()
            .0
            .iter()
            .map(|raw| u64::from_le_bytes(*raw)),
    );
    ends.clear();
    ends.extend(
        ends_raw
            .as_chunks::<4>()
            .0
            .iter()
            .map(|raw| u32::from_le_bytes(*raw)),
    );
    bytes.clear();
    bytes.extend_from_slice(&body[count * RECORD_OVERHEAD_BYTES..]);
    *columns = Columns::from_parts(times_ns, ends, bytes).map_err(Fault::Columns)?;
    Ok(())
}
