//! What clients of Kafka can come to in memory.

use serde_json::{Value, json};

use super::{WIDTH, digits, line};
use crate::config::Config;
use crate::forward::memory;

/// As text; nothing without clusters.
pub(super) fn render(out: &mut String, config: &Config) {
    let plans = memory(config);
    if plans.is_empty() {
        return;
    }
    line(out, "\n# Memory of Kafka's clients at worst, bytes");
    for plan in &plans {
        let name = format!("kafka.{} {}", plan.cluster, plan.what);
        row(out, &name, plan.bytes());
        for part in &plan.lines {
            row(out, &format!("  {}", part.what), part.bytes);
        }
    }
    row(out, "all", plans.iter().map(|plan| plan.bytes()).sum());
}

fn row(out: &mut String, name: &str, bytes: u64) {
    let bytes = digits(bytes);
    let left = WIDTH - "# ".len() - bytes.len() - 1;
    line(out, &format!("# {name:<left$} {bytes}"));
}

/// As JSON.
pub(super) fn json(config: &Config) -> Vec<Value> {
    let plans = memory(config);
    let plans = plans.iter().map(|plan| {
        let parts: Vec<Value> = plan
            .lines
            .iter()
            .map(|part| json!({"what": part.what, "bytes": part.bytes}))
            .collect();
        json!({
            "cluster": plan.cluster,
            "what": plan.what,
            "bytes": plan.bytes(),
            "parts": parts,
        })
    });
    plans.collect()
}
