//! Dead letters of records that were already made: a sink refused them for good.

use super::{FrameArchive, Outbox, Pipeline};
use crate::record::{Failure, Outgoing, Position, RecordError, Source, View, encode};

/// Cause of the dead letter of a record that a sink refuses.
pub const REFUSED: &str = "refused";

/// A record that its sink refuses for good.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// What the sink said.
    pub detail: &'a str,
    /// The record, as it was made.
    pub record: &'a [u8],
}

impl Pipeline {
    /// Emits the dead letter of a refused record at `position`.
    ///
    /// # Errors
    /// The record is none.
    pub fn bury(
        &mut self,
        refusal: &Refusal<'_>,
        position: Position,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) -> Result<(), RecordError> {
        let view = View::of(refusal.record)?;
        let tap = self.topology.find_tap(view.tap);
        let frame = tap.zip(view.last_frame);
        let frame = frame.and_then(|(tap, sequence)| archive.frame(tap, sequence));
        let stage = format!("deliver:{}", refusal.topic);
        let outgoing = Outgoing {
            source: Source {
                position,
                tap: view.tap,
                frames: view.last_frame.as_slice(),
                index: view.index,
                captured_ns: view.captured_ns,
            },
            class: view.class,
            key: view.key,
            event_ns: view.event_ns,
            label: view.label,
            plugins: view.plugins,
            body: view.body,
            failure: Some(Failure {
                cause: REFUSED,
                stage: &stage,
                detail: refusal.detail,
                frame: frame.as_ref().map(|(_, frame)| &frame[..]),
            }),
        };
        let mut record = Vec::new();
        encode(&mut record, &outgoing, std::iter::empty());
        let topic = self.topology.dead_letters();
        outbox.put(topic, position, view.captured_ns, &record);
        self.counters.records[topic.index()] += 1;
        let count = (stage, REFUSED.to_owned());
        *self.counters.dead_letters.entry(count).or_default() += 1;
        Ok(())
    }
}
