//! Signed heads: evidence against malice.
//!
//! The chain of hashes shows accidents, but whoever can write the files can rebuild it. A head is
//! a block's number and hash, signed with a key that is kept elsewhere: up to the last signed head
//! the log cannot be changed without the key and go unnoticed. Only blocks on stable storage are
//! signed, so a power cut never makes a head that names a block that is not there.
//!
//! The file `heads` is a list of entries of 136 bytes: preamble (20), block (8), hash (32), time
//! (8), Ed25519 signature (64) over [`signed_bytes`], CRC32C of the 132 bytes before (4).

use crate::block::{FORMAT_VERSION, Hash};
use crate::fields::{Fields, PREAMBLE_BYTES, Preamble};
use crate::log::Writer;
use crate::sync::{Shared, SyncError, SyncHandle};
use cap_std::fs::{Dir, OpenOptions};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

#[cfg(test)]
mod tests;

/// Name of the file.
pub const HEADS_FILE: &str = "heads";

const TEMPORARY_FILE: &str = "heads.new";

/// Signed heads kept. Source: one every ten seconds for a week, below 9 MiB. When reached, the
/// older half is dropped: a later head covers all blocks before it.
pub const HEADS_MAX: u64 = 65_536;

const FILE_KIND: u16 = 3;

/// Bytes of an entry.
pub const HEAD_BYTES: usize = PREAMBLE_BYTES + 8 + 32 + 8 + 64 + 4;

/// What is before the log's identity in the bytes signed, so that a signature of this key made for
/// another purpose is none here.
const CONTEXT: &[u8; 24] = b"outrigger log head, v1\0\0";

/// A signed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The block.
    pub block: u64,
    /// Its hash.
    pub hash: Hash,
    /// When it was signed, by the host's clock, ns.
    pub time_ns: u64,
    /// The signature.
    pub signature: [u8; 64],
}

/// Why a head was not signed. The log itself is not harmed, failed syncs apart.
#[derive(Debug)]
pub enum HeadError {
    /// The block could not be made durable.
    Sync(SyncError),
    /// The file could not be used.
    Io(io::Error),
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync(error) => error.fmt(f),
            Self::Io(cause) => write!(f, "{HEADS_FILE}: {cause}"),
        }
    }
}

impl std::error::Error for HeadError {}

/// Why an entry is not a signed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFault {
    /// Not whole, or its checksum does not match.
    Damaged,
    /// Of a newer format than this build reads.
    Newer(u16),
    /// The signature is not by this key over this log.
    Signature,
    /// The block has another hash.
    Hash,
    /// The block is not there, though later ones are, or none that late is.
    Missing,
}

impl fmt::Display for HeadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("the entry is damaged"),
            Self::Newer(found) => write!(
                f,
                "format version {found} is newer than this build's {FORMAT_VERSION}"
            ),
            Self::Signature => f.write_str("the signature is not by this key over this log"),
            Self::Hash => f.write_str("the block has another hash than the one signed"),
            Self::Missing => f.write_str("the block signed is not there"),
        }
    }
}

/// The bytes that are signed: a context (24), the log's identity (16), block (8), hash (32), time
/// (8); numbers little-endian.
pub fn signed_bytes(log_id: &[u8; 16], block: u64, hash: &Hash, time_ns: u64) -> [u8; 88] {
    let mut out = [0; 88];
    out[..24].copy_from_slice(CONTEXT);
    out[24..40].copy_from_slice(log_id);
    out[40..48].copy_from_slice(&block.to_le_bytes());
    out[48..80].copy_from_slice(hash);
    out[80..].copy_from_slice(&time_ns.to_le_bytes());
    out
}

impl Head {
    /// True if `key` signed this head for this log.
    pub fn is_signed_by(&self, log_id: &[u8; 16], key: &VerifyingKey) -> bool {
        let signature = Signature::from_bytes(&self.signature);
        let signed = signed_bytes(log_id, self.block, &self.hash, self.time_ns);
        key.verify_strict(&signed, &signature).is_ok()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES);
        Preamble {
            version: FORMAT_VERSION,
            file_kind: FILE_KIND,
            bytes: u32::try_from(HEAD_BYTES).expect("a constant below 4 GiB"),
        }
        .encode(&mut out);
        out.extend_from_slice(&self.block.to_le_bytes());
        out.extend_from_slice(&self.hash);
        out.extend_from_slice(&self.time_ns.to_le_bytes());
        out.extend_from_slice(&self.signature);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(entry: &[u8]) -> Result<Self, HeadFault> {
        let preamble = Preamble::decode(entry).map_err(|_| HeadFault::Damaged)?;
        if preamble.version > FORMAT_VERSION {
            return Err(HeadFault::Newer(preamble.version));
        }
        if preamble.file_kind != FILE_KIND || entry.len() != HEAD_BYTES {
            return Err(HeadFault::Damaged);
        }
        let (body, crc) = entry.split_at(HEAD_BYTES - 4);
        if crc != crc32c::crc32c(body).to_le_bytes() {
            return Err(HeadFault::Damaged);
        }
        let mut fields = Fields::new(&body[PREAMBLE_BYTES..]);
        let mut read = || {
            Some(Self {
                block: fields.u64()?,
                hash: fields.array()?,
                time_ns: fields.u64()?,
                signature: fields.array()?,
            })
        };
        read().ok_or(HeadFault::Damaged)
    }
}

