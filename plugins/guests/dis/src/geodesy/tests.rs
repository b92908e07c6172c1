use super::*;

/// The exact way from a position to metres along the earth's axes.
fn to_earth(lat_rad: f64, lon_rad: f64, height_m: f64) -> Vector {
    let n = A_M / sqrt(1.0 - E2 * sin(lat_rad) * sin(lat_rad));
    [
        (n + height_m) * cos(lat_rad) * cos(lon_rad),
        (n + height_m) * cos(lat_rad) * sin(lon_rad),
        (n * (1.0 - E2) + height_m) * sin(lat_rad),
    ]
}

#[test]
fn positions_come_back_within_ten_nanometres_near_the_ground_and_a_micrometre_far_out() {
    for (heights, bound_m) in [
        (
            &[
                -50_000.0, -11_000.0, -1.0, 0.0, 1.0, 9_000.0, 20_000.0, 400_000.0,
            ][..],
            1e-8,
        ),
        (&[2e6, 2.02e7, 3.6e7, 4e7][..], 1e-6),
    ] {
        let (mut worst_m, mut worst_height_m) = (0f64, 0f64);
        for &height_m in heights {
            for lat in -900..=900 {
                for lon in (-180..=180).step_by(15) {
                    let lat_rad = (f64::from(lat) / 10.0).to_radians();
                    let lon_rad = f64::from(lon).to_radians();
                    let found = Geodetic::from_earth(to_earth(lat_rad, lon_rad, height_m));
                    let turned = (found.lon_rad - lon_rad).abs();
                    let turned = turned.min((turned - std::f64::consts::TAU).abs());
                    // At a pole every longitude is the same place.
                    let east_m = turned * cos(lat_rad).abs() * (A_M + height_m);
                    let north_m = (found.lat_rad - lat_rad).abs() * (A_M + height_m);
                    worst_m = worst_m.max(north_m).max(east_m);
                    worst_height_m = worst_height_m.max((found.height_m - height_m).abs());
                }
            }
        }
        println!("{heights:?}: {worst_m:e} m over ground, {worst_height_m:e} m in height");
        assert!(worst_m <= bound_m && worst_height_m <= bound_m);
    }
}

#[test]
fn an_aircraft_over_the_equator_heads_where_its_angles_say() {
    let place = Geodetic::from_earth([A_M + 1_000.0, 0.0, 0.0]);
    assert_eq!((place.lat_rad, place.lon_rad), (0.0, 0.0));
    assert!((place.height_m - 1_000.0).abs() < 1e-8);
    let horizon = place.horizon();
    // North is the earth's z, east its y, down its -x: level and northbound is a turn of -90°
    // about y; φ then rolls, and ψ before it pitches nothing.
    let quarter = std::f64::consts::FRAC_PI_2;
    let north = Attitude::new(&horizon, &Axes::new([0.0, -quarter, 0.0]));
    assert_eq!(north.heading_deg.map(f64::round), Some(0.0));
    assert!(north.pitch_deg.abs() < 1e-9);
    assert!(north.roll_deg.is_some_and(|roll| roll.abs() < 1e-9));
    let east = Axes::new([quarter, 0.0, -quarter]);
    let east = Attitude::new(&horizon, &east);
    assert_eq!(east.heading_deg.map(f64::round), Some(90.0));
    assert_eq!(east.roll_deg.map(f64::round), Some(0.0));
    assert_eq!(
        east.turn_rate_dps([0.0, 0.0, 0.1])
            .map(|rate| (rate * 1e6).round() / 1e6),
        Some(5.729578)
    );
    // Straight up: no heading.
    let up = Attitude::new(&horizon, &Axes::new([0.0, 0.0, 0.0]));
    assert_eq!(
        (up.heading_deg, up.roll_deg, up.pitch_deg.round()),
        (None, None, 90.0)
    );
    assert_eq!(up.turn_rate_dps([0.1, 0.1, 0.1]), None);
}

#[test]
fn motion_is_seen_from_the_ground() {
    let horizon = Geodetic::from_earth([0.0, A_M, 0.0]).horizon();
    // At 90° E east is -x, north is z, up is y.
    let motion = Motion::new(&horizon, [-3.0, 5.0, 4.0]);
    assert!((motion.speed_mps - 5.0).abs() < 1e-12);
    assert!((motion.climb_mps - 5.0).abs() < 1e-12);
    assert!(
        motion
            .course_deg
            .is_some_and(|course| (course - 36.869_897_645_844).abs() < 1e-9)
    );
    let rest = Motion::new(&horizon, [0.0; 3]);
    assert_eq!((rest.speed_mps, rest.course_deg), (0.0, None));
    assert!(rest.climb_mps.is_sign_positive());
    let west = Motion::new(&horizon, [1.0, 0.0, 0.0]);
    assert_eq!(west.course_deg.map(f64::round), Some(270.0));
}
