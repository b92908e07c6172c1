//! What the benchmarks of the whole runtime share: installed plugins, a configuration, traffic
//! from the bus simulator, and the time that threads used.
//!
//! The sender is a process of its own (this very program, started again), so that what it costs is
//! not counted. It sends by a fixed schedule and never waits for the receiver, so that a receiver
//! that stalls is not spared the frames that it would have had: no coordinated omission.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bus_simulator::pace::{Pace, Schedule};
use bus_simulator::run::{BySensor, Plan, run};
use bus_simulator::scenario::Scenario;
use bus_simulator::sink::{Recording, Udp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::history;

const SEND: &str = "--send";

/// Directory of installed plugins: the one that the environment names, else xtask makes it.
pub fn installation() -> PathBuf {
    if let Some(path) = std::env::var_os("OUTRIGGER_TEST_INSTALLATION") {
        return PathBuf::from(path);
    }
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--release", "--locked", "--package"])
        .args(["xtask", "--", "installation"])
        .current_dir(history::root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs: it runs this benchmark");
    assert!(output.status.success(), "the plugins cannot be installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    PathBuf::from(text.lines().last().expect("xtask prints the path"))
}

/// Which plugins take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// Decoder.
    Decode,
    /// Decoder and track validator.
    Validate,
    /// Decoder, track validator and router.
    Route,
}

/// Whether a run keeps to a budget. Either way the thresholds of the host are never passed: the
/// sender shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// All cores, and no lag is too long: what a message costs, whatever it is allowed to.
    Never,
    /// The default, a tenth of the cores, and what it sheds by.
    Tenth,
}

impl Budget {
    /// As a table of a configuration.
    pub fn table(self) -> String {
        let own = match self {
            Self::Never => {
                "cpu_permille = 1000\nlag_ms_max = 3_600_000\nlink_bytes_per_s = 10_000_000_000\n\
                 egress_permille = 1000\n"
            }
            Self::Tenth => "",
        };
        format!(
            "[budget]\n{own}drops_permille_max = 1000\nhost_cpu_permille_max = 1000\n\
             host_available_permille_min = 0\npressure_cpu_permille_max = 1000\n\
             pressure_memory_permille_max = 1000\n"
        )
    }
}

/// A configuration as text: one tap, and the plugins of the harbour example, without a budget. `tap`
/// is the tap's table, `state_keys` the tracks that the validator remembers.
pub fn config(
    folder: &Path,
    installation: &Path,
    tap: &str,
    chain: Chain,
    state_keys: u64,
) -> PathBuf {
    budgeted(folder, installation, tap, chain, state_keys, Budget::Never)
}

/// The same with a budget.
pub fn budgeted(
    folder: &Path,
    installation: &Path,
    tap: &str,
    chain: Chain,
    state_keys: u64,
    budget: Budget,
) -> PathBuf {
    let validators = match chain {
        Chain::Decode => "",
        Chain::Validate | Chain::Route => "validators = [\"plausibility\"]\n",
    };
    let target = match chain {
        Chain::Decode | Chain::Validate => "topic = \"sea-tracks\"",
        Chain::Route => "router = \"by-area\"\nexpired_topic = \"sea-tracks\"",
    };
    let mut text = format!(
        "[runtime]\nname = \"bench\"\ndata_dir = \"data\"\nplugins_dir = \"{}\"\n\
         [journal]\nbytes_max = 2_147_483_648\n\
         [taps.bus]\n{tap}\n\
         [plugins.ais]\ncomponent = \"ais_decoder.wasm\"\nrole = \"decoder\"\ntaps = [\"bus\"]\n\
         writes = [\"track.sea\", \"static.sea\", \"station.base\", \"aid.navigation\", \
         \"track.air\"]\n\
         [classes.\"track.sea\"]\n{validators}{target}\n\
         [classes.\"track.air\"]\ntopic = \"sea-tracks\"\n\
         [classes.\"static.sea\"]\ntopic = \"identities\"\n\
         [classes.\"station.base\"]\ntopic = \"stations\"\n\
         [classes.\"aid.navigation\"]\ntopic = \"stations\"\n\
         [topics.sea-tracks]\n[topics.identities]\n[topics.stations]\n",
        installation.display()
    );
    if chain >= Chain::Validate {
        text += &format!(
            "[plugins.plausibility]\ncomponent = \"track_plausibility.wasm\"\n\
             role = \"validator\"\nstate_keys_max = {state_keys}\n"
        );
    }
    if chain == Chain::Route {
        text += "[plugins.by-area]\ncomponent = \"area_router.wasm\"\nrole = \"router\"\n\
                 routes = { inside = \"port-tracks\", outside = \"sea-tracks\" }\n\
                 parameters = { area = { south = 55.0, west = 12.9, north = 55.2, east = 13.4 }, \
                 redact = [\"callsign\"] }\n[topics.port-tracks]\n";
    }
    text += &budget.table();
    let path = folder.join("outrigger.toml");
    std::fs::write(&path, text).expect("the folder can be written");
    path
}

/// The program while it runs.
pub struct Running {
    folder: tempfile::TempDir,
    child: Child,
}

impl Running {
    /// Starts it with a tap on a port, and waits until it answers to its sockets.
    pub fn start(
        installation: &Path,
        port: u16,
        chain: Chain,
        state_keys: u64,
        budget: Budget,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let tap = udp_tap(port);
        let config = budgeted(folder.path(), installation, &tap, chain, state_keys, budget);
        let child = outrigger(&config).spawn().expect("the program is built");
        let running = Self { folder, child };
        let until = Instant::now() + Duration::from_secs(20);
        while !running.data().join("control.sock").exists() {
            assert!(Instant::now() < until, "it does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its status now.
    pub fn status(&self) -> Value {
        let socket = outrigger::control::status_socket(&self.data());
        let status = outrigger::control::fetch_status(&socket).expect("it answers");
        serde_json::to_value(status).expect("it is JSON")
    }

    /// Ends it, and returns its last status.
    pub fn end(mut self) -> Value {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it lives");
        let mut text = String::new();
        let mut out = self.child.stdout.take().expect("it is piped");
        out.read_to_string(&mut text).expect("it prints text");
        assert!(
            self.child.wait().expect("it ends").success(),
            "it ends well"
        );
        serde_json::from_str(&text).expect("it prints one object")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, or left by a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program on a configuration.
pub fn outrigger(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outrigger"));
    command
        .args(["run", "--json", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// A number of a status.
pub fn number(status: &Value, path: &str) -> f64 {
    let value = status.pointer(path).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("the status has {path}"))
}

/// A tap on a port of this host.
pub fn udp_tap(port: u16) -> String {
    format!(
        "kind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}\nreceive_buffer_bytes = 16_777_216"
    )
}

/// A tap that reads a recording of lines as fast as it can, each after its time or without.
pub fn lines_tap(path: &Path, has_times: bool) -> String {
    format!(
        "kind = \"lines\"\npath = \"{}\"\npace = \"flat-out\"\ntime_column = {has_times}",
        path.display()
    )
}

/// A port that nobody has just now.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.local_addr().expect("it is bound").port()
}

/// The load scenario, with this many vessels. Each reports every 2 s.
fn scenario(vessels: u32) -> Scenario {
    let path = history::root().join("examples/harbour/load.toml");
    let mut scenario = Scenario::load(&path).expect("the scenario is sound");
    let all = scenario.track_count();
    for group in &mut scenario.groups {
        group.count = (u64::from(group.count) * u64::from(vessels) / u64::from(all)) as u32;
    }
    scenario
}

/// Starts a sender: `rate` datagrams a second for `seconds`, of twice as many vessels, so that
/// times on board and the clock agree.
pub fn send(port: u16, rate: u32, seconds: u32) -> Child {
    let program = std::env::current_exe().expect("this program runs");
    Command::new(program)
        .args([
            SEND,
            &port.to_string(),
            &rate.to_string(),
            &seconds.to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs")
}

/// What a sender said at its end. Times are how late datagrams left, nanoseconds: what the machine
/// itself makes late, whoever receives.
pub struct Sent {
    pub datagrams: u64,
    pub late_p99_ns: u64,
    pub late_max_ns: u64,
}

impl Sent {
    /// The 99 % quantile and the largest, microseconds.
    pub fn late_us(&self) -> [f64; 2] {
        [self.late_p99_ns, self.late_max_ns].map(|ns| ns as f64 / 1_000.0)
    }
}

/// Waits until a sender ends.
pub fn sent(sender: Child) -> Sent {
    let output = sender.wait_with_output().expect("the sender was started");
    assert!(output.status.success(), "the sender failed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text
        .split_whitespace()
        .map(|word| word.parse().expect("a number"));
    let mut next = || words.next().expect("three numbers");
    Sent {
        datagrams: next(),
        late_p99_ns: next(),
        late_max_ns: next(),
    }
}

/// Is this process the sender? Then it sends, and the caller returns.
pub fn is_sender() -> bool {
    let words: Vec<String> = std::env::args().collect();
    let Some(at) = words.iter().position(|word| word == SEND) else {
        return false;
    };
    let number = |offset: usize| -> u32 { words[at + offset].parse().expect("a number") };
    let (port, rate, seconds) = (number(1), number(2), number(3));
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port as u16));
    let plan = Plan {
        scenario: scenario(rate * 2),
        duration_s: None,
        count: Some(u64::from(rate) * u64::from(seconds)),
        schedule: Schedule {
            pace: Pace::Steady,
            factor: 1.0,
            rate: Some(f64::from(rate)),
        },
        udp: BySensor::all(Udp::open(to, None, 1).expect("a socket")),
        recordings: BySensor::none(),
        truth: None,
        progress: false,
    };
    let summary = run(plan, &AtomicBool::new(false)).expect("datagrams can be sent");
    let (p99, max) = summary
        .lateness
        .as_ref()
        .map_or((0, 0), |lateness| (lateness.p99_ns, lateness.max_ns));
    println!("{} {p99} {max}", summary.datagrams);
    true
}

/// Writes a recording of `count` datagrams of 20,000 vessels: lines with times.
pub fn record(path: &Path, count: u64) {
    let plan = Plan {
        scenario: scenario(20_000),
        duration_s: None,
        count: Some(count),
        schedule: Schedule {
            pace: Pace::FlatOut,
            factor: 1.0,
            rate: None,
        },
        udp: BySensor::none(),
        recordings: BySensor::all(Recording::create(path).expect("the folder can be written")),
        truth: None,
        progress: false,
    };
    run(plan, &AtomicBool::new(false)).expect("a recording can be written");
}

/// The real recording, where it is there.
pub fn real_recording() -> Option<PathBuf> {
    let folder = std::env::var_os("OUTRIGGER_RECORDINGS").map_or_else(
        || history::root().join("../shared/recordings"),
        PathBuf::from,
    );
    let path = folder.join("ais/dma_ais-sample.txt.gz");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: recordings absent ({})", path.display());
    None
}

/// Processor time of this process, nanoseconds: user and system, all threads, ended ones too.
pub fn process_cpu_ns() -> u64 {
    clock_ns(rustix::time::ClockId::ProcessCPUTime)
}

/// Processor time of this thread, nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    clock_ns(rustix::time::ClockId::ThreadCPUTime)
}

fn clock_ns(id: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(id);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Processor time of a process's living threads by name, nanoseconds, by the scheduler's account.
pub fn threads_cpu_ns(pid: u32) -> Vec<(String, u64)> {
    let mut threads = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
    {
        let Ok(task) = task else { continue };
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let on_cpu = read("schedstat");
        let ns = on_cpu
            .split_whitespace()
            .next()
            .and_then(|ns| ns.parse().ok());
        threads.push((read("comm").trim().to_owned(), ns.unwrap_or(0)));
    }
    threads
}
