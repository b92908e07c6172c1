//! `cargo xtask demo`: simulated buses and a live runtime, from nothing, with what to look at.
//! Two missions, one after the other: the air, and a harbour.

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

/// Files of a mission that a run gets a copy of.
const FILES: [&str; 2] = ["outrigger.toml", "scenario.toml"];

/// Line of a mission's configuration that names its plugins: all missions share one folder.
const PLUGINS_LINE: &str = "plugins_dir = \"plugins\"";

/// An example mission, as the demo shows it.
#[derive(Debug)]
pub struct Mission {
    /// Its folder below `examples/`.
    pub name: &'static str,
    /// What the buses say, in lines of at most 80 columns.
    pub words: [&'static str; 2],
    /// Where its sensors talk.
    buses: &'static [Bus],
    /// Topics that carry judged tracks.
    pub topics: &'static [&'static str],
}

/// A bus of a mission.
#[derive(Debug)]
struct Bus {
    /// The sensor that talks on it; all others when there is none.
    sensor: Option<&'static str>,
    /// Where to: a multicast group, or loopback.
    to: &'static str,
    /// The port that its configuration names. A run has ports that nobody else uses, so that two
    /// demos at once do not hear each other.
    port: &'static str,
}

/// The missions, in the order in which they are shown.
const MISSIONS: [Mission; 2] = [
    Mission {
        name: "air",
        words: [
            "Three taps: system tracks (ASTERIX CAT062) by multicast, a radar (CAT048) and",
            "ADS-B by UDP. 43 aircraft, fourteen of them with a fault.",
        ],
        buses: &[
            Bus {
                sensor: Some("centre"),
                to: "239.192.0.62",
                port: "port = 60062",
            },
            Bus {
                sensor: Some("radar"),
                to: "127.0.0.1",
                port: "port = 60048",
            },
            Bus {
                sensor: Some("receiver"),
                to: "127.0.0.1",
                port: "port = 60030",
            },
        ],
        topics: &["air-tracks"],
    },
    Mission {
        name: "harbour",
        words: [
            "One tap: AIS by multicast. 67 vessels, aircraft, stations and buoys, fourteen of",
            "them with a fault.",
        ],
        buses: &[Bus {
            sensor: None,
            to: "239.192.0.4",
            port: "port = 60001",
        }],
        topics: &["port-tracks", "sea-tracks"],
    },
];

/// How to show it.
#[derive(Args, Debug)]
pub struct Options {
    /// Keep buses and runtime up until Ctrl-C; one mission, the first if none is named.
    #[arg(long)]
    pub stay: bool,
    /// Only this mission.
    #[arg(long, value_name = "MISSION", value_parser = MISSIONS.map(|mission| mission.name))]
    pub mission: Option<String>,
    /// How long each mission's buses talk. A track that goes silent is told 25 s later.
    #[arg(long, value_name = "SECONDS", default_value_t = 35,
          value_parser = clap::value_parser!(u64).range(5..=86_400))]
    pub seconds: u64,
}

/// Everything that a run needs, built and in its place.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The mission.
    pub mission: &'static Mission,
    /// The mission's own folder: configuration, data, logs and truth go here.
    pub folder: PathBuf,
    /// Where its sensors talk, as the simulator takes it: `[SENSOR=]udp://ADDRESS:PORT`.
    pub buses: Vec<String>,
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
    let stages = stages(places, options, progress)?;
    live::run(&stages, options, progress)
}

/// The missions that were asked for.
fn wanted(options: &Options) -> Vec<&'static Mission> {
    static KNOWN: [Mission; 2] = MISSIONS;
    let named = |mission: &&Mission| match &options.mission {
        Some(name) => mission.name == name,
        None => true,
    };
    let most = if options.stay { 1 } else { KNOWN.len() };
    KNOWN.iter().filter(named).take(most).collect()
}

/// Sets up, builds and installs.
fn stages(places: &Places, options: &Options, progress: &Progress) -> Result<Vec<Stage>, Failure> {
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
    let plugins_line = format!("plugins_dir = {:?}", plugins.display().to_string());
    let mut stages = Vec::new();
    for mission in wanted(options) {
        let folder = folder.join(mission.name);
        fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        let mut buses = Vec::new();
        let mut changes = vec![(PLUGINS_LINE, plugins_line.clone())];
        for bus in mission.buses {
            let port = free_port()?;
            changes.push((bus.port, format!("port = {port}")));
            let sensor = bus.sensor.map_or(String::new(), |name| format!("{name}="));
            buses.push(format!("{sensor}udp://{}:{port}", bus.to));
        }
        for file in FILES {
            let from = places.root.join("examples").join(mission.name).join(file);
            let mut text = fs::read_to_string(&from).map_err(|error| Failure::io(&from, &error))?;
            for (line, changed) in &changes {
                text = text.replace(line, changed);
            }
            let to = folder.join(file);
            fs::write(&to, text).map_err(|error| Failure::io(&to, &error))?;
        }
        stages.push(Stage {
            mission,
            folder,
            buses,
            outrigger: places.binary("outrigger"),
            simulator: places.binary("bus-simulator"),
        });
    }
    Ok(stages)
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
