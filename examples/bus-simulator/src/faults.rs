//! Faults put into reports on purpose, each with the rule that an ideal validator names.
//!
//! A fault either *alters* reports that would have been sent anyway, or *repeats* a report that
//! was already sent. What always holds: at most one fault is at work on a track at a time, and
//! the same seed and scenario give the same faults.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::geodesy::{compass_deg, place_from};
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
    /// The position lies `distance_m` beside the true one, the same way in every report.
    PositionOffset {
        /// Distance, metres.
        distance_m: f64,
    },
    /// The position scatters around the true one, drawn anew for every report; speed and course
    /// stay true.
    PositionNoise {
        /// Standard deviation to the north, and the same to the east, metres.
        noise_m: f64,
    },
    /// The height runs away from the true one; the climb stays true.
    AltitudeRamp {
        /// How fast, m/s.
        rate_mps: f64,
    },
    /// The speed runs away from the true one; the position stays true.
    SpeedRamp {
        /// How fast, knots per second.
        rate_kt_s: f64,
    },
    /// Course and heading point backwards; the position stays true.
    ReversedHeading,
    /// The climb has the other sign; the height stays true.
    ReversedClimb,
    /// The position stays where the last good report had it; all else stays true.
    FrozenPosition,
    /// Reports claim another time than the one for which they hold.
    TimeShift {
        /// By how much, milliseconds; negative is earlier.
        shift_ms: i64,
    },
    /// A platform reports under the identity of another, which goes on reporting too.
    IdentityClash,
    /// Reports are not sent.
    Dropped,
    /// A report is sent after its successor.
    Swapped,
}

impl Kind {
    /// Every kind, for the words of errors and summaries.
    pub const NAMES: [&'static str; 17] = [
        "speed-jump",
        "teleport",
        "time-reversal",
        "duplicate",
        "not-available",
        "out-of-range",
        "position-offset",
        "position-noise",
        "altitude-ramp",
        "speed-ramp",
        "reversed-heading",
        "reversed-climb",
        "frozen-position",
        "time-shift",
        "identity-clash",
        "dropped",
        "swapped",
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
            Self::PositionOffset { .. } => "position-offset",
            Self::PositionNoise { .. } => "position-noise",
            Self::AltitudeRamp { .. } => "altitude-ramp",
            Self::SpeedRamp { .. } => "speed-ramp",
            Self::ReversedHeading => "reversed-heading",
            Self::ReversedClimb => "reversed-climb",
            Self::FrozenPosition => "frozen-position",
            Self::TimeShift { .. } => "time-shift",
            Self::IdentityClash => "identity-clash",
            Self::Dropped => "dropped",
            Self::Swapped => "swapped",
        }
    }

    /// The rule that an ideal validator names for it.
    pub fn rule(self) -> &'static str {
        match self {
            Self::SpeedJump { .. } => "speed",
            Self::Teleport { .. } | Self::PositionOffset { .. } | Self::PositionNoise { .. } => {
                "teleport"
            }
            Self::TimeReversal { .. } | Self::TimeShift { .. } | Self::Swapped => "time-reversal",
            Self::Duplicate { .. } => "duplicate",
            Self::NotAvailable { .. } => "not-available",
            Self::OutOfRange { .. } => "out-of-range",
            Self::AltitudeRamp { .. } => "climb-rate",
            Self::ReversedClimb => "climb-mismatch",
            Self::SpeedRamp { .. } | Self::ReversedHeading => "velocity-mismatch",
            Self::FrozenPosition => "frozen-position",
            Self::IdentityClash => "duplicate-identity",
            Self::Dropped => "silent",
        }
    }

    /// Other rules that name it rightly: which one comes first hangs on how far it goes.
    pub fn also(self) -> &'static [&'static str] {
        match self {
            Self::PositionOffset { .. } | Self::PositionNoise { .. } => {
                &["innovation", "velocity-mismatch"]
            }
            Self::AltitudeRamp { .. } => &["climb-mismatch"],
            Self::SpeedRamp { .. } => &["acceleration", "speed"],
            Self::ReversedHeading => &["turn-rate"],
            Self::FrozenPosition => &["velocity-mismatch"],
            Self::IdentityClash => &["teleport"],
            Self::TimeShift { .. } => &["teleport", "speed"],
            Self::SpeedJump { .. } => &["teleport", "acceleration"],
            Self::Teleport { .. }
            | Self::TimeReversal { .. }
            | Self::Duplicate { .. }
            | Self::NotAvailable { .. }
            | Self::OutOfRange { .. }
            | Self::ReversedClimb
            | Self::Dropped
            | Self::Swapped => &[],
        }
    }

    /// Reports that it spoils when the scenario names no number: enough to show.
    pub fn reports(self) -> u32 {
        match self {
            Self::SpeedJump { .. }
            | Self::Teleport { .. }
            | Self::TimeReversal { .. }
            | Self::Duplicate { .. }
            | Self::NotAvailable { .. }
            | Self::OutOfRange { .. }
            | Self::TimeShift { .. }
            | Self::Swapped => 1,
            Self::PositionOffset { .. } | Self::ReversedHeading | Self::ReversedClimb => 5,
            Self::PositionNoise { .. }
            | Self::FrozenPosition
            | Self::AltitudeRamp { .. }
            | Self::SpeedRamp { .. } => 8,
            Self::IdentityClash | Self::Dropped => 12,
        }
    }

    /// What it does with the report besides its content.
    pub fn effect(self) -> Effect {
        match self {
            Self::TimeReversal { delay_ms } | Self::Duplicate { delay_ms } => {
                Effect::Repeat { delay_ms }
            }
            Self::Dropped => Effect::Drop,
            Self::Swapped => Effect::Swap,
            Self::SpeedJump { .. }
            | Self::Teleport { .. }
            | Self::NotAvailable { .. }
            | Self::OutOfRange { .. }
            | Self::PositionOffset { .. }
            | Self::PositionNoise { .. }
            | Self::AltitudeRamp { .. }
            | Self::SpeedRamp { .. }
            | Self::ReversedHeading
            | Self::ReversedClimb
            | Self::FrozenPosition
            | Self::TimeShift { .. }
            | Self::IdentityClash => Effect::Alter,
        }
    }
}

