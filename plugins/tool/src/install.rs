//! Installing: a component to native code, checked, sealed and named in the lock file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer, SigningKey};
use outrigger_sandbox::artifact::{digest, hex, seal};
use outrigger_sandbox::describe_component;
use outrigger_sandbox::engine::{Component, Engine, compile, engine};
use outrigger_sandbox::installation::{Entry, InstallationError, LOCK_FILE, Lock};
use outrigger_sandbox::world::role_of;
use outrigger_sandbox::{Artifact, Description, Limits, Role};

use crate::{ToolError, files, key};

/// Limits of the one call that install and inspect make: `describe`. It has no input, so a plugin
/// that needs more than this does something else.
pub(crate) const DESCRIBE_LIMITS: Limits = Limits {
    message_fuel: 0,
    call_fuel: 0,
    configure_fuel: 100_000_000,
    memory_bytes_max: 64 << 20,
    call_bytes_max: 32 << 20,
    deadline_ticks: 1,
    outputs_per_input_max: 0,
    output_bytes_max: 0,
    state_bytes_max: 0,
};

/// A component that was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// File name of the component.
    pub component: String,
    /// What the lock file now says of it.
    pub entry: Entry,
    /// Size of the component, in bytes.
    pub component_bytes: u64,
    /// Size of the artifact, in bytes.
    pub artifact_bytes: u64,
    /// True when the lock file already had this very component.
    pub unchanged: bool,
}

/// A component that was compiled, checked and asked what it is.
pub(crate) struct Compiled {
    pub(crate) component: Component,
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: u64,
    pub(crate) role: Role,
    pub(crate) description: Description,
}

impl Compiled {
    /// Compiles a component, checks its imports and its world, and lets it describe itself.
    pub(crate) fn new(path: &Path, bytes: &[u8], engine: &Engine) -> Result<Self, ToolError> {
        let component =
            compile(engine, bytes).map_err(|cause| ToolError::Invalid(path.to_owned(), cause))?;
        let role = role_of(&component).map_err(|error| ToolError::World(path.to_owned(), error))?;
        let description = describe_component(&component, &DESCRIBE_LIMITS)
            .map_err(|error| ToolError::Describe(path.to_owned(), error))?;
        Ok(Self {
            component,
            sha256: digest(bytes),
            bytes: bytes.len() as u64,
            role,
            description,
        })
    }

    /// Seals the native code.
    pub(crate) fn seal(
        &self,
        path: &Path,
        name: &str,
        key: &SigningKey,
    ) -> Result<Vec<u8>, ToolError> {
        let code = self
            .component
            .serialize()
            .map_err(|error| ToolError::Invalid(path.to_owned(), format!("{error:#}")))?;
        let sign = |bytes: &[u8]| key.sign(bytes).to_bytes();
        Ok(seal(name, self.role, self.sha256, &code, sign))
    }
}

/// Starts the engine that compiles.
pub(crate) fn compiler() -> Result<Engine, ToolError> {
    engine().map_err(|error| ToolError::Toolchain(error.to_string()))
}

/// Installs components into one directory, under its lock: two installs take turns.
pub struct Installer {
    directory: PathBuf,
    key: SigningKey,
    engine: Engine,
    lock: Lock,
    /// Held locked until this is dropped.
    _turn: File,
}

impl Installer {
    /// Opens an installation, or begins one: directory and key pair are made when missing.
    ///
    /// # Errors
    /// [`ToolError`], of files and keys.
    pub fn open(directory: &Path) -> Result<Self, ToolError> {
        fs::create_dir_all(directory).map_err(ToolError::io(directory))?;
        let turn = File::open(directory).map_err(ToolError::io(directory))?;
        turn.lock().map_err(ToolError::io(directory))?;
        let key = key::open_or_create(directory)?;
        let path = directory.join(LOCK_FILE);
        let lock = match fs::read_to_string(&path) {
            Ok(text) => Lock::parse(&text).map_err(|cause| {
                ToolError::Installation(InstallationError::Lock(path.clone(), cause))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(error) => return Err(ToolError::Io(path, error)),
        };
        Ok(Self {
            directory: directory.to_owned(),
            key,
            engine: compiler()?,
            lock,
            _turn: turn,
        })
    }

    /// Installs one component, in place of an older one of the same file name. The artifact is
    /// written before the lock file that names it; only then does the older one go.
    ///
    /// # Errors
    /// [`ToolError`]; the installation is then as it was.
    pub fn install(&mut self, path: &Path) -> Result<Installed, ToolError> {
        let bytes = fs::read(path).map_err(ToolError::io(path))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(stem), Some(name)) = (stem, name) else {
            let cause = "its file name is not UTF-8".to_owned();
            return Err(ToolError::Invalid(path.to_owned(), cause));
        };
        let compiled = Compiled::new(path, &bytes, &self.engine)?;
        let artifact = compiled.seal(path, name, &self.key)?;
        // What the runtime will do: so that a mistake of ours shows here and not at start.
        let key = self.key.verifying_key();
        Artifact::open(&artifact, &key, Some(compiled.sha256), &self.engine)
            .map_err(|error| ToolError::Artifact(path.to_owned(), error))?;
        let entry = Entry {
            sha256: compiled.sha256,
            artifact: format!("{stem}-{}.cwasm", &hex(&compiled.sha256)[..12]),
            role: compiled.role,
            plugin: compiled.description.name.clone(),
            version: compiled.description.version.clone(),
        };
        files::replace(&self.directory.join(&entry.artifact), &artifact, 0o644)?;
        let mut lock = self.lock.clone();
        let before = lock.components.insert(name.to_owned(), entry.clone());
        files::replace(
            &self.directory.join(LOCK_FILE),
            lock.render().as_bytes(),
            0o644,
        )?;
        self.lock = lock;
        if let Some(before) = &before {
            self.remove_unnamed(&before.artifact)?;
        }
        Ok(Installed {
            component: name.to_owned(),
            component_bytes: compiled.bytes,
            artifact_bytes: artifact.len() as u64,
            unchanged: before.is_some_and(|before| before == entry),
            entry,
        })
    }

    /// Removes an artifact that no component has any more.
    fn remove_unnamed(&self, artifact: &str) -> Result<(), ToolError> {
        let mut entries = self.lock.components.values();
        if entries.any(|entry| entry.artifact == artifact) {
            return Ok(());
        }
        let path = self.directory.join(artifact);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ToolError::Io(path, error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
