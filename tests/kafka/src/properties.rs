//! Where nodes listen and what they are told.

use std::net::{Ipv4Addr, TcpListener};

use crate::cluster::Options;
use crate::credentials::Credentials;

/// Addresses tried before giving up, of 64,516 there are.
const ADDRESSES_MAX: u32 = 16;
/// Port of controllers.
pub const CONTROLLER_PORT: u16 = 9093;
/// Port of brokers among themselves and of the harness, never behind a proxy.
pub const INTERNAL_PORT: u16 = 9094;
/// First port of the listeners for clients, one for each [`crate::Security`] that is asked for.
pub const CLIENT_PORT: u16 = 9200;
/// First port of the proxies before them.
pub const PROXY_PORT: u16 = 9300;

/// Addresses of the nodes: 127.x.y.1 and on, at random, with all ports free. Nobody else listens
/// there, and nobody's outgoing connection starts there, so ports can be the same after a restart.
pub fn addresses(options: &Options) -> Vec<Ipv4Addr> {
    let count = u8::try_from(options.brokers).expect("one or three");
    for _ in 0..ADDRESSES_MAX {
        let [x, y, ..] = crate::random().to_le_bytes();
        let (x, y) = (x % 254 + 1, y % 254 + 1);
        let addresses: Vec<Ipv4Addr> = (1..=count).map(|n| Ipv4Addr::new(127, x, y, n)).collect();
        let free = addresses.iter().all(|ip| {
            let listeners = (0..).take(options.listeners.len());
            let ports = listeners.flat_map(|number| [CLIENT_PORT + number, PROXY_PORT + number]);
            [CONTROLLER_PORT, INTERNAL_PORT]
                .into_iter()
                .chain(ports)
                .all(|port| TcpListener::bind((*ip, port)).is_ok())
        });
        if free {
            return addresses;
        }
    }
    panic!("no loopback address has its ports free");
}

/// What a node is told; `options` have the last word.
pub fn properties(
    id: i32,
    ip: Ipv4Addr,
    addresses: &[Ipv4Addr],
    options: &Options,
    credentials: Option<&Credentials>,
) -> Vec<(String, String)> {
    let voters: Vec<String> = addresses
        .iter()
        .zip(1..)
        .map(|(ip, id)| format!("{id}@{ip}:{CONTROLLER_PORT}"))
        .collect();
    let internal = format!("INTERNAL://{ip}:{INTERNAL_PORT}");
    let mut listeners = format!("CONTROLLER://{ip}:{CONTROLLER_PORT},{internal}");
    let mut advertised = internal;
    let mut protocols = "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT".to_owned();
    let mut set: Vec<(String, String)> = Vec::new();
    for (security, number) in options.listeners.iter().zip(0..) {
        let seen = if options.proxied {
            PROXY_PORT
        } else {
            CLIENT_PORT
        } + number;
        listeners += &format!(",CLIENT{number}://{ip}:{}", CLIENT_PORT + number);
        advertised += &format!(",CLIENT{number}://{ip}:{seen}");
        protocols += &format!(",CLIENT{number}:{}", security.protocol());
        if let Some(credentials) = credentials {
            set.extend(security.broker(number, credentials));
        }
    }
    let copies = addresses.len().to_string();
    let in_sync = addresses.len().div_ceil(2).to_string();
    let fixed = [
        ("process.roles", "broker,controller"),
        ("node.id", &id.to_string()),
        ("controller.quorum.voters", &voters.join(",")),
        ("controller.listener.names", "CONTROLLER"),
        ("inter.broker.listener.name", "INTERNAL"),
        ("listeners", &listeners),
        ("advertised.listeners", &advertised),
        ("listener.security.protocol.map", &protocols),
        ("auto.create.topics.enable", "false"),
        ("default.replication.factor", &copies),
        ("min.insync.replicas", &in_sync),
        // Internal topics: few partitions, so that the first use is quick.
        ("offsets.topic.num.partitions", "2"),
        ("offsets.topic.replication.factor", &copies),
        ("transaction.state.log.num.partitions", "2"),
        ("transaction.state.log.replication.factor", &copies),
        ("transaction.state.log.min.isr", &in_sync),
        ("share.coordinator.state.topic.num.partitions", "1"),
        ("share.coordinator.state.topic.replication.factor", &copies),
        ("share.coordinator.state.topic.min.isr", &in_sync),
        // Small in memory, threads and files.
        ("num.network.threads", "2"),
        ("num.io.threads", "4"),
        ("background.threads", "2"),
        // Retention goes by the records' own times, and those of a recording are old.
        ("log.retention.check.interval.ms", "86400000"),
        ("log.initial.task.delay.ms", "86400000"),
        ("log.cleaner.dedupe.buffer.size", "4194304"),
        ("log.index.size.max.bytes", "1048576"),
        // What tests would wait for: a dead broker, a dead member, a dead transaction. Times in ms.
        ("broker.heartbeat.interval.ms", "500"),
        ("broker.session.timeout.ms", "3000"),
        ("controller.quorum.election.timeout.ms", "500"),
        ("controller.quorum.fetch.timeout.ms", "1000"),
        ("controller.quorum.election.backoff.max.ms", "250"),
        ("replica.lag.time.max.ms", "3000"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("group.min.session.timeout.ms", "500"),
        (
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "500",
        ),
    ];
    let fixed = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
    // The last of two with one name counts.
    [&fixed[..], &set[..], &options.properties[..]].concat()
}
