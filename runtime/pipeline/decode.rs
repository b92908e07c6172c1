//! First stage: frames to messages.

use std::ops::Range;

use outrigger_policy::claims::{DETAIL_BYTES_MAX, Decoded, FrameKeys, NO_MARKING, Rejects};
use outrigger_policy::labels::{LabelId, Labels};
use outrigger_policy::ledger::FrameAccount;
use outrigger_policy::limits::RECORD_BYTES;
use outrigger_policy::state::{Kept, Touch};
use outrigger_policy::topology::TapId;
use outrigger_policy::verdict::Fault;
use outrigger_sandbox::{FrameStates, Frames};

use super::batch::{Batch, Dead, Message, Subject, record_bytes};
use super::halving::Rows;
use super::member::{Calls, Member};
use super::slots::Slots;

/// A batch of frames of one tap.
#[derive(Clone, Copy)]
pub(super) struct FrameBatch<'a> {
    pub(super) tap: TapId,
    pub(super) label: LabelId,
    pub(super) now_ns: u64,
    pub(super) sequences: &'a [u64],
    pub(super) captured_ns: &'a [u64],
    /// Start of the first payload in `bytes`.
    pub(super) start: u32,
    pub(super) ends: &'a [u32],
    pub(super) bytes: &'a [u8],
}

pub(super) struct DecodeStage<'a> {
    pub(super) labels: &'a Labels,
    pub(super) member: &'a mut Member,
    pub(super) calls: &'a mut Calls,
    pub(super) frames: FrameBatch<'a>,
    pub(super) batch: &'a mut Batch,
    pub(super) evicted: Vec<Kept>,
    pub(super) account: &'a mut FrameAccount,
}

impl DecodeStage<'_> {
    /// Makes messages of a believed answer.
    fn take(&mut self, rows: &Range<usize>, decoded: &Decoded) {
        let batch = &mut *self.batch;
        let mut first_source = 0usize;
        let mut last = (u64::MAX, 0u32);
        for row in 0..decoded.classes.len() {
            let end = decoded.source_ends[row] as usize;
            let sources = &decoded.sources[first_source..end];
            first_source = end;
            let completed = *sources.last().expect("checked: at least one source");
            last = match last {
                (frame, index) if frame == completed => (frame, index + 1),
                _ => (completed, 0),
            };
            let Some(class) = self.member.class_of[usize::from(decoded.classes[row])] else {
                self.member.counters.not_granted += 1;
                continue;
            };
            let label = match decoded.markings[row] {
                NO_MARKING => self.frames.label,
                marking => {
                    let marked = self.member.marking_labels[usize::from(marking)];
                    self.labels.join(self.frames.label, marked)
                }
            };
            let at = self.frames.sequences[rows.clone()]
                .binary_search(&completed)
                .expect("checked: the last source is of this batch");
            let key = batch.keep(decoded.keys.get(row).unwrap_or_default());
            let body = batch.keep(decoded.bodies.get(row).unwrap_or_default());
            let start = batch.sources.len();
            batch.sources.extend_from_slice(sources);
            batch.messages.push(Message {
                class,
                label,
                key,
                body,
                event_ns: decoded.event_ns[row],
                captured_ns: self.frames.captured_ns[rows.start + at],
                sources: start..batch.sources.len(),
                index: last.1,
                severity: 0,
                evidence_bytes: 0,
                live: true,
            });
        }
        let rejects = &decoded.rejects;
        take_rejects(
            self.member,
            batch,
            &rejects.sequences,
            &rejects.causes,
            |row| rejects.details.get(row).unwrap_or_default(),
        );
        let sequences = &self.frames.sequences[rows.clone()];
        if let (Some(&first), Some(&last)) = (sequences.first(), sequences.last()) {
            self.account.take(first..last.saturating_add(1));
        }
        for &sequence in &rejects.sequences {
            self.account.reject(sequence);
        }
        for &kind in &decoded.skip_kinds {
            self.member.counters.skips[usize::from(kind)] += 1;
        }
    }
}

/// What an answer takes in records, bytes; the frames of dead letters have a bound of their own.
fn answer_bytes(decoded: &Decoded) -> usize {
    let messages = decoded.classes.len();
    let (keys, bodies) = (decoded.keys.bytes.len(), decoded.bodies.bytes.len());
    record_bytes(keys, bodies, decoded.sources.len())
        + messages.saturating_sub(1) * RECORD_BYTES
        + rejects_bytes(&decoded.rejects)
}

/// What dead letters of rejects take, bytes, without their frames.
pub(super) fn rejects_bytes(rejects: &Rejects) -> usize {
    let details = rejects.details.iter();
    let details = details.map(|detail| detail.len().min(DETAIL_BYTES_MAX));
    rejects.sequences.len() * RECORD_BYTES + details.sum::<usize>()
}

