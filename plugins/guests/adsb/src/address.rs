//! Who sent a frame: an aircraft's address, whose it is, and who passed it on.

use crate::bits::Me;

/// Where a message comes from. Source: DO-260B, § 2.2.3.2.1.5 (field CF).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The aircraft or vehicle itself.
    Adsb,
    /// A ground station that repeats what it heard on another link.
    Adsr,
    /// A ground station that says what its radar sees.
    Tisb,
}

/// Bytes of the longest key.
const KEY_BYTES: usize = 11;

/// A sender. Those of different origin are kept apart: a radar's positions do not pair with the
/// aircraft's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where it comes from.
    pub origin: Origin,
    /// The address is one of ICAO's, and so names an aircraft; else it is only a number.
    pub icao: bool,
    text: [u8; KEY_BYTES],
    start: usize,
}

impl Address {
    /// 24 bits of address.
    pub fn new(origin: Origin, icao: bool, address: u32) -> Self {
        let mut text = *match (origin, icao) {
            (Origin::Adsb, true) => b"adsb-000000",
            (Origin::Adsb, false) => b"adsb~000000",
            (Origin::Adsr, true) => b"adsr-000000",
            (Origin::Adsr, false) => b"adsr~000000",
            (Origin::Tisb, true) => b"tisb-000000",
            (Origin::Tisb, false) => b"tisb~000000",
        };
        for (place, digit) in text[5..].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(address >> (20 - 4 * place) & 0xf) as usize];
        }
        let start = if origin == Origin::Adsb && icao { 5 } else { 0 };
        Self {
            origin,
            icao,
            text,
            start,
        }
    }

    /// Of an extended squitter, by its format, control field and message; `None` when it names no
    /// one: coarse TIS-B, management messages, reserved.
    pub fn of_squitter(format: u8, control: u8, address: u32, me: Me) -> Option<Self> {
        let (origin, icao) = match (format, control) {
            (17, _) => (Origin::Adsb, true),
            (_, 0) => (Origin::Adsb, true),
            (_, 1) => (Origin::Adsb, false),
            (_, 2) => (Origin::Tisb, !is_marked(Origin::Tisb, me)),
            (_, 5) => (Origin::Tisb, false),
            (_, 6) => (Origin::Adsr, !is_marked(Origin::Adsr, me)),
            _ => return None,
        };
        Some(Self::new(origin, icao, address))
    }

    /// Natural key: the address in six lower-case hexadecimal digits; before it, for what is no
    /// aircraft's own message under its ICAO address, the origin and `-`, or `~` when the address
    /// is not ICAO's.
    pub fn key(&self) -> &str {
        std::str::from_utf8(&self.text[self.start..]).unwrap_or_default()
    }

    /// The address in six digits, when it names an aircraft.
    pub fn platform(&self) -> Option<&str> {
        self.icao
            .then(|| std::str::from_utf8(&self.text[5..]).unwrap_or_default())
    }

    /// `icao` or `other`.
    pub fn kind(&self) -> &'static str {
        if self.icao { "icao" } else { "other" }
    }
}

/// The flag IMF: a rebroadcast message whose address is not ICAO's. Source: DO-260B, § 2.2.17
/// (TIS-B) and 2.2.18 (ADS-R); its place is another one in each message.
fn is_marked(origin: Origin, me: Me) -> bool {
    match me.type_code() {
        5..=8 => me.flag(21),
        9..=18 | 20..=22 => me.flag(8),
        19 => me.flag(9),
        28 | 31 if origin == Origin::Adsr => me.flag(56),
        29 if origin == Origin::Adsr => me.flag(51),
        _ => false,
    }
}
