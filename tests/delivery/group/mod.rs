//! A Kafka topic as the source: what a group of processes makes of it is what one plain run makes of
//! the same frames.

mod budget;
mod decoded;
mod disturbed;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_harness::{Client, Cluster, Record as Read, topic_name};
use outrigger::record::{Record, severity_name};
use outrigger_kafka::{Bounds, Compression, Guarantee, Producer, Security, Shipment};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::installation;
use crate::mirror::{header, id_of, read, recording};
use crate::rig::{Running, Site};

/// Partitions of the shared topic.
pub(crate) const PARTITIONS: u32 = 6;
/// Longest time until a group has read everything. Reason: each kill costs a session's timeout and
/// that of a transaction, up to a minute in one of the tests, on a machine that may be busy.
const READ_MAX: Duration = Duration::from_secs(400);

/// A sentence that is a message by itself: its capture time, the sender's MMSI, the sentence.
pub(crate) struct Single {
    time_ms: i64,
    mmsi: u32,
    sentence: String,
}

/// Bits of a field of an AIS payload. Source: ITU-R M.1371-5, annex 8; IEC 61162-1 for the armour.
fn field(payload: &str, from: usize, bits: usize) -> u32 {
    let six = |byte: u8| if byte >= 96 { byte - 56 } else { byte - 48 };
    let bit = |at: usize| six(payload.as_bytes()[at / 6]) >> (5 - at % 6) & 1;
    (from..from + bits).fold(0, |value, at| value << 1 | u32::from(bit(at)))
}

pub(crate) fn singles() -> Vec<Single> {
    let lines = recording().lines();
    let single = |line: &str| {
        let (time, sentence) = line.split_once(',')?;
        if !sentence.contains("VDM,1,1,") {
            return None;
        }
        let payload = sentence.split(',').nth(5)?;
        let time_s: f64 = time.parse().unwrap();
        Some(Single {
            time_ms: (time_s * 1_000.0).round() as i64,
            mmsi: field(payload, 8, 30),
            sentence: sentence.to_owned(),
        })
    };
    lines.filter_map(single).collect()
}

/// Topics of one test.
pub(crate) struct Group {
    pub(crate) name: String,
}

impl Group {
    pub(crate) fn new(test: &str) -> Self {
        Self {
            name: topic_name(test),
        }
    }

    pub(crate) fn source(&self) -> String {
        format!("{}-source", self.name)
    }

    pub(crate) fn tracks(&self) -> String {
        format!("{}-tracks", self.name)
    }

    pub(crate) fn other(&self) -> String {
        format!("{}-other", self.name)
    }

    /// The tap, and the cluster with its topics.
    pub(crate) fn text(&self, bootstrap: &str, partitions: u32, confined: bool) -> String {
        let Self { name } = self;
        let (source, tracks, other) = (self.source(), self.tracks(), self.other());
        format!(
            r#"
[taps.harbour]
kind = "kafka"
kafka = "main"
topic = "{source}"
consumer_group = "{name}"
confined = {confined}

[kafka.main]
bootstrap = "{bootstrap}"
transaction_timeout_ms = 10_000
# By the records' own time, which is the recording's.
retention_hours = 80_000

[topics.tracks]
kafka = "main"
kafka_topic = "{tracks}"
partitions = {partitions}
[topics.other]
kafka = "main"
kafka_topic = "{other}"
partitions = {partitions}
{GRAPH}"#
        )
    }
}

const GRAPH: &str = r#"
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
"#;

/// Produces frames, keyed by MMSI, waiting for `pause` after every 50.
pub(crate) fn produce(cluster: &Cluster, topic: &str, singles: &[Single], pause: Duration) {
    let target = outrigger_kafka::Cluster {
        bootstrap: cluster.bootstrap(),
        client_id: "bus".to_owned(),
        security: Security::default(),
        compression: Compression::default(),
        bounds: Bounds::default(),
    };
    let producer = Producer::new(&target, &Guarantee::AtLeastOnce).unwrap();
    for (at, single) in singles.iter().enumerate() {
        let key = single.mmsi.to_string();
        let shipment = Shipment {
            topic,
            key: Some(key.as_bytes()),
            partition: None,
            value: Some(single.sentence.as_bytes()),
            time_ms: single.time_ms,
            headers: &[],
            ticket: at,
        };
        while !producer.send(&shipment).unwrap() {
            producer.reports(Duration::from_millis(1), &mut Vec::new());
        }
        if at % 50 == 49 && !pause.is_zero() {
            std::thread::park_timeout(pause);
        }
    }
    assert!(producer.flush(Duration::from_secs(30)));
}

