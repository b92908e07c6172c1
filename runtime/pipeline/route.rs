//! Third stage: where messages go.

use std::ops::Range;

use outrigger_policy::claims::{Deliveries, OWN_BODY};
use outrigger_policy::labels::LabelId;
use outrigger_policy::verdict::Fault;
use outrigger_sandbox::RouterBatch;

use super::batch::{Batch, Delivery};
use super::halving::Rows;
use super::member::{Calls, Member};

pub(super) struct RouteStage<'a> {
    pub(super) member: &'a mut Member,
    pub(super) calls: &'a mut Calls,
    pub(super) label: LabelId,
    pub(super) label_name: &'a str,
    pub(super) batch: &'a mut Batch,
    /// Messages to route, in order.
    pub(super) messages: &'a [usize],
    /// Messages that went nowhere, by class.
    pub(super) withheld: &'a mut [u64],
}

impl RouteStage<'_> {
    fn bury(&mut self, row: usize, cause: &str, detail: String) {
        self.member.counters.dead += 1;
        let stage = format!("route:{}", self.member.name());
        self.batch.kill(self.messages[row], cause, stage, detail);
    }
}

/// What deliveries take in records beyond one of each message as it is, bytes.
fn more_bytes(deliveries: &Deliveries, messages: &[usize], batch: &Batch) -> usize {
    let mut bytes = 0usize;
    let mut before = None;
    for (&row, &body) in deliveries.messages.iter().zip(&deliveries.rewritten) {
        if body != OWN_BODY {
            let body = deliveries.bodies.get(body as usize);
            bytes = bytes.saturating_add(body.map_or(0, <[u8]>::len));
        }
        if before == Some(row) {
            bytes = bytes.saturating_add(batch.message_bytes(messages[row as usize]));
        }
        before = Some(row);
    }
    bytes
}

impl Rows for RouteStage<'_> {
    fn attempt(&mut self, rows: Range<usize>, fresh: bool) -> Result<(), (Fault, bool)> {
        if self.member.health.quarantined {
            for row in rows {
                self.bury(row, "quarantined", String::new());
            }
            return Ok(());
        }
        let member = &mut *self.member;
        let place = member
            .places
            .get_mut(&(self.label, None))
            .expect("the pipeline made the place");
        if fresh {
            place.seat.restart();
        }
        let was_fresh = place.seat.is_fresh();
        let mut asked = RouterBatch {
            label: self.label_name.to_owned(),
            ..RouterBatch::default()
        };
        let messages = &self.messages[rows.clone()];
        for &at in messages {
            let message = &self.batch.messages[at];
            let class = member.index_of[message.class.index()];
            asked
                .classes
                .push(class.expect("the graph sends only granted classes"));
            asked.verdicts.push(u8::from(message.severity > 0));
            asked.severities.push(message.severity);
            asked.captured_ns.push(message.captured_ns);
            asked.event_ns.push(message.event_ns);
            asked.keys.push(self.batch.bytes(&message.key));
            asked.bodies.push(self.batch.bytes(&message.body));
        }
        let answer = self
            .calls
            .guarded(&mut place.seat, |seat| seat.route(&asked))
            .and_then(|deliveries| {
                self.batch
                    .claim(more_bytes(&deliveries, messages, self.batch))?;
                Ok(deliveries)
            });
        match answer {
            Ok(deliveries) => {
                member.health.good(rows.len() as u32);
                let mut routed = vec![false; rows.len()];
                for row in 0..deliveries.messages.len() {
                    let to = deliveries.messages[row] as usize;
                    routed[to] = true;
                    let message = messages[to];
                    let body = match deliveries.rewritten[row] {
                        OWN_BODY => self.batch.messages[message].body.clone(),
                        body => {
                            let body = deliveries.bodies.get(body as usize);
                            self.batch.keep(body.unwrap_or_default())
                        }
                    };
                    self.batch.deliveries.push(Delivery {
                        message,
                        topic: member.route_topics[usize::from(deliveries.routes[row])],
                        body,
                    });
                }
                for (&message, _) in messages.iter().zip(&routed).filter(|(_, routed)| !**routed) {
                    let class = self.batch.messages[message].class;
                    self.withheld[class.index()] += 1;
                    member.counters.withheld += 1;
                }
                Ok(())
            }
            Err(fault) => {
                member.count_fault(fault.kind);
                Err((fault, was_fresh))
            }
        }
    }

    fn dead(&mut self, row: usize, fault: Fault) {
        let faults_max = self.member.installed.faults_max;
        self.member.health.fault(faults_max);
        self.bury(row, fault.kind.name(), fault.detail);
    }
}
