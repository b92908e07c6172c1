//! All AIS recordings through the decoder and this validator: how often each rule speaks.
//!
//! What follows is printed as the table of the README. The bounds that are asserted are what a
//! change of thresholds must not worsen.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;

use common::recording;
use outrigger_sdk::testing::{ValidatorHost, no_parameters};
use outrigger_sdk::{Body, Track};
use track_plausibility::TrackPlausibility;

/// Updates and anomalies by rule of one recording.
fn judged(name: &str) -> Option<(usize, BTreeMap<&'static str, usize>)> {
    let messages = recording(name)?;
    let mut host = ValidatorHost::<TrackPlausibility>::new(no_parameters())
        .unwrap()
        .without_rerun();
    let mut counts = BTreeMap::new();
    let show = std::env::var_os("SHOW").is_some();
    for batch in messages.chunks(256) {
        for (given, anomalies) in batch.iter().zip(host.validate(0, batch)) {
            for anomaly in anomalies {
                *counts.entry(anomaly.rule).or_default() += 1;
                if show && anomaly.rule != "duplicate" {
                    let track = Track::decode(given.class, &given.body).unwrap();
                    println!(
                        "{name} {} {} {:?} {} {:?} {:?}",
                        given.key,
                        anomaly.rule,
                        anomaly.severity,
                        anomaly.score,
                        anomaly.evidence,
                        (
                            track.lat_deg,
                            track.lon_deg,
                            track.speed_mps,
                            track.time_ns,
                            track.time_source.as_str()
                        )
                    );
                }
            }
        }
    }
    Some((messages.len(), counts))
}

#[test]
fn few_real_updates_are_called_anomalies() {
    for name in common::RECORDINGS {
        let Some((updates, counts)) = judged(name) else {
            return;
        };
        println!("{name}: {updates} updates, {counts:?}");
    }
}