/// What one plain run makes of the same frames, by topic.
fn plain(site: &Site, singles: &[Single]) -> [Vec<Record>; 2] {
    let lines = singles.iter().map(|single| {
        let (s, ms) = (single.time_ms / 1_000, single.time_ms % 1_000);
        format!("{s}.{ms:03},{}\n", single.sentence)
    });
    site.write("frames.txt", lines.collect::<String>());
    let tap = "[taps.harbour]\nkind = \"lines\"\npath = \"frames.txt\"\ntime_column = true\npace = \
               \"flat-out\"\n[topics.tracks]\n[topics.other]\n";
    site.configure("plain", "", &format!("{tap}{GRAPH}"));
    site.run_well("plain", &[]);
    let data = site.data("plain");
    ["tracks", "other"].map(|topic| data.records(topic))
}

/// What must be equal: class, key, body, times, broken rules.
type Essence = (String, String, Value, String, String, Value);

fn of_record(record: &Record) -> Essence {
    let broken: Vec<Value> = record
        .anomalies
        .iter()
        .map(|one| {
            json!([
                one.rule,
                severity_name(one.severity),
                one.detail,
                one.plugin
            ])
        })
        .collect();
    let broken = Value::from(broken);
    (
        record.class.clone(),
        record.key.clone(),
        record.body.clone(),
        record.event_ns.to_string(),
        record.captured_ns.to_string(),
        broken,
    )
}

fn of_read(read: &Read) -> Essence {
    let said = |name: &str| header(read, name).unwrap();
    let broken: Value = header(read, "outrigger-anomalies")
        .map_or(json!([]), |text| serde_json::from_str(&text).unwrap());
    let broken: Vec<Value> = broken
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["rule"], one["severity"], one["detail"], one["plugin"]]))
        .collect();
    (
        said("outrigger-class"),
        String::from_utf8(read.key.clone().unwrap_or_default()).unwrap(),
        rmp_serde::from_slice(read.value.as_ref().unwrap()).unwrap(),
        said("outrigger-event-ns"),
        said("outrigger-captured-ns"),
        Value::from(broken),
    )
}

fn by_key(all: impl Iterator<Item = Essence>) -> BTreeMap<String, Vec<Essence>> {
    let mut keys: BTreeMap<String, Vec<Essence>> = BTreeMap::new();
    for one in all {
        keys.entry(one.1.clone()).or_default().push(one);
    }
    keys
}

fn broken(records: &[Record]) -> usize {
    records
        .iter()
        .filter(|record| !record.anomalies.is_empty())
        .count()
}

#[test]
fn a_topic_becomes_what_a_file_of_the_same_frames_becomes() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-one");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), 1, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    produce(cluster, &group.source(), &singles, Duration::ZERO);
    site.configure("data", "", &group.text(&cluster.bootstrap(), 1, true));
    let status = site.run_well("data", &[]);
    let figures = status.group.unwrap();
    assert_eq!(figures.frames, singles.len() as u64);
    assert!(figures.commits > 0 && figures.retries == 0, "{figures:?}");
    let [tracks, other] = plain(&site, &singles);
    assert!(tracks.len() > 1_000, "{} tracks", tracks.len());
    for (topic, records) in [(group.tracks(), &tracks), (group.other(), &other)] {
        let found = read(cluster, &topic);
        assert_eq!(found.len(), records.len(), "{topic}");
        for (read, record) in found.iter().zip(records) {
            assert_eq!(of_read(read), of_record(record));
        }
    }
    eprintln!(
        "{} frames, {} + {} records, {} with anomalies, {} commits",
        singles.len(),
        tracks.len(),
        other.len(),
        broken(&tracks),
        figures.commits
    );
    // A second run has nothing left to read, and repeats nothing.
    site.run_well("data", &[]);
    assert_eq!(read(cluster, &group.tracks()).len(), tracks.len());
}

