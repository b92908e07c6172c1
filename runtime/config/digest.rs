//! The canonical form of a configuration, and its digest.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::read::Resolved;

/// Begins every canonical form. Changes with its rules.
const HEAD: &str = "outrigger configuration 1\n";

/// SHA-256 over one line `key = value` per setting, in order of key, values as JSON with the keys
/// of their objects in order.
pub(super) fn digest<'a>(settings: impl Iterator<Item = &'a Resolved>) -> [u8; 32] {
    let mut lines: Vec<String> = settings
        .map(|setting| format!("{} = {}\n", setting.key, ordered(&setting.value)))
        .collect();
    lines.sort();
    let mut hash = Sha256::new();
    hash.update(HEAD);
    for line in &lines {
        hash.update(line);
    }
    hash.finalize().into()
}

fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.clone(), ordered(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(ordered).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
