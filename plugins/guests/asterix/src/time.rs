//! The time of day to an instant.

use outrigger_sdk::TimeSource;

/// Nanoseconds of a day.
pub const DAY_NS: u64 = 86_400 * SECOND_NS;
/// Ticks of a day: times of day are in 1/128 s since midnight, UTC. Source: I062/070, I048/140,
/// I034/030, I021/071 to 077.
pub const DAY_TICKS: u32 = 86_400 * 128;

const SECOND_NS: u64 = 1_000_000_000;
/// Nanoseconds of 1/128 s: a whole number.
const TICK_NS: u64 = SECOND_NS / 128;

/// The instant nearest to `captured_ns` at that time of its day: at most 12 hours away. The
/// earlier one when two are as near.
pub fn nearest(captured_ns: u64, of_day_ns: u64) -> u64 {
    let same = (captured_ns - captured_ns % DAY_NS).saturating_add(of_day_ns % DAY_NS);
    if same >= captured_ns.saturating_add(DAY_NS / 2) {
        // Near the epoch there is no day before.
        same.checked_sub(DAY_NS).unwrap_or(same)
    } else if same.saturating_add(DAY_NS / 2) < captured_ns {
        same.saturating_add(DAY_NS)
    } else {
        same
    }
}

/// Nanoseconds since midnight of an item in ticks.
pub fn of_ticks(item: &[u8]) -> Option<u64> {
    let &[a, b, c] = item else { return None };
    Some(u64::from(u32::from_be_bytes([0, a, b, c])) * TICK_NS)
}

/// Nanoseconds since midnight of a time of reception in ticks with the high-precision fraction
/// that belongs to it: `None` when the full second indication has its reserved value. Source:
/// I021/074.
pub fn of_fraction(ticks_ns: u64, item: &[u8]) -> Option<u64> {
    let word = u64::from(u32::from_be_bytes(*item.first_chunk()?));
    let seconds = ticks_ns / SECOND_NS;
    let seconds = match word >> 30 {
        0 => seconds,
        1 => seconds + 1,
        2 => (seconds + 86_400 - 1) % 86_400,
        _ => return None,
    };
    // To the nearest nanosecond: the unit is 0.93 ns.
    let fraction_ns = ((word & 0x3fff_ffff) * SECOND_NS + (1 << 29)) >> 30;
    Some((seconds * SECOND_NS + fraction_ns) % DAY_NS)
}

/// Time of applicability, and what it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Where it comes from, in the words of the canonical track.
    pub source: TimeSource,
}
