//! One topic on its way to one cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use outrigger_kafka::Trouble;

use super::feed::{Feed, FeedError};
use super::marks::{self, Mark};
use super::status::LaneStatus;
use crate::config::ValueFormat;
use crate::record::Position;
use crate::telemetry::Latency;
use crate::topics::Tail;

/// Time over which the rate of a topic is measured.
const RATE_OVER: Duration = Duration::from_secs(2);

/// A record under way.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    /// Its lane.
    pub lane: usize,
    /// Its position.
    pub position: Position,
    /// Its block in the topic log.
    pub block: u64,
    /// Its sequence number in the topic log.
    pub seq: u64,
    /// When it was captured; `None` if it was not delivered.
    pub captured_ns: Option<u64>,
    /// It has been acknowledged, or is passed over.
    pub done: bool,
}

/// One topic on its way to one cluster.
pub struct Lane {
    /// Name of the topic.
    pub name: String,
    /// Its name in Kafka.
    pub kafka_topic: String,
    /// How values are written.
    pub format: ValueFormat,
    /// Its records.
    pub feed: Feed,
    /// Where its records come from, and what retention asks.
    pub tail: Arc<Tail>,
    /// Position of the last record that is delivered or refused.
    pub delivered: Option<Position>,
    /// Until here records are sent one by one, because one of them was refused with others.
    pub careful_until: Option<Position>,
    /// A record that was refused when it was under way alone: passed over when it comes by again.
    pub condemned: Option<(Position, Trouble)>,
    /// Records that are written down as refused and not yet passed over. Bounded by what may be
    /// under way.
    pub ruled: BTreeSet<Position>,
    /// Records refused for good.
    pub refused: u64,
    /// Records of an at-most-once topic that were not taken.
    pub lost: u64,
    /// Directory of marks; `None` for a topic without a log.
    marks: Option<Dir>,
    /// Block of the topic log that holds the last delivered record.
    log_block: u64,
    mark_is_due: bool,
    count: u64,
    next_seq: u64,
    latency: Latency,
    /// When and from how many bytes on the rate is measured, and the last that was.
    rate_since: (Instant, u64),
    bytes_per_s: u64,
}

impl Lane {
    /// A lane that goes on from the mark of this journal, cluster and topic, if there is one.
    pub fn new(
        name: String,
        kafka_topic: String,
        format: ValueFormat,
        feed: Feed,
        tail: Arc<Tail>,
        marks: Option<(Dir, &str, &str)>,
    ) -> Self {
        let mark = marks.as_ref().and_then(|(dir, cluster, log_id)| {
            let mark = marks::read(dir, &name)?;
            let same =
                mark.cluster == *cluster && mark.log_id == *log_id && mark.topic == kafka_topic;
            same.then_some(mark)
        });
        Self {
            name,
            kafka_topic,
            format,
            feed,
            tail,
            delivered: mark.as_ref().map(Mark::position),
            careful_until: None,
            condemned: None,
            ruled: BTreeSet::new(),
            refused: 0,
            lost: 0,
            marks: marks.map(|(dir, _, _)| dir),
            log_block: mark.map_or(0, |mark| mark.log_block),
            mark_is_due: false,
            count: 0,
            next_seq: 0,
            latency: Latency::default(),
            rate_since: (Instant::now(), 0),
            bytes_per_s: 0,
        }
    }

    /// What committed transactions say. The mark only tells where to look, and only if it is not
    /// ahead of them: then Kafka has lost what we delivered, or is another.
    pub fn committed(&mut self, position: Option<Position>) {
        if self.delivered > position {
            if self.marks.is_some() {
                tracing::warn!(
                    "topic {}: Kafka holds less than was delivered; it is delivered again",
                    self.kafka_topic
                );
            }
            self.log_block = 0;
        }
        self.delivered = position;
    }

    /// Goes back behind the last delivered record.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn rewind(&mut self) -> Result<(), FeedError> {
        self.tail.set_owed(self.log_block);
        self.feed.rewind(self.log_block, self.delivered)?;
        let next = self.feed.peek()?.map(|fed| fed.seq);
        self.next_seq = next.unwrap_or_else(|| self.tail.next_seq());
        Ok(())
    }

    /// A record is delivered, or passed over.
    pub fn land(&mut self, flight: &Flight, now_ns: u64) {
        self.delivered = Some(flight.position);
        self.log_block = flight.block;
        self.next_seq = flight.seq + 1;
        self.mark_is_due = true;
        self.ruled.remove(&flight.position);
        self.tail.set_owed(flight.block);
        if let Some(captured_ns) = flight.captured_ns {
            self.count += 1;
            self.latency.record(now_ns.saturating_sub(captured_ns), 1);
        }
    }

    /// Measures the rate, and writes the mark if it has moved.
    pub fn keep(&mut self, cluster: &str, log_id: &str) {
        let (since, bytes) = self.rate_since;
        if since.elapsed() >= RATE_OVER {
            let handed = self.tail.handed_bytes();
            let rate = (handed - bytes) as f64 / since.elapsed().as_secs_f64();
            self.bytes_per_s = rate as u64;
            self.rate_since = (Instant::now(), handed);
        }
        let (Some(dir), Some(position), true) = (&self.marks, self.delivered, self.mark_is_due)
        else {
            return;
        };
        let mark = Mark {
            log_id: log_id.to_owned(),
            cluster: cluster.to_owned(),
            topic: self.kafka_topic.clone(),
            block: position.block,
            ordinal: position.ordinal,
            log_block: self.log_block,
        };
        match marks::write(dir, &self.name, &mark) {
            Ok(()) => self.mark_is_due = false,
            Err(error) => tracing::warn!("forward/{}: {error}", self.name),
        }
    }

    /// What others see of it.
    pub fn status(&self) -> LaneStatus {
        LaneStatus {
            topic: self.name.clone(),
            kafka_topic: self.kafka_topic.clone(),
            delivered: self.count,
            refused: self.refused,
            lost: self.lost + self.tail.shed(),
            lost_blocks: self.feed.lost_blocks(),
            waiting: self.tail.next_seq().saturating_sub(self.next_seq),
            bytes_per_s: self.bytes_per_s,
            latency: self.latency.clone(),
        }
    }
}
