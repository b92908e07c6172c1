//! The runtime is killed at named points: around a commit, by a proxy that holds what goes by; around
//! what is written to files, by a debugger that kills it as it enters a system call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kafka_harness::{Side, api};

use super::scene::Scene;
use super::{cluster, pause, rounds, seconds, turn};
use crate::common::skip;
use crate::rig::{Random, Running, wait_for};

/// Time of a round: a start, some traffic, an end.
const ROUND: Duration = seconds(3);
/// Longest wait for a point.
const POINT_MAX: Duration = seconds(30);
/// Seed of the moments.
const SEED: u64 = 20_261_124;

/// What becomes of what is held when the runtime is killed.
#[derive(Clone, Copy)]
enum Then {
    /// It is lost.
    Lost,
    /// It arrives before the next start.
    Late,
    /// It arrives when the next run has begun.
    Later,
}

#[test]
fn the_runtime_is_killed_around_a_commit() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(3, 15);
    let proxy = cluster.proxy(1);
    let points = [
        (
            11,
            "SIGKILL before a commit: records sent, not acknowledged",
            api::PRODUCE,
            Side::Response,
            Then::Late,
        ),
        (
            12,
            "SIGKILL before a commit: its request never arrives",
            api::END_TXN,
            Side::Request,
            Then::Lost,
        ),
        (
            13,
            "SIGKILL inside a commit: its request arrives after the kill",
            api::END_TXN,
            Side::Request,
            Then::Late,
        ),
        (
            14,
            "SIGKILL inside a commit: its request arrives when the next run has begun",
            api::END_TXN,
            Side::Request,
            Then::Later,
        ),
        (
            15,
            "SIGKILL after a commit: it happened, its answer never arrives",
            api::END_TXN,
            Side::Response,
            Then::Lost,
        ),
    ];
    for (place, what, key, side, then) in points {
        let scene = Scene::new(&cluster, "failures", "");
        let lasts = ROUND * u32::try_from(times).unwrap();
        scene.site.configure("data", "", &scene.paced(lasts));
        let mut random = Random::new(SEED);
        let mut running = Some(scene.begin(lasts));
        for _ in 0..times {
            let this = running.take().unwrap_or_else(|| scene.start());
            pause(Duration::from_millis(500 + random.below(500)));
            let held = proxy.hold_api(key, side);
            assert!(held.wait(POINT_MAX));
            this.kill();
            match then {
                Then::Lost => held.discard(),
                Then::Late => held.release(),
                Then::Later => {
                    running = Some(scene.start());
                    pause(Duration::from_millis(700));
                    held.release();
                }
            }
        }
        drop(running);
        scene.finish();
        scene.row((place, what), times).holds();
    }
}

/// A place in the data directory where the runtime is killed.
struct Point {
    place: u32,
    what: &'static str,
    /// Folder; the newest segment in it if `segment`.
    folder: &'static str,
    segment: bool,
    /// System calls that kill when they are entered.
    calls: &'static str,
    /// Passes before the one that kills, at most.
    passes: u64,
}

const POINTS: [Point; 7] = [
    Point {
        place: 16,
        what: "SIGKILL before a block is appended to the journal",
        folder: "journal",
        segment: true,
        calls: "pwrite64",
        passes: 20,
    },
    Point {
        place: 17,
        what: "SIGKILL after a block was appended to the journal, before its records are in the topic log",
        folder: "topics/tracks",
        segment: true,
        calls: "pwrite64",
        passes: 20,
    },
    Point {
        place: 18,
        what: "SIGKILL while the journal is synced",
        folder: "journal",
        segment: true,
        calls: "fdatasync,fsync",
        passes: 3,
    },
    Point {
        place: 25,
        what: "SIGKILL during a snapshot, before its file is made",
        folder: "snapshots",
        segment: false,
        calls: "openat",
        passes: 1,
    },
    Point {
        place: 26,
        what: "SIGKILL during a snapshot, written and without its name",
        folder: "snapshots",
        segment: false,
        calls: "rename,renameat,renameat2",
        passes: 1,
    },
    Point {
        place: 27,
        what: "SIGKILL during a snapshot, named and not synced",
        folder: "snapshots",
        segment: false,
        calls: "fsync,fdatasync",
        passes: 1,
    },
    Point {
        place: 28,
        what: "SIGKILL while the mark beside a topic log is replaced",
        folder: "forward",
        segment: false,
        calls: "rename,renameat,renameat2",
        passes: 3,
    },
];

/// The newest segment of a log.
fn newest(folder: PathBuf) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let segments =
        entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "seg"));
    segments.map(|entry| entry.path()).max()
}

/// Kills a run when it enters one of the calls on the path. True if it was so killed.
fn kill_at(running: Running, path: &Path, calls: &str, when: u64) -> bool {
    let mut running = running;
    let mut strace = Command::new("strace");
    strace
        .args(["--follow-forks", "--quiet=all", "--output=/dev/null"])
        .arg(format!("--trace-path={}", path.display()))
        .arg(format!("--trace={calls}"))
        .arg(format!("--inject={calls}:signal=KILL:when={when}"))
        .arg(format!("--attach={}", running.child.id()))
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let mut strace = strace.spawn().unwrap();
    let until = std::time::Instant::now() + POINT_MAX;
    let killed = loop {
        if running.child.try_wait().unwrap().is_some() {
            break true;
        }
        if std::time::Instant::now() > until {
            break false;
        }
        pause(Duration::from_millis(5));
    };
    running.kill();
    wait_for("the debugger to end", || strace.try_wait().unwrap());
    killed
}

#[test]
fn the_runtime_is_killed_around_what_it_writes() {
    let _turn = turn();
    let found = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        skip("strace is not there, with which the runtime is killed at named points");
        return;
    }
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(3, 15);
    let mut random = Random::new(SEED);
    for point in &POINTS {
        let scene = Scene::new(&cluster, "failures", "");
        let lasts = ROUND * u32::try_from(times).unwrap();
        scene.site.configure("data", "", &scene.paced(lasts));
        for round in 0..times {
            let running = match round {
                0 => scene.begin(lasts),
                _ => scene.start(),
            };
            let folder = scene.site.path("data").join(point.folder);
            let path = match point.segment {
                true => wait_for("a segment", || newest(folder.clone())),
                false => folder,
            };
            let when = 1 + random.below(point.passes);
            let killed = kill_at(running, &path, point.calls, when);
            assert!(killed, "{}: the point did not come", point.what);
        }
        scene.finish();
        scene.row((point.place, point.what), times).holds();
    }
}
