use super::*;

const MINUTE_NS: u64 = 60_000_000_000;
const HOUR: u64 = 500_000 * HOUR_NS;

#[test]
fn an_hour_has_two_to_the_31_less_one_units() {
    assert_eq!(past_hour_ns(0), 0);
    assert_eq!(past_hour_ns(1), 0);
    assert_eq!(past_hour_ns(u32::MAX), HOUR_NS);
    // 3,600 s / (2³¹ − 1) = 1,676.4 ns.
    assert_eq!(past_hour_ns(2), 1_676);
    assert_eq!(past_hour_ns(1 << 31), 1_800_000_000_838);
}

#[test]
fn an_absolute_time_is_the_nearest_and_a_relative_one_the_capture() {
    let stamp = |minutes: u64| {
        let units = u128::from(minutes * MINUTE_NS) * u128::from(HOUR_UNITS) / u128::from(HOUR_NS);
        (units as u32) << 1 | 1
    };
    for (minutes, captured_ns, expected_ns) in [
        (10, HOUR + 11 * MINUTE_NS, HOUR + 10 * MINUTE_NS),
        // Sent before the hour, captured after it; and the other way round.
        (59, HOUR + MINUTE_NS, HOUR - MINUTE_NS),
        (1, HOUR - MINUTE_NS, HOUR + MINUTE_NS),
        (0, HOUR + 29 * MINUTE_NS, HOUR),
        // No hour before the first.
        (59, 0, 59 * MINUTE_NS),
    ] {
        let (time_ns, source) = resolve(stamp(minutes), captured_ns);
        assert!(
            time_ns.abs_diff(expected_ns) < 2_000,
            "{minutes} at {captured_ns}"
        );
        assert_eq!(source, TimeSource::TimeOfTrack);
    }
    assert_eq!(
        resolve(stamp(10) & !1, HOUR + 5),
        (HOUR + 5, TimeSource::Capture)
    );
    resolve(u32::MAX, u64::MAX);
}
