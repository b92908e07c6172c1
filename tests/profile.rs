//! A profile of the real program, and a run that is held against it.
//!
//! The traffic is `echo` messages of which every body ends with 7: then `dearer.wat`, which is else the
//! same as `validator.wat`, costs about a third more for each.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Output;

use outrigger::status::StatusSnapshot;
use outrigger::trace::{Second, TRACE_VERSION, Trace};

use crate::common::unbounded;
use crate::rig::guests::installed;
use crate::rig::{Running, Site};

/// Steps of the recording, of a hundredth of a second each.
const STEPS: usize = 300;
/// Datagrams in a round of live traffic. Reason: what a receive buffer holds many times over.
const ROUND: usize = 40;

/// The frame that the decoder makes {key: 7} of. Keys come in turn, one of all that print.
fn frame(at: usize) -> [u8; 4] {
    let keys = b' '..=b'~';
    let key = keys.clone().nth(at % keys.len()).unwrap();
    [0x81, 0xa1, key, 7]
}

/// Frames of one step: more and less, so that calls are of different sizes.
fn burst(step: usize) -> usize {
    1 + step * 7 % 40
}

/// The recording: its text, and the frames in it.
fn recording() -> (String, usize) {
    let (mut text, mut frames) = (String::new(), 0);
    for step in 0..STEPS {
        for _ in 0..burst(step) {
            let time_ms = step * 10;
            let (s, ms) = (1_700_000_000 + time_ms / 1_000, time_ms % 1_000);
            let [a, b, c, d] = frame(frames);
            writeln!(text, "{s}.{ms:03},{a:02x}{b:02x}{c:02x}{d:02x}").unwrap();
            frames += 1;
        }
    }
    (text, frames)
}

/// A tap on this port, the decoder, and a validator of this component that is named `judge`; `budget`
/// are more lines of that table. It counts up to 127 messages of a key: each is evicted before.
fn configuration(port: u16, component: &str, budget: &str) -> String {
    format!(
        "[taps.bus]\nkind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}\n\
         [plugins.decoder]\ncomponent = \"decoder.wasm\"\nrole = \"decoder\"\ntaps = [\"bus\"]\n\
         writes = [\"echo\"]\n\
         [plugins.judge]\ncomponent = \"{component}.wasm\"\nrole = \"validator\"\n\
         state_keys_max = 16\n\
         [classes.echo]\nvalidators = [\"judge\"]\ntopic = \"echoes\"\n[topics.echoes]\n\
         {}{budget}",
        unbounded()
    )
}

