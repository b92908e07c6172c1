//! `outrigger profile`: what a configuration costs on this host, measured from outside on a runtime
//! of its own, which plays recordings or listens to its taps.

mod child;
mod place;
mod plot;
mod report;
mod sample;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::child::Child;
use self::place::{Pace, Place};
use self::sample::Sampling;
use super::{EXIT_CONFIG, EXIT_FAILED, EXIT_START, EXIT_USAGE};
use crate::config::Config;
use crate::status::StatusSnapshot;
use crate::trace::{SECONDS_MAX, Trace};

/// Time between two samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Time between two looks for the runtime's start and end.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest wait for a runtime that was told to end. Reason: it drains for at most 30 s, and then
/// writes a snapshot. Beyond it, it is killed, and there is no trace.
const END_MAX: Duration = Duration::from_secs(60);

/// Runs realistic traffic through a configuration, and says what it costs and whether it stays inside
/// the budget.
///
/// The runtime that it starts has a data directory of its own and mirrors nothing to Kafka. With
/// --tap no tap of the configuration is read: a recording takes its place, or nothing.
#[derive(Args, Debug)]
pub struct ProfileArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Recording to play in place of a tap: a capture (pcap, pcapng), or lines of text or of
    /// hexadecimal digits, each perhaps after its time in seconds and a comma. Of several taps,
    /// once for each that is to hear something. Without it the taps are read as they are.
    #[arg(long, value_name = "[NAME=]RECORDING")]
    pub tap: Vec<String>,
    /// How fast recordings are played: recorded, flat-out, or a factor such as 10. As recorded
    /// unless they have no times.
    #[arg(long, value_name = "PACE", value_parser = place::pace, requires = "tap")]
    pub pace: Option<Pace>,
    /// End after so many seconds. Without it: when the recordings are over, or when interrupted.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX as u64))]
    pub seconds: Option<u64>,
    /// Write the resource trace here, for `budget.baseline`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write a plot of it here, as SVG.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Mirror every topic to this Kafka, to measure that too: one to test with.
    #[arg(long, value_name = "BOOTSTRAP")]
    pub kafka: Option<String>,
    /// Where the data directory is made, and removed at the end; the system's directory for such by
    /// default.
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Print the trace as one JSON object instead of a report.
    #[arg(long)]
    pub json: bool,
}

/// Why there is no trace.
enum Refusal {
    /// The configuration is wrong.
    Config(String),
    /// The command line is.
    Usage(String),
    /// What it names cannot be used.
    Unusable(String),
    /// The runtime failed.
    Failed(String),
}

/// Runs the subcommand.
pub fn run(args: &ProfileArgs) -> ExitCode {
    let (code, message) = match profile(args) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Refusal::Config(message)) => (EXIT_CONFIG, message),
        Err(Refusal::Usage(message)) => (EXIT_USAGE, message),
        Err(Refusal::Unusable(message)) => (EXIT_START, message),
        Err(Refusal::Failed(message)) => (EXIT_FAILED, message),
    };
    eprintln!("outrigger: {message}");
    ExitCode::from(code)
}

fn profile(args: &ProfileArgs) -> Result<(), Refusal> {
    let config =
        Config::load(&args.config).map_err(|errors| Refusal::Config(errors.to_string()))?;
    let recordings = place::recordings(&config, &args.tap).map_err(Refusal::Usage)?;
    let place = Place::make(&config, recordings, args.pace, args.scratch.as_deref())
        .map_err(Refusal::Unusable)?;
    // What is written at the end is opened now: nobody waits an hour to learn of a missing folder.
    for path in args.out.iter().chain(&args.plot) {
        let made = std::fs::File::create(path);
        made.map_err(|error| unwritable(path, &error))?;
    }
    let (trace, last) = measure(args, &config, &place)?;
    if let Some(path) = &args.out {
        let text = serde_json::to_string(&trace).expect("a trace is plain data") + "\n";
        std::fs::write(path, text).map_err(|error| unwritable(path, &error))?;
    }
    if let Some(path) = &args.plot {
        let drawn = plot::draw(&trace).map_err(Refusal::Failed)?;
        std::fs::write(path, drawn).map_err(|error| unwritable(path, &error))?;
    }
    let text = match args.json {
        true => serde_json::to_string(&trace).expect("a trace is plain data") + "\n",
        false => report::report(&trace, &last),
    };
    // Nobody may be left to read it; the files are written.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Unusable(format!("{}: cannot be written: {error}", path.display()))
}

