//! A run: opens everything, starts the threads, and ends them in order.
//!
//! | thread | from | to |
//! |---|---|---|
//! | `tap-NAME`, one per tap | the bus | the journal |
//! | `pipeline` | the journal | the topic logs, snapshots |
//! | `eo-NAME`, `al-NAME`, one per cluster and guarantee | the topic logs | Kafka |
//! | `keeper` | | durability, retention, signed heads |
//! | `epoch` | | the clock of plugins' deadlines |
//! | the caller's | signals and sockets | requests to the others |
//!
//! The order at the end is that of the data: taps, then the pipeline, forwarders, then the logs.

mod archive;
mod capture;
mod deliver;
mod group;
mod keep;
mod process;
mod recover;
mod shared;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use outrigger_journal::{AppendError, OpenError, OpenReport, Options, StreamError, Writer};
use outrigger_policy::topology::{AUDIT, TapId};
use outrigger_tap::{ReadLimits, Tap, TapConfig, TapError};

use crate::audit::{Audit, AuditRecord};
use crate::config::{Config, TopicConfig};
use crate::data::{DataDir, DataError};
use crate::forward::{self, Forwarders, OpenForward};
use crate::install::{InstallError, Plugins};
use crate::keys::{KeyError, signing_key};
use crate::pipeline::{MisfitError, Pipeline};
use crate::record::hex;
use crate::snapshot::{self, Identity, Snapshot, SnapshotError};
use crate::status::PipelineStatus;
use crate::topics::{TopicCause, TopicError, TopicOptions, Topics};
use capture::Capture;
pub use group::GroupRun;
use keep::Keep;
use process::Process;
pub use process::Processed;
pub use recover::RecoverError;
pub use shared::{Phase, REQUESTS_MAX, Request, RequestKind, Shared, TapState, lock, now_ns};

/// How a run is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// End once every recording is read and processed.
    pub until_idle: bool,
    /// Longest time to process what is in the journal when stopping; the rest waits for the next
    /// start.
    pub drain: Duration,
    /// Go on in spite of changed code behind an unclean stop, or lost state.
    pub accept_change: bool,
    /// Go on with logs that are damaged although a clean stop had left them whole: cut them there.
    pub accept_loss: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            until_idle: false,
            drain: Duration::from_secs(30),
            accept_change: false,
            accept_loss: false,
        }
    }
}

