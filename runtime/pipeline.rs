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
//! frames, by their capture times. The one exception is a key that is evicted to make room for
//! others: a plugin's bound on keys holds between batches.

mod batch;
mod bury;
mod carry;
mod cost;
mod decode;
mod emit;
mod expire;
mod fold;
mod halving;
mod member;
mod ports;
mod route;
mod shed;
mod slots;
mod stages;
mod validate;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use outrigger_policy::ledger::FrameAccount;
use outrigger_policy::limits::{BATCH_RECORDS_BYTES, BATCH_RECORDS_FACTOR};
use outrigger_policy::topology::Topology;
use outrigger_policy::verdict::OnQuarantine;

use batch::Batch;
pub use bury::{REFUSED, Refusal};
pub use carry::Carried;
use decode::FrameBatch;
use expire::EVICTED_MAX;
pub use fold::{Change, Folded, StorePart};
use member::{Calls, Member};
pub use member::{Installed, MisfitError, PluginCounters};
pub use ports::{Counters, FrameArchive, Input, Outbox, Setup, Stopped};
pub use view::PluginView;

/// Capture time is cut into pieces of this length for expiry: state expires when the first frame
/// of a later piece arrives. Unit: nanoseconds. Reason: a batch is cut at most once per piece.
pub const EXPIRY_STEP_NS: u64 = 1_000_000_000;

/// The pipeline.
pub struct Pipeline {
    topology: Arc<Topology>,
    members: Vec<Option<Member>>,
    instance_blocks: u64,
    batch_messages_max: usize,
    /// Latest capture time by tap.
    watermarks: Vec<u64>,
    last_block: Option<u64>,
    /// What came before this block is folded in, and the rulings that concern it are obeyed.
    from_block: u64,
    restarts: BTreeSet<u64>,
    lifts: BTreeSet<(u64, String)>,
    shed: shed::Shed,
    calls: Calls,
    batch: Batch,
    emitter: emit::Emitter,
    /// By tap: which frames are processed, and which rejected.
    accounts: Vec<FrameAccount>,
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
            processed: vec![0; topology.taps().len()],
            rejected: vec![0; topology.taps().len()],
            messages: vec![0; topology.classes().len()],
            anomalous: vec![0; topology.classes().len()],
            delivered: vec![0; topology.classes().len()],
            withheld: vec![0; topology.classes().len()],
            dead: vec![0; topology.classes().len()],
            records: vec![0; topology.topics().len()],
            shed_frames: vec![0; topology.taps().len()],
            shed_messages: vec![0; topology.classes().len()],
            ..Counters::default()
        };
        Ok(Self {
            watermarks: vec![0; topology.taps().len()],
            members,
            instance_blocks: setup.instance_blocks.max(1),
            batch_messages_max: setup.batch_messages_max.max(1),
            last_block: None,
            from_block: 0,
            restarts: BTreeSet::new(),
            lifts: BTreeSet::new(),
            shed: shed::Shed::default(),
            calls: Calls::default(),
            batch: Batch::default(),
            emitter: emit::Emitter::default(),
            accounts: vec![FrameAccount::default(); topology.taps().len()],
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

    /// Says that everything before `block` is folded in: a quarantine lifted there stays as it is.
    pub fn start_at(&mut self, block: u64) {
        self.from_block = block;
    }

    /// Lifts the quarantines that are due before `block`, so that what is folded has them lifted.
    pub fn lift_due(&mut self, block: u64) {
        let later = self.lifts.split_off(&(block + 1, String::new()));
        for (at, plugin) in std::mem::replace(&mut self.lifts, later) {
            let mut members = self.members.iter_mut().flatten();
            if at >= self.from_block
                && let Some(member) = members.find(|member| member.name() == plugin)
            {
                member.health.lift();
            }
        }
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
        self.process_carried(input, &[], outbox, archive)
    }

    /// The same for a tap that carries messages already: what each frame is.
    ///
    /// # Errors
    /// As [`Pipeline::process`].
    pub fn process_carried(
        &mut self,
        input: &Input<'_>,
        carried: &[Carried],
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) -> Result<(), Stopped> {
        self.begin(input.block);
        let frames_bytes = input.frames.bytes().len();
        self.batch.room_max = BATCH_RECORDS_BYTES.max(BATCH_RECORDS_FACTOR * frames_bytes);
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
            self.run_batch(input, carried, &sequences, start..end, outbox, archive);
            start = end;
        }
        self.counters.blocks += 1;
        self.counters.frames[tap] += times.len() as u64;
        self.counters.processed[tap] = self.accounts[tap].processed();
        self.counters.rejected[tap] = self.accounts[tap].rejected();
        self.check_guards()
    }

    /// Restarts instances and lifts quarantines that are due before this block.
    fn begin(&mut self, block: u64) {
        if self.begins_span(block) {
            self.restart();
        }
        self.lift_due(block);
        self.shed.begin(block);
        self.last_block = Some(block);
        // Blocks come in order, so what concerns earlier ones is done with.
        self.restarts = self.restarts.split_off(&(block + 1));
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

    /// Takes one batch through all stages.
    fn run_batch(
        &mut self,
        input: &Input<'_>,
        carried: &[Carried],
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
            ends: &ends[rows.clone()],
            bytes: input.frames.bytes(),
        };
        if self.sheds_all_of(input.tap) {
            // Time has passed all the same: the watermark is set.
            self.counters.shed_frames[input.tap.index()] += rows.len() as u64;
            return;
        }
        let mut evicted = match self.topology.tap(input.tap).decoder {
            Some(decoder) => self.decode(decoder, frames),
            None => {
                self.carry(frames, &carried[rows]);
                Vec::new()
            }
        };
        for message in &self.batch.messages {
            self.counters.messages[message.class.index()] += 1;
        }
        self.shed_messages(input.tap);
        let topology = Arc::clone(&self.topology);
        for &validator in topology.validators() {
            evicted.extend(self.validate(input.tap, validator));
        }
        for message in &self.batch.messages {
            self.counters.anomalous[message.class.index()] += u64::from(message.severity > 0);
        }
        self.route();
        self.emit(input, outbox, archive);
        outbox.relieve(&mut self.calls.new_late);
        // What was evicted to make room comes after the batch that needed the room.
        for (plugin, serves, kept) in evicted {
            for kept in kept.chunks(EVICTED_MAX) {
                self.expire_kept(input, plugin, serves, kept, outbox, archive);
            }
        }
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

    /// The graph.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Counters since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
