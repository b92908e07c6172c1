//! The pipeline's thread: from the journal to the topics.
//!
//! In the order of each turn: do what operators ask; read a block; take a snapshot if one is due
//! and a span begins; process; make new rulings durable; write the outputs. The clock is read for
//! latencies and intervals only; it never reaches an output.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use outrigger_journal::{Block, Kind, Reader, SyncHandle};
use outrigger_policy::shed::{Level, Shedding};
use outrigger_policy::topology::TapId;

use super::archive::Archive;
use super::outlet::Outlet;
use super::shared::{Phase, Shared, lock, now_ns};
use super::tally::Passage;
use crate::audit::{Audit, AuditRecord};
use crate::data::DataDir;
use crate::governor::Hand;
use crate::pipeline::{Input, Pipeline, Refusal};
use crate::record::Position;
use crate::rulings::{self, Ruling};
use crate::snapshot::{self, Identity, Snapshot};
use crate::status::PipelineStatus;
use crate::topics::Topics;

/// Blocks whose outputs are written together while the pipeline is behind. Reason: system calls
/// are dear, and nobody waits for a backlog's single block.
const BLOCKS_PER_WRITE: u64 = 16;
/// Frames whose way to the topics is timed together. Further ones are not timed. Reason: a megabyte.
pub const UNWRITTEN_MAX: usize = 65_536;
/// How often the status is made known.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// Longest wait for a block before looking again. Reason: whatever the pipeline waits for wakes it,
/// so this only bounds how old a status can be while nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for room before trying again: nobody tells when others made it.
const ROOM_EVERY: Duration = Duration::from_millis(200);

/// What the pipeline's thread works with.
pub(super) struct Process<'a> {
    pub(super) shared: &'a Shared,
    pub(super) data: &'a DataDir,
    pub(super) audit: &'a Audit,
    pub(super) pipeline: Pipeline,
    pub(super) topics: Topics,
    pub(super) topic_syncs: Vec<SyncHandle>,
    pub(super) identity: Identity,
    pub(super) log_id: [u8; 16],
    pub(super) snapshot_interval: Duration,
    pub(super) journal_bytes_max: u64,
    /// How far it may lag, milliseconds.
    pub(super) lag_ms_max: u64,
    /// By class: the level of shedding from which on it is shed.
    pub(super) class_levels: Vec<Level>,
    pub(super) until_idle: bool,
    pub(super) drain: Duration,
    /// By stream of the journal: the tap, and whether capture times are a recording's.
    pub(super) streams: Vec<Option<(TapId, bool)>>,
    pub(super) next_block: u64,
    pub(super) recovered_below: u64,
    /// How far it is in each stream, by the journal's count.
    pub(super) passage: Passage,
}

/// What a run did, for its last words.
#[derive(Default)]
pub struct Processed {
    /// The last status.
    pub status: PipelineStatus,
}

pub(super) struct Turn {
    /// `None` before the first of this run, which is due at once: so a run that keeps being killed
    /// never has more than a span to process again.
    last_snapshot: Option<Instant>,
    /// Bytes of the journal since the last snapshot.
    bytes_since: u64,
    last_report: Option<Instant>,
    /// Something was done since the last report.
    unreported: bool,
    unwritten: Vec<(u64, u64)>,
    draining_since: Option<Instant>,
    /// Its part in the CPU budget.
    hand: Hand,
    pub(super) began: Instant,
    pub(super) shedding: Shedding,
}

/// Waits for CPU, or until the phase changes.
fn wait_for_cpu(shared: &Shared, wait: Duration) {
    let began = Instant::now();
    shared.wait_for_phase(shared.phase(), wait.min(LOOK_EVERY));
    shared.governor.gate.others_waited(began.elapsed());
}

