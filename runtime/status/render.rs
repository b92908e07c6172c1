//! The snapshot as text, 80 columns wide. The first lines answer: is it healthy, is it inside its
//! budget, what is it dropping.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use super::snapshot::{LatencyStatus, StatusSnapshot, TapStatus};

/// Width of the text, columns.
pub(super) const WIDTH: usize = 80;
/// Lines of a table. Reason: a screen; what is beyond is counted, and `--json` has it all.
const ROWS_MAX: usize = 16;
/// Columns of the deployment's name. Reason: with the longest state and time it fills a line.
const NAME_MAX: usize = 30;
/// Names in a list, those with the largest counts. As above.
const NAMES_MAX: usize = 8;
/// Reasons shown. As above.
const REASONS_MAX: usize = 8;

/// The snapshot as text.
pub fn render(snapshot: &StatusSnapshot) -> String {
    let mut out = String::new();
    head(&mut out, snapshot);
    taps(&mut out, snapshot);
    pipeline(&mut out, snapshot);
    classes(&mut out, snapshot);
    topics(&mut out, snapshot);
    super::kafka::render(&mut out, snapshot);
    super::readers::render(&mut out, snapshot);
    super::group::render(&mut out, snapshot);
    plugins(&mut out, snapshot);
    told_apart(&mut out, snapshot);
    latencies(&mut out, snapshot);
    out
}

/// What a run did, as text: the last words of `outrigger run`.
pub fn summary(snapshot: &StatusSnapshot) -> String {
    let mut out = String::new();
    let StatusSnapshot {
        name,
        uptime_ms,
        process,
        ..
    } = snapshot;
    line(
        &mut out,
        &format!("{} ran for {}", cut(name, NAME_MAX), duration(*uptime_ms)),
    );
    line(
        &mut out,
        &format!(
            "  used      CPU {} of {} cores on average, memory {} at most",
            percent(process.cpu_permille_mean),
            process.cores,
            bytes(process.rss_peak_bytes)
        ),
    );
    line(
        &mut out,
        &format!("  frames    {}", ledger(&snapshot.ledger)),
    );
    line(&mut out, &format!("  data in   {}", snapshot.data_dir));
    taps(&mut out, snapshot);
    classes(&mut out, snapshot);
    topics(&mut out, snapshot);
    super::kafka::render(&mut out, snapshot);
    super::readers::render(&mut out, snapshot);
    super::group::render(&mut out, snapshot);
    plugins(&mut out, snapshot);
    told_apart(&mut out, snapshot);
    latencies(&mut out, snapshot);
    out
}

fn head(out: &mut String, snapshot: &StatusSnapshot) {
    let StatusSnapshot {
        name,
        health,
        process,
        ..
    } = snapshot;
    line(
        out,
        &format!(
            "{}  {}  {}, up {}, pid {}",
            cut(name, NAME_MAX),
            health.state,
            snapshot.phase,
            duration(snapshot.uptime_ms),
            snapshot.pid
        ),
    );
    for reason in health.reasons.iter().take(REASONS_MAX) {
        wrapped(out, "  ! ", "    ", reason);
    }
    if let Some(more @ 1..) = health.reasons.len().checked_sub(REASONS_MAX) {
        line(out, &format!("  ! and {more} more"));
    }
    let within = process.cpu_permille <= process.cpu_permille_max
        && process.rss_bytes <= process.rss_bytes_max;
    line(
        out,
        &format!("budget     {}", if within { "inside" } else { "OVER" }),
    );
    line(
        out,
        &format!(
            "  CPU      {} of {} cores, {} on average, bound {}",
            percent(process.cpu_permille),
            process.cores,
            percent(process.cpu_permille_mean),
            percent(process.cpu_permille_max)
        ),
    );
    line(
        out,
        &format!(
            "  memory   {}, {} at most, bound {} of {}",
            bytes(process.rss_bytes),
            bytes(process.rss_peak_bytes),
            bytes(process.rss_bytes_max),
            bytes(process.host_memory_bytes)
        ),
    );
    super::budget::render(out, &snapshot.budget);
    let lately: u64 = snapshot.taps.iter().map(|tap| tap.lost_lately).sum();
    let dropping = match lately {
        0 => "nothing".to_owned(),
        lost => format!("{} frames in {}", digits(lost), duration(snapshot.rates_ms)),
    };
    let dropping = format!(
        "{dropping}; since the start {} shed, {} lost before capture",
        digits(snapshot.ledger.shed),
        digits(snapshot.ledger.lost_before)
    );
    wrapped(out, "dropping   ", "           ", &dropping);
    wrapped(out, "frames     ", "           ", &ledger(&snapshot.ledger));
}

fn ledger(ledger: &Ledger) -> String {
    let mut text = format!(
        "{} captured = {} processed + {} rejected + {} shed + {} waiting",
        digits(ledger.captured),
        digits(ledger.processed),
        digits(ledger.rejected),
        digits(ledger.shed),
        digits(ledger.waiting)
    );
    if ledger.difference != 0 {
        text.push_str(&format!(" (off by {})", ledger.difference));
    }
    text
}

