//! What plugins answer, in the columns of `wit/*.wit`.

use crate::packed::Packed;

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
