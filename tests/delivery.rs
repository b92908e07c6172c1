//! Delivery to a real Apache Kafka, read back by Kafka's own client. One broker is shared by all
//! tests that do not end it.
#![allow(clippy::unwrap_used)]

mod common;
mod rig;

#[path = "delivery/examples.rs"]
mod examples;
#[path = "delivery/failures/mod.rs"]
mod failures;
#[path = "delivery/group/mod.rs"]
mod group;
#[path = "delivery/guarantees.rs"]
mod guarantees;
#[path = "delivery/mirror.rs"]
mod mirror;
#[path = "delivery/readers.rs"]
mod readers;
#[path = "delivery/recovery.rs"]
mod recovery;
#[path = "delivery/refusals.rs"]
mod refusals;
#[path = "delivery/security.rs"]
mod security;
