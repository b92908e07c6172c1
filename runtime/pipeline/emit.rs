//! Last stage: records, in the order of capture.

use std::collections::HashMap;

use outrigger_policy::limits::DEAD_FRAMES_BYTES;
use outrigger_policy::topology::{ClassId, PluginId, Target, TopicId};

use super::batch::{Dead, Delivery, Subject};
use super::{Counters, FrameArchive, Input, Outbox, Pipeline};
use crate::record::{
    AnomalyEntry, EMPTY_BODY, Failure, Outgoing, Position, Source, encode, encode_plugins,
};

/// What emitting reuses: a buffer, and the encoded plugins of each decoder and class.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    record: Vec<u8>,
    /// Bounded by the plugins and classes of the graph. Only looked up, never walked.
    plugins: HashMap<(Option<PluginId>, Option<ClassId>), Vec<u8>>,
    /// Position of the next record, by topic.
    next: Vec<Position>,
    /// Frames in dead letters of this batch, bytes.
    dead_frames_bytes: usize,
}

impl Emitter {
    /// Begins a block: ordinals start anew.
    pub(super) fn begin(&mut self, block: u64, topics: usize) {
        self.next.clear();
        self.next.resize(topics, Position { block, ordinal: 0 });
    }

    /// Takes room for a frame in a dead letter, if there is some.
    fn has_room_for(&mut self, frame: &[u8]) -> bool {
        let bytes = self.dead_frames_bytes + frame.len();
        let fits = bytes <= DEAD_FRAMES_BYTES;
        if fits {
            self.dead_frames_bytes = bytes;
        }
        fits
    }

    fn position(&mut self, topic: TopicId) -> Position {
        let next = &mut self.next[topic.index()];
        let position = *next;
        next.ordinal += 1;
        position
    }
}

impl Pipeline {
    /// Emits the batch: dead letters, then deliveries.
    pub(super) fn emit(
        &mut self,
        input: &Input<'_>,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) {
        self.deliver_static();
        let mut emitter = std::mem::take(&mut self.emitter);
        emitter.dead_frames_bytes = 0;
        // Broken rules and deliveries came plugin by plugin; a stable sort brings together what
        // belongs to a message and keeps the plugins' order.
        self.batch.broken.sort_by_key(|broken| broken.message);
        self.batch
            .deliveries
            .sort_by_key(|delivery| delivery.message);
        let dead = std::mem::take(&mut self.batch.dead);
        for dead in &dead {
            if let Subject::Message(at) = dead.subject {
                self.counters.dead[self.batch.messages[at].class.index()] += 1;
            }
            self.emit_dead(&mut emitter, input, dead, outbox, archive);
        }
        let deliveries = std::mem::take(&mut self.batch.deliveries);
        let mut first_broken = 0usize;
        let mut went: Option<(usize, bool)> = None;
        for delivery in &deliveries {
            let broken = &self.batch.broken;
            while broken
                .get(first_broken)
                .is_some_and(|b| b.message < delivery.message)
            {
                first_broken += 1;
            }
            let left =
                self.emit_delivery(&mut emitter, input, delivery, first_broken, outbox, archive);
            went = match went {
                Some((message, any)) if message == delivery.message => Some((message, any || left)),
                before => {
                    self.settle(before);
                    Some((delivery.message, left))
                }
            };
        }
        self.settle(went);
        self.batch.dead = dead;
        self.batch.deliveries = deliveries;
        self.emitter = emitter;
    }

    /// Counts a message, once, by whether any of its deliveries left.
    fn settle(&mut self, went: Option<(usize, bool)>) {
        let Some((message, left)) = went else {
            return;
        };
        let message = &self.batch.messages[message];
        // What is said of an evicted key was not decoded.
        if message.sources.is_empty() {
            return;
        }
        let Counters {
            delivered, dead, ..
        } = &mut self.counters;
        let count = if left { delivered } else { dead };
        count[message.class.index()] += 1;
    }

    /// Messages of a class without router go to the topic that the configuration names.
    fn deliver_static(&mut self) {
        for at in 0..self.batch.messages.len() {
            let message = &self.batch.messages[at];
            // A message without frames speaks of an evicted key and has its delivery already.
            let Target::Topic(topic) = self.topology.class(message.class).target else {
                continue;
            };
            if message.live && !message.sources.is_empty() {
                let body = message.body.clone();
                self.batch.deliveries.push(Delivery {
                    message: at,
                    topic,
                    body,
                });
            }
        }
    }

