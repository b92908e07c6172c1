//! Topic logs: the default sink, and the outbox from which a forwarder feeds Kafka.
//!
//! One log per topic. Every record carries its position: the journal block that it was made from,
//! and its ordinal among that block's records for the topic. A block's records are the same
//! whenever it is processed, so after a restart everything up to the position of the last record
//! held is passed over, and each record is there once. Recovery needs nothing else: there is no
//! offset file that could disagree with the log.
//!
//! What is written is also handed to the topic's forwarder in memory ([`Tail`]), if it has one, and
//! what that forwarder has not delivered is owed: retention leaves it, and when there is no room for
//! more the pipeline waits. An at-most-once topic that goes to Kafka has no log at all.

mod tail;

use std::collections::VecDeque;
use std::sync::Arc;

use cap_std::fs::Dir;
use outrigger_journal::{
    AppendError, Appended, Block, Kind, OpenError, OpenReport, Options, ReadError, Reader,
    Retained, StreamError, StreamId, SyncHandle, Writer,
};
use outrigger_policy::Columns;
use outrigger_policy::topology::TopicId;

use crate::pipeline::Outbox;
use crate::record::{self, Position};
pub use tail::{Bell, Handed, TAIL_BYTES_MAX, Tail, TailCounts, Taken};

/// Records of one topic in a block of its log, in bytes; half a segment of its log, if that is less.
/// When reached, another block begins; all are written when the block that they were made of is done,
/// and what a block becomes is bounded by its plugins' limits. Reason: a block of a log holds at most
/// 4 MiB, and a record is far smaller: a body, a frame, and some evidence. Retention makes room for a
/// segment: a larger block would find no room in a log that is full, though nothing in it is owed.
pub const WAITING_BYTES_MAX: usize = 1 << 20;
/// Records that wait, by number. As above.
pub const WAITING_RECORDS_MAX: usize = 16_384;

/// A topic log could not be opened, read or written.
#[derive(Debug)]
pub struct TopicError {
    /// The topic.
    pub topic: String,
    /// What happened.
    pub cause: TopicCause,
}

/// What happened to a topic log.
#[derive(Debug)]
pub enum TopicCause {
    /// Its directory could not be made or opened.
    Directory(std::io::Error),
    /// Its log could not be opened.
    Open(OpenError),
    /// Its stream could not be registered.
    Stream(StreamError),
    /// It could not be read back.
    Read(ReadError),
    /// A record in it is no record.
    Record(record::RecordError),
    /// A record could not be appended.
    Append(AppendError),
    /// It is full of records that Kafka has not taken.
    Owed,
}

impl TopicError {
    /// True if there is no room: what waits is kept, and may be tried again.
    pub fn is_no_space(&self) -> bool {
        matches!(
            self.cause,
            TopicCause::Append(AppendError::NoSpace { .. }) | TopicCause::Owed
        )
    }
}

impl std::fmt::Display for TopicError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "topic {}: ", self.topic)?;
        match &self.cause {
            TopicCause::Directory(error) => write!(f, "directory: {error}"),
            TopicCause::Open(error) => write!(f, "{error}"),
            TopicCause::Stream(error) => write!(f, "{error}"),
            TopicCause::Read(error) => write!(f, "{error}"),
            TopicCause::Record(error) => write!(f, "a record cannot be read: {error}"),
            TopicCause::Append(error) => write!(f, "{error}"),
            TopicCause::Owed => {
                write!(f, "its log is full of records that Kafka has not taken")
            }
        }
    }
}

impl std::error::Error for TopicError {}

/// What a topic is opened with.
#[derive(Clone, Debug)]
pub struct TopicOptions {
    /// Its name.
    pub name: String,
    /// Options of its log; `None` for one that only a forwarder takes.
    pub log: Option<Options>,
    /// Its forwarder.
    pub tail: Option<Arc<Tail>>,
    /// Without a log, records of earlier blocks are passed over: they had their chance.
    pub from_block: u64,
}

/// A log with the stream that is written to it.
struct Log {
    writer: Writer,
    stream: StreamId,
}

