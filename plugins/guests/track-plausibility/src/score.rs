//! How sure an anomaly is: a calibrated score.
//!
//! The score, in permille, is the share of faults among anomalies of this rule whose number passes
//! its limit as far as this one, when one update in a thousand is faulty: from faults put into real
//! tracks and the false alarms on the same tracks as they were, of the half of the recordings that
//! is not reported on. It rises with the ratio. `cargo run --release --example evaluate` prints the
//! table anew; `tests/evaluation.rs` holds it against the other half.

use crate::finding::Rule;

/// Ratios of number to limit at which scores are given.
pub const SCORE_RATIOS: [f64; 6] = [1.0, 1.25, 1.6, 2.5, 5.0, 10.0];

/// Score of what is certain: the format itself forbids the value, or all bits are equal.
const CERTAIN: u16 = 1_000;
/// Score of what could not be counted: as likely as not.
const UNKNOWN: u16 = 500;
/// Score of a repeat whose time is only that of its reception.
const LIKELY: u16 = 900;

/// Score of a rule whose number is `ratio` times its limit: infinite where there is no limit and
/// the fact is certain, NaN where it is likely. Between two knots the score of the lower one, so
/// that it is what was counted.
pub fn score(rule: Rule, ratio: f64) -> u16 {
    if ratio.is_nan() {
        return LIKELY;
    }
    if ratio.is_infinite() {
        return CERTAIN;
    }
    let knots = SCORE_RATIOS.iter().filter(|knot| ratio >= **knot).count();
    table(rule)[knots.saturating_sub(1)]
}

/// Scores at the knots.
const fn table(rule: Rule) -> [u16; SCORE_RATIOS.len()] {
    match rule {
        Rule::TimeReversal => [113, 113, 194, 509, 509, 806],
        Rule::Speed => [731, 731, 731, 731, 731, 731],
        Rule::DuplicateIdentity => [127, 127, 226, 226, 226, 572],
        Rule::Teleport => [893, 893, 893, 893, 893, 913],
        Rule::FrozenPosition => [305, 813, 813, 813, 813, 813],
        Rule::Acceleration => [362, 554, 554, 554, 554, 554],
        Rule::TurnRate => [440, 440, 440, 450, 450, 450],
        Rule::ClimbRate => [473, 473, 473, 473, 473, 473],
        Rule::Innovation => [294, 567, 820, 820, 820, 820],
        Rule::VelocityMismatch => [818, 818, 818, 818, 818, 818],
        Rule::ClimbMismatch => [324, 472, 472, 472, 472, 472],
        Rule::Duplicate | Rule::OutOfRange | Rule::NotAvailable => [CERTAIN; SCORE_RATIOS.len()],
        Rule::Silent => [UNKNOWN; SCORE_RATIOS.len()],
    }
}
