//! What is kept of a track. Bounded: see [`STATE_BYTES_MAX`].

use outrigger_sdk::{TimeSource, Track};
use serde::{Deserialize, Serialize};

use crate::platform::Limits;

/// Reports that are remembered to find repeats. Several receivers hand on the same transmission
/// within seconds, and a ship under way sends every 2 to 10 s: four reach over that.
pub const RECENT_MAX: usize = 4;

/// Encoded state, at most, in bytes. Reason: a million tracks in 256 MiB. Held by its shape: it
/// has no list without a bound. `tests/properties.rs` proves it.
pub const STATE_BYTES_MAX: usize = 256;

/// What is kept of a track. New fields are appended, each with `#[serde(default)]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackState {
    /// The last accepted position.
    pub last: Option<Fix>,
    /// Where the track may really be, when reports were rejected since.
    pub candidate: Option<Candidate>,
    /// The last reports of any kind, newest first.
    pub recent: [Option<Recent>; RECENT_MAX],
}

/// A position at a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Where that time comes from.
    pub time_kind: TimeKind,
    /// Latitude, degrees north.
    pub lat_deg: f64,
    /// Longitude, degrees east.
    pub lon_deg: f64,
    /// Speed over ground, metres per second, when reported and within the limit.
    pub speed_mps: Option<f32>,
    /// Course over ground, degrees clockwise from true north.
    pub course_deg: Option<f32>,
}

impl Fix {
    /// The position of a report. A speed that breaks its limit is no measure for what can be
    /// reached, and is left out.
    pub(crate) fn new(track: &Track, lat_deg: f64, lon_deg: f64, limits: &Limits) -> Self {
        let speeds = 0.0..=limits.speed_max_mps;
        let courses = 0.0..=360.0;
        Self {
            time_ns: track.time_ns,
            time_kind: TimeKind::of(track.time_source),
            lat_deg,
            lon_deg,
            speed_mps: track
                .speed_mps
                .filter(|speed| speeds.contains(speed))
                .map(|speed| speed as f32),
            course_deg: track
                .course_deg
                .filter(|course| courses.contains(course))
                .map(|course| course as f32),
        }
    }
}

/// What a time of applicability can be off by depends on where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
pub enum TimeKind {
    /// The platform's or the sensor's own.
    Own,
    /// The second is the platform's own, its minute that of reception.
    OwnSecond,
    /// That of reception.
    Received,
}

impl TimeKind {
    /// The kind of a source.
    pub fn of(source: TimeSource) -> Self {
        match source {
            TimeSource::TimeOfTrack => Self::Own,
            TimeSource::UtcSecond => Self::OwnSecond,
            TimeSource::Receiver | TimeSource::Capture => Self::Received,
        }
    }
}

impl From<u8> for TimeKind {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Own,
            1 => Self::OwnSecond,
            // What a later version may add is trusted least.
            _ => Self::Received,
        }
    }
}

impl From<TimeKind> for u8 {
    fn from(kind: TimeKind) -> Self {
        match kind {
            TimeKind::Own => 0,
            TimeKind::OwnSecond => 1,
            TimeKind::Received => 2,
        }
    }
}

/// Rejected reports that agree with each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The latest of them.
    pub fix: Fix,
    /// How many.
    pub reports: u8,
}

/// A report as far as it is needed to know it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Digest of all values but the time.
    pub digest: u32,
}
