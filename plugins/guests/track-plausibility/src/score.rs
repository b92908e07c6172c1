//! How sure an anomaly is.

/// Score of what is certain: the format itself forbids the value, or all bits are equal.
pub const CERTAIN: u16 = 1_000;
/// Score of a repeat whose time is only that of its reception.
pub const LIKELY: u16 = 900;

/// Score of a number that passes its limit, in permille: `r² / (1 + r²)` with `r` the ratio of the
/// two, which is a logistic curve over twice the ratio's logarithm. At the limit 500, at twice the
/// limit 800, at ten times 990. By form, not yet by counting: see the README.
///
/// Without `exp`, so that native code and the sandbox give the same bits.
pub fn past_limit(value: f64, limit: f64) -> u16 {
    let ratio = value / limit;
    let square = ratio * ratio;
    if !square.is_finite() {
        // The limit is zero, or so small that it makes no difference.
        return CERTAIN;
    }
    (1_000.0 * square / (1.0 + square)) as u16
}
