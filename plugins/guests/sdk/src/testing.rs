//! Runs plugins natively, batch by batch, as the host does: through the same columns, with states
//! kept by key as bytes. Absent on WebAssembly.
//!
//! Each batch runs a second time in a fresh instance, and both must answer alike: what a plugin
//! learns belongs into its state, for the host restarts instances at any time.
//! [`without_rerun`](ValidatorHost::without_rerun) turns that off, for benchmarks.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Serialize;

use crate::body::Body;
use crate::configuration::Configuration;
use crate::decoder::{Decoder, DecoderInstance};
use crate::description::Description;
use crate::msgpack::Reader;
use crate::packed::{self, Packed};
use crate::router::{Router, RouterInstance};
use crate::state::State;
use crate::validator::{Anomalies, Severity, Validator, ValidatorInstance};
use crate::{ConfigureError, bindings};

use bindings::decoder::exports::outrigger::plugin::decoder as decoder_wit;
use bindings::router::exports::outrigger::plugin::router as router_wit;
use bindings::validator::exports::outrigger::plugin::validator as validator_wit;

/// Frames or messages in a call, at most; longer input is an error of the test.
pub const BATCH_MAX: usize = 256;
/// Frames that a message can be made from, at most.
const MESSAGE_SOURCES_MAX: usize = 64;

/// A configuration with these parameters, any type that serializes to a map, and no reference
/// files. For a plugin without parameters use [`no_parameters`].
///
/// # Panics
/// If they do not serialize.
pub fn parameters(parameters: &impl Serialize) -> Configuration {
    let bytes = rmp_serde::to_vec_named(parameters).expect("parameters serialize");
    Configuration::new(bytes, Vec::new())
}

/// A configuration without parameters.
pub fn no_parameters() -> Configuration {
    Configuration::new(vec![0x80], Vec::new())
}

/// Takes the anomalies of a validator that is called without a host, for benchmarks: all of its
/// messages count as one, so the first few anomalies are kept.
pub fn sink<V: Validator>() -> Anomalies {
    Anomalies::new(&V::describe())
}

/// States by key, as bytes; slots of a batch.
#[derive(Clone, Debug, Default)]
struct Kept(BTreeMap<Vec<u8>, Vec<u8>>);

impl Kept {
    /// Gives each distinct key a slot, in the order of first use.
    fn slots<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Vec<u32>, Packed) {
        let mut slot_of: BTreeMap<&[u8], u32> = BTreeMap::new();
        let mut slot_keys = Vec::new();
        let mut slots = Vec::new();
        let mut states = packed::empty(0);
        for key in keys {
            let slot = *slot_of.entry(key).or_insert_with(|| {
                packed::push(&mut states, self.0.get(key).map_or(&[], Vec::as_slice));
                slot_keys.push(key.to_vec());
                u32::try_from(slot_keys.len() - 1).expect("a batch is small")
            });
            slots.push(slot);
        }
        (slot_keys, slots, states)
    }

    fn apply(&mut self, slot_keys: &[Vec<u8>], changed: &[u32], states: &Packed) {
        for (&slot, state) in changed.iter().zip(packed::iter(states)) {
            let key = slot_keys[slot as usize].clone();
            if state.is_empty() {
                self.0.remove(&key);
            } else {
                self.0.insert(key, state.to_vec());
            }
        }
    }

    fn get<S: State>(&self, key: &[u8]) -> Option<S> {
        let bytes = self.0.get(key)?;
        Some(S::decode(bytes).expect("states are read by the type that wrote them"))
    }
}

fn assert_alike<T: Debug>(used: &T, fresh: &T) {
    assert_eq!(
        format!("{used:?}"),
        format!("{fresh:?}"),
        "a fresh instance answers otherwise: what is learned must live in the state"
    );
}

fn assert_batch(len: usize) {
    assert!(len <= BATCH_MAX, "a batch holds at most {BATCH_MAX}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("texts of a plugin are UTF-8")
}

fn spans(ends: &[u32]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut start = 0;
    ends.iter().map(move |&end| {
        let span = start..end as usize;
        start = end as usize;
        span
    })
}

/// A message that a decoder wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedMessage {
    /// Class.
    pub class: &'static str,
    /// Natural key.
    pub key: String,
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub event_ns: u64,
    /// Security marking.
    pub marking: Option<&'static str>,
    /// Body, MessagePack.
    pub body: Vec<u8>,
    /// Sequence numbers of its frames, rising.
    pub sources: Vec<u64>,
}

