//! Golden cases: `golden/*.json`, messages and where each goes with what body.
//!
//! `BLESS=1` writes what is done now; look at the difference before committing it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use area_router::{AreaRouter, CLASSES};
use outrigger_sdk::testing::{Given, RouterHost, parameters};
use outrigger_sdk::{Body, Fields};
use serde_json::{Value, json};

/// The body as JSON.
fn value(class: &str, bytes: &[u8]) -> Value {
    let fields = Fields::decode(class, bytes).unwrap();
    let pairs = fields.names().map(|name| {
        let text = fields.text(name).map(Value::from);
        let integer = || fields.integer(name).map(Value::from);
        let number = || fields.number(name).map(Value::from);
        (
            name.to_owned(),
            text.or_else(integer).or_else(number).unwrap(),
        )
    });
    Value::Object(pairs.collect())
}

/// The body of the message: `parameters` writes any map as MessagePack.
fn given(message: &Value) -> Given {
    let class = message["class"].as_str().unwrap();
    let class = *CLASSES.iter().find(|known| **known == class).unwrap();
    let body: std::collections::BTreeMap<String, Field> =
        serde_json::from_value(message["body"].clone()).unwrap();
    Given::new(class, "mmsi:219000001", 0, &body)
}

/// A field of a flat body.
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(untagged)]
enum Field {
    Integer(i64),
    Number(f64),
    Text(String),
}

#[test]
fn golden_cases_are_routed_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        cases += 1;
        let mut case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let configuration = parameters(&case["parameters"]);
        let mut host = RouterHost::<AreaRouter>::new(configuration, "restricted").unwrap();
        let messages = case["messages"].as_array().unwrap();
        let given: Vec<Given> = messages.iter().map(given).collect();
        let found: Vec<Value> = given
            .iter()
            .zip(host.route(&given))
            .map(|(given, deliveries)| {
                let deliveries = deliveries.iter().map(|delivery| {
                    json!({
                        "route": delivery.route,
                        "rewritten": delivery.rewritten,
                        "body": value(given.class, &delivery.body),
                    })
                });
                deliveries.collect()
            })
            .collect();
        if std::env::var_os("BLESS").is_some() {
            let messages = case["messages"].as_array_mut().unwrap();
            for (message, found) in messages.iter_mut().zip(&found) {
                message["deliveries"] = found.clone();
            }
            let text = serde_json::to_string_pretty(&case).unwrap() + "\n";
            std::fs::write(&path, text).unwrap();
        }
        for (place, found) in found.iter().enumerate() {
            let expected = &case["messages"][place]["deliveries"];
            assert_eq!(found, expected, "{} message {place}", path.display());
        }
    }
    assert!(cases >= 2, "{cases} cases");
}
