//! What is kept of an aircraft. Bounded: see [`STATE_BYTES_MAX`].
//!
//! Messages are kept as they were heard, 7 bytes each, and read again when they are used: so
//! nothing is lost by a second form. Bytes: version; a flag per part; the latest time and
//! sequence number, and every other one as its distance from them, in seven bits a byte. A newer
//! version gets a new version number and reads the old: version 1 lacks the positions heard before
//! the last ones.

use outrigger_sdk::State;

use crate::bits::{ME_BYTES, Me};
use crate::cpr::Position;

/// Encoded state, at most, in bytes. Reason: far below the host's bound per key (1,024), so that
/// the number of aircraft is bounded by the host's number of keys. Held by its shape; a state is
/// some 100 bytes. Proven by `state/tests.rs`.
pub const STATE_BYTES_MAX: usize = 320;

const VERSION: u8 = 2;
/// The oldest version that is read.
const VERSION_MIN: u8 = 1;

/// When something was heard, and in which frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// Capture time, microseconds since the Unix epoch.
    pub at_us: u64,
    /// Sequence number of the frame.
    pub sequence: u64,
}

impl When {
    /// Microseconds between two, whichever came first: a capture time may step back.
    pub fn apart_us(self, other: Self) -> u64 {
        self.at_us.abs_diff(other.at_us)
    }
}

/// A message as it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub when: When,
    /// Its message field.
    pub me: Me,
}

/// Where the aircraft was, beyond doubt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// When.
    pub when: When,
    /// Where.
    pub position: Position,
}

/// Mode A code as heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Squawk {
    /// When.
    pub when: When,
    /// Four octal digits.
    pub code: u16,
}

/// A position message that was heard before the last ones, for knowing it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Capture time, microseconds since the Unix epoch.
    pub at_us: u64,
    /// Its message field.
    pub me: Me,
}

/// Positions kept beside the last even and the last odd one, at most. Source: an airborne position
/// is sent every 0.4 to 0.6 s (DO-260B), so six are sent in
/// [`REPEAT_US_MAX`](crate::position::REPEAT_US_MAX), and one of the last two can be older. Of more, the oldest is forgotten, and a repeat
/// of that one is a position again.
pub const SEEN_MAX: usize = 5;

/// What is kept of one address.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The last extended squitter with a right parity.
    pub confirmed: When,
    /// The last even position.
    pub even: Option<Heard>,
    /// The last odd position.
    pub odd: Option<Heard>,
    /// The last velocity.
    pub velocity: Option<Heard>,
    /// The last identification.
    pub identification: Option<Heard>,
    /// The last operational status.
    pub status: Option<Heard>,
    /// The last Mode A code.
    pub squawk: Option<Squawk>,
    /// The last position.
    pub fix: Option<Fix>,
    /// Airborne positions before `even` and `odd`, the latest first, none older than a repeat can
    /// be.
    pub seen: [Option<Seen>; SEEN_MAX],
}

impl Kept {
    fn heard(&self) -> [Option<Heard>; 5] {
        [
            self.even,
            self.odd,
            self.velocity,
            self.identification,
            self.status,
        ]
    }

    /// The latest of all times and the highest of all sequence numbers.
    fn latest(&self) -> When {
        let heard = self.heard().into_iter().flatten().map(|heard| heard.when);
        let squawk = self.squawk.map(|squawk| squawk.when);
        let fix = self.fix.map(|fix| fix.when);
        heard
            .chain(squawk)
            .chain(fix)
            .chain(self.seen.iter().flatten().map(|seen| When {
                at_us: seen.at_us,
                sequence: 0,
            }))
            .fold(self.confirmed, |latest, when| When {
                at_us: latest.at_us.max(when.at_us),
                sequence: latest.sequence.max(when.sequence),
            })
    }
}

const SQUAWK_FLAG: u8 = 1 << 5;
const FIX_FLAG: u8 = 1 << 6;
/// From version 2 on.
const SEEN_FLAG: u8 = 1 << 7;

