//! `cargo xtask evaluate`: what the track validator says of real tracks, and of faults in them.

use crate::places::Places;
use crate::progress::Failure;
use crate::runner;

/// Runs the evaluation, which is an example of the validator's package; what it prints is its own.
///
/// # Errors
/// If it does not build or run.
pub fn run(places: &Places, anomalies: bool) -> Result<(), Failure> {
    let mut cargo = places.guest_cargo("run");
    cargo.args(["--release", "--locked", "--package", "track-plausibility"]);
    cargo.args(["--example", "evaluate"]);
    if anomalies {
        cargo.args(["--", "anomalies"]);
    }
    runner::run(
        &mut cargo,
        "it needs the recordings: OUTRIGGER_RECORDINGS names their folder",
    )
}
