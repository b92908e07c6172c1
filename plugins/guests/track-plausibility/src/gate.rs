//! A reachable position against where the track was going, and against the reported velocity.
//!
//! The way between two positions is held against the mean of the velocities reported at both, which
//! follows turns: for a steady turn the error is a twelfth of the turn's square of the way. Without
//! reported velocities it is held against the filter's prediction. Noise by source; and the gate
//! widens with the track's own mean square, up to a bound, so that a source that is noisier than
//! thought costs reports' precision and not the operator's patience.

use outrigger_sdk::Severity;

use crate::finding::{Finding, Findings, Rule};
use crate::plane::{Vector, angle_deg};
use crate::platform::Limits;
use crate::source::Noise;
use crate::state::{Course, Fix};
use crate::step::{Rules, Step};
use crate::values::Report;

/// Interval past which only reach is judged, and the filter starts anew, seconds. Class A at anchor
/// reports every 3 min (ITU-R M.1371-5, annex 1, table 1).
const GAP_S: f64 = 200.0;
/// The same for a track that reports more often: so many usual intervals, and so many seconds.
const GAP_INTERVALS: f64 = 20.0;
const GAP_MIN_S: f64 = 20.0;
/// Weight of one interval in the usual one.
const INTERVAL_WEIGHT: f32 = 1.0 / 8.0;
/// Share of the way by which a reported velocity may be off, one standard deviation. Source:
/// traffic, `consistency.py`: 10 % is what it throws out, taken as two deviations.
const WAY_SHARE: f64 = 0.05;
/// The same, of all the way that is remembered.
const DRIFT_SHARE: f64 = 0.2;
/// Turns that the platform could have flown unseen, degrees: up to the first the velocities at both
/// ends stand for the way, from the second on they are off by the kind's whole `unseen_share`.
const UNSEEN_DEG: (f64, f64) = (180.0, 540.0);
/// Mean square of a track's innovations that the limit on drift follows, at most: noise does not add
/// up over many steps as drift does.
const DRIFT_NOISE_MAX: f64 = 1.5;
/// Time over which old ways fade, seconds.
const MEMORY_S: f64 = 60.0;
/// Interval past which the mean of two reported velocities is not that of the way, seconds.
const DRIFT_STEP_S: f64 = 60.0;
/// Mean square of a track's innovations that its gate follows, at most: three times as wide.
const NOISE_MAX: f64 = 9.0;
/// Weight of one innovation in that mean.
const NOISE_WEIGHT: f64 = 1.0 / 16.0;
/// The most that one innovation counts for: one outlier is not noise.
const NOISE_STEP_MAX: f64 = 10.0;

/// How much older than its time says a position may be, in what its source can be off by at most.
const STALE: f64 = 1.5;
/// Share of the way it says that a track may make and still be at the same place.
const SAME_SHARE: f64 = 0.5;

/// What became of a position.
pub enum Passed {
    /// It is on its track, which goes on like this.
    On(Course),
    /// It is on its track and adds nothing: it is a little early, or the same place again.
    Unmoved,
    /// Too long after the last one: the track begins anew.
    Restart,
    /// It is off.
    Off(Finding),
}

/// The velocity of a position, when it is known well enough to go by.
pub fn velocity(fix: &Fix, report: &Report) -> Option<Vector> {
    let speed_mps = f64::from(fix.speed_mps?);
    match fix.course_deg {
        Some(course_deg) => Some(Vector::polar(speed_mps, course_deg.into())),
        // A ship at rest has no course.
        None => (speed_mps <= 2.0 * report.noise.speed_mps).then(Vector::default),
    }
}

