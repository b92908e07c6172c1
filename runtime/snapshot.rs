//! Snapshots: what the pipeline has folded, so that recovery need not begin at the beginning.
//!
//! A file per snapshot, named by the first block that is not folded in: MessagePack, followed by
//! its SHA-256. Written beside its name, synced, and renamed, so a name always stands for a whole
//! file; the two newest are kept. A snapshot is only taken where instances restart, and after
//! journal and topic logs up to it are on stable storage.

use std::borrow::Borrow;
use std::io::{BufWriter, Read, Write};

use cap_std::fs::{Dir, OpenOptions};
use outrigger_policy::state::Kept;
use outrigger_policy::verdict::Health;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::pipeline::{Folded, StorePart};

/// Version of the snapshot's layout.
pub const SNAPSHOT_VERSION: u32 = 1;
/// Snapshots kept. Reason: one to go on from, and one more should it turn out damaged.
pub const SNAPSHOTS_KEPT: usize = 2;
/// Bytes of a snapshot that are written at once. Reason: beyond it a system call's cost no longer shows.
pub const WRITE_BYTES: usize = 64 << 10;
const SUFFIX: &str = ".snapshot";

/// What must be the same for re-execution to give the same outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Build of the runtime, its engine, and the CPU architecture.
    pub build: String,
    /// SHA-256 of what shapes the output in the resolved configuration, hexadecimal.
    pub configuration: String,
    /// Plugins: name and SHA-256, hexadecimal.
    pub plugins: Vec<(String, String)>,
}

/// A snapshot; its keys are in it, or `&Kept` lends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<K = Kept> {
    /// Identity of the journal.
    pub log_id: [u8; 16],
    /// First block that is not folded in.
    pub next_block: u64,
    /// What made it.
    pub identity: Identity,
    /// What the pipeline had folded.
    pub folded: Folded<K>,
}

/// Why a snapshot cannot be written or used.
#[derive(Debug)]
pub enum SnapshotError {
    /// The file or directory: name and cause.
    Io(String, std::io::Error),
    /// The file is damaged: name and cause.
    Damaged(String, String),
    /// The file is of a newer version: name and version.
    Newer(String, u32),
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(file, error) => write!(f, "snapshots/{file}: {error}"),
            Self::Damaged(file, cause) => write!(f, "snapshots/{file} is damaged: {cause}"),
            Self::Newer(file, version) => write!(
                f,
                "snapshots/{file} has version {version}, newer than this build's {SNAPSHOT_VERSION}"
            ),
        }
    }
}

impl std::error::Error for SnapshotError {}

#[derive(Deserialize)]
struct KeptRow {
    #[serde(with = "serde_bytes")]
    key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    value: Vec<u8>,
    class: u16,
    domain: u16,
    seen_ns: u64,
    touched: u64,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(with = "serde_bytes")]
    log_id: Vec<u8>,
    next_block: u64,
    identity: Identity,
    taps: Vec<(String, u64)>,
    /// Name, faults, good rows, quarantined.
    health: Vec<(String, u32, u32, bool)>,
    /// Plugin, label, tap, keys.
    stores: Vec<(String, String, Option<String>, Vec<KeptRow>)>,
    classes: Vec<String>,
    /// Classes that are shed.
    #[serde(default)]
    shed: Vec<String>,
}

/// The same for writing: what a snapshot holds is not copied once more.
#[derive(Serialize)]
struct KeptRef<'a> {
    #[serde(with = "serde_bytes")]
    key: &'a [u8],
    #[serde(with = "serde_bytes")]
    value: &'a [u8],
    class: u16,
    domain: u16,
    seen_ns: u64,
    touched: u64,
}

/// The keys of a store, one after the other.
struct Rows<'a, K>(&'a [K]);

impl<K: Borrow<Kept>> Serialize for Rows<'_, K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Borrow::borrow).map(|kept| KeptRef {
            key: &kept.key,
            value: &kept.value,
            class: kept.class,
            domain: kept.domain,
            seen_ns: kept.seen_ns,
            touched: kept.touched,
        }))
    }
}

