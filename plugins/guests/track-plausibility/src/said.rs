//! What may last is said once, and again once in a while.
//!
//! Of what makes a single report untrustworthy each report is an anomaly: a position that is off, a
//! time, a value that cannot be. What values disagree on may go on for as long as the track, and at
//! a report a second the same words would fill an operator's list.

use crate::finding::Rule;

/// How long the same is not said again of a track, milliseconds: a minute. Reason: what lasts stays
/// in sight of a console that shows minutes, and a track of a report a second says a sixtieth of it.
/// It is also the time over which drift is remembered (`gate`, `vertical`): what is said again is
/// still there, and no rest of what was said before. Fits 16 bits.
pub const AGAIN_MS: u16 = 60_000;

/// Kinds of what may last, at most: a byte of the state says which of them were said lately.
pub const LASTING_MAX: usize = 8;

/// For each kind, how long it is not said again, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said(pub [u16; LASTING_MAX]);

impl Said {
    /// Lets time go by, milliseconds.
    pub fn elapse(&mut self, elapsed_ms: u32) {
        let elapsed_ms = u16::try_from(elapsed_ms).unwrap_or(u16::MAX);
        for left_ms in &mut self.0 {
            *left_ms = left_ms.saturating_sub(elapsed_ms);
        }
    }

    /// True if the rule was said so lately that it is not to be said again.
    pub fn is_recent(&self, rule: Rule) -> bool {
        place(rule).is_some_and(|place| self.0[place] > 0)
    }

    /// Notes that the rule is said now.
    pub fn note(&mut self, rule: Rule) {
        if let Some(place) = place(rule) {
            self.0[place] = AGAIN_MS;
        }
    }
}

/// Which kind of what may last a rule is, if it is.
const fn place(rule: Rule) -> Option<usize> {
    match rule {
        Rule::NotAvailable => Some(0),
        Rule::Speed => Some(1),
        Rule::DuplicateIdentity => Some(2),
        Rule::FrozenPosition => Some(3),
        // A reported velocity that is noise shows now as the one, now as the other.
        Rule::Acceleration | Rule::TurnRate => Some(4),
        Rule::ClimbRate => Some(5),
        Rule::VelocityMismatch => Some(6),
        Rule::ClimbMismatch => Some(7),
        Rule::Duplicate
        | Rule::OutOfRange
        | Rule::TimeReversal
        | Rule::Teleport
        | Rule::Innovation
        | Rule::Silent => None,
    }
}
