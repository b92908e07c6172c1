//! The canonical track message: one schema for all sources, whatever bus it came from.

use std::fmt::{self, Write as _};
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::body::{Body, BodyError, Map};
use crate::msgpack::{self, Expected, Fault, Reader};

/// Bytes that a [`Text`] holds, at most.
pub const TRACK_TEXT_BYTES_MAX: usize = 31;

/// JSON Schema of [`Track`]; describe a class of tracks with it. `x-unit` gives each field's unit.
pub const TRACK_SCHEMA: &str = include_str!("track.schema.json");

/// Keys of the map, in the schema's order.
const KEYS: [&str; 17] = [
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
    "source",
    "accuracy_m",
];

/// The same keys as the reader gives them.
const KEY_WORDS: [[u64; 2]; KEYS.len()] = {
    let mut words = [[0; 2]; KEYS.len()];
    let mut field = 0;
    while field < KEYS.len() {
        words[field] = msgpack::short_words(KEYS[field]);
        field += 1;
    }
    words
};

/// A short text inside a track, 1 to [`TRACK_TEXT_BYTES_MAX`] bytes. Held in place, so that reading
/// a track allocates nothing.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
pub struct Text {
    /// The text, zeros, and in the last byte its length.
    bytes: [u8; TRACK_TEXT_BYTES_MAX + 1],
}

impl Text {
    const EMPTY: Self = Self {
        bytes: [0; TRACK_TEXT_BYTES_MAX + 1],
    };

    fn byte_len(&self) -> usize {
        usize::from(self.bytes[TRACK_TEXT_BYTES_MAX])
    }

    /// A text; `None` when it is empty or longer than [`TRACK_TEXT_BYTES_MAX`].
    #[inline]
    pub fn new(text: &str) -> Option<Self> {
        let mut new = Self::EMPTY;
        new.write_str(text).ok()?;
        (new.byte_len() > 0).then_some(new)
    }

    /// A text of ASCII; `None` when it is not, and as for [`new`](Self::new).
    pub fn ascii(text: &[u8]) -> Option<Self> {
        let mut bytes = Self::EMPTY.bytes;
        bytes[..TRACK_TEXT_BYTES_MAX]
            .get_mut(..text.len())?
            .copy_from_slice(text);
        bytes[TRACK_TEXT_BYTES_MAX] = text.len() as u8;
        // The length is ASCII too.
        (!text.is_empty() && bytes.is_ascii()).then_some(Self { bytes })
    }

    /// A formatted text, for instance `Text::format(format_args!("{mmsi:09}"))`; `None` as for
    /// [`new`](Self::new).
    pub fn format(arguments: fmt::Arguments) -> Option<Self> {
        let mut text = Self::EMPTY;
        text.write_fmt(arguments).ok()?;
        (text.byte_len() > 0).then_some(text)
    }

    /// From words that hold `len` bytes of ASCII and then zeros; `None` when one is not.
    #[inline]
    fn from_ascii(mut words: [u64; 4], len: u8) -> Option<Self> {
        const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
        if len == 0 || (words[0] | words[1] | words[2] | words[3]) & HIGH_BITS != 0 {
            return None;
        }
        words[3] |= u64::from(len) << 56;
        let mut text = Self::EMPTY;
        for (place, word) in text.bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Some(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.byte_len()]).expect("made from whole strings only")
    }
}

impl fmt::Write for Text {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = self.byte_len();
        let end = start + text.len();
        if end > TRACK_TEXT_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.bytes[start..end].copy_from_slice(text.as_bytes());
        self.bytes[TRACK_TEXT_BYTES_MAX] = end as u8;
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

/// In words: on WebAssembly comparing bytes is a call, and goes byte by byte.
impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (own, _) = self.bytes.as_chunks();
        let (other, _) = other.bytes.as_chunks();
        let mut words = own.iter().zip(other);
        words.all(|(own, other)| u64::from_ne_bytes(*own) == u64::from_ne_bytes(*other))
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
    const WORDS: [[u64; 2]; 2] = [
        msgpack::short_words(Self::ALL[0].as_str()),
        msgpack::short_words(Self::ALL[1].as_str()),
    ];

