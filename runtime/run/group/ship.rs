//! What a transaction is made of: outputs, dead letters, state.
//!
//! A record that is larger than its topic takes becomes a dead letter at once. One that a broker
//! refuses for good ends its transaction, and says so only in its report; of several that shared a
//! request it may be any. So what is aborted is done again with each record alone, the one that is
//! refused then is condemned, and the third time it is a dead letter with the broker's reason.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use outrigger_kafka::{Cluster, Delivered, Producer, Remedy, Shipment, Trouble};
use outrigger_policy::topology::{DEAD_LETTERS, TopicId};

use super::Stuck;
use super::rooms::TopicRooms;
use super::rows::StateRecord;
use super::share::{Made, Share};
use crate::config::{Config, GroupConfig, KafkaConfig, ValueFormat};
use crate::forward::{Envelope, shipment_bytes};
use crate::pipeline::Refusal;
use crate::record::{Record, View};
use crate::telemetry::now_ns;

/// Wait for room in the producer's queue.
const ROOM_EVERY: Duration = Duration::from_millis(5);
/// Records that are condemned in one transaction. Reason: each costs two rounds; when reached, the
/// first are forgotten, and condemned again.
const CONDEMNED_MAX: usize = 1_024;
/// Ticket of records of state.
const STATE: usize = usize::MAX;

/// Which record: topic, partition read, frame, ordinal, time of capture.
pub(super) type Which = (TopicId, i32, Option<u64>, u32, u64);

/// Where records of a topic go.
#[derive(Clone, Debug)]
struct Target {
    /// Its name in the graph.
    topic: String,
    /// Its name in Kafka.
    name: String,
    format: ValueFormat,
}

/// Sends what a transaction is made of.
pub(super) struct Ship {
    ids: String,
    schemas: BTreeMap<String, String>,
    /// By partition.
    envelopes: BTreeMap<i32, Envelope>,
    /// By topic of the graph.
    targets: Vec<Target>,
    dead_letters: TopicId,
    rooms: TopicRooms,
    record_bytes_max: u64,
    timeout: Duration,
    /// Records of this transaction, by ticket; none of state.
    flights: Vec<Which>,
    reports: Vec<Delivered>,
    /// Send each record alone, until a transaction is committed.
    careful: bool,
    condemned: BTreeMap<Which, Trouble>,
    /// A record of state or a dead letter that is refused for good: there is nothing to put in its
    /// place.
    hopeless: Option<Trouble>,
    /// Records that became dead letters because they were refused: of what is committed, and of this
    /// transaction.
    refused: (u64, u64),
}

impl Ship {
    pub(super) fn new(
        config: &Config,
        group: &GroupConfig,
        kafka: &KafkaConfig,
        schemas: BTreeMap<String, String>,
        timeout: Duration,
    ) -> Self {
        let targets = config.topics.iter().map(|topic| Target {
            topic: topic.name.clone(),
            name: match &topic.name[..] {
                DEAD_LETTERS => group.dead_letters_topic.clone(),
                _ => topic.mirror.topic.clone(),
            },
            format: topic.mirror.format,
        });
        Self {
            ids: format!("{}/{}", group.cluster, group.topic),
            schemas,
            envelopes: BTreeMap::new(),
            targets: targets.collect(),
            dead_letters: config.topology.dead_letters(),
            rooms: TopicRooms::new(config, group, kafka),
            record_bytes_max: kafka.record_bytes_max,
            timeout,
            flights: Vec::new(),
            reports: Vec::new(),
            careful: false,
            condemned: BTreeMap::new(),
            hopeless: None,
            refused: (0, 0),
        }
    }

    /// Makes the topics that are missing; the source must be there, and the state topic be cut as
    /// it is.
    pub(super) fn ensure_topics(
        &mut self,
        cluster: &mut Cluster,
        group: &GroupConfig,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), Stuck> {
        self.rooms.ensure(cluster, group, self.timeout, go_on)
    }

