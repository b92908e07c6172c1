//! Puts the ledgers together from what the threads share.

use std::sync::atomic::Ordering;

use outrigger_journal::StreamId;
use outrigger_policy::ledger::difference;

use super::{
    ClassLedger, Deliveries, KafkaLedger, Ledger, ShedStatus, StreamStatus, TapLedger, TopicLedger,
};
use crate::config::Config;
use crate::run::{Shared, ShedCause, TapState, lock};
use crate::status::PipelineStatus;

/// Cause of frames in the journal that no tap of the configuration owns: they are passed over.
const NO_TAP: &str = "no-tap";

/// Cause of what is shed because the pipeline lags.
const LAG: &str = "lag";

/// A tap's counts, all of one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::status) struct TapCounted {
    pub(in crate::status) frames: u64,
    pub(in crate::status) bytes: u64,
    pub(in crate::status) shed_frames: u64,
    pub(in crate::status) shed_bytes: u64,
    captured: u64,
    shed: [u64; ShedCause::ALL.len()],
}

impl TapCounted {
    /// To be taken while the journal is held.
    pub(in crate::status) fn of(tap: &TapState) -> Self {
        Self {
            frames: tap.frames.load(Ordering::Acquire),
            bytes: tap.bytes.load(Ordering::Acquire),
            shed_frames: tap.shed_frames.load(Ordering::Acquire),
            shed_bytes: tap.shed_bytes.load(Ordering::Acquire),
            captured: tap.tally.captured(),
            shed: tap.tally.shed(),
        }
    }
}

/// What the ledgers are put together from.
pub(in crate::status) struct Books<'a> {
    pub(in crate::status) shared: &'a Shared,
    pub(in crate::status) config: &'a Config,
    pub(in crate::status) status: &'a PipelineStatus,
    /// By tap.
    pub(in crate::status) taps: &'a [TapCounted],
    /// Frames that each stream has had, of the same moment.
    pub(in crate::status) streams: &'a [(StreamId, u64)],
}

