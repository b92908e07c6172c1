//! The topics of a group: made where they are missing, and how large a record each takes.

use std::collections::BTreeMap;
use std::time::Duration;

use outrigger_kafka::{Cluster, Remedy, TopicSpec, Trouble};

use super::Stuck;
use crate::config::{Config, GroupConfig, KafkaConfig};
use crate::forward::{progress_spec, topic_spec};

/// The topics that a group writes.
pub(super) struct TopicRooms {
    /// Those of outputs and dead letters.
    specs: Vec<TopicSpec>,
    state_spec: TopicSpec,
    create: bool,
    /// Largest record by topic, where the brokers say, bytes.
    bytes_max: BTreeMap<String, u64>,
}

impl TopicRooms {
    pub(super) fn new(config: &Config, group: &GroupConfig, kafka: &KafkaConfig) -> Self {
        let topology = &config.topology;
        let own = &config.topics[..config.topics.len() - 2];
        let mut specs: Vec<TopicSpec> = own.iter().map(|one| topic_spec(kafka, one)).collect();
        let dead = &config.topics[topology.dead_letters().index()];
        specs.push(TopicSpec {
            name: group.dead_letters_topic.clone(),
            ..topic_spec(kafka, dead)
        });
        Self {
            specs,
            state_spec: TopicSpec {
                name: group.state_topic.clone(),
                ..progress_spec(kafka)
            },
            create: kafka.create_topics,
            bytes_max: BTreeMap::new(),
        }
    }

    /// Largest record that a topic takes, bytes.
    pub(super) fn bytes_max(&self, name: &str) -> u64 {
        self.bytes_max.get(name).copied().unwrap_or(u64::MAX)
    }

    /// Makes the topics that are missing; the source must be there, and the state topic be cut as
    /// it is. Batches of `cluster` are bounded by what the topics take.
    pub(super) fn ensure(
        &mut self,
        cluster: &mut Cluster,
        group: &GroupConfig,
        timeout: Duration,
        go_on: &dyn Fn() -> bool,
    ) -> Result<(), Stuck> {
        let source = &group.topic;
        let partitions = outrigger_kafka::partition_count(cluster, source, timeout, go_on)?;
        if partitions == 0 {
            return Err(Stuck::Trouble(Trouble {
                remedy: Remedy::Later,
                code: "UnknownTopicOrPartition".to_owned(),
                detail: format!("no topic {source} to read"),
            }));
        }
        self.state_spec.partitions = partitions;
        let mut specs = self.specs.clone();
        specs.push(self.state_spec.clone());
        let found = outrigger_kafka::ensure_topics(cluster, &specs, self.create, timeout, go_on)?;
        let state = found.last().map_or(0, |found| found.partitions);
        if state != partitions {
            return Err(Stuck::Failed(format!(
                "topic {} has {state} partitions, {source} has {partitions}: state belongs to a \
                 partition, so the numbers must be equal; if partitions were added, keys may have \
                 moved: name a new state_topic, and keys begin without state where the group stands",
                group.state_topic
            )));
        }
        for found in found {
            if let Some(bytes) = found.message_bytes_max {
                self.bytes_max.insert(found.name, bytes);
            }
        }
        // A batch that a topic does not take would be refused with all that share it.
        if let Some(smallest) = self.bytes_max.values().min() {
            let bounds = &mut cluster.bounds;
            bounds.batch_bytes_max = bounds.batch_bytes_max.min(*smallest);
        }
        Ok(())
    }
}
