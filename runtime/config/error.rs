//! What is wrong with a configuration: file, line, key, rule and value.

use std::path::PathBuf;

use outrigger_policy::limits::CONFIG_ERRORS_MAX;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line in the file, from 1; `None` when the file could not be read.
    pub line: Option<usize>,
    /// The key, as `plugins.ais.message_fuel`; empty for the file as a whole.
    pub key: String,
    /// The rule, and the value that breaks it.
    pub message: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

/// All broken rules of one stage: syntax, values, then topology. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The first [`CONFIG_ERRORS_MAX`], in order of line.
    pub errors: Vec<ConfigError>,
    /// How many more there are.
    pub more: usize,
}

impl ConfigErrors {
    pub(super) fn new(mut errors: Vec<ConfigError>) -> Self {
        errors.sort_by_key(|error| error.line);
        let more = errors.len().saturating_sub(CONFIG_ERRORS_MAX);
        errors.truncate(CONFIG_ERRORS_MAX);
        Self { errors, more }
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self::new(vec![error])
    }
}

impl std::fmt::Display for ConfigErrors {
    /// One error per line, no line break at the end.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, error) in self.errors.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
