//! What plugins answer, and the checks that turn a claim into a fact.
//!
//! The sandbox hands an answer over as [`Claimed`]; nothing can read it until it has been checked
//! against what was asked. After the check every index points at something, every list has one
//! entry per row, every packed value can be taken, and every bound holds, so the pipeline indexes
//! without fear. One wrong entry refuses the whole answer: it is a fault of the plugin.
//!
//! The rules are those of `wit/*.wit`, in the same words.

use std::ops::Range;

use crate::body::{BodyError, check_body};
use crate::columns::ColumnsError;
use crate::packed::Packed;

/// Longest key, in bytes. Reason: a key is held per slot and per record. Longer is refused.
pub const KEY_BYTES_MAX: usize = 255;
/// Most keys of a frame. Reason: each costs a look-up. More refuses the batch.
pub const FRAME_KEYS_MAX: usize = 8;
/// Most source frames of a message. Reason: AIS needs 9, and the list is in every record.
pub const SOURCES_MAX: usize = 64;
/// Most anomalies of a message. Reason: each is in the record. More refuses the batch.
pub const ANOMALIES_PER_MESSAGE_MAX: usize = 8;
/// Largest evidence of an anomaly, in bytes. Larger refuses the batch.
pub const EVIDENCE_BYTES_MAX: usize = 1_024;
/// Most deliveries of a message. More refuses the batch.
pub const DELIVERIES_PER_MESSAGE_MAX: usize = 8;
/// Longest detail of a reject that is kept, in bytes. Longer is cut.
pub const DETAIL_BYTES_MAX: usize = 512;
/// Highest score of an anomaly, in permille.
pub const SCORE_PERMILLE_MAX: u16 = 1_000;
/// Highest severity: 1 minor, 2 major, 3 critical.
pub const SEVERITY_MAX: u8 = 3;
/// Stands for "no marking" in a decoder's messages.
pub const NO_MARKING: u16 = u16::MAX;
/// Stands for "the message's own body" in a router's deliveries.
pub const OWN_BODY: u32 = u32::MAX;

/// An answer of a guest, not yet believed.
#[derive(Debug)]
pub struct Claimed<T>(T);

impl<T> Claimed<T> {
    /// Wraps what a guest returned.
    pub fn new(answer: T) -> Self {
        Self(answer)
    }
}

/// Why an answer is refused. Column names are those of the WIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// A column has another length than its neighbours.
    Length {
        /// The column.
        column: &'static str,
        /// Entries it has.
        got: usize,
        /// Entries it must have.
        want: usize,
    },
    /// A packed column's ends do not hold.
    Packed {
        /// The column.
        column: &'static str,
        /// What does not hold.
        error: ColumnsError,
    },
    /// A value is outside its range.
    Range {
        /// The column.
        column: &'static str,
        /// Row of the value.
        row: usize,
        /// The value.
        value: u64,
    },
    /// Values are not in the stated order.
    Order {
        /// The column.
        column: &'static str,
        /// Row that breaks it.
        row: usize,
    },
    /// More entries than allowed.
    Many {
        /// What there is too much of.
        column: &'static str,
        /// Entries.
        got: usize,
        /// The bound.
        most: usize,
    },
    /// A value is longer, or shorter, than allowed.
    Size {
        /// The column.
        column: &'static str,
        /// Row of the value.
        row: usize,
        /// Its size, in bytes.
        bytes: usize,
    },
    /// A body or an evidence map has not the form of one.
    Body {
        /// The column.
        column: &'static str,
        /// Row of the body.
        row: usize,
        /// What is wrong.
        error: BodyError,
    },
    /// A key is not UTF-8.
    Key {
        /// Row of the key.
        row: usize,
    },
    /// A message's verdict and its anomalies contradict each other.
    Verdict {
        /// Row of the message.
        row: usize,
    },
}

