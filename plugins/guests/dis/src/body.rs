//! Bodies: what a message says. Keys stand in the order of the schemas in `schemas/`.

use outrigger_sdk::{AltDatum, Body, BodyError, Source, Text, TimeSource, Track};
use serde::{Deserialize, Serialize};

use crate::class::platform_class;
use crate::geodesy::{Attitude, Axes, Geodetic, Motion};
use crate::pdu::{EntityId, EntityState, EntityType, Header, Vector};
use crate::time::{is_absolute, past_hour_ns, resolve};

/// Bytes of variable parameters that are kept in a body, at most: 64 of them. Reason: written in
/// hexadecimal, with the rest they fit the 4,096 bytes that a body has by default. Of more only
/// the number is kept.
pub const PARAMETER_BYTES_KEPT_MAX: usize = 1_024;

/// The character set of a marking that can be read: ASCII. Source: SISO-REF-010, UID 45.
const ASCII: u8 = 1;

/// Site, application and entity, joined: key and identity of a track.
pub fn identity(id: &EntityId) -> Option<Text> {
    let EntityId {
        site,
        application,
        entity,
    } = id;
    Text::format(format_args!("{site}-{application}-{entity}"))
}

/// The seven parts of a type, joined.
fn type_text(entity: &EntityType) -> Option<Text> {
    Text::format(format_args!(
        "{}.{}.{}.{}.{}.{}.{}",
        entity.kind,
        entity.domain,
        entity.country,
        entity.category,
        entity.subcategory,
        entity.specific,
        entity.extra
    ))
}

/// The marking up to its first zero, without spaces around it; `None` when it cannot be read.
fn callsign(state: &EntityState) -> Option<Text> {
    let end = state.marking.iter().position(|byte| *byte == 0);
    let text = state.marking.get(..end.unwrap_or(state.marking.len()))?;
    let readable = text.iter().all(|byte| (b' '..=b'~').contains(byte));
    if state.marking_set != ASCII || !readable {
        return None;
    }
    Text::new(std::str::from_utf8(text).ok()?.trim())
}

/// True when velocity and acceleration are along the entity's own axes. Source: IEEE 1278.1-2012,
/// 7.2.2: the velocity's coordinates depend on the algorithm; SISO-REF-010, UID 44: 6 to 9 are
/// those in body coordinates.
fn in_body_axes(algorithm: u8) -> bool {
    (6..=9).contains(&algorithm)
}

/// True when the angular velocity says how the entity turns. Source: same: 3, 4, 7 and 8
/// extrapolate the orientation.
fn turns(algorithm: u8) -> bool {
    matches!(algorithm, 3 | 4 | 7 | 8)
}

/// How the sender asks others to go on until its next PDU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeadReckoning {
    algorithm: u8,
    parameters: Option<Text>,
    acceleration_mps2: Vector,
    angular_velocity_rps: Vector,
}

