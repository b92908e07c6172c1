//! Every AIS recording against what pyais 3.3.1 makes of it, field by field.
//!
//! Each record of the reference must be matched, in order, by one of ours from the same lines, and
//! the other way round. Quantities are compared within half a unit of what the reference prints;
//! what it prints for "not available" must be absent here. Differences are listed in README.md.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{CAPTURED_NS, Message, decode_all, file_lines, read, recordings, value};
use outrigger_sdk::testing::Reject;
use serde_json::Value;

const FILES: [(&str, &str); 5] = [
    ("dma_ais-sample.txt.gz", "dma_ais-sample.pyais.jsonl.gz"),
    (
        "dma_538004030_drift_1.ais",
        "dma_538004030_drift_1.pyais.jsonl.gz",
    ),
    (
        "dma_219165000_ssc_1.ais",
        "dma_219165000_ssc_1.pyais.jsonl.gz",
    ),
    ("gpsd_ais-nmea.log", "gpsd_ais-nmea.pyais.jsonl"),
    (
        "signalk_nais300-merrimac.log",
        "signalk_nais300-merrimac.pyais.jsonl",
    ),
];

/// Fields that differ, by kind and number: all that do. README.md explains each.
const DIFFERENCES: [(&str, u32); 1] = [("type 5 destination", 2)];

#[test]
fn every_reference_record_is_matched_field_by_field() {
    let Some(folder) = recordings() else { return };
    let mut differences = Vec::new();
    let mut all_fields = 0;
    for (sample, reference) in FILES {
        let bytes = read(&folder.join(sample));
        let lines = file_lines(&bytes);
        let (ours, mut host) = decode_all(lines.iter().copied(), 256);
        let reference = read(&folder.join(reference));
        let reference: Vec<Value> = file_lines(&reference)
            .into_iter()
            .map(|line| serde_json::from_slice(line).expect("the reference is JSON"))
            .collect();

        // One entry per record of ours: its last line, and the message unless only counted.
        let mut records: Vec<(u64, String, Option<&Message>)> = Vec::new();
        for message in &ours.messages {
            let body = value(message);
            let head = body.get("ais").unwrap_or(&body);
            let kind = format!("type-{}", head["message_type"]);
            records.push((
                line_of(*message.sources.last().unwrap()),
                kind,
                Some(message),
            ));
        }
        let counted = ours
            .skips
            .iter()
            .filter(|(_, kind)| kind.starts_with("type-"));
        records.extend(counted.map(|(frame, kind)| (line_of(*frame), (*kind).to_owned(), None)));
        records.sort_by_key(|(line, _, _)| *line);

        let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
        for (_, kind, _) in &records {
            counts.entry(kind.clone()).or_default().0 += 1;
        }
        let mut fields = 0;
        for (record, (line, kind, message)) in reference.iter().zip(&records) {
            let expected = &record["msg"];
            let expected_kind = format!("type-{}", expected["msg_type"]);
            counts.entry(expected_kind.clone()).or_default().1 += 1;
            let at = format!("{sample} line {}", record["line"]);
            assert_eq!(&expected_kind, kind, "{at}");
            let last = record["line"].as_array().unwrap().last().unwrap();
            assert_eq!(last.as_u64(), Some(*line), "{at}");
            if let Some(message) = message {
                let lines: Vec<u64> = message
                    .sources
                    .iter()
                    .map(|&frame| line_of(frame))
                    .collect();
                let sources = Value::from(lines);
                assert_eq!(record["line"], sources, "{at}");
                fields += compare(&at, record, message, &mut differences);
            }
        }
        all_fields += fields;
        println!(
            "{sample}: {} lines, {} records, {fields} fields",
            lines.len(),
            records.len()
        );
        for (kind, (ours, reference)) in &counts {
            println!("  {kind}: {ours} here, {reference} in the reference");
            assert_eq!(ours, reference, "{sample}: {kind}");
        }
        assert_eq!(records.len(), reference.len(), "{sample}");
        let mut skips: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, kind) in &ours.skips {
            *skips.entry(kind).or_default() += 1;
        }
        println!("  skipped: {skips:?}");
        println!("  rejected: {:?}", by_cause(&ours.rejects));
        assert_eq!(host.evict(), [], "{sample}: nothing waits at the end");
    }
    assert_eq!(all_fields, 484_444);
    let mut kinds: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
    for (kind, detail) in &differences {
        kinds.entry(kind).or_insert((0, detail.as_str())).0 += 1;
    }
    for (kind, (count, example)) in &kinds {
        println!("difference: {count} x {kind}, for example {example}");
    }
    let counts: Vec<(&str, u32)> = kinds
        .iter()
        .map(|(kind, (count, _))| (*kind, *count))
        .collect();
    assert_eq!(counts, DIFFERENCES);
}

