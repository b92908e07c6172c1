//! Points in space: another way from positions to range and azimuth than the decoder's, which knows
//! no elevation angle.

use asterix_decoder::site::Geodetic;

/// WGS-84.
const A_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;

pub fn geocentric(place: Geodetic) -> [f64; 3] {
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

pub fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn length(a: [f64; 3]) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Slant range and azimuth of a target, from the difference of two points in space.
pub fn seen(radar: Geodetic, target: Geodetic) -> (f64, f64) {
    let [x, y, z] = minus(geocentric(target), geocentric(radar));
    let (sin_lat, cos_lat) = radar.lat_deg.to_radians().sin_cos();
    let (sin_lon, cos_lon) = radar.lon_deg.to_radians().sin_cos();
    let east = -sin_lon * x + cos_lon * y;
    let north = -sin_lat * (cos_lon * x + sin_lon * y) + cos_lat * z;
    (length([x, y, z]), east.atan2(north))
}
