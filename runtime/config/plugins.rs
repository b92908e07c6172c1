//! Reads `[plugins.NAME]`.

use outrigger_policy::labels::Labels;
use outrigger_policy::limits::{
    Bytes, Fuel, PARAMETERS_BYTES_MAX, PARAMETERS_DEPTH_MAX, PLUGINS_MAX, REFERENCES_MAX,
    STATE_MEMORY_SHARE,
};
use outrigger_policy::topology::RoleDescription;
use outrigger_policy::verdict::OnQuarantine;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::keys::Section;
use super::labels::find_label;
use super::paths::Paths;
use super::read::{Context, Table};
use super::references::parse_sha256;
use super::words::{is_name, join};
use super::{PluginConfig, PluginLimits, Reference};

/// Longest file name of a component, bytes: what common file systems allow.
const COMPONENT_BYTES_MAX: usize = 255;

pub(super) fn read_plugins<'a>(
    cx: &mut Context<'a>,
    value: Option<&'a Spanned<DeValue<'a>>>,
    labels: &Labels,
    paths: &Paths,
) -> Vec<(PluginConfig, RoleDescription)> {
    let mut plugins = Vec::new();
    for (name, value) in cx.named("plugins", value, &[], PLUGINS_MAX) {
        let table = cx.open(Section::Plugin, join("plugins", &name), Some(value));
        if value.get_ref().as_table().is_some() {
            plugins.extend(read_plugin(cx, &table, name, labels, paths));
        }
    }
    plugins
}

fn read_plugin<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    name: String,
    labels: &Labels,
    paths: &Paths,
) -> Option<(PluginConfig, RoleDescription)> {
    let component = cx.required(table, "component", |name| {
        name.len() <= COMPONENT_BYTES_MAX
            && name.ends_with(".wasm")
            && !name.starts_with('.')
            && name.chars().all(|c| c != '/' && !c.is_control())
    });
    let sha256 = cx.text(table, "sha256", None, |text| parse_sha256(text).is_some());
    let role_name = cx.choice(table, "role", None);
    if let Some(role) = role_name {
        cx.restrict(table, "role", role);
    }
    let role = role_name.and_then(|role| read_role(cx, table, role, labels));
    let parameters = read_parameters(cx, table);
    let references = read_references(cx, table, paths);
    let limits = read_limits(cx, table, role_name);
    let on_quarantine = match cx.choice(table, "on_quarantine", Some("dead-letter")) {
        Some("bypass") => {
            if let Some(role @ ("decoder" | "router")) = role_name {
                let message = format!("bypass is for validators only, role is {role:?}");
                cx.fail(join(&table.path, "on_quarantine"), message);
            }
            OnQuarantine::Bypass
        }
        Some("stop") => OnQuarantine::Stop,
        Some(_) | None => OnQuarantine::DeadLetter,
    };
    let plugin = PluginConfig {
        name,
        component,
        sha256: sha256.as_deref().and_then(parse_sha256),
        parameters,
        references,
        limits,
        on_quarantine,
    };
    Some((plugin, role?))
}

fn read_role<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    role: &str,
    labels: &Labels,
) -> Option<RoleDescription> {
    match role {
        "decoder" => {
            for name in ["taps", "writes"] {
                if cx
                    .raw(table, name)
                    .is_none_or(|value| value.as_array().is_some_and(|list| list.is_empty()))
                {
                    cx.fail(
                        join(&table.path, name),
                        "required: a list of at least one name",
                    );
                }
            }
            let taps = cx.names(table, "taps");
            let writes = cx.names(table, "writes");
            let marked = cx.name_table(table, "markings");
            let key = join(&table.path, "markings");
            let markings = marked.into_iter().filter_map(|(marking, label)| {
                let label = find_label(cx, join(&key, &marking), labels, &label)?;
                Some((marking, label))
            });
            let markings = markings.collect();
            Some(RoleDescription::Decoder {
                taps,
                writes,
                markings,
            })
        }
        "validator" => Some(RoleDescription::Validator),
        "router" => {
            let routes = cx.name_table(table, "routes");
            let written = cx.raw(table, "routes");
            if written.is_none_or(|value| value.as_table().is_some_and(|table| table.is_empty())) {
                cx.refuse(table, "routes");
            }
            Some(RoleDescription::Router { routes })
        }
        other => unreachable!("{other} is no role"),
    }
}

fn read_limits<'a>(cx: &mut Context<'a>, table: &Table<'a>, role: Option<&str>) -> PluginLimits {
    // A role has no use for some limits; they keep their defaults, and are not shown.
    let keeps_state = role != Some("router");
    let makes_outputs = role != Some("validator");
    let optional = |cx: &mut Context<'a>, name: &str, used: bool| {
        let shown = cx.settings.len();
        let number = cx.setting(table, name);
        if !used {
            cx.settings.truncate(shown);
        }
        number
    };
    let limits = PluginLimits {
        message_fuel: Fuel::new(cx.setting(table, "message_fuel")),
        call_fuel: Fuel::new(cx.setting(table, "call_fuel")),
        configure_fuel: Fuel::new(cx.setting(table, "configure_fuel")),
        memory_bytes_max: Bytes::new(cx.setting(table, "memory_bytes_max")),
        call_bytes_max: Bytes::new(cx.setting(table, "call_bytes_max")),
        state_bytes_max: optional(cx, "state_bytes_max", keeps_state) as usize,
        state_keys_max: optional(cx, "state_keys_max", keeps_state) as usize,
        state_age_s_max: optional(cx, "state_age_s_max", keeps_state),
        outputs_per_input_max: optional(cx, "outputs_per_input_max", makes_outputs) as usize,
        output_bytes_max: optional(cx, "output_bytes_max", makes_outputs) as usize,
        deadline_ms: cx.setting(table, "deadline_ms"),
        faults_max: cx.setting(table, "faults_max") as u32,
    };
    let state = limits.state_bytes_max as u64;
    let memory = limits.memory_bytes_max.get();
    if keeps_state && state > memory / STATE_MEMORY_SHARE {
        let message = format!(
            "must be at most memory_bytes_max {memory} divided by {STATE_MEMORY_SHARE}, is {state}"
        );
        cx.fail(join(&table.path, "state_bytes_max"), message);
    }
    limits
}

