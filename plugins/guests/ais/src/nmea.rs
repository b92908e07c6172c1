//! Lines of NMEA 0183: sentences, tag blocks, receive times.
//!
//! Owns the outer form only: where a line ends, whether its checksum holds, which fields it has.
//! What always holds: a line is read whole or not at all, every checksum that is there is right,
//! and a fault names the byte where it was found. Nothing here allocates.
//!
//! Sources: IEC 61162-1 (sentences, `VDM`, `VDO`), NMEA 0183 4.10 (tag blocks), and for `$PGHP`
//! the lines themselves, as Gatehouse receivers write them.

use crate::fault::{Cause, Fault};
use crate::{time, words};

/// When a receiver says that it heard something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Where the time was written.
    pub origin: Origin,
}

/// Where a receive time was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the capture time.
    Capture,
    /// `c:` of a tag block.
    TagBlock,
    /// A `$PGHP` line before the sentence.
    Pghp,
    /// A field of Unix seconds after the checksum.
    Trailer,
}

impl Origin {
    /// Its name in bodies; none for the capture time.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Capture => None,
            Self::TagBlock => Some("tag-block"),
            Self::Pghp => Some("pghp"),
            Self::Trailer => Some("trailer"),
        }
    }
}

/// A group of tag blocks: `g:part-total-id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagGroup<'a> {
    /// Identifier, digits.
    pub id: &'a [u8],
}

/// What tag blocks before a sentence say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag<'a> {
    /// `c:`, nanoseconds since the Unix epoch.
    pub time_ns: Option<u64>,
    /// `s:`, the station; empty when absent.
    pub station: &'a [u8],
    /// `g:`, the group.
    pub group: Option<TagGroup<'a>>,
}

/// One `VDM` or `VDO` sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence<'a> {
    /// What its tag blocks say.
    pub tag: Tag<'a>,
    /// Talker and formatter, such as `AIVDM`.
    pub address: &'a [u8],
    /// Sentences of the message, 1 to 9.
    pub total: u8,
    /// Number of this sentence, 1 to `total`.
    pub number: u8,
    /// Sequential message identifier, 0 to 9; absent in single sentences.
    pub group: Option<u8>,
    /// Radio channel, `A`, `B` or another character; 0 when empty.
    pub channel: u8,
    /// Six-bit characters, all of the alphabet.
    pub payload: &'a [u8],
    /// Bits to drop at the end of the payload, 0 to 5.
    pub fill_bits: u8,
    /// The checksum that was verified.
    pub checksum: u8,
    /// Receive time written on the line itself.
    pub stamp: Option<Stamp>,
    /// Byte of the frame where the payload starts.
    pub payload_offset: u32,
}

