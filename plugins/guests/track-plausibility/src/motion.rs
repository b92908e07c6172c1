//! A report against its track: in time, within reach, where the track was going, and in step with
//! what it says of its velocity.
//!
//! A rejected position never moves the track. What must not happen is decided from the nearest cause
//! on: first time, then reach, then the gate; where position and reported velocity disagree, the
//! filter, which knows positions only, says which of them is off.

use outrigger_sdk::Severity;

use crate::filter::Filter;
use crate::finding::{Finding, Findings, Rule};
use crate::platform::Limits;
use crate::state::{Candidate, Course, Fix, TrackState, Velocity, seconds};
use crate::step::{Rules, Step};
use crate::values::Report;
use crate::velocity::Judged;
use crate::{gate, velocity, vertical};

/// Time for which a velocity stands for that of the next position, seconds: ADS-B sends both in
/// turn, twice a second, and loses some.
const VELOCITY_FRESH_S: f64 = 10.0;
/// Time after which a place is no hint any more of where another track with the same identity is,
/// seconds.
const CANDIDATE_S: f64 = 600.0;
/// Times that reports go from one place to another and back, each out of the other's reach, before
/// they are of two tracks. Source: the published rule for a doubled identity.
const ALTERNATIONS: u8 = 3;
/// Distance to such a place over what is within reach, at least: what is nearer may be the noise of
/// one track.
const CLASH_RATIO: f64 = 2.0;
/// Mean square of the innovations that a new track starts with: its first ones have more room.
const NOISE_START: f32 = 2.0;

/// Judges a report and takes up what is good of it.
pub fn judge(
    report: &Report,
    limits: &Limits,
    state: &mut TrackState,
    rules: &Rules,
    found: &mut Findings,
) {
    let shown = state.course.and_then(|course| course.filter.velocity());
    let Some(place) = report.place else {
        let judged = velocity::judge(report, state, shown, limits, rules, found);
        let vertical = vertical::judge(report, state, limits, rules, found);
        keep_velocity(state, judged);
        state.vertical = vertical;
        return;
    };
    let mut fix = Fix {
        time_ns: report.time_ns,
        time_kind: report.time_kind,
        place,
        speed_mps: report.speed_mps.map(|speed| speed as f32),
        course_deg: report.course_deg.map(|course| course as f32),
    };
    let mut reported = None;
    if let Some(course) = &state.course {
        let step = Step::new(
            &course.last,
            &fix,
            course.noise,
            &report.noise,
            limits,
            rules,
        );
        reported = Some(step);
        if step.is_late() {
            late(fix, &step, report, limits, state, rules, found);
            return;
        }
        if report.noise.numbered && step.interval_s > gate::gap_s(course) {
            // The number may be another track's by now, of which nothing is known: the old one's
            // place stays a hint, in case it is this report's time that is off.
            state.candidate = Some(hint(course.last));
            state.course = None;
            state.velocity = None;
            state.vertical = None;
        }
    }
    let mut beside = found.beside();
    let judged = velocity::judge(report, state, shown, limits, rules, &mut beside);
    let vertical = vertical::judge(report, state, limits, rules, &mut beside);
    if !matches!(judged, Judged::Accepted(_)) {
        reported = None;
        let known = state.velocity.filter(|velocity| {
            (0.0..=VELOCITY_FRESH_S).contains(&seconds(velocity.at_ms, report.at_ms))
        });
        fix.speed_mps = known.map(|velocity| velocity.speed_mps);
        fix.course_deg = known.and_then(|velocity| velocity.course_deg);
    }
    let Some(course) = &state.course else {
        found.join(&beside);
        state.course = Some(start(fix, report, limits));
        keep_velocity(state, judged);
        state.vertical = vertical;
        return;
    };
    // With another velocity than the reported one it is another step.
    let step = reported.unwrap_or_else(|| {
        Step::new(
            &course.last,
            &fix,
            course.noise,
            &report.noise,
            limits,
            rules,
        )
    });
    if !step.is_reachable() {
        // Whatever else the report says is of the same doubtful origin, and against what is known of
        // another place.
        teleport(fix, &step, report, limits, state, rules, found);
        return;
    }
    found.join(&beside);
    match gate::judge(course, &fix, &step, report, limits, rules, found) {
        gate::Passed::On(course) => {
            state.course = Some(course);
            settle(state, &fix);
        }
        gate::Passed::Unmoved => settle(state, &fix),
        gate::Passed::Restart => {
            // If it is this report's time that is off, the track comes back to where it was.
            state.candidate = Some(hint(course.last));
            state.course = Some(start(fix, report, limits));
        }
        gate::Passed::Off(finding) => {
            if let Set::Aside { .. } = set_aside(fix, false, false, report, limits, state, rules) {
                found.add(finding);
            }
            return;
        }
    }
    keep_velocity(state, judged);
    state.vertical = vertical;
}

