//! What each kind of source measures, and how well.
//!
//! Every number is one standard deviation, on one axis, unless it says otherwise. They set how wide
//! the gate is; the gate then follows each track's own noise within bounds (`motion`).

use std::collections::BTreeMap;

use outrigger_sdk::{Source, Track};

use crate::parameters::SourceParameters;
use crate::platform::TRACK_SEA;

/// Noise of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Of a position, metres.
    pub position_m: f64,
    /// Of the time of applicability, seconds.
    pub time_s: f64,
    /// How far a time can be off at most, seconds; what reach allows for.
    pub late_s: f64,
    /// How far apart two times of reception can be beside, seconds: other receivers, other clocks.
    pub received_s: f64,
    /// Of a reported speed, metres per second.
    pub speed_mps: f64,
    /// How long a reported velocity can be held before the next one, seconds.
    pub held_s: f64,
    /// Two positions this near are one place, metres: how far apart two encodings of it are read.
    pub same_m: f64,
    /// True where a track is known by a number that its source gives to another track later.
    pub numbered: bool,
    /// Two equal reports this near are one that came twice, when their time is that of reception,
    /// seconds; 0 where a source does not send so often that it could be told.
    pub repeat_s: f64,
}

/// AIS. Position: 10 m is what the flag for high accuracy promises, and no promise without it
/// (ITU-R M.1371-5, annex 8, § 3.1). Time: a second cut, not rounded, at each end, 0.29 s each, and
/// the sensor's own delay. Speed: steps of 0.1 kt, filtered over some seconds by the receiver.
/// Reception: nearly every odd interval in the recordings is at most 2.1 s. Repeats: below the
/// shortest interval of 2 s (annex 1, table 1).
const AIS: Noise = Noise {
    position_m: 10.0,
    time_s: 0.6,
    late_s: 1.0,
    received_s: 2.1,
    speed_mps: 0.5,
    held_s: 0.0,
    same_m: 0.0,
    numbered: false,
    repeat_s: 1.5,
};

/// ADS-B. Position: 5 m from the compact position (17 bits of 360/59 degrees); the rule of carriage
/// asks for better than 93 m with 95 % (14 CFR 91.227(c)), most do far better. Time: 0.6 s of delay
/// need not be compensated (91.227(e)); receivers of one network are within a second. Speed: better
/// than 10 m/s with 95 % (91.227(c)). Held: the velocity comes in messages of its own, and the decoder merges
/// those of the last 5 s. One place: a step of the compact position is 5.1 m in even
/// frames and 5.2 m in odd ones (6° and 360/59 degrees over 2¹⁷, ICAO Doc 9871, C.2.6), so what is
/// rounded from one place differs by up to half of both on each axis, 7.4 m in all. Repeats:
/// squitters of position and velocity are 0.4 s apart at least (ICAO Annex 10, volume IV).
const ADSB: Noise = Noise {
    position_m: 20.0,
    time_s: 0.3,
    late_s: 0.6,
    received_s: 1.0,
    speed_mps: 2.0,
    held_s: 5.0,
    same_m: 7.5,
    numbered: false,
    repeat_s: 0.3,
};

/// Multilateration: 150 m root mean square in terminal areas (EUROCAE ED-142).
const MLAT: Noise = Noise {
    position_m: 100.0,
    time_s: 0.3,
    late_s: 1.0,
    received_s: 2.1,
    speed_mps: 5.0,
    held_s: 0.0,
    same_m: 0.0,
    numbered: false,
    repeat_s: 0.0,
};

/// One radar: 70 m in range and 0.08° in azimuth (EUROCONTROL SUR.ET1.ST01.1000-STD-01-01), which is
/// 140 m at 100 km and 250 m at 180 km, half-way to where an area radar ends. Farther out the gate
/// follows.
const RADAR: Noise = Noise {
    position_m: 250.0,
    time_s: 0.2,
    late_s: 0.5,
    received_s: 2.1,
    speed_mps: 10.0,
    held_s: 0.0,
    same_m: 0.0,
    numbered: true,
    repeat_s: 0.0,
};

