//! What a forwarder and the runtime tell each other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use outrigger_kafka::Trouble;

use crate::telemetry::lock;

/// What a forwarder may ask of the runtime.
pub trait Office: Sync {
    /// Writes down that a record can never be delivered; from then on it is passed over.
    ///
    /// # Errors
    /// It cannot be written.
    fn refuse(&self, refusal: &Refusal<'_>) -> Result<(), String>;
    /// True if there is CPU to send with; if not, what is under way goes on and nothing is added.
    fn may_work(&self) -> bool {
        true
    }
    /// Ends the run.
    fn fail(&self, cause: String);
}

/// A record that can never be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Its topic.
    pub topic: &'a str,
    /// The record, as it lies in the topic log.
    pub record: &'a [u8],
    /// What the broker, or its client, says.
    pub trouble: &'a Trouble,
    /// None of this topic was refused before, since the start.
    pub first: bool,
}

/// How a forwarder is told to end.
#[derive(Debug, Default)]
pub struct Ending {
    /// Deliver what is there until then, then end.
    pub(super) finish_by: Mutex<Option<Instant>>,
    /// End now.
    stop: AtomicBool,
}

impl Ending {
    /// Nothing more will be written: deliver what is there, until `deadline`.
    pub fn finish_by(&self, deadline: Instant) {
        *lock(&self.finish_by) = Some(deadline);
    }

    /// Ends as soon as the call under way has ended.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// True once it was told to end, with time or without.
    pub fn is_told(&self) -> bool {
        self.stop.load(Ordering::Acquire) || lock(&self.finish_by).is_some()
    }

    /// True once there is no time left.
    pub fn is_over(&self) -> bool {
        self.stop.load(Ordering::Acquire)
            || lock(&self.finish_by).is_some_and(|by| Instant::now() >= by)
    }
}
