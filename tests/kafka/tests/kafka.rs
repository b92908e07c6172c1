//! The harness does what the tests of the product rely on: real transactions, real failures, and
//! nothing left behind.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kafka_harness::{Client, Cluster, OTHER_CLUSTER, Options, Security, Side, api, topic_name};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn config(cluster: &Cluster, security: Security) -> ClientConfig {
    let mut config: ClientConfig = cluster.rdkafka(security).into_iter().collect();
    config.set("linger.ms", "0");
    config
}

fn transactional(cluster: &Cluster, id: &str) -> BaseProducer {
    let mut config = config(cluster, Security::Plain);
    let producer: BaseProducer = config.set("transactional.id", id).create().unwrap();
    producer.init_transactions(LONG).unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, value: &str) {
    let record = BaseRecord::to(topic).key("key").payload(value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
}

/// Sends a value in a transaction of its own, up to the end of the transaction.
fn begin(producer: &BaseProducer, topic: &str, value: &str) {
    producer.begin_transaction().unwrap();
    send(producer, topic, value);
    producer.flush(LONG).unwrap();
}

fn committed(client: &mut Client, topic: &str) -> Vec<String> {
    values(client.read_committed(topic).unwrap())
}

fn values(records: Vec<kafka_harness::Record>) -> Vec<String> {
    records
        .into_iter()
        .map(|record| String::from_utf8(record.value.unwrap()).unwrap())
        .collect()
}

/// Asks until the answer is yes, or for long.
fn eventually(what: &str, mut asked: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !asked() {
        assert!(begun.elapsed() < LONG, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn records_of_java_are_read_back() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let topic = topic_name("read-back");
    let mut client = cluster.client();
    client
        .create_topic(&topic, 3, 1, &[("retention.ms", "3600000")])
        .unwrap();
    let sent: Vec<(String, Vec<u8>)> = (0..1_000_u32)
        .map(|n| (format!("key-{}", n % 97), n.to_le_bytes().to_vec()))
        .collect();
    let records: Vec<(&[u8], &[u8])> = sent
        .iter()
        .map(|(key, value)| (key.as_bytes(), value.as_slice()))
        .collect();
    let placed = client.produce(&topic, &records).unwrap();
    let read = client.read_committed(&topic).unwrap();
    assert_eq!(read.len(), 1_000);
    for record in read {
        let place = (record.partition, record.offset);
        let index = placed.iter().position(|one| *one == place).unwrap();
        assert_eq!(record.key.as_deref(), Some(records[index].0));
        assert_eq!(record.value.as_deref(), Some(records[index].1));
    }
    let offsets = client.offsets(&topic).unwrap();
    assert_eq!(offsets.iter().map(|one| one.end).sum::<i64>(), 1_000);
    assert!(
        offsets
            .iter()
            .all(|one| one.start == 0 && one.stable == one.end)
    );
    let description = client.describe(&topic).unwrap();
    assert_eq!(description.partitions.len(), 3);
    assert_eq!(description.configs["retention.ms"], "3600000");
    client.delete_topic(&topic).unwrap();
    eventually("the topic is gone", || client.describe(&topic).is_err());
}

#[test]
fn placement_of_murmur2_is_java_s() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (ours, theirs) = (topic_name("ours"), topic_name("theirs"));
    let mut client = cluster.client();
    for topic in [&ours, &theirs] {
        client.create_topic(topic, 7, 1, &[]).unwrap();
    }
    let keys: Vec<Vec<u8>> = (0..500_u32)
        .map(|n| n.to_le_bytes()[..(n % 5) as usize].to_vec())
        .chain((0..500_u32).map(|n| format!("{:06x}", n * 33_331).into_bytes()))
        .filter(|key| !key.is_empty())
        .collect();
    let records: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (&key[..], &key[..])).collect();
    client.produce(&theirs, &records).unwrap();
    let mut config = config(cluster, Security::Plain);
    let producer: BaseProducer = config
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    for key in &keys {
        producer
            .send(BaseRecord::to(&ours).key(key).payload(key))
            .map_err(|(e, _)| e)
            .unwrap();
    }
    producer.flush(LONG).unwrap();
    let mut placed = |topic: &str| -> BTreeSet<_> {
        let read = client.read_committed(topic).unwrap();
        read.into_iter()
            .map(|record| (record.key, record.partition))
            .collect()
    };
    let placement = placed(&ours);
    assert!(placement.len() > 500);
    assert_eq!(placement, placed(&theirs));
}

#[test]
fn aborted_records_are_not_shown() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let topic = topic_name("aborted");
    let mut client = cluster.client();
    client.create_topic(&topic, 1, 1, &[]).unwrap();
    let id = topic_name("id");
    let record = |value: &'static [u8]| [(&b"key"[..], value)];
    client
        .produce_in_transaction(&topic, &record(b"aborted by java"), &id, false)
        .unwrap();
    client
        .produce_in_transaction(&topic, &record(b"committed by java"), &id, true)
        .unwrap();
    let producer = transactional(cluster, &id);
    begin(&producer, &topic, "aborted");
    producer.abort_transaction(LONG).unwrap();
    begin(&producer, &topic, "committed");
    producer.commit_transaction(LONG).unwrap();
    begin(&producer, &topic, "open");

    assert_eq!(
        committed(&mut client, &topic),
        ["committed by java", "committed"]
    );
    let all = values(client.read_uncommitted(&topic).unwrap());
    let sent = [
        "aborted by java",
        "committed by java",
        "aborted",
        "committed",
        "open",
    ];
    assert_eq!(all, sent);
    let offsets = client.offsets(&topic).unwrap()[0];
    assert_eq!(
        (offsets.stable, offsets.end),
        (8, 9),
        "four records with four ends, one open"
    );
    producer.abort_transaction(LONG).unwrap();
}

