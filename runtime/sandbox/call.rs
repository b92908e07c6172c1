//! Calling a plugin.
//!
//! A [`Seat`] is where a plugin's instances live one after another: an instance is reused between
//! calls, and discarded after a fault and whenever the pipeline says so.

use std::sync::Arc;

use outrigger_policy::claims::{
    Anomalies, DecodeAsked, Decoded, Deliveries, FrameKeys, Judgement, Rejects,
};
use outrigger_policy::verdict::{Fault, FaultKind};

use crate::columns::{self, Evicted, FrameStates, Frames, RouterBatch, ValidatorBatch};
use crate::instance::{Host, Note};
use crate::plugin::{Instance, Plugin, RoleCalls};

/// Most notes kept of a seat until they are taken. More are counted. Reason: calls follow one
/// another faster than anyone reads.
pub const NOTES_KEPT_MAX: usize = 64;

/// What a seat's calls have cost. Counted for the status, never part of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Calls made, retries included.
    pub calls: u64,
    /// Frames or messages in those calls.
    pub rows: u64,
    /// Fuel burnt.
    pub fuel: u64,
    /// Instances started.
    pub starts: u64,
    /// Notes beyond the bounds per call and until they are taken.
    pub notes_dropped: u64,
}

/// The place of a plugin under one label. Instances come and go; the seat stays.
pub struct Seat {
    plugin: Arc<Plugin>,
    instance: Option<Instance>,
    fresh: bool,
    usage: Usage,
    notes: Vec<Note>,
}

impl Seat {
    /// A seat without instance; the first call starts one.
    pub fn new(plugin: Arc<Plugin>) -> Self {
        Self {
            plugin,
            instance: None,
            fresh: true,
            usage: Usage::default(),
            notes: Vec::new(),
        }
    }

    /// The plugin.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Discards the instance; the next call starts a fresh one.
    pub fn restart(&mut self) {
        self.instance = None;
        self.fresh = true;
    }

    /// True if the next call will be served by an instance that has served none.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What the calls have cost so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Takes the notes left since the last time.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Asks a keyed decoder for the keys of a batch.
    ///
    /// # Errors
    /// The fault; the instance is gone then. So for every call below.
    pub fn keys(&mut self, frames: &Frames<'_>) -> Result<FrameKeys, Fault> {
        let rows = frames.sequences.len();
        self.call(rows, |role, store| match role {
            RoleCalls::Decoder(calls) => calls
                .outrigger_plugin_decoder()
                .call_keys(store, columns::frames(frames))
                .map(columns::claim_keys),
            RoleCalls::Validator(_) | RoleCalls::Router(_) => Err(wrong_role()),
        })
        .and_then(|claimed| {
            // The same frames come again in `decode`: fuel per row is what a frame costs in both.
            self.usage.rows -= rows as u64;
            self.believe(claimed.check(rows))
        })
    }

    /// Decodes a batch.
    ///
    /// # Errors
    /// The fault.
    pub fn decode(
        &mut self,
        now_ns: u64,
        frames: &Frames<'_>,
        states: &FrameStates,
    ) -> Result<Decoded, Fault> {
        let claimed = self.call(frames.sequences.len(), |role, store| match role {
            RoleCalls::Decoder(calls) => calls
                .outrigger_plugin_decoder()
                .call_decode(
                    store,
                    now_ns,
                    columns::frames(frames),
                    columns::frame_states(states),
                )
                .map(columns::claim_decoded),
            RoleCalls::Validator(_) | RoleCalls::Router(_) => Err(wrong_role()),
        })?;
        let plugin = Arc::clone(&self.plugin);
        let (description, limits) = (&plugin.description, &plugin.limits);
        let asked = DecodeAsked {
            sequences: frames.sequences,
            slots: states.states.len(),
            classes: description.classes.len(),
            causes: description.causes.len(),
            skips: description.skips.len(),
            markings: description.markings.len(),
            outputs_per_input_max: limits.outputs_per_input_max,
            output_bytes_max: limits.output_bytes_max,
            state_bytes_max: limits.state_bytes_max,
        };
        self.believe(claimed.check(&asked))
    }

