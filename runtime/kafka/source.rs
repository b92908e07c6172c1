//! A consumer in a group whose positions are committed by a producer's transactions, and what a
//! compacted topic holds of a partition.
//!
//! Partitions are taken and given up all together (`range`, eager): between the two nothing of a
//! partition is under way. Commits name the generation in which the partitions were taken, so one
//! that comes after they were lost is refused by the broker, however late it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{
    BaseConsumer, Consumer as _, ConsumerContext, ConsumerGroupMetadata, Rebalance,
};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::client::{Asking, Cluster, log};
use crate::producer::Producer;
use crate::progress::is_passing;
use crate::trouble::{Remedy, Trouble};

/// Fetched and not yet taken, per partition, bytes. Reason: half a second of 10,000 frames of 400
/// bytes.
pub const FETCH_BYTES_MAX: u64 = 2 << 20;
/// Fetched and not yet taken, below which more is fetched, records. Reason: half a second of 10,000
/// frames; the bound above holds for large ones.
const FETCH_RECORDS_MIN: u32 = 5_000;
/// Wait until it is looked again whether there is room for more, milliseconds.
const FETCH_AGAIN_MS: u32 = 5;
/// Silence after which the group takes a member for dead, milliseconds.
const SESSION_TIMEOUT_MS: u64 = 6_000;
/// Time between signs of life, milliseconds.
const HEARTBEAT_MS: u64 = 1_000;
/// Longest time without a call, milliseconds: reading back large state takes the longest.
const POLL_INTERVAL_MS: u64 = 300_000;
/// How often the number of the topic's partitions is looked at, milliseconds. Reason: where keys are
/// placed by the number, they are in other partitions as soon as it has changed.
const PARTITIONS_LOOK_MS: u64 = 5_000;
/// Wait between two looks at a transaction that is still open.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the group, or a partition, has for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// These partitions are ours from here on, and no others.
    Assigned(Vec<i32>),
    /// No partition is ours any more; nothing that is not committed may be.
    Revoked,
    /// A record.
    Record(Fetched),
    /// There is nothing more in this partition now.
    End(i32),
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// Record's time, milliseconds since the Unix epoch; 0 without.
    pub time_ms: i64,
    /// Value; `None` of a tombstone.
    pub value: Option<Vec<u8>>,
    /// Key, if asked for and there.
    pub key: Option<Vec<u8>>,
    /// Headers of the names asked for, in order; one without a value is empty.
    pub headers: Vec<(String, Vec<u8>)>,
}

#[derive(Default)]
struct Context {
    events: Mutex<Vec<Event>>,
    generation: Mutex<Option<ConsumerGroupMetadata>>,
    ends: Mutex<BTreeMap<i32, i64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
    }

    fn stats(&self, statistics: Statistics) {
        let topics = statistics.topics.values();
        let ends = topics.flat_map(|topic| &topic.partitions);
        *lock(&self.ends) = ends
            .filter(|(number, partition)| **number >= 0 && partition.hi_offset >= 0)
            .map(|(number, partition)| (*number, partition.hi_offset))
            .collect();
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(_) => {}
            Rebalance::Revoke(_) | Rebalance::Error(_) => {
                *lock(&self.generation) = None;
                lock(&self.events).push(Event::Revoked);
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            // Here and not at the commit: by then the client may be a member of a later generation,
            // or of none, and the broker would not know whose records it commits.
            *lock(&self.generation) = consumer.group_metadata();
            let partitions = list.elements().iter().map(|one| one.partition()).collect();
            lock(&self.events).push(Event::Assigned(partitions));
        }
    }
}

fn consumer_settings(cluster: &Cluster, group: &str, isolation: &str) -> ClientConfig {
    let mut config = cluster.client();
    let mut set = |key: &str, value: String| {
        config.set(key, value);
    };
    set("group.id", group.to_owned());
    set("enable.auto.commit", "false".to_owned());
    set("enable.auto.offset.store", "false".to_owned());
    set("enable.partition.eof", "true".to_owned());
    set("isolation.level", isolation.to_owned());
    set("auto.offset.reset", "earliest".to_owned());
    let record_bytes_max = cluster.bounds.record_bytes_max.max(1 << 20);
    set("fetch.max.bytes", record_bytes_max.to_string());
    set("fetch.message.max.bytes", (256_u64 << 10).to_string());
    set(
        "queued.max.messages.kbytes",
        (FETCH_BYTES_MAX / 1024).to_string(),
    );
    set("queued.min.messages", FETCH_RECORDS_MIN.to_string());
    // By the library's default a second passes before the next fetch once there is enough.
    set("fetch.queue.backoff.ms", FETCH_AGAIN_MS.to_string());
    set("fetch.wait.max.ms", "50".to_owned());
    config
}

