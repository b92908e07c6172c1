//! What can go wrong, and the exit code that says so.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use outrigger_sandbox::LoadError;
use outrigger_sandbox::{ArtifactError, InstallationError, WorldError};

/// Why a verb did not do what was asked.
#[derive(Debug)]
pub enum ToolError {
    /// The folder is not a plugin: which file, what is wrong.
    NotAPlugin(PathBuf, String),
    /// Cargo cannot be run, or does not know the target: what to do.
    Toolchain(String),
    /// The plugin does not compile; cargo has said why.
    Build(PathBuf),
    /// The built module cannot be made a component: why.
    Componentise(PathBuf, String),
    /// The bytes are no component that this engine takes: why.
    Invalid(PathBuf, String),
    /// The component wants what a plugin cannot have, or is of no role.
    World(PathBuf, WorldError),
    /// It cannot be linked, or does not describe itself.
    Describe(PathBuf, LoadError),
    /// The sealed artifact does not open: a mistake of this tool.
    Artifact(PathBuf, ArtifactError),
    /// The installation cannot be used.
    Installation(InstallationError),
    /// The installation's key cannot be used: which file, what is wrong, what to do.
    Key(PathBuf, String),
    /// A file cannot be read or written.
    Io(PathBuf, io::Error),
}

impl ToolError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io(path, error)
    }

    /// 1 when the plugin is refused, 3 when files, keys or the toolchain are in the way.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotAPlugin(..)
            | Self::Build(_)
            | Self::Componentise(..)
            | Self::Invalid(..)
            | Self::World(..)
            | Self::Describe(..)
            | Self::Artifact(..) => 1,
            Self::Toolchain(_) | Self::Installation(_) | Self::Key(..) | Self::Io(..) => 3,
        }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPlugin(path, cause) => write!(f, "{}: not a plugin: {cause}", path.display()),
            Self::Toolchain(cause) => f.write_str(cause),
            Self::Build(path) => write!(f, "{}: does not compile", path.display()),
            Self::Componentise(path, cause) => {
                write!(f, "{}: cannot become a component: {cause}", path.display())
            }
            Self::Invalid(path, cause) => {
                write!(f, "{}: not a valid component: {cause}", path.display())
            }
            Self::World(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Describe(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Artifact(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Installation(error) => error.fmt(f),
            Self::Key(path, cause) => write!(f, "{}: {cause}", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for ToolError {}
