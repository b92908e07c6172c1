//! `cargo xtask demo`: a simulated bus and a live runtime, from nothing, with what to look at.

mod live;
mod score;

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
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

/// The mission's group, and the line of its configuration that names the port.
const GROUP: &str = "239.192.0.4";
const PORT_LINE: &str = "port = 60001";

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
    /// Where the simulated bus talks: a multicast group, and a port that nobody else uses, so that
    /// two demos at once do not hear each other.
    pub bus: (&'static str, u16),
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
    let port = free_port()?;
    for file in MISSION {
        let from = places.root.join("examples/harbour").join(file);
        let text = fs::read_to_string(&from).map_err(|error| Failure::io(&from, &error))?;
        let text = text.replace(PORT_LINE, &format!("port = {port}"));
        let to = folder.join(file);
        fs::write(&to, text).map_err(|error| Failure::io(&to, &error))?;
    }
    Ok(Stage {
        folder,
        bus: (GROUP, port),
        outrigger: places.binary("outrigger"),
        simulator: places.binary("bus-simulator"),
    })
}

/// A port that no UDP socket of this host is bound to.
fn free_port() -> Result<u16, Failure> {
    let failure = |error: std::io::Error| {
        Failure::new(
            format!("no UDP port to be had: {error}"),
            "allow sockets on loopback",
        )
    };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failure)?;
    Ok(socket.local_addr().map_err(failure)?.port())
}