impl std::fmt::Display for ClaimError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { column, got, want } => {
                write!(f, "{column} has {got} entries, not {want}")
            }
            Self::Packed { column, error } => write!(f, "{column}: {error}"),
            Self::Range { column, row, value } => {
                write!(f, "{column}[{row}] is {value}, which is out of range")
            }
            Self::Order { column, row } => write!(f, "{column}[{row}] is out of order"),
            Self::Many { column, got, most } => {
                write!(f, "{column}: {got} entries, at most {most} are allowed")
            }
            Self::Size { column, row, bytes } => {
                write!(
                    f,
                    "{column}[{row}] has {bytes} bytes, which is out of range"
                )
            }
            Self::Body { column, row, error } => write!(f, "{column}[{row}]: {error}"),
            Self::Key { row } => write!(f, "keys[{row}] is not UTF-8"),
            Self::Verdict { row } => {
                write!(
                    f,
                    "verdicts[{row}] contradicts the anomalies of that message"
                )
            }
        }
    }
}

impl std::error::Error for ClaimError {}

/// Keys of a batch of frames.
#[derive(Clone, Debug, Default)]
pub struct FrameKeys {
    /// Per frame: end of its keys.
    pub key_ends: Vec<u32>,
    /// The keys.
    pub keys: Packed,
}

/// New state of the slots that changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Slots, each once.
    pub changed: Vec<u32>,
    /// New state per changed slot; empty removes it.
    pub states: Packed,
}

/// Rejected frames.
#[derive(Clone, Debug, Default)]
pub struct Rejects {
    /// Sequence number of each frame.
    pub sequences: Vec<u64>,
    /// Cause of each, an index into the description.
    pub causes: Vec<u16>,
    /// What was wrong, for people.
    pub details: Packed,
}

/// What a batch of frames became.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Class per message, an index into the description.
    pub classes: Vec<u16>,
    /// Natural key per message.
    pub keys: Packed,
    /// Time of applicability per message, nanoseconds since the Unix epoch.
    pub event_ns: Vec<u64>,
    /// Marking per message, an index into the description, or [`NO_MARKING`].
    pub markings: Vec<u16>,
    /// Body per message.
    pub bodies: Packed,
    /// Per message: end of its frames in `sources`.
    pub source_ends: Vec<u32>,
    /// Sequence numbers of source frames.
    pub sources: Vec<u64>,
    /// Frames that could not be decoded.
    pub rejects: Rejects,
    /// Index of each frame passed over.
    pub skip_frames: Vec<u32>,
    /// Its kind, an index into the description.
    pub skip_kinds: Vec<u16>,
    /// State changes.
    pub changes: Changes,
}

/// Broken rules.
#[derive(Clone, Debug, Default)]
pub struct Anomalies {
    /// Message, or evicted key, of each anomaly.
    pub messages: Vec<u32>,
    /// Rule of each, an index into the description.
    pub rules: Vec<u16>,
    /// Severity of each.
    pub severities: Vec<u8>,
    /// Score of each, in permille.
    pub scores: Vec<u16>,
    /// Evidence of each, a MessagePack map.
    pub details: Packed,
}

/// What a batch of messages was found to be.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// 0 pass, 1 anomaly, per message.
    pub verdicts: Vec<u8>,
    /// The anomalies.
    pub anomalies: Anomalies,
    /// State changes.
    pub changes: Changes,
}

/// Where messages go.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    /// Message of each delivery.
    pub messages: Vec<u32>,
    /// Route of each, an index into the description.
    pub routes: Vec<u16>,
    /// Body of each, an index into `bodies`, or [`OWN_BODY`].
    pub rewritten: Vec<u32>,
    /// Rewritten bodies.
    pub bodies: Packed,
}

/// What a decoder was asked, as far as its answer must fit it.
#[derive(Clone, Copy, Debug)]
pub struct DecodeAsked<'a> {
    /// Sequence numbers of the batch, rising.
    pub sequences: &'a [u64],
    /// Number of slots passed.
    pub slots: usize,
    /// Lengths of the description's lists.
    pub classes: usize,
    /// Number of causes described.
    pub causes: usize,
    /// Number of skip kinds described.
    pub skips: usize,
    /// Number of markings described.
    pub markings: usize,
    /// Most messages and rejects per frame of the batch.
    pub outputs_per_input_max: usize,
    /// Largest body, in bytes.
    pub output_bytes_max: usize,
    /// Largest state, in bytes.
    pub state_bytes_max: usize,
}

