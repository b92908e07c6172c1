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

/// Semi-major axis of WGS-84, metres (NIMA TR8350.2).
const AXIS_M: f64 = 6_378_137.0;
/// First eccentricity of WGS-84, squared (NIMA TR8350.2).
const ECCENTRICITY_2: f64 = 6.694_379_990_14e-3;

/// Where a radar stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Site {
    /// Place.
    pub position: Position,
    /// Height of the antenna above the ellipsoid, metres.
    pub altitude_m: f64,
}

/// A target as a radar sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Slant range, metres.
    pub range_m: f64,
    /// Azimuth from true north, degrees, 0 to below 360.
    pub azimuth_deg: f64,
}

impl Site {
    /// What this radar sees of a target at `place` and `altitude_m` above the ellipsoid: the
    /// straight line to it, and its azimuth in the plane of the site's horizon.
    pub fn sees(&self, place: Position, altitude_m: f64) -> Seen {
        let here = earth_fixed(self.position, self.altitude_m);
        let there = earth_fixed(place, altitude_m);
        let [x, y, z] = [0, 1, 2].map(|axis| there[axis] - here[axis]);
        let (sin_lat, cos_lat) = self.position.lat_deg.to_radians().sin_cos();
        let (sin_lon, cos_lon) = self.position.lon_deg.to_radians().sin_cos();
        let east = -sin_lon * x + cos_lon * y;
        let north = -sin_lat * cos_lon * x - sin_lat * sin_lon * y + cos_lat * z;
        Seen {
            range_m: (x * x + y * y + z * z).sqrt(),
            azimuth_deg: compass_deg(east.atan2(north).to_degrees()),
        }
    }
}

/// Earth-centred, earth-fixed coordinates, metres.
fn earth_fixed(place: Position, altitude_m: f64) -> [f64; 3] {
    let (sin_lat, cos_lat) = place.lat_deg.to_radians().sin_cos();
    let (sin_lon, cos_lon) = place.lon_deg.to_radians().sin_cos();
    let normal_m = AXIS_M / (1.0 - ECCENTRICITY_2 * sin_lat * sin_lat).sqrt();
    [
        (normal_m + altitude_m) * cos_lat * cos_lon,
        (normal_m + altitude_m) * cos_lat * sin_lon,
        (normal_m * (1.0 - ECCENTRICITY_2) + altitude_m) * sin_lat,
    ]
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
