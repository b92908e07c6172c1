//! Kafka's own Java client, behind a line protocol (`java/Client.java`). Processes are used again by
//! the next test: a start costs about a second, a question some tens of milliseconds.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::kit::Kit;

mod process;

use process::Process;

/// What the Java client takes for itself after its own timeout.
const ANSWER_SLACK: Duration = Duration::from_secs(60);
/// Timeout of one question unless [`Client::timeout`] says another.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A record as the Java client read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Timestamp, ms since 1970.
    pub timestamp_ms: i64,
    /// Key, if any.
    pub key: Option<Vec<u8>>,
    /// Value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Offsets of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// First offset that is still there.
    pub start: i64,
    /// Log end (high watermark): where a `read_uncommitted` reader ends.
    pub end: i64,
    /// Last stable offset: where a `read_committed` reader ends, before the oldest open transaction.
    pub stable: i64,
}

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Node id of the leader; none while there is none.
    pub leader: Option<i32>,
    /// Node ids of the replicas.
    pub replicas: Vec<i32>,
    /// Node ids of those in sync.
    pub in_sync: Vec<i32>,
}

/// A topic as the brokers describe it.
#[derive(Clone, Debug)]
pub struct TopicDescription {
    /// Partitions in their order.
    pub partitions: Vec<Partition>,
    /// Every config of the topic, defaults included.
    pub configs: Map<String, Value>,
}

/// The Java client, for one user on one listener. Errors are texts that begin with the name of the
/// Java exception.
#[derive(Debug)]
pub struct Client {
    process: Option<Process>,
    bootstrap: String,
    properties: Value,
    timeout: Duration,
    usable: bool,
}

