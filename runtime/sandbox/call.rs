//! Loading a plugin, and calling it.
//!
//! A [`Plugin`] is a component that has proven it may run: signature and digest, imports, world,
//! description. A [`Seat`] is where its instances live one after another: an instance is reused
//! between calls, and discarded after a fault and whenever the pipeline says so.

use std::sync::Arc;

use outrigger_policy::Packed;
use outrigger_policy::claims::{
    Anomalies, DecodeAsked, Decoded, Deliveries, FrameKeys, Judgement, Rejects,
};
use outrigger_policy::verdict::{Fault, FaultKind};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::artifact::Role;
use crate::bindings::{common, decoder, router, validator};
use crate::columns::{self, Evicted, FrameStates, Frames, RouterBatch, ValidatorBatch};
use crate::description::{Description, DescriptionError};
use crate::instance::{Host, Limits, Note, Started, link};

/// What a plugin is configured with: a MessagePack map, and the reference files.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// MessagePack map of the parameters.
    pub parameters: Vec<u8>,
    /// Names of the reference files.
    pub reference_names: Packed,
    /// Their contents.
    pub references: Packed,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            parameters: vec![0x80],
            reference_names: Packed::default(),
            references: Packed::default(),
        }
    }
}

/// Why a component cannot be used as a plugin.
#[derive(Debug)]
pub enum LoadError {
    /// It cannot be linked: an import or export is not what the contract says.
    Link(String),
    /// It failed to start or to describe itself.
    Start(Fault),
    /// Its description is not one.
    Description(DescriptionError),
    /// It refused its configuration; the text is the plugin's.
    Configure(String),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Link(cause) => write!(f, "cannot be linked: {cause}"),
            Self::Start(fault) => write!(f, "does not start: {fault}"),
            Self::Description(error) => write!(f, "describes itself wrongly: {error}"),
            Self::Configure(cause) => write!(f, "refuses its configuration: {cause}"),
        }
    }
}

impl std::error::Error for LoadError {}

#[derive(Clone)]
enum RoleIndices {
    Decoder(decoder::DecodesIndices),
    Validator(validator::ValidatesIndices),
    Router(router::RoutesIndices),
}

/// A component that may run, with its limits and configuration.
pub struct Plugin {
    /// Its name in the configuration.
    pub name: String,
    /// SHA-256 of the component.
    pub digest: [u8; 32],
    /// Its role.
    pub role: Role,
    /// What it says of itself, checked.
    pub description: Description,
    /// Its limits.
    pub limits: Limits,
    configuration: Configuration,
    pre: InstancePre<Host>,
    common: common::CommonIndices,
    indices: RoleIndices,
}

impl Plugin {
    /// Links a component, lets it describe itself, and tries its configuration once.
    ///
    /// # Errors
    /// Says at which of these it failed.
    pub fn load(
        name: &str,
        digest: [u8; 32],
        component: &Component,
        role: Role,
        limits: Limits,
        configuration: Configuration,
    ) -> Result<Self, LoadError> {
        let cause = |error: wasmtime::Error| LoadError::Link(error.to_string());
        let mut linker = Linker::new(component.engine());
        link(&mut linker).map_err(cause)?;
        let pre = linker.instantiate_pre(component).map_err(cause)?;
        let common = common::CommonIndices::new(&pre).map_err(cause)?;
        let indices = match role {
            Role::Decoder => decoder::DecodesIndices::new(&pre).map(RoleIndices::Decoder),
            Role::Validator => validator::ValidatesIndices::new(&pre).map(RoleIndices::Validator),
            Role::Router => router::RoutesIndices::new(&pre).map(RoleIndices::Router),
        }
        .map_err(cause)?;
        let description = describe(&pre, &common, &limits)?;
        let plugin = Self {
            name: name.to_owned(),
            digest,
            role,
            description,
            limits,
            configuration,
            pre,
            common,
            indices,
        };
        match plugin.start() {
            Ok(_) => Ok(plugin),
            Err(fault) if fault.kind == FaultKind::Rejected => {
                Err(LoadError::Configure(fault.detail))
            }
            Err(fault) => Err(LoadError::Start(fault)),
        }
    }

