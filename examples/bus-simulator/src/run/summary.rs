//! What a run did, in numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::chunk::Chunk;

/// Counts of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Datagrams sent or recorded.
    pub datagrams: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Messages by type.
    pub messages: BTreeMap<&'static str, u64>,
    /// Injections that showed in at least one report, by the rule that a validator names.
    pub faults: BTreeMap<&'static str, u64>,
    /// Injections in the scenario.
    pub faults_planned: u64,
    /// Time from the first due moment to the end, nanoseconds.
    pub elapsed_ns: u64,
    /// How late datagrams left; absent when none was due at a time.
    pub lateness: Option<Lateness>,
    /// Injections seen; bounded by those planned.
    seen: BTreeSet<u32>,
}

/// Time from due to sent, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// Half were at most this late.
    pub p50_ns: u64,
    /// 99 of 100.
    pub p99_ns: u64,
    /// All.
    pub max_ns: u64,
}

impl From<&Histogram<u64>> for Lateness {
    fn from(histogram: &Histogram<u64>) -> Self {
        Self {
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        }
    }
}

impl Summary {
    pub(super) fn new(faults_planned: usize) -> Self {
        Self {
            datagrams: 0,
            bytes: 0,
            messages: BTreeMap::new(),
            faults: BTreeMap::new(),
            faults_planned: faults_planned as u64,
            elapsed_ns: 0,
            lateness: None,
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn count(&mut self, chunk: &Chunk, from: usize, to: usize) {
        self.datagrams += (to - from) as u64;
        self.bytes += chunk.bytes(from, to) as u64;
        for message in chunk.messages(from, to) {
            *self.messages.entry(message).or_default() += 1;
        }
        for fault in chunk.faults(from, to) {
            if self.seen.insert(fault.id) {
                *self.faults.entry(fault.rule).or_default() += 1;
            }
        }
    }

    /// Datagrams per second over the whole run.
    pub fn datagrams_per_s(&self) -> f64 {
        if self.elapsed_ns == 0 {
            0.0
        } else {
            self.datagrams as f64 * 1e9 / self.elapsed_ns as f64
        }
    }

    /// One line of progress.
    pub(super) fn progress(&self, now_ns: u64) -> String {
        format!(
            "{:>5} s  {:>9} datagrams  faults {}/{}",
            now_ns / 1_000_000_000,
            self.datagrams,
            self.seen.len(),
            self.faults_planned
        )
    }

    /// The summary as one JSON object. Stable: keys are added, never changed.
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "datagrams": self.datagrams,
            "bytes": self.bytes,
            "messages": self.messages,
            "faults": self.faults,
            "faults_planned": self.faults_planned,
            "elapsed_s": self.elapsed_ns as f64 / 1e9,
            "datagrams_per_s": self.datagrams_per_s(),
        });
        if let Some(lateness) = self.lateness {
            object["late_us"] = json!({
                "p50": lateness.p50_ns as f64 / 1e3,
                "p99": lateness.p99_ns as f64 / 1e3,
                "max": lateness.max_ns as f64 / 1e3,
            });
        }
        object
    }

    /// The summary for people, in lines of at most 80 columns.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "sent {} datagrams, {} bytes, in {:.1} s: {:.1} datagrams/s\n",
            self.datagrams,
            self.bytes,
            self.elapsed_ns as f64 / 1e9,
            self.datagrams_per_s()
        );
        // Writing to a String cannot fail.
        let list = |counts: &BTreeMap<&'static str, u64>| {
            counts
                .iter()
                .map(|(name, count)| format!("{name}: {count}"))
                .collect::<Vec<_>>()
                .join("  ")
        };
        let _ = writeln!(text, "messages by type  {}", list(&self.messages));
        let shown: u64 = self.faults.values().sum();
        let planned = self.faults_planned;
        let _ = writeln!(text, "faults {shown} of {planned}  {}", list(&self.faults));
        if let Some(lateness) = self.lateness {
            let _ = writeln!(
                text,
                "late by p50 {:.0} us, p99 {:.0} us, at most {:.0} us",
                lateness.p50_ns as f64 / 1e3,
                lateness.p99_ns as f64 / 1e3,
                lateness.max_ns as f64 / 1e3
            );
        }
        text
    }
}
