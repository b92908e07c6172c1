//! Holds live costs against a baseline, and says when they drift.
//!
//! Every [`WINDOW`] it looks at what the plugins' messages have cost since; a cost that is over its
//! bound in [`WINDOWS`] windows in a row has drifted, and has come back after as many within. Fuel says
//! the same on every host. CPU is compared too on the host that the baseline was made on, as long as
//! the bus is about as busy as it was then: a quiet runtime costs more a message.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use outrigger_policy::drift::{self, BARE, FIRST_CLASS, Fit};

use super::shared::{Shared, lock, now_ns};
use crate::config::Config;
use crate::governor::{DriftView, host_facts, process_cpu_ns};
use crate::record::hex;
use crate::trace::{self, Trace, TraceError};

/// Time between looks.
pub(super) const WINDOW: Duration = Duration::from_secs(5);
/// Windows in a row after which it is said. Reason: one may hold what happens once.
const WINDOWS: u32 = 2;
/// How much dearer CPU may become than fuel, before it is said, as a multiple. Reason: caches, clock
/// rates and neighbours change it by half, without a change of ours.
const CPU_TIMES: u64 = 5;
/// Traffic within which CPU is compared, as a multiple of the baseline's either way.
const TRAFFIC_TIMES: u64 = 2;

/// A baseline and what was seen since.
pub(super) struct Watch {
    trace: Trace,
    permille: u64,
    same_host: bool,
    last: Option<Last>,
    /// By plugin and term: windows in a row that it was over, or, once said, within.
    rows: BTreeMap<(String, String), u32>,
}

struct Last {
    at: Instant,
    cpu_ns: u64,
    messages: u64,
    fits: BTreeMap<String, Fit>,
}

/// The baseline of a configuration, and what is to be known of it. `Err` if it cannot be used at all.
pub(super) fn open(
    config: &Config,
    plugins: &[(String, String)],
) -> Result<(Option<Watch>, Option<String>), String> {
    let Some(path) = &config.budget.baseline else {
        return Ok((None, None));
    };
    let trace = match trace::read(path) {
        Ok(trace) => trace,
        Err(error @ TraceError::Version(_)) => {
            let note = format!("{}: {error}; nothing is compared", path.display());
            return Ok((None, Some(note)));
        }
        Err(TraceError::Unusable(cause)) => {
            return Err(format!(
                "{}: budget.baseline: must be a resource trace of `outrigger profile`, is {:?}: {cause}",
                config.file.display(),
                path.display().to_string()
            ));
        }
    };
    let mut notes = Vec::new();
    if trace.configuration != hex(&config.output_digest()) {
        notes.push("of another configuration".to_owned());
    }
    for (name, digest) in plugins {
        match trace.plugins.iter().find(|plugin| plugin.name == *name) {
            None => notes.push(format!("without plugin {name}, which is not compared")),
            Some(plugin) if plugin.digest != *digest => {
                notes.push(format!("of another build of plugin {name}"));
            }
            Some(_) => {}
        }
    }
    let same_host = trace.host == host_facts();
    if !same_host {
        notes.push("of another host, so that fuel is compared and CPU is not".to_owned());
    }
    let note = (!notes.is_empty()).then(|| {
        let notes = notes.join(", ");
        format!("{}: the baseline is {notes}", path.display())
    });
    let watch = Watch {
        trace,
        permille: config.budget.drift_permille,
        same_host,
        last: None,
        rows: BTreeMap::new(),
    };
    Ok((Some(watch), note))
}

/// A cost over its bound: plugin, class, and the figures.
struct Over {
    plugin: String,
    what: String,
    baseline: f64,
    live: f64,
    permille: u64,
}

impl Watch {
    /// Looks, if it is time. What has changed, in words.
    pub(super) fn look(&mut self, shared: &Shared) -> Vec<String> {
        let now = {
            let status = lock(&shared.pipeline);
            let fits = status.plugins.iter();
            Last {
                at: Instant::now(),
                cpu_ns: process_cpu_ns(),
                messages: status.counters.messages.iter().sum(),
                fits: fits
                    .map(|view| (view.plugin.name.clone(), view.cost.clone()))
                    .collect(),
            }
        };
        let Some(last) = &self.last else {
            self.last = Some(now);
            return Vec::new();
        };
        let messages = now.messages.saturating_sub(last.messages);
        if now.at - last.at < WINDOW || (messages as f64) < drift::MESSAGES_MIN {
            return Vec::new();
        }
        let over = self.over(shared, last, &now);
        self.last = Some(now);
        self.tell(shared, over)
    }

