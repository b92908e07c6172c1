#![allow(clippy::unwrap_used)]

use super::*;

/// Packs fields of (value, width) into six-bit characters, padded with zeros.
fn pack(fields: &[(i64, usize)]) -> Bits {
    let bits: Vec<u8> = fields
        .iter()
        .flat_map(|&(value, width)| {
            (0..width)
                .rev()
                .map(move |at| (value.checked_shr(at as u32).unwrap_or(0) & 1) as u8)
        })
        .collect();
    let fill = (6 - bits.len() % 6) % 6;
    let characters: Vec<u8> = bits
        .chunks(6)
        .map(|six| {
            let value = six.iter().fold(0, |sum, bit| sum << 1 | bit) << (6 - six.len());
            if value < 40 { value + 48 } else { value + 56 }
        })
        .collect();
    Bits::unpack(&characters, fill as u8).unwrap()
}

fn movement(bits: &Bits) -> Movement {
    match read(bits) {
        Ok(Report::Movement(movement)) => movement,
        other => panic!("{other:?}"),
    }
}

/// Type 1 with these turn, speed, longitude, latitude, course, heading and second.
fn class_a_with(values: [i64; 7]) -> Movement {
    let [turn, speed, lon, lat, course, heading, second] = values;
    movement(&pack(&[
        (1, 6),
        (0, 2),
        (211_000_000, 30),
        (15, 4),
        (turn, 8),
        (speed, 10),
        (0, 1),
        (lon, 28),
        (lat, 27),
        (course, 12),
        (heading, 9),
        (second, 6),
        (0, 2),
        (0, 3),
        (0, 1),
        (0, 19),
    ]))
}

#[test]
fn values_for_not_available_are_absent() {
    let values = [-128, 1_023, 108_600_000, 54_600_000, 3_600, 511, 60];
    let report = class_a_with(values);
    assert_eq!((report.status, report.turn), (None, None));
    assert_eq!(report.position, Position::default());
    assert_eq!((report.speed_mps, report.course_deg), (None, None));
    assert_eq!((report.heading_deg, report.manoeuvre), (None, None));
}

#[test]
fn values_beside_them_are_kept_even_out_of_range() {
    let report = class_a_with([-127, 1_022, 108_600_001, -54_600_000, 4_095, 510, 63]);
    assert_eq!(report.turn, Some(-127));
    assert_eq!(report.speed_mps, Some(1_022.0 * 1_852.0 / 36_000.0));
    assert_eq!(report.position.lon_deg, Some(108_600_001.0 / 600_000.0));
    assert_eq!(report.position.lat_deg, Some(-91.0));
    assert_eq!(report.course_deg, Some(409.5));
    assert_eq!((report.heading_deg, report.second), (Some(510), Some(63)));
}

#[test]
fn a_long_range_report_has_coarse_units_and_its_own_sentinels() {
    let long_range = |lon, lat, speed, course| {
        let fields = [
            (27, 6),
            (0, 2),
            (211_000_000, 30),
            (1, 1),
            (0, 1),
            (15, 4),
            (lon, 18),
            (lat, 17),
            (speed, 6),
            (course, 9),
            (1, 1),
            (0, 1),
        ];
        movement(&pack(&fields))
    };
    let none = long_range(108_600, 54_600, 63, 511);
    assert_eq!(none.position, Position::default());
    assert_eq!((none.speed_mps, none.course_deg), (None, None));
    assert_eq!(none.gnss_current, Some(false));
    let some = long_range(-108_000, -54_000, 62, 359);
    assert_eq!(some.position.lon_deg, Some(-180.0));
    assert_eq!(some.position.lat_deg, Some(-90.0));
    assert_eq!(some.course_deg, Some(359.0));
    assert!((some.speed_mps.unwrap() - 31.896).abs() < 0.001);
}

#[test]
fn an_aircraft_has_an_altitude_and_whole_knots() {
    let aircraft = |alt, speed, sensor| {
        let fields = [
            (9, 6),
            (0, 2),
            (111_000_000, 30),
            (alt, 12),
            (speed, 10),
            (0, 1),
            (0, 28),
            (0, 27),
            (0, 12),
            (0, 6),
            (sensor, 1),
            (0, 33),
        ];
        movement(&pack(&fields))
    };
    let none = aircraft(4_095, 1_023, 0);
    assert_eq!((none.alt_m, none.speed_mps), (None, None));
    let some = aircraft(4_094, 360, 1);
    assert_eq!((some.alt_m, some.alt_barometric), (Some(4_094), true));
    assert!((some.speed_mps.unwrap() - 185.2).abs() < 1e-9);
}

#[test]
fn static_data_without_values_is_empty_but_for_who_sent_it() {
    let fields = [
        (5, 6),
        (0, 2),
        (211_000_000, 30),
        (0, 236), // version, IMO number, call sign, name, type, dimensions, device: all zero
        (0, 4),
        (0, 5),
        (24, 5),
        (60, 6),
        (0, 8),
        (0, 122),
    ];
    let Ok(Report::Static(report)) = read(&pack(&fields)) else {
        panic!("a type 5 of 424 bits is read")
    };
    let expected = Static {
        message_type: 5,
        mmsi: 211_000_000,
        ais_version: Some(0),
        dte: Some(false),
        ..Static::default()
    };
    assert_eq!(report, expected);
}

#[test]
fn an_auxiliary_craft_names_a_ship_or_gives_dimensions() {
    let part_b = |mmsi, dimension| {
        let fields = [
            (24, 6),
            (0, 2),
            (mmsi, 30),
            (1, 2),
            (0, 92),
            (dimension, 30),
            (0, 6),
        ];
        match read(&pack(&fields)) {
            Ok(Report::Static(report)) => report,
            other => panic!("{other:?}"),
        }
    };
    let ship = 211_000_000;
    assert_eq!(part_b(982_110_000, ship).mothership_mmsi, Some(211_000_000));
    assert_eq!(part_b(982_110_000, ship).dimensions, None);
    assert_eq!(part_b(982_110_000, 6_303_809).mothership_mmsi, None);
    assert!(part_b(982_110_000, 6_303_809).dimensions.is_some());
    assert_eq!(part_b(211_000_000, ship).mothership_mmsi, None);
}

#[test]
fn every_type_has_its_length_and_no_other() {
    for message_type in 0..64 {
        let lengths: Vec<usize> = (1..=1_064)
            .filter(|&length| {
                let mut fields = vec![(message_type, 6.min(length))];
                fields.extend((6..length).map(|_| (0, 1)));
                read(&pack(&fields)).is_ok()
            })
            .collect();
        let range = |from: usize, to: usize| (from..=to).collect::<Vec<_>>();
        let expected = match message_type {
            1..=4 | 9 | 11 | 18 => range(168, 173),
            5 => range(424, 429),
            19 => range(312, 317),
            21 => range(272, 365),
            24 => range(160, 173),
            27 => [range(96, 101), range(168, 173)].concat(),
            0 | 28.. => vec![],
            _ => range(38, 1_064),
        };
        assert_eq!(lengths, expected, "type {message_type}");
    }
}
