//! Where each platform truly is, second by second.
//!
//! Receivers of satellite positions fix once a second, on the whole second, and a report carries
//! the last fix. So the truth moves in steps of one second too, and a report's time of
//! applicability is exact. What always holds: speed, change of speed, turn rate and climb stay
//! inside the class's [`Limits`], and the platform inside its region.

use crate::geodesy::{compass_deg, distance_and_bearing, place_from, turn_between};
use crate::platform::{
    Class, Limits, MPS_PER_KNOT, SWING_HALF_ARC_DEG, SWING_PERIOD_S, SWING_RADIUS_M,
};
use crate::random::Random;
use crate::report::{Position, State};

/// A rectangle of water or air. It does not cross the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Southern edge, degrees.
    pub south_deg: f64,
    /// Western edge, degrees.
    pub west_deg: f64,
    /// Northern edge, degrees.
    pub north_deg: f64,
    /// Eastern edge, degrees.
    pub east_deg: f64,
}

impl Region {
    /// The middle.
    pub fn centre(&self) -> Position {
        Position {
            lat_deg: f64::midpoint(self.south_deg, self.north_deg),
            lon_deg: f64::midpoint(self.west_deg, self.east_deg),
        }
    }

    /// Whether `place` lies in it, edges included.
    pub fn contains(&self, place: Position) -> bool {
        (self.south_deg..=self.north_deg).contains(&place.lat_deg)
            && (self.west_deg..=self.east_deg).contains(&place.lon_deg)
    }

    /// Extent to the north and to the east, metres, through the centre.
    pub fn extent_m(&self) -> (f64, f64) {
        let centre = self.centre();
        let at = |lat_deg, lon_deg| Position { lat_deg, lon_deg };
        let (height_m, _) = distance_and_bearing(
            at(self.south_deg, centre.lon_deg),
            at(self.north_deg, centre.lon_deg),
        );
        let (width_m, _) = distance_and_bearing(
            at(centre.lat_deg, self.west_deg),
            at(centre.lat_deg, self.east_deg),
        );
        (height_m, width_m)
    }

    /// The region less a margin on each side; `None` when nothing is left.
    pub fn shrunk_by(&self, margin_m: f64) -> Option<Self> {
        let (height_m, width_m) = self.extent_m();
        let lat_deg = (self.north_deg - self.south_deg) * margin_m / height_m;
        let lon_deg = (self.east_deg - self.west_deg) * margin_m / width_m;
        let inner = Self {
            south_deg: self.south_deg + lat_deg,
            west_deg: self.west_deg + lon_deg,
            north_deg: self.north_deg - lat_deg,
            east_deg: self.east_deg - lon_deg,
        };
        (inner.south_deg < inner.north_deg && inner.west_deg < inner.east_deg).then_some(inner)
    }

    /// A place drawn uniformly in degrees.
    pub fn draw(&self, random: &mut Random) -> Position {
        Position {
            lat_deg: random.between(self.south_deg, self.north_deg),
            lon_deg: random.between(self.west_deg, self.east_deg),
        }
    }
}

/// Share of the highest turn rate by which the turn rate may change in one second.
const TURN_BUILD_UP: f64 = 0.25;
/// Turn rate asked for by each degree of course still to turn, per second.
const TURN_GAIN_PER_S: f64 = 0.1;
/// Course within which a lane counts as followed when a leg ends, degrees.
const LANE_TOLERANCE_DEG: f64 = 90.0;

/// Water that a platform needs between where it starts to turn back and the edge, metres: its
/// turning circle at its highest speed, and the seconds in which the turn builds up.
pub fn turning_room_m(limits: &Limits, speed_max_kt: f64) -> f64 {
    let speed_mps = speed_max_kt * MPS_PER_KNOT;
    2.0 * speed_mps / limits.turn_rate_max_deg_s.to_radians() + 10.0 * speed_mps + 100.0
}

/// How one platform moves.
#[derive(Debug, Clone)]
pub enum Motion {
    /// Keeps its place.
    Fixed(State),
    /// Swings about an anchor.
    Anchored(Swing),
    /// Moves in legs.
    UnderWay(Box<Voyage>),
}

