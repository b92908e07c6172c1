//! The data directory: opened once at the start, as capabilities.
//!
//! | path | what |
//! |---|---|
//! | `lock` | held while a runtime lives, with its owner's name |
//! | `journal/` | what was captured, and rulings |
//! | `topics/NAME/` | a log per topic, `_dead-letters` and `_audit` among them |
//! | `snapshots/` | what the pipeline has folded |
//! | `forward/NAME` | how far a topic has been delivered to Kafka |
//! | `last-status.json` | the last status of a run that stopped cleanly, until the next start |
//! | `status.sock`, `control.sock` | sockets, for their owner only |

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger_journal::{DirLock, LockError};

use crate::topics::make_dir;

/// The directories of a data directory, each a capability of its own.
pub struct DataDir {
    /// Where it is, for people and sockets.
    pub path: PathBuf,
    /// The journal's.
    pub journal: Dir,
    /// The topic logs'.
    pub topics: Dir,
    /// The snapshots'.
    pub snapshots: Dir,
    /// That of the forwarders' marks.
    pub forward: Dir,
    _lock: DirLock,
}

/// Why a data directory cannot be used.
#[derive(Debug)]
pub enum DataError {
    /// It, or a directory in it, cannot be made or opened.
    Io(PathBuf, std::io::Error),
    /// Another process has it, or the lock cannot be taken.
    Lock(PathBuf, LockError),
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "data directory {}: {error}", path.display()),
            Self::Lock(path, error) => write!(f, "data directory {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for DataError {}

impl DataDir {
    /// Makes what is missing, takes the lock, and opens the rest.
    ///
    /// # Errors
    /// Names the path and the cause; a lock names its owner.
    pub fn open(path: &Path, command: &str, now_ns: u64) -> Result<Self, DataError> {
        let io = |error| DataError::Io(path.to_owned(), error);
        // What was captured may carry a label: nobody else looks into a directory that is made here.
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(io)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(io)?;
        let lock = DirLock::acquire(&dir, command, now_ns)
            .map_err(|error| DataError::Lock(path.to_owned(), error))?;
        let inside = |name: &str| {
            make_dir(&dir, name).map_err(|error| DataError::Io(path.join(name), error))
        };
        Ok(Self {
            path: path.to_owned(),
            journal: inside("journal")?,
            topics: inside("topics")?,
            snapshots: inside("snapshots")?,
            forward: inside("forward")?,
            _lock: lock,
        })
    }
}

/// Opens a directory inside a data directory to read, without a lock: its owner may be alive.
///
/// # Errors
/// It is not there or cannot be opened.
pub fn open_to_read(data_dir: &Path, inside: &str) -> Result<Dir, DataError> {
    let path = data_dir.join(inside);
    Dir::open_ambient_dir(&path, ambient_authority()).map_err(|error| DataError::Io(path, error))
}
