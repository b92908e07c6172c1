//! A deployment that mirrors to Kafka, and what an independent reader finds there.

use std::collections::{BTreeMap, BTreeSet};

use kafka_harness::{Cluster, Record as Read, topic_name};
use outrigger::record::{Record, hex};

use crate::rig::Data;

/// A simulated AIS recording of about 4,000 sentences.
pub fn recording() -> &'static str {
    static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| crate::rig::recordings::Timed::simulated(240).text)
}

/// Two topics, one mirrored under `tracks` at `guarantee`, the other at least once.
pub struct Mirror {
    /// Topic in Kafka of the tracks.
    pub tracks: String,
    /// Topic in Kafka of all else.
    pub other: String,
    /// Topic in Kafka of progress.
    pub progress: String,
}

impl Mirror {
    /// With topics of the test's own.
    pub fn new(test: &str) -> Self {
        let name = topic_name(test);
        Self {
            tracks: format!("{name}-tracks"),
            other: format!("{name}-other"),
            progress: format!("{name}-progress"),
        }
    }

    /// The configuration. `pace` is of the tap, `guarantee` of the tracks, `kafka` more keys of the
    /// cluster.
    pub fn text(&self, bootstrap: &str, pace: &str, guarantee: &str, kafka: &str) -> String {
        let Self {
            tracks,
            other,
            progress,
        } = self;
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
kafka = "main"
kafka_topic = "{tracks}"
guarantee = "{guarantee}"
[topics.other]
kafka = "main"
kafka_topic = "{other}"
guarantee = "at-least-once"
value = "json"

[kafka.main]
bootstrap = "{bootstrap}"
# Brokers keep records by their own time, and those of a recording are old.
retention_hours = 87_600
progress_topic = "{progress}"
{kafka}

[pipeline]
instance_blocks = 16
snapshot_interval_s = 1
"#
        )
    }
}

/// A header of a record, as text.
pub fn header(read: &Read, name: &str) -> Option<String> {
    let (_, value) = read.headers.iter().find(|(key, _)| key == name)?;
    Some(String::from_utf8(value.clone()?).unwrap())
}

/// Message id of a record that was read.
pub fn id_of(read: &Read) -> String {
    header(read, "outrigger-id").expect("every record has an id")
}

/// Message id that a record of the topic log gets.
pub fn id(log_id: &[u8; 16], record: &Record) -> String {
    let frame = record.frames.last().unwrap();
    format!("{}/{frame}/{}", hex(log_id), record.index)
}

/// What an independent reader found, held against the topic log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Records of the topic log.
    pub written: usize,
    /// Of these, not in Kafka.
    pub lost: usize,
    /// Records in Kafka whose id was there already.
    pub repeated: usize,
    /// Records in Kafka that are not in the topic log.
    pub unknown: usize,
    /// Records that stand before one of the same key that was made earlier.
    pub out_of_order: usize,
}

/// Compares what Kafka holds of a topic with its log.
pub fn ledger(data: &Data, topic: &str, read: &[Read]) -> Ledger {
    let log_id = data.log_id();
    let records = data.records(topic);
    let written: BTreeMap<String, usize> = records
        .iter()
        .enumerate()
        .map(|(at, record)| (id(&log_id, record), at))
        .collect();
    let mut ledger = Ledger {
        written: records.len(),
        ..Ledger::default()
    };
    let mut seen = BTreeSet::new();
    // Per key, in the order of its partition; a repeat says nothing about order.
    let mut last: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for read in read {
        let id = id_of(read);
        let Some(&at) = written.get(&id) else {
            ledger.unknown += 1;
            continue;
        };
        if !seen.insert(id) {
            ledger.repeated += 1;
            continue;
        }
        let key = read.key.clone().unwrap_or_default();
        if last.insert(key, at).is_some_and(|before| before > at) {
            ledger.out_of_order += 1;
        }
    }
    ledger.lost = ledger.written - seen.len();
    ledger
}

/// Transactions of which only a part can be seen: of those that a progress record shows, the ones
/// of whose records some are there and some are not, or lie in more than one transaction of a
/// partition; and one more if there are records that no progress covers. A transaction leaves its marker in every partition
/// that it wrote, so offsets without a gap belong to one.
pub fn torn(data: &Data, topic: &str, read: &[Read], progress: &[Read]) -> usize {
    let log_id = data.log_id();
    let key = format!("{}/{topic}", hex(&log_id));
    let mut steps: Vec<(i64, (u64, u32))> = progress
        .iter()
        .filter(|read| read.key.as_deref() == Some(key.as_bytes()))
        .map(|read| {
            let value: serde_json::Value =
                serde_json::from_slice(read.value.as_ref().unwrap()).unwrap();
            let block = value["block"].as_u64().unwrap();
            let ordinal = u32::try_from(value["ordinal"].as_u64().unwrap()).unwrap();
            (read.offset, (block, ordinal))
        })
        .collect();
    steps.sort_unstable();
    let mut places: BTreeMap<String, (i32, i64)> = BTreeMap::new();
    for read in read {
        let place = (read.partition, read.offset);
        places.entry(id_of(read)).or_insert(place);
    }
    let offsets: BTreeSet<(i32, i64)> = read
        .iter()
        .map(|read| (read.partition, read.offset))
        .collect();
    let records = data.records(topic);
    let mut records = records.iter().peekable();
    let mut torn = 0;
    for (_, step) in steps {
        let (mut seen, mut missing) = (0, 0);
        let mut spans: BTreeMap<i32, (i64, i64)> = BTreeMap::new();
        while let Some(record) = records.next_if(|record| (record.block, record.ordinal) <= step) {
            let Some(&(partition, offset)) = places.get(&id(&log_id, record)) else {
                missing += 1;
                continue;
            };
            seen += 1;
            let span = spans.entry(partition).or_insert((offset, offset));
            *span = (span.0.min(offset), span.1.max(offset));
        }
        let together = spans.iter().all(|(partition, (first, last))| {
            (*first..=*last).all(|offset| offsets.contains(&(*partition, offset)))
        });
        torn += usize::from(seen > 0 && missing > 0 || !together);
    }
    let uncovered = records.any(|record| places.contains_key(&id(&log_id, record)));
    torn + usize::from(uncovered)
}

/// Reads a topic with Kafka's own client, committed records only.
pub fn read(cluster: &Cluster, topic: &str) -> Vec<Read> {
    cluster.client().read_committed(topic).unwrap()
}