/// Turns a decoder's rejects into dead letters.
pub(super) fn take_rejects<'d>(
    member: &mut Member,
    batch: &mut Batch,
    sequences: &[u64],
    causes: &[u16],
    detail: impl Fn(usize) -> &'d [u8],
) {
    for (row, (&sequence, &cause)) in sequences.iter().zip(causes).enumerate() {
        let cause = usize::from(cause);
        member.counters.rejects[cause] += 1;
        let text = String::from_utf8_lossy(detail(row));
        let end = text.floor_char_boundary(DETAIL_BYTES_MAX.min(text.len()));
        batch.dead.push(Dead {
            subject: Subject::Frame(sequence),
            cause: member.installed.plugin.description.causes[cause].clone(),
            stage: format!("decode:{}", member.name()),
            detail: text[..end].to_owned(),
        });
    }
}

impl Rows for DecodeStage<'_> {
    fn attempt(&mut self, rows: Range<usize>, fresh: bool) -> Result<(), (Fault, bool)> {
        let member = &mut *self.member;
        if member.health.quarantined {
            self.quarantined(rows);
            return Ok(());
        }
        let place = member
            .places
            .get_mut(&(self.frames.label, Some(self.frames.tap)))
            .expect("the pipeline made the place");
        if fresh {
            place.seat.restart();
        }
        let was_fresh = place.seat.is_fresh();
        let rebased;
        let first = match rows.start.checked_sub(1) {
            None => self.frames.start,
            Some(before) => self.frames.ends[before],
        };
        let ends = if first == 0 {
            &self.frames.ends[rows.clone()]
        } else {
            rebased = self.frames.ends[rows.clone()]
                .iter()
                .map(|end| end - first)
                .collect::<Vec<u32>>();
            &rebased[..]
        };
        let last = self.frames.ends[rows.end - 1] as usize;
        let frames = Frames {
            sequences: &self.frames.sequences[rows.clone()],
            captured_ns: &self.frames.captured_ns[rows.clone()],
            ends,
            bytes: &self.frames.bytes[first as usize..last],
        };
        let keyed = member.installed.plugin.description.keyed;
        let asked = if keyed {
            self.calls
                .guarded(&mut place.seat, |seat| seat.keys(&frames))
        } else {
            Ok(FrameKeys::default())
        };
        let now_ns = self.frames.now_ns;
        let answer = asked.and_then(|keys| {
            let slots = Slots::new(keys.keys.iter(), &place.store);
            let states = FrameStates {
                slot_ends: keys.key_ends.clone(),
                slots: slots.slots.clone(),
                states: slots.states.clone(),
            };
            let decoded = self.calls.guarded(&mut place.seat, |seat| {
                seat.decode(now_ns, &frames, &states)
            })?;
            self.batch.claim(answer_bytes(&decoded))?;
            if keyed {
                let touches = touches(&keys, frames.captured_ns);
                let changes = slots.changes(&decoded.changes);
                let evicted = place
                    .store
                    .apply(self.frames.tap.get(), touches, &changes)
                    .expect("checked: no state is over its bound");
                self.evicted.extend(evicted);
            }
            Ok(decoded)
        });
        match answer {
            Ok(decoded) => {
                member.health.good(rows.len() as u32);
                self.take(&rows, &decoded);
                Ok(())
            }
            Err(fault) => {
                member.count_fault(fault.kind);
                Err((fault, was_fresh))
            }
        }
    }

    fn dead(&mut self, row: usize, fault: Fault) {
        let faults_max = self.member.installed.faults_max;
        self.member.health.fault(faults_max);
        self.bury(row, fault.kind.name(), fault.detail);
    }
}

impl DecodeStage<'_> {
    fn bury(&mut self, row: usize, cause: &str, detail: String) {
        self.member.counters.dead += 1;
        self.account.refuse(1);
        self.batch.dead.push(Dead {
            subject: Subject::Frame(self.frames.sequences[row]),
            cause: cause.to_owned(),
            stage: format!("decode:{}", self.member.name()),
            detail,
        });
    }

    /// A frame cannot be understood without its decoder, so there is nothing to bypass to.
    fn quarantined(&mut self, rows: Range<usize>) {
        for row in rows {
            self.bury(row, "quarantined", String::new());
        }
    }
}

fn touches<'a>(keys: &'a FrameKeys, captured_ns: &'a [u64]) -> impl Iterator<Item = Touch<'a>> {
    let mut start = 0usize;
    keys.key_ends
        .iter()
        .zip(captured_ns)
        .flat_map(move |(&end, &time_ns)| {
            let range = start..end as usize;
            start = end as usize;
            range.map(move |at| Touch {
                key: keys.keys.get(at).unwrap_or_default(),
                class: 0,
                time_ns,
            })
        })
}