#[test]
fn three_brokers_serve_without_one() {
    let options = Options {
        brokers: 3,
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    let mut client = cluster.client();
    client.create_topic("kept", 1, 3, &[]).unwrap();
    let leader = client.describe("kept").unwrap().partitions[0]
        .leader
        .unwrap();
    let leader = usize::try_from(leader).unwrap();
    let producer = transactional(&cluster, "three");
    begin(&producer, "kept", "before");
    producer.commit_transaction(LONG).unwrap();

    cluster.kill(leader);
    begin(&producer, "kept", "without the leader");
    producer.commit_transaction(LONG).unwrap();
    let expected = ["before", "without the leader"];
    assert_eq!(
        values(client.read_committed_until("kept", 2).unwrap()),
        expected
    );

    cluster.restart(leader);
    eventually("the killed one is in sync again", || {
        client
            .describe("kept")
            .is_ok_and(|topic| topic.partitions[0].in_sync.len() == 3)
    });
    assert_eq!(committed(&mut client, "kept"), expected);
}

/// Passes on errors as librdkafka tells them.
struct Errors(mpsc::Sender<KafkaError>);

impl ClientContext for Errors {
    fn error(&self, error: KafkaError, _reason: &str) {
        let _ = self.0.send(error);
    }
}

impl ProducerContext for Errors {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// What a client with this configuration runs into first, other than having no broker left.
fn first_error(config: &ClientConfig) -> RDKafkaErrorCode {
    let (sender, errors) = mpsc::channel();
    let producer: BaseProducer<Errors> = config.create_with_context(Errors(sender)).unwrap();
    let mut found = None;
    eventually("an error", || {
        // Clients connect when they want to know something.
        let reached = producer
            .client()
            .fetch_metadata(None, Duration::from_millis(200));
        assert!(reached.is_err(), "let in: {config:?}");
        producer.poll(Duration::from_millis(20));
        let mut codes = errors
            .try_iter()
            .filter_map(|error| error.rdkafka_error_code());
        found = codes.find(|code| *code != RDKafkaErrorCode::AllBrokersDown);
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn listeners_refuse_wrong_secrets() {
    let secure = [Security::Tls, Security::SaslPlain, Security::SaslScram];
    let options = Options {
        listeners: secure.to_vec(),
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    cluster.client().create_topic("secret", 1, 1, &[]).unwrap();
    let credentials = cluster.credentials();
    let stranger = credentials.stranger.display().to_string();
    thread::scope(|scope| {
        for security in secure {
            let (cluster, stranger) = (&cluster, &stranger);
            scope.spawn(move || {
                let right = config(cluster, security);
                let producer: BaseProducer = right.create().unwrap();
                send(&producer, "secret", "told");
                producer.flush(LONG).unwrap();
                let refused = |key: &str, value: &str| {
                    let mut wrong = config(cluster, security);
                    first_error(wrong.set(key, value))
                };
                let untrusted = refused("ssl.ca.location", stranger);
                assert_eq!(untrusted, RDKafkaErrorCode::SSL);
                // Here librdkafka tells no error, and tries again for as long as it is asked.
                let mut open = config(cluster, security);
                open.set("security.protocol", "plaintext");
                let producer: BaseProducer = open.create().unwrap();
                let short = Duration::from_millis(500);
                producer.client().fetch_metadata(None, short).unwrap_err();
                if security != Security::Tls {
                    let guessed = refused("sasl.password", "guessed");
                    assert_eq!(guessed, RDKafkaErrorCode::Authentication);
                }
            });
        }
    });
    for security in [Security::SaslPlain, Security::SaslScram] {
        let mut right = cluster.client_as(security, &credentials.user, &credentials.password);
        assert_eq!(committed(&mut right, "secret"), ["told"; 3]);
        let mut wrong = cluster.client_as(security, &credentials.user, "guessed");
        let refused = wrong.read_committed("secret").unwrap_err();
        assert!(
            refused.starts_with("SaslAuthenticationException"),
            "{refused}"
        );
    }
}

#[test]
fn brokers_refuse_what_is_not_allowed() {
    let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let properties = [
        ("authorizer.class.name", authorizer),
        // Nodes, and the client that sets up the test.
        ("super.users", "User:ANONYMOUS"),
    ];
    let options = Options {
        listeners: vec![Security::SaslPlain],
        properties: properties
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    let mut admin = cluster.client();
    admin.create_topic("mine", 1, 1, &[]).unwrap();
    let credentials = cluster.credentials();
    let user = &credentials.user;
    let mut client = cluster.client_as(Security::SaslPlain, user, &credentials.password);
    let record = [(&b"key"[..], &b"value"[..])];
    let refused = client.produce("mine", &record).unwrap_err();
    assert!(
        refused.starts_with("TopicAuthorizationException"),
        "{refused}"
    );
    admin.allow(user, "WRITE", "TOPIC", "mine").unwrap();
    eventually("the user may write", || {
        client.produce("mine", &record).is_ok()
    });
    let refused = client.read_committed("mine").unwrap_err();
    assert!(
        refused.starts_with("TopicAuthorizationException"),
        "{refused}"
    );

    admin
        .configure("mine", &[("max.message.bytes", "100")])
        .unwrap();
    let large = [(&b"key"[..], &[0; 200][..])];
    let refused = admin.produce("mine", &large).unwrap_err();
    assert!(refused.starts_with("RecordTooLargeException"), "{refused}");
    for value in [Some(1_000.0), None] {
        admin.quota("slow", "producer_byte_rate", value).unwrap();
    }
    assert_eq!(admin.group_offsets("nobody", "mine").unwrap(), []);
    assert_eq!(committed(&mut admin, "mine"), ["value"]);
}

#[test]
fn proxies_hold_what_tests_say() {
    let options = Options {
        proxied: true,
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    let proxy = cluster.proxy(1);
    assert_eq!(cluster.bootstrap(), proxy.address().to_string());
    // Past the proxy.
    let mut client = cluster.client();
    client.create_topic("held", 1, 1, &[]).unwrap();

    // The answer of a commit is held: done, and the producer does not know.
    let producer = transactional(&cluster, "held");
    begin(&producer, "held", "answer held");
    let held = proxy.hold_api(api::END_TXN, Side::Response);
    thread::scope(|scope| {
        let commit = scope.spawn(|| producer.commit_transaction(LONG));
        assert!(held.wait(LONG));
        eventually("the commit is seen", || {
            committed(&mut client, "held") == ["answer held"]
        });
        assert!(!commit.is_finished());
        held.release();
        commit.join().unwrap().unwrap();
    });

    // The request of a commit is held, and its producer goes: it is done when the request comes.
    begin(&producer, "held", "request held");
    let held = proxy.hold_api(api::END_TXN, Side::Request);
    let late = producer
        .commit_transaction(Duration::from_millis(300))
        .unwrap_err();
    assert!(
        matches!(&late, KafkaError::Transaction(error) if error.is_retriable()),
        "{late:?}"
    );
    assert!(held.wait(LONG));
    proxy.close_clients();
    assert_eq!(committed(&mut client, "held"), ["answer held"]);
    held.release();
    let both = ["answer held", "request held"];
    eventually("the late commit is seen", || {
        committed(&mut client, "held") == both
    });
    drop(producer);

    // A request that is thrown away is sent again; one that is delayed takes its time.
    let producer = transactional(&cluster, "held");
    begin(&producer, "held", "sent again");
    let held = proxy.hold_api(api::END_TXN, Side::Request);
    let sent = proxy.requests(api::END_TXN);
    thread::scope(|scope| {
        let commit = scope.spawn(|| producer.commit_transaction(LONG));
        assert!(held.wait(LONG));
        held.discard();
        commit.join().unwrap().unwrap();
    });
    assert_eq!(proxy.requests(api::END_TXN), sent + 2);
    begin(&producer, "held", "delayed");
    let delay = Duration::from_millis(300);
    let delayed = proxy.delay_api(api::END_TXN, Side::Response, delay);
    let begun = Instant::now();
    producer.commit_transaction(LONG).unwrap();
    assert!(begun.elapsed() >= delay);
    delayed.release();
    let all = ["answer held", "request held", "sent again", "delayed"];
    assert_eq!(committed(&mut client, "held"), all);
    drop(producer);

    // Whole directions.
    let reaches = |max: Duration| {
        let producer: BaseProducer = config(&cluster, Security::Plain).create().unwrap();
        producer.client().fetch_metadata(Some("held"), max).is_ok()
    };
    let short = Duration::from_millis(500);
    assert!(reaches(LONG));
    for side in [Side::Request, Side::Response] {
        proxy.hold(side);
        assert!(!reaches(short));
        proxy.pass();
        assert!(reaches(LONG));
        proxy.discard(side);
        assert!(!reaches(short));
        proxy.pass();
        assert!(reaches(LONG));
    }
    proxy.refuse();
    assert!(!reaches(short));
    proxy.pass();
    assert!(reaches(LONG));
    let begun = Instant::now();
    proxy.stall(Duration::from_millis(700));
    assert!(reaches(LONG));
    assert!(begun.elapsed() >= Duration::from_millis(700));

    // The node itself.
    cluster.pause(1);
    assert!(!reaches(short));
    cluster.resume(1);
    assert!(reaches(LONG));
    cluster.stop(1);
    assert!(!reaches(short));
    cluster.restart(1);
    assert!(reaches(LONG));
    assert_eq!(committed(&mut client, "held"), all);
}

/// Where the process that is to be killed is told to start a cluster.
const VICTIM: &str = "OUTRIGGER_TEST_KAFKA_VICTIM";

/// Not a test but the program of the next one.
#[test]
fn victim() {
    let Some(how) = std::env::var_os(VICTIM) else {
        return;
    };
    let Some(cluster) = Cluster::start(&Options::default()) else {
        return;
    };
    let (pid, servers) = (cluster.pid(1).unwrap(), cluster.bootstrap());
    println!(
        "\nbroker {pid} {servers} {}",
        cluster.folder().unwrap().display()
    );
    assert_ne!(how, "panic", "as told");
    loop {
        thread::park();
    }
}

/// One test of this file in a process of its own.
fn alone(test: &str, variable: &str, value: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(variable, value)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts the victim: its process, and process id, bootstrap servers and folder of its broker.
fn start_victim(how: &str) -> (Child, PathBuf, String, PathBuf) {
    let mut process = alone("victim", VICTIM, how).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    let line = lines.find(|line| line.starts_with("broker ")).unwrap();
    let [_, pid, servers, folder] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let broker = Path::new("/proc").join(pid);
    (process, broker, servers.to_owned(), PathBuf::from(folder))
}

#[test]
fn logs_are_kept_when_a_test_fails() {
    if Cluster::shared().is_none() {
        return;
    }
    let (process, broker, _, folder) = start_victim("panic");
    let output = process.wait_with_output().unwrap();
    eventually("the broker is gone", || !broker.exists());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let kept = format!("logs of the brokers: {}", folder.display());
    assert!(said.contains(&kept), "{said}");
    assert!(folder.join("node-1/log.txt").exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn no_broker_outlives_its_test_and_others_brokers_do() {
    if Cluster::shared().is_none() {
        return;
    }
    let (mut process, broker, servers, _) = start_victim("kill");
    // Another process uses that broker, and leaves it alone.
    let guest = alone("aborted_records_are_not_shown", OTHER_CLUSTER, &servers)
        .output()
        .unwrap();
    assert!(guest.status.success(), "{guest:?}");
    assert!(broker.exists());
    process.kill().unwrap();
    process.wait().unwrap();
    eventually("the broker is gone", || !broker.exists());
}

#[test]
fn absence_of_java_is_said_aloud() {
    let absent = alone("records_of_java_are_read_back", "JAVA_HOME", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&absent.stderr);
    assert!(absent.status.success(), "{said}");
    assert_eq!(said.trim(), "skipped: no broker (java is missing)");
}
