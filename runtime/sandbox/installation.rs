//! An installation: the directory of the plugins that may run here.
//!
//! | file | what |
//! |---|---|
//! | `outrigger.lock` | TOML: per component its SHA-256, artifact, role, plugin and version |
//! | `installation.pub` | public key, hex: what artifacts are verified against |
//! | `installation.key` | private key, hex, mode 0600: made by the first `outrigger-plugin install` |
//! | `*.cwasm` | installed artifacts |
//!
//! The runtime only reads, and never the private key. The tool writes each file aside and renames
//! it, artifacts before the lock that names them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;
use wasmtime::Engine;

use crate::artifact::{ARTIFACT_BYTES_MAX, Artifact, ArtifactError, Header, from_hex, hex, verify};
use crate::world::Role;

/// Name of the lock file.
pub const LOCK_FILE: &str = "outrigger.lock";
/// Name of the public key's file.
pub const PUBLIC_KEY_FILE: &str = "installation.pub";
/// Name of the private key's file.
pub const PRIVATE_KEY_FILE: &str = "installation.key";
/// Largest lock file that is read, in bytes. Reason: read whole; a plugin takes about 200.
pub const LOCK_BYTES_MAX: u64 = 1 << 20;
/// Largest key file that is read, in bytes: 64 hex digits and a line end.
const KEY_BYTES_MAX: u64 = 256;
const LOCK_VERSION: u32 = 1;

/// What the lock file says of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// Name of the artifact's file.
    pub artifact: String,
    /// Role.
    pub role: Role,
    /// Name of the plugin, as it describes itself.
    pub plugin: String,
    /// Version of the plugin.
    pub version: String,
}

/// The lock file: components by file name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Entry per component's file name.
    pub components: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    version: u32,
    #[serde(default)]
    components: BTreeMap<String, RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    sha256: String,
    artifact: String,
    role: String,
    plugin: String,
    version: String,
}

