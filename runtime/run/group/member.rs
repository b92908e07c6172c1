//! A member of the group: joins, reads, processes, commits, and starts anew after trouble.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use outrigger_kafka::{Cluster, Event, Guarantee, Producer, Remedy, Source, Trouble};

use super::decoded::HEADERS;
use super::report::Report;
use super::share::{Made, PluginKey, Share};
use super::ship::Ship;
use super::{CALL_TIMEOUT, GroupRun, Phase, Stuck};
use crate::config::{GroupConfig, KafkaConfig};
use crate::governor::Hand;
use crate::record::hex;

/// Wait for a record while nothing is due.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest wait for the budget before looking again.
const BUDGET_LOOK_EVERY: Duration = Duration::from_millis(100);
/// Frames of a partition that are processed together.
pub const FRAMES_MAX: usize = 256;
/// Frames in a transaction after which it is committed early.
const TRANSACTION_FRAMES_MAX: u64 = 16_384;
/// What is remembered of a transaction's records, bytes: so many records for each of its frames.
pub const GROUP_FLIGHT_BYTES: usize =
    TRANSACTION_FRAMES_MAX as usize * 8 * size_of::<super::ship::Which>();
/// First and longest wait after trouble.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A member of the group.
pub(super) struct Member<'a> {
    pub(super) run: &'a GroupRun,
    pub(super) group: &'a GroupConfig,
    cluster: Cluster,
    commit_interval: Duration,
    /// How often it is looked whether state expires where nothing comes.
    tick: Duration,
    /// Longest wait for the state of a partition: a dead owner's transaction has to time out.
    state_timeout: Duration,
    ship: Ship,
    source: Option<Source>,
    producer: Option<Producer>,
    /// Partitions that are ours.
    pub(super) shares: BTreeMap<i32, Share>,
    at_end: BTreeSet<i32>,
    in_transaction: Option<Instant>,
    transaction_frames: u64,
    last_tick: Instant,
    /// Its part in the CPU budget.
    hand: Hand,
    report: Report<'a>,
}

impl<'a> Member<'a> {
    pub(super) fn new(run: &'a GroupRun, group: &'a GroupConfig, kafka: &KafkaConfig) -> Self {
        let schemas = run.plugins.schema_digests();
        Self {
            run,
            group,
            cluster: run.cluster.clone(),
            commit_interval: Duration::from_millis(kafka.commit_interval_ms),
            tick: Duration::from_millis(run.config.journal.tick_ms),
            state_timeout: Duration::from_millis(kafka.transaction_timeout_ms) + 3 * CALL_TIMEOUT,
            ship: Ship::new(&run.config, group, kafka, schemas, CALL_TIMEOUT),
            source: None,
            producer: None,
            shares: BTreeMap::new(),
            at_end: BTreeSet::new(),
            in_transaction: None,
            transaction_frames: 0,
            last_tick: Instant::now(),
            hand: Hand::default(),
            report: Report::new(&run.shared, &run.audit, group),
        }
    }

