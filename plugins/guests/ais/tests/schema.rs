//! Bodies keep to the schemas: known keys, in the schema's order, of its types and in its ranges.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use ais_decoder::{AID_SCHEMA, AisDecoder, BASE_SCHEMA, STATIC_SCHEMA, TRACK_SCHEMA};
use common::{decode_all, file_lines, read, recordings, sentence, value};
use outrigger_sdk::Decoder;
use serde_json::Value;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

/// What the value breaks of the few words of JSON Schema that the schemas use.
fn broken(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let wrong = |rule: &str| Some(format!("{at}: {value} breaks {rule} of {schema}"));
    for (rule, want) in schema.as_object().unwrap() {
        let holds = match rule.as_str() {
            "type" => match want.as_str().unwrap() {
                "object" => value.is_object(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                "number" => value.is_number(),
                other => panic!("unknown type {other}"),
            },
            "minimum" => value.as_f64().unwrap() >= want.as_f64().unwrap(),
            "maximum" => value.as_f64().unwrap() <= want.as_f64().unwrap(),
            "minLength" => value.as_str().unwrap().len() as u64 >= want.as_u64().unwrap(),
            "maxLength" => value.as_str().unwrap().len() as u64 <= want.as_u64().unwrap(),
            "pattern" => {
                assert_eq!(want, "^[0-9]{9,10}$");
                let text = value.as_str().unwrap();
                matches!(text.len(), 9 | 10) && text.bytes().all(|byte| byte.is_ascii_digit())
            }
            "enum" => want.as_array().unwrap().contains(value),
            "const" => want == value,
            "required" => want
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                let known = want.as_object().unwrap();
                let mut last = 0;
                for (key, value) in value.as_object().unwrap() {
                    let Some(place) = known.keys().position(|one| one == key) else {
                        return wrong(&format!("properties (no {key})"));
                    };
                    if place < last {
                        return wrong(&format!("order (at {key})"));
                    }
                    last = place;
                    if let Some(broken) = broken(&known[key], value, &format!("{at}.{key}")) {
                        return Some(broken);
                    }
                }
                true
            }
            "additionalProperties" => want == false,
            "$schema" | "title" | "description" | "x-unit" | "x-source" => true,
            unknown => panic!("the schema has a word {unknown}"),
        };
        if !holds {
            return wrong(rule);
        }
    }
    None
}

#[test]
fn bodies_keep_to_their_schema() {
    let described = AisDecoder::describe();
    let schemas: BTreeMap<&str, Value> = described
        .classes
        .iter()
        .zip(&described.schemas)
        .map(|(class, schema)| (*class, parse(schema)))
        .collect();
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/types.nmea")];
    if let Some(folder) = recordings() {
        files.extend(
            [
                "dma_ais-sample.txt.gz",
                "dma_538004030_drift_1.ais",
                "gpsd_ais-nmea.log",
                "signalk_nais300-merrimac.log",
            ]
            .map(|file| folder.join(file)),
        );
    }
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for path in files {
        let bytes = read(&path);
        let (outcome, _) = decode_all(file_lines(&bytes), 256);
        for message in &outcome.messages {
            let broken = broken(&schemas[message.class], &value(message), message.class);
            assert_eq!(broken, None, "{} {:?}", path.display(), message.sources);
            *counts.entry(message.class).or_default() += 1;
        }
    }
    println!("{counts:?}");
    assert_eq!(counts.len(), schemas.len(), "every class was seen");
}

/// Payloads of every type with random bits: also positions, courses and headings beyond what they
/// can be keep to the schema.
#[test]
fn bodies_of_random_values_keep_to_their_schema() {
    let described = AisDecoder::describe();
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let schemas: BTreeMap<&str, Value> = described
        .classes
        .iter()
        .zip(&described.schemas)
        .map(|(class, schema)| (*class, parse(schema)))
        .collect();
    // Characters of each type.
    let types = [
        (1, 28),
        (3, 28),
        (4, 28),
        (9, 28),
        (11, 28),
        (18, 28),
        (19, 52),
        (21, 46),
        (24, 28),
    ];
    let mut beyond = BTreeMap::new();
    for (message_type, characters) in types.repeat(300).into_iter().chain([(27, 16); 300]) {
        let payload: String = (0..characters)
            .map(|place| {
                let bits = if place == 0 {
                    message_type
                } else {
                    random() as u8 % 64
                };
                char::from(if bits < 40 { bits + 48 } else { bits + 56 })
            })
            .collect();
        let line = sentence(&format!("AIVDM,1,1,,A,{payload},0"));
        let (outcome, _) = decode_all([line.as_bytes()], 1);
        for message in &outcome.messages {
            let body = value(message);
            let broken = broken(&schemas[message.class], &body, message.class);
            assert_eq!(broken, None, "{line}");
            for (key, most) in [("lat_deg", 90.0), ("lon_deg", 180.0), ("course_deg", 360.0)] {
                if body[key].as_f64().is_some_and(|value| value.abs() > most) {
                    *beyond.entry(key).or_insert(0) += 1;
                }
            }
        }
    }
    println!("beyond what they can be: {beyond:?}");
    assert_eq!(beyond.len(), 3);
}

#[test]
fn the_track_is_the_canonical_one_with_what_ais_adds() {
    let (ours, canonical) = (parse(TRACK_SCHEMA), parse(outrigger_sdk::TRACK_SCHEMA));
    let mut properties = ours["properties"].as_object().unwrap().clone();
    assert!(properties.remove("ais").is_some());
    assert_eq!(&Value::Object(properties), &canonical["properties"]);
    for key in canonical["required"].as_array().unwrap() {
        assert!(ours["required"].as_array().unwrap().contains(key));
    }
}

#[test]
fn every_quantity_names_its_unit() {
    for schema in [TRACK_SCHEMA, STATIC_SCHEMA, BASE_SCHEMA, AID_SCHEMA] {
        for (name, property) in parse(schema)["properties"].as_object().unwrap() {
            let suffix = ["_m", "_deg", "_mps", "_dps", "_ns"]
                .iter()
                .any(|unit| name.ends_with(unit));
            assert_eq!(suffix, property.get("x-unit").is_some(), "{name}");
            assert!(property.get("description").is_some(), "{name}");
        }
    }
}
