#![allow(clippy::unwrap_used)]

use super::*;

fn me(digits: &str) -> Me {
    let value = u64::from_str_radix(&digits[8..22], 16).unwrap();
    let [_, bytes @ ..] = value.to_be_bytes();
    Me::new(bytes)
}

// The frames are those of "The 1090 Megahertz Riddle" with the values it prints.
#[test]
fn an_identification_is_read() {
    let got = Identification::read(me("8D4840D6202CC371C32CE0576098"));
    assert_eq!(got.callsign(), Some("KLM1023"));
    assert_eq!((got.set, got.category), ('A', 0));
}

#[test]
fn velocities_are_read() {
    let got = Velocity::read(me("8D485020994409940838175B284F")).unwrap();
    let (speed_kt, course_deg) = got.over_ground().unwrap();
    assert!((speed_kt - 159.20).abs() < 0.01);
    assert!((course_deg.unwrap() - 182.88).abs() < 0.01);
    assert_eq!(got.climb_fpm, Some(-832));
    let got = Velocity::read(me("8DA05F219B06B6AF189400CBC33F")).unwrap();
    assert_eq!(got.airspeed_kt, Some(375));
    assert!(got.airspeed_true);
    assert!((got.heading_deg.unwrap() - 243.98).abs() < 0.01);
    assert_eq!(got.climb_fpm, Some(-2_304));
    assert_eq!(got.over_ground_kt, None);
}

#[test]
fn supersonic_subtypes_count_in_fours_and_reserved_ones_are_none() {
    let subsonic = me("8D485020994409940838175B284F");
    let with_subtype = |subtype: u8| {
        let mut bytes = subsonic.bytes();
        bytes[0] = bytes[0] & 0xf8 | subtype;
        Velocity::read(Me::new(bytes))
    };
    let (east, north) = with_subtype(1).unwrap().over_ground_kt.unwrap();
    let four_times = with_subtype(2).unwrap().over_ground_kt;
    assert_eq!(four_times, Some((4 * east, 4 * north)));
    let airspeed = with_subtype(3).unwrap().airspeed_kt.unwrap();
    assert_eq!(with_subtype(4).unwrap().airspeed_kt, Some(4 * airspeed));
    for reserved in [0, 5, 6, 7] {
        assert_eq!(with_subtype(reserved), None);
    }
}

#[test]
fn the_scale_of_surface_speeds_has_no_gap() {
    let speeds: Vec<f64> = (1..=124).map(|code| movement(code).0.unwrap()).collect();
    assert!(speeds.is_sorted_by(|a, b| a < b));
    assert_eq!((speeds[0], speeds[123]), (0.0, 175.0));
    for nothing in [0, 125, 126, 127] {
        assert_eq!(movement(nothing), (None, false));
    }
}