impl Process<'_> {
    pub(super) fn run(mut self) -> (Processed, Topics) {
        let result = self.turns();
        let status = lock(&self.shared.pipeline).clone();
        if let Err(cause) = result {
            self.shared.fail(cause);
        }
        (Processed { status }, self.topics)
    }

    fn turns(&mut self) -> Result<(), String> {
        let mut reader =
            Reader::open(&self.data.journal).map_err(|error| format!("journal: {error}"))?;
        reader
            .seek_block(self.next_block)
            .map_err(|error| format!("journal: {error}"))?;
        let mut archive = Archive::new(self.data, self.streams.clone());
        let mut status = PipelineStatus {
            recovered_below: self.recovered_below,
            snapshot_block: self.shared.snapshot_block.load(Ordering::Acquire),
            ..PipelineStatus::default()
        };
        let mut turn = Turn {
            last_snapshot: None,
            bytes_since: 0,
            last_report: None,
            unreported: true,
            unwritten: Vec::new(),
            draining_since: None,
            hand: Hand::default(),
            began: Instant::now(),
            shedding: Shedding::at(self.level_of(&self.pipeline.sheds())),
        };
        let mut block = Block::default();
        loop {
            while let Some(request) = self.shared.take_request() {
                turn.unreported = true;
                self.serve(request, &mut status, &mut turn)?;
            }
            let phase = self.shared.phase();
            if phase == Phase::Stopping {
                break;
            }
            if phase == Phase::Draining && !self.may_wait(&mut turn) {
                break;
            }
            if self.wait_for_budget(&mut status, &mut turn)? {
                continue;
            }
            // Taps end before the last look at the tail, so that nothing is left unseen.
            let ended = self.shared.all_ended();
            // At the tail the reader would ask the disk for a next segment, after every block.
            let read_up_to = reader.next_block().max(self.next_block);
            let there = self.shared.next_block() > read_up_to
                && reader
                    .next(&mut block)
                    .map_err(|error| format!("journal: {error}"))?;
            if !there {
                self.write(&mut status, &mut turn)?;
                if turn.shedding.level != Level::Nothing {
                    self.shed_if_behind(self.next_block, 0, &mut turn)?;
                }
                self.report(&mut status, &mut turn, false);
                if ended && (self.until_idle || phase == Phase::Draining) {
                    break;
                }
                let rest = match turn.unreported {
                    true => REPORT_EVERY,
                    false => LOOK_EVERY,
                };
                self.shared.wait_for_block(read_up_to, ended, rest);
                continue;
            }
            turn.unreported = true;
            self.process(&block, &mut archive, &mut status, &mut turn)?;
            self.report(&mut status, &mut turn, false);
        }
        self.finish(&mut status, &mut turn)
    }

    fn process(
        &mut self,
        block: &Block,
        archive: &mut Archive<'_>,
        status: &mut PipelineStatus,
        turn: &mut Turn,
    ) -> Result<(), String> {
        let number = block.header.block;
        if self.pipeline.begins_span(number) && self.snapshot_due(turn) {
            self.next_block = number;
            self.snapshot(status, turn)?;
        }
        self.next_block = number + 1;
        self.shared.begin_block(number, block.header.written_ns);
        turn.bytes_since += block.header.block_bytes() as u64;
        let tick_ns = match block.header.kind {
            Kind::Frames => None,
            Kind::Tick => Some(block.header.time_max_ns),
            // The others were obeyed when they were made, or read ahead by recovery.
            Kind::Rulings => return self.obey_here(block, archive, status, turn),
            Kind::Records => return Ok(()),
        };
        let stream = self.streams.get(usize::from(block.header.stream.0));
        self.passage
            .pass(&block.header, stream.is_some_and(Option::is_some));
        let Some((tap, recorded)) = stream.copied().flatten() else {
            return Ok(());
        };
        if !recorded && tick_ns.is_none() && number >= self.recovered_below {
            let lag_ms = self.shared.behind_ms(block.header.written_ns);
            self.shed_if_behind(number, lag_ms, turn)?;
        }
        let input = Input {
            block: number,
            tap,
            first_seq: block.header.first_seq,
            frames: &block.columns,
            tick_ns,
        };
        let mut outlet = Outlet {
            topics: &mut self.topics,
            shared: self.shared,
        };
        let stopped = self.pipeline.process(&input, &mut outlet, archive);
        let late = self.pipeline.take_late();
        if !late.is_empty() {
            let late = late.into_iter();
            let rulings = late.map(|(block, call)| Ruling::Late { block, call });
            self.rule(&rulings.collect::<Vec<_>>())?;
        }
        if number >= self.recovered_below {
            let now_ns = now_ns();
            for &time_ns in block.columns.times_ns() {
                // Of a recording, the time of capture here is when the block was written.
                let from_ns = if recorded {
                    block.header.written_ns
                } else {
                    time_ns
                };
                status.to_verdict.record(now_ns.saturating_sub(from_ns), 1);
                if turn.unwritten.len() < UNWRITTEN_MAX {
                    turn.unwritten.push((from_ns, 1));
                }
            }
        }
        let behind = self.shared.next_block().saturating_sub(number + 1);
        if behind == 0 || number.is_multiple_of(BLOCKS_PER_WRITE) || self.topics.lacks_room() {
            self.write(status, turn)?;
        }
        stopped.map_err(|stopped| {
            self.report(status, turn, true);
            stopped.to_string()
        })
    }

    /// Obeys the rulings whose place in the journal is what they are about.
    fn obey_here(
        &mut self,
        block: &Block,
        archive: &mut Archive<'_>,
        status: &mut PipelineStatus,
        turn: &mut Turn,
    ) -> Result<(), String> {
        let number = block.header.block;
        let rulings = rulings::decode(&block.columns).map_err(|error| {
            format!("journal: block {number}: a ruling cannot be read: {error}")
        })?;
        let mut ordinal = 0;
        for ruling in rulings {
            let Ruling::Refused(refused) = ruling else {
                continue;
            };
            let position = Position {
                block: number,
                ordinal,
            };
            let refusal = Refusal {
                topic: &refused.topic,
                detail: &refused.detail,
                record: &refused.record,
            };
            self.pipeline
                .bury(&refusal, position, &mut self.topics, archive)
                .map_err(|error| format!("journal: block {number}: {error}"))?;
            ordinal += 1;
        }
        if ordinal > 0 {
            self.write(status, turn)?;
        }
        Ok(())
    }

    fn write(&mut self, status: &mut PipelineStatus, turn: &mut Turn) -> Result<(), String> {
        while let Err(error) = self.topics.flush(now_ns()) {
            if !error.is_no_space() || !self.may_wait(turn) {
                return Err(error.to_string());
            }
            // The journal holds what comes meanwhile; once it has no room either, taps shed.
            let said = status.trouble.replace(error.to_string());
            if said.is_none() {
                tracing::warn!("{error}; it is tried again until there is room");
            }
            self.report(status, turn, said.is_none());
            self.shared.wait_for_phase(self.shared.phase(), ROOM_EVERY);
        }
        if status.trouble.take().is_some() {
            tracing::info!("there is room for outputs again");
            self.report(status, turn, true);
        }
        if !turn.unwritten.is_empty() {
            let now_ns = now_ns();
            for (from_ns, count) in turn.unwritten.drain(..) {
                status
                    .to_delivery
                    .record(now_ns.saturating_sub(from_ns), count);
            }
        }
        Ok(())
    }

    /// True while it makes sense to wait for room.
    fn may_wait(&self, turn: &mut Turn) -> bool {
        match self.shared.phase() {
            Phase::Running => true,
            Phase::Draining => {
                let since = *turn.draining_since.get_or_insert_with(Instant::now);
                since.elapsed() <= self.drain
            }
            Phase::Stopping => false,
        }
    }

    /// Waits while the CPU budget is spent. True if it did: there may be something else to do now.
    fn wait_for_budget(
        &mut self,
        status: &mut PipelineStatus,
        turn: &mut Turn,
    ) -> Result<bool, String> {
        let gate = &self.shared.governor.gate;
        let Some(wait) = gate.others(&mut turn.hand) else {
            return Ok(false);
        };
        // What is done already goes out first.
        self.write(status, turn)?;
        self.report(status, turn, false);
        wait_for_cpu(self.shared, wait);
        Ok(true)
    }

    pub(super) fn write_down(&self, event: &str, detail: String) -> Result<(), String> {
        let record = AuditRecord {
            time_ns: now_ns(),
            event: event.to_owned(),
            uid: None,
            pid: None,
            detail,
        };
        self.audit
            .append(&record)
            .map_err(|error| error.to_string())
    }

    fn snapshot_due(&self, turn: &Turn) -> bool {
        // A quarter of the journal, so that retention always finds something that is not owed.
        let due = turn
            .last_snapshot
            .is_none_or(|at| at.elapsed() >= self.snapshot_interval)
            || turn.bytes_since >= self.journal_bytes_max / 4;
        due && turn.bytes_since > 0
    }

    /// Takes a snapshot before `next_block`; only where instances restart.
    fn snapshot(&mut self, status: &mut PipelineStatus, turn: &mut Turn) -> Result<(), String> {
        self.write(status, turn)?;
        self.pipeline.lift_due(self.next_block);
        let synced = |error| format!("cannot sync: {error}");
        self.shared.journal_sync.sync().map_err(synced)?;
        for handle in &self.topic_syncs {
            handle.sync().map_err(synced)?;
        }
        let snapshot = Snapshot {
            log_id: self.log_id,
            next_block: self.next_block,
            identity: self.identity.clone(),
            folded: self.pipeline.lend(),
        };
        // The state of a million keys is most of a second's work.
        let pause = || {
            if let Some(wait) = self.shared.governor.gate.others(&mut turn.hand) {
                wait_for_cpu(self.shared, wait);
            }
        };
        snapshot::write(&self.data.snapshots, &snapshot, pause)
            .map_err(|error| error.to_string())?;
        let topics = self.topics.retain(now_ns());
        topics.map_err(|error| error.to_string())?;
        self.shared
            .snapshot_block
            .store(self.next_block, Ordering::Release);
        status.snapshot_block = self.next_block;
        status.snapshot_ns = now_ns();
        turn.last_snapshot = Some(Instant::now());
        turn.bytes_since = 0;
        Ok(())
    }

    /// Restarts instances here, by a ruling, and takes a snapshot.
    pub(super) fn restart_and_snapshot(
        &mut self,
        status: &mut PipelineStatus,
        turn: &mut Turn,
    ) -> Result<(), String> {
        let at_block = self.next_block;
        self.rule(&[Ruling::Restart { at_block }])?;
        self.pipeline.restart();
        self.snapshot(status, turn)
    }

    /// Appends rulings, obeys them, and makes them durable before anything depends on them.
    pub(super) fn rule(&mut self, rulings: &[Ruling]) -> Result<(), String> {
        let now_ns = now_ns();
        let columns = rulings::encode(rulings, now_ns);
        let stream = outrigger_journal::StreamId::NONE;
        self.shared
            .append(Kind::Rulings, stream, &columns, now_ns)
            .map_err(|error| format!("journal: a ruling cannot be written: {error}"))?;
        self.shared
            .journal_sync
            .sync()
            .map_err(|error| format!("journal: {error}"))?;
        for ruling in rulings {
            ruling.apply(&mut self.pipeline);
        }
        Ok(())
    }

    /// Leaves a snapshot at the end, so that the next start has nothing to process again.
    fn finish(&mut self, status: &mut PipelineStatus, turn: &mut Turn) -> Result<(), String> {
        self.restart_and_snapshot(status, turn)?;
        self.report(status, turn, true);
        Ok(())
    }

    fn report(&mut self, status: &mut PipelineStatus, turn: &mut Turn, now: bool) {
        // Also without anything done, but less often: delivery goes on by itself.
        let every = match turn.unreported {
            true => REPORT_EVERY,
            false => LOOK_EVERY,
        };
        if !now && turn.last_report.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        turn.last_report = Some(Instant::now());
        turn.unreported = false;
        let quarantined: Vec<String> = status
            .plugins
            .iter()
            .filter(|view| view.health.quarantined)
            .map(|view| view.plugin.name.clone())
            .collect();
        status.next_block = self.next_block;
        status.counters = self.pipeline.counters().clone();
        status.plugins = self.pipeline.plugins();
        status.topics = self.topics.figures();
        status.passage.clone_from(&self.passage);
        status.shedding = self.pipeline.sheds();
        for view in &mut status.plugins {
            let name = &view.plugin.name;
            for note in view.notes.drain(..) {
                tracing::info!(plugin = name, level = ?note.level, "{}", note.text);
            }
            if view.health.quarantined && !quarantined.contains(name) {
                tracing::error!(
                    plugin = name,
                    "quarantined after {} faults",
                    view.health.faults
                );
                let record = AuditRecord {
                    time_ns: now_ns(),
                    event: "quarantine".to_owned(),
                    uid: None,
                    pid: None,
                    detail: format!("plugin {name} after {} faults", view.health.faults),
                };
                if let Err(error) = self.audit.append(&record) {
                    tracing::error!("{error}");
                }
            }
        }
        *lock(&self.shared.pipeline) = status.clone();
    }
}
