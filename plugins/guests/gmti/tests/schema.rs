//! Bodies keep to the schemas: known keys, in the schema's order, of its types and in its ranges.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{
    CAPTURED_NS, SAMPLES, dwell, dwell_bit, host, location, mission_of, packet, read, recordings,
    target_bit, value,
};
use gmti_decoder::{DETECTION, GmtiDecoder, PLATFORM, TRACK_AIR, TRACK_GROUND};
use outrigger_sdk::{Decoder, Description, TRACK_SCHEMA};
use serde_json::Value;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

/// What the value breaks of the few words of JSON Schema that the schemas use.
fn broken(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let wrong = |rule: &str| Some(format!("{at}: {value} breaks {rule} of {schema}"));
    let length = || match value {
        Value::String(text) => text.len() as u64,
        Value::Array(values) => values.len() as u64,
        _ => panic!("{at} has no length"),
    };
    for (rule, want) in schema.as_object().unwrap() {
        let holds = match rule.as_str() {
            "type" => match want.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64() || value.is_i64(),
                "number" => value.is_number(),
                other => panic!("unknown type {other}"),
            },
            "minimum" => value.as_f64().unwrap() >= want.as_f64().unwrap(),
            "maximum" => value.as_f64().unwrap() <= want.as_f64().unwrap(),
            "minLength" | "minItems" => length() >= want.as_u64().unwrap(),
            "maxLength" | "maxItems" => length() <= want.as_u64().unwrap(),
            "items" => {
                let values = value.as_array().unwrap().iter();
                let mut faults = values.filter_map(|value| broken(want, value, at));
                if let Some(fault) = faults.next() {
                    return Some(fault);
                }
                true
            }
            "enum" => want.as_array().unwrap().contains(value),
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

/// Every property has a description, and every quantity its unit, in the name and beside it.
fn assert_documented(schema: &Value, quantities: &mut u32) {
    const UNITS: [&str; 11] = [
        "_m", "_deg", "_mps", "_dps", "_ns", "_mps2", "_rps", "_rad", "_db", "_bytes", "_percent",
    ];
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(property.get("description").is_some(), "{name}");
        let suffix = UNITS.iter().any(|unit| name.ends_with(unit));
        assert_eq!(suffix, property.get("x-unit").is_some(), "{name}");
        *quantities += u32::from(suffix);
        if property["type"] == "object" {
            assert_documented(property, quantities);
        }
    }
}

fn schemas(described: &Description) -> BTreeMap<&str, Value> {
    let pairs = described.classes.iter().zip(&described.schemas);
    pairs
        .map(|(class, schema)| (*class, parse(schema)))
        .collect()
}

#[test]
fn bodies_keep_to_their_schema() {
    let described = GmtiDecoder::describe();
    let schemas = schemas(&described);
    // Every field of a dwell, and every one of a target; and what the recordings have.
    let every_field = !(0xffff | target_bit(4) | target_bit(5));
    let mut full = every_field.to_be_bytes().to_vec();
    full.extend((0..78).map(|at| u8::from(at == 4 || at == 6)));
    full.extend(0..32);
    let mask = target_bit(4) | target_bit(5) | dwell_bit(10) | dwell_bit(11);
    let long = vec![1; 1_501];
    let mut frames = vec![packet(
        2,
        b"XN",
        0,
        &[(2, full), (2, dwell(mask, 5, &[vec![0; 4]])), (3, long)],
    )];
    for platform_type in [10, 15] {
        let segments = [(1, mission_of(platform_type)), (13, location(7))];
        frames.push(packet(2, b"XN", 0, &segments));
    }
    if let Some(folder) = recordings() {
        frames.extend(SAMPLES.map(|name| read(&folder.join(format!("{name}.gmti")))));
    }
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| (CAPTURED_NS, &frame[..]))
        .collect();
    let outcome = host().decode(CAPTURED_NS, &frames);
    assert_eq!(outcome.rejects, []);
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for message in &outcome.messages {
        let body = value(message);
        let broken = broken(&schemas[message.class], &body, message.class);
        assert_eq!(broken, None);
        assert!(message.body.len() <= 4_096, "{}", message.class);
        *counts.entry(message.class).or_default() += 1;
    }
    println!("{counts:?}");
    if frames.len() > 3 {
        assert_eq!(counts.len(), schemas.len(), "every class was seen");
    }
}

#[test]
fn detections_and_platforms_have_the_canonical_form_with_what_gmti_adds() {
    let described = GmtiDecoder::describe();
    let canonical = parse(TRACK_SCHEMA);
    for class in [DETECTION, TRACK_AIR, TRACK_GROUND, PLATFORM] {
        let ours = &schemas(&described)[class];
        let mut properties = ours["properties"].as_object().unwrap().clone();
        assert!(properties.remove("gmti").is_some());
        assert_eq!(&Value::Object(properties), &canonical["properties"]);
        for key in canonical["required"].as_array().unwrap() {
            assert!(ours["required"].as_array().unwrap().contains(key));
        }
    }
}

#[test]
fn every_quantity_names_its_unit() {
    let mut quantities = 0;
    for schema in schemas(&GmtiDecoder::describe()).values() {
        assert_documented(schema, &mut quantities);
    }
    assert!(quantities > 20);
}
