//! TOML as text. Everything stands in one line for each section, as inline tables: it is read by the
//! runtime, and by a person only after a failure.

use std::fmt::Write;

use toml::{Table, Value};

/// A file with these sections.
pub(super) fn text(root: &Table) -> String {
    let mut out = String::new();
    for (key, value) in root {
        quoted(&mut out, key);
        out.push_str(" = ");
        inline(&mut out, value);
        out.push('\n');
    }
    out
}

/// JSON's escapes are among TOML's, for whom only DEL must be escaped besides.
fn quoted(out: &mut String, text: &str) {
    let json = serde_json::Value::from(text).to_string();
    out.push_str(&json.replace('\u{7f}', "\\u007f"));
}

fn inline(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => quoted(out, text),
        Value::Integer(number) => put(out, number),
        // Its debug form always has a point or an exponent.
        Value::Float(number) if number.is_finite() => put(out, format_args!("{number:?}")),
        Value::Float(number) if number.is_nan() => out.push_str("nan"),
        Value::Float(number) => out.push_str(if *number > 0.0 { "inf" } else { "-inf" }),
        Value::Boolean(flag) => put(out, flag),
        Value::Datetime(time) => put(out, time),
        Value::Array(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                inline(out, value);
            }
            out.push(']');
        }
        Value::Table(table) => {
            out.push('{');
            for (at, (key, value)) in table.iter().enumerate() {
                out.push_str(if at == 0 { " " } else { ", " });
                quoted(out, key);
                out.push_str(" = ");
                inline(out, value);
            }
            out.push_str(" }");
        }
    }
}

fn put(out: &mut String, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a String takes any text");
}
