#![allow(clippy::unwrap_used)]

use super::*;
use crate::status::{ClassStatus, PluginStatus, TapStatus};

fn snapshot(at_ms: u64, frames: u64, messages: [u64; 2], fuel: u64) -> StatusSnapshot {
    let class = |(name, messages): (&str, u64)| ClassStatus {
        name: name.to_owned(),
        messages,
        ..ClassStatus::default()
    };
    StatusSnapshot {
        uptime_ms: at_ms,
        taps: vec![TapStatus {
            frames,
            bytes: frames * 40,
            ..TapStatus::default()
        }],
        classes: ["a", "b"].into_iter().zip(messages).map(class).collect(),
        plugins: vec![PluginStatus {
            name: "plugin".to_owned(),
            fuel,
            ..PluginStatus::default()
        }],
        ..StatusSnapshot::default()
    }
}

#[test]
fn seconds_add_up_to_the_last_words() {
    let mut sampling = Sampling::new(std::process::id());
    sampling.add(&snapshot(1_000, 10, [8, 1], 900), 30, 1);
    sampling.add(&snapshot(2_000, 30, [20, 4], 2_000), 50, 2);
    let last = snapshot(2_400, 33, [22, 5], 2_300);
    sampling.add(&last, 60, 3);
    let totals = sampling.totals(&last);
    let sum = |of: fn(&Second) -> u64| sampling.seconds.iter().map(of).sum::<u64>();
    assert_eq!((totals.frames, totals.bytes_in), (33, 33 * 40));
    assert_eq!((totals.messages, totals.cpu_ms, totals.ms), (27, 60, 2_400));
    assert_eq!(sum(|one| one.frames), totals.frames);
    assert_eq!(sum(|one| one.cpu_ms), totals.cpu_ms);
    assert_eq!(sum(|one| one.fuel[0]), 2_300);
    let messages = |one: &Second| one.messages.iter().map(|(_, count)| count).sum();
    assert_eq!(sum(messages), totals.messages);
    assert_eq!(totals.cpu_ns_per_message, 60_000_000 / 27);
    // The second second: 20 ms of two cores.
    assert_eq!(sampling.busiest(2), 10);
    assert!(totals.cpu_by_class.is_empty(), "three seconds tell nothing");
}

#[test]
fn a_run_of_less_than_a_second_is_held_to_what_a_second_may_use() {
    let mut sampling = Sampling::new(std::process::id());
    sampling.add(&snapshot(100, 10, [8, 1], 900), 40, 1);
    assert_eq!(sampling.busiest(2), 20, "40 ms of the 2,000 of a second");
}

#[test]
fn cpu_is_told_apart_by_class_over_seconds() {
    let mut sampling = Sampling::new(std::process::id());
    let (mut messages, mut cpu_ms) = ([0, 0], 0);
    let mut last = snapshot(0, 0, messages, 0);
    for second in 1..=60_u64 {
        let more = [500 + second * 37 % 400, 300 + second * 91 % 500];
        // 20 µs and 50 µs each, and 4 ms a second.
        cpu_ms += 4 + more[0] / 50 + more[1] / 20;
        messages = [messages[0] + more[0], messages[1] + more[1]];
        last = snapshot(second * 1_000, 0, messages, 0);
        sampling.add(&last, cpu_ms, 1);
    }
    let totals = sampling.totals(&last);
    let close = |found: u64, is: u64| found.abs_diff(is) * 20 < is * 2;
    let found: Vec<u64> = totals.cpu_by_class.iter().map(|one| one.cpu_ns).collect();
    assert!(
        close(found[0], 20_000) && close(found[1], 50_000),
        "{totals:?}"
    );
    assert!(totals.idle_cpu_ns_per_s < 8_000_000, "{totals:?}");
}

#[test]
fn what_passes_its_bound_is_named() {
    let mut sampling = Sampling::new(std::process::id());
    sampling.add(&snapshot(1_000, 1, [1, 0], 0), 30, 1);
    let mut last = snapshot(2_000, 1, [1, 0], 0);
    last.ledger.lost_before = 7;
    last.ledger.shed = 3;
    last.budget.trips = 2;
    last.budget.cause = Some("drops".to_owned());
    sampling.add(&last, 40, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, super::super::place::tests::SMALL).unwrap();
    let config = Config::load(&file).unwrap();
    let mut trace = Trace {
        totals: sampling.totals(&last),
        ..Trace::default()
    };
    trace.budget.cpu_permille = 100;
    let outside = sampling.outside(&config, &trace, &last).join("; ");
    for named in [
        "memory is",
        "breaker opened 2 times",
        "drops",
        "7 frames were lost",
        "3 frames were shed",
    ] {
        assert!(outside.contains(named), "{named}: {outside}");
    }
    assert!(!outside.contains("CPU"), "{outside}");
}
