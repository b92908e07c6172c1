//! Forwarders: from the topic logs to Kafka, one per cluster and guarantee, each with a thread and a
//! producer of its own. A slow or absent broker holds up its own topics and nothing else.
//!
//! The topic log is the outbox. Per topic a forwarder knows the position of the last record that is
//! delivered, and goes on behind it after whatever happened:
//!
//! | guarantee | what says how far |
//! |---|---|
//! | `exactly-once` | a progress record of the same transaction, read back `read_committed` |
//! | `at-least-once` | a mark beside the log, written after the brokers' acknowledgement |
//! | `at-most-once` | nothing: what was handed over and not sent is gone, and counted |
//!
//! Positions are places in the journal, so they mean the same when a power cut has taken the end of
//! a topic log and the pipeline has made it again.

mod broker;
mod envelope;
mod feed;
mod lane;
mod marks;
mod memory;
mod office;
mod open;
mod pace;
mod readers;
mod status;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use outrigger_kafka::{Delivered, Remedy, Trouble};

pub use broker::{Broker, Kafka, check_progress, differences};
pub use envelope::{Envelope, shipment_bytes};
pub use feed::{Fed, Feed, FeedError};
use lane::Flight;
pub use lane::Lane;
pub use memory::{MemoryPlan, memory};
pub use office::{Ending, Office, Refusal};
pub(crate) use open::bounds;
pub use open::{Dirs, Forwarders, OpenForward, OpenForwarder, Opened, cluster, open};
pub(crate) use open::{progress_spec, topic_spec};
pub use pace::{Egress, Pace};
pub use readers::{Readers, Watcher};
pub use status::{ForwardStatus, LaneStatus, Shown};

use crate::telemetry::{lock, now_ns};
use crate::topics::Bell;

/// Records without a report, per forwarder. Reached: nothing more is sent until reports come.
/// Reason: what a producer's queue holds at most, and a block's worth.
pub const FLIGHTS_MAX: usize = 65_536;
/// First and longest wait after trouble.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// First and longest wait while reports are due: doubled as long as none comes.
const REPORTS_EVERY: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));
/// Time without a report after which brokers are taken to be away. Reason: several times what any
/// acknowledgement takes on a link by satellite.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Wait while a commit is not yet due.
const COMMIT_LOOK_EVERY: Duration = Duration::from_millis(20);
/// Wait while the rate holds records back. Reason: a tenth of what the rate's bucket holds.
const HELD_BACK: Duration = Duration::from_millis(25);
/// Wait while there is nothing to do.
const IDLE: Duration = Duration::from_millis(500);
/// How often the status is made known, and marks are written.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// A forwarder.
pub struct Forwarder<B> {
    /// Name of the cluster.
    pub name: String,
    /// The broker.
    pub broker: B,
    /// Transactions, and so progress in Kafka.
    pub exactly_once: bool,
    /// Topics.
    pub lanes: Vec<Lane>,
    /// Makes shipments.
    pub envelope: Envelope,
    /// How fast records may leave.
    pub pace: Pace,
    /// How fast those of all forwarders may.
    pub egress: Arc<Egress>,
    /// Time between commits.
    pub commit_interval: Duration,
    /// First and longest wait after trouble.
    pub backoff: (Duration, Duration),
    /// Topic of progress.
    pub progress_topic: String,
    /// Rung when there is something to do.
    pub bell: Arc<Bell>,
    /// When to end.
    pub ending: Arc<Ending>,
    /// What others see.
    pub shown: Arc<Mutex<ForwardStatus>>,
}

struct State {
    connected: bool,
    /// Records without a report, oldest first; the ticket of the first is `first_ticket`.
    flights: std::collections::VecDeque<Flight>,
    first_ticket: usize,
    in_transaction: bool,
    transaction_bytes: u64,
    last_commit: Option<Instant>,
    reports: Vec<Delivered>,
    backoff: Duration,
    /// The trouble is that records are not taken: to be connected is not to be well.
    refused: bool,
    /// Something was not sent that could have been: its rate, or the client's queue, holds it back.
    held_back: bool,
    /// How long the next rest lasts while reports are due.
    rest: Duration,
    /// Since when there is no connection, or records are under way and none of them was delivered.
    silent_since: Option<Instant>,
    status: ForwardStatus,
    last_report: Option<Instant>,
    /// The next topic to be served, so that none waits for another.
    next_lane: usize,
}