impl DecodedMessage {
    /// The body as a type.
    ///
    /// # Panics
    /// If it is not one.
    pub fn read<B: Body>(&self) -> B {
        crate::body::read_body(self.class, &self.body)
    }
}

/// A frame that is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Sequence number of the frame.
    pub sequence: u64,
    /// Cause.
    pub cause: &'static str,
    /// What was wrong and where.
    pub detail: String,
}

/// What a batch of frames became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodedBatch {
    /// Messages.
    pub messages: Vec<DecodedMessage>,
    /// Rejects.
    pub rejects: Vec<Reject>,
    /// Sequence numbers of frames passed over, each with its kind.
    pub skips: Vec<(u64, &'static str)>,
}

/// Runs a decoder.
pub struct DecoderHost<D> {
    configuration: Configuration,
    description: Description,
    instance: DecoderInstance<D>,
    kept: Kept,
    next_sequence: u64,
    rerun: bool,
}

impl<D: Decoder> DecoderHost<D> {
    /// Configures the decoder. Frames are numbered from 1.
    ///
    /// # Errors
    /// Whatever `configure` refuses.
    pub fn new(configuration: Configuration) -> Result<Self, ConfigureError> {
        Ok(Self {
            instance: DecoderInstance::configure(&configuration)?,
            configuration,
            description: D::describe(),
            kept: Kept::default(),
            next_sequence: 1,
            rerun: true,
        })
    }

    /// Runs each batch once, for benchmarks.
    pub fn without_rerun(mut self) -> Self {
        self.rerun = false;
        self
    }

    /// Decodes a batch: capture time in nanoseconds and payload per frame.
    ///
    /// # Panics
    /// If the decoder does what the host would refuse.
    pub fn decode(&mut self, now_ns: u64, frames: &[(u64, &[u8])]) -> DecodedBatch {
        assert_batch(frames.len());
        let first = self.next_sequence;
        self.next_sequence += frames.len() as u64;
        let mut payloads = packed::empty(frames.len());
        for (_, payload) in frames {
            packed::push(&mut payloads, payload);
        }
        let frames = decoder_wit::Frames {
            sequences: (first..self.next_sequence).collect(),
            captured_ns: frames.iter().map(|(captured_ns, _)| *captured_ns).collect(),
            payloads,
        };
        let keys = if self.description.keyed {
            self.instance.keys(&frames)
        } else {
            decoder_wit::FrameKeys {
                key_ends: Vec::new(),
                keys: packed::empty(0),
            }
        };
        let (slot_keys, slots, states) = self.kept.slots(packed::iter(&keys.keys));
        let states = decoder_wit::FrameStates {
            slot_ends: keys.key_ends,
            slots,
            states,
        };
        let fresh = self.rerun.then(|| {
            DecoderInstance::<D>::configure(&self.configuration)
                .expect("configured before")
                .decode(now_ns, &frames, states.clone())
        });
        let decoded = self.instance.decode(now_ns, &frames, states);
        if let Some(fresh) = &fresh {
            assert_alike(&decoded, fresh);
        }
        self.kept
            .apply(&slot_keys, &decoded.changed, &decoded.states);
        self.unpack(first, &decoded)
    }

    fn unpack(&self, first: u64, decoded: &decoder_wit::Decoded) -> DecodedBatch {
        let said = &self.description;
        let messages = &decoded.messages;
        let unpacked = spans(&messages.source_ends).enumerate().map(|(index, span)| {
            let sources = messages.sources[span].to_vec();
            assert!(
                (1..=MESSAGE_SOURCES_MAX).contains(&sources.len())
                    && sources.is_sorted_by(|a, b| a < b)
                    && sources.last().is_some_and(|last| *last >= first),
                "sources of a message rise, are 1 to {MESSAGE_SOURCES_MAX}, and end in this batch"
            );
            DecodedMessage {
                class: said.classes[usize::from(messages.classes[index])],
                key: text(packed::get(&messages.keys, index)),
                event_ns: messages.event_ns[index],
                marking: said
                    .markings
                    .get(usize::from(messages.markings[index]))
                    .copied(),
                body: packed::get(&messages.bodies, index).to_vec(),
                sources,
            }
        });
        let skips = decoded.skips.frames.iter().zip(&decoded.skips.kinds);
        DecodedBatch {
            messages: unpacked.collect(),
            rejects: self.rejects(&decoded.rejects),
            skips: skips
                .map(|(&frame, &kind)| (first + u64::from(frame), said.skips[usize::from(kind)]))
                .collect(),
        }
    }

