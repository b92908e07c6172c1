//! A record as it lies in memory, taken apart without copying: what leaves for Kafka is the body as
//! the plugin wrote it.

use outrigger_policy::body::value_len;
use rmp::Marker;
use rmp::decode as mp;

use super::{Position, RECORD_ELEMENTS, RecordError};

/// A record's parts. Only what a consumer needs of a dead letter is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Where it stands in its topic.
    pub position: Position,
    /// Name of the tap.
    pub tap: &'a str,
    /// Sequence number of the last source frame; `None` of what is said of a key gone silent.
    pub last_frame: Option<u64>,
    /// Ordinal among the records of that frame.
    pub index: u32,
    /// Capture time, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Class, empty for a rejected frame.
    pub class: &'a str,
    /// Natural key, empty without.
    pub key: &'a str,
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub event_ns: u64,
    /// Label.
    pub label: &'a str,
    /// Number of broken rules.
    pub anomaly_count: u32,
    /// Broken rules: a MessagePack array of `[rule, severity, permille, detail, plugin]`.
    pub anomalies: &'a [u8],
    /// Plugins: a MessagePack map of name to SHA-256.
    pub plugins: &'a [u8],
    /// Body: a MessagePack map.
    pub body: &'a [u8],
    /// Where the body begins in the record.
    body_at: usize,
}

impl<'a> View<'a> {
    /// The body, as JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn body_value(&self) -> Result<serde_json::Value, RecordError> {
        super::value::read(&mut rmp_serde::Deserializer::from_read_ref(self.body))
    }

    /// Takes an encoded record apart.
    ///
    /// # Errors
    /// The bytes are no record.
    pub fn of(bytes: &'a [u8]) -> Result<Self, RecordError> {
        parts(bytes).ok_or(RecordError::LengthMismatch(RECORD_ELEMENTS))
    }
}

fn parts(bytes: &[u8]) -> Option<View<'_>> {
    let mut rest = bytes;
    if mp::read_array_len(&mut rest).ok()? != RECORD_ELEMENTS {
        return None;
    }
    let _version = number(&mut rest)?;
    let block = number(&mut rest)?;
    let ordinal = u32::try_from(number(&mut rest)?).ok()?;
    let tap = text(&mut rest)?;
    let mut last_frame = None;
    for _ in 0..mp::read_array_len(&mut rest).ok()? {
        last_frame = Some(number(&mut rest)?);
    }
    let index = u32::try_from(number(&mut rest)?).ok()?;
    let captured_ns = number(&mut rest)?;
    let class = text(&mut rest)?;
    let key = text(&mut rest)?;
    let event_ns = number(&mut rest)?;
    let label = text(&mut rest)?;
    let anomaly_count = mp::read_array_len(&mut { rest }).ok()?;
    let anomalies = value(&mut rest)?;
    let plugins = value(&mut rest)?;
    let body_at = bytes.len() - rest.len();
    let body = value(&mut rest)?;
    Some(View {
        position: Position { block, ordinal },
        tap,
        last_frame,
        index,
        captured_ns,
        class,
        key,
        event_ns,
        label,
        anomaly_count,
        anomalies,
        plugins,
        body,
        body_at,
    })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    mp::read_int(rest).ok()
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (text, behind) = mp::read_str_from_slice(*rest).ok()?;
    *rest = behind;
    Some(text)
}

fn value<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    // A detail stands two levels deep in its record, and may itself be as deep as a body.
    let length = match mp::read_marker(&mut { *rest }).ok()? {
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => array_len(rest)?,
        _ => value_len(rest).ok()?,
    };
    let (value, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(value)
}

/// Length of the array of anomalies, whose details are bodies of their own depth.
fn array_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    for _ in 0..mp::read_array_len(&mut rest).ok()? {
        for _ in 0..mp::read_array_len(&mut rest).ok()? {
            let (_, behind) = rest.split_at_checked(value_len(rest).ok()?)?;
            rest = behind;
        }
    }
    Some(bytes.len() - rest.len())
}

/// A record whose body is left out if it is over `bytes_max`: an empty one stands in its place.
///
/// # Errors
/// The bytes are no record.
pub fn without_body_over(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, RecordError> {
    let view = View::of(bytes)?;
    if view.body.len() <= bytes_max {
        return Ok(bytes.to_vec());
    }
    let mut short = bytes[..view.body_at].to_vec();
    short.extend_from_slice(super::EMPTY_BODY);
    short.extend_from_slice(&bytes[view.body_at + view.body.len()..]);
    Ok(short)
}
