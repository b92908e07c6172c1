//! What a forwarder needs of a broker, and the real one behind it.
//!
//! The trait is here so that tests can stand in for a broker. Nothing about transactions is claimed
//! from them: that takes a real one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use outrigger_kafka::{
    Cluster, Delivered, Guarantee, Producer, ProducerFigures, Remedy, Shipment, TopicFound,
    TopicSpec, Trouble, ensure_topics, read_holder, read_progress,
};

use super::Ending;
use crate::record::Position;

/// Longest time that one call blocks.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The same once the forwarder is told to end: enough for brokers that answer.
const LAST_CALL_TIMEOUT: Duration = Duration::from_secs(1);
/// A call that lasts is made in parts, between which the end is looked for.
const PART: Duration = Duration::from_millis(200);
/// Wait before a call is made again that may be.
const AGAIN: Duration = Duration::from_millis(50);

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
    /// What the client last complained of, once.
    fn complaint(&mut self) -> Option<String>;
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
    /// How this process is told from others that hold the transactional id.
    pub process: String,
    /// This process has held the transactional id.
    pub held: bool,
    /// Ends calls that last.
    pub ending: Arc<Ending>,
}

impl Kafka {
    fn client(&self) -> Result<&Producer, Trouble> {
        self.producer.as_ref().ok_or_else(|| Trouble {
            remedy: Remedy::Renew,
            code: "NotConnected".to_owned(),
            detail: "there is no client".to_owned(),
        })
    }

    /// Makes a call until it has ended, in parts; for [`CALL_TIMEOUT`] at most, much less once the
    /// end has come.
    fn patiently<T>(
        &self,
        mut call: impl FnMut(Duration) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let begun = Instant::now();
        loop {
            let long = match self.ending.is_over() {
                true => LAST_CALL_TIMEOUT,
                false => CALL_TIMEOUT,
            };
            let left = long.saturating_sub(begun.elapsed());
            match call(left.min(PART)) {
                Err(trouble) if trouble.is_timeout() && !left.is_zero() => {}
                // Such as a coordinator that still ends what an earlier life left open.
                Err(trouble) if trouble.remedy == Remedy::Later && !left.is_zero() => {
                    std::thread::sleep(left.min(AGAIN));
                }
                ended => return ended,
            }
        }
    }

    /// Takes the transactional id, unless another process has taken it from this one. Whoever comes
    /// first takes it from whoever had it; only who comes back must find that it is still his.
    ///
    /// A broker refuses a producer that another has fenced as it refuses one whose own transaction
    /// took too long, so its refusal alone does not say that another process is there.
    fn take_hold(&mut self, producer: &Producer, id: &str) -> Result<(), Trouble> {
        if self.held {
            let topic = &self.progress_topic;
            let holder = read_holder(&self.cluster, topic, id, CALL_TIMEOUT)?;
            if let Some(other) = holder.filter(|holder| *holder != self.process) {
                return Err(Trouble {
                    remedy: Remedy::Fenced,
                    code: "ProducerFenced".to_owned(),
                    detail: format!("{id} is held by process {other}, this is {}", self.process),
                });
            }
        }
        // This ends what an earlier life left open, which would hide progress.
        self.patiently(|part| producer.init_transactions(part))
            .map_err(in_doubt)?;
        producer.begin().map_err(in_doubt)?;
        let queued = producer.send(&Shipment {
            topic: &self.progress_topic,
            key: Some(id.as_bytes()),
            partition: None,
            value: Some(self.process.as_bytes()),
            time_ms: i64::try_from(crate::telemetry::now_ns() / 1_000_000).unwrap_or(i64::MAX),
            headers: &[],
            ticket: usize::MAX,
        });
        queued.map_err(in_doubt)?;
        self.patiently(|part| flush(producer, part))?;
        self.patiently(|part| producer.commit(part))
            .map_err(in_doubt)?;
        self.held = true;
        Ok(())
    }