    fn rejects(&self, rejects: &decoder_wit::Rejects) -> Vec<Reject> {
        rejects
            .sequences
            .iter()
            .zip(&rejects.causes)
            .zip(packed::iter(&rejects.details))
            .map(|((&sequence, &cause), detail)| Reject {
                sequence,
                cause: self.description.causes[usize::from(cause)],
                detail: text(detail),
            })
            .collect()
    }

    /// What is kept for a key.
    pub fn state(&self, key: &[u8]) -> Option<D::State> {
        self.kept.get(key)
    }

    /// Keys for which something is kept, rising.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.kept.0.keys().cloned().collect()
    }

    /// Evicts a key's state and returns what the decoder says of it.
    pub fn evict(&mut self, now_ns: u64, key: &[u8]) -> Vec<Reject> {
        let Some(state) = self.kept.0.remove(key) else {
            return Vec::new();
        };
        let mut evicted = decoder_wit::Evicted {
            keys: packed::empty(1),
            states: packed::empty(1),
        };
        packed::push(&mut evicted.keys, key);
        packed::push(&mut evicted.states, &state);
        let rejects = self.instance.expire(now_ns, &evicted);
        self.rejects(&rejects)
    }
}

/// A message for a validator or a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Class.
    pub class: &'static str,
    /// Natural key.
    pub key: String,
    /// Capture time, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Time of applicability, nanoseconds since the Unix epoch.
    pub event_ns: u64,
    /// Highest severity of its anomalies; routers only.
    pub severity: Option<Severity>,
    /// Body, MessagePack.
    pub body: Vec<u8>,
}

impl Given {
    /// A message that was captured at its time of applicability, without anomalies.
    pub fn new(class: &'static str, key: &str, event_ns: u64, body: &impl Body) -> Self {
        let mut bytes = Vec::new();
        body.encode(&mut bytes);
        Self {
            class,
            key: key.into(),
            captured_ns: event_ns,
            event_ns,
            severity: None,
            body: bytes,
        }
    }
}

fn class_index(description: &Description, class: &str) -> u16 {
    crate::description::index_of("class", &description.classes, class)
}

fn bodies(messages: &[Given]) -> Packed {
    let mut packed = packed::empty(messages.len());
    for message in messages {
        packed::push(&mut packed, &message.body);
    }
    packed
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    /// Rule.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure, permille.
    pub score: u16,
    /// Evidence, by name.
    pub evidence: BTreeMap<String, f64>,
}

/// Runs a validator.
pub struct ValidatorHost<V> {
    configuration: Configuration,
    description: Description,
    instance: ValidatorInstance<V>,
    kept: Kept,
    classes: BTreeMap<Vec<u8>, u16>,
    rerun: bool,
}

impl<V: Validator> ValidatorHost<V> {
    /// Configures the validator.
    ///
    /// # Errors
    /// Whatever `configure` refuses.
    pub fn new(configuration: Configuration) -> Result<Self, ConfigureError> {
        Ok(Self {
            instance: ValidatorInstance::configure(&configuration)?,
            configuration,
            description: V::describe(),
            kept: Kept::default(),
            classes: BTreeMap::new(),
            rerun: true,
        })
    }

    /// Runs each batch once, for benchmarks.
    pub fn without_rerun(mut self) -> Self {
        self.rerun = false;
        self
    }

    /// Judges a batch; returns the anomalies of each message, none for a pass.
    ///
    /// # Panics
    /// If the validator does what the host would refuse.
    pub fn validate(&mut self, now_ns: u64, messages: &[Given]) -> Vec<Vec<Anomaly>> {
        assert_batch(messages.len());
        let keys = messages.iter().map(|message| message.key.as_bytes());
        let (slot_keys, slots, states) = self.kept.slots(keys);
        let classes: Vec<_> = messages
            .iter()
            .map(|message| class_index(&self.description, message.class))
            .collect();
        for (message, &class) in messages.iter().zip(&classes) {
            self.classes.insert(message.key.clone().into_bytes(), class);
        }
        let batch = validator_wit::Batch {
            now_ns,
            classes,
            slots,
            captured_ns: messages.iter().map(|message| message.captured_ns).collect(),
            event_ns: messages.iter().map(|message| message.event_ns).collect(),
            bodies: bodies(messages),
            states,
        };
        let fresh = self.rerun.then(|| {
            ValidatorInstance::<V>::configure(&self.configuration)
                .expect("configured before")
                .validate(batch.clone())
        });
        let judgement = self.instance.validate(batch);
        if let Some(fresh) = &fresh {
            assert_alike(&judgement, fresh);
        }
        self.kept
            .apply(&slot_keys, &judgement.changed, &judgement.states);
        let anomalies = self.anomalies(messages.len(), &judgement.anomalies);
        for (verdict, anomalies) in judgement.verdicts.iter().zip(&anomalies) {
            assert_eq!(
                *verdict == 1,
                !anomalies.is_empty(),
                "verdict and anomalies"
            );
        }
        anomalies
    }

