//! What a plugin is configured with.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::packed::{self, Packed};

/// Parameters and reference files of one plugin, as the deployment's configuration has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    pub(crate) parameters: Vec<u8>,
    pub(crate) references: Vec<(String, Vec<u8>)>,
}

/// Why a plugin cannot work with its configuration. Texts are for people: name, rule and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigureError {
    /// A parameter is missing, unknown, or out of its range.
    Parameter(String),
    /// A reference file is missing or cannot be understood.
    Reference(String),
}

impl ConfigureError {
    /// A parameter's value breaks a rule.
    pub fn parameter(name: &str, rule: &str, value: impl fmt::Display) -> Self {
        Self::Parameter(format!("{name} must be {rule}, not {value}"))
    }
}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(text) => write!(f, "parameter: {text}"),
            Self::Reference(text) => write!(f, "reference: {text}"),
        }
    }
}

impl std::error::Error for ConfigureError {}

impl Configuration {
    /// Parameters as a MessagePack map, and reference files by name.
    pub fn new(parameters: Vec<u8>, references: Vec<(String, Vec<u8>)>) -> Self {
        Self {
            parameters,
            references,
        }
    }

    pub(crate) fn from_columns(parameters: Vec<u8>, names: &Packed, files: &Packed) -> Self {
        let references = packed::iter(names)
            .zip(packed::iter(files))
            .map(|(name, file)| (String::from_utf8_lossy(name).into_owned(), file.to_vec()))
            .collect();
        Self::new(parameters, references)
    }

    /// The parameters as a type. Derive `Deserialize` with `#[serde(default,
    /// deny_unknown_fields)]`, so that a misspelt name is refused and an absent one has a default.
    ///
    /// # Errors
    /// [`ConfigureError::Parameter`] when a parameter is unknown, missing or of another type.
    pub fn parameters<P: DeserializeOwned>(&self) -> Result<P, ConfigureError> {
        rmp_serde::from_slice(&self.parameters)
            .map_err(|error| ConfigureError::Parameter(error.to_string()))
    }

    /// For a plugin without parameters.
    ///
    /// # Errors
    /// [`ConfigureError::Parameter`] when there is any.
    pub fn no_parameters(&self) -> Result<(), ConfigureError> {
        match self.parameters.as_slice() {
            [] | [0x80] => Ok(()),
            _ => Err(ConfigureError::Parameter(
                "this plugin has no parameters".into(),
            )),
        }
    }

    /// The bytes of a reference file.
    ///
    /// # Errors
    /// [`ConfigureError::Reference`] when the configuration does not name it.
    pub fn reference(&self, name: &str) -> Result<&[u8], ConfigureError> {
        self.references
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, bytes)| bytes.as_slice())
            .ok_or_else(|| ConfigureError::Reference(format!("{name} is not configured")))
    }

    /// Names and bytes of all reference files, in the configuration's order.
    pub fn references(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.references
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}
