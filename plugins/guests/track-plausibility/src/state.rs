//! What is kept of a track. Bounded: see [`STATE_BYTES_MAX`]; `bytes` writes and reads it.

mod bytes;

use outrigger_sdk::TimeSource;

use crate::filter::Filter;
use crate::plane::Place;
use crate::said::Said;

/// Reports that are remembered to find repeats. Several receivers hand on the same transmission
/// within seconds, and a ship under way sends every 2 to 10 s: four reach over that.
pub const RECENT_MAX: usize = 4;

/// Encoded state, at most, in bytes. Reason: a million tracks in 200 MB. Held by its shape: it has
/// no list without a bound. `tests/properties.rs` proves it.
pub const STATE_BYTES_MAX: usize = 200;

/// What is kept of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrackState {
    /// The last reports of any kind, newest first.
    pub recent: [Option<Recent>; RECENT_MAX],
    /// Capture time of the last report, [`millis`].
    pub captured_ms: u32,
    /// Usual time between captures, seconds; 0 before the second one.
    pub interval_s: f32,
    /// The track's position, and what it was found by.
    pub course: Option<Course>,
    /// The last accepted velocity.
    pub velocity: Option<Velocity>,
    /// The last accepted altitude.
    pub vertical: Option<Vertical>,
    /// Where the track may really be, or another one with its identity.
    pub candidate: Option<Candidate>,
    /// What may last and was said lately.
    pub said: Said,
}

/// The accepted positions of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Course {
    /// The last of them.
    pub last: Fix,
    /// What the positions say of place and velocity.
    pub filter: Filter,
    /// Usual time between them, seconds; 0 before the second one.
    pub interval_s: f32,
    /// Mean square of the innovations, in units of their expected one, 1 to a bound.
    pub noise: f32,
    /// Way made less way by the reported velocity, metres, east and north, old ways fading.
    pub drift_m: [f32; 2],
    /// Way by the reported velocity, metres, fading alike; more where it is the less sure.
    pub way_m: f32,
    /// Reports in a row at the last position though the track moves, at most 255.
    pub frozen_reports: u8,
}

/// A position at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fix {
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Where that time comes from.
    pub time_kind: TimeKind,
    /// Where it is.
    pub place: Place,
    /// Speed over ground known at that time, metres per second.
    pub speed_mps: Option<f32>,
    /// Course over ground known at that time, degrees clockwise from true north.
    pub course_deg: Option<f32>,
}

/// What a time of applicability can be off by depends on where it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeKind {
    /// The platform's or the sensor's own.
    #[default]
    Own,
    /// The second is the platform's own, its minute that of reception.
    OwnSecond,
    /// That of reception.
    Received,
}

impl TimeKind {
    const ALL: [Self; 3] = [Self::Own, Self::OwnSecond, Self::Received];

    /// The kind of a source.
    pub fn of(source: TimeSource) -> Self {
        match source {
            TimeSource::TimeOfTrack => Self::Own,
            TimeSource::UtcSecond => Self::OwnSecond,
            TimeSource::Receiver | TimeSource::Capture => Self::Received,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Own => 0,
            Self::OwnSecond => 1,
            Self::Received => 2,
        }
    }
}

/// A reported velocity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Velocity {
    /// Its time, [`millis`].
    pub at_ms: u32,
    /// Speed over ground, metres per second.
    pub speed_mps: f32,
    /// Course over ground, degrees.
    pub course_deg: Option<f32>,
    /// Heading, degrees.
    pub heading_deg: Option<f32>,
    /// Reports in a row whose velocity was not accepted.
    pub rejected: u8,
}

/// A reported altitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vertical {
    /// Its time, [`millis`].
    pub at_ms: u32,
    /// What the altitude is measured against: 0 not said, 1 barometric, 2 geometric.
    pub datum: u8,
    /// Altitude, metres.
    pub alt_m: f32,
    /// Rate of climb known at that time, metres per second.
    pub climb_mps: Option<f32>,
    /// Height gained less height by the reported rate, metres, fading.
    pub drift_m: f32,
    /// Height by the reported rate, metres, fading.
    pub way_m: f32,
    /// Reports in a row whose altitude was not accepted.
    pub rejected: u8,
}

/// Rejected reports that agree with each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The latest of them.
    pub fix: Fix,
    /// How many in a row.
    pub reports: u8,
    /// How often the reports went from the track to this place and back.
    pub alternations: u8,
}

/// A report as far as it is needed to know it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Its time, [`millis`].
    pub at_ms: u32,
    /// Digest of all values but the time.
    pub digest: u32,
}

/// Nanoseconds of a millisecond.
const MILLI_NS: u64 = 1_000_000;

/// A time in milliseconds, without the bits past 49 days: enough for differences, in half the room.
pub fn millis(time_ns: u64) -> u32 {
    (time_ns / MILLI_NS) as u32
}

/// Seconds from one time to another, negative when it is the earlier one; within ±24 days.
pub fn seconds(from_ms: u32, to_ms: u32) -> f64 {
    f64::from(to_ms.wrapping_sub(from_ms).cast_signed()) / 1e3
}