impl DeadReckoning {
    fn new(state: &EntityState) -> Self {
        let used = state.algorithm_parameters.iter().any(|byte| *byte != 0);
        Self {
            algorithm: state.algorithm,
            parameters: used
                .then(|| Text::new(&hexadecimal(&state.algorithm_parameters)))
                .flatten(),
            acceleration_mps2: state.acceleration_mps2,
            angular_velocity_rps: state.angular_velocity_rps,
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Under `dis` in a track.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extras {
    exercise: u8,
    force: u8,
    entity_type: Option<Text>,
    pitch_deg: f64,
    roll_deg: Option<f64>,
    dead_reckoning: DeadReckoning,
    timestamp_absolute: bool,
    past_hour_ns: u64,
}

/// Body of `track.air`, `track.sea` and `track.ground`: the canonical track, and under `dis` what
/// only DIS says.
#[derive(Clone, Debug)]
pub struct TrackBody {
    track: Track,
    extras: Extras,
}

impl TrackBody {
    /// What an Entity State says of a track, captured at `captured_ns`. `None` only if an identity
    /// could not be written.
    pub fn new(state: &EntityState, captured_ns: u64) -> Option<Self> {
        let (time_ns, time_source) = resolve(state.header.timestamp, captured_ns);
        let place = Geodetic::from_earth(state.location_m);
        let horizon = place.horizon();
        let axes = Axes::new(state.orientation_rad);
        let attitude = Attitude::new(&horizon, &axes);
        let velocity_mps = if in_body_axes(state.algorithm) {
            axes.to_earth(state.velocity_mps)
        } else {
            state.velocity_mps
        };
        let motion = Motion::new(&horizon, velocity_mps);

        let mut track = Track::new(identity(&state.id)?, time_ns, time_source);
        track.callsign = callsign(state);
        track.platform_class = platform_class(&state.entity_type).and_then(Text::new);
        track.lat_deg = Some(place.lat_rad.to_degrees());
        track.lon_deg = Some(place.lon_rad.to_degrees());
        track.alt_m = Some(place.height_m);
        track.alt_datum = Some(AltDatum::Geometric);
        track.speed_mps = Some(motion.speed_mps);
        track.course_deg = motion.course_deg;
        track.climb_mps = Some(motion.climb_mps);
        track.heading_deg = attitude.heading_deg;
        if turns(state.algorithm) {
            track.turn_rate_dps = attitude.turn_rate_dps(state.angular_velocity_rps);
        }
        track.source = Some(Source::Dis);
        let extras = Extras {
            exercise: state.header.exercise,
            force: state.force,
            entity_type: type_text(&state.entity_type),
            pitch_deg: attitude.pitch_deg,
            roll_deg: attitude.roll_deg,
            dead_reckoning: DeadReckoning::new(state),
            timestamp_absolute: is_absolute(state.header.timestamp),
            past_hour_ns: past_hour_ns(state.header.timestamp),
        };
        Some(Self { track, extras })
    }
}

/// A decoder writes bodies; this one is not read here.
impl Body for TrackBody {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        Err(BodyError("this plugin only writes this body".into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        const NAME: &str = "dis";
        let start = out.len();
        self.track.encode(out);
        // One more pair in the map's head: one byte up to 15 pairs, then three.
        match out[start] {
            0x8f => drop(out.splice(start..=start, [0xde, 0, 16])),
            0xde => out[start + 2] += 1,
            _ => out[start] += 1,
        }
        out.push(0xa0 | NAME.len() as u8);
        out.extend_from_slice(NAME.as_bytes());
        self.extras.encode(out);
    }
}

/// Body of `dis.entity-state`: the PDU, field by field, as sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StateBody {
    time_ns: u64,
    time_source: Option<Text>,
    version: u8,
    exercise: u8,
    timestamp: u32,
    pdu_status: u8,
    site: u16,
    application: u16,
    entity: u16,
    force: u8,
    entity_type: Option<Text>,
    alternative_type: Option<Text>,
    velocity_mps: Vector,
    velocity_in_body_axes: bool,
    location_m: Vector,
    orientation_rad: Vector,
    appearance: u32,
    dead_reckoning: DeadReckoning,
    marking_set: u8,
    marking: Option<Text>,
    capabilities: u32,
    parameter_count: u64,
    parameters: Option<String>,
}

impl StateBody {
    /// An Entity State at its time.
    pub fn new(state: &EntityState, time_ns: u64, time_source: TimeSource) -> Self {
        let Header {
            version,
            exercise,
            timestamp,
            status,
            ..
        } = state.header;
        let kept = (1..=PARAMETER_BYTES_KEPT_MAX).contains(&state.parameters.len());
        Self {
            time_ns,
            time_source: Text::new(time_source.as_str()),
            version,
            exercise,
            timestamp,
            pdu_status: status,
            site: state.id.site,
            application: state.id.application,
            entity: state.id.entity,
            force: state.force,
            entity_type: type_text(&state.entity_type),
            alternative_type: type_text(&state.alternative_type),
            velocity_mps: state.velocity_mps,
            velocity_in_body_axes: in_body_axes(state.algorithm),
            location_m: state.location_m,
            orientation_rad: state.orientation_rad,
            appearance: state.appearance,
            dead_reckoning: DeadReckoning::new(state),
            marking_set: state.marking_set,
            marking: Text::new(&hexadecimal(&state.marking)),
            capabilities: state.capabilities,
            parameter_count: (state.parameters.len() / crate::pdu::PARAMETER_BYTES) as u64,
            parameters: kept.then(|| hexadecimal(state.parameters)),
        }
    }
}
