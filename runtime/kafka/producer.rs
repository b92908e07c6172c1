//! A producer of one guarantee: sends, and says what became of each record.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::statistics::Statistics;

use crate::client::{Cluster, REQUEST_TIMEOUT_MS, log};
use crate::trouble::{Remedy, Trouble};

/// Records that wait, with keys and headers, as a multiple of the queue's bound. Reason: librdkafka counts
/// values alone against that bound, and headers are as long again.
pub(crate) const WITH_HEADERS: u64 = 2;

/// Longest sleep inside a wait, so that it ends soon after what it waits for.
const POLL_STEP: Duration = Duration::from_millis(1);

/// What a producer promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Transactions under this id; whoever initialises it later fences all before.
    ExactlyOnce {
        /// The id.
        transactional_id: String,
    },
    /// Idempotent: in order and once per producer's life, repeated after a restart.
    AtLeastOnce,
    /// Sent once, not acknowledged.
    AtMostOnce,
}

/// A record on its way.
#[derive(Clone, Copy, Debug)]
pub struct Shipment<'a> {
    /// Topic in Kafka.
    pub topic: &'a str,
    /// Key, by which it is placed; without one anywhere.
    pub key: Option<&'a [u8]>,
    /// Partition; by the key without.
    pub partition: Option<i32>,
    /// Value; without one a tombstone.
    pub value: Option<&'a [u8]>,
    /// Record's time, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Headers, in order.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Comes back with the report.
    pub ticket: usize,
}

/// What became of a record: where it is, or why it is nowhere.
pub type Outcome = Result<(), Trouble>;

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The ticket that was sent along.
    pub ticket: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// What librdkafka says of a producer, once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProducerFigures {
    /// Records that wait or are under way.
    pub queue_records: u64,
    /// Their bytes.
    pub queue_bytes: u64,
    /// Bytes sent since the client was made, protocol included.
    pub sent_bytes: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Requests that were not answered in time.
    pub timeouts: u64,
    /// Brokers that are connected.
    pub brokers_up: u64,
    /// Brokers that are known.
    pub brokers: u64,
    /// Longest mean time from a request to its answer among the brokers, microseconds.
    pub round_trip_us: u64,
    /// Longest mean throttling by a quota among the brokers, milliseconds.
    pub throttle_ms: u64,
}

#[derive(Default)]
struct Context {
    reports: Mutex<Vec<Delivered>>,
    /// Bytes of records that have no report yet, keys and headers included.
    waiting_bytes: AtomicU64,
    figures: Mutex<ProducerFigures>,
    /// Kafka's name of it, and what the library said.
    last_error: Mutex<Option<(String, String)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        let mut figures = ProducerFigures {
            queue_records: statistics.msg_cnt,
            queue_bytes: statistics.msg_size,
            sent_bytes: u64::try_from(statistics.tx_bytes).unwrap_or(0),
            ..ProducerFigures::default()
        };
        let mean = |window: &Option<rdkafka::statistics::Window>| {
            let avg = window.as_ref().map_or(0, |window| window.avg);
            u64::try_from(avg).unwrap_or(0)
        };
        // The configured addresses and the coordinator's stand-in have negative numbers.
        for broker in statistics.brokers.values() {
            figures.retries += broker.txretries;
            figures.timeouts += broker.req_timeouts;
            if broker.nodeid >= 0 && broker.source != "logical" {
                figures.brokers += 1;
                figures.brokers_up += u64::from(broker.state == "UP");
            }
            figures.round_trip_us = figures.round_trip_us.max(mean(&broker.rtt));
            figures.throttle_ms = figures.throttle_ms.max(mean(&broker.throttle));
        }
        *lock(&self.figures) = figures;
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
        let code = error.rdkafka_error_code();
        let code = code.map_or_else(|| "Client".to_owned(), |code| format!("{code:?}"));
        *lock(&self.last_error) = Some((code, reason.to_owned()));
    }
}

impl Context {
    /// A client that is of no more use gives up its records without a word: its last one says why.
    fn because(&self, mut trouble: Trouble) -> Trouble {
        let given_up = ["PurgeQueue", "PurgeInflight"].contains(&trouble.code.as_str());
        let last = lock(&self.last_error).clone().filter(|_| given_up);
        if let Some((code, reason)) = last {
            trouble.code = code;
            trouble.detail = format!("delivery: {reason}");
        }
        trouble
    }
}

