//! `outrigger partitions`: what the keys of a topic log are worth.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use crate::common::installation;
use crate::rig::Site;
use crate::rig::recordings::Timed;

const CONFIGURATION: &str = r#"
[taps.harbour]
kind = "lines"
path = "recording.txt"
time_column = true
pace = "flat-out"
[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["harbour"]
writes = ["track.sea"]
[classes."track.sea"]
topic = "tracks"
[topics.tracks]
kafka = "main"
partitions = 64
[kafka.main]
bootstrap = "127.0.0.1:9"
"#;

#[test]
fn keys_of_the_log_are_counted_and_a_number_is_recommended() {
    let site = Site::new(installation());
    site.write("recording.txt", Timed::simulated(60).text);
    // Nobody takes the records; that is no matter here.
    site.configure("data", "", CONFIGURATION);
    site.run_well("data", &["--drain-s", "0"]);
    let records = site.data("data").records("tracks");
    let keys: BTreeSet<&str> = records.iter().map(|record| record.key.as_str()).collect();

    let mut command = site.command();
    let output = command
        .args(["partitions", "--config", "data.toml", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["topic"], "tracks");
    assert_eq!(report["records"], records.len());
    assert_eq!(report["keys"], keys.len());
    let candidates = report["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 64);
    assert_eq!(candidates[0]["hottest_share"], 1.0);
    let recommended = report["recommended"].as_u64().unwrap();
    assert!((1..64).contains(&recommended), "{report}");
    assert_eq!(report["configured"], 64);
    assert!(
        report["judged"]
            .as_str()
            .unwrap()
            .starts_with("over-partitioned")
    );

    let mut command = site.command();
    let output = command
        .args(["partitions", "--config", "data.toml", "--count", "10"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("tracks: 10 records"), "{text}");
    assert!(text.contains("recommended"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}
