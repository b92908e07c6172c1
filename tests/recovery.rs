//! What a run does with what the last one left: rulings obeyed, snapshots used, tails mended,
//! changes and strangers refused.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger::rulings::{self, Ruling};
use outrigger_journal::{Kind, Options, StreamId, Writer};
use rustix::process::Signal;
use sha2::{Digest, Sha256};

use crate::rig::guests::installed;
use crate::rig::{Data, Random, Running, Site, assert_equal_records};

/// Messages of the recording.
const MESSAGES: usize = 3_000;
/// Frames in a block.
const BLOCK_FRAMES: &str = "block_frames_max = 8";
/// Blocks in a span of short spans.
const SHORT_SPANS: &str = "instance_blocks = 4\nsnapshot_interval_s = 1";
/// Spans so long that nothing but a stop ends one: no snapshot but at a stop.
const LONG_SPANS: &str = "instance_blocks = 1_048_576\nsnapshot_interval_s = 86_400";

/// A recording of one message a millisecond: {key: number}, with keys and numbers from a seed. The
/// numbers are no sevens, and each key comes fewer than 128 times.
fn recording() -> String {
    let mut random = Random::new(7);
    let mut text = String::new();
    for at in 0..MESSAGES {
        let key = b'!' + random.below(90) as u8;
        let number = 16 + random.below(32) as u8;
        text += &format!(
            "{:.3},81a1{key:02x}{number:02x}\n",
            1_700_000_000.0 + at as f64 / 1e3
        );
    }
    text
}

fn configuration(pace: &str, pipeline: &str, count: &str) -> String {
    format!(
        r#"
[pipeline]
{pipeline}
[taps.bus]
kind = "lines"
path = "frames.txt"
encoding = "hex"
time_column = true
{pace}
[plugins.decoder]
component = "decoder.wasm"
role = "decoder"
taps = ["bus"]
writes = ["echo"]
[plugins.count]
component = "validator.wasm"
role = "validator"
{count}
[classes.echo]
validators = ["count"]
topic = "echoes"
[topics.echoes]
"#
    )
}

const FLAT_OUT: &str = "pace = \"flat-out\"";
/// The recording over 30 s: no test waits for its end.
const SLOW: &str = "factor = 0.1";

/// A site with the recording, and `undisturbed` run in it.
fn site(pipeline: &str) -> Site {
    let site = Site::new(installed());
    site.write("frames.txt", recording());
    let text = configuration(FLAT_OUT, pipeline, "");
    site.configure("undisturbed", BLOCK_FRAMES, &text);
    site.run_well("undisturbed", &[]);
    site
}

fn start(site: &Site, pipeline: &str) -> Running {
    site.configure("data", BLOCK_FRAMES, &configuration(SLOW, pipeline, ""));
    site.start("data", &["--until-idle"])
}

/// Starts a slow run, and kills it once so many frames are processed.
fn kill_after(site: &Site, pipeline: &str, frames: u64) {
    let mut running = start(site, pipeline);
    running.wait_status("frames to be processed", |status| {
        status.ledger.processed >= frames
    });
    running.kill();
}

fn finish(site: &Site, pipeline: &str) -> outrigger::status::StatusSnapshot {
    site.configure("data", BLOCK_FRAMES, &configuration(FLAT_OUT, pipeline, ""));
    site.run_well("data", &[])
}

fn assert_whole(site: &Site) {
    let counts = assert_equal_records(&site.data("undisturbed"), &site.data("data"));
    assert_eq!(counts[1], ("echoes".to_owned(), MESSAGES));
}

/// Files of a folder of the data directory with this suffix, in order.
fn files(data: &Data, folder: &str, suffix: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(data.path.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(suffix))
        .collect();
    paths.sort();
    paths
}

fn cut(path: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(bytes)).unwrap();
}

fn forget_outputs(data: &Data) {
    fs::remove_dir_all(data.path.join("topics")).unwrap();
    fs::remove_dir_all(data.path.join("snapshots")).unwrap();
}

