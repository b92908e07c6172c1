//! Kills the runtime again and again: what is in the logs at the end is what an undisturbed run
//! puts there, record for record.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::common::installation;
use crate::rig::recordings::Timed;
use crate::rig::{Data, Random, Site, assert_equal_records};

/// Kills of the long run.
const KILLS: u64 = 200;
/// One kill of so many comes at any time since the process began, before it is open included; the
/// others at any time since it said that it is open.
const EARLY_OF: u64 = 5;
/// Latest kill, microseconds since the process began, or since it said that it is open.
const KILL_AFTER_US: u64 = 180_000;
/// Seed of the moments.
const SEED: u64 = 20_131_112;
/// Time over which the recording is spread, seconds: more than all runs together live, so that
/// each kill hits a run that has something to do.
const PACED_S: f64 = 30.0;

/// One sentence of so many is spoiled, so that there are dead letters too.
const SPOILED_OF: usize = 97;

/// The recording, with a wrong checksum here and there.
fn spoiled(text: &str) -> String {
    let spoil = |(at, line): (usize, &str)| match line.strip_suffix(|_: char| true) {
        Some(most) if at % SPOILED_OF == 0 && line.contains('!') => format!("{most}X\n"),
        Some(_) | None => format!("{line}\n"),
    };
    text.lines().enumerate().map(spoil).collect()
}