/// The reference counts lines from 0, the host frames from 1.
fn line_of(frame: u64) -> u64 {
    frame - 1
}

fn by_cause(rejects: &[Reject]) -> BTreeMap<&str, u32> {
    let mut causes = BTreeMap::new();
    for reject in rejects {
        *causes.entry(reject.cause).or_default() += 1;
    }
    causes
}

/// Compares a record's fields; returns how many. What differs goes into `differences` by kind.
fn compare(
    at: &str,
    record: &Value,
    message: &Message,
    differences: &mut Vec<(String, String)>,
) -> u32 {
    let body = value(message);
    let expected = record["msg"].as_object().unwrap();
    let message_type = expected["msg_type"].as_u64().unwrap();
    let head = body.get("ais").unwrap_or(&body);
    let number = |name: &str| expected[name].as_f64();
    let second = expected.get("second").and_then(Value::as_u64);

    // Time: the reference has the receive time; without one it is the capture time.
    let received_ns = record["ts"]
        .as_f64()
        .map_or(CAPTURED_NS, |ts| (ts * 1_000.0).round() as u64 * 1_000_000);
    let (event_ns, source) = match second.filter(|second| *second < 60) {
        Some(second) => (nearest(received_ns, second), "utc-second"),
        None if record["ts"].is_null() => (received_ns, "capture"),
        None => (received_ns, "receiver"),
    };
    assert_eq!(message.event_ns, event_ns, "{at}");
    assert_eq!(body["time_ns"], event_ns, "{at}");
    assert_eq!(body["time_source"], source, "{at}");
    let measured = body.get("ais").map(|_| "ais");
    assert_eq!(body.get("source").and_then(Value::as_str), measured, "{at}");

    let mut fields = 0;
    for (name, theirs) in expected {
        fields += 1;
        let (ours, theirs): (Value, Value) = match name.as_str() {
            "msg_type" => (head["message_type"].clone(), theirs.clone()),
            "mmsi" => {
                let text = format!("{:09}", theirs.as_u64().unwrap());
                assert_eq!(message.key, text, "{at}");
                (body["platform_id"].clone(), text.into())
            }
            "repeat" => (head["repeat_indicator"].clone(), theirs.clone()),
            "status" => (head["navigation_status"].clone(), unless(theirs, 15.0)),
            "turn" => match number(name).unwrap() {
                -128.0 => (body["turn_rate_dps"].clone(), Value::Null),
                127.0 => (head["turn_beyond_scale"].clone(), "starboard".into()),
                -127.0 => (head["turn_beyond_scale"].clone(), "port".into()),
                // Printed as whole degrees a minute.
                turn => near(&body["turn_rate_dps"], 60.0, turn, 0.5),
            },
            // Printed in tenths of a knot, and rounded.
            "speed" if theirs.as_f64() == Some(102.3) => (body["speed_mps"].clone(), Value::Null),
            "speed" => near(
                &body["speed_mps"],
                3_600.0 / 1_852.0,
                number(name).unwrap(),
                0.01,
            ),
            "accuracy" => (
                body["accuracy_m"].clone(),
                if theirs == true {
                    10.0.into()
                } else {
                    Value::Null
                },
            ),
            "lon" if theirs.as_f64() == Some(181.0) => (body["lon_deg"].clone(), Value::Null),
            "lat" if theirs.as_f64() == Some(91.0) => (body["lat_deg"].clone(), Value::Null),
            "lon" => near(&body["lon_deg"], 1.0, number(name).unwrap(), 0.51e-6),
            "lat" => near(&body["lat_deg"], 1.0, number(name).unwrap(), 0.51e-6),
            "course" if theirs.as_f64() == Some(360.0) => (body["course_deg"].clone(), Value::Null),
            "course" => near(&body["course_deg"], 1.0, number(name).unwrap(), 0.01),
            "heading" if theirs == 511 => (body["heading_deg"].clone(), Value::Null),
            "heading" => near(&body["heading_deg"], 1.0, number(name).unwrap(), 0.0),
            "second" if message_type == 4 => continue, // with the year
            "second" => {
                let mode = match theirs.as_u64().unwrap() {
                    61 => "manual".into(),
                    62 => "dead-reckoning".into(),
                    63 => "inoperative".into(),
                    _ => Value::Null,
                };
                (head["positioning_mode"].clone(), mode)
            }
            "maneuver" => (head["special_manoeuvre"].clone(), unless(theirs, 0.0)),
            "raim" => (head["raim"].clone(), theirs.clone()),
            "radio" => (head["communication_state"].clone(), theirs.clone()),
            "cs" => (head["unit_carrier_sense"].clone(), theirs.clone()),
            "display" => (head["unit_display"].clone(), theirs.clone()),
            "dsc" => (head["unit_dsc"].clone(), theirs.clone()),
            "band" => (head["unit_whole_band"].clone(), theirs.clone()),
            "msg22" => (head["unit_message_22"].clone(), theirs.clone()),
            "assigned" => (head["assigned_mode"].clone(), theirs.clone()),
            "dte" => (head["dte_not_ready"].clone(), theirs.clone()),
            "ais_version" => (body["ais_version"].clone(), theirs.clone()),
            "imo" => (body["imo_number"].clone(), unless(theirs, 0.0)),
            "callsign" | "destination" => (body[name].clone(), text(theirs)),
            "shipname" | "full_name" => (body["name"].clone(), text(theirs)),
            "ship_type" => (body["ship_type"].clone(), unless(theirs, 0.0)),
            "to_bow" | "to_stern" | "to_port" | "to_starboard" => {
                let all = ["to_bow", "to_stern", "to_port", "to_starboard"];
                let none = all.iter().all(|name| expected[*name] == 0);
                let theirs = if none { Value::Null } else { theirs.clone() };
                (body[format!("{name}_m")].clone(), theirs)
            }
            "epfd" => (body["epfd_type"].clone(), unless(theirs, 0.0)),
            "draught" if theirs.as_f64() == Some(0.0) => (body["draught_m"].clone(), Value::Null),
            "draught" => near(&body["draught_m"], 1.0, number(name).unwrap(), 1e-9),
            "partno" => (
                body["part"].clone(),
                if theirs == 0 { "A" } else { "B" }.into(),
            ),
            "vendorid" => (body["vendor_id"].clone(), text(theirs)),
            "model" => (body["unit_model"].clone(), theirs.clone()),
            "serial" => (body["unit_serial"].clone(), theirs.clone()),
            "aid_type" => (body["aid_type"].clone(), unless(theirs, 0.0)),
            "virtual_aid" => (body["virtual"].clone(), theirs.clone()),
            "off_position" if second.is_some_and(|second| second > 59) => {
                (body["off_position"].clone(), Value::Null)
            }
            "off_position" => (body["off_position"].clone(), theirs.clone()),
            // ETA of type 5, clock of type 4.
            "month" | "day" if message_type == 5 => {
                (body[format!("eta_{name}")].clone(), unless(theirs, 0.0))
            }
            "hour" if message_type == 5 => (body["eta_hour"].clone(), unless(theirs, 24.0)),
            "minute" if message_type == 5 => (body["eta_minute"].clone(), unless(theirs, 60.0)),
            "year" => {
                let part = |name: &str| expected[name].as_u64().unwrap() as u32;
                let clock = ais_decoder::time::unix_ns(
                    part("year"),
                    part("month"),
                    part("day"),
                    part("hour"),
                    part("minute"),
                    part("second"),
                );
                (
                    body["utc_ns"].clone(),
                    clock.map_or(Value::Null, Value::from),
                )
            }
            "month" | "day" | "hour" | "minute" => continue,
            // In full_name; and bits that M.1371-5 reserves.
            "name" | "name_ext" | "reserved_1" | "reserved_2" => {
                fields -= 1;
                continue;
            }
            unknown => panic!("{at}: the reference has a field {unknown}"),
        };
        if ours != theirs {
            let kind = format!("type {message_type} {name}");
            differences.push((
                kind,
                format!("{at}: {ours} here, {theirs} in the reference"),
            ));
        }
    }
    fields
}

/// Null for the value that stands for "not available".
fn unless(value: &Value, sentinel: f64) -> Value {
    if value.as_f64() == Some(sentinel) {
        Value::Null
    } else {
        value.clone()
    }
}

fn text(value: &Value) -> Value {
    match value.as_str() {
        Some("") => Value::Null,
        _ => value.clone(),
    }
}

/// Both as they are when `ours` times `factor` is not within `tolerance` of `theirs`, else equal.
fn near(ours: &Value, factor: f64, theirs: f64, tolerance: f64) -> (Value, Value) {
    match ours.as_f64() {
        Some(value) if (value * factor - theirs).abs() <= tolerance => {
            (theirs.into(), theirs.into())
        }
        Some(value) => ((value * factor).into(), theirs.into()),
        None => (ours.clone(), theirs.into()),
    }
}

/// The nearest instant with that second of the minute, by trying the minutes around.
fn nearest(received_ns: u64, second: u64) -> u64 {
    let minute = received_ns / 60_000_000_000;
    (minute - 1..=minute + 1)
        .map(|minute| (minute * 60 + second) * 1_000_000_000)
        .min_by_key(|instant| instant.abs_diff(received_ns))
        .unwrap()
}