/// [`File`] for writing; fields as there.
#[derive(Serialize)]
#[serde(bound = "")]
struct FileRef<'a, K: Borrow<Kept>> {
    version: u32,
    #[serde(with = "serde_bytes")]
    log_id: &'a [u8],
    next_block: u64,
    identity: &'a Identity,
    taps: &'a [(String, u64)],
    health: Vec<(&'a str, u32, u32, bool)>,
    stores: Vec<(&'a str, &'a str, Option<&'a str>, Rows<'a, K>)>,
    classes: &'a [String],
    shed: &'a [String],
}

impl<'a, K: Borrow<Kept>> From<&'a Snapshot<K>> for FileRef<'a, K> {
    fn from(snapshot: &'a Snapshot<K>) -> Self {
        let folded = &snapshot.folded;
        let health = folded.health.iter().map(|(name, health)| {
            let Health {
                faults,
                good_rows,
                quarantined,
            } = *health;
            (&name[..], faults, good_rows, quarantined)
        });
        let stores = folded.stores.iter().map(|part| {
            let rows = Rows(&part.kept);
            (&part.plugin[..], &part.label[..], part.tap.as_deref(), rows)
        });
        Self {
            version: SNAPSHOT_VERSION,
            log_id: &snapshot.log_id,
            next_block: snapshot.next_block,
            identity: &snapshot.identity,
            taps: &folded.taps,
            health: health.collect(),
            stores: stores.collect(),
            classes: &folded.classes,
            shed: &folded.shed,
        }
    }
}

/// Hashes what is written through it, and pauses before each piece.
struct Hashing<W, P> {
    to: W,
    hash: Sha256,
    pause: P,
}

impl<W: Write, P: FnMut()> Write for Hashing<W, P> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        (self.pause)();
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// What kept a snapshot from being written: it is plain data, so that is the file.
fn cause(error: rmp_serde::encode::Error) -> std::io::Error {
    use rmp::encode::ValueWriteError::{InvalidDataWrite, InvalidMarkerWrite};
    match error {
        rmp_serde::encode::Error::InvalidValueWrite(
            InvalidDataWrite(error) | InvalidMarkerWrite(error),
        ) => error,
        other => std::io::Error::other(other),
    }
}

/// Writes the file as it goes, so that it never lies in memory whole.
fn write_file<K: Borrow<Kept>>(
    to: &mut impl Write,
    snapshot: &Snapshot<K>,
    pause: impl FnMut(),
) -> std::io::Result<()> {
    let hash = Sha256::new();
    let hashing = Hashing { to, hash, pause };
    let mut out = BufWriter::with_capacity(WRITE_BYTES, hashing);
    rmp_serde::encode::write(&mut out, &FileRef::from(snapshot)).map_err(cause)?;
    let Hashing { to, hash, .. } = out.into_inner().map_err(|error| error.into_error())?;
    to.write_all(&hash.finalize())
}

impl File {
    fn into_snapshot(self) -> Option<Snapshot> {
        let kept = |row: KeptRow| Kept {
            key: row.key,
            value: row.value,
            class: row.class,
            domain: row.domain,
            seen_ns: row.seen_ns,
            touched: row.touched,
        };
        Some(Snapshot {
            log_id: self.log_id.try_into().ok()?,
            next_block: self.next_block,
            identity: self.identity,
            folded: Folded {
                taps: self.taps,
                shed: self.shed,
                classes: self.classes,
                health: self
                    .health
                    .into_iter()
                    .map(|(name, faults, good_rows, quarantined)| {
                        let health = Health {
                            faults,
                            good_rows,
                            quarantined,
                        };
                        (name, health)
                    })
                    .collect(),
                stores: self
                    .stores
                    .into_iter()
                    .map(|(plugin, label, tap, rows)| StorePart {
                        plugin,
                        label,
                        tap,
                        kept: rows.into_iter().map(kept).collect(),
                    })
                    .collect(),
            },
        })
    }
}

