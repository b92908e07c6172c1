#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use serde_json::Value;

use super::*;
use crate::format::Datagram;

const HARBOUR: &str = include_str!("../../../harbour/scenario.toml");

fn scenario() -> Scenario {
    Scenario::parse("harbour", HARBOUR).unwrap()
}

fn plan(directory: &Path, name: &str) -> Plan {
    Plan {
        scenario: scenario(),
        duration_s: Some(20),
        count: None,
        schedule: Schedule {
            pace: Pace::Steady,
            factor: 1.0,
            rate: None,
        },
        udp: BySensor::none(),
        recordings: BySensor::all(
            Recording::create(&directory.join(format!("{name}.txt"))).unwrap(),
        ),
        truth: Some(directory.join(format!("{name}.jsonl"))),
        progress: false,
    }
}

fn files(directory: &Path, name: &str) -> (String, String) {
    let read = |suffix| std::fs::read_to_string(directory.join(format!("{name}.{suffix}")));
    (read("txt").unwrap(), read("jsonl").unwrap())
}

#[test]
fn the_same_run_writes_the_same_recording_and_truth() {
    let directory = tempfile::tempdir().unwrap();
    let go = AtomicBool::new(false);
    let one = run(plan(directory.path(), "one"), &go).unwrap();
    let two = run(plan(directory.path(), "two"), &go).unwrap();
    assert_eq!(one.messages, two.messages);
    assert_eq!(
        files(directory.path(), "one"),
        files(directory.path(), "two")
    );
}

#[test]
fn truth_names_every_datagram_once_and_the_summary_counts_them() {
    let directory = tempfile::tempdir().unwrap();
    let summary = run(plan(directory.path(), "run"), &AtomicBool::new(false)).unwrap();
    let (recording, truth) = files(directory.path(), "run");
    let lines: Vec<Value> = truth
        .lines()
        .filter(|line| line.starts_with("{\"report\""))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut next = 0;
    let (mut messages, mut faults) = (0, BTreeSet::new());
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["report"], number);
        if let Some(fault) = line.get("fault") {
            faults.insert(fault["id"].as_str().unwrap().to_owned());
            if fault["kind"] == "dropped" {
                assert!(line["datagrams"].is_null());
                continue;
            }
        }
        assert_eq!(line["datagrams"][0], next);
        next = line["datagrams"][1].as_u64().unwrap() + 1;
        messages += line["messages"].as_array().unwrap().len() as u64;
    }
    assert_eq!(next, summary.datagrams);
    assert_eq!(messages, summary.messages.values().sum::<u64>());
    assert_eq!(faults.len(), 14);
    assert_eq!(summary.faults.values().sum::<u64>(), 14);
    assert_eq!(summary.faults_planned, 14);
    // Two sentences of a message are two lines, whether in one datagram or two.
    let fives = summary.messages["5"];
    assert_eq!(recording.lines().count() as u64, messages + fives);
    assert!(recording.starts_with("1780293600."));
}

#[test]
fn a_count_ends_the_run_before_a_report_that_does_not_fit() {
    let directory = tempfile::tempdir().unwrap();
    let mut limited = plan(directory.path(), "run");
    limited.count = Some(5_000);
    limited.duration_s = None;
    let summary = run(limited, &AtomicBool::new(false)).unwrap();
    assert!(
        (4_999..=5_000).contains(&summary.datagrams),
        "{}",
        summary.datagrams
    );
}

#[test]
fn a_run_told_to_stop_leaves_truth_of_what_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let summary = run(plan(directory.path(), "run"), &AtomicBool::new(true)).unwrap();
    assert_eq!(summary.datagrams, 0);
    assert_eq!(
        files(directory.path(), "run"),
        (String::new(), String::new())
    );
}

/// A clock that moves only when waited on, or when a test's sink takes its time.
struct Simulated(Rc<Cell<u64>>);

impl Clock for Simulated {
    fn now_ns(&mut self) -> u64 {
        self.0.get()
    }

    fn wait(&mut self, wait_ns: u64) {
        self.0.set(self.0.get() + wait_ns);
    }
}

/// Notes when each datagram was put; the first put stalls.
struct Stalling {
    now_ns: Rc<Cell<u64>>,
    stall_ns: u64,
    put_ns: Vec<u64>,
}