    fn over(&self, shared: &Shared, last: &Last, now: &Last) -> Vec<Over> {
        let mut over = Vec::new();
        let status = lock(&shared.pipeline);
        for view in &status.plugins {
            let plugin = &view.plugin;
            let known = self
                .trace
                .plugins
                .iter()
                .find(|one| one.name == plugin.name);
            let (Some(known), Some(before)) = (known, last.fits.get(&plugin.name)) else {
                continue;
            };
            let classes = &plugin.description.classes;
            let live = view.cost.since(before);
            for drift in drift::drift(&known.costs(classes), &live, self.permille) {
                over.push(Over {
                    plugin: plugin.name.clone(),
                    what: match drift.term {
                        None => String::new(),
                        Some(BARE) => "frames without a message".to_owned(),
                        Some(term) => match classes.get(term - FIRST_CLASS) {
                            Some(class) => class.clone(),
                            None => "other classes".to_owned(),
                        },
                    },
                    baseline: drift.baseline,
                    live: drift.live,
                    permille: drift.permille(),
                });
            }
        }
        over.extend(self.cpu(last, now));
        over
    }

    fn cpu(&self, last: &Last, now: &Last) -> Option<Over> {
        let totals = &self.trace.totals;
        let messages = now.messages.saturating_sub(last.messages);
        let ms = u64::try_from((now.at - last.at).as_millis()).unwrap_or(u64::MAX);
        let (rate, then) = (
            messages.saturating_mul(1_000).checked_div(ms)?,
            totals
                .messages
                .saturating_mul(1_000)
                .checked_div(totals.ms)?,
        );
        let alike = rate <= then * TRAFFIC_TIMES && then <= rate * TRAFFIC_TIMES;
        if !self.same_host || !alike || totals.cpu_ns_per_message == 0 {
            return None;
        }
        let live = now
            .cpu_ns
            .saturating_sub(last.cpu_ns)
            .checked_div(messages)?;
        let more = live.saturating_sub(totals.cpu_ns_per_message);
        let permille = more.saturating_mul(1_000) / totals.cpu_ns_per_message;
        (permille > self.permille * CPU_TIMES).then(|| Over {
            plugin: String::new(),
            what: "CPU".to_owned(),
            baseline: totals.cpu_ns_per_message as f64,
            live: live as f64,
            permille,
        })
    }

    fn tell(&mut self, shared: &Shared, over: Vec<Over>) -> Vec<String> {
        let mut shown = lock(&shared.governor.drifts);
        let mut told = Vec::new();
        for one in &over {
            let key = (one.plugin.clone(), one.what.clone());
            if let Some(known) = shown.iter_mut().find(|known| known.key() == key) {
                (known.live, known.permille) = (one.live, one.permille);
                self.rows.remove(&key);
                continue;
            }
            let windows = self.rows.entry(key.clone()).or_default();
            *windows += 1;
            if *windows < WINDOWS {
                continue;
            }
            self.rows.remove(&key);
            let view = DriftView {
                plugin: one.plugin.clone(),
                what: one.what.clone(),
                baseline: one.baseline,
                live: one.live,
                permille: one.permille,
                since_ns: now_ns(),
            };
            told.push(view.to_string());
            shown.push(view);
        }
        let is_over = |key: &(String, String)| {
            let mut all = over.iter();
            all.any(|one| one.plugin == key.0 && one.what == key.1)
        };
        // What was over once and is not now begins anew.
        let said: Vec<(String, String)> = shown.iter().map(DriftView::key).collect();
        self.rows
            .retain(|key, _| is_over(key) || said.contains(key));
        shown.retain(|known| {
            let key = known.key();
            if is_over(&key) {
                return true;
            }
            let windows = self.rows.entry(key.clone()).or_default();
            *windows += 1;
            let ended = *windows >= WINDOWS;
            if ended {
                self.rows.remove(&key);
                told.push(format!("no longer: {known}"));
            }
            !ended
        });
        told
    }
}