fn free_port() -> u16 {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// A site with the recording, and a configuration `calm` with the cheap validator.
fn site() -> (Site, usize) {
    let site = Site::new(installed());
    let (text, frames) = recording();
    site.write("recording.txt", text);
    site.configure("calm", "", &configuration(free_port(), "validator", ""));
    (site, frames)
}

fn profile(site: &Site, name: &str, arguments: &[&str]) -> Output {
    let mut command = site.command();
    command.args(["profile", "--config", &format!("{name}.toml")]);
    command.args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn refused(site: &Site, code: i32, arguments: &[&str]) -> String {
    let output = profile(site, "calm", arguments);
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    said(&output)
}

/// Profiles the recording into `trace.json` and `plot.svg`.
fn traced(site: &Site) -> Trace {
    let arguments = [
        "--tap",
        "recording.txt",
        "--out",
        "trace.json",
        "--plot",
        "plot.svg",
        "--json",
    ];
    let output = profile(site, "calm", &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let trace: Trace = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        outrigger::trace::read(&site.path("trace.json")),
        Ok(trace.clone())
    );
    trace
}

#[test]
fn a_profile_adds_up_and_leaves_nothing_behind() {
    let (site, frames) = site();
    let trace = traced(&site);
    let totals = &trace.totals;
    let sum = |of: fn(&Second) -> u64| trace.seconds.iter().map(of).sum::<u64>();
    assert_eq!(trace.version, TRACE_VERSION);
    assert_eq!((totals.frames, totals.lost), (frames as u64, 0));
    assert_eq!(totals.messages, frames as u64);
    assert_eq!(totals.bytes_in, 4 * frames as u64);
    assert_eq!(sum(|second| second.frames), totals.frames);
    assert_eq!(sum(|second| second.bytes_in), totals.bytes_in);
    assert_eq!(sum(|second| second.cpu_ms), totals.cpu_ms);
    let messages = |second: &Second| second.messages.iter().map(|(_, count)| count).sum();
    assert_eq!(sum(messages), totals.messages);
    assert!(totals.ms >= 10 * (STEPS as u64 - 1), "played as recorded");
    assert!(totals.rss_peak_bytes > 0 && totals.bytes_stored > 0);
    assert_eq!(trace.played[0].pace, "recorded");
    assert!(trace.host.cores > 0 && trace.host.memory_bytes > 0);
    for (at, plugin) in trace.plugins.iter().enumerate() {
        let fuel: u64 = trace.seconds.iter().map(|second| second.fuel[at]).sum();
        assert_eq!(fuel, plugin.fuel, "{}", plugin.name);
        assert_eq!(plugin.classes[0].messages, frames as u64);
        assert!(
            plugin.call_fuel > 0.0,
            "calls of many sizes tell theirs apart"
        );
    }
    // The costs by class make up what was burnt; the judge is asked about keys gone silent, too.
    let decoder = &trace.plugins[0];
    assert_eq!(decoder.rows, frames as u64);
    let each = decoder.classes[0].fuel;
    let made = each * frames as f64 + decoder.call_fuel * decoder.calls as f64;
    assert!(
        (made / decoder.fuel as f64 - 1.0).abs() < 0.02,
        "{decoder:?}"
    );
    let plot = std::fs::read_to_string(site.path("plot.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.trim_end().ends_with("</svg>"));
    for series in [
        "CPU budget",
        "memory budget",
        "messages",
        "frames",
        "to verdict",
        "to delivery",
    ] {
        assert!(plot.contains(series), "{series}");
    }
    // Its data was elsewhere, and is gone.
    assert!(!site.path("calm").exists());
}

#[test]
fn a_report_says_whether_it_stays_inside() {
    let (site, frames) = site();
    let arguments = ["--tap", "bus=recording.txt", "--pace", "flat-out"];
    let output = profile(&site, "calm", &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let captured = format!("{},{:03} captured", frames / 1_000, frames % 1_000);
    for part in ["INSIDE its budget", &captured, "validator judge", "echo"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}

#[test]
fn a_profile_that_cannot_be_made_says_why() {
    let (site, _) = site();
    site.write("empty.txt", "");
    let why = refused(&site, 2, &["--tap", "buz=recording.txt"]);
    assert!(
        why.contains("no tap \"buz\"") && why.contains("bus"),
        "{why}"
    );
    let why = refused(&site, 3, &["--tap", "missing.txt"]);
    assert!(
        why.contains("--tap bus: missing.txt: cannot find the file: "),
        "{why}"
    );
    let why = refused(&site, 3, &["--tap", "empty.txt"]);
    assert!(why.contains("is empty"), "{why}");
    let why = refused(
        &site,
        3,
        &["--tap", "recording.txt", "--out", "no/where.json"],
    );
    assert!(why.contains("no/where.json: cannot be written"), "{why}");
    site.configure("calm", "", &configuration(free_port(), "nowhere", ""));
    let why = refused(&site, 4, &["--tap", "recording.txt"]);
    assert!(
        why.contains("the runtime failed") && why.contains("nowhere"),
        "{why}"
    );
}

/// Sends a round to each of the taps; `sent` counts frames, and so rounds of many sizes.
fn send(sender: &UdpSocket, ports: &[u16], sent: &mut usize) {
    for _ in 0..1 + *sent * 7 % ROUND {
        for port in ports {
            // A runtime that has ended fails the test elsewhere.
            let _ = sender.send_to(&frame(*sent), ("127.0.0.1", *port));
        }
        *sent += 1;
    }
}

fn names_the_judge(status: &StatusSnapshot) -> bool {
    let mut drift = status.budget.drift.iter();
    drift.any(|drift| drift.plugin.as_deref() == Some("judge") && drift.class.is_some())
}

#[test]
fn a_plugin_that_became_a_third_dearer_is_named_and_an_unchanged_one_is_not() {
    let (site, _) = site();
    traced(&site);
    let ports = [free_port(), free_port()];
    let budget = "baseline = \"trace.json\"\ndrift_permille = 200\n";
    site.configure("same", "", &configuration(ports[0], "validator", budget));
    site.configure("dear", "", &configuration(ports[1], "dearer", budget));
    let mut same: Running = site.start("same", &[]);
    let mut dear: Running = site.start("dear", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    let told = dear.wait_status("drift", |status| {
        send(&sender, &ports, &mut sent);
        names_the_judge(status)
    });
    let mut drift = told.budget.drift.iter();
    let named = drift
        .find(|drift| drift.class.as_deref() == Some("echo"))
        .unwrap();
    assert_eq!(named.plugin.as_deref(), Some("judge"));
    assert!((250..=450).contains(&named.permille), "{named:?}");
    assert!(
        told.budget
            .drift
            .iter()
            .all(|drift| drift.plugin.as_deref() != Some("decoder")),
        "{:?}",
        told.budget.drift
    );
    assert_eq!(told.health.state, "DEGRADED");
    let reasons = told.health.reasons.join("\n");
    assert!(reasons.contains("plugin judge costs"), "{reasons}");
    let note = told.budget.baseline.unwrap();
    assert!(note.contains("another build of plugin judge"), "{note}");
    // As many windows have passed for the other, with the same traffic.
    let status = same.wait_status("the same age", |status| {
        send(&sender, &ports, &mut sent);
        status.uptime_ms >= told.uptime_ms
    });
    let drift = &status.budget.drift;
    assert!(
        drift.iter().all(|drift| drift.plugin.is_none()),
        "{drift:?}"
    );
    dear.kill();
    let audit = site.data("dear").audit();
    let said = format!("{audit:?}");
    assert!(said.contains("plugin judge costs"), "{said}");
}

/// Runs on a recording with a baseline of these bytes.
fn based_on(site: &Site, name: &str, baseline: &str) {
    let text = configuration(1, "validator", &format!("baseline = \"{baseline}\"\n"));
    let tap = "kind = \"udp\"\naddress = \"127.0.0.1\"\nport = 1\n";
    let lines = "kind = \"lines\"\npath = \"recording.txt\"\nencoding = \"hex\"\n\
                 time_column = true\npace = \"flat-out\"\n";
    assert!(text.contains(tap));
    site.configure(name, "", &text.replace(tap, lines));
}

#[test]
fn a_baseline_that_is_none_is_refused_or_passed_over_aloud() {
    let (site, _) = site();
    site.write("cut.json", "{\"version\":1,\"name\":");
    site.write("text.json", "not a trace");
    for (name, cause) in [
        ("missing.json", "No such file"),
        ("cut.json", "no resource trace"),
        ("text.json", "no resource trace"),
    ] {
        based_on(&site, "data", name);
        let why = site.run_badly("data", &[], 3);
        for part in ["data.toml", "budget.baseline", name, cause] {
            assert!(why.contains(part), "{part}: {why}");
        }
    }
    let newer = format!("{{\"version\":{}}}", TRACE_VERSION + 1);
    site.write("newer.json", newer);
    based_on(&site, "data", "newer.json");
    let status = site.run_well("data", &[]);
    let note = status.budget.baseline.unwrap();
    assert!(note.contains("nothing is compared"), "{note}");
    assert!(Path::new(&status.data_dir).exists());
}
