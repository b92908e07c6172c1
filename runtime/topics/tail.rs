//! The end of a topic log, handed to its forwarder in memory as it is written: at low rates a record
//! does not wait for a look at the disk, and at high rates it is not read back.
//!
//! Bounded: a forwarder that falls behind finds what it missed in the log.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use outrigger_policy::Columns;

use crate::telemetry::lock;

/// Bytes of records handed over in memory, per topic. Reached: a topic with a log is read from there;
/// of one without, further records are shed and counted. Reason: a hundred blocks of a busy bus.
pub const TAIL_BYTES_MAX: usize = 1 << 20;

/// A block of a topic log, or of a topic without one.
#[derive(Clone, Debug)]
pub struct Handed {
    /// Its number in the log; without a log its ordinal since the start.
    pub block: u64,
    /// Records of the topic before its first: the log's own count, which has no holes.
    pub first_ordinal: u64,
    /// Its records.
    pub columns: Arc<Columns>,
}

/// Wakes a forwarder.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    condvar: Condvar,
    /// True while somebody waits: ringing costs a system call, which nobody needs otherwise.
    awaited: AtomicBool,
}

impl Bell {
    /// Wakes whoever waits, or lets the next wait return at once.
    pub fn ring(&self) {
        *lock(&self.rung) = true;
        if self.awaited.load(Ordering::Acquire) {
            self.condvar.notify_all();
        }
    }

    /// Waits for a ring since the last wait, or `timeout`.
    pub fn wait(&self, timeout: Duration) {
        let rung = lock(&self.rung);
        self.awaited.store(true, Ordering::Release);
        let waited = self
            .condvar
            .wait_timeout_while(rung, timeout, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(|poison| poison.into_inner());
        self.awaited.store(false, Ordering::Release);
        *rung = false;
    }
}

#[derive(Debug, Default)]
struct Queue {
    blocks: VecDeque<Handed>,
    bytes: usize,
    /// Something was left out since the forwarder last caught up: what follows is no use to it.
    gap: bool,
    counts: TailCounts,
}

/// Records of a topic, counted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TailCounts {
    /// Records that the topic had when the run began.
    pub begun: u64,
    /// Records that it has.
    pub written: u64,
    /// Records shed because a topic without a log was full.
    pub shed: u64,
    /// Records in memory.
    pub queued: u64,
}

/// Between the pipeline, which writes a topic log, and its forwarder.
#[derive(Debug)]
pub struct Tail {
    queue: Mutex<Queue>,
    bell: Arc<Bell>,
    /// First block of the log that has not been delivered: retention stops here.
    owed_block: AtomicU64,
    /// Bytes of records handed over since the start.
    handed_bytes: AtomicU64,
    /// True for a topic without a log.
    ephemeral: bool,
}

impl Tail {
    /// A tail that rings `bell`; `ephemeral` if there is no log behind it.
    pub fn new(bell: Arc<Bell>, ephemeral: bool) -> Self {
        Self {
            // Until it has caught up, the forwarder reads from the log.
            queue: Mutex::new(Queue {
                gap: !ephemeral,
                ..Queue::default()
            }),
            bell,
            owed_block: AtomicU64::new(if ephemeral { u64::MAX } else { 0 }),
            handed_bytes: AtomicU64::new(0),
            ephemeral,
        }
    }

    /// Hands over what was just written.
    pub fn hand(&self, handed: Handed) {
        let bytes = handed.columns.bytes().len();
        let records = handed.columns.len() as u64;
        self.handed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let mut queue = lock(&self.queue);
        queue.counts.written = handed.first_ordinal + records;
        let full = queue.bytes + bytes > TAIL_BYTES_MAX && !queue.blocks.is_empty();
        if full && self.ephemeral {
            queue.counts.shed += records;
        } else if full || queue.gap {
            queue.gap = true;
        } else {
            queue.bytes += bytes;
            queue.counts.queued += records;
            queue.blocks.push_back(handed);
        }
        drop(queue);
        self.bell.ring();
    }

    /// The next block in memory.
    pub fn take(&self) -> Taken {
        let mut queue = lock(&self.queue);
        match queue.blocks.pop_front() {
            Some(handed) => {
                queue.bytes -= handed.columns.bytes().len();
                queue.counts.queued -= handed.columns.len() as u64;
                Taken::Block(handed)
            }
            None if queue.gap => Taken::Gap,
            None => Taken::Nothing,
        }
    }

    /// From here on every block is handed over, until memory is full again: the caller now reads the
    /// log to its end.
    pub fn begin_catching_up(&self) {
        let mut queue = lock(&self.queue);
        queue.blocks.clear();
        queue.bytes = 0;
        queue.counts.queued = 0;
        queue.gap = false;
    }

    /// Says that everything below this block of the log has been delivered.
    pub fn set_owed(&self, block: u64) {
        self.owed_block.store(block, Ordering::Release);
    }

    /// First block of the log that is not delivered.
    pub fn owed(&self) -> u64 {
        self.owed_block.load(Ordering::Acquire)
    }

    /// Says how many records the topic has before anything is handed over.
    pub fn begin(&self, records: u64) {
        let mut queue = lock(&self.queue);
        (queue.counts.begun, queue.counts.written) = (records, records);
    }

    /// What has been counted.
    pub fn counts(&self) -> TailCounts {
        lock(&self.queue).counts
    }

    /// Bytes of records handed over since the start.
    pub fn handed_bytes(&self) -> u64 {
        self.handed_bytes.load(Ordering::Relaxed)
    }

    /// True if there is no log behind it.
    pub fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }
}

/// What a tail had.
#[derive(Debug)]
pub enum Taken {
    /// The next block.
    Block(Handed),
    /// Everything has been taken.
    Nothing,
    /// Blocks were left out: read the log.
    Gap,
}
