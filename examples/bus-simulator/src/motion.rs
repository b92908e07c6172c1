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

/// Load factor above which a class manoeuvres: each leg then has a load of its own.
const MANOEUVRING_LOAD: f64 = 2.0;
/// Load factor of aircraft in formation: what a wingman can hold station in.
const FORMATION_LOAD_MAX: f64 = 2.0;
/// Least time in which a height is approached, seconds.
const LEVEL_OFF_S: f64 = 6.0;
/// Time that an aircraft flies straight in a holding pattern: one minute up to 14,000 ft
/// (ICAO Doc 8168, Volume I, Part II, Section 6).
const HOLD_LEG_S: f64 = 60.0;

/// What a platform under way does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pattern {
    /// Legs, with a course, a speed and a height drawn for each.
    Legs,
    /// A holding pattern: straight for a minute, half a turn to the right, and so on.
    Hold,
    /// Circles to the right.
    Orbit {
        /// Radius, metres.
        radius_m: f64,
    },
}

/// A place in a formation, from the leader's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// Metres behind.
    pub back_m: f64,
    /// Metres to the right; negative to the left.
    pub side_m: f64,
}

/// What is asked of a platform under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task {
    /// What it is.
    pub class: Class,
    /// Where it stays.
    pub region: Region,
    /// Where it begins; drawn when absent.
    pub place: Option<Position>,
    /// Lowest and highest speed, knots.
    pub speed_kt: [f64; 2],
    /// Lowest and highest height, metres, in place of the class's.
    pub altitude_m: Option<[f64; 2]>,
    /// What it does.
    pub pattern: Pattern,
    /// Its place in a formation.
    pub slot: Option<Slot>,
}

impl Task {
    /// The class's limits, within what the task allows; `None` for what keeps its place.
    pub fn limits(&self) -> Option<Limits> {
        let mut limits = self.class.limits()?;
        if limits.altitude_m.is_some() && self.altitude_m.is_some() {
            limits.altitude_m = self.altitude_m;
        }
        if self.slot.is_some() {
            limits.load_factor_max = limits
                .load_factor_max
                .map(|load| load.min(FORMATION_LOAD_MAX));
        }
        Some(limits)
    }

    /// Room that it needs between where it may begin and the edge, metres.
    pub fn room_m(&self) -> Option<f64> {
        let limits = self.limits()?;
        let turning_m = turning_room_m(&limits, self.speed_kt[1]);
        let pattern_m = match self.pattern {
            Pattern::Legs => 0.0,
            Pattern::Hold => 1.5 * HOLD_LEG_S * self.speed_kt[1] * MPS_PER_KNOT + turning_m,
            Pattern::Orbit { radius_m } => 2.5 * radius_m,
        };
        let slot_m = self.slot.map_or(0.0, |slot| slot.back_m.hypot(slot.side_m));
        Some(turning_m + pattern_m + slot_m)
    }
}