impl Books<'_> {
    /// By stream of the journal.
    pub(in crate::status) fn streams(&self) -> Vec<StreamStatus> {
        let starts = self.shared.streams.iter();
        starts
            .map(|start| {
                let records = self.streams.iter().find(|(id, _)| *id == start.id);
                StreamStatus {
                    stream: start.id.0,
                    tap: start.name.clone(),
                    before: start.before,
                    passed: self.status.passage.passed(start.id),
                    records: records.map_or(start.before, |(_, records)| *records),
                }
            })
            .collect()
    }

    /// By tap, class and cause; causes that never were are left out.
    pub(in crate::status) fn shed(&self) -> Vec<ShedStatus> {
        let taps = self.shared.taps.iter().zip(self.taps);
        let by_journal = taps.flat_map(|(tap, counted)| {
            let causes = ShedCause::ALL.iter().zip(counted.shed);
            causes.map(|(cause, frames)| ShedStatus {
                tap: tap.name.clone(),
                class: None,
                cause: cause.name().to_owned(),
                frames,
                messages: 0,
            })
        });
        let starts = self.shared.streams.iter();
        let unread = starts.map(|start| ShedStatus {
            tap: start.name.clone(),
            class: None,
            cause: NO_TAP.to_owned(),
            frames: self.status.passage.unread(start.id),
            messages: 0,
        });
        let all = by_journal.chain(unread).chain(self.shed_for_lag());
        all.filter(|shed| shed.frames + shed.messages > 0).collect()
    }

    /// What the pipeline gave up because it lagged: frames not decoded, and messages.
    fn shed_for_lag(&self) -> impl Iterator<Item = ShedStatus> {
        let topology = &self.config.topology;
        let counters = &self.status.counters;
        let taps = topology.taps().iter().zip(&counters.shed_frames);
        let frames = taps.map(|(tap, &frames)| ShedStatus {
            tap: tap.name.clone(),
            class: None,
            cause: LAG.to_owned(),
            frames,
            messages: 0,
        });
        let classes = counters.shed_of_taps.iter();
        frames.chain(classes.map(|(&(tap, class), &messages)| ShedStatus {
            tap: topology.tap(tap).name.clone(),
            class: Some(topology.class(class).name.clone()),
            cause: LAG.to_owned(),
            frames: 0,
            messages,
        }))
    }

    /// By tap, those included that left frames and are no longer configured.
    pub(in crate::status) fn frames(&self, shed: &[ShedStatus]) -> Vec<TapLedger> {
        let mut names: Vec<&str> = self
            .config
            .topology
            .taps()
            .iter()
            .map(|tap| &*tap.name)
            .collect();
        for start in &self.shared.streams {
            if start.behind > 0 && !names.contains(&&*start.name) {
                names.push(&start.name);
            }
        }
        names.into_iter().map(|tap| self.tap(tap, shed)).collect()
    }

    fn tap(&self, name: &str, shed: &[ShedStatus]) -> TapLedger {
        let counters = &self.status.counters;
        let at = self.config.topology.find_tap(name).map(|tap| tap.index());
        let count = |counts: &[u64]| at.and_then(|at| counts.get(at).copied()).unwrap_or(0);
        let mut captured = at
            .and_then(|at| self.taps.get(at))
            .map_or(0, |counted| counted.captured);
        let mut waiting = 0;
        for start in self
            .shared
            .streams
            .iter()
            .filter(|start| start.name == name)
        {
            captured += start.behind;
            let records = self.streams.iter().find(|(id, _)| *id == start.id);
            let records = records.map_or(start.before, |(_, records)| *records);
            waiting += records.saturating_sub(self.status.passage.passed(start.id));
        }
        // A group has no journal: it captures what it reads.
        if let Some(group) = &self.status.group {
            captured += group.frames;
        }
        let (processed, rejected) = (count(&counters.processed), count(&counters.rejected));
        let shed = shed.iter().filter(|shed| shed.tap == name);
        let shed = shed.map(|shed| shed.frames).sum();
        TapLedger {
            tap: name.to_owned(),
            captured,
            processed,
            rejected,
            shed,
            waiting,
            difference: difference(&[captured], &[processed, rejected, shed, waiting]),
        }
    }

    /// All taps together.
    pub(in crate::status) fn total(&self, frames: &[TapLedger], lost_before: u64) -> Ledger {
        let mut ledger = Ledger {
            lost_before,
            from_block: self.shared.from_block,
            next_block: self.status.next_block,
            ..Ledger::default()
        };
        for tap in frames {
            ledger.captured += tap.captured;
            ledger.processed += tap.processed;
            ledger.rejected += tap.rejected;
            ledger.shed += tap.shed;
            ledger.waiting += tap.waiting;
        }
        let parts = [
            ledger.processed,
            ledger.rejected,
            ledger.shed,
            ledger.waiting,
        ];
        ledger.difference = difference(&[ledger.captured], &parts);
        ledger
    }

    /// What became of records and messages.
    pub(in crate::status) fn deliveries(&self, shed: &[ShedStatus]) -> Deliveries {
        Deliveries {
            classes: self.classes(shed),
            topics: match self.status.group {
                None => self.topics(),
                Some(_) => Vec::new(),
            },
            kafka: self.kafka(),
        }
    }

    fn classes(&self, shed: &[ShedStatus]) -> Vec<ClassLedger> {
        let counters = &self.status.counters;
        let classes = self.config.topology.classes().iter().enumerate();
        classes
            .map(|(at, class)| {
                let count = |counts: &[u64]| counts.get(at).copied().unwrap_or(0);
                let decoded = count(&counters.messages);
                let delivered = count(&counters.delivered);
                let withheld = count(&counters.withheld);
                let dead = count(&counters.dead);
                let shed = shed
                    .iter()
                    .filter(|shed| shed.class.as_ref() == Some(&class.name));
                let shed = shed.map(|shed| shed.messages).sum();
                ClassLedger {
                    class: class.name.clone(),
                    decoded,
                    delivered,
                    withheld,
                    dead,
                    shed,
                    difference: difference(&[decoded], &[delivered, withheld, dead, shed]),
                }
            })
            .collect()
    }

    fn topics(&self) -> Vec<TopicLedger> {
        let topology = &self.config.topology;
        let audit = topology.audit();
        let ids = topology.topic_ids().filter(|id| *id != audit);
        ids.map(|id| {
            let at = id.index();
            let made = self.status.counters.records.get(at).copied().unwrap_or(0);
            let figures = self.status.topics.get(at).copied().unwrap_or_default();
            let (written, held) = (figures.written, figures.suppressed);
            TopicLedger {
                topic: topology.topic(id).name.clone(),
                made,
                written,
                held,
                unwritten: figures.unwritten,
                difference: difference(&[made], &[written, held, figures.unwritten]),
            }
        })
        .collect()
    }

    fn kafka(&self) -> Vec<KafkaLedger> {
        let forwarders = self.shared.forward.forwarders.iter();
        forwarders
            .flat_map(|shown| {
                let forward = lock(shown).clone();
                let cluster = forward.cluster;
                forward.lanes.into_iter().map(move |lane| KafkaLedger {
                    cluster: cluster.clone(),
                    topic: lane.topic,
                    owed_before: lane.owed_before,
                    written: lane.written,
                    again: lane.again,
                    delivered: lane.delivered,
                    found: lane.found,
                    waiting: lane.waiting,
                    refused: lane.refused,
                    lost: lane.lost,
                    difference: difference(
                        &[lane.owed_before, lane.written, lane.again],
                        &[
                            lane.delivered,
                            lane.found,
                            lane.waiting,
                            lane.refused,
                            lane.lost,
                        ],
                    ),
                })
            })
            .collect()
    }
}
