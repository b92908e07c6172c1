//! Between the columns of the core and those of the generated bindings.
//!
//! Nothing is judged here: answers go out as [`Claimed`], and `outrigger_policy::claims` turns
//! them into facts. Vectors are moved, never copied.

use outrigger_policy::Packed;
use outrigger_policy::claims::{
    Anomalies, Changes, Claimed, Decoded, Deliveries, FrameKeys, Judgement, Rejects,
};

use crate::bindings::{
    common::exports::outrigger::plugin::plugin as common,
    decoder::exports::outrigger::plugin::decoder, router::exports::outrigger::plugin::router,
    validator::exports::outrigger::plugin::validator,
};

/// A batch of frames as it is passed: sequence numbers, capture times, payloads.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    /// Sequence number of each frame, rising.
    pub sequences: &'a [u64],
    /// Capture time of each, nanoseconds since the Unix epoch.
    pub captured_ns: &'a [u64],
    /// Per frame: end of its payload in `bytes`.
    pub ends: &'a [u32],
    /// Payloads, end to end.
    pub bytes: &'a [u8],
}

/// State of the keys of a batch of frames.
#[derive(Clone, Debug, Default)]
pub struct FrameStates {
    /// Per frame: end of its slots.
    pub slot_ends: Vec<u32>,
    /// Slot of every key.
    pub slots: Vec<u32>,
    /// State per slot.
    pub states: Packed,
}

/// Messages for a validator.
#[derive(Clone, Debug, Default)]
pub struct ValidatorBatch {
    /// Latest capture time of the tap.
    pub now_ns: u64,
    /// Class per message, an index into the plugin's description.
    pub classes: Vec<u16>,
    /// Slot per message.
    pub slots: Vec<u32>,
    /// Capture time per message.
    pub captured_ns: Vec<u64>,
    /// Time of applicability per message.
    pub event_ns: Vec<u64>,
    /// Body per message.
    pub bodies: Packed,
    /// State per slot.
    pub states: Packed,
}

/// Messages for a router.
#[derive(Clone, Debug, Default)]
pub struct RouterBatch {
    /// Class per message, an index into the plugin's description.
    pub classes: Vec<u16>,
    /// 0 pass, 1 anomaly, per message.
    pub verdicts: Vec<u8>,
    /// Highest severity per message, 0 without anomaly.
    pub severities: Vec<u8>,
    /// Capture time per message.
    pub captured_ns: Vec<u64>,
    /// Time of applicability per message.
    pub event_ns: Vec<u64>,
    /// Natural key per message.
    pub keys: Packed,
    /// Body per message.
    pub bodies: Packed,
    /// Label of all messages.
    pub label: String,
}

/// Evicted state.
#[derive(Clone, Debug, Default)]
pub struct Evicted {
    /// Class of the last message per key. Not passed to decoders.
    pub classes: Vec<u16>,
    /// The keys.
    pub keys: Packed,
    /// State per key.
    pub states: Packed,
}

macro_rules! packed {
    ($bindings:ident, $packed:expr) => {
        $bindings::PackedParam {
            ends: &$packed.ends,
            bytes: &$packed.bytes,
        }
    };
}

macro_rules! unpack {
    ($packed:expr) => {{
        let packed = $packed;
        Packed {
            ends: packed.ends,
            bytes: packed.bytes,
        }
    }};
}

pub(crate) fn common_packed(values: &Packed) -> common::PackedParam<'_> {
    packed!(common, values)
}

pub(crate) fn common_unpack(values: common::PackedResult) -> Packed {
    unpack!(values)
}

pub(crate) fn frames<'a>(frames: &Frames<'a>) -> decoder::Frames<'a> {
    decoder::Frames {
        sequences: frames.sequences,
        captured_ns: frames.captured_ns,
        payloads: decoder::PackedParam {
            ends: frames.ends,
            bytes: frames.bytes,
        },
    }
}