/// Offsets of the source of which nothing came, by partition: here each frame is one record. With
/// them, where the outputs' partitions end, and where committed records end in them.
pub(crate) fn gaps(cluster: &Cluster, group: &Group) -> BTreeMap<String, Vec<i64>> {
    let mut there: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let mut client = cluster.client();
    for topic in [group.tracks(), group.other()] {
        eprintln!("{topic}: {:?}", client.offsets(&topic).unwrap());
        for read in read(cluster, &topic) {
            let id = id_of(&read);
            let parts: Vec<&str> = id.split('/').collect();
            let offset = parts[3].parse().unwrap();
            there.entry(parts[2].to_owned()).or_default().insert(offset);
        }
    }
    let ends = client.offsets(&group.source()).unwrap();
    let ends = ends.iter().enumerate().map(|(partition, offsets)| {
        let there = there.remove(&partition.to_string()).unwrap_or_default();
        let missing = (0..offsets.end).filter(|at| !there.contains(at));
        (partition.to_string(), missing.collect::<Vec<i64>>())
    });
    ends.filter(|(_, missing)| !missing.is_empty()).collect()
}

fn is_read(client: &mut Client, group: &Group) -> bool {
    let ends = client.offsets(&group.source()).unwrap();
    let committed = client.group_offsets(&group.name, &group.source());
    let committed: BTreeMap<i32, i64> = committed.unwrap_or_default().into_iter().collect();
    ends.iter().enumerate().all(|(partition, offsets)| {
        let at = committed.get(&i32::try_from(partition).unwrap());
        offsets.end == 0 || at == Some(&offsets.end)
    })
}