struct TopicLog {
    name: String,
    log: Option<Log>,
    tail: Option<Arc<Tail>>,
    /// Number of the next block and record of a topic without a log.
    next: (u64, u64),
    waiting: Columns,
    /// Bytes of `waiting` at which another block begins.
    waiting_bytes_max: usize,
    /// Full columns that wait for their block to be done, or for room on the disk.
    full: VecDeque<Columns>,
    /// What the log held when it was opened: records up to here are passed over.
    held: Option<Position>,
    written: u64,
    suppressed: u64,
    /// Records that the log had had when it was opened.
    before: u64,
}

/// The topic logs, by topic; the audit log is not among them.
pub struct Topics {
    logs: Vec<Option<TopicLog>>,
}

/// Figures of a topic log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicFigures {
    /// Records written since the start.
    pub written: u64,
    /// Records passed over because the log held them already.
    pub suppressed: u64,
    /// Records that wait to be written.
    pub unwritten: u64,
    /// Records that the log had had when it was opened, by its own count; 0 without a log.
    pub before: u64,
    /// Records that it has had, by its own count; `None` without a log.
    pub total: Option<u64>,
    /// Bytes that the log holds.
    pub bytes: u64,
    /// Sequence number that the next record gets.
    pub next_seq: u64,
}

impl Topics {
    /// Opens or creates the log of every topic given; `None` leaves a topic out. Returns what was
    /// found, by topic name.
    ///
    /// # Errors
    /// The first topic that cannot be used.
    pub fn open(
        topics_dir: &Dir,
        topics: Vec<Option<TopicOptions>>,
        now_ns: u64,
    ) -> Result<(Self, Vec<(String, OpenReport)>), TopicError> {
        let mut logs = Vec::new();
        let mut reports = Vec::new();
        for options in topics {
            let Some(options) = options else {
                logs.push(None);
                continue;
            };
            let name = options.name.clone();
            let (log, report) =
                open_log(topics_dir, options, now_ns).map_err(|cause| TopicError {
                    topic: name.clone(),
                    cause,
                })?;
            reports.extend(report.map(|report| (name, report)));
            logs.push(Some(log));
        }
        let topics = Self { logs };
        Ok((topics, reports))
    }

    /// Handles that make the logs durable from another thread.
    pub fn sync_handles(&self) -> Vec<SyncHandle> {
        let logs = self
            .logs
            .iter()
            .flatten()
            .filter_map(|topic| topic.log.as_ref());
        logs.map(|log| log.writer.sync_handle()).collect()
    }

    /// True if more waits than the bounds of one log allow.
    pub fn lacks_room(&self) -> bool {
        self.logs.iter().flatten().any(|log| !log.full.is_empty())
    }

    /// Bytes of records that wait in full blocks.
    pub fn waiting_bytes(&self) -> usize {
        let logs = self.logs.iter().flatten();
        let full = logs.flat_map(|log| &log.full);
        full.map(|columns| columns.bytes().len()).sum()
    }

    /// Writes everything that waits. Without room on the disk it keeps waiting, and may be tried
    /// again.
    ///
    /// # Errors
    /// A log that could not be written; nothing of it is lost, the journal still holds the frames.
    pub fn flush(&mut self, written_ns: u64) -> Result<(), TopicError> {
        for log in self.logs.iter_mut().flatten() {
            log.flush(written_ns).map_err(|cause| TopicError {
                topic: log.name.clone(),
                cause,
            })?;
        }
        Ok(())
    }

    /// Removes what is older than the topics' bounds say.
    ///
    /// # Errors
    /// A log whose files cannot be read or removed.
    pub fn retain(&mut self, now_ns: u64) -> Result<Retained, TopicError> {
        let mut all = Retained::default();
        for log in self.logs.iter_mut().flatten() {
            let retained = log.retain(now_ns).map_err(|cause| TopicError {
                topic: log.name.clone(),
                cause,
            })?;
            all.segments += retained.segments;
            all.records += retained.records;
            all.bytes += retained.bytes;
        }
        Ok(all)
    }