impl Claimed<FrameKeys> {
    /// Checks the keys of a batch of `frames` frames.
    ///
    /// # Errors
    /// Names the column and row that break the contract.
    pub fn check(self, frames: usize) -> Result<FrameKeys, ClaimError> {
        let keys = self.0;
        packed("keys", &keys.keys, keys.keys.len())?;
        ends(
            "key-ends",
            &keys.key_ends,
            frames,
            keys.keys.len(),
            0..FRAME_KEYS_MAX + 1,
        )?;
        sizes("keys", &keys.keys, 1..KEY_BYTES_MAX + 1)?;
        Ok(keys)
    }
}

impl Claimed<Decoded> {
    /// Checks a decoder's answer against what it was asked.
    ///
    /// # Errors
    /// Names the column and row that break the contract.
    pub fn check(self, asked: &DecodeAsked<'_>) -> Result<Decoded, ClaimError> {
        let decoded = self.0;
        let count = decoded.classes.len();
        let most = asked.sequences.len() * asked.outputs_per_input_max;
        many("messages", count, most)?;
        below("classes", &decoded.classes, asked.classes)?;
        packed("keys", &decoded.keys, count)?;
        sizes("keys", &decoded.keys, 1..KEY_BYTES_MAX + 1)?;
        for (row, key) in decoded.keys.iter().enumerate() {
            std::str::from_utf8(key).map_err(|_| ClaimError::Key { row })?;
        }
        length("event-ns", decoded.event_ns.len(), count)?;
        length("markings", decoded.markings.len(), count)?;
        for (row, &marking) in decoded.markings.iter().enumerate() {
            if marking != NO_MARKING && usize::from(marking) >= asked.markings {
                return Err(range("markings", row, marking));
            }
        }
        packed("bodies", &decoded.bodies, count)?;
        bodies("bodies", &decoded.bodies, asked.output_bytes_max)?;
        let sources = decoded.sources.len();
        ends(
            "source-ends",
            &decoded.source_ends,
            count,
            sources,
            1..SOURCES_MAX + 1,
        )?;
        check_sources(&decoded, asked.sequences)?;
        check_rejects(
            &decoded.rejects,
            asked.sequences.last().copied(),
            asked.causes,
            most,
        )?;
        many("skips", decoded.skip_frames.len(), asked.sequences.len())?;
        below("skips.frames", &decoded.skip_frames, asked.sequences.len())?;
        length(
            "skips.kinds",
            decoded.skip_kinds.len(),
            decoded.skip_frames.len(),
        )?;
        below("skips.kinds", &decoded.skip_kinds, asked.skips)?;
        check_changes(&decoded.changes, asked.slots, asked.state_bytes_max)?;
        Ok(decoded)
    }
}

/// Each message's frames rise; the last one is of this batch, and never before the last frame of
/// the message before: so order is the order of capture.
fn check_sources(decoded: &Decoded, sequences: &[u64]) -> Result<(), ClaimError> {
    let mut start = 0usize;
    let mut last = 0u64;
    for (row, &end) in decoded.source_ends.iter().enumerate() {
        let frames = &decoded.sources[start..end as usize];
        start = end as usize;
        if frames.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(ClaimError::Order {
                column: "sources",
                row,
            });
        }
        let completed = frames.last().copied().unwrap_or(0);
        if sequences.binary_search(&completed).is_err() {
            return Err(range("sources", row, completed));
        }
        if completed < last {
            return Err(ClaimError::Order {
                column: "messages",
                row,
            });
        }
        last = completed;
    }
    Ok(())
}

