//! Who reads what we write, and how far behind: a thread per cluster looks from time to time.
//!
//! It is apart from the forwarders, so that a cluster that is slow to answer holds up no record.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use outrigger_kafka::{Cluster, Lags, Trouble, consumer_lag};

use super::Ending;
use crate::telemetry::lock;
use crate::topics::Bell;

/// Longest time that a look takes.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// What the last look found.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    /// Name of the cluster.
    pub cluster: String,
    /// Consumer groups, and how far behind they are.
    pub lags: Lags,
    /// When it was made; `None` before the first.
    pub looked: Option<Instant>,
    /// Why the last look failed, if so: what stands here is older.
    pub trouble: Option<String>,
}

/// Looks at a cluster's consumer groups.
pub struct Watcher {
    /// The cluster.
    pub cluster: Cluster,
    /// Topics that we write there.
    pub topics: Vec<String>,
    /// Time between looks.
    pub every: Duration,
    /// Wakes it.
    pub bell: Arc<Bell>,
    /// Tells it to end.
    pub ending: Arc<Ending>,
    /// What it found.
    pub shown: Arc<Mutex<Readers>>,
}

impl Watcher {
    /// Looks until told to end.
    pub fn run(self) {
        while !self.ending.is_told() {
            let go_on = || !self.ending.is_told();
            let looked = consumer_lag(&self.cluster, &self.topics, LOOK_TIMEOUT, &go_on);
            self.show(looked);
            self.bell.wait(self.every);
        }
    }

    fn show(&self, looked: Result<Lags, Trouble>) {
        let mut shown = lock(&self.shown);
        match looked {
            Ok(lags) => {
                shown.lags = lags;
                shown.looked = Some(Instant::now());
                shown.trouble = None;
            }
            Err(trouble) => {
                let trouble = trouble.to_string();
                if shown.trouble.as_ref() != Some(&trouble) {
                    tracing::debug!("kafka.{}: {trouble}", shown.cluster);
                }
                shown.trouble = Some(trouble);
            }
        }
    }
}
