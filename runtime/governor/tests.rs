#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::host::parse_pressure;
use super::*;

#[test]
fn a_core_of_two_is_half() {
    assert_eq!(cpu_permille(1_000, Duration::from_secs(1), 2), 500);
    assert_eq!(cpu_permille(0, Duration::from_secs(1), 2), 0);
    assert_eq!(cpu_permille(1, Duration::from_secs(100), 4), 1);
    assert_eq!(cpu_permille(5, Duration::ZERO, 4), 0);
}

#[test]
fn a_process_has_memory_and_the_host_has_more() {
    let mut meter = Meter::default();
    let first = meter.sample();
    assert!(first.rss_bytes > 0);
    assert!(first.rss_peak_bytes >= first.rss_bytes);
    assert!(meter.memory_bytes() > first.rss_bytes);
    let later = meter.sample();
    assert!(later.cpu_ms >= first.cpu_ms);
}

#[test]
fn pressure_is_read_and_nonsense_is_not() {
    let text =
        "some avg10=12.34 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.06 avg60=0.00 total=1\n";
    assert_eq!(parse_pressure(text, "some"), Some(123));
    assert_eq!(parse_pressure(text, "full"), Some(1));
    for broken in [
        "",
        "some",
        "some avg10=",
        "some avg10=x",
        "some avg10=101.0",
        "full avg60=1.0",
    ] {
        assert_eq!(parse_pressure(broken, "some"), None, "{broken}");
    }
}

#[test]
fn the_tightest_control_group_around_this_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).unwrap();
    let read = || Group::at(dir.path(), std::path::Path::new("a/b")).limits();
    assert_eq!(read(), CgroupLimits::default());
    write("a/b/memory.max", "max\n");
    write("a/b/cpu.max", "max 100000\n");
    assert_eq!(read(), CgroupLimits::default());
    write("a/memory.max", "1000000\n");
    write("a/b/cpu.max", "20000 100000\n");
    write("a/cpu.max", "15000 100000\n");
    assert_eq!(read().memory_bytes, Some(1_000_000));
    assert_eq!(read().cpu_millicores, Some(150));
}

#[test]
fn the_group_with_the_least_memory_left_counts_and_its_files_are_left() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).unwrap();
    let group = Group::at(dir.path(), std::path::Path::new("a/b"));
    assert_eq!(group.available_permille(), None);
    write("a/b/memory.max", "max\n");
    write("a/b/memory.current", "900\n");
    assert_eq!(group.available_permille(), None);
    write("a/b/memory.max", "1000\n");
    assert_eq!(group.available_permille(), Some(100));
    let stat = "anon 400\nfile 600\nshmem 100\ninactive_file 300\nactive_file 200\n";
    write("a/b/memory.stat", stat);
    assert_eq!(group.available_permille(), Some(600));
    write("a/memory.max", "10000\n");
    write("a/memory.current", "9999\n");
    assert_eq!(group.available_permille(), Some(0));
    write("a/memory.current", "nonsense\n");
    assert_eq!(group.available_permille(), Some(600));
    write("a/b/memory.max", "0\n");
    assert_eq!(group.available_permille(), None);
}

#[test]
fn the_host_is_measured_or_said_to_be_unknown() {
    let mut meter = HostMeter::default();
    let sample = meter.sample();
    let permille = [sample.others_cpu_permille, sample.available_permille];
    assert!(permille.into_iter().flatten().all(|value| value <= 1_000));
    assert!(sample.available_permille.is_some());
}

#[test]
fn who_has_spent_its_budget_waits_and_the_tap_does_not_pay() {
    let gate = Gate::new(1_000_000, 500);
    let mut pipeline = Hand::default();
    // A millisecond of CPU a second is soon spent.
    while gate.others(&mut pipeline).is_none() {
        std::hint::spin_loop();
    }
    let wait = gate.others(&mut Hand::default()).unwrap();
    assert!(wait > std::time::Duration::from_millis(1));
    // What this thread has used is the tap's once a tap says so.
    assert!(gate.tap(&mut Hand::default()).is_some());
    gate.others_waited(wait);
    assert_eq!(gate.waited(), (std::time::Duration::ZERO, wait));
}

#[test]
fn use_is_taken_over_by_halves_and_a_wait_at_once() {
    let gate = Gate::new(1_000_000, 300);
    let mut seen = Vec::new();
    for permille in [1_000, 1_000, 9_000, 0] {
        gate.note_use(permille);
        seen.push(gate.used_permille());
    }
    assert_eq!(seen, [500, 750, 875, 437]);
    gate.tap_waited(Duration::from_millis(1));
    assert_eq!(
        gate.used_permille(),
        437,
        "what taps wait for, blocks cannot save"
    );
    gate.others_waited(Duration::from_millis(1));
    assert_eq!(gate.used_permille(), 1_000);
}

fn limits() -> outrigger_policy::breaker::Limits {
    outrigger_policy::breaker::Limits {
        cpu_permille: 100,
        memory_bytes: 1,
        egress_bytes_per_s: 1,
        storage_bytes: 1,
        thresholds: outrigger_policy::breaker::Thresholds {
            drops_permille_max: 500,
            host_cpu_permille_max: 900,
            host_available_permille_min: 50,
            pressure_cpu_permille_max: 900,
            pressure_memory_permille_max: 100,
            trip_after_ms: 0,
            backoff_ms: 1_000,
            backoff_ms_max: 2_000,
            probe_ms: 1_000,
        },
    }
}

#[test]
fn a_transition_is_told_once_with_its_sample_and_stops_the_taps() {
    let circuit = Circuit::new(limits());
    let calm = outrigger_policy::breaker::Sample::default();
    let busy = outrigger_policy::breaker::Sample {
        host_cpu_permille: Some(990),
        ..calm
    };
    assert_eq!(circuit.step(calm, 1), None);
    assert!(circuit.mirrors());
    let transition = circuit.step(busy, 2).unwrap();
    assert_eq!(transition.states, ("Closed", "Open"));
    assert_eq!(transition.sample, busy);
    assert!(transition.cause.contains("990"), "{}", transition.cause);
    assert!(!circuit.mirrors());
    assert_eq!(circuit.step(busy, 3), None);
    assert_eq!(circuit.view().transitions.len(), 1);
}

#[test]
fn an_operator_holds_it_open() {
    let circuit = Circuit::new(limits());
    assert!(circuit.hold(true));
    assert!(!circuit.hold(true));
    let transition = circuit
        .step(outrigger_policy::breaker::Sample::default(), 1)
        .unwrap();
    assert_eq!(transition.states.1, "Open");
    assert!(transition.cause.contains("operator"));
    assert!(!circuit.mirrors());
    assert!(circuit.hold(false));
}
