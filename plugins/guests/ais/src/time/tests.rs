#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn dates_become_seconds_since_1970() {
    // Values of `date -u +%s`.
    for (date, seconds) in [
        ((1970, 1, 1, 0, 0, 0), 0),
        ((2000, 2, 29, 12, 0, 0), 951_825_600),
        ((2013, 11, 12, 12, 0, 0), 1_384_257_600),
        ((2100, 3, 1, 0, 0, 0), 4_107_542_400),
        ((2553, 12, 31, 23, 59, 59), 18_429_292_799),
    ] {
        let (year, month, day, hour, minute, second) = date;
        let ns = unix_ns(year, month, day, hour, minute, second);
        assert_eq!(ns, Some(seconds * SECOND_NS), "{date:?}");
    }
}

#[test]
fn days_follow_each_other_for_six_centuries() {
    let mut expected = 0;
    for year in 1970..2554 {
        for month in 1..=12 {
            for day in 1..=31 {
                if let Some(ns) = unix_ns(year, month, day, 0, 0, 0) {
                    assert_eq!(ns, expected, "{year}-{month}-{day}");
                    expected += 86_400 * SECOND_NS;
                }
            }
        }
    }
}

#[test]
fn what_is_no_date_has_no_time() {
    for (year, month, day, hour, minute, second) in [
        (1969, 12, 31, 0, 0, 0),
        (2554, 1, 1, 0, 0, 0),
        (2013, 0, 1, 0, 0, 0),
        (2013, 13, 1, 0, 0, 0),
        (2013, 1, 0, 0, 0, 0),
        (2013, 2, 29, 0, 0, 0),
        (2100, 2, 29, 0, 0, 0),
        (2013, 1, 1, 24, 0, 0),
        (2013, 1, 1, 0, 60, 0),
        (2013, 1, 1, 0, 0, 60),
    ] {
        assert_eq!(unix_ns(year, month, day, hour, minute, second), None);
    }
}

#[test]
fn the_instant_is_at_most_half_a_minute_away_and_has_the_second() {
    let start = 1_384_257_600 * SECOND_NS;
    for received in (0..120_000).step_by(37).map(|ms| start + ms * 1_000_000) {
        for second in 0..60 {
            let instant = nearest_second(received, second);
            assert!(instant.abs_diff(received) <= MINUTE_NS / 2);
            assert_eq!(instant / SECOND_NS % 60, u64::from(second));
            assert_eq!(instant % SECOND_NS, 0);
        }
    }
    assert_eq!(nearest_second(start, 30), start - 30 * SECOND_NS);
    assert_eq!(nearest_second(start + 30 * SECOND_NS, 0), start);
}

#[test]
fn times_at_either_end_of_time_do_not_overflow() {
    for received in [0, 1, u64::MAX, u64::MAX - MINUTE_NS] {
        for second in 0..64 {
            let stamp = Stamp {
                time_ns: received,
                origin: Origin::Capture,
            };
            EventTime::resolve(stamp, Some(second));
        }
    }
}

#[test]
fn the_source_says_what_the_time_was_made_from() {
    let source = |origin, second| {
        let stamp = Stamp { time_ns: 0, origin };
        EventTime::resolve(stamp, second).source()
    };
    assert_eq!(source(Origin::Capture, Some(59)), TimeSource::UtcSecond);
    assert_eq!(source(Origin::Capture, Some(60)), TimeSource::Capture);
    assert_eq!(source(Origin::Pghp, None), TimeSource::Receiver);
    assert_eq!(source(Origin::Trailer, Some(63)), TimeSource::Receiver);
}
