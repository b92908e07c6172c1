//! Inspecting: what a component or an installed artifact is, imports, and says of itself.

use std::fmt;
use std::fs;
use std::path::Path;

use ed25519_dalek::SigningKey;
use outrigger_sandbox::artifact::hex;
use outrigger_sandbox::describe_component;
use outrigger_sandbox::world::{Names, names_of};
use outrigger_sandbox::{Artifact, Description, Installation, InstallationError, Role};
use serde_json::{Value, json};

use crate::ToolError;
use crate::install::{Compiled, DESCRIBE_LIMITS, compiler};

/// The one import with a function in it.
const HOST: &str = "outrigger:plugin/host@";
/// What a WebAssembly file begins with; an installed artifact does not.
const WASM_MAGIC: &[u8] = b"\0asm";

/// What was found out about a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Role.
    pub role: Role,
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// Size of the component in bytes; unknown of an installed artifact.
    pub component_bytes: Option<u64>,
    /// Size of the artifact in bytes; of a component, what its artifact would have.
    pub artifact_bytes: u64,
    /// True when it is an artifact of an installation, and its signature was verified.
    pub installed: bool,
    /// Imports and exports.
    pub names: Names,
    /// What it says of itself.
    pub description: Description,
}

/// Inspects a component's file, or an installed artifact. An artifact's key is that of `directory`,
/// by default the folder in which it lies.
///
/// # Errors
/// [`ToolError`]: the same refusals as `install`.
pub fn inspect(path: &Path, directory: Option<&Path>) -> Result<Report, ToolError> {
    // With a directory, a component may also be named as the lock file names it.
    let name = path.to_str().filter(|_| !path.exists());
    if let (Some(directory), Some(name)) = (directory, name) {
        let installation = Installation::open(directory).map_err(ToolError::Installation)?;
        let entry = installation.entry(name).map_err(ToolError::Installation)?;
        return inspect_artifact(&directory.join(&entry.artifact), &installation);
    }
    let bytes = fs::read(path).map_err(ToolError::io(path))?;
    if bytes.starts_with(WASM_MAGIC) {
        return inspect_component(path, &bytes);
    }
    let directory = directory
        .or(path.parent())
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let installation = Installation::open(directory).map_err(ToolError::Installation)?;
    inspect_artifact(path, &installation)
}

fn inspect_component(path: &Path, bytes: &[u8]) -> Result<Report, ToolError> {
    let compiled = Compiled::new(path, bytes, &compiler()?)?;
    // Only its size is of interest, so any key will do.
    let artifact = compiled.seal(path, "", &SigningKey::from_bytes(&[0; 32]))?;
    Ok(Report {
        role: compiled.role,
        sha256: compiled.sha256,
        component_bytes: Some(compiled.bytes),
        artifact_bytes: artifact.len() as u64,
        installed: false,
        names: names_of(&compiled.component),
        description: compiled.description,
    })
}

fn inspect_artifact(path: &Path, installation: &Installation) -> Result<Report, ToolError> {
    let bytes = fs::read(path).map_err(ToolError::io(path))?;
    let artifact =
        Artifact::open(&bytes, installation.key(), None, &compiler()?).map_err(|error| {
            ToolError::Installation(InstallationError::Artifact(path.to_owned(), error))
        })?;
    let description = describe_component(&artifact.component, &DESCRIBE_LIMITS)
        .map_err(|error| ToolError::Describe(path.to_owned(), error))?;
    Ok(Report {
        role: artifact.role,
        sha256: artifact.sha256,
        component_bytes: None,
        artifact_bytes: bytes.len() as u64,
        installed: true,
        names: names_of(&artifact.component),
        description,
    })
}

impl Report {
    /// What the plugin can do, in one line.
    fn trust(&self) -> String {
        let host = self.names.imports.iter().any(|name| name.starts_with(HOST));
        let imports = if host {
            "outrigger:plugin/host (note)"
        } else {
            "nothing"
        };
        format!("{imports} — this plugin can compute, and nothing else")
    }

    /// The report as one JSON object. Stable: names are added, never changed.
    pub fn to_json(&self) -> Value {
        let said = &self.description;
        let classes: Vec<_> = said
            .classes
            .iter()
            .zip(&said.schemas)
            .map(|(name, schema)| {
                // A schema that is not JSON is shown as the text that it is.
                let schema = match schema.as_str() {
                    "" => Value::Null,
                    text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
                };
                json!({ "name": name, "schema": schema })
            })
            .collect();
        json!({
            "plugin": said.name,
            "version": said.version,
            "role": self.role.as_str(),
            "sha256": hex(&self.sha256),
            "component_bytes": self.component_bytes,
            "artifact_bytes": self.artifact_bytes,
            "installed": self.installed,
            "imports": self.names.imports,
            "exports": self.names.exports,
            "keyed": said.keyed,
            "classes": classes,
            "causes": said.causes,
            "skips": said.skips,
            "markings": said.markings,
            "rules": said.rules,
            "routes": said.routes,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = &self.description;
        let keyed = if said.keyed { ", keyed" } else { "" };
        writeln!(f, "{} {}: {}{keyed}", said.name, said.version, self.role)?;
        writeln!(f, "sha256:    {}", hex(&self.sha256))?;
        if let Some(bytes) = self.component_bytes {
            writeln!(f, "component: {bytes} bytes")?;
        }
        let signed = if self.installed {
            "signed by this installation"
        } else {
            "not installed"
        };
        writeln!(f, "artifact:  {} bytes, {signed}", self.artifact_bytes)?;
        writeln!(f, "imports:   {}", self.trust())?;
        writeln!(f, "exports:   {}", self.names.exports.join(" "))?;
        for (name, schema) in said.classes.iter().zip(&said.schemas) {
            match schema.len() {
                0 => writeln!(f, "class:     {name}, read only")?,
                bytes => writeln!(f, "class:     {name}, schema of {bytes} bytes")?,
            }
        }
        for (what, names) in [
            ("causes:", &said.causes),
            ("skips:", &said.skips),
            ("markings:", &said.markings),
            ("rules:", &said.rules),
            ("routes:", &said.routes),
        ] {
            if !names.is_empty() {
                writeln!(f, "{what:<10} {}", names.join(" "))?;
            }
        }
        Ok(())
    }
}
