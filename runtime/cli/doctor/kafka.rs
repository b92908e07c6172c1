//! Can the clusters be reached, and are their topics fit for what is to be written?

use std::time::Duration;

use outrigger_kafka::{TopicFound, find_topics};

use super::Report;
use crate::config::{Config, Guarantee, KafkaConfig, TopicConfig};
use crate::forward::{check_progress, cluster, differences, topic_spec};

/// Longest wait for an answer. Reason: it answers a person who waits.
const ANSWER: Duration = Duration::from_secs(5);

/// Looks at every cluster that some topic is mirrored to.
pub(super) fn clusters(report: &mut Report, config: &Config) {
    for settings in &config.kafka {
        let subject = format!("kafka {}", settings.name);
        let topics: Vec<&TopicConfig> = config
            .topics
            .iter()
            .filter(|topic| topic.mirror.cluster.as_ref() == Some(&settings.name))
            .collect();
        if topics.is_empty() {
            let remedy = format!(
                "say `kafka = \"{}\"` in a topic, or remove it",
                settings.name
            );
            report.warn(&subject, "no topic is mirrored to it", remedy);
            continue;
        }
        let reached = match cluster(settings, &config.name) {
            Ok(cluster) => cluster,
            Err(error) => {
                let remedy = "put the secret where the configuration says, readable by this user";
                report.fail(&subject, error.to_string(), remedy);
                continue;
            }
        };
        let mut names: Vec<String> = topics
            .iter()
            .map(|topic| topic.mirror.topic.clone())
            .collect();
        names.push(settings.progress_topic.clone());
        match find_topics(&reached, &names, ANSWER) {
            Ok((brokers, found)) => {
                let counted = match brokers {
                    1 => "1 broker answers".to_owned(),
                    brokers => format!("{brokers} brokers answer"),
                };
                report.ok(&subject, format!("{}: {counted}", settings.bootstrap));
                for (topic, found) in topics.iter().zip(&found) {
                    look_at(report, settings, topic, found);
                }
                let transactions = |topic: &&TopicConfig| topic.guarantee == Guarantee::ExactlyOnce;
                if let Some(found) = found.last().filter(|_| topics.iter().any(transactions)) {
                    look_at_progress(report, settings, found);
                }
            }
            Err(trouble) => {
                let remedy = format!(
                    "is {} right, does a broker listen there, and do tls, sasl and the password \
                     fit it? Meanwhile the topic logs hold what is to be sent",
                    settings.bootstrap
                );
                report.fail(&subject, trouble.to_string(), remedy);
            }
        }
    }
}

fn look_at(report: &mut Report, settings: &KafkaConfig, topic: &TopicConfig, found: &TopicFound) {
    let name = &topic.mirror.topic;
    let subject = format!("kafka {} topic {name}", settings.name);
    let wanted = topic.mirror.partitions;
    if found.partitions == 0 {
        missing(report, settings, &subject, wanted);
        return;
    }
    let mut good = true;
    for difference in differences(&topic_spec(settings, topic), found) {
        good = false;
        report.warn(
            &subject,
            difference,
            "alter the topic, or the configuration; `outrigger partitions --ask` says how many \
             partitions its keys are worth",
        );
    }
    if let Some(takes) = found.message_bytes_max
        && takes < settings.record_bytes_max
    {
        good = false;
        report.warn(
            &subject,
            format!(
                "takes at most {takes} bytes, record_bytes_max is {}",
                settings.record_bytes_max
            ),
            "raise the topic's max.message.bytes, or larger records become dead letters",
        );
    }
    if found.cleanup_policy.as_deref() == Some("compact") {
        good = false;
        report.warn(
            &subject,
            "is compacted: of each key only the newest record stays",
            "set its cleanup.policy to delete if readers need every record",
        );
    }
    if good {
        let finding = format!(
            "{} partitions, {} copies",
            found.partitions, found.replication
        );
        report.ok(&subject, finding);
    }
}

fn look_at_progress(report: &mut Report, settings: &KafkaConfig, found: &TopicFound) {
    let subject = format!("kafka {} topic {}", settings.name, found.name);
    if found.partitions == 0 {
        missing(report, settings, &subject, 1);
    } else if let Err(trouble) = check_progress(found) {
        let remedy = "give it one partition and cleanup.policy compact, or name another by \
                      progress_topic: exactly-once topics wait until then";
        report.fail(&subject, trouble.to_string(), remedy);
    } else {
        report.ok(&subject, "holds the progress of exactly-once topics");
    }
}

fn missing(report: &mut Report, settings: &KafkaConfig, subject: &str, partitions: u64) {
    match settings.create_topics {
        true => report.ok(
            subject,
            format!("is not there; it will be made with {partitions} partitions"),
        ),
        false => report.fail(
            subject,
            "is not there, and create_topics is false",
            format!("make it with {partitions} partitions, or set create_topics = true"),
        ),
    }
}
