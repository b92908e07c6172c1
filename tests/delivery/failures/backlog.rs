//! Brokers that are away while traffic flows: what waits, what status says of it, and what is shed.

use std::net::UdpSocket;
use std::time::Duration;

use outrigger::status::{KafkaStatus, StatusSnapshot};
use rustix::process::Signal;

use super::scene::{Scene, delivered};
use super::{cluster, pause, rounds, seconds, turn};
use crate::mirror::recording;
use crate::rig::disk::Small;
use crate::rig::wait_for;

#[test]
fn the_broker_is_away_from_the_start() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let away = seconds(rounds(8, 60));
    let scene = Scene::new(&cluster, "failures", "");
    cluster.proxy(1).refuse();
    scene.site.configure("data", "", &scene.paced(away));
    let mut running = scene.start();
    pause(away);
    let status = running.wait_status("status to say that the broker is away", |status| {
        status.kafka.iter().all(|kafka| kafka.trouble.is_some())
    });
    let mut said = Vec::new();
    for kafka in &status.kafka {
        let away_ms = kafka.away_ms.unwrap();
        let least_ms = u64::try_from(away.as_millis()).unwrap() / 2;
        assert!(away_ms >= least_ms, "{away_ms} ms");
        assert!(!kafka.connected, "{kafka:?}");
        for topic in &kafka.topics {
            assert_eq!(topic.delivered, 0);
            assert!(topic.waiting > 10, "{topic:?}");
            assert!(topic.lasts_s.is_some(), "{topic:?}");
            said.push(format!("{} waiting", topic.waiting));
        }
    }
    assert_eq!(status.health.state, "DEGRADED", "{:?}", status.health);
    cluster.proxy(1).pass();
    running.wait_status("delivery", |status| delivered(status) > 0);
    let status = scene.end(running);
    assert!(status.kafka.iter().all(|kafka| kafka.trouble.is_none()));
    let what = format!(
        "the broker is away from the start, for {} s",
        away.as_secs()
    );
    let note = format!("status said: {}", said.join(", "));
    scene.row((80, &what), 1).note(note).holds();
}

/// The smallest log there is.
const SMALL_LOG: &str = "bytes_max = 4_194_304\nsegment_bytes = 131_072";

/// A tap that listens, in place of the recording.
fn live(text: &str, port: u16) -> String {
    let (before, rest) = text.split_once("kind = \"lines\"").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    format!("{before}kind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}\n\n{after}")
}

/// Sends the recording's sentences again and again, as a bus would.
struct Bus {
    socket: UdpSocket,
    port: u16,
    sentences: Vec<&'static str>,
    next: usize,
}

impl Bus {
    fn new() -> Self {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let sentences = recording().lines();
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").unwrap(),
            port,
            sentences: sentences
                .map(|line| line.split_once(',').unwrap().1)
                .collect(),
            next: 0,
        }
    }

    /// Sends some, then leaves the runtime a moment to take them.
    fn send(&mut self, count: usize) {
        for _ in 0..count {
            let sentence = self.sentences[self.next % self.sentences.len()];
            let sent = self
                .socket
                .send_to(sentence.as_bytes(), ("127.0.0.1", self.port));
            // Nobody may listen yet.
            let _ = sent;
            self.next += 1;
        }
        pause(Duration::from_millis(5));
    }
}

fn of<'a>(status: &'a StatusSnapshot, guarantee: &str) -> &'a KafkaStatus {
    let mut clusters = status.kafka.iter();
    clusters.find(|kafka| kafka.guarantee == guarantee).unwrap()
}

