//! Settings as TOML that reads back as the same configuration.

use serde_json::Value;

use super::{WIDTH, line};
use crate::config::{Resolved, quote_key};

/// Column at which a setting's remark starts.
const REMARK: usize = 44;

/// Settings as TOML. Tables of a section stand together: its own keys first.
pub(super) fn render_settings(out: &mut String, settings: &[Resolved]) {
    let mut sections: Vec<(&str, Vec<(&str, &Resolved)>)> = Vec::new();
    for setting in settings {
        let at = setting.key.rfind('.').expect("a key stands in a section");
        let (section, name) = (&setting.key[..at], &setting.key[at + 1..]);
        match sections.iter_mut().find(|(known, _)| *known == section) {
            Some((_, entries)) => entries.push((name, setting)),
            None => sections.push((section, vec![(name, setting)])),
        }
    }
    for (at, (section, entries)) in sections.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        match section
            .strip_suffix(']')
            .and_then(|section| section.rsplit_once('['))
        {
            Some((list, _)) => line(out, &format!("[[{list}]]")),
            None => line(out, &format!("[{section}]")),
        }
        for (name, setting) in entries {
            render_setting(out, name, setting);
        }
    }
}

fn render_setting(out: &mut String, name: &str, setting: &Resolved) {
    let mut remarks = Vec::new();
    if !setting.definition.unit.is_empty() {
        remarks.push(setting.definition.unit);
    }
    if setting.is_default {
        remarks.push("default");
    }
    let remark = remarks.join(", ");
    let text = match &setting.value {
        Value::Null => {
            line(out, &format!("# {name}: {}", setting.definition.default()));
            return;
        }
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let key = format!("{name}.{}", quote_key(key));
                let nested = Resolved {
                    key: key.clone(),
                    value: value.clone(),
                    ..setting.clone()
                };
                render_setting(out, &key, &nested);
            }
            return;
        }
        value => format!("{name} = {}", toml_of(value)),
    };
    if let (Value::Array(list), true) = (&setting.value, text.chars().count() > WIDTH) {
        line(out, &format!("{name} = ["));
        for entry in list {
            line(out, &format!("    {},", toml_of(entry)));
        }
        line(out, "]");
    } else if remark.is_empty() || text.chars().count() + remark.len() + 4 > WIDTH {
        line(out, &text);
    } else {
        line(out, &format!("{text:<REMARK$}  # {remark}"));
    }
}

/// A value as TOML on one line.
fn toml_of(value: &Value) -> String {
    match value {
        // A configuration has no nulls inside a value.
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // JSON's escapes are TOML's; DEL is the one character that only TOML escapes.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007F"),
        Value::Array(list) => {
            let entries: Vec<String> = list.iter().map(toml_of).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{} = {}", quote_key(key), toml_of(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}
