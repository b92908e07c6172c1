//! How sure an anomaly is.

use crate::finding::Rule;

/// Score of what is certain: the format itself forbids the value, or all bits are equal.
const CERTAIN: u16 = 1_000;

/// Score of a repeat whose time is only that of its reception.
const LIKELY: u16 = 900;

/// Score in permille of a rule whose number is `ratio` times its limit.
pub fn score(_rule: Rule, ratio: f64) -> u16 {
    if ratio.is_nan() {
        return LIKELY;
    }
    let square = ratio * ratio;
    if !square.is_finite() {
        return CERTAIN;
    }
    (1_000.0 * square / (1.0 + square)) as u16
}
