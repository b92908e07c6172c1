//! Instants: the time past the hour that a PDU carries, and the capture.

use outrigger_sdk::TimeSource;

const HOUR_NS: u64 = 3_600_000_000_000;
/// Units of a timestamp in an hour. Source: IEEE 1278.1-2012, 6.2.88: one hour is 2³¹ − 1
/// of them.
const HOUR_UNITS: u64 = (1 << 31) - 1;

/// Nanoseconds past the hour, rounded, of a timestamp's 31 bits.
pub fn past_hour_ns(timestamp: u32) -> u64 {
    // 2³¹ × 3.6 × 10¹² is less than 2⁷³: too wide for 64 bits.
    let units = u128::from(timestamp >> 1);
    let whole = (units * u128::from(HOUR_NS) + u128::from(HOUR_UNITS / 2)) / u128::from(HOUR_UNITS);
    // At most an hour.
    whole as u64
}

/// True for a timestamp of a clock that is set to UTC; false for one of a clock that only the
/// sender knows.
pub fn is_absolute(timestamp: u32) -> bool {
    timestamp & 1 == 1
}

/// Time of applicability: for an absolute timestamp the instant nearest to the capture that is as
/// far past its hour; else the capture time, because nobody says when the sender's hours begin.
pub fn resolve(timestamp: u32, captured_ns: u64) -> (u64, TimeSource) {
    if is_absolute(timestamp) {
        let time_ns = nearest(past_hour_ns(timestamp), captured_ns);
        (time_ns, TimeSource::TimeOfTrack)
    } else {
        (captured_ns, TimeSource::Capture)
    }
}

/// The instant nearest to `captured_ns` at `past_ns` past an hour; the earlier of two.
fn nearest(past_ns: u64, captured_ns: u64) -> u64 {
    let same = (captured_ns - captured_ns % HOUR_NS).saturating_add(past_ns);
    if same >= captured_ns.saturating_add(HOUR_NS / 2) {
        // Near the epoch there is no hour before.
        same.checked_sub(HOUR_NS).unwrap_or(same)
    } else if same.saturating_add(HOUR_NS / 2) < captured_ns {
        same.saturating_add(HOUR_NS)
    } else {
        same
    }
}

#[cfg(test)]
mod tests;
