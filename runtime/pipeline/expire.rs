//! State that leaves: by age, or to keep the number of keys within its bound.

use std::ops::Range;

use outrigger_policy::claims::{Anomalies, Rejects};
use outrigger_policy::state::Kept;
use outrigger_policy::topology::{ClassId, PluginId, Role};
use outrigger_policy::verdict::Fault;
use outrigger_sandbox::Evicted;

use super::batch::{Broken, Delivery, Message};
use super::halving::Rows;
use super::member::{Calls, Member, Serves};
use super::{EXPIRY_STEP_NS, FrameArchive, Input, Outbox, Pipeline, decode, halving};
use crate::record::EMPTY_BODY;

/// Most keys that are evicted before their plugin is asked. Reason: bounds the memory of a tick.
pub(super) const EVICTED_MAX: usize = 256;

/// What a plugin said of evicted keys.
enum Said {
    Rejects(Rejects),
    /// Start of the rows, and the anomalies.
    Anomalies(usize, Anomalies),
}

struct ExpireStage<'a> {
    member: &'a mut Member,
    calls: &'a mut Calls,
    serves: Serves,
    now_ns: u64,
    sequence_max: u64,
    decoder: bool,
    kept: &'a [Kept],
    said: Vec<Said>,
}

impl Rows for ExpireStage<'_> {
    fn attempt(&mut self, rows: Range<usize>, fresh: bool) -> Result<(), (Fault, bool)> {
        let member = &mut *self.member;
        if member.health.quarantined {
            return Ok(());
        }
        let Some(place) = member.places.get_mut(&self.serves) else {
            return Ok(());
        };
        if fresh {
            place.seat.restart();
        }
        let was_fresh = place.seat.is_fresh();
        let mut evicted = Evicted::default();
        for kept in &self.kept[rows.clone()] {
            let class = member.index_of.get(usize::from(kept.class)).copied();
            evicted.classes.push(class.flatten().unwrap_or(0));
            evicted.keys.push(&kept.key);
            evicted.states.push(&kept.value);
        }
        let (now_ns, sequence_max) = (self.now_ns, self.sequence_max);
        let answer = if self.decoder {
            self.calls
                .guarded(&mut place.seat, |seat| {
                    seat.expire_frames(now_ns, &evicted, sequence_max)
                })
                .map(Said::Rejects)
        } else {
            self.calls
                .guarded(&mut place.seat, |seat| {
                    seat.expire_messages(now_ns, &evicted)
                })
                .map(|anomalies| Said::Anomalies(rows.start, anomalies))
        };
        match answer {
            Ok(said) => {
                self.said.push(said);
                Ok(())
            }
            Err(fault) => {
                member.count_fault(fault.kind);
                Err((fault, was_fresh))
            }
        }
    }

    /// The state is gone; what the plugin would have said of it cannot be known.
    fn dead(&mut self, _row: usize, _fault: Fault) {
        let faults_max = self.member.installed.faults_max;
        self.member.health.fault(faults_max);
        self.member.counters.dead += 1;
    }
}