/// Water that a platform needs between where it starts to turn back and the edge, metres: its
/// turning circle at its highest speed, and the seconds in which the turn builds up.
pub fn turning_room_m(limits: &Limits, speed_max_kt: f64) -> f64 {
    let speed_mps = speed_max_kt * MPS_PER_KNOT;
    // Manoeuvring classes are sure of their lowest load only.
    let rate_deg_s = limits.turn_rate_deg_s(speed_mps, MANOEUVRING_LOAD);
    2.0 * speed_mps / rate_deg_s.to_radians() + 10.0 * speed_mps + 100.0
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
    /// Keeps its place beside a leader, whose voyage this is.
    InFormation(Box<Voyage>, Slot),
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
    pattern: Pattern,
    /// Load factor of this leg's turns.
    load: f64,
    /// Whether the present turn goes to the right, the long way too.
    turning_right: bool,
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

    /// A platform under way. `None` when the region is too small for the class to turn in.
    pub fn under_way(task: &Task, mut random: Random) -> Option<Self> {
        let limits = task.limits()?;
        let region = &task.region;
        let inner = region.shrunk_by(task.room_m()?)?;
        let (height_m, width_m) = region.extent_m();
        let lane_deg = if height_m > width_m { 0.0 } else { 90.0 };
        let course_deg = if limits.lane {
            let there = if random.below(2) == 0 { 0.0 } else { 180.0 };
            let wander = random.between(-limits.wander_deg, limits.wander_deg);
            compass_deg(lane_deg + there + wander)
        } else {
            random.between(0.0, 360.0)
        };
        let speed_mps = task.speed_kt.map(|speed| speed * MPS_PER_KNOT);
        let speed = random.between(speed_mps[0], speed_mps[1]);
        let altitude_m = limits
            .altitude_m
            .map(|[low, high]| random.between(low, high));
        let drawn = task.place.unwrap_or_else(|| inner.draw(&mut random));
        // An orbit begins on its circle, with the centre to the right.
        let (position, centre) = match task.pattern {
            Pattern::Orbit { radius_m } => (place_from(drawn, course_deg - 90.0, radius_m), drawn),
            Pattern::Legs | Pattern::Hold => (drawn, region.centre()),
        };
        let voyage = Box::new(Voyage {
            limits,
            speed_mps,
            centre,
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
            leg_left_s: match task.pattern {
                Pattern::Legs => random.between(0.0, limits.leg_s[1]),
                Pattern::Hold | Pattern::Orbit { .. } => random.between(0.0, HOLD_LEG_S),
            },
            pattern: task.pattern,
            load: limits.load_factor_max.unwrap_or(1.0).min(MANOEUVRING_LOAD),
            turning_right: false,
            random,
        });
        Some(match task.slot {
            None => Self::UnderWay(voyage),
            Some(slot) => Self::InFormation(voyage, slot),
        })
    }

    /// The present state.
    pub fn state(&self) -> State {
        match self {
            Self::Fixed(state) => *state,
            Self::Anchored(swing) => swing.state(),
            Self::UnderWay(voyage) => voyage.state,
            Self::InFormation(voyage, slot) => slot.beside(&voyage.state),
        }
    }

    /// The state `part` of a second later, 0 to below 1: where the next step will lead, so far.
    pub fn state_after(&self, part: f64) -> State {
        match self {
            Self::Fixed(state) => *state,
            Self::Anchored(swing) => swing.state_at(swing.second as f64 + part),
            Self::UnderWay(voyage) => voyage.state_after(part),
            Self::InFormation(voyage, slot) => slot.beside(&voyage.state_after(part)),
        }
    }

    /// Moves on by `seconds`.
    pub fn advance(&mut self, seconds: u64) {
        match self {
            Self::Fixed(_) => {}
            Self::Anchored(swing) => swing.second += seconds,
            Self::UnderWay(voyage) | Self::InFormation(voyage, _) => {
                for _ in 0..seconds {
                    voyage.step();
                }
            }
        }
    }
}

impl Slot {
    /// Beside a leader in state `leader`, as if both were points of one stiff body: in a turn the
    /// outer aircraft flies faster, and what is behind swings out.
    fn beside(&self, leader: &State) -> State {
        let across_m = self.side_m.atan2(-self.back_m).to_degrees();
        let rate_rad_s = leader.turn_rate_deg_s.to_radians();
        let ahead_mps = leader.speed_mps - self.side_m * rate_rad_s;
        let right_mps = -self.back_m * rate_rad_s;
        State {
            position: place_from(
                leader.position,
                leader.course_deg + across_m,
                self.back_m.hypot(self.side_m),
            ),
            speed_mps: ahead_mps.hypot(right_mps),
            course_deg: compass_deg(leader.course_deg + right_mps.atan2(ahead_mps).to_degrees()),
            ..*leader
        }
    }
}

impl Swing {
    fn state(&self) -> State {
        self.state_at(self.second as f64)
    }