    fn anomalies(&self, inputs: usize, columns: &validator_wit::Anomalies) -> Vec<Vec<Anomaly>> {
        let mut anomalies = vec![Vec::new(); inputs];
        for (index, &message) in columns.messages.iter().enumerate() {
            anomalies[message as usize].push(Anomaly {
                rule: self.description.rules[usize::from(columns.rules[index])],
                severity: Severity::from_code(columns.severities[index])
                    .expect("an anomaly has a severity"),
                score: columns.scores[index],
                evidence: evidence(packed::get(&columns.details, index)),
            });
        }
        anomalies
    }

    /// What is kept for a key.
    pub fn state(&self, key: &str) -> Option<V::State> {
        self.kept.get(key.as_bytes())
    }

    /// Evicts a key's state and returns what the validator says of it.
    pub fn evict(&mut self, now_ns: u64, key: &str) -> Vec<Anomaly> {
        let Some(state) = self.kept.0.remove(key.as_bytes()) else {
            return Vec::new();
        };
        let mut evicted = validator_wit::Evicted {
            classes: vec![self.classes[key.as_bytes()]],
            keys: packed::empty(1),
            states: packed::empty(1),
        };
        packed::push(&mut evicted.keys, key.as_bytes());
        packed::push(&mut evicted.states, &state);
        let columns = self.instance.expire(now_ns, &evicted);
        self.anomalies(1, &columns).remove(0)
    }
}

fn evidence(bytes: &[u8]) -> BTreeMap<String, f64> {
    let mut reader = Reader::new(bytes);
    let pairs = reader.map().expect("evidence is a map");
    (0..pairs)
        .map(|_| {
            let name = reader.str().expect("names are text").to_owned();
            (name, reader.number().expect("evidence is numbers"))
        })
        .collect()
}

/// Where a message went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Route.
    pub route: &'static str,
    /// Body, MessagePack; the message's own when it was not rewritten.
    pub body: Vec<u8>,
    /// True when the router wrote the body.
    pub rewritten: bool,
}

/// Runs a router.
pub struct RouterHost<R> {
    description: Description,
    instance: RouterInstance<R>,
    label: String,
}

impl<R: Router> RouterHost<R> {
    /// Configures the router, for messages under one label.
    ///
    /// # Errors
    /// Whatever `configure` refuses.
    pub fn new(configuration: Configuration, label: &str) -> Result<Self, ConfigureError> {
        Ok(Self {
            instance: RouterInstance::configure(&configuration)?,
            description: R::describe(),
            label: label.into(),
        })
    }

    /// Routes a batch; returns the deliveries of each message, none for a withheld one.
    ///
    /// # Panics
    /// If the router does what the host would refuse.
    pub fn route(&mut self, messages: &[Given]) -> Vec<Vec<Delivery>> {
        assert_batch(messages.len());
        let mut keys = packed::empty(messages.len());
        for message in messages {
            packed::push(&mut keys, message.key.as_bytes());
        }
        let severity = |message: &Given| message.severity.map_or(0, Severity::code);
        let batch = router_wit::Batch {
            classes: messages
                .iter()
                .map(|message| class_index(&self.description, message.class))
                .collect(),
            verdicts: messages
                .iter()
                .map(|message| u8::from(message.severity.is_some()))
                .collect(),
            severities: messages.iter().map(severity).collect(),
            captured_ns: messages.iter().map(|message| message.captured_ns).collect(),
            event_ns: messages.iter().map(|message| message.event_ns).collect(),
            keys,
            bodies: bodies(messages),
            label: self.label.clone(),
        };
        let columns = self.instance.route(&batch);
        let mut deliveries = vec![Vec::new(); messages.len()];
        for (index, &message) in columns.messages.iter().enumerate() {
            let message = message as usize;
            let rewritten = columns.rewritten[index] != u32::MAX;
            let body = if rewritten {
                packed::get(&columns.bodies, columns.rewritten[index] as usize).to_vec()
            } else {
                messages[message].body.clone()
            };
            deliveries[message].push(Delivery {
                route: self.description.routes[usize::from(columns.routes[index])],
                body,
                rewritten,
            });
        }
        deliveries
    }
}

#[cfg(test)]
mod tests;
