//! What went wrong with a tap, and whether trying again can help.

use std::fmt;
use std::io;

/// Why a tap cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TapError {
    /// Opening again later may help: an interface that is down, a port in use, a read that failed.
    Retryable(Fault),
    /// It will not help until the configuration, the file or a permission changes.
    Fatal(Fault),
}

/// What was tried and what came of it. Never holds a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Kind and address or file of the tap: `udp 239.1.1.1:5000`.
    pub tap: String,
    /// What was tried: `join the group on eth9`.
    pub action: String,
    /// What the system or the file said.
    pub cause: String,
    /// What the operator can do, where known.
    pub remedy: Option<String>,
}

impl TapError {
    /// The fault, of either kind.
    pub fn fault(&self) -> &Fault {
        match self {
            Self::Retryable(fault) | Self::Fatal(fault) => fault,
        }
    }

    /// True when opening again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Retryable(_) => true,
            Self::Fatal(_) => false,
        }
    }

    /// An error of the system. What only a person can change is fatal.
    pub(crate) fn from_io(
        tap: &str,
        action: &str,
        error: &io::Error,
        remedy: Option<&str>,
    ) -> Self {
        let fault = Fault {
            tap: tap.to_owned(),
            action: action.to_owned(),
            cause: error.to_string(),
            remedy: remedy.map(str::to_owned),
        };
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::Unsupported => Self::Fatal(fault),
            // The kinds are open-ended; whatever else it is may pass.
            _ => Self::Retryable(fault),
        }
    }

    /// An error of what the operator wrote or supplied.
    pub(crate) fn fatal(tap: &str, action: &str, cause: &str, remedy: Option<&str>) -> Self {
        Self::Fatal(Fault {
            tap: tap.to_owned(),
            action: action.to_owned(),
            cause: cause.to_owned(),
            remedy: remedy.map(str::to_owned),
        })
    }

    /// An error of what is not there yet.
    pub(crate) fn retryable(tap: &str, action: &str, cause: &str, remedy: Option<&str>) -> Self {
        match Self::fatal(tap, action, cause, remedy) {
            Self::Retryable(fault) | Self::Fatal(fault) => Self::Retryable(fault),
        }
    }
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = self.fault();
        write!(
            f,
            "tap {}: cannot {}: {}",
            fault.tap, fault.action, fault.cause
        )?;
        match &fault.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TapError {}
