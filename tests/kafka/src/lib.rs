//! A real Apache Kafka for tests, on loopback: brokers, a proxy between, and an independent client.
//!
//! - [`Cluster`]: one or three nodes, each broker and controller at once, made for one test or
//!   shared by all tests of a process; killed, stopped, paused and started again by tests;
//! - [`Proxy`]: what brokers advertise when a test wants to cut, hold back or delay;
//! - [`Client`]: Kafka's own Java client, which shares no code with librdkafka and so can check it;
//! - [`Credentials`]: certificates and passwords, made anew for each cluster.
//!
//! Jars come from Maven Central once, into the cache outside the clone. Where Java or Maven is
//! missing a test says so in one line that begins with `skipped: no broker`, and ends.
//! `OUTRIGGER_TEST_BROKERS` names another cluster for the tests that do not need one of their own.
//!
//! A broker never outlives the test process: dropping a [`Cluster`] kills its nodes, and the kernel
//! kills them when the process dies in any other way.
#![allow(clippy::unwrap_used)] // test code: what cannot go on fails the test

mod client;
mod cluster;
mod credentials;
mod kit;
mod node;
mod properties;
mod proxy;
mod runs;
mod security;
mod spawn;
mod wire;

pub use client::{Client, Offsets, Partition, Record, TopicDescription};
pub use cluster::{Cluster, Options, topic_name};
pub use credentials::Credentials;
pub use proxy::{Held, Proxy, Side, api};
pub use security::Security;

/// Environment variable that names another cluster, as `host:port,host:port`, without encryption.
pub const OTHER_CLUSTER: &str = "OUTRIGGER_TEST_BROKERS";

/// Says aloud that a test skips itself, past the capture of test output.
fn skip(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: no broker ({why})");
}

/// 64 random bits. Not for secrets that matter: what it names lives as long as a test.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
