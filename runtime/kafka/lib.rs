//! Apache Kafka, as Outrigger uses it: clients whose every buffer is bounded, producers of three
//! guarantees, progress that is read back `read_committed`, and topics that are made or verified.
//!
//! This crate decides nothing: when to begin, commit or give up is its caller's. It wraps
//! librdkafka so that the caller sees a dozen calls, each of which blocks for a stated time at most,
//! and errors that say what may be done about them ([`Trouble`]).
#![forbid(unsafe_code)]

mod admin;
mod client;
mod lag;
mod memory;
mod producer;
mod progress;
mod source;
mod trouble;

pub use admin::{TopicFound, TopicSpec, ensure_topics, find_topics};
pub use client::{Bounds, Cluster, Compression, Sasl, Secret, Security, SecurityError, Tls};
pub use lag::{GROUPS_MAX, GroupLag, Lags, PARTITIONS_MAX, PartitionLag, consumer_lag};
pub use memory::{BROKERS_PLANNED, MemoryLine, consumer_memory, producer_memory};
pub use producer::{Delivered, Guarantee, Outcome, Producer, ProducerFigures, Shipment};
pub use progress::{PROGRESS_TOPIC, Progress, read_holder, read_progress};
pub use source::{Event, FETCH_BYTES_MAX, Fetched, Source, Table, partition_count, read_tables};
pub use trouble::{Remedy, Trouble};

/// Version of librdkafka that is linked, as `2.12.1`.
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