/// A member of a group.
pub struct Source {
    inner: BaseConsumer<Context>,
    topic: String,
    waiting: VecDeque<Event>,
    /// Prefix of the headers to read, with the key; `None` reads values alone.
    headers: Option<&'static str>,
}

impl Source {
    /// Joins `group` for `topic`. Does not block. With `headers`, keys and the headers whose names
    /// begin so are read too.
    ///
    /// # Errors
    /// The settings make no client.
    pub fn join(
        cluster: &Cluster,
        group: &str,
        topic: &str,
        headers: Option<&'static str>,
    ) -> Result<Self, Trouble> {
        let mut config = consumer_settings(cluster, group, "read_committed");
        config.set("group.protocol", "classic");
        config.set("partition.assignment.strategy", "range");
        config.set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string());
        config.set("heartbeat.interval.ms", HEARTBEAT_MS.to_string());
        config.set("max.poll.interval.ms", POLL_INTERVAL_MS.to_string());
        let refresh_ms = PARTITIONS_LOOK_MS.to_string();
        config.set("topic.metadata.refresh.interval.ms", refresh_ms);
        let inner: BaseConsumer<Context> = config
            .create_with_context(Context::default())
            .map_err(|error| Trouble::of_client(&error))?;
        inner
            .subscribe(&[topic])
            .map_err(|error| Trouble::of("subscribe", &error))?;
        Ok(Self {
            inner,
            topic: topic.to_owned(),
            waiting: VecDeque::new(),
            headers,
        })
    }

    /// Where the group goes on, of these partitions: those without a commit are missing.
    ///
    /// # Errors
    /// The brokers cannot be asked in time.
    pub fn committed(
        &self,
        partitions: &[i32],
        timeout: Duration,
    ) -> Result<BTreeMap<i32, i64>, Trouble> {
        let failed = |error: KafkaError| Trouble::of("read positions", &error);
        let mut list = TopicPartitionList::new();
        for &partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        let list = self
            .inner
            .committed_offsets(list, timeout)
            .map_err(failed)?;
        let mut committed = BTreeMap::new();
        for one in list.elements() {
            one.error().map_err(failed)?;
            if let Offset::Offset(offset) = one.offset() {
                committed.insert(one.partition(), offset);
            }
        }
        Ok(committed)
    }

    /// What comes next, waiting for `wait` at most.
    ///
    /// # Errors
    /// The broker refuses, for instance for want of a permission.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Event>, Trouble> {
        if let Some(event) = self.waiting.pop_front() {
            return Ok(Some(event));
        }
        let polled = match self.inner.poll(wait) {
            None => Ok(None),
            Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Some(Event::End(partition))),
            Some(Err(error)) if is_passing(&error) => Ok(None),
            Some(Err(error)) => Err(Trouble::of("consume", &error)),
            Some(Ok(message)) => Ok(Some(Event::Record(Fetched {
                partition: message.partition(),
                offset: message.offset(),
                time_ms: message.timestamp().to_millis().unwrap_or(0),
                value: message.payload().map(<[u8]>::to_vec),
                key: self.headers.and_then(|_| message.key()).map(<[u8]>::to_vec),
                headers: self.headers_of(&message),
            }))),
        };
        // A change of partitions is served inside the call, before what it returns was fetched.
        self.waiting
            .extend(lock(&self.inner.context().events).drain(..));
        self.waiting.extend(polled?);
        Ok(self.waiting.pop_front())
    }

    fn headers_of(&self, message: &BorrowedMessage<'_>) -> Vec<(String, Vec<u8>)> {
        let (Some(prefix), Some(headers)) = (self.headers, message.headers()) else {
            return Vec::new();
        };
        let ours = headers
            .iter()
            .filter(|header| header.key.starts_with(prefix));
        ours.map(|header| {
            let value = header.value.unwrap_or_default();
            (header.key.to_owned(), value.to_vec())
        })
        .collect()
    }

    /// Adds positions to a producer's transaction: per partition, the offset to go on from.
    ///
    /// # Errors
    /// As [`Producer::commit`]; also [`Remedy::Abort`] if the partitions are no longer ours.
    pub fn commit_with(
        &self,
        producer: &Producer,
        offsets: &BTreeMap<i32, i64>,
        timeout: Duration,
    ) -> Result<(), Trouble> {
        let generation = lock(&self.inner.context().generation);
        let Some(generation) = generation.as_ref() else {
            return Err(Trouble {
                remedy: Remedy::Abort,
                code: "NotAssigned".to_owned(),
                detail: "the group has taken the partitions back".to_owned(),
            });
        };
        let mut list = TopicPartitionList::new();
        for (&partition, &offset) in offsets {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(offset))
                .map_err(|error| Trouble::of("offsets", &error))?;
        }
        producer.send_offsets(&list, generation, timeout)
    }

    /// End of each partition, as the library last heard.
    pub fn ends(&self) -> BTreeMap<i32, i64> {
        lock(&self.inner.context().ends).clone()
    }
}

