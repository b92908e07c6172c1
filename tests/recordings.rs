//! Real AIS recordings through the real runtime, flat out: counts by type of message as the
//! reference decoder counts them, and every position of it in our topics, in its order.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use outrigger::record::Record;
use serde_json::Value;

use crate::common::{installation, recordings};
use crate::rig::Site;
use crate::rig::recordings::read;

/// Sample, and what the reference decoder makes of it.
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

const CLASSES: [&str; 5] = [
    "track.sea",
    "track.air",
    "static.sea",
    "station.base",
    "aid.navigation",
];

/// Half a unit of what the reference prints, degrees.
const POSITION_TOLERANCE_DEG: f64 = 0.000_000_6;

fn configuration(path: &str) -> String {
    let writes = CLASSES.map(|class| format!("{class:?}")).join(", ");
    let mut text = format!(
        "[taps.shore]\nkind = \"lines\"\npath = {path:?}\npace = \"flat-out\"\n\
         [plugins.ais]\ncomponent = \"ais_decoder.wasm\"\nrole = \"decoder\"\ntaps = [\"shore\"]\n\
         writes = [{writes}]\n"
    );
    for class in CLASSES {
        text += &format!("[classes.{class:?}]\ntopic = {class:?}\n[topics.{class:?}]\n");
    }
    text
}

fn head(record: &Record) -> &Value {
    record.body.get("ais").unwrap_or(&record.body)
}

fn kind(record: &Record) -> u64 {
    head(record)["message_type"].as_u64().unwrap()
}

/// Class or classes of a type of message; none for a type that is counted only.
fn classes_of(kind: u64) -> &'static [&'static str] {
    match kind {
        1..=3 | 18 | 27 => &["track.sea"],
        19 => &["track.sea", "static.sea"],
        9 => &["track.air"],
        5 | 24 => &["static.sea"],
        4 | 11 => &["station.base"],
        21 => &["aid.navigation"],
        _ => &[],
    }
}

#[test]
fn every_recording_comes_out_as_the_reference_decoder_reads_it() {
    let Some(folder) = recordings("ais") else {
        return;
    };
    for (sample, reference) in FILES {
        let site = Site::new(installation());
        let path = folder.join(sample);
        site.configure("data", "", &configuration(path.to_str().unwrap()));
        let status = site.run_well("data", &[]);
        let reference: Vec<Value> = read(&folder.join(reference))
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        let data = site.data("data");
        let ordinals: BTreeMap<u64, u64> = data
            .frames()
            .iter()
            .map(|frame| (frame.seq, frame.ordinal))
            .collect();
        assert_eq!(status.ledger.difference, 0, "{sample}");
        assert_eq!(status.ledger.captured, ordinals.len() as u64, "{sample}");
        assert_eq!(status.ledger.waiting, 0, "{sample}");

        // By class and type.
        let mut expected: BTreeMap<(&str, u64), u64> = BTreeMap::new();
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        for record in &reference {
            let kind = record["msg"]["msg_type"].as_u64().unwrap();
            for class in classes_of(kind) {
                *expected.entry((class, kind)).or_default() += 1;
            }
            if classes_of(kind).is_empty() {
                *counted.entry(format!("type-{kind}")).or_default() += 1;
            }
        }
        let mut got: BTreeMap<(&str, u64), u64> = BTreeMap::new();
        let mut positions = Vec::new();
        for class in CLASSES {
            for record in data.records(class) {
                assert_eq!(record.class, class);
                *got.entry((class, kind(&record))).or_default() += 1;
                if let (Some(lat), Some(lon)) = (
                    record.body["lat_deg"].as_f64(),
                    record.body["lon_deg"].as_f64(),
                ) {
                    let line = ordinals[record.frames.last().unwrap()];
                    positions.push((line, record.key, lat, lon));
                }
            }
        }
        assert_eq!(got, expected, "{sample}");
        let skips: BTreeMap<String, u64> = status.plugins[0]
            .skips
            .iter()
            .filter(|(kind, count)| kind.starts_with("type-") && **count > 0)
            .map(|(kind, count)| (kind.clone(), *count))
            .collect();
        assert_eq!(skips, counted, "{sample}");

        // Every position, at its line.
        positions.sort_by_key(|(line, ..)| *line);
        let with_position = reference.iter().filter(|record| {
            let message = &record["msg"];
            let is = |name: &str, absent: f64| {
                message[name].as_f64().is_some_and(|value| value != absent)
            };
            !classes_of(message["msg_type"].as_u64().unwrap()).is_empty()
                && is("lat", 91.0)
                && is("lon", 181.0)
        });
        let mut matched = 0;
        for record in with_position {
            let (line, key, lat, lon) = &positions[matched];
            let message = &record["msg"];
            let expected_line = record["line"].as_array().unwrap().last().unwrap();
            assert_eq!(expected_line.as_u64(), Some(*line), "{sample}");
            let mmsi = format!("{:09}", message["mmsi"].as_u64().unwrap());
            assert_eq!(&mmsi, key, "{sample} line {line}");
            for (ours, name) in [(lat, "lat"), (lon, "lon")] {
                let theirs = message[name].as_f64().unwrap();
                let apart = (ours - theirs).abs();
                assert!(
                    apart < POSITION_TOLERANCE_DEG,
                    "{sample} line {line}: {ours} {theirs}"
                );
            }
            matched += 1;
        }
        assert_eq!(
            matched,
            positions.len(),
            "{sample}: positions that the reference has not"
        );
        println!(
            "{sample}: {} frames, {} messages, {matched} positions, {} rejected",
            ordinals.len(),
            got.values().sum::<u64>(),
            data.dead_letters().len()
        );
        for ((class, kind), count) in &got {
            println!("  {class} type {kind}: {count}");
        }
        for (kind, count) in &counted {
            println!("  counted only, {kind}: {count}");
        }
    }
}
