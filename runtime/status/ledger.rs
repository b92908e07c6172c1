//! The two ledgers, as the status shows them: where every frame is, and what became of what was made
//! of them.
//!
//! No term is made of the others, and all terms of a line are of one moment, so that a difference of
//! 0 says something also while frames move:
//!
//! | term | counted by | at |
//! |---|---|---|
//! | captured, shed by the journal | the tap, while it holds the journal | this look at the journal |
//! | waiting | the journal: a stream's frames, less those before the pipeline's block | the same |
//! | processed, rejected, shed later | the pipeline | the end of that block |
//! | made, written, held, unwritten | the pipeline and each topic log | the end of that block |
//! | decoded, delivered, withheld, dead | the pipeline | the end of that block |
//! | what Kafka was given | each forwarder, against the log's own count | a turn of the forwarder |

use std::sync::atomic::Ordering;

use outrigger_journal::StreamId;
use outrigger_policy::ledger::difference;
use serde::{Deserialize, Serialize};

use super::PipelineStatus;
use crate::config::Config;
use crate::run::{Shared, ShedCause, TapState, lock};

/// Cause of frames in the journal that no tap of the configuration owns: they are passed over.
const NO_TAP: &str = "no-tap";

/// Cause of what is shed because the pipeline lags.
const LAG: &str = "lag";

/// Where every frame is: `captured = processed + rejected + shed + waiting`, at any moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Frames that the taps handed over, and those that the run before left to process.
    pub captured: u64,
    /// Frames that the decoders took, and have not rejected since.
    pub processed: u64,
    /// Frames that the decoders rejected or failed on, each once.
    pub rejected: u64,
    /// Frames that were captured and given up.
    pub shed: u64,
    /// Frames in the journal, by its own count, that the pipeline has not processed.
    pub waiting: u64,
    /// `captured` less the sum of the others.
    pub difference: i64,
    /// Frames lost before they were captured: dropped by the kernel, oversized, cut, unreadable.
    pub lost_before: u64,
    /// First block of the journal that this run processed, or will.
    #[serde(default)]
    pub from_block: u64,
    /// First block that is not in these counts.
    #[serde(default)]
    pub next_block: u64,
}

/// Where the frames of one tap are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapLedger {
    /// The tap; it may be one that the configuration no longer has.
    pub tap: String,
    /// As in [`Ledger`].
    pub captured: u64,
    /// As in [`Ledger`].
    pub processed: u64,
    /// As in [`Ledger`].
    pub rejected: u64,
    /// As in [`Ledger`].
    pub shed: u64,
    /// As in [`Ledger`].
    pub waiting: u64,
    /// As in [`Ledger`].
    pub difference: i64,
}

/// A stream of the journal: a tap, and where it read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// Its number in the journal.
    pub stream: u16,
    /// The tap.
    pub tap: String,
    /// Frames before [`Ledger::from_block`], by the journal's count since it began.
    pub before: u64,
    /// Frames before [`Ledger::next_block`], likewise.
    pub passed: u64,
    /// Frames before the journal's next block, likewise.
    pub records: u64,
}

/// Frames, and messages of frames, that were given up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShedStatus {
    /// The tap.
    pub tap: String,
    /// The class; `None` of frames that were never decoded.
    pub class: Option<String>,
    /// Why: one word.
    pub cause: String,
    /// Frames. A frame that was decoded is processed, and is not among them.
    pub frames: u64,
    /// Messages.
    pub messages: u64,
}

/// What became of records and messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// By class: `decoded = delivered + withheld + dead + shed`.
    pub classes: Vec<ClassLedger>,
    /// By topic: `made = written + held + unwritten`. Empty where a group reads Kafka: it keeps no
    /// topic logs.
    pub topics: Vec<TopicLedger>,
    /// By cluster and topic: `owed_before + written + again = delivered + found + waiting + refused +
    /// lost`.
    pub kafka: Vec<KafkaLedger>,
}

/// What became of a class's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassLedger {
    /// The class.
    pub class: String,
    /// Messages that decoders made, or that came decoded.
    pub decoded: u64,
    /// Of these, the ones that went to a topic or more.
    pub delivered: u64,
    /// Those that their router gave to no topic.
    pub withheld: u64,
    /// Those that became dead letters and went nowhere else.
    pub dead: u64,
    /// Those that were given up.
    pub shed: u64,
    /// `decoded` less the sum of the others.
    pub difference: i64,
}

/// What became of the records that were made for a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicLedger {
    /// The topic.
    pub topic: String,
    /// Records that the pipeline made for it.
    pub made: u64,
    /// Records that its log took, or, without a log, its forwarder.
    pub written: u64,
    /// Records that it held already, from before a restart; without a log, those that had their
    /// chance then.
    pub held: u64,
    /// Records that wait to be written.
    pub unwritten: u64,
    /// `made` less the sum of the others.
    pub difference: i64,
}

/// What became of a topic's records on the way to a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaLedger {
    /// The cluster.
    pub cluster: String,
    /// The topic.
    pub topic: String,
    /// Records that waited when the run began, by the log's count.
    pub owed_before: u64,
    /// Records written since, by the log's count.
    pub written: u64,
    /// Records delivered once that Kafka turned out not to hold: they are delivered again.
    pub again: u64,
    /// Records delivered by this run, as the brokers acknowledged or committed them.
    pub delivered: u64,
    /// Records that Kafka turned out to hold already.
    pub found: u64,
    /// Records that are not delivered.
    pub waiting: u64,
    /// Records refused for good; each is a dead letter.
    pub refused: u64,
    /// Records given up.
    pub lost: u64,
    /// What there was less what became of it.
    pub difference: i64,
}

/// A tap's counts, all of one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TapCounted {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) shed_frames: u64,
    pub(super) shed_bytes: u64,
    captured: u64,
    shed: [u64; ShedCause::ALL.len()],
}

impl TapCounted {
    /// To be taken while the journal is held.
    pub(super) fn of(tap: &TapState) -> Self {
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
pub(super) struct Books<'a> {
    pub(super) shared: &'a Shared,
    pub(super) config: &'a Config,
    pub(super) status: &'a PipelineStatus,
    /// By tap.
    pub(super) taps: &'a [TapCounted],
    /// Frames that each stream has had, of the same moment.
    pub(super) streams: &'a [(StreamId, u64)],
}

impl Books<'_> {
    /// By stream of the journal.
    pub(super) fn streams(&self) -> Vec<StreamStatus> {
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
    pub(super) fn shed(&self) -> Vec<ShedStatus> {
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
    pub(super) fn frames(&self, shed: &[ShedStatus]) -> Vec<TapLedger> {
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
    pub(super) fn total(&self, frames: &[TapLedger], lost_before: u64) -> Ledger {
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
    pub(super) fn deliveries(&self, shed: &[ShedStatus]) -> Deliveries {
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

impl Deliveries {
    /// Lines that do not add up: what they are of, and by how much.
    pub fn unbalanced(&self) -> Vec<(String, i64)> {
        let classes = self.classes.iter();
        let classes = classes.map(|line| (format!("class {}", line.class), line.difference));
        let topics = self.topics.iter();
        let topics = topics.map(|line| (format!("topic {}", line.topic), line.difference));
        let kafka = self.kafka.iter().map(|line| {
            let name = format!("kafka.{}, topic {}", line.cluster, line.topic);
            (name, line.difference)
        });
        let all = classes.chain(topics).chain(kafka);
        all.filter(|(_, difference)| *difference != 0).collect()
    }
}
