//! The canonical track message: one schema for all sources, whatever bus it came from.

use std::fmt::{self, Write as _};
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::body::{Body, BodyError};
use crate::msgpack::{self, Fault, Reader};

/// Bytes that a [`Text`] holds, at most.
pub const TRACK_TEXT_BYTES_MAX: usize = 31;

/// JSON Schema of [`Track`]; describe a class of tracks with it. `x-unit` gives each field's unit.
pub const TRACK_SCHEMA: &str = include_str!("track.schema.json");

/// Keys of the map, in the schema's order.
const KEYS: [&str; 16] = [
    "track_id",
    "platform_id",
    "callsign",
    "platform_class",
    "lat_deg",
    "lon_deg",
    "alt_m",
    "alt_datum",
    "speed_mps",
    "course_deg",
    "climb_mps",
    "heading_deg",
    "turn_rate_dps",
    "time_ns",
    "time_source",
    "accuracy_m",
];

/// A short text inside a track, 1 to [`TRACK_TEXT_BYTES_MAX`] bytes. Held in place, so that reading
/// a track allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    bytes: [u8; TRACK_TEXT_BYTES_MAX],
    len: u8,
}

impl Text {
    /// A text; `None` when it is empty or longer than [`TRACK_TEXT_BYTES_MAX`].
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; TRACK_TEXT_BYTES_MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        match u8::try_from(text.len()) {
            Ok(0) | Err(_) => None,
            Ok(len) => Some(Self { bytes, len }),
        }
    }

    /// A formatted text, for instance `Text::format(format_args!("{mmsi:09}"))`; `None` as for
    /// [`new`](Self::new).
    pub fn format(arguments: fmt::Arguments) -> Option<Self> {
        let mut text = Self {
            bytes: [0; TRACK_TEXT_BYTES_MAX],
            len: 0,
        };
        text.write_fmt(arguments).ok()?;
        (text.len > 0).then_some(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)])
            .expect("made from whole strings only")
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.len);
        let end = start + text.len();
        let place = self.bytes.get_mut(start..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = u8::try_from(end).map_err(|_| fmt::Error)?;
        Ok(())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        Self::new(text).ok_or_else(|| serde::de::Error::custom("text is empty or too long"))
    }
}

/// What an altitude is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AltDatum {
    /// Pressure altitude, against the standard atmosphere's 1013.25 hPa.
    Barometric,
    /// Height above the WGS-84 ellipsoid.
    Geometric,
}

impl AltDatum {
    const ALL: [Self; 2] = [Self::Barometric, Self::Geometric];

    /// As in the body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Barometric => "barometric",
            Self::Geometric => "geometric",
        }
    }
}

/// Where the time of applicability comes from, most direct first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// The source gives the track's own time, date or day included.
    TimeOfTrack,
    /// The source gives the second of the minute; the rest is from the time of reception.
    UtcSecond,
    /// The receiver of the bus stamped the frame, for instance in a tag block.
    Receiver,
    /// Nothing better than the capture time of the tap.
    Capture,
}

impl TimeSource {
    const ALL: [Self; 4] = [
        Self::TimeOfTrack,
        Self::UtcSecond,
        Self::Receiver,
        Self::Capture,
    ];

    /// As in the body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimeOfTrack => "time-of-track",
            Self::UtcSecond => "utc-second",
            Self::Receiver => "receiver",
            Self::Capture => "capture",
        }
    }
}

/// What is known of one track at one time. Absent means absent: a source's "not available" is
/// `None`, never a special value.
///
/// Angles are degrees, positions WGS-84. A number that is not finite counts as absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Identity of the track within its source, for instance `mmsi:244660000`.
    pub track_id: Text,
    /// Identity of the platform: ICAO 24-bit address in lower-case hex, or MMSI in nine digits.
    pub platform_id: Option<Text>,
    /// Call sign or flight identification.
    pub callsign: Option<Text>,
    /// What kind of platform, in the source's words, for instance `class-a`, `aid-to-navigation`.
    pub platform_class: Option<Text>,
    /// Latitude, degrees north.
    pub lat_deg: Option<f64>,
    /// Longitude, degrees east.
    pub lon_deg: Option<f64>,
    /// Altitude, metres above `alt_datum`.
    pub alt_m: Option<f64>,
    /// What the altitude is measured against.
    pub alt_datum: Option<AltDatum>,
    /// Speed over ground, metres per second.
    pub speed_mps: Option<f64>,
    /// Course over ground, degrees clockwise from true north.
    pub course_deg: Option<f64>,
    /// Rate of climb, metres per second, up.
    pub climb_mps: Option<f64>,
    /// Heading, degrees clockwise from true north.
    pub heading_deg: Option<f64>,
    /// Rate of turn, degrees per second, clockwise.
    pub turn_rate_dps: Option<f64>,
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Where that time comes from.
    pub time_source: TimeSource,
    /// Radius of 95 % confidence of the position, metres, where the source gives one.
    pub accuracy_m: Option<f64>,
}

impl Track {
    /// A track of which nothing is known but its identity and time.
    pub fn new(track_id: Text, time_ns: u64, time_source: TimeSource) -> Self {
        Self {
            track_id,
            platform_id: None,
            callsign: None,
            platform_class: None,
            lat_deg: None,
            lon_deg: None,
            alt_m: None,
            alt_datum: None,
            speed_mps: None,
            course_deg: None,
            climb_mps: None,
            heading_deg: None,
            turn_rate_dps: None,
            time_ns,
            time_source,
            accuracy_m: None,
        }
    }

    /// Latitude and longitude, when both are known.
    pub fn position_deg(&self) -> Option<(f64, f64)> {
        self.lat_deg.zip(self.lon_deg)
    }
}