    /// False if the record may not leave, and is a dead letter.
    fn emit_delivery(
        &mut self,
        emitter: &mut Emitter,
        input: &Input<'_>,
        delivery: &Delivery,
        first_broken: usize,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) -> bool {
        let message = &self.batch.messages[delivery.message];
        if !self.topology.allows(message.label, delivery.topic) {
            // The graph refuses such a configuration; this is the second lock on the door.
            let topic = &self.topology.topic(delivery.topic).name;
            let dead = Dead {
                subject: Subject::Message(delivery.message),
                cause: "label".to_owned(),
                stage: format!("deliver:{topic}"),
                detail: "the topic's label does not dominate the message's".to_owned(),
            };
            self.emit_dead(emitter, input, &dead, outbox, archive);
            return false;
        }
        let broken = &self.batch.broken[first_broken..];
        let count = broken
            .iter()
            .take_while(|broken| broken.message == delivery.message)
            .count();
        let anomalies = broken[..count].iter().map(|broken| {
            let plugin = self.members[broken.plugin.index()].as_ref();
            let (rule, plugin) = plugin.map_or(("", ""), |member| {
                let rules = &member.installed.plugin.description.rules;
                (rules[usize::from(broken.rule)].as_str(), member.name())
            });
            AnomalyEntry {
                rule,
                severity: broken.severity,
                score_permille: broken.score_permille,
                detail: self.batch.bytes(&broken.detail),
                plugin,
            }
        });
        emitter.record.clear();
        let position = emitter.position(delivery.topic);
        let outgoing = Outgoing {
            source: self.source(input, delivery.message, position),
            class: &self.topology.class(message.class).name,
            key: self.batch.text(&message.key),
            event_ns: message.event_ns,
            label: self.topology.labels().name(message.label),
            plugins: plugins(self, &mut emitter.plugins, input, Some(message.class)),
            body: self.batch.bytes(&delivery.body),
            failure: None,
        };
        encode(&mut emitter.record, &outgoing, anomalies);
        outbox.put(
            delivery.topic,
            position,
            message.captured_ns,
            &emitter.record,
        );
        self.counters.records[delivery.topic.index()] += 1;
        true
    }

    fn emit_dead(
        &mut self,
        emitter: &mut Emitter,
        input: &Input<'_>,
        dead: &Dead,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) {
        let count = (dead.stage.clone(), dead.cause.clone());
        *self.counters.dead_letters.entry(count).or_default() += 1;
        let sequence = match dead.subject {
            Subject::Frame(sequence) => Some(sequence),
            Subject::Message(at) => {
                let sources = &self.batch.sources[self.batch.messages[at].sources.clone()];
                sources.last().copied()
            }
        };
        let frame = sequence.and_then(|sequence| find_frame(input, sequence, archive));
        let carried = frame.as_ref().map(|(_, frame)| &frame[..]);
        let carried = carried.filter(|frame| emitter.has_room_for(frame));
        let failure = Failure {
            cause: &dead.cause,
            stage: &dead.stage,
            detail: &dead.detail,
            frame: carried,
        };
        emitter.record.clear();
        let topic: TopicId = self.topology.dead_letters();
        let position = emitter.position(topic);
        let captured_ns = frame.as_ref().map_or(0, |(time_ns, _)| *time_ns);
        let frames = sequence.map_or(vec![], |sequence| vec![sequence]);
        let outgoing = match dead.subject {
            Subject::Frame(_) => Outgoing {
                source: Source {
                    position,
                    tap: &self.topology.tap(input.tap).name,
                    frames: &frames,
                    index: 0,
                    captured_ns,
                },
                class: "",
                key: "",
                event_ns: 0,
                label: self
                    .topology
                    .labels()
                    .name(self.topology.tap(input.tap).label),
                plugins: plugins(self, &mut emitter.plugins, input, None),
                body: EMPTY_BODY,
                failure: Some(failure),
            },
            Subject::Message(at) => {
                let message = &self.batch.messages[at];
                Outgoing {
                    source: self.source(input, at, position),
                    class: &self.topology.class(message.class).name,
                    key: self.batch.text(&message.key),
                    event_ns: message.event_ns,
                    label: self.topology.labels().name(message.label),
                    plugins: plugins(self, &mut emitter.plugins, input, Some(message.class)),
                    body: self.batch.bytes(&message.body),
                    failure: Some(failure),
                }
            }
        };
        encode(&mut emitter.record, &outgoing, std::iter::empty());
        outbox.put(topic, position, captured_ns, &emitter.record);
        self.counters.records[topic.index()] += 1;
    }

    fn source(&self, input: &Input<'_>, message: usize, position: Position) -> Source<'_> {
        let message = &self.batch.messages[message];
        Source {
            position,
            tap: &self.topology.tap(input.tap).name,
            frames: &self.batch.sources[message.sources.clone()],
            index: message.index,
            captured_ns: message.captured_ns,
        }
    }
}

/// The encoded plugins of a record: its tap's decoder, and what its class goes through.
fn plugins<'c>(
    pipeline: &Pipeline,
    cache: &'c mut HashMap<(Option<PluginId>, Option<ClassId>), Vec<u8>>,
    input: &Input<'_>,
    class: Option<ClassId>,
) -> &'c [u8] {
    let topology = &pipeline.topology;
    let decoder = topology.tap(input.tap).decoder;
    cache.entry((decoder, class)).or_insert_with(|| {
        let mut chain = Vec::from_iter(decoder);
        if let Some(class) = class {
            chain.extend(&topology.class(class).validators);
            if let Target::Router(router) = topology.class(class).target {
                chain.push(router);
            }
        }
        let entries: Vec<(&str, &[u8; 32])> = chain
            .iter()
            .filter_map(|plugin| pipeline.members[plugin.index()].as_ref())
            .map(|member| (member.name(), &member.installed.plugin.digest))
            .collect();
        encode_plugins(entries.into_iter())
    })
}

/// A frame of this block, or of an earlier one.
fn find_frame(
    input: &Input<'_>,
    sequence: u64,
    archive: &mut dyn FrameArchive,
) -> Option<(u64, Vec<u8>)> {
    match sequence.checked_sub(input.first_seq) {
        Some(at) if at < input.frames.len() as u64 => {
            let at = at as usize;
            let frame = input.frames.get(at)?.to_vec();
            Some((input.frames.times_ns()[at], frame))
        }
        _ => archive.frame(input.tap, sequence),
    }
}
