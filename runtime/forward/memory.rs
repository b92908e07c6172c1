//! What delivery can come to in memory, bytes, from the same bounds that it works with.

use outrigger_kafka::{MemoryLine, consumer_memory, producer_memory};

use super::lane::Flight;
use super::open::{bounds, guarantee_name};
use super::{FLIGHTS_MAX, Forwarders};
use crate::config::{Config, Guarantee};
use crate::topics::{TAIL_BYTES_MAX, WAITING_BYTES_MAX, WAITING_RECORDS_MAX};

/// Largest fetch of a client that only asks, bytes: the progress is read with it.
const ASKING_FETCH_BYTES: u64 = 256 << 10;

/// A topic that is behind: the reader's block and its records, bytes. The largest block of a topic log
/// is one of waiting records with their times and ends.
const READING_BYTES: u64 = 2 * (WAITING_BYTES_MAX + 12 * WAITING_RECORDS_MAX) as u64;

/// What a forwarder, or what looks at a cluster's readers, can come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Name of the cluster.
    pub cluster: String,
    /// `exactly-once`, `at-least-once`, `at-most-once`, or `readers`.
    pub what: &'static str,
    /// Its parts.
    pub lines: Vec<MemoryLine>,
}

impl MemoryPlan {
    /// All of it, bytes.
    pub fn bytes(&self) -> u64 {
        self.lines.iter().map(|line| line.bytes).sum()
    }
}

/// The worst case of everything that delivers.
pub fn memory(config: &Config) -> Vec<MemoryPlan> {
    let groups = Forwarders::plan(config);
    let mut plans = Vec::new();
    for (cluster, guarantee, topics) in groups.sizes() {
        let settings = &config.kafka[cluster];
        let bounds = bounds(settings);
        let mut lines = producer_memory(&bounds);
        lines.push(MemoryLine {
            what: "blocks handed over",
            bytes: (topics * TAIL_BYTES_MAX) as u64,
        });
        lines.push(MemoryLine {
            what: "reading the logs back",
            bytes: topics as u64 * READING_BYTES,
        });
        lines.push(MemoryLine {
            what: "records under way",
            bytes: (FLIGHTS_MAX * size_of::<Flight>()) as u64,
        });
        if guarantee == Guarantee::ExactlyOnce {
            let asking = consumer_memory(&bounds, ASKING_FETCH_BYTES);
            lines.push(MemoryLine {
                what: "reading the progress",
                bytes: asking.iter().map(|line| line.bytes).sum(),
            });
        }
        plans.push(MemoryPlan {
            cluster: settings.name.clone(),
            what: guarantee_name(guarantee),
            lines,
        });
    }
    for (at, settings) in config.kafka.iter().enumerate() {
        let written = groups.sizes().any(|(cluster, ..)| cluster == at);
        if written && settings.consumer_lag_s > 0 {
            // One client that asks, and one for a group at a time.
            let mut lines = consumer_memory(&bounds(settings), ASKING_FETCH_BYTES);
            lines.iter_mut().for_each(|line| line.bytes *= 2);
            plans.push(MemoryPlan {
                cluster: settings.name.clone(),
                what: "readers",
                lines,
            });
        }
    }
    plans
}
