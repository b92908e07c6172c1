//! `outrigger ctl`: steers a running runtime.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::status::unanswered;
use super::{EXIT_CONFIG, EXIT_FAILED};
use crate::config::Config;
use crate::control::{Command, ask};

/// Steers a running runtime. Each command is written to the audit log, with who gave it.
#[derive(Args, Debug)]
pub struct CtlArgs {
    /// The configuration of the runtime.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Print the answer as one JSON object.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub enum What {
    /// Close a tap's socket: the bus never notices. What it does not read is not captured.
    Pause {
        /// Name of the tap.
        tap: String,
    },
    /// Let a paused tap read again.
    Resume {
        /// Name of the tap.
        tap: String,
    },
    /// Lift the quarantine of a plugin.
    Lift {
        /// Name of the plugin.
        plugin: String,
    },
    /// Take a snapshot now, so that a next start has little to process again.
    Snapshot,
    /// Hold the breaker open: every tap closes its socket, what is captured is still processed.
    Hold,
    /// Let the breaker decide again.
    Release,
}

/// Runs the subcommand.
pub fn run(args: &CtlArgs) -> ExitCode {
    let Some(file) = &args.config else {
        eprintln!("error: --config FILE is required");
        return ExitCode::from(super::EXIT_USAGE);
    };
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let command = match args.what.clone() {
        What::Pause { tap } => Command::Pause { tap },
        What::Resume { tap } => Command::Resume { tap },
        What::Lift { plugin } => Command::Lift { plugin },
        What::Snapshot => Command::Snapshot {},
        What::Hold => Command::Hold {},
        What::Release => Command::Release {},
    };
    let answer = match ask(&config.data_dir, &command) {
        Ok(answer) => answer,
        Err(error) => return unanswered(&error, Some(file)),
    };
    if args.json {
        let text = serde_json::to_string(&answer).expect("an answer is plain data");
        println!("{text}");
    } else if answer.ok {
        println!("{}", answer.message);
    } else {
        eprintln!(
            "outrigger: {} was refused: {}",
            command.word(),
            answer.message
        );
    }
    match answer.ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(EXIT_FAILED),
    }
}