impl Lock {
    /// Reads a lock file's text.
    ///
    /// # Errors
    /// Says what is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let raw: RawLock = toml::from_str(text).map_err(|error| error.to_string())?;
        if raw.version != LOCK_VERSION {
            return Err(format!("version {}, not {LOCK_VERSION}", raw.version));
        }
        let mut components = BTreeMap::new();
        for (name, raw) in raw.components {
            let sha256 = from_hex(&raw.sha256)
                .ok_or_else(|| format!("{name}: sha256 must be 64 hex digits"))?;
            let role = Role::from_name(&raw.role)
                .ok_or_else(|| format!("{name}: role {:?} is not known", raw.role))?;
            let entry = Entry {
                sha256,
                artifact: raw.artifact,
                role,
                plugin: raw.plugin,
                version: raw.version,
            };
            components.insert(name, entry);
        }
        Ok(Self { components })
    }

    /// Writes the lock file's text: equal locks are equal bytes.
    pub fn render(&self) -> String {
        let mut text = format!(
            "# Written by outrigger-plugin install. Do not edit.\nversion = {LOCK_VERSION}\n"
        );
        for (name, entry) in &self.components {
            text += &format!(
                "\n[components.{}]\nsha256 = {}\nartifact = {}\nrole = {}\nplugin = {}\nversion = {}\n",
                quoted(name),
                quoted(&hex(&entry.sha256)),
                quoted(&entry.artifact),
                quoted(entry.role.as_str()),
                quoted(&entry.plugin),
                quoted(&entry.version),
            );
        }
        text
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out += &format!("\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Why an installation, or a component of it, cannot be used.
#[derive(Debug)]
pub enum InstallationError {
    /// The directory has no lock file or no public key: nothing was ever installed.
    NotInstalled(PathBuf),
    /// The component is not in the lock file.
    UnknownComponent {
        /// The installation.
        directory: PathBuf,
        /// File name of the component.
        component: String,
    },
    /// The lock file names an artifact that is not there.
    MissingArtifact {
        /// Where it should be.
        path: PathBuf,
        /// File name of the component.
        component: String,
    },
    /// A file cannot be read.
    Io(PathBuf, io::Error),
    /// A file is larger than anything the tool writes: bytes allowed.
    TooLarge(PathBuf, u64),
    /// The lock file is not one; what is wrong.
    Lock(PathBuf, String),
    /// The public key's file holds no key.
    Key(PathBuf),
    /// The artifact is not run.
    Artifact(PathBuf, ArtifactError),
}

impl fmt::Display for InstallationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled(directory) => write!(
                f,
                "{0}: no plugins installed: run outrigger-plugin install --dir {0} COMPONENT.wasm",
                directory.display()
            ),
            Self::UnknownComponent {
                directory,
                component,
            } => write!(
                f,
                "{component} is not installed in {0}: \
                 run outrigger-plugin install --dir {0} {component}",
                directory.display()
            ),
            Self::MissingArtifact { path, component } => write!(
                f,
                "{}: missing: run outrigger-plugin install with {component} again",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::TooLarge(path, bytes_max) => {
                write!(f, "{}: larger than {bytes_max} bytes", path.display())
            }
            Self::Lock(path, cause) => write!(f, "{}: {cause}", path.display()),
            Self::Key(path) => write!(f, "{}: not a public key in hex", path.display()),
            Self::Artifact(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for InstallationError {}

/// An installation, opened to read.
pub struct Installation {
    path: PathBuf,
    directory: Dir,
    key: VerifyingKey,
    lock: Lock,
}

impl Installation {
    /// Opens the directory, and reads its lock file and public key.
    ///
    /// # Errors
    /// [`InstallationError`]; when nothing was ever installed it names the command that does.
    pub fn open(path: &Path) -> Result<Self, InstallationError> {
        let absent = || InstallationError::NotInstalled(path.to_owned());
        let directory = match Dir::open_ambient_dir(path, ambient_authority()) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(absent()),
            Err(error) => return Err(InstallationError::Io(path.to_owned(), error)),
        };
        let read = |name: &str, bytes_max: u64| {
            let bytes = read_file(&directory, path, name, bytes_max)?.ok_or_else(absent)?;
            String::from_utf8(bytes)
                .map_err(|_| InstallationError::Lock(path.join(name), "not UTF-8".into()))
        };
        let lock_text = read(LOCK_FILE, LOCK_BYTES_MAX)?;
        let key_text = read(PUBLIC_KEY_FILE, KEY_BYTES_MAX)?;
        let lock = Lock::parse(&lock_text)
            .map_err(|cause| InstallationError::Lock(path.join(LOCK_FILE), cause))?;
        let key = from_hex(key_text.trim_end())
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .ok_or_else(|| InstallationError::Key(path.join(PUBLIC_KEY_FILE)))?;
        Ok(Self {
            path: path.to_owned(),
            directory,
            key,
            lock,
        })
    }

    /// What the lock file says.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// The key that artifacts are verified against.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// What the lock file says of a component.
    ///
    /// # Errors
    /// [`InstallationError::UnknownComponent`], which names the command that installs it.
    pub fn entry(&self, component: &str) -> Result<&Entry, InstallationError> {
        self.lock
            .components
            .get(component)
            .ok_or_else(|| InstallationError::UnknownComponent {
                directory: self.path.clone(),
                component: component.to_owned(),
            })
    }

    /// Loads a component by its file name. Its SHA-256 must be `pinned`, or else the lock file's.
    ///
    /// # Errors
    /// [`InstallationError`].
    pub fn load(
        &self,
        component: &str,
        pinned: Option<[u8; 32]>,
        engine: &Engine,
    ) -> Result<Artifact, InstallationError> {
        let entry = self.entry(component)?;
        let (path, bytes) = self.read_artifact(component, entry)?;
        let expected = Some(pinned.unwrap_or(entry.sha256));
        Artifact::open(&bytes, &self.key, expected, engine)
            .map_err(|error| InstallationError::Artifact(path, error))
    }

    /// Verifies form and signature of a component's artifact, and runs nothing. Returns its header
    /// and its size in bytes.
    ///
    /// # Errors
    /// [`InstallationError`].
    pub fn verify(&self, component: &str) -> Result<(Header, u64), InstallationError> {
        let entry = self.entry(component)?;
        let (path, bytes) = self.read_artifact(component, entry)?;
        let header =
            verify(&bytes, &self.key).map_err(|error| InstallationError::Artifact(path, error))?;
        Ok((header, bytes.len() as u64))
    }

    fn read_artifact(
        &self,
        component: &str,
        entry: &Entry,
    ) -> Result<(PathBuf, Vec<u8>), InstallationError> {
        let path = self.path.join(&entry.artifact);
        match read_file(
            &self.directory,
            &self.path,
            &entry.artifact,
            ARTIFACT_BYTES_MAX,
        )? {
            Some(bytes) => Ok((path, bytes)),
            None => Err(InstallationError::MissingArtifact {
                path,
                component: component.to_owned(),
            }),
        }
    }
}

/// Reads a file whole; `None` when it is not there.
fn read_file(
    directory: &Dir,
    path: &Path,
    name: &str,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, InstallationError> {
    let failed = |error| InstallationError::Io(path.join(name), error);
    let file = match directory.open(name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(InstallationError::TooLarge(path.join(name), bytes_max));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
