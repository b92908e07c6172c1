//! The last words of a run that stopped cleanly, kept in its data directory for whoever asks later.
//!
//! The file is there only between a clean stop and the next start: a run that is killed leaves none,
//! so what it says is never of an earlier life than the last.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::{FORMAT, StatusSnapshot};
use crate::data::{DataError, open_to_read};

/// Its name in the data directory.
pub const LAST_STATUS: &str = "last-status.json";
/// Name until it is whole.
const TEMPORARY: &str = "last-status.json.new";
/// Bytes of it that are read. Reason: as of an answer of the status socket.
const BYTES_MAX: u64 = 16 << 20;

/// Leaves the last status: all of it is there, or none.
///
/// # Errors
/// The data directory takes no files.
pub fn leave_last(data_dir: &Path, snapshot: &StatusSnapshot) -> Result<(), DataError> {
    let io = |error| DataError::Io(data_dir.join(LAST_STATUS), error);
    let dir = open_to_read(data_dir, "")?;
    let mut file = dir.create(TEMPORARY).map_err(io)?;
    let bytes = serde_json::to_vec(snapshot).expect("a snapshot is plain data");
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    written
        .and_then(|()| dir.rename(TEMPORARY, &dir, LAST_STATUS))
        .map_err(io)
}

/// Takes the last status away: a run begins that it does not speak of.
///
/// # Errors
/// It is there and cannot be removed.
pub fn forget_last(data_dir: &Path) -> Result<(), DataError> {
    let dir = open_to_read(data_dir, "")?;
    match dir.remove_file(LAST_STATUS) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DataError::Io(data_dir.join(LAST_STATUS), error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Reads the last status; `None` if there is none.
///
/// # Errors
/// It cannot be read, or is of another version; in words.
pub fn read_last(data_dir: &Path) -> Result<Option<StatusSnapshot>, String> {
    let path = data_dir.join(LAST_STATUS);
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let dir = open_to_read(data_dir, "").map_err(|error| error.to_string())?;
    let file = match dir.open(LAST_STATUS) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| failed(&error))?;
    let snapshot: StatusSnapshot =
        serde_json::from_slice(&bytes).map_err(|error| failed(&error))?;
    if snapshot.format != FORMAT {
        let theirs = snapshot.format;
        return Err(failed(&format!(
            "it has format {theirs}, this command reads {FORMAT}: use version {}",
            snapshot.version
        )));
    }
    Ok(Some(snapshot))
}
