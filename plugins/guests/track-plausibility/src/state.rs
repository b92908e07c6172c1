//! What is kept of a track. Bounded: see [`STATE_BYTES_MAX`].
//!
//! Its bytes, little-endian: version; flags of what is there; then each part in the order of
//! [`TrackState`], a number that may be absent as NaN. Fixed places and no MessagePack, because a
//! state is read and written once for nearly every message (`benches/validate.rs`). What a later
//! version adds comes with a new version number.

use outrigger_sdk::{State, TimeSource};

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

/// Version of the bytes.
const VERSION: u8 = 3;
const HAS_COURSE: u8 = 1;
const HAS_VELOCITY: u8 = 2;
const HAS_VERTICAL: u8 = 4;
const HAS_CANDIDATE: u8 = 8;
/// The number of recent reports stands above the flags.
const RECENT_SHIFT: u32 = 4;

impl State for TrackState {
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut bytes = Bytes(bytes);
        match bytes.u8()? {
            VERSION => {}
            other => return Err(format!("state of version {other}, known is {VERSION}")),
        }
        let flags = bytes.u8()?;
        let mut state = Self {
            captured_ms: bytes.u32()?,
            interval_s: bytes.number()?,
            ..Self::default()
        };
        if flags & HAS_COURSE != 0 {
            state.course = Some(bytes.course()?);
        }
        if flags & HAS_VELOCITY != 0 {
            state.velocity = Some(Velocity {
                at_ms: bytes.u32()?,
                speed_mps: bytes.number()?,
                course_deg: bytes.some_number()?,
                heading_deg: bytes.some_number()?,
                rejected: bytes.u8()?,
            });
        }
        if flags & HAS_VERTICAL != 0 {
            state.vertical = Some(Vertical {
                at_ms: bytes.u32()?,
                datum: bytes.u8()?,
                alt_m: bytes.number()?,
                climb_mps: bytes.some_number()?,
                drift_m: bytes.number()?,
                way_m: bytes.number()?,
                rejected: bytes.u8()?,
            });
        }
        if flags & HAS_CANDIDATE != 0 {
            state.candidate = Some(Candidate {
                fix: bytes.fix()?,
                reports: bytes.u8()?,
                alternations: bytes.u8()?,
            });
        }
        let said = bytes.u8()?;
        for (place, left_ms) in state.said.0.iter_mut().enumerate() {
            if said & (1 << place) != 0 {
                *left_ms = u16::from_le_bytes(bytes.take()?);
            }
        }
        let recent = state.recent.get_mut(..usize::from(flags >> RECENT_SHIFT));
        for place in recent.ok_or("more recent reports than are kept")? {
            *place = Some(Recent {
                at_ms: bytes.u32()?,
                digest: bytes.u32()?,
            });
        }
        match bytes.0 {
            [] => Ok(state),
            _ => Err("bytes after the state".into()),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut room = Room {
            bytes: [0; STATE_BYTES_MAX],
            len: 0,
        };
        let recent = self.recent.iter().flatten().count() as u8;
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let flags = flag(self.course.is_some(), HAS_COURSE)
            | flag(self.velocity.is_some(), HAS_VELOCITY)
            | flag(self.vertical.is_some(), HAS_VERTICAL)
            | flag(self.candidate.is_some(), HAS_CANDIDATE)
            | recent << RECENT_SHIFT;
        room.put([VERSION, flags]);
        room.put(self.captured_ms.to_le_bytes());
        room.number(self.interval_s);
        if let Some(course) = &self.course {
            room.course(course);
        }
        if let Some(velocity) = &self.velocity {
            room.put(velocity.at_ms.to_le_bytes());
            room.number(velocity.speed_mps);
            room.some_number(velocity.course_deg);
            room.some_number(velocity.heading_deg);
            room.put([velocity.rejected]);
        }
        if let Some(vertical) = &self.vertical {
            room.put(vertical.at_ms.to_le_bytes());
            room.put([vertical.datum]);
            room.number(vertical.alt_m);
            room.some_number(vertical.climb_mps);
            room.number(vertical.drift_m);
            room.number(vertical.way_m);
            room.put([vertical.rejected]);
        }
        if let Some(candidate) = &self.candidate {
            room.fix(&candidate.fix);
            room.put([candidate.reports, candidate.alternations]);
        }
        let said = self.said.0.iter().enumerate();
        let flags = said.fold(0, |flags, (place, left_ms)| {
            flags | flag(*left_ms > 0, 1 << place)
        });
        room.put([flags]);
        for left_ms in self.said.0.iter().filter(|left_ms| **left_ms > 0) {
            room.put(left_ms.to_le_bytes());
        }
        for recent in self.recent.iter().flatten() {
            room.put(recent.at_ms.to_le_bytes());
            room.put(recent.digest.to_le_bytes());
        }
        out.extend_from_slice(&room.bytes[..room.len]);
    }
}

