//! What a transaction is made of: outputs, dead letters, state.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use outrigger_kafka::{Cluster, Producer, Remedy, Shipment, TopicSpec, Trouble};
use outrigger_policy::topology::{DEAD_LETTERS, TopicId};

use super::Stuck;
use super::share::{Made, Share};
use crate::config::{Config, GroupConfig, KafkaConfig, ValueFormat};
use crate::forward::{Envelope, progress_spec, shipment_bytes, topic_spec};
use crate::record::{Record, View};
use crate::telemetry::now_ns;

/// Wait for room in the producer's queue.
const ROOM_EVERY: Duration = Duration::from_millis(5);

/// Sends what a transaction is made of.
pub(super) struct Ship {
    ids: String,
    schemas: BTreeMap<String, String>,
    /// By partition.
    envelopes: BTreeMap<i32, Envelope>,
    /// By topic of the graph: name in Kafka, format.
    targets: Vec<(String, ValueFormat)>,
    dead_letters: TopicId,
    specs: Vec<TopicSpec>,
    state_spec: TopicSpec,
    create: bool,
    record_bytes_max: u64,
    reports: Vec<outrigger_kafka::Delivered>,
}

impl Ship {
    pub(super) fn new(
        config: &Config,
        group: &GroupConfig,
        kafka: &KafkaConfig,
        schemas: BTreeMap<String, String>,
    ) -> Self {
        let topology = &config.topology;
        let own = &config.topics[..config.topics.len() - 2];
        let mut specs: Vec<TopicSpec> = own.iter().map(|one| topic_spec(kafka, one)).collect();
        let dead = &config.topics[topology.dead_letters().index()];
        specs.push(TopicSpec {
            name: group.dead_letters_topic.clone(),
            ..topic_spec(kafka, dead)
        });
        let targets = config.topics.iter().map(|topic| match &topic.name[..] {
            DEAD_LETTERS => (group.dead_letters_topic.clone(), ValueFormat::Json),
            _ => (topic.mirror.topic.clone(), topic.mirror.format),
        });
        Self {
            ids: format!("{}/{}", group.cluster, group.topic),
            schemas,
            envelopes: BTreeMap::new(),
            targets: targets.collect(),
            dead_letters: topology.dead_letters(),
            specs,
            state_spec: TopicSpec {
                name: group.state_topic.clone(),
                ..progress_spec(kafka)
            },
            create: kafka.create_topics,
            record_bytes_max: kafka.record_bytes_max,
            reports: Vec::new(),
        }
    }

    /// Makes the topics that are missing; the source must be there, and the state topic be cut as
    /// it is.
    pub(super) fn ensure_topics(
        &mut self,
        cluster: &Cluster,
        group: &GroupConfig,
        timeout: Duration,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), Stuck> {
        let partitions = outrigger_kafka::partition_count(cluster, &group.topic, timeout, go_on)?;
        if partitions == 0 {
            return Err(Stuck::Trouble(Trouble {
                remedy: Remedy::Later,
                code: "UnknownTopicOrPartition".to_owned(),
                detail: format!("no topic {} to read", group.topic),
            }));
        }
        self.state_spec.partitions = partitions;
        let mut specs = self.specs.clone();
        specs.push(self.state_spec.clone());
        let found = outrigger_kafka::ensure_topics(cluster, &specs, self.create, timeout, go_on)?;
        let state = found.last().map_or(0, |found| found.partitions);
        if state != partitions {
            return Err(Stuck::Failed(format!(
                "topic {} has {state} partitions, {} has {partitions}: state belongs to a partition, \
                 so the numbers must be equal; keys are placed anew when partitions are added, so \
                 begin with a new state_topic and consumer_group",
                group.state_topic, group.topic
            )));
        }
        Ok(())
    }

