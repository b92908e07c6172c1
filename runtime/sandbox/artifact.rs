//! Installed artifacts: native code made from a component, sealed for one installation.
//!
//! An artifact is read into memory, those bytes are verified against the installation's public
//! key, and those bytes are run: nothing is read twice. Deserialising native code is the one
//! `unsafe` call of the project, in [`deserialize`].
//!
//! Layout, integers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic `OUTRPLG\0` |
//! | 4 | format version, 1 |
//! | 1 | role: 1 decoder, 2 validator, 3 router |
//! | 1 + n | name of the component's file, UTF-8 |
//! | 32 | SHA-256 of the component |
//! | 8 | length of the code |
//! | n | the code |
//! | 64 | Ed25519 signature of all bytes before it |

use std::fmt;

use ed25519_dalek::{SIGNATURE_LENGTH, Signature, VerifyingKey};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::world::{WorldError, role_of};

pub use crate::world::Role;

const MAGIC: &[u8; 8] = b"OUTRPLG\0";
const VERSION: u32 = 1;

/// Largest artifact that is read, in bytes. Reason: it is held in memory while it is verified; a
/// plugin of 1 MiB compiles to about 3 MiB.
pub const ARTIFACT_BYTES_MAX: u64 = 256 << 20;

/// A component that is installed here, verified and ready to link.
pub struct Artifact {
    /// The component.
    pub component: Component,
    /// SHA-256 of the component from which it was compiled.
    pub sha256: [u8; 32],
    /// Its role, as its world says.
    pub role: Role,
    /// Name of the component's file.
    pub name: String,
}

/// Why an artifact is not run.
#[derive(Debug)]
pub enum ArtifactError {
    /// The bytes do not begin like an artifact.
    NotAnArtifact,
    /// The bytes end too early, or go on too long.
    CutShort,
    /// Made by a newer tool: format version found.
    NewerFormat(u32),
    /// Not signed with this installation's key, or changed since.
    WrongSignature,
    /// Not the component that was asked for.
    WrongDigest {
        /// SHA-256 that was asked for.
        expected: [u8; 32],
        /// SHA-256 that the artifact was made from.
        got: [u8; 32],
    },
    /// Compiled for another wasmtime, other settings or another processor; what differs.
    OtherEngine(String),
    /// The component wants what a plugin cannot have, or is of no role.
    World(WorldError),
    /// The header and the component disagree on the role.
    WrongRole {
        /// In the header.
        header: Role,
        /// By the component's exports.
        component: Role,
    },
}

impl fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArtifact => f.write_str(
                "not an installed plugin: run outrigger-plugin install with the component",
            ),
            Self::CutShort => {
                f.write_str("cut short or of a wrong length: run outrigger-plugin install again")
            }
            Self::NewerFormat(version) => write!(
                f,
                "format version {version} is newer than {VERSION}: \
                 run the outrigger-plugin install of this release"
            ),
            Self::WrongSignature => f.write_str(
                "not signed by this installation, or changed since: \
                 run outrigger-plugin install again if you trust the component",
            ),
            Self::WrongDigest { expected, got } => write!(
                f,
                "wrong component: SHA-256 must be {}, not {}",
                hex(expected),
                hex(got)
            ),
            Self::OtherEngine(cause) => write!(
                f,
                "built for another wasmtime or processor ({cause}): \
                 run outrigger-plugin install again"
            ),
            Self::World(error) => error.fmt(f),
            Self::WrongRole { header, component } => write!(
                f,
                "installed as a {header}, but the component is a {component}"
            ),
        }
    }
}

impl std::error::Error for ArtifactError {}

impl From<WorldError> for ArtifactError {
    fn from(error: WorldError) -> Self {
        Self::World(error)
    }
}

/// What the header says, before anything is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Role.
    pub role: Role,
    /// Name of the component's file.
    pub name: String,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
}

/// Makes an artifact of compiled code. `sign` signs with the installation's private key, which
/// this crate never sees.
///
/// # Panics
/// If the name is longer than 255 bytes; the tool refuses such a file name.
pub fn seal(
    name: &str,
    role: Role,
    sha256: [u8; 32],
    code: &[u8],
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LENGTH],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(code.len() + 512);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(role.code());
    bytes.push(u8::try_from(name.len()).expect("names are at most 255 bytes"));
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&sha256);
    bytes.extend_from_slice(&(code.len() as u64).to_le_bytes());
    bytes.extend_from_slice(code);
    let signature = sign(&bytes);
    bytes.extend_from_slice(&signature);
    bytes
}

