//! From the configuration to forwarders: who serves which topics, with which client.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use outrigger_kafka::{
    Bounds, Cluster, Compression, Guarantee as Promise, Sasl, Secret, Security, Tls, TopicSpec,
};

use super::{
    BACKOFF, Egress, Ending, Envelope, Feed, ForwardStatus, Forwarder, Kafka, Lane, Pace, Readers,
    Shown, Watcher,
};
use crate::config::{Config, Guarantee, KafkaConfig, PasswordSource, SaslConfig, TopicConfig};
use crate::record::hex;
use crate::topics::{Bell, Tail, make_dir};

/// Largest file of a certificate, a key or a password, bytes. Reason: the system's whole list of
/// authorities is a quarter of it.
const SECRET_BYTES_MAX: u64 = 1 << 20;
/// Headers of a record beside its body, bytes, reckoned when a client's bound is set. Source:
/// ten headers, of which the anomalies are bounded by the plugins' answer.
const HEADERS_BYTES: u64 = 16 << 10;

/// Why forwarders cannot be set up. Brokers are not asked: one that is away is no reason.
#[derive(Debug)]
pub enum OpenForward {
    /// A file of the cluster's table: its key, path, and what is wrong with it.
    File(String, PathBuf, String),
    /// The environment lacks the variable that a key names.
    Variable(String, String),
    /// A directory of the data directory.
    Directory(String, std::io::Error),
}

impl std::fmt::Display for OpenForward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(key, path, cause) => write!(f, "{key}: {}: {cause}", path.display()),
            Self::Variable(key, name) => {
                write!(f, "{key}: the environment has no variable {name}")
            }
            Self::Directory(topic, error) => write!(f, "topic {topic}: {error}"),
        }
    }
}

impl std::error::Error for OpenForward {}

/// Who serves which topics; nothing is open yet.
pub struct Forwarders {
    groups: Vec<Group>,
}

struct Group {
    cluster: usize,
    guarantee: Guarantee,
    bell: Arc<Bell>,
    topics: Vec<(usize, Arc<Tail>)>,
}

impl Forwarders {
    /// Groups the configuration's topics by cluster and guarantee.
    pub fn plan(config: &Config) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (index, topic) in config.topics.iter().enumerate() {
            let Some(cluster) = cluster_of(config, topic) else {
                continue;
            };
            let ephemeral = topic.guarantee == Guarantee::AtMostOnce;
            let found = groups
                .iter()
                .position(|group| group.cluster == cluster && group.guarantee == topic.guarantee);
            let at = found.unwrap_or_else(|| {
                groups.push(Group {
                    cluster,
                    guarantee: topic.guarantee,
                    bell: Arc::default(),
                    topics: Vec::new(),
                });
                groups.len() - 1
            });
            let group = &mut groups[at];
            let tail = Arc::new(Tail::new(Arc::clone(&group.bell), ephemeral));
            group.topics.push((index, tail));
        }
        Self { groups }
    }

    /// Number of forwarders.
    pub fn count(&self) -> u64 {
        self.groups.len() as u64
    }

    /// Each forwarder's cluster, guarantee and number of topics.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (usize, Guarantee, usize)> {
        let groups = self.groups.iter();
        groups.map(|group| (group.cluster, group.guarantee, group.topics.len()))
    }

    /// The tail of a topic that is mirrored.
    pub fn tail(&self, topic: usize) -> Option<Arc<Tail>> {
        let mut topics = self.groups.iter().flat_map(|group| &group.topics);
        let found = topics.find(|(index, _)| *index == topic);
        found.map(|(_, tail)| Arc::clone(tail))
    }
}

fn cluster_of(config: &Config, topic: &TopicConfig) -> Option<usize> {
    let name = topic.mirror.cluster.as_ref()?;
    config.kafka.iter().position(|known| known.name == *name)
}

/// A forwarder that is ready, and how others see and end it.
pub struct OpenForwarder {
    /// To be run in a thread of its own.
    pub forwarder: Forwarder<Kafka>,
    /// What it says of itself.
    pub shown: Arc<Mutex<ForwardStatus>>,
    /// Tells it to end.
    pub ending: Arc<Ending>,
    /// Wakes it.
    pub bell: Arc<Bell>,
}

impl OpenForwarder {
    /// Name of its thread.
    pub fn thread_name(&self) -> String {
        let guarantee = match self.forwarder.exactly_once {
            true => "eo",
            false => "al",
        };
        format!("{guarantee}-{}", self.forwarder.name)
    }
}

/// Where forwarders find what they work with.
#[derive(Clone, Copy, Debug)]
pub struct Dirs<'a> {
    /// The topic logs.
    pub topics: &'a Dir,
    /// The marks.
    pub marks: &'a Dir,
}

