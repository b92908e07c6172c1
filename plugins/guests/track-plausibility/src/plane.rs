//! Offsets in the tangent plane of a place, metres east and north.
//!
//! Near a place the plane is spanned by the two radii of curvature of WGS-84 at the middle latitude;
//! farther away, and near the poles, the geodesic says distance and direction. The first costs a
//! sine and a root, the second the most of a microsecond; `plane/tests.rs` holds them together.

use geographiclib_rs::{Geodesic, InverseGeodesic};

/// Semi-major axis of WGS-84, metres, and its first eccentricity squared (NIMA TR8350.2, table 3.1
/// and 3.3).
const AXIS_M: f64 = 6_378_137.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_694_379_990_14;

/// Difference in latitude or longitude up to which the plane is used, degrees, and the latitude up
/// to which it is. Within both, lengths are right to a part in 1,000.
const NEAR_DEG: f64 = 0.5;
const LAT_MAX_DEG: f64 = 75.0;

/// Steps of a stored degree.
const STEPS_PER_DEG: f64 = 1e7;

/// A position as it is kept: 10⁻⁷ degrees, at most 11 mm. Formats are coarser: AIS has 185 mm, the
/// best of CAT062 19 mm; what is nearer counts as the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Latitude north, 10⁻⁷ degrees.
    pub lat_e7: i32,
    /// Longitude east, 10⁻⁷ degrees.
    pub lon_e7: i32,
}

impl Place {
    /// A place from degrees within ±90 and ±180.
    pub fn new(lat_deg: f64, lon_deg: f64) -> Self {
        Self {
            lat_e7: (lat_deg * STEPS_PER_DEG).round() as i32,
            lon_e7: (lon_deg * STEPS_PER_DEG).round() as i32,
        }
    }

    fn degrees(self) -> (f64, f64) {
        (
            f64::from(self.lat_e7) / STEPS_PER_DEG,
            f64::from(self.lon_e7) / STEPS_PER_DEG,
        )
    }
}

/// A vector in the plane, east and north.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vector {
    /// East.
    pub east: f64,
    /// North.
    pub north: f64,
}

impl Vector {
    /// From a length and a direction, degrees clockwise from true north.
    pub fn polar(length: f64, direction_deg: f64) -> Self {
        let (east, north) = direction_deg.to_radians().sin_cos();
        Self {
            east: east * length,
            north: north * length,
        }
    }

    /// Its length.
    pub fn length(self) -> f64 {
        self.square().sqrt()
    }

    /// Its length squared.
    pub fn square(self) -> f64 {
        self.east * self.east + self.north * self.north
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        Self {
            east: self.east + other.east,
            north: self.north + other.north,
        }
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Self {
        self.plus(other.times(-1.0))
    }

    /// A multiple.
    pub fn times(self, factor: f64) -> Self {
        Self {
            east: self.east * factor,
            north: self.north * factor,
        }
    }
}

/// The way from one place to another.
pub fn offset_m(from: Place, to: Place, geodesic: &Geodesic) -> Vector {
    let (from_lat, from_lon) = from.degrees();
    let (to_lat, to_lon) = to.degrees();
    let lat_deg = to_lat - from_lat;
    let lon_deg = match to_lon - from_lon {
        east if east > 180.0 => east - 360.0,
        west if west < -180.0 => west + 360.0,
        lon_deg => lon_deg,
    };
    let middle_deg = f64::midpoint(from_lat, to_lat);
    if lat_deg.abs() > NEAR_DEG || lon_deg.abs() > NEAR_DEG || middle_deg.abs() > LAT_MAX_DEG {
        let (distance_m, direction_deg, _, _): (f64, f64, f64, f64) =
            geodesic.inverse(from_lat, from_lon, to_lat, to_lon);
        return Vector::polar(distance_m, direction_deg);
    }
    // Radii of curvature in the meridian and in the prime vertical.
    let (sine, cosine) = middle_deg.to_radians().sin_cos();
    let square = 1.0 - ECCENTRICITY_SQUARED * sine * sine;
    let prime_m = AXIS_M / square.sqrt();
    let meridian_m = prime_m * (1.0 - ECCENTRICITY_SQUARED) / square;
    Vector {
        east: lon_deg.to_radians() * prime_m * cosine,
        north: lat_deg.to_radians() * meridian_m,
    }
}

/// The smaller angle between two directions, degrees, 0 to 180.
pub fn angle_deg(a_deg: f64, b_deg: f64) -> f64 {
    let apart_deg = (a_deg - b_deg).abs() % 360.0;
    apart_deg.min(360.0 - apart_deg)
}

#[cfg(test)]
mod tests;
