//! From a journal block to the topics: the loop to read aloud.
//!
//! [`Pipeline::process`] takes one block and does, in this order: restart instances if a span of
//! blocks begins; cut the frames into batches where state expires; and for every batch *decode*,
//! *validate* with each validator in the graph's order, *route*, *emit* in the order of capture.
//!
//! What always holds: the outputs are a function of the blocks, the plugins, the configuration,
//! and the rulings. Nothing here reads a clock or a file; what a guest returns has been checked
//! by `outrigger_policy::claims` before it comes here; order per key is the order of capture; a
//! message is in the topics, withheld by its router, or a dead letter, and counted as one of
//! these. How frames are cut into blocks does not show in the records: state expires between
//! frames, by their capture times.

mod batch;
mod decode;
mod emit;
mod expire;
mod halving;
mod member;
mod route;
mod slots;
mod validate;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use outrigger_policy::Columns;
use outrigger_policy::labels::LabelId;
use outrigger_policy::state::{Kept, StateStore, TooLarge};
use outrigger_policy::topology::{PluginId, TapId, Target, TopicId, Topology};
use outrigger_policy::verdict::{Health, OnQuarantine};

use crate::record::Position;
use batch::Batch;
use decode::{DecodeStage, FrameBatch};
use member::{Calls, Member, Serves};
pub use member::{Installed, MisfitError, PluginCounters};
use route::RouteStage;
use validate::ValidateStage;

/// Capture time is cut into pieces of this length for expiry: state expires when the first frame
/// of a later piece arrives. Unit: nanoseconds. Reason: a batch is cut at most once per piece.
pub const EXPIRY_STEP_NS: u64 = 1_000_000_000;

/// What the pipeline needs to know of the configuration.
pub struct Setup {
    /// The graph.
    pub topology: Arc<Topology>,
    /// By plugin; `None` for those that the graph never calls.
    pub plugins: Vec<Option<Installed>>,
    /// Instances restart at every block whose number is a multiple of this.
    pub instance_blocks: u64,
    /// Most frames or messages in a call.
    pub batch_messages_max: usize,
}

/// A block of frames, or a tick.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Number of the block.
    pub block: u64,
    /// The tap.
    pub tap: TapId,
    /// Sequence number of the first frame.
    pub first_seq: u64,
    /// The frames; none in a tick.
    pub frames: &'a Columns,
    /// Time of a tick, nanoseconds since the Unix epoch.
    pub tick_ns: Option<u64>,
}

/// Takes records on their way to the topics.
pub trait Outbox {
    /// Takes a record that stands at `position` in `topic`, captured at `time_ns`. Positions rise.
    fn put(&mut self, topic: TopicId, position: Position, time_ns: u64, record: &[u8]);
}

/// Finds frames of earlier blocks: capture time and payload.
pub trait FrameArchive {
    /// The frame with this sequence number, if the journal still holds it.
    fn frame(&mut self, sequence: u64) -> Option<(u64, Vec<u8>)>;
}

/// Why the pipeline stops: a plugin that must not be bypassed is quarantined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Name of the plugin.
    pub plugin: String,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { plugin } = self;
        write!(
            f,
            "plugin {plugin} is quarantined and its configuration says on_quarantine = \"stop\""
        )
    }
}

impl std::error::Error for Stopped {}

/// Counters of the pipeline since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Blocks processed.
    pub blocks: u64,
    /// Frames processed, rejected ones included, by tap.
    pub frames: Vec<u64>,
    /// Of these, frames that were rejected, by tap.
    pub rejected: Vec<u64>,
    /// Messages decoded, by class.
    pub messages: Vec<u64>,
    /// Messages with at least one anomaly, by class.
    pub anomalous: Vec<u64>,
    /// Records emitted, by topic, re-executed ones included.
    pub records: Vec<u64>,
    /// Dead letters by stage and cause. Bounded: both come from the configuration and from
    /// checked descriptions.
    pub dead_letters: BTreeMap<(String, String), u64>,
}

