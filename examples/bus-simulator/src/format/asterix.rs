//! ASTERIX (EUROCONTROL-SPEC-0149, Part 1): data blocks of records, several to a datagram.
//!
//! A record is a field specification, one bit for each item of the category's user application
//! profile, and then those items. What is not available is left out.

mod cat048;
mod cat062;

pub use cat048::{Cat048, RADAR_TRACK_NUMBER_MAX};
pub use cat062::Cat062;

use super::{Datagram, Placed};

/// Largest datagram, bytes: what an Ethernet frame carries without fragments, with room for the
/// headers of tunnels. A record that does not fit any more begins the next datagram.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;
/// Octets of a data block before its records: category and length (Part 1, § 4.2).
const HEAD_BYTES: usize = 3;
/// Octets of the longest field specification here: FRN 35 of category 062.
const FSPEC_BYTES_MAX: usize = 5;
/// Nanoseconds of a day.
const DAY_NS: u64 = 86_400_000_000_000;
/// Metres in a foot (exact).
pub(super) const M_PER_FT: f64 = 0.3048;
/// Metres in a nautical mile (exact).
const M_PER_NM: f64 = 1_852.0;

/// Data source: system area code and system identification code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// System area code.
    pub sac: u8,
    /// System identification code.
    pub sic: u8,
}

/// One record while it is being filled.
#[derive(Debug, Default)]
struct Record {
    fspec: [u8; FSPEC_BYTES_MAX],
    items: Vec<u8>,
}

impl Record {
    /// Adds the item with field reference number `frn` (from 1). Items must come in that order.
    fn item(&mut self, frn: usize, bytes: &[u8]) {
        let place = frn - 1;
        self.fspec[place / 7] |= 0x80 >> (place % 7);
        self.items.extend_from_slice(bytes);
    }

    /// The record's bytes.
    fn finish(mut self) -> Vec<u8> {
        let last = self
            .fspec
            .iter()
            .rposition(|octet| *octet != 0)
            .unwrap_or(0);
        for octet in &mut self.fspec[..last] {
            *octet |= 1;
        }
        let mut bytes = Vec::with_capacity(last + 1 + self.items.len());
        bytes.extend_from_slice(&self.fspec[..=last]);
        bytes.extend_from_slice(&self.items);
        bytes
    }
}

/// Packs records into blocks of `category`, one block to a datagram of at most
/// [`DATAGRAM_BYTES_MAX`] bytes and `per_datagram` records.
fn pack(
    category: u8,
    name: &'static str,
    per_datagram: usize,
    records: impl Iterator<Item = Option<Record>>,
    out: &mut Vec<Datagram>,
    placed: &mut Vec<Placed>,
) {
    let first = out.len();
    let mut filled = per_datagram;
    for record in records {
        let Some(record) = record else {
            placed.push(None);
            continue;
        };
        let bytes = record.finish();
        let room = out[first..].last().map_or(0, |datagram| {
            DATAGRAM_BYTES_MAX.saturating_sub(datagram.bytes.len())
        });
        if filled >= per_datagram || bytes.len() > room {
            out.push(Datagram {
                bytes: vec![category, 0, 0],
                messages: Vec::new(),
            });
            filled = 0;
        }
        // The first pass has just pushed one.
        if let Some(datagram) = out.last_mut() {
            datagram.bytes.extend_from_slice(&bytes);
            datagram.messages.push(name);
        }
        filled += 1;
        let place = out.len() - 1 - first;
        placed.push(Some([place; 2]));
    }
    for datagram in &mut out[first..] {
        // At most DATAGRAM_BYTES_MAX and one record, which fits 16 bits.
        let length = (datagram.bytes.len() as u16).to_be_bytes();
        datagram.bytes[1..HEAD_BYTES].copy_from_slice(&length);
    }
}

/// `value` as a signed whole number of `bits` bits: rounded, and kept within them.
fn signed(value: f64, bits: u32) -> i32 {
    let highest = f64::from((1_u32 << (bits - 1)) - 1);
    value.round().clamp(-highest - 1.0, highest) as i32
}

/// `value` as an unsigned whole number of 16 bits.
fn unsigned_16(value: f64) -> u16 {
    value.round().clamp(0.0, 65_535.0) as u16
}

/// Time of day in 1/128 s, three octets (as in I062/070 and I048/140).
fn time_of_day(time_ns: u64) -> [u8; 3] {
    let ticks = (u128::from(time_ns % DAY_NS) * 128 + 500_000_000) / 1_000_000_000;
    // The last half tick of a day rounds to midnight.
    let [_, a, b, c] = ((ticks % (86_400 * 128)) as u32).to_be_bytes();
    [a, b, c]
}

/// Eight characters of six bits (Annex 10, Volume IV, Table 3-9): I062/245, I048/240 and ADS-B.
pub(super) fn six_bit(text: &str) -> [u8; 6] {
    let mut bits = 0_u64;
    let padded = text.bytes().chain(std::iter::repeat(b' '));
    for byte in padded.take(8) {
        // Letters lose their high bit and so count from 1; digits and space are as in ASCII.
        bits = bits << 6 | u64::from(byte & 0x3F);
    }
    let [_, _, bytes @ ..] = bits.to_be_bytes();
    bytes
}

/// Flight level in steps of a quarter: 25 ft.
fn quarter_levels(altitude_m: f64) -> f64 {
    altitude_m / M_PER_FT / 25.0
}

#[cfg(test)]
mod tests;
