//! Consumer groups that read what we write, as the status shows them.

use serde::{Deserialize, Serialize};

use super::render::{Table, line, short};
use super::snapshot::StatusSnapshot;
use crate::forward::Readers;
use crate::run::{Shared, lock};

/// Rows of groups and partitions. Reached: the rest is counted, those least behind first. Reason: a
/// status is one answer over a socket.
const ROWS_MAX: usize = 1_024;

/// Consumer groups of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadersStatus {
    /// Name of the cluster.
    pub cluster: String,
    /// Age of what stands here, milliseconds; `None` before the first look.
    pub age_ms: Option<u64>,
    /// Why the last look failed, if so.
    pub trouble: Option<String>,
    /// Groups with committed offsets in our topics.
    pub groups: Vec<ReaderStatus>,
    /// By group, topic and partition; those farthest behind if there are too many.
    pub partitions: Vec<ReaderPartitionStatus>,
    /// Groups and partitions of which nothing is said here.
    pub left_out: u64,
}

/// A consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderStatus {
    /// Its name.
    pub group: String,
    /// Members now; 0 also for a group of the newer protocol, which are not told.
    pub members: u64,
    /// Partitions that it has committed offsets for.
    pub partitions: u64,
    /// Sum of their lags, offsets.
    pub lag: u64,
    /// The longest of them.
    pub lag_max: u64,
}

/// A partition, as a group reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderPartitionStatus {
    /// Group.
    pub group: String,
    /// Topic in Kafka.
    pub kafka_topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset that it reads.
    pub committed: i64,
    /// Next offset that is written, of what is committed.
    pub end: i64,
    /// Offsets that it has not read; those of transactions' marks among them.
    pub lag: u64,
}

/// What the last looks found.
pub(super) fn gather(shared: &Shared) -> Vec<ReadersStatus> {
    let shown = shared.forward.readers.iter();
    shown.map(|shown| readers(&lock(shown))).collect()
}

fn readers(shown: &Readers) -> ReadersStatus {
    let lags = &shown.lags;
    let mut partitions = Vec::new();
    let mut groups = Vec::new();
    for group in &lags.groups {
        let lag = group.partitions.iter().map(|partition| partition.lag());
        groups.push(ReaderStatus {
            group: group.group.clone(),
            members: count(group.members),
            partitions: count(group.partitions.len()),
            lag: lag.clone().sum(),
            lag_max: lag.max().unwrap_or(0),
        });
        partitions.extend(
            group
                .partitions
                .iter()
                .map(|partition| ReaderPartitionStatus {
                    group: group.group.clone(),
                    kafka_topic: partition.topic.clone(),
                    partition: partition.partition,
                    committed: partition.committed,
                    end: partition.end,
                    lag: partition.lag(),
                }),
        );
    }
    let over = partitions.len().saturating_sub(ROWS_MAX);
    if over > 0 {
        partitions.sort_by_key(|row| std::cmp::Reverse(row.lag));
        partitions.truncate(ROWS_MAX);
    }
    let age = shown.looked.map(|at| at.elapsed().as_millis());
    ReadersStatus {
        cluster: shown.cluster.clone(),
        age_ms: age.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX)),
        trouble: shown.trouble.clone(),
        groups,
        partitions,
        left_out: count(over + lags.groups_left_out + lags.partitions_left_out),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Groups as text; nothing without any.
pub(super) fn render(out: &mut String, snapshot: &StatusSnapshot) {
    let heads = ["MEMBERS", "PARTITIONS", "LAG", "LONGEST"];
    let mut table = Table::new("READ BY", &heads);
    for readers in &snapshot.kafka_readers {
        for group in &readers.groups {
            let cells = vec![
                short(group.members),
                short(group.partitions),
                short(group.lag),
                short(group.lag_max),
            ];
            table.row(&format!("{}.{}", readers.cluster, group.group), cells);
        }
    }
    table.render(out);
    for readers in &snapshot.kafka_readers {
        if let Some(trouble) = &readers.trouble {
            let text = format!("  {}: groups are not known: {trouble}", readers.cluster);
            line(out, &super::render::cut(&text, super::render::WIDTH));
        }
    }
}

#[cfg(test)]
mod tests;
