#![allow(clippy::unwrap_used)]

use super::*;

fn written(text: &str) -> Result<Trace, TraceError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.json");
    std::fs::write(&path, text).unwrap();
    read(&path)
}

fn cause(result: Result<Trace, TraceError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_trace_reads_back_as_it_was_written() {
    let trace = Trace {
        version: TRACE_VERSION,
        name: "harbour".to_owned(),
        plugins: vec![PluginTrace {
            name: "ais".to_owned(),
            call_fuel: 6_000.5,
            classes: vec![ClassCost {
                class: "track.sea".to_owned(),
                messages: 7,
                fuel: 5_000.0,
            }],
            ..PluginTrace::default()
        }],
        seconds: vec![Second::default()],
        ..Trace::default()
    };
    let text = serde_json::to_string(&trace).unwrap();
    assert_eq!(written(&text), Ok(trace.clone()));
    let classes = ["track.sea".to_owned(), "track.new".to_owned()];
    assert_eq!(
        trace.plugins[0].costs(&classes),
        [6_000.5, 0.0, 5_000.0, 0.0]
    );
    // Cut anywhere it is none, and is not taken for one.
    for end in 0..text.len() {
        assert!(written(&text[..end]).is_err(), "{end}");
    }
}

#[test]
fn what_is_no_trace_says_why() {
    assert!(cause(written("")).contains("no resource trace"));
    assert!(cause(written("{\"version\":\"one\"}")).contains("no resource trace"));
    assert!(cause(written("{\"version\":2}")).contains("version 2"));
    assert!(cause(read(Path::new("/nowhere/trace.json"))).contains("No such file"));
}
