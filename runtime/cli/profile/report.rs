//! A trace as text, 80 columns wide but for long names: is it inside its budget, what did it cost, and what costs most.

use super::sample::tolerance_permille;
use crate::cli::text::{cut, digits, size};
use crate::status::StatusSnapshot;
use crate::trace::{PluginTrace, Trace};

/// Rows of the table over time. Reason: a screen. Each row shows several seconds' rates, and the
/// highest of their memory, lag and latency.
const ROWS_MAX: usize = 16;
/// Columns of a name. Reason: with its figures it fills a line.
const NAME_MAX: usize = 30;

/// One line while it runs.
pub(super) fn progress(snapshot: &StatusSnapshot) -> String {
    let messages: f64 = snapshot.classes.iter().map(|one| one.messages_per_s).sum();
    format!(
        "{} s  {} messages/s  CPU {} of {}  memory {}  {} blocks wait",
        snapshot.uptime_ms / 1_000,
        digits(messages.max(0.0) as u64),
        percent(snapshot.process.cpu_permille),
        percent(snapshot.process.cpu_permille_max),
        size(snapshot.process.rss_bytes),
        snapshot.pipeline.lag_blocks,
    )
}

/// The trace as text, with what only the last status has.
pub(super) fn report(trace: &Trace, last: &StatusSnapshot) -> String {
    let mut out = String::new();
    head(&mut out, trace, last);
    over_time(&mut out, trace);
    plugins(&mut out, trace);
    cpu_by_class(&mut out, trace);
    advice(&mut out, trace);
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn head(out: &mut String, trace: &Trace, last: &StatusSnapshot) {
    let (totals, budget, host) = (&trace.totals, &trace.budget, &trace.host);
    line(
        out,
        &format!("{}: profile of {}", trace.name, seconds(totals.ms)),
    );
    let cores = host.cores;
    line(
        out,
        &format!(
            "  host      {cores} cores of {}, {}, Linux {}",
            host.cpu.trim(),
            size(host.memory_bytes),
            host.kernel
        ),
    );
    line(out, &format!("  runtime   {}", trace.runtime));
    for played in &trace.played {
        let (tap, source, pace) = (&played.tap, &played.source, &played.pace);
        line(out, &format!("  tap       {tap}: {source}, {pace}"));
    }
    line(out, "");
    match trace.outside.is_empty() {
        true => line(out, "It stays INSIDE its budget."),
        false => line(out, "It does NOT stay inside its budget:"),
    }
    for reason in &trace.outside {
        line(out, &format!("  ! {reason}"));
    }
    let mean = crate::governor::cpu_permille(
        totals.cpu_ms,
        std::time::Duration::from_millis(totals.ms.max(1)),
        cores.max(1),
    );
    let used = match totals.ms {
        0..1_000 => format!(
            "{} ms, {} of a second of all cores",
            digits(totals.cpu_ms),
            percent(totals.cpu_permille_max)
        ),
        _ => format!(
            "{} of all cores, busiest second {}",
            percent(mean),
            percent(totals.cpu_permille_max)
        ),
    };
    let bound = percent(budget.cpu_permille);
    let tolerance = percent(tolerance_permille(budget.cpu_permille));
    line(
        out,
        &format!("  CPU       {used}, bound {bound} + {tolerance}"),
    );
    line(
        out,
        &format!(
            "  memory    {} at most, bound {}",
            size(totals.rss_peak_bytes),
            size(budget.memory_bytes)
        ),
    );
    let egress = match last.kafka.is_empty() {
        true => "nothing is mirrored in a profile without --kafka".to_owned(),
        false => format!(
            "{} in all, bound {} a second",
            size(totals.bytes_out),
            size(budget.egress_bytes_per_s)
        ),
    };
    line(out, &format!("  egress    {egress}"));
    line(
        out,
        &format!("  storage   {} at the end", size(totals.bytes_stored)),
    );
    line(
        out,
        &format!(
            "  frames    {} captured, {}; {} lost before, {} shed, {} rejected",
            digits(totals.frames),
            size(totals.bytes_in),
            digits(totals.lost),
            digits(last.ledger.shed),
            digits(last.ledger.rejected)
        ),
    );
    line(
        out,
        &format!(
            "  messages  {}, each {} ns of CPU, all else included",
            digits(totals.messages),
            digits(totals.cpu_ns_per_message)
        ),
    );
    for (name, latency) in [
        ("verdict", &last.to_verdict),
        ("delivery", &last.to_delivery),
    ] {
        line(
            out,
            &format!(
                "  {name:<8}  p50 {} µs, p99 {} µs, p99.9 {} µs after capture",
                digits(latency.p50_us),
                digits(latency.p99_us),
                digits(latency.p999_us)
            ),
        );
    }
    let waited = last.budget.pipeline_waited_ms;
    if waited > 0 {
        line(
            out,
            &format!(
                "  waiting   the pipeline waited {} for its CPU",
                seconds(waited)
            ),
        );
    }
}

/// A baseline of calls that are all full says nothing of what a call costs by itself.
fn advice(out: &mut String, trace: &Trace) {
    if trace.played.iter().any(|played| played.pace == "flat-out") {
        line(
            out,
            "Played flat-out, calls are full and their own cost is not told apart: as a baseline",
        );
        line(out, "for live traffic, play it as recorded.");
    }
}

fn over_time(out: &mut String, trace: &Trace) {
    let cores = trace.host.cores.max(1);
    line(out, "");
    line(
        out,
        &format!(
            "{:>8} {:>8} {:>11} {:>10} {:>11} {:>7} {:>9} {:>9}",
            "time", "CPU", "memory", "frames/s", "messages/s", "waiting", "verdict", "delivery"
        ),
    );
    line(
        out,
        &format!(
            "{:>8} {:>8} {:>11} {:>10} {:>11} {:>7} {:>9} {:>9}",
            "", "", "", "", "", "blocks", "p99 µs", "p99 µs"
        ),
    );
    let step = trace.seconds.len().div_ceil(ROWS_MAX).max(1);
    let mut before = 0;
    for some in trace.seconds.chunks(step) {
        let Some(end) = some.last() else {
            continue;
        };
        let ms = end.at_ms.saturating_sub(before).max(1);
        before = end.at_ms;
        let rate = |count: u64| digits(count.saturating_mul(1_000) / ms);
        let cpu: u64 = some.iter().map(|one| one.cpu_ms).sum();
        let cpu = cpu.saturating_mul(1_000) / ms / cores;
        let most = |of: fn(&crate::trace::Second) -> u64| some.iter().map(of).max().unwrap_or(0);
        let messages = some.iter().flat_map(|one| &one.messages);
        line(
            out,
            &format!(
                "{:>8} {:>8} {:>11} {:>10} {:>11} {:>7} {:>9} {:>9}",
                seconds(end.at_ms),
                percent(cpu),
                size(most(|one| one.rss_bytes)),
                rate(some.iter().map(|one| one.frames).sum()),
                rate(messages.map(|(_, count)| count).sum()),
                digits(most(|one| one.lag_blocks)),
                digits(most(|one| one.to_verdict_us[1])),
                digits(most(|one| one.to_delivery_us[1])),
            ),
        );
    }
}

fn plugins(out: &mut String, trace: &Trace) {
    let all: u64 = trace.plugins.iter().map(|plugin| plugin.fuel).sum();
    for plugin in &trace.plugins {
        let PluginTrace {
            name,
            role,
            calls,
            rows,
            fuel,
            ..
        } = plugin;
        let share = u128::from(*fuel) * 1_000 / u128::from(all.max(1));
        line(out, "");
        line(
            out,
            &format!(
                "{role} {}: {} of all fuel, {} calls, {} rows",
                cut(name, NAME_MAX),
                percent(u64::try_from(share).unwrap_or(u64::MAX)),
                digits(*calls),
                digits(*rows)
            ),
        );
        let each = |what: &str, fuel: f64, count: &str| {
            let fuel = digits(fuel.max(0.0) as u64);
            let what = cut(what, NAME_MAX);
            format!("  {what:<NAME_MAX$} {fuel:>12} fuel each  {count:>14}")
        };
        line(out, &each("a call by itself", plugin.call_fuel, ""));
        if plugin.bare_fuel > 0.0 {
            line(out, &each("a row without a message", plugin.bare_fuel, ""));
        }
        for class in &plugin.classes {
            let count = digits(class.messages);
            line(out, &each(&class.class, class.fuel, &count));
        }
    }
}

fn cpu_by_class(out: &mut String, trace: &Trace) {
    let totals = &trace.totals;
    line(out, "");
    if totals.cpu_by_class.is_empty() {
        line(
            out,
            "CPU by class is not told: it takes more seconds with messages.",
        );
        return;
    }
    line(
        out,
        "CPU of a message by class, and of a second without any:",
    );
    for class in &totals.cpu_by_class {
        let name = cut(&class.class, NAME_MAX);
        let (cpu, count) = (digits(class.cpu_ns), digits(class.messages));
        line(
            out,
            &format!("  {name:<NAME_MAX$} {cpu:>12} ns each    {count:>14}"),
        );
    }
    let idle = digits(totals.idle_cpu_ns_per_s);
    line(out, &format!("  {:<NAME_MAX$} {idle:>12} ns", "a second"));
}