/// State of one plugin under one label, as a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePart {
    /// Name of the plugin.
    pub plugin: String,
    /// Name of the label.
    pub label: String,
    /// Decoders: name of the tap.
    pub tap: Option<String>,
    /// Its keys, in the order of touching.
    pub kept: Vec<Kept>,
}

/// Everything that the pipeline has folded from the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Per tap: name, and latest capture time.
    pub taps: Vec<(String, u64)>,
    /// Per plugin: name and health.
    pub health: Vec<(String, Health)>,
    /// Per plugin and label: state.
    pub stores: Vec<StorePart>,
}

/// The pipeline.
pub struct Pipeline {
    topology: Arc<Topology>,
    members: Vec<Option<Member>>,
    instance_blocks: u64,
    batch_messages_max: usize,
    /// Latest capture time by tap.
    watermarks: Vec<u64>,
    last_block: Option<u64>,
    restarts: BTreeSet<u64>,
    lifts: BTreeSet<(u64, String)>,
    calls: Calls,
    batch: Batch,
    emitter: emit::Emitter,
    counters: Counters,
}

impl Pipeline {
    /// Puts plugins into the graph.
    ///
    /// # Errors
    /// A plugin whose description does not fit its place.
    pub fn new(setup: Setup) -> Result<Self, MisfitError> {
        let Setup { topology, .. } = setup;
        let members = topology
            .plugin_ids()
            .zip(setup.plugins)
            .map(|(id, installed)| {
                installed
                    .map(|one| Member::new(&topology, id, one))
                    .transpose()
            })
            .collect::<Result<Vec<_>, _>>()?;
        let counters = Counters {
            frames: vec![0; topology.taps().len()],
            rejected: vec![0; topology.taps().len()],
            messages: vec![0; topology.classes().len()],
            anomalous: vec![0; topology.classes().len()],
            records: vec![0; topology.topics().len()],
            ..Counters::default()
        };
        Ok(Self {
            watermarks: vec![0; topology.taps().len()],
            members,
            instance_blocks: setup.instance_blocks.max(1),
            batch_messages_max: setup.batch_messages_max.max(1),
            last_block: None,
            restarts: BTreeSet::new(),
            lifts: BTreeSet::new(),
            calls: Calls::default(),
            batch: Batch::default(),
            emitter: emit::Emitter::default(),
            counters,
            topology,
        })
    }

    /// Makes a ruling known: the call was late.
    pub fn rule_late(&mut self, block: u64, call: u32) {
        self.calls.late.insert((block, call));
    }

    /// Makes a ruling known: instances restart before the first block from `at_block` on.
    pub fn rule_restart(&mut self, at_block: u64) {
        self.restarts.insert(at_block);
    }

    /// Makes a ruling known: the quarantine of `plugin` is lifted before the first block from
    /// `at_block` on.
    pub fn rule_lift(&mut self, at_block: u64, plugin: &str) {
        self.lifts.insert((at_block, plugin.to_owned()));
    }

    /// Takes the calls that have been late since the last time: block and ordinal. They must be
    /// on disk before the outputs leave.
    pub fn take_late(&mut self) -> Vec<(u64, u32)> {
        std::mem::take(&mut self.calls.new_late)
    }

    /// True if `block` begins a span, so that a snapshot can be taken before it.
    pub fn begins_span(&self, block: u64) -> bool {
        self.last_block.is_none_or(|last| {
            block / self.instance_blocks != last / self.instance_blocks
                || self.restarts.range(last + 1..=block).next().is_some()
        })
    }

