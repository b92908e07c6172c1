//! Properties of bodies and evidence.
#![allow(clippy::unwrap_used)]

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Voyage {
    destination: Option<String>,
    draught_m: f32,
    eta: Eta,
    stops: Vec<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Eta {
    month: Option<u8>,
    day: u64,
}

fn encoded(body: &impl Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    body.encode(&mut bytes);
    bytes
}

#[test]
fn absent_values_have_no_key_and_floats_are_float64() {
    let voyage = Voyage {
        destination: None,
        draught_m: 2.5,
        eta: Eta {
            month: None,
            day: 200,
        },
        stops: (0..20).collect(),
    };
    let bytes = encoded(&voyage);
    let mut expected = vec![0x83, 0xa9];
    expected.extend_from_slice(
        b"draught_m\xcb\x40\x04\0\0\0\0\0\0\xa3eta\x81\xa3day\xcc\xc8\xa5stops\xdc\0\x14",
    );
    expected.extend(0..20);
    assert_eq!(bytes, expected);
    assert_eq!(Voyage::decode("static", &bytes).unwrap(), voyage);
}

#[test]
fn integers_take_their_shortest_form() {
    let edges = [
        0,
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        4_294_967_295,
        4_294_967_296,
        u64::MAX,
    ];
    for value in edges {
        let mut bytes = Vec::new();
        msgpack::write_unsigned(&mut bytes, value);
        let mut expected = Vec::new();
        rmp_serde::encode::write(&mut expected, &value).unwrap();
        assert_eq!(bytes, expected, "{value}");
        assert_eq!(Reader::new(&bytes).unsigned(), Ok(value));
    }
    for value in [
        -1,
        -32,
        -33,
        -128,
        -129,
        -32_768,
        -32_769,
        -2_147_483_649,
        i64::MIN,
        5,
    ] {
        let mut bytes = Vec::new();
        msgpack::write_signed(&mut bytes, value);
        let mut expected = Vec::new();
        rmp_serde::encode::write(&mut expected, &value).unwrap();
        assert_eq!(bytes, expected, "{value}");
        assert_eq!(Reader::new(&bytes).number(), Ok(value as f64));
    }
}

#[test]
fn strings_of_every_head_are_written_and_read() {
    for len in [0, 31, 32, 255, 256, 65_535, 65_536] {
        let text = "x".repeat(len);
        let mut bytes = Vec::new();
        msgpack::write_str(&mut bytes, &text);
        let mut expected = Vec::new();
        rmp_serde::encode::write(&mut expected, &text).unwrap();
        assert_eq!(bytes, expected, "{len}");
        assert_eq!(Reader::new(&bytes).str(), Ok(text.as_str()));
    }
}

#[test]
fn evidence_of_any_length_is_a_map() {
    for pairs in [0, 1, 15, 16, 40] {
        let mut bytes = vec![0x55];
        Map::write(&mut bytes, |map| {
            for index in 0..pairs {
                map.number("distance_m", f64::from(index));
                map.number("nothing", f64::NAN);
            }
        });
        let mut reader = Reader::new(&bytes[1..]);
        assert_eq!(reader.map(), Ok(pairs as usize));
        for index in 0..pairs {
            assert_eq!(reader.str(), Ok("distance_m"));
            assert_eq!(reader.number(), Ok(f64::from(index)));
        }
        assert!(reader.rest().is_empty());
    }
}

#[test]
fn fields_can_be_read_removed_and_replaced() {
    let body = serde_json::json!({
        "name": "EXAMPLE", "lat_deg": 52.5, "count": -3, "own": true, "deep": {"a": [1, 2]},
    });
    let bytes = rmp_serde::to_vec(&body).unwrap();
    let fields = Fields::decode("any", &bytes).unwrap();
    assert_eq!(encoded(&fields), bytes);
    assert_eq!(fields.text("name"), Some("EXAMPLE"));
    assert_eq!(fields.number("lat_deg"), Some(52.5));
    assert_eq!(fields.number("count"), Some(-3.0));
    assert_eq!(fields.integer("count"), Some(-3));
    assert_eq!(fields.flag("own"), Some(true));
    assert_eq!(fields.text("lat_deg"), None);
    assert_eq!(fields.number("absent"), None);
    assert!(fields.has("deep") && !fields.has("dee") && !fields.has("a"));
    let redacted = fields.without(&["name", "absent", "own"]);
    assert_eq!(
        redacted.names().collect::<Vec<_>>(),
        ["lat_deg", "count", "deep"]
    );
    let coarse = redacted
        .with_number("lat_deg", 52.0)
        .with_number("absent", 1.0);
    let read: serde_json::Value = rmp_serde::from_slice(&encoded(&coarse)).unwrap();
    assert_eq!(
        read,
        serde_json::json!({"lat_deg": 52.0, "count": -3, "deep": {"a": [1, 2]}})
    );
    // What was rewritten knows its own pairs, as if it had been read.
    assert_eq!(Fields::decode("any", &encoded(&coarse)).unwrap(), coarse);
}

#[test]
fn what_is_no_map_of_names_is_refused() {
    for bytes in [
        &b"\x81\x01\x01"[..],
        b"\x90",
        b"\x81\xa1a",
        b"\x80\x80",
        b"\x81\xa1\xff\x01",
        b"\x81\xa1a\xa2x",
        b"\x81\xa1a\xcb\x40",
        b"",
    ] {
        assert!(Fields::decode("any", bytes).is_err(), "{bytes:?}");
    }
    // 40 nested arrays of one.
    let mut deep = b"\x81\xa1a".to_vec();
    deep.extend([0x91; 40]);
    deep.push(0xc0);
    assert_eq!(
        Fields::decode("any", &deep).unwrap_err().to_string(),
        "nested too deep"
    );
}

#[test]
fn a_map_written_by_hand_is_the_body_that_serde_writes() {
    #[derive(Serialize, Deserialize)]
    struct Inner {
        deep: bool,
    }
    #[derive(Serialize, Deserialize)]
    struct Whole {
        number: f64,
        absent: Option<f64>,
        numbers: [f64; 3],
        below: i64,
        small: u8,
        none: Option<u8>,
        large: u64,
        text: String,
        inner: Inner,
    }
    let whole = Whole {
        number: 1.5,
        absent: None,
        numbers: [0.0, -1.0, 2.5],
        below: -300,
        small: 200,
        none: None,
        large: u64::MAX,
        text: "kurz".into(),
        inner: Inner { deep: true },
    };
    let (mut expected, mut got) = (Vec::new(), Vec::new());
    whole.encode(&mut expected);
    Map::write(&mut got, |map| {
        map.number("number", whole.number)
            .number("absent", whole.absent)
            .number("not_finite", f64::NAN)
            .numbers("numbers", &whole.numbers)
            .numbers("not_finite", &[0.0, f64::INFINITY])
            .integer("below", whole.below)
            .unsigned("small", whole.small)
            .optional("none", whole.none)
            .unsigned("large", whole.large)
            .text("text", whole.text.as_str())
            .text("nothing", None)
            .map("inner", |map| {
                map.flag("deep", whole.inner.deep);
            });
    });
    assert_eq!(got, expected);
}
