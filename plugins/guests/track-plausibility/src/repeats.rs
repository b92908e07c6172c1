//! Reports that were seen already.

use outrigger_sdk::{Severity, Track};

use crate::finding::{Finding, Findings, Rule};
use crate::parameters::Parameters;
use crate::source::Noise;
use crate::state::{Recent, TimeKind, TrackState, millis, seconds};

/// Says whether the report is a repeat. A repeat changes nothing; a new report is remembered.
pub fn judge(
    track: &Track,
    state: &mut TrackState,
    noise: &Noise,
    parameters: &Parameters,
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
        parameters.duplicate_window_s.min(noise.repeat_s)
    };
    let seen = state
        .recent
        .iter()
        .flatten()
        .filter(|seen| seen.digest == report.digest)
        .map(|seen| seconds(seen.at_ms, report.at_ms).abs())
        .find(|interval_s| *interval_s <= window_s);
    let Some(interval_s) = seen else {
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

/// Digest of all measured values but the time. Two different reports of one track at one time have
/// equal digests about once in 4·10⁹.
fn digest(track: &Track) -> u32 {
    // FNV-1a over words of 64 bits, with a last mix so that all bits reach those that are kept.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for value in [
        track.lat_deg,
        track.lon_deg,
        track.alt_m,
        track.speed_mps,
        track.course_deg,
        track.climb_mps,
        track.heading_deg,
        track.turn_rate_dps,
    ] {
        // No report holds this NaN, so absent differs from every number.
        let bits = value.map_or(u64::MAX, f64::to_bits);
        hash = (hash ^ bits).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 32;
    }
    (hash ^ (hash >> 32)) as u32
}
