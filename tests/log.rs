//! `outrigger log`: topics are read as they were written, and what is wrong with them is said.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger::audit::AuditRecord;
use outrigger::cli::log::fields::{AUDIT, DEAD_LETTER, Field, LINES, RECORD, markdown};
use outrigger::record::{self, AnomalyEntry, Failure, Outgoing, Position, Source};
use outrigger_journal::{Kind, Options, StreamId, Writer};
use outrigger_policy::Columns;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{outrigger, succeed};

/// 2020-02-29T12:34:56Z.
const START_NS: u64 = 1_582_979_696_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// A data directory without an owner.
pub struct Data {
    folder: TempDir,
}

impl Data {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for inside in ["journal", "topics", "snapshots"] {
            fs::create_dir(folder.path().join(inside)).unwrap();
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn dir(&self, inside: &str) -> Dir {
        let path = self.path().join(inside);
        fs::create_dir_all(&path).unwrap();
        Dir::open_ambient_dir(path, ambient_authority()).unwrap()
    }

    /// A log in it, open for writing.
    pub fn writer(&self, inside: &str, stream: &str) -> (Writer, StreamId) {
        let (mut writer, _) =
            Writer::open(self.dir(inside), Options::new("test"), START_NS).unwrap();
        let stream = writer.stream(stream, "test").unwrap();
        (writer, stream)
    }

    /// Runs `outrigger ARGS --data …`.
    pub fn ask(&self, args: &[&str]) -> Output {
        let mut command = outrigger();
        command.args(args).arg("--data").arg(self.path());
        command.output().unwrap()
    }

    /// Standard output of a command that succeeds.
    pub fn ask_well(&self, args: &[&str]) -> String {
        let mut command = outrigger();
        command.args(args).arg("--data").arg(self.path());
        String::from_utf8(succeed(&mut command).stdout).unwrap()
    }

    /// The only segment of a log.
    pub fn segment(&self, inside: &str) -> PathBuf {
        let entries = fs::read_dir(self.path().join(inside)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut segments: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
            .collect();
        assert_eq!(segments.len(), 1);
        segments.remove(0)
    }
}

pub fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a record is made of; the rest is always the same.
struct Made<'a> {
    class: &'a str,
    key: &'a str,
    captured_ns: u64,
    anomalies: &'a [AnomalyEntry<'a>],
    failure: Option<Failure<'a>>,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Self {
            class: "track.sea",
            key: "mmsi:211000000",
            captured_ns: START_NS,
            anomalies: &[],
            failure: None,
        }
    }
}

impl Made<'_> {
    fn encode(&self, block: u64) -> Vec<u8> {
        let plugins = record::encode_plugins([("ais", &[7; 32])].into_iter());
        let body = json!({
            "lat_deg": -12.5,
            "lon_deg": 130.25,
            "speed_mps": 7.75,
            "callsign": "\u{1b}[31mRED",
        });
        let body = rmp_serde::to_vec(&body).unwrap();
        let outgoing = Outgoing {
            source: Source {
                position: Position { block, ordinal: 0 },
                tap: "shore",
                frames: &[block],
                index: 0,
                captured_ns: self.captured_ns,
            },
            class: self.class,
            key: self.key,
            event_ns: START_NS,
            label: "open",
            plugins: &plugins,
            body: &body,
            failure: self.failure,
        };
        let mut bytes = Vec::new();
        record::encode(&mut bytes, &outgoing, self.anomalies.iter().copied());
        bytes
    }
}

fn too_fast() -> AnomalyEntry<'static> {
    AnomalyEntry {
        rule: "too-fast",
        severity: 2,
        score_permille: 750,
        // {"speed_mps": 40}
        detail: b"\x81\xa9speed_mps\x28",
        plugin: "speed",
    }
}

