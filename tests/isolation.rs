//! What a hostile plugin can do: nothing but lose its own messages, with cause and frame, and then
//! its place.
//!
//! The guests are in `fixtures/guests`. All are honest until a message with the number 7 comes.

#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;

use outrigger::pipeline::PluginCounters;
use outrigger::status::StatusSnapshot;
use outrigger_policy::limits::DEAD_FRAMES_BYTES;
use outrigger_policy::verdict::FaultKind;
use serde_json::json;

use crate::rig::guests::installed;
use crate::rig::line::Line;
use crate::rig::{Running, Site};

/// The number at which a hostile guest shows itself.
const SEVEN: u8 = 7;
/// Keys of the messages.
const KEYS: [u8; 4] = *b"abcd";
const SECOND_NS: u64 = 1_000_000_000;
/// Capture time of the first frame: some time in 2023.
const START_NS: u64 = 1_700_000_000 * SECOND_NS;

/// The frame that the decoder makes {key: number} of.
fn frame(key: u8, number: u8) -> [u8; 4] {
    [0x81, 0xa1, key, number]
}

/// One tap, the honest decoder, a hostile validator with these keys of its own, and the honest
/// validator behind it.
fn configuration(guest: &str, keys: &str) -> String {
    format!(
        r#"
[taps.bus]
kind = "lines"
path = "frames.txt"
encoding = "hex"
pace = "flat-out"

[plugins.decoder]
component = "decoder.wasm"
role = "decoder"
taps = ["bus"]
writes = ["echo"]

[plugins.evil]
component = "{guest}.wasm"
role = "validator"
{keys}

[plugins.honest]
component = "validator.wasm"
role = "validator"

[classes.echo]
validators = ["evil", "honest"]
topic = "echoes"
[topics.echoes]
"#
    )
}

fn open(guest: &str, keys: &str) -> Line {
    Line::open(installed(), &configuration(guest, keys))
}

/// Runs frames of these numbers through one block, their keys in turn.
fn run(line: &mut Line, numbers: &[u8]) {
    let frames: Vec<[u8; 4]> = numbers
        .iter()
        .enumerate()
        .map(|(at, &number)| frame(KEYS[at % KEYS.len()], number))
        .collect();
    let first = line.next_block() * SECOND_NS;
    let timed: Vec<(u64, &[u8])> = frames
        .iter()
        .enumerate()
        .map(|(at, frame)| (START_NS + first + at as u64, &frame[..]))
        .collect();
    line.block("bus", &timed).unwrap();
}

/// 256 numbers, the one at 100 a seven.
fn one_bad() -> Vec<u8> {
    let mut numbers = vec![1; 256];
    numbers[100] = SEVEN;
    numbers
}

/// Sends 256 messages, one of which is bad, to a hostile guest. Exactly that one must be a dead
/// letter, with this cause and detail and its frame; all others are delivered, each with both
/// validators' verdicts, and the counts show that no state of a faulted batch was kept.
fn one_bad_message_among_256_is_lost(guest: &str, keys: &str, cause: &str, detail: &str) -> Line {
    let mut line = open(guest, keys);
    run(&mut line, &one_bad());
    let dead = line.dead();
    assert_eq!(dead.len(), 1, "{guest}: {dead:?}");
    let (got_cause, stage, got_detail, bytes) = &dead[0];
    assert_eq!(
        (got_cause.as_str(), stage.as_str(), got_detail.as_str()),
        (cause, "validate:evil", detail),
        "{guest}"
    );
    assert_eq!(bytes[..], frame(KEYS[0], SEVEN), "{guest}");
    counts_are_whole(&line, guest, 255);
    let evil = line.plugin("evil").counters;
    assert_eq!(evil.dead, 1, "{guest}");
    let honest = line.plugin("honest").counters;
    assert_eq!((honest.dead, honest.faults.len()), (0, 0), "{guest}");
    line
}

