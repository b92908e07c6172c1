//! Reports that were seen already.
//!
//! Several receivers hear one transmission, so repeats are normal on AIS; they are still no new
//! measurement, and are labelled so that no consumer counts them twice.

use outrigger_sdk::{Anomalies, Track};

use crate::parameters::Parameters;
use crate::state::{Recent, TimeKind, TrackState};
use crate::{DUPLICATE, score};

/// Nanoseconds of a second.
pub const SECOND_NS: f64 = 1e9;

/// Says whether the report is a repeat, and labels it. A repeat changes nothing; a new report is
/// remembered.
pub fn judge(
    track: &Track,
    state: &mut TrackState,
    parameters: &Parameters,
    out: &mut Anomalies,
) -> bool {
    let report = Recent {
        time_ns: track.time_ns,
        digest: digest(track),
    };
    // Equal reports have equal times, whoever heard them, unless the time is the hearer's.
    let own = TimeKind::of(track.time_source) != TimeKind::Received;
    let found = state
        .recent
        .iter()
        .flatten()
        .filter(|seen| seen.digest == report.digest)
        .map(|seen| report.time_ns.abs_diff(seen.time_ns) as f64 / SECOND_NS)
        .find(|interval_s| {
            *interval_s == 0.0 || !own && *interval_s <= parameters.duplicate_window_s
        });
    let Some(interval_s) = found else {
        state.recent.rotate_right(1);
        state.recent[0] = Some(report);
        return false;
    };
    let (score, window_s) = if own {
        (score::CERTAIN, 0.0)
    } else {
        (score::LIKELY, parameters.duplicate_window_s)
    };
    out.minor(DUPLICATE, score, |evidence| {
        evidence
            .number("interval_s", interval_s)
            .number("window_s", window_s);
    });
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
