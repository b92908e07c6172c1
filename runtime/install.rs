//! From a configuration to plugins that may run: verified, limited, configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use outrigger_policy::topology::{Role as GraphRole, Topology};
use outrigger_sandbox::engine::{EngineError, engine};
use outrigger_sandbox::ticker::{Ticker, deadline_ticks};
use outrigger_sandbox::{
    Configuration, Installation, InstallationError, Limits, LoadError, Plugin, Role,
};

use crate::config::{Config, ConfigErrors, PluginConfig};
use crate::pipeline::{Installed, MisfitError, Setup};
use crate::record::hex;
use sha2::{Digest as _, Sha256};

/// The plugins of a configuration. Their deadlines hold while this lives.
pub struct Plugins {
    /// By plugin of the graph; `None` for those that it never calls.
    pub installed: Vec<Option<Installed>>,
    _ticker: Ticker,
}

/// Why the plugins of a configuration cannot run.
#[derive(Debug)]
pub enum InstallError {
    /// The engine cannot be set up.
    Engine(EngineError),
    /// The clock of deadlines cannot be started.
    Ticker(std::io::Error),
    /// The installation, or one plugin's artifact in it: name of the plugin, if it is one.
    Installation(Option<String>, InstallationError),
    /// A plugin's component has another role than the configuration says.
    Role {
        /// Name of the plugin.
        plugin: String,
        /// Role in the configuration.
        configured: Role,
        /// Role of the component.
        component: Role,
    },
    /// A plugin's reference files cannot be read.
    References(ConfigErrors),
    /// A plugin does not start, or refuses its configuration.
    Load(String, LoadError),
    /// A plugin does not fit the graph.
    Misfit(MisfitError),
}

impl std::fmt::Display for InstallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(error) => write!(f, "engine: {error}"),
            Self::Ticker(error) => write!(f, "cannot start the thread of deadlines: {error}"),
            Self::Installation(None, error) => write!(f, "{error}"),
            Self::Installation(Some(plugin), error) => write!(f, "plugins.{plugin}: {error}"),
            Self::Role {
                plugin,
                configured,
                component,
            } => write!(
                f,
                "plugins.{plugin}: role is {:?} in the configuration, but its component is a {}",
                configured.as_str(),
                component.as_str()
            ),
            Self::References(errors) => write!(f, "{errors}"),
            Self::Load(plugin, error) => write!(f, "plugins.{plugin}: {error}"),
            Self::Misfit(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for InstallError {}

impl Plugins {
    /// Loads every plugin that the graph calls.
    ///
    /// # Errors
    /// The first plugin that may not run, and why.
    pub fn load(config: &Config) -> Result<Self, InstallError> {
        let engine = engine().map_err(InstallError::Engine)?;
        let ticker = Ticker::start(&engine).map_err(InstallError::Ticker)?;
        let installation = Installation::open(&config.plugins_dir)
            .map_err(|error| InstallError::Installation(None, error))?;
        let mut installed = Vec::new();
        for id in config.topology.plugin_ids() {
            if !config.topology.uses(id) {
                installed.push(None);
                continue;
            }
            let plugin = config.plugin(id);
            let name = &plugin.name;
            let artifact = installation
                .load(&plugin.component, plugin.sha256, &engine)
                .map_err(|error| InstallError::Installation(Some(name.clone()), error))?;
            let configured = role(&config.topology, id);
            if artifact.role != configured {
                return Err(InstallError::Role {
                    plugin: name.clone(),
                    configured,
                    component: artifact.role,
                });
            }
            let references = config
                .read_references(id)
                .map_err(InstallError::References)?;
            let mut configuration = Configuration {
                parameters: plugin.parameters.clone(),
                ..Configuration::default()
            };
            for file in &references {
                configuration.reference_names.push(file.name.as_bytes());
                configuration.references.push(&file.bytes);
            }
            let loaded = Plugin::load(
                name,
                artifact.sha256,
                &artifact.component,
                artifact.role,
                limits(plugin),
                configuration,
            )
            .map_err(|error| InstallError::Load(name.clone(), error))?;
            installed.push(Some(Installed {
                plugin: Arc::new(loaded),
                bounds: plugin.limits.state_bounds(),
                faults_max: plugin.limits.faults_max,
                on_quarantine: plugin.on_quarantine,
            }));
        }
        Ok(Self {
            installed,
            _ticker: ticker,
        })
    }

    /// By class, the first 16 hexadecimal digits of the SHA-256 of its JSON Schema: what a consumer
    /// tells versions of a class apart by.
    pub fn schema_digests(&self) -> BTreeMap<String, String> {
        let installed = self.installed.iter().flatten();
        // A validator, or a router, may name a class that is not its own, without a schema.
        let decoders = installed.filter(|one| one.plugin.role == Role::Decoder);
        decoders
            .flat_map(|installed| {
                let description = &installed.plugin.description;
                description.classes.iter().zip(&description.schemas)
            })
            .map(|(class, schema)| {
                let digest: [u8; 32] = Sha256::digest(schema.as_bytes()).into();
                (class.clone(), hex(&digest[..8]))
            })
            .collect()
    }

    /// What the pipeline is set up with.
    pub fn setup(&self, config: &Config) -> Setup {
        Setup {
            topology: Arc::new(config.topology.clone()),
            plugins: self.installed.clone(),
            instance_blocks: config.pipeline.instance_blocks,
            batch_messages_max: config.pipeline.batch_messages_max,
        }
    }
}

fn role(topology: &Topology, id: outrigger_policy::topology::PluginId) -> Role {
    match topology.plugin(id).role {
        GraphRole::Decoder { .. } => Role::Decoder,
        GraphRole::Validator { .. } => Role::Validator,
        GraphRole::Router { .. } => Role::Router,
    }
}

fn limits(plugin: &PluginConfig) -> Limits {
    let limits = &plugin.limits;
    let bytes = |bytes: outrigger_policy::limits::Bytes| {
        usize::try_from(bytes.get()).expect("the configuration bounds it far below")
    };
    Limits {
        message_fuel: limits.message_fuel.get(),
        call_fuel: limits.call_fuel.get(),
        configure_fuel: limits.configure_fuel.get(),
        memory_bytes_max: bytes(limits.memory_bytes_max),
        call_bytes_max: bytes(limits.call_bytes_max),
        deadline_ticks: deadline_ticks(limits.deadline_ms),
        outputs_per_input_max: limits.outputs_per_input_max,
        output_bytes_max: limits.output_bytes_max,
        state_bytes_max: limits.state_bytes_max,
    }
}
