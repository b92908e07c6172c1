//! Write an Outrigger plugin as one function over a typed message and a typed state.
//!
//! Implement [`Decoder`], [`Validator`] or [`Router`] for a type, and name that type in
//! [`export_decoder!`], [`export_validator!`] or [`export_router!`]. The columns in which batches
//! cross the boundary, and the MessagePack of bodies and states, stay hidden in here.
//!
//! A plugin has no clock, no randomness and no I/O: equal calls in an equal order must give equal
//! answers, because the host runs them again after a crash. What is learned from the data lives in
//! the state, never in the plugin's own fields. A panic is a fault: the host discards the instance,
//! and the panic's place and message go into the dead letter.
//!
//! Off WebAssembly the same traits run under [`testing`], so `cargo test` tests a plugin natively.

mod body;
mod configuration;
mod decoder;
mod description;
mod guest;
mod msgpack;
mod packed;
mod router;
mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod track;
mod validator;

pub use bindings::host::Level;
pub use body::{Body, BodyError, Fields, Map, Unread};
pub use configuration::{Configuration, ConfigureError};
pub use decoder::{
    Decoded, Decoder, FRAME_KEYS_MAX, Frame, FrameStates, KEY_BYTES_MAX, Keys, MessageAdded,
    REJECT_DETAIL_BYTES_MAX, Rejects,
};
pub use description::Description;
pub use guest::note;
pub use router::{Deliveries, MESSAGE_DELIVERIES_MAX, RoutedMessage, Router};
pub use state::State;
pub use track::{AltDatum, Source, TRACK_SCHEMA, TRACK_TEXT_BYTES_MAX, Text, TimeSource, Track};
pub use validator::{
    Anomalies, EVIDENCE_BYTES_MAX, MESSAGE_ANOMALIES_MAX, Message, SCORE_MAX, Severity, Validator,
};

/// Generated bindings, one crate per world; `types` and `host` are generated once, with `decoder`.
#[doc(hidden)]
pub mod bindings {
    pub use outrigger_bindings_decoder as decoder;
    pub use outrigger_bindings_decoder::outrigger::plugin::{host, types};
    pub use outrigger_bindings_router as router;
    pub use outrigger_bindings_validator as validator;
}

/// What the export macros name.
#[doc(hidden)]
pub mod hidden {
    pub use crate::decoder::DecoderInstance;
    pub use crate::guest::{Component, Slot};
    pub use crate::router::RouterInstance;
    pub use crate::validator::ValidatorInstance;
}
