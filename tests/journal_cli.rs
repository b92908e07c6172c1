//! `outrigger journal`: what was captured is shown as it was, and what was changed is found.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::FileExt;

use ed25519_dalek::SigningKey;
use outrigger::cli::log::fields::{FRAME, RULING};
use outrigger::pipeline::Folded;
use outrigger::record::hex;
use outrigger::rulings::{self, Ruling};
use outrigger::snapshot::{self, Identity, Snapshot};
use outrigger_journal::{Kind, StreamId, Writer};
use outrigger_policy::Columns;
use serde_json::{Value, json};

use crate::common::outrigger;
use crate::log::{Data, documented, err, json_lines, out, paths};

/// 2020-02-29T12:34:56Z.
const START_NS: u64 = 1_582_979_696_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

fn columns(frames: &[(u64, &[u8])]) -> Columns {
    let mut columns = Columns::new();
    for (second, frame) in frames {
        columns.push(START_NS + second * SECOND_NS, frame);
    }
    columns
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A journal of two taps: three blocks of frames, a tick, rulings; block 2 is signed, and all
/// before block 3 is in a snapshot. It is still open.
fn journal() -> (Data, Writer) {
    let data = Data::new();
    let (mut writer, shore) = data.writer("journal", "shore");
    let roof = writer.stream("roof", "tcp:roof:30005").unwrap();
    let append = |writer: &mut Writer, kind, stream, columns: &Columns| {
        writer.append(kind, stream, columns, START_NS).unwrap();
    };
    let first = columns(&[(0, b"!AIVDM,1"), (1, b"!AIVDM,2")]);
    append(&mut writer, Kind::Frames, shore, &first);
    writer
        .append_tick(shore, START_NS + 2 * SECOND_NS, START_NS)
        .unwrap();
    let binary = columns(&[(3, &[0x1a, 0x31, 0xff]), (2, b"\x1b[2J")]);
    append(&mut writer, Kind::Frames, roof, &binary);
    writer.sign_head(&key(), START_NS).unwrap().unwrap();
    let rulings = [
        Ruling::Late { block: 1, call: 7 },
        Ruling::Tap {
            tap: "roof".to_owned(),
            paused: true,
            uid: 1_000,
        },
    ];
    let rulings = rulings::encode(&rulings, START_NS + 60 * SECOND_NS);
    append(&mut writer, Kind::Rulings, StreamId::NONE, &rulings);
    append(
        &mut writer,
        Kind::Frames,
        shore,
        &columns(&[(5, b"!AIVDM,3")]),
    );
    let snapshot: Snapshot = Snapshot {
        log_id: writer.log_id(),
        next_block: 3,
        identity: Identity::default(),
        folded: Folded::default(),
    };
    snapshot::write(&data.dir("snapshots"), &snapshot, || {}).unwrap();
    (data, writer)
}

#[test]
fn stat_says_what_is_held_and_by_whom() {
    let (data, writer) = journal();
    let stat = |data: &Data| -> Value {
        serde_json::from_str(&data.ask_well(&["journal", "stat", "--json"])).unwrap()
    };
    let open = stat(&data);
    assert_eq!(open["state"], "in-use");
    let owner = open["in_use_by"].as_str().unwrap();
    assert!(
        owner.starts_with(&format!("pid {} (test)", std::process::id())),
        "{owner}"
    );
    assert_eq!(
        open["blocks"],
        json!({"frames": 3, "ticks": 1, "rulings": 1})
    );
    assert_eq!((&open["frames"], &open["rulings"]), (&json!(5), &json!(2)));
    assert_eq!(
        (&open["first_seq"], &open["last_seq"]),
        (&json!(0), &json!(4))
    );
    assert_eq!(
        open["snapshot"],
        json!({"next_block": 3, "blocks_behind": 2, "frames_behind": 1, "cause": null})
    );
    assert_eq!(
        (&open["signed_to_block"], &open["blocks_unsigned"]),
        (&json!(2), &json!(2))
    );
    let roof = &open["taps"][1];
    assert_eq!(
        (&roof["tap"], &roof["origin"]),
        (&json!("roof"), &json!("tcp:roof:30005"))
    );
    assert_eq!(
        (&roof["frames"], &roof["time_steps_back"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(roof["captured_min_ns"], START_NS + 2 * SECOND_NS);

    writer.close().unwrap();
    let closed = stat(&data);
    assert_eq!(
        (&closed["state"], &closed["in_use_by"]),
        (&json!("clean"), &Value::Null)
    );
    let text = data.ask_well(&["journal", "stat"]);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(
        text.contains("before block 3; 2 blocks with 1 frame behind it"),
        "{text}"
    );
    assert!(text.contains("capture time stepped back 1 time"), "{text}");

    // What a kill leaves: nobody holds it, and nobody closed it.
    let (data, writer) = journal();
    let copy = Data::new();
    for name in ["ceiling", "heads"] {
        let from = data.path().join("journal").join(name);
        fs::copy(from, copy.path().join("journal").join(name)).unwrap();
    }
    for entry in fs::read_dir(data.path().join("journal")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "seg") {
            fs::copy(
                &path,
                copy.path().join("journal").join(path.file_name().unwrap()),
            )
            .unwrap();
        }
    }
    assert_eq!(stat(&copy)["state"], "unclean");
    drop(writer);
}

#[test]
fn frames_are_shown_as_they_were_captured() {
    let (data, writer) = journal();
    let read = |args: &[&str]| data.ask_well(&[&["journal", "read"], args].concat());
    let lines = json_lines(&read(&["--format", "json"]));
    assert_eq!(lines.len(), 5);
    assert_eq!(paths(&lines[0], &[FRAME]), documented(&[FRAME]));
    assert_eq!(
        lines[0],
        json!({
            "seq": 0,
            "block": 0,
            "tap": "shore",
            "captured_ns": START_NS,
            "frame_hex": hex(b"!AIVDM,1"),
            "text": "!AIVDM,1",
        })
    );
    assert_eq!(
        (&lines[2]["frame_hex"], &lines[2]["text"]),
        (&json!("1a31ff"), &Value::Null)
    );
    assert_eq!(lines[3]["text"], Value::Null, "an escape does not print");
    let roof = json_lines(&read(&["--format", "json", "--tap", "roof"]));
    assert_eq!(
        roof.iter().map(|line| &line["seq"]).collect::<Vec<_>>(),
        [2, 3]
    );
    let some = json_lines(&read(&[
        "--format", "json", "--from", "1", "--to", "3", "--count", "2",
    ]));
    assert_eq!(
        some.iter().map(|line| &line["seq"]).collect::<Vec<_>>(),
        [1, 2]
    );
    let table = read(&[]);
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table}");
    assert!(
        table.contains("          4 12:35:01.000 shore           8 !AIVDM,3"),
        "{table}"
    );
    assert!(read(&["--format", "hex"]).contains("00000000  1a 31 ff"));
    let unknown = data.ask(&["journal", "read", "--tap", "rof"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert_eq!(
        err(&unknown),
        "outrigger: no tap \"rof\" in the journal; did you mean roof?\nthere are: shore, roof\n"
    );
    drop(writer);
}

#[test]
fn rulings_are_decoded() {
    let (data, writer) = journal();
    let read = |args: &[&str]| data.ask_well(&[&["journal", "read", "--rulings"], args].concat());
    let lines = json_lines(&read(&["--format", "json"]));
    assert_eq!(paths(&lines[0], &[RULING]), documented(&[RULING]));
    let nothing = Value::Null;
    assert_eq!(
        lines,
        [
            json!({"block": 3, "next_seq": 4, "time_ns": START_NS + 60 * SECOND_NS,
                   "ruling": "late", "of_block": 1, "call": 7, "name": nothing, "uid": nothing}),
            json!({"block": 3, "next_seq": 4, "time_ns": START_NS + 60 * SECOND_NS,
                   "ruling": "pause", "of_block": nothing, "call": nothing, "name": "roof",
                   "uid": 1_000}),
        ]
    );
    let table = read(&["--from", "2020-02-29T12:35:30Z"]);
    assert!(table.contains("call 7 of block 1 was late"), "{table}");
    assert!(table.contains("tap roof paused by user 1000"), "{table}");
    assert_eq!(read(&["--from", "2020-02-29T12:36:00Z"]), "");
    drop(writer);
}

#[test]
fn verify_says_how_far_the_evidence_reaches() {
    let (data, writer) = journal();
    writer.close().unwrap();
    let public = data.path().join("head.pub");
    fs::write(&public, hex(key().verifying_key().as_bytes())).unwrap();
    let verify = |args: &[&str]| data.ask(&[&["journal", "verify"], args].concat());
    let public = public.to_str().unwrap();
    let good = verify(&["--key", public]);
    assert_eq!(good.status.code(), Some(0), "{}", err(&good));
    let text = out(&good);
    assert!(text.starts_with("journal is good\n"), "{text}");
    assert!(
        text.contains("signed to block 2; 2 blocks behind it only chained"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let unkeyed = out(&verify(&[]));
    assert!(
        unkeyed.contains("so 1 signature went unchecked"),
        "{unkeyed}"
    );

    let other = data.path().join("other.pub");
    let stranger = SigningKey::from_bytes(&[8; 32]);
    fs::write(&other, hex(stranger.verifying_key().as_bytes())).unwrap();
    let foreign = verify(&["--key", other.to_str().unwrap(), "--json"]);
    assert_eq!(foreign.status.code(), Some(5));
    let report: Value = serde_json::from_str(&out(&foreign)).unwrap();
    assert_eq!(
        (&report["good"], &report["signed_to_block"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        report["problem"],
        "heads, entry 0, block 2: the signature is not by this key over this log"
    );
    let absent = verify(&["--key", "/nonexistent.pub"]);
    assert_eq!(absent.status.code(), Some(3));
    assert!(
        err(&absent).contains("--key names the public half"),
        "{}",
        err(&absent)
    );
}

#[test]
fn verify_names_the_place_of_damage() {
    let (data, writer) = journal();
    writer.close().unwrap();
    let mut segments: Vec<_> = fs::read_dir(data.path().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .collect();
    segments.sort();
    let last = segments.pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    let block = (0..bytes.len())
        .rev()
        .find(|&at| bytes[at..].starts_with(b"OBLK"))
        .unwrap();
    let at = bytes.len() as u64 - 1;
    let file = fs::OpenOptions::new().write(true).open(&last).unwrap();
    file.write_all_at(&[bytes[bytes.len() - 1] ^ 1], at)
        .unwrap();
    let name = last.file_name().unwrap().to_str().unwrap();
    let found = data.ask(&["journal", "verify", "--json"]);
    assert_eq!(found.status.code(), Some(5));
    let report: Value = serde_json::from_str(&out(&found)).unwrap();
    assert_eq!(
        (&report["problem_segment"], &report["problem_offset"]),
        (&json!(name), &json!(block))
    );
    let text = out(&data.ask(&["journal", "verify"]));
    assert!(text.starts_with("journal is DAMAGED\n"), "{text}");
    let place = format!("problem   {name}, offset {block}: the checksum");
    assert!(text.contains(&place), "{text}");
    // Stat says what it could, and read prints what is good before it says so.
    let stat = data.ask(&["journal", "stat"]);
    assert_eq!(stat.status.code(), Some(5));
    assert!(out(&stat).contains("good up to"), "{}", out(&stat));
    let read = data.ask(&["journal", "read", "--format", "json"]);
    assert_eq!(
        (read.status.code(), json_lines(&out(&read)).len()),
        (Some(5), 4)
    );
}

#[test]
fn verify_reads_topic_logs_too() {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/tracks", "tracks");
    writer
        .append(Kind::Records, stream, &columns(&[(0, b"x")]), START_NS)
        .unwrap();
    writer.close().unwrap();
    let good = data.ask_well(&["journal", "verify", "--topic", "tracks"]);
    assert!(good.starts_with("topic tracks is good\n"), "{good}");
    let unknown = data.ask(&["journal", "verify", "--topic", "trcks"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(err(&unknown).contains("did you mean tracks?"));
    let mut command = outrigger();
    command.args(["journal", "verify", "--config", "/nonexistent.toml"]);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
}