/// Appends one block per record.
fn append(writer: &mut Writer, stream: StreamId, records: &[Made<'_>]) {
    for made in records {
        let mut columns = Columns::new();
        columns.push(made.captured_ns, &made.encode(writer.tip().next_block));
        writer
            .append(Kind::Records, stream, &columns, START_NS)
            .unwrap();
    }
}

/// A topic `tracks`: a pass, an anomaly of another key, another class; a second apart.
fn tracks() -> Data {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/tracks", "tracks");
    let anomalies = [too_fast()];
    append(
        &mut writer,
        stream,
        &[
            Made::default(),
            Made {
                key: "mmsi:2",
                captured_ns: START_NS + SECOND_NS,
                anomalies: &anomalies,
                ..Made::default()
            },
            Made {
                class: "track.air",
                captured_ns: START_NS + 2 * SECOND_NS,
                ..Made::default()
            },
        ],
    );
    writer.close().unwrap();
    data
}

fn seqs(text: &str) -> Vec<u64> {
    let lines = json_lines(text);
    lines
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect()
}

/// Paths of an object's values as the documentation writes them, in order. What stands inside a
/// body or evidence is the plugin's.
pub fn paths(value: &Value, documented: &[&[Field]]) -> Vec<String> {
    fn walk(path: &str, value: &Value, known: &[&str], paths: &mut Vec<String>) {
        let join = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        if known.contains(&path) {
            paths.push(path.to_owned());
        }
        match value {
            Value::Object(entries) => {
                for (name, value) in entries {
                    let any = join("*");
                    let own = join(name);
                    let inside = known.iter().any(|known| known.starts_with(&own));
                    if known.contains(&any.as_str()) {
                        walk(&any, value, known, paths);
                    } else if inside || !known.contains(&path) {
                        walk(&own, value, known, paths);
                    }
                }
            }
            Value::Array(values) => {
                for value in values.iter().filter(|value| value.is_object()) {
                    walk(&format!("{path}[]"), value, known, paths);
                }
            }
            leaf if !known.contains(&path) => panic!("{path} is not documented: {leaf}"),
            _leaf => {}
        }
    }
    let known: Vec<&str> = documented
        .iter()
        .copied()
        .flatten()
        .map(|field| field.path)
        .collect();
    let mut paths = Vec::new();
    walk("", value, &known, &mut paths);
    paths
}

pub fn documented(fields: &[&[Field]]) -> Vec<String> {
    let fields = fields.iter().copied().flatten();
    fields.map(|field| field.path.to_owned()).collect()
}

#[test]
fn json_lines_have_the_documented_fields() {
    let data = tracks();
    let lines = json_lines(&data.ask_well(&["log", "read", "tracks", "--format", "json"]));
    assert_eq!(paths(&lines[1], &[RECORD]), documented(&[RECORD]));
    assert_eq!(
        lines[1],
        json!({
            "topic": "tracks",
            "seq": 1,
            "source": {"tap": "shore", "frames": [1], "index": 0},
            "captured_ns": START_NS + SECOND_NS,
            "class": "track.sea",
            "key": "mmsi:2",
            "event_ns": START_NS,
            "label": "open",
            "verdict": "anomaly",
            "anomalies": [{
                "rule": "too-fast",
                "severity": "major",
                "score": 0.75,
                "detail": {"speed_mps": 40},
                "plugin": "speed",
            }],
            "plugins": {"ais": "07".repeat(32)},
            "body": {
                "lat_deg": -12.5,
                "lon_deg": 130.25,
                "speed_mps": 7.75,
                "callsign": "\u{1b}[31mRED",
            },
        })
    );
    assert_eq!(lines[0]["verdict"], "pass");
    let all = LINES.iter().flat_map(|(_, fields)| fields.iter());
    assert!(all.clone().all(|field| !field.meaning.is_empty()));
    assert!(
        markdown(AUDIT)
            .lines()
            .all(|line| line.starts_with("| ") || line == "|---|---|---|---|")
    );
}

#[test]
fn dead_letters_say_cause_stage_and_frame() {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/_dead-letters", "dead");
    let dead = |frame| Made {
        class: "",
        key: "",
        failure: Some(Failure {
            cause: "checksum",
            stage: "decode:ais",
            detail: "5a where 3b was expected",
            frame,
        }),
        ..Made::default()
    };
    append(&mut writer, stream, &[dead(Some(b"!\xff")), dead(None)]);
    writer.close().unwrap();
    let read = ["log", "read", "_dead-letters"];
    let lines = json_lines(&data.ask_well(&[&read[..], &["--format", "json"]].concat()));
    let mut expected = documented(&[RECORD, DEAD_LETTER]);
    expected.retain(|path| !path.starts_with("anomalies[]"));
    assert_eq!(paths(&lines[0], &[RECORD, DEAD_LETTER]), expected);
    let head = |name: &str| lines[0][name].clone();
    assert_eq!(head("verdict"), Value::Null);
    assert_eq!(
        (head("class"), head("event_ns")),
        (Value::Null, Value::Null)
    );
    assert_eq!(head("cause"), "checksum");
    assert_eq!(head("stage"), "decode:ais");
    assert_eq!(head("frame_hex"), "21ff");
    assert_eq!(lines[1]["frame_hex"], Value::Null);
    assert!(
        data.ask_well(&read)
            .contains("dead     checksum decode:ais")
    );
}

#[test]
fn audit_has_an_object_of_its_own() {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/_audit", "_audit");
    for uid in [Some(1_000), None] {
        let record = AuditRecord {
            time_ns: START_NS,
            event: "pause".to_owned(),
            uid,
            pid: None,
            detail: "shore: ".to_owned() + &"a long explanation ".repeat(9),
        };
        let mut columns = Columns::new();
        columns.push(START_NS, &rmp_serde::to_vec_named(&record).unwrap());
        writer
            .append(Kind::Records, stream, &columns, START_NS)
            .unwrap();
    }
    writer.close().unwrap();
    let lines = json_lines(&data.ask_well(&["log", "read", "_audit", "--format", "json"]));
    assert_eq!(paths(&lines[0], &[AUDIT]), documented(&[AUDIT]));
    assert_eq!(lines[0]["uid"], 1_000);
    assert_eq!(
        (&lines[1]["uid"], &lines[1]["pid"]),
        (&Value::Null, &Value::Null)
    );
    let table = data.ask_well(&["log", "read", "_audit"]);
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert_eq!(table.matches("explanation").count(), 18);
    let refused = data.ask(&["log", "read", "_audit", "--key", "x"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn bounds_and_filters_choose_records() {
    let data = tracks();
    let read = |args: &[&str]| {
        let all = [&["log", "read", "tracks", "--format", "json"], args].concat();
        seqs(&data.ask_well(&all))
    };
    assert_eq!(read(&[]), [0, 1, 2]);
    assert_eq!(read(&["--from", "1"]), [1, 2]);
    assert_eq!(read(&["--to", "1"]), [0, 1]);
    assert_eq!(read(&["--from", "1", "--count", "1"]), [1]);
    assert_eq!(read(&["--count", "0"]), [0_u64; 0]);
    assert_eq!(read(&["--from", "2020-02-29T12:34:57Z"]), [1, 2]);
    assert_eq!(read(&["--to", "2020-02-29T13:34:57+01:00"]), [0, 1]);
    assert_eq!(read(&["--to", "-5m"]), [0, 1, 2]);
    assert_eq!(read(&["--from", "99"]), [0_u64; 0]);
    assert_eq!(read(&["--class", "track.air"]), [2]);
    assert_eq!(read(&["--key", "mmsi:2"]), [1]);
    assert_eq!(read(&["--anomalies"]), [1]);
    assert_eq!(read(&["--key", "mmsi:211000000", "--count", "2"]), [0, 2]);
    let late = data.ask(&["log", "read", "tracks", "--from", "-5m"]);
    assert_eq!((late.status.code(), out(&late).as_str()), (Some(0), ""));
    assert!(
        err(&late).contains("the last was at 2020-02-29T12:34:58Z"),
        "{}",
        err(&late)
    );
    let wrong = data.ask(&["log", "read", "tracks", "--from", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(err(&wrong).contains("must be a sequence number, a time"));
}

#[test]
fn records_from_before_a_step_back_in_time_are_not_lost() {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/tracks", "tracks");
    let at = |s: u64| Made {
        captured_ns: START_NS + s * SECOND_NS,
        ..Made::default()
    };
    append(&mut writer, stream, &[at(0), at(9), at(1), at(8)]);
    writer.close().unwrap();
    let read = |bound: &str, time: &str| {
        seqs(&data.ask_well(&["log", "read", "tracks", "--format", "json", bound, time]))
    };
    assert_eq!(read("--from", "2020-02-29T12:35:03Z"), [1, 3]);
    assert_eq!(read("--to", "2020-02-29T12:34:58Z"), [0, 2]);
}

#[test]
fn tables_fit_a_terminal_and_cannot_steer_it() {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/tracks", "tracks");
    let anomalies = [too_fast(), too_fast()];
    append(
        &mut writer,
        stream,
        &[
            Made {
                key: "\u{1b}]0;title\u{7}\u{202e}",
                ..Made::default()
            },
            Made {
                class: "a-class-with-a-name-of-64-bytes",
                key: &"é".repeat(60),
                captured_ns: START_NS + 86_400 * SECOND_NS,
                anomalies: &anomalies,
                ..Made::default()
            },
        ],
    );
    writer.close().unwrap();
    let table = data.ask_well(&["log", "read", "tracks"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(
        !table.chars().any(|c| c.is_control() && c != '\n'),
        "{table}"
    );
    assert_eq!(lines[1], "2020-02-29");
    assert_eq!(
        lines[2],
        "12:34:56.000 ·]0;title··     track.sea      pass     -12.5000 130.2500 7.8 m/s"
    );
    assert_eq!(lines[3], "2020-03-01");
    assert!(
        lines[4].ends_with(" a-class-with-… major    too-fast speed_mps 40 +1"),
        "{table}"
    );
}

#[test]
fn hex_shows_the_bytes_that_are_stored() {
    let data = tracks();
    let text = data.ask_well(&["log", "read", "tracks", "--format", "hex", "--count", "1"]);
    let expected = Made::default().encode(0);
    let mut lines = text.lines();
    let head = format!(
        "# seq 0 block 0 at 2020-02-29T12:34:56.000Z, {} bytes",
        expected.len()
    );
    assert_eq!(lines.next().unwrap(), head);
    let mut bytes = Vec::new();
    for (at, line) in lines.enumerate() {
        assert_eq!(&line[..8], format!("{:08x}", at * 16));
        let hex: String = line[8..60].split_whitespace().collect();
        bytes.extend(
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()),
        );
    }
    assert_eq!(bytes, expected);
}

#[test]
fn topics_are_listed_with_what_they_hold() {
    let data = tracks();
    let (writer, _) = data.writer("topics/empty", "empty");
    writer.close().unwrap();
    let lines = json_lines(&data.ask_well(&["log", "topics", "--json"]));
    assert_eq!(
        (&lines[0]["topic"], &lines[0]["records"]),
        (&json!("empty"), &json!(0))
    );
    assert_eq!(lines[0]["last_seq"], Value::Null);
    let tracks = &lines[1];
    assert_eq!(tracks["records"], 3);
    assert_eq!(
        (&tracks["first_seq"], &tracks["last_seq"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(tracks["captured_first_ns"], START_NS);
    assert_eq!(tracks["captured_max_ns"], START_NS + 2 * SECOND_NS);
    let segment = data.segment("topics/tracks").metadata().unwrap().len();
    assert_eq!(tracks["bytes"], segment);
    let table = data.ask_well(&["log", "topics"]);
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    assert!(
        table.contains("captured 2020-02-29T12:34:56Z to 2020-02-29T12:34:58Z"),
        "{table}"
    );
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let data = tracks();
    let unknown = data.ask(&["log", "read", "track"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert_eq!(
        err(&unknown),
        format!(
            "outrigger: no topic \"track\" in {}; did you mean tracks?\nthere are: tracks\n",
            data.path().display()
        )
    );
    let climbing = data.ask(&["log", "read", "../journal"]);
    assert_eq!(climbing.status.code(), Some(3));
    let mut command = outrigger();
    let gone = command
        .args(["log", "topics", "--data", "/nonexistent/data"])
        .output()
        .unwrap();
    assert_eq!(gone.status.code(), Some(3));
    assert_eq!(
        err(&gone),
        "outrigger: data directory /nonexistent/data: No such file or directory (os error 2)\n\
         it is `data_dir` of a configuration; `--config FILE` finds it\n"
    );
    let neither = outrigger().args(["log", "topics"]).output().unwrap();
    assert_eq!(neither.status.code(), Some(2));
}

#[test]
fn damage_is_named_after_what_was_good() {
    let data = tracks();
    let segment = data.segment("topics/tracks");
    let bytes = fs::read(&segment).unwrap();
    // The last block's last byte; its place is the third block's.
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&at| bytes[at..].starts_with(b"OBLK"))
        .collect();
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    let last = bytes.len() - 1;
    file.write_all_at(&[bytes[last] ^ 1], last as u64).unwrap();
    let read = data.ask(&["log", "read", "tracks", "--format", "json"]);
    assert_eq!(read.status.code(), Some(5));
    assert_eq!(seqs(&out(&read)), [0, 1]);
    assert_eq!(
        err(&read),
        format!(
            "outrigger: topic tracks: 00000000000000000000.seg, offset {}: the checksum of the \
             body does not match\n",
            starts[2]
        )
    );
}

#[test]
fn tail_that_was_cut_is_said() {
    let data = tracks();
    let segment = data.segment("topics/tracks");
    let file = fs::OpenOptions::new().write(true).open(&segment).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    // It was closed, so nothing but damage can have cut it.
    let read = data.ask(&["log", "read", "tracks", "--format", "json"]);
    assert_eq!(
        (read.status.code(), seqs(&out(&read))),
        (Some(5), vec![0, 1])
    );
    assert!(
        err(&read).contains("the file ends inside"),
        "{}",
        err(&read)
    );
}

#[test]
fn newer_format_asks_for_a_newer_build() {
    let data = tracks();
    let segment = data.segment("topics/tracks");
    let mut bytes = fs::read(&segment).unwrap();
    // The preamble: magic (8), version (2), kind (2), bytes (4), CRC32C of these (4).
    bytes[8..10].copy_from_slice(&9_u16.to_le_bytes());
    let crc = crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    fs::write(&segment, bytes).unwrap();
    let read = data.ask(&["log", "read", "tracks"]);
    assert_eq!(read.status.code(), Some(3));
    let message = err(&read);
    assert!(
        message.contains("format version 9 is newer than this build's 1"),
        "{message}"
    );
    assert!(message.contains("or a newer one"), "{message}");
}

/// Bit by bit. Source: RFC 3720, appendix B.4.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn record_of_another_kind_is_damage() {
    let data = Data::new();
    let (mut writer, stream) = data.writer("topics/tracks", "tracks");
    let mut columns = Columns::new();
    columns.push(START_NS, b"\x92\x01\x00");
    writer
        .append(Kind::Records, stream, &columns, START_NS)
        .unwrap();
    let mut columns = Columns::new();
    columns.push(START_NS, b"\x92\x02\x00");
    writer
        .append(Kind::Records, stream, &columns, START_NS)
        .unwrap();
    writer.close().unwrap();
    let none = data.ask(&["log", "read", "tracks"]);
    assert_eq!(none.status.code(), Some(5));
    assert!(err(&none).contains("topic tracks, block 0, seq 0: what stands there is no record"));
    let newer = data.ask(&["log", "read", "tracks", "--from", "1"]);
    assert_eq!(newer.status.code(), Some(3));
    assert!(err(&newer).contains("record version 2 is newer than this build's 1"));
}

/// `log read --follow` on a topic, with its output in a pipe.
fn follow(data: &Data) -> std::process::Child {
    let mut command: Command = outrigger();
    command
        .args([
            "log", "read", "tracks", "--follow", "--format", "json", "--data",
        ])
        .arg(data.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn following_sees_what_comes_and_ends_when_told() {
    for signal in [Signal::INT, Signal::TERM] {
        let data = tracks();
        let (mut writer, stream) = data.writer("topics/tracks", "tracks");
        let mut child = follow(&data);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            line["seq"].as_u64().unwrap()
        };
        assert_eq!([next(), next(), next()], [0, 1, 2]);
        append(&mut writer, stream, &[Made::default()]);
        assert_eq!(next(), 3);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn following_ends_quietly_when_its_reader_leaves() {
    let data = tracks();
    let mut child = follow(&data);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // Nothing more is written: that the pipe is closed is seen without writing to it.
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "");
}
