//! Reads `[kafka.NAME]`, and what topics say of it.

use std::path::PathBuf;

use outrigger_policy::labels::{LabelId, Labels};
use outrigger_policy::limits::{self, KAFKA_CLUSTERS_MAX};
use toml::Spanned;
use toml::de::DeValue;

use super::keys::Section;
use super::labels::required_label;
use super::paths::Paths;
use super::read::{Context, Table};
use super::words::{hint, join};
use super::{Config, ConfigError, ConfigErrors, TopicConfig};

/// A cluster, as the file describes it. Secrets are named, not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Its name.
    pub name: String,
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// Highest label that may be sent there.
    pub label: LabelId,
    /// TLS.
    pub tls: bool,
    /// PEM of authorities; absolute.
    pub ca_file: Option<PathBuf>,
    /// PEM of our certificate; absolute.
    pub certificate_file: Option<PathBuf>,
    /// PEM of its key; absolute.
    pub key_file: Option<PathBuf>,
    /// SASL.
    pub sasl: Option<SaslConfig>,
    /// Missing topics are made.
    pub create_topics: bool,
    /// Copies of topics that are made; 0 is the brokers' default.
    pub replication: u64,
    /// Retention of topics that are made, hours.
    pub retention_hours: u64,
    /// Time between transactions, milliseconds.
    pub commit_interval_ms: u64,
    /// Time after which brokers abort a transaction, milliseconds.
    pub transaction_timeout_ms: u64,
    /// Wait of a record for others, milliseconds.
    pub linger_ms: u64,
    /// `lz4`, `zstd` or `none`.
    pub compression: &'static str,
    /// Records that wait in a producer, bytes.
    pub queue_bytes_max: u64,
    /// Largest record that is sent, bytes.
    pub record_bytes_max: u64,
    /// Rate of a producer, bytes per second.
    pub egress_bytes_per_s: u64,
    /// Topic of progress.
    pub progress_topic: String,
    /// Time between looks at consumer groups, seconds; 0 for never.
    pub consumer_lag_s: u64,
}

/// Who we are, and where the password lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaslConfig {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: &'static str,
    /// User.
    pub username: String,
    /// Where the password lies.
    pub password: PasswordSource,
}

/// Where a password lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// In a file; absolute.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
}

/// How bodies are written to Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueFormat {
    /// As plugins write them.
    #[default]
    MessagePack,
    /// As JSON.
    Json,
}

/// What a topic says of Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorConfig {
    /// Name of the cluster; `None` for the log alone.
    pub cluster: Option<String>,
    /// Its name there.
    pub topic: String,
    /// How bodies are written there.
    pub format: ValueFormat,
    /// Partitions, when it is made there.
    pub partitions: u64,
}

impl MirrorConfig {
    /// Of a topic that is not mirrored, or by the command line.
    pub(super) fn silent(name: &str) -> Self {
        Self {
            cluster: None,
            topic: name.to_owned(),
            format: ValueFormat::default(),
            partitions: outrigger_policy::limits::KAFKA_PARTITIONS.default,
        }
    }
}

/// A name as Kafka allows it. Source: `org.apache.kafka.common.internals.Topic`.
pub(super) fn is_kafka_topic(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=249).contains(&name.len()) && name.chars().all(allowed) && name != "." && name != ".."
}

fn is_bootstrap(text: &str) -> bool {
    let is_address = |address: &str| {
        address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    !text.is_empty() && text.split(',').all(is_address)
}

fn is_variable(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.len() <= 256 && name.chars().all(allowed)
}

/// What a topic says of Kafka.
pub(super) fn read_mirror<'a>(cx: &mut Context<'a>, table: &Table<'a>, name: &str) -> MirrorConfig {
    let cluster = cx.text(table, "kafka", None, super::words::is_name);
    let topic = cx
        .text(table, "kafka_topic", Some(name), is_kafka_topic)
        .unwrap_or_default();
    let format = match cx.choice(table, "value", Some("messagepack")) {
        Some("json") => ValueFormat::Json,
        Some(_) | None => ValueFormat::MessagePack,
    };
    let partitions = cx.setting(table, "partitions");
    MirrorConfig {
        cluster,
        topic,
        format,
        partitions,
    }
}

