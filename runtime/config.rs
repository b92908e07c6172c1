//! The configuration: one file that describes a deployment, every limit and grant visible.
//!
//! What always holds of a [`Config`]: every value is in its range, every name is known, the
//! topology is sound, and every default has been filled in. It is made in three stages, syntax,
//! values, topology; a stage's errors are reported together, each with file, line, key, rule and
//! value. Nothing in the environment changes it. Unlisted means not granted.
//!
//! Keys, units, defaults and ranges stand in [`keys`]. Relative paths are relative to the file.
//! Reading it opens no file but itself: reference files are read by [`Config::read_references`].

mod budget;
mod convert;
mod digest;
mod error;
mod group;
mod kafka;
pub mod keys;
mod labels;
mod paths;
mod plugins;
mod read;
mod references;
mod taps;
mod topics;
mod wiring;
mod words;

use std::path::{Path, PathBuf};

use outrigger_policy::limits::{Bytes, CONFIG_BYTES_MAX, Fuel};
use outrigger_policy::state::StateBounds;
use outrigger_policy::topology::{PluginId, TapId, TopicId, Topology};
use outrigger_policy::verdict::OnQuarantine;

pub use budget::BudgetConfig;
pub use error::{ConfigError, ConfigErrors};
pub use kafka::{KafkaConfig, MirrorConfig, PasswordSource, SaslConfig, ValueFormat};
pub use read::Resolved;
pub use references::{ReferenceFile, hex};
pub use taps::{CONFINED_RULE, GroupConfig, TapConfig, TapSource};
pub(crate) use words::hint;
pub use words::quote_key;

/// A deployment, checked and complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file that it was read from, as it was named.
    pub file: PathBuf,
    /// Name of the deployment.
    pub name: String,
    /// Directory of journal, topics and snapshots; absolute.
    pub data_dir: PathBuf,
    /// Directory of installed plugins and `outrigger.lock`; absolute.
    pub plugins_dir: PathBuf,
    /// The journal.
    pub journal: JournalConfig,
    /// The pipeline.
    pub pipeline: PipelineConfig,
    /// What it may use of its host.
    pub budget: BudgetConfig,
    /// The graph: labels, who reads and writes what, and the order of validators.
    pub topology: Topology,
    /// Taps, by [`TapId`]; none with `group`.
    pub taps: Vec<TapConfig>,
    /// A Kafka topic that is read instead of taps: then `taps` is empty, and the graph has one.
    pub group: Option<GroupConfig>,
    /// Plugins, by [`PluginId`].
    pub plugins: Vec<PluginConfig>,
    /// Topics, by [`TopicId`], the reserved ones last.
    pub topics: Vec<TopicConfig>,
    /// Clusters that topics are mirrored to, by name.
    pub kafka: Vec<KafkaConfig>,
    /// What is allowed, and probably not meant.
    pub warnings: Vec<String>,
    settings: Vec<Resolved>,
    lines: read::Lines,
}

/// `[journal]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Bound on disk, bytes.
    pub bytes_max: Bytes,
    /// Age at which a segment goes, hours.
    pub age_hours_max: u64,
    /// Size of a segment, bytes.
    pub segment_bytes: Bytes,
    /// Time between syncs, milliseconds.
    pub sync_interval_ms: u64,
    /// Frames in a block, at most 256.
    pub block_frames_max: usize,
    /// Bytes of frames in a block.
    pub block_bytes_max: usize,
    /// Longest wait for a block to fill, microseconds.
    pub block_delay_us: u64,
    /// Silence after which a tap appends an empty block, milliseconds.
    pub tick_ms: u64,
    /// Time between signed heads, seconds.
    pub signed_head_s: u64,
    /// Key that signs heads; absolute, outside the data directory.
    pub signing_key: PathBuf,
}

/// `[pipeline]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineConfig {
    /// Blocks in an instance span.
    pub instance_blocks: u64,
    /// Messages in one call of a validator or router, at most 256.
    pub batch_messages_max: usize,
    /// Time between snapshots, seconds.
    pub snapshot_interval_s: u64,
}

/// `[plugins.NAME]`: what is granted to it. Its role stands in the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginConfig {
    /// Its name.
    pub name: String,
    /// File name of its component in the plugins directory.
    pub component: String,
    /// Digest that the component must have.
    pub sha256: Option<[u8; 32]>,
    /// Parameters: a MessagePack map.
    pub parameters: Vec<u8>,
    /// Reference files, in the order of the file.
    pub references: Vec<Reference>,
    /// Its limits.
    pub limits: PluginLimits,
    /// What becomes of its messages in quarantine.
    pub on_quarantine: OnQuarantine,
}

/// A file that a plugin is configured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Name that the plugin knows it by.
    pub name: String,
    /// The file, absolute.
    pub path: PathBuf,
    /// Digest that it must have.
    pub sha256: [u8; 32],
}

