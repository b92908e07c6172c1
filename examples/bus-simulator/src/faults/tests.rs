#![allow(clippy::unwrap_used)]

use super::*;
use crate::geodesy::distance_and_bearing;

const PLACE: Position = Position {
    lat_deg: 55.0,
    lon_deg: 13.0,
};

const EARLIER: Position = Position {
    lat_deg: 55.0,
    lon_deg: 12.9,
};

fn good() -> Measured {
    Measured {
        position: Some(PLACE),
        speed_mps: Some(5.0),
        course_deg: Some(90.0),
        heading_deg: Some(90.0),
        turn_rate_deg_s: Some(0.0),
        altitude_m: None,
        climb_mps: None,
    }
}

fn altered(kind: Kind, draw: f64, since_good_s: f64) -> Measured {
    let mut measured = good();
    Injection {
        id: 1,
        kind,
        track: 0,
        sensor: 0,
        with: None,
        from_ms: 0,
        reports_left: 1,
        draw,
    }
    .alter(
        &mut measured,
        Good {
            since_s: since_good_s,
            position: Some(EARLIER),
        },
    );
    measured
}

#[test]
fn a_speed_jump_runs_ahead_as_far_as_its_speed_carries() {
    let kind = Kind::SpeedJump { by_kt: 60.0 };
    let measured = altered(kind, 0.0, 2.0);
    assert!((measured.speed_mps.unwrap() - 5.0 - 60.0 * MPS_PER_KNOT).abs() < 1e-9);
    let (ahead_m, bearing_deg) = distance_and_bearing(PLACE, measured.position.unwrap());
    assert!((ahead_m - 120.0 * MPS_PER_KNOT).abs() < 1e-6);
    assert!((bearing_deg - 90.0).abs() < 1e-6);
}

#[test]
fn a_teleport_moves_the_position_alone() {
    let measured = altered(
        Kind::Teleport {
            distance_m: 40_000.0,
        },
        0.25,
        2.0,
    );
    let (away_m, bearing_deg) = distance_and_bearing(PLACE, measured.position.unwrap());
    assert!((away_m - 40_000.0).abs() < 1e-3);
    assert!((bearing_deg - 90.0).abs() < 1e-6);
    let back = Measured {
        position: good().position,
        ..measured
    };
    assert_eq!(back, good());
}

#[test]
fn one_field_is_spoiled_and_no_other() {
    let field = Field::Speed;
    let expected = Measured {
        speed_mps: None,
        ..good()
    };
    assert_eq!(altered(Kind::NotAvailable { field }, 0.5, 2.0), expected);
    let field = Field::Course;
    let expected = Measured {
        course_deg: Some(385.0),
        ..good()
    };
    assert_eq!(altered(Kind::OutOfRange { field }, 0.5, 2.0), expected);
    let field = Field::Position;
    let wrong = altered(Kind::OutOfRange { field }, 0.0, 2.0)
        .position
        .unwrap();
    assert!(wrong.lat_deg > 90.0 && wrong.lon_deg > 180.0);
}

fn among(count: u32) -> FaultOrder {
    FaultOrder {
        kind: Kind::Teleport { distance_m: 1e4 },
        reports: 1,
        sensor: 0,
        with: None,
        target: Target::Among {
            first: 10,
            tracks: 20,
            count,
            from_ms: 3_000,
            to_ms: 15_000,
        },
    }
}

#[test]
fn drawn_faults_fall_on_tracks_of_their_own_within_their_window() {
    let planned = plan(4, &[among(12), among(8)]).unwrap();
    assert_eq!(planned.len(), 20);
    let mut tracks: Vec<usize> = planned.iter().map(|injection| injection.track).collect();
    tracks.sort_unstable();
    assert_eq!(tracks, (10..30).collect::<Vec<_>>());
    let in_window = |injection: &Injection| (3_000..=15_000).contains(&injection.from_ms);
    assert!(planned.iter().all(in_window));
    assert_eq!(planned, plan(4, &[among(12), among(8)]).unwrap());
    assert_ne!(planned, plan(5, &[among(12), among(8)]).unwrap());
}

#[test]
fn more_faults_than_free_tracks_are_refused() {
    assert_eq!(plan(4, &[among(12), among(9)]), Err(1));
}

#[test]
fn two_faults_of_a_track_keep_their_distance() {
    let at = |at_ms| FaultOrder {
        kind: Kind::Duplicate { delay_ms: 500 },
        reports: 1,
        sensor: 0,
        with: None,
        target: Target::Track { track: 3, at_ms },
    };
    assert_eq!(plan(1, &[at(1_000), at(30_999)]), Err(1));
    assert_eq!(plan(1, &[at(1_000), at(31_000)]).unwrap().len(), 2);
}