#[test]
fn late_ruling_is_obeyed_without_asking_the_plugin() {
    let site = Site::new(installed());
    site.write("frames.txt", recording());
    let text = configuration(FLAT_OUT, LONG_SPANS, "");
    site.configure("data", "block_frames_max = 1", &text);
    let calls = |status: &outrigger::status::StatusSnapshot| {
        let mut plugins = status.plugins.iter();
        plugins.find(|plugin| plugin.name == "count").unwrap().calls
    };
    let before = calls(&site.run_well("data", &[]));
    assert_eq!(before, MESSAGES as u64);
    let data = site.data("data");
    let frame = data.frames()[100].clone();

    // Call 0 of a block is the decoder's; then the validator's, and its retry in a fresh instance.
    let dir = Dir::open_ambient_dir(data.path.join("journal"), ambient_authority()).unwrap();
    let (mut journal, _) = Writer::open(dir, Options::new("test"), 0).unwrap();
    let late = [1, 2].map(|call| Ruling::Late {
        block: frame.block,
        call,
    });
    let columns = rulings::encode(&late, 0);
    journal
        .append(Kind::Rulings, StreamId::NONE, &columns, 0)
        .unwrap();
    journal.close().unwrap();
    forget_outputs(&data);

    let status = site.run_well("data", &[]);
    assert_eq!(calls(&status), before - 1);
    let dead = data.dead_letters();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].cause.as_deref(), Some("late"));
    assert_eq!(dead[0].frames, [frame.seq]);
    assert_eq!(data.records("echoes").len(), MESSAGES - 1);
}

