//! Instants: dates to nanoseconds, and the second of the minute to an instant.

use outrigger_sdk::TimeSource;

use crate::nmea::{Origin, Stamp};

const SECOND_NS: u64 = 1_000_000_000;
const MINUTE_NS: u64 = 60 * SECOND_NS;

/// Nanoseconds since the Unix epoch of a UTC date, or `None` when it is no date from 1970 on.
/// Leap seconds (second 60) are none.
pub fn unix_ns(
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month_days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return None,
    };
    // 2554 is the first year that does not fit 64 bits of nanoseconds.
    if !(1970..2554).contains(&year)
        || !(1..=month_days).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    // Days from a civil date, counting years from March so that the leap day comes last.
    let (years, months) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day
        - 1
        - DAYS_BEFORE_EPOCH;
    let seconds = u64::from(days) * 86_400
        + u64::from(hour) * 3_600
        + u64::from(minute) * 60
        + u64::from(second);
    Some(seconds * SECOND_NS)
}

/// Days from 1 March of year 0 to 1 January 1970, in the Gregorian calendar.
const DAYS_BEFORE_EPOCH: u32 = 719_468;

/// The instant nearest to `received_ns` whose second of the minute is `second`: at most 30 s away.
/// The earlier one when two are as near.
pub fn nearest_second(received_ns: u64, second: u8) -> u64 {
    let minute_start = received_ns - received_ns % MINUTE_NS;
    let same = minute_start.saturating_add(u64::from(second) * SECOND_NS);
    if same >= received_ns.saturating_add(MINUTE_NS / 2) {
        // Near the epoch there is no minute before.
        same.checked_sub(MINUTE_NS).unwrap_or(same)
    } else if same.saturating_add(MINUTE_NS / 2) < received_ns {
        same.saturating_add(MINUTE_NS)
    } else {
        same
    }
}

/// Time of applicability, and what it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// True if the second is the sender's own.
    pub from_second: bool,
    /// Where the receive time was written.
    pub origin: Origin,
}

impl EventTime {
    /// From the receive time, and the sender's second of the minute (0 to 59) if it gave one.
    pub fn resolve(received: Stamp, second: Option<u8>) -> Self {
        match second {
            Some(second) if second < 60 => Self {
                time_ns: nearest_second(received.time_ns, second),
                from_second: true,
                origin: received.origin,
            },
            _ => Self {
                time_ns: received.time_ns,
                from_second: false,
                origin: received.origin,
            },
        }
    }

    /// The source, in the words of the canonical track.
    pub fn source(&self) -> TimeSource {
        match (self.from_second, self.origin) {
            (true, _) => TimeSource::UtcSecond,
            (false, Origin::Capture) => TimeSource::Capture,
            (false, Origin::TagBlock | Origin::Pghp | Origin::Trailer) => TimeSource::Receiver,
        }
    }
}

#[cfg(test)]
mod tests;