impl State for Kept {
    fn encode(&self, out: &mut Vec<u8>) {
        let latest = self.latest();
        let heard = self.heard();
        let mut flags = 0;
        for (place, heard) in heard.iter().enumerate() {
            flags |= u8::from(heard.is_some()) << place;
        }
        flags |= if self.squawk.is_some() {
            SQUAWK_FLAG
        } else {
            0
        };
        flags |= if self.fix.is_some() { FIX_FLAG } else { 0 };
        let seen = self.seen.iter().flatten().count() as u8;
        flags |= if seen > 0 { SEEN_FLAG } else { 0 };
        out.extend_from_slice(&[VERSION, flags]);
        number(out, latest.at_us);
        number(out, latest.sequence);
        let when = |out: &mut Vec<u8>, when: When| {
            number(out, latest.at_us - when.at_us);
            number(out, latest.sequence - when.sequence);
        };
        when(out, self.confirmed);
        for heard in heard.iter().flatten() {
            when(out, heard.when);
            out.extend_from_slice(&heard.me.bytes());
        }
        if let Some(squawk) = self.squawk {
            when(out, squawk.when);
            out.extend_from_slice(&squawk.code.to_le_bytes());
        }
        if let Some(fix) = self.fix {
            when(out, fix.when);
            out.extend_from_slice(&fix.position.lat_deg.to_le_bytes());
            out.extend_from_slice(&fix.position.lon_deg.to_le_bytes());
        }
        if seen > 0 {
            out.push(seen);
            for seen in self.seen.iter().flatten() {
                number(out, latest.at_us - seen.at_us);
                out.extend_from_slice(&seen.me.bytes());
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader(bytes);
        let kept = read(&mut reader).ok_or("not a state of this plugin")?;
        if reader.0.is_empty() {
            Ok(kept)
        } else {
            Err("bytes after the state".into())
        }
    }
}

fn read(reader: &mut Reader) -> Option<Kept> {
    let [version, flags] = reader.take()?;
    if !(VERSION_MIN..=VERSION).contains(&version) {
        return None;
    }
    let latest = When {
        at_us: reader.number()?,
        sequence: reader.number()?,
    };
    let when = |reader: &mut Reader| {
        Some(When {
            at_us: latest.at_us.checked_sub(reader.number()?)?,
            sequence: latest.sequence.checked_sub(reader.number()?)?,
        })
    };
    let confirmed = when(reader)?;
    let mut heard = [None; 5];
    for (place, heard) in heard.iter_mut().enumerate() {
        if flags >> place & 1 == 1 {
            *heard = Some(Heard {
                when: when(reader)?,
                me: Me::new(reader.take::<ME_BYTES>()?),
            });
        }
    }
    let squawk = if flags & SQUAWK_FLAG != 0 {
        Some(Squawk {
            when: when(reader)?,
            code: u16::from_le_bytes(reader.take()?),
        })
    } else {
        None
    };
    let fix = if flags & FIX_FLAG != 0 {
        Some(Fix {
            when: when(reader)?,
            position: Position {
                lat_deg: f64::from_le_bytes(reader.take()?),
                lon_deg: f64::from_le_bytes(reader.take()?),
            },
        })
    } else {
        None
    };
    let mut seen = [None; SEEN_MAX];
    if flags & SEEN_FLAG != 0 && version > 1 {
        let [count] = reader.take()?;
        for place in seen.get_mut(..usize::from(count))? {
            *place = Some(Seen {
                at_us: latest.at_us.checked_sub(reader.number()?)?,
                me: Me::new(reader.take::<ME_BYTES>()?),
            });
        }
    }
    let [even, odd, velocity, identification, status] = heard;
    Some(Kept {
        confirmed,
        even,
        odd,
        velocity,
        identification,
        status,
        squawk,
        fix,
        seen,
    })
}

/// Seven bits a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