    /// Processes a block; blocks must come in order.
    ///
    /// # Errors
    /// A plugin was quarantined that stops the runtime. The block is processed all the same.
    pub fn process(
        &mut self,
        input: &Input<'_>,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) -> Result<(), Stopped> {
        self.begin(input.block);
        let tap = input.tap.index();
        if let Some(tick_ns) = input.tick_ns {
            self.advance(input, tick_ns, outbox, archive);
        }
        let times = input.frames.times_ns();
        let sequences: Vec<u64> = (input.first_seq..).take(times.len()).collect();
        let mut start = 0;
        while start < times.len() {
            self.advance(input, times[start], outbox, archive);
            let end = self.batch_end(tap, times, start);
            self.run_batch(input, &sequences, start..end, outbox, archive);
            start = end;
        }
        self.counters.blocks += 1;
        self.counters.frames[tap] += times.len() as u64;
        self.check_guards()
    }

    /// Restarts instances and lifts quarantines that are due before this block.
    fn begin(&mut self, block: u64) {
        if self.begins_span(block) {
            self.restart();
        }
        let from = self.last_block.map_or(0, |last| last + 1);
        let due: Vec<String> = self
            .lifts
            .iter()
            .filter(|(at, _)| (from..=block).contains(at))
            .map(|(_, plugin)| plugin.clone())
            .collect();
        for member in self.members.iter_mut().flatten() {
            if due.iter().any(|plugin| plugin == member.name()) {
                member.health.lift();
            }
        }
        self.last_block = Some(block);
        self.calls.begin(block);
        self.emitter.begin(block, self.topology.topics().len());
    }

    /// Discards every instance.
    pub fn restart(&mut self) {
        for member in self.members.iter_mut().flatten() {
            for place in member.places.values_mut() {
                place.seat.restart();
            }
        }
    }

    /// Moves a tap's time on, and lets state expire if a new piece of time begins.
    fn advance(
        &mut self,
        input: &Input<'_>,
        time_ns: u64,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) {
        let watermark = &mut self.watermarks[input.tap.index()];
        let before = *watermark;
        *watermark = before.max(time_ns);
        if *watermark / EXPIRY_STEP_NS > before / EXPIRY_STEP_NS {
            self.expire(input, outbox, archive);
        }
    }

    /// End of the batch that starts at `start`: before the first frame of a later piece of time
    /// at which state could expire, state of this very batch included.
    fn batch_end(&self, tap: usize, times: &[u64], start: usize) -> usize {
        let domain = tap as u16;
        let piece = self.watermarks[tap] / EXPIRY_STEP_NS;
        let begun = times[start];
        let limit = times.len().min(start + self.batch_messages_max);
        (start + 1..limit)
            .find(|&at| {
                times[at] / EXPIRY_STEP_NS > piece
                    && self.members.iter().flatten().any(|member| {
                        let age = member.installed.bounds.age_ns_max;
                        begun.saturating_add(age) <= times[at]
                            || member
                                .places
                                .values()
                                .any(|place| place.store.has_expired(domain, times[at]))
                    })
            })
            .unwrap_or(limit)
    }

    /// Takes one batch through all stages.
    fn run_batch(
        &mut self,
        input: &Input<'_>,
        sequences: &[u64],
        rows: std::ops::Range<usize>,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) {
        self.batch.clear();
        let times = input.frames.times_ns();
        for &time_ns in &times[rows.clone()] {
            let watermark = &mut self.watermarks[input.tap.index()];
            *watermark = time_ns.max(*watermark);
        }
        let ends = input.frames.ends();
        let frames = FrameBatch {
            tap: input.tap,
            label: self.topology.tap(input.tap).label,
            now_ns: self.watermarks[input.tap.index()],
            sequences: &sequences[rows.clone()],
            captured_ns: &times[rows.clone()],
            start: rows.start.checked_sub(1).map_or(0, |before| ends[before]),
            ends: &ends[rows],
            bytes: input.frames.bytes(),
        };
        let mut evicted = self.decode(input.tap, frames);
        for message in &self.batch.messages {
            self.counters.messages[message.class.index()] += 1;
        }
        let topology = Arc::clone(&self.topology);
        for &validator in topology.validators() {
            evicted.extend(self.validate(input.tap, validator));
        }
        for message in &self.batch.messages {
            self.counters.anomalous[message.class.index()] += u64::from(message.severity > 0);
        }
        self.route();
        self.emit(input, outbox, archive);
        // What was evicted to make room comes after the batch that needed the room.
        for (plugin, serves, kept) in evicted {
            self.expire_kept(input, plugin, serves, kept, outbox, archive);
        }
    }

