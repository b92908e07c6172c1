//! One frame to messages, a reject or a skip.
//!
//! Owns the order of things within a frame: which receive time belongs to which group, which
//! fragments make a message, and what becomes of the rest. What always holds: a frame gives at
//! most one reject of its own and at most one skip; a message has all its fragments, in order;
//! and the answer depends on the frame and the states alone, so not on where batches end.

use outrigger_sdk::Body;

use crate::bits::Bits;
use crate::class;
use crate::fault::{Cause, Fault};
use crate::group::{FrameGroups, GROUP_AGE_NS_MAX, Group, GroupKey, Kept, Pending};
use crate::nmea::{Line, Origin, Sentence, Stamp, lines, read_line};
use crate::read::{self, ReadError};
use crate::report::Report;

/// Lines of a frame that are read. Reason: twice the sentences, for what stands between them. The
/// rest of the frame is rejected.
pub const FRAME_LINES_MAX: usize = 64;

/// AIS sentences of a frame that are read. Reason: the host takes 64 messages of a frame unless
/// told otherwise, and a type 19 gives two; an Ethernet datagram holds at most 30 sentences. The
/// rest of the frame is rejected.
pub const FRAME_SENTENCES_MAX: usize = 32;

/// Kinds of frames that are passed over, in rising order of what they say: a frame of several
/// lines counts as the last that applies. Types of messages that are counted stand at the end.
pub const SKIPS: [&str; 21] = [
    "empty",
    "comment",
    "tag-block",
    "receive-time",
    "other-sentence",
    "type-6",
    "type-7",
    "type-8",
    "type-10",
    "type-12",
    "type-13",
    "type-14",
    "type-15",
    "type-16",
    "type-17",
    "type-20",
    "type-22",
    "type-23",
    "type-24",
    "type-25",
    "type-26",
];
const COMMENT: usize = 1;
const TAG_BLOCK: usize = 2;
const RECEIVE_TIME: usize = 3;
const OTHER_SENTENCE: usize = 4;

/// Place in [`SKIPS`] of a message type that is counted; type 24 with a part that has no meaning.
fn counted(message_type: u8) -> usize {
    match message_type {
        6..=8 => usize::from(message_type) - 1,
        10 => 8,
        12..=17 => usize::from(message_type) - 3,
        20 => 15,
        22..=26 => usize::from(message_type) - 6,
        _ => OTHER_SENTENCE,
    }
}

/// A frame with its sequence number and capture time.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Sequence number in the journal.
    pub sequence: u64,
    /// Capture time, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Bytes.
    pub payload: &'a [u8],
}

/// States of a frame's keys.
pub trait States {
    /// Under [`PENDING_KEY`](crate::group::PENDING_KEY).
    fn pending(&mut self) -> &mut Option<Kept>;
    /// Under the key at `place` of the frame's [`FrameGroups`].
    fn group(&mut self, place: usize) -> &mut Option<Kept>;
}

/// Takes what a frame became.
pub trait Output {
    /// A message of `class` with its natural key and time of applicability, from this frame and
    /// the `earlier` ones, which may name this frame again.
    fn message(
        &mut self,
        class: &'static str,
        key: &str,
        event_ns: u64,
        body: &impl Body,
        earlier: &[u64],
    );
    /// This frame, or an earlier one, will never be a message.
    fn reject(&mut self, sequence: u64, cause: Cause, detail: &str);
    /// This frame is passed over.
    fn skip(&mut self, kind: &'static str);
}

/// Decodes a frame.
pub fn decode(input: Input<'_>, states: &mut impl States, out: &mut impl Output) {
    let mut frame = FrameDecoder {
        input,
        groups: None,
        fault: None,
        faults: 0,
        used: false,
        sentences: 0,
        skip: 0,
    };
    for (count, (offset, line)) in lines(input.payload).enumerate() {
        if count == FRAME_LINES_MAX {
            frame.fault(Fault {
                cause: Cause::FrameTooLong,
                what: "more lines than are read, from here on",
                offset,
            });
            break;
        }
        match &read_line(offset, line) {
            Ok(Line::Ais(_)) if frame.sentences == FRAME_SENTENCES_MAX => {
                frame.fault(Fault {
                    cause: Cause::FrameTooLong,
                    what: "more sentences than are read, from here on",
                    offset,
                });
                break;
            }
            Ok(line) => frame.line(line, states, out),
            Err(fault) => frame.fault(*fault),
        }
    }
    if let Some(fault) = frame.fault {
        let more = frame.faults - 1;
        let detail = match more {
            0 => format!("{} at byte {}", fault.what, fault.offset),
            _ => format!("{} at byte {}, and {more} more", fault.what, fault.offset),
        };
        out.reject(input.sequence, fault.cause, &detail);
    } else if !frame.used {
        out.skip(SKIPS[frame.skip]);
    }
}

/// Says what becomes of an evicted state.
pub fn expire(state: &Kept, mut reject: impl FnMut(u64, Cause, &str)) {
    match state {
        Kept::Pending(_) => {}
        Kept::Group(group) => {
            for &sequence in &group.sequences {
                reject(sequence, Cause::FragmentLost, "evicted while waiting");
            }
        }
    }
}

struct FrameDecoder<'a> {
    input: Input<'a>,
    /// Read when the first fragment is met.
    groups: Option<FrameGroups>,
    fault: Option<Fault>,
    faults: u32,
    /// True if a message was made, or something kept.
    used: bool,
    /// AIS sentences so far.
    sentences: usize,
    /// Index into [`SKIPS`].
    skip: usize,
}

