//! The plane agrees with the geodesic.

use super::*;

#[test]
fn plane_and_geodesic_agree_to_a_thousandth_where_the_plane_is_used() {
    let geodesic = Geodesic::wgs84();
    let mut worst: f64 = 0.0;
    for lat_deg in [-74.7, -45.0, -0.1, 0.0, 30.0, 55.5, 70.0, 74.7] {
        for (north_deg, east_deg) in [
            (0.0, 0.5),
            (0.5, 0.0),
            (0.4, -0.5),
            (-0.5, 0.5),
            (1e-5, 1e-5),
            (0.01, 0.02),
        ] {
            for lon_deg in [0.0, 179.9, -179.9] {
                let from = Place::new(lat_deg, lon_deg);
                let east = lon_deg + east_deg;
                let east = if east.abs() > 180.0 {
                    east - 360.0 * east.signum()
                } else {
                    east
                };
                let to = Place::new(lat_deg + north_deg, east);
                let plane = offset_m(from, to, &geodesic);
                let ((a, b), (c, d)) = (from.degrees(), to.degrees());
                let (distance_m, direction_deg, _, _): (f64, f64, f64, f64) =
                    geodesic.inverse(a, b, c, d);
                worst = worst.max((plane.length() - distance_m).abs() / distance_m);
                let exact = Vector::polar(distance_m, direction_deg);
                // Directions differ by the convergence of the meridians, half of it.
                assert!(
                    plane.minus(exact).length() < 0.01 * distance_m,
                    "{from:?} {to:?}"
                );
            }
        }
    }
    println!("worst: {worst:.1e}");
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn far_places_and_the_pole_have_their_geodesic() {
    let geodesic = Geodesic::wgs84();
    let way = |a: (f64, f64), b: (f64, f64)| {
        offset_m(Place::new(a.0, a.1), Place::new(b.0, b.1), &geodesic).length()
    };
    // A quarter of the equator, and across the pole.
    assert!((way((0.0, 0.0), (0.0, 90.0)) - 10_018_754.17).abs() < 1.0);
    assert!((way((89.9995, 0.0), (89.9995, 180.0)) - 111.69).abs() < 0.1);
    assert!((way((0.0, 179.9995), (0.0, -179.9995)) - 111.32).abs() < 0.1);
}

#[test]
fn angles_are_the_smaller_ones() {
    for (a, b, angle) in [(350.0, 10.0, 20.0), (0.0, 180.0, 180.0), (90.0, 45.0, 45.0)] {
        assert_eq!(angle_deg(a, b), angle);
    }
}
