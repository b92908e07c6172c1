//! The `outrigger` command: arguments, logging, exit codes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use outrigger::cli::{
    self, audit, check, ctl, doctor, journal, log, partitions, profile, run, status,
};

/// Mirrors a legacy message bus through sandboxed plugins, inside a stated budget.
#[derive(Parser)]
#[command(name = "outrigger", version, max_term_width = 80)]
struct Arguments {
    /// How much to log to standard error: error, warn, info, debug or trace.
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL")]
    log: tracing::Level,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Audit(audit::AuditArgs),
    Ctl(ctl::CtlArgs),
    Doctor(doctor::DoctorArgs),
    Log(log::LogArgs),
    Journal(journal::JournalArgs),
    Partitions(partitions::PartitionsArgs),
    Profile(profile::ProfileArgs),
    /// Prints the resolved configuration, topology and limits, or says what is wrong.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        /// Demand that every plugin is pinned by its digest.
        #[arg(long)]
        strict: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(arguments.log)
        .with_target(false)
        .init();
    match arguments.command {
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Ctl(args) => ctl::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Log(args) => log::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Partitions(args) => partitions::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Check {
            config,
            json,
            strict,
        } => {
            let report = check::check(&config, check::Options { json, strict });
            if report.good {
                print!("{}", report.text);
                ExitCode::SUCCESS
            } else {
                eprint!("{}", report.text);
                ExitCode::from(cli::EXIT_CONFIG)
            }
        }
    }
}