/// A ship at anchor.
#[derive(Debug, Clone)]
pub struct Swing {
    anchor: Position,
    mean_heading_deg: f64,
    phase_rad: f64,
    second: u64,
}

/// A platform under way: legs with a course and a speed to reach, drawn from its class.
#[derive(Debug, Clone)]
pub struct Voyage {
    limits: Limits,
    speed_mps: [f64; 2],
    centre: Position,
    inner: Region,
    lane_deg: f64,
    state: State,
    course_wanted_deg: f64,
    speed_wanted_mps: f64,
    altitude_wanted_m: f64,
    leg_left_s: f64,
    random: Random,
}

impl Motion {
    /// A platform that keeps its place.
    pub fn fixed(place: Position) -> Self {
        Self::Fixed(State {
            position: place,
            speed_mps: 0.0,
            course_deg: 0.0,
            heading_deg: 0.0,
            turn_rate_deg_s: 0.0,
            altitude_m: None,
            climb_mps: 0.0,
        })
    }

    /// A ship at anchor at a place drawn in `region`, or at `place`.
    pub fn anchored(region: &Region, place: Option<Position>, mut random: Random) -> Self {
        let inner = region.shrunk_by(SWING_RADIUS_M).unwrap_or(*region);
        Self::Anchored(Swing {
            anchor: place.unwrap_or_else(|| inner.draw(&mut random)),
            mean_heading_deg: random.between(0.0, 360.0),
            phase_rad: random.between(0.0, std::f64::consts::TAU),
            second: 0,
        })
    }

    /// A platform under way in `region`, at speeds within `speed_kt`. `None` when the region is
    /// too small for the class to turn in.
    pub fn under_way(
        class: Class,
        region: &Region,
        place: Option<Position>,
        speed_kt: [f64; 2],
        mut random: Random,
    ) -> Option<Self> {
        let limits = class.limits()?;
        let inner = region.shrunk_by(turning_room_m(&limits, speed_kt[1]))?;
        let (height_m, width_m) = region.extent_m();
        let lane_deg = if height_m > width_m { 0.0 } else { 90.0 };
        let course_deg = if limits.lane {
            let there = if random.below(2) == 0 { 0.0 } else { 180.0 };
            let wander = random.between(-limits.wander_deg, limits.wander_deg);
            compass_deg(lane_deg + there + wander)
        } else {
            random.between(0.0, 360.0)
        };
        let speed_mps = speed_kt.map(|speed| speed * MPS_PER_KNOT);
        let speed = random.between(speed_mps[0], speed_mps[1]);
        let altitude_m = limits
            .altitude_m
            .map(|[low, high]| random.between(low, high));
        let position = place.unwrap_or_else(|| inner.draw(&mut random));
        Some(Self::UnderWay(Box::new(Voyage {
            limits,
            speed_mps,
            centre: region.centre(),
            inner,
            lane_deg,
            state: State {
                position,
                speed_mps: speed,
                course_deg,
                heading_deg: course_deg,
                turn_rate_deg_s: 0.0,
                altitude_m,
                climb_mps: 0.0,
            },
            course_wanted_deg: course_deg,
            speed_wanted_mps: speed,
            altitude_wanted_m: altitude_m.unwrap_or(0.0),
            leg_left_s: random.between(0.0, limits.leg_s[1]),
            random,
        })))
    }

    /// The present state.
    pub fn state(&self) -> State {
        match self {
            Self::Fixed(state) => *state,
            Self::Anchored(swing) => swing.state(),
            Self::UnderWay(voyage) => voyage.state,
        }
    }

    /// Moves on by `seconds`.
    pub fn advance(&mut self, seconds: u64) {
        match self {
            Self::Fixed(_) => {}
            Self::Anchored(swing) => swing.second += seconds,
            Self::UnderWay(voyage) => {
                for _ in 0..seconds {
                    voyage.step();
                }
            }
        }
    }
}

