//! Who reads what is mirrored and how far behind they are, and topics that others have made.

use kafka_harness::Cluster;
use outrigger::status::{KafkaStatus, ReaderPartitionStatus};

use crate::common::installation;
use crate::mirror::{Ledger, Mirror, ledger, read, recording};
use crate::rig::Site;

const FLAT_OUT: &str = "pace = \"flat-out\"";

/// A deployment of the mirror, ready to be run.
fn site(mirror: &Mirror, cluster: &Cluster, kafka: &str) -> Site {
    let site = Site::new(installation());
    site.write("recording.txt", recording());
    let text = mirror.text(&cluster.bootstrap(), FLAT_OUT, "exactly-once", kafka);
    site.configure("data", "", &text);
    site
}

#[test]
fn the_lag_of_consumer_groups_is_what_kafkas_own_client_says() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("lag");
    let site = site(&mirror, cluster, "consumer_lag_s = 1");
    site.run_well("data", &[]);
    let mut client = cluster.client();
    let ends = client.offsets(&mirror.tracks).unwrap();
    let group = format!("{}-display", mirror.tracks);
    // Half of what there is, of all partitions but the last, which nobody has begun.
    let committed: Vec<(i32, i64)> = ends[..ends.len() - 1]
        .iter()
        .zip(0..)
        .map(|(offsets, partition)| (partition, offsets.stable / 2))
        .collect();
    client.commit(&group, &mirror.tracks, &committed).unwrap();
    assert_eq!(
        client.group_offsets(&group, &mirror.tracks).unwrap(),
        committed
    );

    let mut running = site.start("data", &[]);
    let rows = |status: &outrigger::status::StatusSnapshot| -> Vec<ReaderPartitionStatus> {
        let all = status
            .kafka_readers
            .iter()
            .flat_map(|readers| &readers.partitions);
        all.filter(|row| row.group == group).cloned().collect()
    };
    let status = running.wait_status("the group", |status| !rows(status).is_empty());
    let expected: Vec<ReaderPartitionStatus> = committed
        .iter()
        .map(|(partition, committed)| {
            let end = ends[usize::try_from(*partition).unwrap()].stable;
            ReaderPartitionStatus {
                group: group.clone(),
                kafka_topic: mirror.tracks.clone(),
                partition: *partition,
                committed: *committed,
                end,
                lag: u64::try_from(end - committed).unwrap(),
            }
        })
        .collect();
    assert!(expected.iter().any(|row| row.lag > 50));
    assert_eq!(rows(&status), expected);
    let text = outrigger::status::render(&status);
    assert!(text.contains("READ BY"), "{text}");

    // It catches up.
    let all: Vec<(i32, i64)> = (0..).zip(&ends).map(|(at, one)| (at, one.stable)).collect();
    client.commit(&group, &mirror.tracks, &all).unwrap();
    let status = running.wait_status("no lag", |status| {
        let rows = rows(status);
        rows.len() == all.len() && rows.iter().all(|row| row.lag == 0)
    });
    // Another topic of ours that the group does not read is not counted for it.
    assert!(
        rows(&status)
            .iter()
            .all(|row| row.kafka_topic == mirror.tracks)
    );
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn a_topic_that_would_forget_progress_is_named_and_never_used() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("progress");
    let site = site(&mirror, cluster, "");
    let mut client = cluster.client();
    client.create_topic(&mirror.progress, 1, 1, &[]).unwrap();
    let status = site.run_well("data", &["--drain-s", "2"]);
    let by = |guarantee: &str| -> KafkaStatus {
        let found = status
            .kafka
            .iter()
            .find(|kafka| kafka.guarantee == guarantee);
        found.unwrap().clone()
    };
    let exactly_once = by("exactly-once");
    let trouble = exactly_once.trouble.unwrap_or_default();
    assert!(
        trouble.contains("its cleanup.policy must be compact"),
        "{trouble}"
    );
    assert_eq!(exactly_once.topics[0].delivered, 0);
    // The others do not need it.
    assert_eq!(by("at-least-once").topics[0].waiting, 0);
    let output = site
        .command()
        .args(["doctor", "--config", "data.toml"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("its cleanup.policy must be compact"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(4));

    client
        .configure(&mirror.progress, &[("cleanup.policy", "compact")])
        .unwrap();
    site.run_well("data", &[]);
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

#[test]
fn the_doctor_and_the_advice_know_what_topics_there_are() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("doctor");
    let site = site(&mirror, cluster, "create_topics = false");
    let mut client = cluster.client();
    let small = [("max.message.bytes", "70000")];
    client.create_topic(&mirror.other, 48, 1, &small).unwrap();
    let doctor = || -> String {
        let mut command = site.command();
        let arguments = ["doctor", "--config", "data.toml", "--seconds", "1"];
        let output = command.args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = doctor();
    for finding in [
        "ok   kafka main: ",
        "FAIL kafka main topic ",
        "is not there, and create_topics is false",
        "has 48 partitions, the configuration says 6",
        "keeps records for 168 hours, the configuration says 87600",
        "takes at most 70000 bytes, record_bytes_max is 1048576",
    ] {
        assert!(said.contains(finding), "{finding}: {said}");
    }
    let good = [("cleanup.policy", "compact")];
    client.create_topic(&mirror.progress, 1, 1, &good).unwrap();
    let kept = [("retention.ms", "-1")];
    client.create_topic(&mirror.tracks, 6, 1, &kept).unwrap();
    let said = doctor();
    for finding in ["6 partitions, 1 copies", "holds the progress"] {
        assert!(said.contains(finding), "{finding}: {said}");
    }

    site.run_well("data", &[]);
    let advice = |more: &[&str]| -> Vec<serde_json::Value> {
        let mut command = site.command();
        command.args([
            "partitions",
            "--config",
            "data.toml",
            "--topic",
            "other",
            "--json",
        ]);
        let output = command.args(more).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let configured = &advice(&[])[0];
    assert_eq!(
        (
            configured["configured"].as_u64(),
            configured["existing"].as_u64()
        ),
        (Some(6), None)
    );
    let existing = &advice(&["--ask"])[0];
    assert_eq!(
        (
            existing["configured"].as_u64(),
            existing["existing"].as_u64()
        ),
        (None, Some(48))
    );
    let judged = existing["judged"].as_str().unwrap();
    assert!(judged.starts_with("over-partitioned"), "{judged}");
}

#[test]
fn a_cluster_that_does_not_answer_is_said_by_the_doctor_and_the_advice() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mirror = Mirror::new("nobody");
    let site = site(&mirror, cluster, "");
    site.run_well("data", &[]);
    // Nobody listens on a port that was free a moment ago.
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let text = mirror.text(&address.to_string(), FLAT_OUT, "exactly-once", "");
    site.configure("data", "", &text);
    let output = site
        .command()
        .args(["doctor", "--config", "data.toml"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("FAIL kafka main: "), "{said}");
    assert!(said.contains(&address.to_string()), "{said}");
    let mut command = site.command();
    let output = command
        .args(["partitions", "--config", "data.toml", "--ask"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("kafka.main: "), "{said}");
    assert_eq!(output.status.code(), Some(3), "{said}");
}
