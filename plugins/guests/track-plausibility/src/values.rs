//! What a report says, judged by itself.

use outrigger_sdk::{Anomalies, Track};

use crate::platform::Limits;
use crate::{NOT_AVAILABLE, OUT_OF_RANGE, SPEED, score};

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

/// Judges values and returns the position when it is one.
pub fn judge(track: &Track, limits: &Limits, out: &mut Anomalies) -> Option<(f64, f64)> {
    let position = position(track, limits, out);
    // A track that says nothing odd costs a few comparisons.
    if let Some(speed_mps) = finite(track.speed_mps) {
        if speed_mps < 0.0 {
            out_of_range(out, "speed_mps", speed_mps, 0.0, limits.speed_max_mps);
        } else if speed_mps > limits.speed_max_mps {
            let score = score::past_limit(speed_mps, limits.speed_max_mps);
            out.major(SPEED, score, |evidence| {
                evidence
                    .number("speed_mps", speed_mps)
                    .number("limit_mps", limits.speed_max_mps);
            });
        }
    }
    for (name, value, (min, max)) in [
        ("course_deg", track.course_deg, (0.0, 360.0)),
        ("heading_deg", track.heading_deg, (0.0, 360.0)),
        ("alt_m", track.alt_m, ALT_M),
        ("climb_mps", track.climb_mps, (-CLIMB_MPS, CLIMB_MPS)),
        ("turn_rate_dps", track.turn_rate_dps, (-TURN_DPS, TURN_DPS)),
    ] {
        if let Some(value) = finite(value).filter(|value| !(min..=max).contains(value)) {
            out_of_range(out, name, value, min, max);
        }
    }
    position
}

fn position(track: &Track, limits: &Limits, out: &mut Anomalies) -> Option<(f64, f64)> {
    let lat_deg = finite(track.lat_deg).filter(|lat| *lat != LAT_NOT_AVAILABLE_DEG);
    let lon_deg = finite(track.lon_deg).filter(|lon| *lon != LON_NOT_AVAILABLE_DEG);
    let mut good = true;
    for (name, value, limit) in [("lat_deg", lat_deg, 90.0), ("lon_deg", lon_deg, 180.0)] {
        if let Some(value) = value.filter(|value| value.abs() > limit) {
            out_of_range(out, name, value, -limit, limit);
            good = false;
        }
    }
    let position = lat_deg.zip(lon_deg);
    // Half a position is never normal.
    let half = lat_deg.is_some() != lon_deg.is_some();
    if position.is_none() && good && (limits.position_expected || half) {
        out.minor(NOT_AVAILABLE, score::CERTAIN, |evidence| {
            evidence
                .integer("lat_available", i64::from(lat_deg.is_some()))
                .integer("lon_available", i64::from(lon_deg.is_some()));
        });
    }
    position.filter(|_| good)
}

/// A number that is not finite counts as absent, as in the canonical track.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// One anomaly per value: its name is that of the evidence.
fn out_of_range(out: &mut Anomalies, name: &'static str, value: f64, min: f64, max: f64) {
    // `lat_deg` becomes `min_deg` and `max_deg`: the unit stays last.
    let unit = name.rsplit('_').next().unwrap_or(name);
    out.major(OUT_OF_RANGE, score::CERTAIN, |evidence| {
        evidence
            .number(name, value)
            .number(&format!("min_{unit}"), min)
            .number(&format!("max_{unit}"), max);
    });
}