    /// Starts and configures an instance.
    fn start(&self) -> Result<Instance, Fault> {
        let mut started = Started::new(&self.pre, &self.limits)?;
        let (common, role) = load(&mut started, &self.common, &self.indices)?;
        let configuration = &self.configuration;
        let (answer, _) = started.call(self.limits.configure_fuel, &self.limits, |store| {
            common.outrigger_plugin_plugin().call_configure(
                store,
                &configuration.parameters,
                columns::common_packed(&configuration.reference_names),
                columns::common_packed(&configuration.references),
            )
        });
        match answer? {
            Ok(()) => Ok(Instance { started, role }),
            Err(refusal) => Err(Fault {
                kind: FaultKind::Rejected,
                detail: refusal_text(&refusal),
            }),
        }
    }
}

fn refusal_text(refusal: &common::exports::outrigger::plugin::plugin::ConfigureError) -> String {
    use common::exports::outrigger::plugin::plugin::ConfigureError;
    let (what, text) = match refusal {
        ConfigureError::Parameter(text) => ("parameter", text),
        ConfigureError::Reference(text) => ("reference", text),
    };
    let text = crate::instance::plain(text, crate::instance::NOTE_BYTES_MAX);
    format!("{what}: {text}")
}

/// Asks a component once what it says of itself, under limits; configures nothing.
///
/// # Errors
/// Says whether it cannot be linked, does not start, or describes itself wrongly.
pub fn describe_component(
    component: &Component,
    limits: &Limits,
) -> Result<Description, LoadError> {
    let cause = |error: wasmtime::Error| LoadError::Link(error.to_string());
    let mut linker = Linker::new(component.engine());
    link(&mut linker).map_err(cause)?;
    let pre = linker.instantiate_pre(component).map_err(cause)?;
    let common = common::CommonIndices::new(&pre).map_err(cause)?;
    describe(&pre, &common, limits)
}

fn describe(
    pre: &InstancePre<Host>,
    indices: &common::CommonIndices,
    limits: &Limits,
) -> Result<Description, LoadError> {
    let mut started = Started::new(pre, limits).map_err(LoadError::Start)?;
    let common = indices
        .load(&mut started.store, &started.instance)
        .map_err(|error| LoadError::Link(error.to_string()))?;
    let (answer, _) = started.call(limits.configure_fuel, limits, |store| {
        common.outrigger_plugin_plugin().call_describe(store)
    });
    Description::check(answer.map_err(LoadError::Start)?).map_err(LoadError::Description)
}

enum RoleCalls {
    Decoder(decoder::Decodes),
    Validator(validator::Validates),
    Router(router::Routes),
}

fn load(
    started: &mut Started,
    common: &common::CommonIndices,
    indices: &RoleIndices,
) -> Result<(common::Common, RoleCalls), Fault> {
    let Started { store, instance } = started;
    let linked = || -> wasmtime::Result<_> {
        let common = common.load(&mut *store, instance)?;
        let role = match indices {
            RoleIndices::Decoder(indices) => RoleCalls::Decoder(indices.load(store, instance)?),
            RoleIndices::Validator(indices) => RoleCalls::Validator(indices.load(store, instance)?),
            RoleIndices::Router(indices) => RoleCalls::Router(indices.load(store, instance)?),
        };
        Ok((common, role))
    };
    linked().map_err(|error| Fault {
        kind: FaultKind::Rejected,
        detail: error.to_string(),
    })
}

struct Instance {
    started: Started,
    role: RoleCalls,
}

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
    /// Notes beyond the bound per call.
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
        .and_then(|claimed| self.believe(claimed.check(rows)))
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
        self.notes.extend(notes);
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
