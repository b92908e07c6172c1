//! The bytes of a state, little-endian: version; flags of what is there; then each part in the order
//! of [`TrackState`], a number that may be absent as NaN.
//!
//! Fixed places and no MessagePack, because a state is read and written once for nearly every
//! message (`benches/validate.rs`). What a later version adds comes with a new version number.

use outrigger_sdk::State;

use super::{
    Candidate, Course, Fix, Recent, STATE_BYTES_MAX, TimeKind, TrackState, Velocity, Vertical,
};
use crate::filter::Filter;
use crate::plane::Place;

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
        let mut state = Self::default();
        match read(bytes, &mut state) {
            Ok(()) => Ok(state),
            Err(broken) => Err(broken.into()),
        }
    }

    fn decode_to(bytes: &[u8], place: &mut Option<Self>) -> Result<(), String> {
        read(bytes, place.insert(Self::default())).map_err(Into::into)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(STATE_BYTES_MAX);
        let recent = self.recent.iter().flatten();
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let flags = flag(self.course.is_some(), HAS_COURSE)
            | flag(self.velocity.is_some(), HAS_VELOCITY)
            | flag(self.vertical.is_some(), HAS_VERTICAL)
            | flag(self.candidate.is_some(), HAS_CANDIDATE)
            | (recent.clone().count() as u8) << RECENT_SHIFT;
        Room::<HEAD_BYTES>::fill(out, |room| {
            room.put([VERSION, flags]);
            room.put(self.captured_ms.to_le_bytes());
            room.number(self.interval_s);
        });
        if let Some(course) = &self.course {
            Room::<FIX_BYTES>::fill(out, |room| room.fix(&course.last));
            Room::<COURSE_BYTES>::fill(out, |room| room.course(course));
        }
        if let Some(velocity) = &self.velocity {
            Room::<VELOCITY_BYTES>::fill(out, |room| {
                room.put(velocity.at_ms.to_le_bytes());
                room.number(velocity.speed_mps);
                room.some_number(velocity.course_deg);
                room.some_number(velocity.heading_deg);
                room.put([velocity.rejected]);
            });
        }
        if let Some(vertical) = &self.vertical {
            Room::<VERTICAL_BYTES>::fill(out, |room| {
                room.put(vertical.at_ms.to_le_bytes());
                room.put([vertical.datum]);
                room.number(vertical.alt_m);
                room.some_number(vertical.climb_mps);
                room.number(vertical.drift_m);
                room.number(vertical.way_m);
                room.put([vertical.rejected]);
            });
        }
        if let Some(candidate) = &self.candidate {
            Room::<FIX_BYTES>::fill(out, |room| room.fix(&candidate.fix));
            out.extend_from_slice(&[candidate.reports, candidate.alternations]);
        }
        let said = self.said.0.iter().enumerate();
        let flags = said.fold(0, |flags, (place, left_ms)| {
            flags | flag(*left_ms > 0, 1 << place)
        });
        out.push(flags);
        if flags != 0 {
            for left_ms in self.said.0.iter().filter(|left_ms| **left_ms > 0) {
                out.extend_from_slice(&left_ms.to_le_bytes());
            }
        }
        for recent in recent {
            Room::<RECENT_BYTES>::fill(out, |room| {
                room.put(recent.at_ms.to_le_bytes());
                room.put(recent.digest.to_le_bytes());
            });
        }
    }
}

/// Bytes of each part.
const HEAD_BYTES: usize = 10;
const FIX_BYTES: usize = 25;
/// Without its fix.
const COURSE_BYTES: usize = 50;
const VELOCITY_BYTES: usize = 17;
const VERTICAL_BYTES: usize = 22;
const RECENT_BYTES: usize = 8;

/// A part of a state while it is written: on the stack, and copied out once. Its length is known to
/// the compiler, and so is each place in it.
struct Room<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Room<N> {
    #[inline(always)]
    fn fill(out: &mut Vec<u8>, fill: impl FnOnce(&mut Self)) {
        let mut room = Self {
            bytes: [0; N],
            len: 0,
        };
        fill(&mut room);
        debug_assert_eq!(room.len, N);
        out.extend_from_slice(&room.bytes);
    }

    #[inline(always)]
    fn put<const M: usize>(&mut self, bytes: [u8; M]) {
        self.bytes[self.len..self.len + M].copy_from_slice(&bytes);
        self.len += M;
    }

    #[inline(always)]
    fn number(&mut self, number: f32) {
        self.put(number.to_le_bytes());
    }

    #[inline(always)]
    fn some_number(&mut self, number: Option<f32>) {
        self.number(number.unwrap_or(f32::NAN));
    }

    #[inline(always)]
    fn fix(&mut self, fix: &Fix) {
        self.put(fix.time_ns.to_le_bytes());
        self.put([fix.time_kind.code()]);
        self.put(fix.place.lat_e7.to_le_bytes());
        self.put(fix.place.lon_e7.to_le_bytes());
        self.some_number(fix.speed_mps);
        self.some_number(fix.course_deg);
    }

    #[inline(always)]
    fn course(&mut self, course: &Course) {
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

/// Why bytes are no state. A word and no text: it is handed on at each part of each state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Version(u8),
    TimeKind(u8),
    CutShort,
    NoNumber,
    Recent,
    TooLong,
}

impl From<Broken> for String {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Version(other) => format!("state of version {other}, known is {VERSION}"),
            Broken::TimeKind(code) => format!("{code} is no kind of time"),
            Broken::CutShort => "state is cut short".into(),
            Broken::NoNumber => "a number of the state is none".into(),
            Broken::Recent => "more recent reports than are kept".into(),
            Broken::TooLong => "bytes after the state".into(),
        }
    }
}