/// What a compacted partition holds: the latest value of each key.
pub type Table = BTreeMap<Vec<u8>, Vec<u8>>;

/// Reads a compacted topic's partitions to where they end now. A transaction that is still open
/// there is waited for: it may be one that is committed already and whose end has not come to this
/// partition. Blocks for `timeout` at most for each partition.
///
/// # Errors
/// The brokers cannot be asked in time.
pub fn read_tables(
    cluster: &Cluster,
    topic: &str,
    partitions: &[i32],
    timeout: Duration,
) -> Result<BTreeMap<i32, Table>, Trouble> {
    let failed = |error: KafkaError| Trouble::of("read state", &error);
    let reader = |isolation: &str| -> Result<BaseConsumer<Asking>, Trouble> {
        consumer_settings(cluster, "outrigger-state-reader", isolation)
            .create_with_context(Asking::default())
            .map_err(|error| Trouble::of_client(&error))
    };
    let (any, committed) = (reader("read_uncommitted")?, reader("read_committed")?);
    let mut tables = BTreeMap::new();
    for &partition in partitions {
        let deadline = Instant::now() + timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        let late = || Trouble {
            remedy: Remedy::Later,
            code: "TimedOut".to_owned(),
            detail: format!(
                "{topic} partition {partition}: its end was not reached in {timeout:?}"
            ),
        };
        let (_, end) = any
            .fetch_watermarks(topic, partition, left())
            .map_err(failed)?;
        loop {
            let (_, stable) = committed
                .fetch_watermarks(topic, partition, left())
                .map_err(failed)?;
            if stable >= end {
                break;
            }
            if left().is_zero() {
                return Err(late());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .map_err(failed)?;
        committed.assign(&list).map_err(failed)?;
        let mut table = Table::new();
        loop {
            match committed.poll(left()) {
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if is_passing(&error) && !left().is_zero() => {}
                Some(Err(error)) => return Err(failed(error)),
                Some(Ok(message)) => {
                    let key = message.key().unwrap_or_default().to_vec();
                    match message.payload() {
                        Some(value) => table.insert(key, value.to_vec()),
                        None => table.remove(&key),
                    };
                }
                None => return Err(late()),
            }
        }
        committed.unassign().map_err(failed)?;
        tables.insert(partition, table);
    }
    Ok(tables)
}

/// Number of partitions of a topic; 0 if there is none. Blocks for `timeout` at most.
///
/// # Errors
/// The brokers cannot be asked.
pub fn partition_count(
    cluster: &Cluster,
    topic: &str,
    timeout: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<u32, Trouble> {
    let spec = crate::TopicSpec {
        name: topic.to_owned(),
        partitions: 0,
        replication: 0,
        settings: Vec::new(),
    };
    match crate::ensure_topics(cluster, &[spec], false, timeout, go_on) {
        Ok(found) => Ok(found.first().map_or(0, |found| found.partitions)),
        Err(trouble) if trouble.code == "UnknownTopicOrPartition" => Ok(0),
        Err(trouble) => Err(trouble),
    }
}