    fn decode(
        &mut self,
        tap: TapId,
        frames: FrameBatch<'_>,
    ) -> Vec<(PluginId, Serves, Vec<Kept>)> {
        let decoder = self.topology.tap(tap).decoder;
        let Some(member) = self.members[decoder.index()].as_mut() else {
            return Vec::new();
        };
        let serves = (frames.label, Some(tap));
        member.ensure_place(serves);
        let mut stage = DecodeStage {
            labels: self.topology.labels(),
            member,
            calls: &mut self.calls,
            frames,
            batch: &mut self.batch,
            evicted: Vec::new(),
            rejected_frames: 0,
        };
        halving::run(&mut stage, frames.sequences.len(), self.batch_messages_max);
        self.counters.rejected[tap.index()] += stage.rejected_frames;
        vec![(decoder, serves, stage.evicted)]
    }

    fn validate(&mut self, tap: TapId, validator: PluginId) -> Vec<(PluginId, Serves, Vec<Kept>)> {
        let mut evicted = Vec::new();
        let topology = Arc::clone(&self.topology);
        let judged = |class: outrigger_policy::topology::ClassId| {
            topology.class(class).validators.contains(&validator)
        };
        for (label, messages) in self.live_by_label(judged) {
            let Some(member) = self.members[validator.index()].as_mut() else {
                continue;
            };
            member.ensure_place((label, None));
            let mut stage = ValidateStage {
                member,
                calls: &mut self.calls,
                tap: tap.get(),
                label,
                now_ns: self.watermarks[tap.index()],
                batch: &mut self.batch,
                messages: &messages,
                evicted: Vec::new(),
            };
            halving::run(&mut stage, messages.len(), self.batch_messages_max);
            evicted.push((validator, (label, None), stage.evicted));
        }
        evicted
    }

    fn route(&mut self) {
        let topology = Arc::clone(&self.topology);
        for router in topology.plugin_ids() {
            let routed = |class: outrigger_policy::topology::ClassId| {
                topology.class(class).target == Target::Router(router)
            };
            for (label, messages) in self.live_by_label(routed) {
                let Some(member) = self.members[router.index()].as_mut() else {
                    continue;
                };
                member.ensure_place((label, None));
                let mut stage = RouteStage {
                    member,
                    calls: &mut self.calls,
                    label,
                    label_name: topology.labels().name(label),
                    batch: &mut self.batch,
                    messages: &messages,
                };
                halving::run(&mut stage, messages.len(), self.batch_messages_max);
            }
        }
    }

    /// Live messages of the chosen classes, in order, by label: an instance serves one label.
    fn live_by_label(
        &self,
        chosen: impl Fn(outrigger_policy::topology::ClassId) -> bool,
    ) -> BTreeMap<LabelId, Vec<usize>> {
        let mut labels: BTreeMap<LabelId, Vec<usize>> = BTreeMap::new();
        for (at, message) in self.batch.messages.iter().enumerate() {
            if message.live && chosen(message.class) {
                labels.entry(message.label).or_default().push(at);
            }
        }
        labels
    }

    fn check_guards(&self) -> Result<(), Stopped> {
        match self.members.iter().flatten().find(|member| {
            member.health.quarantined && member.installed.on_quarantine == OnQuarantine::Stop
        }) {
            None => Ok(()),
            Some(member) => Err(Stopped {
                plugin: member.name().to_owned(),
            }),
        }
    }

