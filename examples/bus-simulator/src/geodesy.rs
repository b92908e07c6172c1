//! Distances and bearings on WGS-84, by Karney's algorithms in `geographiclib-rs`.

use std::sync::LazyLock;

use geographiclib_rs::{DirectGeodesic, Geodesic, InverseGeodesic};

use crate::report::Position;

static WGS84: LazyLock<Geodesic> = LazyLock::new(Geodesic::wgs84);

/// The place `distance_m` metres from `from`, starting on `bearing_deg`.
pub fn place_from(from: Position, bearing_deg: f64, distance_m: f64) -> Position {
    let (lat_deg, lon_deg) = WGS84.direct(from.lat_deg, from.lon_deg, bearing_deg, distance_m);
    Position { lat_deg, lon_deg }
}

/// Distance in metres and initial bearing in degrees (0 to below 360) from `from` to `to`.
pub fn distance_and_bearing(from: Position, to: Position) -> (f64, f64) {
    let (distance_m, bearing_deg, _, _): (f64, f64, f64, f64) =
        WGS84.inverse(from.lat_deg, from.lon_deg, to.lat_deg, to.lon_deg);
    (distance_m, compass_deg(bearing_deg))
}

/// The same direction in 0 to below 360 degrees.
pub fn compass_deg(angle_deg: f64) -> f64 {
    let wrapped = angle_deg.rem_euclid(360.0);
    // The remainder of a tiny negative angle rounds up to 360 itself.
    if wrapped >= 360.0 { 0.0 } else { wrapped }
}

/// The angle in −180 to below 180 that turns `from_deg` into `to_deg`.
pub fn turn_between(from_deg: f64, to_deg: f64) -> f64 {
    (to_deg - from_deg + 180.0).rem_euclid(360.0) - 180.0
}