#[test]
fn the_logs_are_full_while_the_broker_is_away() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let scene = Scene::new(&cluster, "failures", "");
    let mut bus = Bus::new();
    let text = live(&scene.text(""), bus.port)
        .replace("[topics.tracks]", &format!("[topics.tracks]\n{SMALL_LOG}"))
        .replace("[topics.other]", &format!("[topics.other]\n{SMALL_LOG}"));
    let journal = format!("{SMALL_LOG}\nblock_bytes_max = 65_536");
    scene.site.configure("data", &journal, &text);
    cluster.proxy(1).refuse();
    let mut running = scene.site.start("data", &["--json"]);
    // A small block may still fit, and then the tap has no trouble until the next.
    let full = wait_for("the taps to shed, and both to say why", || {
        bus.send(250);
        let status = running.status()?;
        let says = |trouble: &Option<String>, what: &str| {
            trouble
                .as_ref()
                .is_some_and(|trouble| trouble.contains(what))
        };
        let said = says(&status.pipeline.trouble, "Kafka has not taken")
            && says(&status.taps[0].trouble, "shedding: ");
        (said && status.taps[0].shed_frames >= 1_000).then_some(status)
    });
    let exact = of(&full, "exactly-once");
    assert_eq!(exact.topics[0].delivered, 0);
    cluster.proxy(1).pass();
    let settled = running.wait_status("everything to be delivered", |status| {
        let mut topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
        status.ledger.waiting == 0 && topics.all(|topic| topic.waiting == 0)
    });
    let (ledger, shed) = (&settled.ledger, settled.ledger.shed);
    assert!(shed > 0 && ledger.difference == 0, "{ledger:?}");
    for kafka in &settled.kafka {
        for topic in &kafka.topics {
            let written = settled.topics.iter().find(|one| one.name == topic.topic);
            assert_eq!(topic.delivered, written.unwrap().written, "{topic:?}");
            assert_eq!((topic.refused, topic.lost), (0, 0), "{topic:?}");
        }
    }
    running.signal(Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    // The logs hold what is not yet old; what was delivered and has gone from them since is unknown
    // to them, and counted above.
    let mut row = scene.row((81, "the logs are full while the broker is away"), 1);
    row.note = format!(
        "the pipeline waits, the tap sheds {shed} frames and counts them; all {} records that were \
         made are delivered, {} of them gone from the log since",
        of(&settled, "exactly-once").topics[0].delivered,
        row.exact.unknown,
    );
    let all = row.exact.written + row.exact.unknown;
    assert_eq!(
        u64::try_from(all).unwrap(),
        of(&settled, "exactly-once").topics[0].delivered
    );
    row.exact.unknown = 0;
    row.least.unknown = 0;
    row.holds();
}

#[test]
fn the_disk_is_full_under_the_journal() {
    let _turn = turn();
    let Some(cluster) = cluster(1) else { return };
    let scene = Scene::new(&cluster, "failures", "");
    let Some(disk) = Small::mount(&scene.site.path("data/journal"), "2m") else {
        return;
    };
    let mut bus = Bus::new();
    let text = live(&scene.text(""), bus.port);
    let journal = "segment_bytes = 131_072\nblock_bytes_max = 65_536";
    scene.site.configure("data", journal, &text);
    let mut running = scene.site.start("data", &["--json"]);
    wait_for("the taps to shed", || {
        bus.send(250);
        let status = running.status()?;
        (status.taps[0].shed_frames >= 1_000).then_some(())
    });
    disk.grow("64m");
    let shed = running.status().map_or(0, |status| status.taps[0].frames);
    wait_for("the taps to go on", || {
        bus.send(50);
        let status = running.status()?;
        (status.taps[0].frames > shed + 2_000).then_some(())
    });
    let settled = running.wait_status("everything to be delivered", |status| {
        let mut topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
        status.ledger.waiting == 0 && topics.all(|topic| topic.waiting == 0)
    });
    assert_eq!(settled.ledger.difference, 0, "{:?}", settled.ledger);
    running.signal(Signal::TERM);
    let (code, _, errors) = running.end();
    assert_eq!(code, Some(0), "{errors}");
    let row = scene.row((82, "the disk is full under the journal, then grows"), 1);
    let shed = settled.ledger.shed;
    let note = format!("the tap sheds {shed} frames and counts them; all others are delivered");
    row.note(note).holds();
}
