//! What arrives, where, and as what.

use std::collections::BTreeMap;

use kafka_harness::Cluster;
use sha2::Digest as _;

use crate::common::installation;
use crate::mirror::{Ledger, Mirror, header, id, ledger, read, recording};
use crate::rig::Site;

fn whole(written: usize) -> Ledger {
    Ledger {
        written,
        ..Ledger::default()
    }
}

#[test]
fn every_record_arrives_once_with_what_it_says_of_itself() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("arrives");
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let text = mirror.text(
        &cluster.bootstrap(),
        "pace = \"flat-out\"",
        "exactly-once",
        "",
    );
    site.configure("data", "", &text);
    let status = site.run_well("data", &[]);
    assert_eq!(status.kafka.len(), 2, "a producer for each guarantee");
    for kafka in &status.kafka {
        for topic in &kafka.topics {
            let written = status.topics.iter().find(|one| one.name == topic.topic);
            assert_eq!(topic.delivered, written.unwrap().written, "{}", topic.topic);
            assert_eq!((topic.waiting, topic.refused, topic.lost), (0, 0, 0));
        }
    }

    let data = site.data("data");
    let records = data.records("tracks");
    assert!(records.len() > 1_000, "{} records", records.len());
    let tracks = read(cluster, &mirror.tracks);
    assert_eq!(ledger(&data, "tracks", &tracks), whole(records.len()));
    let others = read(cluster, &mirror.other);
    let other_records = data.records("other");
    assert_eq!(ledger(&data, "other", &others), whole(other_records.len()));

    let log_id = data.log_id();
    let by_id: BTreeMap<String, _> = records
        .iter()
        .chain(&other_records)
        .map(|record| (id(&log_id, record), record))
        .collect();
    let mut anomalies = 0;
    for read in tracks.iter().chain(&others) {
        let record = by_id[&header(read, "outrigger-id").unwrap()];
        assert_eq!(read.key.as_deref().unwrap(), record.key.as_bytes());
        assert_eq!(read.timestamp_ms, (record.captured_ns / 1_000_000) as i64);
        let said = |name: &str| header(read, name).unwrap();
        assert_eq!(said("outrigger-class"), record.class);
        assert_eq!(said("outrigger-tap"), record.tap);
        assert_eq!(said("outrigger-label"), record.label);
        assert_eq!(
            said("outrigger-captured-ns"),
            record.captured_ns.to_string()
        );
        assert_eq!(said("outrigger-event-ns"), record.event_ns.to_string());
        assert_eq!(said("outrigger-schema"), schema_digest(&record.class));
        let plugins: Vec<String> = record
            .plugins
            .iter()
            .map(|(name, digest)| format!("{name}={}", digest.hex()))
            .collect();
        assert_eq!(said("outrigger-plugins"), plugins.join(","));
        let broken = header(read, "outrigger-anomalies");
        match record.anomalies.len() {
            0 => assert_eq!((said("outrigger-verdict").as_str(), broken), ("pass", None)),
            count => {
                anomalies += 1;
                assert_eq!(said("outrigger-verdict"), "anomaly");
                let broken: Vec<serde_json::Value> =
                    serde_json::from_str(&broken.unwrap()).unwrap();
                assert_eq!(broken.len(), count);
                assert_eq!(broken[0]["rule"], record.anomalies[0].rule.as_str());
            }
        }
    }
    assert!(anomalies > 0, "no anomaly came by");
    for read in &tracks {
        let body: serde_json::Value = rmp_serde::from_slice(read.value.as_ref().unwrap()).unwrap();
        assert_eq!(body, by_id[&header(read, "outrigger-id").unwrap()].body);
    }
    for read in &others {
        // As text: a number may be read to its last digit or not, and is written to it.
        let body = String::from_utf8(read.value.clone().unwrap()).unwrap();
        let record = by_id[&header(read, "outrigger-id").unwrap()];
        assert_eq!(body, record.body.to_string());
    }
}

#[test]
fn keys_lie_where_kafkas_own_producer_puts_them() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("placement");
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let pace = "pace = \"flat-out\"";
    let text = mirror.text(&cluster.bootstrap(), pace, "exactly-once", "");
    let text = text.replace("guarantee = \"exactly-once\"", "partitions = 7");
    site.configure("data", "", &text);
    site.run_well("data", &[]);
    let ours: BTreeMap<Vec<u8>, i32> = read(cluster, &mirror.tracks)
        .into_iter()
        .map(|read| (read.key.unwrap(), read.partition))
        .collect();
    assert!(ours.len() > 20, "{} keys", ours.len());

    let mut client = cluster.client();
    let theirs = kafka_harness::topic_name("placement-java");
    client.create_topic(&theirs, 7, 1, &[]).unwrap();
    let keys: Vec<Vec<u8>> = ours.keys().cloned().collect();
    let records: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (&key[..], &b""[..])).collect();
    let placed = client.produce(&theirs, &records).unwrap();
    for (key, (placed, _)) in keys.iter().zip(placed) {
        let key_text = String::from_utf8_lossy(key);
        assert_eq!(ours[key], placed, "partition of {key_text}");
        let reckoned = outrigger::partitions::partition_of(key, 7);
        assert_eq!(
            reckoned.cast_signed(),
            placed,
            "as outrigger partitions reckons {key_text}"
        );
    }
    let used: std::collections::BTreeSet<i32> = ours.values().copied().collect();
    assert_eq!(used.len(), 7, "not every partition was tried");
}

#[test]
fn what_is_sent_at_most_once_has_no_log_and_never_comes_twice() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("at-most-once");
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let pace = "pace = \"flat-out\"";
    let text = mirror.text(&cluster.bootstrap(), pace, "at-most-once", "");
    site.configure("data", "", &text);
    let status = site.run_well("data", &[]);
    let topics = || status.kafka.iter().flat_map(|kafka| &kafka.topics);
    let tracks = topics().find(|topic| topic.topic == "tracks").unwrap();
    let written = status.topics.iter().find(|topic| topic.name == "tracks");
    let written = written.unwrap().written;
    assert_eq!(
        tracks.delivered + tracks.lost,
        written,
        "each is accounted for"
    );
    assert!(tracks.delivered > 0);
    assert!(!site.path("data").join("topics/tracks").exists());

    // What was made before a restart had its chance.
    let again = site.run_well("data", &[]);
    let again = again.kafka.iter().flat_map(|kafka| &kafka.topics);
    let again: u64 = again.map(|topic| topic.delivered + topic.lost).sum();
    assert_eq!(again, 0);
    let read = read(cluster, &mirror.tracks);
    let ids: std::collections::BTreeSet<String> = read
        .iter()
        .map(|read| header(read, "outrigger-id").unwrap())
        .collect();
    assert_eq!(ids.len(), read.len(), "a record came twice");
    assert!(read.len() as u64 <= tracks.delivered);
}

/// The first 16 digits of the SHA-256 of a class's schema, as it lies beside its decoder.
fn schema_digest(class: &str) -> String {
    let name = match class {
        "track.sea" | "track.air" => "track",
        "static.sea" => "static",
        "station.base" => "station",
        "aid.navigation" => "aid",
        other => panic!("{other}"),
    };
    let schemas = crate::common::root().join("plugins/guests/ais/schemas");
    let schema = std::fs::read(schemas.join(format!("{name}.schema.json"))).unwrap();
    let digest: [u8; 32] = sha2::Sha256::digest(&schema).into();
    outrigger::record::hex(&digest[..8])
}