/// Limits of a plugin. Those that its role has no use for are at their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginLimits {
    /// Fuel per message, a mean over the call.
    pub message_fuel: Fuel,
    /// Fuel per call, on top.
    pub call_fuel: Fuel,
    /// Fuel of `configure`.
    pub configure_fuel: Fuel,
    /// Linear memory of an instance, bytes.
    pub memory_bytes_max: Bytes,
    /// Bytes that a call may return.
    pub call_bytes_max: Bytes,
    /// State of one key, bytes.
    pub state_bytes_max: usize,
    /// Keys with state, per label.
    pub state_keys_max: usize,
    /// Capture time without the key after which its state goes, seconds.
    pub state_age_s_max: u64,
    /// Outputs per input, a mean over the call.
    pub outputs_per_input_max: usize,
    /// Body of an output, bytes.
    pub output_bytes_max: usize,
    /// Wall clock per call, milliseconds.
    pub deadline_ms: u64,
    /// Faults until quarantine.
    pub faults_max: u32,
}

impl PluginLimits {
    /// Bounds of the plugin's state under one label.
    pub fn state_bounds(&self) -> StateBounds {
        StateBounds {
            value_bytes_max: self.state_bytes_max,
            keys_max: self.state_keys_max,
            age_ns_max: self.state_age_s_max.saturating_mul(1_000_000_000),
        }
    }
}

/// `[topics.NAME]`; its label stands in the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// Its name.
    pub name: String,
    /// What holds after a crash.
    pub guarantee: Guarantee,
    /// Where it is mirrored to.
    pub mirror: MirrorConfig,
    /// Bound on disk, bytes.
    pub bytes_max: Bytes,
    /// Age at which a segment goes, hours.
    pub age_hours_max: u64,
    /// Size of a segment, bytes.
    pub segment_bytes: Bytes,
}

/// What holds for the records of a topic after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Each once.
    ExactlyOnce,
    /// Each once or more, with an id to drop repeats by.
    AtLeastOnce,
    /// Each once or not at all.
    AtMostOnce,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, is larger than [`CONFIG_BYTES_MAX`], or breaks a rule.
    pub fn load(file: &Path) -> Result<Self, ConfigErrors> {
        let fail = |message: String| {
            let file = file.to_owned();
            ConfigErrors::from(ConfigError {
                file,
                line: None,
                key: String::new(),
                message,
            })
        };
        let bytes = references::read_bounded(file, CONFIG_BYTES_MAX).map_err(&fail)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            fail(format!(
                "must be UTF-8, is not at byte {}",
                error.utf8_error().valid_up_to()
            ))
        })?;
        Self::parse(&text, file)
    }

    /// Checks the text of a file. `file` is named in errors, and relative paths start from its
    /// directory.
    ///
    /// # Errors
    /// All broken rules of the first stage that has any.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        convert::convert(text, file)
    }

    /// Mirrors every topic that names no cluster to the one at `bootstrap`, with every other key at
    /// its default: what `--kafka` does. That cluster may take every label, as whoever runs this
    /// may read them all.
    ///
    /// # Errors
    /// `bootstrap` is no list of addresses, or the file names a cluster of this name itself.
    pub fn mirror_all(&mut self, bootstrap: &str) -> Result<(), ConfigErrors> {
        kafka::mirror_all(self, bootstrap)
    }

    /// Demands what `check --strict` does: every plugin that is used is pinned.
    ///
    /// # Errors
    /// Names each plugin without `sha256`.
    pub fn check_strict(&self) -> Result<(), ConfigErrors> {
        let unpinned = self
            .topology
            .plugin_ids()
            .filter(|id| self.topology.uses(*id) && self.plugin(*id).sha256.is_none());
        let errors: Vec<ConfigError> = unpinned
            .map(|id| {
                let key = words::join(&words::join("plugins", &self.plugin(id).name), "sha256");
                ConfigError {
                    file: self.file.clone(),
                    line: Some(read::line_of(&self.lines, &key)),
                    key,
                    message: "required by --strict: the component's digest, 64 hexadecimal digits"
                        .to_owned(),
                }
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ConfigErrors::new(errors))
        }
    }

    /// A rule of another module that a key breaks, as an error of this file.
    pub(crate) fn error(&self, key: &str, message: String) -> ConfigErrors {
        ConfigErrors::from(ConfigError {
            file: self.file.clone(),
            line: Some(read::line_of(&self.lines, key)),
            key: key.to_owned(),
            message,
        })
    }

    /// One tap.
    pub fn tap(&self, id: TapId) -> &TapConfig {
        &self.taps[id.index()]
    }

    /// One plugin.
    pub fn plugin(&self, id: PluginId) -> &PluginConfig {
        &self.plugins[id.index()]
    }

    /// One topic.
    pub fn topic(&self, id: TopicId) -> &TopicConfig {
        &self.topics[id.index()]
    }

    /// Every value as it holds, in the order of the file's sections; defaults are marked.
    pub fn settings(&self) -> &[Resolved] {
        &self.settings
    }

    /// Digest of the whole resolved configuration: SHA-256 over its canonical form. Paths enter
    /// as they are written, so a deployment can be moved. Reference files enter by their digests.
    pub fn digest(&self) -> [u8; 32] {
        digest::digest(self.settings.iter())
    }

    /// Digest of what shapes the pipeline's output: equal digests, plugins and runtimes make the
    /// same of a journal. Retention, addresses and the like are left out, so that an operator can
    /// give more room after a crash and still recover.
    pub fn output_digest(&self) -> [u8; 32] {
        digest::digest(
            self.settings
                .iter()
                .filter(|setting| setting.definition.shapes_output),
        )
    }
}
