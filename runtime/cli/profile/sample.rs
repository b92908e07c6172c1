//! What is seen of the runtime, second by second, and the trace that is made of it.

use std::time::Duration;

use outrigger_policy::drift::{CALLS, Fit, TERMS_MAX, term_of};

use crate::config::Config;
use crate::governor::{Meter, Sample, cpu_permille, host_facts};
use crate::record::hex;
use crate::run::build;
use crate::status::{LatencyStatus, StatusSnapshot};
use crate::trace::{
    ClassCost, ClassCpu, Played, PluginTrace, SECONDS_MAX, Second, TRACE_VERSION, Totals, Trace,
    TraceBudget,
};

/// Shortest time that a share of the cores is taken over, milliseconds. Reason: the clock of a process
/// moves in steps of 10 ms, a hundredth of it.
const SHARE_OVER_MIN_MS: u64 = 900;
/// How far over its share a second may be, permille of all cores: a tenth of the share for what may be
/// saved up and cannot be cut, and the steps of that clock. Source: SPECIFICATION.md, Budget.
pub(super) fn tolerance_permille(share_permille: u64) -> u64 {
    share_permille / 10 + 10
}
/// Seconds, for each thing that is told apart, from which CPU is fitted by class.
const SECONDS_PER_TERM_MIN: usize = 8;

/// Samples of a runtime.
pub(super) struct Sampling {
    meter: Meter,
    seconds: Vec<Second>,
    last: Counts,
    lag_ms_max: u64,
    egress_bytes_per_s_max: u64,
}

/// What was counted since the start.
#[derive(Default)]
struct Counts {
    at_ms: u64,
    cpu_ms: u64,
    frames: u64,
    bytes_in: u64,
    bytes_out: u64,
    messages: Vec<u64>,
    fuel: Vec<u64>,
}

impl Counts {
    fn of(snapshot: &StatusSnapshot, cpu_ms: u64) -> Self {
        Self {
            at_ms: snapshot.uptime_ms,
            cpu_ms,
            frames: snapshot.taps.iter().map(|tap| tap.frames).sum(),
            bytes_in: snapshot.taps.iter().map(|tap| tap.bytes).sum(),
            bytes_out: snapshot.kafka.iter().map(|lane| lane.sent_bytes).sum(),
            messages: snapshot
                .classes
                .iter()
                .map(|class| class.messages)
                .collect(),
            fuel: snapshot.plugins.iter().map(|plugin| plugin.fuel).collect(),
        }
    }
}

impl Sampling {
    /// Of the process with this id.
    pub(super) fn new(pid: u32) -> Self {
        Self {
            meter: Meter::of(pid),
            seconds: Vec::new(),
            last: Counts::default(),
            lag_ms_max: 0,
            egress_bytes_per_s_max: 0,
        }
    }

    /// Takes one, with what the runtime says of itself. None is taken of one that has just ended, or
    /// beyond the bound of a trace.
    pub(super) fn take(&mut self, snapshot: &StatusSnapshot) {
        let Sample {
            cpu_ms, rss_bytes, ..
        } = self.meter.sample();
        if rss_bytes > 0 && self.seconds.len() < SECONDS_MAX - 1 {
            self.add(snapshot, cpu_ms, rss_bytes);
        }
    }

    fn add(&mut self, snapshot: &StatusSnapshot, cpu_ms: u64, rss_bytes: u64) {
        let now = Counts::of(snapshot, cpu_ms);
        let last = &self.last;
        let rose = |now: &[u64], then: &[u64]| -> Vec<u64> {
            let then = then.iter().copied().chain(std::iter::repeat(0));
            let pairs = now.iter().zip(then);
            pairs.map(|(now, then)| now.saturating_sub(then)).collect()
        };
        let names = snapshot.classes.iter().map(|class| class.name.clone());
        let second = Second {
            at_ms: now.at_ms,
            cpu_ms: now.cpu_ms.saturating_sub(last.cpu_ms),
            rss_bytes,
            frames: now.frames.saturating_sub(last.frames),
            bytes_in: now.bytes_in.saturating_sub(last.bytes_in),
            bytes_out: now.bytes_out.saturating_sub(last.bytes_out),
            messages: names.zip(rose(&now.messages, &last.messages)).collect(),
            lag_blocks: snapshot.pipeline.lag_blocks,
            to_verdict_us: quantiles(&snapshot.to_verdict),
            to_delivery_us: quantiles(&snapshot.to_delivery),
            fuel: rose(&now.fuel, &last.fuel),
        };
        let ms = now.at_ms.saturating_sub(last.at_ms).max(1);
        if ms >= SHARE_OVER_MIN_MS {
            let rate = second.bytes_out.saturating_mul(1_000) / ms;
            self.egress_bytes_per_s_max = self.egress_bytes_per_s_max.max(rate);
        }
        self.lag_ms_max = self.lag_ms_max.max(snapshot.pipeline.lag_ms);
        self.seconds.push(second);
        self.last = now;
    }

