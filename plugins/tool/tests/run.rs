//! A plugin of the SDK, built, installed, and called as the runtime calls it.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use outrigger_plugin::{Installer, Toolchain, build};
use outrigger_policy::Packed;
use outrigger_policy::verdict::FaultKind;
use outrigger_sandbox::engine::engine;
use outrigger_sandbox::{Configuration, Installation, Limits, Plugin, Seat, ValidatorBatch};

use crate::fixtures::repository;

const LIMITS: Limits = Limits {
    message_fuel: 100_000,
    call_fuel: 1_000_000,
    configure_fuel: 100_000_000,
    memory_bytes_max: 8 << 20,
    call_bytes_max: 1 << 20,
    deadline_ticks: 1,
    outputs_per_input_max: 8,
    output_bytes_max: 65_535,
    state_bytes_max: 4_096,
};

/// A MessagePack map of one pair.
fn pair(name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81, 0xa0 | name.len() as u8];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// A track with this speed.
fn track(speed_mps: f64) -> Vec<u8> {
    let mut bytes = b"\x84\xa8track_id\xa1a\xa9speed_mps\xcb".to_vec();
    bytes.extend_from_slice(&speed_mps.to_be_bytes());
    bytes.extend_from_slice(b"\xa7time_ns\x01\xabtime_source\xa7capture");
    bytes
}

fn batch(bodies: &[Vec<u8>], state: &[u8]) -> ValidatorBatch {
    let mut batch = ValidatorBatch {
        now_ns: 9,
        classes: vec![0; bodies.len()],
        slots: vec![0; bodies.len()],
        captured_ns: vec![1; bodies.len()],
        event_ns: vec![1; bodies.len()],
        ..ValidatorBatch::default()
    };
    for body in bodies {
        batch.bodies.push(body);
    }
    batch.states.push(state);
    batch
}

/// The example, configured with these parameters.
fn example(parameters: Vec<u8>) -> Result<Plugin, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = build(
        &repository().join("plugins/guests/example-validator"),
        Some(folder.path()),
        &Toolchain::from_environment(),
    )
    .unwrap();
    let directory = folder.path().join("installed");
    Installer::open(&directory).unwrap().install(&path).unwrap();
    let artifact = Installation::open(&directory)
        .unwrap()
        .load("example_validator.wasm", None, &engine().unwrap())
        .unwrap();
    let configuration = Configuration {
        parameters,
        ..Configuration::default()
    };
    Plugin::load(
        "speed",
        artifact.sha256,
        &artifact.component,
        artifact.role,
        LIMITS,
        configuration,
    )
    .map_err(|error| error.to_string())
}

fn bytes(packed: &Packed) -> Vec<Vec<u8>> {
    packed.iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn sdk_plugin_judges_keeps_state_and_says_why_it_panicked() {
    let plugin = Arc::new(example(pair("speed_max_mps", &[50])).unwrap());
    assert_eq!(plugin.description.rules, ["too-fast"]);
    let mut seat = Seat::new(Arc::clone(&plugin));
    let judgement = seat
        .validate(&batch(&[track(10.0), track(60.0), track(61.0)], b""))
        .unwrap();
    assert_eq!(judgement.verdicts, [0, 1, 1]);
    assert_eq!(judgement.anomalies.messages, [1, 2]);
    assert_eq!(judgement.anomalies.severities, [2, 2]);
    let mut evidence = b"\x82\xa9speed_mps\xcb".to_vec();
    evidence.extend_from_slice(&61.0_f64.to_be_bytes());
    evidence.extend_from_slice(b"\xa7reports\x02");
    assert_eq!(bytes(&judgement.anomalies.details)[1], evidence);
    // The count of reports in a row, as MessagePack; then unchanged, then removed.
    assert_eq!(judgement.changes.changed, [0]);
    assert_eq!(bytes(&judgement.changes.states), [b"\x02"]);
    let again = seat.validate(&batch(&[track(60.0)], b"\x02")).unwrap();
    assert_eq!(bytes(&again.changes.states), [b"\x03"]);
    let slow = seat.validate(&batch(&[track(1.0)], b"\x03")).unwrap();
    assert_eq!(bytes(&slow.changes.states), [b""]);
    let nothing = seat.validate(&batch(&[track(1.0)], b"")).unwrap();
    assert!(nothing.changes.changed.is_empty());

    let fault = seat
        .validate(&batch(&[pair("speed_mps", &[1])], b""))
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Trapped);
    let (place, message) = fault.detail.split_once(": ").unwrap();
    assert!(place.starts_with("panicked at sdk/src/body.rs:"), "{place}");
    assert_eq!(message, "body of class track.sea: track_id: absent");
}

#[test]
fn sdk_plugin_refuses_unknown_parameters_by_name() {
    let error = example(pair("speed_max_kn", &[50])).err().unwrap();
    assert!(
        error.contains("parameter: unknown field `speed_max_kn`"),
        "{error}"
    );
}
