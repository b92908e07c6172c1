//! What a forwarder needs of a broker, and the real one behind it.
//!
//! The trait is here so that tests can stand in for a broker. Nothing about transactions is claimed
//! from them: that takes a real one.

use std::collections::BTreeMap;
use std::time::Duration;

use outrigger_kafka::{
    Cluster, Delivered, Guarantee, Producer, ProducerFigures, Shipment, TopicSpec, Trouble,
    ensure_topics, read_progress,
};

use crate::record::Position;

/// Longest time that one call blocks.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A broker, or what stands in for one.
pub trait Broker {
    /// Connects anew: whatever was under way is given up, and whoever had our name before is
    /// fenced. Returns what committed transactions left, by topic.
    ///
    /// # Errors
    /// It cannot be reached, or refuses.
    fn connect(&mut self) -> Result<BTreeMap<String, Position>, Trouble>;
    /// Begins a transaction.
    ///
    /// # Errors
    /// As [`Producer::begin`].
    fn begin(&mut self) -> Result<(), Trouble>;
    /// Queues a record; `false` if there is no room now.
    ///
    /// # Errors
    /// As [`Producer::send`].
    fn send(&mut self, shipment: &Shipment<'_>) -> Result<bool, Trouble>;
    /// Moves the reports that are there to `into`.
    fn reports(&mut self, into: &mut Vec<Delivered>);
    /// Waits until all that was queued has a report; false if that takes too long.
    fn flush(&mut self) -> bool;
    /// Commits.
    ///
    /// # Errors
    /// As [`Producer::commit`].
    fn commit(&mut self) -> Result<(), Trouble>;
    /// Aborts.
    ///
    /// # Errors
    /// As [`Producer::abort`].
    fn abort(&mut self) -> Result<(), Trouble>;
    /// Gives up the client.
    fn disconnect(&mut self);
    /// What the client says of itself.
    fn figures(&self) -> ProducerFigures;
    /// Largest record that a topic takes, bytes.
    fn record_bytes_max(&self, topic: &str) -> u64;
}

/// Apache Kafka.
pub struct Kafka {
    /// Where it is.
    pub cluster: Cluster,
    /// What its producer promises.
    pub guarantee: Guarantee,
    /// Topics that it writes, the one of progress among them.
    pub topics: Vec<TopicSpec>,
    /// Whether missing topics may be made.
    pub create: bool,
    /// Topic of progress.
    pub progress_topic: String,
    /// The journal's identity.
    pub log_id: String,
    /// The client, once connected.
    pub producer: Option<Producer>,
    /// Largest record of each topic, bytes.
    pub record_bytes_max: BTreeMap<String, u64>,
}

impl Kafka {
    fn client(&self) -> Result<&Producer, Trouble> {
        self.producer.as_ref().ok_or_else(|| Trouble {
            remedy: outrigger_kafka::Remedy::Renew,
            code: "NotConnected".to_owned(),
            detail: "there is no client".to_owned(),
        })
    }

    fn look_at_topics(&mut self) -> Result<(), Trouble> {
        let found = ensure_topics(&self.cluster, &self.topics, self.create, CALL_TIMEOUT)?;
        for (spec, found) in self.topics.iter().zip(&found) {
            let name = &spec.name;
            if found.made {
                tracing::info!(
                    "made topic {name}: {} partitions, {} copies",
                    found.partitions,
                    found.replication
                );
            } else if spec.partitions != found.partitions {
                tracing::warn!(
                    "topic {name} has {} partitions, the configuration says {}: keys are placed by \
                     what is there",
                    found.partitions,
                    spec.partitions
                );
            }
            if let Some(bytes) = found.message_bytes_max {
                self.record_bytes_max.insert(name.clone(), bytes);
            }
        }
        // A batch that a topic does not take would be refused with all that share it.
        let smallest = self.record_bytes_max.values().min().copied();
        if let Some(smallest) = smallest {
            let bounds = &mut self.cluster.bounds;
            bounds.batch_bytes_max = bounds.batch_bytes_max.min(smallest);
        }
        Ok(())
    }
}

impl Broker for Kafka {
    fn connect(&mut self) -> Result<BTreeMap<String, Position>, Trouble> {
        self.producer = None;
        self.look_at_topics()?;
        let producer = Producer::new(&self.cluster, &self.guarantee)?;
        let mut positions = BTreeMap::new();
        if matches!(self.guarantee, Guarantee::ExactlyOnce { .. }) {
            // First this: it ends what an earlier life left open, which would hide progress.
            producer.init_transactions(CALL_TIMEOUT)?;
            let progress = read_progress(
                &self.cluster,
                &self.progress_topic,
                &self.log_id,
                CALL_TIMEOUT,
            )?;
            for (topic, progress) in progress {
                let position = Position {
                    block: progress.block,
                    ordinal: progress.ordinal,
                };
                positions.insert(topic, position);
            }
        }
        self.producer = Some(producer);
        Ok(positions)
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.client()?.begin()
    }

    fn send(&mut self, shipment: &Shipment<'_>) -> Result<bool, Trouble> {
        self.client()?.send(shipment)
    }

    fn reports(&mut self, into: &mut Vec<Delivered>) {
        if let Some(producer) = &self.producer {
            producer.reports(Duration::ZERO, into);
        }
    }

    fn flush(&mut self) -> bool {
        self.producer
            .as_ref()
            .is_none_or(|producer| producer.flush(CALL_TIMEOUT))
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        self.client()?.commit(CALL_TIMEOUT)
    }

    fn abort(&mut self) -> Result<(), Trouble> {
        self.client()?.abort(CALL_TIMEOUT)
    }

    fn disconnect(&mut self) {
        self.producer = None;
    }

    fn figures(&self) -> ProducerFigures {
        self.producer
            .as_ref()
            .map(Producer::figures)
            .unwrap_or_default()
    }

    fn record_bytes_max(&self, topic: &str) -> u64 {
        let client = self.cluster.bounds.record_bytes_max;
        let topic = self.record_bytes_max.get(topic).copied();
        topic.map_or(client, |topic| topic.min(client))
    }
}
