//! Which frames make a position, and when it is believed.
//!
//! What always holds: a position is given only if two frames agree on it, or if one frame agrees
//! with where the aircraft was. A far jump that two frames agree on is given: whether an aircraft
//! can do that is a validator's question. Half of a jump and half of none is never given.

use crate::cpr::{self, Cpr, Position};
use crate::message::{self, Velocity};
use crate::state::{Fix, Heard, Kept, SEEN_MAX, Seen, When};

/// Time between the frames of a pair in the air, at most, microseconds. Source: DO-260B,
/// § 2.2.10.3.1: 10 s.
pub const AIR_PAIR_US_MAX: u64 = 10_000_000;
/// The same on the surface, above 25 kt or at an unknown speed. Source: DO-260B,
/// as readsb has it: 25 s.
pub const FAST_SURFACE_PAIR_US_MAX: u64 = 25_000_000;
/// The same at 25 kt or less: 50 s.
pub const SLOW_SURFACE_PAIR_US_MAX: u64 = 50_000_000;
/// Speed that tells fast from slow on the surface, knots.
pub const SLOW_SURFACE_KT_MAX: f64 = 25.0;

/// Age of the last position up to which one frame is resolved by it, microseconds. Reason: at
/// 1,000 m/s it is 180 km, and the nearest solution is right up to 333 km (180 NM).
pub const LOCAL_AGE_US_MAX: u64 = 180_000_000;
/// Age of the last position up to which it chooses among the eight solutions of a surface pair,
/// microseconds. Reason: these are 90° apart, and an hour at 1,000 m/s is 33°.
pub const SURFACE_REFERENCE_AGE_US_MAX: u64 = 3_600_000_000;
/// Age of a velocity up to which it bounds how far the frames of a pair can be apart.
pub const PAIR_VELOCITY_AGE_US_MAX: u64 = 30_000_000;

/// Time in which the same bits from an aircraft in the air are the same transmission, heard by
/// another receiver, microseconds. Assumption: a network of receivers hands on what they hear at most
/// some two seconds late; no recording here has more than one. An aircraft whose position has not
/// moved by a step of its code (5 m) in this time hovers, and its next transmission after it is a
/// position again. On the surface equal bits are what an aircraft at rest sends.
pub const REPEAT_US_MAX: u64 = 2_200_000;

/// Speed of an aircraft, at most, metres per second, where it has not said its own.
const AIR_SPEED_MPS_MAX: f64 = 1_000.0;
/// The same on the surface: the scale of the message ends at 175 kt, 90 m/s.
const SURFACE_SPEED_MPS_MAX: f64 = 100.0;
/// A said speed may have grown by a quarter and this much since, metres per second.
const SPEED_MARGIN_MPS: f64 = 20.0;
/// Error of the capture times against each other, seconds.
const TIME_MARGIN_S: f64 = 0.5;
/// Error of positions, metres.
const PAIR_MARGIN_M: f64 = 50.0;
/// How far one frame may be from where the last position lets it be, and is still given, metres.
/// Reason: a frame of another aircraft under the same address lands anywhere within half a zone,
/// 333 km; within 20 km it lands once in 280 times. So a jump of a few kilometres in one report is
/// seen by a validator, and is no new reference until a second frame agrees.
const AIR_LOCAL_MARGIN_M: f64 = 20_000.0;
/// The same on the surface, where half a zone is 83 km: once in 1,700 times.
const SURFACE_LOCAL_MARGIN_M: f64 = 2_000.0;

const KNOT_MPS: f64 = 1_852.0 / 3_600.0;

/// How a position was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By a pair of frames.
    Global,
    /// By one frame and the last position.
    Local,
}

impl Method {
    /// As in the body.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Local => "local",
        }
    }
}

/// A position that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Where.
    pub position: Position,
    /// How.
    pub method: Method,
    /// The other frame of the pair.
    pub partner: Option<When>,
}

/// Why there is none, as a kind of skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// No other frame in time, and no last position.
    Unpaired,
    /// A pair on the surface, and neither a last position nor a receiver.
    NoReference,
    /// The pair does not agree, nor does the frame with the last position.
    Inconsistent,
}

/// True if an airborne position was heard already: then this is no other one, and later than it was
/// sent.
pub fn is_repeat(heard: Heard, kept: &Kept) -> bool {
    let same = |at_us: u64, me| me == heard.me && at_us.abs_diff(heard.when.at_us) <= REPEAT_US_MAX;
    [kept.even, kept.odd]
        .iter()
        .flatten()
        .any(|other| same(other.when.at_us, other.me))
        || kept
            .seen
            .iter()
            .flatten()
            .any(|seen| same(seen.at_us, seen.me))
}

/// Keeps a position that is no longer the last one, for [`is_repeat`] at `now` and later.
fn keep_seen(kept: &mut Kept, last: Heard, now: When) {
    let mut seen = [None; SEEN_MAX];
    let last = Seen {
        at_us: last.when.at_us,
        me: last.me,
    };
    let young = std::iter::once(last)
        .chain(kept.seen.iter().flatten().copied())
        .filter(|seen| seen.at_us.abs_diff(now.at_us) <= REPEAT_US_MAX);
    for (place, young) in seen.iter_mut().zip(young) {
        *place = Some(young);
    }
    kept.seen = seen;
}

