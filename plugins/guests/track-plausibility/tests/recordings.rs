//! All AIS recordings through the decoder and this validator: how often each rule speaks. The last
//! two have no times, so what is said of motion there means little; the evaluation leaves them out.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::recording;
use outrigger_sdk::testing::{ValidatorHost, no_parameters};
use outrigger_sdk::{Body, Track};
use track_plausibility::TrackPlausibility;

/// Per recording: updates, and anomalies by rule.
type Counts = (&'static str, usize, &'static [(&'static str, usize)]);

const EXPECTED: [Counts; 5] = [
    (
        "dma_ais-sample.txt.gz",
        24_688,
        &[
            ("duplicate", 41),
            ("frozen-position", 1),
            ("innovation", 3),
            ("teleport", 1),
            ("time-reversal", 3),
            ("velocity-mismatch", 1),
        ],
    ),
    (
        "dma_538004030_drift_1.ais",
        5_029,
        &[
            ("duplicate", 4_116),
            ("duplicate-identity", 4),
            ("teleport", 5),
        ],
    ),
    (
        "dma_219165000_ssc_1.ais",
        59,
        &[("duplicate", 39), ("speed", 1)],
    ),
    ("gpsd_ais-nmea.log", 144, &[("not-available", 2)]),
    (
        "signalk_nais300-merrimac.log",
        509,
        &[("duplicate", 3), ("not-available", 5)],
    ),
];

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
                if show {
                    let track = Track::decode(given.class, &given.body).unwrap();
                    println!("{name}: {anomaly:?} {track:?}");
                }
            }
        }
    }
    Some((messages.len(), counts))
}

#[test]
fn real_updates_are_judged_as_they_were() {
    for (name, updates, expected) in EXPECTED {
        let Some(found) = judged(name) else {
            return;
        };
        println!("{name}: {found:?}");
        let expected: BTreeMap<_, _> = expected.iter().copied().collect();
        assert_eq!(found, (updates, expected), "{name}");
    }
}