/// Why a run did not start, or ended.
#[derive(Debug)]
pub enum RunError {
    /// The data directory.
    Data(DataError),
    /// The plugins.
    Install(InstallError),
    /// A plugin does not fit.
    Misfit(MisfitError),
    /// The journal cannot be opened.
    Journal(OpenError),
    /// A tap's stream cannot be registered in the journal.
    Stream(String, StreamError),
    /// A topic log or the audit log.
    Topic(TopicError),
    /// Delivery to Kafka cannot be set up.
    Forward(OpenForward),
    /// What is there cannot be gone on from.
    Recover(RecoverError),
    /// The first snapshot cannot be written.
    Snapshot(SnapshotError),
    /// State in the snapshot is over its plugin's bound.
    State(outrigger_policy::state::TooLarge),
    /// A tap cannot be opened: its name, and why.
    Tap(String, Box<TapError>),
    /// The key that signs the journal's head.
    Key(KeyError),
    /// The system has no thread to give.
    Thread(std::io::Error),
    /// A ruling could not be written at the start.
    Ruling(AppendError),
    /// Something failed while running.
    Failed(String),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(error) => write!(f, "{error}"),
            Self::Install(error) => write!(f, "{error}"),
            Self::Misfit(error) => write!(f, "{error}"),
            Self::Journal(error) => {
                let remedy = loss_remedy(error);
                write!(f, "journal: {error}{remedy}")
            }
            Self::Stream(tap, error) => write!(f, "taps.{tap}: {error}"),
            Self::Topic(error) => {
                let remedy = match &error.cause {
                    TopicCause::Open(error) => loss_remedy(error),
                    TopicCause::Directory(_)
                    | TopicCause::Stream(_)
                    | TopicCause::Read(_)
                    | TopicCause::Record(_)
                    | TopicCause::Append(_)
                    | TopicCause::Owed => "",
                };
                write!(f, "{error}{remedy}")
            }
            Self::Forward(error) => write!(f, "{error}"),
            Self::Recover(error) => write!(f, "{error}"),
            Self::Snapshot(error) => write!(f, "{error}"),
            Self::State(error) => write!(f, "snapshot: {error}"),
            Self::Tap(tap, error) => write!(f, "taps.{tap}: {error}"),
            Self::Key(error) => write!(f, "{error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Self::Ruling(error) => write!(f, "journal: {error}"),
            Self::Failed(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for RunError {}

/// What to do about a log of which something is gone.
pub(crate) fn loss_remedy(error: &OpenError) -> &'static str {
    match error {
        OpenError::Loss { .. } => {
            "; copy the data directory, then restore it from a copy, or pass --accept-loss"
        }
        OpenError::Options(_)
        | OpenError::Lock(_)
        | OpenError::Ceiling(_)
        | OpenError::CeilingMissing
        | OpenError::LogId
        | OpenError::Damaged(_)
        | OpenError::Io { .. } => "",
    }
}

/// What a run found when it started.
#[derive(Clone, Debug)]
pub struct Started {
    /// The journal.
    pub journal: OpenReport,
    /// First block that is processed.
    pub from_block: u64,
    /// Blocks with frames that are processed again, or for the first time, from the last run.
    pub blocks_behind: u64,
    /// Rulings obeyed.
    pub rulings: u64,
    /// Logs of which something is gone, and what: torn tails, and damage.
    pub losses: Vec<Loss>,
}

/// What is gone of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// `journal`, or `topic NAME`.
    pub log: String,
    /// What, and why.
    pub what: String,
    /// A kill or a power cut may leave it so; else it is damage.
    pub torn_only: bool,
}

/// A run that is ready: everything is open, nothing has been read from a bus.
pub struct Run {
    config: Arc<Config>,
    options: RunOptions,
    data: DataDir,
    // Before the plugins, so that deadlines hold as long as there are calls.
    pipeline: Pipeline,
    _plugins: Plugins,
    topics: Topics,
    delivery: forward::Opened,
    audit: Arc<Audit>,
    shared: Arc<Shared>,
    taps: Vec<(TapConfig, u64, Box<dyn Tap>)>,
    streams: Vec<Option<(TapId, bool)>>,
    identity: Identity,
    key: ed25519_dalek::SigningKey,
    started: Started,
    recovered_below: u64,
}

const NS_PER_HOUR: u64 = 3_600_000_000_000;

impl Run {
    /// Opens everything that the configuration names.
    ///
    /// # Errors
    /// The first thing that cannot be used, and why; nothing was captured.
    pub fn open(config: Arc<Config>, options: RunOptions) -> Result<Self, RunError> {
        let plugins = Plugins::load(&config).map_err(RunError::Install)?;
        let mut pipeline = Pipeline::new(plugins.setup(&config)).map_err(RunError::Misfit)?;
        let command = "outrigger run";
        let data = DataDir::open(&config.data_dir, command, now_ns()).map_err(RunError::Data)?;
        let key = journal_key(&config).map_err(RunError::Key)?;
        let (mut journal, report) = open_journal(&config, &data, command, options.accept_loss)?;
        let identity = identity(&config, &plugins);
        let accept_change = options.accept_change;
        let recovered = recover::recover(&data, journal.log_id(), &identity, accept_change)
            .map_err(RunError::Recover)?;
        // Who re-executes what comes next has to know what made it, also if this run is killed
        // before its first snapshot.
        let first = recovered.unsaid.then(|| Snapshot {
            log_id: journal.log_id(),
            next_block: recovered.from_block,
            identity: identity.clone(),
            folded: recovered.folded.clone(),
        });
        pipeline.unfold(recovered.folded).map_err(RunError::State)?;
        pipeline.start_at(recovered.from_block);
        let rulings = recover::apply_rulings(&data, recovered.from_block, &mut pipeline)
            .map_err(RunError::Recover)?;
        let recovered_below = journal.tip().next_block;
        let plan = Forwarders::plan(&config);
        let opening = OpenTopics {
            command,
            accept_loss: options.accept_loss,
            from_block: recovered_below,
        };
        let (topics, audit, reports) = open_topics(&config, &data, &plan, &opening)?;
        let schemas = plugins.schema_digests();
        let dirs = forward::Dirs {
            topics: &data.topics,
            marks: &data.forward,
        };
        let delivery = forward::open(plan, &config, &dirs, journal.log_id(), &schemas)
            .map_err(RunError::Forward)?;
        let losses = losses(&report, &reports);
        let mut taps = Vec::new();
        let mut states: Vec<TapState> = Vec::new();
        for tap in &config.taps {
            let (state, opened) = open_tap(&mut journal, &tap.name, &tap.source)?;
            states.push(state);
            taps.push(opened);
        }
        let mut streams = Vec::new();
        for info in journal.streams() {
            let at = usize::from(info.id.0);
            if streams.len() <= at {
                streams.resize(at + 1, None);
            }
            streams[at] = config.topology.find_tap(&info.name).map(|tap| {
                let recorded = taps[tap.index()].2.recorded_time();
                (tap, recorded)
            });
        }
        for (stream, frames) in &recovered.frames_behind {
            if let Some((tap, _)) = streams.get(usize::from(stream.0)).copied().flatten() {
                states[tap.index()].behind_frames += frames;
            }
        }
        let started = Started {
            journal: report,
            from_block: recovered.from_block,
            blocks_behind: recovered.blocks_behind,
            rulings,
            losses,
        };
        let shared = Shared::new(journal, states, delivery.shown(), recovered.from_block);
        // Whoever asks before the first block is told of the same plugins and topics as later.
        *lock(&shared.pipeline) = PipelineStatus {
            next_block: recovered.from_block,
            recovered_below,
            snapshot_block: recovered.from_block,
            counters: pipeline.counters().clone(),
            plugins: pipeline.plugins(),
            topics: topics.figures(),
            ..PipelineStatus::default()
        };
        audit
            .append(&audit_start(&config, &started))
            .map_err(RunError::Topic)?;
        for Loss {
            log,
            what,
            torn_only,
        } in &started.losses
        {
            match torn_only {
                true => tracing::warn!("{log}: {what}"),
                false => tracing::error!("{log}: {what}"),
            }
            let detail = format!("{log}: {what}");
            audit
                .append(&record("loss", detail))
                .map_err(RunError::Topic)?;
        }
        if let Some(first) = first {
            snapshot::write(&data.snapshots, &first).map_err(RunError::Snapshot)?;
        }
        Ok(Self {
            config,
            options,
            data,
            pipeline,
            _plugins: plugins,
            topics,
            delivery,
            audit: Arc::new(audit),
            shared: Arc::new(shared),
            taps,
            streams,
            identity,
            key,
            started,
            recovered_below,
        })
    }