/// Bytes of a record's key, value and headers.
fn shipment_bytes(shipment: &Shipment<'_>) -> u64 {
    let headers = shipment.headers.iter();
    let headers: usize = headers.map(|(key, value)| key.len() + value.len()).sum();
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    (length(shipment.key) + length(shipment.value) + headers) as u64
}

/// The same of a record that comes back.
fn message_bytes(message: &BorrowedMessage<'_>) -> u64 {
    let headers = message.headers().into_iter().flat_map(|all| all.iter());
    let headers: usize = headers
        .map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len))
        .sum();
    (message.key_len() + message.payload_len() + headers) as u64
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(self.because(Trouble::of("delivery", error))),
        };
        let (Ok(message) | Err((_, message))) = result;
        self.waiting_bytes
            .fetch_sub(message_bytes(message), Ordering::AcqRel);
        lock(&self.reports).push(Delivered { ticket, outcome });
    }
}

/// A producer. Memory: [`crate::producer_memory`].
pub struct Producer {
    inner: BaseProducer<Context>,
    waiting_bytes_max: u64,
}

impl Producer {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// The settings make no client, for instance a certificate that cannot be read.
    pub fn new(cluster: &Cluster, guarantee: &Guarantee) -> Result<Self, Trouble> {
        let bounds = &cluster.bounds;
        let mut config = cluster.client();
        let mut set = |key: &str, value: &str| {
            config.set(key, value);
        };
        let kib = (bounds.queue_bytes_max / 1024).max(1);
        set("queue.buffering.max.kbytes", &kib.to_string());
        let records = bounds.queue_records_max;
        set("queue.buffering.max.messages", &records.to_string());
        set("batch.size", &bounds.batch_bytes_max.to_string());
        set("batch.num.messages", "10000");
        set("linger.ms", &bounds.linger_ms.to_string());
        set("compression.type", cluster.compression());
        // Places a key where Kafka's own producers place it; a record without one anywhere.
        set("partitioner", "murmur2_random");
        set("delivery.report.only.error", "false");
        let timeout = bounds.transaction_timeout_ms.to_string();
        match guarantee {
            Guarantee::ExactlyOnce { transactional_id } => {
                set("transactional.id", transactional_id);
                set("transaction.timeout.ms", &timeout);
                set("message.timeout.ms", &timeout);
                // A request must not last longer than its transaction: the library makes no client.
                let request = REQUEST_TIMEOUT_MS.min(bounds.transaction_timeout_ms);
                set("request.timeout.ms", &request.to_string());
                set("socket.timeout.ms", &request.to_string());
            }
            Guarantee::AtLeastOnce => {
                set("enable.idempotence", "true");
                set("acks", "all");
                // The topic log keeps the record; giving up would only change the order.
                set("message.timeout.ms", "0");
                set("request.timeout.ms", &REQUEST_TIMEOUT_MS.to_string());
            }
            Guarantee::AtMostOnce => {
                set("acks", "0");
                set("retries", "0");
                set("message.timeout.ms", "5000");
            }
        }
        let inner = config
            .create_with_context(Context::default())
            .map_err(|error| Trouble::of_client(&error))?;
        Ok(Self {
            inner,
            waiting_bytes_max: WITH_HEADERS * bounds.queue_bytes_max,
        })
    }

    /// Fences every producer before under this id, and ends what they left. Blocks for `timeout` at
    /// most.
    ///
    /// # Errors
    /// The brokers cannot be asked, or refuse; worth another attempt with the same client unless it
    /// says [`Remedy::Renew`] or [`Remedy::Fenced`].
    pub fn init_transactions(&self, timeout: Duration) -> Result<(), Trouble> {
        self.inner.init_transactions(timeout).map_err(|error| {
            let mut trouble = Trouble::of_transaction("init transactions", &error);
            let retriable =
                matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
            if retriable {
                trouble.remedy = Remedy::Later;
            }
            if let Some((_, reason)) = lock(&self.inner.context().last_error).clone() {
                trouble.detail = format!("{}; {reason}", trouble.detail);
            }
            trouble
        })
    }

    /// Begins a transaction. Does not block.
    ///
    /// # Errors
    /// The client can take no more.
    pub fn begin(&self) -> Result<(), Trouble> {
        let begun = self.inner.begin_transaction();
        begun.map_err(|error| Trouble::of_transaction("begin", &error))
    }