/// Judges a position that is in time and within reach.
pub fn judge(
    course: &Course,
    fix: &Fix,
    step: &Step,
    report: &Report,
    limits: &Limits,
    rules: &Rules,
    found: &mut Findings,
) -> Passed {
    if !step.is_timed() || step.interval_s > gap_s(course) {
        return Passed::Restart;
    }
    let mut course = *course;
    let error = Error::new(&course, fix, step, report);
    if let Some(frozen) = frozen(
        &mut course,
        fix,
        step,
        &error,
        limits,
        &report.noise,
        rules.parameters.gate,
    ) {
        return match frozen {
            Some(finding) => {
                found.add(finding);
                Passed::On(course)
            }
            None => Passed::On(course),
        };
    }
    let reported = Reported::new(&course, fix, step, report, limits, &error);
    let scale = f64::from(course.noise);
    let gate = Gate {
        square: rules.parameters.gate * scale,
        floor_m: limits.floor_m,
    };
    if step.interval_s <= 0.0 {
        // No later than the last one: only how far it is off can be said.
        let Some(reported) = &reported else {
            return Passed::Unmoved;
        };
        return match gate.passed(&reported.off) {
            Some(limit_m) => Passed::Off(innovation(reported.off.off_m.length(), limit_m, step)),
            None => Passed::Unmoved,
        };
    }
    let predicted = course
        .filter
        .predict(step.interval_s, limits.manoeuvre_mps2);
    let shown_off_m = step.way_m.minus(predicted.position_m);
    let off = match &reported {
        Some(reported) => reported.off,
        None => Off {
            off_m: shown_off_m,
            along: 0.0,
            variance: predicted.variance(error.variance()),
            along_variance: 0.0,
        },
    };
    let off_m = off.off_m.length();
    let mut mismatch = None;
    if let Some(limit_m) = gate.passed(&off) {
        // The positions agree with each other, and not with the reported velocity.
        let velocity_is_off = reported.is_some()
            && course.filter.velocity().is_some()
            && shown_off_m.length() < off_m / 2.0;
        if !velocity_is_off {
            return Passed::Off(innovation(off_m, limit_m, step));
        }
        mismatch = Some((off_m, limit_m));
    }
    let interval_s = step.interval_s as f32;
    course.interval_s = if course.interval_s == 0.0 {
        interval_s
    } else {
        course.interval_s + (interval_s - course.interval_s) * INTERVAL_WEIGHT
    };
    course.filter = predicted.update(step.way_m, error.variance());
    course.last = *fix;
    course.frozen_reports = 0;
    // Two axes: the expected square is two variances.
    let square = (off.square() / 2.0).min(NOISE_STEP_MAX * scale);
    course.noise = (scale + (square - scale) * NOISE_WEIGHT).clamp(1.0, NOISE_MAX) as f32;
    if let Some(reported) = reported.filter(|_| step.interval_s <= DRIFT_STEP_S) {
        let keep = MEMORY_S / (MEMORY_S + step.interval_s);
        let [east, north] = course.drift_m.map(f64::from);
        let drift_m = Vector { east, north }.times(keep).plus(reported.off.off_m);
        let way_m = f64::from(course.way_m) * keep + reported.way_m;
        course.drift_m = [drift_m.east as f32, drift_m.north as f32];
        course.way_m = way_m as f32;
        // Hardly scaled: else a velocity that is off would pass for noise.
        let square = rules.parameters.gate * scale.min(DRIFT_NOISE_MAX);
        let noise_m = (square * 2.0 * error.variance()).sqrt();
        let limit_m = noise_m.max(limits.floor_m / 2.0) + DRIFT_SHARE * way_m;
        if drift_m.length() > limit_m {
            mismatch = Some((drift_m.length(), limit_m));
        }
    } else {
        course.drift_m = [0.0; 2];
        course.way_m = 0.0;
    }
    if let Some((drift_m, limit_m)) = mismatch {
        let shown_mps = course.filter.velocity().map(Vector::length);
        found.add(Finding::new(
            Rule::VelocityMismatch,
            Severity::Minor,
            drift_m / limit_m,
            &[
                ("drift_m", drift_m),
                ("limit_m", limit_m),
                ("interval_s", step.interval_s),
                ("speed_mps", fix.speed_mps.map_or(f64::NAN, f64::from)),
                ("shown_mps", shown_mps.unwrap_or(f64::NAN)),
            ],
        ));
    }
    if course.filter.is_finite() {
        Passed::On(course)
    } else {
        Passed::Restart
    }
}