    /// The trace, with the runtime's last words as its last sample, so that the seconds add up to
    /// them.
    pub(super) fn trace(
        mut self,
        config: &Config,
        played: Vec<Played>,
        last: &StatusSnapshot,
    ) -> Trace {
        let rss_bytes = last.process.rss_bytes;
        self.add(last, last.process.cpu_ms, rss_bytes);
        let totals = self.totals(last);
        let mut trace = Trace {
            version: TRACE_VERSION,
            name: config.name.clone(),
            made_ns: last.now_ns,
            runtime: build(),
            configuration: hex(&config.output_digest()),
            host: host_facts(),
            played,
            budget: TraceBudget {
                cpu_permille: last.process.cpu_permille_max,
                memory_bytes: last.process.rss_bytes_max,
                egress_bytes_per_s: last.budget.egress_bytes_per_s_max,
            },
            plugins: last.plugins.iter().map(plugin).collect(),
            totals,
            outside: Vec::new(),
            seconds: Vec::new(),
        };
        trace.outside = self.outside(config, &trace, last);
        trace.seconds = self.seconds;
        trace
    }

    fn totals(&self, last: &StatusSnapshot) -> Totals {
        let messages: u64 = self.last.messages.iter().sum();
        let cpu_ns = self.last.cpu_ms.saturating_mul(1_000_000);
        let (cpu_by_class, idle_cpu_ns_per_s) = self.cpu_by_class(last);
        let logs = last.topics.iter().map(|topic| topic.bytes);
        let rss_peak = self.seconds.iter().map(|second| second.rss_bytes).max();
        Totals {
            ms: last.uptime_ms,
            frames: self.last.frames,
            lost: last.ledger.lost_before,
            messages,
            cpu_ms: self.last.cpu_ms,
            cpu_ns_per_message: cpu_ns.checked_div(messages).unwrap_or(0),
            cpu_permille_max: self.busiest(last.process.cores),
            rss_peak_bytes: last.process.rss_peak_bytes.max(rss_peak.unwrap_or(0)),
            bytes_in: self.last.bytes_in,
            bytes_out: self.last.bytes_out,
            bytes_stored: logs.sum::<u64>() + last.journal.bytes,
            cpu_by_class,
            idle_cpu_ns_per_s,
        }
    }

    /// The busiest second's share of the cores, permille; the first, which starts the plugins, only
    /// if there is no other. A run of less than a second is part of one in which nothing else was.
    fn busiest(&self, cores: u64) -> u64 {
        let share = |cpu_ms: u64, ms: u64| cpu_permille(cpu_ms, Duration::from_millis(ms), cores);
        let times = self.seconds.windows(2).map(|pair| {
            let ms = pair[1].at_ms.saturating_sub(pair[0].at_ms);
            (pair[1].cpu_ms, ms)
        });
        let whole = times.filter(|(_, ms)| *ms >= SHARE_OVER_MIN_MS);
        let most = whole.map(|(cpu_ms, ms)| share(cpu_ms, ms)).max();
        most.unwrap_or_else(|| share(self.last.cpu_ms, self.last.at_ms.max(1_000)))
    }

