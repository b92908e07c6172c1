//! What a report says, judged by itself, and what of it can be worked with.

use outrigger_sdk::{AltDatum, Message, Severity, Track};

use crate::finding::{Finding, Findings, Rule};
use crate::plane::Place;
use crate::platform::Limits;
use crate::source::Noise;
use crate::state::{TimeKind, millis};

/// Latitude and longitude that formats use for "not available" (ITU-R M.1371-5, annex 8, § 3.1).
/// Decoders leave such values out; one that does not is understood all the same.
const LAT_NOT_AVAILABLE_DEG: f64 = 91.0;
const LON_NOT_AVAILABLE_DEG: f64 = 181.0;

/// Altitude that anything tracked as an aircraft can have, metres: from below the Dead Sea with
/// the lowest pressure on record, to the Kármán line.
const ALT_M: (f64, f64) = (-2_000.0, 100_000.0);
/// Rate of climb, metres per second, either way. The widest of the formats, ADS-B's vertical rate,
/// ends at 32,608 ft/min = 166 m/s (ICAO Doc 9871, BDS 0,9); fighters do 300; a factor of three.
const CLIMB_MPS: f64 = 1_000.0;
/// Rate of turn, degrees per second, either way. AIS ends at 708°/min = 11.8°/s (§ 3.1); a fighter
/// at 9 g and 125 m/s does 40°/s; a ship or helicopter on the spot less than a turn in four
/// seconds.
const TURN_DPS: f64 = 90.0;

/// A report, as far as its values are in range.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub time_ns: u64,
    pub at_ms: u32,
    pub time_kind: TimeKind,
    pub place: Option<Place>,
    pub speed_mps: Option<f64>,
    pub course_deg: Option<f64>,
    pub heading_deg: Option<f64>,
    pub alt_m: Option<f64>,
    /// As [`Vertical::datum`](crate::Vertical::datum).
    pub datum: u8,
    pub climb_mps: Option<f64>,
    pub noise: Noise,
}

impl Report {
    /// How far its time can be off as that of another receiver, seconds.
    pub fn received_s(&self) -> f64 {
        match self.time_kind {
            TimeKind::Received => self.noise.received_s,
            TimeKind::Own | TimeKind::OwnSecond => 0.0,
        }
    }
}

/// Judges values, and keeps those that can be: what breaks its limit is no measure for anything.
pub fn judge(
    message: &Message<Track>,
    noise: Noise,
    limits: &Limits,
    found: &mut Findings,
) -> Report {
    let track = &message.body;
    let turn_dps = (-TURN_DPS, TURN_DPS);
    let _ = in_range("turn_rate_dps", track.turn_rate_dps, turn_dps, found);
    Report {
        time_ns: track.time_ns,
        at_ms: millis(track.time_ns),
        time_kind: TimeKind::of(track.time_source),
        place: place(track, limits, found),
        speed_mps: speed(track, limits, found),
        course_deg: in_range("course_deg", track.course_deg, (0.0, 360.0), found),
        heading_deg: in_range("heading_deg", track.heading_deg, (0.0, 360.0), found),
        alt_m: in_range("alt_m", track.alt_m, ALT_M, found),
        datum: match track.alt_datum {
            None => 0,
            Some(AltDatum::Barometric) => 1,
            Some(AltDatum::Geometric) => 2,
        },
        climb_mps: climb(track, limits, found),
        noise,
    }
}

fn speed(track: &Track, limits: &Limits, found: &mut Findings) -> Option<f64> {
    let speed_mps = finite(track.speed_mps)?;
    let limit_mps = limits.speed_max_mps;
    if speed_mps < 0.0 {
        return in_range("speed_mps", track.speed_mps, (0.0, limit_mps), found);
    }
    if speed_mps > limit_mps {
        found.add(Finding::new(
            Rule::Speed,
            Severity::Major,
            speed_mps / limit_mps,
            &[("speed_mps", speed_mps), ("limit_mps", limit_mps)],
        ));
        return None;
    }
    Some(speed_mps)
}

fn climb(track: &Track, limits: &Limits, found: &mut Findings) -> Option<f64> {
    let climb_mps = in_range("climb_mps", track.climb_mps, (-CLIMB_MPS, CLIMB_MPS), found)?;
    let limit_mps = limits.climb_max_mps;
    if climb_mps.abs() > limit_mps {
        found.add(Finding::new(
            Rule::ClimbRate,
            Severity::Major,
            climb_mps.abs() / limit_mps,
            &[("climb_mps", climb_mps), ("limit_mps", limit_mps)],
        ));
        return None;
    }
    Some(climb_mps)
}

fn place(track: &Track, limits: &Limits, found: &mut Findings) -> Option<Place> {
    let lat_deg = finite(track.lat_deg).filter(|lat| *lat != LAT_NOT_AVAILABLE_DEG);
    let lon_deg = finite(track.lon_deg).filter(|lon| *lon != LON_NOT_AVAILABLE_DEG);
    let lat = in_range("lat_deg", lat_deg, (-90.0, 90.0), found);
    let lon = in_range("lon_deg", lon_deg, (-180.0, 180.0), found);
    let good = lat == lat_deg && lon == lon_deg;
    // Half a position is never normal.
    let half = lat_deg.is_some() != lon_deg.is_some();
    let there = lat_deg.is_some() && lon_deg.is_some();
    if !there && good && (limits.position_expected || half) {
        found.add(Finding::new(
            Rule::NotAvailable,
            Severity::Minor,
            f64::INFINITY,
            &[
                ("lat_available", f64::from(u8::from(lat_deg.is_some()))),
                ("lon_available", f64::from(u8::from(lon_deg.is_some()))),
            ],
        ));
    }
    Some(Place::new(lat?, lon?))
}

/// A number that is not finite counts as absent, as in the canonical track.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// The value when it is in range.
fn in_range(
    name: &'static str,
    value: Option<f64>,
    (min, max): (f64, f64),
    found: &mut Findings,
) -> Option<f64> {
    let value = finite(value)?;
    if (min..=max).contains(&value) {
        return Some(value);
    }
    // `lat_deg` has `min_deg` and `max_deg`: the unit stays last.
    let (low, high) = match name {
        "alt_m" => ("min_m", "max_m"),
        "speed_mps" | "climb_mps" => ("min_mps", "max_mps"),
        "turn_rate_dps" => ("min_dps", "max_dps"),
        _ => ("min_deg", "max_deg"),
    };
    found.add(Finding::new(
        Rule::OutOfRange,
        Severity::Major,
        f64::INFINITY,
        &[(name, value), (low, min), (high, max)],
    ));
    None
}
