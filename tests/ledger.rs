//! The two ledgers, frames and deliveries: every term counted where it happens, and adding up at any
//! moment; and `outrigger audit`, which holds them against what lies on the disk.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger::status::{LAST_STATUS, StatusSnapshot};
use outrigger_journal::{Block, Kind, Options, Reader, Writer};
use outrigger_policy::Columns;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::{UNBOUNDED, installation};
use crate::pipeline::{CLASSES, ais, borrowed, sentences};
use crate::rig::guests::installed;
use crate::rig::line::Line;
use crate::rig::{Running, Site, wait_for};

/// The journal's bound, reached within a second of flood; nothing is removed from it before the run
/// ends, since no snapshot comes.
const SMALL: &str = "bytes_max = 4_194_304\nsegment_bytes = 131_072\nblock_bytes_max = 65_536";
/// Looks at the status while frames move.
const LOOKS_MIN: u64 = 200;
/// Datagrams sent to a runtime that is stopped: more than its socket holds.
const UNREAD: usize = 20_000;

/// One tap, a decoder, a validator that traps at every message with the number 7, and no snapshot
/// between the first block and the end.
fn site_of(tap: &str) -> String {
    format!(
        r#"
[taps.bus]
{tap}
[plugins.decoder]
component = "decoder.wasm"
role = "decoder"
taps = ["bus"]
writes = ["echo"]
[plugins.traps]
component = "traps.wasm"
role = "validator"
faults_max = 1_000_000
[classes.echo]
validators = ["traps"]
topic = "echoes"
[topics.echoes]
segment_bytes = 131_072
[pipeline]
instance_blocks = 1_048_576
"#
    )
}

