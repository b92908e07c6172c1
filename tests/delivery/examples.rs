//! Every example mission to Kafka, in one flag.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use bus_simulator::pace::{Pace, Schedule};
use bus_simulator::run::{BySensor, Plan};
use bus_simulator::scenario::Scenario;
use bus_simulator::sink::Udp;
use kafka_harness::{Cluster, topic_name};
use rustix::process::Signal;

use crate::common::{installation, root};
use crate::mirror::{header, read};
use crate::rig::Site;

/// Where a mission's sensors talk: name, address and port as its configuration says.
type Bus = (Option<&'static str>, [u8; 4], u16);

const HARBOUR: &[Bus] = &[(None, [239, 192, 0, 4], 60_001)];
const AIR: &[Bus] = &[
    (Some("centre"), [239, 192, 0, 62], 60_062),
    (Some("radar"), [127, 0, 0, 1], 60_048),
    (Some("receiver"), [127, 0, 0, 1], 60_030),
];

#[test]
fn the_harbour_goes_to_kafka_in_one_flag() {
    mission("harbour", HARBOUR, &["sea-tracks", "identities"]);
}

#[test]
fn the_air_goes_to_kafka_in_one_flag() {
    mission("air", AIR, &["air-tracks", "squitters"]);
}

fn mission(name: &str, buses: &[Bus], topics: &[&str]) {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let folder = root().join("examples").join(name);
    let mut text = std::fs::read_to_string(folder.join("outrigger.toml")).unwrap();
    let plugins = format!("plugins_dir = \"{}\"", installation().display());
    text = replaced(&text, "plugins_dir = \"plugins\"", &plugins);
    text = replaced(
        &text,
        "[journal]",
        "[journal]\nsigning_key = \"journal.key\"",
    );
    // Names and ports of the test's own: a demonstration may run on this host.
    let prefix = topic_name(name);
    for topic in topics {
        let section = format!("[topics.{topic}]");
        let named = format!("{section}\nkafka_topic = \"{prefix}-{topic}\"");
        text = replaced(&text, &section, &named);
    }
    let ports: Vec<u16> = buses.iter().map(|_| free_port()).collect();
    for ((_, _, port), own) in buses.iter().zip(&ports) {
        text = replaced(&text, &format!("port = {port}"), &format!("port = {own}"));
    }
    let site = Site::new(installation());
    site.write("data.toml", text);
    let mut running = site.start("data", &["--kafka", &cluster.bootstrap()]);
    play(&folder.join("scenario.toml"), buses, &ports);
    running.wait_status("deliveries", |status| {
        let all = || status.kafka.iter().flat_map(|kafka| &kafka.topics);
        let delivered = |topic: &&str| all().any(|one| one.topic == **topic && one.delivered > 0);
        topics.iter().all(delivered) && all().all(|one| one.waiting == 0)
    });
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    let data = site.data("data");
    for topic in topics {
        let read = read(cluster, &format!("{prefix}-{topic}"));
        assert_eq!(read.len(), data.records(topic).len(), "{topic}");
        assert!(read.len() > 20, "{topic}: {} records", read.len());
        assert!(
            read.iter()
                .all(|one| header(one, "outrigger-label").is_some())
        );
    }
}

/// The text with a part replaced, which must be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the example has {from}");
    text.replace(from, to)
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// Some seconds of the mission, on the buses that its configuration listens to.
fn play(scenario: &Path, buses: &[Bus], ports: &[u16]) {
    let scenario = Scenario::load(scenario).unwrap();
    let names: Vec<String> = scenario
        .sensors
        .iter()
        .map(|one| one.name.clone())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let interface = Some(IpAddr::from(Ipv4Addr::LOCALHOST));
    let outputs = buses.iter().zip(ports).map(|((name, address, _), port)| {
        let to = SocketAddr::from((*address, *port));
        let udp = Udp::open(to, interface, 0).unwrap();
        (name.map(str::to_owned), udp)
    });
    let plan = Plan {
        udp: BySensor::new(outputs.collect(), &names).unwrap(),
        scenario,
        duration_s: Some(8),
        count: None,
        schedule: Schedule {
            pace: Pace::Steady,
            factor: 2.0,
            rate: None,
        },
        recordings: BySensor::none(),
        truth: None,
        progress: false,
    };
    bus_simulator::run::run(plan, &AtomicBool::new(false)).unwrap();
}
