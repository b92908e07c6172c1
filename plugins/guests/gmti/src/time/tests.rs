use super::*;

const DAY_2026_04_29: u64 = 20_572 * DAY_NS;

#[test]
fn dates_are_dates() {
    assert_eq!(day_ns(1970, 1, 1), Some(0));
    assert_eq!(day_ns(2026, 4, 29), Some(DAY_2026_04_29));
    assert_eq!(day_ns(2024, 2, 29), Some(19_782 * DAY_NS));
    for (year, month, day) in [
        (2026, 2, 29),
        (2026, 4, 31),
        (2026, 13, 1),
        (2026, 0, 1),
        (2026, 1, 0),
        (1969, 12, 31),
        (2554, 1, 1),
        (0, 0, 0),
        (1900, 2, 29),
    ] {
        assert_eq!(day_ns(year, month, day), None, "{year}-{month}-{day}");
    }
}

#[test]
fn a_reference_day_counts_past_midnight() {
    let time = EventTime::resolve(90_000_000, Some(DAY_2026_04_29), 5);
    assert_eq!(time.time_ns, DAY_2026_04_29 + 90_000 * SECOND_NS);
    assert!(time.from_mission);
}

#[test]
fn without_a_reference_day_the_nearest_instant_is_taken() {
    let at = |hours: u64| DAY_2026_04_29 + hours * 3_600 * SECOND_NS;
    for (time_ms, captured_ns, expected) in [
        (3_600_000, at(2), at(1)),
        // Sent before midnight, captured after it; and the other way round.
        (23 * 3_600_000, at(25), at(23)),
        (3_600_000, at(23), at(25)),
        // A second day of the mission.
        (27 * 3_600_000, at(4), at(3)),
        // Half a day away either way: the earlier.
        (0, at(12), at(0)),
        (12 * 3_600_000, at(0), at(0) - 12 * 3_600 * SECOND_NS),
        // No day before the first.
        (20 * 3_600_000, 0, 20 * 3_600 * SECOND_NS),
    ] {
        let time = EventTime::resolve(time_ms, None, captured_ns);
        assert_eq!(time.time_ns, expected, "{time_ms} at {captured_ns}");
        assert!(!time.from_mission);
    }
    EventTime::resolve(u32::MAX, None, u64::MAX);
    EventTime::resolve(u32::MAX, Some(u64::MAX), u64::MAX);
}
