//! A record of a topic log: one message with where it came from and what was found.
//!
//! On disk a record is one MessagePack array, positional, so that writing it is a handful of
//! copies and the body is embedded as the plugin wrote it. For people it is one JSON object,
//! stable and documented in [`crate::cli::log::fields`] and the README ("JSON lines").

mod value;
mod view;

use rmp::encode as mp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use view::{View, without_body_over};

/// Version of the record's layout, its first element.
pub const RECORD_VERSION: u64 = 1;

/// Elements of the array.
const RECORD_ELEMENTS: u32 = 17;

/// Where a record stands among all that the pipeline makes for its topic. Rises from record to
/// record, and is the same whenever the block is processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Journal block that was processed when the record was made.
    pub block: u64,
    /// Ordinal among that block's records for the topic.
    pub ordinal: u32,
}

/// Where a record came from. But for the position equal for all deliveries of one message.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Where the record stands.
    pub position: Position,
    /// Name of the tap.
    pub tap: &'a str,
    /// Sequence numbers of the source frames, rising.
    pub frames: &'a [u64],
    /// Ordinal among the records whose last frame is the same.
    pub index: u32,
    /// Capture time of the last source frame, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
}

/// A broken rule, as it stands in a record.
#[derive(Clone, Copy, Debug)]
pub struct AnomalyEntry<'a> {
    /// Name of the rule.
    pub rule: &'a str,
    /// 1 minor, 2 major, 3 critical.
    pub severity: u8,
    /// Permille.
    pub score_permille: u16,
    /// Evidence: a MessagePack map, checked.
    pub detail: &'a [u8],
    /// Name of the validator.
    pub plugin: &'a str,
}

/// A message as it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Where it came from.
    pub source: Source<'a>,
    /// Class, empty for a rejected frame.
    pub class: &'a str,
    /// Natural key, empty for a rejected frame.
    pub key: &'a str,
    /// Time of applicability, nanoseconds since the Unix epoch; 0 for a rejected frame.
    pub event_ns: u64,
    /// Label.
    pub label: &'a str,
    /// Plugins that made it: an encoded MessagePack map of name to SHA-256.
    pub plugins: &'a [u8],
    /// Body: a MessagePack map, checked.
    pub body: &'a [u8],
    /// Set in dead letters.
    pub failure: Option<Failure<'a>>,
}

/// Why a frame or message is a dead letter.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// A decoder's cause, or the name of a fault.
    pub cause: &'a str,
    /// `decode`, `carry`, `validate`, `route` or `deliver`, a colon, and the plugin, tap or topic.
    pub stage: &'a str,
    /// What was wrong, for people.
    pub detail: &'a str,
    /// The frame; `None` if the journal no longer holds it, or its batch has too many of them.
    pub frame: Option<&'a [u8]>,
}

/// An empty MessagePack map.
pub const EMPTY_BODY: &[u8] = &[0x80];

/// Writing into a vector cannot fail.
const VECTOR: &str = "a vector takes every write";

/// Encodes the plugins that made a record: name and SHA-256 of each.
pub fn encode_plugins<'a>(
    plugins: impl ExactSizeIterator<Item = (&'a str, &'a [u8; 32])>,
) -> Vec<u8> {
    let mut out = Vec::new();
    mp::write_map_len(&mut out, plugins.len() as u32).expect(VECTOR);
    for (name, digest) in plugins {
        mp::write_str(&mut out, name).expect(VECTOR);
        mp::write_bin(&mut out, digest).expect(VECTOR);
    }
    out
}

/// Appends an encoded record to `out`.
pub fn encode<'a>(
    out: &mut Vec<u8>,
    outgoing: &Outgoing<'_>,
    anomalies: impl ExactSizeIterator<Item = AnomalyEntry<'a>>,
) {
    let Outgoing { source, .. } = outgoing;
    mp::write_array_len(out, RECORD_ELEMENTS).expect(VECTOR);
    mp::write_uint(out, RECORD_VERSION).expect(VECTOR);
    mp::write_uint(out, source.position.block).expect(VECTOR);
    mp::write_uint(out, u64::from(source.position.ordinal)).expect(VECTOR);
    mp::write_str(out, source.tap).expect(VECTOR);
    mp::write_array_len(out, source.frames.len() as u32).expect(VECTOR);
    for &frame in source.frames {
        mp::write_uint(out, frame).expect(VECTOR);
    }
    mp::write_uint(out, u64::from(source.index)).expect(VECTOR);
    mp::write_uint(out, source.captured_ns).expect(VECTOR);
    mp::write_str(out, outgoing.class).expect(VECTOR);
    mp::write_str(out, outgoing.key).expect(VECTOR);
    mp::write_uint(out, outgoing.event_ns).expect(VECTOR);
    mp::write_str(out, outgoing.label).expect(VECTOR);
    mp::write_array_len(out, anomalies.len() as u32).expect(VECTOR);
    for anomaly in anomalies {
        mp::write_array_len(out, 5).expect(VECTOR);
        mp::write_str(out, anomaly.rule).expect(VECTOR);
        mp::write_uint(out, u64::from(anomaly.severity)).expect(VECTOR);
        mp::write_uint(out, u64::from(anomaly.score_permille)).expect(VECTOR);
        out.extend_from_slice(anomaly.detail);
        mp::write_str(out, anomaly.plugin).expect(VECTOR);
    }
    out.extend_from_slice(outgoing.plugins);
    out.extend_from_slice(outgoing.body);
    match &outgoing.failure {
        None => (0..3).for_each(|_| mp::write_nil(out).expect(VECTOR)),
        Some(failure) => {
            mp::write_str(out, failure.cause).expect(VECTOR);
            mp::write_array_len(out, 2).expect(VECTOR);
            mp::write_str(out, failure.stage).expect(VECTOR);
            mp::write_str(out, failure.detail).expect(VECTOR);
            match failure.frame {
                Some(frame) => mp::write_bin(out, frame).expect(VECTOR),
                None => mp::write_nil(out).expect(VECTOR),
            }
        }
    }
}

