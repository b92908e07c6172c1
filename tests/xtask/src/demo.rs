//! `cargo xtask demo`: a simulated bus and a live runtime, from nothing, with what to look at.

mod live;
mod score;

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::cache;
use crate::guests;
use crate::places::Places;
use crate::progress::{Failure, Progress};
use crate::runner;
use crate::setup;

/// Runs whose folders are kept, so that their logs can be read afterwards.
const RUNS_MAX: usize = 3;

/// Files of the mission that a run gets a copy of.
const MISSION: [&str; 2] = ["outrigger.toml", "scenario.toml"];

/// How to show it.
#[derive(Args, Debug)]
pub struct Options {
    /// Keep bus and runtime up until Ctrl-C.
    #[arg(long)]
    pub stay: bool,
    /// How long the simulated bus talks.
    #[arg(long, value_name = "SECONDS", default_value_t = 20,
          value_parser = clap::value_parser!(u64).range(5..=86_400))]
    pub seconds: u64,
}

/// Everything that a run needs, built and in its place.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The run's own folder: configuration, data, logs and truth go here.
    pub folder: PathBuf,
    /// The program `outrigger`.
    pub outrigger: PathBuf,
    /// The program `bus-simulator`.
    pub simulator: PathBuf,
}

/// Builds, runs, shows, and sums up.
///
/// # Errors
/// If something does not build or does not run; what the programs said is named.
pub fn run(places: &Places, options: &Options, progress: &Progress) -> Result<(), Failure> {
    let stage = stage(places, progress)?;
    live::run(&stage, options, progress)
}

/// Sets up, builds and installs.
fn stage(places: &Places, progress: &Progress) -> Result<Stage, Failure> {
    let toolchain = setup::guest_toolchain(progress)?;
    progress.step("build outrigger and bus-simulator", || {
        let mut cargo = places.cargo("build");
        cargo.args(["--release", "--locked", "--bins"]);
        cargo.args(["--package", "outrigger", "--package", "bus-simulator"]);
        runner::run(&mut cargo, "read the compiler's message above")
    })?;
    let built = guests::build(places, &toolchain, false, progress)?;
    let runs = places.cache.join("runs");
    let begun = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = format!("{}", begun.unwrap_or_default().as_secs());
    let folder = runs.join(name);
    fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    cache::prune(&runs, RUNS_MAX).map_err(|error| Failure::io(&runs, &error))?;
    guests::install(&built, &folder.join("plugins"), progress)?;
    for file in MISSION {
        let from = places.root.join("examples/harbour").join(file);
        fs::copy(&from, folder.join(file)).map_err(|error| Failure::io(&from, &error))?;
    }
    Ok(Stage {
        folder,
        outrigger: places.binary("outrigger"),
        simulator: places.binary("bus-simulator"),
    })
}
