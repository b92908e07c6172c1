//! What the README promises of the validator, on the recordings.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "evaluation/mod.rs"]
mod evaluate;

use evaluate::faults::Kind;
use evaluate::tracks::Half;
use evaluate::{real, report, run, scores, tables, tracks};
use track_plausibility::Rule;

/// False alarms per 10,000 updates, at most, for each recording that has so many in a half.
const FALSE_ALARMS_MAX: f64 = 5.0;
/// Gross faults found within three reports, at least.
const FOUND_MIN: f64 = 0.95;
/// Anomalies for each bad report that is found, at most on average.
const ANOMALIES_MAX: f64 = 1.01;
/// How far a score in the source may be from the one that is counted, permille: one trial more or
/// less moves it by a few.
const SCORE_OFF_MAX: u16 = 25;

#[test]
fn false_alarms_are_few_and_gross_faults_are_found() {
    let Some(tracks) = tracks::all() else { return };
    let raised = run::raised(&tracks);
    let alarms = tables::alarms(&tracks, &raised);
    println!("{}", tables::alarm_table(&alarms));
    for ((recording, half), row) in &alarms {
        if row.updates >= 5_000 {
            let rate = row.rate(row.false_alarms);
            assert!(rate <= FALSE_ALARMS_MAX, "{recording} {half:?}: {rate:.1}");
        }
    }
    // Every reason explains something: the list does not outlive its causes.
    for (recording, key, ..) in real::REAL {
        let explained = raised.iter().any(|raised| {
            raised.track.recording.contains(recording)
                && raised.track.key.contains(key)
                && real::reason(raised).is_some()
        });
        assert!(explained, "{recording} {key}");
    }

    let outcome = run::inject(&tracks, run::PER_TRACK, run::SEED);
    let (trials, found, anomalies) = tables::gross(&outcome, Half::Report);
    println!("{trials} gross faults: {found:.4} found, {anomalies:.3} anomalies each");
    assert!(trials > 10_000 && found >= FOUND_MIN && anomalies <= ANOMALIES_MAX);
    for domain in run::DOMAINS {
        println!("{}", tables::detection(&outcome, domain, Half::Report));
        for kind in Kind::ALL {
            for (size, value) in kind.sizes(domain).iter().enumerate() {
                let trials = tables::trials(&outcome, domain, kind, size, Half::Report);
                let found = trials.found_by(3);
                if kind.is_gross(domain, *value) && trials.trials >= 20 {
                    assert!(found >= FOUND_MIN, "{domain} {kind:?} {value}: {found:.3}");
                }
                if kind.is_harmless() {
                    assert!(found <= 0.02, "{domain} {kind:?} {value}: {found:.3}");
                }
            }
        }
    }

    let false_alarms: Vec<&run::Raised> = raised
        .iter()
        .filter(|raised| real::reason(raised).is_none())
        .collect();
    let rates = scores::rates(&tracks, &false_alarms, &outcome, Half::Calibration);
    let updates = tracks
        .iter()
        .filter(|track| track.half() == Half::Calibration)
        .map(|track| track.updates.len())
        .sum();
    let counted = scores::scores(&rates, updates);
    for rule in Rule::ALL
        .into_iter()
        .filter(|rule| scores::is_counted(*rule))
    {
        for (ratio, counted) in track_plausibility::SCORE_RATIOS
            .iter()
            .zip(&counted[rule.name()])
        {
            let scored = track_plausibility::score(rule, *ratio);
            assert!(
                scored.abs_diff(*counted) <= SCORE_OFF_MAX,
                "{} at {ratio}: {scored} in the source, {counted} counted",
                rule.name()
            );
        }
    }

    // What is published is what is computed.
    let published = include_str!("../EVALUATION.md");
    let computed = report::markdown(&tracks, &raised, &outcome);
    for (place, (published, computed)) in published.lines().zip(computed.lines()).enumerate() {
        let line = place + 1;
        assert_eq!(
            published, computed,
            "EVALUATION.md, line {line}, is stale: cargo xtask evaluate"
        );
    }
    assert_eq!(published.lines().count(), computed.lines().count());
}
