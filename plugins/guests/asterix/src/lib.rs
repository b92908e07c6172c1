//! ASTERIX: datagrams of CAT021, CAT034, CAT048 and CAT062 to tracks, and to messages that have
//! every item.
//!
//! `table` has the words in which the items of each `category` are written, `walk` finds where a
//! record's items are and what cannot be, `record` says whose it is and when (`time`), `canonical`
//! makes tracks of it (`site` places a radar's plots), `air`, `body` and `items` write what a
//! topic gets, and `decode` puts a datagram's blocks and records together. Deliberately not here:
//! values are not judged, and no track is kept; both are a validator's work.

#![cfg_attr(not(test), deny(clippy::panic, clippy::expect_used))]

pub mod air;
pub mod body;
pub mod canonical;
pub mod category;
pub mod decode;
pub mod fault;
mod items;
mod pack;
pub mod parameters;
pub mod record;
pub mod site;
pub mod table;
pub mod time;
mod value;
pub mod walk;

use outrigger_sdk::{
    Body, Configuration, ConfigureError, Decoded, Decoder, Description, Frame, FrameStates,
    description, export_decoder,
};

use decode::{Datagrams, Input, Output, SKIPS};
use fault::Cause;
use parameters::Settings;

/// The plugin. It remembers nothing.
#[derive(Clone, Debug)]
pub struct AsterixDecoder(Datagrams);

/// JSON Schema of `track.air`.
pub const TRACK_SCHEMA: &str = include_str!("../schemas/track.schema.json");
/// JSON Schema of `asterix.cat021`.
pub const SCHEMA_021: &str = include_str!("../schemas/cat021.schema.json");
/// JSON Schema of `asterix.cat034`.
pub const SCHEMA_034: &str = include_str!("../schemas/cat034.schema.json");
/// JSON Schema of `asterix.cat048`.
pub const SCHEMA_048: &str = include_str!("../schemas/cat048.schema.json");
/// JSON Schema of `asterix.cat062`.
pub const SCHEMA_062: &str = include_str!("../schemas/cat062.schema.json");

impl Decoder for AsterixDecoder {
    type State = ();

    fn describe() -> Description {
        description!()
            .class(category::TRACK_AIR, TRACK_SCHEMA)
            .class(category::CLASS_021, SCHEMA_021)
            .class(category::CLASS_034, SCHEMA_034)
            .class(category::CLASS_048, SCHEMA_048)
            .class(category::CLASS_062, SCHEMA_062)
            .causes(&Cause::NAMES)
            .skips(&SKIPS)
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self(Datagrams::new(Settings::read(configuration)?)))
    }

    fn decode(
        &mut self,
        _now_ns: u64,
        frame: &Frame,
        _states: &mut FrameStates<()>,
        out: &mut Decoded,
    ) {
        let input = Input {
            captured_ns: frame.captured_ns,
            payload: frame.payload,
        };
        self.0.decode(input, &mut Columns(out));
    }
}

struct Columns<'a>(&'a mut Decoded);

impl Output for Columns<'_> {
    fn message(&mut self, class: &'static str, key: &str, event_ns: u64, body: &impl Body) {
        self.0.message(class, key, event_ns, body);
    }

    fn reject(&mut self, cause: Cause, detail: &str) {
        self.0.reject(cause.name(), detail);
    }

    fn skip(&mut self, kind: &'static str) {
        self.0.skip(kind);
    }
}

export_decoder!(AsterixDecoder);
