//! Folders of clusters: data and logs. Removed with their cluster unless the test failed; what a
//! killed process left is removed by the next one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Folders of failed tests that are kept, the youngest.
const KEPT_MAX: usize = 4;
const LOCK: &str = "lock";
const KEPT: &str = "kept";

/// A folder that belongs to one cluster while this value lives.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
    /// Held until the process ends: what tells a folder in use from one that was left behind.
    _lock: File,
}

impl Run {
    /// A new folder below `parent`.
    pub fn new(parent: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        fs::create_dir_all(parent).unwrap();
        sweep(parent);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{}-{number}-{:08x}",
            std::process::id(),
            crate::random() >> 32
        );
        let path = parent.join(name);
        // Locked before it can be seen under its name, so that no sweep takes it.
        let aside = parent.join(format!(".{}", path.file_name().unwrap().display()));
        fs::create_dir(&aside).unwrap();
        let lock = File::create(aside.join(LOCK)).unwrap();
        lock.lock().unwrap();
        fs::rename(&aside, &path).unwrap();
        Self { path, _lock: lock }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks the folder as one to look at.
    pub fn keep(&self) {
        let _ = File::create(self.path.join(KEPT));
    }

    /// Removes the folder.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sweep(parent: &Path) {
    let mut kept = Vec::new();
    for entry in fs::read_dir(parent).unwrap().flatten() {
        let path = entry.path();
        let Ok(lock) = File::open(path.join(LOCK)) else {
            continue;
        };
        if entry.file_name().as_encoded_bytes().starts_with(b".") || lock.try_lock().is_err() {
            continue;
        }
        match fs::metadata(path.join(KEPT)).and_then(|file| file.modified()) {
            Ok(time) => kept.push((time, path)),
            Err(_) => {
                let _ = fs::remove_dir_all(path);
            }
        }
    }
    kept.sort();
    for (_, path) in kept.iter().rev().skip(KEPT_MAX) {
        let _ = fs::remove_dir_all(path);
    }
}
