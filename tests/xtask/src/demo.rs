//! `cargo xtask demo`: builds everything and lays out a run of its own.

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

/// How to show it.
#[derive(Args, Debug)]
pub struct Options {}

/// Everything that a run needs, built and in its place.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The run's own folder: configuration, data, logs and truth go here.
    pub folder: PathBuf,
    /// Installed plugins.
    pub plugins: PathBuf,
    /// The program `outrigger`.
    pub outrigger: PathBuf,
    /// The program `bus-simulator`.
    pub simulator: PathBuf,
}

/// Sets the stage, and says what is on it.
///
/// # Errors
/// If something does not build.
pub fn run(places: &Places, _options: &Options, progress: &Progress) -> Result<(), Failure> {
    let stage = stage(places, progress)?;
    println!("run folder      {}", stage.folder.display());
    println!("plugins         {}", stage.plugins.display());
    println!("outrigger       {}", stage.outrigger.display());
    println!("bus-simulator   {}", stage.simulator.display());
    Ok(())
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
    let plugins = folder.join("plugins");
    guests::install(&built, &plugins, progress)?;
    Ok(Stage {
        folder,
        plugins,
        outrigger: places.binary("outrigger"),
        simulator: places.binary("bus-simulator"),
    })
}
