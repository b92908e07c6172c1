//! The live part: starts the programs, shows what they do, ends them, sums up.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::score::{Found, Score, anomalies, compare, faults};
use super::{Options, Stage};
use crate::progress::{Failure, Progress};

/// Interface of the simulated bus.
const INTERFACE: &str = "127.0.0.1";
/// Longest wait for the runtime to start or to end.
const WAIT: Duration = Duration::from_secs(30);
/// Anomalies kept for the summary. More are counted only.
const FOUND_MAX: usize = 10_000;

/// A program of the demo, ended when dropped.
struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Running {
    fn start(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
        stdout: Stdio,
    ) -> Result<Self, Failure> {
        let file = File::create(&log).map_err(|error| Failure::io(&log, &error))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(file)
            .spawn()
            .map_err(|error| Failure::new(format!("{name}: {error}"), "see above"))?;
        Ok(Self { name, child, log })
    }

    /// Asks it to end, and waits.
    fn end(&mut self) -> Result<(), Failure> {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let begun = Instant::now();
        while begun.elapsed() < WAIT {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(self.failure(&format!("ended with {status}"))),
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(self.failure(&error.to_string())),
            }
        }
        Err(self.failure("did not end when asked to"))
    }

    fn failure(&self, what: &str) -> Failure {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = said.lines().rev().take(5).collect::<Vec<_>>();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n    ");
        Failure::new(
            format!("{} {what}; it said:\n    {last}", self.name),
            format!("read {}", self.log.display()),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the missions, one after the other, and shows them.
///
/// # Errors
/// A program that does not start, fails, or does not end.
pub fn run(stages: &[Stage], options: &Options, progress: &Progress) -> Result<(), Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))
        .map_err(|error| Failure::new(format!("signals: {error}"), "see above"))?;
    for stage in stages {
        if interrupted.load(Ordering::Acquire) {
            break;
        }
        show(stage, options, &interrupted, progress)?;
    }
    println!("\nTry next:");
    for stage in stages {
        hints(stage);
    }
    Ok(())
}

/// Runs one mission and shows it.
fn show(
    stage: &Stage,
    options: &Options,
    interrupted: &AtomicBool,
    progress: &Progress,
) -> Result<(), Failure> {
    let mission = stage.mission;
    let folder = &stage.folder;
    let config = folder.join("outrigger.toml");
    let summary = folder.join("summary.json");
    let out = File::create(&summary).map_err(|error| Failure::io(&summary, &error))?;
    let mut runtime = Running::start(
        "outrigger run",
        Command::new(&stage.outrigger)
            .args(["run", "--json", "--config"])
            .arg(&config),
        folder.join("outrigger.log"),
        out.into(),
    )?;
    progress.step("start the runtime", || ready(stage, &mut runtime))?;
    let (sender, found) = channel();
    let mut readers = Vec::new();
    for topic in mission.topics {
        readers.push(follow(stage, topic, sender.clone())?);
    }
    let seconds = if options.stay {
        86_400
    } else {
        options.seconds
    };
    let truth = folder.join("truth.jsonl");
    let mut bus = Running::start(
        "bus-simulator",
        Command::new(&stage.simulator)
            .args(["run", "--quiet", "--interface", INTERFACE])
            .args(stage.buses.iter().flat_map(|bus| ["--to", bus]))
            .args(["--duration", &seconds.to_string()])
            .arg("--scenario")
            .arg(folder.join("scenario.toml"))
            .arg("--truth")
            .arg(&truth),
        folder.join("bus-simulator.log"),
        Stdio::null(),
    )?;
    println!(
        "\nMission {}, {seconds} s on loopback.\n{}\n{}",
        mission.name, mission.words[0], mission.words[1]
    );
    println!("Anomalies stand below as they are found.\n");
    if options.stay {
        println!("It stays up until Ctrl-C. In another terminal:");
        hints(stage);
    }
    let mut all = Vec::new();
    watch(stage, &mut runtime, &mut bus, &found, &mut all, interrupted)?;
    for reader in &mut readers {
        // A follower ends by itself when asked; what it had read has been taken.
        let _ = reader.end();
    }
    drop(bus);
    if runtime.child.try_wait().ok().flatten().is_none() {
        runtime.end()?;
    }
    take(&found, &mut all, None);
    let injected = std::fs::read_to_string(&truth).unwrap_or_default();
    let score = compare(&faults(&injected), &all);
    let text = std::fs::read_to_string(&summary).unwrap_or_default();
    let status: Value = serde_json::from_str(&text)
        .map_err(|error| runtime.failure(&format!("left no summary ({error})")))?;
    sum_up(stage, &status, &score);
    Ok(())
}

