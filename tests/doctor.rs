//! The doctor names what keeps the data away, with a remedy.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use crate::common::{Deployment, quoted, succeed};
use crate::control::{free_port, grouped, live, report, send, start};

#[derive(Debug, Deserialize)]
struct Check {
    level: String,
    subject: String,
    finding: String,
    remedy: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Report {
    good: bool,
    failures: usize,
    checks: Vec<Check>,
}

/// What the doctor says after a second; its exit code follows.
fn ask(deployment: &Deployment) -> Report {
    let mut command = deployment.outrigger("doctor");
    let output = command.args(["--seconds", "1", "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Report =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let code = if report.good { 0 } else { 4 };
    assert_eq!(output.status.code(), Some(code), "{report:?}");
    let failed = report.checks.iter().filter(|check| check.level == "fail");
    assert_eq!(failed.count(), report.failures);
    for check in &report.checks {
        let needs_remedy = check.level != "ok";
        assert_eq!(check.remedy.is_some(), needs_remedy, "{check:?}");
    }
    report
}

/// The only failure.
fn failure(report: &Report) -> &Check {
    assert_eq!(report.failures, 1, "{report:?}");
    let mut checks = report.checks.iter();
    checks.find(|check| check.level == "fail").unwrap()
}

fn finds<'a>(report: &'a Report, level: &str, subject: &str, text: &str) -> &'a Check {
    let mut checks = report.checks.iter();
    let found = checks.find(|check| {
        check.level == level && check.subject == subject && check.finding.contains(text)
    });
    found.unwrap_or_else(|| panic!("{level} {subject} {text}: {report:#?}"))
}

fn recorded(folder: &Path, text: &str) -> Deployment {
    let recording = folder.join("day.txt");
    fs::write(&recording, text).unwrap();
    Deployment::ais(&recording)
}

#[test]
fn a_good_recording_is_read_decoded_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = recorded(folder.path(), &(report() + "\n").repeat(20));
    let found = ask(&deployment);
    assert!(found.good, "{found:?}");
    finds(&found, "ok", "tap shore", "20 frames read");
    finds(
        &found,
        "ok",
        "tap shore",
        "ais makes 20 messages of 20 frames",
    );
    finds(&found, "ok", "plugin ais", "verified");
    assert!(!deployment.data().exists(), "it makes nothing");
    let text = succeed(deployment.outrigger("doctor").args(["--seconds", "1"]));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.ends_with(" warnings\n") && text.contains("\n0 failures, "),
        "{text}"
    );
}

#[test]
fn a_wrong_interface_is_named_with_those_there_are() {
    let deployment =
        grouped("239.192.72.1", free_port()).set("taps.shore", "interface", quoted("eth99"));
    let found = ask(&deployment);
    let failure = failure(&found);
    assert_eq!(failure.subject, "tap shore");
    assert!(failure.finding.contains("eth99"), "{failure:?}");
    assert!(
        failure.remedy.as_ref().unwrap().contains("lo"),
        "{failure:?}"
    );
}

#[test]
fn silence_is_a_failure_that_names_where_to_look() {
    let port = free_port();
    let found = ask(&grouped("239.192.72.2", port));
    finds(&found, "ok", "tap shore", "group joined on lo");
    let failure = failure(&found);
    assert_eq!(failure.finding, "no frame in 1 s");
    let remedy = failure.remedy.as_ref().unwrap();
    assert!(
        remedy.contains(&format!("tcpdump -ni lo udp port {port}")),
        "{remedy}"
    );
    assert!(remedy.contains("IGMP"), "{remedy}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let found = ask(&live(taken.local_addr().unwrap().port()));
    let failure = failure(&found);
    assert_eq!(failure.subject, "tap shore");
    assert!(failure.finding.contains("in use"), "{failure:?}");
    assert!(
        failure.remedy.as_ref().unwrap().contains("ss -lunp"),
        "{failure:?}"
    );
}

#[test]
fn a_missing_plugin_and_a_missing_installation_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = recorded(folder.path(), &report());
    let deployment = deployment.set("plugins.ais", "component", quoted("absent.wasm"));
    let found = ask(&deployment);
    let missing = finds(&found, "fail", "plugins", "absent.wasm is not installed");
    assert!(
        missing
            .remedy
            .as_ref()
            .unwrap()
            .contains("outrigger-plugin install")
    );

    let nothing = deployment.set("runtime", "plugins_dir", quoted("nowhere"));
    finds(&ask(&nothing), "fail", "plugins", "no plugins installed");
}

#[test]
fn a_data_directory_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = recorded(folder.path(), &(report() + "\n"));
    fs::write(deployment.data(), "a file").unwrap();
    let found = ask(&deployment);
    let failure = failure(&found);
    assert_eq!(failure.subject, "data directory");
    assert!(
        failure.finding.contains("is not a directory"),
        "{failure:?}"
    );
}

#[test]
fn a_recording_that_is_not_there_and_one_of_another_format_are_told_apart() {
    let absent = ask(&Deployment::ais(Path::new("/nowhere/day.txt")));
    let failed = failure(&absent);
    assert_eq!(failed.subject, "tap shore");
    assert!(failed.finding.contains("/nowhere/day.txt"), "{failed:?}");

    let folder = tempfile::tempdir().unwrap();
    let other = ask(&recorded(folder.path(), &"some other bus\n".repeat(10)));
    let failed = failure(&other);
    assert!(
        failed.finding.contains("ais makes 0 messages of 10 frames"),
        "{failed:?}"
    );
    assert!(
        failed.remedy.as_ref().unwrap().contains("decoder"),
        "{failed:?}"
    );
}

#[test]
fn beside_a_running_runtime_it_hears_the_group_and_asks_about_the_rest() {
    let (group, group_port, port) = ("239.192.72.3", free_port(), free_port());
    let deployment = grouped(group, group_port)
        .set("taps.quay", "kind", quoted("udp"))
        .set("taps.quay", "address", quoted("127.0.0.1"))
        .set("taps.quay", "port", port)
        .set("plugins.ais", "taps", "[\"shore\", \"quay\"]");
    let mut running = start(&deployment);
    let (stop, frame) = (AtomicBool::new(false), report());
    let found = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                send((group, group_port), &[&frame]);
                send(("127.0.0.1", port), &[&frame]);
                std::thread::park_timeout(std::time::Duration::from_millis(5));
            }
        });
        let found = ask(&deployment);
        stop.store(true, Ordering::Release);
        found
    });
    assert!(found.good, "{found:?}");
    finds(
        &found,
        "ok",
        "runtime",
        &format!("runs with pid {}", running.pid()),
    );
    finds(&found, "ok", "tap shore", "group joined on lo");
    finds(&found, "ok", "tap shore", "ais makes ");
    finds(&found, "ok", "tap quay", "by the running runtime");

    succeed(deployment.outrigger("ctl").args(["pause", "shore"]));
    let found = ask(&deployment);
    let paused = finds(&found, "fail", "tap shore", "is paused");
    assert!(paused.remedy.as_ref().unwrap().contains("resume shore"));
    assert!(running.terminate().success());
}