    /// CPU by class and of an idle second, as the least squares fit over the seconds has it.
    fn cpu_by_class(&self, last: &StatusSnapshot) -> (Vec<ClassCpu>, u64) {
        let seen: Vec<usize> = (0..last.classes.len())
            .filter(|&at| last.classes[at].messages > 0)
            .collect();
        let enough = self.seconds.len() >= SECONDS_PER_TERM_MIN * (seen.len() + 1);
        if !enough || seen.is_empty() {
            return (Vec::new(), 0);
        }
        let mut fit = Fit::new(seen.len());
        // The first second starts the plugins.
        for second in self.seconds.iter().skip(1) {
            let mut counts = [0_u32; TERMS_MAX];
            counts[CALLS] = 1;
            for (index, &at) in seen.iter().enumerate() {
                let messages = second.messages.get(at).map_or(0, |(_, messages)| *messages);
                let count = &mut counts[term_of(index)];
                *count = count.saturating_add(u32::try_from(messages).unwrap_or(u32::MAX));
            }
            fit.observe(&counts, second.cpu_ms.saturating_mul(1_000_000));
        }
        let costs = fit.costs(None);
        let whole = |cost: f64| cost.max(0.0).round() as u64;
        let classes = seen.iter().enumerate().map(|(index, &at)| ClassCpu {
            class: last.classes[at].name.clone(),
            messages: last.classes[at].messages,
            cpu_ns: whole(costs[term_of(index)]),
        });
        (classes.collect(), whole(costs[CALLS]))
    }

    /// Why the budget does not suffice. CPU itself can hardly pass its bound, as it is withheld: then
    /// the pipeline lags.
    fn outside(&self, config: &Config, trace: &Trace, last: &StatusSnapshot) -> Vec<String> {
        let (totals, budget) = (&trace.totals, &trace.budget);
        let mut outside = Vec::new();
        if totals.cpu_permille_max > budget.cpu_permille + tolerance_permille(budget.cpu_permille) {
            outside.push(format!(
                "CPU is {} permille of all cores in the busiest second, and may be {}",
                totals.cpu_permille_max, budget.cpu_permille
            ));
        }
        if totals.rss_peak_bytes > budget.memory_bytes {
            outside.push(format!(
                "memory is {} bytes at its peak, and may be {}",
                totals.rss_peak_bytes, budget.memory_bytes
            ));
        }
        if self.egress_bytes_per_s_max > budget.egress_bytes_per_s {
            outside.push(format!(
                "egress is {} bytes in the busiest second, and may be {}",
                self.egress_bytes_per_s_max, budget.egress_bytes_per_s
            ));
        }
        if self.lag_ms_max > config.budget.lag_ms_max {
            outside.push(format!(
                "the pipeline is {} ms behind, and may be {}",
                self.lag_ms_max, config.budget.lag_ms_max
            ));
        }
        if last.budget.trips > 0 {
            let cause = last.budget.cause.as_deref().unwrap_or("unknown");
            outside.push(format!(
                "the breaker opened {} times, the last time for {cause}",
                last.budget.trips
            ));
        }
        for plugin in last.plugins.iter().filter(|plugin| plugin.quarantined) {
            let name = &plugin.name;
            outside.push(format!(
                "plugin {name} was quarantined, so the rest ran without it"
            ));
        }
        if totals.lost > 0 {
            outside.push(format!("{} frames were lost before capture", totals.lost));
        }
        if last.ledger.shed > 0 {
            outside.push(format!("{} frames were shed", last.ledger.shed));
        }
        outside
    }
}

fn quantiles(latency: &LatencyStatus) -> [u64; 3] {
    [latency.p50_us, latency.p99_us, latency.p999_us]
}

fn plugin(status: &crate::status::PluginStatus) -> PluginTrace {
    let classes = status.class_fuel.iter();
    PluginTrace {
        name: status.name.clone(),
        role: status.role.clone(),
        digest: status.digest.clone(),
        calls: status.calls,
        rows: status.rows,
        fuel: status.fuel,
        call_fuel: status.call_fuel as f64,
        bare_fuel: status.bare_fuel as f64,
        classes: classes
            .map(|(class, &fuel)| ClassCost {
                class: class.clone(),
                messages: status.class_messages.get(class).copied().unwrap_or(0),
                fuel: fuel as f64,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
