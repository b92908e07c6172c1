//! Taps, the journal, and the topic logs.

use outrigger_journal::{RULINGS_RESERVE_BYTES, SEGMENT_HEADER_BYTES_MAX, SEGMENT_LISTED_BYTES};
use outrigger_policy::limits::{BATCH_MAX, FRAME_BYTES_MAX};
use outrigger_policy::plan::MemoryPlan;
use outrigger_policy::topology::AUDIT;

use super::{bytes, lines};
use crate::config::{Config, TopicConfig};
use crate::topics::{WAITING_BYTES_MAX, WAITING_RECORDS_MAX};

/// Bytes of a column's row beside its record: a time and an end.
const ROW_BYTES: usize = 12;
/// Readers of the journal: the pipeline's, and the one that finds earlier frames.
const READERS: u64 = 2;
/// Records of the audit log, one at a time, bytes. Reason: a line of text.
const AUDIT_BYTES: u64 = 16 << 10;

pub(super) fn add(plan: &mut MemoryPlan, config: &Config) {
    let journal = &config.journal;
    let columns = journal.block_bytes_max + FRAME_BYTES_MAX + BATCH_MAX * ROW_BYTES;
    for (at, tap) in config.taps.iter().enumerate() {
        let component = format!("taps.{}", config.topology.taps()[at].name);
        let kernel = outrigger_tap::kernel_bytes(&tap.source);
        let own = outrigger_tap::memory_bytes(&tap.source) - kernel;
        let mut lines = lines(plan, component.clone());
        lines.heap("buffers", bytes(own), "");
        lines.heap(
            "a block of frames",
            bytes(columns),
            "journal.block_bytes_max",
        );
        let key = format!("{component}.receive_buffer_bytes");
        lines.kernel("receive buffer", bytes(kernel), &key);
    }
    let listed =
        |bytes_max: u64, segment: u64| bytes_max.div_ceil(segment) * bytes(SEGMENT_LISTED_BYTES);
    let segments = listed(journal.bytes_max.get(), journal.segment_bytes.get());
    let mut own = lines(plan, "journal");
    // Of frames, or of rulings, for which so much room is kept in all.
    let block = bytes(columns).max(RULINGS_RESERVE_BYTES);
    let header = bytes(SEGMENT_HEADER_BYTES_MAX);
    own.heap(
        "the writer's block",
        block + header,
        "journal.block_bytes_max",
    );
    // A reader's block, and the columns that it fills.
    own.heap("readers", READERS * 2 * block, "journal.block_bytes_max");
    own.heap("list of segments", segments, "journal.segment_bytes");
    for topic in &config.topics {
        let segments = listed(topic.bytes_max.get(), topic.segment_bytes.get());
        let log = match topic.name == AUDIT {
            true => AUDIT_BYTES,
            // What waits, and the writer's block of it.
            false => 2 * bytes(waiting(topic)),
        };
        lines(plan, format!("topics.{}", topic.name)).heap("log", log + segments, "");
    }
}

/// Records of a topic that wait in a block that is not full, bytes.
pub(super) fn waiting(topic: &TopicConfig) -> usize {
    let half = usize::try_from(topic.segment_bytes.get() / 2).unwrap_or(usize::MAX);
    half.min(WAITING_BYTES_MAX) + WAITING_RECORDS_MAX * ROW_BYTES
}
