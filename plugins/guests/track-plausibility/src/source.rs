//! What each kind of source measures, and how well.
//!
//! Every number is one standard deviation, on one axis, unless it says otherwise. They set how wide
//! the gate is; the gate then follows each track's own noise within bounds (`motion`).

use outrigger_sdk::{Source, Track};

use crate::platform::TRACK_SEA;

/// Noise of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Of a position, metres.
    pub position_m: f64,
    /// Of the time of applicability, seconds.
    pub time_s: f64,
    /// Of a reported speed, metres per second.
    pub speed_mps: f64,
    /// Two equal reports this near are one that came twice, when their time is that of reception,
    /// seconds; 0 where a source does not send so often that it could be told.
    pub repeat_s: f64,
}

/// AIS. Position: 10 m is what the flag for high accuracy promises, and no promise without it
/// (ITU-R M.1371-5, annex 8, § 3.1). Time: a second cut, not rounded, at each end, 0.29 s each, and
/// the sensor's own delay. Speed: steps of 0.1 kt, filtered over some seconds by the receiver.
/// Repeats: below the shortest interval of 2 s (annex 1, table 1).
const AIS: Noise = Noise {
    position_m: 10.0,
    time_s: 0.6,
    speed_mps: 0.5,
    repeat_s: 1.5,
};

/// ADS-B. Position: 5 m from the compact position (17 bits of 360/59 degrees); the rule of carriage
/// asks for better than 93 m with 95 % (14 CFR 91.227(c)), most do far better. Time: 0.6 s of delay
/// need not be compensated (91.227(e)). Speed: better than 10 m/s with 95 % (91.227(c)). Repeats:
/// squitters of position and velocity are 0.4 s apart at least (ICAO Annex 10, volume IV).
const ADSB: Noise = Noise {
    position_m: 20.0,
    time_s: 0.3,
    speed_mps: 2.0,
    repeat_s: 0.3,
};

/// Multilateration: 150 m root mean square in terminal areas (EUROCAE ED-142).
const MLAT: Noise = Noise {
    position_m: 100.0,
    time_s: 0.3,
    speed_mps: 5.0,
    repeat_s: 0.0,
};

/// One radar: 70 m in range and 0.08° in azimuth, which is 140 m at 100 km (EUROCONTROL
/// SUR.ET1.ST01.1000-STD-01-01).
const RADAR: Noise = Noise {
    position_m: 150.0,
    time_s: 0.2,
    speed_mps: 10.0,
    repeat_s: 0.0,
};

/// A tracker's output: better than its sensors, but extrapolated, and a second late in places.
const SYSTEM_TRACK: Noise = Noise {
    position_m: 60.0,
    time_s: 0.7,
    speed_mps: 5.0,
    repeat_s: 0.0,
};

/// Radar for moving targets on the ground: cross-range dominates, some 100 m at 100 km.
const GMTI: Noise = Noise {
    position_m: 100.0,
    time_s: 0.5,
    speed_mps: 3.0,
    repeat_s: 0.0,
};

/// Simulation: dead reckoning is let run to 1 m (IEEE 1278.1, default thresholds); network delay.
const DIS: Noise = Noise {
    position_m: 3.0,
    time_s: 0.1,
    speed_mps: 1.0,
    repeat_s: 0.0,
};

/// A sensor of which nothing is known: the wider of the above in each number but radar's.
const OTHER: Noise = Noise {
    position_m: 100.0,
    time_s: 0.7,
    speed_mps: 5.0,
    repeat_s: 0.0,
};

/// Radius of 95 % confidence in standard deviations of one axis: the square root of −2 ln 0.05.
const CONFIDENCE_95: f64 = 2.447_7;

/// Accuracy that a report may claim, metres: less is not believed, and more than the second is no
/// position.
const ACCURACY_M: (f64, f64) = (5.0, 20_000.0);

impl Noise {
    /// The noise of a report: its own accuracy where it gives one, and else its source's. A report
    /// without a source is AIS when it is of a ship.
    pub fn of(class: &str, track: &Track) -> Self {
        let noise = match track.source {
            Some(Source::Ais) => AIS,
            Some(Source::Adsb) => ADSB,
            Some(Source::Mlat) => MLAT,
            Some(Source::Radar) => RADAR,
            Some(Source::SystemTrack) => SYSTEM_TRACK,
            Some(Source::Gmti) => GMTI,
            Some(Source::Dis) => DIS,
            Some(Source::Other) => OTHER,
            None if class == TRACK_SEA => AIS,
            None => OTHER,
        };
        match track.accuracy_m.filter(|accuracy_m| accuracy_m.is_finite()) {
            Some(accuracy_m) => Self {
                // A better claim than the source's own kind is not believed: it is about bias, and
                // what is judged here is how reports follow each other.
                position_m: (accuracy_m.clamp(ACCURACY_M.0, ACCURACY_M.1) / CONFIDENCE_95)
                    .max(noise.position_m),
                ..noise
            },
            None => noise,
        }
    }
}