/// Frames in turn: a large message, one that kills its validator, a reject, and one passed over.
fn frame(at: u64) -> Vec<u8> {
    match at % 1_000 {
        0 => vec![0x81, 0xa1, b'd', 7],
        1..=20 => vec![0, 0],
        21..=30 => vec![0, 0, 0],
        _ => {
            // Of a key the validator counts to 127, and then its answer is none.
            let key = b'!' + (at % 90) as u8;
            let mut frame = vec![0x81, 0xa1, key, 0xc4, 200];
            frame.resize(205, 0);
            frame
        }
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

fn udp(port: u16) -> String {
    format!("kind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}\nreceive_buffer_bytes = 65_536")
}

/// Every line adds up, by the sums made here.
fn adds_up(status: &StatusSnapshot) {
    let ledger = &status.ledger;
    let parts = ledger.processed + ledger.rejected + ledger.shed + ledger.waiting;
    assert_eq!(
        (ledger.captured, ledger.difference),
        (parts, 0),
        "{ledger:?}"
    );
    let mut captured = 0;
    for tap in &status.frames {
        captured += tap.captured;
        let parts = tap.processed + tap.rejected + tap.shed + tap.waiting;
        assert_eq!((tap.captured, tap.difference), (parts, 0), "{tap:?}");
    }
    assert_eq!(ledger.captured, captured);
    let shed: u64 = status.shed.iter().map(|shed| shed.frames).sum();
    assert_eq!(ledger.shed, shed, "{:?}", status.shed);
    for class in &status.deliveries.classes {
        let parts = class.delivered + class.withheld + class.dead + class.shed;
        assert_eq!((class.decoded, class.difference), (parts, 0), "{class:?}");
    }
    for topic in &status.deliveries.topics {
        let parts = topic.written + topic.held + topic.unwritten;
        assert_eq!((topic.made, topic.difference), (parts, 0), "{topic:?}");
    }
    assert_eq!(status.deliveries.unbalanced(), []);
    let reasons = status.health.reasons.iter();
    let off = reasons.filter(|reason| reason.contains("ledger"));
    assert_eq!(off.count(), 0);
}

fn audit(site: &Site, arguments: &[&str]) -> Output {
    let mut command = site.command();
    command.args(["audit", "--config", "data.toml"]);
    command.args(arguments).output().unwrap()
}

/// What an audit says, which must exit with this code.
fn audited(site: &Site, code: i32) -> Value {
    let output = audit(site, &["--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said:#}\n{errors}");
    assert_eq!(said["good"], code == 0, "{said:#}");
    said
}

/// Lines that differ: ledger, of what, by how much.
fn differing(said: &Value) -> Vec<(String, String, i64)> {
    let lines = said["lines"].as_array().unwrap().iter();
    let lines = lines.map(|line| {
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (
            text("ledger"),
            text("of"),
            line["difference"].as_i64().unwrap(),
        )
    });
    lines.filter(|line| line.2 != 0).collect()
}

/// A part of a line.
fn part(said: &Value, ledger: &str, of: &str, name: &str) -> Vec<u64> {
    let lines = said["lines"].as_array().unwrap().iter();
    let lines = lines.filter(|line| line["ledger"] == ledger && line["of"] == of);
    lines
        .filter_map(|line| line["parts"][name].as_u64())
        .collect()
}

fn end_well(running: Running) {
    running.signal(Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
}

#[test]
fn ledgers_add_up_at_every_moment_of_a_flood_that_sheds_and_drops() {
    let site = Site::new(installed());
    let port = free_port();
    site.configure("data", SMALL, &site_of(&udp(port)));
    let mut running = site.start("data", &[]);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut looks, mut moving, mut audits) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            while !over.load(Ordering::Acquire) {
                let at = sent.fetch_add(1, Ordering::AcqRel);
                sender.send_to(&frame(at), ("127.0.0.1", port)).unwrap();
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut before = 0;
            wait_for("a flood that is looked at often enough", || {
                let status = running.status()?;
                adds_up(&status);
                looks += 1;
                moving += u64::from(status.ledger.captured > before && status.ledger.waiting > 0);
                before = status.ledger.captured;
                if audits < 3 && status.ledger.waiting > 0 {
                    audits += 1;
                    let said = audited(&site, 0);
                    assert_eq!(said["source"], "running");
                }
                (looks >= LOOKS_MIN && audits == 3 && status.ledger.shed > 0).then_some(())
            });
        }));
        over.store(true, Ordering::Release);
        result.unwrap();
    });
    // A process that is stopped reads nothing: the kernel drops for sure.
    running.signal(Signal::STOP);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for at in 0..UNREAD {
        sender
            .send_to(&frame(at as u64), ("127.0.0.1", port))
            .unwrap();
    }
    running.signal(Signal::CONT);
    let settled = running.wait_status("drops to be told of, and the rest processed", |status| {
        adds_up(status);
        status.ledger.lost_before > 0 && status.ledger.waiting == 0
    });
    println!(
        "{looks} looks, {moving} while frames moved; {:?}",
        settled.ledger
    );
    println!("{:?}", settled.shed);
    println!("{:?}", settled.deliveries);
    assert!(moving > 0, "the ledgers were only seen at rest");
    let full = settled
        .shed
        .iter()
        .find(|shed| shed.cause == "journal-full");
    assert!(full.is_some_and(|shed| shed.frames > 0 && shed.tap == "bus"));
    assert!(settled.ledger.rejected > 0);
    assert!(settled.deliveries.classes[0].dead > 0);
    end_well(running);
    let said = audited(&site, 0);
    assert_eq!(said["source"], "stopped");
    let data = site.data("data");
    assert_eq!(
        part(&said, "topics", "echoes", "written"),
        [data.records("echoes").len() as u64]
    );
}

/// A sentence of a ship, and one of a base station.
const SENTENCES: [&[u8]; 2] = [
    b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24",
    b"!AIVDM,1,1,,A,403OviQuMGCqWrRO9>E6fE700@GO,0*4D",
];