/// Reads into an empty state, in place: it is large, and copies cost.
fn read(mut bytes: &[u8], state: &mut TrackState) -> Result<(), Broken> {
    match bytes.first() {
        Some(&VERSION) => {}
        Some(&other) => return Err(Broken::Version(other)),
        None => return Err(Broken::CutShort),
    }
    let mut part = Part::<HEAD_BYTES>::take(&mut bytes)?;
    let [_, flags] = part.next();
    state.captured_ms = part.u32();
    state.interval_s = part.number()?;
    if flags & HAS_COURSE != 0 {
        let last = Part::take(&mut bytes)?.fix()?;
        state.course = Some(Part::take(&mut bytes)?.course(last)?);
    }
    if flags & HAS_VELOCITY != 0 {
        let mut part = Part::<VELOCITY_BYTES>::take(&mut bytes)?;
        state.velocity = Some(Velocity {
            at_ms: part.u32(),
            speed_mps: part.number()?,
            course_deg: part.some_number(),
            heading_deg: part.some_number(),
            rejected: part.u8(),
        });
    }
    if flags & HAS_VERTICAL != 0 {
        let mut part = Part::<VERTICAL_BYTES>::take(&mut bytes)?;
        state.vertical = Some(Vertical {
            at_ms: part.u32(),
            datum: part.u8(),
            alt_m: part.number()?,
            climb_mps: part.some_number(),
            drift_m: part.number()?,
            way_m: part.number()?,
            rejected: part.u8(),
        });
    }
    if flags & HAS_CANDIDATE != 0 {
        let fix = Part::take(&mut bytes)?.fix()?;
        let [reports, alternations] = Part::<2>::take(&mut bytes)?.next();
        state.candidate = Some(Candidate {
            fix,
            reports,
            alternations,
        });
    }
    let said = Part::<1>::take(&mut bytes)?.u8();
    if said != 0 {
        for (place, left_ms) in state.said.0.iter_mut().enumerate() {
            if said & (1 << place) != 0 {
                *left_ms = u16::from_le_bytes(Part::<2>::take(&mut bytes)?.next());
            }
        }
    }
    let recent = state.recent.get_mut(..usize::from(flags >> RECENT_SHIFT));
    for place in recent.ok_or(Broken::Recent)? {
        let mut part = Part::<RECENT_BYTES>::take(&mut bytes)?;
        *place = Some(Recent {
            at_ms: part.u32(),
            digest: part.u32(),
        });
    }
    match bytes {
        [] => Ok(()),
        _ => Err(Broken::TooLong),
    }
}

/// A part of a state while it is read. Its length is known to the compiler, and so is each place in
/// it: only the whole is compared with what is left.
struct Part<'a, const N: usize> {
    bytes: &'a [u8; N],
    at: usize,
}

impl<'a, const N: usize> Part<'a, N> {
    #[inline(always)]
    fn take(rest: &mut &'a [u8]) -> Result<Self, Broken> {
        let (bytes, left) = rest.split_first_chunk().ok_or(Broken::CutShort)?;
        *rest = left;
        Ok(Self { bytes, at: 0 })
    }

    #[inline(always)]
    fn next<const M: usize>(&mut self) -> [u8; M] {
        let mut next = [0; M];
        next.copy_from_slice(&self.bytes[self.at..self.at + M]);
        self.at += M;
        next
    }

    #[inline(always)]
    fn u8(&mut self) -> u8 {
        let [byte] = self.next();
        byte
    }

    #[inline(always)]
    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.next())
    }

    #[inline(always)]
    fn some_number(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.next())).filter(|number| number.is_finite())
    }

    /// A number that is always there.
    #[inline(always)]
    fn number(&mut self) -> Result<f32, Broken> {
        self.some_number().ok_or(Broken::NoNumber)
    }

    #[inline(always)]
    fn numbers<const M: usize>(&mut self) -> Result<[f32; M], Broken> {
        let mut numbers = [0.0; M];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Ok(numbers)
    }
}

impl Part<'_, FIX_BYTES> {
    #[inline(always)]
    fn fix(&mut self) -> Result<Fix, Broken> {
        let time_ns = u64::from_le_bytes(self.next());
        let code = self.u8();
        let kind = TimeKind::ALL.get(usize::from(code));
        Ok(Fix {
            time_ns,
            time_kind: *kind.ok_or(Broken::TimeKind(code))?,
            place: Place {
                lat_e7: i32::from_le_bytes(self.next()),
                lon_e7: i32::from_le_bytes(self.next()),
            },
            speed_mps: self.some_number(),
            course_deg: self.some_number(),
        })
    }
}

impl Part<'_, COURSE_BYTES> {
    #[inline(always)]
    fn course(&mut self, last: Fix) -> Result<Course, Broken> {
        Ok(Course {
            last,
            filter: Filter {
                offset_m: self.numbers()?,
                velocity_mps: self.numbers()?,
                covariance: self.numbers()?,
                updates: self.u8(),
            },
            interval_s: self.number()?,
            noise: self.number()?,
            drift_m: self.numbers()?,
            way_m: self.number()?,
            frozen_reports: self.u8(),
        })
    }
}
