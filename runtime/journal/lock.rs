//! One writer at a time: a lock on a directory that names its owner.
//!
//! The lock is the kernel's (`flock`), so it ends with the process however it ends, and a stopped
//! process keeps it: a twin cannot append behind the back of an owner that will wake up again. The
//! file's content is only there for the refused one to read.

use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::{FlockOperation, flock};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};

#[cfg(test)]
mod tests;

/// Name of the lock file.
pub const LOCK_FILE: &str = "lock";

/// Bytes of the lock file that are read to name its owner.
const OWNER_BYTES_MAX: u64 = 512;

/// A held lock. Dropping it, or the end of the process, releases it.
#[derive(Debug)]
pub struct DirLock {
    file: File,
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // A child process that another thread is just starting holds the same open file until it
        // runs its own program, so closing alone could leave the lock held for a moment. If this
        // fails, closing is what is left.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why a directory was not locked.
#[derive(Debug)]
pub enum LockError {
    /// Another one holds it.
    Held {
        /// What the owner wrote about itself: process id, command, since when.
        owner: String,
    },
    /// The lock file could not be opened, locked or written.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { owner } => write!(f, "in use by {owner}"),
            Self::Io(cause) => write!(f, "{LOCK_FILE}: {cause}"),
        }
    }
}

impl std::error::Error for LockError {}

impl DirLock {
    /// Locks the directory without waiting. `command` is what this process calls itself, `now_ns`
    /// the host's clock: both are for the refused one to read.
    ///
    /// # Errors
    /// Another process, or another lock in this one, holds it; or the file cannot be used.
    pub fn acquire(dir: &Dir, command: &str, now_ns: u64) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let mut file = dir
            .open_with(LOCK_FILE, &options)
            .map_err(LockError::Io)?
            .into_std();
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut owner = String::new();
                let read = (&mut file).take(OWNER_BYTES_MAX).read_to_string(&mut owner);
                let owner = owner.trim();
                let owner = if read.is_err() || owner.is_empty() {
                    "a process that has not yet written its name".to_owned()
                } else {
                    owner.to_owned()
                };
                return Err(LockError::Held { owner });
            }
            Err(errno) => return Err(LockError::Io(errno.into())),
        }
        let pid = std::process::id();
        let since = utc(now_ns / 1_000_000_000);
        file.set_len(0).map_err(LockError::Io)?;
        file.write_all(format!("pid {pid} ({command}), since {since}\n").as_bytes())
            .map_err(LockError::Io)?;
        Ok(Self { file })
    }
}

/// Seconds since the Unix epoch as a date and time in UTC. Days to a civil date by the era
/// algorithm: years are counted from March, so that the leap day is the last of its year.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
