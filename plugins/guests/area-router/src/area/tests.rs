//! Shapes on the globe.

use super::Area;

#[test]
fn bounds_hold_their_edges_and_cross_the_antimeridian() {
    let harbour = Area::Bounds {
        south: 54.9,
        west: 12.7,
        north: 55.4,
        east: 13.9,
    };
    assert!(harbour.holds(54.9, 12.7) && harbour.holds(55.4, 13.9));
    assert!(!harbour.holds(54.899, 13.0) && !harbour.holds(55.0, 13.901));
    let pacific = Area::Bounds {
        south: -20.0,
        west: 170.0,
        north: 0.0,
        east: -170.0,
    };
    assert!(pacific.holds(-10.0, 175.0) && pacific.holds(-10.0, -175.0));
    assert!(pacific.holds(-10.0, 180.0) && pacific.holds(-10.0, -180.0));
    assert!(!pacific.holds(-10.0, 0.0) && !pacific.holds(-10.0, 181.0));
}

#[test]
fn polygons_hold_their_edges_and_not_their_bays() {
    // A square with a notch from the north, down to its middle.
    let notched = Area::Polygon(vec![
        (0.0, 0.0),
        (4.0, 0.0),
        (2.0, 2.0),
        (4.0, 4.0),
        (0.0, 4.0),
    ]);
    for (lat, lon) in [(1.0, 1.0), (3.0, 0.5), (3.0, 3.5), (2.0, 1.0), (2.0, 3.0)] {
        assert!(notched.holds(lat, lon), "{lat} {lon}");
    }
    for (lat, lon) in [(0.0, 2.0), (2.0, 0.0), (2.0, 2.0), (3.0, 1.0), (4.0, 4.0)] {
        assert!(notched.holds(lat, lon), "edge {lat} {lon}");
    }
    for (lat, lon) in [
        (3.5, 2.0),
        (2.5, 2.0),
        (-0.1, 2.0),
        (2.0, 4.1),
        (2.0, -0.1),
        (4.0, 5.0),
    ] {
        assert!(!notched.holds(lat, lon), "{lat} {lon}");
    }
    let backwards = match &notched {
        Area::Polygon(vertices) => Area::Polygon(vertices.iter().rev().copied().collect()),
        Area::Bounds { .. } => unreachable!(),
    };
    for lat in 0..90 {
        for lon in 0..90 {
            // Off the edges, where rounding decides.
            let (lat, lon) = (f64::from(lat) / 20.0 + 0.013, f64::from(lon) / 20.0 + 0.007);
            assert_eq!(
                notched.holds(lat, lon),
                backwards.holds(lat, lon),
                "{lat} {lon}"
            );
        }
    }
}
