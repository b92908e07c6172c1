//! Faults put into reports on purpose, each with the rule that an ideal validator names.
//!
//! A fault either *alters* reports that would have been sent anyway, or *repeats* a report that
//! was already sent. What always holds: at most one fault is at work on a track at a time, and
//! the same seed and scenario give the same faults.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::geodesy::place_from;
use crate::platform::MPS_PER_KNOT;
use crate::random::Random;
use crate::report::{Measured, Position};
use crate::scenario::{FaultOrder, Target};

/// Least time between two faults on one track, seconds. The second of the minute in an AIS
/// report is told apart from its neighbours within half a minute only.
pub const SPACING_MIN_S: u64 = 30;

/// The part of a report that is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Latitude and longitude.
    Position,
    /// Speed over ground.
    Speed,
    /// Course over ground.
    Course,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// The reported speed jumps up by `by_kt`, and the position runs ahead along the course as
    /// far as that speed would have carried it since the last good report; then both are back.
    SpeedJump {
        /// Added to the true speed, knots.
        by_kt: f64,
    },
    /// The position lies `distance_m` away, in a drawn direction, and then is back. Speed and
    /// course stay true.
    Teleport {
        /// Distance, metres.
        distance_m: f64,
    },
    /// An older report is sent once more, unchanged, after newer ones.
    TimeReversal {
        /// Age of the repeated report, milliseconds.
        delay_ms: u64,
    },
    /// A report is sent twice, before any newer one.
    Duplicate {
        /// Time between the two, milliseconds.
        delay_ms: u64,
    },
    /// A value is reported as not available.
    NotAvailable {
        /// Which.
        field: Field,
    },
    /// A value that the format can carry but its standard forbids.
    OutOfRange {
        /// Which.
        field: Field,
    },
}

impl Kind {
    /// Every kind, for the words of errors and summaries.
    pub const NAMES: [&'static str; 6] = [
        "speed-jump",
        "teleport",
        "time-reversal",
        "duplicate",
        "not-available",
        "out-of-range",
    ];

    /// Name in scenario and truth.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpeedJump { .. } => "speed-jump",
            Self::Teleport { .. } => "teleport",
            Self::TimeReversal { .. } => "time-reversal",
            Self::Duplicate { .. } => "duplicate",
            Self::NotAvailable { .. } => "not-available",
            Self::OutOfRange { .. } => "out-of-range",
        }
    }

    /// The rule that an ideal validator names for it.
    pub fn rule(self) -> &'static str {
        match self {
            Self::SpeedJump { .. } => "speed",
            Self::Teleport { .. } => "teleport",
            Self::TimeReversal { .. } => "time-reversal",
            Self::Duplicate { .. } => "duplicate",
            Self::NotAvailable { .. } => "not-available",
            Self::OutOfRange { .. } => "out-of-range",
        }
    }

    /// After how long the report is sent again, milliseconds; `None` for faults that alter.
    pub fn repeat_delay_ms(self) -> Option<u64> {
        match self {
            Self::TimeReversal { delay_ms } | Self::Duplicate { delay_ms } => Some(delay_ms),
            Self::SpeedJump { .. }
            | Self::Teleport { .. }
            | Self::NotAvailable { .. }
            | Self::OutOfRange { .. } => None,
        }
    }
}

/// A fault with its track and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Number of the fault, from 1: truth calls it `fault-1`.
    pub id: u32,
    /// What goes wrong.
    pub kind: Kind,
    /// Place of the track in the scenario.
    pub track: usize,
    /// The first position report at or after this is altered, or is the one to be repeated;
    /// milliseconds from the start.
    pub from_ms: u64,
    /// Reports still to be altered.
    pub reports_left: u32,
    /// Direction or size within the kind, 0 to below 1.
    pub draw: f64,
}

