//! Reports that were seen already.

use outrigger_sdk::{Severity, Track};

use crate::finding::{Finding, Findings, Rule};
use crate::plane::{Place, offset_m};
use crate::platform::Limits;
use crate::source::Noise;
use crate::state::{Recent, TimeKind, TrackState, millis, seconds};
use crate::step::Rules;

/// Says whether the report is a repeat. A repeat changes nothing; a new report is remembered.
pub fn judge(
    track: &Track,
    state: &mut TrackState,
    noise: &Noise,
    limits: &Limits,
    rules: &Rules,
    found: &mut Findings,
) -> bool {
    let report = Recent {
        at_ms: millis(track.time_ns),
        digest: digest(track),
    };
    // Equal reports have equal times, whoever heard them, unless the time is the hearer's.
    let own = TimeKind::of(track.time_source) != TimeKind::Received;
    let window_s = if own {
        0.0
    } else {
        rules.parameters.duplicate_window_s.min(noise.repeat_s)
    };
    let within = |window_s: f64, alike: fn(u32, u32) -> bool| {
        state
            .recent
            .iter()
            .flatten()
            .filter(|seen| alike(seen.digest, report.digest))
            .map(|seen| seconds(seen.at_ms, report.at_ms).abs())
            .find(|interval_s| *interval_s <= window_s)
            .map(|interval_s| (interval_s, window_s))
    };
    let seen = within(window_s, |seen, digest| seen == digest).or_else(|| {
        // A receiver that is late by more than the next transmission took.
        within(rules.parameters.reversal_tolerance_s, |seen, digest| {
            (seen ^ digest) & PLACE_BITS == 0
        })
        .filter(|_| !own && is_back(track, state, noise, limits, rules))
    });
    let Some((interval_s, window_s)) = seen else {
        state.recent.rotate_right(1);
        state.recent[0] = Some(report);
        return false;
    };
    found.add(Finding::new(
        Rule::Duplicate,
        Severity::Minor,
        // Certain, or likely: there is no limit to compare with.
        if own { f64::INFINITY } else { f64::NAN },
        &[("interval_s", interval_s), ("window_s", window_s)],
    ));
    true
}

/// True if a track that moves would have gone back: where it was, to the bit, and no moving track is
/// twice in a few seconds.
fn is_back(
    track: &Track,
    state: &TrackState,
    noise: &Noise,
    limits: &Limits,
    rules: &Rules,
) -> bool {
    let (Some((lat_deg, lon_deg)), Some(course)) = (track.position_deg(), &state.course) else {
        return false;
    };
    let moves = |speed_mps| f64::from(speed_mps) >= limits.direction_speed_mps;
    course.last.speed_mps.is_some_and(moves) && {
        let last = course.last.place;
        let way_m = offset_m(last, Place::new(lat_deg, lon_deg), &rules.geodesic);
        // Two encodings of one place in turn are a place that is frozen.
        way_m.length() > noise.same_m
    }
}

/// Bits of a digest that are of the place: two places of one track are taken for one once in 10⁶.
const PLACE_BITS: u32 = 0xffff_f000;

/// Digest of all measured values but the time. Two different reports of one track at one time have
/// equal digests about once in 4·10⁹.
fn digest(track: &Track) -> u32 {
    let rest = hash(&[
        track.alt_m,
        track.speed_mps,
        track.course_deg,
        track.climb_mps,
        track.heading_deg,
        track.turn_rate_dps,
    ]);
    if track.lat_deg.is_none() && track.lon_deg.is_none() {
        return rest;
    }
    let place = hash(&[track.lat_deg, track.lon_deg]);
    place & PLACE_BITS | rest & !PLACE_BITS
}

fn hash(values: &[Option<f64>]) -> u32 {
    // Each word is spread upwards by a product and folded down; the last mix (splitmix64) brings all
    // bits to those that are kept.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for value in values {
        // No report holds this NaN, so absent differs from every number.
        let bits = value.map_or(u64::MAX, f64::to_bits);
        hash = (hash ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 32;
    }
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (hash >> 32) as u32
}