/// Interval past which only reach is judged, seconds.
pub fn gap_s(course: &Course) -> f64 {
    if course.interval_s == 0.0 {
        return GAP_S;
    }
    (GAP_INTERVALS * f64::from(course.interval_s)).clamp(GAP_MIN_S, GAP_S)
}

fn innovation(off_m: f64, limit_m: f64, step: &Step) -> Finding {
    let ratio = off_m / limit_m;
    // Twice the gate is no noise.
    let severity = if ratio < 2.0 {
        Severity::Minor
    } else {
        Severity::Major
    };
    Finding::new(
        Rule::Innovation,
        severity,
        ratio,
        &[
            ("off_m", off_m),
            ("limit_m", limit_m),
            ("distance_m", step.distance_m),
            ("interval_s", step.interval_s),
        ],
    )
}

/// How far one position can be off.
struct Error {
    position_m: f64,
    along_m: f64,
}

impl Error {
    fn new(course: &Course, fix: &Fix, step: &Step, report: &Report) -> Self {
        let speeds = [course.last.speed_mps, fix.speed_mps];
        let speed_mps = match speeds.into_iter().flatten().reduce(f32::max) {
            Some(speed_mps) => f64::from(speed_mps),
            None => course.filter.velocity().map_or(0.0, Vector::length),
        };
        Self {
            position_m: report.noise.position_m,
            along_m: speed_mps * report.noise.time_s.max(step.off_s / 2.0),
        }
    }

    fn variance(&self) -> f64 {
        self.position_m * self.position_m + self.along_m * self.along_m
    }
}

/// How far a position is off, and how far it may be: what is wrong with its time acts along its
/// way only.
#[derive(Clone, Copy, Debug)]
struct Off {
    off_m: Vector,
    /// The part of it along the way, metres.
    along: f64,
    /// Variance on each axis, square metres.
    variance: f64,
    /// What is added to it along the way.
    along_variance: f64,
}

impl Off {
    /// Its square, in variances.
    fn square(&self) -> f64 {
        let along = self.along * self.along;
        (self.off_m.square() - along) / self.variance
            + along / (self.variance + self.along_variance)
    }
}

struct Gate {
    square: f64,
    floor_m: f64,
}

impl Gate {
    /// The limit in its direction, when it is passed.
    fn passed(&self, off: &Off) -> Option<f64> {
        let off_m = off.off_m.length();
        let ratio = (off.square() / self.square).sqrt();
        let limit_m = (off_m / ratio).max(self.floor_m);
        (ratio > 1.0 && off_m > limit_m).then_some(limit_m)
    }
}

/// The way against the velocities reported at both ends.
struct Reported {
    off: Off,
    /// Length of the reported one, metres, and more where it is the less sure.
    way_m: f64,
}

