//! `outrigger doctor`: why is there no data?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

/// Says why there is no data, and what to do.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// How long to listen to each tap.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Runs the subcommand.
pub fn run(args: &DoctorArgs) -> ExitCode {
    let _ = args;
    ExitCode::SUCCESS
}
