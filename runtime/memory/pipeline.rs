//! The pipeline: a batch on its way, the dearest call, what waits to be written.

use outrigger_policy::claims::{FRAME_KEYS_MAX, KEY_BYTES_MAX};
use outrigger_policy::limits::{
    BATCH_RECORDS_BYTES, BATCH_RECORDS_FACTOR, BODY_BYTES_MAX, WAITING_RECORDS_BYTES,
};
use outrigger_policy::plan::MemoryPlan;
use outrigger_policy::topology::Role;

use super::plugins::used;
use super::{bytes, lines};
use crate::config::Config;
use crate::run::UNWRITTEN_MAX;
use crate::snapshot::WRITE_BYTES;

/// Records that one batch may become, bytes: the bound that the pipeline enforces, at its largest block.
pub(super) fn batch_bytes(config: &Config) -> u64 {
    let block = match config.group {
        Some(_) => crate::run::GROUP_BYTES_MAX,
        None => config.journal.block_bytes_max,
    };
    bytes(BATCH_RECORDS_BYTES.max(BATCH_RECORDS_FACTOR.saturating_mul(block)))
}

pub(super) fn add(plan: &mut MemoryPlan, config: &Config) {
    let batch = batch_bytes(config);
    let block_key = match batch > bytes(BATCH_RECORDS_BYTES) {
        true => "journal.block_bytes_max",
        false => "",
    };
    let rows = config.pipeline.batch_messages_max;
    // One call at a time: what is handed over, and what it may answer.
    let mut dearest = (0, String::new());
    for (id, plugin) in used(config) {
        let limits = &plugin.limits;
        // State is found and handed over in a copy each.
        let asked = match config.topology.plugin(id).role {
            Role::Decoder { .. } => rows * FRAME_KEYS_MAX * 2 * limits.state_bytes_max,
            Role::Validator { .. } => rows * (2 * limits.state_bytes_max + body_max(config)),
            Role::Router { .. } => rows * (body_max(config) + KEY_BYTES_MAX),
        };
        let call = limits.call_bytes_max.get().saturating_add(bytes(asked));
        if call > dearest.0 {
            dearest = (call, plugin.name.clone());
        }
    }
    let (call, plugin) = dearest;
    let mut lines = lines(plan, "pipeline");
    lines.heap("messages of a batch", batch, block_key);
    let key = format!("plugins.{plugin}.call_bytes_max");
    lines.heap(&format!("a call of {plugin}"), call, &key);
    if config.group.is_none() {
        // What waits below the mark, and one batch on top.
        let waiting = bytes(WAITING_RECORDS_BYTES).saturating_add(batch);
        lines.heap("records to be written", waiting, block_key);
    }
    let times = UNWRITTEN_MAX * size_of::<(u64, u64)>();
    lines.heap("times, snapshot's buffer", bytes(times + WRITE_BYTES), "");
}

/// Largest body that a decoder may write, bytes.
fn body_max(config: &Config) -> usize {
    let decoders = used(config)
        .filter(|(id, _)| matches!(config.topology.plugin(*id).role, Role::Decoder { .. }));
    let largest = decoders.map(|(_, plugin)| plugin.limits.output_bytes_max);
    largest.max().unwrap_or(BODY_BYTES_MAX)
}