#[test]
fn reexecution_restarts_instances_where_the_run_did() {
    let site = site(LONG_SPANS);
    let mut running = start(&site, LONG_SPANS);
    running.wait_status("frames", |status| status.ledger.processed >= 100);
    running.signal(Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    finish(&site, LONG_SPANS);
    assert_whole(&site);
    forget_outputs(&site.data("data"));
    let status = finish(&site, LONG_SPANS);
    assert_whole(&site);
    for plugin in &status.plugins {
        assert_eq!(
            plugin.starts, 2,
            "{}: at the begin, and at the stop",
            plugin.name
        );
    }
}

#[test]
fn damaged_snapshot_is_passed_over_for_the_one_before() {
    let site = site(SHORT_SPANS);
    kill_after(&site, SHORT_SPANS, 100);
    // Each start takes one soon, and two are kept.
    let frames = site.data("data").frames().len() as u64;
    let mut running = start(&site, SHORT_SPANS);
    running.wait_status("a second snapshot", |status| {
        status.ledger.processed >= 100 && status.pipeline.snapshot_block > frames / 8
    });
    running.kill();
    let data = site.data("data");
    let snapshots = files(&data, "snapshots", ".snapshot");
    assert_eq!(snapshots.len(), 2);
    let mut bytes = fs::read(&snapshots[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&snapshots[1], bytes).unwrap();
    let text = configuration(FLAT_OUT, SHORT_SPANS, "");
    site.configure("data", BLOCK_FRAMES, &text);
    let errors = site.run_badly("data", &[], 0);
    let name = snapshots[1].file_name().unwrap().to_str().unwrap();
    let said =
        format!("snapshots/{name} is damaged: its digest does not match; the one before is used");
    assert!(errors.contains(&said), "{errors}");
    assert_whole(&site);
}

#[test]
fn snapshot_of_a_newer_version_is_refused() {
    let site = site(SHORT_SPANS);
    let data = site.data("undisturbed");
    let newest = files(&data, "snapshots", ".snapshot").pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    bytes.truncate(bytes.len() - 32);
    assert_eq!(bytes[1], 1, "the version is the first of the list");
    bytes[1] = 2;
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    fs::write(&newest, bytes).unwrap();
    let errors = site.run_badly("undisturbed", &[], 3);
    let name = newest.file_name().unwrap().to_str().unwrap();
    let said = format!("snapshots/{name} has version 2, newer than this build's 1");
    assert!(errors.contains(&said), "{errors}");
}

#[test]
fn changed_configuration_is_refused_after_an_unclean_stop_only() {
    let site = site(LONG_SPANS);
    // Killed before any snapshot of a span, and again behind one.
    for (spans, processed) in [(LONG_SPANS, 100), (SHORT_SPANS, 300)] {
        kill_after(&site, spans, processed);
        let changed = configuration(FLAT_OUT, spans, "state_keys_max = 9_999");
        site.configure("data", BLOCK_FRAMES, &changed);
        let errors = site.run_badly("data", &[], 3);
        assert!(
            errors.contains("outrigger: the last run left ")
                && errors.contains(
                    " blocks behind its last snapshot, and since then the configuration has \
                     changed; run once with what it was before, or pass --accept-change to \
                     process these blocks with what it is now"
                ),
            "{errors}"
        );
        // What it was before is taken, and stops cleanly.
        let before = configuration(SLOW, spans, "");
        site.configure("data", BLOCK_FRAMES, &before);
        let mut running = site.start("data", &[]);
        running.wait_status("what was behind", |status| status.ledger.waiting == 0);
        running.signal(Signal::TERM);
        assert_eq!(running.end().0, Some(0));
    }
    // That was a clean stop: what comes next may change.
    let text = configuration(FLAT_OUT, SHORT_SPANS, "state_keys_max = 9_998");
    site.configure("data", BLOCK_FRAMES, &text);
    site.run_well("data", &[]);
    assert_whole(&site);
}

#[test]
fn changed_configuration_is_what_a_killed_run_goes_on_with() {
    let site = site(LONG_SPANS);
    let first = configuration(SLOW, LONG_SPANS, "state_keys_max = 9_999");
    site.configure("data", BLOCK_FRAMES, &first);
    let mut running = site.start("data", &[]);
    running.wait_status("frames", |status| status.ledger.processed > 50);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    // Behind the clean stop another configuration begins, and is killed before a span ends.
    kill_after(&site, LONG_SPANS, 200);
    site.configure("data", BLOCK_FRAMES, &first);
    let errors = site.run_badly("data", &[], 3);
    assert!(errors.contains("the configuration has changed"), "{errors}");
    finish(&site, LONG_SPANS);
    assert_whole(&site);
}

#[test]
fn damage_behind_a_clean_stop_is_refused_and_cut_only_when_told() {
    let site = site(SHORT_SPANS);
    finish(&site, SHORT_SPANS);
    let data = site.data("data");
    for (log, said) in [
        ("topics/echoes", "topic echoes: "),
        ("journal", "journal: "),
    ] {
        let last = files(&data, log, ".seg").pop().unwrap();
        let good = fs::read(&last).unwrap();
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(&last, &bytes).unwrap();
        let errors = site.run_badly("data", &[], 3);
        assert!(
            errors.contains(said)
                && errors.contains("a clean stop had left it whole")
                && errors.contains("--accept-loss"),
            "{errors}"
        );
        assert_eq!(
            fs::read(&last).unwrap(),
            bytes,
            "{log}: nothing was changed"
        );
        // Blocks that are gone from the end are missed as well.
        fs::write(&last, &good[..good.len() / 2]).unwrap();
        let errors = site.run_badly("data", &[], 3);
        assert!(errors.contains("a clean stop had left"), "{errors}");
        fs::write(&last, &good).unwrap();
    }
    site.run_well("data", &[]);
    assert_whole(&site);
    let last = files(&data, "topics/echoes", ".seg").pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&last, &bytes).unwrap();
    site.run_well("data", &["--accept-loss"]);
    let said = |record: &outrigger::audit::AuditRecord| {
        record.event == "loss" && record.detail.starts_with("topic echoes: damage to what")
    };
    assert!(data.audit().iter().any(said));
}

#[test]
fn torn_tails_are_cut_and_said() {
    let site = site(SHORT_SPANS);
    kill_after(&site, SHORT_SPANS, 200);
    let data = site.data("data");
    for (log, garbage) in [("journal", 77), ("topics/echoes", 13)] {
        let last = files(&data, log, ".seg").pop().unwrap();
        let mut bytes = fs::read(&last).unwrap();
        bytes.extend((0..garbage).map(|at| at as u8));
        fs::write(&last, bytes).unwrap();
    }
    finish(&site, SHORT_SPANS);
    assert_whole(&site);
    for log in ["journal: a torn tail", "topic echoes: a torn tail"] {
        let said = |record: &outrigger::audit::AuditRecord| {
            record.event == "loss" && record.detail.starts_with(log)
        };
        assert!(data.audit().iter().any(said), "{log}");
    }
}

#[test]
fn topic_logs_tail_is_written_again() {
    // With one snapshot at the beginning, everything lost can be made again.
    let site = site(LONG_SPANS);
    for lost_bytes in [1, 500, 5_000, 20_000] {
        kill_after(&site, LONG_SPANS, 150);
        let last = files(&site.data("data"), "topics/echoes", ".seg")
            .pop()
            .unwrap();
        cut(&last, lost_bytes);
    }
    let status = finish(&site, LONG_SPANS);
    assert!(status.topics.iter().any(|topic| topic.suppressed > 0));
    assert_whole(&site);
}

#[test]
fn journals_tail_is_captured_again() {
    let site = site(LONG_SPANS);
    for lost_bytes in [1, 300, 2_000] {
        kill_after(&site, LONG_SPANS, 150);
        let data = site.data("data");
        let last = files(&data, "journal", ".seg").pop().unwrap();
        cut(&last, lost_bytes);
        // What the power cut took of the journal, it took of what was made of it: the topics are
        // written and synced after the frames that they are made of.
        let last = files(&data, "topics/echoes", ".seg").pop().unwrap();
        cut(&last, 10 * lost_bytes);
    }
    finish(&site, LONG_SPANS);
    assert_whole(&site);
}

#[test]
fn second_runtime_is_refused_and_told_whose_it_is() {
    let site = site(SHORT_SPANS);
    let running = start(&site, SHORT_SPANS);
    let pid = running.child.id();
    let path = site.path("data").canonicalize().unwrap();
    let said = format!(
        "data directory {}: in use by pid {pid} (outrigger run), since ",
        path.display()
    );
    let errors = site.run_badly("data", &[], 3);
    assert!(errors.contains(&said), "{errors}");
    // A stopped owner will wake up again.
    running.signal(Signal::STOP);
    let errors = site.run_badly("data", &[], 3);
    assert!(errors.contains(&said), "{errors}");
    running.signal(Signal::CONT);
    running.kill();
    finish(&site, SHORT_SPANS);
    assert_whole(&site);
}

/// Syncs follow the order of the data, so this takes a power cut between two of them. Nothing is
/// lost then; what a recording is read again for, is delivered again.
#[test]
fn outputs_that_outlive_the_journals_tail_are_complete_and_only_they_repeat() {
    let site = site(LONG_SPANS);
    kill_after(&site, LONG_SPANS, 300);
    let data = site.data("data");
    let before = data.frames().len();
    let last = files(&data, "journal", ".seg").pop().unwrap();
    cut(&last, 3_000);
    let lost = before - data.frames().len();
    assert!(lost > 0);
    finish(&site, LONG_SPANS);
    let records = data.records("echoes");
    let times: std::collections::BTreeSet<u64> =
        records.iter().map(|record| record.captured_ns).collect();
    assert_eq!(times.len(), MESSAGES, "none is missing");
    let repeats = records.len() - MESSAGES;
    assert!(repeats <= lost, "{repeats} repeats, {lost} frames lost");
}

#[test]
fn kill_before_the_first_block_loses_nothing() {
    let site = site(LONG_SPANS);
    // The numbers that were reserved by then are skipped.
    for _ in 0..3 {
        let mut child = site.run_command("data", &["--until-idle"]);
        site.configure("data", BLOCK_FRAMES, &configuration(SLOW, LONG_SPANS, ""));
        let mut child = child.spawn().unwrap();
        let ceiling = site.path("data/journal/ceiling");
        crate::rig::wait_for("the journal to be made", || ceiling.exists().then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    kill_after(&site, LONG_SPANS, 50);
    assert!(
        site.data("data").frames()[0].block > 0,
        "numbers were skipped"
    );
    finish(&site, LONG_SPANS);
    assert_whole(&site);
}

#[test]
fn lost_state_is_not_passed_over() {
    let site = site(SHORT_SPANS);
    // As retention leaves it, with every snapshot gone: the journal begins in the middle.
    let text = configuration(FLAT_OUT, SHORT_SPANS, "");
    let journal = "block_frames_max = 1\nsegment_bytes = 131_072\nblock_bytes_max = 65_536";
    site.configure("data", journal, &text);
    site.run_well("data", &[]);
    let data = site.data("data");
    let segments = files(&data, "journal", ".seg");
    assert!(segments.len() > 1);
    fs::remove_file(&segments[0]).unwrap();
    fs::remove_dir_all(data.path.join("snapshots")).unwrap();
    let errors = site.run_badly("data", &[], 3);
    assert!(
        errors.contains("outrigger: there is no usable snapshot, and the journal begins at block "),
        "{errors}"
    );
    site.run_well("data", &["--accept-change"]);
}
