//! The schemas are what the tables say, and bodies keep to them: known keys, in the schema's
//! order, of its types and in its ranges.
//!
//! `BLESS=1` writes the schemas of the source classes anew from the tables.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use asterix_decoder::category::{CATEGORIES, Category};
use asterix_decoder::table::{Field, Fields, Item, Kind, Shape};
use asterix_decoder::{AsterixDecoder, TRACK_SCHEMA};
use common::{
    CAPTURED_NS, RECORDINGS, datagrams, decode_with, recordings, sites_json, unhex, value,
};
use outrigger_sdk::Decoder;
use serde_json::{Map, Value, json};

/// What the host takes.
const SCHEMA_BYTES_MAX: usize = 65_536;

fn unit(key: &str) -> Option<&'static str> {
    const UNITS: [(&str, &str); 23] = [
        ("_deg", "deg"),
        ("_dps", "deg/s"),
        ("_s", "s"),
        ("_ms", "ms"),
        ("_m", "m"),
        ("_mps", "m/s"),
        ("_mps2", "m/s2"),
        ("_nmi", "NM"),
        ("_ft", "ft"),
        ("_fpm", "ft/min"),
        ("_fl", "100 ft"),
        ("_kt", "kt"),
        ("mach", "Mach"),
        ("_mach", "Mach"),
        ("_degc", "degC"),
        ("_hpa", "hPa"),
        ("_dbm", "dBm"),
        ("_mhz", "MHz"),
        ("_percent", "%"),
        ("_db", "dB"),
        ("_m2", "m2"),
        ("_dbm2", "dBm2"),
        ("_ns", "ns"),
    ];
    UNITS
        .iter()
        .find(|(suffix, _)| key.ends_with(suffix))
        .map(|(_, unit)| *unit)
}

fn of_field(field: &Field, into: &mut Map<String, Value>) {
    let mut add = |key: &str, mut schema: Value| {
        if !field.about.is_empty() {
            schema["description"] = field.about.into();
        }
        assert!(into.insert(key.into(), schema).is_none(), "{key} twice");
    };
    let number = |key: &str, least: f64, most: f64| {
        let unit = unit(key).unwrap_or_else(|| panic!("{key} has no unit"));
        json!({ "type": "number", "minimum": least, "maximum": most, "x-unit": unit })
    };
    let most = |bits: usize| (1u64 << bits) as f64 - 1.0;
    match field.kind {
        Kind::Spare => {}
        Kind::Code => add(
            field.key.text,
            json!({ "type": "integer", "minimum": 0, "maximum": (1u64 << field.bits) - 1 }),
        ),
        Kind::Unsigned(times, per) => {
            let key = field.key.text;
            add(key, number(key, 0.0, most(field.bits) * times / per));
        }
        Kind::Signed(times, per) => {
            let half = (1u64 << (field.bits - 1)) as f64;
            let (key, least) = (field.key.text, -half * times / per);
            add(key, number(key, least, (half - 1.0) * times / per));
        }
        Kind::Octal => add(
            field.key.text,
            json!({ "type": "string", "pattern": "^[0-7]{4}$" }),
        ),
        Kind::Address => add(
            field.key.text,
            json!({ "type": "string", "pattern": "^[0-9a-f]{6}$" }),
        ),
        Kind::Icao => add(field.key.text, json!({ "type": "string", "maxLength": 8 })),
        Kind::Ascii => add(
            field.key.text,
            json!({ "type": "string", "maxLength": field.bits / 8 }),
        ),
        Kind::Bytes => add(field.key.text, json!({ "x-type": "bytes" })),
        Kind::Airspeed => {
            let mut airspeed = number("ias_kt", 0.0, most(15) * 3_600.0 / 16_384.0);
            airspeed["description"] = "Indicated airspeed".into();
            into.insert("ias_kt".into(), airspeed);
            let mut mach = number("mach", 0.0, most(15) / 1_000.0);
            mach["description"] = "Mach number".into();
            into.insert("mach".into(), mach);
        }
    }
}

