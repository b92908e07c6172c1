//! Evaluates the validator on the recordings: `EVALUATION.md` and its plots, and standard output.
//!
//! `cargo run --release --example evaluate [-- anomalies]`; the word prints each anomaly on an
//! unmodified track. `OUTRIGGER_RECORDINGS` names the recordings.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/evaluation/mod.rs"]
mod evaluation;

use std::path::Path;

use evaluation::tracks::Half;
use evaluation::{plot, real, run, scores, tables, tracks};

fn main() {
    let Some(tracks) = tracks::all() else { return };
    let raised = run::raised(&tracks);
    if std::env::args().any(|word| word == "anomalies") {
        for raised in raised
            .iter()
            .filter(|raised| raised.anomaly.rule != "duplicate")
        {
            println!(
                "{} {} #{} {:?} {:?}",
                raised.track.recording,
                raised.track.key,
                raised.place,
                real::reason(raised),
                raised.anomaly
            );
        }
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outcome = run::inject(&tracks, run::PER_TRACK, run::SEED);
    let text = evaluation(&tracks, &raised, &outcome);
    print!("{text}");
    std::fs::write(folder.join("EVALUATION.md"), text).expect("the plugin's folder can be written");
    std::fs::create_dir_all(folder.join("plots")).expect("the plugin's folder can be written");
    for domain in run::DOMAINS {
        let name = format!("plots/{}.svg", domain.to_lowercase());
        let plot = plot::detection(&outcome, domain, Half::Report);
        std::fs::write(folder.join(name), plot).expect("a plot can be written");
    }
}

/// The whole as Markdown.
fn evaluation(tracks: &[tracks::Real], raised: &[run::Raised], outcome: &run::Outcome) -> String {
    let mut out = String::from(
        "# Evaluation\n\nWritten by `cargo xtask evaluate`; the README says what it means.\n\n## False alarms\n\n",
    );
    out += &tables::alarm_table(&tables::alarms(tracks, raised));
    out += "\nAnomalies that are counted as real, and why:\n\n| recording | track | rules | why |\n|---|---|---|---|\n";
    for (recording, key, rules, why) in real::REAL {
        let rules = if rules.is_empty() {
            "all".into()
        } else {
            rules.join(", ")
        };
        let or_all = |text: &'static str| if text.is_empty() { "all" } else { text };
        out += &format!(
            "| {} | {} | {rules} | {why} |\n",
            or_all(recording),
            or_all(key)
        );
    }
    for domain in run::DOMAINS {
        out += &format!(
            "\n## Detection, {domain}, report half\n\nBold: gross. Delay in bad reports.\n\n![by size](plots/{}.svg)\n\n",
            domain.to_lowercase()
        );
        out += &tables::detection(outcome, domain, Half::Report);
    }
    let (all, found, each) = tables::gross(outcome, Half::Report);
    out += &format!(
        "\nGross faults: {all}, found within three reports {:.2} %; anomalies for each bad report that was found: {each:.3}.\n",
        100.0 * found
    );
    let false_alarms: Vec<&run::Raised> = raised
        .iter()
        .filter(|raised| real::reason(raised).is_none())
        .collect();
    let updates: usize = tracks
        .iter()
        .filter(|track| track.half() == Half::Calibration)
        .map(|track| track.updates.len())
        .sum();
    let rates = scores::rates(tracks, &false_alarms, outcome, Half::Calibration);
    out += &format!(
        "\n## Scores\n\nCounted on the calibration half, at the ratios {:?}; `src/score.rs` has them.\n\n```rust\n{}```\n\nWhat they are worth on the report half:\n\n",
        track_plausibility::SCORE_RATIOS,
        scores::source(&scores::scores(&rates, updates))
    );
    out += &scores::reliability(tracks, &false_alarms, outcome, Half::Report);
    out
}