impl Sentence<'_> {
    /// True for a report of the receiver's own ship or station.
    pub fn is_own(&self) -> bool {
        self.address.ends_with(b"O")
    }
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A comment.
    Comment,
    /// Tag blocks without a sentence; they speak of the next one.
    Tag(Tag<'a>),
    /// `$PGHP`: the receive time of the next group of sentences.
    ReceiveTime {
        /// Nanoseconds since the Unix epoch; absent when its fields are no time.
        time_ns: Option<u64>,
        /// The exclusive or of that group's checksums; absent when not written, or zero, which
        /// stands for a group that has none.
        checksum: Option<u8>,
    },
    /// A sentence of another kind.
    Other,
    /// An AIS sentence.
    Ais(Sentence<'a>),
}

/// Lines of a frame with the byte at which each starts, without empty ones.
pub fn lines(frame: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut at = 0usize;
    std::iter::from_fn(move || {
        loop {
            let rest = frame.get(at..).filter(|rest| !rest.is_empty())?;
            let length = words::position_either(b'\n', b'\r', rest).unwrap_or(rest.len());
            let start = at;
            at += length + 1;
            let line = rest[..length].trim_ascii_start();
            if !line.is_empty() {
                let lead = length - line.len();
                return Some(((start + lead) as u32, line.trim_ascii_end()));
            }
        }
    })
}

/// Reads one line that starts at byte `offset` of its frame.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read_line(offset: u32, line: &[u8]) -> Result<Line<'_>, Fault> {
    let fault = |cause, what, at: usize| Fault {
        cause,
        what,
        offset: offset + at as u32,
    };
    let mut tag = Tag::default();
    let mut at = 0;
    while line.get(at) == Some(&b'\\') {
        let inner = &line[at + 1..];
        let end = inner
            .iter()
            .position(|&byte| byte == b'\\')
            .ok_or_else(|| fault(Cause::TagBlock, "tag block without end", at))?;
        read_tag(&inner[..end], &mut tag).map_err(|(cause, what)| fault(cause, what, at + 1))?;
        at += end + 2;
    }
    let body = &line[at..];
    match body.first() {
        None => return Ok(Line::Tag(tag)),
        Some(b'!' | b'$') => {}
        Some(b'#') if at == 0 => return Ok(Line::Comment),
        Some(_) => return Err(fault(Cause::SentenceForm, "no sentence starts here", at)),
    }
    let star = words::position(b'*', body)
        .ok_or_else(|| fault(Cause::SentenceForm, "no checksum", line.len()))?;
    let checksum = hex_byte(&body[star + 1..]).ok_or_else(|| {
        fault(
            Cause::SentenceForm,
            "checksum without two hex digits",
            at + star,
        )
    })?;
    let content = &body[1..star];
    if exclusive_or(content) != checksum {
        return Err(fault(Cause::Checksum, "checksum differs", at + star + 1));
    }
    let trailer = read_trailer(&body[star + 3..]).ok_or_else(|| {
        fault(
            Cause::SentenceForm,
            "unknown text after the checksum",
            at + star + 3,
        )
    })?;
    if body[0] == b'!' && matches!(content.get(2..6), Some(b"VDM," | b"VDO,")) {
        let stamp = match (trailer, tag.time_ns) {
            (Some(time_ns), _) => Some((time_ns, Origin::Trailer)),
            (None, Some(time_ns)) => Some((time_ns, Origin::TagBlock)),
            (None, None) => None,
        };
        let mut sentence =
            read_ais(content).map_err(|(cause, what, byte)| fault(cause, what, at + 1 + byte))?;
        sentence.payload_offset += offset + at as u32 + 1;
        sentence.tag = tag;
        sentence.checksum = checksum;
        sentence.stamp = stamp.map(|(time_ns, origin)| Stamp { time_ns, origin });
        return Ok(Line::Ais(sentence));
    }
    if content.starts_with(b"PGHP,1,") {
        return Ok(read_pghp(&content[7..]));
    }
    Ok(Line::Other)
}

/// One block: `key:value,key:value*hh`. Unknown keys are passed over.
fn read_tag<'a>(block: &'a [u8], tag: &mut Tag<'a>) -> Result<(), (Cause, &'static str)> {
    let star = block
        .iter()
        .position(|&byte| byte == b'*')
        .ok_or((Cause::TagBlock, "tag block without checksum"))?;
    let sum = hex_byte(&block[star + 1..])
        .filter(|_| block.len() == star + 3)
        .ok_or((
            Cause::TagBlock,
            "tag block's checksum is not two hex digits",
        ))?;
    let content = &block[..star];
    if exclusive_or(content) != sum {
        return Err((Cause::Checksum, "tag block's checksum differs"));
    }
    for pair in content.split(|&byte| byte == b',') {
        match pair {
            [b'c', b':', value @ ..] => {
                let time = unix_time_ns(value).ok_or((Cause::TagBlock, "c: is no Unix time"))?;
                tag.time_ns = Some(time);
            }
            [b's', b':', value @ ..] => tag.station = value,
            [b'g', b':', value @ ..] => {
                let mut parts = value.split(|&byte| byte == b'-');
                let (_, _, id) = (parts.next(), parts.next(), parts.next());
                let id = id
                    .filter(|id| (1..=GROUP_DIGITS_MAX).contains(&id.len()))
                    .filter(|id| parts.next().is_none() && id.iter().all(u8::is_ascii_digit))
                    .ok_or((Cause::TagBlock, "g: is not part-total-id"))?;
                tag.group = Some(TagGroup { id });
            }
            _ => {}
        }
    }
    if tag.station.len() > STATION_BYTES_MAX {
        return Err((Cause::TagBlock, "s: is longer than a station's name"));
    }
    Ok(())
}

/// Longest group identifier of a tag block, in digits. Source: it fits a `u64`.
/// Longer rejects the line.
const GROUP_DIGITS_MAX: usize = 19;
/// Longest station name, in bytes. Source: NMEA 0183 4.10 allows 15; receivers write some more,
/// and it is part of a key of at most 255 bytes. Longer rejects the line.
pub const STATION_BYTES_MAX: usize = 64;

