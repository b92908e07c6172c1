//! Files written so that a reader sees the old one or the new one, never half.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::ToolError;

/// Writes a file aside, syncs it, and renames it into place.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ToolError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    let failed = || ToolError::io(path);
    // One left by a killed run may have another mode.
    match fs::remove_file(aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed()(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(aside)
        .map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    file.sync_all().map_err(failed())?;
    fs::rename(aside, path).map_err(failed())?;
    let parent = path.parent().unwrap_or(Path::new("."));
    sync_directory(parent)
}

/// Makes renames in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> Result<(), ToolError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(ToolError::io(path))
}
