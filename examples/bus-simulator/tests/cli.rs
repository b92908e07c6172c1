//! The command as its users run it: exit codes, messages, and datagrams that arrive.
#![allow(clippy::unwrap_used)]

use std::net::UdpSocket;
use std::process::{Command, Output, Stdio};

const HARBOUR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../harbour/scenario.toml");

fn simulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bus-simulator"));
    command.args(arguments);
    command
}

fn finish(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = simulator(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn wrong_input_exits_2_with_its_reason() {
    let (code, _, cause) = finish(&["check", "--scenario", "/nowhere.toml"]);
    assert_eq!(code, Some(2));
    assert_eq!(
        cause,
        "bus-simulator: /nowhere.toml: cannot be read: No such file or directory (os error 2)\n"
    );
    let (code, _, cause) = finish(&["run", "--scenario", HARBOUR]);
    assert_eq!(code, Some(2));
    assert_eq!(
        cause,
        "bus-simulator: nothing to do: give --to, --out or --truth\n"
    );
    let run = [
        "run",
        "--scenario",
        HARBOUR,
        "--to",
        "udp://127.0.0.1:9",
        "--rate",
        "5",
    ];
    let (code, _, cause) = finish(&[&run[..], &["--pace", "flat-out"]].concat());
    assert_eq!(code, Some(2));
    assert_eq!(
        cause,
        "bus-simulator: --rate and --pace flat-out exclude each other\n"
    );
    let (code, _, cause) = finish(&["run", "--scenario", HARBOUR, "--to", "127.0.0.1:9"]);
    assert_eq!(code, Some(2));
    assert!(cause.contains("must start with udp://"), "{cause}");
    let (code, _, cause) = finish(&["run", "--scenario", HARBOUR, "--rate", "5"]);
    assert_eq!(code, Some(2));
    assert!(cause.contains("--to"), "{cause}");
}

#[test]
fn an_output_that_cannot_be_made_exits_1() {
    let (code, _, cause) = finish(&["run", "--scenario", HARBOUR, "--out", "/nowhere/out.txt"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        cause,
        "bus-simulator: cannot create /nowhere/out.txt: No such file or directory (os error 2)\n"
    );
}

#[test]
fn check_says_what_a_scenario_holds() {
    let (code, text, _) = finish(&["check", "--scenario", HARBOUR]);
    assert_eq!(code, Some(0));
    assert!(text.contains("seed 20260601, 35 s, 67 tracks"), "{text}");
}

#[test]
fn a_load_arrives_whole_and_its_summary_counts_it() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = format!("udp://{}", socket.local_addr().unwrap());
    let common = [
        "run",
        "--scenario",
        HARBOUR,
        "--to",
        to.as_str(),
        "--quiet",
        "--json",
    ];
    let load = ["--pace", "flat-out", "--count", "100"];
    let (code, text, _) = finish(&[&common[..], &load].concat());
    assert_eq!(code, Some(0));
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sent = summary["datagrams"].as_u64().unwrap();
    // The last report may need two, and is then left out.
    assert!((99..=100).contains(&sent), "{sent}");
    // The receive buffer holds this many; they are there, so nothing has to be waited for.
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 1_000];
    for _ in 0..sent {
        let len = socket.recv(&mut buffer).unwrap();
        assert!(buffer[..len].starts_with(b"!AIVDM,"));
    }
    assert!(socket.recv(&mut buffer).is_err());
}

#[test]
fn a_signal_ends_a_live_run_with_its_summary() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = format!("udp://{}", socket.local_addr().unwrap());
    let common = [
        "run",
        "--scenario",
        HARBOUR,
        "--to",
        to.as_str(),
        "--quiet",
        "--json",
    ];
    let child = simulator(&[&common[..], &["--duration", "3600"]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut buffer = [0; 1_000];
    socket.recv(&mut buffer).unwrap();
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(0));
    let summary: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert!(summary["datagrams"].as_u64().unwrap() >= 1);
}

#[test]
fn live_reports_carry_the_second_in_which_they_arrive() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = format!("udp://{}", socket.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let truth = directory.path().join("truth.jsonl");
    let before_ns = now_ns();
    let common = ["run", "--scenario", HARBOUR, "--to", to.as_str(), "--quiet"];
    let rest = ["--count", "5", "--truth", truth.to_str().unwrap()];
    let (code, _, _) = finish(&[&common[..], &rest].concat());
    let after_ns = now_ns();
    assert_eq!(code, Some(0));
    let truth = std::fs::read_to_string(truth).unwrap();
    assert!(truth.lines().count() >= 4);
    for line in truth.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let sent_ns = line["sent_ns"].as_u64().unwrap();
        assert!((before_ns..=after_ns).contains(&sent_ns));
        let applies_ns = line["applies_ns"].as_u64().unwrap();
        assert_eq!(applies_ns, sent_ns / 1_000_000_000 * 1_000_000_000);
    }
}

fn now_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_nanos() as u64
}
