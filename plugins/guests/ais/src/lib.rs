//! AIS: sentences of NMEA 0183 to tracks, static data, base stations and aids to navigation.
//!
//! `nmea` reads lines, `group` says what is kept between frames, `decode` puts fragments and
//! receive times together, `words` looks at bytes eight at a time, `bits` and `read` make reports of messages by ITU-R M.1371-5, `time` finds the
//! time of applicability, `class` chooses the class and `body` writes what a topic gets. Deliberately not here: repeats are not
//! removed and values are not judged; both are a validator's work.

#![cfg_attr(not(test), deny(clippy::panic, clippy::expect_used))]

pub mod bits;
pub mod body;
pub mod class;
pub mod decode;
pub mod fault;
pub mod group;
mod map;
pub mod nmea;
pub mod read;
pub mod report;
pub mod time;
mod words;

use outrigger_sdk::{
    Body, Configuration, ConfigureError, Decoded, Decoder, Description, Frame, FrameStates, Keys,
    Rejects, description, export_decoder,
};

use decode::{Input, Output, SKIPS, States};
use fault::Cause;
use group::{FrameGroups, Kept, PENDING_KEY, may_have_fragments};

/// The plugin. It has no parameters and remembers nothing.
#[derive(Clone, Copy, Debug)]
pub struct AisDecoder;

/// JSON Schema of `track.sea` and `track.air`.
pub const TRACK_SCHEMA: &str = include_str!("../schemas/track.schema.json");
/// JSON Schema of `static.sea`.
pub const STATIC_SCHEMA: &str = include_str!("../schemas/static.schema.json");
/// JSON Schema of `station.base`.
pub const BASE_SCHEMA: &str = include_str!("../schemas/station.schema.json");
/// JSON Schema of `aid.navigation`.
pub const AID_SCHEMA: &str = include_str!("../schemas/aid.schema.json");

impl Decoder for AisDecoder {
    type State = Kept;

    fn describe() -> Description {
        description!()
            .keyed()
            .class(class::TRACK_SEA, TRACK_SCHEMA)
            .class(class::TRACK_AIR, TRACK_SCHEMA)
            .class(class::STATIC_SEA, STATIC_SCHEMA)
            .class(class::STATION_BASE, BASE_SCHEMA)
            .class(class::AID_NAVIGATION, AID_SCHEMA)
            .causes(&Cause::NAMES)
            .skips(&SKIPS)
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        configuration.no_parameters()?;
        Ok(Self)
    }

    fn keys(&self, frame: &Frame, keys: &mut Keys) {
        keys.push(PENDING_KEY);
        if may_have_fragments(frame.payload) {
            for key in FrameGroups::of(frame.payload).iter() {
                keys.push(key.get());
            }
        }
    }

    fn decode(
        &mut self,
        _now_ns: u64,
        frame: &Frame,
        states: &mut FrameStates<Kept>,
        out: &mut Decoded,
    ) {
        let input = Input {
            sequence: frame.sequence,
            captured_ns: frame.captured_ns,
            payload: frame.payload,
        };
        decode::decode(input, &mut Slots(states), &mut Columns(out));
    }

    fn expire(&mut self, _now_ns: u64, _key: &[u8], state: Kept, out: &mut Rejects) {
        decode::expire(&state, |sequence, cause, detail| {
            out.reject(sequence, cause.name(), detail);
        });
    }
}

struct Slots<'a, 'b>(&'a mut FrameStates<'b, Kept>);

impl States for Slots<'_, '_> {
    fn pending(&mut self) -> &mut Option<Kept> {
        self.0.get(0)
    }

    fn group(&mut self, place: usize) -> &mut Option<Kept> {
        self.0.get(1 + place)
    }
}

struct Columns<'a>(&'a mut Decoded);

impl Output for Columns<'_> {
    fn message(
        &mut self,
        class: &'static str,
        key: &str,
        event_ns: u64,
        body: &impl Body,
        earlier: &[u64],
    ) {
        let added = self.0.message(class, key, event_ns, body);
        if !earlier.is_empty() {
            added.with_earlier(earlier);
        }
    }

    fn reject(&mut self, sequence: u64, cause: Cause, detail: &str) {
        self.0.reject_earlier(sequence, cause.name(), detail);
    }

    fn skip(&mut self, kind: &'static str) {
        self.0.skip(kind);
    }
}

export_decoder!(AisDecoder);