impl<'a> FrameDecoder<'a> {
    fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
        self.faults += 1;
    }

    fn line(&mut self, line: &Line<'a>, states: &mut impl States, out: &mut impl Output) {
        self.sentences += usize::from(matches!(line, Line::Ais(_)));
        match line {
            Line::Comment => self.skip = self.skip.max(COMMENT),
            Line::Tag(tag) => {
                self.skip = self.skip.max(TAG_BLOCK);
                // A tag block with a time speaks of the next sentence; one without leaves what
                // was said before.
                if let Some(time_ns) = tag.time_ns {
                    *states.pending() = Some(Kept::Pending(Pending {
                        time_ns,
                        pghp: false,
                        checksum: None,
                    }));
                }
            }
            Line::ReceiveTime { time_ns, checksum } => {
                self.skip = self.skip.max(RECEIVE_TIME);
                *states.pending() = time_ns.map(|time_ns| {
                    Kept::Pending(Pending {
                        time_ns,
                        pghp: true,
                        checksum: *checksum,
                    })
                });
            }
            Line::Other => {
                self.skip = self.skip.max(OTHER_SENTENCE);
                // The time was that sentence's.
                *states.pending() = None;
            }
            Line::Ais(sentence) if sentence.total == 1 => {
                let pending = take_pending(states);
                let stamp = sentence
                    .stamp
                    .or_else(|| pending.and_then(|pending| pending.stamp(sentence.checksum)));
                self.message(sentence, sentence.payload, stamp, &[], out);
            }
            Line::Ais(sentence) => self.fragment(sentence, states, out),
        }
    }

    fn fragment(
        &mut self,
        sentence: &Sentence<'a>,
        states: &mut impl States,
        out: &mut impl Output,
    ) {
        let pending = if sentence.number == 1 {
            take_pending(states)
        } else {
            None
        };
        let input = self.input;
        let key = GroupKey::of(sentence);
        let groups = self
            .groups
            .get_or_insert_with(|| FrameGroups::of(input.payload));
        let Some(place) = groups.position(&key) else {
            self.fault(Fault {
                cause: Cause::FrameTooLong,
                what: "fragment of more groups than a frame can have",
                offset: sentence.payload_offset,
            });
            return;
        };
        let slot = states.group(place);
        let kept = match slot.take() {
            Some(Kept::Group(group)) => Some(group),
            Some(Kept::Pending(_)) | None => None,
        };
        let old =
            |group: &Group| input.captured_ns.saturating_sub(group.captured_ns) > GROUP_AGE_NS_MAX;
        let mut group = match kept {
            Some(group) if old(&group) => {
                self.lose(
                    &group,
                    sentence,
                    "its next fragment did not come in time",
                    out,
                );
                None
            }
            kept => kept,
        };
        if sentence.number == 1 {
            if let Some(group) = group {
                self.lose(&group, sentence, "the next message came first", out);
            }
            let mut group = Group::start(input.sequence, input.captured_ns, sentence);
            group.pending = pending;
            if group.payload.is_empty() {
                self.fault(too_long(sentence));
                return;
            }
            self.kept(&group);
            *slot = Some(Kept::Group(group));
            return;
        }
        match group.take() {
            Some(mut group) if group.number + 1 == sentence.number => {
                if !group.add(input.sequence, input.captured_ns, sentence) {
                    self.lose(
                        &group,
                        sentence,
                        "with the next fragment it is too long",
                        out,
                    );
                    self.fault(too_long(sentence));
                } else if sentence.number < sentence.total {
                    self.kept(&group);
                    *slot = Some(Kept::Group(group));
                } else {
                    let stamp = group.stamp();
                    self.message(sentence, &group.payload, stamp, &group.sequences, out);
                }
            }
            Some(group) if sentence.number <= group.number => {
                // Said twice: the first stays.
                *slot = Some(Kept::Group(group));
                self.fault(disordered(sentence, "fragment that is already there"));
            }
            Some(group) => {
                self.lose(&group, sentence, "a fragment after it is missing", out);
                self.fault(disordered(sentence, "fragment before it is missing"));
            }
            None => self.fault(disordered(sentence, "fragment without a first one")),
        }
    }

    /// This frame has a fragment that waits for its fellows. It becomes what they become, but for a
    /// type that is counted only: then it is skipped here, because an earlier frame cannot be.
    fn kept(&mut self, group: &Group) {
        match group.counted_type() {
            Some(message_type) => self.skip = self.skip.max(counted(message_type)),
            None => self.used = true,
        }
    }

    /// Rejects the fragments of a group before `sentence`.
    fn lose(
        &mut self,
        group: &Group,
        sentence: &Sentence<'a>,
        why: &'static str,
        out: &mut impl Output,
    ) {
        for &sequence in &group.sequences {
            if sequence == self.input.sequence {
                self.fault(Fault {
                    cause: Cause::FragmentLost,
                    what: why,
                    offset: sentence.payload_offset,
                });
            } else {
                out.reject(sequence, Cause::FragmentLost, why);
            }
        }
    }

    fn message(
        &mut self,
        sentence: &Sentence<'a>,
        payload: &[u8],
        stamp: Option<Stamp>,
        sequences: &[u64],
        out: &mut impl Output,
    ) {
        let bits = Bits::unpack(payload, sentence.fill_bits);
        let report = match &bits {
            Some(bits) => read::read(bits),
            None => Err(ReadError::Length),
        };
        // By reference: a report is large.
        match &report {
            // Frames before this one cannot be skipped any more, and nothing may be lost.
            Ok(Report::Counted(_)) if !sequences.is_empty() => {
                let what = "type that is counted only, which the first fragment does not say";
                self.refuse(sentence, sequences, Cause::MessageType, what, out);
            }
            Ok(Report::Counted(message_type)) => {
                self.skip = self.skip.max(counted(*message_type));
            }
            Ok(report) => {
                let received = stamp.unwrap_or(Stamp {
                    time_ns: self.input.captured_ns,
                    origin: Origin::Capture,
                });
                class::write(report, received, sentence.is_own(), sequences, out);
                self.used = true;
            }
            Err(error) => {
                let (cause, what) = match error {
                    ReadError::Length => (
                        Cause::PayloadLength,
                        "length is not that of the message type",
                    ),
                    ReadError::Type => (Cause::MessageType, "message type that does not exist"),
                };
                self.refuse(sentence, sequences, cause, what, out);
            }
        }
    }

    /// Rejects a message: this frame and the earlier ones of it.
    fn refuse(
        &mut self,
        sentence: &Sentence<'a>,
        sequences: &[u64],
        cause: Cause,
        what: &'static str,
        out: &mut impl Output,
    ) {
        self.fault(Fault {
            cause,
            what,
            offset: sentence.payload_offset,
        });
        for &sequence in sequences.iter().filter(|&&one| one != self.input.sequence) {
            out.reject(sequence, cause, what);
        }
    }
}

fn take_pending(states: &mut impl States) -> Option<Pending> {
    match states.pending().take() {
        Some(Kept::Pending(pending)) => Some(pending),
        Some(Kept::Group(_)) | None => None,
    }
}

fn too_long(sentence: &Sentence<'_>) -> Fault {
    Fault {
        cause: Cause::PayloadLength,
        what: "longer than a message can be, or empty",
        offset: sentence.payload_offset,
    }
}

fn disordered(sentence: &Sentence<'_>, what: &'static str) -> Fault {
    Fault {
        cause: Cause::FragmentOrder,
        what,
        offset: sentence.payload_offset,
    }
}

#[cfg(test)]
mod tests;
