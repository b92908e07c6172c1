//! Mode S and ADS-B: frames of 1,090 MHz receivers to tracks, identification, velocity and status.
//!
//! `frame` unpacks what receivers send, `crc` checks it, `address` says whose it is, `message` and
//! `altitude` read it by DO-260B and ICAO Annex 10, `cpr` computes positions and `position` says
//! which are believed, `state` is what is kept of an aircraft, `decode` puts it together and
//! `body` writes what a topic gets. Deliberately not here: no bit is corrected and
//! values are not judged; the latter is a validator's work.

#![cfg_attr(not(test), deny(clippy::panic, clippy::expect_used))]

pub mod address;
pub mod altitude;
pub mod bits;
pub mod body;
pub mod cpr;
pub mod crc;
pub mod decode;
pub mod fault;
pub mod frame;
mod map;
pub mod message;
pub mod position;
pub mod state;

use outrigger_sdk::{
    Body, Configuration, ConfigureError, Decoded, Decoder, Description, Frame, FrameStates, Keys,
    description, export_decoder,
};
use serde::Deserialize;

use decode::{Input, Output, SKIPS, Settings};
use fault::Cause;
use frame::Form;
use state::Kept;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct AdsbDecoder {
    settings: Settings,
}

/// Parameters.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Form of payloads.
    pub form: Form,
    /// Where the receiver is: resolves positions on the surface before any in the air is known.
    pub receiver: Option<Receiver>,
    /// Only `track.air` is written.
    pub tracks_only: bool,
}

/// Position of a receiver, degrees.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// North.
    pub lat_deg: f64,
    /// East.
    pub lon_deg: f64,
}

/// Schemas of the classes, in the order of the description.
pub const SCHEMAS: [(&str, &str); 7] = [
    (
        decode::TRACK_AIR,
        include_str!("../schemas/track.schema.json"),
    ),
    (
        decode::IDENTIFICATION,
        include_str!("../schemas/identification.schema.json"),
    ),
    (
        decode::VELOCITY,
        include_str!("../schemas/velocity.schema.json"),
    ),
    (
        decode::EMERGENCY,
        include_str!("../schemas/emergency.schema.json"),
    ),
    (
        decode::STATUS,
        include_str!("../schemas/status.schema.json"),
    ),
    (
        decode::TARGET,
        include_str!("../schemas/target.schema.json"),
    ),
    (
        decode::SURVEILLANCE,
        include_str!("../schemas/surveillance.schema.json"),
    ),
];

impl Decoder for AdsbDecoder {
    type State = Kept;

    fn describe() -> Description {
        SCHEMAS
            .iter()
            .fold(description!().keyed(), |said, (class, schema)| {
                said.class(class, schema)
            })
            .causes(&Cause::NAMES)
            .skips(&SKIPS)
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters: Parameters = configuration.parameters()?;
        if let Some(receiver) = parameters.receiver {
            if !(-90.0..=90.0).contains(&receiver.lat_deg) {
                let rule = "-90 to 90";
                return Err(ConfigureError::parameter(
                    "receiver.lat_deg",
                    rule,
                    receiver.lat_deg,
                ));
            }
            if !(-180.0..=180.0).contains(&receiver.lon_deg) {
                let rule = "-180 to 180";
                return Err(ConfigureError::parameter(
                    "receiver.lon_deg",
                    rule,
                    receiver.lon_deg,
                ));
            }
        }
        Ok(Self {
            settings: Settings {
                form: parameters.form,
                receiver: parameters.receiver.map(|receiver| cpr::Position {
                    lat_deg: receiver.lat_deg,
                    lon_deg: receiver.lon_deg,
                }),
                tracks_only: parameters.tracks_only,
            },
        })
    }

    fn keys(&self, frame: &Frame, keys: &mut Keys) {
        if let Some(address) = decode::key_of(&self.settings, frame.payload) {
            keys.push(address.key().as_bytes());
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
        let mut none = None;
        let kept = match states.is_empty() {
            true => &mut none,
            false => states.get(0),
        };
        decode::decode(&self.settings, input, kept, &mut Columns(out));
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

    fn reject(&mut self, cause: Cause, detail: &str) {
        self.0.reject(cause.name(), detail);
    }

    fn skip(&mut self, kind: &'static str) {
        self.0.skip(kind);
    }
}

export_decoder!(AdsbDecoder);
