//! Every DIS recording against what opendis 1.0 makes of it, field by field.
//!
//! Each Entity State of the reference must be a `dis.entity-state` with the same values, and a
//! track; every other PDU must be counted under the type that the reference read. Positions of
//! tracks are checked by the exact way back to the earth's axes, motion by the next position.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{CAPTURED_NS, CAPTURES, PDUS, datagrams, host, read, recordings, records, value};
use dis_decoder::pdu::TYPES;
use serde_json::{Value, json};

/// Capture times and datagrams.
type Frames = Vec<(u64, Vec<u8>)>;

/// A vector of the reference.
fn vector(value: &Value, names: [&str; 3]) -> Value {
    json!(names.map(|name| value[name].as_f64().unwrap()))
}

fn xyz(value: &Value) -> Value {
    vector(value, ["x", "y", "z"])
}

fn type_text(value: &Value) -> Value {
    let parts = [
        "entityKind",
        "domain",
        "country",
        "category",
        "subcategory",
        "specific",
        "extra",
    ];
    json!(parts.map(|part| value[part].to_string()).join("."))
}

fn hexadecimal(value: &Value) -> Value {
    let bytes = value.as_array().unwrap().iter();
    json!(
        bytes
            .map(|byte| format!("{:02x}", byte.as_u64().unwrap()))
            .collect::<String>()
    )
}

