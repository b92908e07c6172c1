//! Evaluates the validator on the recordings.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/evaluation/mod.rs"]
mod evaluation;

use evaluation::{run, tables, tracks};

fn main() {
    let Some(tracks) = tracks::all() else { return };
    let raised = run::raised(&tracks);
    print!("{}", tables::alarms(&tracks, &raised));
    if std::env::var_os("SHOW").is_some() {
        for raised in &raised {
            if raised.anomaly.rule != "duplicate" {
                println!(
                    "{} {} #{} {} {:?} {:?}",
                    raised.track.recording,
                    raised.track.key,
                    raised.place,
                    raised.anomaly.rule,
                    raised.anomaly.severity,
                    raised.anomaly.evidence
                );
            }
        }
    }
    if std::env::var_os("FAST").is_none() {
        let outcome = run::inject(&tracks, 2, 1);
        print!("{}", tables::detection(&outcome, None));
    }
}
