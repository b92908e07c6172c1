//! Loading a plugin: a component that has proven it may run. Its signature and digest were checked
//! by `artifact`; here it is linked, describes itself, and is tried with its configuration.

use outrigger_policy::Packed;
use outrigger_policy::verdict::{Fault, FaultKind};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::artifact::Role;
use crate::bindings::{common, decoder, router, validator};
use crate::columns;
use crate::description::{Description, DescriptionError};
use crate::instance::{Host, Limits, Started, link};

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
    pub(crate) fn start(&self) -> Result<Instance, Fault> {
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

pub(crate) enum RoleCalls {
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

/// A started, configured component.
pub(crate) struct Instance {
    pub(crate) started: Started,
    pub(crate) role: RoleCalls,
}
