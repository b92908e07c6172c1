//! One sensor's reports of one track: how often, and with what errors.

use crate::geodesy::{Site, compass_deg, distance_and_bearing, place_from};
use crate::platform::{Class, MPS_PER_KNOT};
use crate::random::Random;
use crate::report::{Measured, Position, State};
use crate::scenario::{Group, Sensor};

/// One sensor's reports of one track.
#[derive(Debug)]
pub(super) struct Stream {
    /// Place of the track.
    pub track: usize,
    /// Place of the sensor.
    pub sensor: usize,
    /// What it tells.
    pub kind: StreamKind,
    /// Draws of this stream: errors, and times of reports.
    pub random: Random,
    /// Present error of the position to the north and to the east, metres.
    error_m: [f64; 2],
    /// When the error was last drawn.
    drawn_ns: Option<u64>,
    /// When a report was last left unaltered.
    pub good_ns: Option<u64>,
    /// Where that report placed the platform.
    pub good_position: Option<Position>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamKind {
    /// Where it is.
    Position,
    /// Who it is.
    Identity,
}

impl Stream {
    /// A stream that has reported nothing yet.
    pub fn new(track: usize, sensor: usize, kind: StreamKind, random: Random) -> Self {
        Self {
            track,
            sensor,
            kind,
            random,
            error_m: [0.0; 2],
            drawn_ns: None,
            good_ns: None,
            good_position: None,
        }
    }

    /// What `sensor` makes of `state` at `at_ns`.
    pub fn measure(&mut self, sensor: &Sensor, state: &State, at_ns: u64) -> Measured {
        self.draw_error(sensor, at_ns);
        let [north_m, east_m] =
            [0, 1].map(|axis| self.error_m[axis] + sensor.position_bias_m[axis]);
        let size_m = north_m.hypot(east_m);
        let position = if size_m > 0.0 {
            let bearing_deg = east_m.atan2(north_m).to_degrees();
            place_from(state.position, bearing_deg, size_m)
        } else {
            state.position
        };
        let speed_noise = sensor.speed_noise_kt * MPS_PER_KNOT * self.random.gaussian();
        let course_noise = sensor.course_noise_deg * self.random.gaussian();
        let position = match &sensor.site {
            None => position,
            Some(site) => self.plot(sensor, site, position),
        };
        let altitude_noise_m = self.noise(sensor.altitude_noise_m) + sensor.altitude_bias_m;
        let climb_noise_mps = self.noise(sensor.climb_noise_mps);
        // What stands still has neither a speed nor a course to mistake.
        let moving = state.speed_mps > 0.0;
        Measured {
            position: Some(position),
            speed_mps: Some(if moving {
                (state.speed_mps + speed_noise).max(0.0)
            } else {
                0.0
            }),
            course_deg: Some(compass_deg(if moving {
                state.course_deg + course_noise
            } else {
                state.course_deg
            })),
            heading_deg: Some(state.heading_deg),
            turn_rate_deg_s: Some(state.turn_rate_deg_s),
            altitude_m: state.altitude_m.map(|height| height + altitude_noise_m),
            climb_mps: state
                .altitude_m
                .filter(|_| sensor.format.carries_climb())
                .map(|_| state.climb_mps + climb_noise_mps),
        }
    }

    /// The time that a report of `applies_ns` claims.
    pub fn stamp(&mut self, sensor: &Sensor, applies_ns: u64) -> u64 {
        let jitter_ns = self.noise(sensor.time_jitter_s) * 1e9;
        applies_ns.saturating_add_signed(jitter_ns as i64)
    }

    /// Normal noise; nothing is drawn where there is none, so that a sensor without it leaves
    /// the draws of others as they were.
    fn noise(&mut self, deviation: f64) -> f64 {
        if deviation > 0.0 {
            deviation * self.random.gaussian()
        } else {
            0.0
        }
    }

