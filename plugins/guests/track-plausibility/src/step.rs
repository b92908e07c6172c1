//! The step from one position to another: its time, its way, and whether it is within reach.
//!
//! Reach is readsb's (`track.c`, `speed_check`): a floor, and the interval with some slack times
//! the larger of the two reported speeds, which may have grown meanwhile.

use geographiclib_rs::Geodesic;

use crate::parameters::Parameters;
use crate::plane::{Vector, offset_m};
use crate::platform::Limits;
use crate::source::Noise;
use crate::state::{Fix, TimeKind};

/// Nanoseconds of a second.
const SECOND_NS: f64 = 1e9;

/// Added to each interval, seconds. Source: readsb, `speed_check`.
pub const SLACK_S: f64 = 0.2;
/// How far an interval can be off between two seconds of the platform's own: they are cut, not
/// rounded (ITU-R M.1371-5, annex 8, § 3.1, time stamp).
const SECOND_CUT_S: f64 = 1.0;
/// How far a platform's second can be off from the time of reception, by a clock that is wrong,
/// before the nearest minute is another one.
const HALF_MINUTE_S: f64 = 30.0;
/// Where only the second of the minute is the platform's own, whole minutes cannot be judged.
const MINUTE_S: f64 = 60.0;

/// What all tracks are judged by.
pub struct Rules {
    pub parameters: Parameters,
    pub geodesic: Geodesic,
}

/// How a step between two positions is judged.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Time between, seconds; negative when the later report applies earlier.
    pub interval_s: f64,
    /// How much earlier the later report may apply, seconds.
    pub tolerance_s: f64,
    /// How far the interval can be off, seconds.
    pub off_s: f64,
    /// Speed at which the step is held possible, metres per second.
    pub reach_mps: f64,
    /// Distance that is within reach, metres.
    pub allowed_m: f64,
    /// The way, metres.
    pub way_m: Vector,
    /// Its length, metres.
    pub distance_m: f64,
}

impl Step {
    /// `noisy` is the mean square of the track's own noise, in units of its source's.
    pub fn new(
        from: &Fix,
        to: &Fix,
        noisy: f32,
        noise: &Noise,
        limits: &Limits,
        rules: &Rules,
    ) -> Self {
        let ns = to.time_ns.abs_diff(from.time_ns) as f64;
        let mut interval_s = if to.time_ns < from.time_ns { -ns } else { ns } / SECOND_NS;
        let tolerance_s = rules.parameters.reversal_tolerance_s;
        let (off_s, tolerance_s) = match (from.time_kind, to.time_kind) {
            (TimeKind::OwnSecond, TimeKind::OwnSecond) => {
                // A clock that is half a minute off lands now in this minute, now in the next.
                if (-MINUTE_S..=-HALF_MINUTE_S).contains(&interval_s) {
                    interval_s += MINUTE_S;
                }
                (SECOND_CUT_S, tolerance_s)
            }
            (TimeKind::Own, TimeKind::Own) => (0.0, tolerance_s),
            (TimeKind::OwnSecond, TimeKind::Received)
            | (TimeKind::Received, TimeKind::OwnSecond) => {
                (HALF_MINUTE_S, HALF_MINUTE_S.max(tolerance_s))
            }
            (TimeKind::Received, TimeKind::Received)
            | (TimeKind::Own, TimeKind::OwnSecond | TimeKind::Received)
            | (TimeKind::OwnSecond | TimeKind::Received, TimeKind::Own) => {
                (noise.received_s, tolerance_s)
            }
        };
        let elapsed_s = interval_s.abs() + SLACK_S + off_s.max(noise.late_s);
        let reported = [from.speed_mps, to.speed_mps];
        let reach_mps = match reported.into_iter().flatten().reduce(f32::max) {
            Some(speed_mps) => {
                let grown_mps = limits.acceleration_mps2 * interval_s.abs();
                (f64::from(speed_mps) + grown_mps).min(limits.reach_speed_mps)
            }
            None => limits.reach_speed_mps,
        };
        let noises = (2.0 * rules.parameters.gate * f64::from(noisy)).sqrt();
        let way_m = offset_m(from.place, to.place, &rules.geodesic);
        Self {
            interval_s,
            tolerance_s,
            off_s,
            reach_mps,
            // readsb's floor is for ADS-B; a radar's noise is more.
            allowed_m: limits.floor_m.max(noise.position_m * noises) + elapsed_s * reach_mps,
            way_m,
            distance_m: way_m.length(),
        }
    }

    /// True if the later report applies earlier than can be.
    pub fn is_late(&self) -> bool {
        self.interval_s < -self.tolerance_s
    }

    /// True if the distance can be made in the time.
    pub fn is_reachable(&self) -> bool {
        self.distance_m <= self.allowed_m
    }

    /// True if the time is known well enough to hold a prediction against.
    pub fn is_timed(&self) -> bool {
        self.off_s < HALF_MINUTE_S
    }
}