/// Everything that delivers, ready, and what looks at its readers.
pub struct Opened {
    /// By cluster and guarantee.
    pub forwarders: Vec<OpenForwarder>,
    /// What all of them send.
    pub egress: Arc<Egress>,
    /// By cluster.
    pub watchers: Vec<Watcher>,
}

impl Opened {
    /// What others see of it.
    pub fn shown(&self) -> Shown {
        let forwarders = self.forwarders.iter();
        let watchers = self.watchers.iter();
        Shown {
            forwarders: forwarders.map(|open| Arc::clone(&open.shown)).collect(),
            egress: Arc::clone(&self.egress),
            readers: watchers.map(|watcher| Arc::clone(&watcher.shown)).collect(),
        }
    }
}

/// Opens the forwarders: reads secrets and marks; asks no broker.
///
/// # Errors
/// A secret or a directory cannot be read.
pub fn open(
    plan: Forwarders,
    config: &Config,
    dirs: &Dirs<'_>,
    log_id: [u8; 16],
    schemas: &BTreeMap<String, String>,
) -> Result<Opened, OpenForward> {
    let mut opened = Vec::new();
    let watchers = watchers(&plan, config)?;
    let egress = Egress::new(config.budget.egress_bytes_per_s, Instant::now());
    let egress = Arc::new(egress);
    for group in plan.groups {
        let settings = &config.kafka[group.cluster];
        let exactly_once = group.guarantee == Guarantee::ExactlyOnce;
        let log_id_text = hex(&log_id);
        let mut lanes = Vec::new();
        let mut specs = Vec::new();
        for (index, tail) in group.topics {
            let topic = &config.topics[index];
            specs.push(topic_spec(settings, topic));
            let directory = |error| OpenForward::Directory(topic.name.clone(), error);
            let (dir, marks) = match tail.is_ephemeral() {
                true => (None, None),
                false => (
                    Some(make_dir(dirs.topics, &topic.name).map_err(directory)?),
                    Some(dirs.marks.try_clone().map_err(directory)?),
                ),
            };
            lanes.push(Lane::new(
                topic.name.clone(),
                topic.mirror.topic.clone(),
                topic.mirror.format,
                Feed::new(Arc::clone(&tail), dir),
                tail,
                marks.map(|dir| (dir, settings.name.as_str(), log_id_text.as_str())),
            ));
        }
        if exactly_once {
            specs.push(progress_spec(settings));
        }
        let guarantee = match group.guarantee {
            Guarantee::ExactlyOnce => Promise::ExactlyOnce {
                transactional_id: format!("outrigger-{log_id_text}-{}", settings.name),
            },
            Guarantee::AtLeastOnce => Promise::AtLeastOnce,
            Guarantee::AtMostOnce => Promise::AtMostOnce,
        };
        let ending: Arc<Ending> = Arc::default();
        let shown = Arc::new(Mutex::new(ForwardStatus::new(&settings.name, exactly_once)));
        let forwarder = Forwarder {
            name: settings.name.clone(),
            broker: Kafka {
                cluster: cluster(settings, &config.name)?,
                guarantee,
                topics: specs,
                create: settings.create_topics,
                progress_topic: settings.progress_topic.clone(),
                log_id: log_id_text,
                producer: None,
                record_bytes_max: BTreeMap::new(),
                process: format!("{:x}-{:x}", std::process::id(), crate::telemetry::now_ns()),
                held: false,
                ending: Arc::clone(&ending),
            },
            exactly_once,
            lanes,
            envelope: Envelope::new(&log_id, schemas.clone()),
            pace: Pace::new(settings.egress_bytes_per_s, Instant::now()),
            egress: Arc::clone(&egress),
            commit_interval: Duration::from_millis(settings.commit_interval_ms),
            backoff: BACKOFF,
            progress_topic: settings.progress_topic.clone(),
            bell: Arc::clone(&group.bell),
            ending: Arc::clone(&ending),
            shown: Arc::clone(&shown),
        };
        opened.push(OpenForwarder {
            forwarder,
            shown,
            ending,
            bell: group.bell,
        });
    }
    Ok(Opened {
        forwarders: opened,
        egress,
        watchers,
    })
}

