//! The log that Outrigger exists for: append-only, segmented, bounded, checksummed and chained.
//!
//! The journal of frames, topic logs, dead letters and the audit log are this same log with other
//! records. A log is a directory, handed in as a capability, with:
//!
//! - segments `<first block, 20 digits>.seg`: a header, then blocks ([`block`]);
//! - `ceiling`: the number below which block and sequence numbers may be used ([`ceiling`]);
//! - `heads`: signed heads of the chain ([`heads`]);
//! - `lock`: held by the one writer ([`lock`]).
//!
//! [`Writer`] appends, [`SyncHandle`] makes durable from another thread, [`Reader`] walks from any
//! process, [`Writer::retain`] removes what is old and owed to nobody, [`verify()`] checks all there
//! is. The caller decides when to sync, sign and retain; this crate decides nothing and reads no
//! clock: times are handed in.
#![forbid(unsafe_code)]

pub mod append;
pub mod block;
pub mod ceiling;
mod cursor;
pub mod error;
pub mod fault;
mod fields;
pub mod heads;
pub mod lock;
pub mod log;
pub mod reader;
mod recover;
pub mod retain;
mod seek;
pub mod segment;
pub mod stat;
#[cfg(test)]
mod support;
pub mod sync;
pub mod verify;

pub use append::{Appended, RULINGS_RESERVE_BYTES};
pub use block::{Block, Hash, Header, Kind, StreamId};
pub use error::{AppendError, OpenError, ReadError, StreamError};
pub use fault::Fault;
pub use heads::{Head, HeadError};
pub use lock::{DirLock, LockError};
pub use log::{OpenReport, Options, Writer};
pub use reader::Reader;
pub use recover::Cut;
pub use retain::Retained;
pub use segment::{Damage, SEGMENT_HEADER_BYTES_MAX, SEGMENT_LISTED_BYTES, StreamInfo};
pub use stat::{Stat, stat};
pub use sync::{SyncError, SyncHandle, Tip};
pub use verify::{Problem, VerifyReport, verify};
