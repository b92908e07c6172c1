//! What is kept between frames: the receive time of the next group, and fragments that wait for
//! their fellows. The host owns it; nothing of it lives in the plugin.

use serde::{Deserialize, Serialize};

use crate::bits::MESSAGE_CHARS_MAX;
use crate::nmea::{Line, Origin, Sentence, Stamp, lines, read_line};
use crate::words;

/// Longest time that a group waits for its next fragment, nanoseconds of capture time. Reason: a
/// receiver writes the fragments of a message end to end, and uses a message identifier again
/// after ten messages, which a busy harbour sends in seconds. An older group is rejected as lost.
pub const GROUP_AGE_NS_MAX: u64 = 5_000_000_000;

/// Groups of a frame that can be kept or looked up. Source: a frame has at most 8 keys, and one
/// is for the receive time. Fragments of further groups are rejected.
pub const FRAME_GROUPS_MAX: usize = outrigger_sdk::FRAME_KEYS_MAX - 1;

/// The key under which the receive time of the next group is kept.
pub const PENDING_KEY: &[u8] = b"next";

/// State of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kept {
    /// Under [`PENDING_KEY`].
    Pending(Pending),
    /// Under a group's key.
    Group(Group),
}

/// A receive time that was written before the sentence it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// True from `$PGHP`, false from a tag block on a line of its own.
    pub pghp: bool,
    /// What the exclusive or of the group's checksums must be for it to be the one meant.
    pub checksum: Option<u8>,
}

impl Pending {
    /// As a stamp, for a group whose checksums give `checksum`.
    pub fn stamp(&self, checksum: u8) -> Option<Stamp> {
        self.checksum
            .is_none_or(|expected| expected == checksum)
            .then_some(Stamp {
                time_ns: self.time_ns,
                origin: if self.pghp {
                    Origin::Pghp
                } else {
                    Origin::TagBlock
                },
            })
    }
}

/// Fragments in order, the last one still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Number of the last fragment that came.
    pub number: u8,
    /// Exclusive or of the fragments' checksums.
    pub checksum: u8,
    /// Capture time of the last fragment, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Receive time on the first line itself, nanoseconds; and whether it came from a trailer.
    pub stamp: Option<(u64, bool)>,
    /// Receive time on a line before.
    pub pending: Option<Pending>,
    /// Frames of the fragments, rising, that are still to become something; none of a message that
    /// is counted only, whose frames are skipped one by one.
    pub sequences: Vec<u64>,
    /// Six-bit characters so far, at most [`MESSAGE_CHARS_MAX`].
    #[serde(with = "characters")]
    pub payload: Vec<u8>,
}

/// The payload as MessagePack `str`: one byte a character instead of up to two.
mod characters {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        // The alphabet of payloads is ASCII.
        serializer.serialize_str(std::str::from_utf8(bytes).unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        <&str>::deserialize(deserializer).map(|text| text.as_bytes().to_vec())
    }
}

impl Group {
    /// Starts with the first sentence.
    pub fn start(sequence: u64, captured_ns: u64, sentence: &Sentence<'_>) -> Self {
        let mut group = Self {
            number: 0,
            checksum: 0,
            captured_ns,
            stamp: sentence
                .stamp
                .map(|stamp| (stamp.time_ns, stamp.origin == Origin::Trailer)),
            pending: None,
            sequences: Vec::new(),
            payload: Vec::new(),
        };
        group.add(sequence, captured_ns, sentence);
        group
    }

    /// Type of the message, if its first character says that it is one of those that are counted
    /// only. Type 24 is not: that one is counted by what comes later.
    pub fn counted_type(&self) -> Option<u8> {
        // The six bits of a character: M.1371-5 leaves it to IEC 61162-1, 7.2.3, table 7.
        let character = self.payload.first()?.checked_sub(b'0')?;
        let bits = match character {
            0..=40 => character,
            _ => character.checked_sub(8)?,
        };
        matches!(bits, 6..=8 | 10 | 12..=17 | 20 | 22 | 23 | 25 | 26).then_some(bits)
    }

