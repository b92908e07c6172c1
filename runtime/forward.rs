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
mod open;
mod pace;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use outrigger_kafka::{Delivered, Progress, Remedy, Shipment, Trouble};

pub use broker::{Broker, Kafka};
pub use envelope::{Envelope, shipment_bytes};
pub use feed::{Fed, Feed, FeedError};
use lane::Flight;
pub use lane::Lane;
pub use open::{Forwarders, OpenForward, OpenForwarder, cluster, open};
pub(crate) use open::{progress_spec, topic_spec};
pub use pace::Pace;
pub use status::{ForwardStatus, LaneStatus};

use crate::telemetry::{lock, now_ns};
use crate::topics::Bell;

/// Records without a report, per forwarder. Reached: nothing more is sent until reports come.
/// Reason: what a producer's queue holds at most, and a block's worth.
pub const FLIGHTS_MAX: usize = 65_536;
/// Records sent before reports are looked at.
const RECORDS_PER_TURN: usize = 512;
/// Bytes in a transaction after which it is committed early.
const TRANSACTION_BYTES_MAX: u64 = 16 << 20;
/// First and longest wait after trouble.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Wait while reports are due.
const REPORTS_EVERY: Duration = Duration::from_millis(2);
/// Wait while a commit is not yet due.
const COMMIT_LOOK_EVERY: Duration = Duration::from_millis(20);
/// Wait while there is nothing to do.
const IDLE: Duration = Duration::from_millis(500);
/// How often the status is made known, and marks are written.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// What a forwarder may ask of the runtime.
pub trait Office: Sync {
    /// Writes down that a record can never be delivered; from then on it is passed over.
    ///
    /// # Errors
    /// It cannot be written.
    fn refuse(&self, refusal: &Refusal<'_>) -> Result<(), String>;
    /// Ends the run.
    fn fail(&self, cause: String);
}

/// A record that can never be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Its topic.
    pub topic: &'a str,
    /// The record, as it lies in the topic log.
    pub record: &'a [u8],
    /// What the broker, or its client, says.
    pub trouble: &'a Trouble,
}

/// How a forwarder is told to end.
#[derive(Debug, Default)]
pub struct Ending {
    /// Deliver what is there until then, then end.
    finish_by: Mutex<Option<Instant>>,
    /// End now.
    stop: AtomicBool,
}

impl Ending {
    /// Nothing more will be written: deliver what is there, until `deadline`.
    pub fn finish_by(&self, deadline: Instant) {
        *lock(&self.finish_by) = Some(deadline);
    }