/// The reference's PDU as a body.
fn expected_state(pdu: &Value, captured_ns: u64) -> Value {
    let id = &pdu["entityID"];
    let reckoning = &pdu["deadReckoningParameters"];
    assert_eq!(
        pdu["timestamp"].as_u64().unwrap() & 1,
        0,
        "no recording has an absolute time"
    );
    assert!(
        reckoning["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .all(|byte| byte == 0)
    );
    assert_eq!(pdu["variableParameters"], json!([]));
    json!({
        "time_ns": captured_ns,
        "time_source": "capture",
        "version": pdu["protocolVersion"],
        "exercise": pdu["exerciseID"],
        "timestamp": pdu["timestamp"],
        "pdu_status": pdu["pduStatus"],
        "site": id["siteID"],
        "application": id["applicationID"],
        "entity": id["entityID"],
        "force": pdu["forceId"],
        "entity_type": type_text(&pdu["entityType"]),
        "alternative_type": type_text(&pdu["alternativeEntityType"]),
        "velocity_mps": xyz(&pdu["entityLinearVelocity"]),
        "velocity_in_body_axes": false,
        "location_m": xyz(&pdu["entityLocation"]),
        "orientation_rad": vector(&pdu["entityOrientation"], ["psi", "theta", "phi"]),
        "appearance": pdu["entityAppearance"],
        "dead_reckoning": {
            "algorithm": reckoning["deadReckoningAlgorithm"],
            "acceleration_mps2": xyz(&reckoning["entityLinearAcceleration"]),
            "angular_velocity_rps": xyz(&reckoning["entityAngularVelocity"]),
        },
        "marking_set": pdu["marking"]["characterSet"],
        "marking": hexadecimal(&pdu["marking"]["characters"]),
        "capabilities": pdu["capabilities"],
        "parameter_count": 0,
    })
}

/// Metres along the earth's axes of a track's position: the exact formula.
fn to_earth(track: &Value) -> [f64; 3] {
    const A_M: f64 = 6_378_137.0;
    const F: f64 = 1.0 / 298.257_223_563;
    let number = |name: &str| track[name].as_f64().unwrap();
    let (lat, lon) = (
        number("lat_deg").to_radians(),
        number("lon_deg").to_radians(),
    );
    let height_m = number("alt_m");
    let e2 = F * (2.0 - F);
    let n = A_M / (1.0 - e2 * lat.sin().powi(2)).sqrt();
    [
        (n + height_m) * lat.cos() * lon.cos(),
        (n + height_m) * lat.cos() * lon.sin(),
        (n * (1.0 - e2) + height_m) * lat.sin(),
    ]
}

fn assert_track(track: &Value, key: &str, pdu: &Value) {
    let id = &pdu["entityID"];
    let identity = format!(
        "{}-{}-{}-{}",
        pdu["exerciseID"], id["siteID"], id["applicationID"], id["entityID"]
    );
    assert_eq!(
        (track["track_id"].as_str(), key),
        (Some(&*identity), &*identity)
    );
    let characters = pdu["marking"]["characters"].as_array().unwrap().iter();
    let marking: String = characters
        .map(|byte| char::from(byte.as_u64().unwrap() as u8))
        .take_while(|letter| *letter != '\0')
        .collect();
    assert_eq!(track["callsign"], marking);
    assert_eq!(track["source"], "dis");
    assert_eq!(track["dis"]["exercise"], pdu["exerciseID"]);
    assert_eq!(track["dis"]["force"], pdu["forceId"]);
    assert_eq!(track["dis"]["entity_type"], type_text(&pdu["entityType"]));
    let location = &pdu["entityLocation"];
    for (back, name) in to_earth(track).into_iter().zip(["x", "y", "z"]) {
        let error_m = (back - location[name].as_f64().unwrap()).abs();
        assert!(error_m < 1e-7, "{name} is off by {error_m} m");
    }
    let velocity = &pdu["entityLinearVelocity"];
    let sent = ["x", "y", "z"].map(|name| velocity[name].as_f64().unwrap().powi(2));
    let local = ["speed_mps", "climb_mps"].map(|name| track[name].as_f64().unwrap().powi(2));
    let sizes = (
        sent.iter().sum::<f64>().sqrt(),
        local.iter().sum::<f64>().sqrt(),
    );
    assert!((sizes.0 - sizes.1).abs() < 1e-9, "{sizes:?}");
}

#[test]
fn every_pdu_of_every_recording_is_as_the_reference_says() {
    let Some(folder) = recordings() else { return };
    let mut cases: Vec<(String, Frames)> = CAPTURES
        .map(|name| {
            (
                name.to_owned(),
                datagrams(&folder.join(format!("{name}.pcap"))),
            )
        })
        .into();
    cases.extend(PDUS.map(|name| {
        let frame = read(&folder.join(format!("pdus/{name}.raw")));
        (format!("pdus/{name}"), vec![(CAPTURED_NS, frame)])
    }));
    let mut totals: BTreeMap<&str, u32> = BTreeMap::new();
    let mut behind: BTreeMap<&str, u32> = BTreeMap::new();
    let mut refused = Vec::new();
    for (name, frames) in &cases {
        let reference = records(&folder.join(format!("{name}.opendis.jsonl")));
        assert_eq!(reference.len(), frames.len(), "{name}");
        for (record, (time_ns, frame)) in reference.iter().zip(frames) {
            let at = format!("{name} {}", record["i"]);
            // The capture has microseconds, the reference tenths of one.
            if let Some(expected_ns) = record["t_ns"].as_u64() {
                assert!(time_ns.abs_diff(expected_ns) < 1_000, "{at}");
            }
            let outcome = host().decode(*time_ns, &[(*time_ns, frame)]);
            let number = record["pduType"].as_u64().unwrap() as usize;
            // What the reference cannot read is refused here, and nothing else is.
            if record.get("error").is_some() {
                assert_eq!(
                    (&outcome.messages[..], &outcome.skips[..]),
                    (&[][..], &[][..])
                );
                let reject = &outcome.rejects[0];
                refused.push(format!("{at}: {} ({})", reject.cause, reject.detail));
                continue;
            }
            assert_eq!(outcome.rejects, [], "{at}");
            *totals.entry(TYPES[number]).or_default() += 1;
            let length = record["pdu"]["length"].as_u64().unwrap() as usize;
            for header in headers(&frame[length..]) {
                assert_ne!(
                    header, 1,
                    "{at}: an entity that the reference does not have"
                );
                *behind.entry(TYPES[header]).or_default() += 1;
            }
            if number != 1 {
                assert_eq!(outcome.messages, [], "{at}");
                assert_eq!(outcome.skips, [(1, TYPES[number])], "{at}");
                continue;
            }
            let [track, state] = &outcome.messages[..] else {
                panic!("{at}: {} messages", outcome.messages.len());
            };
            let pdu = &record["pdu"];
            assert_eq!(
                (track.class, state.class),
                ("track.ground", "dis.entity-state")
            );
            let mut expected = expected_state(pdu, *time_ns);
            let mut got = value(state);
            for body in [&mut expected, &mut got] {
                as_floats(body);
            }
            assert_eq!(got, expected, "{at}");
            assert_track(&value(track), &track.key, pdu);
        }
    }
    println!("{totals:?}, behind them in the same datagrams {behind:?}");
    let expected = [
        ("data", 45),
        ("electromagnetic-emission", 1),
        ("entity-state", 235),
        ("environmental-process", 87),
        ("set-data", 1),
        ("signal", 1),
        ("transmitter", 36),
    ];
    assert_eq!(totals.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(behind.into_iter().collect::<Vec<_>>(), [("attribute", 260)]);
    let cut = "opendis7_Entity90DegreesTurn 154: pdu-length (the PDU does not end within the datagram at byte 8)";
    assert_eq!(refused, [cut]);
}

/// Types of the PDUs of a datagram's rest, by their own lengths.
fn headers(mut rest: &[u8]) -> Vec<usize> {
    let mut types = Vec::new();
    while !rest.is_empty() {
        types.push(usize::from(rest[2]));
        rest = &rest[usize::from(u16::from_be_bytes([rest[8], rest[9]]))..];
    }
    types
}

fn as_floats(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(as_floats),
        Value::Object(values) => values.values_mut().for_each(as_floats),
        Value::Number(number) => *value = json!(number.as_f64().unwrap()),
        _ => {}
    }
}

/// Speed, course, climb, heading and rate of turn against the positions of two updates, by the
/// sender's own clock: the vehicle drives forward, so it goes where it looks.
#[test]
fn motion_agrees_with_the_positions() {
    let Some(folder) = recordings() else { return };
    for name in CAPTURES {
        let mut host = host();
        let mut last: BTreeMap<String, (Value, f64)> = BTreeMap::new();
        let mut steps = 0;
        let (mut position_m, mut heading_deg, mut rate_dps) = (vec![], vec![], vec![]);
        for (time_ns, frame) in datagrams(&folder.join(format!("{name}.pcap"))) {
            let outcome = host.decode(time_ns, &[(time_ns, &frame)]);
            let Some(message) = outcome.messages.first() else {
                continue;
            };
            let track = value(message);
            let past_s = track["dis"]["past_hour_ns"].as_f64().unwrap() / 1e9;
            if let Some((before, before_s)) = last.get(&message.key) {
                let step_s = past_s - before_s;
                let speed = |track: &Value| track["speed_mps"].as_f64().unwrap();
                if step_s > 0.0 && step_s < 0.5 && speed(&track) > 1.0 && speed(before) > 1.0 {
                    let (from, to) = (to_earth(before), to_earth(&track));
                    let moved_m = from
                        .iter()
                        .zip(to)
                        .map(|(a, b)| (a - b).powi(2))
                        .sum::<f64>()
                        .sqrt();
                    let mean_mps = (speed(&track) + speed(before)) / 2.0;
                    position_m.push((moved_m - mean_mps * step_s).abs());
                    let number = |track: &Value, name: &str| track[name].as_f64().unwrap();
                    let turned = |a: f64, b: f64| (a - b + 540.0).rem_euclid(360.0) - 180.0;
                    let course = number(&track, "course_deg");
                    heading_deg.push(turned(course, number(&track, "heading_deg")).abs());
                    let rate = turned(number(&track, "heading_deg"), number(before, "heading_deg"))
                        / step_s;
                    let told =
                        (number(&track, "turn_rate_dps") + number(before, "turn_rate_dps")) / 2.0;
                    rate_dps.push((rate - told).abs());
                    steps += 1;
                }
            }
            last.insert(message.key.clone(), (track, past_s));
        }
        let median = |values: &mut Vec<f64>| {
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2], values[values.len() * 95 / 100])
        };
        let (position_m, heading_deg) = (median(&mut position_m), median(&mut heading_deg));
        let rate_dps = median(&mut rate_dps);
        println!(
            "{name}: {steps} steps; median and 95 %: moved {position_m:.3?} m from speed, course {heading_deg:.3?} deg from heading, turn {rate_dps:.3?} deg/s from headings"
        );
        assert!(steps > 50);
        assert!(position_m.0 < 0.01 && position_m.1 < 0.1, "{position_m:?}");
        assert!(heading_deg.1 < 0.01, "{heading_deg:?}");
        // A rate holds for one step of the simulation: where the vehicle starts or stops turning,
        // the mean of two says nothing of the step between.
        assert!(rate_dps.0 < 0.5, "{rate_dps:?}");
    }
}