fn of_fields<'a>(all: impl IntoIterator<Item = &'a Fields>) -> Value {
    let mut properties = Map::new();
    for fields in all {
        for field in fields.all {
            of_field(field, &mut properties);
        }
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn of_item(item: &Item, into: &mut Map<String, Value>, is_part: bool) {
    let mut schema = match &item.shape {
        Shape::Fixed(fields) if is_part && fields.written == 1 => {
            for field in fields.all {
                of_field(field, into);
            }
            return;
        }
        Shape::Fixed(fields) => of_fields([fields]),
        Shape::Extended(parts) => of_fields(*parts),
        Shape::Repeated(fields) | Shape::Chained(fields) => {
            json!({ "type": "array", "items": of_fields([fields]) })
        }
        Shape::Compound(parts) => {
            let mut properties = Map::new();
            for part in parts.all.iter().flatten() {
                of_item(part, &mut properties, true);
            }
            json!({ "type": "object", "properties": properties, "additionalProperties": false })
        }
        Shape::Explicit => json!({ "x-type": "bytes" }),
    };
    schema["description"] = item.title.into();
    assert!(
        into.insert(item.key.text.into(), schema).is_none(),
        "{}",
        item.key.text
    );
}

fn of_category(category: &Category) -> String {
    let mut properties = Map::new();
    let canonical: Value = serde_json::from_str(TRACK_SCHEMA).unwrap();
    for key in ["time_ns", "time_source"] {
        properties.insert(key.into(), canonical["properties"][key].clone());
    }
    for item in category.items.iter().flatten() {
        of_item(item, &mut properties, false);
    }
    let required: Vec<&str> = category
        .required
        .iter()
        .map(|&number| category.items[number].unwrap().key.text)
        .collect();
    let number = category.number;
    let mut text = format!(
        "{{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"ASTERIX CAT{number:03}\",\n  \"description\": \"Every item of a record: i{number:03}_010 is I{number:03}/010. An item that says more than the editions known here, and all items of a record that would not fit a body, are bytes instead. Numbers without a unit are as sent; their values are those of the item in EUROCONTROL-SPEC-0149.\",\n  \"type\": \"object\",\n  \"properties\": {{\n"
    );
    let lines: Vec<String> = properties
        .iter()
        .map(|(key, schema)| format!("    {}: {schema}", Value::from(key.as_str())))
        .collect();
    text += &lines.join(",\n");
    text += &format!(
        "\n  }},\n  \"required\": {},\n  \"additionalProperties\": false\n}}\n",
        json!([&["time_ns", "time_source"], required.as_slice()].concat())
    );
    text
}

#[test]
fn schemas_are_what_the_tables_say() {
    let described = AsterixDecoder::describe();
    for category in CATEGORIES {
        let text = of_category(category);
        assert!(
            text.len() <= SCHEMA_BYTES_MAX,
            "{}: {}",
            category.class,
            text.len()
        );
        let name = format!("schemas/cat{:03}.schema.json", category.number);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert!(
            std::fs::read_to_string(&path).unwrap() == text,
            "{name} is of other tables"
        );
        let place = described
            .classes
            .iter()
            .position(|class| *class == category.class);
        if std::env::var_os("BLESS").is_none() {
            assert!(described.schemas[place.unwrap()] == text, "{name}");
        }
        println!("{}: {} bytes", category.class, text.len());
    }
}

/// What the value breaks of the few words of JSON Schema that the schemas use.
fn broken(schema: &Value, value: &Value, at: &str) -> Option<String> {
    let wrong = |rule: &str| Some(format!("{at}: {value} breaks {rule} of {schema}"));
    for (rule, want) in schema.as_object().unwrap() {
        let holds = match rule.as_str() {
            "type" => match want.as_str().unwrap() {
                "object" => value.is_object() && value.get("bytes").is_none(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_u64(),
                "number" => value.is_f64(),
                other => panic!("unknown type {other}"),
            },
            "x-type" => want == "bytes" && value["bytes"].is_string(),
            "items" => {
                let all = value.as_array().unwrap().iter();
                if let Some(broken) = all.filter_map(|value| broken(want, value, at)).next() {
                    return Some(broken);
                }
                true
            }
            "minimum" => value.as_f64().unwrap() >= want.as_f64().unwrap(),
            "maximum" => value.as_f64().unwrap() <= want.as_f64().unwrap(),
            "minLength" => value.as_str().unwrap().len() as u64 >= want.as_u64().unwrap(),
            "maxLength" => value.as_str().unwrap().len() as u64 <= want.as_u64().unwrap(),
            "pattern" => {
                let text = value.as_str().unwrap();
                match want.as_str().unwrap() {
                    "^[0-7]{4}$" => {
                        text.len() == 4 && text.bytes().all(|byte| (b'0'..b'8').contains(&byte))
                    }
                    "^[0-9a-f]{6}$" => {
                        text.len() == 6
                            && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
                    }
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
fn bodies_keep_to_their_schema() {
    let described = AsterixDecoder::describe();
    let schemas: BTreeMap<&str, Value> = described
        .classes
        .iter()
        .zip(&described.schemas)
        .map(|(class, schema)| (*class, serde_json::from_str(schema).unwrap()))
        .collect();
    let Some(folder) = recordings() else { return };
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for file in RECORDINGS {
        let outcome = decode_with(&sites_json(), &datagrams(&folder.join(file)), 256);
        for message in &outcome.messages {
            let broken = broken(&schemas[message.class], &value(message), message.class);
            assert_eq!(broken, None, "{file} {:?}", message.sources);
            *counts.entry(message.class).or_default() += 1;
        }
    }
    println!("{counts:?}");
    assert_eq!(counts.len(), schemas.len(), "every class was seen");

    // Any value of any item, also positions beyond the globe: random bytes in the golden records.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (mut messages, mut beyond) = (0, 0);
    for category in CATEGORIES {
        let text = std::fs::read_to_string(golden.join(format!("cat{:03}.hex", category.number)));
        for line in text.unwrap().lines().filter(|line| !line.starts_with('#')) {
            let given: Vec<_> = (0..400)
                .map(|_| {
                    let mut bytes = unhex(line);
                    for _ in 0..4 {
                        let at = 3 + random(bytes.len() - 3);
                        bytes[at] = random(256) as u8;
                    }
                    (CAPTURED_NS, bytes)
                })
                .collect();
            for message in decode_with(&sites_json(), &given, 256).messages {
                let body = value(&message);
                // Bytes instead of items are what the schema says in words only.
                if message.class != "track.air" {
                    continue;
                }
                let broken = broken(&schemas[message.class], &body, message.class);
                assert_eq!(broken, None);
                messages += 1;
                beyond += u32::from(body["lat_deg"].as_f64().is_some_and(|lat| lat.abs() > 90.0));
            }
        }
    }
    println!("{messages} tracks of changed records, {beyond} beyond the poles");
    assert!(beyond > 0);
}

#[test]
fn the_track_is_the_canonical_one_with_what_asterix_adds() {
    let ours: Value = serde_json::from_str(TRACK_SCHEMA).unwrap();
    let canonical: Value = serde_json::from_str(outrigger_sdk::TRACK_SCHEMA).unwrap();
    let mut properties = ours["properties"].as_object().unwrap().clone();
    assert!(properties.remove("asterix").is_some());
    assert_eq!(&Value::Object(properties), &canonical["properties"]);
    for key in canonical["required"].as_array().unwrap() {
        assert!(ours["required"].as_array().unwrap().contains(key));
    }
}

#[test]
fn keys_are_one_of_a_kind_and_every_quantity_names_its_unit() {
    let mut keys = BTreeSet::new();
    for category in CATEGORIES {
        for item in category.items.iter().flatten() {
            assert!(keys.insert(item.key.text), "{}", item.key.text);
            let prefix = format!("i{:03}_", category.number);
            assert!(item.key.text.starts_with(&prefix), "{}", item.key.text);
        }
        // Fails on a field twice in an item, and on a quantity without a unit.
        of_category(category);
    }
    let track: Value = serde_json::from_str(TRACK_SCHEMA).unwrap();
    for properties in [&track, &track["properties"]["asterix"]] {
        for (name, property) in properties["properties"].as_object().unwrap() {
            assert_eq!(
                unit(name).is_some(),
                property.get("x-unit").is_some(),
                "{name}"
            );
            assert!(property.get("description").is_some(), "{name}");
        }
    }
}