    /// Ends as soon as the call under way has ended.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }
}

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
    /// Time between commits.
    pub commit_interval: Duration,
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
            backoff: BACKOFF.0,
            status: ForwardStatus::new(&self.name, self.exactly_once),
            last_report: None,
            next_lane: 0,
        };
        self.rewind(office);
        while !self.is_over(&mut state) {
            let turned = if state.connected {
                self.turn(&mut state, office)
            } else {
                self.connect(&mut state).map(|()| true)
            };
            match turned {
                Ok(true) => {}
                Ok(false) => self.rest(&state),
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
        if self.ending.stop.load(Ordering::Acquire) {
            return true;
        }
        let Some(deadline) = *lock(&self.ending.finish_by) else {
            return false;
        };
        let mut lanes = self.lanes.iter_mut();
        let empty =
            state.flights.is_empty() && lanes.all(|lane| matches!(lane.feed.peek(), Ok(None)));
        empty || Instant::now() >= deadline
    }

    fn connect(&mut self, state: &mut State) -> Result<(), Stuck> {
        state.flights.clear();
        state.in_transaction = false;
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
        self.well(state);
        Ok(())
    }

    fn well(&self, state: &mut State) {
        state.status.trouble = None;
        state.status.away_since_ns = None;
    }

    /// One round: sends what is there, looks at reports, commits if it is time. True if anything
    /// was done.
    fn turn(&mut self, state: &mut State, office: &dyn Office) -> Result<bool, Stuck> {
        let sent = self.send(state, office)?;
        let served = self.serve(state)?;
        let mut committed = false;
        if self.exactly_once && state.in_transaction && self.commit_is_due(state) {
            self.commit(state)?;
            committed = true;
        }
        Ok(sent || served || committed)
    }

    fn send(&mut self, state: &mut State, office: &dyn Office) -> Result<bool, Stuck> {
        let mut sent = 0;
        for _ in 0..self.lanes.len() {
            let lane = state.next_lane % self.lanes.len();
            let full = self.send_of(lane, state, office, &mut sent)?;
            if full || sent >= RECORDS_PER_TURN {
                return Ok(sent > 0);
            }
            state.next_lane = (lane + 1) % self.lanes.len();
        }
        Ok(sent > 0)
    }

    /// Sends of one topic. True if there is no room for more of any.
    fn send_of(
        &mut self,
        index: usize,
        state: &mut State,
        office: &dyn Office,
        sent: &mut usize,
    ) -> Result<bool, Stuck> {
        let lane = &mut self.lanes[index];
        let mut of_lane = 0;
        while *sent < RECORDS_PER_TURN && of_lane < RECORDS_PER_TURN / 2 {
            let now = Instant::now();
            if state.flights.len() >= FLIGHTS_MAX || !self.pace.allows(now) {
                return Ok(true);
            }
            let careful = lane.careful_until.is_some();
            if careful && !state.flights.is_empty() {
                return Ok(true);
            }
            let Some(fed) = lane.feed.peek()? else {
                return Ok(false);
            };
            let position = fed.view.position;
            let ticket = state.first_ticket.wrapping_add(state.flights.len());
            let bytes_max = self.broker.record_bytes_max(&lane.kafka_topic);
            if self.exactly_once && !state.in_transaction {
                self.broker.begin()?;
                state.in_transaction = true;
                state.transaction_bytes = 0;
            }
            let broker = &mut self.broker;
            let mut bytes = 0;
            let outcome = self.envelope.with(
                &fed.view,
                &lane.kafka_topic,
                lane.format,
                ticket,
                |shipment| {
                    bytes = envelope::shipment_bytes(shipment);
                    if bytes > bytes_max {
                        return Err(too_large(bytes, bytes_max));
                    }
                    broker.send(shipment)
                },
            );
            let outcome = outcome.map_err(FeedError::Record)?;
            match outcome {
                Ok(false) => return Ok(true),
                Ok(true) => {}
                Err(trouble) if trouble.remedy == Remedy::Never => {
                    let refusal = Refusal {
                        cluster: &self.name,
                        topic: &lane.name,
                        record: fed.bytes,
                        trouble: &trouble,
                    };
                    office.refuse(&refusal).map_err(Stuck::Failed)?;
                    let (block, seq) = (fed.block, fed.seq);
                    lane.refused += 1;
                    lane.feed.advance();
                    // Passed over in its turn, so that what stands before it is not taken as done.
                    state.flights.push_back(Flight {
                        lane: index,
                        position,
                        block,
                        seq,
                        captured_ns: None,
                        done: true,
                    });
                    *sent += 1;
                    continue;
                }
                Err(trouble) => return Err(trouble.into()),
            }
            state.flights.push_back(Flight {
                lane: index,
                position,
                block: fed.block,
                seq: fed.seq,
                captured_ns: Some(fed.view.captured_ns),
                done: false,
            });
            lane.feed.advance();
            self.pace.spend(bytes);
            state.transaction_bytes += bytes;
            *sent += 1;
            of_lane += 1;
            if careful {
                self.send_alone(index, state)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for the report of the one record that is under way, and, in a transaction, commits it.
    fn send_alone(&mut self, index: usize, state: &mut State) -> Result<(), Stuck> {
        if !self.broker.flush() {
            return Err(Stuck::Trouble(not_delivered()));
        }
        self.serve(state)?;
        if self.exactly_once {
            self.commit(state)?;
        }
        let lane = &mut self.lanes[index];
        if lane.careful_until <= lane.delivered {
            lane.careful_until = None;
        }
        Ok(())
    }

    /// Looks at reports. True if there were any.
    fn serve(&mut self, state: &mut State) -> Result<bool, Stuck> {
        self.broker.reports(&mut state.reports);
        let any = !state.reports.is_empty();
        let mut failed = None;
        for report in std::mem::take(&mut state.reports) {
            let at = report.ticket.wrapping_sub(state.first_ticket);
            // Progress records, and what was given up, have tickets of no flight.
            let Some(flight) = state.flights.get_mut(at) else {
                continue;
            };
            let lane = &mut self.lanes[flight.lane];
            match report.outcome {
                Ok(()) => flight.done = true,
                Err(_) if lane.tail.is_ephemeral() => {
                    flight.done = true;
                    flight.captured_ns = None;
                    lane.lost += 1;
                }
                Err(trouble) => {
                    if trouble.remedy == Remedy::Never {
                        let far = lane.careful_until.max(Some(flight.position));
                        lane.careful_until = far;
                    }
                    failed.get_or_insert(trouble);
                }
            }
        }
        if let Some(mut trouble) = failed {
            if trouble.remedy == Remedy::Never || trouble.remedy == Remedy::Later {
                trouble.remedy = match self.exactly_once {
                    true => Remedy::Abort,
                    false => Remedy::Renew,
                };
            }
            return Err(trouble.into());
        }
        if !self.exactly_once {
            let now_ns = now_ns();
            while state.flights.front().is_some_and(|flight| flight.done) {
                self.land(state, now_ns);
            }
        }
        Ok(any)
    }

    /// The oldest record under way is delivered.
    fn land(&mut self, state: &mut State, now_ns: u64) {
        let Some(flight) = state.flights.pop_front() else {
            return;
        };
        state.first_ticket = state.first_ticket.wrapping_add(1);
        self.lanes[flight.lane].land(&flight, now_ns);
        state.backoff = BACKOFF.0;
        self.well(state);
    }

    fn commit_is_due(&self, state: &State) -> bool {
        // At a low rate the last commit is long past, so a record does not wait.
        state.transaction_bytes >= TRANSACTION_BYTES_MAX
            || state.flights.len() >= FLIGHTS_MAX
            || state
                .last_commit
                .is_none_or(|at| at.elapsed() >= self.commit_interval)
    }

    fn commit(&mut self, state: &mut State) -> Result<(), Stuck> {
        let begun = Instant::now();
        let mut last: Vec<Option<Progress>> = vec![None; self.lanes.len()];
        for flight in &state.flights {
            last[flight.lane] = Some(Progress {
                block: flight.position.block,
                ordinal: flight.position.ordinal,
            });
        }
        for (lane, progress) in self.lanes.iter().zip(last) {
            let Some(progress) = progress else { continue };
            let key = Progress::key(self.envelope.log_id(), &lane.name);
            let value = progress.value();
            let shipment = Shipment {
                topic: &self.progress_topic,
                key: Some(key.as_bytes()),
                partition: None,
                value: Some(&value),
                time_ms: i64::try_from(now_ns() / 1_000_000).unwrap_or(i64::MAX),
                headers: &[],
                ticket: state.first_ticket.wrapping_sub(1),
            };
            while !self.broker.send(&shipment)? {
                if !self.broker.flush() {
                    return Err(Stuck::Trouble(not_delivered()));
                }
                self.broker.reports(&mut state.reports);
            }
        }
        let committed = self.broker.commit();
        // A failed commit does not name the record at fault; its report does.
        let served = self.serve(state);
        committed
            .map_err(Stuck::Trouble)
            .or_else(|stuck| match served {
                Err(known) if stuck.remedy() == Some(Remedy::Abort) => Err(known),
                Ok(_) | Err(_) => Err(stuck),
            })?;
        state.in_transaction = false;
        state.last_commit = Some(Instant::now());
        state.status.commits += 1;
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        state.status.commit_time.record(took, 1);
        let now_ns = now_ns();
        while !state.flights.is_empty() {
            self.land(state, now_ns);
        }
        Ok(())
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
        let said = state.status.trouble.replace(trouble.to_string());
        if said.is_none() {
            tracing::warn!("kafka.{}: {trouble}; it is tried again", self.name);
            state.status.away_since_ns.get_or_insert(now_ns());
        }
        let mut renew = trouble.remedy != Remedy::Abort;
        if !renew {
            renew = self.broker.abort().is_err();
        }
        state.first_ticket = state.first_ticket.wrapping_add(state.flights.len());
        state.flights.clear();
        state.reports.clear();
        state.in_transaction = false;
        if renew {
            self.broker.disconnect();
            state.connected = false;
        }
        self.rewind(office);
        self.report(state, true);
        self.wait(state.backoff);
        state.backoff = (state.backoff * 2).min(BACKOFF.1);
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
            let over = self.ending.stop.load(Ordering::Acquire)
                || lock(&self.ending.finish_by).is_some_and(|by| Instant::now() >= by);
            if left.is_zero() || over {
                return;
            }
            self.bell.wait(left);
        }
    }

    fn rest(&self, state: &State) {
        let time = match (state.flights.is_empty(), state.last_commit) {
            (true, _) => IDLE,
            (false, Some(at)) => self
                .commit_interval
                .saturating_sub(at.elapsed())
                .min(COMMIT_LOOK_EVERY),
            (false, None) => REPORTS_EVERY,
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
        state.status.lanes = self.lanes.iter().map(Lane::status).collect();
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

impl Stuck {
    fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Trouble(trouble) => Some(trouble.remedy),
            Self::Failed(_) => None,
        }
    }
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

fn too_large(bytes: u64, bytes_max: u64) -> Trouble {
    Trouble {
        remedy: Remedy::Never,
        code: "MessageSizeTooLarge".to_owned(),
        detail: format!("the record takes {bytes} bytes, its topic takes {bytes_max}"),
    }
}

fn not_delivered() -> Trouble {
    Trouble {
        remedy: Remedy::Abort,
        code: "MessageTimedOut".to_owned(),
        detail: "records are not acknowledged".to_owned(),
    }
}
