//! Limits by kind of platform.
//!
//! A track's limits are those of its `platform_class` where there are any, else those of its
//! message's class. The configuration changes them, and adds kinds.

use std::collections::BTreeMap;

use outrigger_sdk::{Text, Track};

use crate::parameters::PlatformParameters;

/// Tracks of ships.
pub const TRACK_SEA: &str = "track.sea";
/// Tracks of aircraft.
pub const TRACK_AIR: &str = "track.air";
/// Tracks on the ground.
pub const TRACK_GROUND: &str = "track.ground";

/// Kinds of platforms, at most: a track's kind is looked for one by one. More are refused.
pub const PLATFORMS_MAX: usize = 64;

/// A knot, metres per second. Source: international nautical mile of 1,852 m.
const KNOT_MPS: f64 = 1_852.0 / 3_600.0;

/// What a kind of platform can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Speed over ground that the platform does not pass, metres per second.
    pub speed_max_mps: f64,
    /// Speed at which a position is held reachable when no speed is reported, and that
    /// extrapolation of a reported speed never passes, metres per second.
    pub reach_speed_mps: f64,
    /// How much faster or slower it can become each second, metres per second squared.
    pub acceleration_mps2: f64,
    /// Load factor that it can turn with: at the speed v it turns no faster than g√(n²−1)/v.
    pub load_factor: f64,
    /// How fast it can turn at any speed, degrees per second.
    pub turn_max_dps: f64,
    /// Rate of climb or descent that it does not pass, metres per second.
    pub climb_max_mps: f64,
    /// Acceleration of its usual manoeuvres, one standard deviation on each axis, metres per second
    /// squared: how far the prediction goes astray.
    pub manoeuvre_mps2: f64,
    /// Speed below which its course says nothing, metres per second.
    pub direction_speed_mps: f64,
    /// Share of its way by which it may be off the mean of the velocities at both ends, one standard
    /// deviation, where it could have turned a full circle and a half unseen. None for kinds that
    /// turn seldom and report often.
    pub unseen_share: f64,
    /// Distance that is never judged: noise of the position, metres.
    pub floor_m: f64,
    /// True if every report of the kind should carry a position.
    pub position_expected: bool,
}

/// Standard gravity, metres per second squared (CGPM 1901).
const GRAVITY_MPS2: f64 = 9.806_65;

impl Limits {
    /// How fast it can turn at a speed, degrees per second: ω = g√(n²−1)/v, a level turn.
    pub fn turn_dps(&self, speed_mps: f64) -> f64 {
        let lateral_mps2 = GRAVITY_MPS2 * (self.load_factor * self.load_factor - 1.0).sqrt();
        (lateral_mps2 / speed_mps)
            .to_degrees()
            .min(self.turn_max_dps)
    }

    /// How much its rate of climb can change each second, metres per second squared: what the load
    /// factor leaves past weight, and free fall at least.
    pub fn vertical_mps2(&self) -> f64 {
        GRAVITY_MPS2 * (self.load_factor - 1.0).max(1.0)
    }
}

/// Ships of unknown kind.
///
/// Speed limit: 102.2 kt is the format's "or higher" (ITU-R M.1371-5, annex 8, § 3.1), so what
/// reaches 100 kt is broken or no ship. Reach: readsb `track.c`, `speed_check`, on the surface:
/// 120 kt, 3 kt for each second. Turn: half a g sideways for the fastest craft, and no more than
/// 20°/s, above the 11.8°/s that AIS can say. Manoeuvre: a tenth of that. Direction: below 5 kt
/// course over ground follows the noise of the position. Floor: readsb has 10 m on the surface; AIS
/// without its flag for high accuracy promises no better than 10 m at each of the two ends (§ 3.1),
/// and says nothing of how much worse: 100 m, chosen on the recordings (README). Unseen: a boat that
/// zigzags at 40 kt and reports every 30 s (class B) is off by two thirds of its way now and then.
const SEA: Limits = Limits {
    speed_max_mps: 100.0 * KNOT_MPS,
    reach_speed_mps: 120.0 * KNOT_MPS,
    acceleration_mps2: 3.0 * KNOT_MPS,
    load_factor: 1.118,
    turn_max_dps: 20.0,
    climb_max_mps: 10.0,
    manoeuvre_mps2: 0.5,
    direction_speed_mps: 5.0 * KNOT_MPS,
    unseen_share: 0.4,
    floor_m: 100.0,
    position_expected: true,
};

