//! What a forwarder does in a round: sends, looks at reports, commits.

use std::time::Instant;

use outrigger_kafka::{Progress, Remedy, Shipment, Trouble};

use super::broker::Broker;
use super::feed::FeedError;
use super::lane::Flight;
use super::{FLIGHTS_MAX, Forwarder, Office, Refusal, State, Stuck, envelope};
use crate::telemetry::now_ns;

/// Records sent before reports are looked at.
const RECORDS_PER_TURN: usize = 512;
/// Bytes in a transaction after which it is committed early.
const TRANSACTION_BYTES_MAX: u64 = 16 << 20;

impl<B: Broker> Forwarder<B> {
    pub(super) fn send(&mut self, state: &mut State, office: &dyn Office) -> Result<bool, Stuck> {
        let mut sent = 0;
        if !office.may_work() {
            state.held_back = true;
            return Ok(false);
        }
        for _ in 0..self.lanes.len() {
            let lane = state.next_lane % self.lanes.len();
            let full = self.send_of(lane, state, office, &mut sent)?;
            state.held_back = full;
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
            if state.flights.len() >= FLIGHTS_MAX
                || !self.pace.allows(now)
                || !self.egress.allows(now)
            {
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
            let condemned = lane.condemned.as_ref();
            let condemned = condemned.filter(|(refused, _)| *refused == position);
            let outcome = self.envelope.with(
                &fed.view,
                &lane.kafka_topic,
                lane.format,
                ticket,
                |shipment| {
                    bytes = envelope::shipment_bytes(shipment);
                    if let Some((_, trouble)) = condemned {
                        return Err(trouble.clone());
                    }
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
                        first: lane.refused == 0,
                    };
                    let block = fed.block;
                    // After an abort the same record comes by again: it is written down once.
                    if lane.ruled.insert(position) {
                        office.refuse(&refusal).map_err(Stuck::Failed)?;
                        lane.refused += 1;
                    }
                    lane.feed.advance();
                    // Passed over in its turn, so that what stands before it is not taken as done.
                    state.flights.push_back(Flight {
                        lane: index,
                        position,
                        block,
                        captured_ns: None,
                        done: true,
                        refused: true,
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
                captured_ns: Some(fed.view.captured_ns),
                done: false,
                refused: false,
            });
            lane.feed.advance();
            self.pace.spend(bytes);
            self.egress.spend(bytes);
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
    pub(super) fn serve(&mut self, state: &mut State) -> Result<bool, Stuck> {
        self.broker.reports(&mut state.reports);
        let any = !state.reports.is_empty();
        let alone = state.flights.len() == 1;
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
                }
                Err(trouble) => {
                    if trouble.remedy == Remedy::Never {
                        let far = lane.careful_until.max(Some(flight.position));
                        lane.careful_until = far;
                        // Of several that shared a request it may be any.
                        if alone {
                            lane.condemned = Some((flight.position, trouble.clone()));
                        }
                    }
                    failed.get_or_insert(trouble);
                }
            }
        }
        if let Some(mut trouble) = failed {
            // What a topic takes may have changed: a new client looks.
            if trouble.remedy == Remedy::Never {
                trouble.remedy = Remedy::Renew;
            } else if trouble.remedy == Remedy::Later {
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
        if flight.captured_ns.is_some() {
            state.backoff = self.backoff.0;
            self.well(state);
        }
    }

    pub(super) fn commit_is_due(&self, state: &State) -> bool {
        // At a low rate the last commit is long past, so a record does not wait.
        state.transaction_bytes >= TRANSACTION_BYTES_MAX
            || state.flights.len() >= FLIGHTS_MAX
            || state
                .last_commit
                .is_none_or(|at| at.elapsed() >= self.commit_interval)
    }

    pub(super) fn commit(&mut self, state: &mut State) -> Result<(), Stuck> {
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
        if !self.broker.flush() {
            // A report may say more than that there are not all.
            self.serve(state)?;
            return Err(Stuck::Trouble(not_delivered()));
        }
        let committed = self.broker.commit();
        // A failed commit does not name the record at fault; its report does.
        let served = self.serve(state);
        if let Err(trouble) = committed {
            return Err(match served {
                Err(known) if trouble.remedy == Remedy::Abort => known,
                Ok(_) | Err(_) => trouble.into(),
            });
        }
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
