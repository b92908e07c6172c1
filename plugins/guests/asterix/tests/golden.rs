//! Golden cases: `golden/*.hex`, one datagram a line, and what becomes of it in `golden/*.json`.
//!
//! `BLESS=1` writes what is there now; look at the difference before committing it.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{CAPTURED_NS, Datagram, decode_with, read, sites_json, unhex, value};
use serde_json::{Value, json};

#[test]
fn golden_cases_become_what_they_became() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).expect("golden cases are here") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "hex") {
            continue;
        }
        cases += 1;
        let text = String::from_utf8(read(&path)).unwrap();
        let given: Vec<Datagram> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| (CAPTURED_NS, unhex(line)))
            .collect();
        let outcome = decode_with(&sites_json(), &given, 256);
        let got = json!({
            "messages": outcome.messages.iter().map(|message| json!({
                "frames": message.sources,
                "class": message.class,
                "key": message.key,
                "event_ns": message.event_ns,
                "body": value(message),
            })).collect::<Vec<Value>>(),
            "rejects": outcome.rejects.iter().map(|reject| json!({
                "frame": reject.sequence, "cause": reject.cause, "detail": reject.detail,
            })).collect::<Vec<Value>>(),
            "skips": outcome.skips.iter().map(|(frame, kind)| json!({
                "frame": frame, "kind": kind,
            })).collect::<Vec<Value>>(),
        });
        let golden = path.with_extension("json");
        if std::env::var_os("BLESS").is_some() {
            let text = serde_json::to_string_pretty(&got).unwrap() + "\n";
            std::fs::write(&golden, text).unwrap();
        }
        let expected: Value = serde_json::from_slice(&read(&golden)).expect("golden JSON");
        let name = path.display();
        for part in ["messages", "rejects", "skips"] {
            let (got, expected) = (got[part].as_array(), expected[part].as_array());
            let (got, expected) = (got.unwrap(), expected.unwrap());
            for (got, expected) in got.iter().zip(expected) {
                assert_eq!(got, expected, "{name}: {part}");
            }
            assert_eq!(got.len(), expected.len(), "{name}: {part}");
        }
    }
    assert!(cases >= 5, "{cases} cases");
}