fn keep_velocity(state: &mut TrackState, judged: Judged) {
    match judged {
        Judged::Nothing => {}
        Judged::Accepted(velocity) | Judged::Rejected(velocity) => state.velocity = Some(velocity),
    }
}

/// Where the track was: if its time ran ahead, it comes back to it.
fn hint(fix: Fix) -> Candidate {
    Candidate {
        fix,
        reports: 0,
        alternations: 0,
    }
}

/// A track that begins here, or begins anew.
fn start(fix: Fix, report: &Report, limits: &Limits) -> Course {
    let velocity = gate::velocity(&fix, report);
    let speed_mps = match velocity {
        Some(_) => 3.0 * report.noise.speed_mps,
        // Unknown: any that is reached, half of it as one standard deviation.
        None => limits.reach_speed_mps / 2.0,
    };
    let position_m = report.noise.position_m;
    Course {
        last: fix,
        filter: Filter::start(position_m, velocity.unwrap_or_default(), speed_mps),
        noise: NOISE_START,
        ..Course::default()
    }
}

/// A track that is taken up again: its positions in a row show a velocity, whatever it reports.
fn anew(fix: Fix, before: Option<Fix>, report: &Report, limits: &Limits, rules: &Rules) -> Course {
    let mut course = start(fix, report, limits);
    let Some(before) = before else { return course };
    let step = Step::new(&before, &fix, 1.0, &report.noise, limits, rules);
    if step.is_timed() && step.interval_s > 0.0 {
        let noise_mps = 2.0 * report.noise.position_m / step.interval_s;
        let manoeuvre_mps = limits.manoeuvre_mps2 * step.interval_s;
        course.filter = Filter {
            // As many as the rule asks for, and at least three with this one.
            updates: 3,
            ..Filter::start(
                report.noise.position_m,
                step.way_m.times(1.0 / step.interval_s),
                noise_mps + manoeuvre_mps,
            )
        };
    }
    if !course.filter.is_finite() {
        course = start(fix, report, limits);
    }
    course
}

/// Mean square of the track's own noise.
fn noisy(state: &TrackState) -> f32 {
    state.course.map_or(1.0, |course| course.noise)
}

/// A good position was seen: those that were set aside were not in a row.
fn settle(state: &mut TrackState, fix: &Fix) {
    if let Some(candidate) = &mut state.candidate {
        candidate.reports = 0;
        let age_s = fix.time_ns.abs_diff(candidate.fix.time_ns) as f64 / 1e9;
        if age_s > CANDIDATE_S {
            state.candidate = None;
        }
    }
}

/// What became of a position that is not on its track.
enum Set {
    /// It is remembered: a track may be there.
    Aside { alternations: u8 },
    /// The track is there: enough reports in a row say so.
    Up { alternations: u8 },
}

fn set_aside(
    fix: Fix,
    out_of_reach: bool,
    far: bool,
    report: &Report,
    limits: &Limits,
    state: &mut TrackState,
    rules: &Rules,
) -> Set {
    let agreeing = state.candidate.filter(|candidate| {
        let step = Step::new(
            &candidate.fix,
            &fix,
            noisy(state),
            &report.noise,
            limits,
            rules,
        );
        !step.is_late() && step.is_reachable()
    });
    let (reports, alternations) = match agreeing {
        Some(candidate) => {
            let back = far && candidate.reports == 0;
            (
                candidate.reports.saturating_add(1),
                candidate.alternations.saturating_add(u8::from(back)),
            )
        }
        None => (1, 0),
    };
    if u64::from(reports) >= rules.parameters.reacquire_reports {
        // Where the track was may be where another one is.
        state.candidate = state
            .course
            .filter(|_| out_of_reach)
            .map(|course| Candidate {
                fix: course.last,
                reports: 0,
                alternations,
            });
        let before = agreeing.map(|candidate| candidate.fix);
        state.course = Some(anew(fix, before, report, limits, rules));
        state.velocity = None;
        state.vertical = None;
        return Set::Up { alternations };
    }
    // One stray report does not drive out what a second track has built up.
    let built_up = state
        .candidate
        .is_some_and(|candidate| candidate.alternations > 0);
    if agreeing.is_some() || !built_up {
        state.candidate = Some(Candidate {
            fix,
            reports,
            alternations,
        });
    }
    Set::Aside { alternations }
}

