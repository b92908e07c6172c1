//! The example missions as they are, but for their taps, which read what the simulator recorded: every
//! fault that their scenarios put in is found by its rule, within the time that the demo shows.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bus_simulator::pace::{Pace, Schedule};
use bus_simulator::run::{BySensor, Plan};
use bus_simulator::scenario::Scenario;
use bus_simulator::sink::Recording;
use serde_json::Value;

use crate::common::{installation, root};
use crate::rig::Site;

/// Seconds that the demo shows of each mission.
const SHOWN_S: u64 = 35;
/// What a rule may take after a fault's last report. Unit: nanoseconds. Reason: the slowest reporter of
/// the scenarios sends every 10 s.
const FOUND_WITHIN_NS: u64 = 16_000_000_000;

/// A tap of a mission: its name, its sensor (all where there is none), and how a line holds a frame.
pub(crate) type Tap = (&'static str, Option<&'static str>, &'static str);

/// A fault of the truth.
#[derive(Debug, Default)]
struct Fault {
    key: String,
    kind: String,
    rules: BTreeSet<String>,
    first_ns: u64,
    last_ns: u64,
}

/// Plays the scenario into a recording for each tap, and its faults.
fn play(folder: &Path, site: &Site, taps: &[Tap]) -> BTreeMap<String, Fault> {
    let scenario = Scenario::load(&folder.join("scenario.toml")).unwrap();
    let sensors: Vec<String> = scenario
        .sensors
        .iter()
        .map(|sensor| sensor.name.clone())
        .collect();
    let names: Vec<&str> = sensors.iter().map(String::as_str).collect();
    let recordings = taps.iter().map(|(tap, sensor, _)| {
        let recording = Recording::create(&site.path(&format!("{tap}.txt"))).unwrap();
        (sensor.map(str::to_owned), recording)
    });
    let truth = site.path("truth.jsonl");
    let plan = Plan {
        duration_s: Some(SHOWN_S),
        count: None,
        schedule: Schedule {
            pace: Pace::FlatOut,
            factor: 1.0,
            rate: None,
        },
        udp: BySensor::none(),
        recordings: BySensor::new(recordings.collect(), &names).unwrap(),
        scenario,
        truth: Some(truth.clone()),
        progress: false,
    };
    bus_simulator::run::run(plan, &AtomicBool::new(false)).unwrap();
    let mut faults: BTreeMap<String, Fault> = BTreeMap::new();
    for line in fs::read_to_string(truth).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(id) = line["fault"]["id"].as_str() else {
            continue;
        };
        let sent_ns = line["sent_ns"].as_u64().unwrap();
        let fault = faults.entry(id.to_owned()).or_insert_with(|| Fault {
            key: line["key"].as_str().unwrap().to_owned(),
            kind: line["fault"]["kind"].as_str().unwrap().to_owned(),
            first_ns: sent_ns,
            ..Fault::default()
        });
        fault.last_ns = fault.last_ns.max(sent_ns);
        let also = line["fault"]["also"].as_array().into_iter().flatten();
        for rule in also.chain([&line["fault"]["rule"]]) {
            fault.rules.insert(rule.as_str().unwrap().to_owned());
        }
    }
    faults
}

/// The mission's configuration with taps that read the recordings: every other line is its own.
pub(crate) fn configuration(folder: &Path, taps: &[Tap]) -> String {
    let text = fs::read_to_string(folder.join("outrigger.toml")).unwrap();
    let plugins = format!("plugins_dir = \"{}\"", installation().display());
    let mut out = String::new();
    let mut reading: Option<&Tap> = None;
    for line in text.lines() {
        if line.starts_with('[') {
            reading = taps
                .iter()
                .find(|(tap, ..)| line == format!("[taps.{tap}]"));
            out += line;
            if let Some((tap, _, encoding)) = reading {
                out += &format!(
                    "\nkind = \"lines\"\npath = \"{tap}.txt\"\ntime_column = true\n\
                     pace = \"flat-out\"\nencoding = \"{encoding}\""
                );
            }
        } else if line.starts_with("plugins_dir") {
            out += &plugins;
        } else if reading.is_none() || line.starts_with("label") {
            out += line;
        }
        out.push('\n');
    }
    out
}

/// Runs a mission, and looks for its faults. Keys with an anomaly that no fault explains.
fn mission(name: &str, taps: &[Tap], topics: &[&str], faults_expected: usize) -> BTreeSet<String> {
    let folder = root().join("examples").join(name);
    let site = Site::new(installation());
    let faults = play(&folder, &site, taps);
    assert_eq!(faults.len(), faults_expected);
    site.write("data.toml", configuration(&folder, taps));
    site.run_well("data", &[]);
    let data = site.data("data");
    let records = topics.iter().flat_map(|topic| data.records(topic));
    let found: Vec<(String, String, u64)> = records
        .flat_map(|record| {
            let (key, captured_ns) = (record.key, record.captured_ns);
            let anomalies = record.anomalies.into_iter();
            anomalies.map(move |anomaly| (key.clone(), anomaly.rule, captured_ns))
        })
        .collect();
    let explains = |fault: &Fault, (key, _, captured_ns): &(String, String, u64)| {
        // A recording's times are whole microseconds.
        let from_ns = fault.first_ns.saturating_sub(1_000);
        fault.key == *key && (from_ns..=fault.last_ns + FOUND_WITHIN_NS).contains(captured_ns)
    };
    for (id, fault) in &faults {
        let mut named = found
            .iter()
            .filter(|one| fault.rules.contains(&one.1) && explains(fault, one));
        assert!(
            named.next().is_some(),
            "{name}, {id}: {fault:?} is not found"
        );
    }
    let kinds: BTreeSet<&str> = faults.values().map(|fault| fault.kind.as_str()).collect();
    assert!(kinds.contains("dropped") && kinds.contains("position-noise"));
    assert!(found.iter().any(|(_, rule, _)| rule == "silent"));
    let unexplained = found
        .iter()
        .filter(|one| !faults.values().any(|fault| explains(fault, one)));
    unexplained.map(|(key, ..)| key.clone()).collect()
}

#[test]
fn the_harbour_shows_its_faults_and_nothing_else() {
    let taps = [("shore", None, "text")];
    let unexplained = mission("harbour", &taps, &["port-tracks", "sea-tracks"], 14);
    assert_eq!(unexplained, BTreeSet::new());
}

#[test]
fn the_air_shows_its_faults_and_fighters_of_an_unknown_kind() {
    let taps = [
        ("centre", Some("centre"), "hex"),
        ("radar", Some("radar"), "hex"),
        ("receiver", Some("receiver"), "text"),
    ];
    let unexplained = mission("air", &taps, &["air-tracks"], 14);
    // COBRA 1 and 2, as the radar has them.
    let fighters = ["25-10-33", "25-10-34"];
    assert!(
        unexplained
            .iter()
            .all(|key| fighters.contains(&key.as_str())),
        "{unexplained:?}"
    );
}