impl<B: Broker> Forwarder<B> {
    /// Forwards until told to end.
    pub fn run(mut self, office: &dyn Office) {
        let mut state = State {
            connected: false,
            flights: std::collections::VecDeque::new(),
            first_ticket: 0,
            in_transaction: false,
            transaction_bytes: 0,
            last_commit: None,
            reports: Vec::new(),
            backoff: self.backoff.0,
            refused: false,
            held_back: false,
            rest: REPORTS_EVERY.0,
            silent_since: Some(Instant::now()),
            status: ForwardStatus::new(&self.name, self.exactly_once),
            last_report: None,
            next_lane: 0,
        };
        self.rewind(office);
        // What waits is known before any broker is.
        self.report(&mut state, true);
        while !self.is_over(&mut state) {
            let turned = if state.connected {
                self.turn(&mut state, office)
            } else {
                self.connect(&mut state).map(|()| true)
            };
            match turned {
                Ok(true) => state.rest = REPORTS_EVERY.0,
                Ok(false) => self.rest(&mut state),
                Err(Stuck::Trouble(trouble)) => self.recover(&mut state, trouble, office),
                Err(Stuck::Failed(cause)) => {
                    office.fail(format!("kafka.{}: {cause}", self.name));
                    break;
                }
            }
            self.report(&mut state, false);
        }
        if state.in_transaction {
            // Not committed is not delivered: it is sent again after the next start.
            let _ = self.broker.abort();
        }
        self.broker.disconnect();
        self.report(&mut state, true);
    }

    fn is_over(&mut self, state: &mut State) -> bool {
        if self.ending.is_over() {
            return true;
        }
        if lock(&self.ending.finish_by).is_none() {
            return false;
        }
        let mut lanes = self.lanes.iter_mut();
        state.flights.is_empty() && lanes.all(|lane| matches!(lane.feed.peek(), Ok(None)))
    }

    fn connect(&mut self, state: &mut State) -> Result<(), Stuck> {
        self.ground(state);
        state.in_transaction = false;
        state.silent_since.get_or_insert_with(Instant::now);
        let progress = self.broker.connect()?;
        state.connected = true;
        state.last_commit = None;
        for lane in &mut self.lanes {
            if self.exactly_once {
                lane.committed(progress.get(&lane.name).copied());
            }
            lane.rewind()?;
        }
        let again = match state.status.away_since_ns {
            Some(_) => " again",
            None => "",
        };
        tracing::info!("kafka.{}: connected{again}", self.name);
        if !state.refused {
            self.well(state);
        }
        Ok(())
    }

    fn well(&self, state: &mut State) {
        state.refused = false;
        state.status.trouble = None;
        state.status.away_since_ns = None;
        state.silent_since = None;
    }

    /// Says what is wrong, and since when nothing is delivered.
    fn trouble(&self, state: &mut State, trouble: String) {
        if state.status.trouble.replace(trouble.clone()).is_none() {
            tracing::warn!("kafka.{}: {trouble}; it is tried again", self.name);
            let silent = state.silent_since.map_or(Duration::ZERO, |at| at.elapsed());
            let silent_ns = u64::try_from(silent.as_nanos()).unwrap_or(u64::MAX);
            state.status.away_since_ns = Some(now_ns().saturating_sub(silent_ns));
        }
    }

    /// A client that promises to deliver goes on trying without a word: its silence is the word.
    fn listen(&mut self, state: &mut State) {
        if state.flights.is_empty() {
            state.silent_since = None;
            return;
        }
        let since = *state.silent_since.get_or_insert_with(Instant::now);
        // Transactions are told of their trouble when they are committed, however far apart.
        let silent = !self.exactly_once && since.elapsed() >= SILENCE_MAX;
        if silent && state.status.trouble.is_none() {
            let complaint = self.broker.complaint();
            let complaint = complaint.map_or(String::new(), |complaint| format!(": {complaint}"));
            self.trouble(state, format!("no record is acknowledged{complaint}"));
        }
    }