fn check_rejects(
    rejects: &Rejects,
    sequence_max: Option<u64>,
    causes: usize,
    most: usize,
) -> Result<(), ClaimError> {
    let count = rejects.sequences.len();
    many("rejects", count, most)?;
    for (row, &sequence) in rejects.sequences.iter().enumerate() {
        if Some(sequence) > sequence_max {
            return Err(range("rejects.sequences", row, sequence));
        }
    }
    length("rejects.causes", rejects.causes.len(), count)?;
    below("rejects.causes", &rejects.causes, causes)?;
    packed("rejects.details", &rejects.details, count)
}

impl Claimed<Rejects> {
    /// Checks what a decoder made of `evicted` keys; frames are at most `sequence_max`. A key may
    /// have kept up to [`SOURCES_MAX`] frames.
    ///
    /// # Errors
    /// Names the column and row that break the contract.
    pub fn check(
        self,
        evicted: usize,
        sequence_max: u64,
        causes: usize,
    ) -> Result<Rejects, ClaimError> {
        check_rejects(&self.0, Some(sequence_max), causes, evicted * SOURCES_MAX)?;
        Ok(self.0)
    }
}

impl Claimed<Anomalies> {
    /// Checks what a validator said of `evicted` keys.
    ///
    /// # Errors
    /// Names the column and row that break the contract.
    pub fn check(self, evicted: usize, rules: usize) -> Result<Anomalies, ClaimError> {
        check_anomalies(&self.0, evicted, rules)?;
        Ok(self.0)
    }
}

impl Claimed<Judgement> {
    /// Checks a validator's answer for `messages` messages with `slots` slots.
    ///
    /// # Errors
    /// Names the column and row that break the contract.
    pub fn check(
        self,
        messages: usize,
        slots: usize,
        rules: usize,
        state_bytes_max: usize,
    ) -> Result<Judgement, ClaimError> {
        let judgement = self.0;
        length("verdicts", judgement.verdicts.len(), messages)?;
        below("verdicts", &judgement.verdicts, 2)?;
        check_anomalies(&judgement.anomalies, messages, rules)?;
        let mut broken = vec![false; messages];
        for &message in &judgement.anomalies.messages {
            broken[message as usize] = true;
        }
        for (row, (&verdict, broken)) in judgement.verdicts.iter().zip(broken).enumerate() {
            if (verdict == 1) != broken {
                return Err(ClaimError::Verdict { row });
            }
        }
        check_changes(&judgement.changes, slots, state_bytes_max)?;
        Ok(judgement)
    }
}

impl Claimed<Deliveries> {
    /// Checks a router's answer for `messages` messages.
    ///
    /// # Errors
    /// Names the column and row that break the contract.
    pub fn check(
        self,
        messages: usize,
        routes: usize,
        output_bytes_max: usize,
    ) -> Result<Deliveries, ClaimError> {
        let deliveries = self.0;
        let count = deliveries.messages.len();
        per_message(
            "deliveries",
            &deliveries.messages,
            messages,
            DELIVERIES_PER_MESSAGE_MAX,
        )?;
        length("routes", deliveries.routes.len(), count)?;
        below("routes", &deliveries.routes, routes)?;
        length("rewritten", deliveries.rewritten.len(), count)?;
        let rewritten = deliveries.bodies.len();
        many("bodies", rewritten, count)?;
        packed("bodies", &deliveries.bodies, rewritten)?;
        bodies("bodies", &deliveries.bodies, output_bytes_max)?;
        for (row, &body) in deliveries.rewritten.iter().enumerate() {
            if body != OWN_BODY && body as usize >= rewritten {
                return Err(range("rewritten", row, body));
            }
        }
        Ok(deliveries)
    }
}

fn check_anomalies(anomalies: &Anomalies, messages: usize, rules: usize) -> Result<(), ClaimError> {
    let count = anomalies.messages.len();
    per_message(
        "anomalies",
        &anomalies.messages,
        messages,
        ANOMALIES_PER_MESSAGE_MAX,
    )?;
    length("rules", anomalies.rules.len(), count)?;
    below("rules", &anomalies.rules, rules)?;
    length("severities", anomalies.severities.len(), count)?;
    for (row, &severity) in anomalies.severities.iter().enumerate() {
        if !(1..=SEVERITY_MAX).contains(&severity) {
            return Err(range("severities", row, severity));
        }
    }
    length("scores", anomalies.scores.len(), count)?;
    below(
        "scores",
        &anomalies.scores,
        usize::from(SCORE_PERMILLE_MAX) + 1,
    )?;
    packed("details", &anomalies.details, count)?;
    bodies("details", &anomalies.details, EVIDENCE_BYTES_MAX)
}

