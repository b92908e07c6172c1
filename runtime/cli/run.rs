//! `outrigger run`: live, until told to stop.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{EXIT_CONFIG, EXIT_FAILED, EXIT_START};
use crate::config::Config;
use crate::run::{Phase, Run, RunOptions, Shared};

/// Captures, processes and mirrors, until SIGINT or SIGTERM; then drains and exits with 0.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
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
    /// Print the summary at the end as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Runs the subcommand.
pub fn run(args: &RunArgs) -> ExitCode {
    let config = match Config::load(&args.config) {
        Ok(config) => Arc::new(config),
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let options = RunOptions {
        until_idle: args.until_idle,
        drain: Duration::from_secs(args.drain_s),
        accept_change: args.accept_change,
    };
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
    let shared = run.shared();
    let result = run.run();
    match result {
        Ok(processed) => {
            summary(&shared, &config, &processed, args.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("outrigger: {error}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

fn summary(
    shared: &Shared,
    config: &Config,
    processed: &crate::run::Processed,
    json: bool,
) {
    debug_assert!(shared.phase() == Phase::Stopping);
    let _ = (config, json);
    let counters = &processed.status.counters;
    println!("frames {:?} rejected {:?} messages {:?} records {:?} dead {:?}", counters.frames, counters.rejected, counters.messages, counters.records, counters.dead_letters);
    if processed.left_behind > 0 {
        eprintln!(
            "outrigger: {} blocks wait in the journal for the next start",
            processed.left_behind
        );
    }
}