/// Bytes of a MessagePack `bin`, as hexadecimal when shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

impl Bytes {
    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// A broken rule, read back.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Anomaly {
    /// Name of the rule.
    pub rule: String,
    /// 1 minor, 2 major, 3 critical.
    pub severity: u8,
    /// Permille.
    pub score_permille: u16,
    /// Evidence.
    #[serde(deserialize_with = "value::read")]
    pub detail: Value,
    /// Name of the validator.
    pub plugin: String,
}

/// A record, read back. Fields in the order of the array.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`].
    pub version: u64,
    /// Journal block.
    pub block: u64,
    /// Ordinal among that block's records for the topic.
    pub ordinal: u32,
    /// Name of the tap.
    pub tap: String,
    /// Source frames.
    pub frames: Vec<u64>,
    /// Ordinal among the records of the last frame.
    pub index: u32,
    /// Capture time, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Class, empty for a rejected frame.
    pub class: String,
    /// Natural key.
    pub key: String,
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub event_ns: u64,
    /// Label.
    pub label: String,
    /// Broken rules.
    pub anomalies: Vec<Anomaly>,
    /// Plugins and their SHA-256.
    pub plugins: std::collections::BTreeMap<String, Bytes>,
    /// Body.
    #[serde(deserialize_with = "value::read")]
    pub body: Value,
    /// Dead letters: cause.
    pub cause: Option<String>,
    /// Dead letters: stage and detail.
    pub stage: Option<(String, String)>,
    /// Dead letters: the frame.
    pub frame: Option<Bytes>,
}

/// Why bytes are no record.
pub type RecordError = rmp_serde::decode::Error;

/// Reads the position of an encoded record, and nothing else of it.
///
/// # Errors
/// The bytes are no record.
pub fn position_of(mut bytes: &[u8]) -> Result<Position, RecordError> {
    let invalid = || RecordError::LengthMismatch(RECORD_ELEMENTS);
    let elements = rmp::decode::read_array_len(&mut bytes).map_err(|_| invalid())?;
    if elements != RECORD_ELEMENTS {
        return Err(invalid());
    }
    let mut number = || rmp::decode::read_int::<u64, _>(&mut bytes).map_err(|_| invalid());
    let _version = number()?;
    Ok(Position {
        block: number()?,
        ordinal: u32::try_from(number()?).map_err(|_| invalid())?,
    })
}

/// Reads the version of an encoded record, of any build; `None` if the bytes are none.
pub fn version_of(mut bytes: &[u8]) -> Option<u64> {
    rmp::decode::read_array_len(&mut bytes).ok()?;
    rmp::decode::read_int(&mut bytes).ok()
}

impl Record {
    /// Reads an encoded record.
    ///
    /// # Errors
    /// The bytes are no record.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        rmp_serde::from_slice(bytes)
    }

    /// The JSON object that `outrigger log read --format json` prints.
    pub fn to_json(&self, topic: &str, seq: u64) -> Value {
        let text = |text: &str| match text {
            "" => Value::Null,
            text => Value::from(text),
        };
        let anomalies: Vec<Value> = self
            .anomalies
            .iter()
            .map(|anomaly| {
                json!({
                    "rule": anomaly.rule,
                    "severity": severity_name(anomaly.severity),
                    "score": f64::from(anomaly.score_permille) / 1000.0,
                    "detail": anomaly.detail,
                    "plugin": anomaly.plugin,
                })
            })
            .collect();
        let plugins: Map<String, Value> = self
            .plugins
            .iter()
            .map(|(name, digest)| (name.clone(), digest.hex().into()))
            .collect();
        let mut object = json!({
            "topic": topic,
            "seq": seq,
            "source": { "tap": self.tap, "frames": self.frames, "index": self.index },
            "captured_ns": self.captured_ns,
            "class": text(&self.class),
            "key": text(&self.key),
            "event_ns": if self.class.is_empty() { Value::Null } else { self.event_ns.into() },
            "label": self.label,
            "verdict": if self.anomalies.is_empty() { "pass" } else { "anomaly" },
            "anomalies": anomalies,
            "plugins": plugins,
            "body": self.body,
        });
        if let (Some(cause), Some((stage, detail)), Some(map)) =
            (&self.cause, &self.stage, object.as_object_mut())
        {
            let frame = self.frame.as_ref().map(Bytes::hex);
            map.insert("verdict".into(), Value::Null);
            map.insert("cause".into(), cause.as_str().into());
            map.insert("stage".into(), stage.as_str().into());
            map.insert("detail".into(), detail.as_str().into());
            map.insert("frame_hex".into(), frame.into());
        }
        object
    }
}

/// Name of a severity.
pub fn severity_name(severity: u8) -> &'static str {
    match severity {
        0 => "none",
        1 => "minor",
        2 => "major",
        _ => "critical",
    }
}

#[cfg(test)]
mod tests;
