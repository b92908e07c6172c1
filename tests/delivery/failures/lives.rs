//! The runtime's own lives: killed at any moment, twice alive, and cut off from power.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::scene::{Scene, delivered};
use super::{cluster, pause, rounds, seconds, turn};
use crate::mirror::{Ledger, id_of, ledger, read};
use crate::rig::{Data, Random};

/// Latest kill, milliseconds since the process began.
const KILL_AFTER_MS: u64 = 2_500;
/// Seed of the moments.
const SEED: u64 = 20_261_123;

#[test]
fn the_runtime_is_killed_at_any_moment() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let scene = Scene::new(&cluster, "failures", "");
    let kills = rounds(12, 200);
    // The recording lasts longer than all lives together, so that each kill hits a run at work.
    let lives = Duration::from_millis(kills * KILL_AFTER_MS);
    scene.site.configure("data", "", &scene.paced(lives));
    let mut random = Random::new(SEED);
    for _ in 0..kills {
        let mut child = scene.site.run_command("data", &[]).spawn().unwrap();
        pause(Duration::from_millis(random.below(KILL_AFTER_MS)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let before = scene.site.data("data").records("tracks").len();
    scene.finish();
    let row = (10, "the runtime: SIGKILL at any moment of its first 2.5 s");
    let row = scene.row(row, kills);
    let written = row.exact.written;
    assert!(
        (100..written).contains(&before),
        "{before} of {written} made by killed runs"
    );
    row.holds();
}

/// Copies a folder, its locks left out: the copy is another's.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_file() {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn a_zombie_is_fenced() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(1, 5);
    for round in 0..times {
        let scene = Scene::new(&cluster, "failures", "");
        let zombie = scene.begin(seconds(20));
        zombie.signal(Signal::STOP);
        copy(&scene.site.path("data"), &scene.site.path("twin"));
        scene.site.configure("twin", "", &scene.paced(seconds(4)));
        let mut twin = scene.site.start("twin", &["--until-idle", "--json"]);
        twin.wait_status("the twin to deliver", |status| delivered(status) > 50);
        zombie.signal(Signal::CONT);
        let (code, _, errors) = zombie.end();
        assert_eq!(code, Some(4), "{errors}");
        assert!(
            errors.contains("another runtime with this journal's identity has taken over"),
            "{errors}"
        );
        scene.end(twin);
        let data = scene.site.data("twin");
        let row = (
            20,
            "the runtime: SIGSTOP, a twin takes over on a copy of its data, SIGCONT",
        );
        let mut row = super::row::Row::of(&cluster, &scene.mirror, &data, row, times);
        // At least once is not fenced: what the zombie captured and delivered between waking and its
        // end has numbers of its own.
        let of_zombie = ledger(
            &scene.site.data("data"),
            "other",
            &read(&cluster, &scene.mirror.other),
        );
        println!("against the zombie's own logs: {of_zombie:?}");
        let note = format!(
            "the zombie ends with exit code 4; at-least-once topics are not fenced: {} records of its \
             own came through before",
            row.least.unknown
        );
        row.least.unknown = 0;
        let row = row.note(note);
        if round + 1 == times {
            row.holds();
        }
    }
}

/// Lengths of all segments of a log.
fn lengths(log: &Path) -> Vec<(std::path::PathBuf, u64)> {
    let entries = fs::read_dir(log).unwrap().map(Result::unwrap);
    let segments =
        entries.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "seg"));
    segments
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .collect()
}

/// Cuts a log back to what it was: segments that came later go, others get their length back.
fn cut(log: &Path, was: &[(std::path::PathBuf, u64)]) -> u64 {
    let mut taken = 0;
    for (path, length) in lengths(log) {
        match was.iter().find(|(known, _)| *known == path) {
            Some((_, before)) => {
                let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.set_len(*before).unwrap();
                taken += length - before;
            }
            None => {
                fs::remove_file(&path).unwrap();
                taken += length;
            }
        }
    }
    taken
}

/// Nothing is synced between the start and the cut, and no snapshot stands beyond it.
const LATE_SYNC: &str = "sync_interval_ms = 60_000";

fn cut_power(row: (u32, &str), logs: &[&str]) {
    let Some(cluster) = cluster(1) else { return };
    let times = rounds(2, 10);
    let scene = Scene::new(&cluster, "failures", "");
    let late =
        |text: String| text.replace("snapshot_interval_s = 1", "snapshot_interval_s = 3_600");
    let mut taken = 0;
    let mut ahead = 0;
    let mut gone = std::collections::BTreeSet::new();
    for _ in 0..times {
        let text = late(scene.paced(seconds(6 * times)));
        scene.site.configure("data", LATE_SYNC, &text);
        let mut running = scene.start();
        running.wait_status("deliveries", |status| delivered(status) > 20);
        let data = scene.site.path("data");
        let was: Vec<_> = logs.iter().map(|log| lengths(&data.join(log))).collect();
        let before = running.status().map_or(0, |status| delivered(&status));
        running.wait_status("transactions", |status| delivered(status) > before + 40);
        running.kill();
        let log_id = scene.site.data("data").log_id();
        for (log, was) in logs.iter().zip(was) {
            taken += cut(&data.join(log), &was);
        }
        let kept = ids(&scene.site.data("data"), &log_id);
        let seen = read(&cluster, &scene.mirror.tracks);
        let seen: Vec<String> = seen.iter().map(id_of).collect();
        ahead += seen.iter().filter(|id| !kept.contains(*id)).count();
        gone.extend(seen);
    }
    let text = late(scene.text("pace = \"flat-out\""));
    scene.site.configure("data", "", &text);
    scene.site.run_well("data", &[]);
    let mut row = scene.row(row, times);
    // What Kafka held before a cut and the logs no longer hold, because its frames are gone.
    let made_again = ids(&scene.site.data("data"), &scene.site.data("data").log_id());
    let orphans = gone.iter().filter(|id| !made_again.contains(*id)).count();
    assert_eq!(row.exact.unknown, orphans, "{row:?}");
    assert!(ahead > 0, "Kafka was never ahead");
    row.note = format!(
        "{taken} bytes of the logs taken; Kafka was ahead by {ahead} records, of {orphans} the frames \
         are gone"
    );
    row.exact = Ledger {
        unknown: 0,
        ..row.exact
    };
    row.least.unknown = 0;
    row.holds();
}

