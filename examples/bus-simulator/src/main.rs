//! Command line of the bus simulator: arguments, files and exit codes.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bus_simulator::pace::{Pace, Schedule};
use bus_simulator::run::{self, BySensor, Plan};
use bus_simulator::scenario::{DURATION_MAX_S, Scenario};
use bus_simulator::sink::{Recording, Udp};
use clap::{Args, Parser, Subcommand};

/// Plays a seeded scenario onto a bus, with its truth beside it.
///
/// The same seed and scenario give the same bytes. Exit codes: 0 done or stopped by a signal,
/// 1 the run failed, 2 the arguments or the scenario are wrong.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a scenario to a UDP address, a recording, or both.
    Run(Run),
    /// Check a scenario, and say what it holds.
    Check {
        /// Scenario file.
        #[arg(long, value_name = "FILE")]
        scenario: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Live reports carry the current time; recordings without --to start at the \
scenario's `start`. With --rate, --factor or --pace flat-out the times on board \
run at the scenario's pace, not at the wall clock's.")]
struct Run {
    /// Scenario file.
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    /// Send live to this address, as udp://239.192.0.4:60001 (unicast or multicast); with a
    /// sensor's name before it, what that sensor reports. May be given several times.
    #[arg(long, value_name = "[SENSOR=]udp://ADDRESS:PORT", value_parser = udp_address)]
    to: Vec<(Option<String>, SocketAddr)>,
    /// Local address to send from; for multicast it chooses the interface.
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    interface: Option<IpAddr>,
    /// Hops of multicast datagrams.
    #[arg(long, default_value_t = 1, requires = "to", value_parser = clap::value_parser!(u32).range(0..=255))]
    ttl: u32,
    /// Write a recording, one line per sentence: `seconds.microseconds,sentence`; binary
    /// datagrams as hex. With a sensor's name before it, what that sensor reports.
    #[arg(long, value_name = "[SENSOR=]FILE", value_parser = named_file)]
    out: Vec<(Option<String>, PathBuf)>,
    /// Write the truth, one JSON line per report.
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Spread of live datagrams: at their times, by the second, or as fast as they go.
    #[arg(long, value_enum, default_value_t = Pace::Steady, requires = "to")]
    pace: Pace,
    /// Scenario seconds per second of live sending.
    #[arg(long, default_value_t = 1.0, requires = "to", value_parser = positive)]
    factor: f64,
    /// Live datagrams per second, evenly spaced, in place of the scenario's own times.
    #[arg(long, value_name = "DATAGRAMS_PER_S", requires = "to", conflicts_with = "factor", value_parser = positive)]
    rate: Option<f64>,
    /// Seed in place of the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds of the scenario in place of its own; it may play longer, without further faults.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=u64::from(DURATION_MAX_S)))]
    duration: Option<u64>,
    /// Datagrams to send at most; without --duration the scenario plays on until then.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Print the summary as one JSON line on standard output.
    #[arg(long)]
    json: bool,
    /// Tell no progress.
    #[arg(long)]
    quiet: bool,
}

/// `SENSOR=REST` or `REST`.
fn named(text: &str) -> (Option<String>, &str) {
    match text.split_once('=') {
        Some((name, rest)) => (Some(name.to_owned()), rest),
        None => (None, text),
    }
}

fn udp_address(text: &str) -> Result<(Option<String>, SocketAddr), String> {
    let (name, text) = named(text);
    let address = text
        .strip_prefix("udp://")
        .ok_or("must start with udp://")?;
    let address = address
        .parse()
        .map_err(|_| "must be udp://ADDRESS:PORT with a numeric address".to_owned())?;
    Ok((name, address))
}

#[expect(clippy::unnecessary_wraps, reason = "the form that clap asks for")]
fn named_file(text: &str) -> Result<(Option<String>, PathBuf), String> {
    let (name, path) = named(text);
    Ok((name, PathBuf::from(path)))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        Ok(_) | Err(_) => Err("must be a number above 0".to_owned()),
    }
}

/// A failure, and whether the arguments or the run are at fault.
enum Failure {
    Input(String),
    Run(String),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(arguments) => play(arguments),
        Command::Check { scenario } => check(&scenario),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Input(cause)) => {
            eprintln!("bus-simulator: {cause}");
            ExitCode::from(2)
        }
        Err(Failure::Run(cause)) => {
            eprintln!("bus-simulator: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn check(path: &std::path::Path) -> Result<(), Failure> {
    let scenario = Scenario::load(path).map_err(|cause| Failure::Input(cause.to_string()))?;
    let mut text = format!(
        "{}: seed {}, {} s, {} tracks\n",
        path.display(),
        scenario.seed,
        scenario.duration_s,
        scenario.track_count()
    );
    for group in &scenario.groups {
        text += &format!(
            "  {:<20} {:>6} {}\n",
            group.name,
            group.count,
            group.class.name()
        );
    }
    for order in &scenario.faults {
        let count = order.target.count();
        text += &format!("  fault {:<14} {:>6}\n", order.kind.name(), count);
    }
    print(&text)
}

fn play(arguments: Run) -> Result<(), Failure> {
    if arguments.to.is_empty() && arguments.out.is_empty() && arguments.truth.is_none() {
        return Err(Failure::Input(
            "nothing to do: give --to, --out or --truth".to_owned(),
        ));
    }
    if arguments.rate.is_some() && arguments.pace == Pace::FlatOut {
        return Err(Failure::Input(
            "--rate and --pace flat-out exclude each other".to_owned(),
        ));
    }
    let mut scenario =
        Scenario::load(&arguments.scenario).map_err(|cause| Failure::Input(cause.to_string()))?;
    if let Some(seed) = arguments.seed {
        scenario.seed = seed;
    }
    let duration_s = match (arguments.duration, arguments.count) {
        (Some(duration_s), _) => Some(duration_s),
        (None, Some(_)) => None,
        (None, None) => Some(u64::from(scenario.duration_s)),
    };
    let mut udp = Vec::new();
    for (name, to) in arguments.to {
        let output = Udp::open(to, arguments.interface, arguments.ttl)
            .map_err(|cause| Failure::Run(format!("cannot open udp://{to}: {cause}")))?;
        udp.push((name, output));
    }
    let mut recordings = Vec::new();
    for (name, path) in arguments.out {
        let output = Recording::create(&path)
            .map_err(|cause| Failure::Run(format!("cannot create {}: {cause}", path.display())))?;
        recordings.push((name, output));
    }
    let names: Vec<&str> = scenario
        .sensors
        .iter()
        .map(|sensor| &*sensor.name)
        .collect();
    let udp = BySensor::new(udp, &names).map_err(Failure::Input)?;
    let recordings = BySensor::new(recordings, &names).map_err(Failure::Input)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|cause| Failure::Run(format!("cannot watch for signals: {cause}")))?;
    }
    let plan = Plan {
        scenario,
        duration_s,
        count: arguments.count,
        schedule: Schedule {
            pace: arguments.pace,
            factor: arguments.factor,
            rate: arguments.rate,
        },
        udp,
        recordings,
        truth: arguments.truth,
        progress: !arguments.quiet,
    };
    let summary = run::run(plan, &stop).map_err(|cause| Failure::Run(cause.to_string()))?;
    if arguments.json {
        print(&format!("{}\n", summary.to_json()))
    } else {
        print(&summary.to_text())
    }
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|cause| Failure::Run(format!("cannot write to standard output: {cause}")))
}
