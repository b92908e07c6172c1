#![allow(clippy::unwrap_used)]

use super::*;
use crate::format::Format;
use crate::report::{Identity, Position};

const SENT_NS: u64 = 1_780_293_637_500_000_000;

fn identity(icao: u32, callsign: &str, squawk: u16) -> Identity {
    Identity {
        name: "a".to_owned(),
        class: Class::Airliner,
        ais: None,
        aircraft: Some(AircraftIdentity {
            icao,
            callsign: callsign.to_owned(),
            squawk,
            track_number: 1,
        }),
    }
}

fn encode(format: &mut AdsB, identity: &Identity, contents: &[Content]) -> Vec<Datagram> {
    let reports: Vec<Report<'_>> = contents
        .iter()
        .map(|content| Report {
            track: 0,
            identity,
            sent_ns: SENT_NS,
            applies_ns: SENT_NS,
            content: *content,
        })
        .collect();
    let (mut out, mut placed) = (Vec::new(), Vec::new());
    format.encode(&reports, &mut out, &mut placed);
    assert_eq!(placed.len(), contents.len());
    out
}

fn text(datagrams: &[Datagram]) -> Vec<&str> {
    datagrams
        .iter()
        .map(|datagram| std::str::from_utf8(&datagram.bytes).unwrap())
        .collect()
}

fn measured() -> Measured {
    Measured {
        position: Some(Position {
            lat_deg: 52.257_202_148_437_5,
            lon_deg: 3.919_372_558_593_75,
        }),
        speed_mps: Some(159.0 * MPS_PER_KNOT),
        course_deg: Some(182.88),
        heading_deg: None,
        turn_rate_deg_s: None,
        altitude_m: Some(38_000.0 * M_PER_FT),
        climb_mps: Some(-832.0 * M_PER_FT / 60.0),
    }
}

/// Frames of the worked examples of "The 1090 Megahertz Riddle" (J. Sun, second edition): the
/// fields that it names are those encoded here.
#[test]
fn fields_are_those_of_published_worked_examples() {
    // § 5.2: 40621D, 38,000 ft, the even frame 93000/51372.
    let (lat, lon) = cpr::encode(measured().position.unwrap(), false);
    assert_eq!((lat, lon), (93_000, 51_372));
    assert_eq!(altitude_code(38_000.0 * M_PER_FT), 0b1100_0011_1000);
    // § 4.1: 4840D6 says KLM1023: 8D4840D6 202CC371C32CE0 576098.
    let klm = identity(0x48_40D6, "KLM1023", 0o1000);
    let mut message = Message::default();
    message.put(4, 5);
    message.put(0, 3);
    for byte in six_bit("KLM1023") {
        message.put(u64::from(byte), 8);
    }
    let frame = frame::squitter(0x48_40D6, message);
    let hex: String = frame.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(hex, "8D4840D6202CC371C32CE0576098");
    let out = encode(
        &mut AdsB::new(1, Encoding::Avr, 2),
        &klm,
        &[Content::Identity],
    );
    assert!(
        text(&out)[0].starts_with("*8D4840D6232CC371C32CE0"),
        "{:?}",
        text(&out)
    );
}

#[test]
fn positions_alternate_and_velocities_follow_them() {
    let identity = identity(0x40_621D, "TEST", 0o1000);
    let contents = [Content::Position(measured()); 2];
    let out = encode(&mut AdsB::new(1, Encoding::Avr, 1), &identity, &contents);
    let lines = text(&out);
    assert_eq!(lines.len(), 4);
    assert!(
        lines
            .iter()
            .all(|line| line.len() == 31 && line.ends_with(";\n"))
    );
    // The parity bit of the position is bit 54 of the frame.
    let parity = |line: &str| u8::from_str_radix(&line[14..15], 16).unwrap() >> 2 & 1;
    assert_eq!((parity(lines[0]), parity(lines[2])), (0, 1));
    assert_eq!(lines[1], lines[3]);
    let together = encode(&mut AdsB::new(1, Encoding::Avr, 2), &identity, &contents);
    assert_eq!(text(&together), [lines[..2].concat(), lines[2..].concat()]);
}

#[test]
fn what_is_not_available_has_its_sentinel() {
    let nothing = Measured {
        position: None,
        speed_mps: None,
        altitude_m: None,
        climb_mps: None,
        ..measured()
    };
    let identity = identity(0x40_621D, "TEST", 0o1000);
    let out = encode(
        &mut AdsB::new(1, Encoding::Avr, 1),
        &identity,
        &[Content::Position(nothing)],
    );
    assert_eq!(&text(&out)[0][9..23], "00000000000000");
    // Type 19, subtype 1; no velocity, no climb; height by satellite as by barometer.
    assert_eq!(&text(&out)[1][9..23], "99100000100001");
}

#[test]
fn codes_of_mode_a_and_heights_are_encoded_by_their_bits() {
    assert_eq!(identity_code(0o7777), 0b1_1111_1011_1111);
    assert_eq!(identity_code(0o4000), 1 << 7);
    assert_eq!(altitude_code(-1_000.0 * M_PER_FT), 0x10);
    assert_eq!(altitude_code(-1_100.0 * M_PER_FT), 0);
    assert_eq!(altitude_code(60_000.0 * M_PER_FT), 0);
}

#[test]
fn beast_doubles_its_mark_wherever_it_is_none() {
    let mut out = Vec::new();
    // 12 MHz ticks since 1970: the clock's low byte is 0x1A at 26 ticks.
    Encoding::Beast.wrap(&[0x1A; FRAME_BYTES], 2_167, &mut out);
    assert_eq!(&out[..2], &[0x1A, b'3']);
    assert_eq!(&out[2..7], &[0; 5]);
    assert_eq!(&out[7..10], &[0x1A, 0x1A, 0x80]);
    assert_eq!(out[10..], [0x1A; 2 * FRAME_BYTES]);
}