impl Put for Stalling {
    fn put(&mut self, _: &Chunk, from: usize, to: usize) -> Result<(), RunError> {
        self.put_ns.extend((from..to).map(|_| self.now_ns.get()));
        self.now_ns.set(self.now_ns.get() + self.stall_ns);
        self.stall_ns = 0;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RunError> {
        Ok(())
    }
}

fn paced(schedule: Schedule, at_ns: &[u64], stall_ns: u64) -> (Vec<u64>, Summary) {
    let mut chunk = Chunk::default();
    for at_ns in at_ns {
        let datagram = Datagram {
            bytes: b"!".to_vec(),
            messages: vec!["1"],
        };
        chunk.push(*at_ns, 0, &datagram);
    }
    let (sender, chunks) = sync_channel(1);
    sender.send(chunk).unwrap();
    drop(sender);
    let now_ns = Rc::new(Cell::new(0));
    let mut sink = Stalling {
        now_ns: Rc::clone(&now_ns),
        stall_ns,
        put_ns: Vec::new(),
    };
    let mut summary = Summary::new(0);
    send(
        &chunks,
        Some(&schedule),
        &mut Simulated(now_ns),
        &mut sink,
        &mut summary,
        &AtomicBool::new(false),
        &mut Progress::new(false),
    )
    .unwrap();
    (sink.put_ns, summary)
}

const MS: u64 = 1_000_000;

fn schedule(pace: Pace, rate: Option<f64>) -> Schedule {
    Schedule {
        pace,
        factor: 1.0,
        rate,
    }
}

#[test]
fn datagrams_leave_when_they_are_due() {
    let at_ns = [0, 120 * MS, 120 * MS, 700 * MS];
    let (put_ns, summary) = paced(schedule(Pace::Steady, None), &at_ns, 0);
    assert_eq!(put_ns, at_ns);
    assert_eq!(summary.lateness.unwrap().max_ns, 0);
    let (put_ns, _) = paced(schedule(Pace::Bursty, None), &at_ns, 0);
    assert_eq!(put_ns, [1_000 * MS; 4]);
    let (put_ns, _) = paced(schedule(Pace::FlatOut, None), &at_ns, 0);
    assert_eq!(put_ns, [0; 4]);
}

#[test]
fn a_stall_does_not_move_the_schedule_and_shows_as_lateness() {
    // Due every 100 ms; the first send takes 1 s.
    let (put_ns, summary) = paced(schedule(Pace::Steady, Some(10.0)), &[0; 20], 1_000 * MS);
    let expected: Vec<u64> = (0..20)
        .map(|number| match number {
            0 => 0,
            number => (number * 100 * MS).max(1_000 * MS),
        })
        .collect();
    assert_eq!(put_ns, expected);
    let lateness = summary.lateness.unwrap();
    // Eleven of twenty left late: by 1 s, by 0.9 s, and so on down to 0.
    assert!(
        lateness.max_ns >= 1_000 * MS && lateness.max_ns < 1_002 * MS,
        "{lateness:?}"
    );
    assert!(lateness.p50_ns <= 101 * MS, "{lateness:?}");
}

#[test]
fn the_summary_as_json_keeps_its_keys() {
    let (_, summary) = paced(schedule(Pace::Steady, None), &[0, 5 * MS], 0);
    let object = summary.to_json();
    let keys: Vec<&str> = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "datagrams",
            "bytes",
            "messages",
            "faults",
            "faults_planned",
            "elapsed_s",
            "datagrams_per_s",
            "late_us"
        ]
    );
    assert_eq!(object["messages"]["1"], 2);
}

#[test]
fn outputs_go_to_the_sensor_they_name_and_the_rest_to_that_of_all() {
    let named = |name: &str, output| (Some(name.to_owned()), output);
    let names = ["a", "b", "c"];
    let outputs = BySensor::new(vec![named("b", 1), (None, 2)], &names).unwrap();
    assert_eq!(
        [0, 1, 2].map(|sensor| outputs.place(sensor)),
        [Some(1), Some(0), Some(1)]
    );
    let one = BySensor::new(vec![named("c", 1)], &names).unwrap();
    assert_eq!(
        [0, 1, 2].map(|sensor| one.place(sensor)),
        [None, None, Some(0)]
    );
    let unknown = BySensor::new(vec![named("d", 1)], &names).unwrap_err();
    assert_eq!(unknown, "the scenario has no sensor \"d\"");
    let twice = BySensor::new(vec![(None, 1), (None, 2)], &names).unwrap_err();
    assert_eq!(twice, "two outputs of one kind for all sensors");
}
