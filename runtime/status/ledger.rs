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

mod books;

use serde::{Deserialize, Serialize};

pub(super) use books::{Books, TapCounted};

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
