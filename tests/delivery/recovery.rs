//! What becomes of records that no broker takes.

use kafka_harness::Cluster;

use crate::common::installation;
use crate::mirror::{Ledger, Mirror, header, ledger, read, recording};
use crate::rig::Site;

#[test]
fn a_record_that_no_broker_takes_becomes_a_dead_letter_and_holds_up_nothing() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("refused");
    let mut client = cluster.client();
    // Statics are the largest records; some do not fit.
    let small = [("max.message.bytes", "700")];
    client.create_topic(&mirror.other, 6, 1, &small).unwrap();
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let pace = "pace = \"flat-out\"";
    let text = mirror.text(&cluster.bootstrap(), pace, "exactly-once", "");
    site.configure("data", "", &text);
    let status = site.run_well("data", &[]);
    let refused: u64 = status
        .kafka
        .iter()
        .flat_map(|kafka| &kafka.topics)
        .map(|topic| topic.refused)
        .sum();
    let data = site.data("data");
    let written = data.records("other").len() as u64;
    assert!(
        (1..written).contains(&refused),
        "{refused} of {written} refused"
    );
    let others = ledger(&data, "other", &read(cluster, &mirror.other));
    assert_eq!(others.lost as u64, refused);
    assert_eq!(
        (others.repeated, others.unknown, others.out_of_order),
        (0, 0, 0)
    );

    // Rulings that the first run wrote at its very end become dead letters at the next start.
    site.run_well("data", &[]);
    let dead = data.dead_letters();
    let dead: Vec<_> = dead
        .iter()
        .filter(|dead| dead.cause.as_deref() == Some("refused"))
        .collect();
    assert_eq!(dead.len() as u64, refused);
    for dead in dead {
        let (stage, detail) = dead.stage.as_ref().unwrap();
        assert_eq!(stage, "deliver:other");
        assert!(detail.contains("MessageSizeTooLarge"), "{detail}");
        assert!(dead.frame.is_some());
    }
    let audited = data.audit();
    let audited = audited.iter().filter(|record| record.event == "refused");
    assert_eq!(audited.count() as u64, refused);
    let tracks = read(cluster, &mirror.tracks);
    assert!(
        tracks
            .iter()
            .all(|read| header(read, "outrigger-class").is_some())
    );
}

#[test]
fn a_topic_that_begins_to_refuse_holds_up_nothing() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("narrower");
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let pace = "factor = 20.0";
    let text = mirror.text(&cluster.bootstrap(), pace, "exactly-once", "");
    site.configure("data", "", &text);
    let mut running = site.start("data", &["--until-idle", "--json", "--drain-s", "60"]);
    running.wait_status("both topics to be delivered", |status| {
        // None are named before the forwarders have begun.
        let topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
        topics.filter(|topic| topic.delivered > 0).count() == 2
    });
    // Below the size of some records, and of most requests.
    let mut client = cluster.client();
    for topic in [&mirror.tracks, &mirror.other] {
        client
            .configure(topic, &[("max.message.bytes", "900")])
            .unwrap();
    }
    let (code, out, errors) = running.end();
    eprint!("{errors}");
    assert_eq!(code, Some(0), "{errors}");
    let status: outrigger::status::StatusSnapshot = serde_json::from_str(&out).unwrap();
    let data = site.data("data");
    for kafka in &status.kafka {
        for topic in &kafka.topics {
            assert_eq!(topic.waiting, 0, "{topic:?}");
            let found = ledger(&data, &topic.topic, &read(cluster, &topic.kafka_topic));
            assert_eq!(found.lost as u64, topic.refused, "{found:?}");
            assert!(topic.refused < found.written as u64, "{found:?}");
            assert_eq!((found.unknown, found.out_of_order), (0, 0), "{found:?}");
            if kafka.guarantee == "exactly-once" {
                assert_eq!(found.repeated, 0, "{found:?}");
            }
            println!("{}: {} refused, {found:?}", topic.topic, topic.refused);
        }
    }
    let refused: u64 = status
        .kafka
        .iter()
        .flat_map(|kafka| &kafka.topics)
        .map(|topic| topic.refused)
        .sum();
    assert!(refused > 0);
}

#[test]
fn anothers_open_transaction_hides_no_progress() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("neighbour");
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let pace = "factor = 20.0";
    let text = mirror.text(&cluster.bootstrap(), pace, "exactly-once", "");
    site.configure("data", "", &text);
    let arguments = ["--until-idle", "--json", "--drain-s", "60"];
    let mut running = site.start("data", &arguments);
    running.wait_status("both topics to be delivered", |status| {
        let topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
        topics.filter(|topic| topic.delivered > 0).count() == 2
    });
    // Another runtime of this cluster stands still within a transaction, on the same progress topic.
    let target = outrigger_kafka::Cluster {
        bootstrap: cluster.bootstrap(),
        client_id: "neighbour".to_owned(),
        security: outrigger_kafka::Security::default(),
        compression: outrigger_kafka::Compression::default(),
        bounds: outrigger_kafka::Bounds::default(),
    };
    let guarantee = outrigger_kafka::Guarantee::ExactlyOnce {
        transactional_id: format!("{}-neighbour", mirror.progress),
    };
    let neighbour = outrigger_kafka::Producer::new(&target, &guarantee).unwrap();
    let wait = std::time::Duration::from_secs(30);
    neighbour.init_transactions(wait).unwrap();
    neighbour.begin().unwrap();
    let shipment = outrigger_kafka::Shipment {
        topic: &mirror.progress,
        key: Some(b"neighbour/tracks"),
        partition: None,
        value: Some(b"{}"),
        time_ms: 0,
        headers: &[],
        ticket: 0,
    };
    assert!(neighbour.send(&shipment).unwrap());
    assert!(neighbour.flush(wait));
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");

    // What was committed behind it must be seen before anything is sent again.
    let mut running = site.start("data", &[]);
    running.wait_status("the transaction to be named", |status| {
        let mut troubles = status.kafka.iter().flat_map(|kafka| &kafka.trouble);
        troubles.any(|trouble| trouble.contains("a transaction that nobody ends"))
    });
    neighbour.abort(wait).unwrap();
    running.wait_status("both to be connected", |status| {
        let connected = status.kafka.iter().filter(|kafka| kafka.connected);
        connected.filter(|kafka| kafka.trouble.is_none()).count() == 2
    });
    running.signal(rustix::process::Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    let data = site.data("data");
    let whole = Ledger {
        written: data.records("tracks").len(),
        ..Ledger::default()
    };
    assert_eq!(
        ledger(&data, "tracks", &read(cluster, &mirror.tracks)),
        whole
    );
}
