//! Bodies keep to the schemas: known keys, in the schema's order, of its types and in its ranges.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use adsb_decoder::SCHEMAS;
use adsb_decoder::state::STATE_BYTES_MAX;
use common::{Host, borrowed, long_flight, los_angeles, recordings, value};
use outrigger_sdk::State;
use serde_json::Value;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

/// What the value breaks of the few words of JSON Schema that the schemas use.
fn broken(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let wrong = |rule: &str| Some(format!("{at}: {value} breaks {rule}"));
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
                let text = value.as_str().unwrap();
                match want.as_str().unwrap() {
                    "^[0-7]{4}$" => text.bytes().all(|byte| matches!(byte, b'0'..=b'7')),
                    "^[0-9a-f]{6}$" => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    other => panic!("unknown pattern {other}"),
                }
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
fn bodies_keep_to_their_schema_and_states_to_their_bound() {
    let Some(folder) = recordings() else { return };
    let schemas: BTreeMap<&str, Value> = SCHEMAS
        .iter()
        .map(|(class, schema)| (*class, parse(schema)))
        .collect();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for frames in [long_flight(&folder), los_angeles(&folder)] {
        let mut host = Host::toulouse();
        for message in host.run(borrowed(&frames), 256).messages {
            let broken = broken(&schemas[message.class], &value(&message), message.class);
            assert_eq!(broken, None, "{:?}", message.sources);
            *seen.entry(message.class).or_default() += 1;
        }
        let mut sizes: Vec<usize> = Vec::new();
        for (_, kept) in host.kept() {
            let mut bytes = Vec::new();
            kept.unwrap().encode(&mut bytes);
            sizes.push(bytes.len());
        }
        sizes.sort_unstable();
        let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
        let most = *sizes.last().unwrap();
        println!(
            "{} states, {mean:.0} bytes on average, {most} at most",
            sizes.len()
        );
        assert!(most <= STATE_BYTES_MAX);
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), schemas.len(), "every class was seen");
}

/// What is merged is never older than its bound, and says its age.
#[test]
fn merged_values_say_their_age_and_keep_their_bound() {
    let Some(folder) = recordings() else { return };
    let frames = long_flight(&folder);
    let outcome = Host::toulouse().run(borrowed(&frames), 256);
    for message in outcome.messages {
        if message.class != "track.air" {
            continue;
        }
        let body = value(&message);
        let extras = &body["mode_s"];
        let on_ground = extras["on_ground"] == true;
        for (fields, age, bound_ms) in [
            (["speed_mps", "climb_mps"], "velocity_age_ms", 5_000),
            (["callsign", "callsign"], "identification_age_ms", 300_000),
            (["accuracy_m", "accuracy_m"], "status_age_ms", 30_000),
        ] {
            let merged = fields.iter().any(|field| !body[*field].is_null());
            if merged && !(on_ground && age == "velocity_age_ms") {
                let age_ms = extras[age].as_u64().expect("its age is there");
                assert!(age_ms <= bound_ms, "{age} {age_ms}");
            }
        }
        if let Some(age_ms) = extras["squawk_age_ms"].as_u64() {
            assert!(age_ms <= 60_000);
        }
    }
}

#[test]
fn the_track_is_the_canonical_one_with_what_mode_s_adds() {
    let (ours, canonical) = (parse(SCHEMAS[0].1), parse(outrigger_sdk::TRACK_SCHEMA));
    let mut properties = ours["properties"].as_object().unwrap().clone();
    assert!(properties.remove("mode_s").is_some());
    assert_eq!(&Value::Object(properties), &canonical["properties"]);
    for key in canonical["required"].as_array().unwrap() {
        assert!(ours["required"].as_array().unwrap().contains(key));
    }
}

#[test]
fn every_quantity_names_its_unit() {
    for (class, schema) in SCHEMAS {
        let schema = parse(schema);
        let inner = &schema["properties"]["mode_s"]["properties"];
        for properties in [&schema["properties"], inner] {
            for (name, property) in properties.as_object().into_iter().flatten() {
                let suffix = ["_m", "_deg", "_mps", "_dps", "_ns", "_ms", "_hpa"]
                    .iter()
                    .any(|unit| name.ends_with(unit));
                assert_eq!(suffix, property.get("x-unit").is_some(), "{class} {name}");
                assert!(property.get("description").is_some(), "{class} {name}");
            }
        }
    }
}