    /// Where a radar at `site` places what is at `place`: its errors lie along the line of sight
    /// and across it.
    fn plot(&mut self, sensor: &Sensor, site: &Site, place: Position) -> Position {
        let range_m = self.noise(sensor.range_noise_m) + sensor.range_bias_m;
        let azimuth_deg = self.noise(sensor.azimuth_noise_deg) + sensor.azimuth_bias_deg;
        let (away_m, back_deg) = distance_and_bearing(place, site.position);
        let outwards_deg = back_deg + 180.0;
        let along = place_from(place, outwards_deg, range_m);
        place_from(
            along,
            outwards_deg + 90.0,
            away_m * azimuth_deg.to_radians(),
        )
    }

    /// A first-order Gauss–Markov process: satellite positions wander, they do not jump.
    fn draw_error(&mut self, sensor: &Sensor, at_ns: u64) {
        let memory = match self.drawn_ns {
            Some(drawn_ns) if sensor.correlation_s > 0.0 => {
                (-((at_ns - drawn_ns) as f64 / 1e9) / sensor.correlation_s).exp()
            }
            Some(_) | None => 0.0,
        };
        let fresh = (1.0 - memory * memory).sqrt() * sensor.position_noise_m;
        for error_m in &mut self.error_m {
            *error_m = memory * *error_m + fresh * self.random.gaussian();
        }
        self.drawn_ns = Some(at_ns);
    }
}

/// Nanoseconds from the start to the next moment after `at_ns` at which the beam of a radar that
/// turns in `period_s` meets what lies at `azimuth_deg`. It begins at north.
pub(super) fn beam_ns(at_ns: Option<u64>, period_s: f64, azimuth_deg: f64) -> u64 {
    let turns = |number: u64| micro_ns((number as f64 + azimuth_deg / 360.0) * period_s);
    let Some(at_ns) = at_ns else {
        return turns(0);
    };
    let period_ns = micro_ns(period_s);
    let number = at_ns / period_ns;
    // Nothing is met twice in half a turn, though it may have crossed the north meanwhile.
    [number, number + 1]
        .map(turns)
        .into_iter()
        .find(|next_ns| *next_ns > at_ns + period_ns / 2)
        .unwrap_or_else(|| turns(number + 2))
}

/// Time to the next position report: the group's own, or that of M.1371-5, Annex 1, Table 1
/// (class A, by speed and whether the course changes) and Table 2 (others).
pub(super) fn interval_s(group: &Group, state: &State) -> f64 {
    if let Some(interval_s) = group.report_interval_s {
        return interval_s;
    }
    let speed_kt = state.speed_mps / MPS_PER_KNOT;
    let turning = state.turn_rate_deg_s.abs() > 0.1;
    let class_b = group
        .ais
        .as_ref()
        .is_some_and(|ais| ais.position_message == 18);
    match group.class {
        Class::BaseStation | Class::SarAircraft => 10.0,
        // These carry no AIS; their sensors have periods of their own.
        Class::Airliner
        | Class::LightAircraft
        | Class::Helicopter
        | Class::Fighter
        | Class::Drone => 10.0,
        Class::Aid | Class::Anchored => 180.0,
        Class::Cargo | Class::Ferry | Class::Fishing | Class::Pleasure if class_b => {
            if speed_kt > 2.0 { 30.0 } else { 180.0 }
        }
        Class::Cargo | Class::Ferry | Class::Fishing | Class::Pleasure => {
            match (speed_kt, turning) {
                (kt, _) if kt > 23.0 => 2.0,
                (kt, true) if kt > 14.0 => 2.0,
                (kt, false) if kt > 14.0 => 6.0,
                (_, true) => 10.0 / 3.0,
                (_, false) => 10.0,
            }
        }
    }
}

/// Seconds as nanoseconds, rounded to whole microseconds: recordings keep no more.
pub(super) fn micro_ns(seconds: f64) -> u64 {
    (seconds * 1e6) as u64 * 1_000
}
