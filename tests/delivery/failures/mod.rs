//! Failures, characterised: the runtime mirrors to a real broker, something is done to one of them,
//! and at the end what an independent reader finds is held against the topic logs.
//!
//! Each case leaves a row of the table in `tests/kafka/FAILURES.md`, which `cargo xtask failures`
//! writes. Few rounds by default, many with `--long`.

mod backlog;
mod brokers;
mod lives;
mod points;
mod rebalance;
mod row;
mod scene;

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use kafka_harness::{Cluster, Options};

/// Set, the cases take many rounds.
const LONG: &str = "OUTRIGGER_FAILURES_LONG";

/// Rounds of a case.
fn rounds(short: u64, long: u64) -> u64 {
    match std::env::var_os(LONG).is_some_and(|set| !set.is_empty()) {
        true => long,
        false => short,
    }
}

/// How long what stalls does: 30 s where a table is written, less in tests.
fn stall() -> Duration {
    match std::env::var_os(row::FOLDER).is_some_and(|set| !set.is_empty()) {
        true => seconds(30),
        false => seconds(8),
    }
}

/// Waits on purpose: a disturbance lasts so long.
fn pause(time: Duration) {
    std::thread::sleep(time);
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One case at a time: two would measure each other.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// A cluster with a proxy before each broker, whose records bear the time when they were appended.
fn cluster(brokers: usize) -> Option<Cluster> {
    Cluster::start(&options(brokers))
}

fn options(brokers: usize) -> Options {
    Options {
        brokers,
        proxied: true,
        properties: vec![(
            "log.message.timestamp.type".to_owned(),
            "LogAppendTime".to_owned(),
        )],
        ..Options::default()
    }
}
