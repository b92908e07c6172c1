//! `outrigger log`: what stands in the topics, also while a runtime writes to them.

pub mod fields;
mod read;
mod table;
mod topics;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::output::with_output;
use super::place::PlaceArgs;
use super::walk::RangeArgs;

/// Lists the topics, or prints their records. Exits with 1 if what is there is damaged, with 3 if
/// it is not there or cannot be read.
#[derive(Args, Debug)]
pub struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand, Debug)]
enum LogCommand {
    /// Per topic: records, sequence numbers, capture times, bytes, last write.
    Topics {
        #[command(flatten)]
        place: PlaceArgs,
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
    Read(ReadArgs),
}

/// Prints the records of a topic, `_dead-letters` and `_audit` among them, in order.
#[derive(Args, Debug)]
pub struct ReadArgs {
    /// The topic.
    #[arg(value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// Go on at the end, looking for more ten times a second, until SIGINT, SIGTERM, or the
    /// reader of a pipe leaves.
    #[arg(long, conflicts_with = "to")]
    follow: bool,
    /// One JSON object a line, a table, or the bytes as they are stored.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Only this class.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Only this key.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only what broke a rule.
    #[arg(long)]
    anomalies: bool,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One object a line.
    Json,
    /// For people, in 80 columns.
    Table,
    /// Offsets, hexadecimal and ASCII.
    Hex,
}

/// Runs the subcommand.
pub fn run(args: &LogArgs) -> ExitCode {
    with_output(|out| match &args.command {
        LogCommand::Topics { place, json } => topics::run(out, place, *json),
        LogCommand::Read(args) => read::run(out, args),
    })
}
