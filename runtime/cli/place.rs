//! Where the reading commands read: a data directory, whose owner may be alive. Nothing is locked
//! and nothing is written; directories are opened as capabilities.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use cap_std::fs::Dir;
use clap::Args;
use outrigger_journal::lock::LOCK_FILE;
use outrigger_journal::{Fault, ReadError};

use super::output::Trouble;
use crate::config::{Config, hint};
use crate::data::{DataError, open_to_read};

/// Bytes of a lock file that are read to name its owner.
const OWNER_BYTES_MAX: u64 = 512;
/// Bytes of the kernel's list of locks that are read. Reason: 60 bytes a lock, some ten thousand
/// locks. What is beyond is taken as not held.
const LOCKS_BYTES_MAX: u64 = 1 << 20;
/// Topics that an error lists; of more it says how many.
const LISTED_MAX: usize = 20;

/// Which data directory to read.
#[derive(Args, Clone, Debug)]
#[group(id = "place", required = true, multiple = false, args = ["config", "data"])]
pub struct PlaceArgs {
    /// The configuration whose data to read.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data directory to read.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A data directory to read.
#[derive(Debug)]
pub struct Place {
    /// The directory.
    pub data_dir: PathBuf,
    /// The configuration, if it was named.
    pub config: Option<Config>,
}

impl PlaceArgs {
    /// Finds the data directory.
    ///
    /// # Errors
    /// The configuration is wrong, or the directory is not there.
    pub fn find(&self) -> Result<Place, Trouble> {
        let (data_dir, config) = match (&self.config, &self.data) {
            (Some(file), _) => {
                let config =
                    Config::load(file).map_err(|errors| Trouble::Config(errors.to_string()))?;
                (config.data_dir.clone(), Some(config))
            }
            (None, Some(dir)) => (dir.clone(), None),
            (None, None) => unreachable!("clap requires one of them"),
        };
        let place = Place { data_dir, config };
        // Opened and dropped: the first thing to say is whether it is there at all.
        place.open("")?;
        Ok(place)
    }
}

impl Place {
    /// The journal's directory.
    ///
    /// # Errors
    /// It is not there or cannot be opened.
    pub fn journal(&self) -> Result<Dir, Trouble> {
        self.open("journal")
    }

    /// The snapshots' directory.
    ///
    /// # Errors
    /// It is not there or cannot be opened.
    pub fn snapshots(&self) -> Result<Dir, Trouble> {
        self.open("snapshots")
    }

    /// Names of the topics, in order.
    ///
    /// # Errors
    /// Their directory is not there or cannot be read.
    pub fn topic_names(&self) -> Result<Vec<String>, Trouble> {
        let dir = self.open("topics")?;
        let unreadable = |error| {
            let path = self.data_dir.join("topics");
            Trouble::Unreadable(format!("{}: {error}", path.display()))
        };
        let mut names = Vec::new();
        for entry in dir.entries().map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_type().map_err(unreadable)?.is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The directory of a topic's log.
    ///
    /// # Errors
    /// There is no such topic: the message names those there are, and the nearest.
    pub fn topic(&self, name: &str) -> Result<Dir, Trouble> {
        let names = self.topic_names()?;
        if !names.iter().any(|known| known == name) {
            let hint = hint(name, names.iter().map(String::as_str));
            let mut listed = names[..names.len().min(LISTED_MAX)].join(", ");
            if names.len() > LISTED_MAX {
                listed.push_str(&format!(" and {} more", names.len() - LISTED_MAX));
            }
            return Err(Trouble::Unreadable(format!(
                "no topic {name:?} in {}{hint}\nthere are: {listed}",
                self.data_dir.display()
            )));
        }
        self.open(&format!("topics/{name}"))
    }

    fn open(&self, inside: &str) -> Result<Dir, Trouble> {
        open_to_read(&self.data_dir, inside).map_err(|error| {
            let DataError::Io(path, cause) = &error else {
                return Trouble::Unreadable(error.to_string());
            };
            let remedy = match (cause.kind(), &self.config) {
                (std::io::ErrorKind::NotFound, Some(config)) => format!(
                    "\n`outrigger run --config {}` makes it; nothing has run yet, or elsewhere",
                    config.file.display()
                ),
                (std::io::ErrorKind::NotFound, None) => {
                    "\nit is `data_dir` of a configuration; `--config FILE` finds it".to_owned()
                }
                (std::io::ErrorKind::PermissionDenied, _) => {
                    "\nit belongs to the user that runs the runtime; read it as that user"
                        .to_owned()
                }
                (_other, _) => String::new(),
            };
            let path = path.display().to_string();
            let path = path.trim_end_matches('/');
            Trouble::Unreadable(format!("data directory {path}: {cause}{remedy}"))
        })
    }
}

/// What a reader's error comes to. `what` names the log.
pub fn trouble(what: &str, error: &ReadError) -> Trouble {
    match error {
        ReadError::Damaged(damage) => match damage.fault {
            Fault::Newer(_) => Trouble::Unreadable(format!(
                "{what}: {damage}; read it with the build that wrote it, or a newer one"
            )),
            Fault::Partial { .. }
            | Fault::Magic
            | Fault::HeaderChecksum
            | Fault::BodyChecksum
            | Fault::Version(_)
            | Fault::Kind(_)
            | Fault::Bound(_)
            | Fault::Columns(_)
            | Fault::Chain
            | Fault::Number { .. }
            | Fault::Sequence { .. }
            | Fault::StreamCount { .. }
            | Fault::Stream(_)
            | Fault::LogId => Trouble::Damaged(format!("{what}: {damage}")),
        },
        ReadError::Gone { .. } | ReadError::GoneRecords { .. } | ReadError::Io { .. } => {
            Trouble::Unreadable(format!("{what}: {error}"))
        }
    }
}

/// Who has a log open for writing, as it wrote its name; `None` if nobody is known to.
///
/// Told from the kernel's list of locks, since trying the lock could stand in the way of a start.
pub fn holder(dir: &Dir) -> Option<String> {
    let file = dir.open(LOCK_FILE).ok()?.into_std();
    let metadata = file.metadata().ok()?;
    let mut owner = String::new();
    file.take(OWNER_BYTES_MAX).read_to_string(&mut owner).ok()?;
    let mut locks = String::new();
    std::fs::File::open("/proc/locks")
        .and_then(|file| file.take(LOCKS_BYTES_MAX).read_to_string(&mut locks))
        .ok()?;
    let device = metadata.dev();
    let device = format!(
        "{:02x}:{:02x}",
        rustix::fs::major(device),
        rustix::fs::minor(device)
    );
    // 1: FLOCK  ADVISORY  WRITE 4711 fd:01:1835 0 EOF
    let held = locks.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, "WRITE", pid, place, ..] = fields[..] else {
            return false;
        };
        let Some((on, inode)) = place.rsplit_once(':') else {
            return false;
        };
        // Some file systems show another device here than to `stat`.
        inode.parse() == Ok(metadata.ino())
            && (on == device || owner.starts_with(&format!("pid {pid} ")))
    });
    held.then(|| owner.trim().to_owned())
}