/// What becomes of a report under a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Sent, with other content, time or identity.
    Alter,
    /// Sent, and sent again.
    Repeat {
        /// After how long, milliseconds.
        delay_ms: u64,
    },
    /// Not sent.
    Drop,
    /// Sent after the next.
    Swap,
}

/// What the stream reported before a fault began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Good {
    /// Seconds since its last unaltered report.
    pub since_s: f64,
    /// Where that report placed the platform.
    pub position: Option<Position>,
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
    /// Place of the sensor whose reports it spoils.
    pub sensor: usize,
    /// The other track of a clash of identities.
    pub with: Option<usize>,
    /// The first position report at or after this is altered, or is the one to be repeated;
    /// milliseconds from the start.
    pub from_ms: u64,
    /// Reports still to be altered.
    pub reports_left: u32,
    /// Direction or size within the kind, 0 to below 1.
    pub draw: f64,
}

impl Injection {
    /// Alters `measured`, after `good`.
    pub fn alter(&self, measured: &mut Measured, good: Good) {
        match self.kind {
            Kind::SpeedJump { by_kt } => {
                let by_mps = by_kt * MPS_PER_KNOT;
                if let (Some(position), Some(course_deg)) = (measured.position, measured.course_deg)
                {
                    measured.position =
                        Some(place_from(position, course_deg, by_mps * good.since_s));
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
            Kind::PositionOffset { distance_m } => {
                measured.position = measured
                    .position
                    .map(|position| place_from(position, self.draw * 360.0, distance_m));
            }
            Kind::PositionNoise { noise_m } => {
                let [north_m, east_m] = self.scatter().map(|unit| unit * noise_m);
                let bearing_deg = compass_deg(east_m.atan2(north_m).to_degrees());
                measured.position = measured
                    .position
                    .map(|position| place_from(position, bearing_deg, north_m.hypot(east_m)));
            }
            Kind::AltitudeRamp { rate_mps } => {
                measured.altitude_m = measured
                    .altitude_m
                    .map(|height| height + rate_mps * good.since_s);
            }
            Kind::SpeedRamp { rate_kt_s } => {
                let by_mps = rate_kt_s * MPS_PER_KNOT * good.since_s;
                measured.speed_mps = measured.speed_mps.map(|speed| (speed + by_mps).max(0.0));
            }
            Kind::ReversedHeading => {
                let back = |angle_deg: f64| compass_deg(angle_deg + 180.0);
                measured.course_deg = measured.course_deg.map(back);
                measured.heading_deg = measured.heading_deg.map(back);
            }
            Kind::ReversedClimb => {
                measured.climb_mps = measured.climb_mps.map(|climb| -climb);
            }
            Kind::FrozenPosition => {
                measured.position = good.position.or(measured.position);
            }
            Kind::TimeReversal { .. }
            | Kind::Duplicate { .. }
            | Kind::TimeShift { .. }
            | Kind::IdentityClash
            | Kind::Dropped
            | Kind::Swapped => {}
        }
    }

    /// Two normal numbers, others for every report of the fault: its own draw is the seed, and the
    /// reports that it has left are the stream.
    fn scatter(&self) -> [f64; 2] {
        let mut random = Random::new(self.draw.to_bits(), u64::from(self.reports_left));
        [random.gaussian(), random.gaussian()]
    }

    /// The time that a report claims in place of `time_ns`.
    pub fn shifted(&self, time_ns: u64) -> u64 {
        match self.kind {
            Kind::TimeShift { shift_ms } => time_ns.saturating_add_signed(shift_ms * 1_000_000),
            _ => time_ns,
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
        _ => 0,
    };
    Injection {
        id: 0,
        kind: order.kind,
        track,
        sensor: order.sensor,
        with: order.with,
        from_ms: at_ms.saturating_sub(lead_ms),
        reports_left: order.reports,
        draw,
    }
}

#[cfg(test)]
mod tests;
