#![allow(clippy::unwrap_used)]

use super::*;

const REGION: Region = Region {
    south_deg: 55.0,
    west_deg: 13.0,
    north_deg: 55.3,
    east_deg: 13.6,
};

const MOVING: [Class; 5] = [
    Class::Cargo,
    Class::Ferry,
    Class::Fishing,
    Class::Pleasure,
    Class::SarAircraft,
];

fn under_way(class: Class, seed: u64) -> Motion {
    Motion::under_way(&task(class, REGION), Random::new(seed, 1)).unwrap()
}

fn task(class: Class, region: Region) -> Task {
    Task {
        class,
        region,
        place: None,
        speed_kt: class.limits().unwrap().speed_kt,
        altitude_m: None,
        pattern: Pattern::Legs,
        slot: None,
    }
}

#[test]
fn platforms_stay_inside_their_limits_and_region() {
    // Rounding of sums, not slack for the model.
    let slack = 1e-9;
    for class in MOVING {
        let limits = class.limits().unwrap();
        for seed in 0..5 {
            let mut motion = under_way(class, seed);
            let mut before = motion.state();
            for second in 0..4 * 3_600 {
                motion.advance(1);
                let now = motion.state();
                let at = format!("{class:?} seed {seed} second {second}: {now:?}");
                assert!(REGION.contains(now.position), "{at}");
                assert!(now.speed_mps >= 0.0, "{at}");
                assert!(
                    now.speed_mps <= limits.speed_kt[1] * MPS_PER_KNOT + slack,
                    "{at}"
                );
                let gained_mps = (now.speed_mps - before.speed_mps).abs();
                assert!(gained_mps <= limits.acceleration_max_mps2 + slack, "{at}");
                let turned_deg = turn_between(before.course_deg, now.course_deg).abs();
                assert!(turned_deg <= limits.turn_rate_max_deg_s + slack, "{at}");
                let (moved_m, _) = distance_and_bearing(before.position, now.position);
                let mean_mps = f64::midpoint(before.speed_mps, now.speed_mps);
                assert!((moved_m - mean_mps).abs() < 1e-6, "{at}: moved {moved_m} m");
                if let Some([low, high]) = limits.altitude_m {
                    let (was, is) = (before.altitude_m.unwrap(), now.altitude_m.unwrap());
                    assert!((low..=high).contains(&is), "{at}");
                    assert!((is - was).abs() <= limits.climb_max_mps + slack, "{at}");
                    assert!((is - was - now.climb_mps).abs() < slack, "{at}");
                }
                before = now;
            }
        }
    }
}

#[test]
fn platforms_turn_and_change_speed() {
    for class in MOVING {
        let mut motion = under_way(class, 3);
        let (mut turned_deg, mut gained_mps) = (0.0, 0.0);
        let mut before = motion.state();
        for _ in 0..3_600 {
            motion.advance(1);
            let now = motion.state();
            turned_deg += turn_between(before.course_deg, now.course_deg).abs();
            gained_mps += (now.speed_mps - before.speed_mps).abs();
            before = now;
        }
        assert!(
            turned_deg > 5.0,
            "{class:?} turned {turned_deg} deg in an hour"
        );
        assert!(
            gained_mps > 0.5,
            "{class:?} changed speed by {gained_mps} m/s in an hour"
        );
    }
}

#[test]
fn one_step_of_many_seconds_is_many_steps_of_one() {
    let (mut one, mut many) = (under_way(Class::Fishing, 9), under_way(Class::Fishing, 9));
    one.advance(600);
    (0..600).for_each(|_| many.advance(1));
    assert_eq!(one.state(), many.state());
}

#[test]
fn an_anchored_ship_swings_on_its_radius_as_fast_as_it_says() {
    let mut motion = Motion::anchored(&REGION, None, Random::new(1, 1));
    let Motion::Anchored(swing) = &motion else {
        panic!("not at anchor")
    };
    let anchor = swing.anchor;
    let mut before = motion.state();
    for _ in 0..1_200 {
        motion.advance(1);
        let now = motion.state();
        let (radius_m, _) = distance_and_bearing(anchor, now.position);
        assert!((radius_m - SWING_RADIUS_M).abs() < 1e-6);
        let (moved_m, bearing_deg) = distance_and_bearing(before.position, now.position);
        let mean_mps = f64::midpoint(before.speed_mps, now.speed_mps);
        assert!(
            (moved_m - mean_mps).abs() < 0.01,
            "{moved_m} m at {mean_mps} m/s"
        );
        if now.speed_mps > 0.05 {
            assert!(turn_between(bearing_deg, now.course_deg).abs() < 2.0);
        }
        assert!(now.speed_mps < 0.5 * MPS_PER_KNOT);
        before = now;
    }
}

#[test]
fn a_region_too_small_to_turn_in_is_refused() {
    let pond = Region {
        north_deg: 55.01,
        ..REGION
    };
    let none = Motion::under_way(&task(Class::Cargo, pond), Random::new(1, 1));
    assert!(none.is_none());
}