    /// Everything folded so far. Only at the start of a span is it enough to go on from.
    pub fn fold(&self) -> Folded {
        let taps = self.topology.taps().iter().zip(&self.watermarks);
        let labels = self.topology.labels();
        Folded {
            taps: taps.map(|(tap, &time)| (tap.name.clone(), time)).collect(),
            health: self
                .members
                .iter()
                .flatten()
                .map(|member| (member.name().to_owned(), member.health))
                .collect(),
            stores: self
                .members
                .iter()
                .flatten()
                .flat_map(|member| {
                    member.places.iter().map(|(&(label, tap), place)| StorePart {
                        plugin: member.name().to_owned(),
                        label: labels.name(label).to_owned(),
                        tap: tap.map(|tap| self.topology.tap(tap).name.clone()),
                        kept: place.store.kept().into_iter().cloned().collect(),
                    })
                })
                .collect(),
        }
    }

    /// Goes on from what was folded. Parts of taps, plugins and labels that are gone are dropped;
    /// classes and taps inside the state are indices of the graph, so it must be the same graph.
    ///
    /// # Errors
    /// A state that is over its plugin's bound.
    pub fn unfold(&mut self, folded: Folded) -> Result<(), TooLarge> {
        for (name, time_ns) in folded.taps {
            if let Some(tap) = self.topology.find_tap(&name) {
                self.watermarks[tap.index()] = time_ns;
            }
        }
        for member in self.members.iter_mut().flatten() {
            let name = member.name().to_owned();
            if let Some((_, health)) = folded.health.iter().find(|(plugin, _)| *plugin == name) {
                member.health = *health;
            }
        }
        for part in folded.stores {
            let label = self.topology.labels().find(&part.label);
            let tap = part.tap.as_deref().map(|tap| self.topology.find_tap(tap));
            let mut members = self.members.iter_mut().flatten();
            let member = members.find(|member| member.name() == part.plugin);
            let (Some(label), Some(member)) = (label, member) else {
                continue;
            };
            let serves = match tap {
                None => (label, None),
                Some(Some(tap)) => (label, Some(tap)),
                Some(None) => continue,
            };
            member.ensure_place(serves);
            let store = StateStore::restore(member.installed.bounds, part.kept)?;
            if let Some(place) = member.places.get_mut(&serves) {
                place.store = store;
            }
        }
        Ok(())
    }

    /// Counters since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is to be said of each plugin that takes part.
    pub fn plugins(&mut self) -> Vec<PluginView> {
        self.members
            .iter_mut()
            .flatten()
            .map(|member| PluginView {
                usage: member
                    .places
                    .values()
                    .map(|place| place.seat.usage())
                    .collect(),
                notes: member
                    .places
                    .values_mut()
                    .flat_map(|place| place.seat.take_notes())
                    .collect(),
                state_keys: member
                    .places
                    .values()
                    .map(|place| place.store.len() as u64)
                    .sum(),
                state_bytes: member
                    .places
                    .values()
                    .map(|place| place.store.bytes())
                    .sum(),
                health: member.health,
                counters: member.counters.clone(),
                plugin: Arc::clone(&member.installed.plugin),
            })
            .collect()
    }
}

/// What is to be said of a plugin.
#[derive(Clone)]
pub struct PluginView {
    /// The plugin.
    pub plugin: Arc<outrigger_sandbox::Plugin>,
    /// Cost of its calls, per label.
    pub usage: Vec<outrigger_sandbox::Usage>,
    /// Notes left since the last time.
    pub notes: Vec<outrigger_sandbox::Note>,
    /// Keys kept.
    pub state_keys: u64,
    /// Bytes kept.
    pub state_bytes: u64,
    /// How far it is from quarantine.
    pub health: Health,
    /// Its counters.
    pub counters: PluginCounters,
}