pub(crate) fn frame_states(states: &FrameStates) -> decoder::FrameStates<'_> {
    decoder::FrameStates {
        slot_ends: &states.slot_ends,
        slots: &states.slots,
        states: packed!(decoder, states.states),
    }
}

pub(crate) fn decoder_evicted(evicted: &Evicted) -> decoder::Evicted<'_> {
    decoder::Evicted {
        keys: packed!(decoder, evicted.keys),
        states: packed!(decoder, evicted.states),
    }
}

pub(crate) fn validator_evicted(evicted: &Evicted) -> validator::Evicted<'_> {
    validator::Evicted {
        classes: &evicted.classes,
        keys: packed!(validator, evicted.keys),
        states: packed!(validator, evicted.states),
    }
}

pub(crate) fn validator_batch(batch: &ValidatorBatch) -> validator::Batch<'_> {
    validator::Batch {
        now_ns: batch.now_ns,
        classes: &batch.classes,
        slots: &batch.slots,
        captured_ns: &batch.captured_ns,
        event_ns: &batch.event_ns,
        bodies: packed!(validator, batch.bodies),
        states: packed!(validator, batch.states),
    }
}

pub(crate) fn router_batch(batch: &RouterBatch) -> router::Batch<'_> {
    router::Batch {
        classes: &batch.classes,
        verdicts: &batch.verdicts,
        severities: &batch.severities,
        captured_ns: &batch.captured_ns,
        event_ns: &batch.event_ns,
        keys: packed!(router, batch.keys),
        bodies: packed!(router, batch.bodies),
        label: &batch.label,
    }
}

pub(crate) fn claim_keys(keys: decoder::FrameKeys) -> Claimed<FrameKeys> {
    Claimed::new(FrameKeys {
        key_ends: keys.key_ends,
        keys: unpack!(keys.keys),
    })
}

fn rejects(rejects: decoder::Rejects) -> Rejects {
    Rejects {
        sequences: rejects.sequences,
        causes: rejects.causes,
        details: unpack!(rejects.details),
    }
}

pub(crate) fn claim_rejects(claimed: decoder::Rejects) -> Claimed<Rejects> {
    Claimed::new(rejects(claimed))
}

pub(crate) fn claim_decoded(decoded: decoder::Decoded) -> Claimed<Decoded> {
    let messages = decoded.messages;
    Claimed::new(Decoded {
        classes: messages.classes,
        keys: unpack!(messages.keys),
        event_ns: messages.event_ns,
        markings: messages.markings,
        bodies: unpack!(messages.bodies),
        source_ends: messages.source_ends,
        sources: messages.sources,
        rejects: rejects(decoded.rejects),
        skip_frames: decoded.skips.frames,
        skip_kinds: decoded.skips.kinds,
        changes: Changes {
            changed: decoded.changed,
            states: unpack!(decoded.states),
        },
    })
}

fn anomalies(anomalies: validator::Anomalies) -> Anomalies {
    Anomalies {
        messages: anomalies.messages,
        rules: anomalies.rules,
        severities: anomalies.severities,
        scores: anomalies.scores,
        details: unpack!(anomalies.details),
    }
}

pub(crate) fn claim_anomalies(claimed: validator::Anomalies) -> Claimed<Anomalies> {
    Claimed::new(anomalies(claimed))
}

pub(crate) fn claim_judgement(judgement: validator::Judgement) -> Claimed<Judgement> {
    Claimed::new(Judgement {
        verdicts: judgement.verdicts,
        anomalies: anomalies(judgement.anomalies),
        changes: Changes {
            changed: judgement.changed,
            states: unpack!(judgement.states),
        },
    })
}

pub(crate) fn claim_deliveries(deliveries: router::Deliveries) -> Claimed<Deliveries> {
    Claimed::new(Deliveries {
        messages: deliveries.messages,
        routes: deliveries.routes,
        rewritten: deliveries.rewritten,
        bodies: unpack!(deliveries.bodies),
    })
}
