#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Held(#[serde(deserialize_with = "super::read")] Value);

fn read(bytes: &[u8]) -> Value {
    let Held(value) = rmp_serde::from_slice(bytes).unwrap();
    value
}

#[test]
fn every_type_of_a_body_has_its_json() {
    // {"a": [nil, true, -1, 200, 1.5, "é"], "b": bin 00 ff}
    let bytes =
        b"\x82\xa1a\x96\xc0\xc3\xff\xcc\xc8\xcb\x3f\xf8\0\0\0\0\0\0\xa2\xc3\xa9\xa1b\xc4\x02\0\xff";
    let expected = json!({"a": [null, true, -1, 200, 1.5, "é"], "b": "00ff"});
    assert_eq!(read(bytes), expected);
}

#[test]
fn a_number_that_is_none_is_null() {
    let mut bytes = vec![0xcb];
    bytes.extend(f64::NAN.to_be_bytes());
    assert_eq!(read(&bytes), Value::Null);
}

#[test]
fn keys_keep_their_order() {
    let text = read(b"\x82\xa1z\x01\xa1a\x02").to_string();
    assert_eq!(text, r#"{"z":1,"a":2}"#);
}