/// Every delivered message carries the next count of its key by each validator: nothing was
/// counted twice, in a batch that was taken back, and nothing was left out.
fn counts_are_whole(line: &Line, guest: &str, delivered: usize) {
    let records = line.records("echoes");
    assert_eq!(records.len(), delivered, "{guest}");
    let mut counts = [0; 256];
    let mut last_frame = None;
    for record in records {
        assert!(
            last_frame < Some(record.frames[0]),
            "{guest}: in the order of capture"
        );
        last_frame = Some(record.frames[0]);
        let key = usize::from(record.key.as_bytes()[0]);
        counts[key] += 1;
        let found: Vec<_> = record
            .anomalies
            .iter()
            .map(|anomaly| (anomaly.plugin.as_str(), anomaly.detail.clone()))
            .collect();
        let expected = json!({ "count": counts[key] });
        let expected = [("evil", expected.clone()), ("honest", expected)];
        assert_eq!(found, expected, "{guest}: frame {:?}", record.frames);
    }
}

#[test]
fn honest_guests_pass_everything() {
    let mut line = open("validator", "");
    run(&mut line, &one_bad());
    assert_eq!(line.dead(), []);
    counts_are_whole(&line, "validator", 256);
    assert_eq!(line.plugin("evil").usage[0].calls, 1);
}

#[test]
fn fuel_is_limited() {
    let line = &mut one_bad_message_among_256_is_lost(
        "loops",
        "message_fuel = 10_000\ncall_fuel = 100_000",
        "out-of-fuel",
        "wasm trap: all fuel consumed by WebAssembly",
    );
    // Nine halvings from 256 rows to 1, and the calls between them that went well.
    let faults = line.plugin("evil").counters.faults[&FaultKind::OutOfFuel];
    assert_eq!(faults, 9);
}

#[test]
fn memory_is_limited() {
    one_bad_message_among_256_is_lost(
        "hoards",
        "",
        "out-of-memory",
        "wasm trap: wasm `unreachable` instruction executed",
    );
}

#[test]
fn bytes_per_call_are_limited() {
    one_bad_message_among_256_is_lost(
        "floods",
        "call_bytes_max = 65_536",
        "rejected",
        "too much data is being copied between the host and the guest: fuel allocated for hostcalls \
         has been exhausted",
    );
}

#[test]
fn trap_in_one_plugin_leaves_others_running() {
    let trap = "wasm trap: wasm `unreachable` instruction executed";
    let line = &mut one_bad_message_among_256_is_lost("traps", "", "trapped", trap);
    run(line, &[1; 128]);
    counts_are_whole(line, "traps", 383);
    one_bad_message_among_256_is_lost(
        "overflows_stack",
        "message_fuel = 1_000_000",
        "trapped",
        "wasm trap: call stack exhausted",
    );
}

#[test]
fn panic_note_stands_in_the_dead_letter() {
    let said = "src/lib.rs:7: seven is not allowed";
    one_bad_message_among_256_is_lost("panics", "", "trapped", said);
}

#[test]
fn lying_answer_is_rejected_with_its_cause() {
    let lies = [
        ("short_verdicts", "verdicts has 0 entries, not 1"),
        ("short_scores", "scores has 2 entries, not 1"),
        ("unknown_rule", "rules[0] is 9, which is out of range"),
        (
            "unknown_message",
            "anomalies[0] is 70000, which is out of range",
        ),
        ("unknown_slot", "changed[0] is 70000, which is out of range"),
        ("changed_twice", "changed: 2 entries, at most 1 are allowed"),
        (
            "packed_lies",
            "details: the last end is not the number of bytes",
        ),
        (
            "packed_short",
            "details: the last end is not the number of bytes",
        ),
        ("no_map", "details[0]: body is not a map"),
        (
            "contradicts",
            "verdicts[0] contradicts the anomalies of that message",
        ),
        ("severe", "severities[0] is 4, which is out of range"),
        ("sure", "scores[0] is 1001, which is out of range"),
        (
            "fat_state",
            "states[0] has 5000 bytes, which is out of range",
        ),
        (
            "wild_pointer",
            "list pointer/length out of bounds of memory",
        ),
    ];
    for (guest, detail) in lies {
        one_bad_message_among_256_is_lost(guest, "", "rejected", detail);
    }
}