    /// Runs until a phase change or, if so asked, until every partition is read to its end.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let mut backoff = BACKOFF.0;
        loop {
            let phase = self.run.shared.phase();
            if phase != Phase::Running {
                return match phase {
                    // What is processed and not committed is read again by the next owner.
                    Phase::Draining => match self.finish() {
                        Err(Stuck::Failed(cause)) => Err(cause),
                        Ok(()) | Err(Stuck::Trouble(_)) => Ok(()),
                    },
                    Phase::Running | Phase::Stopping => Ok(()),
                };
            }
            self.serve_requests();
            if self.waits_for_budget() {
                continue;
            }
            let turned = match self.source.is_some() {
                true => self.turn(),
                false => self.connect(),
            };
            match turned {
                Ok(()) => {}
                Err(Stuck::Failed(cause)) => return Err(cause),
                Err(Stuck::Trouble(trouble)) => {
                    self.give_up(&trouble)?;
                    self.run.shared.wait_for_phase(Phase::Running, backoff);
                    backoff = (backoff * 2).min(BACKOFF.1);
                    continue;
                }
            }
            if !self.report.is_in_trouble() {
                backoff = BACKOFF.0;
            }
            self.say(false);
            if self.run.options.until_idle && self.is_idle() {
                return Ok(());
            }
        }
    }

    /// Waits while the CPU budget is spent, or the breaker is Open. True if it did. Who mirrors nothing
    /// leaves the group, so that others take its partitions over; slices of HalfOpen are too short to
    /// join for, and count as Closed.
    fn waits_for_budget(&mut self) -> bool {
        let shared = &self.run.shared;
        let governor = &shared.governor;
        if governor.circuit.is_open() || governor.circuit.is_blind() {
            if self.source.is_some() {
                // What cannot be committed now is read again by the next owner.
                let _ = self.finish();
                self.close();
                self.say(true);
            }
            shared.wait_for_phase(Phase::Running, BUDGET_LOOK_EVERY);
            return true;
        }
        // A transaction that is due ends in time, whatever it costs.
        let due = self
            .in_transaction
            .is_some_and(|begun| begun.elapsed() >= self.commit_interval);
        let wait = governor.gate.others(&mut self.hand);
        let Some(wait) = wait.filter(|_| !due) else {
            return false;
        };
        let began = Instant::now();
        shared.wait_for_phase(Phase::Running, wait.min(BUDGET_LOOK_EVERY));
        governor.gate.others_waited(began.elapsed());
        true
    }

    fn is_idle(&self) -> bool {
        !self.shares.is_empty()
            && self.in_transaction.is_none()
            && self.shares.values().all(Share::is_empty)
            && self.shares.keys().all(|one| self.at_end.contains(one))
    }

    fn connect(&mut self) -> Result<(), Stuck> {
        let go_on = || self.run.shared.phase() == Phase::Running;
        let Self { ship, cluster, .. } = self;
        ship.ensure_topics(cluster, self.group, &go_on)?;
        let id = hex(&self.run.log_id);
        let producer = Producer::new(
            cluster,
            &Guarantee::ExactlyOnce {
                transactional_id: format!("{}-{id}", self.group.group),
            },
        )?;
        // Ends what an earlier life of this process left open.
        producer.init_transactions(CALL_TIMEOUT)?;
        self.producer = Some(producer);
        let headers = self.group.decoded.is_some().then_some(HEADERS);
        let (group, topic) = (&self.group.group, &self.group.topic);
        self.source = Some(Source::join(cluster, group, topic, headers)?);
        tracing::info!("group {group}: joining for {topic}");
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Stuck> {
        let wait = match self.shares.values().all(Share::is_empty) {
            true => LOOK_EVERY,
            false => Duration::ZERO,
        };
        let Some(source) = self.source.as_mut() else {
            return Ok(());
        };
        match source.next(wait)? {
            None => self.process_all()?,
            Some(Event::Revoked) => self.revoked()?,
            Some(Event::Assigned(partitions)) => self.assigned(&partitions)?,
            Some(Event::End(partition)) => {
                self.process(partition)?;
                self.at_end.insert(partition);
                if let Some(share) = self.shares.get_mut(&partition) {
                    share.rest(Instant::now());
                }
            }
            Some(Event::Record(fetched)) => {
                self.at_end.remove(&fetched.partition);
                let partition = fetched.partition;
                if let Some(share) = self.shares.get_mut(&partition)
                    && !share.continues(&fetched)
                {
                    self.process(partition)?;
                }
                if let Some(share) = self.shares.get_mut(&partition)
                    && share.take(&fetched, FRAMES_MAX)
                {
                    self.process(partition)?;
                }
            }
        }
        if self.last_tick.elapsed() >= self.tick {
            self.last_tick = Instant::now();
            self.tick_all()?;
        }
        let due = self.in_transaction.is_some_and(|begun| {
            begun.elapsed() >= self.commit_interval
                || self.transaction_frames >= TRANSACTION_FRAMES_MAX
                || self.ship.is_careful()
        });
        if due {
            self.process_all()?;
            self.commit()?;
        }
        Ok(())
    }

    /// Nothing of what is under way may be committed any more: others have the partitions.
    fn revoked(&mut self) -> Result<(), Stuck> {
        self.retire();
        self.report.figures.rebalances += 1;
        if self.in_transaction.take().is_some()
            && let Some(producer) = &self.producer
        {
            self.report.figures.aborts += 1;
            producer.abort(CALL_TIMEOUT)?;
        }
        self.transaction_frames = 0;
        Ok(())
    }

    fn assigned(&mut self, partitions: &[i32]) -> Result<(), Stuck> {
        self.retire();
        let run = self.run;
        let tables = outrigger_kafka::read_tables(
            &self.cluster,
            &self.group.state_topic,
            partitions,
            self.state_timeout,
        )?;
        let committed = match &self.source {
            Some(source) => source.committed(partitions, CALL_TIMEOUT)?,
            None => BTreeMap::new(),
        };
        for (partition, table) in tables {
            let setup = run.plugins.setup(&run.config);
            let position = committed.get(&partition).copied();
            let share = Share::new(setup, partition, self.group, table, position);
            self.shares.insert(partition, share.map_err(Stuck::Failed)?);
        }
        tracing::info!("group {}: partitions {partitions:?}", self.group.group);
        self.report.well();
        self.say(true);
        Ok(())
    }

    fn process_all(&mut self) -> Result<(), Stuck> {
        let partitions: Vec<i32> = self.shares.keys().copied().collect();
        partitions.into_iter().try_for_each(|one| self.process(one))
    }

    fn process(&mut self, partition: i32) -> Result<(), Stuck> {
        let waits = self.shares.get(&partition).filter(|one| !one.is_empty());
        if waits.is_none() {
            return Ok(());
        }
        self.begin()?;
        let Some(share) = self.shares.get_mut(&partition) else {
            return Ok(());
        };
        let (frames, made) = share.process().map_err(Stuck::Failed)?;
        self.transaction_frames += frames;
        self.report.figures.frames += frames;
        self.send(partition, &made)
    }

    /// Begins a transaction unless one is under way.
    pub(super) fn begin(&mut self) -> Result<(), Stuck> {
        if let (None, Some(producer)) = (self.in_transaction, &self.producer) {
            self.ship.begin(producer);
            producer.begin()?;
            self.in_transaction = Some(Instant::now());
        }
        Ok(())
    }

    fn send(&mut self, partition: i32, made: &Made) -> Result<(), Stuck> {
        match (self.shares.get_mut(&partition), &self.producer) {
            (Some(share), Some(producer)) => self.ship.outputs(producer, share, made),
            (None, _) | (_, None) => Ok(()),
        }
    }

    /// Lets state expire in partitions where nothing comes. Only their own time says when, so that
    /// one which lags behind loses nothing.
    fn tick_all(&mut self) -> Result<(), Stuck> {
        let now = Instant::now();
        let partitions: Vec<i32> = self.at_end.iter().copied().collect();
        for partition in partitions {
            let Some(share) = self.shares.get_mut(&partition) else {
                continue;
            };
            share.rest(now);
            if let Some(made) = share.tick(now).map_err(Stuck::Failed)? {
                self.begin()?;
                self.send(partition, &made)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Stuck> {
        let (Some(producer), Some(source)) = (&self.producer, &self.source) else {
            return Ok(());
        };
        let begun = Instant::now();
        let mut offsets = BTreeMap::new();
        let mut changed: Vec<(i32, Vec<PluginKey>)> = Vec::new();
        for (&partition, share) in &mut self.shares {
            if let Some(offset) = share.take_position() {
                offsets.insert(partition, offset);
                let (rows, some) = share.take_changes();
                self.report.figures.state_records += rows.len() as u64;
                changed.push((partition, some));
                let topic = &self.group.state_topic;
                self.ship.state(producer, topic, partition, &rows)?;
            }
        }
        // Before the positions: who takes a partition over reads the state first, and must see that a
        // transaction is open there as long as this one can still move its position.
        if !producer.flush(CALL_TIMEOUT) {
            return Err(Trouble::timeout("flush").into());
        }
        source.commit_with(producer, &offsets, CALL_TIMEOUT)?;
        producer.commit(CALL_TIMEOUT)?;
        self.ship.committed(producer);
        self.in_transaction = None;
        self.transaction_frames = 0;
        self.report.committed(begun.elapsed());
        for (partition, keys) in changed {
            self.look_for_split(partition, &keys);
        }
        Ok(())
    }

    /// Looks whether keys of a partition have state in another one of ours.
    fn look_for_split(&mut self, partition: i32, keys: &[PluginKey]) {
        let others = self.shares.values();
        let others = others.filter(|share| share.partition != partition);
        let split = keys.iter().find_map(|key| {
            let other = others.clone().find(|share| share.keeps(key))?;
            Some((&key.plugin, other.partition))
        });
        if let Some((plugin, other)) = split {
            self.report.split(plugin, partition, other);
        }
    }

    fn finish(&mut self) -> Result<(), Stuck> {
        if self.source.is_some() {
            self.process_all()?;
            if self.in_transaction.is_some() {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Forgets the pipelines, but not what they counted.
    fn retire(&mut self) {
        for (_, mut share) in std::mem::take(&mut self.shares) {
            self.report.retire(&mut share);
        }
        self.at_end.clear();
    }

    fn give_up(&mut self, trouble: &Trouble) -> Result<(), String> {
        self.report.trouble(trouble);
        // With the abort come the reports of what was under way.
        self.abort();
        let failed = match &self.producer {
            Some(producer) => self.ship.failed(producer),
            None => Ok(()),
        };
        self.close();
        self.say(true);
        match failed {
            Err(Stuck::Failed(cause)) => Err(cause),
            Ok(()) | Err(Stuck::Trouble(_)) => Ok(()),
        }
    }

    /// Ends an open transaction.
    fn abort(&mut self) {
        if let (Some(_), Some(producer)) = (self.in_transaction.take(), &self.producer) {
            self.report.figures.aborts += 1;
            // Unknown is as good: the next life of this producer ends it, or its timeout.
            if let Err(trouble) = producer.abort(CALL_TIMEOUT)
                && trouble.remedy != Remedy::Fenced
            {
                tracing::debug!("{trouble}");
            }
        }
        self.transaction_frames = 0;
    }

    /// Ends an open transaction, and leaves the group.
    pub(super) fn close(&mut self) {
        self.abort();
        self.source = None;
        self.producer = None;
        self.retire();
    }

    /// Makes the status known: now, or if it is due.
    pub(super) fn say(&mut self, now: bool) {
        let ends = || self.source.as_ref().map(Source::ends).unwrap_or_default();
        let refused = self.ship.refused();
        self.report.say(&mut self.shares, ends, refused, now);
    }
}
