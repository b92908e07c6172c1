//! First stage of a tap that needs no decoder: its frames are messages already.

use outrigger_policy::topology::ClassId;

use super::Pipeline;
use super::batch::{Dead, Message, Subject};
use super::decode::FrameBatch;

/// What a frame is that needs no decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A message. Its body has the form of a body, and its key is neither empty nor too long.
    Message {
        /// Its class, one of those that the tap carries.
        class: ClassId,
        /// Its natural key.
        key: String,
        /// Time of applicability, nanoseconds since the Unix epoch.
        event_ns: u64,
        /// Highest severity of what was found before, 0 for none.
        severity: u8,
        /// A MessagePack map.
        body: Vec<u8>,
    },
    /// A message of a class that the tap is not configured to carry: counted, and passed over.
    OtherClass,
    /// No message.
    Rejected {
        /// One word.
        cause: &'static str,
        /// What is wrong, for people.
        detail: String,
    },
}

impl Pipeline {
    /// Takes the messages of a batch as they are.
    pub(super) fn carry(&mut self, frames: FrameBatch<'_>, carried: &[Carried]) {
        let stage = format!("carry:{}", self.topology.tap(frames.tap).name);
        let batch = &mut self.batch;
        let account = &mut self.accounts[frames.tap.index()];
        for (at, carried) in carried.iter().enumerate() {
            let sequence = frames.sequences[at];
            match carried {
                Carried::OtherClass => {
                    account.take(sequence..sequence.saturating_add(1));
                    self.counters.other_classes += 1;
                }
                Carried::Rejected { cause, detail } => {
                    account.refuse(1);
                    batch.dead.push(Dead {
                        subject: Subject::Frame(sequence),
                        cause: (*cause).to_owned(),
                        stage: stage.clone(),
                        detail: detail.clone(),
                    });
                }
                Carried::Message {
                    class,
                    key,
                    event_ns,
                    severity,
                    body,
                } => {
                    account.take(sequence..sequence.saturating_add(1));
                    let key = batch.keep(key.as_bytes());
                    let body = batch.keep(body);
                    let source = batch.sources.len();
                    batch.sources.push(sequence);
                    batch.messages.push(Message {
                        class: *class,
                        label: frames.label,
                        key,
                        body,
                        event_ns: *event_ns,
                        captured_ns: frames.captured_ns[at],
                        sources: source..source + 1,
                        index: 0,
                        severity: *severity,
                        evidence_bytes: 0,
                        live: true,
                    });
                }
            }
        }
    }
}
