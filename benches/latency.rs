//! How long a frame waits, what the runtime holds, and what it uses when there is nothing to do;
//! the program itself, as it is shipped.
//!
//! 1. *Latency* from capture (the kernel's time stamp) to verdict and to the topic log, at several
//!    rates: the runtime's own HDR histograms. The sender keeps to its schedule whatever the
//!    receiver does, and its own lateness is printed beside it: no coordinated omission.
//! 2. *Resident memory* with three plugins and 10,000 live tracks.
//! 3. *Idle*: processor time without a frame.
//! 4. *Start*: from the start of the process to the first record in a topic.
//!
//! `cargo bench --bench latency [-- --quick] [rates | resident | idle | start]`

mod history;
mod rig;

use std::path::Path;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger_journal::{Block, Kind, Reader};
use rig::{Budget, Chain, Running, number};
use serde_json::Value;

/// Datagrams per second.
const RATES: [u32; 3] = [1_000, 10_000, 30_000];
/// Tracks that report in the measure of resident memory, and that the validator remembers.
const LIVE_TRACKS: u32 = 10_000;
/// Seconds of each rate, and of being idle.
const SECONDS: u32 = 10;
const SECONDS_QUICK: u32 = 1;
const STARTS: usize = 15;
const STARTS_QUICK: usize = 3;
/// A position report.
const FRAME: &str = "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\n";

fn main() {
    if rig::is_sender() {
        return;
    }
    let wanted = history::word();
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|word| word == part);
    let installation = rig::installation();
    let seconds = if history::is_quick() {
        SECONDS_QUICK
    } else {
        SECONDS
    };
    if is_wanted("rates") {
        rates(&installation, seconds);
    }
    if is_wanted("resident") {
        resident(&installation, seconds);
    }
    if is_wanted("idle") {
        idle(&installation, seconds);
    }
    if is_wanted("start") {
        start(&installation);
    }
}

/// Three plugins, whatever a message costs.
fn started(installation: &Path, port: u16, state_keys: u64) -> Running {
    Running::start(installation, port, Chain::Route, state_keys, Budget::Never)
}

fn rates(installation: &Path, seconds: u32) {
    println!("latency, microseconds, {seconds} s at each rate");
    println!(
        "rate/s   to verdict p50     p99   p99.9     max   to topic p50     p99   p99.9     max   \
         lost   sender late p99    max   CPU of one core"
    );
    for rate in RATES {
        let port = rig::free_port();
        let running = started(installation, port, u64::from(rate) * 2);
        let sent = rig::sent(rig::send(port, rate, seconds));
        std::thread::sleep(Duration::from_millis(500));
        let status = running.end();
        let of = |histogram: &str| {
            ["p50_us", "p99_us", "p999_us", "max_us"]
                .map(|name| number(&status, &format!("/{histogram}/{name}")))
        };
        let (verdict, delivery) = (of("to_verdict"), of("to_delivery"));
        let lost = sent.datagrams as f64 - number(&status, "/taps/0/frames");
        let cpu = number(&status, "/process/cpu_ms") / (f64::from(seconds) * 1_000.0) * 100.0;
        let [late_p99, late_max] = sent.late_us();
        println!(
            "{rate:>6}   {:>14} {:>7} {:>7} {:>7}   {:>12} {:>7} {:>7} {:>7}   {lost:>4}   \
             {late_p99:>15.0} {late_max:>6.0}   {cpu:>13.1} %",
            verdict[0],
            verdict[1],
            verdict[2],
            verdict[3],
            delivery[0],
            delivery[1],
            delivery[2],
            delivery[3]
        );
        for (what, figures) in [("to verdict", verdict), ("to topic", delivery)] {
            history::Line::new("latency", what)
                .number("rate", f64::from(rate))
                .number("p50_us", figures[0])
                .number("p99_us", figures[1])
                .number("p999_us", figures[2])
                .number("max_us", figures[3])
                .number("lost", lost)
                .number("sender_late_p99_us", late_p99)
                .number("sender_late_us", late_max)
                .number("cpu_percent", cpu)
                .append();
        }
    }
}

