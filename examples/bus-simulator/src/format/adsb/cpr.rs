//! Compact position reporting, airborne (Doc 9871, § C.2.6): 17 bits of each coordinate within a
//! zone, whose number two frames of different parity give away.

use crate::report::Position;

/// Zones of latitude between equator and pole (§ C.2.6.1).
const LATITUDE_ZONES: f64 = 15.0;
/// Steps of a zone: 2¹⁷.
const STEPS: f64 = 131_072.0;

/// Latitude and longitude as encoded, 17 bits each.
pub fn encode(place: Position, odd: bool) -> (u32, u32) {
    let parity = if odd { 1.0 } else { 0.0 };
    let zone_lat_deg = 360.0 / (4.0 * LATITUDE_ZONES - parity);
    let lat = within_zone(place.lat_deg, zone_lat_deg);
    // The latitude that a receiver will find, which decides the zones of longitude.
    let lat_found_deg = zone_lat_deg * (lat / STEPS + (place.lat_deg / zone_lat_deg).floor());
    let zone_lon_deg = 360.0 / (longitude_zones(lat_found_deg) - parity).max(1.0);
    let lon = within_zone(place.lon_deg, zone_lon_deg);
    // A full zone is the start of the next.
    (lat as u32 % 131_072, lon as u32 % 131_072)
}

/// Place within its zone, in steps, 0 to 2¹⁷.
fn within_zone(degrees: f64, zone_deg: f64) -> f64 {
    (STEPS * degrees.rem_euclid(zone_deg) / zone_deg + 0.5).floor()
}

/// Number of zones of longitude at a latitude (§ C.2.6.2).
fn longitude_zones(lat_deg: f64) -> f64 {
    let lat_deg = lat_deg.abs();
    if lat_deg >= 87.0 {
        return if lat_deg > 87.0 { 1.0 } else { 2.0 };
    }
    let cos = lat_deg.to_radians().cos();
    let step = 1.0 - (std::f64::consts::PI / (2.0 * LATITUDE_ZONES)).cos();
    (std::f64::consts::TAU / (1.0 - step / (cos * cos)).acos()).floor()
}