fn taps(out: &mut String, snapshot: &StatusSnapshot) {
    let mut table = Table::new("TAP", &["FRAMES", "/S", "BYTES", "LOST", "SHED", "STATE"]);
    let budget = &snapshot.budget;
    let closed = !budget.breaker.is_empty() && !budget.mirrors;
    for tap in &snapshot.taps {
        let lost =
            tap.kernel_drops.max(tap.socket_drops) + tap.oversized + tap.truncated + tap.malformed;
        table.row(
            &format!("{} {} {}", tap.name, tap.kind, short_source(&tap.source)),
            vec![
                short(tap.frames),
                rate(tap.frames_per_s),
                bytes(tap.bytes),
                short(lost),
                short(tap.shed_frames),
                tap_state(tap, closed),
            ],
        );
    }
    table.render(out);
}

/// The end of a path says more than its beginning.
fn short_source(source: &str) -> &str {
    match source.rsplit_once('/') {
        Some((_, file)) => file,
        None => source,
    }
}

fn tap_state(tap: &TapStatus, closed: bool) -> String {
    if tap.paused {
        "paused".to_owned()
    } else if tap.ended {
        "ended".to_owned()
    } else if closed {
        "closed".to_owned()
    } else if tap.trouble.is_some() {
        "trouble".to_owned()
    } else {
        match tap.silent_ms {
            None => "no frame yet".to_owned(),
            Some(silent_ms) if silent_ms >= 5_000 => {
                // The largest unit alone, to save columns.
                let time = duration(silent_ms);
                let mut words = time.split(' ');
                let number = words.next().unwrap_or_default();
                format!("silent {number} {}", words.next().unwrap_or_default())
            }
            Some(_) => "reading".to_owned(),
        }
    }
}

fn pipeline(out: &mut String, snapshot: &StatusSnapshot) {
    let StatusSnapshot {
        journal, pipeline, ..
    } = snapshot;
    line(out, "");
    let covers = match (journal.first_captured_ns, journal.last_captured_ns) {
        (Some(first), Some(last)) => duration(last.saturating_sub(first) / 1_000_000),
        _ => "nothing yet".to_owned(),
    };
    line(
        out,
        &format!(
            "journal    {} of {}, covers {covers}, next block {}",
            bytes(journal.bytes),
            bytes(journal.bytes_max),
            digits(journal.next_block)
        ),
    );
    let lag = match pipeline.lag_blocks {
        0 => "keeps up".to_owned(),
        blocks => format!(
            "{} blocks behind, {} ms",
            digits(blocks),
            digits(pipeline.lag_ms)
        ),
    };
    let age = match pipeline.snapshot_age_ms {
        Some(age_ms) => format!("{} old", duration(age_ms)),
        None => "none in this run".to_owned(),
    };
    line(out, &format!("pipeline   {lag}; snapshot {age}"));
}

fn classes(out: &mut String, snapshot: &StatusSnapshot) {
    let mut table = Table::new("CLASS", &["MESSAGES", "/S", "ANOMALOUS"]);
    for class in &snapshot.classes {
        let cells = vec![
            short(class.messages),
            rate(class.messages_per_s),
            short(class.anomalous),
        ];
        table.row(&class.name, cells);
    }
    table.render(out);
}

fn topics(out: &mut String, snapshot: &StatusSnapshot) {
    let mut table = Table::new("TOPIC", &["RECORDS", "/S", "ON DISK", "HELD BEFORE"]);
    for topic in &snapshot.topics {
        let cells = vec![
            short(topic.written),
            rate(topic.records_per_s),
            bytes(topic.bytes),
            short(topic.suppressed),
        ];
        table.row(&topic.name, cells);
    }
    table.render(out);
}

fn plugins(out: &mut String, snapshot: &StatusSnapshot) {
    let heads = ["CALLS", "FUEL/ROW", "OF GRANT", "FAULTS", "KEYS", "STATE"];
    let mut table = Table::new("PLUGIN", &heads);
    for plugin in &snapshot.plugins {
        let quarantined = if plugin.quarantined {
            " QUARANTINED"
        } else {
            ""
        };
        let cells = vec![
            short(plugin.calls),
            short(plugin.fuel_per_row),
            percent(plugin.fuel_permille),
            short(plugin.faults.values().sum()),
            short(plugin.state_keys),
            bytes(plugin.state_bytes),
        ];
        table.row(&format!("{}{quarantined}", plugin.name), cells);
    }
    table.render(out);
}

