//! Anomalies found, held against faults injected.

use std::collections::BTreeMap;

use serde_json::Value;

/// A fault counts as found if its rule is named for its track between its first spoiled report and
/// this time after its last one. Unit: nanoseconds. Reason: the slowest reporter of the scenarios
/// sends every 10 s.
const FOUND_WITHIN_NS: u64 = 16_000_000_000;

/// A fault of the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its name in the truth.
    pub id: String,
    /// The rule that it breaks.
    pub rule: String,
    /// Other rules that name it rightly.
    pub also: Vec<String>,
    /// Key of the track, as its format has it.
    pub key: String,
    /// When its first report was sent, nanoseconds since the Unix epoch.
    pub sent_ns: u64,
    /// When its last one was, or would have been.
    pub last_ns: u64,
}

/// An anomaly of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The broken rule.
    pub rule: String,
    /// Key of the track.
    pub key: String,
    /// When its frame was captured, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// How sure, 0 to 1.
    pub score: f64,
    /// Evidence: name and value.
    pub detail: Vec<(String, String)>,
}

/// Faults of the truth's lines; one fault may span several reports.
pub fn faults(truth: &str) -> Vec<Fault> {
    let mut faults: BTreeMap<String, Fault> = BTreeMap::new();
    for line in truth.lines() {
        let Ok(report) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let fault = &report["fault"];
        if let (Some(id), Some(rule)) = (fault["id"].as_str(), fault["rule"].as_str()) {
            let sent_ns = report["sent_ns"].as_u64().unwrap_or(0);
            let fault = faults.entry(id.to_owned()).or_insert_with(|| Fault {
                id: id.to_owned(),
                rule: rule.to_owned(),
                also: fault["also"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice)
                    .iter()
                    .filter_map(|rule| rule.as_str().map(str::to_owned))
                    .collect(),
                key: report["key"].as_str().unwrap_or_default().to_owned(),
                sent_ns,
                last_ns: sent_ns,
            });
            fault.last_ns = fault.last_ns.max(sent_ns);
        }
    }
    let mut faults: Vec<Fault> = faults.into_values().collect();
    faults.sort_by_key(|fault| fault.sent_ns);
    faults
}

/// Anomalies of one JSON line of `outrigger log read`.
pub fn anomalies(line: &str) -> Vec<Found> {
    let Ok(record) = serde_json::from_str::<Value>(line) else {
        return Vec::new();
    };
    let list = record["anomalies"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|anomaly| Found {
            rule: anomaly["rule"].as_str().unwrap_or_default().to_owned(),
            key: record["key"].as_str().unwrap_or_default().to_owned(),
            captured_ns: record["captured_ns"].as_u64().unwrap_or(0),
            score: anomaly["score"].as_f64().unwrap_or(0.0),
            detail: anomaly["detail"]
                .as_object()
                .map(|detail| {
                    let shown = |value: &Value| match value.as_f64() {
                        Some(number) => format!("{number:.1}"),
                        None => value.to_string(),
                    };
                    detail
                        .iter()
                        .map(|(name, v)| (name.clone(), shown(v)))
                        .collect()
                })
                .unwrap_or_default(),
        })
        .collect()
}

/// What was found of what was injected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Per rule: injected, found.
    pub by_rule: BTreeMap<String, (usize, usize)>,
    /// Faults that no anomaly names.
    pub missed: Vec<Fault>,
    /// Anomalies that no fault explains.
    pub extra: Vec<Found>,
}

impl Fault {
    /// Whether an anomaly names it.
    fn is_named_by(&self, found: &Found) -> bool {
        (self.rule == found.rule || self.also.contains(&found.rule)) && self.explains(found)
    }

    fn explains(&self, found: &Found) -> bool {
        // A kernel's time stamp may lie a little before the sender's.
        let from = self.sent_ns.saturating_sub(100_000_000);
        self.key == found.key
            && (from..=self.last_ns + FOUND_WITHIN_NS).contains(&found.captured_ns)
    }
}

/// Compares. A fault is found if an anomaly names its rule, or one that is as right; any anomaly of its track soon after it
/// is explained by it.
pub fn compare(faults: &[Fault], found: &[Found]) -> Score {
    let mut score = Score::default();
    for fault in faults {
        let (injected, hit) = score.by_rule.entry(fault.rule.clone()).or_default();
        *injected += 1;
        if found.iter().any(|one| fault.is_named_by(one)) {
            *hit += 1;
        } else {
            score.missed.push(fault.clone());
        }
    }
    let unexplained = |one: &&Found| !faults.iter().any(|fault| fault.explains(one));
    score.extra = found.iter().filter(unexplained).cloned().collect();
    score
}

#[cfg(test)]
mod tests;
