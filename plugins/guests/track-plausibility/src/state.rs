//! What is kept of a track. Bounded: see [`STATE_BYTES_MAX`].
//!
//! Its bytes, little-endian: version; flags (1 last fix, 2 candidate); number of recent reports;
//! the fix and the candidate, if they are there; the recent reports. A fix is its time, kind of
//! time, latitude, longitude, speed and course, the last two NaN when absent; a candidate is a fix
//! and its number of reports; a recent report is its time and digest. Fixed places and no
//! MessagePack, because a state is read and written once for nearly every message: 58 ns both ways
//! instead of 196 (`benches/validate.rs`). What a later version adds comes with a new version
//! number, and it reads the old.

use outrigger_sdk::{State, TimeSource, Track};

use crate::platform::Limits;

/// Reports that are remembered to find repeats. Several receivers hand on the same transmission
/// within seconds, and a ship under way sends every 2 to 10 s: four reach over that.
pub const RECENT_MAX: usize = 4;

/// Encoded state, at most, in bytes. Reason: a million tracks in 256 MiB. Held by its shape: it
/// has no list without a bound. `tests/properties.rs` proves it.
pub const STATE_BYTES_MAX: usize = 256;

/// What is kept of a track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackState {
    /// The last accepted position.
    pub last: Option<Fix>,
    /// Where the track may really be, when reports were rejected since.
    pub candidate: Option<Candidate>,
    /// The last reports of any kind, newest first.
    pub recent: [Option<Recent>; RECENT_MAX],
}

/// A position at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl TimeKind {
    const ALL: [Self; 3] = [Self::Own, Self::OwnSecond, Self::Received];

    fn code(self) -> u8 {
        match self {
            Self::Own => 0,
            Self::OwnSecond => 1,
            Self::Received => 2,
        }
    }
}

/// Rejected reports that agree with each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The latest of them.
    pub fix: Fix,
    /// How many.
    pub reports: u8,
}

/// A report as far as it is needed to know it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Digest of all values but the time.
    pub digest: u32,
}

/// Version of the bytes.
const VERSION: u8 = 1;
const HAS_LAST: u8 = 1;
const HAS_CANDIDATE: u8 = 2;

impl State for TrackState {
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut bytes = Bytes(bytes);
        match bytes.u8()? {
            VERSION => {}
            other => return Err(format!("state of version {other}, known is {VERSION}")),
        }
        let flags = bytes.u8()?;
        let reports = usize::from(bytes.u8()?);
        let mut state = Self::default();
        if flags & HAS_LAST != 0 {
            state.last = Some(bytes.fix()?);
        }
        if flags & HAS_CANDIDATE != 0 {
            state.candidate = Some(Candidate {
                fix: bytes.fix()?,
                reports: bytes.u8()?,
            });
        }
        let recent = state.recent.get_mut(..reports);
        for place in recent.ok_or("more recent reports than are kept")? {
            *place = Some(Recent {
                time_ns: u64::from_le_bytes(bytes.take()?),
                digest: u32::from_le_bytes(bytes.take()?),
            });
        }
        match bytes.0 {
            [] => Ok(state),
            _ => Err("bytes after the state".into()),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(STATE_BYTES_MAX);
        let mut flags = 0;
        if self.last.is_some() {
            flags |= HAS_LAST;
        }
        if self.candidate.is_some() {
            flags |= HAS_CANDIDATE;
        }
        let reports = self.recent.iter().flatten().count();
        out.extend_from_slice(&[VERSION, flags, reports as u8]);
        if let Some(last) = &self.last {
            write_fix(last, out);
        }
        if let Some(candidate) = &self.candidate {
            write_fix(&candidate.fix, out);
            out.push(candidate.reports);
        }
        for recent in self.recent.iter().flatten() {
            out.extend_from_slice(&recent.time_ns.to_le_bytes());
            out.extend_from_slice(&recent.digest.to_le_bytes());
        }
    }
}

fn write_fix(fix: &Fix, out: &mut Vec<u8>) {
    out.extend_from_slice(&fix.time_ns.to_le_bytes());
    out.push(fix.time_kind.code());
    out.extend_from_slice(&fix.lat_deg.to_le_bytes());
    out.extend_from_slice(&fix.lon_deg.to_le_bytes());
    out.extend_from_slice(&fix.speed_mps.unwrap_or(f32::NAN).to_le_bytes());
    out.extend_from_slice(&fix.course_deg.unwrap_or(f32::NAN).to_le_bytes());
}

/// What is left to read of a state.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("state is cut short")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, String> {
        self.take().map(|[byte]| byte)
    }

    fn fix(&mut self) -> Result<Fix, String> {
        let time_ns = u64::from_le_bytes(self.take()?);
        let code = self.u8()?;
        let kinds = TimeKind::ALL.get(usize::from(code));
        let number = |bytes| Some(f32::from_le_bytes(bytes)).filter(|number| !number.is_nan());
        Ok(Fix {
            time_ns,
            time_kind: *kinds.ok_or_else(|| format!("{code} is no kind of time"))?,
            lat_deg: f64::from_le_bytes(self.take()?),
            lon_deg: f64::from_le_bytes(self.take()?),
            speed_mps: number(self.take()?),
            course_deg: number(self.take()?),
        })
    }
}