/// Fields of `xxVDM,total,number,group,channel,payload,fill`.
fn read_ais(content: &[u8]) -> Result<Sentence<'_>, (Cause, &'static str, usize)> {
    let form = |what, at| (Cause::SentenceForm, what, at);
    let mut fields = [(0usize, &content[..0]); 7];
    let mut start = 0;
    for field in &mut fields[..6] {
        let rest = &content[start..];
        let length = words::position(b',', rest)
            .ok_or_else(|| form("fewer than seven fields", content.len()))?;
        *field = (start, &rest[..length]);
        start += length + 1;
    }
    let last = &content[start..];
    if let Some(length) = words::position(b',', last) {
        return Err(form("more than seven fields", start + length));
    }
    fields[6] = (start, last);
    let [address, total, number, group, channel, payload, fill] = fields;
    let digit = |(at, field): (usize, &[u8]), what| match field {
        [byte @ b'0'..=b'9'] => Ok(byte - b'0'),
        _ => Err(form(what, at)),
    };
    let total_at = total.0;
    let total = digit(total, "number of sentences is not a digit")?;
    let number = digit(number, "sentence number is not a digit")?;
    if number == 0 || number > total {
        return Err(form(
            "sentence number is not within the number of sentences",
            total_at,
        ));
    }
    let group = match group.1 {
        [] => None,
        _ => Some(digit(group, "message identifier is not a digit")?),
    };
    let fill_at = fill.0;
    let fill_bits = digit(fill, "number of fill bits is not a digit")?;
    if fill_bits > 5 || (number < total && fill_bits != 0) {
        return Err(form("fill bits that cannot be", fill_at));
    }
    let channel = match channel.1 {
        [] => 0,
        [byte] => *byte,
        _ => return Err(form("channel is not one character", channel.0)),
    };
    let (payload_at, payload) = payload;
    if let Some(at) = words::position_not_sixbit(payload) {
        return Err((
            Cause::PayloadCharacter,
            "character outside the six-bit alphabet",
            payload_at + at,
        ));
    }
    Ok(Sentence {
        tag: Tag::default(),
        address: address.1,
        total,
        number,
        group,
        channel,
        payload,
        fill_bits,
        checksum: 0,
        stamp: None,
        payload_offset: payload_at as u32,
    })
}

/// `year,month,day,hour,minute,second,millisecond,country,region,station,online,checksum`.
fn read_pghp(fields: &[u8]) -> Line<'_> {
    let mut parts = [0u32; 7];
    let mut fields = fields.split(|&byte| byte == b',');
    let mut whole = true;
    for part in &mut parts {
        match fields.next().and_then(decimal) {
            Some(value) => *part = value,
            None => whole = false,
        }
    }
    let [year, month, day, hour, minute, second, milliseconds] = parts;
    let time_ns = if whole && milliseconds < 1_000 {
        time::unix_ns(year, month, day, hour, minute, second)
            .map(|ns| ns + u64::from(milliseconds) * 1_000_000)
    } else {
        None
    };
    let checksum = fields
        .next_back()
        .filter(|field| field.len() == 2)
        .and_then(hex_byte)
        .filter(|&sum| sum != 0);
    Line::ReceiveTime { time_ns, checksum }
}

/// What follows a checksum: nothing, or fields after a comma. A last field of digits is the
/// receive time in Unix seconds. `None` when it is neither, as in a line cut short.
fn read_trailer(trailer: &[u8]) -> Option<Option<u64>> {
    match trailer {
        [] => Some(None),
        [b',', fields @ ..] => {
            let last = fields.rsplit(|&byte| byte == b',').next().unwrap_or(fields);
            match last.first() {
                None => None,
                Some(byte) if byte.is_ascii_digit() => unix_time_ns(last).map(Some),
                Some(_) => Some(None),
            }
        }
        _ => None,
    }
}

/// Unix seconds of ten digits or milliseconds of thirteen: a cut-off time is no time.
fn unix_time_ns(digits: &[u8]) -> Option<u64> {
    let unit = match digits.len() {
        10 => 1_000_000_000,
        13 => 1_000_000,
        _ => return None,
    };
    digits
        .iter()
        .try_fold(0u64, |sum, &byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + u64::from(byte - b'0'))
        })
        .map(|count| count * unit)
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0u32, |sum, &byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).map(|value| value as u8);
    Some(digit(text.first()?)? << 4 | digit(text.get(1)?)?)
}

fn exclusive_or(bytes: &[u8]) -> u8 {
    let (words, rest) = bytes.as_chunks();
    let word = words
        .iter()
        .fold(0, |sum, word| sum ^ u64::from_ne_bytes(*word));
    let folded = word.to_ne_bytes();
    folded.iter().chain(rest).fold(0, |sum, &byte| sum ^ byte)
}

#[cfg(test)]
mod tests;