fn check_changes(
    changes: &Changes,
    slots: usize,
    state_bytes_max: usize,
) -> Result<(), ClaimError> {
    many("changed", changes.changed.len(), slots)?;
    below("changed", &changes.changed, slots)?;
    let mut seen = vec![false; slots];
    for (row, &slot) in changes.changed.iter().enumerate() {
        if std::mem::replace(&mut seen[slot as usize], true) {
            return Err(range("changed", row, slot));
        }
    }
    packed("states", &changes.states, changes.changed.len())?;
    sizes("states", &changes.states, 0..state_bytes_max + 1)
}

fn range(column: &'static str, row: usize, value: impl Into<u64>) -> ClaimError {
    ClaimError::Range {
        column,
        row,
        value: value.into(),
    }
}

fn length(column: &'static str, got: usize, want: usize) -> Result<(), ClaimError> {
    if got == want {
        Ok(())
    } else {
        Err(ClaimError::Length { column, got, want })
    }
}

fn many(column: &'static str, got: usize, most: usize) -> Result<(), ClaimError> {
    if got <= most {
        Ok(())
    } else {
        Err(ClaimError::Many { column, got, most })
    }
}

fn below<T: Copy + Into<u64>>(
    column: &'static str,
    values: &[T],
    bound: usize,
) -> Result<(), ClaimError> {
    match values
        .iter()
        .position(|&value| value.into() >= bound as u64)
    {
        None => Ok(()),
        Some(row) => Err(range(column, row, values[row])),
    }
}

/// Checks that `rows` never decreases, points at messages, and names each at most `most` times.
fn per_message(
    column: &'static str,
    rows: &[u32],
    messages: usize,
    most: usize,
) -> Result<(), ClaimError> {
    many(column, rows.len(), messages * most)?;
    below(column, rows, messages)?;
    if let Some(row) = rows.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(ClaimError::Order {
            column,
            row: row + 1,
        });
    }
    match rows.chunk_by(|a, b| a == b).find(|run| run.len() > most) {
        None => Ok(()),
        Some(run) => many(column, run.len(), most),
    }
}

fn packed(column: &'static str, values: &Packed, count: usize) -> Result<(), ClaimError> {
    length(column, values.len(), count)?;
    values
        .check()
        .map_err(|error| ClaimError::Packed { column, error })
}

fn sizes(column: &'static str, values: &Packed, allowed: Range<usize>) -> Result<(), ClaimError> {
    for (row, value) in values.iter().enumerate() {
        if !allowed.contains(&value.len()) {
            return Err(ClaimError::Size {
                column,
                row,
                bytes: value.len(),
            });
        }
    }
    Ok(())
}

fn bodies(column: &'static str, values: &Packed, bytes_max: usize) -> Result<(), ClaimError> {
    sizes(column, values, 1..bytes_max + 1)?;
    for (row, value) in values.iter().enumerate() {
        check_body(value).map_err(|error| ClaimError::Body { column, row, error })?;
    }
    Ok(())
}

/// Checks ends that count entries of another column: `rows` of them, never decreasing, the last
/// one being `total`, and every step within `step`.
fn ends(
    column: &'static str,
    values: &[u32],
    rows: usize,
    total: usize,
    step: Range<usize>,
) -> Result<(), ClaimError> {
    length(column, values.len(), rows)?;
    let mut before = 0u32;
    for (row, &end) in values.iter().enumerate() {
        let inside = end
            .checked_sub(before)
            .is_some_and(|count| step.contains(&(count as usize)));
        if !inside {
            return Err(range(column, row, end));
        }
        before = end;
    }
    length(column, before as usize, total)
}

#[cfg(test)]
mod tests;