/// Anomalies, rejects, skips and dead letters, each with its number.
fn told_apart(out: &mut String, snapshot: &StatusSnapshot) {
    let mut lists = Vec::new();
    for plugin in &snapshot.plugins {
        lists.push((
            format!("anomalies by {}", plugin.name),
            counts(&plugin.anomalies),
        ));
        lists.push((
            format!("rejects by {}", plugin.name),
            counts(&plugin.rejects),
        ));
        lists.push((format!("skipped by {}", plugin.name), counts(&plugin.skips)));
        lists.push((format!("faults of {}", plugin.name), counts(&plugin.faults)));
    }
    let dead = snapshot
        .dead_letters
        .iter()
        .map(|dead| format!("{} {} {}", dead.stage, dead.cause, digits(dead.count)))
        .collect();
    lists.push(("dead letters".to_owned(), dead));
    lists.retain(|(_, items)| !items.is_empty());
    if !lists.is_empty() {
        line(out, "");
    }
    let more = lists.len().saturating_sub(ROWS_MAX);
    lists.truncate(ROWS_MAX);
    for (what, items) in lists {
        let shown = items.len().min(NAMES_MAX);
        let mut text = items[..shown].join(", ");
        if items.len() > shown {
            text.push_str(&format!(", and {} more", items.len() - shown));
        }
        if what.chars().count() > WIDTH / 2 {
            line(out, &format!("{what}:"));
            wrapped(out, "  ", "  ", &text);
        } else {
            wrapped(out, &format!("{what}: "), "  ", &text);
        }
    }
    if more > 0 {
        line(out, &format!("and {more} more; see --json"));
    }
}

fn counts(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), name.as_str()));
    sorted
        .into_iter()
        .map(|(name, count)| format!("{name} {}", digits(*count)))
        .collect()
}

fn latencies(out: &mut String, snapshot: &StatusSnapshot) {
    let mut table = Table::new("FROM CAPTURE", &["P50", "P90", "P99", "P99.9", "MAX", "OF"]);
    let mut row = |name: &str, latency: &LatencyStatus| {
        if latency.count > 0 {
            let cells = vec![
                micros(latency.p50_us),
                micros(latency.p90_us),
                micros(latency.p99_us),
                micros(latency.p999_us),
                micros(latency.max_us),
                short(latency.count),
            ];
            table.row(name, cells);
        }
    };
    row("to verdict", &snapshot.to_verdict);
    row("to topic log", &snapshot.to_delivery);
    table.render(out);
}

/// Columns, the first one flush left and cut to what the others leave.
pub(super) struct Table {
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    pub(super) fn new(first: &str, heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self {
            rows: vec![(first.to_owned(), heads)],
        }
    }

    pub(super) fn row(&mut self, first: &str, cells: Vec<String>) {
        self.rows.push((first.to_owned(), cells));
    }

    pub(super) fn render(mut self, out: &mut String) {
        if self.rows.len() == 1 {
            return;
        }
        line(out, "");
        let more = (self.rows.len() - 1).saturating_sub(ROWS_MAX);
        self.rows.truncate(ROWS_MAX + 1);
        let columns = self.rows[0].1.len();
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(at));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let taken: usize = widths.iter().map(|width| width + 2).sum();
        let left = WIDTH.saturating_sub(taken).max(8);
        let longest = self.rows.iter().map(|(first, _)| first.chars().count());
        let left = longest.max().unwrap_or(0).min(left);
        for (first, cells) in &self.rows {
            let mut text = format!("{:<left$}", cut(first, left));
            for (cell, width) in cells.iter().zip(&widths) {
                text.push_str(&format!("  {cell:>width$}"));
            }
            line(out, text.trim_end());
        }
        if more > 0 {
            line(out, &format!("and {more} more; see --json"));
        }
    }
}

pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// Words in lines of at most [`WIDTH`] columns. A longer word has a line of its own.
pub(super) fn wrapped(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut current = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && current.chars().count() + 1 + word.chars().count() > WIDTH {
            line(out, &current);
            current = rest.to_owned();
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    line(out, &current);
}

/// A number with its digits in groups of three.
pub(super) fn digits(number: u64) -> String {
    let text = number.to_string();
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number in few columns: all its digits up to ten million, then three or so.
pub(super) fn short(number: u64) -> String {
    for (over, unit) in [(12, "T"), (9, "G"), (6, "M")] {
        let scale = 10u64.pow(over);
        if number >= 10 * scale {
            let tenths = number / (scale / 10);
            return format!("{}.{} {unit}", digits(tenths / 10), tenths % 10);
        }
    }
    digits(number)
}

fn rate(per_s: f64) -> String {
    if per_s < 100.0 {
        format!("{per_s:.1}")
    } else {
        short(per_s.round() as u64)
    }
}

pub(super) fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

pub(super) fn bytes(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift {
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

pub(super) fn micros(us: u64) -> String {
    match us {
        0..10_000 => format!("{} µs", digits(us)),
        10_000..10_000_000 => format!("{} ms", digits(us / 1_000)),
        _ => format!("{} s", digits(us / 1_000_000)),
    }
}

pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests;
