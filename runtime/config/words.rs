//! Names, keys and values in words: what a name may be, and how an error shows a value.

use outrigger_policy::limits::NAME_BYTES_MAX;
use serde_json::Value;
use toml::de::DeValue;

use super::keys::Range;

/// A key as TOML needs it: bare if it can be, else quoted.
pub fn quote_key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// Appends a key to a path.
pub(super) fn join(path: &str, name: &str) -> String {
    let name = quote_key(name);
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// True for a name as `keys::NAME` says.
pub(super) fn is_name(text: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= NAME_BYTES_MAX
        && text.bytes().next().is_some_and(first)
        && text
            .bytes()
            .all(|byte| first(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

/// True for a name that a plugin may declare (`wit/plugin`, `description`).
pub(super) fn is_declared(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        })
}

pub(super) fn rule(range: Range) -> &'static str {
    match range {
        Range::Other(rule) => rule,
        Range::Setting(_) | Range::Number(..) | Range::Choice(_) | Range::Flag => "",
    }
}

/// A whole number of at least 0.
pub(super) fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A value in an error: short, on one line.
pub(super) fn show(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => {
            let short: String = text.chars().take(40).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            format!("{short:?}{more}")
        }
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(list) => {
            let shown: Vec<String> = list
                .iter()
                .take(4)
                .map(|entry| show(entry.get_ref()))
                .collect();
            let more = if list.len() > 4 { ", …" } else { "" };
            format!("[{}{more}]", shown.join(", "))
        }
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `; did you mean X?` when a known name is near.
pub(crate) fn hint<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let near = known.map(|known| (distance(name, known), known)).min();
    match near {
        Some((distance, known)) if distance <= 1 + known.len() / 4 => {
            format!("; did you mean {known}?")
        }
        Some(_) | None => String::new(),
    }
}

/// Levenshtein's distance, over at most 64 bytes of each.
fn distance(a: &str, b: &str) -> usize {
    let a = &a.as_bytes()[..a.len().min(NAME_BYTES_MAX)];
    let b = &b.as_bytes()[..b.len().min(NAME_BYTES_MAX)];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