/// Ships under the SOLAS convention. Speed limit: the fastest in service, the ferry *Francisco*,
/// made 58.1 kt on trials. Acceleration:
/// pilot and rescue boats carry class A too, and reach 30 kt within 16 s or so: a tenth of a g, above
/// the crash stop of a fast ferry.
/// Manoeuvre: a ship of 10 m/s that turns at 1°/s is pulled by 0.17 m/s².
const CLASS_A: Limits = Limits {
    speed_max_mps: 60.0 * KNOT_MPS,
    acceleration_mps2: 1.0,
    manoeuvre_mps2: 0.2,
    unseen_share: 0.0,
    ..SEA
};

/// Aircraft of unknown kind, but civil. Reach: readsb, airborne: 900 kt, 30 m. Speed limit: the
/// same 900 kt; faster kinds want limits of their own. Acceleration: half a g, more than any
/// take-off or braking. Load factor: 2.5, the limit load of large aeroplanes (CS-25.337). Turn: a
/// light aircraft at 45 m/s and 2.5 g does 29°/s, civil traffic 6°/s (traffic, `consistency.py`).
/// Climb: 12,500 ft/min (readsb). Manoeuvre: 30° of bank are 5.7 m/s², rarely flown in full.
/// Direction: below 50 kt helicopters hover. A source may send velocity or identity without a
/// position, so its absence means nothing.
const AIR: Limits = Limits {
    speed_max_mps: 900.0 * KNOT_MPS,
    reach_speed_mps: 900.0 * KNOT_MPS,
    acceleration_mps2: 4.9,
    load_factor: 2.5,
    turn_max_dps: 30.0,
    climb_max_mps: 12_500.0 * FOOT_PER_MINUTE_MPS,
    manoeuvre_mps2: 2.5,
    direction_speed_mps: 50.0 * KNOT_MPS,
    unseen_share: 0.0,
    floor_m: 30.0,
    position_expected: false,
};

/// Search and rescue aircraft on AIS: its one report carries the position (M.1371-5, § 3.7), with
/// the accuracy of AIS.
const SAR_AIRCRAFT: Limits = Limits {
    floor_m: SEA.floor_m,
    position_expected: true,
    ..HELICOPTER
};

/// Helicopters. Load factor: 3.5 (CS-27.337). Speed as for aircraft, as the kind is often a guess;
/// turns on the spot in six seconds.
const HELICOPTER: Limits = Limits {
    load_factor: 3.5,
    turn_max_dps: 60.0,
    direction_speed_mps: 20.0 * KNOT_MPS,
    unseen_share: 0.4,
    ..AIR
};

/// Fighters. 9 g; 1,650 kt is Mach 2.5 at height, the fastest in service; 2 g along the track from
/// thrust and brakes; 350 m/s of climb, the record of the F-15 *Streak Eagle* being about 300;
/// manoeuvres of 3 g.
const FIGHTER: Limits = Limits {
    speed_max_mps: 1_650.0 * KNOT_MPS,
    reach_speed_mps: 1_650.0 * KNOT_MPS,
    acceleration_mps2: 20.0,
    load_factor: 9.0,
    turn_max_dps: 60.0,
    climb_max_mps: 350.0,
    manoeuvre_mps2: 30.0,
    unseen_share: 0.4,
    ..AIR
};