    /// Tells a decoder what was evicted; frames are at most `sequence_max`.
    ///
    /// # Errors
    /// The fault.
    pub fn expire_frames(
        &mut self,
        now_ns: u64,
        evicted: &Evicted,
        sequence_max: u64,
    ) -> Result<Rejects, Fault> {
        let claimed = self.call(evicted.keys.len(), |role, store| match role {
            RoleCalls::Decoder(calls) => calls
                .outrigger_plugin_decoder()
                .call_expire(store, now_ns, columns::decoder_evicted(evicted))
                .map(columns::claim_rejects),
            RoleCalls::Validator(_) | RoleCalls::Router(_) => Err(wrong_role()),
        })?;
        let causes = self.plugin.description.causes.len();
        self.believe(claimed.check(evicted.keys.len(), sequence_max, causes))
    }

    /// Judges a batch.
    ///
    /// # Errors
    /// The fault.
    pub fn validate(&mut self, batch: &ValidatorBatch) -> Result<Judgement, Fault> {
        let rows = batch.classes.len();
        let claimed = self.call(rows, |role, store| match role {
            RoleCalls::Validator(calls) => calls
                .outrigger_plugin_validator()
                .call_validate(store, columns::validator_batch(batch))
                .map(columns::claim_judgement),
            RoleCalls::Decoder(_) | RoleCalls::Router(_) => Err(wrong_role()),
        })?;
        let rules = self.plugin.description.rules.len();
        let state_bytes_max = self.plugin.limits.state_bytes_max;
        self.believe(claimed.check(rows, batch.states.len(), rules, state_bytes_max))
    }

    /// Tells a validator what was evicted.
    ///
    /// # Errors
    /// The fault.
    pub fn expire_messages(&mut self, now_ns: u64, evicted: &Evicted) -> Result<Anomalies, Fault> {
        let claimed = self.call(evicted.keys.len(), |role, store| match role {
            RoleCalls::Validator(calls) => calls
                .outrigger_plugin_validator()
                .call_expire(store, now_ns, columns::validator_evicted(evicted))
                .map(columns::claim_anomalies),
            RoleCalls::Decoder(_) | RoleCalls::Router(_) => Err(wrong_role()),
        })?;
        let rules = self.plugin.description.rules.len();
        self.believe(claimed.check(evicted.keys.len(), rules))
    }

    /// Routes a batch.
    ///
    /// # Errors
    /// The fault.
    pub fn route(&mut self, batch: &RouterBatch) -> Result<Deliveries, Fault> {
        let rows = batch.classes.len();
        let claimed = self.call(rows, |role, store| match role {
            RoleCalls::Router(calls) => calls
                .outrigger_plugin_router()
                .call_route(store, columns::router_batch(batch))
                .map(columns::claim_deliveries),
            RoleCalls::Decoder(_) | RoleCalls::Validator(_) => Err(wrong_role()),
        })?;
        let routes = self.plugin.description.routes.len();
        let output_bytes_max = self.plugin.limits.output_bytes_max;
        self.believe(claimed.check(rows, routes, output_bytes_max))
    }

    /// Calls the instance, starting one if there is none; a fault discards it.
    fn call<T>(
        &mut self,
        rows: usize,
        call: impl FnOnce(&RoleCalls, &mut wasmtime::Store<Host>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => {
                self.usage.starts += 1;
                self.plugin.start()?
            }
        };
        let limits = &self.plugin.limits;
        let fuel = limits
            .message_fuel
            .saturating_mul(rows as u64)
            .saturating_add(limits.call_fuel);
        let Instance { started, role } = &mut instance;
        let (answer, burnt) = started.call(fuel, limits, |store| call(role, store));
        let (notes, dropped) = started.take_notes();
        let left = notes.len() as u64;
        let room = NOTES_KEPT_MAX.saturating_sub(self.notes.len());
        self.notes.extend(notes.into_iter().take(room));
        self.usage.notes_dropped += left.saturating_sub(room as u64);
        self.usage.calls += 1;
        self.usage.rows += rows as u64;
        self.usage.fuel += burnt;
        self.usage.notes_dropped += dropped;
        self.fresh = answer.is_err();
        if answer.is_ok() {
            self.instance = Some(instance);
        }
        answer
    }

    /// Turns a broken contract into a fault, which discards the instance too.
    fn believe<T>(
        &mut self,
        checked: Result<T, outrigger_policy::claims::ClaimError>,
    ) -> Result<T, Fault> {
        checked.map_err(|error| {
            self.restart();
            Fault {
                kind: FaultKind::Rejected,
                detail: error.to_string(),
            }
        })
    }
}

/// Cannot happen: the topology gives every plugin calls of its role only.
fn wrong_role() -> wasmtime::Error {
    wasmtime::Error::msg("called in a role that this plugin does not have")
}
