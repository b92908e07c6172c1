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
    /// When it was captured; `None` if it was not delivered.
    pub captured_ns: Option<u64>,
    /// It has been acknowledged, or is passed over.
    pub done: bool,
    /// It is passed over because it was refused for good.
    pub refused: bool,
}

/// What became of a topic's records since the start: each counted when it is done with.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    delivered: u64,
    refused: u64,
    /// Not taken, of an at-most-once topic.
    lost: u64,
    /// Records that Kafka turned out to hold.
    found: u64,
    /// Records that Kafka turned out not to hold although they were delivered.
    again: u64,
    /// Records of the topic before the first that was owed when the run began.
    first: Option<u64>,
}

impl Count {
    /// Delivery goes on with the record behind so many of the topic. `asked` if Kafka was asked how
    /// far it is; `gone` are records that retention took.
    fn begin(&mut self, next: u64, asked: bool, gone: u64) {
        let first = *self.first.get_or_insert(next);
        if !asked {
            return;
        }
        let done = self.delivered + self.refused + self.lost + self.found + gone;
        let ended = (first + done).saturating_sub(self.again);
        self.found += next.saturating_sub(ended);
        self.again += ended.saturating_sub(next);
    }
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
    /// Records written down as refused for good.
    pub refused: u64,
    /// What became of its records.
    count: Count,
    /// Kafka was asked how far it is: where delivery goes on may be elsewhere than where it ended.
    asked: bool,
    /// Directory of marks; `None` for a topic without a log.
    marks: Option<Dir>,
    /// Block of the topic log that holds the last delivered record.
    log_block: u64,
    mark_is_due: bool,
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
            count: Count::default(),
            asked: false,
            marks: marks.map(|(dir, _, _)| dir),
            log_block: mark.map_or(0, |mark| mark.log_block),
            mark_is_due: false,
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
        self.asked = true;
    }

    /// Goes back behind the last delivered record.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn rewind(&mut self) -> Result<(), FeedError> {
        self.tail.set_owed(self.log_block);
        // What a power cut took from the log, and the pipeline made again, is delivered.
        self.count.found += self.feed.take_passed_over();
        self.feed.rewind(self.log_block, self.delivered)?;
        // Read before: what is handed over from here on is peeked at.
        let written = self.tail.counts().written;
        let next = self.feed.peek()?.map(|fed| fed.ordinal);
        self.feed.stand_behind(written);
        // These were passed over on the way to where it stood already.
        self.feed.take_passed_over();
        if !self.tail.is_ephemeral() {
            let asked = std::mem::take(&mut self.asked);
            self.count
                .begin(next.unwrap_or(written), asked, self.feed.lost());
        }
        Ok(())
    }

    /// Of a topic without a log, what was under way is gone. `flights` are those of all lanes.
    pub fn give_up<'f>(&mut self, index: usize, flights: impl Iterator<Item = &'f Flight>) {
        if self.tail.is_ephemeral() {
            self.count.lost += flights.filter(|flight| flight.lane == index).count() as u64;
        }
    }

    /// A record is delivered, or passed over.
    pub fn land(&mut self, flight: &Flight, now_ns: u64) {
        self.delivered = Some(flight.position);
        self.log_block = flight.block;
        self.mark_is_due = true;
        self.ruled.remove(&flight.position);
        self.tail.set_owed(flight.block);
        match flight.captured_ns {
            Some(captured_ns) => {
                self.count.delivered += 1;
                self.latency.record(now_ns.saturating_sub(captured_ns), 1);
            }
            None if flight.refused => self.count.refused += 1,
            None => self.count.lost += 1,
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

    /// What others see of it, with so many of its records under way.
    pub fn status(&self, under_way: u64) -> LaneStatus {
        let tail = self.tail.counts();
        // The log is written before the tail is told, and may have been read since.
        let written = tail.written.max(self.feed.read_to());
        let unread = match self.tail.is_ephemeral() {
            true => tail.queued,
            false => written - self.feed.read_to(),
        };
        LaneStatus {
            topic: self.name.clone(),
            kafka_topic: self.kafka_topic.clone(),
            owed_before: tail
                .begun
                .saturating_sub(self.count.first.unwrap_or(tail.begun)),
            written: written - tail.begun,
            again: self.count.again,
            found: self.count.found + self.feed.passed_over(),
            delivered: self.count.delivered,
            refused: self.count.refused,
            lost: self.count.lost + tail.shed + self.feed.lost(),
            waiting: under_way + self.feed.left() + unread,
            bytes_per_s: self.bytes_per_s,
            latency: self.latency.clone(),
        }
    }
}
