//! The audit log: what the runtime and its operators did, and when.
//!
//! The same log as any topic, with records of its own: MessagePack maps. It is appended to from
//! several threads and synced with the journal; it is never part of an output, so it may carry the
//! clock.

use std::sync::Mutex;

use cap_std::fs::Dir;
use outrigger_journal::{Kind, OpenReport, Options, StreamId, SyncHandle, Writer};
use outrigger_policy::Columns;
use serde::{Deserialize, Serialize};

use crate::topics::{TopicCause, TopicError, make_dir};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When, nanoseconds since the Unix epoch, by the host's clock.
    pub time_ns: u64,
    /// What, in one word: `start`, `stop`, `recover`, `pause`, `resume`, `lift`, `snapshot`,
    /// `quarantine`, `shed`, `gap`, `refused`, `breaker`, `hold`, `release`, `memory`.
    pub event: String,
    /// User who asked; the runtime's own acts have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<u32>,
    /// Process that asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<i32>,
    /// What it concerned, for people.
    pub detail: String,
}

struct Log {
    writer: Writer,
    stream: StreamId,
}

/// The audit log.
pub struct Audit {
    log: Mutex<Option<Log>>,
    sync: SyncHandle,
}

impl Audit {
    /// Opens or creates the log in `topics_dir`.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn open(
        topics_dir: &Dir,
        name: &str,
        options: Options,
        now_ns: u64,
    ) -> Result<(Self, OpenReport), TopicError> {
        let open = || {
            let dir = make_dir(topics_dir, name).map_err(TopicCause::Directory)?;
            let (mut writer, report) =
                Writer::open(dir, options, now_ns).map_err(TopicCause::Open)?;
            let stream = writer.stream(name, "runtime").map_err(TopicCause::Stream)?;
            let audit = Self {
                sync: writer.sync_handle(),
                log: Mutex::new(Some(Log { writer, stream })),
            };
            Ok((audit, report))
        };
        open().map_err(|cause| TopicError {
            topic: name.to_owned(),
            cause,
        })
    }

    /// Appends a record. When the log is full, its oldest records make room.
    ///
    /// # Errors
    /// The record could not be written: what it tells of must not happen then.
    pub fn append(&self, record: &AuditRecord) -> Result<(), TopicError> {
        let mut log = self.log.lock().unwrap_or_else(|poison| poison.into_inner());
        let Some(Log { writer, stream }) = log.as_mut() else {
            return Ok(());
        };
        let bytes = rmp_serde::to_vec_named(record).expect("an audit record is plain data");
        let mut columns = Columns::new();
        columns.push(record.time_ns, &bytes);
        let error = |cause| TopicError {
            topic: outrigger_policy::topology::AUDIT.to_owned(),
            cause,
        };
        let next_block = writer.tip().next_block;
        writer
            .retain(next_block, record.time_ns)
            .map_err(|cause| error(TopicCause::Read(cause)))?;
        writer
            .append(Kind::Records, *stream, &columns, record.time_ns)
            .map_err(|cause| error(TopicCause::Append(cause)))?;
        Ok(())
    }

    /// A handle that makes the log durable.
    pub fn sync_handle(&self) -> SyncHandle {
        self.sync.clone()
    }

    /// Closes the log.
    ///
    /// # Errors
    /// It could not be made durable.
    pub fn close(&self) -> Result<(), String> {
        let mut log = self.log.lock().unwrap_or_else(|poison| poison.into_inner());
        match log.take() {
            Some(log) => log.writer.close().map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}
