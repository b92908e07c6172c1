#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

#[test]
fn levels_rise_in_the_order_of_the_guarantees_and_fall_back() {
    let mut shedding = Shedding::default();
    let mut at = |lag_ms: u64, now_ms: u64| {
        shedding = shedding.step(lag_ms, 8_000, now_ms);
        shedding.level
    };
    assert_eq!(at(3_999, 0), Level::Nothing);
    assert_eq!(at(4_000, 100), Level::Nothing, "it has to hold");
    assert_eq!(at(4_000, 1_100), Level::AtMostOnce);
    assert_eq!(at(5_999, 9_000), Level::AtMostOnce);
    assert_eq!(at(6_000, 9_100), Level::AtMostOnce);
    assert_eq!(at(6_000, 10_100), Level::AtLeastOnce);
    assert_eq!(at(90_000, 10_200), Level::AtLeastOnce);
    assert_eq!(at(90_000, 11_200), Level::Everything);
    assert_eq!(
        at(4_000, 20_000),
        Level::Everything,
        "half of what raised it"
    );
    assert_eq!(at(3_999, 20_100), Level::Everything);
    assert_eq!(at(3_999, 21_100), Level::AtLeastOnce);
    assert_eq!(at(0, 21_200), Level::AtLeastOnce);
    assert_eq!(at(0, 22_200), Level::AtMostOnce);
    assert_eq!(at(0, 22_300), Level::AtMostOnce);
    assert_eq!(at(0, 23_300), Level::Nothing);
}

#[test]
fn a_moments_lag_sheds_nothing() {
    let shedding = Shedding::default().step(60_000, 8_000, 0);
    let shedding = shedding.step(0, 8_000, 999).step(60_000, 8_000, 1_500);
    assert_eq!(shedding.level, Level::Nothing);
}

#[test]
fn numbers_name_levels_and_nothing_else() {
    for level in Level::ALL {
        assert_eq!(Level::of(level.number()), Some(level));
    }
    assert_eq!(Level::of(4), None);
}

proptest! {
    #[test]
    fn a_level_changes_by_one_and_not_oftener_than_it_holds(
        lags in prop::collection::vec(0_u64..20_000, 1..300),
    ) {
        let mut shedding = Shedding::default();
        let mut changed: Option<u64> = None;
        for (at, lag_ms) in lags.into_iter().enumerate() {
            let now_ms = at as u64 * 250;
            let next = shedding.step(lag_ms, 8_000, now_ms);
            if next.level != shedding.level {
                prop_assert_eq!(next.level.number().abs_diff(shedding.level.number()), 1);
                if let Some(before) = changed.replace(now_ms) {
                    prop_assert!(now_ms - before >= HOLD_MS);
                }
            }
            shedding = next;
        }
    }
}
