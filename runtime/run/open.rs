//! Opens what a run works with: journal, topic logs, taps; and says what it found.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use outrigger_journal::{OpenReport, Options, StreamId, Writer};
use outrigger_policy::topology::AUDIT;
use outrigger_tap::{Tap, TapConfig};

use super::{RunError, StreamStart, Tally, TapState, now_ns, record};
use crate::audit::{Audit, AuditRecord};
use crate::config::{Config, TopicConfig};
use crate::data::{DataDir, DataError};
use crate::forward::Forwarders;
use crate::install::Plugins;
use crate::keys::{KeyError, signing_key};
use crate::record::hex;
use crate::snapshot::Identity;
use crate::topics::{TopicOptions, Topics};

const NS_PER_HOUR: u64 = 3_600_000_000_000;

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

/// What is gone of the logs.
pub(super) fn losses(journal: &OpenReport, others: &[(String, OpenReport)]) -> Vec<Loss> {
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

pub(super) fn open_journal(
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
pub(super) struct OpenTopics<'a> {
    pub(super) command: &'a str,
    pub(super) accept_loss: bool,
    /// Blocks from here on were not there when the run began.
    pub(super) from_block: u64,
}

pub(super) fn open_topic_options(topic: &TopicConfig, command: &str, accept_loss: bool) -> Options {
    let mut options = Options::new(command);
    options.bytes_max = topic.bytes_max.get();
    options.segment_bytes_max = topic.segment_bytes.get();
    options.age_ns_max = Some(topic.age_hours_max.saturating_mul(NS_PER_HOUR));
    options.accept_loss = accept_loss;
    options
}

pub(super) fn open_topics(
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
pub(super) fn open_tap(
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
        tally: Tally::default(),
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

/// The journal's streams, as they are before anything is captured. `behind` are the frames of each
/// that are to be processed again, or for the first time.
pub(super) fn stream_starts(
    journal: &Writer,
    config: &Config,
    behind: &BTreeMap<StreamId, u64>,
) -> Vec<StreamStart> {
    let streams = journal.streams().iter();
    streams
        .map(|stream| {
            let behind = behind.get(&stream.id).copied().unwrap_or(0);
            StreamStart {
                id: stream.id,
                name: stream.name.clone(),
                tap: config.topology.find_tap(&stream.name),
                before: stream.records.saturating_sub(behind),
                behind,
            }
        })
        .collect()
}

/// Version of the runtime and of its engine, and the architecture: what a build's outputs depend on.
pub fn build() -> String {
    format!(
        "outrigger {} wasmtime {} {}",
        env!("CARGO_PKG_VERSION"),
        outrigger_sandbox::engine::WASMTIME_VERSION,
        std::env::consts::ARCH
    )
}

pub(super) fn identity(config: &Config, plugins: &Plugins) -> Identity {
    Identity {
        build: build(),
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

pub(super) fn journal_key(config: &Config) -> Result<ed25519_dalek::SigningKey, KeyError> {
    signing_key(&config.journal.signing_key)
}

pub(super) fn audit_start(config: &Config, started: &Started) -> AuditRecord {
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