/// One per cluster whose readers are looked at.
fn watchers(plan: &Forwarders, config: &Config) -> Result<Vec<Watcher>, OpenForward> {
    let mut watchers = Vec::new();
    for (at, settings) in config.kafka.iter().enumerate() {
        let groups = plan.groups.iter().filter(|group| group.cluster == at);
        let topics: Vec<String> = groups
            .flat_map(|group| &group.topics)
            .map(|(index, _)| config.topics[*index].mirror.topic.clone())
            .collect();
        if topics.is_empty() || settings.consumer_lag_s == 0 {
            continue;
        }
        let shown = Readers {
            cluster: settings.name.clone(),
            ..Readers::default()
        };
        watchers.push(Watcher {
            cluster: cluster(settings, &config.name)?,
            topics,
            every: Duration::from_secs(settings.consumer_lag_s),
            bell: Arc::default(),
            ending: Arc::default(),
            shown: Arc::new(Mutex::new(shown)),
        });
    }
    Ok(watchers)
}

pub(crate) fn topic_spec(settings: &KafkaConfig, topic: &TopicConfig) -> TopicSpec {
    let retention_ms = settings.retention_hours.saturating_mul(3_600_000);
    TopicSpec {
        name: topic.mirror.topic.clone(),
        partitions: u32::try_from(topic.mirror.partitions).unwrap_or(u32::MAX),
        replication: u32::try_from(settings.replication).unwrap_or(u32::MAX),
        settings: vec![("retention.ms".to_owned(), retention_ms.to_string())],
    }
}

/// Small segments, cleaned early: a start reads all of it.
pub(crate) fn progress_spec(settings: &KafkaConfig) -> TopicSpec {
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    TopicSpec {
        name: settings.progress_topic.clone(),
        partitions: 1,
        replication: u32::try_from(settings.replication).unwrap_or(u32::MAX),
        settings: vec![
            setting("cleanup.policy", "compact"),
            setting("segment.bytes", "1048576"),
            setting("segment.ms", "600000"),
            setting("min.cleanable.dirty.ratio", "0.1"),
        ],
    }
}

/// A cluster's client settings, its secrets read.
///
/// # Errors
/// A secret cannot be read.
pub fn cluster(settings: &KafkaConfig, deployment: &str) -> Result<Cluster, OpenForward> {
    let table = format!("kafka.{}", settings.name);
    let file = |key: &str, path: &Option<PathBuf>| match path {
        None => Ok(None),
        Some(path) => read_text(&format!("{table}.{key}"), path).map(Some),
    };
    let tls = match settings.tls {
        false => None,
        true => Some(Tls {
            authorities_pem: file("ca_file", &settings.ca_file)?,
            certificate_pem: file("certificate_file", &settings.certificate_file)?,
            key_pem: file("key_file", &settings.key_file)?.map(Secret::new),
        }),
    };
    let sasl = match &settings.sasl {
        None => None,
        Some(SaslConfig {
            mechanism,
            username,
            password,
        }) => Some(Sasl {
            mechanism,
            username: username.clone(),
            password: read_password(&table, password)?,
        }),
    };
    Ok(Cluster {
        bootstrap: settings.bootstrap.clone(),
        client_id: format!("outrigger-{deployment}"),
        security: Security { tls, sasl },
        compression: match settings.compression {
            "none" => Compression::None,
            "zstd" => Compression::Zstd,
            _ => Compression::Lz4,
        },
        bounds: bounds(settings),
    })
}

/// What a cluster's clients are bounded by.
pub(crate) fn bounds(settings: &KafkaConfig) -> Bounds {
    Bounds {
        queue_bytes_max: settings.queue_bytes_max,
        record_bytes_max: settings.record_bytes_max + HEADERS_BYTES,
        linger_ms: settings.linger_ms,
        transaction_timeout_ms: settings.transaction_timeout_ms,
        ..Bounds::default()
    }
}

/// A guarantee, as the configuration calls it.
pub(super) fn guarantee_name(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::ExactlyOnce => "exactly-once",
        Guarantee::AtLeastOnce => "at-least-once",
        Guarantee::AtMostOnce => "at-most-once",
    }
}

fn read_password(table: &str, source: &PasswordSource) -> Result<Secret, OpenForward> {
    match source {
        PasswordSource::File(path) => {
            let text = read_text(&format!("{table}.password_file"), path)?;
            Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        PasswordSource::Variable(name) => {
            let key = format!("{table}.password_env");
            let value = std::env::var(name);
            value
                .map(Secret::new)
                .map_err(|_| OpenForward::Variable(key, name.clone()))
        }
    }
}

fn read_text(key: &str, path: &Path) -> Result<String, OpenForward> {
    let fail = |cause: String| OpenForward::File(key.to_owned(), path.to_owned(), cause);
    let length = std::fs::metadata(path)
        .map_err(|error| fail(error.to_string()))?
        .len();
    if length > SECRET_BYTES_MAX {
        return Err(fail(format!(
            "must be at most {SECRET_BYTES_MAX} bytes, is {length}"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))
}
