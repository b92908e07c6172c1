//! Brokers that refuse for now: for want of a permission, of a topic, or by a quota. The topic logs
//! hold what is to be sent, the status says why, and delivery goes on where it stopped.

use kafka_harness::{Cluster, Options, Security};
use outrigger::status::StatusSnapshot;

use crate::common::installation;
use crate::mirror::{Ledger, Mirror, ledger, read, recording};
use crate::rig::{Running, Site};

const FLAT_OUT: &str = "pace = \"flat-out\"";

/// A deployment that goes to a cluster of the test's own.
struct Refused<'a> {
    cluster: &'a Cluster,
    mirror: Mirror,
    site: Site,
}

impl<'a> Refused<'a> {
    fn new(cluster: &'a Cluster, test: &str, security: Security, kafka: &str) -> Self {
        let mirror = Mirror::new(test);
        let site = Site::new(installation());
        site.write("recording.txt", recording());
        let bootstrap = cluster.bootstrap_of(security);
        let text = mirror.text(&bootstrap, FLAT_OUT, "exactly-once", kafka);
        site.configure("data", "", &text);
        Self {
            cluster,
            mirror,
            site,
        }
    }

    fn start(&self) -> Running {
        self.site.start("data", &["--drain-s", "60"])
    }

    /// Waits until each guarantee is told that, and the topic logs hold all that was read.
    fn wait_told(&self, running: &mut Running, cause: &str) -> StatusSnapshot {
        running.wait_status(cause, |status| {
            let told = |trouble: &Option<String>| {
                trouble.as_ref().is_some_and(|text| text.contains(cause))
            };
            let kafka = &status.kafka;
            kafka.iter().filter(|kafka| told(&kafka.trouble)).count() == 2
                && status.ledger.captured > 0
                && status.ledger.waiting == 0
        })
    }

    /// Waits until everything is delivered, ends the run, and holds Kafka against the logs.
    fn assert_whole(&self, mut running: Running) {
        running.wait_status("delivery", |status| {
            let topics = status.kafka.iter().flat_map(|kafka| &kafka.topics);
            let done = |delivered: u64, waiting: u64| delivered > 0 && waiting == 0;
            topics
                .filter(|topic| done(topic.delivered, topic.waiting))
                .count()
                == 2
                && status.kafka.iter().all(|kafka| kafka.trouble.is_none())
        });
        running.signal(rustix::process::Signal::TERM);
        assert_eq!(running.end().0, Some(0));
        let data = self.site.data("data");
        let names = [
            ("tracks", &self.mirror.tracks),
            ("other", &self.mirror.other),
        ];
        for (topic, name) in names {
            let written = data.records(topic).len();
            assert!(written > 200, "{topic}: {written}");
            let found = ledger(&data, topic, &read(self.cluster, name));
            let expected = Ledger {
                written,
                ..Ledger::default()
            };
            // Repeats of what is at-least-once have equal ids, which the ledger has held them to.
            let repeated = if topic == "other" { found.repeated } else { 0 };
            assert_eq!(
                found,
                Ledger {
                    repeated,
                    ..expected
                },
                "{topic}"
            );
        }
        assert!(data.dead_letters().is_empty());
    }
}

#[test]
fn who_may_not_write_waits_until_he_may() {
    let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let properties = [
        ("authorizer.class.name", authorizer),
        // Nodes, and the client that sets up the test.
        ("super.users", "User:ANONYMOUS"),
    ];
    let options = Options {
        listeners: vec![Security::SaslScram],
        properties: properties
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    let credentials = cluster.credentials();
    let user = &credentials.user;
    let trusted = credentials.trusted.display();
    let kafka = format!(
        "tls = true\nca_file = \"{trusted}\"\nsasl = \"scram-sha-256\"\nusername = \"{user}\"\n\
         password_file = \"password\"\ncreate_topics = false"
    );
    let refused = Refused::new(&cluster, "forbidden", Security::SaslScram, &kafka);
    refused.site.write("password", &credentials.password);
    let mut admin = cluster.client();
    let Mirror {
        tracks,
        other,
        progress,
    } = &refused.mirror;
    admin.create_topic(tracks, 6, 1, &[]).unwrap();
    admin.create_topic(other, 6, 1, &[]).unwrap();
    let compact = [("cleanup.policy", "compact")];
    admin.create_topic(progress, 1, 1, &compact).unwrap();

    // What a user may not see is as if it were not there.
    let mut running = refused.start();
    refused.wait_told(&mut running, "UnknownTopicOrPartition");
    for topic in [tracks, other, progress] {
        admin.allow(user, "DESCRIBE", "TOPIC", topic).unwrap();
    }
    let status = refused.wait_told(&mut running, "uthorization");
    assert_eq!(status.health.state, "DEGRADED", "{:?}", status.health);
    for kafka in &status.kafka {
        assert!(kafka.away_ms.is_some(), "{kafka:?}");
        assert_eq!(kafka.topics[0].delivered, 0);
        assert!(kafka.topics[0].waiting > 200, "{kafka:?}");
    }
    for topic in [tracks, other, progress] {
        admin.allow(user, "WRITE", "TOPIC", topic).unwrap();
    }
    admin.allow(user, "READ", "TOPIC", progress).unwrap();
    for operation in ["WRITE", "DESCRIBE"] {
        admin
            .allow(user, operation, "TRANSACTIONAL_ID", "*")
            .unwrap();
    }
    refused.assert_whole(running);
}

#[test]
fn topics_that_are_not_there_are_waited_for() {
    let Some(cluster) = Cluster::start(&Options::default()) else {
        return;
    };
    let refused = Refused::new(&cluster, "absent", Security::Plain, "create_topics = false");
    let mut running = refused.start();
    let status = refused.wait_told(&mut running, "create_topics is false");
    let troubles: Vec<&String> = status
        .kafka
        .iter()
        .flat_map(|kafka| &kafka.trouble)
        .collect();
    assert!(
        troubles
            .iter()
            .any(|text| text.contains(&refused.mirror.tracks)),
        "{troubles:?}"
    );
    let mut client = cluster.client();
    let Mirror {
        tracks,
        other,
        progress,
    } = &refused.mirror;
    client.create_topic(tracks, 6, 1, &[]).unwrap();
    client.create_topic(other, 6, 1, &[]).unwrap();
    let compact = [("cleanup.policy", "compact")];
    client.create_topic(progress, 1, 1, &compact).unwrap();
    refused.assert_whole(running);
}

#[test]
fn a_quota_slows_delivery_and_is_shown() {
    let Some(cluster) = Cluster::start(&Options::default()) else {
        return;
    };
    let refused = Refused::new(&cluster, "quota", Security::Plain, "");
    let mut client = cluster.client();
    // Brokers measure over ten seconds: what flat-out delivery takes in one is far above.
    let quota = Some(4_000.0);
    client
        .quota("outrigger-site", "producer_byte_rate", quota)
        .unwrap();
    let mut running = refused.start();
    running.wait_status("throttling", |status| {
        status.kafka.iter().any(|kafka| kafka.throttle_ms > 0)
    });
    client
        .quota("outrigger-site", "producer_byte_rate", None)
        .unwrap();
    refused.assert_whole(running);
}
