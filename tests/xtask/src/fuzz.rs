//! `cargo xtask fuzz`: mutation fuzzing of the plugins, for longer than the tests do.

use clap::Args;

use crate::places::Places;
use crate::progress::Failure;
use crate::runner;

/// What to fuzz.
#[derive(Args, Debug)]
pub struct Options {
    /// A plugin, by its folder's name [default: all].
    target: Option<String>,
    /// Time for each target, in seconds.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Start of the generator: another seed makes other inputs.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Runs only this input, as a finding prints it.
    #[arg(long, value_name = "INPUT", requires = "target")]
    again: Option<String>,
}

/// Runs the targets.
///
/// # Errors
/// If they do not build, or an input breaks a rule.
pub fn run(places: &Places, options: &Options) -> Result<(), Failure> {
    let mut cargo = places.fuzz_cargo("run");
    cargo.args(["--quiet", "--release", "--locked", "--"]);
    cargo.args(&options.target);
    cargo.args(["--seconds", &options.seconds.to_string()]);
    cargo.args(["--seed", &options.seed.to_string()]);
    if let Some(input) = &options.again {
        cargo.args(["--again", input]);
    }
    runner::run(
        &mut cargo,
        "the input and how to run it again are printed above",
    )
}