fn teleport(
    fix: Fix,
    step: &Step,
    report: &Report,
    limits: &Limits,
    state: &mut TrackState,
    rules: &Rules,
    found: &mut Findings,
) {
    let ratio = step.distance_m / step.allowed_m;
    let far = ratio >= CLASH_RATIO;
    let (alternations, up) = match set_aside(fix, true, far, report, limits, state, rules) {
        Set::Aside { alternations } => (alternations, false),
        Set::Up { alternations } => (alternations, true),
    };
    if alternations >= ALTERNATIONS {
        found.add(Finding::new(
            Rule::DuplicateIdentity,
            Severity::Critical,
            ratio,
            &[
                ("alternations", f64::from(alternations)),
                ("distance_m", step.distance_m),
                ("interval_s", step.interval_s),
                ("allowed_m", step.allowed_m),
            ],
        ));
    } else if !up {
        found.add(Finding::new(
            Rule::Teleport,
            Severity::Major,
            ratio,
            &[
                ("distance_m", step.distance_m),
                ("interval_s", step.interval_s),
                ("allowed_m", step.allowed_m),
                // Not finite, and so left out, when the interval is zero.
                ("implied_speed_mps", step.distance_m / step.interval_s.abs()),
                ("limit_mps", step.reach_mps),
            ],
        ));
    }
}

/// A late report that lies where the track was then is only late: the track goes back to it, for it
/// may be the one before that was early. One that does not is not to be trusted.
fn late(
    fix: Fix,
    step: &Step,
    report: &Report,
    limits: &Limits,
    state: &mut TrackState,
    rules: &Rules,
    found: &mut Findings,
) {
    let ratio = -step.interval_s / step.tolerance_s;
    let was_there = state
        .course
        .is_some_and(|course| gate::was_there(&course, &fix, step, report, limits, rules));
    // The last report's time was far ahead, and this one goes on where the track was before.
    let resumed = state.candidate.filter(|candidate| {
        let step = Step::new(
            &candidate.fix,
            &fix,
            noisy(state),
            &report.noise,
            limits,
            rules,
        );
        candidate.reports == 0 && step.interval_s >= 0.0 && step.is_reachable()
    });
    if was_there || resumed.is_some() {
        match resumed {
            Some(candidate) => {
                state.course = Some(anew(fix, Some(candidate.fix), report, limits, rules));
            }
            None => {
                if let Some(course) = &mut state.course {
                    course.filter = course.filter.rewound(step.way_m, step.interval_s);
                    course.last = fix;
                }
            }
        }
        state.velocity = report.speed_mps.map(|speed_mps| Velocity {
            at_ms: report.at_ms,
            speed_mps: speed_mps as f32,
            course_deg: fix.course_deg,
            heading_deg: report.heading_deg.map(|heading| heading as f32),
            rejected: 0,
        });
        state.vertical = None;
        settle(state, &fix);
        found.add(Finding::new(
            Rule::TimeReversal,
            Severity::Minor,
            ratio,
            &[
                ("interval_s", step.interval_s),
                ("tolerance_s", step.tolerance_s),
            ],
        ));
        return;
    }
    if let Set::Aside { .. } = set_aside(fix, true, true, report, limits, state, rules) {
        found.add(Finding::new(
            Rule::TimeReversal,
            Severity::Major,
            ratio,
            &[
                ("interval_s", step.interval_s),
                ("tolerance_s", step.tolerance_s),
                ("distance_m", step.distance_m),
                ("allowed_m", step.allowed_m),
            ],
        ));
    }
}
