//! What a plugin says of itself, checked.

use outrigger_policy::Packed;

use crate::bindings::common::exports::outrigger::plugin::plugin as wit;
use crate::columns::common_unpack;

/// Most values in each list of a description. Reason: names are held for the life of the process
/// and counted one by one. More refuses the plugin.
pub const DESCRIPTION_VALUES_MAX: usize = 256;
/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Largest JSON Schema, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 65_536;

/// What a plugin says of itself. See `wit/types.wit`, `description`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Name in its manifest.
    pub name: String,
    /// Version in its manifest.
    pub version: String,
    /// Decoders: `keys` must be asked.
    pub keyed: bool,
    /// Classes written or read.
    pub classes: Vec<String>,
    /// JSON Schema per class; may be empty.
    pub schemas: Vec<String>,
    /// Decoders: causes of rejects.
    pub causes: Vec<String>,
    /// Decoders: kinds of skipped frames.
    pub skips: Vec<String>,
    /// Decoders: security markings.
    pub markings: Vec<String>,
    /// Validators: rules.
    pub rules: Vec<String>,
    /// Routers: routes.
    pub routes: Vec<String>,
}

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DescriptionError {
    /// A list cannot be taken apart, or is too long.
    List(&'static str),
    /// A name has a wrong length or character.
    Name(&'static str, String),
    /// A name stands twice in a list.
    Twice(&'static str, String),
    /// Not one schema per class, or one is too large or not UTF-8.
    Schemas,
}

impl std::fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::List(list) => write!(
                f,
                "{list} is not a packed list of at most {DESCRIPTION_VALUES_MAX} values"
            ),
            Self::Name(list, name) => write!(
                f,
                "{list} has the name {name:?}; names are 1 to {NAME_BYTES_MAX} of a-z 0-9 - _ ."
            ),
            Self::Twice(list, name) => write!(f, "{list} has the name {name} twice"),
            Self::Schemas => write!(
                f,
                "schemas must be one UTF-8 text of at most {SCHEMA_BYTES_MAX} bytes per class"
            ),
        }
    }
}

impl std::error::Error for DescriptionError {}

impl Description {
    pub(crate) fn check(claimed: wit::Description) -> Result<Self, DescriptionError> {
        let classes = names("classes", claimed.classes)?;
        let schemas = texts("schemas", common_unpack(claimed.schemas))?;
        let fits = |schema: &String| schema.len() <= SCHEMA_BYTES_MAX;
        if schemas.len() != classes.len() || !schemas.iter().all(fits) {
            return Err(DescriptionError::Schemas);
        }
        Ok(Self {
            name: name("name", claimed.name)?,
            version: name("version", claimed.version)?,
            keyed: claimed.keyed,
            classes,
            schemas,
            causes: names("causes", claimed.causes)?,
            skips: names("skips", claimed.skips)?,
            markings: names("markings", claimed.markings)?,
            rules: names("rules", claimed.rules)?,
            routes: names("routes", claimed.routes)?,
        })
    }
}

fn texts(list: &'static str, values: Packed) -> Result<Vec<String>, DescriptionError> {
    let broken = |_| DescriptionError::List(list);
    values.check().map_err(broken)?;
    if values.len() > DESCRIPTION_VALUES_MAX {
        return Err(DescriptionError::List(list));
    }
    values
        .iter()
        .map(|value| String::from_utf8(value.to_vec()).map_err(|_| DescriptionError::List(list)))
        .collect()
}

fn names(list: &'static str, values: wit::PackedResult) -> Result<Vec<String>, DescriptionError> {
    let mut seen = std::collections::BTreeSet::new();
    texts(list, common_unpack(values))?
        .into_iter()
        .map(|value| {
            let value = name(list, value)?;
            if seen.insert(value.clone()) {
                Ok(value)
            } else {
                Err(DescriptionError::Twice(list, value))
            }
        })
        .collect()
}

fn name(list: &'static str, value: String) -> Result<String, DescriptionError> {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    if (1..=NAME_BYTES_MAX).contains(&value.len()) && value.bytes().all(plain) {
        Ok(value)
    } else {
        let shown = crate::instance::plain(&value, NAME_BYTES_MAX);
        Err(DescriptionError::Name(list, shown))
    }
}
