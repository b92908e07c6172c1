//! Folders in the cache that are named by what they were made from: made once, then only read.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::progress::Failure;

/// Folders of one kind that are kept, the youngest; older ones are deleted. Room for some branches
/// side by side.
const FOLDERS_MAX: usize = 8;

/// Hash of what a folder is made from. Not against malice: the cache is the user's own.
#[derive(Default)]
pub struct Key(DefaultHasher);

impl Key {
    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.0.write_usize(text.len());
        self.0.write(text.as_bytes());
    }

    /// Adds a file, or all files of a folder, names included. Left out are what was built
    /// (`target`), hidden files, and what `skip` says.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn files(&mut self, path: &Path, skip: &[&str]) -> Result<(), Failure> {
        self.add(path, skip)
            .map_err(|error| Failure::io(path, &error))
    }

    fn add(&mut self, path: &Path, skip: &[&str]) -> io::Result<()> {
        if path.is_file() {
            let bytes = fs::read(path)?;
            self.0.write_usize(bytes.len());
            self.0.write(&bytes);
            return Ok(());
        }
        let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name == "target" || name.starts_with('.') || skip.contains(&name.as_ref()) {
                continue;
            }
            self.text(&name);
            self.add(&entry.path(), skip)?;
        }
        self.text("/");
        Ok(())
    }

    /// The key, 16 hexadecimal digits.
    pub fn finish(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Finds the folder of a key, or makes it. Made aside and renamed, so that a folder that is there
/// is whole; makers take turns.
///
/// # Errors
/// `make`'s, or of files.
pub fn folder(
    kind: &Path,
    key: &str,
    anew: bool,
    make: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let io = |error| Failure::io(kind, &error);
    let path = kind.join(key);
    if path.is_dir() && !anew {
        return Ok(path);
    }
    fs::create_dir_all(kind).map_err(io)?;
    let turn = File::create(kind.join(".lock")).map_err(io)?;
    turn.lock().map_err(io)?;
    // Another maker may have been first.
    if path.is_dir() && !anew {
        return Ok(path);
    }
    let aside = kind.join(".new");
    remove(&aside).map_err(io)?;
    fs::create_dir_all(&aside).map_err(io)?;
    make(&aside)?;
    remove(&path).map_err(io)?;
    fs::rename(&aside, &path).map_err(io)?;
    prune(kind, FOLDERS_MAX).map_err(io)?;
    Ok(path)
}

/// Deletes all but the youngest folders.
///
/// # Errors
/// Of files.
pub fn prune(kind: &Path, folders_max: usize) -> io::Result<()> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(kind)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let made = entry
                .metadata()?
                .modified()
                .unwrap_or(SystemTime::UNIX_EPOCH);
            folders.push((made, entry.path()));
        }
    }
    folders.sort();
    let surplus = folders.len().saturating_sub(folders_max);
    for (_, path) in folders.into_iter().take(surplus) {
        remove(&path)?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