impl Pipeline {
    /// Moves a tap's time on, and lets state expire if a new piece of time begins.
    pub(super) fn advance(
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
    pub(super) fn batch_end(&self, tap: usize, times: &[u64], start: usize) -> usize {
        let domain = tap as u16;
        let piece = self.watermarks[tap] / EXPIRY_STEP_NS;
        let mut oldest = times[start];
        let limit = times.len().min(start + self.batch_messages_max);
        (start + 1..limit)
            .find(|&at| {
                let begun = oldest;
                oldest = oldest.min(times[at]);
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

    /// Lets state expire whose age is over, of the tap of `input`, plugin by plugin.
    fn expire(
        &mut self,
        input: &Input<'_>,
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) {
        let now_ns = self.watermarks[input.tap.index()];
        let domain = input.tap.get();
        for plugin in self.topology.clone().plugin_ids() {
            let places: Vec<Serves> = self.members[plugin.index()]
                .iter()
                .flat_map(|member| member.places.keys().copied())
                .collect();
            for serves in places {
                loop {
                    let kept = self.members[plugin.index()]
                        .as_mut()
                        .and_then(|member| member.places.get_mut(&serves))
                        .map(|place| place.store.expire(domain, now_ns, EVICTED_MAX))
                        .unwrap_or_default();
                    if kept.is_empty() {
                        break;
                    }
                    self.expire_kept(input, plugin, serves, &kept, outbox, archive);
                }
            }
        }
    }

    /// Tells a plugin what was evicted, and emits what it says.
    pub(super) fn expire_kept(
        &mut self,
        input: &Input<'_>,
        plugin: PluginId,
        serves: Serves,
        kept: &[Kept],
        outbox: &mut dyn Outbox,
        archive: &mut dyn FrameArchive,
    ) {
        let now_ns = self.watermarks[input.tap.index()];
        let decoder = matches!(self.topology.plugin(plugin).role, Role::Decoder { .. });
        let Some(member) = self.members[plugin.index()].as_mut() else {
            return;
        };
        if kept.is_empty() {
            return;
        }
        member.counters.evicted += kept.len() as u64;
        let mut stage = ExpireStage {
            member,
            calls: &mut self.calls,
            serves,
            now_ns,
            sequence_max: input.first_seq.saturating_add(input.frames.len() as u64),
            decoder,
            kept,
            said: Vec::new(),
        };
        halving::run(&mut stage, kept.len(), self.batch_messages_max);
        let said = stage.said;
        self.batch.clear();
        for said in said {
            match said {
                Said::Rejects(rejects) => self.take_expired_rejects(input, plugin, &rejects),
                Said::Anomalies(start, anomalies) => {
                    self.take_expired_anomalies(plugin, serves, now_ns, &kept[start..], &anomalies);
                }
            }
        }
        self.emit(input, outbox, archive);
        outbox.relieve(&mut self.calls.new_late);
    }

    fn take_expired_rejects(&mut self, input: &Input<'_>, plugin: PluginId, rejects: &Rejects) {
        if let Some(member) = self.members[plugin.index()].as_mut() {
            let detail = |row| rejects.details.get(row).unwrap_or_default();
            let (sequences, causes) = (&rejects.sequences, &rejects.causes);
            decode::take_rejects(member, &mut self.batch, sequences, causes, detail);
            for &sequence in &rejects.sequences {
                self.accounts[input.tap.index()].reject(sequence);
            }
        }
    }

    /// A key about which there are anomalies becomes a message without frames and body.
    fn take_expired_anomalies(
        &mut self,
        plugin: PluginId,
        serves: Serves,
        now_ns: u64,
        kept: &[Kept],
        anomalies: &Anomalies,
    ) {
        let Some(member) = self.members[plugin.index()].as_mut() else {
            return;
        };
        let mut last = None;
        for row in 0..anomalies.messages.len() {
            let kept_row = anomalies.messages[row] as usize;
            let kept = &kept[kept_row];
            let classes = member.class_of.iter().flatten();
            let class: Option<ClassId> = classes.copied().find(|class| class.get() == kept.class);
            let Some(class) = class else { continue };
            let Some(topic) = self.topology.class(class).expired_topic else {
                continue;
            };
            if last != Some(kept_row) {
                last = Some(kept_row);
                let key = self.batch.keep(&kept.key);
                let body = self.batch.keep(EMPTY_BODY);
                self.batch.messages.push(Message {
                    class,
                    label: serves.0,
                    key,
                    body: body.clone(),
                    event_ns: now_ns,
                    captured_ns: now_ns,
                    sources: 0..0,
                    index: 0,
                    severity: 0,
                    evidence_bytes: 0,
                    live: true,
                });
                let message = self.batch.messages.len() - 1;
                self.batch.deliveries.push(Delivery {
                    message,
                    topic,
                    body,
                });
            }
            let rule = anomalies.rules[row];
            member.counters.anomalies[usize::from(rule)] += 1;
            let detail = self
                .batch
                .keep(anomalies.details.get(row).unwrap_or_default());
            let message = self.batch.messages.len() - 1;
            let severity = anomalies.severities[row];
            let worst = &mut self.batch.messages[message].severity;
            *worst = severity.max(*worst);
            self.batch.broken.push(Broken {
                message,
                plugin,
                rule,
                severity,
                score_permille: anomalies.scores[row],
                detail,
            });
        }
    }
}