    /// Figures by topic.
    pub fn figures(&self) -> Vec<TopicFigures> {
        let figures = |topic: &TopicLog| TopicFigures {
            written: topic.written,
            suppressed: topic.suppressed,
            unwritten: topic.unwritten(),
            before: topic.before,
            total: topic.log.as_ref().map(|_| topic.total()),
            bytes: topic.log.as_ref().map_or(0, |log| log.writer.bytes()),
            next_seq: match &topic.log {
                Some(log) => log.writer.tip().next_seq,
                None => topic.next.1,
            },
        };
        let logs = self.logs.iter();
        logs.map(|log| log.as_ref().map(figures).unwrap_or_default())
            .collect()
    }

    /// Closes every log, so that the next start finds exact numbers.
    ///
    /// # Errors
    /// The first log that could not be closed; the others are closed all the same.
    pub fn close(self) -> Result<(), String> {
        let mut result = Ok(());
        for topic in self.logs.into_iter().flatten() {
            let (name, Some(log)) = (topic.name, topic.log) else {
                continue;
            };
            let closed = log.writer.close();
            result = result.and(closed.map_err(|error| format!("topic {name}: {error}")));
        }
        result
    }
}

impl Outbox for Topics {
    fn put(&mut self, topic: TopicId, position: Position, time_ns: u64, record: &[u8]) {
        let Some(log) = self.logs[topic.index()].as_mut() else {
            return;
        };
        log.put(position, time_ns, record);
    }
}

impl TopicLog {
    fn put(&mut self, position: Position, time_ns: u64, record: &[u8]) {
        if self.held.is_some_and(|held| position <= held) {
            self.suppressed += 1;
            return;
        }
        let bytes = self.waiting.bytes().len() + record.len();
        if bytes > self.waiting_bytes_max && !self.waiting.is_empty() {
            self.full.push_back(std::mem::take(&mut self.waiting));
        }
        self.waiting.push(time_ns, record);
        let bytes = self.waiting.bytes().len();
        let many = bytes >= self.waiting_bytes_max || self.waiting.len() >= WAITING_RECORDS_MAX;
        // Not written here: a ruling may have to be on disk before, and the time of capture is not
        // the time of writing, by which records grow old.
        if many {
            self.full.push_back(std::mem::take(&mut self.waiting));
        }
    }

    /// Records that wait to be written.
    fn unwritten(&self) -> u64 {
        let full: usize = self.full.iter().map(Columns::len).sum();
        (full + self.waiting.len()) as u64
    }

    /// Records that it has had, by the log's own count.
    fn total(&self) -> u64 {
        match &self.log {
            Some(log) => log.writer.stream_records(log.stream),
            None => self.next.1,
        }
    }

