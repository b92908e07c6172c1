//! A run that reads a Kafka topic in a group: consume, process, produce, in one transaction.
//!
//! Per partition a pipeline of its own, with state of its own. Every transaction holds the records
//! made of what was read, the state that changed, and how far was read; so whoever takes a partition
//! over goes on exactly where its last owner committed. There is no journal to recover from and no
//! topic log: the source topic is the log, and the sinks are the outputs. The data directory's
//! journal stays empty and gives the process its identity.
//!
//! After anything that leaves a transaction's outcome in doubt, the loop gives up its clients and
//! pipelines, and starts anew from what is committed. What was aborted is nowhere, so nothing that
//! was decided in it has to be decided again: deadlines need no rulings here.

mod decoded;
mod member;
mod report;
mod requests;
mod rooms;
mod rows;
mod share;
mod ship;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outrigger_journal::Options;
use outrigger_kafka::{Cluster, Trouble};
use outrigger_policy::topology::AUDIT;

use super::govern::{Govern, governor};
use super::{
    Phase, Processed, RunError, RunOptions, Shared, give_way, open_journal, open_topic_options,
    record,
};
use crate::audit::Audit;
use crate::config::{CONFINED_RULE, Config, GroupConfig, KafkaConfig};
use crate::data::DataDir;
use crate::forward;
use crate::install::Plugins;
use crate::pipeline::{MisfitError, Pipeline};
use crate::telemetry::{lock, now_ns};
use member::Member;
pub use member::{FRAMES_MAX as GROUP_FRAMES_MAX, GROUP_FLIGHT_BYTES};
pub use share::BYTES_MAX as GROUP_BYTES_MAX;

/// Longest time that one call to the brokers blocks.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A run that reads in a group, ready.
pub struct GroupRun {
    config: Arc<Config>,
    options: RunOptions,
    data: DataDir,
    plugins: Plugins,
    cluster: Cluster,
    log_id: [u8; 16],
    audit: Arc<Audit>,
    shared: Arc<Shared>,
}

impl GroupRun {
    /// Opens everything but the brokers, which may be away.
    ///
    /// # Errors
    /// The first thing that cannot be used, and why.
    pub fn open(config: Arc<Config>, options: RunOptions) -> Result<Self, RunError> {
        let plugins = Plugins::load(&config).map_err(RunError::Install)?;
        let (group, kafka) = settings(&config)?;
        let keyed = plugins.installed.iter().flatten();
        let mut keyed = keyed.filter(|one| one.plugin.description.keyed);
        if let (Some(decoder), false) = (keyed.next(), group.confined) {
            return Err(RunError::Misfit(MisfitError {
                plugin: decoder.plugin.name.clone(),
                cause: format!("{CONFINED_RULE}, in taps.{}", group.tap),
            }));
        }
        // A plugin that does not fit is a reason not to start; the brokers are not.
        Pipeline::new(plugins.setup(&config)).map_err(RunError::Misfit)?;
        let command = "outrigger run";
        let data = DataDir::open(&config.data_dir, command, now_ns()).map_err(RunError::Data)?;
        let (journal, _) = open_journal(&config, &data, command, options.accept_loss)?;
        let log_id = journal.log_id();
        let cluster = forward::cluster(kafka, &config.name).map_err(RunError::Forward)?;
        let topic = &config.topics[config.topology.audit().index()];
        let audit_options: Options = open_topic_options(topic, command, options.accept_loss);
        let (audit, _) =
            Audit::open(&data.topics, AUDIT, audit_options, now_ns()).map_err(RunError::Topic)?;
        let detail = format!(
            "{}: group {}, topic {}",
            config.name, group.group, group.topic
        );
        audit
            .append(&record("start", detail))
            .map_err(RunError::Topic)?;
        let governor = governor(&config);
        let shown = forward::Shown::default();
        let shared = Shared::new(journal, Vec::new(), shown, 0, governor);
        Ok(Self {
            config,
            options,
            data,
            plugins,
            cluster,
            log_id,
            audit: Arc::new(audit),
            shared: Arc::new(shared),
        })
    }

    /// What the threads share: for signals, status and control.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The audit log: for control.
    pub fn audit(&self) -> Arc<Audit> {
        Arc::clone(&self.audit)
    }

    /// Runs until a phase change or, if so asked, until every partition is read to its end. Blocks.
    ///
    /// # Errors
    /// What stopped it, if it was not asked to.
    pub fn run(self) -> Result<Processed, RunError> {
        // There is no tap to keep ahead of; what librdkafka starts from here on is as nice.
        give_way(self.config.budget.nice);
        let (group, kafka) = settings(&self.config)?;
        let mut member = Member::new(&self, group, kafka);
        let done = AtomicBool::new(false);
        let govern = Govern {
            shared: &self.shared,
            audit: &self.audit,
            snapshots: &self.data.snapshots,
            watch: None,
        };
        let ended = std::thread::scope(|scope| {
            let named = std::thread::Builder::new().name("governor".to_owned());
            let governor = named
                .spawn_scoped(scope, || govern.run(&done))
                .map_err(|error| format!("cannot start a thread: {error}"))?;
            let ended = member.run();
            done.store(true, Ordering::Release);
            governor.thread().unpark();
            match governor.join() {
                Ok(()) => ended,
                Err(_) => Err("the governor's thread panicked; see the log".to_owned()),
            }
        });
        member.close();
        member.say(true);
        let status = lock(&self.shared.pipeline).clone();
        self.shared.advance(Phase::Stopping);
        let detail = ended.as_ref().err().cloned().unwrap_or_default();
        let said = self.audit.append(&record("stop", detail));
        if let Some(journal) = self.shared.take_journal() {
            let closed = journal.close();
            closed.map_err(|error| RunError::Failed(format!("journal: {error}")))?;
        }
        self.audit.close().map_err(RunError::Failed)?;
        said.map_err(RunError::Topic)?;
        ended.map_err(RunError::Failed)?;
        Ok(Processed { status })
    }
}

fn settings(config: &Config) -> Result<(&GroupConfig, &KafkaConfig), RunError> {
    let group = config.group.as_ref();
    let found = group.and_then(|group| {
        let mut clusters = config.kafka.iter();
        Some((group, clusters.find(|known| known.name == group.cluster)?))
    });
    found.ok_or_else(|| RunError::Failed("no tap reads from Kafka".to_owned()))
}

/// Why a round did not end well.
enum Stuck {
    /// Something to start anew from.
    Trouble(Trouble),
    /// Nothing to recover from.
    Failed(String),
}

impl From<Trouble> for Stuck {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}
