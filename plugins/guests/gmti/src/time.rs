//! Instants: the reference day of a mission, and milliseconds since its begin.

const SECOND_NS: u64 = 1_000_000_000;
const MS_NS: u64 = 1_000_000;
const DAY_MS: u64 = 86_400_000;
const DAY_NS: u64 = 86_400 * SECOND_NS;
/// Days from 1 March of year 0 to 1 January 1970, in the Gregorian calendar.
const DAYS_BEFORE_EPOCH: u64 = 719_468;

/// The begin of a day, nanoseconds since the Unix epoch; `None` when it is no date from 1970 on.
pub fn day_ns(year: u16, month: u8, day: u8) -> Option<u64> {
    let year = u64::from(year);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month_days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(leap),
        _ => return None,
    };
    // 2554 is the first year that does not fit 64 bits of nanoseconds.
    if !(1970..2554).contains(&year) || !(1..=month_days).contains(&day) {
        return None;
    }
    // Counting years from March, so that the leap day comes last.
    let (years, months) = match month {
        1 | 2 => (year - 1, u64::from(month) + 9),
        _ => (year, u64::from(month) - 3),
    };
    let days = years * 365 + years / 4 - years / 100
        + years / 400
        + (months * 153 + 2) / 5
        + u64::from(day)
        - 1
        - DAYS_BEFORE_EPOCH;
    Some(days * DAY_NS)
}

/// A time of applicability, and the day from which it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// True when the day is the mission's; false when it is the one that brings the time nearest
    /// to the capture.
    pub from_mission: bool,
}

impl EventTime {
    /// From milliseconds since the begin of the reference day. Missions go on past midnight, so
    /// there can be more than a day of them; without a reference day whole days are dropped.
    pub fn resolve(time_ms: u32, reference_ns: Option<u64>, captured_ns: u64) -> Self {
        match reference_ns {
            Some(reference_ns) => Self {
                time_ns: reference_ns.saturating_add(u64::from(time_ms) * MS_NS),
                from_mission: true,
            },
            None => Self {
                time_ns: nearest(u64::from(time_ms) % DAY_MS * MS_NS, captured_ns),
                from_mission: false,
            },
        }
    }
}

/// The instant nearest to `captured_ns` at `of_day_ns` past a midnight; the earlier of two.
fn nearest(of_day_ns: u64, captured_ns: u64) -> u64 {
    let same = (captured_ns - captured_ns % DAY_NS).saturating_add(of_day_ns);
    if same >= captured_ns.saturating_add(DAY_NS / 2) {
        // Near the epoch there is no day before.
        same.checked_sub(DAY_NS).unwrap_or(same)
    } else if same.saturating_add(DAY_NS / 2) < captured_ns {
        same.saturating_add(DAY_NS)
    } else {
        same
    }
}

#[cfg(test)]
mod tests;
