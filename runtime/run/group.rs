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

mod share;
mod ship;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use outrigger_journal::Options;
use outrigger_kafka::{Cluster, Event, Guarantee, Producer, Remedy, Source, Trouble};
use outrigger_policy::topology::AUDIT;

use super::{
    Phase, Processed, RunError, RunOptions, Shared, open_journal, open_topic_options, record,
};
use crate::audit::Audit;
use crate::config::{CONFINED_RULE, Config, GroupConfig, KafkaConfig};
use crate::data::DataDir;
use crate::forward;
use crate::install::Plugins;
use crate::pipeline::{MisfitError, Pipeline};
use crate::record::hex;
use crate::status::{GroupStatus, OwnedPartition, PipelineStatus};
use crate::telemetry::{lock, now_ns};
use share::Share;
use ship::Ship;

/// Longest time that one call to the brokers blocks.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait for a record while nothing is due.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Frames of a partition that are processed together.
const FRAMES_MAX: usize = 256;
/// Frames in a transaction after which it is committed early.
const TRANSACTION_FRAMES_MAX: u64 = 16_384;
/// First and longest wait after trouble.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often the status is made known.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// A run that reads in a group, ready.
pub struct GroupRun {
    config: Arc<Config>,
    options: RunOptions,
    _data: DataDir,
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
        let shared = Shared::new(journal, Vec::new(), Vec::new(), 0);
        Ok(Self {
            config,
            options,
            _data: data,
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
        let (group, kafka) = settings(&self.config)?;
        let mut member = Member {
            run: &self,
            group,
            commit_interval: Duration::from_millis(kafka.commit_interval_ms),
            state_timeout: Duration::from_millis(kafka.transaction_timeout_ms) + 3 * CALL_TIMEOUT,
            ship: Ship::new(&self.config, group, kafka, self.plugins.schema_digests()),
            source: None,
            producer: None,
            shares: BTreeMap::new(),
            at_end: BTreeSet::new(),
            in_transaction: None,
            transaction_frames: 0,
            status: PipelineStatus::default(),
            figures: GroupStatus {
                group: group.group.clone(),
                topic: group.topic.clone(),
                ..GroupStatus::default()
            },
            last_report: None,
        };
        let ended = member.run();
        member.close();
        member.report(true);
        let status = member.status.clone();
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

/// A member of the group.
struct Member<'a> {
    run: &'a GroupRun,
    group: &'a GroupConfig,
    commit_interval: Duration,
    /// Longest wait for the state of a partition: a dead owner's transaction has to time out.
    state_timeout: Duration,
    ship: Ship,
    source: Option<Source>,
    producer: Option<Producer>,
    /// Partitions that are ours.
    shares: BTreeMap<i32, Share>,
    at_end: BTreeSet<i32>,
    in_transaction: Option<Instant>,
    transaction_frames: u64,
    status: PipelineStatus,
    figures: GroupStatus,
    last_report: Option<Instant>,
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

impl Member<'_> {
    fn run(&mut self) -> Result<(), String> {
        let mut backoff = BACKOFF.0;
        loop {
            let phase = self.run.shared.phase();
            if phase != Phase::Running {
                return match phase {
                    // What is processed and not committed is read again by the next owner.
                    Phase::Draining => match self.finish() {
                        Err(Stuck::Failed(cause)) => Err(cause),
                        Ok(()) | Err(Stuck::Trouble(_)) => Ok(()),
                    },
                    Phase::Running | Phase::Stopping => Ok(()),
                };
            }
            let turned = match self.source.is_some() {
                true => self.turn(),
                false => self.connect(),
            };
            match turned {
                Ok(()) => {}
                Err(Stuck::Failed(cause)) => return Err(cause),
                Err(Stuck::Trouble(trouble)) => {
                    self.give_up(&trouble);
                    self.run.shared.wait_for_phase(Phase::Running, backoff);
                    backoff = (backoff * 2).min(BACKOFF.1);
                    continue;
                }
            }
            if self.status.trouble.is_none() {
                backoff = BACKOFF.0;
            }
            self.report(false);
            if self.run.options.until_idle && self.is_idle() {
                return Ok(());
            }
        }
    }

    fn is_idle(&self) -> bool {
        !self.shares.is_empty()
            && self.in_transaction.is_none()
            && self.shares.values().all(Share::is_empty)
            && self.shares.keys().all(|one| self.at_end.contains(one))
    }

    fn connect(&mut self) -> Result<(), Stuck> {
        let cluster = &self.run.cluster;
        let go_on = || self.run.shared.phase() == Phase::Running;
        self.ship
            .ensure_topics(cluster, self.group, CALL_TIMEOUT, &go_on)?;
        let id = hex(&self.run.log_id);
        let producer = Producer::new(
            cluster,
            &Guarantee::ExactlyOnce {
                transactional_id: format!("{}-{id}", self.group.group),
            },
        )?;
        // Ends what an earlier life of this process left open.
        producer.init_transactions(CALL_TIMEOUT)?;
        self.producer = Some(producer);
        self.source = Some(Source::join(cluster, &self.group.group, &self.group.topic)?);
        tracing::info!(
            "group {}: joining for {}",
            self.group.group,
            self.group.topic
        );
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Stuck> {
        let wait = match self.shares.values().all(Share::is_empty) {
            true => LOOK_EVERY,
            false => Duration::ZERO,
        };
        let Some(source) = self.source.as_mut() else {
            return Ok(());
        };
        match source.next(wait)? {
            None => self.process_all()?,
            Some(Event::Revoked) => self.revoked()?,
            Some(Event::Assigned(partitions)) => self.assigned(&partitions)?,
            Some(Event::End(partition)) => {
                self.process(partition)?;
                self.at_end.insert(partition);
            }
            Some(Event::Record(fetched)) => {
                self.at_end.remove(&fetched.partition);
                let partition = fetched.partition;
                if let Some(share) = self.shares.get_mut(&partition) {
                    if !share.continues(&fetched) {
                        self.process(partition)?;
                    }
                    if let Some(share) = self.shares.get_mut(&partition)
                        && share.take(&fetched) >= FRAMES_MAX
                    {
                        self.process(partition)?;
                    }
                }
            }
        }
        let due = self.in_transaction.is_some_and(|begun| {
            begun.elapsed() >= self.commit_interval
                || self.transaction_frames >= TRANSACTION_FRAMES_MAX
        });
        if due {
            self.process_all()?;
            self.commit()?;
        }
        Ok(())
    }

    /// Nothing of what is under way may be committed any more: others have the partitions.
    fn revoked(&mut self) -> Result<(), Stuck> {
        self.retire();
        self.figures.rebalances += 1;
        if self.in_transaction.take().is_some()
            && let Some(producer) = &self.producer
        {
            self.figures.aborts += 1;
            producer.abort(CALL_TIMEOUT)?;
        }
        self.transaction_frames = 0;
        Ok(())
    }

    fn assigned(&mut self, partitions: &[i32]) -> Result<(), Stuck> {
        self.retire();
        let run = self.run;
        let tables = outrigger_kafka::read_tables(
            &run.cluster,
            &self.group.state_topic,
            partitions,
            self.state_timeout,
        )?;
        for (partition, table) in tables {
            let setup = run.plugins.setup(&run.config);
            let share = Share::new(setup, partition, self.group, table).map_err(Stuck::Failed)?;
            self.shares.insert(partition, share);
        }
        tracing::info!("group {}: partitions {partitions:?}", self.group.group);
        self.status.trouble = None;
        self.report(true);
        Ok(())
    }

    fn process_all(&mut self) -> Result<(), Stuck> {
        let partitions: Vec<i32> = self.shares.keys().copied().collect();
        partitions.into_iter().try_for_each(|one| self.process(one))
    }

    fn process(&mut self, partition: i32) -> Result<(), Stuck> {
        let (Some(share), Some(producer)) = (self.shares.get_mut(&partition), &self.producer)
        else {
            return Ok(());
        };
        if share.is_empty() {
            return Ok(());
        }
        if self.in_transaction.is_none() {
            producer.begin()?;
            self.in_transaction = Some(Instant::now());
        }
        let (frames, made) = share.process().map_err(Stuck::Failed)?;
        self.transaction_frames += frames;
        self.figures.frames += frames;
        self.ship.outputs(producer, share, &made, CALL_TIMEOUT)
    }

    fn commit(&mut self) -> Result<(), Stuck> {
        let (Some(producer), Some(source)) = (&self.producer, &self.source) else {
            return Ok(());
        };
        let mut offsets = BTreeMap::new();
        for (&partition, share) in &mut self.shares {
            if let Some(offset) = share.take_position() {
                offsets.insert(partition, offset);
                self.ship
                    .state(producer, &self.group.state_topic, share, CALL_TIMEOUT)?;
            }
        }
        source.commit_with(producer, &offsets, CALL_TIMEOUT)?;
        producer.commit(CALL_TIMEOUT)?;
        self.ship.forget_reports(producer);
        self.in_transaction = None;
        self.transaction_frames = 0;
        self.figures.commits += 1;
        self.status.trouble = None;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Stuck> {
        if self.source.is_some() {
            self.process_all()?;
            if self.in_transaction.is_some() {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Forgets the pipelines, but not what they counted.
    fn retire(&mut self) {
        for (_, mut share) in std::mem::take(&mut self.shares) {
            share.count_into(&mut self.status);
        }
        self.at_end.clear();
    }

    fn give_up(&mut self, trouble: &Trouble) {
        let said = self.status.trouble.replace(trouble.to_string());
        if said.is_none() {
            let group = &self.group.group;
            tracing::warn!("group {group}: {trouble}; it starts anew from what is committed");
        }
        self.figures.retries += 1;
        self.close();
        self.report(true);
    }

    /// Ends an open transaction, and leaves the group.
    fn close(&mut self) {
        if let (Some(_), Some(producer)) = (self.in_transaction.take(), &self.producer) {
            self.figures.aborts += 1;
            // Unknown is as good: the next life of this producer ends it, or its timeout.
            if let Err(trouble) = producer.abort(CALL_TIMEOUT)
                && trouble.remedy != Remedy::Fenced
            {
                tracing::debug!("{trouble}");
            }
        }
        self.transaction_frames = 0;
        self.source = None;
        self.producer = None;
        self.retire();
    }

    fn report(&mut self, now: bool) {
        let due = self
            .last_report
            .is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if !due && !now {
            return;
        }
        self.last_report = Some(Instant::now());
        let ends = self.source.as_ref().map(Source::ends).unwrap_or_default();
        self.figures.partitions = self
            .shares
            .iter()
            .map(|(&partition, share)| OwnedPartition {
                partition,
                position: share.position(),
                lag: share
                    .position()
                    .zip(ends.get(&partition))
                    .map(|(at, &end)| u64::try_from(end - at).unwrap_or(0)),
            })
            .collect();
        let mut status = self.status.clone();
        status.group = Some(self.figures.clone());
        self.status.group = status.group.clone();
        for share in self.shares.values_mut() {
            share.count_into(&mut status);
        }
        *lock(&self.run.shared.pipeline) = status;
    }
}
