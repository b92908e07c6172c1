//! A group that shares a Kafka topic, as the status shows it.

use super::render::{Table, bytes, digits, line, micros, short};
use super::snapshot::{GroupStatus, StatusSnapshot};

/// The partitions that are ours, and what the group did.
pub(super) fn render(out: &mut String, snapshot: &StatusSnapshot) {
    let Some(group) = &snapshot.group else {
        return;
    };
    let heads = ["NEXT OFFSET", "LAG", "KEYS", "STATE"];
    let mut table = Table::new("PARTITION", &heads);
    for owned in &group.partitions {
        let unknown = || "?".to_owned();
        let position = owned.position.and_then(|at| u64::try_from(at).ok());
        let cells = vec![
            position.map_or_else(unknown, digits),
            owned.lag.map_or_else(unknown, short),
            short(owned.state_keys),
            bytes(owned.state_bytes),
        ];
        table.row(&format!("{} {}", group.topic, owned.partition), cells);
    }
    table.render(out);
    line(
        out,
        &format!(
            "group {}: {} transactions, {} aborted, commit p50 {} p99 {}",
            group.group,
            digits(group.commits),
            digits(group.aborts),
            micros(group.commit_time.p50_us),
            micros(group.commit_time.p99_us)
        ),
    );
    line(
        out,
        &format!(
            "  {} frames, {} rebalances, {} new starts after trouble, {} refused",
            digits(group.frames),
            digits(group.rebalances),
            digits(group.retries),
            digits(group.refused)
        ),
    );
    if group.other_classes > 0 {
        let others = digits(group.other_classes);
        line(
            out,
            &format!("  {others} messages of classes that the tap does not carry"),
        );
    }
}

/// What is not well.
pub(super) fn reasons(group: &GroupStatus) -> Option<String> {
    (group.split_keys > 0).then(|| {
        format!(
            "keys of {} are in several partitions, each judged apart: found {} times; confined = true \
             is not so",
            group.topic, group.split_keys
        )
    })
}
