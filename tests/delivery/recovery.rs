//! What holds after a kill, a power cut, and a record that no broker takes.

use std::time::Duration;

use kafka_harness::Cluster;

use crate::common::installation;
use crate::mirror::{Ledger, Mirror, header, ledger, read, recording};
use crate::rig::{Random, Site};

/// Kills in the short run.
const KILLS: u64 = 12;
/// Latest kill, milliseconds since the process began.
const KILL_AFTER_MS: u64 = 900;
/// Seed of the moments.
const SEED: u64 = 20_261_123;

#[test]
fn kills_at_any_moment_lose_and_repeat_nothing_that_is_exactly_once() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("kills");
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    // The recording lasts longer than all lives together, so that each kill hits a run at work.
    let killed = "factor = 16.0";
    let text = mirror.text(&cluster.bootstrap(), killed, "exactly-once", "");
    site.configure("data", "", &text);
    let mut random = Random::new(SEED);
    for _ in 0..KILLS {
        let mut child = site.run_command("data", &[]).spawn().unwrap();
        std::thread::park_timeout(Duration::from_millis(random.below(KILL_AFTER_MS)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let data = site.data("data");
    let before = data.records("tracks").len();
    let rest = text.replace(killed, "pace = \"flat-out\"");
    site.configure("data", "", &rest);
    site.run_well("data", &[]);
    let written = data.records("tracks").len();
    assert!(
        (100..written).contains(&before),
        "{before} of {written} made by killed runs"
    );
    let tracks = read(cluster, &mirror.tracks);
    let exact = Ledger {
        written,
        ..Ledger::default()
    };
    assert_eq!(ledger(&data, "tracks", &tracks), exact);
    let others = ledger(&data, "other", &read(cluster, &mirror.other));
    assert_eq!((others.lost, others.unknown), (0, 0), "{others:?}");
}

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
