//! Evaluates the validator on the recordings: tables on standard output, plots into `plots/`.
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
    println!("## False alarms\n");
    print!("{}", tables::alarm_table(&tables::alarms(&tracks, &raised)));
    let outcome = run::inject(&tracks, run::PER_TRACK, run::SEED);
    for domain in run::DOMAINS {
        println!("\n## Detection, {domain}, report half\n");
        print!("{}", tables::detection(&outcome, domain, Half::Report));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plots");
        std::fs::create_dir_all(&folder).expect("the plugin's folder can be written");
        let plot = plot::detection(&outcome, domain, Half::Report);
        std::fs::write(folder.join(format!("{}.svg", domain.to_lowercase())), plot)
            .expect("a plot can be written");
    }
    let (all, found, each) = tables::gross(&outcome, Half::Report);
    println!(
        "\ngross faults: {all}, within three reports {:.2} %; anomalies for each bad report found {each:.3}",
        100.0 * found
    );
    let false_alarms: Vec<&run::Raised> = raised
        .iter()
        .filter(|raised| real::reason(raised).is_none())
        .collect();
    println!("\n## Scores\n");
    let updates: usize = tracks
        .iter()
        .filter(|track| track.half() == Half::Calibration)
        .map(|track| track.updates.len())
        .sum();
    let rates = scores::rates(&tracks, &false_alarms, &outcome, Half::Calibration);
    println!("{}", scores::source(&scores::scores(&rates, updates)));
    print!(
        "{}",
        scores::reliability(&tracks, &false_alarms, &outcome, Half::Report)
    );
}
