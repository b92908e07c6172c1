//! Records to canonical tracks.

use crate::air::{Air, FOOT_M, LEVEL_M, MILE_M, RADIUS_95};
use crate::record::Record;
use crate::site::{Geodetic, Site};
use crate::table::{P23, P25, P30};
use crate::value::{Chars, bits, signed};

/// Bits of an item as a number in two's complement.
fn number(item: &[u8], at: usize, count: usize) -> f64 {
    signed(bits(item, at, count), count) as f64
}

fn flag(item: &[u8], at: usize) -> bool {
    bits(item, at, 1) == 1
}

/// True when bit `at` of an item that goes on part by part is there and set: the parts here are of
/// one octet.
fn part_flag(item: &[u8], at: usize) -> bool {
    at / 8 < item.len() && flag(item, at)
}

/// Latitude and longitude of `count` bits each, in units of 180°/`per`.
fn place(item: &[u8], count: usize, per: f64) -> Geodetic {
    let unit = 180.0 / per;
    Geodetic {
        lat_deg: number(item, 0, count) * unit,
        lon_deg: number(item, count, count) * unit,
        height_m: 0.0,
    }
}

/// The item, unless its first bit says that the value is beyond its range. Source: I021/155, 157,
/// 160.
fn ranged(item: Option<&[u8]>) -> Option<&[u8]> {
    item.filter(|item| !flag(item, 0))
}

/// Two bits before a code or level: not validated, garbled.
fn is_sure(item: &[u8]) -> bool {
    bits(item, 0, 2) == 0
}

/// The second of them: garbled. What is only not validated is mostly right.
fn is_garbled(item: &[u8]) -> bool {
    flag(item, 1)
}

fn callsign(item: Option<&[u8]>, at: usize) -> Option<Chars> {
    item.map(|item| Chars::icao(bits(item, at, 48)))
        .filter(|text| !text.as_str().is_empty())
}

/// Speed and course of components east and north, metres per second.
fn speed_course(east: f64, north: f64) -> (f64, f64) {
    let course_deg = libm::atan2(east, north).to_degrees();
    let course_deg = match course_deg < 0.0 {
        true => course_deg + 360.0,
        false => course_deg,
    };
    ((east * east + north * north).sqrt(), course_deg)
}

/// Feet per minute, in units of 6.25, to metres per second.
const CLIMB_MPS: f64 = 6.25 * FOOT_M / 60.0;
/// Units of geometric altitudes, metres: 6.25 ft.
const HEIGHT_M: f64 = 6.25 * FOOT_M;
/// Units of ground speeds, metres per second: 2^-14 NM/s.
const SPEED_MPS: f64 = MILE_M / 16_384.0;
/// Units of bearings, degrees.
const BEARING_DEG: f64 = 360.0 / 65_536.0;

/// True for a CAT062 record whose only position is I062/100: in the tracker's plane, whose origin
/// and projection no item says.
pub fn is_plane_only(record: &Record<'_>) -> bool {
    record.item(4).is_none() && record.item(5).is_some()
}

/// The track of a CAT062 record: I062/105, 070, 185, 136, 130, 220, 060, 245, 380, 390, 500, 080.
pub fn of_062(record: &Record<'_>, air: &mut Air) {
    let status = record.item(12).unwrap_or_default();
    air.icao_address = record.address();
    air.tentative = part_flag(status, 6);
    air.end_of_track = part_flag(status, 9);
    air.coasted = part_flag(status, 24);
    air.report = part_flag(status, 8).then_some("simulated");
    if let Some(item) = record.item(4) {
        air.position = Some((place(item, 32, P25), "i062_105"));
    }
    if let Some(item) = record.item(6) {
        let (east, north) = (number(item, 0, 16) / 4.0, number(item, 16, 16) / 4.0);
        let (speed_mps, course_deg) = speed_course(east, north);
        air.speed_mps = Some(speed_mps);
        air.course_deg = (speed_mps > 0.0).then_some(course_deg);
    }
    air.level_fl = record.item(16).map(|item| number(item, 0, 16) / 4.0);
    air.height_m = record.item(17).map(|item| number(item, 0, 16) * HEIGHT_M);
    air.climb_mps = record.item(19).map(|item| number(item, 0, 16) * CLIMB_MPS);
    air.mode_3a = record
        .item(8)
        .filter(|item| is_sure(item))
        .map(|item| Chars::octal(bits(item, 4, 12)));
    air.callsign = callsign(record.item(9), 8)
        .or_else(|| callsign(record.part(10, 1), 0))
        .or_else(|| {
            record
                .part(20, 1)
                .map(Chars::ascii)
                .filter(|text| !text.as_str().is_empty())
        });
    if let Some(item) = record.part(10, 9) {
        air.on_ground = on_ground(bits(item, 3, 3));
    }
    air.platform_class = record.part(10, 20).and_then(|item| emitter_062(item[0]));
    if let Some(item) = record.part(26, 0) {
        let (x, y) = (bits(item, 0, 16) as f64, bits(item, 16, 16) as f64);
        air.accuracy_m = Some(radius_95(x / 2.0, y / 2.0));
    }
}