    /// What was found.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// What the threads share: for signals, status and control.
    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The audit log: for control.
    pub fn audit(&self) -> Arc<Audit> {
        Arc::clone(&self.audit)
    }

    /// Runs until a phase change or, if so asked, until idle. Blocks.
    ///
    /// # Errors
    /// What stopped it, if it was not asked to.
    pub fn run(self) -> Result<Processed, RunError> {
        let Self {
            config,
            options,
            data,
            pipeline,
            topics,
            delivery,
            audit,
            shared,
            taps,
            ..
        } = self;
        let log_id = self.started.journal.log_id;
        let topic_syncs = topics.sync_handles();
        let mut syncs = topic_syncs.clone();
        syncs.push(audit.sync_handle());
        let journal = &config.journal;
        let keep = Keep {
            shared: &shared,
            syncs,
            sync_interval: Duration::from_millis(journal.sync_interval_ms),
            sign_interval: Duration::from_secs(journal.signed_head_s),
            key: self.key,
        };
        let process = Process {
            shared: &shared,
            data: &data,
            audit: &audit,
            pipeline,
            topics,
            topic_syncs,
            identity: self.identity,
            log_id,
            snapshot_interval: Duration::from_secs(config.pipeline.snapshot_interval_s),
            journal_bytes_max: journal.bytes_max.get(),
            until_idle: options.until_idle,
            drain: options.drain,
            streams: self.streams,
            next_block: self.started.from_block,
            recovered_below: self.recovered_below,
        };
        let limits = ReadLimits {
            frames_max: journal.block_frames_max,
            bytes_max: journal.block_bytes_max,
            delay: Duration::from_micros(journal.block_delay_us),
            wait: Duration::from_millis(journal.tick_ms),
        };
        let done = AtomicBool::new(false);
        let done = &done;
        let desk = deliver::Desk {
            shared: &shared,
            audit: &audit,
        };
        let processed = std::thread::scope(|scope| {
            let named = |name: String| std::thread::Builder::new().name(name);
            let keeper = named("keeper".to_owned())
                .spawn_scoped(scope, move || keep.run(done))
                .map_err(RunError::Thread)?;
            let pipeline = named("pipeline".to_owned())
                .spawn_scoped(scope, move || process.run())
                .map_err(RunError::Thread);
            let mut capturing = Vec::new();
            if pipeline.is_ok() {
                for (state, (config, resume_after, tap)) in shared.taps.iter().zip(taps) {
                    let capture = Capture {
                        shared: &shared,
                        tap: state,
                        config,
                        resume_after,
                        limits,
                        tick: Duration::from_millis(journal.tick_ms),
                    };
                    let spawned = named(format!("tap-{}", state.name))
                        .spawn_scoped(scope, move || capture.run(tap));
                    match spawned {
                        Ok(thread) => capturing.push(thread),
                        Err(error) => shared.fail(format!("cannot start a thread: {error}")),
                    }
                }
            }
            let desk = &desk;
            let delivering = deliver::start(scope, delivery, desk);
            let ended = pipeline.map(|thread| thread.join());
            // The pipeline ends of itself when idle, and then the taps have nothing to do.
            shared.advance(Phase::Draining);
            let delivery_died = delivering.end(&shared, options.drain);
            shared.advance(Phase::Stopping);
            let died = capturing.into_iter().any(|thread| thread.join().is_err());
            done.store(true, std::sync::atomic::Ordering::Release);
            keeper.thread().unpark();
            let keeper_died = keeper.join().is_err();
            match ended? {
                Ok(ended) if !died && !keeper_died && !delivery_died => Ok(ended),
                Ok(_) | Err(_) => Err(RunError::Failed(
                    "a thread of the runtime panicked; see the log".to_owned(),
                )),
            }
        });
        let (processed, topics) = processed?;
        let failure = shared.take_failure();
        let closed = close(&shared, topics, &audit, failure.as_deref());
        match failure.or_else(|| shared.take_failure()) {
            None => closed.map(|()| processed),
            Some(cause) => Err(RunError::Failed(cause)),
        }
    }
}

fn close(
    shared: &Shared,
    topics: Topics,
    audit: &Audit,
    failure: Option<&str>,
) -> Result<(), RunError> {
    let detail = failure.map_or_else(String::new, |cause| format!("failed: {cause}"));
    let said = audit
        .append(&record("stop", detail))
        .map_err(RunError::Topic);
    let journal = shared.take_journal().map(Writer::close).transpose();
    topics.close().map_err(RunError::Failed)?;
    audit.close().map_err(RunError::Failed)?;
    journal.map_err(|error| RunError::Failed(format!("journal: {error}")))?;
    said
}

/// An audit record of the runtime's own, made now.
fn record(event: &str, detail: String) -> AuditRecord {
    AuditRecord {
        time_ns: now_ns(),
        event: event.to_owned(),
        uid: None,
        pid: Some(i32::try_from(std::process::id()).unwrap_or(i32::MAX)),
        detail,
    }
}

/// What is gone of the logs.
fn losses(journal: &OpenReport, others: &[(String, OpenReport)]) -> Vec<Loss> {
    let loss = |log: String, report: &OpenReport| {
        let what = report.loss()?;
        let torn_only = report.is_torn_only();
        Some(Loss {
            log,
            what,
            torn_only,
        })
    };
    let others = others
        .iter()
        .filter_map(|(topic, report)| loss(format!("topic {topic}"), report));
    loss("journal".to_owned(), journal)
        .into_iter()
        .chain(others)
        .collect()
}

fn open_journal(
    config: &Config,
    data: &DataDir,
    command: &str,
    accept_loss: bool,
) -> Result<(Writer, OpenReport), RunError> {
    let mut options = Options::new(command);
    options.bytes_max = config.journal.bytes_max.get();
    options.segment_bytes_max = config.journal.segment_bytes.get();
    options.age_ns_max = Some(config.journal.age_hours_max.saturating_mul(NS_PER_HOUR));
    options.accept_loss = accept_loss;
    let dir = data.journal.try_clone();
    let dir =
        dir.map_err(|error| RunError::Data(DataError::Io(data.path.join("journal"), error)))?;
    Writer::open(dir, options, now_ns()).map_err(RunError::Journal)
}

/// What was found in each log, by topic.
type Reports = Vec<(String, OpenReport)>;

/// How topic logs are opened.
struct OpenTopics<'a> {
    command: &'a str,
    accept_loss: bool,
    /// Blocks from here on were not there when the run began.
    from_block: u64,
}

