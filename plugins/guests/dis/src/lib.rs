//! DIS: Entity State PDUs to tracks in the air, at sea and on the ground.
//!
//! `pdu` reads datagrams by IEEE 1278.1, versions 5 to 7, `geodesy` takes locations and angles from
//! the earth's centre to its surface, `time` finds the time of applicability, `class` chooses class
//! and kind of platform, and `body` writes what a topic gets. What always holds: a datagram is
//! right as a whole or gives no message. Deliberately not here: nothing is dead-reckoned, and
//! values are not judged; both are for who reads the topics.

#![cfg_attr(not(test), deny(clippy::panic, clippy::expect_used))]

pub mod body;
pub mod class;
pub mod fault;
pub mod geodesy;
pub mod pdu;
pub mod time;

use outrigger_sdk::{
    Configuration, ConfigureError, Decoded, Decoder, Description, Frame, FrameStates, description,
    export_decoder,
};
use serde::Deserialize;

use body::{StateBody, TrackBody, identity};
use class::{ENTITY_STATE, TRACK_AIR, TRACK_GROUND, TRACK_SEA, track_class};
use fault::Cause;
use pdu::{EntityState, Pdu, TYPES};

/// JSON Schema of `track.air`, `track.sea` and `track.ground`.
pub const TRACK_SCHEMA: &str = include_str!("../schemas/track.schema.json");
/// JSON Schema of `dis.entity-state`.
pub const ENTITY_STATE_SCHEMA: &str = include_str!("../schemas/entity-state.schema.json");

/// Datagrams that are passed over: of an exercise that is not asked for; with entities that give
/// no message while `dis.entity-state` is off. Datagrams of other PDUs are counted by the type of
/// their first one.
const SKIPS: [&str; 2] = ["other-exercise", "source-class-off"];

/// Parameters of the plugin.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// The exercise whose entities are written; all when absent.
    pub exercise: Option<u8>,
    /// Whether `dis.entity-state` is written beside the tracks.
    pub source_classes: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            exercise: None,
            source_classes: true,
        }
    }
}

/// The plugin. It remembers nothing.
#[derive(Clone, Debug)]
pub struct DisDecoder {
    parameters: Parameters,
}

impl Decoder for DisDecoder {
    type State = ();

    fn describe() -> Description {
        description!()
            .class(TRACK_AIR, TRACK_SCHEMA)
            .class(TRACK_SEA, TRACK_SCHEMA)
            .class(TRACK_GROUND, TRACK_SCHEMA)
            .class(ENTITY_STATE, ENTITY_STATE_SCHEMA)
            .causes(&Cause::NAMES)
            .skips(&SKIPS)
            .skips(&TYPES)
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters = configuration.parameters()?;
        Ok(Self { parameters })
    }

    fn decode(
        &mut self,
        _now_ns: u64,
        frame: &Frame,
        _states: &mut FrameStates<()>,
        out: &mut Decoded,
    ) {
        let pdus = match pdu::pdus(frame.payload) {
            Ok(pdus) => pdus,
            Err(fault) => {
                let detail = format!("{} at byte {}", fault.what, fault.offset);
                return out.reject(fault.cause.name(), &detail);
            }
        };
        let mut messages = 0;
        let mut skip = None;
        for pdu in &pdus {
            let before = messages;
            let kind = match pdu {
                Pdu::EntityState(state) if self.other_exercise(state) => SKIPS[0],
                Pdu::EntityState(state) => {
                    messages += self.write(state, frame.captured_ns, out);
                    SKIPS[1]
                }
                Pdu::Other(header) => TYPES[usize::from(header.number)],
            };
            if messages == before {
                skip = skip.or(Some(kind));
            }
        }
        if let Some(kind) = skip.filter(|_| messages == 0) {
            out.skip(kind);
        }
    }
}

impl DisDecoder {
    fn other_exercise(&self, state: &EntityState) -> bool {
        let wanted = self.parameters.exercise;
        wanted.is_some_and(|exercise| exercise != state.header.exercise)
    }

    /// Writes what an entity gives: a track, if its kind has one, and its state. Says how many.
    fn write(&self, state: &EntityState, captured_ns: u64, out: &mut Decoded) -> usize {
        let several = self.parameters.exercise.is_none();
        let exercise = several.then_some(state.header.exercise);
        let Some(key) = identity(exercise, &state.id) else {
            return 0;
        };
        let (time_ns, time_source) = time::resolve(state.header.timestamp, captured_ns);
        let mut messages = 0;
        if let Some(class) = track_class(&state.entity_type) {
            let body = TrackBody::new(key, state, captured_ns);
            out.message(class, &key, time_ns, &body);
            messages += 1;
        }
        if self.parameters.source_classes {
            let body = StateBody(state, time_ns, time_source);
            out.message(ENTITY_STATE, &key, time_ns, &body);
            messages += 1;
        }
        messages
    }
}

export_decoder!(DisDecoder);