/// All clusters.
pub(super) fn read_clusters<'a>(
    cx: &mut Context<'a>,
    value: Option<&'a Spanned<DeValue<'a>>>,
    labels: &Labels,
    paths: &Paths,
) -> Vec<KafkaConfig> {
    let mut clusters = Vec::new();
    for (name, value) in cx.named("kafka", value, &[], KAFKA_CLUSTERS_MAX) {
        let table = cx.open(Section::Kafka, join("kafka", &name), Some(value));
        if value.get_ref().as_table().is_none() {
            continue;
        }
        clusters.extend(read_cluster(cx, &table, name, labels, paths));
    }
    clusters
}

fn read_cluster<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    name: String,
    labels: &Labels,
    paths: &Paths,
) -> Option<KafkaConfig> {
    let bootstrap = cx.required(table, "bootstrap", is_bootstrap);
    let label = required_label(cx, table, labels);
    let tls = cx.flag(table, "tls", false);
    let path = |cx: &mut Context<'a>, key: &str| {
        let path = cx.text(table, key, None, |path| !path.is_empty());
        path.map(|path| paths.resolve(&path))
    };
    let ca_file = path(cx, "ca_file");
    let certificate_file = path(cx, "certificate_file");
    let key_file = path(cx, "key_file");
    for key in ["ca_file", "certificate_file", "key_file"] {
        if !tls && cx.has(table, key) {
            cx.fail(join(&table.path, key), "only with tls = true");
        }
    }
    if certificate_file.is_some() != key_file.is_some() {
        let key = join(&table.path, "certificate_file");
        cx.fail(key, "certificate_file and key_file go together");
    }
    let sasl = read_sasl(cx, table, paths);
    let create_topics = cx.flag(table, "create_topics", true);
    let replication = cx.setting(table, "replication");
    let retention_hours = cx.setting(table, "retention_hours");
    let commit_interval_ms = cx.setting(table, "commit_interval_ms");
    let transaction_timeout_ms = cx.setting(table, "transaction_timeout_ms");
    if transaction_timeout_ms < 2 * commit_interval_ms {
        let message = format!(
            "must be at least twice commit_interval_ms {commit_interval_ms}, is {transaction_timeout_ms}"
        );
        cx.fail(join(&table.path, "transaction_timeout_ms"), message);
    }
    let linger_ms = cx.setting(table, "linger_ms");
    let compression = cx.choice(table, "compression", Some("lz4"));
    let queue_bytes_max = cx.setting(table, "queue_bytes_max");
    let record_bytes_max = cx.setting(table, "record_bytes_max");
    if record_bytes_max > queue_bytes_max {
        let message =
            format!("must be at most queue_bytes_max {queue_bytes_max}, is {record_bytes_max}");
        cx.fail(join(&table.path, "record_bytes_max"), message);
    }
    let egress_bytes_per_s = cx.setting(table, "egress_bytes_per_s");
    let progress_topic = cx
        .text(
            table,
            "progress_topic",
            Some(outrigger_kafka::PROGRESS_TOPIC),
            is_kafka_topic,
        )
        .unwrap_or_default();
    let consumer_lag_s = cx.setting(table, "consumer_lag_s");
    Some(KafkaConfig {
        name,
        bootstrap,
        label: label?,
        tls,
        ca_file,
        certificate_file,
        key_file,
        sasl,
        create_topics,
        replication,
        retention_hours,
        commit_interval_ms,
        transaction_timeout_ms,
        linger_ms,
        compression: compression.unwrap_or("lz4"),
        queue_bytes_max,
        record_bytes_max,
        egress_bytes_per_s,
        progress_topic,
        consumer_lag_s,
    })
}

fn read_sasl<'a>(cx: &mut Context<'a>, table: &Table<'a>, paths: &Paths) -> Option<SaslConfig> {
    let mechanism = match cx.choice(table, "sasl", Some("none")) {
        Some("plain") => Some("PLAIN"),
        Some("scram-sha-256") => Some("SCRAM-SHA-256"),
        Some("scram-sha-512") => Some("SCRAM-SHA-512"),
        Some(_) | None => None,
    };
    let in_bounds = |text: &str| (1..=256).contains(&text.len());
    let username = cx.text(table, "username", None, in_bounds);
    let file = cx.text(table, "password_file", None, |path| !path.is_empty());
    let variable = cx.text(table, "password_env", None, is_variable);
    let Some(mechanism) = mechanism else {
        for key in ["username", "password_file", "password_env"] {
            if cx.has(table, key) {
                cx.fail(join(&table.path, key), "only with sasl");
            }
        }
        return None;
    };
    if username.is_none() && !cx.has(table, "username") {
        cx.refuse(table, "username");
    }
    let password = match (file, variable) {
        (Some(file), None) => Some(PasswordSource::File(paths.resolve(&file))),
        (None, Some(variable)) => Some(PasswordSource::Variable(variable)),
        (Some(_), Some(_)) => {
            let key = join(&table.path, "password_env");
            cx.fail(key, "must have password_file or password_env, has both");
            None
        }
        (None, None) => {
            let message = "must have password_file or password_env, has neither";
            cx.fail(&table.path, message);
            None
        }
    };
    Some(SaslConfig {
        mechanism,
        username: username?,
        password: password?,
    })
}