    fn flush(&mut self, written_ns: u64) -> Result<(), TopicCause> {
        // What could not be written stays where it was.
        while let Some(columns) = self.full.pop_front() {
            if let Err((cause, columns)) = self.append(columns, written_ns) {
                self.full.push_front(columns);
                return Err(cause);
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        match self.append(waiting, written_ns) {
            Ok(used) => {
                self.waiting = used;
                Ok(())
            }
            Err((cause, columns)) => {
                self.waiting = columns;
                Err(cause)
            }
        }
    }

    /// Writes, and hands over. Returns memory to use again, or what was not written.
    fn append(
        &mut self,
        mut columns: Columns,
        written_ns: u64,
    ) -> Result<Columns, (TopicCause, Columns)> {
        if columns.is_empty() {
            return Ok(columns);
        }
        let count = columns.len() as u64;
        let first_ordinal = self.total();
        let block = match &mut self.log {
            Some(log) => match log.append(&columns, written_ns, self.tail.as_deref()) {
                Ok(appended) => appended.block,
                Err(cause) => return Err((cause, columns)),
            },
            None => {
                let (block, first) = self.next;
                self.next = (block + 1, first + count);
                block
            }
        };
        self.written += count;
        let Some(tail) = &self.tail else {
            columns.clear();
            return Ok(columns);
        };
        tail.hand(Handed {
            block,
            first_ordinal,
            columns: Arc::new(columns),
        });
        Ok(Columns::new())
    }

    fn retain(&mut self, now_ns: u64) -> Result<Retained, TopicCause> {
        let Some(log) = &mut self.log else {
            return Ok(Retained::default());
        };
        log.retain(self.tail.as_deref(), now_ns)
            .map_err(TopicCause::Read)
    }
}

impl Log {
    fn append(
        &mut self,
        columns: &Columns,
        written_ns: u64,
        tail: Option<&Tail>,
    ) -> Result<Appended, TopicCause> {
        let Self { writer, stream } = self;
        let appended = writer.append(Kind::Records, *stream, columns, written_ns);
        if !matches!(appended, Err(AppendError::Full { .. })) {
            return appended.map_err(TopicCause::Append);
        }
        // The oldest records make room, unless they are owed.
        self.retain(tail, written_ns).map_err(TopicCause::Read)?;
        let Self { writer, stream } = self;
        match writer.append(Kind::Records, *stream, columns, written_ns) {
            Err(AppendError::Full { .. }) if tail.is_some() => Err(TopicCause::Owed),
            appended => appended.map_err(TopicCause::Append),
        }
    }

    fn retain(&mut self, tail: Option<&Tail>, now_ns: u64) -> Result<Retained, ReadError> {
        let next_block = self.writer.tip().next_block;
        let owed_from = tail.map_or(next_block, |tail| tail.owed().min(next_block));
        self.writer.retain(owed_from, now_ns)
    }
}

fn open_log(
    topics_dir: &Dir,
    options: TopicOptions,
    now_ns: u64,
) -> Result<(TopicLog, Option<OpenReport>), TopicCause> {
    let name = options.name;
    let mut topic = TopicLog {
        name,
        log: None,
        tail: options.tail,
        next: (0, 0),
        waiting: Columns::new(),
        waiting_bytes_max: WAITING_BYTES_MAX,
        full: VecDeque::new(),
        held: options.from_block.checked_sub(1).map(|block| Position {
            block,
            ordinal: u32::MAX,
        }),
        written: 0,
        suppressed: 0,
        before: 0,
    };
    let Some(log) = options.log else {
        return Ok((topic, None));
    };
    let half = usize::try_from(log.segment_bytes_max / 2).unwrap_or(usize::MAX);
    topic.waiting_bytes_max = half.min(WAITING_BYTES_MAX);
    let dir = make_dir(topics_dir, &topic.name).map_err(TopicCause::Directory)?;
    let reading = dir.try_clone().map_err(TopicCause::Directory)?;
    let (mut writer, report) = Writer::open(dir, log, now_ns).map_err(TopicCause::Open)?;
    let stream = writer
        .stream(&topic.name, "pipeline")
        .map_err(TopicCause::Stream)?;
    topic.held = held(&reading)?;
    topic.before = writer.stream_records(stream);
    if let Some(tail) = &topic.tail {
        tail.begin(topic.before);
    }
    topic.log = Some(Log { writer, stream });
    Ok((topic, Some(report)))
}

/// Makes a directory if it is not there, and opens it as a capability.
///
/// # Errors
/// It can neither be made nor opened.
pub fn make_dir(parent: &Dir, name: &str) -> std::io::Result<Dir> {
    match parent.create_dir(name) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    parent.open_dir(name)
}

/// Position of the last record that a log holds.
fn held(dir: &Dir) -> Result<Option<Position>, TopicCause> {
    let mut reader = Reader::open(dir).map_err(TopicCause::Read)?;
    let mut block = Block::default();
    let found = reader.seek_last().map_err(TopicCause::Read)?
        && reader.next(&mut block).map_err(TopicCause::Read)?;
    let last = block.columns.len().checked_sub(1);
    match last.and_then(|last| block.columns.get(last)) {
        Some(bytes) if found => record::position_of(bytes)
            .map(Some)
            .map_err(TopicCause::Record),
        Some(_) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
