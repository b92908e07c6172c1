//! Tables of the README.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::faults::Kind;
use super::run::{Outcome, Raised, Trials};
use super::tracks::{Half, Real};

/// Anomalies per 10,000 updates, by recording and half.
pub fn alarms(tracks: &[Real], raised: &[Raised]) -> String {
    let mut rows: BTreeMap<(&str, Half), (usize, usize, BTreeMap<&str, usize>)> = BTreeMap::new();
    for track in tracks {
        let row = rows.entry((track.recording, track.half())).or_default();
        row.0 += 1;
        row.1 += track.updates.len();
    }
    for raised in raised {
        let row = rows
            .get_mut(&(raised.track.recording, raised.track.half()))
            .unwrap();
        *row.2.entry(raised.anomaly.rule).or_default() += 1;
    }
    let mut out = String::new();
    for ((recording, half), (tracks, updates, rules)) in &rows {
        let alarms: usize = rules.values().sum();
        let duplicates = rules.get("duplicate").copied().unwrap_or(0);
        let rate = (alarms - duplicates) as f64 * 1e4 / *updates as f64;
        writeln!(
            out,
            "| {recording} | {half:?} | {tracks} | {updates} | {duplicates} | {} | {rate:.1} | {rules:?} |",
            alarms - duplicates
        )
        .unwrap();
    }
    out
}

pub fn detection(outcome: &Outcome, half: Option<Half>) -> String {
    let mut out = String::new();
    for domain in ["sea", "air"] {
        for kind in Kind::ALL {
            for (size, value) in kind.sizes(domain).iter().enumerate() {
                let mut sum = Trials::default();
                for ((of, in_half, of_kind, of_size), trials) in outcome {
                    if *of == domain
                        && half.is_none_or(|half| half == *in_half)
                        && *of_kind == kind
                        && *of_size == size
                    {
                        sum.add(trials);
                    }
                }
                let gross = if kind.is_gross(domain, *value) {
                    "gross"
                } else {
                    ""
                };
                writeln!(
                    out,
                    "| {domain} | {} | {value} {} | {gross} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:?} |",
                    kind.name(),
                    kind.unit(),
                    sum.trials,
                    100.0 * sum.found_by(1),
                    100.0 * sum.found_by(3),
                    100.0 * sum.found_by(usize::MAX),
                    sum.delay(),
                    sum.anomalies as f64 / sum.trials.max(1) as f64,
                    sum.rules,
                )
                .unwrap();
            }
        }
    }
    out
}