/// Waits until the runtime answers.
fn ready(stage: &Stage, runtime: &mut Running) -> Result<(), Failure> {
    let begun = Instant::now();
    while begun.elapsed() < WAIT {
        if status(stage).is_some() {
            return Ok(());
        }
        if let Ok(Some(ended)) = runtime.child.try_wait() {
            return Err(runtime.failure(&format!("ended with {ended}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(runtime.failure("did not answer"))
}

/// What the runtime says of itself.
fn status(stage: &Stage) -> Option<Value> {
    let output = Command::new(&stage.outrigger)
        .args(["status", "--json", "--config"])
        .arg(stage.folder.join("outrigger.toml"))
        .stdin(Stdio::null())
        .output()
        .ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// Follows the anomalies of a topic, by a reader of its own.
fn follow(stage: &Stage, topic: &str, found: Sender<Found>) -> Result<Running, Failure> {
    let mut reader = Running::start(
        "outrigger log read",
        Command::new(&stage.outrigger)
            .args([
                "log",
                "read",
                topic,
                "--follow",
                "--anomalies",
                "--format",
                "json",
            ])
            .arg("--config")
            .arg(stage.folder.join("outrigger.toml")),
        stage.folder.join(format!("read-{topic}.log")),
        Stdio::piped(),
    )?;
    if let Some(output) = reader.child.stdout.take() {
        // Ends with the reader's output, or when nobody listens any more.
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            let mut anomalies = lines.flat_map(|line| anomalies(&line));
            anomalies.all(|one| found.send(one).is_ok())
        });
    }
    Ok(reader)
}

/// Shows anomalies as they come and a line every second, until the bus is silent.
fn watch(
    stage: &Stage,
    runtime: &mut Running,
    bus: &mut Running,
    found: &Receiver<Found>,
    all: &mut Vec<Found>,
    interrupted: &AtomicBool,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut shown = 0;
    loop {
        let until = begun + Duration::from_secs(shown + 1);
        take(found, all, Some((begun, until)));
        shown += 1;
        if let Ok(Some(ended)) = runtime.child.try_wait() {
            if interrupted.load(Ordering::Acquire) && ended.success() {
                return Ok(());
            }
            return Err(runtime.failure(&format!("ended with {ended}")));
        }
        if let Some(status) = status(stage) {
            println!("{}", line(begun.elapsed(), &status));
        }
        match bus.child.try_wait() {
            Ok(Some(ended)) if ended.success() => {
                // One more second for what is on the way.
                let until = Instant::now() + Duration::from_secs(1);
                take(found, all, Some((begun, until)));
                return Ok(());
            }
            Ok(Some(ended)) => return Err(bus.failure(&format!("ended with {ended}"))),
            Ok(None) if interrupted.load(Ordering::Acquire) => return Ok(()),
            Ok(None) => {}
            Err(error) => return Err(bus.failure(&error.to_string())),
        }
    }
}

/// Takes anomalies until a moment, and shows each; without one, takes what is there.
fn take(found: &Receiver<Found>, all: &mut Vec<Found>, until: Option<(Instant, Instant)>) {
    loop {
        let left = until.map_or(Duration::ZERO, |(_, until)| {
            until.saturating_duration_since(Instant::now())
        });
        match found.recv_timeout(left) {
            Ok(one) => {
                if let Some((begun, _)) = until {
                    println!("{}", anomaly(begun.elapsed(), &one));
                }
                if all.len() < FOUND_MAX {
                    all.push(one);
                }
            }
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(left);
                return;
            }
        }
    }
}

fn number(value: &Value, path: &[&str]) -> u64 {
    let found = path.iter().fold(value, |value, name| &value[*name]);
    found.as_u64().unwrap_or(0)
}

fn sum(list: &Value, field: &str) -> f64 {
    let rows = list.as_array().map_or(&[][..], Vec::as_slice);
    rows.iter().filter_map(|row| row[field].as_f64()).sum()
}

fn line(at: Duration, status: &Value) -> String {
    let tracks: u64 = status["plugins"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter(|plugin| plugin["role"] == "validator")
        .map(|plugin| number(plugin, &["state_keys"]))
        .sum();
    format!(
        "{:>5.1} s  {:>5} frames {:>4.0}/s  {tracks:>3} tracks  p99 {:>6}  CPU {:.1} %  {} MiB",
        at.as_secs_f64(),
        sum(&status["taps"], "frames"),
        sum(&status["taps"], "frames_per_s"),
        micros(number(status, &["to_verdict", "p99_us"])),
        number(status, &["process", "cpu_permille"]) as f64 / 10.0,
        number(status, &["process", "rss_bytes"]) >> 20,
    )
}

fn anomaly(at: Duration, found: &Found) -> String {
    let mut line = format!(
        "{:>5.1} s  ! {:<13} {}  score {:.2}",
        at.as_secs_f64(),
        found.rule,
        found.key,
        found.score
    );
    for (name, value) in &found.detail {
        let more = format!("  {name} {value}");
        if line.len() + more.len() > 80 {
            break;
        }
        line.push_str(&more);
    }
    line
}

fn micros(us: u64) -> String {
    if us < 10_000 {
        format!("{us} µs")
    } else {
        format!("{} ms", us / 1_000)
    }
}

fn sum_up(stage: &Stage, status: &Value, score: &Score) {
    let ledger = &status["ledger"];
    let of = |name: &str| number(ledger, &[name]);
    println!("\nSummary of mission {}", stage.mission.name);
    println!(
        "  frames      {} captured = {} processed + {} rejected + {} shed + {} waiting",
        of("captured"),
        of("processed"),
        of("rejected"),
        of("shed"),
        of("waiting")
    );
    println!("  lost before capture: {}", of("lost_before"));
    for class in status["classes"].as_array().map_or(&[][..], Vec::as_slice) {
        println!(
            "  messages    {:<22} {:>6}  {} with anomalies",
            class["name"].as_str().unwrap_or(""),
            number(class, &["messages"]),
            number(class, &["anomalous"])
        );
    }
    let (injected, hit) = score
        .by_rule
        .values()
        .fold((0, 0), |(a, b), (injected, hit)| (a + injected, b + hit));
    println!("  anomalies   {hit} of {injected} injected faults found by their rule");
    for (rule, (injected, hit)) in &score.by_rule {
        println!("              {rule:<18} {hit} of {injected}");
    }
    for fault in &score.missed {
        println!(
            "    missed    {} on {} ({})",
            fault.rule, fault.key, fault.id
        );
    }
    println!(
        "    anomalies that no fault explains: {}",
        score.extra.len()
    );
    for one in score.extra.iter().take(5) {
        println!("      {} on {}", one.rule, one.key);
    }
    let verdict = &status["to_verdict"];
    println!(
        "  capture to verdict   p50 {}, p99 {}, p99.9 {}",
        micros(number(verdict, &["p50_us"])),
        micros(number(verdict, &["p99_us"])),
        micros(number(verdict, &["p999_us"]))
    );
    let process = &status["process"];
    println!(
        "  budget      CPU {:.1} % of the host, at most {:.0} %; memory {} of {} MiB",
        number(process, &["cpu_permille_mean"]) as f64 / 10.0,
        number(process, &["cpu_permille_max"]) as f64 / 10.0,
        number(process, &["rss_peak_bytes"]) >> 20,
        number(process, &["rss_bytes_max"]) >> 20
    );
    println!("  logs, journal and truth: {}", stage.folder.display());
}

fn hints(stage: &Stage) {
    let program = short(&stage.outrigger);
    let config = short(&stage.folder.join("outrigger.toml"));
    println!("  O={program}; C={config}");
    println!("  $O log topics --config $C");
    let topic = stage.mission.topics.last().copied().unwrap_or_default();
    println!("  $O log read {topic} --anomalies --format table --config $C");
    println!("  $O journal verify --config $C");
    println!("  $O doctor --config $C\n");
}

/// A path as one would type it.
fn short(path: &Path) -> String {
    path.display().to_string()
}
