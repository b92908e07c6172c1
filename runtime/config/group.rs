//! What must hold of a configuration that reads from Kafka.

use outrigger_policy::labels::{LabelId, Labels};
use outrigger_policy::topology::ClassDescription;

use super::kafka::KafkaConfig;
use super::read::Context;
use super::taps::{CONFINED_RULE, GroupConfig};
use super::words::{hint, join};
use super::{Guarantee, TopicConfig};

/// Fails what one transaction cannot hold.
pub(super) fn check(
    cx: &mut Context<'_>,
    groups: &[(GroupConfig, LabelId)],
    other_taps: usize,
    (topics, topic_labels): (&[TopicConfig], &[Option<LabelId>]),
    classes: &[(String, ClassDescription)],
    (clusters, labels): (&[KafkaConfig], &Labels),
) {
    let Some((group, label)) = groups.first() else {
        return;
    };
    let table = join("taps", &group.tap);
    if groups.len() + other_taps > 1 {
        let message = "must be the only tap beside kafka: its topic is the log, other taps need the \
                       journal";
        cx.fail(join(&table, "kind"), message);
    }
    let Some(cluster) = clusters.iter().find(|known| known.name == group.cluster) else {
        let hint = hint(
            &group.cluster,
            clusters.iter().map(|known| known.name.as_str()),
        );
        let message = format!("there is no kafka.{}{hint}", group.cluster);
        return cx.fail(join(&table, "kafka"), message);
    };
    // State and dead letters go there too.
    let dead_letters = topic_labels.get(topics.len() - 2).copied().flatten();
    for label in [Some(*label), dead_letters].into_iter().flatten() {
        if !labels.dominates(cluster.label, label) {
            let message = format!(
                "state and dead letters of label {:?} must not reach kafka.{}, whose label is {:?}",
                labels.name(label),
                cluster.name,
                labels.name(cluster.label)
            );
            cx.fail(join(&table, "kafka"), message);
        }
    }
    let own = [&group.topic, &group.state_topic, &group.dead_letters_topic];
    if own[0] == own[1] || own[0] == own[2] || own[1] == own[2] {
        let message = "topic, state_topic and dead_letters_topic must differ";
        cx.fail(join(&table, "state_topic"), message);
    }
    for topic in &topics[..topics.len() - 2] {
        let table = join("topics", &topic.name);
        if topic.mirror.cluster.as_ref() != Some(&group.cluster) {
            let message = format!(
                "must be {:?}: what comes from taps.{} is written where it is read, in one transaction",
                group.cluster, group.tap
            );
            cx.fail(join(&table, "kafka"), message);
        }
        if topic.guarantee != Guarantee::ExactlyOnce {
            let message = format!(
                "must be \"exactly-once\": what comes from taps.{} is written in one transaction",
                group.tap
            );
            cx.fail(join(&table, "guarantee"), message);
        }
        if own.contains(&&topic.mirror.topic) {
            let message = format!("is a topic of taps.{} already", group.tap);
            cx.fail(join(&table, "kafka_topic"), message);
        }
    }
    let judged = classes
        .iter()
        .find(|(_, class)| !class.validators.is_empty());
    if let (Some((_, class)), false) = (judged, group.confined) {
        let validator = &class.validators[0];
        let message = format!("must be true: plugins.{validator} {CONFINED_RULE}");
        cx.fail(join(&table, "confined"), message);
    }
}
