//! How far the consumer groups of a cluster are behind on given topics.
//!
//! The offsets that a group has committed are told to a client of that group, which joins nothing:
//! so one short-lived client is made per group, one after the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::client::{Asking, Cluster};
use crate::trouble::Trouble;

/// Groups of a cluster that are asked for, by name. Reached: the rest is counted. Reason: each takes
/// a client, and a cluster at the edge has a dozen.
pub const GROUPS_MAX: usize = 32;
/// Partitions whose ends are looked up. Reached: the rest of the topics is counted as not looked at.
/// Reason: a cluster's worth of topics with the default six.
pub const PARTITIONS_MAX: usize = 1_024;

/// Asks a broker for the end of a partition, where it asks for an instant otherwise. Source: Kafka's
/// protocol, `ListOffsets`, timestamp -1.
const END: i64 = -1;

/// A group, and how far behind it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLag {
    /// Its name.
    pub group: String,
    /// Members; 0 for a group that nobody is in now, and for one of the newer protocol, whose members
    /// are not told to us.
    pub members: usize,
    /// What it has committed offsets for, by topic and partition.
    pub partitions: Vec<PartitionLag>,
}

/// A partition that a group reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionLag {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Next offset that the group reads.
    pub committed: i64,
    /// Next offset that is written, of what is committed.
    pub end: i64,
}

impl PartitionLag {
    /// Offsets that the group has not read; those of transactions' marks among them.
    pub fn lag(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.committed)).unwrap_or(0)
    }
}

/// All groups of a cluster that read given topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lags {
    /// By name.
    pub groups: Vec<GroupLag>,
    /// Groups beyond [`GROUPS_MAX`], of which nothing is known.
    pub groups_left_out: usize,
    /// Partitions beyond [`PARTITIONS_MAX`], of which nothing is known.
    pub partitions_left_out: usize,
}

/// Asks how far the groups of a cluster are behind on `topics`. Blocks for `timeout` at most, and not
/// much longer than one answer once `go_on` is false.
///
/// # Errors
/// The brokers cannot be asked in time, or do not allow it.
pub fn consumer_lag(
    cluster: &Cluster,
    topics: &[String],
    timeout: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<Lags, Trouble> {
    let deadline = Instant::now() + timeout;
    let left = || deadline.saturating_duration_since(Instant::now());
    let asking = client(cluster, "outrigger-asking")?;
    let explain =
        |what: &str, error: &KafkaError| asking.context().explain(Trouble::of(what, error));
    let metadata = asking
        .fetch_metadata(None, left())
        .map_err(|error| explain("look for topics", &error))?;
    let mut lags = Lags::default();
    let mut wanted = Vec::new();
    for topic in metadata.topics() {
        if topics.iter().any(|name| name == topic.name()) {
            let partitions = topic.partitions().iter();
            wanted.extend(partitions.map(|partition| (topic.name().to_owned(), partition.id())));
        }
    }
    lags.partitions_left_out = wanted.len().saturating_sub(PARTITIONS_MAX);
    wanted.truncate(PARTITIONS_MAX);
    if wanted.is_empty() {
        return Ok(lags);
    }
    let listed = asking
        .fetch_group_list(None, left())
        .map_err(|error| explain("list consumer groups", &error))?;
    let mut groups: Vec<(String, usize)> = listed
        .groups()
        .iter()
        .map(|group| (group.name().to_owned(), group.members().len()))
        .collect();
    groups.sort();
    lags.groups_left_out = groups.len().saturating_sub(GROUPS_MAX);
    groups.truncate(GROUPS_MAX);
    for (group, members) in groups {
        if !go_on() {
            return Ok(lags);
        }
        let committed = committed(cluster, &group, &wanted, left())?;
        if !committed.is_empty() {
            let partitions = committed
                .into_iter()
                .map(|((topic, partition), committed)| PartitionLag {
                    topic,
                    partition,
                    committed,
                    end: committed,
                })
                .collect();
            lags.groups.push(GroupLag {
                group,
                members,
                partitions,
            });
        }
    }
    // After the groups: what they have read is never behind what they are held against.
    let ends = ends(&asking, &lags, left()).map_err(|error| explain("ask for ends", &error))?;
    for group in &mut lags.groups {
        for partition in &mut group.partitions {
            let key = (partition.topic.clone(), partition.partition);
            if let Some(end) = ends.get(&key) {
                partition.end = *end;
            }
        }
    }
    Ok(lags)
}

type Place = (String, i32);

/// What a group has committed, by topic and partition.
fn committed(
    cluster: &Cluster,
    group: &str,
    wanted: &[Place],
    timeout: Duration,
) -> Result<BTreeMap<Place, i64>, Trouble> {
    let client = client(cluster, group)?;
    let mut asked = TopicPartitionList::with_capacity(wanted.len());
    for (topic, partition) in wanted {
        asked.add_partition(topic, *partition);
    }
    let what = format!("ask for offsets of group {group}");
    let committed = client
        .committed_offsets(asked, timeout)
        .map_err(|error| client.context().explain(Trouble::of(&what, &error)))?;
    let elements = committed.elements();
    let known = elements
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => {
                Some(((element.topic().to_owned(), element.partition()), offset))
            }
            Offset::Beginning
            | Offset::End
            | Offset::Stored
            | Offset::Invalid
            | Offset::OffsetTail(_) => None,
        });
    Ok(known.collect())
}

/// Ends of all partitions that some group reads, a request to each broker.
fn ends(
    asking: &BaseConsumer<Asking>,
    lags: &Lags,
    timeout: Duration,
) -> Result<BTreeMap<Place, i64>, KafkaError> {
    let read = lags.groups.iter().flat_map(|group| &group.partitions);
    let read: std::collections::BTreeSet<(&str, i32)> = read
        .map(|partition| (partition.topic.as_str(), partition.partition))
        .collect();
    if read.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut asked = TopicPartitionList::with_capacity(read.len());
    for (topic, partition) in read {
        asked.add_partition_offset(topic, partition, Offset::from_raw(END))?;
    }
    let answer = asking.offsets_for_times(asked, timeout)?;
    let elements = answer.elements();
    let known = elements
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => {
                Some(((element.topic().to_owned(), element.partition()), offset))
            }
            Offset::Beginning
            | Offset::End
            | Offset::Stored
            | Offset::Invalid
            | Offset::OffsetTail(_) => None,
        });
    Ok(known.collect())
}

/// A client that asks, joins nothing and fetches nothing.
fn client(cluster: &Cluster, group: &str) -> Result<BaseConsumer<Asking>, Trouble> {
    let mut config = cluster.client();
    config.set("group.id", group);
    config.set("enable.auto.commit", "false");
    config.set("isolation.level", "read_committed");
    // Refused unless it fits the largest response.
    config.set(
        "fetch.max.bytes",
        cluster.bounds.record_bytes_max.to_string(),
    );
    config
        .create_with_context(Asking::default())
        .map_err(|error| Trouble::of_client(&error))
}