    /// Records that became dead letters because they were refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused.0
    }

    /// Each record goes alone, so transactions had better be short.
    pub(super) fn is_careful(&self) -> bool {
        self.careful
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self, producer: &Producer) {
        self.read_reports(producer);
        self.flights.clear();
        self.refused.1 = 0;
    }

    /// A transaction was committed: what it held is done with.
    pub(super) fn committed(&mut self, producer: &Producer) {
        self.refused.0 += self.refused.1;
        self.begin(producer);
        self.careful = false;
        self.condemned.clear();
    }

    /// After a transaction that failed: learns which record it died of.
    ///
    /// # Errors
    /// There is nothing to put in the place of what is refused.
    pub(super) fn failed(&mut self, producer: &Producer) -> Result<(), Stuck> {
        self.read_reports(producer);
        match self.hopeless.take() {
            None => Ok(()),
            Some(trouble) => Err(Stuck::Failed(format!(
                "a record of state or a dead letter is refused for good: {trouble}"
            ))),
        }
    }

    fn read_reports(&mut self, producer: &Producer) {
        producer.reports(Duration::ZERO, &mut self.reports);
        // Where several were under way, it may be any.
        let alone = self.careful;
        for report in self.reports.drain(..) {
            let Err(trouble) = report.outcome else {
                continue;
            };
            if trouble.remedy != Remedy::Never {
                continue;
            }
            match self.flights.get(report.ticket) {
                Some(which) if which.0 != self.dead_letters => {
                    if alone {
                        if self.condemned.len() >= CONDEMNED_MAX {
                            self.condemned.pop_first();
                        }
                        self.condemned.insert(*which, trouble);
                    }
                    self.careful = true;
                }
                Some(_) => self.hopeless = Some(trouble),
                None if report.ticket == STATE => self.hopeless = Some(trouble),
                None => {}
            }
        }
    }

    /// Sends what frames of a partition became.
    pub(super) fn outputs(
        &mut self,
        producer: &Producer,
        share: &mut Share,
        made: &Made,
    ) -> Result<(), Stuck> {
        made.records
            .iter()
            .try_for_each(|(topic, bytes)| self.output(producer, share, made, *topic, bytes))
    }

    fn output(
        &mut self,
        producer: &Producer,
        share: &mut Share,
        made: &Made,
        topic: TopicId,
        bytes: &[u8],
    ) -> Result<(), Stuck> {
        let partition = share.partition;
        let unread = |error: rmp_serde::decode::Error| Stuck::Failed(error.to_string());
        let view = View::of(bytes).map_err(unread)?;
        let frame = view.last_frame;
        let which = (topic, partition, frame, view.index, view.captured_ns);
        if let Some(trouble) = self.condemned.get(&which) {
            let detail = trouble.to_string();
            return self.bury(producer, share, topic, bytes, &detail);
        }
        let is_dead = topic == self.dead_letters;
        let Target { name, format, .. } = self.targets[topic.index()].clone();
        let bytes_max = self.rooms.bytes_max(&name).min(self.record_bytes_max);
        let mut text = None;
        if is_dead {
            let mut record = Record::decode(bytes).map_err(unread)?;
            let json = record.to_json(DEAD_LETTERS, 0).to_string();
            // Its id, key and headers must fit too.
            if json.len() as u64 > bytes_max / 2 {
                (record.body, record.frame) = (serde_json::json!({}), None);
            }
            text = Some(record.to_json(DEAD_LETTERS, 0).to_string());
        }
        let format = if is_dead {
            ValueFormat::MessagePack
        } else {
            format
        };
        let origin = frame.and_then(|frame| {
            let at = usize::try_from(frame.checked_sub(made.first_offset)?).ok()?;
            made.origins.get(at)
        });
        let ids = &self.ids;
        let schemas = &self.schemas;
        let envelope = self
            .envelopes
            .entry(partition)
            .or_insert_with(|| Envelope::with_ids(format!("{ids}/{partition}"), schemas.clone()));
        let ticket = self.flights.len();
        let (timeout, reports) = (self.timeout, &mut self.reports);
        let sent = envelope.with(&view, &name, format, ticket, |shipment| {
            let mut shipment = *shipment;
            let mut headers = shipment.headers.to_vec();
            if let Some(origin) = origin {
                if let Some(schema) = &origin.schema {
                    let own = headers.iter_mut().find(|own| own.0 == "outrigger-schema");
                    own.into_iter().for_each(|own| own.1 = schema);
                }
                let handed = [
                    ("outrigger-source-id", &origin.id),
                    ("outrigger-source-anomalies", &origin.anomalies),
                ];
                let handed = handed.into_iter();
                headers.extend(handed.filter_map(|(name, value)| Some((name, value.as_deref()?))));
            }
            shipment.headers = &headers;
            if let Some(text) = &text {
                shipment.value = Some(text.as_bytes());
            }
            let bytes = shipment_bytes(&shipment);
            if bytes > bytes_max {
                let detail = format!("the record takes {bytes} bytes, its topic takes {bytes_max}");
                return Ok(Some(detail));
            }
            match send(producer, &shipment, timeout, reports) {
                Err(trouble) if trouble.remedy == Remedy::Never => Ok(Some(trouble.to_string())),
                sent => sent.map(|()| None),
            }
        });
        if let Some(detail) = sent.map_err(unread)?? {
            return self.bury(producer, share, topic, bytes, &detail);
        }
        self.flights.push(which);
        if self.careful {
            return self.look(producer);
        }
        Ok(())
    }

    /// Sends the dead letter of a record that is refused.
    fn bury(
        &mut self,
        producer: &Producer,
        share: &mut Share,
        topic: TopicId,
        record: &[u8],
        detail: &str,
    ) -> Result<(), Stuck> {
        if topic == self.dead_letters {
            return Err(Stuck::Failed(format!("a dead letter is refused: {detail}")));
        }
        let refusal = Refusal {
            topic: &self.targets[topic.index()].topic,
            detail,
            record,
        };
        let buried = share.bury(&refusal);
        let buried = buried.map_err(|error| Stuck::Failed(error.to_string()))?;
        self.refused.1 += 1;
        self.outputs(producer, share, &buried)
    }

    /// Waits for the report of the one record that is under way.
    fn look(&mut self, producer: &Producer) -> Result<(), Stuck> {
        let before = self.condemned.len();
        let delivered = producer.flush(self.timeout);
        self.read_reports(producer);
        if delivered && self.condemned.len() == before {
            return Ok(());
        }
        Err(Stuck::Trouble(Trouble {
            remedy: Remedy::Abort,
            code: "RecordRefused".to_owned(),
            detail: "a record sent alone was not taken".to_owned(),
        }))
    }

    /// Sends the state of a partition that has changed.
    pub(super) fn state(
        &mut self,
        producer: &Producer,
        topic: &str,
        partition: i32,
        rows: &[StateRecord],
    ) -> Result<(), Stuck> {
        let time_ms = i64::try_from(now_ns() / 1_000_000).unwrap_or(i64::MAX);
        for (key, value) in rows {
            let shipment = Shipment {
                topic,
                key: Some(key),
                partition: Some(partition),
                value: value.as_deref(),
                time_ms,
                headers: &[],
                ticket: STATE,
            };
            send(producer, &shipment, self.timeout, &mut self.reports)?;
        }
        Ok(())
    }
}

/// Queues a record, waiting for room. Reports that come meanwhile are kept.
fn send(
    producer: &Producer,
    shipment: &Shipment<'_>,
    timeout: Duration,
    reports: &mut Vec<Delivered>,
) -> Result<(), Trouble> {
    let deadline = Instant::now() + timeout;
    while !producer.send(shipment)? {
        producer.reports(ROOM_EVERY, reports);
        // Those that arrived say nothing that the commit does not.
        reports.retain(|report| report.outcome.is_err());
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