pub(crate) fn wait_until_read(client: &mut Client, group: &Group) {
    let until = Instant::now() + READ_MAX;
    while !is_read(client, group) {
        assert!(Instant::now() < until, "not read in time");
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

/// Ends a process, which must end well.
pub(crate) fn drained(one: Running) {
    one.signal(Signal::TERM);
    let (code, _, errors) = one.end();
    // Shown if the test fails.
    eprintln!("{errors}");
    assert_eq!(code, Some(0), "{errors}");
}

/// Waits until a process has partitions, and has committed.
pub(crate) fn owns(one: &mut Running, what: &str) {
    one.wait_status(what, |status| {
        let group = status.group.as_ref();
        group.is_some_and(|group| !group.partitions.is_empty() && group.commits > 0)
    });
}

#[test]
fn kills_and_additions_in_a_group_lose_repeat_and_reorder_nothing() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let group = Group::new("group-three");
    let mut client = cluster.client();
    client
        .create_topic(&group.source(), PARTITIONS, 1, &[("retention.ms", "-1")])
        .unwrap();
    let site = Site::new(installation());
    let singles = singles();
    let text = group.text(&cluster.bootstrap(), PARTITIONS, true);
    let start = |name: &str| -> Running {
        site.configure(name, "", &text);
        site.start(name, &[])
    };
    let mut spread = BTreeSet::new();
    std::thread::scope(|scope| {
        // Lasts longer than all kills and additions, so that each hits a group at work.
        let pause = Duration::from_millis(350);
        let (source, frames) = (group.source(), &singles);
        let load = scope.spawn(move || produce(cluster, &source, frames, pause));
        let mut a = start("a");
        owns(&mut a, "a process alone that commits");
        let mut b = start("b");
        let mut c = start("c");
        owns(&mut b, "a second process that commits");
        owns(&mut c, "a third process that commits");
        for one in [&mut a, &mut b, &mut c] {
            // What it says may be from before the others came.
            let status = one.wait_status("a share of the partitions", |status| {
                let group = status.group.as_ref();
                group.is_some_and(|group| group.partitions.len() == PARTITIONS as usize / 3)
            });
            let owned = status.group.unwrap().partitions;
            spread.extend(owned.iter().map(|one| one.partition));
        }
        a.kill();
        let mut d = start("d");
        owns(&mut d, "an added process that commits");
        b.kill();
        // The same identity again: it ends what its killed life left open.
        let mut b = start("b");
        owns(&mut b, "a process that has come back");
        load.join().unwrap();
        wait_until_read(&mut client, &group);
        [b, c, d].into_iter().for_each(drained);
    });
    assert_eq!(spread.len(), PARTITIONS as usize);
    compare(cluster, &group, &site, &singles);
}

/// By partition of the source: how many records are there more than once, and the first and the last
/// of their offsets.
pub(crate) fn repeats(found: &[Read]) -> BTreeMap<String, (usize, i64, i64)> {
    let mut seen = BTreeSet::new();
    let mut repeats: BTreeMap<String, (usize, i64, i64)> = BTreeMap::new();
    for id in found.iter().map(id_of) {
        if !seen.insert(id.clone()) {
            let parts: Vec<&str> = id.split('/').collect();
            let offset = parts[3].parse().unwrap();
            let repeats = repeats.entry(parts[2].to_owned());
            let repeats = repeats.or_insert((0, offset, offset));
            *repeats = (repeats.0 + 1, repeats.1.min(offset), repeats.2.max(offset));
        }
    }
    repeats
}

/// Compares what the group made, by key, with what one plain run makes of the same frames: nothing is
/// lost, repeated, out of order or judged otherwise.
pub(crate) fn compare(cluster: &Cluster, group: &Group, site: &Site, singles: &[Single]) {
    let expected = plain(site, singles);
    assert_eq!(
        gaps(cluster, group),
        BTreeMap::new(),
        "frames of which nothing came"
    );
    for (topic, records) in [group.tracks(), group.other()].iter().zip(&expected) {
        let found = read(cluster, topic);
        assert_eq!(repeats(&found), BTreeMap::new(), "{topic}: repeats");
        assert_eq!(found.len(), records.len(), "{topic}: lost or invented");
        let want = by_key(records.iter().map(of_record));
        let have = by_key(found.iter().map(of_read));
        assert_eq!(have, want, "{topic}");
    }
    eprintln!(
        "{} frames, {} + {} records, {} with anomalies",
        singles.len(),
        expected[0].len(),
        expected[1].len(),
        broken(&expected[0])
    );
}

#[test]
fn configurations_that_one_transaction_cannot_hold_are_refused() {
    let site = Site::new(installation());
    let group = Group::new("group-refused");
    let good = group.text("127.0.0.1:9", 1, true);
    let refused = |text: &str, code: i32, said: &[&str]| {
        site.configure("data", "", text);
        let errors = site.run_badly("data", &[], code);
        for said in said {
            assert!(errors.contains(said), "{said:?} is not in {errors}");
        }
    };
    let unconfined = good.replace("confined = true", "confined = false");
    let repartition = "a repartition topic";
    refused(
        &unconfined,
        1,
        &["taps.harbour.confined", "plugins.judge", repartition],
    );
    // A keyed decoder is known by its component, so this is said at the start.
    let judge = "validators = [\"judge\"]\n";
    let no_judge = unconfined.replace(judge, "");
    let no_judge = no_judge.replace(
        "[plugins.judge]\nrole = \"validator\"\ncomponent = \"track_plausibility.wasm\"\n",
        "",
    );
    refused(&no_judge, 3, &["plugins.ais", repartition, "taps.harbour"]);
    let other_tap = format!("{good}\n[taps.file]\nkind = \"lines\"\npath = \"x\"\n");
    refused(&other_tap, 1, &["taps.harbour.kind", "the only tap"]);
    let once = "[topics.other]\nguarantee = \"at-least-once\"";
    refused(
        &good.replace("[topics.other]", once),
        1,
        &["topics.other.guarantee", "one transaction"],
    );
    let local = format!("[topics.other]\nkafka_topic = \"{}\"", group.other());
    let there = format!(
        "[topics.other]\nkafka = \"main\"\nkafka_topic = \"{}\"",
        group.other()
    );
    refused(&good.replace(&there, &local), 1, &["topics.other.kafka"]);
    let same = good.replace(
        &format!("kafka_topic = \"{}\"", group.tracks()),
        &format!("kafka_topic = \"{}\"", group.source()),
    );
    refused(&same, 1, &["topics.tracks.kafka_topic", "taps.harbour"]);
    let nowhere = good.replace("kafka = \"main\"\ntopic =", "kafka = \"mian\"\ntopic =");
    refused(&nowhere, 1, &["taps.harbour.kafka", "did you mean main"]);
}
