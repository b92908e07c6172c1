//! Classes of platform and what each can do.
//!
//! The limits are what this simulator's truth never exceeds; they lie inside what a validator of
//! such a class should allow, so a flagged report without a fault is a false alarm. They are
//! round figures for each class, not any one ship's trial results.

use serde::{Deserialize, Serialize};

/// Metres per second in one knot (exact: 1,852 m per hour).
pub const MPS_PER_KNOT: f64 = 1852.0 / 3600.0;

/// What kind of thing a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Merchant ship in a traffic lane.
    Cargo,
    /// Fast ferry between two ports.
    Ferry,
    /// Trawler at work: slow, often turning.
    Fishing,
    /// Yacht or motor boat, with class B equipment.
    Pleasure,
    /// Search and rescue aircraft, low and on search legs.
    SarAircraft,
    /// Transport aircraft, en route or in a holding pattern.
    Airliner,
    /// Propeller aircraft of general aviation.
    LightAircraft,
    /// Helicopter.
    Helicopter,
    /// Combat aircraft, up to 9 g.
    Fighter,
    /// Unmanned aircraft that loiters.
    Drone,
    /// Ship at anchor, swinging about it.
    Anchored,
    /// Shore station.
    BaseStation,
    /// Buoy or beacon that reports itself.
    Aid,
}

/// What a moving class can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Highest speed over ground, knots.
    pub speed_max_kt: f64,
    /// Speeds chosen when the scenario names none, knots.
    pub speed_kt: [f64; 2],
    /// Highest change of speed, m/s².
    pub acceleration_max_mps2: f64,
    /// Highest turn rate, degrees per second.
    pub turn_rate_max_deg_s: f64,
    /// How far a new leg's course may lie from the last one's (or the lane's), degrees.
    pub wander_deg: f64,
    /// Length of a leg, seconds.
    pub leg_s: [f64; 2],
    /// Keeps to the long axis of its region.
    pub lane: bool,
    /// Heights flown, metres above the ellipsoid; `None` for what floats.
    pub altitude_m: Option<[f64; 2]>,
    /// Highest rate of climb or descent, m/s.
    pub climb_max_mps: f64,
    /// Highest change of that rate, m/s².
    pub climb_change_max_mps2: f64,
    /// Highest load factor in a level turn, which a coordinated turn's bank gives: 1/cos(bank).
    /// `None` for what floats.
    pub load_factor_max: Option<f64>,
}

/// Standard acceleration of free fall, m/s² (exact).
pub const G_MPS2: f64 = 9.806_65;

impl Limits {
    /// Highest turn rate at `speed_mps` under the load factor `load` (at most the class's),
    /// degrees per second. A level coordinated turn at n g turns at g√(n²−1)/v.
    pub fn turn_rate_deg_s(&self, speed_mps: f64, load: f64) -> f64 {
        match self.load_factor_max {
            Some(highest) if speed_mps > 0.0 => {
                let load = load.clamp(1.0, highest);
                let rate = (G_MPS2 * (load * load - 1.0).sqrt() / speed_mps).to_degrees();
                rate.min(self.turn_rate_max_deg_s)
            }
            Some(_) | None => self.turn_rate_max_deg_s,
        }
    }
}

const FLOATING: Limits = Limits {
    speed_max_kt: 22.0,
    speed_kt: [9.0, 16.0],
    acceleration_max_mps2: 0.02,
    turn_rate_max_deg_s: 0.5,
    wander_deg: 6.0,
    leg_s: [240.0, 900.0],
    lane: true,
    altitude_m: None,
    climb_max_mps: 0.0,
    climb_change_max_mps2: 0.0,
    load_factor_max: None,
};

/// Load factor in a turn with 25° of bank, which holding and en-route turns use
/// (ICAO Doc 8168, Volume I, Part II, Section 6).
const LOAD_25_DEG: f64 = 1.103;
/// Load factor in a turn with 45° of bank.
const LOAD_45_DEG: f64 = 1.414;

/// Radius on which an anchored ship's antenna swings, metres.
pub const SWING_RADIUS_M: f64 = 60.0;
/// Half the arc through which an anchored ship swings, degrees.
pub const SWING_HALF_ARC_DEG: f64 = 20.0;
/// Time of one swing, there and back, seconds. The antenna's speed stays below 0.5 kt.
pub const SWING_PERIOD_S: f64 = 600.0;

