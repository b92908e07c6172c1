//! The forwarders' threads: started with the run, ended after the pipeline.

use std::sync::Mutex;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::give_way;
use super::shared::{Phase, Shared, lock, now_ns};
use crate::audit::{Audit, AuditRecord};
use crate::forward::{Office, OpenForwarder, Opened, Refusal};
use crate::governor::Hand;
use crate::record;
use crate::rulings::{REFUSED_BODY_BYTES_MAX, Refused, Ruling};

/// How often the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What forwarders ask of the runtime.
pub(super) struct Desk<'a> {
    pub(super) shared: &'a Shared,
    pub(super) audit: &'a Audit,
    /// Niceness of forwarders, and of what librdkafka starts for them.
    pub(super) nice: i32,
    /// All forwarders' part in the CPU budget.
    pub(super) hand: Mutex<Hand>,
}

impl Office for Desk<'_> {
    fn refuse(&self, refusal: &Refusal<'_>) -> Result<(), String> {
        let Refusal {
            cluster,
            topic,
            record,
            trouble,
            first,
        } = refusal;
        let record = record::without_body_over(record, REFUSED_BODY_BYTES_MAX)
            .map_err(|error| format!("topic {topic}: a record cannot be read: {error}"))?;
        let refused = Refused {
            topic: (*topic).to_owned(),
            cluster: (*cluster).to_owned(),
            detail: trouble.to_string(),
            record,
        };
        self.shared.rule(&[Ruling::Refused(Box::new(refused))])?;
        // All of a topic may be refused: each is a dead letter, and the first says so.
        match first {
            true => tracing::warn!("topic {topic}: a record is refused for good: {trouble}"),
            false => tracing::debug!("topic {topic}: a record is refused for good: {trouble}"),
        }
        let record = AuditRecord {
            time_ns: now_ns(),
            event: "refused".to_owned(),
            uid: None,
            pid: None,
            detail: format!("kafka.{cluster}: topic {topic}: {trouble}"),
        };
        self.audit
            .append(&record)
            .map_err(|error| error.to_string())
    }

    fn may_work(&self) -> bool {
        let gate = &self.shared.governor.gate;
        gate.others(&mut lock(&self.hand)).is_none()
    }

    fn fail(&self, cause: String) {
        self.shared.fail(cause);
    }
}

/// Forwarders under way.
pub(super) struct Delivering<'scope> {
    threads: Vec<(OpenEnds, ScopedJoinHandle<'scope, ()>)>,
    watchers: Vec<(OpenEnds, ScopedJoinHandle<'scope, ()>)>,
}

struct OpenEnds {
    ending: std::sync::Arc<crate::forward::Ending>,
    bell: std::sync::Arc<crate::topics::Bell>,
}

/// Starts a thread for each forwarder, and for each cluster whose readers are looked at.
pub(super) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    delivery: Opened,
    desk: &'scope Desk<'_>,
) -> Delivering<'scope> {
    let mut threads = Vec::new();
    for open in delivery.forwarders {
        let name = open.thread_name();
        let OpenForwarder {
            forwarder,
            ending,
            bell,
            ..
        } = open;
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn_scoped(scope, move || {
                give_way(desk.nice);
                forwarder.run(desk);
            });
        match spawned {
            Ok(thread) => threads.push((OpenEnds { ending, bell }, thread)),
            Err(error) => desk.fail(format!("cannot start a thread: {error}")),
        }
    }
    let mut watchers = Vec::new();
    for watcher in delivery.watchers {
        let ends = OpenEnds {
            ending: std::sync::Arc::clone(&watcher.ending),
            bell: std::sync::Arc::clone(&watcher.bell),
        };
        let spawned = std::thread::Builder::new()
            .name("kafka-lag".to_owned())
            .spawn_scoped(scope, move || {
                give_way(desk.nice);
                watcher.run();
            });
        match spawned {
            Ok(thread) => watchers.push((ends, thread)),
            Err(error) => desk.fail(format!("cannot start a thread: {error}")),
        }
    }
    Delivering { threads, watchers }
}

impl Delivering<'_> {
    /// Lets them deliver what is there for `drain` at most, less if the run is told to stop. True if
    /// one panicked.
    pub(super) fn end(self, shared: &Shared, drain: Duration) -> bool {
        let deadline = Instant::now() + drain;
        for (ends, _) in &self.watchers {
            ends.ending.stop();
            ends.bell.ring();
        }
        for (ends, _) in &self.threads {
            ends.ending.finish_by(deadline);
            ends.bell.ring();
        }
        while self.threads.iter().any(|(_, thread)| !thread.is_finished()) {
            if shared.phase() == Phase::Stopping {
                for (ends, _) in &self.threads {
                    ends.ending.stop();
                    ends.bell.ring();
                }
                break;
            }
            shared.wait_for_phase(Phase::Draining, LOOK_EVERY);
        }
        let mut died = false;
        for (_, thread) in self.threads.into_iter().chain(self.watchers) {
            died |= thread.join().is_err();
        }
        died
    }
}
