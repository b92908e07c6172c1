#![allow(clippy::unwrap_used)]

pub(crate) mod decoder;

use super::*;
use crate::report::Identity;
use decoder::{Decoded, decode};

const APPLIES_NS: u64 = 1_780_293_637 * 1_000_000_000; // 2026-06-01T06:00:37Z

fn identity(class: Class, mmsi: u32, position_message: u8) -> Identity {
    Identity {
        name: "a".to_owned(),
        class,
        ais: Some(AisIdentity {
            mmsi,
            position_message,
            name: "NORDIC TRADER 3".to_owned(),
            callsign: "X900003".to_owned(),
            destination: "GDANSK".to_owned(),
            aid_type: 29,
        }),
        aircraft: None,
    }
}

fn measured() -> Measured {
    Measured {
        position: Some(Position {
            lat_deg: 55.123_45,
            lon_deg: -13.543_21,
        }),
        speed_mps: Some(12.3 * MPS_PER_KNOT),
        course_deg: Some(275.4),
        heading_deg: Some(273.6),
        turn_rate_deg_s: Some(-0.5),
        altitude_m: Some(301.7),
        climb_mps: None,
    }
}

fn encode(identity: &Identity, content: Content, per_datagram: u8) -> Vec<Datagram> {
    let mut out = Vec::new();
    Ais::new(1, per_datagram).encode(
        &[Report {
            track: 0,
            identity,
            sent_ns: APPLIES_NS + 250_000_000,
            applies_ns: APPLIES_NS,
            content,
        }],
        &mut out,
        &mut Vec::new(),
    );
    out
}

fn text(datagrams: &[Datagram]) -> Vec<String> {
    datagrams
        .iter()
        .map(|datagram| String::from_utf8(datagram.bytes.clone()).unwrap())
        .collect()
}

/// Sentences of this encoder that pyais 3.3.1 read back, field by field, to the values above.
#[test]
fn sentences_are_those_that_a_reference_decoder_read_back() {
    let position = Content::Position(measured());
    let cases: [(Identity, Content, &[&str]); 10] = [
        (
            identity(Class::Cargo, 219_900_003, 1),
            position,
            &["!AIVDM,1,1,,A,13Ae`HhqQsw20@lORcUbh`U:00S:,0*0D\r\n"],
        ),
        (
            identity(Class::Cargo, 219_900_003, 2),
            position,
            &["!AIVDM,1,1,,A,23Ae`HhqQsw20@lORcUbh`U:00S:,0*0E\r\n"],
        ),
        (
            identity(Class::Anchored, 219_900_003, 3),
            position,
            &["!AIVDM,1,1,,A,33Ae`HiqQsw20@lORcUbh`U:0001,0*66\r\n"],
        ),
        (
            identity(Class::BaseStation, 2_659_001, 4),
            position,
            &["!AIVDM,1,1,,A,402RBfAvaPV0Uw20@lORcUW000S:,0*2F\r\n"],
        ),
        (
            identity(Class::Cargo, 219_900_003, 1),
            Content::Identity,
            &[
                "!AIVDM,2,1,0,A,53Ae`Hp00001SW3333<pu8@T>1A84@E:3<000016@@N>>40HtEQi0CTjh000,0*24\r\n",
                "!AIVDM,2,2,0,A,00000000000,2*24\r\n",
            ],
        ),
        (
            identity(Class::SarAircraft, 111_265_901, 9),
            position,
            &["!AIVDM,1,1,,A,91b78KA;P<w20@lORcUbha@200S:,0*1C\r\n"],
        ),
        (
            identity(Class::SarAircraft, 111_265_901, 9),
            Content::Identity,
            &["!AIVDM,1,1,,A,H1b78K@pu8@T>1A84@E:3<00000,2*50\r\n"],
        ),
        (
            identity(Class::Pleasure, 265_900_101, 18),
            position,
            &["!AIVDM,1,1,,A,B3uU@A@0NwhP4=7pbqJd;wjUkP06,0*3A\r\n"],
        ),
        (
            identity(Class::Aid, 992_659_001, 21),
            position,
            &["!AIVDM,1,1,,A,E>jc6>NW7a24Qh:90R2a@IP0000OQ08J?iEjh20@@@jP00,4*76\r\n"],
        ),
        (
            identity(Class::Pleasure, 265_900_101, 18),
            Content::Identity,
            &[
                "!AIVDM,1,1,,A,H3uU@A@pu8@T>1A84@E:3<00000,2*55\r\n",
                "!AIVDM,1,1,,B,H3uU@ADUC9=0000Hqhhhhk105224,0*7B\r\n",
            ],
        ),
    ];
    for (identity, content, expected) in cases {
        assert_eq!(text(&encode(&identity, content, 1)), expected);
    }
}

fn decoded(identity: &Identity, content: Content) -> Vec<Decoded> {
    let datagrams = encode(identity, content, 1);
    decode(datagrams.iter().map(|datagram| datagram.bytes.as_slice()))
}