/// Two classes of different guarantees, and too little CPU for a flood.
fn lagging(port: u16) -> String {
    let mut budget: BTreeMap<&str, &str> = UNBOUNDED.into_iter().collect();
    budget.extend([
        ("cpu_permille", "60"),
        ("tap_permille", "700"),
        ("lag_ms_max", "1000"),
    ]);
    let budget: String = budget
        .iter()
        .map(|(key, value)| format!("{key} = {value}\n"))
        .collect();
    format!(
        r#"
[budget]
{budget}
[taps.bus]
kind = "udp"
address = "127.0.0.1"
port = {port}
[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["bus"]
writes = ["track.sea", "station.base"]
[classes."track.sea"]
topic = "sea"
[classes."station.base"]
topic = "stations"
[topics.sea]
guarantee = "at-most-once"
[topics.stations]
"#
    )
}

#[test]
fn ledgers_add_up_while_a_pipeline_that_lags_sheds_classes_and_whole_frames() {
    let site = Site::new(installation());
    let port = free_port();
    site.configure("data", "", &lagging(port));
    let mut running = site.start("data", &[]);
    let over = AtomicBool::new(false);
    let (mut looks, mut audits) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            for sentence in SENTENCES.iter().cycle() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                sender.send_to(sentence, ("127.0.0.1", port)).unwrap();
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            running.wait_status("frames to be shed, and audited", |status| {
                adds_up(status);
                looks += 1;
                let frames = status
                    .shed
                    .iter()
                    .any(|shed| shed.cause == "lag" && shed.frames > 0);
                if frames && audits < 2 {
                    audits += 1;
                    audited(&site, 0);
                }
                audits == 2
            })
        }));
        over.store(true, Ordering::Release);
        result.unwrap();
    });
    let settled = running.wait_status("the pipeline to keep up", |status| {
        adds_up(status);
        status.ledger.waiting == 0
    });
    println!("{looks} looks; {:?}", settled.ledger);
    println!("{:?}", settled.shed);
    let of = |class: Option<&str>| {
        let found = settled
            .shed
            .iter()
            .find(|shed| shed.class.as_deref() == class);
        found.map(|shed| (&*shed.cause, shed.frames, shed.messages))
    };
    assert!(matches!(of(None), Some(("lag", 1.., 0))));
    assert!(matches!(of(Some("track.sea")), Some(("lag", 0, 1..))));
    end_well(running);
    let said = audited(&site, 0);
    assert!(part(&said, "frames", "bus", "shed")[0] > 0);
    assert!(part(&said, "classes", "track.sea", "shed")[0] > 0);
}

#[test]
fn ledgers_add_up_over_a_crash_and_a_restart() {
    let site = Site::new(installed());
    let port = free_port();
    site.configure("data", SMALL, &site_of(&udp(port)));
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0u64;
    let mut send = |running: &mut Running, frames: u64| {
        let until = sent + frames;
        let mut captured = running.status().unwrap().ledger.captured;
        while sent < until {
            for _ in 0..50 {
                sender.send_to(&frame(sent), ("127.0.0.1", port)).unwrap();
                sent += 1;
            }
            captured += 50;
            running.wait_status("frames to be captured", |status| {
                adds_up(status);
                status.ledger.captured == captured
            });
        }
    };
    let mut running = site.start("data", &[]);
    send(&mut running, 2_000);
    running.kill();
    let said = audited(&site, 0);
    assert_eq!(said["source"], "logs");
    let text = String::from_utf8(audit(&site, &[]).stdout).unwrap();
    assert!(text.contains("because it was killed"), "{text}");
    let mut running = site.start("data", &[]);
    let again = running.wait_status("all of the first run", |status| {
        adds_up(status);
        status.ledger.waiting == 0
    });
    assert_eq!(again.ledger.captured, 2_000);
    audited(&site, 0);
    send(&mut running, 1_000);
    running.wait_status("all of it", |status| {
        adds_up(status);
        status.ledger.waiting == 0
    });
    end_well(running);
    let said = audited(&site, 0);
    let held = part(&said, "topics", "echoes", "held");
    println!("{held:?} records were there before the crash");
    assert!(held[0] > 0);
    let data = site.data("data");
    assert_eq!(data.frames().len(), 3_000);
    let frames = data.frames();
    let messages = frames.iter().filter(|frame| frame.bytes.len() == 205);
    assert_eq!(data.records("echoes").len(), messages.count());
    // A kill of a run that captured takes away what the stop before had left.
    let mut running = site.start("data", &[]);
    send(&mut running, 50);
    running.kill();
    assert_eq!(audited(&site, 0)["source"], "logs");
}

