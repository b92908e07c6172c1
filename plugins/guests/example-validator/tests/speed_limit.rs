//! Properties of the speed limit.
#![allow(clippy::unwrap_used)]

use example_validator::SpeedLimit;
use outrigger_sdk::testing::{Given, ValidatorHost, no_parameters, parameters};
use outrigger_sdk::{Severity, Text, TimeSource, Track};
use std::collections::BTreeMap;

fn report(speed_mps: Option<f64>) -> Given {
    let id = Text::new("mmsi:244660000").unwrap();
    let track = Track {
        speed_mps,
        ..Track::new(id, 0, TimeSource::Capture)
    };
    Given::new("track.sea", &id, 0, &track)
}

#[test]
fn tracks_above_the_limit_are_anomalies_with_their_speed() {
    let limit = parameters(&BTreeMap::from([("speed_max_mps", 50.0)]));
    let mut host = ValidatorHost::<SpeedLimit>::new(limit).unwrap();
    let speeds = [Some(50.0), Some(51.0), Some(52.0), None, Some(53.0)];
    let found = host.validate(0, &speeds.map(report));
    let reports: Vec<_> = found
        .iter()
        .map(|anomalies| anomalies.first().map(|a| a.evidence["reports"]))
        .collect();
    assert_eq!(reports, [None, Some(1.0), Some(2.0), None, Some(1.0)]);
    let anomaly = &found[2][0];
    assert_eq!(
        (anomaly.rule, anomaly.severity),
        ("too-fast", Severity::Major)
    );
    assert_eq!(anomaly.evidence["speed_mps"], 52.0);
}

#[test]
fn parameters_must_be_known_and_complete() {
    let refused = |configuration| {
        let error = ValidatorHost::<SpeedLimit>::new(configuration)
            .err()
            .unwrap();
        error.to_string()
    };
    assert_eq!(
        refused(no_parameters()),
        "parameter: missing field `speed_max_mps`"
    );
    let unknown = parameters(&BTreeMap::from([("speed_max_kn", 50.0)]));
    assert!(refused(unknown).contains("unknown field `speed_max_kn`"));
}