fn open_topic_options(topic: &TopicConfig, command: &str, accept_loss: bool) -> Options {
    let mut options = Options::new(command);
    options.bytes_max = topic.bytes_max.get();
    options.segment_bytes_max = topic.segment_bytes.get();
    options.age_ns_max = Some(topic.age_hours_max.saturating_mul(NS_PER_HOUR));
    options.accept_loss = accept_loss;
    options
}

fn open_topics(
    config: &Config,
    data: &DataDir,
    forwarders: &Forwarders,
    opening: &OpenTopics<'_>,
) -> Result<(Topics, Audit, Reports), RunError> {
    let options = |topic| open_topic_options(topic, opening.command, opening.accept_loss);
    let topics = config.topics.iter().enumerate().map(|(index, topic)| {
        if topic.name == AUDIT {
            return None;
        }
        let tail = forwarders.tail(index);
        let ephemeral = tail.as_ref().is_some_and(|tail| tail.is_ephemeral());
        Some(TopicOptions {
            name: topic.name.clone(),
            log: (!ephemeral).then(|| options(topic)),
            tail,
            from_block: if ephemeral { opening.from_block } else { 0 },
        })
    });
    let (topics, mut reports) =
        Topics::open(&data.topics, topics.collect(), now_ns()).map_err(RunError::Topic)?;
    let audit = &config.topics[config.topology.audit().index()];
    let (audit, report) =
        Audit::open(&data.topics, AUDIT, options(audit), now_ns()).map_err(RunError::Topic)?;
    reports.push((AUDIT.to_owned(), report));
    Ok((topics, audit, reports))
}

