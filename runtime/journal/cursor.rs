//! A place in one segment, and the one way to walk its blocks: the reader, the opening scan and
//! verification all go through here, so they cannot disagree on what a good block is.

use crate::block::{self, Block, HEADER_BYTES, Hash, Header};
use crate::error::ReadError;
use crate::fault::Fault;
use crate::segment::{Damage, SEGMENT_HEADER_BYTES_MAX, SegmentHeader, file_name};
use cap_std::fs::Dir;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes asked of the kernel at a time: several blocks per system call. Source: benches/journal.rs.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// Why a step failed.
#[derive(Debug)]
pub(crate) enum StepError {
    Io(io::Error),
    Damaged(Damage),
}

impl StepError {
    pub(crate) fn into_read(self, segment: u64) -> ReadError {
        match self {
            Self::Io(cause) => ReadError::Io {
                file: file_name(segment),
                cause,
            },
            Self::Damaged(damage) => ReadError::Damaged(damage),
        }
    }
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A whole, good block.
    Block,
    /// The end of what is there now, with so many bytes of a block that is not whole.
    End { partial_bytes: u64 },
}

/// A window of a file.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    start: u64,
    len: usize,
}

impl Chunk {
    /// The `len` bytes at `offset`, read ahead by a chunk; fewer where the file ends.
    ///
    /// What is behind the last whole block is never kept: a writer that ran out of space takes a
    /// partial block back and writes another in its place.
    fn get(&mut self, file: &File, offset: u64, len: usize) -> io::Result<&[u8]> {
        let skip = offset
            .checked_sub(self.start)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|&skip| skip <= self.len && self.len - skip >= len);
        if let Some(skip) = skip {
            return Ok(&self.bytes[skip..skip + len]);
        }
        let want = len.max(CHUNK_BYTES);
        if self.bytes.len() < want {
            self.bytes.resize(want, 0);
        }
        self.start = offset;
        self.len = 0;
        while self.len < len {
            let at = offset + self.len as u64;
            match file.read_at(&mut self.bytes[self.len..want], at) {
                Ok(0) => {
                    let got = std::mem::take(&mut self.len);
                    return Ok(&self.bytes[..got]);
                }
                Ok(got) => self.len += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.len = 0;
                    return Err(error);
                }
            }
        }
        Ok(&self.bytes[..len])
    }

    fn clear(&mut self) {
        self.len = 0;
    }
}

/// A place in a segment. Its memory is at most one chunk or one block, whichever is larger.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) segment: u64,
    pub(crate) header: SegmentHeader,
    pub(crate) offset: u64,
    pub(crate) next_block: u64,
    pub(crate) next_seq: u64,
    /// Hash of the block before, unknown after blocks were skipped.
    pub(crate) prev_hash: Option<Hash>,
    file: File,
    chunk: Chunk,
}

impl Cursor {
    /// Opens the segment and reads its header.
    pub(crate) fn open(dir: &Dir, segment: u64) -> Result<Self, StepError> {
        let file = dir
            .open(file_name(segment))
            .map_err(StepError::Io)?
            .into_std();
        let (header, len) = read_header(&file, segment)?;
        Ok(Self {
            segment,
            offset: len as u64,
            next_block: header.first_block,
            next_seq: header.first_seq,
            prev_hash: Some(header.prev_hash),
            header,
            file,
            chunk: Chunk::default(),
        })
    }

    /// Damage at this place.
    pub(crate) fn damage(&self, fault: Fault) -> Damage {
        Damage {
            segment: self.segment,
            offset: self.offset,
            fault,
        }
    }

    /// Reads the next block whole and checks it.
    pub(crate) fn next(&mut self, block: &mut Block) -> Result<Step, StepError> {
        self.step(Some(block)).map(|(step, _)| step)
    }

    /// Passes over blocks as long as `skip` says: their headers are checked, their bodies are not
    /// looked at. `true` if it stands before a block that was refused, `false` at the end.
    pub(crate) fn skip_while(
        &mut self,
        mut skip: impl FnMut(&Header) -> bool,
    ) -> Result<bool, StepError> {
        loop {
            let before = (self.offset, self.next_block, self.next_seq, self.prev_hash);
            let (_, header) = self.step(None)?;
            let Some(header) = header else {
                return Ok(false);
            };
            if !skip(&header) {
                (self.offset, self.next_block, self.next_seq, self.prev_hash) = before;
                return Ok(true);
            }
        }
    }