    /// Adds the next sentence. False, and nothing is added, when the payload would be longer than
    /// a message can be.
    pub fn add(&mut self, sequence: u64, captured_ns: u64, sentence: &Sentence<'_>) -> bool {
        if self.payload.len() + sentence.payload.len() > MESSAGE_CHARS_MAX {
            return false;
        }
        self.number = sentence.number;
        self.checksum ^= sentence.checksum;
        self.captured_ns = captured_ns;
        self.payload.extend_from_slice(sentence.payload);
        if self.counted_type().is_none() && self.sequences.last() != Some(&sequence) {
            self.sequences.push(sequence);
        }
        true
    }

    /// When it was received: what stands on the line itself before what stands on a line before.
    pub fn stamp(&self) -> Option<Stamp> {
        match self.stamp {
            Some((time_ns, trailer)) => Some(Stamp {
                time_ns,
                origin: if trailer {
                    Origin::Trailer
                } else {
                    Origin::TagBlock
                },
            }),
            None => self
                .pending
                .and_then(|pending| pending.stamp(self.checksum)),
        }
    }
}

/// Longest key of a group, in bytes: letter, address, total, identifier and channel, then a
/// station's name or a tag group's number.
const GROUP_KEY_BYTES_MAX: usize = 1 + 5 + 3 + crate::nmea::STATION_BYTES_MAX;

/// Key of a group.
#[derive(Clone, Copy, Debug)]
pub struct GroupKey {
    bytes: [u8; GROUP_KEY_BYTES_MAX],
    length: usize,
}

impl GroupKey {
    /// Sentences with equal keys are fragments of one message. A tag block's group number names
    /// them outright; else it is the station, if given.
    pub fn of(sentence: &Sentence<'_>) -> Self {
        let mut key = Self {
            bytes: [0; GROUP_KEY_BYTES_MAX],
            length: 0,
        };
        let (kind, name) = match sentence.tag.group {
            Some(group) => (b'g', group.id),
            None => (b's', sentence.tag.station),
        };
        key.push(&[kind]);
        key.push(sentence.address);
        let group = sentence.group.map_or(b'-', |group| b'0' + group);
        key.push(&[b'0' + sentence.total, group, sentence.channel]);
        key.push(name);
        key
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    /// The key.
    pub fn get(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl PartialEq for GroupKey {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

/// Keys of the groups that a frame has fragments of, in order of appearance, each once.
#[derive(Clone, Debug, Default)]
pub struct FrameGroups {
    keys: [Option<GroupKey>; FRAME_GROUPS_MAX],
}

impl FrameGroups {
    /// Reads them from a frame.
    pub fn of(frame: &[u8]) -> Self {
        let mut groups = Self::default();
        for (offset, line) in lines(frame).take(crate::decode::FRAME_LINES_MAX) {
            if let Ok(Line::Ais(sentence)) = read_line(offset, line)
                && sentence.total > 1
            {
                groups.add(GroupKey::of(&sentence));
            }
        }
        groups
    }

    fn add(&mut self, key: GroupKey) {
        for place in &mut self.keys {
            match place {
                Some(known) if *known == key => return,
                Some(_) => {}
                None => {
                    *place = Some(key);
                    return;
                }
            }
        }
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &GroupKey> {
        self.keys.iter().flatten()
    }

    /// Place of a key, or `None` when there was no room for it.
    pub fn position(&self, key: &GroupKey) -> Option<usize> {
        self.iter().position(|known| known == key)
    }
}

/// Quick look: false for nearly every frame, and then [`FrameGroups::of`] would find none.
pub fn may_have_fragments(frame: &[u8]) -> bool {
    let mut rest = frame;
    while let Some(at) = words::position(b'!', rest) {
        rest = &rest[at + 1..];
        // `AIVDM,2`: the number of sentences stands after the first comma.
        match rest.get(6) {
            Some(b'1') | None => {}
            Some(_) => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests;