fn measure(
    args: &ProfileArgs,
    config: &Config,
    place: &Place,
) -> Result<(Trace, StatusSnapshot), Refusal> {
    let clock = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal::Failed(format!("no timer: {error}")))?;
    clock.block_on(async {
        let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        let [Ok(interrupt), Ok(terminate)] = signals else {
            return Err(Refusal::Failed("cannot receive signals".to_owned()));
        };
        let mut waiting = Waiting {
            interrupt,
            terminate,
        };
        let child = Child::start(place, args.kafka.as_deref(), args.seconds.is_none())
            .map_err(|error| Refusal::Failed(format!("the runtime cannot be started: {error}")))?;
        follow(args, config, place, child, &mut waiting).await
    })
}

/// Waits for time to pass, unless somebody wants it to end.
struct Waiting {
    interrupt: Signal,
    terminate: Signal,
}

impl Waiting {
    /// True if it was interrupted before `until`.
    async fn until(&mut self, until: Instant) -> bool {
        let until = tokio::time::Instant::from_std(until);
        let told = std::future::poll_fn(|context| {
            let interrupted = self.interrupt.poll_recv(context).is_ready();
            match interrupted || self.terminate.poll_recv(context).is_ready() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        });
        tokio::time::timeout_at(until, told).await.is_ok()
    }
}

/// Samples the runtime each second until it ends, or is to.
async fn follow(
    args: &ProfileArgs,
    config: &Config,
    place: &Place,
    mut child: Child,
    waiting: &mut Waiting,
) -> Result<(Trace, StatusSnapshot), Refusal> {
    let mut sampling = Sampling::new(child.pid());
    let shows = std::io::stderr().is_terminal();
    let began = Instant::now();
    let seconds = args.seconds.unwrap_or(SECONDS_MAX as u64);
    let end_at = began + Duration::from_secs(seconds);
    let mut next = began + SAMPLE_EVERY;
    let mut told = false;
    let mut kill_at = None;
    let status = loop {
        match child.ended() {
            Ok(Some(status)) => break status,
            Ok(None) => {}
            Err(error) => return Err(Refusal::Failed(format!("the runtime is lost: {error}"))),
        }
        let now = Instant::now();
        if now >= next && kill_at.is_none() {
            next += SAMPLE_EVERY;
            if let Some(snapshot) = child.status() {
                sampling.take(&snapshot);
                if shows {
                    eprint!("\r\x1b[K{}", report::progress(&snapshot));
                }
            }
        }
        match kill_at {
            None if told || now >= end_at => {
                child.stop();
                kill_at = Some(now + END_MAX);
            }
            Some(at) if now >= at => {
                let message = format!("the runtime did not end within {} s", END_MAX.as_secs());
                return Err(Refusal::Failed(message));
            }
            None | Some(_) => {}
        }
        told |= waiting.until(now + LOOK_EVERY).await;
    };
    if shows {
        eprint!("\r\x1b[K");
    }
    let last = match (status.success(), child.last_status()) {
        (true, Some(last)) => last,
        (_, _) => {
            let words = child.last_words();
            return Err(Refusal::Failed(format!(
                "the runtime failed: {status}; it said:\n{words}"
            )));
        }
    };
    let trace = sampling.trace(config, place.played(), &last);
    Ok((trace, last))
}
