//! A position against the last accepted one: in time, and within reach.
//!
//! Reach is readsb's (`track.c`, `speed_check`): a floor, and the interval with some slack times
//! the larger of the two reported speeds, which may have grown meanwhile.

use geographiclib_rs::{Geodesic, InverseGeodesic};
use outrigger_sdk::{Anomalies, Severity};

use crate::parameters::Parameters;
use crate::platform::Limits;
use crate::repeats::SECOND_NS;
use crate::state::{Candidate, Fix, TimeKind, TrackState};
use crate::{TELEPORT, TIME_REVERSAL, score};

/// Added to each interval, seconds. Source: readsb, `speed_check`.
const SLACK_S: f64 = 0.2;
/// How far an interval can be off between two seconds of the platform's own: they are cut, not
/// rounded (ITU-R M.1371-5, annex 8, § 3.1, time stamp).
const SECOND_CUT_S: f64 = 1.0;
/// How far receivers' clocks are apart, and a second of the platform's own beside: nearly every odd
/// interval in the recordings is at most this long.
const RECEIVED_S: f64 = 2.1;
/// How far a platform's second can be off from the time of reception, by a clock that is wrong,
/// before the nearest minute is another one.
const HALF_MINUTE_S: f64 = 30.0;
/// Where only the second of the minute is the platform's own, whole minutes cannot be judged.
const MINUTE_S: f64 = 60.0;

/// Metres per degree of latitude at the poles and of longitude at the equator of WGS-84, each the
/// longest and rounded up. Their sum bounds the geodesic from above, as it is the length of a way.
const LAT_METRES_PER_DEG_MAX: f64 = 111_695.0;
const LON_METRES_PER_DEG_MAX: f64 = 111_320.0;

/// What all tracks are judged by.
pub struct Rules {
    pub parameters: Parameters,
    pub geodesic: Geodesic,
}

/// How a step between two positions is judged.
struct Step {
    /// Time between, seconds; negative when the later report applies earlier.
    interval_s: f64,
    /// How much earlier the later report may apply, seconds.
    tolerance_s: f64,
    /// Speed at which the step is held possible, metres per second.
    reach_mps: f64,
    /// Distance that is within reach, metres.
    allowed_m: f64,
    /// Distance, metres; `None` when a bound already said that it is within reach.
    distance_m: Option<f64>,
}

impl Step {
    fn new(from: &Fix, to: &Fix, limits: &Limits, rules: &Rules) -> Self {
        let ns = to.time_ns.abs_diff(from.time_ns) as f64;
        let mut interval_s = if to.time_ns < from.time_ns { -ns } else { ns } / SECOND_NS;
        let (off_s, tolerance_s) = match (from.time_kind, to.time_kind) {
            (TimeKind::OwnSecond, TimeKind::OwnSecond) => {
                // A clock that is half a minute off lands now in this minute, now in the next.
                if (-MINUTE_S..=-HALF_MINUTE_S).contains(&interval_s) {
                    interval_s += MINUTE_S;
                }
                (SECOND_CUT_S, rules.parameters.reversal_tolerance_s)
            }
            (TimeKind::Own, TimeKind::Own) => (0.0, rules.parameters.reversal_tolerance_s),
            (TimeKind::OwnSecond, TimeKind::Received)
            | (TimeKind::Received, TimeKind::OwnSecond) => (
                HALF_MINUTE_S,
                HALF_MINUTE_S.max(rules.parameters.reversal_tolerance_s),
            ),
            (TimeKind::Received, TimeKind::Received)
            | (TimeKind::Own, TimeKind::OwnSecond | TimeKind::Received)
            | (TimeKind::OwnSecond | TimeKind::Received, TimeKind::Own) => {
                (RECEIVED_S, rules.parameters.reversal_tolerance_s)
            }
        };
        let elapsed_s = interval_s.abs() + SLACK_S + off_s;
        let reported = [from.speed_mps, to.speed_mps];
        let reach_mps = match reported.into_iter().flatten().reduce(f32::max) {
            Some(speed_mps) => {
                let grown_mps = limits.acceleration_mps2 * interval_s.abs();
                (f64::from(speed_mps) + grown_mps).min(limits.reach_speed_mps)
            }
            None => limits.reach_speed_mps,
        };
        let allowed_m = limits.floor_m + elapsed_s * reach_mps;
        let distance_m = (bound_m(from, to) > allowed_m)
            .then(|| {
                rules
                    .geodesic
                    .inverse(from.lat_deg, from.lon_deg, to.lat_deg, to.lon_deg)
            })
            .filter(|distance_m: &f64| *distance_m > allowed_m);
        Self {
            interval_s,
            tolerance_s,
            reach_mps,
            allowed_m,
            distance_m,
        }
    }

