//! Disks that are full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::skip;

/// A small file system in memory, where this user may mount one; gone when dropped.
pub struct Small {
    path: PathBuf,
}

impl Small {
    /// Mounts one of this size, as `2m`. `None` where that is not allowed, which is said.
    pub fn mount(path: &Path, bytes: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]);
        let mounted = mount
            .arg(path)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            skip("no right to mount a small file system");
            return None;
        }
        Some(Self {
            path: path.to_owned(),
        })
    }

    /// Makes it larger.
    pub fn grow(&self, bytes: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={bytes}")]);
        assert!(mount.arg(&self.path).status().unwrap().success());
    }

    /// Room that is left, bytes.
    pub fn room(&self) -> u64 {
        let room = rustix::fs::statvfs(&self.path).unwrap();
        room.f_bavail * room.f_frsize
    }

    /// Hardly any room is left.
    pub fn is_full(&self) -> bool {
        self.room() < 128 << 10
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