/// Radius of 95 % confidence of standard deviations on two axes, metres, taken as circular.
fn radius_95(x_m: f64, y_m: f64) -> f64 {
    RADIUS_95 * ((x_m * x_m + y_m * y_m) / 2.0).sqrt()
}

/// Flight status of a Mode S transponder. Source: I048/230, I062/380 #10.
fn on_ground(status: u64) -> Option<bool> {
    match status {
        0 | 2 => Some(false),
        1 | 3 => Some(true),
        _ => None,
    }
}

/// The track of a CAT048 record of a radar at `site`: I048/040 or 042, 090, 110, 070, 200, 240,
/// 220, 210, 020, 170, 230.
pub fn of_048(record: &Record<'_>, site: &Site, air: &mut Air) {
    let descriptor = record.item(2).unwrap_or_default();
    let status = record.item(13).unwrap_or_default();
    air.icao_address = record.address();
    air.tentative = part_flag(status, 0);
    air.end_of_track = part_flag(status, 8);
    air.coasted = bits(descriptor, 0, 3) == 0;
    air.report = if part_flag(descriptor, 3) {
        Some("simulated")
    } else if part_flag(descriptor, 8) {
        Some("test")
    } else if part_flag(descriptor, 7 - 1) {
        Some("field-monitor")
    } else {
        None
    };
    air.level_fl = record
        .item(5)
        .filter(|item| is_sure(item))
        .map(|item| number(item, 2, 14) / 4.0);
    // Above mean sea level, where the slant range wants the ellipsoid: up to 100 m apart, which moves
    // a target at 50 km by some 25 m.
    air.height_m = record
        .item(18)
        .map(|item| number(item, 2, 14) * 25.0 * FOOT_M);
    if let Some(item) = record.item(14) {
        let mile = |at| bits(item, at, 8) as f64 / 128.0 * MILE_M;
        air.accuracy_m = Some(radius_95(mile(0), mile(8)));
    }
    if let Some(polar) = polar(record) {
        place_plot(record, site, polar, air);
    }
    air.mode_3a = record
        .item(4)
        .filter(|item| is_sure(item))
        .map(|item| Chars::octal(bits(item, 4, 12)));
    if let Some(item) = record.item(12) {
        air.speed_mps = Some(bits(item, 0, 16) as f64 * SPEED_MPS);
        air.course_deg = Some(bits(item, 16, 16) as f64 * BEARING_DEG);
    }
    air.callsign = callsign(record.item(8), 0);
    if let Some(item) = record.item(20) {
        air.on_ground = on_ground(bits(item, 3, 3));
    }
}

/// Puts a plot where its slant range and azimuth say, at the height that is known best: measured
/// and sure, measured by the radar, measured but not validated; else the radar's own, and then the
/// position is as inexact as the height that it lacks can make it.
fn place_plot(record: &Record<'_>, site: &Site, polar: (f64, f64, &'static str), air: &mut Air) {
    let (slant_m, azimuth_rad, item) = polar;
    let unsure_m = record
        .item(5)
        .filter(|item| !is_garbled(item))
        .map(|item| number(item, 2, 14) / 4.0 * LEVEL_M);
    let (height_m, from) = match (air.level_fl, air.height_m, unsure_m) {
        (Some(level), ..) => (Some(level * LEVEL_M), "i048_090"),
        (None, Some(height_m), _) => (Some(height_m), "i048_110"),
        (None, None, Some(unsure_m)) => (Some(unsure_m), "i048_090_unvalidated"),
        (None, None, None) => (None, "none"),
    };
    let place = site.position(slant_m, azimuth_rad, height_m);
    // A height that is not sure and cannot be is none.
    let unsure_wrong = place.is_none() && from == "i048_090_unvalidated";
    let (place, from) = match unsure_wrong {
        true => (site.position(slant_m, azimuth_rad, None), "none"),
        false => (place, from),
    };
    if let Some(place) = place {
        air.position = Some((place, item));
        air.slant_height_from = Some(from);
        if from == "none" {
            let spread_m = site.spread_m(slant_m);
            air.accuracy_m = Some(libm::hypot(air.accuracy_m.unwrap_or(0.0), spread_m));
        }
    }
}

