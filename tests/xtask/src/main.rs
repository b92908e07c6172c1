//! `cargo xtask`: sets up, builds, demonstrates and tests the project.
//!
//! Everything that it makes lies in a cache outside the clone, and every step works without it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod cache;
mod demo;
mod evaluate;
mod failures;
mod fuzz;
mod guests;
mod places;
mod progress;
mod runner;
mod setup;
mod suite;

use places::Places;
use progress::{Failure, Progress};

/// Sets up, builds, demonstrates and tests the project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 80, after_help = ENVIRONMENT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  OUTRIGGER_CACHE         what is built lies here [default: ~/.cache/outrigger]
  CARGO_TARGET_DIR        target directory of the host [default: target in the cache]
  OUTRIGGER_RECORDINGS    recordings for the tests [default: ../shared/recordings]
  OUTRIGGER_TEST_BROKERS  Kafka for the tests that can share one [default: a new one]

Exit codes:
  0  done
  1  a step failed; the last lines say which, and what to do
  2  wrong arguments";

#[derive(Subcommand)]
enum Command {
    /// Finds or installs what the build needs, and says what it did.
    Setup,
    /// Builds the plugins to components, and prints their digests.
    Guests {
        /// Build also what is in the cache.
        #[arg(long)]
        force: bool,
    },
    /// Installs the plugins, and prints the installation's path.
    Installation {
        /// Where to [default: one in the cache, for tests, that nobody changes].
        dir: Option<PathBuf>,
    },
    /// Checks and tests everything; the last line counts.
    Test(suite::Options),
    /// Runs the benchmarks.
    Bench {
        /// Only benchmarks of this name.
        name: Option<String>,
    },
    /// Evaluates the track validator on the recordings: tables, and plots beside its README.
    Evaluate {
        /// Print each anomaly on an unmodified track, and nothing else.
        #[arg(long)]
        anomalies: bool,
    },
    /// Fuzzes plugins with changed recordings, for a time.
    Fuzz(fuzz::Options),
    /// Characterises failures of runtime, brokers and network: tests/kafka/FAILURES.md.
    Failures(failures::Options),
    /// Shows the whole on a simulated bus.
    Demo(demo::Options),
}

fn main() -> ExitCode {
    let progress = Progress::start();
    match run(Arguments::parse().command, &progress) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, progress: &Progress) -> Result<(), Failure> {
    let places = Places::find()?;
    match command {
        Command::Setup => {
            setup::guest_toolchain(progress)?;
            setup::check_tools(progress)?;
            progress.say(&format!("what is built lies in {}", places.cache.display()));
            Ok(())
        }
        Command::Guests { force } => {
            let toolchain = setup::guest_toolchain(progress)?;
            let built = guests::build(&places, &toolchain, force, progress)?;
            print!("{}", built.digests);
            Ok(())
        }
        Command::Installation { dir } => {
            let toolchain = setup::guest_toolchain(progress)?;
            let built = guests::build(&places, &toolchain, false, progress)?;
            let installed = match dir {
                Some(dir) => {
                    guests::install(&built, &dir, progress)?;
                    dir
                }
                None => guests::kit(&places, &built, progress)?.installed(),
            };
            println!("{}", installed.display());
            Ok(())
        }
        Command::Test(options) => suite::run(&places, &options, progress),
        Command::Bench { name } => bench::run(&places, name.as_deref(), progress),
        Command::Evaluate { anomalies } => evaluate::run(&places, anomalies),
        Command::Fuzz(options) => fuzz::run(&places, &options),
        Command::Failures(options) => failures::run(&places, &options, progress),
        Command::Demo(options) => demo::run(&places, &options, progress),
    }
}