    /// As in the body.
    pub const fn as_str(self) -> &'static str {
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
    const WORDS: [[u64; 2]; 4] = [
        msgpack::short_words(Self::ALL[0].as_str()),
        msgpack::short_words(Self::ALL[1].as_str()),
        msgpack::short_words(Self::ALL[2].as_str()),
        msgpack::short_words(Self::ALL[3].as_str()),
    ];

    /// As in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TimeOfTrack => "time-of-track",
            Self::UtcSecond => "utc-second",
            Self::Receiver => "receiver",
            Self::Capture => "capture",
        }
    }
}

/// What measured the position. Closed like the other words of the schema: a word that is not here
/// refuses the body, so that a new kind of sensor is never judged by the noise of another one.
/// Until it has a word of its own it is [`Other`](Self::Other).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The ship's own report by AIS.
    Ais,
    /// The aircraft's own report by ADS-B, rebroadcasts included.
    Adsb,
    /// Multilateration of an aircraft's replies.
    Mlat,
    /// One radar's plot or local track.
    Radar,
    /// A tracker that joins several sensors.
    SystemTrack,
    /// A radar's indication of a moving target on the ground.
    Gmti,
    /// A simulated entity.
    Dis,
    /// A sensor that has no word here.
    Other,
}

impl Source {
    /// All of them, in the schema's order.
    pub const ALL: [Self; 8] = [
        Self::Ais,
        Self::Adsb,
        Self::Mlat,
        Self::Radar,
        Self::SystemTrack,
        Self::Gmti,
        Self::Dis,
        Self::Other,
    ];
    const WORDS: [[u64; 2]; Self::ALL.len()] = {
        let mut words = [[0; 2]; Self::ALL.len()];
        let mut index = 0;
        while index < words.len() {
            words[index] = msgpack::short_words(Self::ALL[index].as_str());
            index += 1;
        }
        words
    };

    /// As in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ais => "ais",
            Self::Adsb => "adsb",
            Self::Mlat => "mlat",
            Self::Radar => "radar",
            Self::SystemTrack => "system-track",
            Self::Gmti => "gmti",
            Self::Dis => "dis",
            Self::Other => "other",
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
    /// What measured the position, where that is known.
    pub source: Option<Source>,
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
            source: None,
            accuracy_m: None,
        }
    }

    /// Appends the track as its body is, and in it one more map: what only one source says, under
    /// the name of that source. The class then has a schema of its own.
    pub fn encode_with(&self, out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Map)) {
        let start = out.len();
        self.encode(out);
        // One more pair in the head: one byte up to 15 pairs, then three.
        match out[start] {
            0x8f => drop(out.splice(start..=start, [0xde, 0, 16])),
            0xde => out[start + 2] += 1,
            _ => out[start] += 1,
        }
        msgpack::write_str(out, name);
        Map::write(out, fill);
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
        Pairs::write(out, |out| {
            out.text(0, Some(&self.track_id));
            out.text(1, self.platform_id.as_ref());
            out.text(2, self.callsign.as_ref());
            out.text(3, self.platform_class.as_ref());
            out.number(4, self.lat_deg);
            out.number(5, self.lon_deg);
            out.number(6, self.alt_m);
            out.word(
                7,
                self.alt_datum.map(|datum| AltDatum::WORDS[datum as usize]),
            );
            out.number(8, self.speed_mps);
            out.number(9, self.course_deg);
            out.number(10, self.climb_mps);
            out.number(11, self.heading_deg);
            out.number(12, self.turn_rate_dps);
            out.unsigned(13, self.time_ns);
            out.word(14, Some(TimeSource::WORDS[self.time_source as usize]));
            out.word(15, self.source.map(|source| Source::WORDS[source as usize]));
            out.number(16, self.accuracy_m);
        });
    }
}

/// Writes the present pairs of a track. Inlined, so that the length of each pair is a constant: on
/// WebAssembly a copy of another length costs a call, and each append looks for room.
struct Pairs<'a> {
    out: &'a mut Vec<u8>,
    pairs: u8,
}

