//! `outrigger journal`: what was captured, and whether it is still what was written; also while a
//! runtime writes to it.

mod read;
mod stat;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::log::Format;
use super::output::with_output;
use super::place::PlaceArgs;
use super::walk::RangeArgs;

/// Says what the journal holds, prints it, or checks it. Exits with 1 if what is there is damaged,
/// with 3 if it is not there or cannot be read.
#[derive(Args, Debug)]
pub struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Subcommand, Debug)]
enum JournalCommand {
    /// Segments, blocks, taps, gaps, the newest snapshot and the reach of signed heads. Reads and
    /// checks all that is held.
    Stat {
        #[command(flatten)]
        place: PlaceArgs,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    Read(ReadArgs),
    Verify(VerifyArgs),
}

/// Prints captured frames as they came, or the rulings among them.
#[derive(Args, Debug)]
pub struct ReadArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// Only frames of this tap.
    #[arg(long, value_name = "TAP", conflicts_with = "rulings")]
    tap: Option<String>,
    /// One JSON object a line, a table, or the bytes.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The rulings instead of the frames: what a re-run obeys. A bound in time is the host's time
    /// here.
    #[arg(long)]
    rulings: bool,
}

/// Checks every checksum, the whole chain of hashes, the numbers and the signed heads; exits with
/// 0 if all is good, with 5 if not.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Check this topic's log instead of the journal.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Public half of the key that signed the heads. Else the one beside the configuration's
    /// journal.signing_key; with --data alone signatures are not checked.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &JournalArgs) -> ExitCode {
    with_output(|out| match &args.command {
        JournalCommand::Stat { place, json } => stat::run(out, place, *json),
        JournalCommand::Read(args) => read::run(out, args),
        JournalCommand::Verify(args) => verify::run(out, args),
    })
}
