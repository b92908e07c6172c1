//! What is to be said of the pipeline, for the status.

use std::sync::Arc;

use outrigger_policy::drift::Fit;
use outrigger_policy::verdict::Health;

use super::{Pipeline, PluginCounters};

/// What is to be said of a plugin.
#[derive(Clone)]
pub struct PluginView {
    /// The plugin.
    pub plugin: Arc<outrigger_sandbox::Plugin>,
    /// Cost of its calls, per label.
    pub usage: Vec<outrigger_sandbox::Usage>,
    /// What its messages cost, by class.
    pub cost: Fit,
    /// Notes left since the last time.
    pub notes: Vec<outrigger_sandbox::Note>,
    /// Keys kept.
    pub state_keys: u64,
    /// Bytes kept.
    pub state_bytes: u64,
    /// How far it is from quarantine.
    pub health: Health,
    /// Its counters.
    pub counters: PluginCounters,
}

impl Pipeline {
    /// What is to be said of each plugin that takes part.
    pub fn plugins(&mut self) -> Vec<PluginView> {
        self.members
            .iter_mut()
            .flatten()
            .map(|member| PluginView {
                cost: member.cost.clone(),
                usage: member
                    .places
                    .values()
                    .map(|place| place.seat.usage())
                    .collect(),
                notes: member
                    .places
                    .values_mut()
                    .flat_map(|place| place.seat.take_notes())
                    .collect(),
                state_keys: member
                    .places
                    .values()
                    .map(|place| place.store.len() as u64)
                    .sum(),
                state_bytes: member
                    .places
                    .values()
                    .map(|place| place.store.bytes())
                    .sum(),
                health: member.health,
                counters: member.counters.clone(),
                plugin: Arc::clone(&member.installed.plugin),
            })
            .collect()
    }
}
