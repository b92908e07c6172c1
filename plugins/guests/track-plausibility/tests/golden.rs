//! Golden cases: `golden/*.json`, the tracks of a case and what is said of each.
//!
//! `BLESS=1` writes what is said now; look at the difference before committing it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use outrigger_sdk::testing::{Given, ValidatorHost, no_parameters, parameters};
use outrigger_sdk::{Source, Text, TimeSource, Track};
use serde_json::{Value, json};
use track_plausibility::TrackPlausibility;

/// A track as its body is written, times in seconds since 2020-01-01.
fn track(report: &Value) -> Track {
    let text = |name: &str| report[name].as_str().and_then(Text::new);
    let number = |name: &str| report[name].as_f64();
    let source = match report["time_source"].as_str().unwrap() {
        "time-of-track" => TimeSource::TimeOfTrack,
        "utc-second" => TimeSource::UtcSecond,
        "receiver" => TimeSource::Receiver,
        "capture" => TimeSource::Capture,
        other => panic!("{other} is no time source"),
    };
    let time_ns = (number("time_s").unwrap() * 1e9) as u64 + 1_577_836_800_000_000_000;
    let source_of = report["source"].as_str().map(|word| {
        let known = Source::ALL
            .into_iter()
            .find(|source| source.as_str() == word);
        known.unwrap_or_else(|| panic!("{word} is no source"))
    });
    Track {
        source: source_of,
        platform_class: text("platform_class"),
        lat_deg: number("lat_deg"),
        lon_deg: number("lon_deg"),
        alt_m: number("alt_m"),
        speed_mps: number("speed_mps"),
        course_deg: number("course_deg"),
        heading_deg: number("heading_deg"),
        climb_mps: number("climb_mps"),
        turn_rate_dps: number("turn_rate_dps"),
        ..Track::new(text("track_id").unwrap(), time_ns, source)
    }
}

#[test]
fn golden_cases_are_judged_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        cases += 1;
        let mut case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let given = case.get("parameters");
        let configuration = given.map_or_else(no_parameters, parameters);
        let mut host = ValidatorHost::<TrackPlausibility>::new(configuration).unwrap();
        let class = match case["class"].as_str().unwrap() {
            "track.sea" => "track.sea",
            "track.air" => "track.air",
            other => panic!("{other} is not read"),
        };
        let reports = case["reports"].as_array().unwrap();
        let given: Vec<Given> = reports
            .iter()
            .map(|report| track(&report["track"]))
            .map(|track| Given::new(class, &track.track_id, track.time_ns, &track))
            .collect();
        let found: Vec<Value> = host
            .validate(0, &given)
            .iter()
            .map(|anomalies| {
                let anomalies = anomalies.iter().map(|anomaly| {
                    let severity = format!("{:?}", anomaly.severity).to_lowercase();
                    // Nine digits after the point: what follows differs between mathematics
                    // libraries.
                    let rounded = |value: &f64| (value * 1e9).round() / 1e9;
                    let detail: serde_json::Map<_, _> = anomaly
                        .evidence
                        .iter()
                        .map(|(name, value)| (name.clone(), json!(rounded(value))))
                        .collect();
                    json!({
                        "rule": anomaly.rule,
                        "severity": severity,
                        "score": anomaly.score,
                        "detail": detail,
                    })
                });
                anomalies.collect()
            })
            .collect();
        if std::env::var_os("BLESS").is_some() {
            let reports = case["reports"].as_array_mut().unwrap();
            for (report, found) in reports.iter_mut().zip(&found) {
                report["anomalies"] = found.clone();
            }
            let text = serde_json::to_string_pretty(&case).unwrap() + "\n";
            std::fs::write(&path, text).unwrap();
        }
        for (place, found) in found.iter().enumerate() {
            let expected = &case["reports"][place]["anomalies"];
            assert_eq!(found, expected, "{} report {place}", path.display());
        }
    }
    assert!(cases >= 4, "{cases} cases");
}