impl Swing {
    /// The bow points at the anchor, so the antenna lies astern of it; the swing is a sine.
    fn state(&self) -> State {
        let rate_rad_s = std::f64::consts::TAU / SWING_PERIOD_S;
        let angle_rad = rate_rad_s * self.second as f64 + self.phase_rad;
        let heading_deg = compass_deg(self.mean_heading_deg + SWING_HALF_ARC_DEG * angle_rad.sin());
        let turn_rate_deg_s = SWING_HALF_ARC_DEG * rate_rad_s * angle_rad.cos();
        // The bow turning to starboard carries what lies astern of the anchor to port.
        let side_deg = if turn_rate_deg_s >= 0.0 { -90.0 } else { 90.0 };
        State {
            position: place_from(self.anchor, heading_deg + 180.0, SWING_RADIUS_M),
            speed_mps: turn_rate_deg_s.abs().to_radians() * SWING_RADIUS_M,
            course_deg: compass_deg(heading_deg + side_deg),
            heading_deg,
            turn_rate_deg_s,
            altitude_m: None,
            climb_mps: 0.0,
        }
    }
}

impl Voyage {
    fn step(&mut self) {
        self.leg_left_s -= 1.0;
        if self.leg_left_s <= 0.0 {
            self.begin_leg();
        }
        if !self.inner.contains(self.state.position) {
            self.turn_back();
        }
        let before = self.state;
        let limits = &self.limits;

        let to_turn = turn_between(before.course_deg, self.course_wanted_deg);
        let rate_max = limits.turn_rate_max_deg_s;
        let rate_wanted = (to_turn * TURN_GAIN_PER_S).clamp(-rate_max, rate_max);
        let build_up = rate_max * TURN_BUILD_UP;
        let turn_rate_deg_s = before.turn_rate_deg_s
            + (rate_wanted - before.turn_rate_deg_s).clamp(-build_up, build_up);
        let turned = f64::midpoint(before.turn_rate_deg_s, turn_rate_deg_s);

        let speed_mps = before.speed_mps
            + (self.speed_wanted_mps - before.speed_mps)
                .clamp(-limits.acceleration_max_mps2, limits.acceleration_max_mps2);

        let (altitude_m, climb_mps) = match before.altitude_m {
            None => (None, 0.0),
            Some(altitude) => {
                let climb = (self.altitude_wanted_m - altitude)
                    .clamp(-limits.climb_max_mps, limits.climb_max_mps);
                (Some(altitude + climb), climb)
            }
        };

        let course_deg = compass_deg(before.course_deg + turned);
        self.state = State {
            position: place_from(
                before.position,
                before.course_deg + turned / 2.0,
                f64::midpoint(before.speed_mps, speed_mps),
            ),
            speed_mps,
            course_deg,
            heading_deg: course_deg,
            turn_rate_deg_s,
            altitude_m,
            climb_mps,
        };
    }

    fn begin_leg(&mut self) {
        let limits = &self.limits;
        self.leg_left_s = self.random.between(limits.leg_s[0], limits.leg_s[1]);
        let base_deg = if limits.lane {
            // The end of the lane that lies ahead.
            let off = turn_between(self.state.course_deg, self.lane_deg).abs();
            if off <= LANE_TOLERANCE_DEG {
                self.lane_deg
            } else {
                self.lane_deg + 180.0
            }
        } else {
            self.state.course_deg
        };
        let wander = self.random.between(-limits.wander_deg, limits.wander_deg);
        self.course_wanted_deg = compass_deg(base_deg + wander);
        self.speed_wanted_mps = self.random.between(self.speed_mps[0], self.speed_mps[1]);
        if let Some([low, high]) = limits.altitude_m {
            self.altitude_wanted_m = self.random.between(low, high);
        }
    }

    /// Steers for the centre once the margin is reached, unless already bound inwards.
    fn turn_back(&mut self) {
        let (_, inwards_deg) = distance_and_bearing(self.state.position, self.centre);
        if turn_between(self.course_wanted_deg, inwards_deg).abs() > 60.0 {
            self.course_wanted_deg = inwards_deg;
        }
        // The leg lasts until the platform is well inside again.
        self.leg_left_s = self.leg_left_s.max(self.limits.leg_s[0]);
    }
}

#[cfg(test)]
mod tests;
