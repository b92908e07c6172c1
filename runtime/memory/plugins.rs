//! Plugins: linear memories, code, reference files, state.

use std::path::Path;

use outrigger_policy::claims::FRAME_KEYS_MAX;
use outrigger_policy::limits::REFERENCE_BYTES_MAX;
use outrigger_policy::plan::MemoryPlan;
use outrigger_policy::state::StateBounds;
use outrigger_policy::topology::{PluginId, Role};
use outrigger_sandbox::{INSTANCE_BYTES, Installation, NOTE_BYTES_MAX, NOTES_KEPT_MAX};

use super::{GROUP_PARTITIONS_PLANNED, bytes, lines};
use crate::config::{Config, PluginConfig};

/// Code of a plugin that is not installed here, bytes. Source: the largest of the project's is 1 MiB.
const CODE_BYTES_ASSUMED: u64 = 2 << 20;
/// An artifact's code is mapped once, and its bytes lie in memory while it is verified.
const CODE_COPIES: u64 = 2;
/// A reference file is read, and then packed for the plugin; its copy is in the plugin's memory.
const REFERENCE_COPIES: u64 = 2;

/// Pipelines that run side by side: one, or one for each partition of a group.
pub(super) fn pipelines(config: &Config) -> u64 {
    match config.group {
        Some(_) => GROUP_PARTITIONS_PLANNED,
        None => 1,
    }
}

/// Places where a plugin has an instance and state, as the pipeline makes them: of a decoder one for
/// each tap, else one for each label.
pub(super) fn places(config: &Config, id: PluginId) -> u64 {
    let plugin = config.topology.plugin(id);
    let places = match &plugin.role {
        Role::Decoder { taps, .. } => taps.len(),
        Role::Validator { .. } | Role::Router { .. } => plugin.labels.len(),
    };
    bytes(places) * pipelines(config)
}

/// Plugins that are called, by id.
pub(super) fn used(config: &Config) -> impl Iterator<Item = (PluginId, &PluginConfig)> {
    let topology = &config.topology;
    let used = topology.plugin_ids().filter(|id| topology.uses(*id));
    used.map(|id| (id, config.plugin(id)))
}

/// Bounds of a place's state, with the keys of a batch that come before others are evicted.
pub(super) fn state(config: &Config, id: PluginId) -> Option<StateBounds> {
    let rows = config.pipeline.batch_messages_max;
    let more = match config.topology.plugin(id).role {
        Role::Decoder { .. } => rows * FRAME_KEYS_MAX,
        Role::Validator { .. } => rows,
        Role::Router { .. } => return None,
    };
    let bounds = config.plugin(id).limits.state_bounds();
    // A batch has no more keys than the store unless the store is small.
    let more = more.min(bounds.keys_max.saturating_mul(rows));
    Some(StateBounds {
        keys_max: bounds.keys_max.saturating_add(more),
        ..bounds
    })
}

pub(super) fn add(plan: &mut MemoryPlan, config: &Config) {
    let installation = Installation::open(&config.plugins_dir).ok();
    let mut snapshot = 0_u64;
    for (id, plugin) in used(config) {
        let places = places(config, id);
        let component = format!("plugins.{}", plugin.name);
        let key = |name: &str| format!("{component}.{name}");
        let mut lines = lines(plan, component.clone());
        let memory = plugin.limits.memory_bytes_max.get();
        let what = match places {
            1 => "linear memory".to_owned(),
            places => format!("{places} linear memories"),
        };
        lines.mapped(&what, places * memory, &key("memory_bytes_max"));
        let around = INSTANCE_BYTES + (NOTES_KEPT_MAX * NOTE_BYTES_MAX) as u64;
        lines.heap("instances, notes", places * around, "");
        let entry = installation
            .as_ref()
            .and_then(|one| one.entry(&plugin.component).ok());
        let code = entry.and_then(|entry| length(&config.plugins_dir.join(&entry.artifact)));
        let what = match code {
            Some(_) => "code",
            None => "code, assumed",
        };
        let code = code.unwrap_or(CODE_BYTES_ASSUMED);
        lines.mapped(what, CODE_COPIES * code, "");
        let references = plugin.references.iter();
        let references = references.map(|one| length(&one.path).unwrap_or(REFERENCE_BYTES_MAX));
        let references = references.sum::<u64>() + bytes(plugin.parameters.len());
        let what = "references, parameters";
        let shrinks = match plugin.references.is_empty() {
            true => String::new(),
            false => key("references"),
        };
        lines.heap(what, REFERENCE_COPIES * references, &shrinks);
        if let Some(bounds) = state(config, id) {
            let store = places.saturating_mul(bounds.memory_bytes());
            lines.heap("state", store, &key("state_keys_max"));
            snapshot = snapshot.saturating_add(places.saturating_mul(bounds.copy_bytes()));
        }
    }
    // A group reads its state back from a topic, partition by partition, and copies it the same way.
    lines(plan, "snapshot").heap("a copy of all state", snapshot, "plugins.*.state_keys_max");
}

/// Bytes of a file, if it is there.
fn length(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|found| found.len())
}
