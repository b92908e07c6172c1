//! How sure an anomaly is: a calibrated score.
//!
//! The score, in permille, is the share of faults among anomalies of this rule whose number passes
//! its limit as far as this one, when one update in a thousand is faulty: from faults put into real
//! tracks and the false alarms on the same tracks as they were, of the half of the recordings that
//! is not reported on. It rises with the ratio. `cargo xtask evaluate` prints the table
//! anew; `tests/evaluation.rs` holds it against a new count of the same half.

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
        Rule::DuplicateIdentity => [574, 574, 574, 574, 574, 574],
        Rule::Teleport => [889, 889, 889, 889, 889, 909],
        Rule::FrozenPosition => [543, 813, 813, 813, 813, 813],
        Rule::Acceleration => [601, 601, 601, 601, 601, 601],
        Rule::TurnRate => [432, 432, 432, 450, 450, 450],
        Rule::ClimbRate => [474, 474, 474, 474, 474, 474],
        Rule::Innovation => [303, 556, 839, 839, 839, 839],
        Rule::VelocityMismatch => [831, 831, 831, 831, 831, 831],
        Rule::ClimbMismatch => [345, 466, 466, 466, 466, 466],
        Rule::Duplicate | Rule::OutOfRange | Rule::NotAvailable => [CERTAIN; SCORE_RATIOS.len()],
        Rule::Silent => [UNKNOWN; SCORE_RATIOS.len()],
    }
}
