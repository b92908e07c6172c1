//! The filter finds what moves.

use super::*;

fn at(east: f64, north: f64) -> Vector {
    Vector { east, north }
}

#[test]
fn constant_velocity_is_found_and_its_variance_falls() {
    let mut filter = Filter::start(10.0, Vector::default(), 50.0);
    assert_eq!(filter.velocity(), None);
    let mut variances = Vec::new();
    for _ in 0..20 {
        let predicted = filter.predict(10.0, 0.05);
        // Each position lies 100 m east and 50 m south of the last.
        filter = predicted.update(at(100.0, -50.0), 100.0);
        variances.push(filter.covariance[2]);
    }
    let velocity = filter.velocity().expect("twenty positions are enough");
    assert!(
        velocity.minus(at(10.0, -5.0)).length() < 0.1,
        "{velocity:?}"
    );
    assert!(variances.is_sorted_by(|a, b| a >= b), "{variances:?}");
    assert!(vector(filter.offset_m).length() < 0.5);
}

#[test]
fn an_estimate_seen_from_an_earlier_report_is_the_same_one() {
    let filter = Filter {
        velocity_mps: [10.0, 0.0],
        ..Filter::start(10.0, Vector::default(), 1.0)
    };
    // Five seconds earlier it was 50 m to the west, which is where the report puts it.
    let earlier = filter.rewound(at(-50.0, 0.0), -5.0);
    assert_eq!(earlier.offset_m, [0.0, 0.0]);
    let again = earlier.predict(5.0, 0.0).position_m;
    assert_eq!(again, at(50.0, 0.0));
}

#[test]
fn the_innovations_variance_grows_with_time_and_manoeuvre() {
    let filter = Filter::start(10.0, Vector::default(), 1.0);
    let of = |interval_s, manoeuvre| filter.predict(interval_s, manoeuvre).variance(100.0);
    assert_eq!(of(0.0, 1.0), 200.0);
    assert!(of(10.0, 0.0) > 290.0 && of(10.0, 0.0) < 310.0);
    assert!(of(10.0, 2.0) > 10_000.0);
}