impl Pairs<'_> {
    /// Bytes of the longest track: 17 keys, numbers of 9 bytes, four texts.
    const BYTES_MAX: usize = 400;
    /// Bytes of the longest pair: a key of 14 and a text, which is written whole and then cut.
    const PAIR_BYTES_MAX: usize = 15 + 1 + TRACK_TEXT_BYTES_MAX + 1;

    /// Appends the map whose pairs `fill` writes.
    #[inline(always)]
    fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Pairs)) {
        out.reserve(Self::BYTES_MAX);
        let start = out.len();
        out.push(0x80);
        let mut written = Pairs { out, pairs: 0 };
        fill(&mut written);
        let pairs = written.pairs;
        // A head of one byte holds up to 15 pairs, of three bytes all 17.
        if pairs < 16 {
            out[start] = 0x80 | pairs;
        } else {
            out.splice(start..=start, [0xde, 0x00, pairs]);
        }
    }

    /// A pair whose value is the first `len` bytes of these.
    #[inline(always)]
    fn pair<const N: usize>(&mut self, field: usize, value: [u8; N], len: usize) {
        let key = KEYS[field].as_bytes();
        let mut pair = [0; Self::PAIR_BYTES_MAX];
        pair[0] = 0xa0 | key.len() as u8;
        pair[1..=key.len()].copy_from_slice(key);
        pair[1 + key.len()..][..N].copy_from_slice(&value);
        let end = self.out.len() + 1 + key.len() + len;
        self.out.extend_from_slice(&pair[..1 + key.len() + N]);
        self.out.truncate(end);
        self.pairs += 1;
    }

    #[inline(always)]
    fn text(&mut self, field: usize, text: Option<&Text>) {
        if let Some(Text { bytes }) = text {
            let len = bytes[TRACK_TEXT_BYTES_MAX];
            let mut value = [0xa0 | len; TRACK_TEXT_BYTES_MAX + 2];
            value[1..].copy_from_slice(bytes);
            self.pair(field, value, 1 + usize::from(len));
        }
    }

    /// A short text, as [`msgpack::short_words`] has it.
    #[inline(always)]
    fn word(&mut self, field: usize, word: Option<[u64; 2]>) {
        if let Some([low, high]) = word {
            let len = (high >> 56) as u8;
            let mut value = [0xa0 | len; 17];
            value[1..9].copy_from_slice(&low.to_le_bytes());
            value[9..].copy_from_slice(&high.to_le_bytes());
            self.pair(field, value, 1 + usize::from(len));
        }
    }

    #[inline(always)]
    fn number(&mut self, field: usize, number: Option<f64>) {
        if let Some(number) = number.filter(|number| number.is_finite()) {
            let mut value = [0xcb; 9];
            value[1..].copy_from_slice(&number.to_be_bytes());
            self.pair(field, value, 9);
        }
    }

    #[inline(always)]
    fn unsigned(&mut self, field: usize, number: u64) {
        let mut value = [0xcf; 9];
        value[1..].copy_from_slice(&number.to_be_bytes());
        if number > u64::from(u32::MAX) {
            self.pair(field, value, 9);
        } else {
            let mut short = Vec::with_capacity(5);
            msgpack::write_unsigned(&mut short, number);
            value[..short.len()].copy_from_slice(&short);
            self.pair(field, value, short.len());
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Track, BodyError> {
    let mut reader = Reader::new(bytes);
    let mut track = Track::new(Text::EMPTY, 0, TimeSource::Capture);
    // One bit per field that was there.
    let mut present = 0u32;
    read(&mut reader, &mut track, &mut present).map_err(|(field, fault)| {
        BodyError(match field {
            Some(field) => format!("{}: {fault}", KEYS[field]),
            None => fault.into(),
        })
    })?;
    if !reader.rest().is_empty() {
        return Err(BodyError("bytes after the map".into()));
    }
    for required in [0, 13, 14] {
        if present & (1 << required) == 0 {
            return Err(BodyError(format!("{}: absent", KEYS[required])));
        }
    }
    Ok(track)
}

/// Which field is at fault, when it is one, and what is wrong.
type FieldFault = (Option<usize>, Fault);

/// Reads all pairs. The reason why this is not left to serde: tracks are most of what plugins
/// read, and searching each key among all names costs more than all else.
fn read(reader: &mut Reader, track: &mut Track, present: &mut u32) -> Result<(), FieldFault> {
    let plain = |fault| (None, fault);
    let mut pairs = Ordered {
        left: reader.map().map_err(plain)?,
        present,
        reader,
        track,
    };
    // Keys come in the schema's order, some left out.
    pairs.field::<0>()?;
    pairs.field::<1>()?;
    pairs.field::<2>()?;
    pairs.field::<3>()?;
    pairs.field::<4>()?;
    pairs.field::<5>()?;
    pairs.field::<6>()?;
    pairs.field::<7>()?;
    pairs.field::<8>()?;
    pairs.field::<9>()?;
    pairs.field::<10>()?;
    pairs.field::<11>()?;
    pairs.field::<12>()?;
    pairs.field::<13>()?;
    pairs.field::<14>()?;
    pairs.field::<15>()?;
    pairs.field::<16>()?;
    // What follows is of another schema, or was written by another hand.
    let Ordered { left, .. } = pairs;
    for _ in 0..left {
        let Some(field) = known_key(reader).map_err(plain)? else {
            reader.pass_value().map_err(plain)?;
            continue;
        };
        *present |= 1 << field;
        read_field(reader, track, field).map_err(|fault| (Some(field), fault))?;
    }
    Ok(())
}

/// Pairs in the schema's order.
struct Ordered<'a, 'b> {
    /// Pairs not read yet.
    left: usize,
    present: &'a mut u32,
    reader: &'a mut Reader<'b>,
    track: &'a mut Track,
}

impl Ordered<'_, '_> {
    /// Reads the next pair if it is this field.
    #[inline(always)]
    fn field<const FIELD: usize>(&mut self) -> Result<(), FieldFault> {
        let key = const { Expected::new(KEYS[FIELD]) };
        if self.left > 0 && self.reader.pass_expected(&key) {
            self.left -= 1;
            *self.present |= 1 << FIELD;
            read_field(self.reader, self.track, FIELD).map_err(|fault| (Some(FIELD), fault))?;
        }
        Ok(())
    }
}

/// Reads a key; `None` for one that is not of this schema.
fn known_key(reader: &mut Reader) -> Result<Option<usize>, Fault> {
    let Some([low, high]) = reader.short_str() else {
        // All known keys are short and in their shortest form, or were written by another hand.
        let key = reader.str_bytes()?;
        return Ok(KEYS.iter().position(|known| known.as_bytes() == key));
    };
    let same = |known: &[u64; 2]| known[0] == low && known[1] == high;
    Ok(KEY_WORDS.iter().position(same))
}

#[inline(always)]
fn read_field(reader: &mut Reader, track: &mut Track, field: usize) -> Result<(), Fault> {
    match field {
        0 => track.track_id = text(reader)?,
        1 => track.platform_id = Some(text(reader)?),
        2 => track.callsign = Some(text(reader)?),
        3 => track.platform_class = Some(text(reader)?),
        4 => track.lat_deg = Some(reader.number()?),
        5 => track.lon_deg = Some(reader.number()?),
        6 => track.alt_m = Some(reader.number()?),
        7 => track.alt_datum = Some(word(reader, &AltDatum::WORDS, &AltDatum::ALL)?),
        8 => track.speed_mps = Some(reader.number()?),
        9 => track.course_deg = Some(reader.number()?),
        10 => track.climb_mps = Some(reader.number()?),
        11 => track.heading_deg = Some(reader.number()?),
        12 => track.turn_rate_dps = Some(reader.number()?),
        13 => track.time_ns = reader.unsigned()?,
        14 => track.time_source = word(reader, &TimeSource::WORDS, &TimeSource::ALL)?,
        15 => track.source = Some(word(reader, &Source::WORDS, &Source::ALL)?),
        _ => track.accuracy_m = Some(reader.number()?),
    }
    Ok(())
}

#[inline(always)]
fn text(reader: &mut Reader) -> Result<Text, Fault> {
    if let Some((words, len)) = reader.fix_str()
        && let Some(text) = Text::from_ascii(words, len)
    {
        reader.pass(1 + usize::from(len));
        return Ok(text);
    }
    Text::new(reader.str()?).ok_or("empty, or longer than 31 bytes")
}

/// One of a few short words.
#[inline(always)]
fn word<T: Copy>(reader: &mut Reader, words: &[[u64; 2]], all: &[T]) -> Result<T, Fault> {
    let [low, high] = reader.short_str().ok_or("not a word of the schema")?;
    words
        .iter()
        .zip(all)
        .find(|(word, _)| word[0] == low && word[1] == high)
        .map(|(_, value)| *value)
        .ok_or("not a word of the schema")
}

#[cfg(test)]
mod tests;
