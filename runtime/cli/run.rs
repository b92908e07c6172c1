//! `outrigger run`: live, until told to stop.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{EXIT_CONFIG, EXIT_FAILED, EXIT_START};
use crate::config::Config;
use crate::control;
use crate::memory;
use crate::run::{GroupRun, Run, RunOptions};
use crate::status::{StatusSnapshot, forget_last, leave_last, summary};

/// Captures, processes and mirrors, until SIGINT or SIGTERM; then drains and exits with 0.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Mirror every topic that names no cluster to this Kafka, with defaults: `host:port`, several
    /// separated by commas.
    #[arg(long, value_name = "BOOTSTRAP")]
    pub kafka: Option<String>,
    /// End once every recording has been read and processed.
    #[arg(long)]
    pub until_idle: bool,
    /// Longest time to process what is captured when told to stop; the rest waits in the journal
    /// for the next start.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub drain_s: u64,
    /// Go on although configuration, plugins or build changed behind an unclean stop, or although
    /// the snapshots are lost. What was not yet processed is processed with what is here now.
    #[arg(long)]
    pub accept_change: bool,
    /// Go on with a journal or topic log that is damaged although a clean stop had left it whole: it
    /// is cut at the damage. Copy the data directory first.
    #[arg(long)]
    pub accept_loss: bool,
    /// Print the summary at the end as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Runs the subcommand.
pub fn run(args: &RunArgs) -> ExitCode {
    let loaded = Config::load(&args.config).and_then(|mut config| {
        if let Some(bootstrap) = &args.kafka {
            config.mirror_all(bootstrap)?;
        }
        memory::admit(&config, &memory::plan(&config))?;
        Ok(config)
    });
    let config = match loaded {
        Ok(config) => Arc::new(config),
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Err(error) = memory::cap(&config) {
        tracing::warn!("memory has no cap of the kernel's: {error}");
    }
    let options = RunOptions {
        until_idle: args.until_idle,
        drain: Duration::from_secs(args.drain_s),
        accept_change: args.accept_change,
        accept_loss: args.accept_loss,
    };
    if config.group.is_some() {
        return run_group(&config, options, args.json);
    }
    let run = match Run::open(Arc::clone(&config), options) {
        Ok(run) => run,
        Err(error) => {
            eprintln!("outrigger: {error}");
            return ExitCode::from(EXIT_START);
        }
    };
    let started = run.started();
    tracing::info!(
        from_block = started.from_block,
        blocks_behind = started.blocks_behind,
        clean = started.journal.clean,
        "{} runs; data in {}",
        config.name,
        config.data_dir.display()
    );
    // From here on a signal drains instead of killing.
    let control = match control::start(run.shared(), run.audit(), &config) {
        Ok(control) => control,
        Err(error) => {
            eprintln!("outrigger: {error}");
            return ExitCode::from(EXIT_START);
        }
    };
    forget(&config.data_dir);
    match run.run() {
        Ok(processed) => {
            let snapshot = control.last_snapshot(&processed.status);
            leave(&config.data_dir, &snapshot);
            say(&snapshot, args.json);
            if snapshot.ledger.waiting > 0 {
                eprintln!(
                    "outrigger: {} frames wait in the journal for the next start",
                    snapshot.ledger.waiting
                );
            }
            for kafka in &snapshot.kafka {
                let waiting: u64 = kafka.topics.iter().map(|topic| topic.waiting).sum();
                if waiting > 0 {
                    let cluster = &kafka.cluster;
                    eprintln!(
                        "outrigger: {waiting} records wait in the topic logs for kafka.{cluster}; the \
                         next start delivers them"
                    );
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("outrigger: {error}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// The same where a group shares a Kafka topic: nothing waits here for the next start.
fn run_group(config: &Arc<Config>, options: RunOptions, json: bool) -> ExitCode {
    let run = match GroupRun::open(Arc::clone(config), options) {
        Ok(run) => run,
        Err(error) => {
            eprintln!("outrigger: {error}");
            return ExitCode::from(EXIT_START);
        }
    };
    let control = match control::start(run.shared(), run.audit(), config) {
        Ok(control) => control,
        Err(error) => {
            eprintln!("outrigger: {error}");
            return ExitCode::from(EXIT_START);
        }
    };
    forget(&config.data_dir);
    match run.run() {
        Ok(processed) => {
            let snapshot = control.last_snapshot(&processed.status);
            leave(&config.data_dir, &snapshot);
            say(&snapshot, json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("outrigger: {error}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// What the run before left to say is no longer so.
fn forget(data_dir: &Path) {
    if let Err(error) = forget_last(data_dir) {
        tracing::warn!("the last status of the run before stays: {error}");
    }
}

/// Leaves the last status for `outrigger audit`; the run has ended well all the same without.
fn leave(data_dir: &Path, snapshot: &StatusSnapshot) {
    if let Err(error) = leave_last(data_dir, snapshot) {
        tracing::warn!("the last status is not left: {error}");
    }
}

fn say(snapshot: &StatusSnapshot, json: bool) {
    let text = if json {
        let text = serde_json::to_string(snapshot).expect("a snapshot is plain data");
        text + "\n"
    } else {
        summary(snapshot)
    };
    // Nobody may be left to read it, and the run has ended well all the same.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