    /// The bow points at the anchor, so the antenna lies astern of it; the swing is a sine.
    fn state_at(&self, second: f64) -> State {
        let rate_rad_s = std::f64::consts::TAU / SWING_PERIOD_S;
        let angle_rad = rate_rad_s * second + self.phase_rad;
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
    /// Between this state and the next step's: turn rate and speed change evenly.
    fn state_after(&self, part: f64) -> State {
        if part <= 0.0 {
            return self.state;
        }
        let mut ahead = self.clone();
        ahead.step();
        let (now, next) = (self.state, ahead.state);
        let towards = |from: f64, to: f64| from + (to - from) * part;
        let speed_mps = towards(now.speed_mps, next.speed_mps);
        let turn_rate_deg_s = towards(now.turn_rate_deg_s, next.turn_rate_deg_s);
        let turned_deg = part * f64::midpoint(now.turn_rate_deg_s, turn_rate_deg_s);
        let course_deg = compass_deg(now.course_deg + turned_deg);
        State {
            position: place_from(
                now.position,
                now.course_deg + turned_deg / 2.0,
                part * f64::midpoint(now.speed_mps, speed_mps),
            ),
            speed_mps,
            course_deg,
            heading_deg: course_deg,
            turn_rate_deg_s,
            altitude_m: now.altitude_m.map(|height| height + next.climb_mps * part),
            climb_mps: towards(now.climb_mps, next.climb_mps),
        }
    }

    fn step(&mut self) {
        self.leg_left_s -= 1.0;
        match self.pattern {
            Pattern::Legs => {
                if self.leg_left_s <= 0.0 {
                    self.begin_leg();
                }
                if !self.inner.contains(self.state.position) {
                    self.turn_back();
                }
            }
            Pattern::Hold => {
                if self.leg_left_s <= 0.0 {
                    self.course_wanted_deg = compass_deg(self.course_wanted_deg + 180.0);
                    self.turning_right = true;
                    self.leg_left_s = f64::INFINITY;
                }
            }
            Pattern::Orbit { radius_m } => self.follow_circle(radius_m),
        }
        let before = self.state;
        let limits = &self.limits;

        let mut to_turn = turn_between(before.course_deg, self.course_wanted_deg);
        if self.turning_right {
            if to_turn.abs() < 2.0 {
                self.turning_right = false;
                self.leg_left_s = HOLD_LEG_S;
            } else if to_turn < -2.0 {
                to_turn += 360.0;
            }
        }
        let rate_max = limits.turn_rate_deg_s(before.speed_mps, self.load);
        let ahead_deg_s = match self.pattern {
            Pattern::Orbit { radius_m } => (before.speed_mps / radius_m).to_degrees(),
            Pattern::Legs | Pattern::Hold => 0.0,
        };
        let gain = if limits
            .load_factor_max
            .is_some_and(|load| load > MANOEUVRING_LOAD)
        {
            // Fast rollers come close to their course before they roll out.
            4.0 * TURN_GAIN_PER_S
        } else {
            TURN_GAIN_PER_S
        };
        let rate_wanted = (ahead_deg_s + to_turn * gain).clamp(-rate_max, rate_max);
        let build_up = rate_max * TURN_BUILD_UP;
        // What speed has been gained since lowers the rate that the load allows.
        let turn_rate_deg_s = (before.turn_rate_deg_s
            + (rate_wanted - before.turn_rate_deg_s).clamp(-build_up, build_up))
        .clamp(-rate_max, rate_max);
        let turned = f64::midpoint(before.turn_rate_deg_s, turn_rate_deg_s);

        let speed_mps = before.speed_mps
            + (self.speed_wanted_mps - before.speed_mps)
                .clamp(-limits.acceleration_max_mps2, limits.acceleration_max_mps2);

        let (altitude_m, climb_mps) = match before.altitude_m {
            None => (None, 0.0),
            Some(altitude) => {
                let highest = limits.climb_max_mps;
                let change = limits.climb_change_max_mps2;
                // Slow enough that the change of climb can follow, so that it does not overshoot.
                let level_off_s = LEVEL_OFF_S.max(1.2 * highest / change);
                let wanted =
                    ((self.altitude_wanted_m - altitude) / level_off_s).clamp(-highest, highest);
                let climb = before.climb_mps + (wanted - before.climb_mps).clamp(-change, change);
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
        if let Some(highest) = limits.load_factor_max
            && highest > MANOEUVRING_LOAD
        {
            self.load = self.random.between(MANOEUVRING_LOAD, highest);
        }
    }

    /// Steers along the circle, and back to it.
    fn follow_circle(&mut self, radius_m: f64) {
        let (away_m, outwards_deg) = distance_and_bearing(self.centre, self.state.position);
        let back_deg = ((away_m - radius_m) / radius_m * 90.0).clamp(-60.0, 60.0);
        self.course_wanted_deg = compass_deg(outwards_deg + 90.0 + back_deg);
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