/// The parameters as a MessagePack map; an empty one after an error.
fn read_parameters<'a>(cx: &mut Context<'a>, table: &Table<'a>) -> Vec<u8> {
    let written = cx.raw(table, "parameters");
    let key = join(&table.path, "parameters");
    let mut value = Value::Object(serde_json::Map::new());
    if let Some(written) = written {
        if written.as_table().is_none() {
            cx.refuse(table, "parameters");
        } else {
            value = to_json(cx, &key, written, 1);
        }
    }
    let mut bytes = Vec::new();
    encode(&value, &mut bytes);
    if bytes.len() > PARAMETERS_BYTES_MAX {
        let message = format!(
            "must be at most {PARAMETERS_BYTES_MAX} bytes as MessagePack, is {}",
            bytes.len()
        );
        cx.fail(key, message);
    }
    cx.settle(table, "parameters", value, written.is_some());
    bytes
}

/// Values that have the same meaning in TOML, JSON and MessagePack; others are errors.
fn to_json(cx: &mut Context<'_>, key: &str, value: &DeValue<'_>, depth: usize) -> Value {
    if depth > PARAMETERS_DEPTH_MAX {
        cx.fail(
            key,
            format!("must not be nested deeper than {PARAMETERS_DEPTH_MAX}"),
        );
        return Value::Null;
    }
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            Err(_) => {
                cx.fail(
                    key,
                    format!("must be a whole number of 64 bits, is {number}"),
                );
                Value::Null
            }
        },
        DeValue::Float(number) => {
            let float = number
                .as_str()
                .parse::<f64>()
                .ok()
                .filter(|float| float.is_finite());
            if float.is_none() {
                cx.fail(key, format!("must be a finite number, is {number}"));
            }
            float.into()
        }
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(_) => {
            cx.fail(key, "must not be a date or time: write it as text");
            Value::Null
        }
        DeValue::Array(list) => {
            let entries = list.iter().enumerate().map(|(at, entry)| {
                to_json(cx, &format!("{key}[{at}]"), entry.get_ref(), depth + 1)
            });
            Value::Array(entries.collect())
        }
        DeValue::Table(entries) => {
            let mut sorted: Vec<(String, Value)> = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                let key = join(key, name.get_ref());
                let line = cx.line_at(name.span().start);
                cx.lines.insert(key.clone(), line);
                let value = to_json(cx, &key, value.get_ref(), depth + 1);
                sorted.push((name.get_ref().to_string(), value));
            }
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(sorted.into_iter().collect())
        }
    }
}

/// MessagePack of a value, shortest integers, 64-bit floats, as in the body of a message.
fn encode(value: &Value, out: &mut Vec<u8>) {
    const REASON: &str = "writing to memory cannot fail";
    // Bounded by the file's size, far below 4 GiB.
    let count = |len: usize| u32::try_from(len).expect("a configuration is below 4 GiB");
    match value {
        Value::Null => rmp::encode::write_nil(out).expect(REASON),
        Value::Bool(flag) => rmp::encode::write_bool(out, *flag).expect(REASON),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => {
                rmp::encode::write_sint(out, number).expect(REASON);
            }
            (None, float) => {
                rmp::encode::write_f64(out, float.unwrap_or_default()).expect(REASON);
            }
        },
        Value::String(text) => rmp::encode::write_str(out, text).expect(REASON),
        Value::Array(list) => {
            rmp::encode::write_array_len(out, count(list.len())).expect(REASON);
            for entry in list {
                encode(entry, out);
            }
        }
        Value::Object(map) => {
            rmp::encode::write_map_len(out, count(map.len())).expect(REASON);
            for (name, value) in map {
                rmp::encode::write_str(out, name).expect(REASON);
                encode(value, out);
            }
        }
    }
}

fn read_references<'a>(cx: &mut Context<'a>, table: &Table<'a>, paths: &Paths) -> Vec<Reference> {
    let Some(written) = cx.raw(table, "references") else {
        cx.settle(table, "references", Value::Null, false);
        return Vec::new();
    };
    let list = written
        .as_array()
        .filter(|list| (1..=REFERENCES_MAX).contains(&list.len()));
    let Some(list) = list else {
        cx.refuse(table, "references");
        return Vec::new();
    };
    let mut references: Vec<Reference> = Vec::new();
    for (at, value) in list.iter().enumerate() {
        let path = format!("{}[{at}]", join(&table.path, "references"));
        let entry = cx.open(Section::Reference, path, Some(value));
        if value.get_ref().as_table().is_none() {
            continue;
        }
        let name = cx.required(&entry, "name", is_name);
        if references.iter().any(|known| known.name == name) {
            cx.fail(
                join(&entry.path, "name"),
                format!("must be another name, {name:?} is taken"),
            );
        }
        let path = paths.resolve(&cx.required(&entry, "path", |path| !path.is_empty()));
        let sha256 = cx.required(&entry, "sha256", |text| parse_sha256(text).is_some());
        let sha256 = parse_sha256(&sha256).unwrap_or_default();
        references.push(Reference { name, path, sha256 });
    }
    references
}
