//! The key that signs the journal's head: kept outside the data directory, so that whoever can
//! write the data cannot also sign it.

use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::{SigningKey, VerifyingKey};

/// Why a key cannot be used.
#[derive(Debug)]
pub enum KeyError {
    /// The file cannot be read or made.
    Io(PathBuf, std::io::Error),
    /// The file holds no key of 32 bytes in hexadecimal.
    Content(PathBuf),
    /// Others than its owner may read it: the mode.
    Mode(PathBuf, u32),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "journal key {}: {error}", path.display()),
            Self::Content(path) => write!(
                f,
                "journal key {}: must be 64 hexadecimal digits",
                path.display()
            ),
            Self::Mode(path, mode) => write!(
                f,
                "journal key {}: mode is {mode:03o}, others than its owner may read it; run \
                 chmod 600 on it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for KeyError {}

/// Reads the signing key, or makes one for its owner only; its public half goes beside it, with
/// the ending `.pub`.
///
/// # Errors
/// Names the file and the cause.
pub fn signing_key(path: &Path) -> Result<SigningKey, KeyError> {
    let io = |error| KeyError::Io(path.to_owned(), error);
    match std::fs::File::open(path) {
        Ok(mut file) => {
            let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Mode(path.to_owned(), mode));
            }
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(io)?;
            let bytes = outrigger_sandbox::artifact::from_hex::<32>(text.trim_end());
            let bytes = bytes.ok_or_else(|| KeyError::Content(path.to_owned()))?;
            Ok(SigningKey::from_bytes(&bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path),
        Err(error) => Err(io(error)),
    }
}

fn make(path: &Path) -> Result<SigningKey, KeyError> {
    let io = |error: std::io::Error| KeyError::Io(path.to_owned(), error);
    let mut secret = [0u8; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut secret))
        .map_err(io)?;
    let key = SigningKey::from_bytes(&secret);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    writeln!(file, "{}", crate::record::hex(&secret)).map_err(io)?;
    file.sync_all().map_err(io)?;
    let public = crate::record::hex(key.verifying_key().as_bytes());
    std::fs::write(public_path(path), format!("{public}\n")).map_err(io)?;
    Ok(key)
}

/// Where the public half of a key lies.
pub fn public_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// Reads a public key.
///
/// # Errors
/// Names the file and the cause.
pub fn verifying_key(path: &Path) -> Result<VerifyingKey, KeyError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| KeyError::Io(path.to_owned(), error))?;
    outrigger_sandbox::artifact::from_hex::<32>(text.trim_end())
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .ok_or_else(|| KeyError::Content(path.to_owned()))
}