#[test]
fn a_time_reversal_takes_its_report_before_it_is_sent_again() {
    let order = FaultOrder {
        kind: Kind::TimeReversal { delay_ms: 8_000 },
        reports: 1,
        sensor: 0,
        with: None,
        target: Target::Track {
            track: 0,
            at_ms: 10_000,
        },
    };
    assert_eq!(plan(1, &[order]).unwrap()[0].from_ms, 2_000);
}

#[test]
fn orders_that_fit_for_one_seed_fit_for_every_seed() {
    let named = FaultOrder {
        kind: Kind::Teleport { distance_m: 1e4 },
        reports: 1,
        sensor: 0,
        with: None,
        target: Target::Track {
            track: 12,
            at_ms: 4_000,
        },
    };
    for seed in 0..200 {
        let planned = plan(seed, &[among(19), named.clone()]).unwrap();
        assert_eq!(planned.len(), 20);
        assert_eq!(plan(seed, &[among(20), named.clone()]), Err(0));
    }
}

#[test]
fn slow_faults_grow_and_leave_the_rest_as_it_was() {
    let flying = Measured {
        altitude_m: Some(3_000.0),
        climb_mps: Some(4.0),
        ..good()
    };
    let spoiled = |kind: Kind| {
        let mut measured = flying;
        let injection = Injection {
            id: 1,
            kind,
            track: 0,
            sensor: 0,
            with: None,
            from_ms: 0,
            reports_left: 1,
            draw: 0.25,
        };
        let good = Good {
            since_s: 8.0,
            position: Some(EARLIER),
        };
        injection.alter(&mut measured, good);
        measured
    };
    let higher = spoiled(Kind::AltitudeRamp { rate_mps: 40.0 });
    assert_eq!(higher.altitude_m, Some(3_320.0));
    assert_eq!(higher.climb_mps, flying.climb_mps);
    let faster = spoiled(Kind::SpeedRamp { rate_kt_s: 5.0 });
    assert!((faster.speed_mps.unwrap() - 5.0 - 40.0 * MPS_PER_KNOT).abs() < 1e-9);
    assert_eq!(faster.position, flying.position);
    let turned = spoiled(Kind::ReversedHeading);
    assert_eq!(
        (turned.course_deg, turned.heading_deg),
        (Some(270.0), Some(270.0))
    );
    assert_eq!(spoiled(Kind::ReversedClimb).climb_mps, Some(-4.0));
    let frozen = spoiled(Kind::FrozenPosition);
    assert_eq!(frozen.position, Some(EARLIER));
    assert_eq!(frozen.speed_mps, flying.speed_mps);
    let offset = spoiled(Kind::PositionOffset { distance_m: 900.0 });
    let (away_m, bearing_deg) =
        crate::geodesy::distance_and_bearing(PLACE, offset.position.unwrap());
    assert!((away_m - 900.0).abs() < 1e-6 && (bearing_deg - 90.0).abs() < 1e-6);
}

#[test]
fn position_noise_scatters_every_report_anew_and_leaves_the_rest() {
    let report = |reports_left: u32, draw: f64| {
        let mut measured = good();
        let injection = Injection {
            id: 1,
            kind: Kind::PositionNoise { noise_m: 800.0 },
            track: 0,
            sensor: 0,
            with: None,
            from_ms: 0,
            reports_left,
            draw,
        };
        let nothing = Good {
            since_s: 1.0,
            position: None,
        };
        injection.alter(&mut measured, nothing);
        let place = measured.position.unwrap();
        let back = Measured {
            position: good().position,
            ..measured
        };
        assert_eq!(back, good());
        let (away_m, bearing_deg) = distance_and_bearing(PLACE, place);
        let (east, north) = bearing_deg.to_radians().sin_cos();
        [away_m * north, away_m * east]
    };
    assert_eq!(report(3, 0.25), report(3, 0.25));
    assert_ne!(report(3, 0.25), report(2, 0.25));
    assert_ne!(report(3, 0.25), report(3, 0.26));
    let many: Vec<[f64; 2]> = (0..1_000).map(|left| report(left, 0.25)).collect();
    for axis in [0, 1] {
        let axis = || many.iter().map(|error_m| error_m[axis]);
        let mean_m = axis().sum::<f64>() / 1e3;
        let deviation_m = (axis().map(|one| one * one).sum::<f64>() / 1e3).sqrt();
        assert!(mean_m.abs() < 100.0, "{mean_m} m off in the mean");
        assert!((700.0..900.0).contains(&deviation_m), "{deviation_m} m");
    }
}

#[test]
fn a_time_shift_moves_the_claimed_time_alone() {
    let mut measured = good();
    let injection = Injection {
        id: 1,
        kind: Kind::TimeShift { shift_ms: -12_000 },
        track: 0,
        sensor: 0,
        with: None,
        from_ms: 0,
        reports_left: 1,
        draw: 0.0,
    };
    let nothing = Good {
        since_s: 0.0,
        position: None,
    };
    injection.alter(&mut measured, nothing);
    assert_eq!(measured, good());
    assert_eq!(injection.shifted(20_000_000_000), 8_000_000_000);
}
