//! The messages of a batch on their way through the stages.

use std::cell::Cell;
use std::ops::Range;

use outrigger_policy::labels::LabelId;
use outrigger_policy::limits::{ANOMALY_BYTES, RECORD_BYTES};
use outrigger_policy::topology::{ClassId, PluginId, TopicId};
use outrigger_policy::verdict::{Fault, FaultKind};

/// A piece of [`Batch::bytes`].
pub(super) type Span = Range<usize>;

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) class: ClassId,
    pub(super) label: LabelId,
    pub(super) key: Span,
    pub(super) body: Span,
    pub(super) event_ns: u64,
    pub(super) captured_ns: u64,
    /// Piece of [`Batch::sources`].
    pub(super) sources: Range<usize>,
    /// Ordinal among the messages with the same last frame.
    pub(super) index: u32,
    /// Highest severity so far, 0 for none.
    pub(super) severity: u8,
    /// What its anomalies take in a record, bytes.
    pub(super) evidence_bytes: usize,
    /// False once it is a dead letter.
    pub(super) live: bool,
}

/// A broken rule of a message.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) message: usize,
    pub(super) plugin: PluginId,
    pub(super) rule: u16,
    pub(super) severity: u8,
    pub(super) score_permille: u16,
    pub(super) detail: Span,
}

/// A message's way into a topic.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) message: usize,
    pub(super) topic: TopicId,
    pub(super) body: Span,
}

/// Where and why a frame or message became a dead letter.
#[derive(Clone, Debug)]
pub(super) struct Dead {
    pub(super) subject: Subject,
    pub(super) cause: String,
    pub(super) stage: String,
    pub(super) detail: String,
}

/// What became a dead letter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// A frame, by sequence number.
    Frame(u64),
    /// A message of the batch.
    Message(usize),
}

/// Everything of one batch. Reused, so that a batch costs no allocation once warm.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) sources: Vec<u64>,
    pub(super) messages: Vec<Message>,
    pub(super) broken: Vec<Broken>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) dead: Vec<Dead>,
    /// Bytes of records that it may become.
    pub(super) room_max: usize,
    /// Of these, what is taken.
    taken: Cell<usize>,
}

/// What a message takes in a record, bytes, apart from its anomalies.
pub(super) fn record_bytes(key: usize, body: usize, sources: usize) -> usize {
    // A number takes at most nine bytes in MessagePack.
    RECORD_BYTES + key + body + 9 * sources
}

/// What anomalies take in a record, bytes.
pub(super) fn evidence_bytes(anomalies: usize, details: usize) -> usize {
    ANOMALY_BYTES * anomalies + details
}

impl Batch {
    /// Takes room for records that an answer leads to.
    ///
    /// # Errors
    /// There is not so much: a fault of whose answer it is, and nothing is taken.
    pub(super) fn claim(&self, bytes: usize) -> Result<(), Fault> {
        let taken = self.taken.get().saturating_add(bytes);
        if taken > self.room_max {
            let most = self.room_max;
            return Err(Fault {
                kind: FaultKind::Rejected,
                detail: format!("a batch may become {most} bytes of records, this is more"),
            });
        }
        self.taken.set(taken);
        Ok(())
    }

    /// What a message takes in a record, bytes.
    pub(super) fn message_bytes(&self, at: usize) -> usize {
        let message = &self.messages[at];
        let (key, body) = (message.key.len(), message.body.len());
        record_bytes(key, body, message.sources.len()) + message.evidence_bytes
    }

    pub(super) fn clear(&mut self) {
        self.taken.set(0);
        self.bytes.clear();
        self.sources.clear();
        self.messages.clear();
        self.broken.clear();
        self.deliveries.clear();
        self.dead.clear();
    }

    /// Keeps bytes; returns where.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    pub(super) fn bytes(&self, span: &Span) -> &[u8] {
        &self.bytes[span.clone()]
    }

    pub(super) fn text(&self, span: &Span) -> &str {
        // Keys are checked to be UTF-8 when a decoder's answer is.
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    pub(super) fn key(&self, message: usize) -> &[u8] {
        self.bytes(&self.messages[message].key)
    }

    /// Makes a message a dead letter.
    pub(super) fn kill(&mut self, message: usize, cause: &str, stage: String, detail: String) {
        self.messages[message].live = false;
        self.dead.push(Dead {
            subject: Subject::Message(message),
            cause: cause.to_owned(),
            stage,
            detail,
        });
    }
}
