//! Delivery to a real Apache Kafka, read back by Kafka's own client. One broker is shared by all
//! tests that do not end it.
#![allow(clippy::unwrap_used)]

mod common;
#[allow(dead_code)] // these tests use a part of it
mod rig;

#[path = "delivery/group.rs"]
mod group;
#[path = "delivery/guarantees.rs"]
mod guarantees;
#[path = "delivery/mirror.rs"]
mod mirror;
#[path = "delivery/recovery.rs"]
mod recovery;