    fn look_at_topics(&mut self) -> Result<(), Trouble> {
        let go_on = || !self.ending.is_over();
        let found = ensure_topics(
            &self.cluster,
            &self.topics,
            self.create,
            CALL_TIMEOUT,
            &go_on,
        )?;
        for (spec, found) in self.topics.iter().zip(&found) {
            let name = &spec.name;
            if found.made {
                tracing::info!(
                    "made topic {name}: {} partitions, {} copies",
                    found.partitions,
                    found.replication
                );
            } else {
                for difference in differences(spec, found) {
                    tracing::warn!("topic {name} {difference}");
                }
            }
            if *name == self.progress_topic {
                check_progress(found)?;
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
        if let Guarantee::ExactlyOnce { transactional_id } = self.guarantee.clone() {
            self.take_hold(&producer, &transactional_id)?;
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
        self.client()?.begin().map_err(in_doubt)
    }

    fn send(&mut self, shipment: &Shipment<'_>) -> Result<bool, Trouble> {
        self.client()?.send(shipment).map_err(in_doubt)
    }

    fn reports(&mut self, into: &mut Vec<Delivered>) {
        if let Some(producer) = &self.producer {
            producer.reports(Duration::ZERO, into);
            for report in into.iter_mut() {
                if let Err(trouble) = &report.outcome {
                    report.outcome = Err(in_doubt(trouble.clone()));
                }
            }
        }
    }

    fn flush(&mut self) -> bool {
        let Some(producer) = &self.producer else {
            return true;
        };
        self.patiently(|part| flush(producer, part)).is_ok()
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        let producer = self.client()?;
        self.patiently(|part| producer.commit(part))
            .map_err(in_doubt)
    }

    fn abort(&mut self) -> Result<(), Trouble> {
        let producer = self.client()?;
        self.patiently(|part| producer.abort(part))
            .map_err(in_doubt)
    }

    fn disconnect(&mut self) {
        self.producer = None;
    }

    fn complaint(&mut self) -> Option<String> {
        self.producer.as_ref().and_then(Producer::take_error)
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

/// How a topic that was there differs from what the configuration would have made.
pub fn differences(spec: &TopicSpec, found: &TopicFound) -> Vec<String> {
    let mut differences = Vec::new();
    if spec.partitions != found.partitions {
        differences.push(format!(
            "has {} partitions, the configuration says {}: keys are placed by what is there",
            found.partitions, spec.partitions
        ));
    }
    if spec.replication > 0 && spec.replication != found.replication {
        differences.push(format!(
            "has {} copies, the configuration says {}",
            found.replication, spec.replication
        ));
    }
    let mut settings = spec.settings.iter();
    let wanted = settings.find(|(key, _)| key == "retention.ms");
    let wanted = wanted.and_then(|(_, value)| value.parse::<i64>().ok());
    if let (Some(wanted), Some(found)) = (wanted, found.retention_ms)
        && (0..wanted).contains(&found)
    {
        differences.push(format!(
            "keeps records for {} hours, the configuration says {}",
            found / 3_600_000,
            wanted / 3_600_000
        ));
    }
    differences
}

/// A topic of progress that somebody else made must keep what it is told, in one order: or a restart
/// would find nothing, and send everything again.
///
/// # Errors
/// It has several partitions, or forgets.
pub fn check_progress(found: &TopicFound) -> Result<(), Trouble> {
    let TopicFound {
        name,
        partitions,
        cleanup_policy,
        ..
    } = found;
    let wrong = match cleanup_policy.as_deref() {
        Some(policy) if policy != "compact" => {
            format!("its cleanup.policy must be compact, is {policy}")
        }
        _ if *partitions != 1 => format!("it must have 1 partition, has {partitions}"),
        _ => return Ok(()),
    };
    Err(Trouble {
        remedy: Remedy::Later,
        code: "Progress".to_owned(),
        detail: format!("topic {name} cannot hold the progress: {wrong}"),
    })
}

fn flush(producer: &Producer, timeout: Duration) -> Result<(), Trouble> {
    match producer.flush(timeout) {
        true => Ok(()),
        false => Err(Trouble::timeout("flush")),
    }
}

/// A producer that is fenced is given up; who holds its id is looked at when the next is made.
fn in_doubt(mut trouble: Trouble) -> Trouble {
    if trouble.remedy == Remedy::Fenced {
        trouble.remedy = Remedy::Renew;
    }
    trouble
}