/// The entries of the file, good or not, in order; none without the file. An entry cut short at the
/// end is a damaged one.
///
/// # Errors
/// The file cannot be read.
pub fn load(dir: &Dir) -> io::Result<Vec<Result<Head, HeadFault>>> {
    let file = match dir.open(HEADS_FILE) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take((HEADS_MAX + 1) * HEAD_BYTES as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes.chunks(HEAD_BYTES).map(Head::decode).collect())
}

/// The file of a log that is open for writing.
#[derive(Debug)]
pub(crate) struct HeadsFile {
    file: File,
    bytes: u64,
    last_block: Option<u64>,
}

impl HeadsFile {
    /// Opens or creates the file and cuts an entry that is not whole.
    fn open(shared: &Shared) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let file = shared.dir.open_with(HEADS_FILE, &options)?.into_std();
        shared.dir_file.sync_all()?;
        let len = file.metadata()?.len();
        let bytes = len - len % HEAD_BYTES as u64;
        if bytes != len {
            file.set_len(bytes)?;
        }
        let last_block = match load(&shared.dir)?.last() {
            Some(Ok(head)) => Some(head.block),
            Some(Err(_)) | None => None,
        };
        Ok(Self {
            file,
            bytes,
            last_block,
        })
    }

    /// Drops the older half.
    fn shorten(&mut self, shared: &Shared) -> io::Result<()> {
        let keep = HEADS_MAX / 2 * HEAD_BYTES as u64;
        let from = self.bytes.saturating_sub(keep);
        let mut kept = vec![0; usize::try_from(self.bytes - from).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut kept, from)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = shared.dir.open_with(TEMPORARY_FILE, &options)?.into_std();
        file.write_all_at(&kept, 0)?;
        file.sync_all()?;
        shared.dir.rename(TEMPORARY_FILE, &shared.dir, HEADS_FILE)?;
        shared.dir_file.sync_all()?;
        self.file = file;
        self.bytes = kept.len() as u64;
        Ok(())
    }

    fn append(&mut self, head: &Head) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(&head.encode(), self.bytes) {
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.file.sync_data()?;
        self.bytes += HEAD_BYTES as u64;
        self.last_block = Some(head.block);
        Ok(())
    }
}

impl SyncHandle {
    /// Makes all appended blocks durable and signs the last one. `None` in a log without blocks, if
    /// the last block is signed already, or after the writer is gone.
    ///
    /// # Errors
    /// The sync failed, or the file of heads cannot be written: the log goes on without new heads.
    pub fn sign_head(&self, key: &SigningKey, now_ns: u64) -> Result<Option<Head>, HeadError> {
        let tip = self.sync().map_err(HeadError::Sync)?;
        let Some(block) = tip.block else {
            return Ok(None);
        };
        let mut heads = self.shared.heads();
        if self.shared.is_ended() {
            return Ok(None);
        }
        let mut file = match heads.take() {
            Some(file) => file,
            None => HeadsFile::open(&self.shared).map_err(HeadError::Io)?,
        };
        if file.last_block == Some(block) {
            *heads = Some(file);
            return Ok(None);
        }
        let signed = signed_bytes(&self.shared.log_id, block, &tip.hash, now_ns);
        let head = Head {
            block,
            hash: tip.hash,
            time_ns: now_ns,
            signature: key.sign(&signed).to_bytes(),
        };
        if file.bytes >= HEADS_MAX * HEAD_BYTES as u64 {
            file.shorten(&self.shared).map_err(HeadError::Io)?;
        }
        // After an error the file is opened anew, and what is there decides.
        file.append(&head).map_err(HeadError::Io)?;
        *heads = Some(file);
        Ok(Some(head))
    }
}

impl Writer {
    /// As [`SyncHandle::sign_head`].
    ///
    /// # Errors
    /// As [`SyncHandle::sign_head`].
    pub fn sign_head(&self, key: &SigningKey, now_ns: u64) -> Result<Option<Head>, HeadError> {
        self.sync_handle().sign_head(key, now_ns)
    }
}
