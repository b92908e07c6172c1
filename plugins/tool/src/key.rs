//! The installation's key pair: made by the first install, used by every later one.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ed25519_dalek::SigningKey;
use outrigger_sandbox::artifact::{from_hex, hex};
use outrigger_sandbox::installation::{PRIVATE_KEY_FILE, PUBLIC_KEY_FILE};

use crate::{ToolError, files};

/// Reads the private key, or makes a pair when there is none. The public key is written first, so
/// that a killed run leaves no private key without it.
pub(crate) fn open_or_create(directory: &Path) -> Result<SigningKey, ToolError> {
    let private = directory.join(PRIVATE_KEY_FILE);
    let public = directory.join(PUBLIC_KEY_FILE);
    match fs::read_to_string(&private) {
        Ok(text) => read(&private, &public, text.trim_end()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&private, &public),
        Err(error) => Err(ToolError::Io(private, error)),
    }
}

fn read(private: &Path, public: &Path, text: &str) -> Result<SigningKey, ToolError> {
    let mode = fs::metadata(private)
        .map_err(ToolError::io(private))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let cause = format!(
            "others can read it (mode {:o}): run chmod 600, or begin a new installation",
            mode & 0o777
        );
        return Err(ToolError::Key(private.to_owned(), cause));
    }
    let key = from_hex(text)
        .map(|bytes| SigningKey::from_bytes(&bytes))
        .ok_or_else(|| ToolError::Key(private.to_owned(), "not a key in hex".into()))?;
    let published = fs::read_to_string(public).map_err(ToolError::io(public))?;
    if from_hex(published.trim_end()) != Some(key.verifying_key().to_bytes()) {
        let cause = format!(
            "does not belong to {PRIVATE_KEY_FILE}: restore it, or begin a new installation"
        );
        return Err(ToolError::Key(public.to_owned(), cause));
    }
    Ok(key)
}

fn create(private: &Path, public: &Path) -> Result<SigningKey, ToolError> {
    let installed = private.with_file_name(outrigger_sandbox::installation::LOCK_FILE);
    if installed.exists() {
        let cause = "missing, but plugins are installed: restore it, or begin a new installation \
                     in an empty directory";
        return Err(ToolError::Key(private.to_owned(), cause.into()));
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| {
        ToolError::Key(private.to_owned(), format!("no randomness for it: {error}"))
    })?;
    let key = SigningKey::from_bytes(&secret);
    let line = |bytes: &[u8]| format!("{}\n", hex(bytes)).into_bytes();
    files::replace(public, &line(key.verifying_key().as_bytes()), 0o644)?;
    files::replace(private, &line(&secret), 0o600)?;
    Ok(key)
}
