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
        Rule::TimeReversal => [61, 61, 167, 560, 560, 836],
        Rule::Speed => [769, 769, 769, 769, 769, 769],
        Rule::DuplicateIdentity => [166, 166, 166, 166, 166, 519],
        Rule::Teleport => [873, 873, 873, 873, 873, 879],
        Rule::FrozenPosition => [147, 843, 843, 843, 843, 843],
        Rule::Acceleration => [468, 643, 643, 643, 643, 643],
        Rule::TurnRate => [491, 491, 491, 501, 501, 501],
        Rule::ClimbRate => [525, 525, 525, 525, 525, 525],
        Rule::Innovation => [318, 571, 831, 831, 831, 831],
        Rule::VelocityMismatch => [837, 837, 837, 837, 837, 837],
        Rule::ClimbMismatch => [619, 619, 619, 619, 619, 619],
        Rule::Duplicate | Rule::OutOfRange | Rule::NotAvailable => [CERTAIN; SCORE_RATIOS.len()],
        Rule::Silent => [UNKNOWN; SCORE_RATIOS.len()],
    }
}
