//! Bodies: what a message says. Keys stand in the order of the schemas in `schemas/`.

use outrigger_sdk::{AltDatum, Body, BodyError, Map, Source, Text, TimeSource, Track};

use crate::class::platform_class;
use crate::geodesy::{Attitude, Axes, Geodetic, Motion};
use crate::pdu::{EntityId, EntityState, EntityType, PARAMETER_BYTES};
use crate::time::{is_absolute, past_hour_ns, resolve};

/// Bytes of variable parameters that are kept in a body, at most: 16 of them. Reason: the largest
/// datagram has to fit the fuel that one frame alone has by default. Of more only the number is
/// kept.
pub const PARAMETER_BYTES_KEPT_MAX: usize = 256;

/// The character set of a marking that can be read: ASCII. Source: SISO-REF-010, UID 45.
const ASCII: u8 = 1;

/// Site, application and entity, joined: key and identity of a track. Before them the exercise,
/// where entities of several are written: each numbers its own.
pub fn identity(exercise: Option<u8>, id: &EntityId) -> Option<Text> {
    let EntityId {
        site,
        application,
        entity,
    } = id;
    match exercise {
        Some(exercise) => Text::format(format_args!("{exercise}-{site}-{application}-{entity}")),
        None => Text::format(format_args!("{site}-{application}-{entity}")),
    }
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
fn dead_reckoning(map: &mut Map, state: &EntityState) {
    let used = state.algorithm_parameters.iter().any(|byte| *byte != 0);
    map.map("dead_reckoning", |map| {
        map.unsigned("algorithm", state.algorithm);
        if used {
            let parameters = hexadecimal(&state.algorithm_parameters);
            map.text("parameters", parameters.as_str());
        }
        map.numbers("acceleration_mps2", &state.acceleration_mps2)
            .numbers("angular_velocity_rps", &state.angular_velocity_rps);
    });
}

/// Two lower-case digits a byte. From a table and through plain bytes: the largest frame has to fit
/// the default fuel.
fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = vec![b'0'; 2 * bytes.len()];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
    String::from_utf8(text).unwrap_or_default()
}

/// A decoder writes bodies; nothing here reads one.
fn unread<T>() -> Result<T, BodyError> {
    Err(BodyError("this plugin only writes this body".into()))
}

/// Body of `track.air`, `track.sea` and `track.ground`: the canonical track, and under `dis` what
/// only DIS says.
#[derive(Clone, Copy, Debug)]
pub struct TrackBody<'a> {
    track: Track,
    attitude: Attitude,
    state: &'a EntityState<'a>,
}

impl<'a> TrackBody<'a> {
    /// What an Entity State says of the track `identity`, captured at `captured_ns`.
    pub fn new(identity: Text, state: &'a EntityState<'a>, captured_ns: u64) -> Self {
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

        let mut track = Track::new(identity, time_ns, time_source);
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
        Self {
            track,
            attitude,
            state,
        }
    }
}

impl Body for TrackBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self {
            track,
            attitude,
            state,
        } = self;
        let entity_type = type_text(&state.entity_type);
        track.encode_with(out, "dis", |map| {
            map.unsigned("exercise", state.header.exercise)
                .unsigned("force", state.force)
                .text("entity_type", entity_type.as_deref())
                .number("pitch_deg", attitude.pitch_deg)
                .number("roll_deg", attitude.roll_deg);
            dead_reckoning(map, state);
            map.flag("timestamp_absolute", is_absolute(state.header.timestamp))
                .unsigned("past_hour_ns", past_hour_ns(state.header.timestamp));
        });
    }
}

/// Body of `dis.entity-state`: the PDU at this time, field by field, as sent.
#[derive(Clone, Copy, Debug)]
pub struct StateBody<'a>(pub &'a EntityState<'a>, pub u64, pub TimeSource);

impl Body for StateBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(state, time_ns, time_source) = self;
        let (header, id) = (&state.header, &state.id);
        let kept = (1..=PARAMETER_BYTES_KEPT_MAX).contains(&state.parameters.len());
        let parameters = kept.then(|| hexadecimal(state.parameters));
        let entity_type = type_text(&state.entity_type);
        let alternative_type = type_text(&state.alternative_type);
        let marking = hexadecimal(&state.marking);
        Map::write(out, |map| {
            map.unsigned("time_ns", *time_ns)
                .text("time_source", time_source.as_str())
                .unsigned("version", header.version)
                .unsigned("exercise", header.exercise)
                .unsigned("timestamp", header.timestamp)
                .unsigned("pdu_status", header.status)
                .unsigned("site", id.site)
                .unsigned("application", id.application)
                .unsigned("entity", id.entity)
                .unsigned("force", state.force)
                .text("entity_type", entity_type.as_deref())
                .text("alternative_type", alternative_type.as_deref())
                .numbers("velocity_mps", &state.velocity_mps)
                .flag("velocity_in_body_axes", in_body_axes(state.algorithm))
                .numbers("location_m", &state.location_m)
                .numbers("orientation_rad", &state.orientation_rad)
                .unsigned("appearance", state.appearance);
            dead_reckoning(map, state);
            map.unsigned("marking_set", state.marking_set)
                .text("marking", marking.as_str())
                .unsigned("capabilities", state.capabilities)
                .unsigned(
                    "parameter_count",
                    (state.parameters.len() / PARAMETER_BYTES) as u64,
                )
                .text("parameters", parameters.as_deref());
        });
    }
}
