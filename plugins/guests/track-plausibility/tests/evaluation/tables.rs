//! Tables of the README.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::faults::Kind;
use super::real;
use super::run::{Outcome, Raised, Trials};
use super::tracks::{Half, Real};

/// Counts of one recording, or of a half of it.
#[derive(Clone, Debug, Default)]
pub struct Alarms {
    pub tracks: usize,
    pub updates: usize,
    pub duplicates: usize,
    /// Anomalies but duplicates.
    pub anomalies: usize,
    /// Those of them that no reason explains.
    pub false_alarms: usize,
    pub rules: BTreeMap<&'static str, usize>,
}

impl Alarms {
    /// Per 10,000 updates.
    pub fn rate(&self, count: usize) -> f64 {
        count as f64 * 1e4 / self.updates as f64
    }
}

/// Anomalies by recording and half.
pub fn alarms(tracks: &[Real], raised: &[Raised]) -> BTreeMap<(&'static str, Half), Alarms> {
    let mut rows: BTreeMap<(&'static str, Half), Alarms> = BTreeMap::new();
    for track in tracks {
        let row = rows.entry((track.recording, track.half())).or_default();
        row.tracks += 1;
        row.updates += track.updates.len();
    }
    for raised in raised {
        let key = (raised.track.recording, raised.track.half());
        let row = rows.get_mut(&key).unwrap();
        if raised.anomaly.rule == "duplicate" {
            row.duplicates += 1;
            continue;
        }
        row.anomalies += 1;
        *row.rules.entry(raised.anomaly.rule).or_default() += 1;
        row.false_alarms += usize::from(real::reason(raised).is_none());
    }
    rows
}

pub fn alarm_table(rows: &BTreeMap<(&'static str, Half), Alarms>) -> String {
    let mut out = String::from(
        "| recording | half | tracks | updates | duplicates | raw anomalies (per 10,000) | false alarms (per 10,000) | by rule |\n|---|---|---|---|---|---|---|---|\n",
    );
    for ((recording, half), row) in rows {
        let rules: Vec<String> = row
            .rules
            .iter()
            .map(|(rule, count)| format!("{rule} {count}"))
            .collect();
        writeln!(
            out,
            "| `{recording}` | {} | {} | {} | {} | {} ({:.1}) | {} ({:.1}) | {} |",
            match half {
                Half::Calibration => "calibration",
                Half::Report => "report",
            },
            row.tracks,
            row.updates,
            row.duplicates,
            row.anomalies,
            row.rate(row.anomalies),
            row.false_alarms,
            row.rate(row.false_alarms),
            rules.join(", "),
        )
        .unwrap();
    }
    out
}

/// All trials of one fault and size in one half.
pub fn trials(outcome: &Outcome, domain: &str, kind: Kind, size: usize, half: Half) -> Trials {
    let mut sum = Trials::default();
    for ((of, in_half, of_kind, of_size), trials) in outcome {
        if *of == domain && half == *in_half && *of_kind == kind && *of_size == size {
            sum.add(trials);
        }
    }
    sum
}

pub fn detection(outcome: &Outcome, domain: &'static str, half: Half) -> String {
    let mut out = String::from(
        "| fault | size | trials | at once % | within 3 % | ever % | mean delay | anomalies each | first rule |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for kind in Kind::ALL {
        for (size, value) in kind.sizes(domain).iter().enumerate() {
            let sum = trials(outcome, domain, kind, size, half);
            if sum.trials == 0 {
                continue;
            }
            let gross = if kind.is_gross(domain, *value) {
                "**"
            } else {
                ""
            };
            let mut rules: Vec<_> = sum.rules.iter().collect();
            rules.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let rules: Vec<&str> = rules.iter().take(2).map(|(rule, _)| **rule).collect();
            writeln!(
                out,
                "| {} | {gross}{value} {}{gross} | {} | {:.1} | {:.1} | {:.1} | {} | {:.2} | {} |",
                kind.name(),
                kind.unit(),
                sum.trials,
                100.0 * sum.found_by(1),
                100.0 * sum.found_by(3),
                100.0 * sum.found_by(usize::MAX),
                if sum.found_at.is_empty() {
                    "–".into()
                } else {
                    format!("{:.1}", sum.delay())
                },
                sum.anomalies as f64 / sum.trials as f64,
                rules.join(", "),
            )
            .unwrap();
        }
    }
    out
}

/// Of gross faults: how many, how many found within three reports; and of faults of one report that
/// were found, how many anomalies each.
pub fn gross(outcome: &Outcome, half: Half) -> (usize, f64, f64) {
    let (mut all, mut found, mut single, mut anomalies) = (0, 0.0, 0.0, 0.0);
    for ((domain, of, kind, size), trials) in outcome {
        if *of != half || !kind.is_gross(domain, kind.sizes(domain)[*size]) {
            continue;
        }
        all += trials.trials;
        found += trials.found_by(3) * trials.trials as f64;
        if kind.is_single() {
            single += trials.found_by(usize::MAX) * trials.trials as f64;
            anomalies += trials.anomalies as f64;
        }
    }
    (all, found / all as f64, anomalies / single)
}
