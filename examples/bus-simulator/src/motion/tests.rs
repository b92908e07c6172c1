#![allow(clippy::unwrap_used)]

use super::*;
use crate::platform::G_MPS2;

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

const SKY: Region = Region {
    south_deg: 53.0,
    west_deg: 8.0,
    north_deg: 58.0,
    east_deg: 18.0,
};

const FLYING: [Class; 6] = [
    Class::SarAircraft,
    Class::Airliner,
    Class::LightAircraft,
    Class::Helicopter,
    Class::Fighter,
    Class::Drone,
];

/// Load factor of a level turn at `rate_deg_s` and `speed_mps`.
fn load(rate_deg_s: f64, speed_mps: f64) -> f64 {
    let sideways_mps2 = rate_deg_s.to_radians() * speed_mps;
    (1.0 + (sideways_mps2 / G_MPS2).powi(2)).sqrt()
}

#[test]
fn aircraft_keep_their_load_factor_and_climb_in_every_pattern() {
    let patterns = [
        Pattern::Legs,
        Pattern::Hold,
        Pattern::Orbit { radius_m: 20_000.0 },
    ];
    for class in FLYING {
        let limits = class.limits().unwrap();
        let highest = limits.load_factor_max.unwrap();
        let [low, high] = limits.altitude_m.unwrap();
        for pattern in patterns {
            let asked = Task {
                pattern,
                ..task(class, SKY)
            };
            let mut motion = Motion::under_way(&asked, Random::new(5, 1)).unwrap();
            let mut before = motion.state();
            let mut load_max = 1.0_f64;
            for second in 0..3_600 {
                motion.advance(1);
                let now = motion.state();
                let at = format!("{class:?} {pattern:?} second {second}: {now:?}");
                assert!(SKY.contains(now.position), "{at}");
                // The rate that a load allows falls as speed rises, by what a second adds.
                let allowed = highest * (1.0 + limits.acceleration_max_mps2 / before.speed_mps);
                let borne = load(now.turn_rate_deg_s, before.speed_mps);
                assert!(borne <= allowed, "{at}: {borne} g");
                load_max = load_max.max(borne);
                let height_m = now.altitude_m.unwrap();
                assert!((low - 1e-6..=high + 1e-6).contains(&height_m), "{at}");
                assert!(now.climb_mps.abs() <= limits.climb_max_mps + 1e-9, "{at}");
                let changed_mps = (now.climb_mps - before.climb_mps).abs();
                assert!(changed_mps <= limits.climb_change_max_mps2 + 1e-9, "{at}");
                before = now;
            }
            if class == Class::Fighter && pattern == Pattern::Legs {
                assert!(load_max > 7.0, "the hardest turn bore {load_max} g");
            }
        }
    }
}

#[test]
fn a_state_between_two_seconds_lies_on_the_way() {
    for class in FLYING {
        let mut motion = Motion::under_way(&task(class, SKY), Random::new(7, 1)).unwrap();
        for _ in 0..300 {
            let (now, nearly) = (motion.state_after(0.0), motion.state_after(0.999_999));
            assert_eq!(now, motion.state());
            let half = motion.state_after(0.5);
            motion.advance(1);
            let next = motion.state();
            let (left_m, _) = distance_and_bearing(nearly.position, next.position);
            assert!(left_m < 1e-2, "{class:?}: {left_m} m left");
            let (moved_m, _) = distance_and_bearing(now.position, next.position);
            let (half_m, _) = distance_and_bearing(now.position, half.position);
            assert!((0.3..0.7).contains(&(half_m / moved_m)), "{class:?}");
            assert!(turn_between(nearly.course_deg, next.course_deg).abs() < 1e-3);
            assert!((nearly.altitude_m.unwrap() - next.altitude_m.unwrap()).abs() < 1e-3);
        }
    }
}

#[test]
fn a_hold_comes_back_and_an_orbit_keeps_its_radius() {
    let hold = Task {
        pattern: Pattern::Hold,
        speed_kt: [220.0, 220.0],
        altitude_m: Some([3_000.0, 3_000.0]),
        ..task(Class::Airliner, SKY)
    };
    let mut motion = Motion::under_way(&hold, Random::new(3, 1)).unwrap();
    let begun = motion.state().position;
    let mut turned_deg = 0.0;
    for _ in 0..1_800 {
        let before = motion.state().course_deg;
        motion.advance(1);
        turned_deg += turn_between(before, motion.state().course_deg);
        let (away_m, _) = distance_and_bearing(begun, motion.state().position);
        assert!(away_m < 20_000.0, "{away_m} m away");
    }
    assert!(
        turned_deg > 5.0 * 360.0,
        "turned by {turned_deg} degrees to the right"
    );

    let radius_m = 6_000.0;
    let orbit = Task {
        pattern: Pattern::Orbit { radius_m },
        ..task(Class::Drone, SKY)
    };
    let mut motion = Motion::under_way(&orbit, Random::new(3, 1)).unwrap();
    let Motion::UnderWay(voyage) = &motion else {
        panic!("not under way")
    };
    let centre = voyage.centre;
    for second in 0..7_200 {
        motion.advance(1);
        let (away_m, _) = distance_and_bearing(centre, motion.state().position);
        assert!(
            (away_m - radius_m).abs() < 0.2 * radius_m,
            "{second} s: {away_m} m"
        );
    }
}

#[test]
fn a_formation_moves_as_its_velocities_say() {
    let slot = Slot {
        back_m: 400.0,
        side_m: 400.0,
    };
    let asked = Task {
        slot: Some(slot),
        ..task(Class::Fighter, SKY)
    };
    let leader = Task {
        slot: Some(Slot {
            back_m: 0.0,
            side_m: 0.0,
        }),
        ..asked
    };
    // The same region inside for both, so that the same draws give the same voyage.
    let mut wing = Motion::under_way(&asked, Random::new(3, 1)).unwrap();
    let Motion::InFormation(voyage, _) = wing.clone() else {
        panic!("not in formation")
    };
    let mut lead = Motion::InFormation(voyage, leader.slot.unwrap());
    for _ in 0..600 {
        let (away_m, _) = distance_and_bearing(lead.state().position, wing.state().position);
        assert!((away_m - 400.0 * 2.0_f64.sqrt()).abs() < 1e-3);
        let (now, soon) = (wing.state(), wing.state_after(0.01));
        let (moved_m, bearing_deg) = distance_and_bearing(now.position, soon.position);
        assert!(
            (moved_m / 0.01 - now.speed_mps).abs() < 1.0,
            "{moved_m} m in 10 ms"
        );
        assert!(turn_between(bearing_deg, now.course_deg).abs() < 1.0);
        lead.advance(1);
        wing.advance(1);
    }
}