/// Name of the cluster that the command line names.
const COMMAND_LINE: &str = "command-line";

/// See [`super::Config::mirror_all`].
pub(super) fn mirror_all(config: &mut Config, bootstrap: &str) -> Result<(), ConfigErrors> {
    let fail = |message: String| {
        ConfigErrors::from(ConfigError {
            file: config.file.clone(),
            line: None,
            key: "--kafka".to_owned(),
            message,
        })
    };
    if !is_bootstrap(bootstrap) {
        let rule = "must be host:port, several separated by commas";
        return Err(fail(format!("{rule}, is {bootstrap:?}")));
    }
    if config.kafka.iter().any(|known| known.name == COMMAND_LINE) {
        return Err(fail(format!("the file has a kafka.{COMMAND_LINE} itself")));
    }
    let label = config.topology.topic(config.topology.audit()).label;
    config
        .kafka
        .push(KafkaConfig::of_command_line(bootstrap, label));
    let own = config.topics.len() - 2;
    for topic in &mut config.topics[..own] {
        topic.mirror.cluster.get_or_insert(COMMAND_LINE.to_owned());
    }
    Ok(())
}

impl KafkaConfig {
    fn of_command_line(bootstrap: &str, label: LabelId) -> Self {
        Self {
            name: COMMAND_LINE.to_owned(),
            bootstrap: bootstrap.to_owned(),
            label,
            tls: false,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            sasl: None,
            create_topics: true,
            replication: limits::KAFKA_REPLICATION.default,
            retention_hours: limits::KAFKA_RETENTION_HOURS.default,
            commit_interval_ms: limits::KAFKA_COMMIT_INTERVAL_MS.default,
            transaction_timeout_ms: limits::KAFKA_TRANSACTION_TIMEOUT_MS.default,
            linger_ms: limits::KAFKA_LINGER_MS.default,
            compression: "lz4",
            queue_bytes_max: limits::KAFKA_QUEUE_BYTES.default,
            record_bytes_max: limits::KAFKA_RECORD_BYTES.default,
            egress_bytes_per_s: limits::KAFKA_EGRESS_BYTES_PER_S.default,
            progress_topic: outrigger_kafka::PROGRESS_TOPIC.to_owned(),
            consumer_lag_s: limits::KAFKA_CONSUMER_LAG_S.default,
        }
    }
}

/// What must hold between topics and clusters.
pub(super) fn check_mirrors(
    cx: &mut Context<'_>,
    topics: &[TopicConfig],
    topic_labels: &[Option<LabelId>],
    clusters: &[KafkaConfig],
    labels: &Labels,
) {
    for (topic, label) in topics.iter().zip(topic_labels) {
        let Some(named) = &topic.mirror.cluster else {
            continue;
        };
        let key = join(&join("topics", &topic.name), "kafka");
        let Some(cluster) = clusters.iter().find(|cluster| cluster.name == *named) else {
            let hint = hint(named, clusters.iter().map(|cluster| cluster.name.as_str()));
            cx.fail(key, format!("there is no kafka.{named}{hint}"));
            continue;
        };
        if let Some(label) = label
            && !labels.dominates(cluster.label, *label)
        {
            let message = format!(
                "label {:?} must not reach kafka.{named}, whose label is {:?}",
                labels.name(*label),
                labels.name(cluster.label)
            );
            cx.fail(key, message);
        }
        if topic.mirror.topic == cluster.progress_topic {
            let key = join(&join("topics", &topic.name), "kafka_topic");
            cx.fail(key, format!("is the progress topic of kafka.{named}"));
        }
        let twin = topics.iter().find(|other| {
            other.name < topic.name
                && other.mirror.cluster == topic.mirror.cluster
                && other.mirror.topic == topic.mirror.topic
        });
        if let Some(twin) = twin {
            let key = join(&join("topics", &topic.name), "kafka_topic");
            let message = format!(
                "is that of topics.{} already: order is per topic",
                twin.name
            );
            cx.fail(key, message);
        }
    }
}