#[test]
fn slot_changed_twice_is_found_where_there_are_two_slots() {
    // Two messages that each are bad: neither half of the batch passes, and both are lost.
    let mut line = open("changed_twice", "");
    run(&mut line, &[SEVEN, SEVEN]);
    assert_eq!(line.dead().len(), 2);
    assert_eq!(line.records("echoes").len(), 0);
}

#[test]
fn body_that_is_no_map_is_the_decoders_fault() {
    let mut line = open("validator", "");
    let good = frame(b'a', 1);
    let bodies: [(&[u8], &str); 6] = [
        (&[0x91, 0xa1, b'a', 1], "bodies[0]: body is not a map"),
        (
            &[0x81, 0x01, b'a', 1],
            "bodies[0]: key at byte 1 is not a string",
        ),
        (
            &[0x82, 0xa1, b'a', 1],
            "bodies[0]: body ends inside a value",
        ),
        (
            &[0x81, 0xa1, b'a', 0xc1],
            "bodies[0]: type at byte 3 is not allowed in a body",
        ),
        (
            &[0x81, 0xa1, b'a', 1, 1],
            "bodies[0]: bytes after the map, from byte 4",
        ),
        (&[0x81, 0xa1, 0xff, 1], "keys[0] is not UTF-8"),
    ];
    for (time, (bad, detail)) in bodies.into_iter().enumerate() {
        let time_ns = START_NS + time as u64;
        let before = line.dead().len();
        line.block("bus", &[(time_ns, &good), (time_ns, bad), (time_ns, &good)])
            .unwrap();
        let dead = line.dead();
        assert_eq!(dead.len(), before + 1);
        let expected = ("rejected", "decode:decoder", detail, bad);
        let (cause, stage, detail, frame) = dead.last().unwrap();
        assert_eq!(
            (cause.as_str(), stage.as_str(), detail.as_str(), &frame[..]),
            expected
        );
    }
    assert_eq!(line.records("echoes").len(), 12, "neighbours pass");
}

#[test]
fn large_body_is_the_decoders_fault() {
    let keys = "\n[plugins.decoder]\noutput_bytes_max = 8";
    let text = configuration("validator", "").replace("[plugins.decoder]", keys.trim_start());
    let mut line = Line::open(installed(), &text);
    let large = [0x81, 0xa1, b'a', 0xa8, 1, 2, 3, 4, 5, 6, 7, 8];
    line.block("bus", &[(START_NS, &large)]).unwrap();
    let (cause, _, detail, _) = line.dead().remove(0);
    assert_eq!(cause, "rejected");
    assert_eq!(detail, "bodies[0] has 12 bytes, which is out of range");
}

#[test]
fn endless_loop_is_late_by_epoch_deadline() {
    let keys = "message_fuel = 1_000_000_000\ncall_fuel = 100_000_000_000\ndeadline_ms = 10";
    let mut line = open("loops", keys);
    run(&mut line, &[1]);
    run(&mut line, &[SEVEN]);
    run(&mut line, &[1]);
    let expected = ("late".to_owned(), "validate:evil".to_owned());
    let (cause, stage, detail, _) = line.dead().remove(0);
    assert_eq!((cause, stage), expected);
    assert_eq!(detail, "the call did not end before its deadline");
    // The decoder's call is the first, then the used instance's, then that of a fresh one.
    let late = line.pipeline.take_late();
    assert_eq!(late, [(1, 1), (1, 2)]);
    let (records, dead) = (line.comparable(), line.dead());

    // Obeyed, the calls are not even made: only the two good ones.
    let mut again = open("loops", keys);
    for (block, call) in late {
        again.pipeline.rule_late(block, call);
    }
    for number in [1, SEVEN, 1] {
        run(&mut again, &[number]);
    }
    assert_eq!(again.plugin("evil").usage[0].calls, 2);
    assert_eq!(again.pipeline.take_late(), []);
    assert_eq!((again.comparable(), again.dead()), (records, dead));
}