/// An artifact taken apart.
struct Parts<'a> {
    header: Header,
    code: &'a [u8],
    /// All bytes before the signature.
    signed: &'a [u8],
    signature: [u8; SIGNATURE_LENGTH],
}

/// Takes an artifact apart. Believes nothing.
fn parse(bytes: &[u8]) -> Result<Parts<'_>, ArtifactError> {
    let mut rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(ArtifactError::NotAnArtifact)?;
    let mut take = |len: usize| -> Result<&[u8], ArtifactError> {
        let (first, after) = rest.split_at_checked(len).ok_or(ArtifactError::CutShort)?;
        rest = after;
        Ok(first)
    };
    let version = u32::from_le_bytes(fixed(take(4)?));
    if version != VERSION {
        return Err(ArtifactError::NewerFormat(version));
    }
    let role = Role::from_code(take(1)?[0]).ok_or(ArtifactError::NotAnArtifact)?;
    let name_len = usize::from(take(1)?[0]);
    let name =
        String::from_utf8(take(name_len)?.to_vec()).map_err(|_| ArtifactError::NotAnArtifact)?;
    let sha256 = fixed(take(32)?);
    let code_len = u64::from_le_bytes(fixed(take(8)?));
    let code_len = usize::try_from(code_len).map_err(|_| ArtifactError::CutShort)?;
    let code = take(code_len)?;
    let signature = fixed(take(SIGNATURE_LENGTH)?);
    if !rest.is_empty() {
        return Err(ArtifactError::CutShort);
    }
    let signed = &bytes[..bytes.len() - SIGNATURE_LENGTH];
    let header = Header { role, name, sha256 };
    Ok(Parts {
        header,
        code,
        signed,
        signature,
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("taken with this length")
}

/// Verifies an artifact's form and signature, and returns what its header says. Runs nothing.
///
/// # Errors
/// [`ArtifactError`], of the form or the signature.
pub fn verify(bytes: &[u8], key: &VerifyingKey) -> Result<Header, ArtifactError> {
    verified(bytes, key).map(|(header, _)| header)
}

fn verified<'a>(bytes: &'a [u8], key: &VerifyingKey) -> Result<(Header, &'a [u8]), ArtifactError> {
    let parts = parse(bytes)?;
    key.verify_strict(parts.signed, &Signature::from_bytes(&parts.signature))
        .map_err(|_| ArtifactError::WrongSignature)?;
    Ok((parts.header, parts.code))
}

impl Artifact {
    /// Verifies `bytes` and makes a component of those same bytes: form, signature, digest when
    /// one is expected, engine, imports, world, in this order.
    ///
    /// # Errors
    /// [`ArtifactError`]: the first of these that fails.
    pub fn open(
        bytes: &[u8],
        key: &VerifyingKey,
        expected_sha256: Option<[u8; 32]>,
        engine: &Engine,
    ) -> Result<Self, ArtifactError> {
        let (header, code) = verified(bytes, key)?;
        if let Some(expected) = expected_sha256.filter(|expected| *expected != header.sha256) {
            return Err(ArtifactError::WrongDigest {
                expected,
                got: header.sha256,
            });
        }
        let component = deserialize(engine, code)?;
        let role = role_of(&component)?;
        if role != header.role {
            return Err(ArtifactError::WrongRole {
                header: header.role,
                component: role,
            });
        }
        Ok(Self {
            component,
            sha256: header.sha256,
            role,
            name: header.name,
        })
    }
}

/// Makes a component of code whose signature was verified.
#[allow(unsafe_code)] // the project's one unsafe call; listed in the trust statement
fn deserialize(engine: &Engine, code: &[u8]) -> Result<Component, ArtifactError> {
    // SAFETY: `deserialize` requires bytes that wasmtime's `precompile_component` made. The only
    // caller has just verified, on these very bytes, the signature of this installation's key,
    // with which `outrigger-plugin install` signs what it compiled and nothing else. Wasmtime
    // copies them to pages of its own, so they cannot change later. That they are for this
    // version, these settings and this processor, wasmtime checks itself.
    unsafe { Component::deserialize(engine, code) }
        .map_err(|error| ArtifactError::OtherEngine(format!("{error:#}")))
}

/// SHA-256 of a component.
pub fn digest(component: &[u8]) -> [u8; 32] {
    Sha256::digest(component).into()
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Reads hex of exactly `N` bytes.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let pair = &text[2 * index..2 * index + 2];
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
