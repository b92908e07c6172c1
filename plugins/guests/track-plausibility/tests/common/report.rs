//! Reports made by hand.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::unwrap_used)]

use outrigger_sdk::testing::{Anomaly, Given, ValidatorHost, no_parameters};
use outrigger_sdk::{Text, TimeSource, Track};
use track_plausibility::TrackPlausibility;

use super::START_NS;

/// Metres per degree of latitude at the equator of WGS-84, where most of these ships sail: a
/// meridian's arc of one degree is 110,574.3886 m there.
pub const LAT_M_PER_DEG: f64 = 110_574.388_6;

/// A knot in metres per second.
pub const KNOT_MPS: f64 = 1_852.0 / 3_600.0;

pub fn at(seconds: f64) -> u64 {
    START_NS.checked_add_signed((seconds * 1e9) as i64).unwrap()
}

/// A ship of class A on the equator's meridian of Greenwich, `north_m` to the north, at 10 m/s.
pub fn ship(seconds: f64, north_m: f64) -> Track {
    Track {
        platform_class: Text::new("class-a"),
        lat_deg: Some(north_m / LAT_M_PER_DEG),
        lon_deg: Some(0.0),
        speed_mps: Some(10.0),
        course_deg: Some(0.0),
        ..Track::new(
            Text::new("mmsi:219000001").unwrap(),
            at(seconds),
            TimeSource::UtcSecond,
        )
    }
}

pub fn given(track: &Track) -> Given {
    Given::new("track.sea", &track.track_id, track.time_ns, track)
}

/// The validator with its defaults.
pub fn host() -> ValidatorHost<TrackPlausibility> {
    ValidatorHost::new(no_parameters()).unwrap()
}

/// Judges tracks in one batch.
pub fn judge(tracks: &[Track]) -> Vec<Vec<Anomaly>> {
    let given: Vec<Given> = tracks.iter().map(given).collect();
    host().validate(0, &given)
}

/// Rules that each report breaks.
pub fn rules(anomalies: &[Vec<Anomaly>]) -> Vec<Vec<&'static str>> {
    let names = |anomalies: &Vec<Anomaly>| anomalies.iter().map(|a| a.rule).collect();
    anomalies.iter().map(names).collect()
}