impl Injection {
    /// Alters `measured`. `since_good_s` is the time from the last unaltered report.
    pub fn alter(&self, measured: &mut Measured, since_good_s: f64) {
        match self.kind {
            Kind::SpeedJump { by_kt } => {
                let by_mps = by_kt * MPS_PER_KNOT;
                if let (Some(position), Some(course_deg)) = (measured.position, measured.course_deg)
                {
                    measured.position =
                        Some(place_from(position, course_deg, by_mps * since_good_s));
                }
                measured.speed_mps = measured.speed_mps.map(|speed| speed + by_mps);
            }
            Kind::Teleport { distance_m } => {
                measured.position = measured
                    .position
                    .map(|position| place_from(position, self.draw * 360.0, distance_m));
            }
            Kind::NotAvailable { field } => match field {
                Field::Position => measured.position = None,
                Field::Speed => measured.speed_mps = None,
                Field::Course => measured.course_deg = None,
            },
            Kind::OutOfRange { field } => match field {
                // AIS carries up to 111° of latitude and 223° of longitude.
                Field::Position => {
                    measured.position = Some(Position {
                        lat_deg: 95.0 + 10.0 * self.draw,
                        lon_deg: 185.0 + 30.0 * self.draw,
                    });
                }
                // Twelve bits of tenths of a degree end at 409.5°.
                Field::Course => measured.course_deg = Some(365.0 + 40.0 * self.draw),
                // The scenario's check refuses it: no AIS speed is out of range.
                Field::Speed => {}
            },
            Kind::TimeReversal { .. } | Kind::Duplicate { .. } => {}
        }
    }
}

/// Draws tracks and times for every order, so that no two faults of one track come
/// closer than [`SPACING_MIN_S`]. Returned by time.
///
/// # Errors
/// The place in `orders` of an order for which no free track is left.
pub fn plan(seed: u64, orders: &[FaultOrder]) -> Result<Vec<Injection>, usize> {
    // The highest stream: tracks use those from 0.
    let mut random = Random::new(seed, u64::MAX >> 1);
    let mut planned: Vec<Injection> = Vec::new();
    let mut taken_ms: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    // Named tracks first: whether the orders fit then hangs on no draw, and holds for every seed.
    let is_drawn = |order: &FaultOrder| matches!(order.target, Target::Among { .. });
    let mut in_turn: Vec<(usize, &FaultOrder)> = orders.iter().enumerate().collect();
    in_turn.sort_by_key(|(_, order)| is_drawn(order));
    for (place, order) in in_turn {
        match order.target {
            Target::Track { track, at_ms } => {
                let times_ms = taken_ms.entry(track).or_default();
                let is_close = |other: &u64| other.abs_diff(at_ms) < SPACING_MIN_S * 1000;
                if times_ms.iter().any(is_close) {
                    return Err(place);
                }
                times_ms.push(at_ms);
                planned.push(injection(order, track, at_ms, random.unit()));
            }
            Target::Among {
                first,
                tracks,
                count,
                from_ms,
                to_ms,
            } => {
                let mut free: Vec<usize> = (first..first + tracks as usize)
                    .filter(|track| !taken_ms.contains_key(track))
                    .collect();
                if free.len() < count as usize {
                    return Err(place);
                }
                for _ in 0..count {
                    // At most TRACKS_MAX are free, which fits.
                    let pick = random.below(free.len() as u32);
                    let track = free.swap_remove(pick as usize);
                    let at_ms = random.between(from_ms as f64, to_ms as f64) as u64;
                    taken_ms.insert(track, vec![at_ms]);
                    planned.push(injection(order, track, at_ms, random.unit()));
                }
            }
        }
    }
    planned.sort_by_key(|injection| (injection.from_ms, injection.track));
    for (id, injection) in (1..).zip(&mut planned) {
        injection.id = id;
    }
    Ok(planned)
}

/// The fault that `order` asks for; `at_ms` is when its first spoiled report is sent.
fn injection(order: &FaultOrder, track: usize, at_ms: u64, draw: f64) -> Injection {
    let lead_ms = match order.kind {
        // Sent at `at_ms`, so taken that much earlier.
        Kind::TimeReversal { delay_ms } => delay_ms,
        Kind::Duplicate { .. }
        | Kind::SpeedJump { .. }
        | Kind::Teleport { .. }
        | Kind::NotAvailable { .. }
        | Kind::OutOfRange { .. } => 0,
    };
    Injection {
        id: 0,
        kind: order.kind,
        track,
        from_ms: at_ms.saturating_sub(lead_ms),
        reports_left: order.reports,
        draw,
    }
}

#[cfg(test)]
mod tests;
