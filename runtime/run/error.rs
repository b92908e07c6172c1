//! Why a run cannot start, or stopped.

use outrigger_journal::{AppendError, OpenError, StreamError};
use outrigger_tap::TapError;

use super::RecoverError;
use crate::data::DataError;
use crate::forward::OpenForward;
use crate::install::InstallError;
use crate::keys::KeyError;
use crate::pipeline::MisfitError;
use crate::snapshot::SnapshotError;
use crate::topics::{TopicCause, TopicError};

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
    /// The baseline of the budget cannot be used: file, key, rule, value.
    Baseline(String),
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
            Self::Baseline(cause) | Self::Failed(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for RunError {}

/// What to do about a log of which something is gone.
fn loss_remedy(error: &OpenError) -> &'static str {
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
