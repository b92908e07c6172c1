//! Records of one topic, in the order of its log: from the disk while behind, from memory when not.

use std::sync::Arc;

use cap_std::fs::Dir;
use outrigger_journal::{Block, ReadError, Reader};

use crate::record::{Position, RecordError, View};
use crate::topics::{Handed, Tail, Taken};

/// A record that stands in a feed.
#[derive(Clone, Copy, Debug)]
pub struct Fed<'a> {
    /// Its parts.
    pub view: View<'a>,
    /// All of it.
    pub bytes: &'a [u8],
    /// Its block in the topic log.
    pub block: u64,
    /// Records of the topic before it.
    pub ordinal: u64,
}

/// Why a feed cannot go on.
#[derive(Debug)]
pub enum FeedError {
    /// The log cannot be read.
    Read(ReadError),
    /// A record in it is none.
    Record(RecordError),
}

impl std::fmt::Display for FeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::Record(error) => write!(f, "a record cannot be read: {error}"),
        }
    }
}

impl std::error::Error for FeedError {}

/// Reads a topic for its forwarder.
pub struct Feed {
    tail: Arc<Tail>,
    /// The log's directory; `None` for a topic without a log.
    dir: Option<Dir>,
    reader: Option<Reader>,
    current: Option<Handed>,
    /// Next record of the current block.
    at: usize,
    /// Next block of the log that has not been taken.
    next_block: u64,
    /// Records up to here are passed over.
    done: Option<Position>,
    /// Records of the topic up to the end of the current block; `None` when it is not known where
    /// it stands.
    next_ordinal: Option<u64>,
    /// Records that retention took before they were read.
    lost: u64,
    /// Records passed over since this was last taken.
    passed_over: u64,
}

impl Feed {
    /// A feed that begins at the start of what the log holds. `dir` is `None` for a topic without
    /// a log.
    pub fn new(tail: Arc<Tail>, dir: Option<Dir>) -> Self {
        Self {
            tail,
            dir,
            reader: None,
            current: None,
            at: 0,
            next_block: 0,
            done: None,
            next_ordinal: None,
            lost: 0,
            passed_over: 0,
        }
    }

    /// Goes back to block `from_block` of the log and passes over records up to `done`. A topic
    /// without a log cannot go back, and goes on.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn rewind(&mut self, from_block: u64, done: Option<Position>) -> Result<(), FeedError> {
        let Some(dir) = &self.dir else {
            return Ok(());
        };
        self.current = None;
        self.at = 0;
        self.done = done;
        self.next_ordinal = None;
        self.next_block = from_block;
        self.tail.begin_catching_up();
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(dir).map_err(FeedError::Read)?,
        };
        match reader.seek_block(from_block) {
            // Of a log that was begun anew, or from before this topic was forwarded.
            Ok(()) | Err(ReadError::Gone { .. }) => {}
            Err(error) => return Err(FeedError::Read(error)),
        }
        self.reader = Some(reader);
        Ok(())
    }

    /// The next record, without taking it; `None` if there is none now.
    ///
    /// # Errors
    /// The log cannot be read, or holds something else.
    pub fn peek(&mut self) -> Result<Option<Fed<'_>>, FeedError> {
        while !self.stands()? {
            if !self.next_block()? {
                return Ok(None);
            }
        }
        self.fed()
    }

    /// Takes the record that was peeked at.
    pub fn advance(&mut self) {
        self.at += 1;
    }

    /// Records that retention took before they were read.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Records passed over, because they are delivered, since this was last taken.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// The same, and begins anew.
    pub fn take_passed_over(&mut self) -> u64 {
        std::mem::take(&mut self.passed_over)
    }

    /// Says that everything up to so many records of the topic was passed over.
    pub fn stand_behind(&mut self, ordinal: u64) {
        self.next_ordinal.get_or_insert(ordinal);
    }

    /// Records of the topic up to where it has read; 0 before it has.
    pub fn read_to(&self) -> u64 {
        self.next_ordinal.unwrap_or(0)
    }

    /// Records of the current block that were not taken.
    pub fn left(&self) -> u64 {
        let current = self.current.as_ref();
        current.map_or(0, |current| {
            current.columns.len().saturating_sub(self.at) as u64
        })
    }

    fn fed(&self) -> Result<Option<Fed<'_>>, FeedError> {
        let Some(current) = &self.current else {
            return Ok(None);
        };
        let Some(bytes) = current.columns.get(self.at) else {
            return Ok(None);
        };
        let view = View::of(bytes).map_err(FeedError::Record)?;
        Ok(Some(Fed {
            view,
            bytes,
            block: current.block,
            ordinal: current.first_ordinal + self.at as u64,
        }))
    }

    /// True if a record stands at the head, those to be passed over being passed over.
    fn stands(&mut self) -> Result<bool, FeedError> {
        let Some(current) = &self.current else {
            return Ok(false);
        };
        while let Some(bytes) = current.columns.get(self.at) {
            let Some(done) = self.done else {
                return Ok(true);
            };
            let position = crate::record::position_of(bytes).map_err(FeedError::Record)?;
            if position > done {
                self.done = None;
                return Ok(true);
            }
            self.at += 1;
            self.passed_over += 1;
        }
        Ok(false)
    }

    fn next_block(&mut self) -> Result<bool, FeedError> {
        loop {
            if let Some(reader) = &mut self.reader {
                let mut block = Block::default();
                match reader.next(&mut block) {
                    Ok(true) => {
                        let header = &block.header;
                        let handed = Handed {
                            block: header.block,
                            first_ordinal: header.stream_first,
                            columns: Arc::new(block.columns),
                        };
                        return Ok(self.enter(handed));
                    }
                    // Everything since the last gap is in memory, or there is another gap.
                    Ok(false) => self.reader = None,
                    Err(ReadError::Gone { from, to }) => {
                        tracing::error!("blocks {from} to {to} were removed before delivery");
                        continue;
                    }
                    Err(error) => return Err(FeedError::Read(error)),
                }
            }
            match self.tail.take() {
                Taken::Nothing => return Ok(false),
                Taken::Block(handed) if handed.block < self.next_block => {}
                Taken::Block(handed) => return Ok(self.enter(handed)),
                Taken::Gap => {
                    let Some(dir) = &self.dir else {
                        return Ok(false);
                    };
                    self.tail.begin_catching_up();
                    let mut reader = Reader::open(dir).map_err(FeedError::Read)?;
                    match reader.seek_block(self.next_block) {
                        Ok(()) | Err(ReadError::Gone { .. }) => {}
                        Err(error) => return Err(FeedError::Read(error)),
                    }
                    self.reader = Some(reader);
                }
            }
        }
    }

    fn enter(&mut self, handed: Handed) -> bool {
        self.next_block = handed.block + 1;
        let first = handed.first_ordinal;
        let gone = self
            .next_ordinal
            .map_or(0, |next| first.saturating_sub(next));
        if self.dir.is_some() {
            // Without a log, what is left out was shed, and counted then.
            self.lost += gone;
        }
        self.next_ordinal = Some(first + handed.columns.len() as u64);
        self.current = Some(handed);
        self.at = 0;
        true
    }
}
