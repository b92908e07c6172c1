//! Reference files of plugins: read whole, within a bound, and only if their digest is as the
//! configuration says.

use std::io::Read;
use std::path::Path;

use outrigger_policy::limits::REFERENCE_BYTES_MAX;
use outrigger_policy::topology::PluginId;
use sha2::{Digest, Sha256};

use super::read::line_of;
use super::words::join;
use super::{Config, ConfigError, ConfigErrors};

/// A reference file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceFile {
    /// Name that the plugin knows it by.
    pub name: String,
    /// Its bytes, at most [`REFERENCE_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

impl Config {
    /// Reads the reference files of a plugin and checks their digests.
    ///
    /// # Errors
    /// Names each file that cannot be read, is too large, or has another digest.
    pub fn read_references(&self, plugin: PluginId) -> Result<Vec<ReferenceFile>, ConfigErrors> {
        let plugin = self.plugin(plugin);
        let mut files = Vec::with_capacity(plugin.references.len());
        let mut errors = Vec::new();
        for (at, reference) in plugin.references.iter().enumerate() {
            let table = format!(
                "{}[{at}]",
                join(&join("plugins", &plugin.name), "references")
            );
            let mut fail = |key: &str, message: String| {
                let key = join(&table, key);
                errors.push(ConfigError {
                    file: self.file.clone(),
                    line: Some(line_of(&self.lines, &key)),
                    key,
                    message,
                });
            };
            let bytes = match read_bounded(&reference.path, REFERENCE_BYTES_MAX) {
                Ok(bytes) => bytes,
                Err(message) => {
                    fail("path", format!("{}: {message}", reference.path.display()));
                    continue;
                }
            };
            let found: [u8; 32] = Sha256::digest(&bytes).into();
            if found == reference.sha256 {
                files.push(ReferenceFile {
                    name: reference.name.clone(),
                    bytes,
                });
            } else {
                let path = reference.path.display();
                fail(
                    "sha256",
                    format!("must be the digest of {path}, which is {}", hex(&found)),
                );
            }
        }
        if errors.is_empty() {
            Ok(files)
        } else {
            Err(ConfigErrors::new(errors))
        }
    }
}

/// Reads a file of at most `bytes_max` bytes.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("must be at most {bytes_max} bytes, is larger"));
    }
    Ok(bytes)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest that 64 hexadecimal digits name.
pub(super) fn parse_sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(digest)
}