impl Reported {
    fn new(
        course: &Course,
        fix: &Fix,
        step: &Step,
        report: &Report,
        limits: &Limits,
        error: &Error,
    ) -> Option<Self> {
        let (before, now) = (velocity(&course.last, report)?, velocity(fix, report)?);
        let interval_s = step.interval_s;
        let mean = before.plus(now).times(0.5);
        let way_m = interval_s.abs() * f64::midpoint(before.length(), now.length());
        let turned_deg = match (course.last.course_deg, fix.course_deg) {
            (Some(before), Some(now)) => angle_deg(before.into(), now.into()),
            _ => 0.0,
        };
        let turned = turned_deg.to_radians();
        let speed_mps = mean.length();
        let turn_deg = limits.turn_dps(way_m / interval_s.abs()) * interval_s.abs();
        let unseen = ((turn_deg - UNSEEN_DEG.0) / (UNSEEN_DEG.1 - UNSEEN_DEG.0)).clamp(0.0, 1.0);
        let unseen_m = limits.unseen_share * unseen * way_m;
        let parts_m = [
            WAY_SHARE * way_m,
            unseen_m,
            report.noise.speed_mps * interval_s,
            way_m * turned * turned / 12.0,
            limits.manoeuvre_mps2 * interval_s * interval_s / 12.0,
            // In a turn, a wrong time is a wrong direction too.
            2.0 * error.along_m * turned.min(1.0),
        ];
        let position = 2.0 * error.position_m * error.position_m;
        let off_m = step.way_m.minus(mean.times(interval_s));
        Some(Self {
            off: Off {
                off_m,
                along: if speed_mps > 0.0 {
                    (off_m.east * mean.east + off_m.north * mean.north) / speed_mps
                } else {
                    0.0
                },
                variance: parts_m
                    .iter()
                    .fold(position, |sum, part_m| sum + part_m * part_m),
                along_variance: 2.0 * error.along_m * error.along_m,
            },
            way_m: way_m + unseen_m / DRIFT_SHARE,
        })
    }
}

/// True if a report of an earlier time lies where the track was then.
pub fn was_there(
    course: &Course,
    fix: &Fix,
    step: &Step,
    report: &Report,
    limits: &Limits,
    rules: &Rules,
) -> bool {
    if !step.is_reachable() || step.interval_s < -GAP_S {
        return false;
    }
    let error = Error::new(course, fix, step, report);
    let gate = Gate {
        square: rules.parameters.gate * f64::from(course.noise),
        floor_m: limits.floor_m,
    };
    Reported::new(course, fix, step, report, limits, &error)
        .is_none_or(|reported| gate.passed(&reported.off).is_none())
}

/// The same place again: `None` when it is another one, or the track does not move; `Some(None)`
/// while that may be chance. The track's time does not go on while it is frozen, so what it should
/// have moved grows.
fn frozen(
    course: &mut Course,
    fix: &Fix,
    step: &Step,
    error: &Error,
    limits: &Limits,
    noise: &Noise,
    gate: f64,
) -> Option<Option<Finding>> {
    // What is neither one place to the bit, nor near enough to be encoded apart, is another one.
    if step.interval_s <= 0.0 || fix.place != course.last.place && step.distance_m > noise.same_m {
        return None;
    }
    let speed_mps = match (course.last.speed_mps, fix.speed_mps) {
        (Some(before), Some(now)) => f64::from(before.min(now)),
        (Some(speed_mps), None) | (None, Some(speed_mps)) => f64::from(speed_mps),
        (None, None) => course.filter.velocity()?.length(),
    };
    if speed_mps < limits.direction_speed_mps {
        return None;
    }
    let missed_m = speed_mps * step.interval_s;
    if step.distance_m > SAME_SHARE * missed_m {
        return None;
    }
    course.frozen_reports = course.frozen_reports.saturating_add(1);
    // The same place a third time is no chance past what its time can be off; a second time may be
    // a sensor that skipped one, and has to pass the noise.
    let stale_m = STALE * speed_mps * noise.late_s;
    let limit_m = if course.frozen_reports >= 2 {
        stale_m.max(limits.floor_m / 4.0)
    } else {
        (2.0 * gate * error.variance())
            .sqrt()
            .max(stale_m)
            .max(limits.floor_m / 2.0)
    };
    if missed_m <= limit_m {
        return Some(None);
    }
    Some(Some(Finding::new(
        Rule::FrozenPosition,
        Severity::Major,
        missed_m / limit_m,
        &[
            ("missed_m", missed_m),
            ("limit_m", limit_m),
            ("speed_mps", speed_mps),
            ("interval_s", step.interval_s),
            ("reports", f64::from(course.frozen_reports)),
        ],
    )))
}