/// The bytes of a state while they are written: on the stack, and copied out once.
struct Room {
    bytes: [u8; STATE_BYTES_MAX],
    len: usize,
}

impl Room {
    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += N;
    }

    fn number(&mut self, number: f32) {
        self.put(number.to_le_bytes());
    }

    fn some_number(&mut self, number: Option<f32>) {
        self.number(number.unwrap_or(f32::NAN));
    }

    fn fix(&mut self, fix: &Fix) {
        self.put(fix.time_ns.to_le_bytes());
        self.put([fix.time_kind.code()]);
        self.put(fix.place.lat_e7.to_le_bytes());
        self.put(fix.place.lon_e7.to_le_bytes());
        self.some_number(fix.speed_mps);
        self.some_number(fix.course_deg);
    }

    fn course(&mut self, course: &Course) {
        self.fix(&course.last);
        let filter = &course.filter;
        for number in [filter.offset_m, filter.velocity_mps].as_flattened() {
            self.number(*number);
        }
        for number in filter.covariance {
            self.number(number);
        }
        self.put([filter.updates]);
        self.number(course.interval_s);
        self.number(course.noise);
        for number in course.drift_m {
            self.number(number);
        }
        self.number(course.way_m);
        self.put([course.frozen_reports]);
    }
}

/// What is left to read of a state.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("state is cut short")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, String> {
        self.take().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.take().map(u32::from_le_bytes)
    }

    fn some_number(&mut self) -> Result<Option<f32>, String> {
        let number = f32::from_le_bytes(self.take()?);
        Ok(Some(number).filter(|number| number.is_finite()))
    }

    /// A number that is always there.
    fn number(&mut self) -> Result<f32, String> {
        self.some_number()?
            .ok_or_else(|| "a number of the state is none".into())
    }

    fn numbers<const N: usize>(&mut self) -> Result<[f32; N], String> {
        let mut numbers = [0.0; N];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Ok(numbers)
    }

    fn fix(&mut self) -> Result<Fix, String> {
        let time_ns = u64::from_le_bytes(self.take()?);
        let code = self.u8()?;
        let kind = TimeKind::ALL.get(usize::from(code));
        Ok(Fix {
            time_ns,
            time_kind: *kind.ok_or_else(|| format!("{code} is no kind of time"))?,
            place: Place {
                lat_e7: i32::from_le_bytes(self.take()?),
                lon_e7: i32::from_le_bytes(self.take()?),
            },
            speed_mps: self.some_number()?,
            course_deg: self.some_number()?,
        })
    }

    fn course(&mut self) -> Result<Course, String> {
        Ok(Course {
            last: self.fix()?,
            filter: Filter {
                offset_m: self.numbers()?,
                velocity_mps: self.numbers()?,
                covariance: self.numbers()?,
                updates: self.u8()?,
            },
            interval_s: self.number()?,
            noise: self.number()?,
            drift_m: self.numbers()?,
            way_m: self.number()?,
            frozen_reports: self.u8()?,
        })
    }
}