/// A decoder that keeps fragments, a validator that keeps tracks, and short spans.
fn configuration(pace: &str) -> String {
    format!(
        r#"
[taps.harbour]
kind = "lines"
path = "recording.txt"
time_column = true
{pace}

[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["harbour"]
writes = ["track.sea", "track.air", "static.sea", "station.base", "aid.navigation"]

[plugins.judge]
role = "validator"
component = "track_plausibility.wasm"

[classes."track.sea"]
validators = ["judge"]
topic = "tracks"
[classes."track.air"]
topic = "tracks"
[classes."static.sea"]
topic = "other"
[classes."station.base"]
topic = "other"
[classes."aid.navigation"]
topic = "other"
[topics.tracks]
[topics.other]

[pipeline]
instance_blocks = 16
snapshot_interval_s = 1
"#
    )
}

fn paced(duration_s: f64) -> String {
    format!("factor = {:.3}", duration_s / PACED_S)
}

const FLAT_OUT: &str = "pace = \"flat-out\"";

/// A moment to kill at.
struct Moment {
    /// Wait until the runtime has said that it is open.
    open: bool,
    /// And then so long.
    after: Duration,
}

/// Starts a run, and kills it at the moment. False if it had ended by itself.
fn kill_at(site: &Site, name: &str, moment: &Moment) -> bool {
    let mut child = site.run_command(name, &["--until-idle"]).spawn().unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    let (says, hears) = channel();
    let listener = std::thread::spawn(move || {
        // Ends with the process, which closes the pipe, and so does the channel.
        for line in errors.lines() {
            let line = line.unwrap();
            let is_open = line.contains("data in");
            assert!(!line.contains("ERROR"), "{line}");
            if says.send(is_open).is_err() {
                return;
            }
        }
    });
    if moment.open {
        while hears.recv() == Ok(false) {}
    }
    loop {
        match hears.recv_timeout(moment.after) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => {
                child.wait().unwrap();
                listener.join().unwrap();
                return false;
            }
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(hears);
    listener.join().unwrap();
    true
}

/// Starts after an unclean stop, and of these the ones that went on from a snapshot.
fn unclean_starts(data: &Data) -> (u64, u64) {
    let starts = data
        .audit()
        .into_iter()
        .filter(|record| record.event == "start");
    let unclean: Vec<String> = starts
        .map(|record| record.detail)
        .filter(|detail| detail.contains("unclean stop before"))
        .collect();
    let from_snapshot = unclean
        .iter()
        .filter(|detail| !detail.contains("; from block 0,"))
        .count();
    (unclean.len() as u64, from_snapshot as u64)
}

#[test]
fn two_hundred_kills_change_no_record() {
    let recording = Timed::find();
    let site = Site::new(installation());
    site.write("recording.txt", spoiled(&recording.text));
    let undisturbed = configuration(FLAT_OUT);
    site.configure("undisturbed", "", &undisturbed);
    let status = site.run_well("undisturbed", &[]);
    let expected = status.ledger.captured;
    assert_eq!(expected, recording.text.lines().count() as u64);
    for plugin in &status.plugins {
        let (name, permille) = (&plugin.name, plugin.fuel_permille);
        println!(
            "{name}: {permille} permille of its fuel, {} calls",
            plugin.calls
        );
        assert!(permille < 500, "{name} is too near to its limit of fuel");
        assert!(plugin.faults.is_empty(), "{name}: {:?}", plugin.faults);
    }

    let killed = configuration(&paced(recording.duration_s));
    site.configure("killed", "", &killed);
    let mut random = Random::new(SEED);
    let mut early = 0;
    for kill in 0..KILLS {
        let open = random.below(EARLY_OF) != 0;
        early += u64::from(!open);
        let after = Duration::from_micros(random.below(KILL_AFTER_US));
        let hit = kill_at(&site, "killed", &Moment { open, after });
        assert!(hit, "kill {kill} came after the end of the recording");
    }
    let data = site.data("killed");
    let (unclean, from_snapshot) = unclean_starts(&data);
    let captured = data.frames().len() as u64;
    println!(
        "{KILLS} kills, {early} of them at any time of a start; {unclean} unclean starts found, \
         {from_snapshot} of them went on from a snapshot; {captured} of {expected} frames captured \
         by then"
    );
    // A kill before a start is written down leaves its mark to the next one.
    assert!(unclean >= KILLS - 2 * early, "the kills did not hit");
    assert!(from_snapshot > 0, "no recovery began at a snapshot");
    assert!(captured > expected / 10, "the runs did not get on");
    assert!(captured < expected, "nothing was left for the last run");

    // How fast a recording is read shapes no output.
    site.configure("killed", "", &undisturbed);
    site.run_well("killed", &[]);
    let counts = assert_equal_records(&site.data("undisturbed"), &data);
    println!("equal: {counts:?}");
    assert!(counts.iter().all(|(_, count)| *count > 100));
}

/// Longest wait for a named point. Some are so short that a look can miss them; the run is killed
/// all the same.
const POINT_WAIT_MAX: Duration = Duration::from_millis(1_500);

/// Starts a run, and kills it as soon as `sees` is true. False if that
/// was missed.
fn kill_when(site: &Site, name: &str, mut sees: impl FnMut(&Data) -> bool) -> bool {
    let mut command = site.run_command(name, &["--until-idle"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let data = site.data(name);
    let until = Instant::now() + POINT_WAIT_MAX;
    let hit = loop {
        if sees(&data) {
            break true;
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        if Instant::now() > until {
            break false;
        }
        std::thread::yield_now();
    };
    child.kill().unwrap();
    child.wait().unwrap();
    hit
}

/// Bytes of all files of a folder of the data directory whose name ends so.
fn bytes_of(data: &Data, folder: &str, suffix: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(data.path.join(folder)) else {
        return 0;
    };
    let files = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.ends_with(suffix))
    });
    // What is gone by now has no bytes.
    files
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len() + 1)
        .sum()
}

#[test]
fn kills_at_named_points_change_no_record() {
    let recording = Timed::find().first(20_000);
    let site = Site::new(installation());
    site.write("recording.txt", spoiled(&recording.text));
    site.configure("undisturbed", "", &configuration(FLAT_OUT));
    site.run_well("undisturbed", &[]);
    site.configure("killed", "", &configuration(&paced(recording.duration_s)));
    // A point is a folder that something is written into, the end of the file's name, and how many
    // bytes more make it come.
    let points = [
        ("taking the lock", "", "lock", 1),
        ("opening the journal", "journal", "ceiling", 1),
        ("capturing its first block", "journal", ".seg", 200),
        ("writing its first outputs", "topics/tracks", ".seg", 200),
        ("writing a snapshot", "snapshots", ".tmp", 1),
        ("having written a snapshot", "snapshots", ".snapshot", 1),
        ("writing dead letters", "topics/_dead-letters", ".seg", 100),
        ("well under way", "topics/tracks", ".seg", 20_000),
    ];
    let mut hits = 0;
    for round in 0..3 {
        for (point, folder, suffix, more) in points {
            let before = bytes_of(&site.data("killed"), folder, suffix);
            let hit = kill_when(&site, "killed", |data| {
                let now = bytes_of(data, folder, suffix);
                // Retention and the next snapshot may also take away.
                now < before || now >= before + more
            });
            println!(
                "round {round}, {point}: {}",
                if hit { "killed" } else { "missed" }
            );
            hits += u64::from(hit);
        }
    }
    assert!(hits >= 12, "only {hits} kills hit");
    site.configure("killed", "", &configuration(FLAT_OUT));
    site.run_well("killed", &[]);
    let counts = assert_equal_records(&site.data("undisturbed"), &site.data("killed"));
    println!("equal: {counts:?}");
}