fn resident(installation: &Path, seconds: u32) {
    let port = rig::free_port();
    let running = started(installation, port, u64::from(LIVE_TRACKS));
    // Each vessel reports every 2 s.
    let datagrams = rig::sent(rig::send(port, LIVE_TRACKS / 2, seconds.max(3))).datagrams;
    std::thread::sleep(Duration::from_millis(1_500));
    let text = std::fs::read_to_string(format!("/proc/{}/status", running.id()));
    let text = text.expect("it lives");
    let bytes = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kib.expect("the kernel says it") * 1_024.0
    };
    let (now, peak) = (bytes("VmRSS:"), bytes("VmHWM:"));
    let (own, files) = (bytes("RssAnon:"), bytes("RssFile:"));
    let status = running.end();
    let keys = status
        .pointer("/plugins")
        .and_then(Value::as_array)
        .map_or(0, |plugins| {
            let keys = plugins
                .iter()
                .filter_map(|plugin| plugin["state_keys"].as_u64());
            keys.max().unwrap_or(0)
        });
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    println!(
        "resident: {:.1} MiB, peak {:.1} MiB ({:.1} MiB of its own, {:.1} MiB of files); {keys} \
         tracks in state, {datagrams} datagrams",
        mib(now),
        mib(peak),
        mib(own),
        mib(files)
    );
    history::Line::new("latency", "resident")
        .number("live_tracks", keys as f64)
        .number("bytes_resident", now)
        .number("bytes_resident_peak", peak)
        .number("bytes_anonymous", own)
        .append();
}

fn idle(installation: &Path, seconds: u32) {
    let running = started(installation, rig::free_port(), 10_000);
    std::thread::sleep(Duration::from_secs(1));
    let pid = running.id();
    let before = rig::threads_cpu_ns(pid);
    std::thread::sleep(Duration::from_secs(u64::from(seconds)));
    let after = rig::threads_cpu_ns(pid);
    let sum = |threads: &[(String, u64)]| threads.iter().map(|(_, ns)| *ns).sum::<u64>();
    let percent = (sum(&after) - sum(&before)) as f64 / (f64::from(seconds) * 1e9) * 100.0;
    print!("idle: {percent:.3} % of one core over {seconds} s;");
    for ((name, after), (_, before)) in after.iter().zip(&before) {
        print!(
            " {name} {} us/s",
            (after - before) / 1_000 / u64::from(seconds)
        );
    }
    println!();
    history::Line::new("latency", "idle")
        .number("seconds", f64::from(seconds))
        .number("cpu_percent", percent)
        .append();
    running.end();
}

fn start(installation: &Path) {
    let starts = if history::is_quick() {
        STARTS_QUICK
    } else {
        STARTS
    };
    let mut ms: Vec<f64> = (0..starts)
        .map(|_| {
            let folder = tempfile::tempdir().expect("a temporary directory");
            let recording = folder.path().join("one.log");
            std::fs::write(&recording, FRAME).expect("the folder can be written");
            let tap = rig::lines_tap(&recording, false);
            let config = rig::config(folder.path(), installation, &tap, Chain::Route, 10_000);
            let begun = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let begun_ns = begun.expect("after 1970").as_nanos() as u64;
            let output = rig::outrigger(&config).arg("--until-idle").output();
            let output = output.expect("the program is built");
            assert!(output.status.success(), "it ends well");
            let topics = folder.path().join("data/topics");
            let written = ["sea-tracks", "port-tracks"]
                .iter()
                .filter_map(|topic| first_written_ns(&topics.join(topic)))
                .min();
            let written_ns = written.expect("the frame became a record");
            written_ns.saturating_sub(begun_ns) as f64 / 1e6
        })
        .collect();
    let median = history::median(&mut ms);
    println!(
        "start to first record: {median:.1} ms, median of {starts}; fastest {:.1}, slowest {:.1}",
        ms[0],
        ms[starts - 1]
    );
    history::Line::new("latency", "start")
        .number("starts", starts as f64)
        .number("median_ms", median)
        .number("fastest_ms", ms[0])
        .number("slowest_ms", ms[starts - 1])
        .append();
}

/// When the first records of a topic were written.
fn first_written_ns(topic: &Path) -> Option<u64> {
    let dir = Dir::open_ambient_dir(topic, ambient_authority()).ok()?;
    let mut reader = Reader::open(&dir).ok()?;
    let mut block = Block::default();
    while reader.next(&mut block).ok()? {
        if block.header.kind == Kind::Records {
            return Some(block.header.written_ns);
        }
    }
    None
}
