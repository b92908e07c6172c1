//! An altitude against the one before, and against the reported rate of climb.

use outrigger_sdk::Severity;

use crate::finding::{Finding, Findings, Rule};
use crate::platform::{FOOT_PER_MINUTE_MPS, Limits};
use crate::state::{TrackState, Vertical, seconds};
use crate::step::{Rules, SLACK_S};
use crate::values::Report;

/// Height that is never judged, metres: 300 ft. Source: readsb, `track.c`.
const FLOOR_M: f64 = 300.0 * 0.3048;
/// Height that may be missing after some steps, metres: twice the 100 ft of Mode C.
const DRIFT_FLOOR_M: f64 = 200.0 * 0.3048;
/// How much a rate of climb may be off, metres per second: 1,500 ft/min. Source: readsb.
const RATE_MPS: f64 = 1_500.0 * FOOT_PER_MINUTE_MPS;
/// Noise of a reported rate of climb, metres per second, five standard deviations: steps of 64
/// ft/min, and filters of the sensors.
const RATE_NOISE_MPS: f64 = 1_000.0 * FOOT_PER_MINUTE_MPS;
/// Time over which old heights fade, seconds.
const MEMORY_S: f64 = 60.0;
/// Share of the reported height that may be missing.
const SHARE: f64 = 0.25;
/// Time after which an altitude says nothing of the next one, seconds.
const STALE_S: f64 = 120.0;

/// Interval past which the mean of two rates is not that of the way, seconds.
const DRIFT_STEP_S: f64 = 30.0;

/// Judges the altitude, and gives what is to be kept.
pub fn judge(
    report: &Report,
    state: &TrackState,
    limits: &Limits,
    rules: &Rules,
    found: &mut Findings,
) -> Option<Vertical> {
    let before = &state.vertical;
    let Some(alt_m) = report.alt_m else {
        // A rate alone, as ADS-B sends it: kept for the next altitude.
        return before.map(|before| rate_alone(&before, report, limits, found));
    };
    let fresh = Vertical {
        at_ms: report.at_ms,
        datum: report.datum,
        alt_m: alt_m as f32,
        climb_mps: (report.climb_mps)
            .map(|climb| climb as f32)
            .or(before.and_then(|before| before.climb_mps)),
        drift_m: 0.0,
        way_m: 0.0,
        rejected: 0,
    };
    let Some(before) = before else {
        return Some(fresh);
    };
    let interval_s = seconds(before.at_ms, report.at_ms);
    if interval_s < 0.0 {
        return Some(*before);
    }
    if interval_s > STALE_S || before.datum != report.datum {
        return Some(fresh);
    }
    let step = Step {
        interval_s,
        late_s: report.noise.late_s,
        gained_m: alt_m - f64::from(before.alt_m),
        rate_mps: match (before.climb_mps, fresh.climb_mps) {
            (Some(before), Some(now)) => Some(f64::midpoint(before.into(), now.into())),
            (Some(rate), None) | (None, Some(rate)) => Some(rate.into()),
            (None, None) => None,
        },
    };
    if let Some(finding) = step.broken(limits) {
        let rejected = before.rejected.saturating_add(1);
        if u64::from(rejected) >= rules.parameters.reacquire_reports {
            return Some(fresh);
        }
        found.add(finding);
        return Some(Vertical {
            rejected,
            ..*before
        });
    }
    if interval_s > DRIFT_STEP_S {
        return Some(fresh);
    }
    let changed = rate_changed(before, report, interval_s, limits);
    let Some(rate_mps) = step.rate_mps else {
        return Some(fresh);
    };
    if let Some(finding) = changed {
        found.add(finding);
        // The rate is not taken up, the altitude is.
        return Some(Vertical {
            climb_mps: before.climb_mps,
            ..fresh
        });
    }
    let keep = MEMORY_S / (MEMORY_S + interval_s);
    let way_m = rate_mps * interval_s;
    let drift_m = f64::from(before.drift_m) * keep + step.gained_m - way_m;
    let way_m = f64::from(before.way_m) * keep + way_m.abs();
    let limit_m = DRIFT_FLOOR_M + SHARE * way_m + rate_mps.abs() * report.noise.late_s;
    if drift_m.abs() > limit_m {
        found.add(Finding::new(
            Rule::ClimbMismatch,
            Severity::Minor,
            drift_m.abs() / limit_m,
            &[
                ("drift_m", drift_m),
                ("limit_m", limit_m),
                ("gained_m", step.gained_m),
                ("climb_mps", rate_mps),
                ("interval_s", interval_s),
            ],
        ));
    }
    Some(Vertical {
        drift_m: drift_m as f32,
        way_m: way_m as f32,
        ..fresh
    })
}

fn rate_alone(
    before: &Vertical,
    report: &Report,
    limits: &Limits,
    found: &mut Findings,
) -> Vertical {
    let Some(climb_mps) = report.climb_mps else {
        return *before;
    };
    let interval_s = seconds(before.at_ms, report.at_ms);
    match rate_changed(before, report, interval_s, limits) {
        Some(finding) => {
            found.add(finding);
            *before
        }
        None => Vertical {
            climb_mps: Some(climb_mps as f32),
            ..*before
        },
    }
}

/// The reported rate of climb changed faster than the platform's load factor lets it.
fn rate_changed(
    before: &Vertical,
    report: &Report,
    interval_s: f64,
    limits: &Limits,
) -> Option<Finding> {
    let (now, before) = (report.climb_mps?, f64::from(before.climb_mps?));
    if !(0.0..=STALE_S).contains(&interval_s) {
        return None;
    }
    let change_mps = (now - before).abs();
    let limit_mps = RATE_NOISE_MPS + limits.vertical_mps2() * (interval_s + SLACK_S);
    (change_mps > limit_mps).then(|| {
        Finding::new(
            Rule::Acceleration,
            Severity::Minor,
            change_mps / limit_mps,
            &[
                ("climb_mps", now),
                ("before_mps", before),
                ("interval_s", interval_s),
                ("change_mps", change_mps),
                ("limit_mps", limit_mps),
            ],
        )
    })
}

/// Two altitudes in a row.
struct Step {
    interval_s: f64,
    /// How far the time can be off, seconds.
    late_s: f64,
    gained_m: f64,
    rate_mps: Option<f64>,
}

impl Step {
    /// A step that the platform cannot climb, or that its reported rate does not explain.
    fn broken(&self, limits: &Limits) -> Option<Finding> {
        let elapsed_s = self.interval_s + SLACK_S;
        let possible_m = FLOOR_M + limits.climb_max_mps * elapsed_s;
        let (off_m, limit_m) = match self.rate_mps {
            Some(rate_mps) => (
                (self.gained_m - rate_mps * self.interval_s).abs(),
                (FLOOR_M
                    + RATE_MPS * elapsed_s
                    + rate_mps.abs() * (SHARE * elapsed_s + self.late_s))
                    .min(possible_m),
            ),
            None => (self.gained_m.abs(), possible_m),
        };
        (off_m > limit_m).then(|| {
            Finding::new(
                Rule::ClimbRate,
                Severity::Minor,
                off_m / limit_m,
                &[
                    ("gained_m", self.gained_m),
                    ("interval_s", self.interval_s),
                    ("climb_mps", self.rate_mps.unwrap_or(f64::NAN)),
                    ("off_m", off_m),
                    ("limit_m", limit_m),
                ],
            )
        })
    }
}