    /// One round: sends what is there, looks at reports, commits if it is time. True if anything
    /// was done.
    fn turn(&mut self, state: &mut State, office: &dyn Office) -> Result<bool, Stuck> {
        let sent = self.send(state, office).or_else(|stuck| {
            // A client that takes no more does not name the record at fault; its report does.
            self.serve(state).and(Err(stuck))
        })?;
        let served = self.serve(state)?;
        let mut committed = false;
        if self.exactly_once && state.in_transaction && self.commit_is_due(state) {
            self.commit(state)?;
            committed = true;
        }
        self.listen(state);
        Ok(sent || served || committed)
    }

    fn recover(&mut self, state: &mut State, trouble: Trouble, office: &dyn Office) {
        if trouble.remedy == Remedy::Fenced {
            office.fail(format!(
                "kafka.{}: another runtime with this journal's identity has taken over: {trouble}",
                self.name
            ));
            self.ending.stop();
            return;
        }
        state.status.retries += 1;
        state.refused |= state.connected;
        self.trouble(state, trouble.to_string());
        // Now: to abort may take its time.
        self.report(state, true);
        let mut renew = trouble.remedy != Remedy::Abort;
        if !renew {
            renew = self.broker.abort().is_err();
        }
        state.first_ticket = state.first_ticket.wrapping_add(state.flights.len());
        self.ground(state);
        state.reports.clear();
        state.in_transaction = false;
        if renew {
            self.broker.disconnect();
            state.connected = false;
        }
        self.rewind(office);
        self.report(state, true);
        self.wait(state.backoff);
        state.backoff = (state.backoff * 2).min(self.backoff.1);
    }

    /// Nothing is under way any more: it is sent again, or, without a log, gone.
    fn ground(&mut self, state: &mut State) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            lane.give_up(index, state.flights.iter());
        }
        state.flights.clear();
    }

    fn rewind(&mut self, office: &dyn Office) {
        for lane in &mut self.lanes {
            if let Err(error) = lane.rewind() {
                office.fail(format!("kafka.{}: topic {}: {error}", self.name, lane.name));
                self.ending.stop();
            }
        }
    }

    /// Waits, but not beyond the end.
    fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.ending.is_over() {
                return;
            }
            self.bell.wait(left);
        }
    }

    fn rest(&self, state: &mut State) {
        let time = match (state.flights.is_empty(), state.last_commit) {
            (true, _) if state.held_back => HELD_BACK,
            (true, _) => IDLE,
            (false, Some(at)) => self
                .commit_interval
                .saturating_sub(at.elapsed())
                .min(COMMIT_LOOK_EVERY),
            (false, None) => {
                let time = state.rest;
                state.rest = (2 * time).min(REPORTS_EVERY.1);
                time
            }
        };
        self.bell.wait(time);
    }

    fn report(&mut self, state: &mut State, now: bool) {
        let due = state
            .last_report
            .is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if !due && !now {
            return;
        }
        state.last_report = Some(Instant::now());
        state.status.producer = self.broker.figures();
        state.status.under_way = state.flights.len() as u64;
        state.status.connected = state.connected;
        for lane in &mut self.lanes {
            lane.keep(&self.name, self.envelope.log_id());
        }
        let mut under_way = vec![0; self.lanes.len()];
        for flight in &state.flights {
            under_way[flight.lane] += 1;
        }
        let lanes = self.lanes.iter().zip(under_way);
        state.status.lanes = lanes
            .map(|(lane, under_way)| lane.status(under_way))
            .collect();
        let waits = state.status.lanes.iter().any(|lane| lane.waiting > 0);
        if state.refused && state.connected && state.flights.is_empty() && !waits {
            self.well(state);
        }
        *lock(&self.shown) = state.status.clone();
    }
}

/// Why a round did not end well.
enum Stuck {
    /// Something to recover from.
    Trouble(Trouble),
    /// Nothing to recover from: what is on the disk cannot be read.
    Failed(String),
}

impl From<Trouble> for Stuck {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<FeedError> for Stuck {
    fn from(error: FeedError) -> Self {
        Self::Failed(error.to_string())
    }
}