fn ids(data: &Data, log_id: &[u8; 16]) -> std::collections::BTreeSet<String> {
    let records = data.records("tracks");
    records
        .iter()
        .map(|record| crate::mirror::id(log_id, record))
        .collect()
}

#[test]
fn power_is_cut_and_the_topic_logs_lose_their_tails() {
    let _turn = turn();
    let row = (
        21,
        "power cut: the topic logs lose their tails behind committed transactions",
    );
    cut_power(row, &["topics/tracks", "topics/other"]);
}

#[test]
fn power_is_cut_and_the_journal_loses_its_tail_too() {
    let _turn = turn();
    let row = (
        22,
        "power cut: journal and topic logs lose their tails behind committed transactions",
    );
    cut_power(row, &["journal", "topics/tracks", "topics/other"]);
}

/// Time for which nothing comes.
const IDLE: Duration = seconds(5);
/// CPU of a runtime that mirrors to Kafka and has nothing to do, permille of a core. Threads that
/// look every 500 ms, and librdkafka's own.
const IDLE_CPU_PERMILLE_MAX: u64 = 40;

#[test]
fn an_idle_runtime_needs_next_to_nothing() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let scene = Scene::new(&cluster, "failures", "");
    scene
        .site
        .configure("data", "", &scene.text("pace = \"flat-out\""));
    let mut running = scene.site.start("data", &[]);
    running.wait_status("everything to be delivered", |status| {
        let mut topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
        super::scene::delivers(status)
            && status.taps[0].ended
            && status.ledger.waiting == 0
            && topics.all(|topic| topic.waiting == 0)
    });
    pause(seconds(1));
    let connected = cpu_permille(&running.child);
    cluster.proxy(1).refuse();
    pause(seconds(1));
    let away = cpu_permille(&running.child);
    println!(
        "CPU while idle: {connected} permille connected, {away} permille with the broker away"
    );
    running.signal(Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    assert!(connected <= IDLE_CPU_PERMILLE_MAX, "{connected} permille");
    assert!(away <= IDLE_CPU_PERMILLE_MAX, "{away} permille");
}

/// CPU of a process over [`IDLE`], permille of a core.
fn cpu_permille(child: &std::process::Child) -> u64 {
    let path = format!("/proc/{}/stat", child.id());
    let ticks = || -> u64 {
        let text = fs::read_to_string(&path).unwrap();
        let (_, rest) = text.rsplit_once(") ").unwrap();
        // proc(5): utime and stime are fields 14 and 15, the state behind the name is field 3.
        let fields: Vec<&str> = rest.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    pause(IDLE);
    let used_ms = (ticks() - before) * 1_000 / rustix::param::clock_ticks_per_second();
    used_ms * 1_000 / u64::try_from(IDLE.as_millis()).unwrap()
}

#[test]
fn a_run_ends_in_time_while_the_broker_is_away() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    for hangs in [false, true] {
        let scene = Scene::new(&cluster, "failures", "");
        scene.site.configure("data", "", &scene.paced(seconds(30)));
        let mut running = scene.site.start("data", &["--drain-s", "2"]);
        running.wait_status("the first deliveries", super::scene::delivers);
        match hangs {
            true => cluster.proxy(1).hold_both(),
            false => cluster.proxy(1).refuse(),
        }
        let before = running.status().map_or(0, |status| status.ledger.captured);
        running.wait_status("frames", |status| status.ledger.captured > before + 100);
        running.signal(Signal::TERM);
        let begun = std::time::Instant::now();
        let (code, _, errors) = running.end();
        let took = begun.elapsed();
        cluster.proxy(1).pass();
        println!("ended after {took:?}");
        assert_eq!(code, Some(0), "{errors}");
        assert!(
            errors.contains("records wait in the topic logs for kafka.main"),
            "{errors}"
        );
        // Twice its drain time, which the pipeline has too, and the last calls.
        assert!(took < seconds(8), "{took:?}");
        scene.finish();
        let what = match hangs {
            true => "SIGTERM while the way to the broker hangs",
            false => "SIGTERM while connections to the broker are refused",
        };
        let row = scene.row((23 + u32::from(hangs), what), 1);
        let note = format!(
            "the run ends in {:.1} s with 2 s to drain",
            took.as_secs_f64()
        );
        row.note(note).holds();
    }
}
