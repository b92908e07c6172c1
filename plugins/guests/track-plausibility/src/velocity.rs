//! A reported velocity against the one before: change of speed, of course, and of heading.

use outrigger_sdk::Severity;

use crate::finding::{Finding, Findings, Rule};
use crate::plane::{Vector, angle_deg};
use crate::platform::Limits;
use crate::state::{TrackState, Velocity, seconds};
use crate::step::{Rules, SLACK_S};
use crate::values::Report;

/// Standard deviations of a reported speed that are noise, not change.
const NOISES: f64 = 5.0;
/// Angle between two courses that is noise, degrees, past what the noise of the speed makes. Twice
/// the coarsest step of the formats, ADS-B's movement on the surface with 2.8°.
const COURSE_FLOOR_DEG: f64 = 6.0;
/// Angle between two headings that is noise, degrees: magnetic compasses swing, gyros do not.
const HEADING_FLOOR_DEG: f64 = 20.0;
/// Time after which a velocity says nothing of the next one, seconds.
const STALE_S: f64 = 60.0;
/// Share of a speed by which a reported velocity may differ from the one that the positions show,
/// and yet be confirmed by it. Source: traffic, `consistency.py`, distance against ground speed
/// 10 %, doubled for the filter's lag.
const CONFIRMED_SHARE: f64 = 0.2;

/// What is held of a reported velocity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judged {
    /// There is none, or it is older than what is known.
    Nothing,
    /// It can be worked with.
    Accepted(Velocity),
    /// It cannot follow the one before.
    Rejected(Velocity),
}

/// Judges the reported velocity. `shown` is the velocity that the positions show.
pub fn judge(
    report: &Report,
    state: &TrackState,
    shown: Option<Vector>,
    limits: &Limits,
    rules: &Rules,
    found: &mut Findings,
) -> Judged {
    let Some(speed_mps) = report.speed_mps else {
        return Judged::Nothing;
    };
    let now = Velocity {
        at_ms: report.at_ms,
        speed_mps: speed_mps as f32,
        course_deg: report.course_deg.map(|course| course as f32),
        heading_deg: report.heading_deg.map(|heading| heading as f32),
        rejected: 0,
    };
    let Some(before) = &state.velocity else {
        return Judged::Accepted(now);
    };
    let interval_s = seconds(before.at_ms, now.at_ms);
    if interval_s < 0.0 {
        return Judged::Nothing;
    }
    if values(&now) == values(before) {
        // It may be held from when it was first said, and the next one new.
        let held_s = interval_s.min(report.noise.held_s);
        return Judged::Accepted(Velocity {
            at_ms: now.at_ms.wrapping_sub((held_s * 1e3) as u32),
            ..now
        });
    }
    if interval_s > STALE_S || is_confirmed(report, speed_mps, shown) {
        return Judged::Accepted(now);
    }
    let change = Change {
        before,
        now: &now,
        interval_s,
        elapsed_s: interval_s + SLACK_S + report.received_s(),
        noise_mps: NOISES * report.noise.speed_mps,
    };
    match change.broken(limits) {
        None => Judged::Accepted(now),
        Some(finding) => {
            let rejected = before.rejected.saturating_add(1);
            if u64::from(rejected) >= rules.parameters.reacquire_reports {
                return Judged::Accepted(now);
            }
            found.add(finding);
            Judged::Rejected(Velocity {
                rejected,
                ..*before
            })
        }
    }
}

fn values(velocity: &Velocity) -> (f32, Option<f32>, Option<f32>) {
    (
        velocity.speed_mps,
        velocity.course_deg,
        velocity.heading_deg,
    )
}

/// True if the positions show the same velocity: then it did change like that.
fn is_confirmed(report: &Report, speed_mps: f64, shown: Option<Vector>) -> bool {
    let (Some(shown), Some(course_deg)) = (shown, report.course_deg) else {
        return false;
    };
    let apart_mps = Vector::polar(speed_mps, course_deg).minus(shown).length();
    apart_mps <= CONFIRMED_SHARE * speed_mps + 2.0 * report.noise.speed_mps
}

/// Two velocities in a row.
struct Change<'a> {
    before: &'a Velocity,
    now: &'a Velocity,
    interval_s: f64,
    elapsed_s: f64,
    noise_mps: f64,
}

impl Change<'_> {
    fn broken(&self, limits: &Limits) -> Option<Finding> {
        self.speed(limits)
            .or_else(|| self.course(limits))
            .or_else(|| self.heading(limits))
    }

    fn speeds(&self) -> (f64, f64) {
        (
            f64::from(self.before.speed_mps),
            f64::from(self.now.speed_mps),
        )
    }

    fn speed(&self, limits: &Limits) -> Option<Finding> {
        let (before, now) = self.speeds();
        let change_mps = (now - before).abs();
        let limit_mps = self.noise_mps + limits.acceleration_mps2 * self.elapsed_s;
        (change_mps > limit_mps).then(|| {
            Finding::new(
                Rule::Acceleration,
                Severity::Minor,
                change_mps / limit_mps,
                &[
                    ("speed_mps", now),
                    ("before_mps", before),
                    ("interval_s", self.interval_s),
                    ("change_mps", change_mps),
                    ("limit_mps", limit_mps),
                ],
            )
        })
    }

    fn course(&self, limits: &Limits) -> Option<Finding> {
        let (before, now) = self.speeds();
        let slower_mps = before.min(now);
        if slower_mps < limits.direction_speed_mps {
            return None;
        }
        let noise_deg = (self.noise_mps / slower_mps).atan().to_degrees();
        let limit_deg = limits.turn_dps(slower_mps) * self.elapsed_s + noise_deg + COURSE_FLOOR_DEG;
        self.turn(
            "course_deg",
            self.before.course_deg.zip(self.now.course_deg),
            limit_deg,
        )
    }

    fn heading(&self, limits: &Limits) -> Option<Finding> {
        let (before, now) = self.speeds();
        let limit_deg = limits.turn_dps(before.min(now)) * self.elapsed_s + HEADING_FLOOR_DEG;
        self.turn(
            "heading_deg",
            self.before.heading_deg.zip(self.now.heading_deg),
            limit_deg,
        )
    }

    fn turn(
        &self,
        name: &'static str,
        directions: Option<(f32, f32)>,
        limit_deg: f64,
    ) -> Option<Finding> {
        let (before, now) = directions?;
        let turned_deg = angle_deg(f64::from(before), f64::from(now));
        (turned_deg > limit_deg).then(|| {
            Finding::new(
                Rule::TurnRate,
                Severity::Minor,
                turned_deg / limit_deg,
                &[
                    (name, f64::from(now)),
                    ("before_deg", f64::from(before)),
                    ("interval_s", self.interval_s),
                    ("turned_deg", turned_deg),
                    ("limit_deg", limit_deg),
                    ("turn_rate_dps", turned_deg / self.interval_s),
                ],
            )
        })
    }
}
