//! A run: opens everything, starts the threads, and ends them in order.
//!
//! | thread | from | to |
//! |---|---|---|
//! | `tap-NAME`, one per tap | the bus | the journal |
//! | `pipeline` | the journal | the topic logs, snapshots |
//! | `eo-NAME`, `al-NAME`, one per cluster and guarantee | the topic logs | Kafka |
//! | `kafka-lag`, one per cluster | Kafka | how far its readers are, for the status |
//! | `governor` | `/proc` | the breaker: whether taps read |
//! | `keeper` | | durability, retention, signed heads |
//! | `epoch` | | the clock of plugins' deadlines |
//! | the caller's | signals and sockets | requests to the others |
//!
//! The order at the end is that of the data: taps, then the pipeline, forwarders, then the logs.

mod archive;
mod capture;
mod deliver;
mod error;
mod govern;
mod group;
mod keep;
mod lag;
mod open;
mod outlet;
mod process;
mod recover;
mod serve;
mod shared;
mod tally;
mod watch;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outrigger_journal::Writer;
use outrigger_policy::topology::TapId;
use outrigger_tap::{ReadLimits, Tap, TapConfig};

use crate::audit::{Audit, AuditRecord};
use crate::config::Config;
use crate::data::DataDir;
use crate::forward::{self, Forwarders};
use crate::governor::Hand;
use crate::governor::priority::be_nice;
use crate::install::Plugins;
use crate::pipeline::Pipeline;
use crate::snapshot::{self, Identity, Snapshot};
use crate::status::PipelineStatus;
use crate::topics::Topics;
use capture::Capture;
pub use error::RunError;
use govern::Govern;
pub use govern::SAMPLE_EVERY;
pub use group::{GROUP_BYTES_MAX, GROUP_FLIGHT_BYTES, GROUP_FRAMES_MAX, GroupRun};
use keep::Keep;
pub use open::{Loss, Started, build};
use open::{
    OpenTopics, audit_start, identity, journal_key, losses, open_journal, open_tap,
    open_topic_options, open_topics, stream_starts,
};
use process::Process;
pub use process::{Processed, UNWRITTEN_MAX};
pub use recover::RecoverError;
pub use shared::{Phase, REQUESTS_MAX, Request, RequestKind, Shared, TapState, lock, now_ns};
pub use tally::{Passage, ShedCause, StreamStart, Tally};

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
    watch: Option<watch::Watch>,
}

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
        let (watch, note) = watch::open(&config, &identity.plugins).map_err(RunError::Baseline)?;
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
        let found = stream_starts(&journal, &config, &recovered.frames_behind);
        let governor = govern::governor(&config);
        if let Some(note) = note {
            tracing::warn!("{note}");
            *lock(&governor.baseline) = Some(note);
        }
        let from_block = recovered.from_block;
        let mut shared = Shared::new(journal, states, delivery.shown(), from_block, governor);
        shared.streams = found;
        // Whoever asks before the first block is told of the same plugins and topics as later.
        *lock(&shared.pipeline) = PipelineStatus {
            next_block: recovered.from_block,
            recovered_below,
            snapshot_block: recovered.from_block,
            counters: pipeline.counters().clone(),
            plugins: pipeline.plugins(),
            topics: topics.figures(),
            passage: Passage::new(&shared.streams),
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
            snapshot::write(&data.snapshots, &first, || {}).map_err(RunError::Snapshot)?;
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
            watch,
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
            lag_ms_max: config.budget.lag_ms_max,
            class_levels: lag::class_levels(&config),
            until_idle: options.until_idle,
            drain: options.drain,
            streams: self.streams,
            next_block: self.started.from_block,
            recovered_below: self.recovered_below,
            passage: Passage::new(&shared.streams),
        };
        let limits = ReadLimits {
            frames_max: journal.block_frames_max,
            bytes_max: journal.block_bytes_max,
            delay: Duration::from_micros(journal.block_delay_us),
            wait: Duration::from_millis(journal.tick_ms),
        };
        let nice = config.budget.nice;
        let done = AtomicBool::new(false);
        let done = &done;
        let desk = deliver::Desk {
            shared: &shared,
            audit: &audit,
            nice,
            hand: Mutex::default(),
        };
        let govern = Govern {
            shared: &shared,
            audit: &audit,
            snapshots: &data.snapshots,
            watch: self.watch,
        };
        let processed = std::thread::scope(|scope| {
            let named = |name: String| std::thread::Builder::new().name(name);
            let keeper = named("keeper".to_owned())
                .spawn_scoped(scope, move || {
                    give_way(nice);
                    keep.run(done);
                })
                .map_err(RunError::Thread)?;
            let governor = named("governor".to_owned())
                .spawn_scoped(scope, move || govern.run(done))
                .map_err(RunError::Thread);
            if let Err(error) = &governor {
                shared.fail(error.to_string());
            }
            let pipeline = named("pipeline".to_owned())
                .spawn_scoped(scope, move || {
                    give_way(nice);
                    process.run()
                })
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
                        hand: Hand::default(),
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
            let governor_died = governor.is_ok_and(|governor| {
                governor.thread().unpark();
                governor.join().is_err()
            });
            let keeper_died = keeper.join().is_err() || governor_died;
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

/// Makes the calling thread, and what libraries start from it, give way to others.
fn give_way(nice: i32) {
    if let Err(error) = be_nice(nice) {
        tracing::warn!("a thread's priority cannot be lowered: {error}");
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