    /// Sends what frames of a partition became.
    pub(super) fn outputs(
        &mut self,
        producer: &Producer,
        share: &Share,
        made: &Made,
        timeout: Duration,
    ) -> Result<(), Stuck> {
        let Self {
            ids,
            schemas,
            envelopes,
            targets,
            reports,
            ..
        } = self;
        let partition = share.partition;
        let envelope = envelopes
            .entry(partition)
            .or_insert_with(|| Envelope::with_ids(format!("{ids}/{partition}"), schemas.clone()));
        for (topic, bytes) in &made.0 {
            let unread = |error: rmp_serde::decode::Error| Stuck::Failed(error.to_string());
            let view = View::of(bytes).map_err(unread)?;
            let (name, format) = &targets[topic.index()];
            let record_bytes_max = self.record_bytes_max;
            let dead = *topic == self.dead_letters;
            let text = match dead {
                true => Some(Record::decode(bytes).map_err(unread)?),
                false => None,
            };
            let text = text.map(|record| record.to_json(DEAD_LETTERS, 0).to_string());
            let format = if dead {
                ValueFormat::MessagePack
            } else {
                *format
            };
            let id = format!("{}/{}/{}", envelope.log_id(), view.last_frame, view.index);
            let sent = envelope.with(&view, name, format, 0, |shipment| {
                let mut shipment = *shipment;
                if let Some(text) = &text {
                    shipment.value = Some(text.as_bytes());
                }
                match shipment_bytes(&shipment) > record_bytes_max {
                    true => Ok(false),
                    false => send(producer, &shipment, timeout, reports).map(|()| true),
                }
            });
            if !sent.map_err(unread)?? {
                let target = &targets[self.dead_letters.index()].0;
                let json = serde_json::json!({
                    "topic": DEAD_LETTERS, "id": id, "class": view.class, "key": view.key,
                    "cause": "refused", "stage": format!("deliver:{name}"),
                    "detail": format!("the record is larger than {record_bytes_max} bytes"),
                });
                let json = json.to_string();
                let headers = [("outrigger-id", id.as_bytes())];
                let shipment = Shipment {
                    topic: target,
                    key: None,
                    partition: None,
                    value: Some(json.as_bytes()),
                    time_ms: i64::try_from(view.captured_ns / 1_000_000).unwrap_or(i64::MAX),
                    headers: &headers,
                    ticket: 0,
                };
                send(producer, &shipment, timeout, reports)?;
            }
        }
        Ok(())
    }

    /// Sends the state of a partition that has changed.
    pub(super) fn state(
        &mut self,
        producer: &Producer,
        topic: &str,
        share: &mut Share,
        timeout: Duration,
    ) -> Result<(), Stuck> {
        let time_ms = i64::try_from(now_ns() / 1_000_000).unwrap_or(i64::MAX);
        for (key, value) in share.take_changes() {
            let shipment = Shipment {
                topic,
                key: Some(&key),
                partition: Some(share.partition),
                value: value.as_deref(),
                time_ms,
                headers: &[],
                ticket: 0,
            };
            send(producer, &shipment, timeout, &mut self.reports)?;
        }
        Ok(())
    }

    /// Takes the reports that are there: the transaction's end says all.
    pub(super) fn forget_reports(&mut self, producer: &Producer) {
        producer.reports(Duration::ZERO, &mut self.reports);
        self.reports.clear();
    }
}

fn send(
    producer: &Producer,
    shipment: &Shipment<'_>,
    timeout: Duration,
    reports: &mut Vec<outrigger_kafka::Delivered>,
) -> Result<(), Trouble> {
    let deadline = Instant::now() + timeout;
    while !producer.send(shipment)? {
        producer.reports(ROOM_EVERY, reports);
        reports.clear();
        if Instant::now() >= deadline {
            return Err(Trouble {
                remedy: Remedy::Abort,
                code: "MessageTimedOut".to_owned(),
                detail: "records are not acknowledged".to_owned(),
            });
        }
    }
    Ok(())
}
