//! Sockets in the data directory: made for their owner only, and reached whatever the length of
//! the path.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Name of the socket that answers with the status.
pub const STATUS_SOCKET: &str = "status.sock";
/// Name of the socket that takes commands.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Longest path that the kernel takes as a socket's address, bytes. Source: `sun_path` in
/// unix(7) has 108, one of which ends it.
const ADDRESS_BYTES_MAX: usize = 107;

/// A bound socket's file; dropping it removes the file, if it still is that one.
pub(super) struct Bound {
    path: PathBuf,
    /// Device and inode.
    file: (u64, u64),
}

impl Drop for Bound {
    fn drop(&mut self) {
        // A next runtime may have put its own socket there already.
        let same = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.file);
        if same {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Binds a socket in `dir`, with mode 0600, in place of whatever has its name: the directory's
/// lock is held, so nobody listens there.
pub(super) fn bind(dir: &Path, name: &str) -> io::Result<(UnixListener, Bound)> {
    let path = dir.join(name);
    let fresh = format!("{name}.new");
    let fresh_path = dir.join(&fresh);
    match std::fs::remove_file(&fresh_path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = with_address(dir, &fresh, |address| UnixListener::bind(address))?;
    listener.set_nonblocking(true)?;
    // Under its name it appears with its mode, never before.
    std::fs::set_permissions(&fresh_path, Permissions::from_mode(0o600))?;
    let made = std::fs::symlink_metadata(&fresh_path)?;
    std::fs::rename(&fresh_path, &path)?;
    let file = (made.dev(), made.ino());
    Ok((listener, Bound { path, file }))
}

/// Connects to the socket at `path`.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    with_address(dir, name, |address| UnixStream::connect(address))
}

/// Calls `with` with an address for `name` in `dir` that is short enough for the kernel: where the
/// path is not, by way of the open directory.
fn with_address<T>(
    dir: &Path,
    name: &str,
    with: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<T> {
    let plain = dir.join(name);
    if plain.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return with(&plain);
    }
    let open = File::open(dir)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())).join(name);
    with(&short)
}
