//! Where things lie.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::progress::Failure;

/// Directories of one command.
#[derive(Clone, Debug)]
pub struct Places {
    /// The clone.
    pub root: PathBuf,
    /// What outlives the clone; every part of it may be deleted at any time.
    pub cache: PathBuf,
    /// Target directory of the host workspace.
    pub target: PathBuf,
    /// Target directory of the guest workspace.
    pub guests_target: PathBuf,
}

impl Places {
    /// From the environment.
    ///
    /// # Errors
    /// If the clone is not where cargo says it is.
    pub fn find() -> Result<Self, Failure> {
        // At run time, not when compiled: clones may share a target directory.
        let package = set("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = package
            .join("../..")
            .canonicalize()
            .map_err(|error| Failure::io(&package, &error))?;
        let cache = match (set("OUTRIGGER_CACHE"), set("XDG_CACHE_HOME"), set("HOME")) {
            (Some(cache), _, _) => absolute(&cache),
            (None, Some(caches), _) => absolute(&caches).join("outrigger"),
            (None, None, Some(home)) => absolute(&home).join(".cache/outrigger"),
            (None, None, None) => root.join("target/cache"),
        };
        let target =
            set("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), |path| absolute(&path));
        let guests_target = set("OUTRIGGER_GUEST_TARGET_DIR")
            .map_or_else(|| cache.join("guests-target"), |path| absolute(&path));
        Ok(Self {
            root,
            cache,
            target,
            guests_target,
        })
    }

    /// Cargo on the host workspace, without standard input.
    pub fn cargo(&self, verb: &str) -> Command {
        let mut command = self.bare_cargo(verb);
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Cargo on the guest workspace, with the host's own toolchain: for native tests and lints.
    pub fn guest_cargo(&self, verb: &str) -> Command {
        let mut command = self.bare_cargo(verb);
        command
            .current_dir(self.guests())
            .env("CARGO_TARGET_DIR", &self.guests_target);
        command
    }

    /// Cargo on the fuzz targets: plugins run natively. What it builds lies apart: two workspaces give
    /// the same crates the same names there, and one would take the other's for its own.
    pub fn fuzz_cargo(&self, verb: &str) -> Command {
        let mut command = self.guest_cargo(verb);
        command
            .current_dir(self.root.join("tests/fuzz"))
            .env("CARGO_TARGET_DIR", self.guests_target.join("fuzz"));
        command
    }

    fn bare_cargo(&self, verb: &str) -> Command {
        let mut command = Command::new(set("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .arg(verb)
            .current_dir(&self.root)
            .stdin(Stdio::null());
        // What `cargo run` says of this package is not true of the next one.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// A binary of the host workspace.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// The guest workspace.
    pub fn guests(&self) -> PathBuf {
        self.root.join("plugins/guests")
    }
}

/// An environment variable that is set and not empty.
pub fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn absolute(path: &OsString) -> PathBuf {
    let path = Path::new(path);
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
