#![allow(clippy::unwrap_used)]

use super::*;
use crate::support::{Place, open_dir};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const DIR: &str = "OUTRIGGER_JOURNAL_LOCK_DIR";

#[test]
fn times_are_told_in_utc() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (4_102_444_800, "2100-01-01T00:00:00Z"),
    ] {
        assert_eq!(utc(seconds), expected);
    }
}

#[test]
fn a_dropped_lock_is_free() {
    let place = Place::new();
    let held = DirLock::acquire(&place.dir, "one", 0).unwrap();
    assert!(DirLock::acquire(&place.dir, "two", 0).is_err());
    drop(held);
    DirLock::acquire(&place.dir, "two", 0).unwrap();
}

/// Not a test of its own: the process that the next test starts.
#[test]
fn owner() {
    let Some(path) = std::env::var_os(DIR) else {
        return;
    };
    let _held = DirLock::acquire(&open_dir(path.as_ref()), "the owner", 0).unwrap();
    println!("held");
    // Until it is killed.
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
}

struct Owner(Child);

impl Owner {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_stopped_owner_keeps_the_lock_and_a_killed_one_does_not() {
    let place = Place::new();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["lock::tests::owner", "--exact", "--nocapture"])
        .env(DIR, place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut owner = Owner(child);
    let stdout = owner.0.stdout.take().unwrap();
    let held = BufReader::new(stdout)
        .lines()
        .any(|line| line.unwrap().ends_with("held"));
    assert!(held);
    owner.signal(Signal::STOP);
    let said = DirLock::acquire(&place.dir, "twin", 0)
        .unwrap_err()
        .to_string();
    let pid = owner.0.id();
    assert_eq!(
        said,
        format!("in use by pid {pid} (the owner), since 1970-01-01T00:00:00Z")
    );
    drop(owner);
    DirLock::acquire(&place.dir, "twin", 0).unwrap();
}
