//! A record: where its items are, whose it is and when it was so.

use outrigger_sdk::TimeSource;

use crate::category::Category;
use crate::time::{self, EventTime};
use crate::value::{Chars, bits};
use crate::walk::{Layout, part_of};

/// A record of a category, found whole.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its category.
    pub category: &'static Category,
    /// Where its items are.
    pub layout: &'a Layout,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its time of applicability.
    pub time: EventTime,
}

impl<'a> Record<'a> {
    /// Of a layout and its bytes, captured at `captured_ns`.
    pub fn new(
        category: &'static Category,
        layout: &'a Layout,
        bytes: &'a [u8],
        captured_ns: u64,
    ) -> Self {
        let mut record = Self {
            category,
            layout,
            bytes,
            time: EventTime {
                time_ns: captured_ns,
                source: TimeSource::Capture,
            },
        };
        if let Some((of_day_ns, source)) = record.time_of_day() {
            record.time = EventTime {
                time_ns: time::nearest(captured_ns, of_day_ns),
                source,
            };
        }
        record
    }

    /// The bytes of an item, by field reference number, counted from 0.
    #[inline]
    pub fn item(&self, number: usize) -> Option<&'a [u8]> {
        self.layout.item(self.bytes, number)
    }

    /// The bytes of a part of a compound item.
    pub fn part(&self, number: usize, part: usize) -> Option<&'a [u8]> {
        let item = self.category.items.get(number)?.as_ref()?;
        part_of(item, self.item(number)?, part)
    }

    /// Nanoseconds since midnight, and where they come from: the time of the track or plot; of an
    /// ADS-B report the time of applicability of its position, else that of its reception, else
    /// that of the report's transmission.
    fn time_of_day(&self) -> Option<(u64, TimeSource)> {
        let ticks = |number| self.item(number).and_then(time::of_ticks);
        if self.category.number != 21 {
            let number = *self.category.times.first()?;
            return Some((ticks(number)?, TimeSource::TimeOfTrack));
        }
        if let Some(of_day_ns) = ticks(4) {
            return Some((of_day_ns, TimeSource::TimeOfTrack));
        }
        if let Some(of_day_ns) = ticks(11) {
            let precise = self
                .item(12)
                .and_then(|item| time::of_fraction(of_day_ns, item));
            return Some((precise.unwrap_or(of_day_ns), TimeSource::Receiver));
        }
        Some((ticks(27)?, TimeSource::Receiver))
    }

    /// System area and identification code: the first item of every category.
    pub fn source(&self) -> (u8, u8) {
        match self.item(0) {
            Some(&[sac, sic]) => (sac, sic),
            _ => (0, 0),
        }
    }

    /// Track number, where the category has one.
    pub fn track_number(&self) -> Option<u16> {
        let item = match self.category.number {
            62 => self.item(11),
            48 => self.item(10),
            21 => self.item(2),
            _ => None,
        };
        Some(bits(item?, 0, 16) as u16)
    }

    /// 24-bit address of the target.
    pub fn address(&self) -> Option<Chars> {
        let item = match self.category.number {
            62 => self.part(10, 0),
            48 => self.item(7),
            21 => self.item(10),
            _ => None,
        };
        Some(Chars::address(bits(item?, 0, 24)))
    }

    /// The key: source and track number, or without one, and for ADS-B reports, source and
    /// address; the source alone where there is neither, and then it is no track.
    pub fn identity(&self) -> Identity {
        let (sac, sic) = self.source();
        let mut identity = Identity::new(sac, sic);
        let number = match self.category.number {
            21 => None,
            _ => self.track_number(),
        };
        if let Some(number) = number {
            identity.text("-");
            identity.number(number);
            identity.is_track = true;
        } else if let Some(address) = self.address() {
            identity.text("-");
            identity.text(address.as_str());
            identity.is_track = true;
        }
        identity
    }
}

/// A track's identity, `asterix:SAC-SIC-NUMBER`, and the key within.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    bytes: [u8; Self::BYTES_MAX],
    length: usize,
    /// False when it names only the source.
    pub is_track: bool,
}

impl Identity {
    /// Prefix, two numbers of three digits, an address of six.
    const BYTES_MAX: usize = PREFIX.len() + 4 + 4 + 6;

    fn new(sac: u8, sic: u8) -> Self {
        let mut identity = Self {
            bytes: [0; Self::BYTES_MAX],
            length: 0,
            is_track: false,
        };
        identity.text(PREFIX);
        identity.number(sac.into());
        identity.text("-");
        identity.number(sic.into());
        identity
    }

    fn text(&mut self, text: &str) {
        for (place, &byte) in self.bytes[self.length..].iter_mut().zip(text.as_bytes()) {
            *place = byte;
            self.length += 1;
        }
    }

    fn number(&mut self, number: u16) {
        let mut digits = [0; 5];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.text(std::str::from_utf8(&digits[start..]).unwrap_or_default());
    }

    /// With the prefix: a track's identity.
    pub fn track_id(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    /// Without: a message's key.
    pub fn key(&self) -> &str {
        self.track_id().get(PREFIX.len()..).unwrap_or_default()
    }
}

const PREFIX: &str = "asterix:";