impl Body for Track {
    fn decode(_class: &str, bytes: &[u8]) -> Result<Self, BodyError> {
        decode(bytes)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut out = Pairs::begin(out);
        out.text(0, Some(self.track_id.as_str()));
        out.text(1, self.platform_id.as_deref());
        out.text(2, self.callsign.as_deref());
        out.text(3, self.platform_class.as_deref());
        out.number(4, self.lat_deg);
        out.number(5, self.lon_deg);
        out.number(6, self.alt_m);
        out.text(7, self.alt_datum.map(AltDatum::as_str));
        out.number(8, self.speed_mps);
        out.number(9, self.course_deg);
        out.number(10, self.climb_mps);
        out.number(11, self.heading_deg);
        out.number(12, self.turn_rate_dps);
        out.unsigned(13, self.time_ns);
        out.text(14, Some(self.time_source.as_str()));
        out.number(15, self.accuracy_m);
        out.end();
    }
}

/// Writes the present pairs of a track.
struct Pairs<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    pairs: u8,
}

impl<'a> Pairs<'a> {
    /// Bytes of the longest track: 16 keys, numbers of 9 bytes, four texts.
    const BYTES_MAX: usize = 400;

    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.reserve(Self::BYTES_MAX);
        let start = out.len();
        out.push(0x80);
        Self {
            out,
            start,
            pairs: 0,
        }
    }

    fn key(&mut self, field: usize) {
        msgpack::write_str(self.out, KEYS[field]);
        self.pairs += 1;
    }

    fn text(&mut self, field: usize, value: Option<&str>) {
        if let Some(value) = value {
            self.key(field);
            msgpack::write_str(self.out, value);
        }
    }

    fn number(&mut self, field: usize, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.key(field);
            msgpack::write_float(self.out, value);
        }
    }

    fn unsigned(&mut self, field: usize, value: u64) {
        self.key(field);
        msgpack::write_unsigned(self.out, value);
    }

    fn end(self) {
        // A head of one byte holds up to 15 pairs, of three bytes all 16.
        if self.pairs < 16 {
            self.out[self.start] = 0x80 | self.pairs;
        } else {
            self.out
                .splice(self.start..=self.start, [0xde, 0x00, self.pairs]);
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Track, BodyError> {
    let mut reader = Reader::new(bytes);
    let mut track_id = None;
    let mut time_ns = None;
    let mut time_source = None;
    let nothing = Text {
        bytes: [0; TRACK_TEXT_BYTES_MAX],
        len: 0,
    };
    let mut track = Track::new(nothing, 0, TimeSource::Capture);
    let plain = |fault: Fault| BodyError(fault.into());
    let pairs = reader.map().map_err(plain)?;
    // Keys come in the schema's order, some left out: the search for the next key starts after
    // the last one, and nearly always ends within a few steps.
    let mut next = 0;
    for _ in 0..pairs {
        let key = reader.str_bytes().map_err(plain)?;
        let known = KEYS[next..]
            .iter()
            .position(|known| known.as_bytes() == key)
            .map(|offset| next + offset)
            .or_else(|| {
                KEYS[..next]
                    .iter()
                    .position(|known| known.as_bytes() == key)
            });
        let Some(field) = known else {
            reader.value().map_err(plain)?;
            continue;
        };
        next = field + 1;
        let named = |fault: Fault| BodyError(format!("{}: {fault}", KEYS[field]));
        match field {
            0 => track_id = Some(text(&mut reader).map_err(named)?),
            1 => track.platform_id = Some(text(&mut reader).map_err(named)?),
            2 => track.callsign = Some(text(&mut reader).map_err(named)?),
            3 => track.platform_class = Some(text(&mut reader).map_err(named)?),
            4 => track.lat_deg = Some(reader.number().map_err(named)?),
            5 => track.lon_deg = Some(reader.number().map_err(named)?),
            6 => track.alt_m = Some(reader.number().map_err(named)?),
            7 => {
                let datum = word(&mut reader, &AltDatum::ALL, AltDatum::as_str).map_err(named)?;
                track.alt_datum = Some(datum);
            }
            8 => track.speed_mps = Some(reader.number().map_err(named)?),
            9 => track.course_deg = Some(reader.number().map_err(named)?),
            10 => track.climb_mps = Some(reader.number().map_err(named)?),
            11 => track.heading_deg = Some(reader.number().map_err(named)?),
            12 => track.turn_rate_dps = Some(reader.number().map_err(named)?),
            13 => time_ns = Some(reader.unsigned().map_err(named)?),
            14 => {
                let source =
                    word(&mut reader, &TimeSource::ALL, TimeSource::as_str).map_err(named)?;
                time_source = Some(source);
            }
            _ => track.accuracy_m = Some(reader.number().map_err(named)?),
        }
    }
    if !reader.rest().is_empty() {
        return Err(BodyError("bytes after the map".into()));
    }
    let absent = |field: usize| BodyError(format!("{}: absent", KEYS[field]));
    track.track_id = track_id.ok_or_else(|| absent(0))?;
    track.time_ns = time_ns.ok_or_else(|| absent(13))?;
    track.time_source = time_source.ok_or_else(|| absent(14))?;
    Ok(track)
}

fn text(reader: &mut Reader) -> Result<Text, Fault> {
    Text::new(reader.str()?).ok_or("empty, or longer than 31 bytes")
}

fn word<T: Copy>(reader: &mut Reader, all: &[T], name: fn(T) -> &'static str) -> Result<T, Fault> {
    let bytes = reader.str_bytes()?;
    all.iter()
        .copied()
        .find(|value| name(*value).as_bytes() == bytes)
        .ok_or("not a word of the schema")
}

#[cfg(test)]
mod tests;
