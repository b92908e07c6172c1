//! How far a topic has been forwarded, as a transaction left it in Kafka itself, and by whom.
//!
//! A record per journal and topic on a compacted topic: key `LOG/TOPIC`, value a JSON object. It is
//! part of the transaction that carries the records, so a reader of committed records sees both or
//! neither.
//!
//! A record per transactional id says which process holds it: key the id, value the process's name.
//! librdkafka says the same of a producer that another has fenced and of one whose transaction took
//! too long; who holds the id tells them apart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use crate::client::{Asking, Cluster};
use crate::trouble::Trouble;

/// Name of the topic unless the configuration says another. One partition, compacted.
pub const PROGRESS_TOPIC: &str = "outrigger-progress";

/// Largest fetch while progress is read, bytes. Reason: a record of it is about a hundred.
const FETCH_BYTES_MAX: u64 = 256 << 10;

/// Wait between two looks at a transaction that is open.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Least time that such a look is given.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// A place in a topic log: everything up to it has been committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Progress {
    /// Journal block.
    pub block: u64,
    /// Ordinal among that block's records for the topic.
    pub ordinal: u32,
}

impl Progress {
    /// Key of the record.
    pub fn key(log_id: &str, topic: &str) -> String {
        format!("{log_id}/{topic}")
    }

    /// Value of the record.
    pub fn value(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("two numbers are plain data")
    }
}

/// Reads what committed transactions left for this journal, by topic. Blocks for `timeout` at most.
/// A transaction that nobody has ended holds the end back: initialise the producer first, and others'
/// are waited for.
///
/// # Errors
/// The brokers cannot be asked in time, or a record of ours cannot be understood.
pub fn read_progress(
    cluster: &Cluster,
    topic: &str,
    log_id: &str,
    timeout: Duration,
) -> Result<BTreeMap<String, Progress>, Trouble> {
    let prefix = format!("{log_id}/");
    let mut progress = BTreeMap::new();
    let mut unread = None;
    scan(cluster, topic, timeout, |offset, key, value| {
        let Some(name) = key.strip_prefix(&prefix) else {
            return;
        };
        match serde_json::from_slice(value) {
            Ok(read) => {
                progress.insert(name.to_owned(), read);
            }
            Err(error) => {
                unread.get_or_insert(format!(
                    "{topic} offset {offset}: progress of {name} cannot be read: {error}"
                ));
            }
        }
    })?;
    match unread {
        None => Ok(progress),
        Some(detail) => Err(Trouble {
            remedy: crate::Remedy::Later,
            code: "Progress".to_owned(),
            detail,
        }),
    }
}

/// Reads which process committed last that it holds a transactional id; `None` if none has. Blocks
/// for `timeout` at most.
///
/// # Errors
/// The brokers cannot be asked in time.
pub fn read_holder(
    cluster: &Cluster,
    topic: &str,
    transactional_id: &str,
    timeout: Duration,
) -> Result<Option<String>, Trouble> {
    let mut holder = None;
    scan(cluster, topic, timeout, |_, key, value| {
        if key == transactional_id {
            holder = Some(String::from_utf8_lossy(value).into_owned());
        }
    })?;
    Ok(holder)
}

/// Shows all committed records of the topic that have a key and a value: offset, key, value. To the
/// end as it is now: what is committed is hidden behind the first transaction that is open, of
/// whichever runtime, so that one is waited for.
fn scan(
    cluster: &Cluster,
    topic: &str,
    timeout: Duration,
    mut visit: impl FnMut(i64, &str, &[u8]),
) -> Result<(), Trouble> {
    let deadline = Instant::now() + timeout;
    let left = || deadline.saturating_duration_since(Instant::now());
    let failed = |error: KafkaError| Trouble::of("read progress", &error);
    let late = |detail: &str| Trouble {
        remedy: crate::Remedy::Later,
        code: "TimedOut".to_owned(),
        detail: format!("{topic}: {detail}"),
    };
    let (_, end) = reader(cluster, "read_uncommitted")?
        .fetch_watermarks(topic, 0, left())
        .map_err(failed)?;
    let consumer = reader(cluster, "read_committed")?;
    loop {
        let (_, stable) = consumer
            .fetch_watermarks(topic, 0, left().max(LAST_LOOK))
            .map_err(failed)?;
        if stable >= end {
            break;
        }
        if left().is_zero() {
            return Err(late(
                "a transaction that nobody ends hides what is behind it",
            ));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let mut partitions = TopicPartitionList::new();
    partitions
        .add_partition_offset(topic, 0, Offset::Beginning)
        .map_err(failed)?;
    consumer.assign(&partitions).map_err(failed)?;
    loop {
        match consumer.poll(left()) {
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) if is_passing(&error) && !left().is_zero() => {}
            Some(Err(error)) => return Err(failed(error)),
            Some(Ok(message)) => {
                let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
                if let (Some(key), Some(value)) = (key, message.payload()) {
                    visit(message.offset(), key, value);
                }
            }
            None => return Err(late(&format!("its end was not reached in {timeout:?}"))),
        }
    }
}

/// A client that reads the topic, and joins nothing.
fn reader(cluster: &Cluster, isolation: &str) -> Result<BaseConsumer<Asking>, Trouble> {
    let mut config = cluster.client();
    config.set("group.id", "outrigger-progress-reader");
    config.set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true");
    config.set("isolation.level", isolation);
    config.set("auto.offset.reset", "earliest");
    config.set(
        "fetch.max.bytes",
        cluster.bounds.record_bytes_max.to_string(),
    );
    config.set("fetch.message.max.bytes", FETCH_BYTES_MAX.to_string());
    config.set(
        "queued.max.messages.kbytes",
        (FETCH_BYTES_MAX / 1024).to_string(),
    );
    config.set("fetch.wait.max.ms", "50");
    config
        .create_with_context(Asking::default())
        .map_err(|error| Trouble::of_client(&error))
}

/// Errors that librdkafka mends itself while it is polled, and the refusal of a group: partitions that
/// are named, from places that are named, are read without one.
pub(crate) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::GroupAuthorizationFailed
        )
    )
}
