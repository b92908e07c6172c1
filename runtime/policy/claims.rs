//! What plugins answer, and the checks that turn a claim into a fact.
//!
//! The sandbox hands an answer over as [`Claimed`]; nothing can read it until it has been checked
//! against what was asked. After the check every index points at something, every list has one
//! entry per row, every packed value can be taken, and every bound holds, so the pipeline indexes
//! without fear. One wrong entry refuses the whole answer: it is a fault of the plugin.
//!
//! The rules are those of `wit/*.wit`, in the same words.

mod answers;
mod column;
mod error;

pub use answers::{Anomalies, Changes, Decoded, Deliveries, FrameKeys, Judgement, Rejects};
use column::{below, bodies, ends, length, many, packed, per_message, range, sizes};
pub use error::ClaimError;

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

#[cfg(test)]
mod tests;
