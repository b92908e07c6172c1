//! Bodies keep to the schemas: known keys, in the schema's order, of its types and in its ranges.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{CAPTURED_NS, CAPTURES, Made, datagrams, host, recordings, value};
use dis_decoder::DisDecoder;
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
    let described = DisDecoder::describe();
    let schemas = schemas(&described);
    let mut frames: Vec<Vec<u8>> = (0..=5)
        .flat_map(|domain| (0..=9).map(move |kind| [kind, domain, 1]))
        .map(|kind| {
            Made {
                kind,
                parameters: kind[1] * 13,
                ..Made::default()
            }
            .bytes()
        })
        .collect();
    // Every part of a type as long as it gets, and parameters of dead reckoning.
    let mut longest = Made::default().bytes();
    longest[20..36].fill(0xff);
    longest[20] = 1;
    longest[21] = 2;
    longest[89..104].fill(0xff);
    frames.push(longest);
    if let Some(folder) = recordings() {
        for name in CAPTURES {
            let recorded = datagrams(&folder.join(format!("{name}.pcap")));
            frames.extend(recorded.into_iter().map(|(_, frame)| frame));
        }
    }
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| (CAPTURED_NS, &frame[..]))
        .collect();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for frames in frames.chunks(256) {
        for message in &host().decode(CAPTURED_NS, frames).messages {
            let broken = broken(&schemas[message.class], &value(message), message.class);
            assert_eq!(broken, None);
            *counts.entry(message.class).or_default() += 1;
        }
    }
    println!("{counts:?}");
    assert_eq!(counts.len(), schemas.len(), "every class was seen");
}

#[test]
fn the_track_is_the_canonical_one_with_what_dis_adds() {
    let (ours, canonical) = (parse(dis_decoder::TRACK_SCHEMA), parse(TRACK_SCHEMA));
    let mut properties = ours["properties"].as_object().unwrap().clone();
    assert!(properties.remove("dis").is_some());
    assert_eq!(&Value::Object(properties), &canonical["properties"]);
    for key in canonical["required"].as_array().unwrap() {
        assert!(ours["required"].as_array().unwrap().contains(key));
    }
}

#[test]
fn every_quantity_names_its_unit() {
    let mut quantities = 0;
    for schema in schemas(&DisDecoder::describe()).values() {
        assert_documented(schema, &mut quantities);
    }
    assert!(quantities > 20);
}
