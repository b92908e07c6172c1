//! Golden cases: `golden/*.avr`, one frame a line, a second apart, and what becomes of it in
//! `golden/*.json`.
//!
//! `BLESS=1` writes what is there now; look at the difference before committing it.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{CAPTURED_NS, Host, lines, value};
use serde_json::{Value, json};

#[test]
fn golden_cases_become_what_they_became() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).expect("golden cases are here") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "avr") {
            continue;
        }
        cases += 1;
        let lines = lines(&path);
        let times = (CAPTURED_NS..).step_by(1_000_000_000);
        let frames = times.zip(lines.iter().map(String::as_bytes));
        let outcome = Host::toulouse().run(frames, 256);
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
        let text = std::fs::read(&golden).expect("the golden file is here");
        let expected: Value = serde_json::from_slice(&text).expect("golden JSON");
        assert_eq!(got, expected, "{}", path.display());
    }
    assert_eq!(cases, 3);
}
