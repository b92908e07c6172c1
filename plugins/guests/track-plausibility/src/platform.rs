//! Limits by kind of platform.
//!
//! A track's limits are those of its `platform_class` where there are any, else those of its
//! message's class. The configuration changes them, and adds kinds.

use std::collections::BTreeMap;

use outrigger_sdk::Track;

use crate::parameters::PlatformParameters;

/// Tracks of ships.
pub const TRACK_SEA: &str = "track.sea";
/// Tracks of aircraft.
pub const TRACK_AIR: &str = "track.air";

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
    /// How much faster it can become each second, metres per second squared.
    pub acceleration_mps2: f64,
    /// Distance that is never judged: noise of the position, metres.
    pub floor_m: f64,
    /// True if every report of the kind should carry a position.
    pub position_expected: bool,
}

/// Ships of unknown kind.
///
/// Speed limit: 102.2 kt is the format's "or higher" (ITU-R M.1371-5, annex 8, § 3.1), so what
/// reaches 100 kt is broken or no ship. Reach: readsb `track.c`, `speed_check`, on the surface:
/// 120 kt, 3 kt for each second. Floor: readsb has 10 m on the surface; AIS without its flag for
/// high accuracy promises no better than 10 m at each of the two ends (§ 3.1), and says nothing of
/// how much worse: 100 m, chosen on the recordings (README).
const SEA: Limits = Limits {
    speed_max_mps: 100.0 * KNOT_MPS,
    reach_speed_mps: 120.0 * KNOT_MPS,
    acceleration_mps2: 3.0 * KNOT_MPS,
    floor_m: 100.0,
    position_expected: true,
};

/// Ships under the SOLAS convention. Speed limit: the fastest in service, the ferry *Francisco*,
/// made 58.1 kt on trials.
const CLASS_A: Limits = Limits {
    speed_max_mps: 60.0 * KNOT_MPS,
    ..SEA
};

/// Aircraft of unknown kind. Reach: readsb, airborne: 900 kt, 3 kt for each second, 30 m. Speed
/// limit: the same 900 kt; faster kinds want limits of their own. A source may send velocity or
/// identity without a position, so its absence means nothing.
const AIR: Limits = Limits {
    speed_max_mps: 900.0 * KNOT_MPS,
    reach_speed_mps: 900.0 * KNOT_MPS,
    acceleration_mps2: 3.0 * KNOT_MPS,
    floor_m: 30.0,
    position_expected: false,
};

/// Search and rescue aircraft on AIS: its one report carries the position (M.1371-5, § 3.7), with
/// the accuracy of AIS.
const SAR_AIRCRAFT: Limits = Limits {
    floor_m: SEA.floor_m,
    position_expected: true,
    ..AIR
};

/// Limits that need no configuration.
const DEFAULTS: [(&str, Limits); 5] = [
    (TRACK_SEA, SEA),
    (TRACK_AIR, AIR),
    ("class-a", CLASS_A),
    ("class-b", SEA),
    ("sar-aircraft", SAR_AIRCRAFT),
];

/// The limits of all kinds.
#[derive(Clone, Debug)]
pub struct Platforms {
    kinds: Vec<(String, Limits)>,
}

impl Platforms {
    /// The defaults with these changes, which the parameters have checked.
    pub fn new(changes: &BTreeMap<String, PlatformParameters>) -> Self {
        let mut kinds: Vec<(String, Limits)> = DEFAULTS
            .iter()
            .map(|(name, limits)| ((*name).to_owned(), *limits))
            .collect();
        for (name, change) in changes {
            let known = kinds.iter().position(|(known, _)| known == name);
            let place = known.unwrap_or_else(|| {
                kinds.push((name.clone(), base(change)));
                kinds.len() - 1
            });
            change.apply(&mut kinds[place].1);
        }
        Self { kinds }
    }

    /// The limits for a track.
    pub fn limits(&self, class: &str, track: &Track) -> &Limits {
        let of = |name: &str| self.kinds.iter().find(|(known, _)| known == name);
        track
            .platform_class
            .as_deref()
            .and_then(of)
            .or_else(|| of(class))
            .map(|(_, limits)| limits)
            .expect("classes that are read have defaults")
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
