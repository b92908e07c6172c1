#![allow(clippy::unwrap_used)]

use super::*;

fn cpr(odd: bool, surface: bool, lat: u32, lon: u32) -> Cpr {
    Cpr {
        odd,
        surface,
        lat,
        lon,
    }
}

fn close(got: Position, lat_deg: f64, lon_deg: f64) {
    let near = (got.lat_deg - lat_deg).abs() < 1e-4 && (got.lon_deg - lon_deg).abs() < 1e-4;
    assert!(near, "{got:?}, not {lat_deg} {lon_deg}");
}

#[test]
fn the_table_of_zones_is_its_formula() {
    for (zones, limit) in (3..=59).rev().zip(ZONE_LIMITS_DEG) {
        let turn = 2.0 * std::f64::consts::PI / f64::from(zones);
        let part = (1.0 - (std::f64::consts::PI / 30.0).cos()) / (1.0 - turn.cos());
        let computed = part.sqrt().acos().to_degrees();
        assert!((computed - limit).abs() < 1e-9, "{zones}");
        assert_eq!(longitude_zones(limit - 1e-9), zones);
        assert_eq!(longitude_zones(limit), zones - 1);
        assert_eq!(longitude_zones(-limit - 1e-9), zones - 1);
    }
    assert_eq!(longitude_zones(0.0), 59);
    assert_eq!(longitude_zones(90.0), 1);
}

/// The one limit that is a latitude of a frame: at it there are two zones, beyond it one.
#[test]
fn at_87_degrees_there_are_two_zones() {
    for lat_deg in [87.0, -87.0, 87.0 - 1e-9] {
        assert_eq!(longitude_zones(lat_deg), 2, "{lat_deg}");
    }
    for lat_deg in [87.0 + 1e-9, -87.0 - 1e-9] {
        assert_eq!(longitude_zones(lat_deg), 1, "{lat_deg}");
    }
    // 87° is step 65,536 of the even zone 14: the middle of it.
    let even = cpr(false, false, 65_536, 65_536);
    let near = Position {
        lat_deg: 87.0,
        lon_deg: 80.0,
    };
    close(local(even, near).unwrap(), 87.0, 90.0);
}

/// 8D40621D58C382D690C8AC2863A7 and 8D40621D58C386435CC412692AD6, the example of "The 1090
/// Megahertz Riddle", chapter 5.
#[test]
fn a_pair_in_the_air_gives_the_published_position() {
    let even = cpr(false, false, 93_000, 51_372);
    let odd = cpr(true, false, 74_158, 50_194);
    close(global(odd, even, None).unwrap().later, 52.257_20, 3.919_37);
    let near = Position {
        lat_deg: 52.258,
        lon_deg: 3.918,
    };
    close(local(even, near).unwrap(), 52.257_20, 3.919_37);
}

/// Encodes by the formula of the standard, § A.1.7.2.
fn encode(at: Position, odd: bool, surface: bool) -> Cpr {
    let circle = if surface { 90.0 } else { 360.0 };
    let zones = 60.0 - f64::from(u8::from(odd));
    let part = |value: f64, zone: f64| {
        let steps = (STEPS * modulo(value, zone) / zone + 0.5).floor();
        (zone, steps)
    };
    let (zone, lat) = part(at.lat_deg, circle / zones);
    let rounded = zone * (lat / STEPS + (at.lat_deg / zone).floor());
    let count = (f64::from(longitude_zones(rounded)) - f64::from(u8::from(odd))).max(1.0);
    let (_, lon) = part(at.lon_deg, circle / count);
    cpr(odd, surface, lat as u32 & 0x1_ffff, lon as u32 & 0x1_ffff)
}

#[test]
fn positions_all_over_the_world_come_back() {
    let mut tried = 0;
    for lat in (-89..=89).map(f64::from) {
        for lon in (-180..180).step_by(7).map(f64::from) {
            let at = Position {
                lat_deg: lat + 0.321,
                lon_deg: lon + 0.123,
            };
            for surface in [false, true] {
                let (even, odd) = (encode(at, false, surface), encode(at, true, surface));
                let near = Position {
                    lat_deg: at.lat_deg - 0.2,
                    lon_deg: at.lon_deg + 0.2,
                };
                for frame in [even, odd] {
                    let got = local(frame, near).unwrap();
                    assert!(got.distance_m(at) < 12.0, "{at:?} {got:?}");
                }
                if let Some(pair) = global(even, odd, Some(near)) {
                    tried += 1;
                    assert!(pair.later.distance_m(at) < 12.0, "{at:?} {pair:?}");
                    assert!(pair.earlier.distance_m(at) < 12.0, "{at:?} {pair:?}");
                }
            }
        }
    }
    assert!(tried > 18_000, "{tried}");
}
