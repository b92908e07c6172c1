//! A row of the table.

use std::fs;
use std::path::PathBuf;

use kafka_harness::Record as Read;
use serde_json::json;

use crate::mirror::{Ledger, Mirror, ledger, read, torn};
use crate::rig::Data;

/// Folder that rows are written to, if any.
pub(super) const FOLDER: &str = "OUTRIGGER_FAILURES";

/// What became of a case.
#[derive(Debug)]
pub struct Row {
    /// Where it stands in the table.
    pub place: u32,
    /// What was done.
    pub what: String,
    /// How often.
    pub times: u64,
    /// The exactly-once topic.
    pub exact: Ledger,
    /// Transactions of it of which only a part can be seen.
    pub torn: usize,
    /// Longest time between two of its records, milliseconds.
    pub exact_gap_ms: i64,
    /// The at-least-once topic.
    pub least: Ledger,
    /// The same of it.
    pub least_gap_ms: i64,
    /// What else there is to say.
    pub note: String,
}

impl Row {
    /// Reads both topics, and compares.
    pub fn of(
        cluster: &kafka_harness::Cluster,
        mirror: &Mirror,
        data: &Data,
        (place, what): (u32, &str),
        times: u64,
    ) -> Self {
        let exact = read(cluster, &mirror.tracks);
        let least = read(cluster, &mirror.other);
        let progress = read(cluster, &mirror.progress);
        let row = Self {
            place,
            what: what.to_owned(),
            times,
            exact: ledger(data, "tracks", &exact),
            torn: torn(data, "tracks", &exact, &progress),
            exact_gap_ms: gap_ms(&exact),
            least: ledger(data, "other", &least),
            least_gap_ms: gap_ms(&least),
            note: String::new(),
        };
        println!("{row:?}");
        row
    }

    /// Adds what else there is to say.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// What is promised holds: exactly once nothing lost, repeated, unknown, torn or out of order;
    /// at least once nothing lost or unknown.
    pub fn holds(self) {
        self.write();
        let whole = Ledger {
            written: self.exact.written,
            ..Ledger::default()
        };
        assert!(self.exact.written > 100, "{self:?}");
        assert_eq!((&self.exact, self.torn), (&whole, 0), "{self:?}");
        assert_eq!((self.least.lost, self.least.unknown), (0, 0), "{self:?}");
    }

    /// Leaves the row for the table.
    pub fn write(&self) {
        let Some(folder) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else {
            return;
        };
        let topic = |ledger: &Ledger, gap_ms: i64| {
            json!({
                "written": ledger.written,
                "lost": ledger.lost,
                "repeated": ledger.repeated,
                "unknown": ledger.unknown,
                "out_of_order": ledger.out_of_order,
                "gap_ms": gap_ms,
            })
        };
        let row = json!({
            "place": self.place,
            "what": self.what,
            "times": self.times,
            "exact": topic(&self.exact, self.exact_gap_ms),
            "torn": self.torn,
            "least": topic(&self.least, self.least_gap_ms),
            "note": self.note,
            "librdkafka": outrigger_kafka::librdkafka_version(),
        });
        let path = PathBuf::from(folder).join(format!("{:04}.json", self.place));
        fs::write(path, row.to_string()).unwrap();
    }
}

/// Longest time between two records, by when the broker appended them.
pub fn gap_ms(read: &[Read]) -> i64 {
    let mut times: Vec<i64> = read.iter().map(|read| read.timestamp_ms).collect();
    times.sort_unstable();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or(0)
}