#[test]
fn notes_are_bounded_and_cannot_forge_a_line() {
    let mut line = open(
        "chatters",
        "call_bytes_max = 268_435_456\nmessage_fuel = 10_000_000",
    );
    run(&mut line, &one_bad());
    let view = line.plugin("evil");
    let notes = &view.notes;
    assert_eq!(line.dead(), []);
    assert_eq!(notes.len(), 16);
    assert!(notes.iter().all(|note| note.text == " ".repeat(1_024)));
    assert_eq!(view.usage[0].notes_dropped, 5_000 - 16);
    assert_eq!(line.plugin("evil").notes.len(), 0, "taken once");
    counts_are_whole(&line, "chatters", 256);
}

fn faults(line: &mut Line) -> (bool, PluginCounters) {
    let view = line.plugin("evil");
    (view.health.quarantined, view.counters)
}

#[test]
fn quarantined_plugins_messages_are_dead_letters() {
    let mut line = open("traps", "faults_max = 3");
    run(&mut line, &[SEVEN, 1, SEVEN, 1]);
    assert!(!faults(&mut line).0);
    run(&mut line, &[SEVEN, 1, 1]);
    assert!(faults(&mut line).0);
    run(&mut line, &[1, 1]);
    let causes: Vec<String> = line.dead().into_iter().map(|(cause, ..)| cause).collect();
    let expected = [
        "trapped",
        "trapped",
        "trapped",
        "quarantined",
        "quarantined",
        "quarantined",
    ];
    // The third fault quarantines it within its batch: what was not yet judged is lost with it.
    assert_eq!(causes[..3], expected[..3]);
    assert!(causes[3..].iter().all(|cause| cause == "quarantined"));
    assert_eq!(
        causes.len() + line.records("echoes").len(),
        9,
        "every message is accounted for"
    );
    assert_eq!(line.records("echoes").len(), 2);

    let at = line.next_block();
    line.pipeline.rule_lift(at, "evil");
    run(&mut line, &[1, 1]);
    assert!(!faults(&mut line).0);
    assert_eq!(line.records("echoes").len(), 4);
}

#[test]
fn lift_is_in_the_next_snapshot_and_not_obeyed_a_second_time() {
    let mut line = open("traps", "faults_max = 1");
    run(&mut line, &[SEVEN]);
    assert!(faults(&mut line).0);
    let at = line.next_block();
    line.pipeline.rule_lift(at, "evil");
    // A snapshot before the next block with frames.
    line.pipeline.lift_due(at + 1);
    assert!(
        line.pipeline
            .fold()
            .health
            .iter()
            .all(|(_, health)| !health.quarantined)
    );

    // Quarantined again, and a later snapshot: recovery reads of the lift that it has behind it.
    run(&mut line, &[SEVEN]);
    assert!(faults(&mut line).0);
    let folded = line.pipeline.fold();
    let mut again = open("traps", "faults_max = 1");
    again.pipeline.unfold(folded).unwrap();
    again.pipeline.start_at(at + 1);
    again.pipeline.rule_lift(at, "evil");
    again.pipeline.lift_due(at + 2);
    assert!(faults(&mut again).0);
}

#[test]
fn quarantined_plugin_is_bypassed_when_it_may_be() {
    let mut line = open("traps", "faults_max = 1\non_quarantine = \"bypass\"");
    run(&mut line, &[SEVEN]);
    run(&mut line, &[1, SEVEN, 1]);
    assert_eq!(line.dead().len(), 1);
    let (quarantined, counters) = faults(&mut line);
    assert!(quarantined);
    assert_eq!(counters.bypassed, 3);
    let records = line.records("echoes");
    assert_eq!(records.len(), 3);
    for record in records {
        let by: Vec<&str> = record.anomalies.iter().map(|a| a.plugin.as_str()).collect();
        assert_eq!(by, ["honest"], "no verdict of the bypassed one");
    }
}