type OpenedTap = (TapConfig, u64, Box<dyn Tap>);

/// Opens a tap once to know its origin, and again behind what the journal holds of it.
fn open_tap(
    journal: &mut Writer,
    name: &str,
    config: &TapConfig,
) -> Result<(TapState, OpenedTap), RunError> {
    let failed = |error| RunError::Tap(name.to_owned(), Box::new(error));
    let mut tap = outrigger_tap::open(config, 0).map_err(failed)?;
    let stream = journal
        .stream(name, &tap.origin())
        .map_err(|error| RunError::Stream(name.to_owned(), error))?;
    let resume_after = if tap.finite() {
        journal.stream_records(stream)
    } else {
        0
    };
    if resume_after > 0 {
        tap = outrigger_tap::open(config, resume_after).map_err(failed)?;
    }
    let state = TapState {
        name: name.to_owned(),
        stream,
        paused: AtomicBool::new(false),
        ended: AtomicBool::new(false),
        behind_frames: 0,
        shed_frames: AtomicU64::new(0),
        shed_bytes: AtomicU64::new(0),
        frames: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        source: Mutex::new(None),
        trouble: Mutex::new(None),
    };
    Ok((state, (config.clone(), resume_after, tap)))
}

fn identity(config: &Config, plugins: &Plugins) -> Identity {
    Identity {
        build: format!(
            "outrigger {} wasmtime {} {}",
            env!("CARGO_PKG_VERSION"),
            outrigger_sandbox::engine::WASMTIME_VERSION,
            std::env::consts::ARCH
        ),
        configuration: hex(&config.output_digest()),
        plugins: plugins
            .installed
            .iter()
            .flatten()
            .map(|installed| {
                let plugin = &installed.plugin;
                (plugin.name.clone(), hex(&plugin.digest))
            })
            .collect(),
    }
}

fn journal_key(config: &Config) -> Result<ed25519_dalek::SigningKey, KeyError> {
    signing_key(&config.journal.signing_key)
}

fn audit_start(config: &Config, started: &Started) -> AuditRecord {
    let journal = &started.journal;
    let end = if journal.created {
        "new journal".to_owned()
    } else if journal.clean {
        "clean stop before".to_owned()
    } else {
        format!(
            "unclean stop before: {} sequence numbers and {} block numbers skipped, {}",
            journal.seqs_skipped,
            journal.blocks_skipped,
            match &journal.cut {
                Some(_) => "a torn tail was cut",
                None => "no torn tail",
            }
        )
    };
    let detail = format!(
        "{}: configuration {}, {end}; from block {}, {} blocks behind, {} rulings",
        config.name,
        hex(&config.digest()),
        started.from_block,
        started.blocks_behind,
        started.rulings
    );
    record("start", detail)
}
