//! What is found on one report, and which of it is said.
//!
//! One bad report is one anomaly: a value that cannot be explains a position that is off, a position
//! that cannot be reached explains a velocity that does not fit. So the most specific rule speaks,
//! and says how many others were broken with it.

use outrigger_sdk::{Anomalies, Severity};

use crate::said::Said;
use crate::score;

/// Rules, most specific first. The order decides which one speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The report has been seen already.
    Duplicate,
    /// A value is outside its physical range or that of its format.
    OutOfRange,
    /// A report that should carry a position carries none.
    NotAvailable,
    /// The report applies to a time before the last accepted one.
    TimeReversal,
    /// Reported speed is beyond the platform's limit.
    Speed,
    /// Two tracks that cannot reach each other use one identity.
    DuplicateIdentity,
    /// The position cannot be reached from the last accepted one in the time between.
    Teleport,
    /// The position stays though the track moves.
    FrozenPosition,
    /// The reported speed, or rate of climb, changed faster than the platform can.
    Acceleration,
    /// The reported direction changed faster than the platform can turn.
    TurnRate,
    /// The altitude changed faster than the platform can climb, or is said to.
    ClimbRate,
    /// The position is off where the track was going.
    Innovation,
    /// The reported velocity is not the one that the positions show.
    VelocityMismatch,
    /// The reported rate of climb is not the one that the altitudes show.
    ClimbMismatch,
    /// Nothing was heard of the track.
    Silent,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 15] = [
        Self::Duplicate,
        Self::OutOfRange,
        Self::NotAvailable,
        Self::TimeReversal,
        Self::Speed,
        Self::DuplicateIdentity,
        Self::Teleport,
        Self::FrozenPosition,
        Self::Acceleration,
        Self::TurnRate,
        Self::ClimbRate,
        Self::Innovation,
        Self::VelocityMismatch,
        Self::ClimbMismatch,
        Self::Silent,
    ];

    /// As in the description.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::OutOfRange => "out-of-range",
            Self::NotAvailable => "not-available",
            Self::TimeReversal => "time-reversal",
            Self::Speed => "speed",
            Self::DuplicateIdentity => "duplicate-identity",
            Self::Teleport => "teleport",
            Self::FrozenPosition => "frozen-position",
            Self::Acceleration => "acceleration",
            Self::TurnRate => "turn-rate",
            Self::ClimbRate => "climb-rate",
            Self::Innovation => "innovation",
            Self::VelocityMismatch => "velocity-mismatch",
            Self::ClimbMismatch => "climb-mismatch",
            Self::Silent => "silent",
        }
    }
}

/// Numbers of a finding, at most.
const NUMBERS_MAX: usize = 6;

/// A rule that is broken, with the numbers that broke it.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// The number over its limit; at least 1. Infinite when there is nothing to compare.
    pub ratio: f64,
    numbers: [(&'static str, f64); NUMBERS_MAX],
}

impl Finding {
    /// A finding. Later numbers past six are dropped; what is not finite is left out.
    pub fn new(rule: Rule, severity: Severity, ratio: f64, given: &[(&'static str, f64)]) -> Self {
        let mut numbers = [("", f64::NAN); NUMBERS_MAX];
        for (place, number) in numbers.iter_mut().zip(given) {
            *place = *number;
        }
        Self {
            rule,
            severity,
            ratio,
            numbers,
        }
    }
}

/// What is found on one report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    first: Option<Finding>,
    broken: u32,
    said: Said,
}

impl Findings {
    /// Nothing yet, of a track of which this was said already.
    pub fn new(said: Said) -> Self {
        Self {
            first: None,
            broken: 0,
            said,
        }
    }

    /// Nothing yet, beside this: what is found may be [`joined`](Self::join) or dropped.
    pub fn beside(&self) -> Self {
        Self::new(self.said)
    }

    /// Adds what was found beside this, later.
    pub fn join(&mut self, later: &Self) {
        if let Some(finding) = &later.first {
            let broken = self.broken + later.broken;
            self.add(*finding);
            self.broken = broken;
        }
    }

    /// Adds one, unless it may last and was said a short while ago.
    pub fn add(&mut self, finding: Finding) {
        if self.said.is_recent(finding.rule) {
            return;
        }
        self.broken += 1;
        match &self.first {
            Some(first) if first.rule <= finding.rule => {}
            Some(_) | None => self.first = Some(finding),
        }
    }

    /// Says the most specific one, and gives what was said by now.
    pub fn say(&mut self, out: &mut Anomalies) -> Said {
        let Some(finding) = &self.first else {
            return self.said;
        };
        self.said.note(finding.rule);
        let score = score::score(finding.rule, finding.ratio);
        out.anomaly(finding.rule.name(), finding.severity, score, |evidence| {
            for (name, value) in finding.numbers {
                if !name.is_empty() {
                    // A number that is not finite is left out.
                    evidence.number(name, value);
                }
            }
            if finding.ratio.is_finite() {
                evidence.number("ratio", finding.ratio);
            }
            if self.broken > 1 {
                evidence.integer("suppressed", i64::from(self.broken) - 1);
            }
        });
        self.said
    }
}
