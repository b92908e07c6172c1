#![allow(clippy::unwrap_used)]

use super::*;
use crate::format::Format;
use crate::geodesy::Site;
use crate::platform::Class;
use crate::report::{AircraftIdentity, Content, Identity, Measured, Position, Report};

/// 2026-06-01T06:00:37.5Z.
const APPLIES_NS: u64 = 1_780_293_637_500_000_000;
const SOURCE: Source = Source { sac: 25, sic: 10 };

fn identity(track_number: u16) -> Identity {
    Identity {
        name: "AIRWAY 3".to_owned(),
        class: Class::Airliner,
        ais: None,
        aircraft: Some(AircraftIdentity {
            icao: 0x3C_660C,
            callsign: "DLH65A".to_owned(),
            squawk: 0o1000,
            track_number,
        }),
    }
}

fn measured() -> Measured {
    Measured {
        position: Some(Position {
            lat_deg: 55.25,
            lon_deg: -13.5,
        }),
        speed_mps: Some(200.0),
        course_deg: Some(270.0),
        heading_deg: Some(270.0),
        turn_rate_deg_s: Some(-1.0),
        altitude_m: Some(33_000.0 * M_PER_FT),
        climb_mps: Some(-1_000.0 * M_PER_FT / 60.0),
    }
}

fn encode(format: &mut dyn Format, contents: &[Content]) -> (Vec<Datagram>, Vec<Placed>) {
    let identity = identity(3_563);
    let reports: Vec<Report<'_>> = contents
        .iter()
        .map(|content| Report {
            track: 0,
            identity: &identity,
            sent_ns: APPLIES_NS + 100_000_000,
            applies_ns: APPLIES_NS,
            content: *content,
        })
        .collect();
    let (mut out, mut placed) = (Vec::new(), Vec::new());
    format.encode(&reports, &mut out, &mut placed);
    (out, placed)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_system_track_has_its_items_where_the_profile_says() {
    let (out, placed) = encode(
        &mut Cat062::new(SOURCE, 10),
        &[Content::Position(measured())],
    );
    assert_eq!(placed, [Some([0, 0])]);
    // Category, length, specification; then by item.
    let expected = concat!(
        "3e0031",
        "9b7db4",
        "190a",   // I062/010
        "2a42c0", // I062/070: 21,637.5 s
        "009d27d2",
        "ffd9999a", // I062/105
        "fce00000", // I062/185: -200 m/s, 0 m/s
        "0200",     // I062/060
        "00",
        "10c236d41820", // I062/245
        "810102",
        "3c660c03", // I062/380
        "0deb",     // I062/040
        "00",       // I062/080
        "b8",       // I062/200: left, undetermined, descending
        "0528",     // I062/136: 330
        "14a0",     // I062/130: 33,000 ft
        "ff60",     // I062/220: -1,000 ft/min
    );
    assert_eq!(hex(&out[0].bytes), expected);
    assert_eq!(out[0].messages, ["062"]);
}

#[test]
fn a_radar_report_has_its_items_where_the_profile_says() {
    let site = Site {
        position: Position {
            lat_deg: 55.25,
            lon_deg: -13.6,
        },
        altitude_m: 0.0,
    };
    let level = Measured {
        altitude_m: Some(0.0),
        ..measured()
    };
    let (out, _) = encode(
        &mut Cat048::new(SOURCE, site, 10),
        &[Content::Position(level)],
    );
    let bytes = hex(&out[0].bytes);
    assert!(bytes.starts_with("300026fdd702190a2a42c0a0"), "{bytes}");
    // A tenth of a degree of longitude there is 6,364 m: 3.44 NM, to the east and a little north.
    let range = u16::from_str_radix(&bytes[24..28], 16).unwrap();
    assert!(
        (f64::from(range) / 256.0 - 6_364.0 / M_PER_NM).abs() < 0.01,
        "{range}"
    );
    let azimuth = u16::from_str_radix(&bytes[28..32], 16).unwrap();
    assert!(
        (f64::from(azimuth) * 360.0 / 65_536.0 - 89.96).abs() < 0.01,
        "{azimuth}"
    );
    // I048/070, 090, 220, 240, 161; 200: 1,769 steps of 2^-14 NM/s, west; 170, 230.
    assert_eq!(
        &bytes[32..],
        concat!(
            "0200",
            "0000",
            "3c660c",
            "10c236d41820",
            "0deb",
            "06e9",
            "c000",
            "44",
            "20e0"
        )
    );
}

#[test]
fn what_is_not_available_is_left_out() {
    let nothing = Measured {
        position: None,
        speed_mps: None,
        course_deg: None,
        heading_deg: None,
        turn_rate_deg_s: None,
        altitude_m: None,
        climb_mps: None,
    };
    let (out, _) = encode(&mut Cat062::new(SOURCE, 10), &[Content::Position(nothing)]);
    // No I062/105, 185, 136, 130 and 220; movement undetermined.
    assert_eq!(
        hex(&out[0].bytes),
        concat!(
            "3e001f",
            "917d80",
            "190a",
            "2a42c0",
            "0200",
            "0010c236d41820",
            "8101023c660c03",
            "0deb",
            "00",
            "fc"
        )
    );
}

#[test]
fn datagrams_hold_so_many_records_and_never_more_bytes_than_a_frame() {
    let contents = [Content::Position(measured()); 70];
    let (out, placed) = encode(&mut Cat062::new(SOURCE, 60), &contents);
    assert_eq!(out.len(), 3);
    assert_eq!(
        out.iter().map(|one| one.messages.len()).collect::<Vec<_>>(),
        [30, 30, 10]
    );
    for datagram in &out {
        assert!(datagram.bytes.len() <= DATAGRAM_BYTES_MAX);
        let length = u16::from_be_bytes([datagram.bytes[1], datagram.bytes[2]]);
        assert_eq!(usize::from(length), datagram.bytes.len());
    }
    assert_eq!(
        (placed[0], placed[30], placed[69]),
        (Some([0, 0]), Some([1, 1]), Some([2, 2]))
    );
    let (out, _) = encode(&mut Cat062::new(SOURCE, 7), &contents);
    assert_eq!(out.len(), 10);
}

#[test]
fn reports_of_identity_and_targets_out_of_range_give_no_record() {
    let site = Site {
        position: Position {
            lat_deg: 40.0,
            lon_deg: -13.5,
        },
        altitude_m: 0.0,
    };
    let contents = [Content::Identity, Content::Position(measured())];
    let (out, placed) = encode(&mut Cat048::new(SOURCE, site, 10), &contents);
    assert_eq!((out.len(), placed), (0, vec![None, None]));
}

#[test]
fn the_day_wraps_and_values_stay_within_their_bits() {
    assert_eq!(time_of_day(DAY_NS - 1_000_000), [0, 0, 0]);
    assert_eq!(time_of_day(DAY_NS - 100_000_000), [0xA8, 0xBF, 0xF3]);
    assert_eq!(time_of_day(APPLIES_NS), [0x2A, 0x42, 0xC0]);
    assert_eq!(signed(1e9, 14), 8_191);
    assert_eq!(signed(-1e10, 32), i32::MIN);
    assert_eq!(six_bit("AB 12"), [0x04, 0x28, 0x31, 0xCA, 0x08, 0x20]);
}
