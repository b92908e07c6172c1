//! The pipeline in this process with the project's plugins: what comes out is a function of what
//! was captured, whatever the cut, and everything is accounted for.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;

use crate::common::installation;
use crate::rig::guests::installed;
use crate::rig::line::Line;
use crate::rig::recordings::Timed;

const SECOND_NS: u64 = 1_000_000_000;
const START_NS: u64 = 1_700_000_000 * SECOND_NS;

/// Decoder, two validators, a router with two topics, and states that expire within the recording.
pub(crate) fn ais(writes: &str) -> String {
    format!(
        r#"
[pipeline]
instance_blocks = 8
batch_messages_max = 100

[taps.harbour]
kind = "lines"
path = "frames.txt"

[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["harbour"]
writes = [{writes}]
state_age_s_max = 5

[plugins.plausibility]
component = "track_plausibility.wasm"
role = "validator"
state_age_s_max = 20

[plugins.speed]
component = "example_validator.wasm"
role = "validator"
parameters = {{ speed_max_mps = 6.0 }}
state_age_s_max = 7

[plugins.areas]
component = "area_router.wasm"
role = "router"
routes = {{ inside = "near", outside = "far" }}
parameters = {{ area = {{ south = 54.0, west = 10.0, north = 56.5, east = 12.5 }}, redact = ["callsign"] }}

[classes."track.sea"]
validators = ["speed", "plausibility"]
router = "areas"
expired_topic = "far"
[classes."static.sea"]
topic = "other"
[classes."station.base"]
topic = "other"
[topics.near]
[topics.far]
[topics.other]
"#
    )
}

pub(crate) const CLASSES: &str = "\"track.sea\", \"static.sea\", \"station.base\"";

/// Capture time and sentence of each line, every 50th sentence spoiled, every 301st first half of
/// two taken away.
pub(crate) fn sentences(lines: usize) -> Vec<(u64, Vec<u8>)> {
    let recording = Timed::find().first(lines);
    let mut all = Vec::new();
    for (at, line) in recording.text.lines().enumerate() {
        let (time, sentence) = line.split_once(',').unwrap();
        let (seconds, ms) = time.split_once('.').unwrap();
        let scale = 10u64.pow(9 - ms.len() as u32);
        let time_ns =
            seconds.parse::<u64>().unwrap() * SECOND_NS + ms.parse::<u64>().unwrap() * scale;
        let mut bytes = sentence.as_bytes().to_vec();
        if at % 50 == 0 {
            bytes.truncate(bytes.len() / 2);
        }
        if at % 7 == 0 && sentence.contains("VDM,2,2,") {
            continue;
        }
        all.push((time_ns, bytes));
    }
    all
}

pub(crate) fn borrowed(frames: &[(u64, Vec<u8>)]) -> Vec<(u64, &[u8])> {
    frames
        .iter()
        .map(|(time, bytes)| (*time, &bytes[..]))
        .collect()
}

#[test]
fn how_frames_are_cut_into_blocks_does_not_show_in_the_records() {
    let frames = sentences(11_000);
    let frames = borrowed(&frames);
    let run = |cut: usize| {
        let mut line = Line::open(installation(), &ais(CLASSES));
        line.blocks("harbour", &frames, cut);
        let views = line.pipeline.plugins();
        let evicted: Vec<u64> = views.iter().map(|view| view.counters.evicted).collect();
        (line.comparable(), evicted)
    };
    let (expected, evicted) = run(256);
    let counts: BTreeMap<&str, usize> = expected
        .iter()
        .map(|(topic, records)| (topic.as_str(), records.len()))
        .collect();
    println!("{} frames: {counts:?}, evicted {evicted:?}", frames.len());
    for topic in ["near", "far", "other", "_dead-letters"] {
        assert!(counts[topic] > 20, "{topic} is hardly used");
    }
    let incomplete = expected["_dead-letters"]
        .iter()
        .filter(|record| record.frames.len() == 1 && record.frames[0] > 0);
    assert!(incomplete.count() > 20);
    assert!(
        evicted.iter().filter(|&&evicted| evicted > 0).count() >= 3,
        "state expires"
    );
    for cut in [1, 7, 64] {
        let (got, got_evicted) = run(cut);
        assert_eq!(evicted, got_evicted, "cut into {cut}");
        for (topic, expected) in &expected {
            for (expected, got) in expected.iter().zip(&got[topic]) {
                assert_eq!(expected, got, "cut into {cut}");
            }
            assert_eq!(expected.len(), got[topic].len(), "cut into {cut}");
        }
    }
}

#[test]
fn order_per_key_is_the_order_of_capture() {
    let frames = sentences(11_000);
    let mut line = Line::open(installation(), &ais(CLASSES));
    line.blocks("harbour", &borrowed(&frames), 256);
    for topic in ["near", "far", "other"] {
        let mut last: BTreeMap<(&str, &str), (u64, u32)> = BTreeMap::new();
        for record in line.records(topic).iter().filter(|r| !r.frames.is_empty()) {
            let place = (*record.frames.last().unwrap(), record.index);
            let before = last.insert((&record.class, &record.key), place);
            assert!(
                before.is_none_or(|before| before < place),
                "{topic}: {}",
                record.key
            );
        }
        assert!(last.len() > 5, "{topic}");
    }
}

#[test]
fn class_that_is_not_granted_is_counted_and_not_delivered() {
    let frames = sentences(6_000);
    let frames = borrowed(&frames);
    let mut granted = Line::open(installation(), &ais(CLASSES));
    granted.blocks("harbour", &frames, 256);
    let all = ais("\"track.sea\", \"station.base\"");
    let text = all.replace("[classes.\"static.sea\"]\ntopic = \"other\"\n", "");
    let mut less = Line::open(installation(), &text);
    less.blocks("harbour", &frames, 256);
    let of_class = |line: &Line| {
        let records = line.records("other").iter();
        records
            .filter(|record| record.class == "static.sea")
            .count() as u64
    };
    let ungranted = |line: &mut Line| line.plugin("ais").counters.not_granted;
    let statics = of_class(&granted);
    assert!(statics > 0);
    assert_eq!(of_class(&less), 0);
    assert_eq!(ungranted(&mut less), ungranted(&mut granted) + statics);
}

#[test]
fn every_message_is_delivered_withheld_or_dead() {
    let frames = sentences(11_000);
    let mut line = Line::open(installation(), &ais(CLASSES));
    line.blocks("harbour", &borrowed(&frames), 256);
    let views = line.pipeline.plugins();
    let counters = line.pipeline.counters();
    let sum = |of: fn(&outrigger::pipeline::PluginCounters) -> u64| -> u64 {
        views.iter().map(|view| of(&view.counters)).sum()
    };
    let decoded: u64 = counters.messages.iter().sum();
    let delivered = ["near", "far", "other"]
        .iter()
        .flat_map(|topic| line.records(topic))
        // What is said of an evicted key is no message of a frame.
        .filter(|record| !record.frames.is_empty())
        .count() as u64;
    // A dead letter of a message has a class; that of a frame has none.
    let dead = line.records("_dead-letters").iter();
    let dead = dead.filter(|record| !record.class.is_empty()).count() as u64;
    let withheld = sum(|counters| counters.withheld);
    println!("{decoded} decoded: {delivered} delivered, {withheld} withheld, {dead} dead");
    assert_eq!(decoded, delivered + withheld + dead);
    assert!(decoded > 2_000);
    assert_eq!(counters.frames[0], frames.len() as u64);
    let counted: u64 = counters.dead_letters.values().sum();
    assert_eq!(counted, line.records("_dead-letters").len() as u64);
    let emitted: u64 = counters.records.iter().sum();
    let put = ["near", "far", "other", "_dead-letters"];
    let put: usize = put.iter().map(|topic| line.records(topic).len()).sum();
    assert_eq!(emitted, put as u64);
}

/// Two taps into one decoder and one validator that counts messages by key.
fn two_taps(first: &str, second: &str) -> String {
    format!(
        r#"
[labels]
order = [["open", "secret"]]
[taps.first]
kind = "lines"
path = "first.txt"
label = "{first}"
[taps.second]
kind = "lines"
path = "second.txt"
label = "{second}"
[plugins.decoder]
component = "decoder.wasm"
role = "decoder"
taps = ["first", "second"]
writes = ["echo"]
[plugins.count]
component = "validator.wasm"
role = "validator"
state_age_s_max = 10
[classes.echo]
validators = ["count"]
topic = "echoes"
[topics.echoes]
label = "secret"
"#
    )
}

const MESSAGE: &[u8] = &[0x81, 0xa1, b'k', 1];

fn counts(line: &Line) -> Vec<(String, String, serde_json::Value)> {
    let records = line.records("echoes").iter();
    let count = |record: &outrigger::record::Record| {
        let count = record.anomalies[0].detail["count"].clone();
        (record.tap.clone(), record.label.clone(), count)
    };
    records.map(count).collect()
}

fn row(tap: &str, label: &str, count: u64) -> (String, String, serde_json::Value) {
    (tap.to_owned(), label.to_owned(), json!(count))
}

#[test]
fn labels_keep_state_and_instances_apart() {
    let mut line = Line::open(installed(), &two_taps("open", "secret"));
    for tap in ["first", "second", "first"] {
        line.block(tap, &[(START_NS, MESSAGE)]).unwrap();
    }
    let expected = [
        row("first", "open", 1),
        row("second", "secret", 1),
        row("first", "open", 2),
    ];
    assert_eq!(counts(&line), expected);
    // One instance for each label, or what one left in its memory could reach the other.
    assert_eq!(line.plugin("count").usage.len(), 2);
    assert_eq!(line.plugin("count").state_keys, 2);
}

#[test]
fn taps_of_one_label_share_a_validators_state() {
    let mut line = Line::open(installed(), &two_taps("secret", "secret"));
    for tap in ["first", "second", "first"] {
        line.block(tap, &[(START_NS, MESSAGE)]).unwrap();
    }
    let expected = [
        row("first", "secret", 1),
        row("second", "secret", 2),
        row("first", "secret", 3),
    ];
    assert_eq!(counts(&line), expected);
    // Instances restart with each span, and state does not.
    assert_eq!(line.plugin("count").usage[0].starts, 1);
}

#[test]
fn state_expires_by_the_time_of_the_tap_that_saw_it_last() {
    let mut line = Line::open(installed(), &two_taps("secret", "secret"));
    let at = |seconds: u64| START_NS + seconds * SECOND_NS;
    line.block("first", &[(at(0), MESSAGE)]).unwrap();
    // Another tap may be years ahead: it is not its key.
    line.block("second", &[(at(1_000_000), &[0x81, 0xa1, b'x', 1])])
        .unwrap();
    line.block("first", &[(at(9), MESSAGE)]).unwrap();
    // A silent bus lets time pass too; 10 s after 9 s is not yet older than 10 s.
    line.tick("first", at(18));
    line.block("first", &[(at(18), MESSAGE)]).unwrap();
    line.tick("first", at(40));
    assert_eq!(line.plugin("count").counters.evicted, 1);
    line.block("first", &[(at(41), MESSAGE)]).unwrap();
    let seen: Vec<_> = counts(&line)
        .into_iter()
        .map(|(_, _, count)| count)
        .collect();
    assert_eq!(seen, [json!(1), json!(1), json!(2), json!(3), json!(1)]);
}

#[test]
fn state_keeps_its_tap_and_class_when_the_graph_changes() {
    let config = two_taps("secret", "secret");
    let mut line = Line::open(installed(), &config);
    let at = |seconds: u64| START_NS + seconds * SECOND_NS;
    line.block("first", &[(at(1_000_000), MESSAGE)]).unwrap();
    line.block("second", &[(at(0), &[0x81, 0xa1, b'x', 1])])
        .unwrap();
    let folded = line.pipeline.fold();
    assert_eq!(folded.classes, ["echo"]);

    // One class and one tap more, and what was the first tap becomes the last.
    let more = config
        .replace("[taps.first]", "[taps.zulu]")
        .replace("\"first\"", "\"zulu\", \"alpha\"")
        + "[taps.alpha]\nkind = \"lines\"\npath = \"alpha.txt\"\nlabel = \"secret\"\n";
    let mut changed = Line::open(installed(), &more);
    let mut renamed = folded.clone();
    renamed.taps[0].0 = "zulu".to_owned();
    changed.pipeline.unfold(renamed).unwrap();
    assert_eq!(changed.plugin("count").state_keys, 2);
    changed.tick("second", at(20));
    assert_eq!(changed.plugin("count").state_keys, 1, "aged by its own tap");

    // Of a tap that is gone nobody knows the time.
    let mut gone = Line::open(installed(), &more);
    gone.pipeline.unfold(folded).unwrap();
    assert_eq!(gone.plugin("count").state_keys, 1);
}

#[test]
fn time_that_steps_back_does_not_let_the_cut_show() {
    let at = |ms: u64| START_NS + ms * 1_000_000;
    let frames: [(u64, &[u8]); 4] = [
        (at(5_000), &[0x81, 0xa1, b'x', 1]),
        (at(0), MESSAGE),
        (at(10_500), &[0x81, 0xa1, b'y', 1]),
        (at(10_600), MESSAGE),
    ];
    let of = |cut: usize| {
        let mut line = Line::open(installed(), &two_taps("secret", "secret"));
        line.blocks("first", &frames, cut);
        counts(&line)
    };
    assert_eq!(of(4), of(1));
}

#[test]
fn fragments_of_two_taps_do_not_make_a_message() {
    let text = r#"
[taps.first]
kind = "lines"
path = "first.txt"
[taps.second]
kind = "lines"
path = "second.txt"
[plugins.ais]
component = "ais_decoder.wasm"
role = "decoder"
taps = ["first", "second"]
writes = ["static.sea"]
[classes."static.sea"]
topic = "other"
[topics.other]
"#;
    let halves: [&[u8]; 2] = [
        b"!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E",
        b"!AIVDM,2,2,3,B,1@0000000000000,2*55",
    ];
    let mut line = Line::open(installation(), text);
    line.block("first", &[(START_NS, halves[0])]).unwrap();
    line.block("second", &[(START_NS, halves[1])]).unwrap();
    assert_eq!(line.records("other").len(), 0);
    line.block("first", &[(START_NS, halves[1])]).unwrap();
    let records = line.records("other");
    assert_eq!(records.len(), 1, "{:?}", line.dead());
    assert_eq!(
        (records[0].tap.as_str(), &records[0].frames[..]),
        ("first", &[0, 2][..])
    );
}