impl Client {
    pub(crate) fn start(kit: &Kit, bootstrap: String, properties: Vec<(String, String)>) -> Self {
        let properties: Map<String, Value> = properties
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)))
            .collect();
        Self {
            process: Some(Process::get(kit)),
            bootstrap,
            properties: Value::Object(properties),
            timeout: TIMEOUT,
            usable: true,
        }
    }

    /// How long a question may take from now on.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets a property of the Java client.
    #[must_use]
    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.properties[key] = Value::from(value);
        self
    }

    /// Ends the process in order.
    pub(crate) fn end(mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
    }

    fn ask(&mut self, mut question: Value, each: impl FnMut(&Value)) -> Result<Value, String> {
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        question["bootstrap"] = Value::from(self.bootstrap.as_str());
        question["properties"] = self.properties.clone();
        question["properties"]["default.api.timeout.ms"] = Value::from(timeout_ms.to_string());
        question["properties"]["request.timeout.ms"] =
            Value::from((timeout_ms / 2).max(1).to_string());
        question["timeout_ms"] = Value::from(timeout_ms);
        // Not for others if this panics half-way.
        self.usable = false;
        let process = self.process.as_mut().expect("taken only at the end");
        let answer = process.exchange(&question, self.timeout + ANSWER_SLACK, each);
        self.usable = answer.is_ok();
        let answer = answer?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }

    fn done(&mut self, question: Value) -> Result<(), String> {
        self.ask(question, |_| ()).map(|_| ())
    }

    /// Creates a topic, and waits until each partition has a leader.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn create_topic(
        &mut self,
        topic: &str,
        partitions: u32,
        replication: u32,
        configs: &[(&str, &str)],
    ) -> Result<(), String> {
        self.done(
            json!({"do": "create", "topic": topic, "partitions": partitions,
            "replication": replication, "configs": object(configs)}),
        )
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn delete_topic(&mut self, topic: &str) -> Result<(), String> {
        self.done(json!({"do": "delete", "topic": topic}))
    }

    /// Adds partitions to a topic, up to this many.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn add_partitions(&mut self, topic: &str, partitions: u32) -> Result<(), String> {
        self.done(json!({"do": "partitions", "topic": topic, "partitions": partitions}))
    }

    /// Sets configs of a topic.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn configure(&mut self, topic: &str, configs: &[(&str, &str)]) -> Result<(), String> {
        self.done(json!({"do": "configure", "topic": topic, "configs": object(configs)}))
    }

    /// Describes a topic.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn describe(&mut self, topic: &str) -> Result<TopicDescription, String> {
        let answer = self.ask(json!({"do": "describe", "topic": topic}), |_| ())?;
        let partitions = list(&answer["partitions"]).iter().map(|one| Partition {
            leader: Some(int(&one["leader"])).filter(|id| *id >= 0),
            replicas: list(&one["replicas"]).iter().map(int).collect(),
            in_sync: list(&one["in_sync"]).iter().map(int).collect(),
        });
        Ok(TopicDescription {
            partitions: partitions.collect(),
            configs: answer["configs"].as_object().cloned().unwrap_or_default(),
        })
    }

    /// Offsets of each partition of a topic.
    ///
    /// # Errors
    /// The broker's refusal, or a timeout.
    pub fn offsets(&mut self, topic: &str) -> Result<Vec<Offsets>, String> {
        let answer = self.ask(json!({"do": "offsets", "topic": topic}), |_| ())?;
        let offsets = list(&answer["offsets"]).iter().map(|one| Offsets {
            start: long(&one["start"]),
            end: long(&one["end"]),
            stable: long(&one["stable"]),
        });
        Ok(offsets.collect())
    }

    /// The private key of a key store, in PEM.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn private_key(&mut self, keystore: &Path, password: &str) -> Result<String, String> {
        let question = json!({"do": "key", "keystore": keystore, "password": password});
        let answer = self.ask(question, |_| ())?;
        Ok(answer["pem"].as_str().unwrap_or_default().to_owned())
    }

    /// Offsets that a consumer group has committed in a topic: (partition, offset).
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn group_offsets(&mut self, group: &str, topic: &str) -> Result<Vec<(i32, i64)>, String> {
        let answer = self.ask(
            json!({"do": "group", "group": group, "topic": topic}),
            |_| (),
        )?;
        let offsets = answer["offsets"].as_object().cloned().unwrap_or_default();
        let mut offsets: Vec<(i32, i64)> = offsets
            .iter()
            .map(|(partition, offset)| (partition.parse().unwrap(), long(offset)))
            .collect();
        offsets.sort_unstable();
        Ok(offsets)
    }

    /// Sets what a consumer group that nobody is in has committed in a topic: (partition, offset).
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn commit(
        &mut self,
        group: &str,
        topic: &str,
        offsets: &[(i32, i64)],
    ) -> Result<(), String> {
        let offsets: serde_json::Map<String, serde_json::Value> = offsets
            .iter()
            .map(|(partition, offset)| (partition.to_string(), json!(offset)))
            .collect();
        let question = json!({"do": "commit", "group": group, "topic": topic, "offsets": offsets});
        self.ask(question, |_| ()).map(drop)
    }

    /// Produces keys and values, each where Java's default partitioner puts it: (partition, offset)
    /// of each.
    ///
    /// # Errors
    /// The broker's refusal, or a timeout.
    pub fn produce(
        &mut self,
        topic: &str,
        records: &[(&[u8], &[u8])],
    ) -> Result<Vec<(i32, i64)>, String> {
        self.send(topic, records, json!({}))
    }

    /// [`Client::produce`] in one transaction, which is then committed or aborted.
    ///
    /// # Errors
    /// The broker's refusal, or a timeout.
    pub fn produce_in_transaction(
        &mut self,
        topic: &str,
        records: &[(&[u8], &[u8])],
        transactional_id: &str,
        commit: bool,
    ) -> Result<Vec<(i32, i64)>, String> {
        self.send(
            topic,
            records,
            json!({"transactional_id": transactional_id, "commit": commit}),
        )
    }

    fn send(
        &mut self,
        topic: &str,
        records: &[(&[u8], &[u8])],
        mut question: Value,
    ) -> Result<Vec<(i32, i64)>, String> {
        let records: Vec<Value> = records
            .iter()
            .map(|(key, value)| json!({"key": hex(key), "value": hex(value)}))
            .collect();
        question["do"] = Value::from("produce");
        question["topic"] = Value::from(topic);
        question["records"] = Value::from(records);
        let answer = self.ask(question, |_| ())?;
        let placed = list(&answer["placed"]).iter();
        Ok(placed.map(|one| (int(&one[0]), long(&one[1]))).collect())
    }

    /// What a `read_committed` reader gets, from the start to the last stable offset as it is now.
    ///
    /// # Errors
    /// The broker's refusal, or a timeout.
    pub fn read_committed(&mut self, topic: &str) -> Result<Vec<Record>, String> {
        self.read(topic, "read_committed", 0)
    }

    /// [`Client::read_committed`], and on until that many records were seen.
    ///
    /// # Errors
    /// The broker's refusal, or a timeout.
    pub fn read_committed_until(
        &mut self,
        topic: &str,
        records: usize,
    ) -> Result<Vec<Record>, String> {
        self.read(topic, "read_committed", records)
    }

    /// What a `read_uncommitted` reader gets, aborted and open transactions included.
    ///
    /// # Errors
    /// The broker's refusal, or a timeout.
    pub fn read_uncommitted(&mut self, topic: &str) -> Result<Vec<Record>, String> {
        self.read(topic, "read_uncommitted", 0)
    }

    fn read(
        &mut self,
        topic: &str,
        isolation: &str,
        at_least: usize,
    ) -> Result<Vec<Record>, String> {
        let mut records = Vec::new();
        let question =
            json!({"do": "read", "topic": topic, "isolation": isolation, "at_least": at_least});
        self.ask(question, |line| {
            records.extend(list(&line["records"]).iter().map(|one| {
                Record {
                    partition: int(&one["partition"]),
                    offset: long(&one["offset"]),
                    timestamp_ms: long(&one["timestamp_ms"]),
                    key: bytes(&one["key"]),
                    value: bytes(&one["value"]),
                    headers: list(&one["headers"])
                        .iter()
                        .map(|header| (header[0].as_str().unwrap().to_owned(), bytes(&header[1])))
                        .collect(),
                }
            }));
        })?;
        Ok(records)
    }

    /// Allows a user an operation (as `WRITE`) on a resource: `TOPIC`, `GROUP`, `CLUSTER` or
    /// `TRANSACTIONAL_ID`, and its name or `*`. For brokers with an authorizer.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn allow(
        &mut self,
        user: &str,
        operation: &str,
        resource: &str,
        name: &str,
    ) -> Result<(), String> {
        self.done(json!({"do": "allow", "user": user, "operation": operation,
            "resource": resource, "name": name}))
    }

    /// Sets a quota of a client id, as `producer_byte_rate` (bytes/s), or takes it away.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn quota(&mut self, client_id: &str, name: &str, value: Option<f64>) -> Result<(), String> {
        self.done(json!({"do": "quota", "client_id": client_id, "name": name, "value": value}))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(process) = self.process.take().filter(|_| self.usable) {
            process.keep();
        }
    }
}

fn object(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn long(value: &Value) -> i64 {
    value
        .as_i64()
        .expect("the Java client writes whole numbers")
}

fn int(value: &Value) -> i32 {
    i32::try_from(long(value)).expect("the Java client writes small numbers")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text grows");
    }
    text
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    let digit = |digit: u8| {
        (digit as char)
            .to_digit(16)
            .expect("the Java client writes hex")
    };
    let text = value.as_str()?.as_bytes().chunks_exact(2);
    Some(
        text.map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).expect("two digits"))
            .collect(),
    )
}