impl Class {
    /// Limits of a class under way; `None` for those that keep their place.
    pub fn limits(self) -> Option<Limits> {
        match self {
            Self::Cargo => Some(FLOATING),
            Self::Ferry => Some(Limits {
                speed_max_kt: 28.0,
                speed_kt: [16.0, 22.0],
                acceleration_max_mps2: 0.08,
                turn_rate_max_deg_s: 1.0,
                wander_deg: 4.0,
                ..FLOATING
            }),
            Self::Fishing => Some(Limits {
                speed_max_kt: 14.0,
                speed_kt: [2.0, 9.0],
                acceleration_max_mps2: 0.15,
                turn_rate_max_deg_s: 3.0,
                wander_deg: 90.0,
                leg_s: [60.0, 300.0],
                lane: false,
                ..FLOATING
            }),
            Self::Pleasure => Some(Limits {
                speed_max_kt: 35.0,
                speed_kt: [4.0, 20.0],
                acceleration_max_mps2: 0.6,
                turn_rate_max_deg_s: 6.0,
                wander_deg: 50.0,
                leg_s: [30.0, 180.0],
                lane: false,
                ..FLOATING
            }),
            // 3 °/s is a standard-rate turn.
            Self::SarAircraft => Some(Limits {
                speed_max_kt: 160.0,
                speed_kt: [90.0, 130.0],
                acceleration_max_mps2: 1.5,
                turn_rate_max_deg_s: 3.0,
                wander_deg: 90.0,
                leg_s: [30.0, 120.0],
                lane: false,
                altitude_m: Some([120.0, 450.0]),
                climb_max_mps: 5.0,
                climb_change_max_mps2: 1.0,
                load_factor_max: Some(LOAD_45_DEG),
            }),
            Self::Airliner => Some(Limits {
                speed_max_kt: 500.0,
                speed_kt: [400.0, 480.0],
                acceleration_max_mps2: 0.5,
                turn_rate_max_deg_s: 3.0,
                wander_deg: 40.0,
                leg_s: [120.0, 600.0],
                lane: false,
                altitude_m: Some([8_500.0, 12_000.0]),
                climb_max_mps: 12.0,
                climb_change_max_mps2: 1.0,
                load_factor_max: Some(LOAD_25_DEG),
            }),
            Self::LightAircraft => Some(Limits {
                speed_max_kt: 180.0,
                speed_kt: [90.0, 140.0],
                acceleration_max_mps2: 1.0,
                turn_rate_max_deg_s: 6.0,
                wander_deg: 70.0,
                leg_s: [60.0, 300.0],
                lane: false,
                altitude_m: Some([450.0, 2_700.0]),
                climb_max_mps: 5.0,
                climb_change_max_mps2: 1.0,
                load_factor_max: Some(LOAD_45_DEG),
            }),
            Self::Helicopter => Some(Limits {
                speed_max_kt: 160.0,
                speed_kt: [60.0, 130.0],
                acceleration_max_mps2: 1.5,
                turn_rate_max_deg_s: 10.0,
                wander_deg: 90.0,
                leg_s: [30.0, 180.0],
                lane: false,
                altitude_m: Some([150.0, 900.0]),
                climb_max_mps: 7.0,
                climb_change_max_mps2: 1.5,
                load_factor_max: Some(LOAD_45_DEG),
            }),
            // 9 g at 250 m/s turns at about 20 °/s.
            Self::Fighter => Some(Limits {
                speed_max_kt: 900.0,
                speed_kt: [350.0, 550.0],
                acceleration_max_mps2: 10.0,
                turn_rate_max_deg_s: 24.0,
                wander_deg: 170.0,
                leg_s: [8.0, 40.0],
                lane: false,
                altitude_m: Some([1_500.0, 12_000.0]),
                climb_max_mps: 150.0,
                climb_change_max_mps2: 20.0,
                load_factor_max: Some(9.0),
            }),
            Self::Drone => Some(Limits {
                speed_max_kt: 120.0,
                speed_kt: [60.0, 90.0],
                acceleration_max_mps2: 0.7,
                turn_rate_max_deg_s: 6.0,
                wander_deg: 60.0,
                leg_s: [60.0, 240.0],
                lane: false,
                altitude_m: Some([3_000.0, 6_000.0]),
                climb_max_mps: 4.0,
                climb_change_max_mps2: 0.7,
                load_factor_max: Some(LOAD_25_DEG),
            }),
            Self::Anchored | Self::BaseStation | Self::Aid => None,
        }
    }

    /// The name that scenarios and truth use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Ferry => "ferry",
            Self::Fishing => "fishing",
            Self::Pleasure => "pleasure",
            Self::SarAircraft => "sar-aircraft",
            Self::Airliner => "airliner",
            Self::LightAircraft => "light-aircraft",
            Self::Helicopter => "helicopter",
            Self::Fighter => "fighter",
            Self::Drone => "drone",
            Self::Anchored => "anchored",
            Self::BaseStation => "base-station",
            Self::Aid => "aid",
        }
    }

    /// Whether the class stands still to the metre, and so takes no faults of movement.
    pub fn is_fixed(self) -> bool {
        match self {
            Self::BaseStation | Self::Aid => true,
            Self::Cargo
            | Self::Ferry
            | Self::Fishing
            | Self::Pleasure
            | Self::SarAircraft
            | Self::Airliner
            | Self::LightAircraft
            | Self::Helicopter
            | Self::Fighter
            | Self::Drone
            | Self::Anchored => false,
        }
    }

    /// Whether the class flies, and so can have an aircraft's identity.
    pub fn is_aircraft(self) -> bool {
        match self {
            Self::SarAircraft
            | Self::Airliner
            | Self::LightAircraft
            | Self::Helicopter
            | Self::Fighter
            | Self::Drone => true,
            Self::Cargo
            | Self::Ferry
            | Self::Fishing
            | Self::Pleasure
            | Self::Anchored
            | Self::BaseStation
            | Self::Aid => false,
        }
    }
}
