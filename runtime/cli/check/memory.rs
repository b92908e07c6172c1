//! The memory plan: what everything can come to, and the budget that it has to fit.

use outrigger_policy::plan::{Memory, MemoryPlan};
use serde_json::{Value, json};

use super::{WIDTH, digits, line};
use crate::config::Config;
use crate::forward;
use crate::memory::budget;

/// Columns of a component's name, of what it is, and of a share with its sign.
const COLUMNS: (usize, usize, usize) = (23, 29, 8);

/// As text.
pub(super) fn render(out: &mut String, config: &Config, plan: &MemoryPlan) {
    let (budget_bytes, _) = budget(config);
    line(
        out,
        "\n# Memory plan: bytes at worst, and share of the budget",
    );
    let mut before = "";
    for planned in plan.lines() {
        let component = match planned.component == before {
            true => "",
            false => &planned.component[..],
        };
        before = &planned.component;
        let share = match planned.memory {
            Memory::Heap | Memory::Mapped => share(planned.bytes, budget_bytes),
            Memory::Kernel => "kernel's".to_owned(),
        };
        row(out, component, &planned.what, planned.bytes, &share);
    }
    let sum = plan.bytes();
    row(out, "all", "", sum, &share(sum, budget_bytes));
    row(out, "budget", "", budget_bytes, "");
    if plan.kernel_bytes() > 0 {
        let kernel = plan.kernel_bytes();
        row(out, "kernel", "counts in a control group", kernel, "");
    }
}

/// Permille of the budget, as per cent.
fn share(bytes: u64, budget_bytes: u64) -> String {
    let permille = u128::from(bytes) * 1_000 / u128::from(budget_bytes.max(1));
    format!("{}.{} %", permille / 10, permille % 10)
}

fn row(out: &mut String, component: &str, what: &str, bytes: u64, share: &str) {
    let (left, middle, right) = COLUMNS;
    let bytes = digits(bytes);
    let number = WIDTH - "# ".len() - left - middle - right - 3;
    let text = format!("# {component:<left$} {what:<middle$} {bytes:>number$} {share:>right$}");
    line(out, text.trim_end());
}

/// As JSON.
pub(super) fn json(config: &Config, plan: &MemoryPlan) -> Value {
    let (budget_bytes, host_bytes) = budget(config);
    let lines = plan.lines().iter().map(|planned| {
        json!({
            "component": planned.component,
            "what": planned.what,
            "bytes": planned.bytes,
            "memory": match planned.memory {
                Memory::Heap => "heap",
                Memory::Mapped => "mapped",
                Memory::Kernel => "kernel",
            },
            "key": planned.key,
        })
    });
    json!({
        "host_bytes": host_bytes,
        "budget_bytes": budget_bytes,
        "bytes": plan.bytes(),
        "kernel_bytes": plan.kernel_bytes(),
        "lines": lines.collect::<Vec<_>>(),
    })
}

/// Kafka's clients, each with its parts, as JSON.
pub(super) fn kafka_json(config: &Config) -> Vec<Value> {
    let plans = forward::memory(config);
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
