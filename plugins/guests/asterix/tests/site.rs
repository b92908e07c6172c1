//! Plots to positions: there and back by another way, which knows no elevation angle.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

use asterix_decoder::site::{Geodetic, Site};

/// WGS-84.
const A_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;

fn geocentric(place: Geodetic) -> [f64; 3] {
    let e2 = FLATTENING * (2.0 - FLATTENING);
    let (sin, cos) = place.lat_deg.to_radians().sin_cos();
    let across_m = A_M / (1.0 - e2 * sin * sin).sqrt();
    let (sin_lon, cos_lon) = place.lon_deg.to_radians().sin_cos();
    [
        (across_m + place.height_m) * cos * cos_lon,
        (across_m + place.height_m) * cos * sin_lon,
        (across_m * (1.0 - e2) + place.height_m) * sin,
    ]
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn length(a: [f64; 3]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Slant range and azimuth of a target, from the difference of two points in space.
fn seen(radar: Geodetic, target: Geodetic) -> (f64, f64) {
    let [x, y, z] = minus(geocentric(target), geocentric(radar));
    let (sin_lat, cos_lat) = radar.lat_deg.to_radians().sin_cos();
    let (sin_lon, cos_lon) = radar.lon_deg.to_radians().sin_cos();
    let east = -sin_lon * x + cos_lon * y;
    let north = -sin_lat * (cos_lon * x + sin_lon * y) + cos_lat * z;
    (length([x, y, z]), east.atan2(north))
}

fn place(lat_deg: f64, lon_deg: f64, height_m: f64) -> Geodetic {
    Geodetic {
        lat_deg,
        lon_deg,
        height_m,
    }
}

#[test]
fn a_target_seen_at_its_height_comes_back_to_its_place() {
    let mut worst_m: f64 = 0.0;
    let mut targets = 0;
    for (lat, lon) in [
        (0.0, 0.0),
        (43.571_026, 16.406_064),
        (-35.0, 179.9),
        (71.0, -179.95),
        (89.0, 25.0),
    ] {
        for radar_m in [-50.0, 780.0, 3_500.0] {
            let radar = place(lat, lon, radar_m);
            let site = Site::new(radar);
            for north in -4i32..=4 {
                for east in -4i32..=4 {
                    for height_m in [0.0, 3_000.0, 11_000.0, 20_000.0] {
                        let lat = lat + f64::from(north) * 0.93 + 0.01;
                        let wide = lat.to_radians().cos().max(0.2);
                        let target = place(
                            lat.clamp(-89.9, 89.9),
                            lon + (f64::from(east) * 0.93 + 0.013) / wide,
                            height_m,
                        );
                        let (slant_m, azimuth) = seen(radar, target);
                        if slant_m > 500_000.0 {
                            continue;
                        }
                        let found = site.position(slant_m, azimuth, Some(height_m)).unwrap();
                        let off = length(minus(geocentric(found), geocentric(target)));
                        worst_m = worst_m.max(off);
                        targets += 1;
                        assert!(
                            found.lon_deg.abs() <= 180.0 && found.lat_deg.abs() <= 90.0,
                            "{found:?}"
                        );
                    }
                }
            }
        }
    }
    println!("{targets} targets, at most {worst_m} m off");
    assert!(worst_m <= 0.01, "{worst_m} m");
}

#[test]
fn without_a_height_a_target_is_put_at_the_radars() {
    let radar = place(43.5, 16.4, 780.0);
    let site = Site::new(radar);
    let found = site.position(100_000.0, 1.0, None).unwrap();
    assert!((found.height_m - 780.0).abs() < 0.01);
    // With 11 km it is nearer: by some 0.5 km at this range.
    let high = site.position(100_000.0, 1.0, Some(11_000.0)).unwrap();
    let apart = length(minus(
        geocentric(place(found.lat_deg, found.lon_deg, 0.0)),
        geocentric(place(high.lat_deg, high.lon_deg, 0.0)),
    ));
    assert!((400.0..800.0).contains(&apart), "{apart} m");
}

#[test]
fn a_target_higher_than_it_is_away_has_no_position() {
    let site = Site::new(place(43.5, 16.4, 780.0));
    assert_eq!(site.position(5_000.0, 1.0, Some(11_000.0)), None);
    assert_eq!(site.position(0.0, 1.0, Some(11_000.0)), None);
    assert_eq!(site.position(0.0, 1.0, None), None);
    // Straight above there is one.
    let above = site.position(10_220.001, 0.0, Some(11_000.0)).unwrap();
    assert!((above.lat_deg - 43.5).abs() < 1e-3, "{above:?}");
}

/// The figures that `site` states of an error in the height.
#[test]
fn a_wrong_height_moves_a_position_by_its_tangent() {
    let radar = place(43.5, 16.4, 0.0);
    let site = Site::new(radar);
    for (level_m, most_m) in [(50_000.0, 130.0), (200_000.0, 40.0)] {
        let right = site.position(level_m, 0.5, Some(11_000.0)).unwrap();
        let wrong = site.position(level_m, 0.5, Some(11_500.0)).unwrap();
        let flat = |found: Geodetic| geocentric(place(found.lat_deg, found.lon_deg, 0.0));
        let moved = length(minus(flat(right), flat(wrong)));
        println!("{level_m} m: {moved} m");
        assert!(moved <= most_m, "{level_m}: {moved} m");
    }
}

/// Wherever between the radar and 15,240 m a target was, it is no farther away than is said from
/// where it is put without its height; and what is said is not much more than the farthest.
#[test]
fn the_spread_of_an_unknown_height_holds_every_target() {
    let radar = place(43.5, 16.4, 780.0);
    let site = Site::new(radar);
    let flat = |found: Geodetic| geocentric(place(found.lat_deg, found.lon_deg, 0.0));
    for slant_m in [
        100.0, 5_000.0, 13_000.0, 15_000.0, 20_000.0, 50_000.0, 200_000.0, 450_000.0,
    ] {
        let put = site.position(slant_m, 0.7, None).unwrap();
        let spread_m = site.spread_m(slant_m);
        let mut farthest_m: f64 = 0.0;
        // No target is higher above the radar than it is away.
        let rise_m = slant_m.min(14_460.0);
        for step in 0..=1_000 {
            let height_m = 780.0 + f64::from(step) / 1_000.0 * rise_m;
            if let Some(at) = site.position(slant_m, 0.7, Some(height_m)) {
                farthest_m = farthest_m.max(length(minus(flat(put), flat(at))));
            }
        }
        println!("{slant_m} m away: {farthest_m:.0} m, said {spread_m:.0} m");
        // A sphere of the equator's radius instead of the ellipsoid: one part in a hundred.
        assert!(farthest_m <= spread_m * 1.01 + 1.0, "{slant_m}");
        // Straight above, the last step leaves some of it out.
        assert!(farthest_m >= spread_m * 0.8, "{slant_m}");
    }
}