#[test]
fn quarantined_guard_stops_the_runtime() {
    let mut line = open("traps", "faults_max = 1\non_quarantine = \"stop\"");
    let bad = frame(b'a', SEVEN);
    let stopped = line.block("bus", &[(START_NS, &bad)]).unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "plugin evil is quarantined and its configuration says on_quarantine = \"stop\""
    );
}

#[test]
fn guest_that_does_not_start_is_refused() {
    let refused = [
        (
            "grows_at_start",
            "plugins.evil: does not start: out-of-memory: wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            "configure_traps",
            "plugins.evil: does not start: trapped: wasm trap: wasm `unreachable` instruction executed",
        ),
        (
            "configure_loops",
            "plugins.evil: does not start: out-of-fuel: wasm trap: all fuel consumed by WebAssembly",
        ),
        (
            "configure_refuses",
            "plugins.evil: refuses its configuration: parameter: limit: must be  > 0",
        ),
    ];
    for (guest, expected) in refused {
        let text = configuration(guest, "configure_fuel = 1_000_000");
        let error = Line::try_open(installed(), &text).err().unwrap();
        assert_eq!(error.to_string(), expected, "{guest}");
    }
    // More memory than it may have from the beginning.
    let text = configuration(
        "validator",
        "memory_bytes_max = 65_536\nstate_bytes_max = 16",
    );
    let error = Line::try_open(installed(), &text)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.starts_with("plugins.evil: does not start: out-of-memory: "),
        "{error}"
    );
}

#[test]
fn undeclared_import_is_refused() {
    use crate::common::plugin_tool;
    let folder = tempfile::tempdir().unwrap();
    for (name, import) in [
        (
            "wasi",
            r#"(import "wasi:clocks/monotonic-clock@0.2.0" (instance (export "now" (func (result u64)))))"#,
        ),
        (
            "files",
            r#"(import "sea:chart/files@1.0.0" (instance (export "open" (func (param "name" string)))))"#,
        ),
        (
            "more",
            r#"(import "outrigger:plugin/host@1.0.0" (instance (export "send" (func (param "bytes" (list u8))))))"#,
        ),
    ] {
        let text = format!(
            r#"(component {import} (instance $none)
                (export "outrigger:plugin/plugin@1.0.0" (instance $none))
                (export "outrigger:plugin/validator@1.0.0" (instance $none)))"#
        );
        let path = folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, wat::parse_str(&text).unwrap()).unwrap();
        let output = std::process::Command::new(plugin_tool())
            .arg("install")
            .arg("--dir")
            .arg(folder.path().join("installed"))
            .arg(&path)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("imports "), "{errors}");
    }
}

#[test]
fn quarantined_guard_ends_the_run_with_its_exit_code() {
    let site = Site::new(installed());
    site.write("frames.txt", "81a16101\n81a16107\n81a16201\n");
    let keys = "faults_max = 1\non_quarantine = \"stop\"";
    site.configure("data", "", &configuration("traps", keys));
    // Started again it finds the same: it fails closed.
    for _ in 0..2 {
        let errors = site.run_badly("data", &[], 4);
        let said = "outrigger: plugin evil is quarantined and its configuration says \
                    on_quarantine = \"stop\"";
        assert!(errors.contains(said), "{errors}");
    }
    let dead = site.data("data").dead_letters();
    let bad = dead
        .iter()
        .filter(|record| record.cause.as_deref() == Some("trapped"));
    assert_eq!(bad.count(), 1, "and its dead letter is there once");
}