    fn is_late(&self) -> bool {
        self.interval_s < -self.tolerance_s
    }

    fn is_good(&self) -> bool {
        !self.is_late() && self.distance_m.is_none()
    }
}

/// At least the distance, metres.
fn bound_m(from: &Fix, to: &Fix) -> f64 {
    let lon_deg = (to.lon_deg - from.lon_deg).abs();
    let lon_deg = lon_deg.min(360.0 - lon_deg);
    (to.lat_deg - from.lat_deg).abs() * LAT_METRES_PER_DEG_MAX + lon_deg * LON_METRES_PER_DEG_MAX
}

/// Judges a position and takes it up, or sets it aside.
pub fn judge(
    fix: Fix,
    limits: &Limits,
    state: &mut TrackState,
    rules: &Rules,
    out: &mut Anomalies,
) {
    let Some(last) = &state.last else {
        state.last = Some(fix);
        return;
    };
    let step = Step::new(last, &fix, limits, rules);
    if step.is_good() {
        // Within the tolerance an earlier report is good, but the track does not go back to it.
        if step.interval_s >= 0.0 {
            state.last = Some(fix);
        }
        state.candidate = None;
        return;
    }
    let reports = match &state.candidate {
        Some(candidate) if Step::new(&candidate.fix, &fix, limits, rules).is_good() => {
            candidate.reports.saturating_add(1)
        }
        Some(_) | None => 1,
    };
    if u64::from(reports) >= rules.parameters.reacquire_reports {
        state.last = Some(fix);
        state.candidate = None;
        return;
    }
    state.candidate = Some(Candidate { fix, reports });
    if step.is_late() {
        time_reversal(&step, out);
    } else {
        teleport(&step, out);
    }
}

/// A late report that lies on the track is only late; one that does not is not to be trusted.
fn time_reversal(step: &Step, out: &mut Anomalies) {
    let severity = match step.distance_m {
        None => Severity::Minor,
        Some(_) => Severity::Major,
    };
    let score = score::past_limit(-step.interval_s, step.tolerance_s);
    out.anomaly(TIME_REVERSAL, severity, score, |evidence| {
        evidence
            .number("interval_s", step.interval_s)
            .number("tolerance_s", step.tolerance_s);
        if let Some(distance_m) = step.distance_m {
            evidence
                .number("distance_m", distance_m)
                .number("allowed_m", step.allowed_m);
        }
    });
}

fn teleport(step: &Step, out: &mut Anomalies) {
    // A step that is no teleport has no distance.
    let distance_m = step.distance_m.unwrap_or(0.0);
    let score = score::past_limit(distance_m, step.allowed_m);
    out.major(TELEPORT, score, |evidence| {
        evidence
            .number("distance_m", distance_m)
            .number("interval_s", step.interval_s)
            .number("allowed_m", step.allowed_m)
            // Not finite, and so left out, when the interval is zero.
            .number("implied_speed_mps", distance_m / step.interval_s.abs())
            .number("limit_mps", step.reach_mps);
    });
}
