//! `outrigger audit`: do the ledgers add up, and is what they say what lies on the disk?
//!
//! Three things are held against each other: what the runtime counts, term by term; the logs' own
//! totals; and the records themselves, counted here one by one without the runtime's help. Of what
//! retention has removed, only the log's own totals are left, and that is said.

mod count;
mod disk;
mod lines;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{Output, Trouble, with_output};
use super::place::{Place, PlaceArgs, holder};
use super::{EXIT_DAMAGED, EXIT_FAILED};
use crate::control::{ClientError, fetch_status, status_socket};
use crate::status::{StatusSnapshot, read_last};
use count::Overtaken;
use lines::Report;

/// Checks begun anew because retention removed what was being counted. Reason: each begins with
/// a status of its own, so one that comes to its end is whole. Reached: the command says so, and
/// fails.
const CHECKS_MAX: u32 = 16;

/// Checks that both ledgers add up, frames and deliveries: of the running runtime, or of the last
/// run; and counts what is on the disk, which must be what they say. Exits with 0 if all adds up,
/// with 4 if something differs, with 5 if a log is damaged, with 3 if there is nothing to read.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// The configuration of the runtime.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Runs the subcommand.
pub fn run(args: &AuditArgs) -> ExitCode {
    with_output(|out| audit(out, args))
}

/// Whose counts are checked.
enum Source {
    /// Of a runtime that answers.
    Running(Box<StatusSnapshot>),
    /// Of the last run, which stopped cleanly.
    Stopped(Box<StatusSnapshot>),
    /// Nobody's: only the logs are there.
    Logs,
}

impl Source {
    fn status(&self) -> Option<&StatusSnapshot> {
        match self {
            Self::Running(status) | Self::Stopped(status) => Some(status),
            Self::Logs => None,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Running(_) => "running",
            Self::Stopped(_) => "stopped",
            Self::Logs => "logs",
        }
    }
}

fn audit(out: &mut Output, args: &AuditArgs) -> Result<ExitCode, Trouble> {
    let place = PlaceArgs {
        config: Some(args.config.clone()),
        data: None,
    };
    let place = place.find()?;
    for _ in 0..CHECKS_MAX {
        let source = find(&place, args)?;
        let mut report = Report::new(source.word(), source.status());
        if let Some(status) = source.status() {
            report.ledgers(status, matches!(source, Source::Stopped(_)));
        }
        match disk::check(&place, &source, &mut report) {
            Ok(()) => {
                report.print(out, args.json)?;
                return Ok(match (report.is_damaged(), report.is_good()) {
                    (true, _) => ExitCode::from(EXIT_DAMAGED),
                    (false, false) => ExitCode::from(EXIT_FAILED),
                    (false, true) => ExitCode::SUCCESS,
                });
            }
            Err(Stop::Overtaken) => {}
            Err(Stop::Trouble(trouble)) => return Err(trouble),
        }
    }
    Err(Trouble::Unreadable(
        "retention removes what is being counted, again and again; ask when less is captured, or \
         raise the bounds of the logs in bytes"
            .to_owned(),
    ))
}

/// Why a check did not come to its end.
enum Stop {
    /// Retention removed what was being counted.
    Overtaken,
    /// Something cannot be read.
    Trouble(Trouble),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Overtaken> for Stop {
    fn from(_: Overtaken) -> Self {
        Self::Overtaken
    }
}

fn find(place: &Place, args: &AuditArgs) -> Result<Source, Trouble> {
    let cause = match fetch_status(&status_socket(&place.data_dir)) {
        Ok(status) => return Ok(Source::Running(Box::new(status))),
        Err(error @ ClientError::NotRunning(_)) => error,
        Err(
            error @ (ClientError::Denied(_)
            | ClientError::Io(..)
            | ClientError::Unanswered(_)
            | ClientError::Answer(..)),
        ) => return Err(Trouble::Unreadable(error.to_string())),
    };
    if let Some(owner) = place.journal().ok().as_ref().and_then(holder) {
        return Err(Trouble::Unreadable(format!(
            "{cause}, and the journal is in use by {owner}: a runtime that starts or ends; ask again \
             in a moment"
        )));
    }
    let last = read_last(&place.data_dir).map_err(|cause| {
        let file = args.config.display();
        Trouble::Unreadable(format!(
            "{cause}\nremove it to check the logs alone; `outrigger run --config {file}` leaves \
             another when it stops"
        ))
    })?;
    Ok(last.map_or(Source::Logs, |last| Source::Stopped(Box::new(last))))
}
