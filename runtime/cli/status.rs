//! `outrigger status`: one glance at a running runtime.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{EXIT_CONFIG, EXIT_START};
use crate::config::Config;
use crate::control::{ClientError, fetch_status, status_socket};
use crate::status::{StatusSnapshot, render};

/// Time between two looks with `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Clears the screen and goes to its top. Source: ECMA-48, ED and CUP.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Says whether the runtime is healthy, inside its budget, and what it drops.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// The configuration of the runtime.
    #[arg(long, value_name = "FILE", required_unless_present = "socket")]
    pub config: Option<PathBuf>,
    /// The runtime's status socket, `status.sock` in its data directory.
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub socket: Option<PathBuf>,
    /// Print one JSON object; with --watch one a line.
    #[arg(long)]
    pub json: bool,
    /// Look again each second, until interrupted or the runtime ends.
    #[arg(long)]
    pub watch: bool,
}

/// Runs the subcommand.
pub fn run(args: &StatusArgs) -> ExitCode {
    let socket = match (&args.socket, &args.config) {
        (Some(socket), _) => socket.clone(),
        (None, Some(file)) => match Config::load(file) {
            Ok(config) => status_socket(&config.data_dir),
            Err(errors) => {
                eprintln!("{errors}");
                return ExitCode::from(EXIT_CONFIG);
            }
        },
        (None, None) => unreachable!("clap requires one of them"),
    };
    let mut seen = false;
    loop {
        let snapshot = match fetch_status(&socket) {
            Ok(snapshot) => snapshot,
            Err(ClientError::NotRunning(_)) if seen => {
                println!("the runtime has ended");
                return ExitCode::SUCCESS;
            }
            Err(error) => return unanswered(&error, args.config.as_deref()),
        };
        let mut out = String::new();
        if args.watch && !args.json {
            out.push_str(CLEAR);
        }
        out.push_str(&text(&snapshot, args.json));
        // A reader that has gone ends the watch.
        let shown = std::io::stdout().write_all(out.as_bytes());
        if !args.watch || shown.is_err() {
            return ExitCode::SUCCESS;
        }
        seen = true;
        // SIGINT ends it here, as it ends any program that does not ask for signals.
        std::thread::sleep(WATCH_EVERY);
    }
}

fn text(snapshot: &StatusSnapshot, json: bool) -> String {
    if json {
        serde_json::to_string(snapshot).expect("a snapshot is plain data") + "\n"
    } else {
        render(snapshot)
    }
}

/// Says why there is no answer, and what to do.
pub(super) fn unanswered(error: &ClientError, config: Option<&Path>) -> ExitCode {
    eprintln!("outrigger: {error}");
    if let ClientError::NotRunning(_) = error {
        match config {
            Some(file) => {
                let file = file.display();
                eprintln!("start it with `outrigger run --config {file}`");
                eprintln!("if it does not start, ask `outrigger doctor --config {file}`");
            }
            None => eprintln!("`--config FILE` finds the socket by itself"),
        }
    }
    ExitCode::from(EXIT_START)
}