    fn step(&mut self, mut block: Option<&mut Block>) -> Result<(Step, Option<Header>), StepError> {
        // A writer that ran out of space takes back a partial block between two reads, so bytes of
        // two blocks could meet in the chunk: a fault counts only in bytes read at once.
        let mut fresh = self.chunk.len == 0;
        loop {
            match self.parse(block.as_deref_mut()) {
                Ok(done) => return Ok(done),
                Err(error) => {
                    self.chunk.clear();
                    if fresh || matches!(error, StepError::Io(_)) {
                        return Err(error);
                    }
                    fresh = true;
                }
            }
        }
    }

    fn parse(&mut self, block: Option<&mut Block>) -> Result<(Step, Option<Header>), StepError> {
        let (segment, offset) = (self.segment, self.offset);
        let damaged = |fault| {
            StepError::Damaged(Damage {
                segment,
                offset,
                fault,
            })
        };
        let head = self
            .chunk
            .get(&self.file, offset, HEADER_BYTES)
            .map_err(StepError::Io)?;
        if head.len() < HEADER_BYTES {
            let partial_bytes = head.len() as u64;
            return Ok((Step::End { partial_bytes }, None));
        }
        let mut len = Header::decode(head).map_err(damaged)?.block_bytes();
        let (header, whole) = loop {
            let whole = self
                .chunk
                .get(&self.file, offset, len)
                .map_err(StepError::Io)?;
            if whole.len() < len {
                let partial_bytes = whole.len() as u64;
                return Ok((Step::End { partial_bytes }, None));
            }
            let header = Header::decode(whole).map_err(damaged)?;
            if header.block_bytes() == len {
                break (header, whole);
            }
            len = header.block_bytes();
        };
        if header.block != self.next_block {
            return Err(damaged(Fault::Number {
                found: header.block,
                expected: self.next_block,
            }));
        }
        if header.first_seq != self.next_seq {
            return Err(damaged(Fault::Sequence {
                found: header.first_seq,
                expected: self.next_seq,
            }));
        }
        if self.prev_hash.is_some_and(|hash| hash != header.prev_hash) {
            return Err(damaged(Fault::Chain));
        }
        self.prev_hash = match block {
            Some(block) => {
                block::decode_body(&header, &whole[HEADER_BYTES..], &mut block.columns)
                    .map_err(damaged)?;
                block.hash = block::hash(whole);
                block.header = header.clone();
                Some(block.hash)
            }
            None => None,
        };
        self.offset = offset + len as u64;
        self.next_block = header.block.saturating_add(1);
        self.next_seq = header.seq_end();
        Ok((Step::Block, Some(header)))
    }

    /// Bytes of the segment's file now.
    pub(crate) fn file_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// Bytes first asked of a segment for its header. Source: a header with a dozen streams fits.
const HEADER_READ_BYTES: usize = 4 << 10;

/// Reads and checks the header of a segment; returns it with its length.
fn read_header(file: &File, segment: u64) -> Result<(SegmentHeader, usize), StepError> {
    let mut bytes = vec![0; HEADER_READ_BYTES];
    loop {
        let got = read_full(file, &mut bytes).map_err(StepError::Io)?;
        match SegmentHeader::decode(&bytes[..got], segment) {
            Ok(found) => return Ok(found),
            Err(Fault::Partial { .. }) if got == bytes.len() && got < SEGMENT_HEADER_BYTES_MAX => {
                bytes.resize(SEGMENT_HEADER_BYTES_MAX, 0);
            }
            Err(fault) => {
                return Err(StepError::Damaged(Damage {
                    segment,
                    offset: 0,
                    fault,
                }));
            }
        }
    }
}

/// Header of a segment, without a place in it.
pub(crate) fn segment_header(dir: &Dir, segment: u64) -> Result<SegmentHeader, StepError> {
    let file = dir
        .open(file_name(segment))
        .map_err(StepError::Io)?
        .into_std();
    read_header(&file, segment).map(|(header, _)| header)
}

/// Fills `bytes` from the start of the file; returns how many there were.
fn read_full(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match file.read_at(&mut bytes[got..], got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// Counts whole block headers with a good checksum at any offset from `from` on, up to `max`.
pub(crate) fn headers_behind(file: &File, from: u64, max: u64) -> io::Result<u64> {
    let mut found = 0;
    let mut at = from;
    let mut bytes = vec![0; CHUNK_BYTES];
    while found < max {
        let got = file.read_at(&mut bytes, at)?;
        if got < HEADER_BYTES {
            break;
        }
        let starts = got - HEADER_BYTES + 1;
        for start in 0..starts {
            if Header::decode(&bytes[start..got]).is_ok() {
                found += 1;
                if found == max {
                    break;
                }
            }
        }
        at += starts as u64;
    }
    Ok(found)
}