#[test]
fn a_frame_of_a_stateful_decoder_is_processed_or_rejected_and_once() {
    let frames = sentences(11_000);
    let frames = borrowed(&frames);
    for cut in [7, 256] {
        let mut line = Line::open(installation(), &ais(CLASSES));
        let mut late = 0;
        for block in frames.chunks(cut) {
            let before = line.pipeline.counters().rejected[0];
            line.block("harbour", block).unwrap();
            let counters = line.pipeline.counters();
            let sum = counters.processed[0] + counters.rejected[0];
            assert_eq!(counters.frames[0], sum);
            late += u64::from(counters.rejected[0] - before > block.len() as u64);
        }
        let rejects = line.records("_dead-letters").iter();
        let rejects = rejects.filter(|record| record.class.is_empty());
        let named: Vec<u64> = rejects.flat_map(|record| record.frames.clone()).collect();
        let distinct: BTreeSet<u64> = named.iter().copied().collect();
        let counters = line.pipeline.counters();
        println!(
            "cut into {cut}: {} rejects of {} frames, {late} blocks rejected more than they hold",
            named.len(),
            distinct.len()
        );
        assert_eq!(counters.rejected[0], distinct.len() as u64);
        assert!(distinct.len() > 100);
        for (at, class) in line.config.topology.classes().iter().enumerate() {
            let decoded = counters.messages[at];
            let parts = counters.delivered[at] + counters.withheld[at] + counters.dead[at];
            assert_eq!(decoded, parts, "{}", class.name);
        }
        let withheld: u64 = line.plugin("areas").counters.withheld;
        assert_eq!(
            line.pipeline.counters().withheld.iter().sum::<u64>(),
            withheld
        );
    }
}

/// Message number and channel of a sentence, which say what its other half is.
fn number_and_channel(sentence: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let fields: Vec<&[u8]> = sentence.split(|&byte| byte == b',').collect();
    (fields[3].to_vec(), fields[4].to_vec())
}

#[test]
fn a_frame_that_is_rejected_in_several_blocks_is_rejected_once() {
    let whole: Vec<Vec<u8>> = sentences(11_000)
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    let is_first = |bytes: &&Vec<u8>| {
        let text = String::from_utf8_lossy(bytes);
        text.contains("VDM,2,1,") && text.rsplit_once('*').is_some_and(|(_, sum)| sum.len() == 2)
    };
    let firsts: Vec<&Vec<u8>> = whole.iter().filter(is_first).collect();
    let one = firsts[0];
    let of = number_and_channel;
    let other = firsts
        .iter()
        .find(|first| of(first).0 != of(one).0)
        .unwrap();
    let replacing = firsts
        .iter()
        .find(|first| of(first) == of(one) && **first != one);
    let both = [&one[..], b"\r\n", &other[..]].concat();
    let start_ns = 1_700_000_000_000_000_000;
    let mut line = Line::open(installation(), &ais(CLASSES));
    let mut rejected = Vec::new();
    let blocks: [(u64, &[u8]); 4] = [(0, &both), (1, replacing.unwrap()), (60, b"!"), (120, b"!")];
    for (after_s, bytes) in blocks {
        let time_ns = start_ns + after_s * 1_000_000_000;
        line.block("harbour", &[(time_ns, bytes)]).unwrap();
        let counters = line.pipeline.counters();
        rejected.push(counters.rejected[0]);
        assert_eq!(
            counters.frames[0],
            counters.processed[0] + counters.rejected[0]
        );
    }
    let dead = line.records("_dead-letters").iter();
    let of_first: BTreeSet<u64> = dead
        .filter(|record| record.frames == [0])
        .map(|record| record.block)
        .collect();
    println!("{rejected:?}, the first frame in blocks {of_first:?}");
    assert!(
        of_first.len() >= 2,
        "the frame was not rejected in several blocks"
    );
    assert_eq!(line.pipeline.counters().rejected, [4]);
}