/// Slant range in metres and azimuth in radians: measured, else of the tracker's plane around the
/// radar, in which the range is that of the plot.
fn polar(record: &Record<'_>) -> Option<(f64, f64, &'static str)> {
    if let Some(item) = record.item(3) {
        let slant_m = bits(item, 0, 16) as f64 / 256.0 * MILE_M;
        let azimuth_rad = (bits(item, 16, 16) as f64 * BEARING_DEG).to_radians();
        return Some((slant_m, azimuth_rad, "i048_040"));
    }
    let item = record.item(11)?;
    let (x, y) = (number(item, 0, 16) / 128.0, number(item, 16, 16) / 128.0);
    Some((
        (x * x + y * y).sqrt() * MILE_M,
        libm::atan2(x, y),
        "i048_042",
    ))
}

/// The track of a CAT021 record: I021/131 or 130, 145, 140, 160, 155, 157, 165, 170, 080, 070, 090,
/// 020, 040.
pub fn of_021(record: &Record<'_>, air: &mut Air) {
    let descriptor = record.item(1).unwrap_or_default();
    // Others than 24-bit ICAO addresses name no aircraft for good.
    air.icao_address = record.address().filter(|_| bits(descriptor, 0, 3) == 0);
    air.report = if part_flag(descriptor, 10) {
        Some("simulated")
    } else if part_flag(descriptor, 11) {
        Some("test")
    } else if part_flag(descriptor, 6) {
        Some("field-monitor")
    } else {
        None
    };
    air.on_ground = (descriptor.len() > 1).then(|| part_flag(descriptor, 9));
    if let Some(item) = record.item(6) {
        air.position = Some((place(item, 32, P30), "i021_131"));
    } else if let Some(item) = record.item(5) {
        air.position = Some((place(item, 24, P23), "i021_130"));
    }
    air.level_fl = record.item(20).map(|item| number(item, 0, 16) / 4.0);
    // The largest value stands for "greater than". Source: I021/140.
    air.height_m = record
        .item(15)
        .map(|item| number(item, 0, 16))
        .filter(|&height| height < 32_767.0)
        .map(|height| height * HEIGHT_M);
    if let Some(item) = record.item(25) {
        air.course_deg = Some(bits(item, 16, 16) as f64 * BEARING_DEG);
        air.speed_mps = ranged(Some(item)).map(|item| bits(item, 1, 15) as f64 * SPEED_MPS);
    }
    // The rate that the altitude of the track has, where both are sent.
    let (barometric, geometric) = (ranged(record.item(23)), ranged(record.item(24)));
    air.climb_mps = match air.level_fl {
        Some(_) => barometric.or(geometric),
        None => geometric.or(barometric),
    }
    .map(|item| number(item, 1, 15) * CLIMB_MPS);
    air.turn_rate_dps = record.item(26).map(|item| number(item, 6, 10) / 32.0);
    air.callsign = callsign(record.item(28), 0);
    air.mode_3a = record.item(18).map(|item| Chars::octal(bits(item, 4, 12)));
    air.platform_class = record.item(29).and_then(|item| emitter_021(item[0]));
    if let Some(item) = record.item(16)
        && item.len() > 1
    {
        air.accuracy_m = position_accuracy_m(bits(item, 8 + 3, 4));
    }
}

/// Radius of 95 % confidence by navigation accuracy category for position, metres. Source:
/// RTCA DO-260B, § 2.2.3.2.7.2.7, estimated position uncertainty.
fn position_accuracy_m(category: u64) -> Option<f64> {
    Some(match category {
        1 => 10.0 * MILE_M,
        2 => 4.0 * MILE_M,
        3 => 2.0 * MILE_M,
        4 => MILE_M,
        5 => 0.5 * MILE_M,
        6 => 0.3 * MILE_M,
        7 => 0.1 * MILE_M,
        8 => 0.05 * MILE_M,
        9 => 30.0,
        10 => 10.0,
        11 => 3.0,
        _ => return None,
    })
}

/// Emitter category in words. Source: I021/020.
fn emitter_021(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "light",
        2 => "small",
        3 => "medium",
        4 => "high-vortex",
        5 => "heavy",
        6 => "highly-manoeuvrable",
        10 => "rotorcraft",
        11 => "glider",
        12 => "lighter-than-air",
        13 => "unmanned",
        14 => "space",
        15 => "ultralight",
        16 => "parachutist",
        20 => "surface-emergency",
        21 => "surface-service",
        22 => "obstacle",
        23 => "cluster-obstacle",
        24 => "line-obstacle",
        _ => return None,
    })
}

/// Emitter category in words. Source: I062/380 #21, which has fewer, and no "small".
fn emitter_062(code: u8) -> Option<&'static str> {
    match code {
        2 | 4 | 23 | 24 => None,
        code => emitter_021(code),
    }
}