/// Writes a snapshot, makes it durable, and removes the oldest ones beyond [`SNAPSHOTS_KEPT`]. Before
/// each [`WRITE_BYTES`] it calls `pause`: a large state takes long to write.
///
/// # Errors
/// The file could not be written; older snapshots are untouched then.
pub fn write<K: Borrow<Kept>>(
    dir: &Dir,
    snapshot: &Snapshot<K>,
    pause: impl FnMut(),
) -> Result<(), SnapshotError> {
    let name = format!("{:020}{SUFFIX}", snapshot.next_block);
    // One name for all, so that failed attempts on a full disk do not add up.
    let beside = "writing.tmp";
    let io = |error| SnapshotError::Io(name.clone(), error);
    let mut file = dir
        .open_with(
            beside,
            OpenOptions::new().write(true).create(true).truncate(true),
        )
        .map_err(io)?;
    write_file(&mut file, snapshot, pause).map_err(io)?;
    file.sync_all().map_err(io)?;
    dir.rename(beside, dir, &name).map_err(io)?;
    dir.open(".")
        .and_then(|dir| dir.into_std().sync_all())
        .map_err(io)?;
    let names = names(dir)?;
    for old in names.iter().rev().skip(SNAPSHOTS_KEPT) {
        dir.remove_file(old)
            .map_err(|error| SnapshotError::Io(old.clone(), error))?;
    }
    Ok(())
}

/// Bytes of all snapshots.
///
/// # Errors
/// The directory cannot be read.
pub fn bytes(dir: &Dir) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in dir.entries()? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Names of all snapshots, oldest first. What a stop left beside a name is passed over.
fn names(dir: &Dir) -> Result<Vec<String>, SnapshotError> {
    let io = |error| SnapshotError::Io(".".to_owned(), error);
    let mut names = Vec::new();
    for entry in dir.entries().map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        if let Some(name) = name.to_str()
            && name.ends_with(SUFFIX)
        {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The newest usable snapshot, and what is wrong with newer ones.
///
/// # Errors
/// The directory cannot be read, or a snapshot is of a newer version: then an older build has no
/// business here.
pub fn newest(dir: &Dir) -> Result<(Option<Snapshot>, Vec<SnapshotError>), SnapshotError> {
    let mut damaged = Vec::new();
    for name in names(dir)?.iter().rev() {
        match read(dir, name) {
            Ok(snapshot) => return Ok((Some(snapshot), damaged)),
            Err(error @ SnapshotError::Newer(..)) => return Err(error),
            Err(error @ (SnapshotError::Io(..) | SnapshotError::Damaged(..))) => {
                damaged.push(error);
            }
        }
    }
    Ok((None, damaged))
}

fn read(dir: &Dir, name: &str) -> Result<Snapshot, SnapshotError> {
    let io = |error| SnapshotError::Io(name.to_owned(), error);
    let damaged = |cause: &str| SnapshotError::Damaged(name.to_owned(), cause.to_owned());
    let mut bytes = Vec::new();
    dir.open(name)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(io)?;
    let at = bytes
        .len()
        .checked_sub(32)
        .ok_or_else(|| damaged("too short"))?;
    let (content, digest) = bytes.split_at(at);
    if Sha256::digest(content)[..] != *digest {
        return Err(damaged("its digest does not match"));
    }
    let (_, version) = (|| {
        let mut rest = content;
        let elements = rmp::decode::read_array_len(&mut rest).ok()?;
        let version: u32 = rmp::decode::read_int(&mut rest).ok()?;
        Some((elements, version))
    })()
    .ok_or_else(|| damaged("not a snapshot"))?;
    if version > SNAPSHOT_VERSION {
        return Err(SnapshotError::Newer(name.to_owned(), version));
    }
    let file: File = rmp_serde::from_slice(content).map_err(|error| damaged(&error.to_string()))?;
    file.into_snapshot()
        .ok_or_else(|| damaged("its log identity is not 16 bytes"))
}

#[cfg(test)]
mod tests;
