//! Topics in Kafka: made where that is allowed, and looked at in any case.

use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use crate::client::{Asking, Cluster};
use crate::trouble::{Remedy, Trouble};

/// Leaves the number of copies to the brokers. Source: KIP-464, since brokers 2.4.
const BROKERS_DEFAULT: i32 = -1;

/// Longest wait for one answer to the first look: between two a caller that ends is heard.
const LOOK_CALL: Duration = Duration::from_secs(2);
/// Longest wait for one answer while partitions are opened.
const OPEN_CALL: Duration = Duration::from_secs(1);

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// Partitions.
    pub partitions: u32,
    /// Copies of each; 0 leaves it to the brokers.
    pub replication: u32,
    /// Settings of the topic, such as `retention.ms`.
    pub settings: Vec<(String, String)>,
}

/// A topic as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicFound {
    /// Its name.
    pub name: String,
    /// It was made just now.
    pub made: bool,
    /// Partitions.
    pub partitions: u32,
    /// Copies of its first partition.
    pub replication: u32,
    /// Largest batch that its brokers take, bytes; `None` if they do not say.
    pub message_bytes_max: Option<u64>,
    /// How its old records go: `delete`, `compact`, or both; `None` if its brokers do not say.
    pub cleanup_policy: Option<String>,
    /// How long it keeps records, milliseconds; negative for ever; `None` if its brokers do not say.
    pub retention_ms: Option<i64>,
}

/// Makes the topics that are missing, if `create`, and says what is there. Blocks for a few times
/// `timeout` at most; while no broker answers, not much longer than `go_on` is true.
///
/// # Errors
/// The brokers cannot be asked; a topic is missing, or is refused.
pub fn ensure_topics(
    cluster: &Cluster,
    specs: &[TopicSpec],
    create: bool,
    timeout: Duration,
    go_on: &dyn Fn() -> bool,
) -> Result<Vec<TopicFound>, Trouble> {
    let (admin, executor) = asking(cluster)?;
    let options = AdminOptions::new()
        .request_timeout(Some(timeout))
        .operation_timeout(Some(timeout));
    let deadline = std::time::Instant::now() + timeout;
    let mut found = loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        match look(&admin, specs, left.min(LOOK_CALL)) {
            Err(trouble) if !left.is_zero() && go_on() => tracing::debug!("{trouble}"),
            Err(trouble) if left.is_zero() => return Err(explain(cluster, trouble)),
            looked => break looked?,
        }
    };
    let missing: Vec<&TopicSpec> = specs
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.partitions == 0)
        .map(|(spec, _)| spec)
        .collect();
    if !missing.is_empty() {
        if !create {
            let names: Vec<&str> = missing.iter().map(|spec| spec.name.as_str()).collect();
            return Err(Trouble {
                remedy: Remedy::Later,
                code: "UnknownTopicOrPartition".to_owned(),
                detail: format!(
                    "no topic {} there, and create_topics is false",
                    names.join(", ")
                ),
            });
        }
        let topics: Vec<NewTopic<'_>> = missing.iter().map(|spec| new_topic(spec)).collect();
        let made = executor
            .block_on(admin.create_topics(&topics, &options))
            .map_err(|error| Trouble::of("create topics", &error))?;
        for result in made {
            match result {
                // Another process made it at the same time.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    return Err(Trouble::of(
                        &format!("create topic {name}"),
                        &KafkaError::AdminOp(code),
                    ));
                }
            }
        }
        let made: Vec<String> = missing.iter().map(|spec| spec.name.clone()).collect();
        found = wait_for(&admin, specs, timeout)?;
        for spec in &missing {
            wait_until_open(&admin, spec, timeout)?;
        }
        for topic in &mut found {
            topic.made = made.contains(&topic.name);
        }
    }
    describe(&admin, &executor, &options, &mut found);
    Ok(found)
}

/// Looks at topics and makes none; one that is not there has no partitions. Also says how many
/// brokers there are. Blocks for a few times `timeout` at most.
///
/// # Errors
/// The brokers cannot be asked.
pub fn find_topics(
    cluster: &Cluster,
    names: &[String],
    timeout: Duration,
) -> Result<(usize, Vec<TopicFound>), Trouble> {
    let (admin, executor) = asking(cluster)?;
    let options = AdminOptions::new().request_timeout(Some(timeout));
    let metadata = admin
        .inner()
        .fetch_metadata(None, timeout)
        .map_err(|error| explain(cluster, Trouble::of("look for topics", &error)))?;
    let mut found: Vec<TopicFound> = names.iter().map(|name| of(&metadata, name)).collect();
    describe(&admin, &executor, &options, &mut found);
    Ok((metadata.brokers().len(), found))
}

/// A client that asks, and what its questions wait in.
fn asking(cluster: &Cluster) -> Result<(AdminClient<Asking>, tokio::runtime::Runtime), Trouble> {
    let admin = cluster
        .client()
        .create_with_context(Asking::default())
        .map_err(|error| Trouble::of_client(&error))?;
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Trouble {
            remedy: Remedy::Later,
            code: "Thread".to_owned(),
            detail: format!("cannot ask for topics: {error}"),
        })?;
    Ok((admin, executor))
}