/// A tracker's output: better than its sensors, but a step may be one update old, and its time not
/// say so. One update of an area radar is up to 12 s; in the recording 99 % of positions are at most
/// 7.8 s from their time and all but one of 2,000 within 20 s. A tracker that is known to be better
/// deserves parameters of its own.
const SYSTEM_TRACK: Noise = Noise {
    position_m: 60.0,
    time_s: 1.4,
    late_s: 10.0,
    received_s: 2.1,
    speed_mps: 5.0,
    held_s: 0.0,
    same_m: 0.0,
    numbered: true,
    repeat_s: 0.0,
};

/// Radar for moving targets on the ground: cross-range dominates, some 100 m at 100 km.
const GMTI: Noise = Noise {
    position_m: 100.0,
    time_s: 0.5,
    late_s: 1.0,
    received_s: 2.1,
    speed_mps: 3.0,
    held_s: 0.0,
    same_m: 0.0,
    numbered: false,
    repeat_s: 0.0,
};

/// Simulation: dead reckoning is let run to 1 m (IEEE 1278.1, default thresholds); network delay.
const DIS: Noise = Noise {
    position_m: 3.0,
    time_s: 0.1,
    late_s: 0.5,
    received_s: 2.1,
    speed_mps: 1.0,
    held_s: 0.0,
    same_m: 0.0,
    numbered: false,
    repeat_s: 0.0,
};

/// A sensor of which nothing is known: the wider of the above in each number but radar's.
const OTHER: Noise = Noise {
    position_m: 100.0,
    time_s: 0.7,
    late_s: 2.0,
    received_s: 2.1,
    speed_mps: 5.0,
    held_s: 0.0,
    same_m: 0.0,
    numbered: false,
    repeat_s: 0.0,
};

/// Radius of 95 % confidence in standard deviations of one axis: the square root of −2 ln 0.05.
const CONFIDENCE_95: f64 = 2.447_7;

/// Accuracy that a report may claim at most, metres: past that it is no position.
const ACCURACY_MAX_M: f64 = 20_000.0;

/// The noise of all sources, as configured.
#[derive(Clone, Debug)]
pub struct Sources {
    /// In the order of [`Source::ALL`].
    noises: [Noise; Source::ALL.len()],
}

/// The word that a parameter names a source by.
pub fn index_of(word: &str) -> Option<usize> {
    Source::ALL
        .iter()
        .position(|source| source.as_str() == word)
}

impl Sources {
    /// The defaults with these changes, which the parameters have checked.
    pub fn new(changes: &BTreeMap<String, SourceParameters>) -> Self {
        let mut noises = Source::ALL.map(default);
        for (word, change) in changes {
            if let Some(noise) = index_of(word).and_then(|index| noises.get_mut(index)) {
                change.apply(noise);
            }
        }
        Self { noises }
    }

    /// The noise of a report: its own accuracy where it gives one, and else its source's. A report
    /// without a source is AIS when it is of a ship.
    pub fn noise(&self, class: &str, track: &Track) -> Noise {
        let source = match track.source {
            Some(source) => source,
            None if class == TRACK_SEA => Source::Ais,
            None => Source::Other,
        };
        let noise = self.noises[source as usize];
        match track.accuracy_m.filter(|accuracy_m| accuracy_m.is_finite()) {
            Some(accuracy_m) => Noise {
                // A better claim than the source's own kind is not believed: it is about bias, and
                // what is judged here is how reports follow each other.
                position_m: (accuracy_m.min(ACCURACY_MAX_M) / CONFIDENCE_95).max(noise.position_m),
                ..noise
            },
            None => noise,
        }
    }
}

fn default(source: Source) -> Noise {
    match source {
        Source::Ais => AIS,
        Source::Adsb => ADSB,
        Source::Mlat => MLAT,
        Source::Radar => RADAR,
        Source::SystemTrack => SYSTEM_TRACK,
        Source::Gmti => GMTI,
        Source::Dis => DIS,
        Source::Other => OTHER,
    }
}