#[test]
fn every_message_has_the_length_of_its_table() {
    let position = Content::Position(measured());
    let lengths = |class, message, content| {
        decoded(&identity(class, 219_900_003, message), content)
            .iter()
            .map(|message| (message.name(), message.len()))
            .collect::<Vec<_>>()
    };
    let one = |name: &str, bits: usize| vec![(name.to_owned(), bits)];
    assert_eq!(lengths(Class::Cargo, 1, position), one("1", 168));
    assert_eq!(lengths(Class::Cargo, 2, position), one("2", 168));
    assert_eq!(lengths(Class::Anchored, 3, position), one("3", 168));
    assert_eq!(lengths(Class::BaseStation, 4, position), one("4", 168));
    assert_eq!(lengths(Class::Cargo, 1, Content::Identity), one("5", 424));
    assert_eq!(lengths(Class::SarAircraft, 9, position), one("9", 168));
    assert_eq!(lengths(Class::Pleasure, 18, position), one("18", 168));
    assert_eq!(lengths(Class::Aid, 21, position), one("21", 272));
    assert_eq!(
        lengths(Class::Pleasure, 18, Content::Identity),
        [one("24A", 160), one("24B", 168)].concat()
    );
    assert_eq!(lengths(Class::Aid, 21, Content::Identity), []);
}

#[test]
fn static_and_voyage_fields_stand_where_table_52_says() {
    let message = &decoded(&identity(Class::Cargo, 219_900_003, 1), Content::Identity)[0];
    assert_eq!(message.mmsi(), 219_900_003);
    assert_eq!(message.unsigned(40, 30), 0);
    assert_eq!(message.text(70, 7), "X900003");
    assert_eq!(message.text(112, 20), "NORDIC TRADER 3");
    assert_eq!(message.unsigned(232, 8), 70);
    assert_eq!(message.unsigned(240, 9), 130);
    assert_eq!(message.unsigned(294, 8), 86);
    assert_eq!(message.text(302, 20), "GDANSK");
}

#[test]
fn values_not_available_become_the_sentinels() {
    let nothing = Measured {
        position: None,
        speed_mps: None,
        course_deg: None,
        heading_deg: None,
        turn_rate_deg_s: None,
        altitude_m: None,
        climb_mps: None,
    };
    for (class, message) in [
        (Class::Cargo, 1),
        (Class::SarAircraft, 9),
        (Class::Pleasure, 18),
    ] {
        let message = &decoded(
            &identity(class, 219_900_003, message),
            Content::Position(nothing),
        )[0];
        assert_eq!(message.position(), None);
        assert_eq!(message.speed_kt(), None);
        assert_eq!(message.course_deg(), None);
        match message.kind() {
            1 => {
                assert_eq!(message.signed(42, 8), -128);
                assert_eq!(message.unsigned(128, 9), 511);
            }
            9 => assert_eq!(message.unsigned(38, 12), 4_095),
            other => assert_eq!((other, message.unsigned(124, 9)), (18, 511)),
        }
    }
}

#[test]
fn values_out_of_range_reach_the_wire_as_they_are() {
    let mut wrong = measured();
    wrong.position = Some(Position {
        lat_deg: 105.0,
        lon_deg: 215.0,
    });
    wrong.course_deg = Some(405.0);
    wrong.speed_mps = Some(500.0);
    let message = &decoded(
        &identity(Class::Cargo, 219_900_003, 1),
        Content::Position(wrong),
    )[0];
    assert_eq!(message.position(), Some((105.0, 215.0)));
    assert_eq!(message.course_deg(), Some(405.0));
    assert_eq!(message.speed_kt(), Some(102.2));
}

#[test]
fn directions_round_to_north_and_not_to_not_available() {
    let mut north = measured();
    north.course_deg = Some(359.97);
    north.heading_deg = Some(359.7);
    let message = &decoded(
        &identity(Class::Cargo, 219_900_003, 1),
        Content::Position(north),
    )[0];
    assert_eq!(message.course_deg(), Some(0.0));
    assert_eq!(message.unsigned(128, 9), 0);
}

#[test]
fn sentences_share_a_datagram_only_when_asked_to() {
    let cargo = identity(Class::Cargo, 219_900_003, 1);
    let apart = encode(&cargo, Content::Identity, 1);
    let together = encode(&cargo, Content::Identity, 2);
    assert_eq!((apart.len(), together.len()), (2, 1));
    assert_eq!(text(&apart).concat(), text(&together).concat());
    assert_eq!(apart[0].messages, ["5"]);
    assert!(apart[1].messages.is_empty());
    let yacht = identity(Class::Pleasure, 265_900_101, 18);
    assert_eq!(
        encode(&yacht, Content::Identity, 9)[0].messages,
        ["24A", "24B"]
    );
}

#[test]
fn stations_alternate_between_channels() {
    let cargo = identity(Class::Cargo, 219_900_003, 1);
    let report = Report {
        track: 0,
        identity: &cargo,
        sent_ns: APPLIES_NS,
        applies_ns: APPLIES_NS,
        content: Content::Position(measured()),
    };
    let (mut ais, mut out) = (Ais::new(1, 1), Vec::new());
    ais.encode(&[report, report], &mut out, &mut Vec::new());
    let channels: Vec<String> = text(&out)
        .iter()
        .map(|line| line.split(',').nth(4).unwrap().to_owned())
        .collect();
    assert_eq!(channels, ["A", "B"]);
}