    /// Queues a record. `false` if there is no room now: poll, and try again. Does not block.
    ///
    /// # Errors
    /// This record, or this client, is refused.
    pub fn send(&self, shipment: &Shipment<'_>) -> Result<bool, Trouble> {
        let bytes = shipment_bytes(shipment);
        let waiting = &self.inner.context().waiting_bytes;
        let before = waiting.fetch_add(bytes, Ordering::AcqRel);
        if before > 0 && before + bytes > self.waiting_bytes_max {
            waiting.fetch_sub(bytes, Ordering::AcqRel);
            return Ok(false);
        }
        let mut headers = OwnedHeaders::new_with_capacity(shipment.headers.len());
        for &(key, value) in shipment.headers {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(shipment.topic, shipment.ticket)
                .timestamp(shipment.time_ms)
                .headers(headers);
        record.key = shipment.key;
        record.payload = shipment.value;
        record.partition = shipment.partition;
        match self.inner.send(record) {
            Ok(()) => Ok(true),
            Err((error, _)) => {
                waiting.fetch_sub(bytes, Ordering::AcqRel);
                match error {
                    KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => Ok(false),
                    error => Err(Trouble::of("send", &error)),
                }
            }
        }
    }

    /// Serves reports that are there, waiting for up to `wait` for more, and moves them to `into`.
    pub fn reports(&self, wait: Duration, into: &mut Vec<Delivered>) {
        self.inner.poll(wait);
        into.append(&mut lock(&self.inner.context().reports));
    }

    /// Records that have no report yet.
    pub fn under_way(&self) -> usize {
        usize::try_from(self.inner.in_flight_count()).unwrap_or(0)
    }

    /// Bytes of them, with keys and headers.
    pub fn waiting_bytes(&self) -> u64 {
        self.inner.context().waiting_bytes.load(Ordering::Acquire)
    }

    /// Waits until every record has a report, for `timeout` at most. True if so. The reports are
    /// fetched by [`Producer::reports`].
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        // The library's own flush tells its threads not to linger; waiting in it would last up to
        // 100 ms for what takes one.
        while self.inner.in_flight_count() > 0 {
            let _ = self.inner.flush(Duration::ZERO);
            if self.inner.in_flight_count() == 0 {
                break;
            }
            if Instant::now() >= deadline {
                return false;
            }
            self.inner.poll(POLL_STEP);
        }
        true
    }

    /// Adds a consumer's positions to the transaction.
    ///
    /// # Errors
    /// As [`Producer::commit`].
    pub fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
        timeout: Duration,
    ) -> Result<(), Trouble> {
        let sent = self
            .inner
            .send_offsets_to_transaction(offsets, group, timeout);
        sent.map_err(|error| Trouble::of_transaction("send offsets", &error))
    }

    /// Commits. Blocks for `timeout` at most.
    ///
    /// # Errors
    /// [`Remedy::Abort`]: nothing was committed. [`Remedy::Renew`]: unknown; use this client no
    /// more. [`Remedy::Fenced`]: another producer has the id.
    pub fn commit(&self, timeout: Duration) -> Result<(), Trouble> {
        if !self.flush(timeout) {
            let detail = format!("commit: records are not delivered after {timeout:?}");
            return Err(Trouble {
                remedy: Remedy::Abort,
                code: "MessageTimedOut".to_owned(),
                detail,
            });
        }
        let committed = self.inner.commit_transaction(timeout);
        committed.map_err(|error| Trouble::of_transaction("commit", &error))
    }

    /// Aborts. Blocks for `timeout` at most.
    ///
    /// # Errors
    /// The outcome is unknown: use this client no more.
    pub fn abort(&self, timeout: Duration) -> Result<(), Trouble> {
        use rdkafka::producer::PurgeConfig;
        self.inner.purge(PurgeConfig::default().queue().inflight());
        self.flush(timeout);
        let aborted = self.inner.abort_transaction(timeout);
        aborted.map_err(|error| {
            let mut trouble = Trouble::of_transaction("abort", &error);
            if trouble.remedy == Remedy::Abort {
                trouble.remedy = Remedy::Renew;
            }
            trouble
        })
    }

    /// What the library last said of itself.
    pub fn figures(&self) -> ProducerFigures {
        *lock(&self.inner.context().figures)
    }

    /// Why the brokers could last not be reached, if so; asked once, then forgotten.
    pub fn take_error(&self) -> Option<String> {
        let last = lock(&self.inner.context().last_error).take();
        last.map(|(_, reason)| reason)
    }
}

#[cfg(test)]
mod tests;