/// Finds where the frame that was just heard places the aircraft. `kept` has the frames before.
pub fn resolve(
    heard: Heard,
    message: &message::Position,
    kept: &mut Kept,
    receiver: Option<Position>,
) -> Result<Found, Unresolved> {
    let partner = if message.cpr.odd { kept.even } else { kept.odd };
    let partner = partner
        .and_then(|partner| Some((partner.when, message::Position::read(partner.me)?)))
        .filter(|(when, other)| {
            other.cpr.surface == message.cpr.surface
                && when.apart_us(heard.when) <= pair_us_max(message, other)
        });
    let last = if message.cpr.odd {
        kept.odd.replace(heard)
    } else {
        kept.even.replace(heard)
    };
    // On landing the last one may be of the air.
    let of_the_air = |last: &Heard| !matches!(last.me.type_code(), 5..=8);
    if let Some(last) = last.filter(of_the_air) {
        keep_seen(kept, last, heard.when);
    }

    let mut why = Unresolved::Unpaired;
    if let Some((when, other)) = partner {
        let near = reference(heard.when, kept.fix, receiver);
        match cpr::global(other.cpr, message.cpr, near) {
            _ if message.cpr.surface && near.is_none() => why = Unresolved::NoReference,
            Some(pair) if agrees(&pair, heard.when, when, message, kept) => {
                kept.fix = Some(Fix {
                    when: heard.when,
                    position: pair.later,
                });
                return Ok(Found {
                    position: pair.later,
                    method: Method::Global,
                    partner: Some(when),
                });
            }
            _ => why = Unresolved::Inconsistent,
        }
    }
    local(heard.when, message.cpr, kept, why)
}

fn pair_us_max(one: &message::Position, other: &message::Position) -> u64 {
    let slow = |position: &message::Position| {
        let speed = position.ground.and_then(|ground| ground.speed_kt);
        speed.is_some_and(|speed| speed <= SLOW_SURFACE_KT_MAX)
    };
    if !one.cpr.surface {
        AIR_PAIR_US_MAX
    } else if slow(one) && slow(other) {
        SLOW_SURFACE_PAIR_US_MAX
    } else {
        FAST_SURFACE_PAIR_US_MAX
    }
}

/// What a surface pair is resolved by: the last position, else the receiver.
fn reference(when: When, fix: Option<Fix>, receiver: Option<Position>) -> Option<Position> {
    fix.filter(|fix| fix.when.apart_us(when) <= SURFACE_REFERENCE_AGE_US_MAX)
        .map(|fix| fix.position)
        .or(receiver)
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

/// Two frames that are not of one flight give two places up to half a zone's difference apart,
/// some kilometres; those of one flight are as far apart as it flew in between.
fn agrees(
    pair: &cpr::Pair,
    later: When,
    earlier: When,
    message: &message::Position,
    kept: &Kept,
) -> bool {
    let said_kt = match message.ground {
        Some(ground) => ground.speed_kt,
        None => kept
            .velocity
            .filter(|velocity| velocity.when.apart_us(later) <= PAIR_VELOCITY_AGE_US_MAX)
            .and_then(|velocity| Some(Velocity::read(velocity.me)?.over_ground()?.0)),
    };
    let limit_mps = match said_kt {
        Some(said_kt) => said_kt * KNOT_MPS * 1.25 + SPEED_MARGIN_MPS,
        None if message.cpr.surface => SURFACE_SPEED_MPS_MAX,
        None => AIR_SPEED_MPS_MAX,
    };
    let between_s = seconds(later.apart_us(earlier)) + TIME_MARGIN_S;
    pair.later.distance_m(pair.earlier) <= limit_mps * between_s + PAIR_MARGIN_M
}

fn local(when: When, cpr: Cpr, kept: &mut Kept, why: Unresolved) -> Result<Found, Unresolved> {
    let fix = kept.fix.ok_or(why)?;
    let age_us = fix.when.apart_us(when);
    if age_us > LOCAL_AGE_US_MAX {
        return Err(why);
    }
    let position = cpr::local(cpr, fix.position).ok_or(Unresolved::Inconsistent)?;
    let distance_m = position.distance_m(fix.position);
    let (speed_mps, margin_m) = if cpr.surface {
        (SURFACE_SPEED_MPS_MAX, SURFACE_LOCAL_MARGIN_M)
    } else {
        (AIR_SPEED_MPS_MAX, AIR_LOCAL_MARGIN_M)
    };
    let flown_m = speed_mps * (seconds(age_us) + TIME_MARGIN_S);
    if distance_m > flown_m + margin_m {
        return Err(Unresolved::Inconsistent);
    }
    // Only what the aircraft can have flown is a new reference.
    if distance_m <= flown_m + PAIR_MARGIN_M {
        kept.fix = Some(Fix { when, position });
    }
    Ok(Found {
        position,
        method: Method::Local,
        partner: None,
    })
}

#[cfg(test)]
mod tests;