/// Vehicles. 250 km/h; a g in every direction, as good tyres give; turns on the spot in six
/// seconds; climbs what 14 % at 250 km/h are.
const GROUND: Limits = Limits {
    speed_max_mps: 70.0,
    reach_speed_mps: 70.0,
    acceleration_mps2: 9.8,
    load_factor: 1.414,
    turn_max_dps: 60.0,
    climb_max_mps: 10.0,
    manoeuvre_mps2: 2.0,
    direction_speed_mps: 3.0,
    unseen_share: 0.4,
    floor_m: 30.0,
    position_expected: false,
};

/// A foot a minute, metres per second.
pub const FOOT_PER_MINUTE_MPS: f64 = 0.3048 / 60.0;

/// Limits that need no configuration.
const DEFAULTS: [(&str, Limits); 21] = [
    (TRACK_SEA, SEA),
    (TRACK_AIR, AIR),
    (TRACK_GROUND, GROUND),
    ("class-a", CLASS_A),
    ("class-b", SEA),
    ("sar-aircraft", SAR_AIRCRAFT),
    ("helicopter", HELICOPTER),
    ("fighter", FIGHTER),
    // Emitter categories of ADS-B, in the decoders' words: over 5 g and 400 kt, ….
    ("high-performance", FIGHTER),
    ("highly-manoeuvrable", FIGHTER),
    ("rotorcraft", HELICOPTER),
    // Categories of DIS (SISO-REF-010) that fly like them.
    ("attack", FIGHTER),
    ("electronic-warfare", FIGHTER),
    ("reconnaissance", FIGHTER),
    ("trainer", FIGHTER),
    ("air-sea-rescue", HELICOPTER),
    ("autogyro", HELICOPTER),
    ("surface-emergency", GROUND),
    ("surface-service", GROUND),
    ("surface-vehicle", GROUND),
    ("emergency-surface-vehicle", GROUND),
];

/// The limits of all kinds.
#[derive(Clone, Debug)]
pub struct Platforms {
    kinds: Vec<Kind>,
}

#[derive(Clone, Debug)]
struct Kind {
    name: String,
    /// The name as a track says it; none for one that is too long for that.
    text: Option<Text>,
    limits: Limits,
}

impl Kind {
    fn new(name: &str, limits: Limits) -> Self {
        Self {
            name: name.to_owned(),
            text: Text::new(name),
            limits,
        }
    }
}

impl Platforms {
    /// The defaults with these changes, which the parameters have checked.
    pub fn new(changes: &BTreeMap<String, PlatformParameters>) -> Self {
        let mut kinds: Vec<Kind> = DEFAULTS
            .iter()
            .map(|(name, limits)| Kind::new(name, *limits))
            .collect();
        for (name, change) in changes {
            let known = kinds.iter().position(|kind| kind.name == *name);
            let place = known.unwrap_or_else(|| {
                kinds.push(Kind::new(name, base(change)));
                kinds.len() - 1
            });
            change.apply(&mut kinds[place].limits);
        }
        Self { kinds }
    }

    /// The limits for a track.
    pub fn limits(&self, class: &str, track: &Track) -> &Limits {
        let mut kinds = self.kinds.iter();
        let own = (track.platform_class)
            .and_then(|class| kinds.find(|kind| kind.text.is_some_and(|text| text == class)));
        let of_class = || self.kinds.iter().find(|kind| kind.name == class);
        &own.or_else(of_class)
            .expect("classes that are read have defaults")
            .limits
    }
}

/// What a new kind starts from.
fn base(change: &PlatformParameters) -> Limits {
    change.like.as_deref().and_then(default).unwrap_or(SEA)
}

/// Limits of a kind that needs no configuration.
fn default(name: &str) -> Option<Limits> {
    DEFAULTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, limits)| *limits)
}

/// True for a kind that needs no configuration.
pub fn is_default(name: &str) -> bool {
    default(name).is_some()
}

/// Kinds that need no configuration.
pub fn default_names() -> String {
    DEFAULTS.map(|(name, _)| name).join(", ")
}