#[test]
fn operator_lifts_a_quarantine_and_recovery_knows_it() {
    let site = Site::new(installed());
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let text = configuration("traps", "faults_max = 1");
    let (_, rest) = text.split_once("[plugins.decoder]").unwrap();
    let text = format!(
        "[pipeline]\ninstance_blocks = 1_048_576\nsnapshot_interval_s = 86_400\n\
         [taps.bus]\nkind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}\n\
         [plugins.decoder]{rest}"
    );
    site.configure("data", "tick_ms = 100", &text);
    let mut running = site.start("data", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    let mut send = |running: &mut Running, number: u8| {
        sender
            .send_to(&frame(b'a', number), ("127.0.0.1", port))
            .unwrap();
        sent += 1;
        running.wait_status("the frame to be processed", |status| {
            status.ledger.processed == sent && status.ledger.waiting == 0
        })
    };
    let evil = |status: &StatusSnapshot| {
        let mut plugins = status.plugins.iter();
        plugins
            .find(|plugin| plugin.name == "evil")
            .unwrap()
            .quarantined
    };
    assert!(evil(&send(&mut running, SEVEN)));
    assert!(evil(&send(&mut running, 1)));
    let lift = || {
        let mut ctl = site.command();
        ctl.args(["ctl", "--config", "data.toml", "lift", "evil"]);
        ctl.output().unwrap()
    };
    let lifted = lift();
    let said = String::from_utf8_lossy(&lifted.stdout).into_owned();
    assert_eq!(lifted.status.code(), Some(0), "{said}");
    assert!(said.starts_with("evil runs again from block "), "{said}");
    assert!(!evil(&send(&mut running, 1)));
    let refused = lift();
    assert_eq!(refused.status.code(), Some(4));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("plugin evil is not quarantined"), "{said}");
    running.kill();

    let mut running = site.start("data", &[]);
    let status = running.wait_status("all to be processed again", |status| {
        status.ledger.waiting == 0 && status.ledger.processed >= 3
    });
    assert!(!evil(&status));
    running.kill();
    let data = site.data("data");
    let causes: Vec<_> = data
        .dead_letters()
        .into_iter()
        .filter_map(|r| r.cause)
        .collect();
    assert_eq!(causes, ["trapped", "quarantined"]);
    assert_eq!(data.records("echoes").len(), 1);
    let audit = data.audit();
    let by_operator = |event: &str| audit.iter().any(|r| r.event == event && r.uid.is_some());
    assert!(by_operator("lift"));
}

/// A decoder that rejects the first frame of a batch as often, for each frame, as its first byte says.
/// A block of 256 frames, the first one large.
fn rejects_again(times: u8) -> Line {
    let text = configuration("validator", "").replace("decoder.wasm", "rejects_again.wasm");
    let limits = "[plugins.decoder]\noutputs_per_input_max = 128\nmessage_fuel = 1_000_000";
    let mut line = Line::open(installed(), &text.replace("[plugins.decoder]", limits));
    let large = vec![times; 60_000];
    let mut frames: Vec<(u64, &[u8])> = vec![(START_NS, &large)];
    frames.resize(256, (START_NS, &[1, 1]));
    line.block("bus", &frames).unwrap();
    line
}

#[test]
fn frames_in_dead_letters_are_limited() {
    let mut line = rejects_again(64);
    let dead = line.records("_dead-letters");
    assert_eq!(dead.len(), 64 * 256);
    let frames = dead.iter().filter_map(|record| record.frame.as_ref());
    let bytes: usize = frames.map(|frame| frame.0.len()).sum();
    // As many as there is room for, and each of them whole.
    assert_eq!(bytes, DEAD_FRAMES_BYTES / 60_000 * 60_000);
    assert_eq!(line.plugin("decoder").counters.faults, [].into());
}

#[test]
fn records_of_a_batch_are_limited() {
    let mut line = rejects_again(128);
    let faults = line.plugin("decoder").counters.faults;
    assert_eq!(faults, [(FaultKind::Rejected, 1)].into());
    // Taken in halves, it fits; the second half begins with a frame that is rejected once.
    let dead = line.records("_dead-letters");
    assert_eq!(dead.len(), 128 * 128 + 128);
}
