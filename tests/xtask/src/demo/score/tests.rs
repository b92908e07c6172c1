use super::*;

fn fault(id: &str, rule: &str, key: &str, sent_s: u64) -> Fault {
    Fault {
        id: id.into(),
        rule: rule.into(),
        also: vec![],
        key: key.into(),
        sent_ns: sent_s * 1_000_000_000,
        last_ns: sent_s * 1_000_000_000,
    }
}

fn found(rule: &str, key: &str, captured_s: u64) -> Found {
    Found {
        rule: rule.into(),
        key: key.into(),
        captured_ns: captured_s * 1_000_000_000,
        score: 1.0,
        detail: vec![],
    }
}

#[test]
fn a_fault_is_found_only_by_its_rule_on_its_track_soon_after_it() {
    let faults = [
        fault("a", "teleport", "1", 100),
        fault("b", "speed", "2", 100),
        fault("c", "speed", "3", 100),
    ];
    let anomalies = [
        found("teleport", "1", 101),
        found("teleport", "2", 101), // wrong rule: missed, and explained
        found("speed", "3", 200),    // too late: missed, and unexplained
        found("speed", "4", 100),    // another track
    ];
    let score = compare(&faults, &anomalies);
    assert_eq!(score.by_rule["teleport"], (1, 1));
    assert_eq!(score.by_rule["speed"], (2, 0));
    assert_eq!(score.missed.len(), 2);
    assert_eq!(score.extra, [anomalies[2].clone(), anomalies[3].clone()]);
}

#[test]
fn a_rule_that_is_as_right_finds_a_fault_too() {
    let mut turned = fault("a", "velocity-mismatch", "1", 100);
    turned.also = vec!["turn-rate".into()];
    let score = compare(&[turned], &[found("turn-rate", "1", 101)]);
    assert_eq!(score.by_rule["velocity-mismatch"], (1, 1));
    assert!(score.extra.is_empty());
}

#[test]
fn a_fault_that_lasts_explains_what_is_said_while_it_lasts() {
    let mut dropped = fault("a", "silent", "1", 100);
    dropped.last_ns = 140_000_000_000;
    let score = compare(&[dropped], &[found("silent", "1", 125)]);
    assert_eq!(score.by_rule["silent"], (1, 1));
    assert!(score.extra.is_empty());
}

#[test]
fn truth_and_records_are_read_as_they_are_written() {
    let truth = r#"{"report":1,"sent_ns":5,"mmsi":2190067,"fault":null}
{"report":2,"sent_ns":7,"key":"002190067","fault":{"id":"fault-1","kind":"x","rule":"speed","also":["teleport"]}}
{"report":3,"sent_ns":9,"key":"002190067","fault":{"id":"fault-1","kind":"x","rule":"speed","also":["teleport"]}}"#;
    assert_eq!(
        faults(truth),
        [Fault {
            id: "fault-1".into(),
            rule: "speed".into(),
            also: vec!["teleport".into()],
            key: "002190067".into(),
            sent_ns: 7,
            last_ns: 9
        }]
    );
    let line = r#"{"key":"k","captured_ns":3,"anomalies":[
        {"rule":"speed","score":0.9,"detail":{"speed_mps":51.25}}]}"#;
    let read = anomalies(line);
    assert_eq!(
        read[0].detail,
        [("speed_mps".to_owned(), "51.2".to_owned())]
    );
    assert_eq!((read[0].rule.as_str(), read[0].captured_ns), ("speed", 3));
}
