//! Where the pipeline's records go: the topic logs, written also before a block is done if much waits.

use outrigger_policy::limits::WAITING_RECORDS_BYTES;
use outrigger_policy::topology::TopicId;

use super::shared::{Shared, now_ns};
use crate::pipeline::Outbox;
use crate::record::Position;
use crate::rulings::Ruling;
use crate::topics::Topics;

/// The topic logs of a run.
pub(super) struct Outlet<'a> {
    pub(super) topics: &'a mut Topics,
    pub(super) shared: &'a Shared,
}

impl Outbox for Outlet<'_> {
    fn put(&mut self, topic: TopicId, position: Position, time_ns: u64, record: &[u8]) {
        self.topics.put(topic, position, time_ns, record);
    }

    fn relieve(&mut self, late: &mut Vec<(u64, u32)>) {
        if self.topics.waiting_bytes() < WAITING_RECORDS_BYTES {
            return;
        }
        let rulings = late
            .iter()
            .map(|&(block, call)| Ruling::Late { block, call });
        let rulings: Vec<Ruling> = rulings.collect();
        if !rulings.is_empty() && self.shared.rule(&rulings).is_err() {
            // It is tried again when the block is done, and said then.
            return;
        }
        late.clear();
        // What cannot be written waits for the end of the block, where the cause is said.
        let _ = self.topics.flush(now_ns());
    }
}
