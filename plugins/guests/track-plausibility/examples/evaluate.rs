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
use evaluation::{plot, real, report, run, tracks};

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
    let text = report::markdown(&tracks, &raised, &outcome);
    print!("{text}");
    std::fs::write(folder.join("EVALUATION.md"), text).expect("the plugin's folder can be written");
    std::fs::create_dir_all(folder.join("plots")).expect("the plugin's folder can be written");
    for domain in run::DOMAINS {
        let name = format!("plots/{}.svg", domain.to_lowercase());
        let plot = plot::detection(&outcome, domain, Half::Report);
        std::fs::write(folder.join(name), plot).expect("a plot can be written");
    }
}