/// Adds settings of the topics that are there. Some deployments may write and not look: then the
/// broker's answer to a record decides.
fn describe(
    admin: &AdminClient<Asking>,
    executor: &tokio::runtime::Runtime,
    options: &AdminOptions,
    found: &mut [TopicFound],
) {
    let mut there: Vec<&mut TopicFound> = found
        .iter_mut()
        .filter(|topic| topic.partitions > 0)
        .collect();
    let names: Vec<String> = there.iter().map(|topic| topic.name.clone()).collect();
    let resources: Vec<ResourceSpecifier<'_>> = names
        .iter()
        .map(|name| ResourceSpecifier::Topic(name))
        .collect();
    if let Ok(described) = executor.block_on(admin.describe_configs(&resources, options)) {
        for (topic, resource) in there.iter_mut().zip(described) {
            let Ok(resource) = resource else { continue };
            topic.message_bytes_max = message_bytes_max(&resource);
            topic.cleanup_policy = setting(&resource, "cleanup.policy").map(str::to_owned);
            topic.retention_ms = setting(&resource, "retention.ms").and_then(|ms| ms.parse().ok());
        }
    }
}

fn setting<'r>(resource: &'r ConfigResource, key: &str) -> Option<&'r str> {
    resource.get(key)?.value.as_deref()
}

fn message_bytes_max(resource: &ConfigResource) -> Option<u64> {
    setting(resource, "max.message.bytes")?.parse().ok()
}

fn new_topic(spec: &TopicSpec) -> NewTopic<'_> {
    let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
    let replication = match spec.replication {
        0 => BROKERS_DEFAULT,
        copies => i32::try_from(copies).unwrap_or(i32::MAX),
    };
    let topic = NewTopic::new(&spec.name, partitions, TopicReplication::Fixed(replication));
    spec.settings
        .iter()
        .fold(topic, |topic, (key, value)| topic.set(key, value))
}

/// Adds why no broker could be reached, such as a password that is wrong. The client of topics never
/// hears of that, so another one asks once more.
fn explain(cluster: &Cluster, trouble: Trouble) -> Trouble {
    let mut config = cluster.client();
    config.set("group.id", "outrigger-asking");
    // It fetches nothing, and is refused unless this fits the largest response.
    let bytes_max = cluster.bounds.record_bytes_max.to_string();
    config.set("fetch.max.bytes", bytes_max);
    let made = config.create_with_context::<_, BaseConsumer<Asking>>(Asking::default());
    let Ok(consumer) = made else {
        return trouble;
    };
    // What comes of it is of no interest, only what is said meanwhile.
    let _ = consumer.fetch_metadata(None, LOOK_CALL);
    let _ = consumer.poll(LOOK_CALL / 10);
    consumer.context().explain(trouble)
}

/// The topics as metadata shows them; one that is not there has no partitions.
fn look(
    admin: &AdminClient<Asking>,
    specs: &[TopicSpec],
    timeout: Duration,
) -> Result<Vec<TopicFound>, Trouble> {
    // All at once: asking for one by its name would tell some brokers to make it.
    let metadata = admin
        .inner()
        .fetch_metadata(None, timeout)
        .map_err(|error| Trouble::of("look for topics", &error))?;
    let found = specs.iter().map(|spec| of(&metadata, &spec.name));
    Ok(found.collect())
}

/// A topic as metadata shows it.
fn of(metadata: &Metadata, name: &str) -> TopicFound {
    let mut topics = metadata.topics().iter();
    let topic = topics.find(|topic| topic.name() == name);
    let partitions = topic.map_or(&[][..], |topic| topic.partitions());
    TopicFound {
        name: name.to_owned(),
        partitions: u32::try_from(partitions.len()).unwrap_or(u32::MAX),
        replication: partitions.first().map_or(0, |first| {
            u32::try_from(first.replicas().len()).unwrap_or(0)
        }),
        ..TopicFound::default()
    }
}

/// Waits until every topic that was made is known to the broker that we ask.
fn wait_for(
    admin: &AdminClient<Asking>,
    specs: &[TopicSpec],
    timeout: Duration,
) -> Result<Vec<TopicFound>, Trouble> {
    let deadline = std::time::Instant::now() + timeout;
    loop {
        let found = look(admin, specs, timeout)?;
        let Some(missing) = found.iter().find(|topic| topic.partitions == 0) else {
            return Ok(found);
        };
        if std::time::Instant::now() >= deadline {
            return Err(Trouble {
                remedy: Remedy::Later,
                code: "UnknownTopicOrPartition".to_owned(),
                detail: format!("topic {} was made and is not seen yet", missing.name),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the leader of every partition of a topic that was made has opened its log: an
/// idempotent producer that comes earlier has its first batch refused, its next ones taken for out of
/// order, and begins again and again.
fn wait_until_open(
    admin: &AdminClient<Asking>,
    spec: &TopicSpec,
    timeout: Duration,
) -> Result<(), Trouble> {
    let deadline = std::time::Instant::now() + timeout;
    for partition in 0..i32::try_from(spec.partitions).unwrap_or(i32::MAX) {
        loop {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            let offsets =
                admin
                    .inner()
                    .fetch_watermarks(&spec.name, partition, left.min(OPEN_CALL));
            match offsets {
                Ok(_) => break,
                Err(error) if left.is_zero() => {
                    return Err(Trouble::of(&format!("open topic {}", spec.name), &error));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
    Ok(())
}