#[test]
fn frames_and_messages_of_a_quarantined_plugin_are_accounted_for() {
    let configuration = site_of("kind = \"lines\"\npath = \"frames.txt\"");
    let configuration = configuration.replace("faults_max = 1_000_000", "faults_max = 2");
    let mut line = Line::open(installed(), &configuration);
    for block in 0..20u64 {
        let frames: Vec<Vec<u8>> = (0..100).map(|at| frame(block * 250 + at)).collect();
        let timed: Vec<(u64, &[u8])> = frames.iter().map(|bytes| (block, &bytes[..])).collect();
        line.block("bus", &timed).unwrap();
    }
    assert!(line.plugin("traps").health.quarantined);
    let dead = line.records("_dead-letters").iter();
    let dead = dead.filter(|record| !record.class.is_empty()).count() as u64;
    let counters = line.pipeline.counters();
    assert_eq!(counters.dead, [dead]);
    assert_eq!(counters.delivered, [line.records("echoes").len() as u64]);
    assert_eq!(counters.messages[0], counters.delivered[0] + dead);
    assert_eq!(
        counters.frames[0],
        counters.processed[0] + counters.rejected[0]
    );
    assert!(dead > 100 && counters.rejected[0] > 0);
}

/// A run that has stopped, with several segments in each log.
fn stopped() -> Site {
    let site = Site::new(installed());
    let lines = (0..4_000u64).map(frame).map(|frame| {
        let digits: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        digits + "\n"
    });
    site.write("frames.txt", lines.collect::<String>());
    let tap = "kind = \"lines\"\npath = \"frames.txt\"\nencoding = \"hex\"\npace = \"flat-out\"";
    site.configure("data", SMALL, &site_of(tap));
    adds_up(&site.run_well("data", &[]));
    site
}

/// Segments of a log, in order.
fn segments(site: &Site, log: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(site.path("data").join(log)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "seg"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 4, "{log}: {paths:?}");
    paths
}

fn problems(said: &Value) -> String {
    said["problems"].to_string()
}

