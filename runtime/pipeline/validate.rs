//! Second stage: verdicts. Called once per validator, in the graph's order.

use std::ops::Range;

use outrigger_policy::claims::Judgement;
use outrigger_policy::labels::LabelId;
use outrigger_policy::state::{Kept, Touch};
use outrigger_policy::verdict::{Fault, OnQuarantine};
use outrigger_sandbox::ValidatorBatch;

use super::batch::{Batch, Broken, evidence_bytes};
use super::halving::Rows;
use super::member::{Calls, Member};
use super::slots::Slots;

pub(super) struct ValidateStage<'a> {
    pub(super) member: &'a mut Member,
    pub(super) calls: &'a mut Calls,
    pub(super) tap: u16,
    pub(super) label: LabelId,
    pub(super) now_ns: u64,
    pub(super) batch: &'a mut Batch,
    /// Messages to judge, in order.
    pub(super) messages: &'a [usize],
    pub(super) evicted: Vec<Kept>,
}

impl ValidateStage<'_> {
    fn take(&mut self, rows: Range<usize>, judgement: &Judgement) {
        let anomalies = &judgement.anomalies;
        for row in 0..anomalies.messages.len() {
            let message = self.messages[rows.start + anomalies.messages[row] as usize];
            let severity = anomalies.severities[row];
            let detail = self
                .batch
                .keep(anomalies.details.get(row).unwrap_or_default());
            let rule = anomalies.rules[row];
            self.member.counters.anomalies[usize::from(rule)] += 1;
            let judged = &mut self.batch.messages[message];
            judged.severity = severity.max(judged.severity);
            judged.evidence_bytes += evidence_bytes(1, detail.len());
            self.batch.broken.push(Broken {
                message,
                plugin: self.member.id,
                rule,
                severity,
                score_permille: anomalies.scores[row],
                detail,
            });
        }
    }

    fn bury(&mut self, row: usize, cause: &str, detail: String) {
        self.member.counters.dead += 1;
        let stage = format!("validate:{}", self.member.name());
        self.batch.kill(self.messages[row], cause, stage, detail);
    }
}

impl Rows for ValidateStage<'_> {
    fn attempt(&mut self, rows: Range<usize>, fresh: bool) -> Result<(), (Fault, bool)> {
        if self.member.health.quarantined {
            match self.member.installed.on_quarantine {
                OnQuarantine::Bypass => self.member.counters.bypassed += rows.len() as u64,
                OnQuarantine::DeadLetter | OnQuarantine::Stop => {
                    for row in rows {
                        self.bury(row, "quarantined", String::new());
                    }
                }
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
        let batch = &*self.batch;
        let messages = &self.messages[rows.clone()];
        let slots = Slots::new(messages.iter().map(|&at| batch.key(at)), &place.store);
        let mut asked = ValidatorBatch {
            now_ns: self.now_ns,
            slots: slots.slots.clone(),
            states: slots.states.clone(),
            ..ValidatorBatch::default()
        };
        for &at in messages {
            let message = &batch.messages[at];
            let class = member.index_of[message.class.index()];
            asked
                .classes
                .push(class.expect("the graph sends only granted classes"));
            asked.captured_ns.push(message.captured_ns);
            asked.event_ns.push(message.event_ns);
            asked.bodies.push(batch.bytes(&message.body));
        }
        let answer = self
            .calls
            .guarded(&mut place.seat, |seat| seat.validate(&asked))
            .and_then(|judgement| {
                let anomalies = &judgement.anomalies;
                let details = anomalies.details.bytes.len();
                batch.claim(evidence_bytes(anomalies.messages.len(), details))?;
                Ok(judgement)
            });
        match answer {
            Ok(judgement) => {
                let touches = messages.iter().map(|&at| Touch {
                    key: batch.key(at),
                    class: batch.messages[at].class.get(),
                    time_ns: batch.messages[at].captured_ns,
                });
                let changes = slots.changes(&judgement.changes);
                let evicted = place
                    .store
                    .apply(self.tap, touches, &changes)
                    .expect("checked: no state is over its bound");
                self.evicted.extend(evicted);
                member.health.good(rows.len() as u32);
                self.take(rows, &judgement);
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
