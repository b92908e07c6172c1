//! A record of Kafka as a message: what its headers, key, time and value say.
//!
//! | of the message | from | without it |
//! |---|---|---|
//! | class | header `outrigger-class` | the tap's class, if it has only one; else rejected, `class` |
//! | key | the record's key, UTF-8 | rejected, `key` |
//! | body | the value, as the tap's `value` says | rejected, `value` |
//! | time of applicability | header `outrigger-event-ns` | time of capture |
//! | time of capture | the record's time; header `outrigger-captured-ns` where both are of one millisecond | the header |
//! | label | the tap's; header `outrigger-label` must name one that it dominates, else rejected, `label` | the tap's |
//! | severity | header `outrigger-anomalies` | none |
//!
//! A message of a class that the tap does not carry is counted and passed over. A header that cannot
//! be read rejects the record, `header`. Rejected records are dead letters, with their value.

use outrigger_kafka::Fetched;
use outrigger_policy::body::{BODY_DEPTH_MAX, check_body};
use outrigger_policy::claims::KEY_BYTES_MAX;
use outrigger_policy::labels::LabelId;
use outrigger_policy::topology::{ClassId, TapId, Topology};
use serde_json::Value;

use crate::config::ValueFormat;
use crate::pipeline::Carried;

/// What the names of all headers begin with.
pub(super) const HEADERS: &str = "outrigger-";

/// What is handed on from a record to what is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Its `outrigger-id`.
    pub(super) id: Option<Vec<u8>>,
    /// Its `outrigger-schema`.
    pub(super) schema: Option<Vec<u8>>,
    /// Its `outrigger-anomalies`.
    pub(super) anomalies: Option<Vec<u8>>,
}

/// Reads records as messages.
pub(super) struct Decoded {
    classes: Vec<(String, ClassId)>,
    format: ValueFormat,
    /// Names of the labels that the tap's dominates.
    labels: Vec<String>,
}

/// Why a record is no message: one word, and more for people. Never quotes the record.
type Rejected = (&'static str, String);

impl Decoded {
    /// For the records of this tap.
    pub(super) fn new(topology: &Topology, tap: TapId, format: ValueFormat) -> Self {
        let tap = topology.tap(tap);
        let labels = topology.labels();
        let low = |label: &LabelId| labels.dominates(tap.label, *label);
        Self {
            classes: tap
                .carries
                .iter()
                .map(|id| (topology.class(*id).name.clone(), *id))
                .collect(),
            format,
            labels: labels
                .ids()
                .filter(low)
                .map(|label| labels.name(label).to_owned())
                .collect(),
        }
    }

    /// What a record is, when it was captured, and what is handed on.
    pub(super) fn read(&self, fetched: &Fetched) -> (Carried, u64, Origin) {
        let captured_ns = captured_ns(fetched);
        let handed = |name: &str| header(fetched, name).map(<[u8]>::to_vec);
        let origin = Origin {
            id: handed("outrigger-id"),
            schema: handed("outrigger-schema"),
            anomalies: handed("outrigger-anomalies"),
        };
        let carried = match self.message(fetched, captured_ns) {
            Ok(carried) => carried,
            Err((cause, detail)) => Carried::Rejected { cause, detail },
        };
        (carried, captured_ns, origin)
    }

    fn message(&self, fetched: &Fetched, captured_ns: u64) -> Result<Carried, Rejected> {
        let class = match (header(fetched, "outrigger-class"), &self.classes[..]) {
            (Some(name), _) => {
                let mut known = self.classes.iter();
                match known.find(|(known, _)| known.as_bytes() == name) {
                    Some((_, id)) => *id,
                    None => return Ok(Carried::OtherClass),
                }
            }
            (None, [(_, only)]) => *only,
            (None, _) => {
                return Err((
                    "class",
                    "no header outrigger-class, and the tap carries several classes".to_owned(),
                ));
            }
        };
        if let Some(label) = header(fetched, "outrigger-label")
            && !self.labels.iter().any(|low| low.as_bytes() == label)
        {
            let detail = "header outrigger-label names no label that the tap's dominates";
            return Err(("label", detail.to_owned()));
        }
        let key = fetched.key.as_deref().unwrap_or_default();
        let key = match std::str::from_utf8(key) {
            Ok("") => return Err(("key", "the record has no key".to_owned())),
            Ok(key) if key.len() > KEY_BYTES_MAX => {
                let detail = format!("the key has {} bytes of {KEY_BYTES_MAX}", key.len());
                return Err(("key", detail));
            }
            Ok(key) => key.to_owned(),
            Err(_) => return Err(("key", "the key is not UTF-8".to_owned())),
        };
        let unread = |name: &str| ("header", format!("header {name} cannot be read"));
        let event_ns = match header(fetched, "outrigger-event-ns") {
            None => captured_ns,
            Some(text) => number(text).ok_or_else(|| unread("outrigger-event-ns"))?,
        };
        let severity = match header(fetched, "outrigger-anomalies") {
            None => 0,
            Some(text) => severity(text).ok_or_else(|| unread("outrigger-anomalies"))?,
        };
        let value = fetched.value.as_deref();
        let value = value.ok_or(("value", "the record is a tombstone".to_owned()))?;
        let body = match self.format {
            ValueFormat::MessagePack => value.to_vec(),
            ValueFormat::Json => from_json(value).map_err(|detail| ("value", detail))?,
        };
        check_body(&body).map_err(|error| ("value", error.to_string()))?;
        Ok(Carried::Message {
            class,
            key,
            event_ns,
            severity,
            body,
        })
    }
}

fn header<'a>(fetched: &'a Fetched, name: &str) -> Option<&'a [u8]> {
    let mut headers = fetched.headers.iter();
    headers
        .find(|(known, _)| known == name)
        .map(|(_, value)| &value[..])
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The record's time in nanoseconds, to which the header may add what a millisecond leaves out.
fn captured_ns(fetched: &Fetched) -> u64 {
    let time_ms = u64::try_from(fetched.time_ms).unwrap_or(0);
    match header(fetched, "outrigger-captured-ns").and_then(number) {
        Some(ns) if time_ms == 0 || ns / 1_000_000 == time_ms => ns,
        Some(_) | None => time_ms.saturating_mul(1_000_000),
    }
}

/// The highest severity of a list of anomalies.
fn severity(text: &[u8]) -> Option<u8> {
    let list: Vec<Value> = serde_json::from_slice(text).ok()?;
    let severities = list.iter().map(|one| match one["severity"].as_str()? {
        "minor" => Some(1),
        "major" => Some(2),
        "critical" => Some(3),
        _ => None,
    });
    severities
        .collect::<Option<Vec<u8>>>()
        .map(|all| all.into_iter().max().unwrap_or(0))
}

/// A JSON object as a body: keys in their order, an absent key for a null.
fn from_json(text: &[u8]) -> Result<Vec<u8>, String> {
    // The parser's own words may quote what came in.
    let mut value: Value = serde_json::from_slice(text).map_err(|error| {
        format!(
            "no JSON, at line {} column {}",
            error.line(),
            error.column()
        )
    })?;
    without_nulls(&mut value, BODY_DEPTH_MAX);
    rmp_serde::to_vec(&value).map_err(|_| "cannot be written as MessagePack".to_owned())
}

/// To this depth; what is deeper is no body anyway.
fn without_nulls(value: &mut Value, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut()
                .for_each(|value| without_nulls(value, depth - 1));
        }
        Value::Array(list) => list
            .iter_mut()
            .for_each(|value| without_nulls(value, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests;