#[test]
fn audit_of_a_stopped_run_tells_every_term() {
    let site = stopped();
    let said = audited(&site, 0);
    assert_eq!(
        (&said["source"], &said["format"]),
        (&"stopped".into(), &1.into())
    );
    assert_eq!(part(&said, "journal", "bus", "held"), [0, 4_000, 4_000, 0]);
    assert_eq!(part(&said, "frames", "bus", "rejected"), [80]);
    assert_eq!(part(&said, "classes", "echo", "dead"), [4]);
    let text = String::from_utf8(audit(&site, &[]).stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!text.contains("DIFFERS"), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let frames = "OK bus: 4,000 captured = 3,920 processed + 80 rejected + 0 shed + 0 waiting";
    assert!(words.contains(frames), "{text}");
    assert!(text.ends_with("lines add up\n"), "{text}");
}

#[test]
fn audit_finds_a_segment_that_is_missing() {
    let site = stopped();
    let removed = &segments(&site, "journal")[1];
    fs::remove_file(removed).unwrap();
    let said = audited(&site, 4);
    assert!(
        problems(&said).contains("are missing in the middle"),
        "{said:#}"
    );
    let differing = differing(&said);
    assert!(
        differing
            .iter()
            .any(|(ledger, of, by)| ledger == "journal" && of == "bus" && *by > 0),
        "{differing:?}"
    );
    let text = String::from_utf8(audit(&site, &[]).stdout).unwrap();
    assert!(
        text.contains("  DIFFERS  bus:") && text.contains("≠"),
        "{text}"
    );
    let site = stopped();
    fs::remove_file(segments(&site, "topics/echoes").last().unwrap()).unwrap();
    let differing = self::differing(&audited(&site, 4));
    assert!(matches!(&differing[..], [(ledger, of, 1..)] if ledger == "logs" && of == "echoes"));
}

#[test]
fn audit_finds_a_record_that_is_there_twice() {
    let site = stopped();
    let path = site.path("data/topics/echoes");
    let open = || Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
    let mut reader = Reader::open(&open()).unwrap();
    let mut block = Block::default();
    assert!(reader.seek_last().unwrap() && reader.next(&mut block).unwrap());
    let mut twice = Columns::new();
    twice.push(block.columns.times_ns()[0], block.columns.get(0).unwrap());
    let mut options = Options::new("a test");
    options.segment_bytes_max = 131_072;
    let (mut writer, _) = Writer::open(open(), options, 1).unwrap();
    let stream = writer.stream("echoes", "pipeline").unwrap();
    writer.append(Kind::Records, stream, &twice, 1).unwrap();
    writer.close().unwrap();
    let said = audited(&site, 4);
    assert!(
        problems(&said).contains("1 records stand at a position"),
        "{said:#}"
    );
    assert_eq!(
        differing(&said),
        [("logs".to_owned(), "echoes".to_owned(), -1)]
    );
}

#[test]
fn audit_finds_a_count_that_is_a_lie() {
    for (ledger, of, pointer) in [
        ("frames", "bus", "/frames/0/processed"),
        ("classes", "echo", "/deliveries/classes/0/dead"),
        ("topics", "echoes", "/deliveries/topics/0/written"),
        ("logs", "echoes", "/topics/0/written"),
        ("journal", "bus", "/frames/0/captured"),
    ] {
        let site = stopped();
        let path = site.path("data").join(LAST_STATUS);
        let mut status: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let count = status.pointer_mut(pointer).unwrap();
        *count = Value::from(count.as_u64().unwrap() + 1);
        fs::write(&path, status.to_string()).unwrap();
        let differing = differing(&audited(&site, 4));
        assert!(
            differing
                .iter()
                .any(|line| line.0 == ledger && line.1 == of && line.2.abs() == 1),
            "{pointer}: {differing:?}"
        );
    }
}

#[test]
fn audit_finds_damage_and_exits_with_its_code() {
    let site = stopped();
    let path = &segments(&site, "journal")[1];
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let said = audited(&site, 5);
    assert_eq!(said["damaged"], true);
    assert!(
        problems(&said).contains("nothing behind it was counted"),
        "{said:#}"
    );
}

#[test]
fn audit_says_what_it_cannot_check_and_what_to_do() {
    let site = stopped();
    fs::remove_file(site.path("data").join(LAST_STATUS)).unwrap();
    let said = audited(&site, 0);
    assert_eq!(said["source"], "logs");
    assert!(said["notes"].to_string().contains("nobody is there to say"));
    // A log's own total is still there to hold its records against.
    fs::remove_file(&segments(&site, "journal")[1]).unwrap();
    audited(&site, 4);
    fs::write(site.path("data").join(LAST_STATUS), "{}").unwrap();
    let output = audit(&site, &[]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(
        errors.contains("remove it to check the logs alone"),
        "{errors}"
    );
    let without = |path: &Path| fs::remove_dir_all(path).unwrap();
    without(&site.path("data"));
    let output = audit(&site, &[]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("nothing has run yet"), "{errors}");
    let output = site.command().arg("audit").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    site.write("data.toml", "[runtime]\nnome = 1\n");
    assert_eq!(audit(&site, &[]).status.code(), Some(1));
}
