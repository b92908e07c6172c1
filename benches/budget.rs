//! How much fits inside the default budget, a tenth of the host's cores, and how long a frame waits.
//!
//! Each rate is offered for some seconds, lowest first, with the decoder alone and with three
//! plugins. A rate *fits* if none is shed, what waits at the end is younger than a second, and no
//! frame is lost but those that may be on their way (a hundredth of a second's). Then the wait at half
//! of the highest rate that fits: capture to verdict, by the runtime's own HDR histogram. The sender
//! keeps to its schedule whatever the receiver does, and its own lateness is printed beside it: no
//! coordinated omission. CPU is that of the process's threads by the scheduler's account, without the
//! sender's.
//!
//! `cargo bench --bench budget [-- --quick | RATE]`; a rate alone is shown and not kept.

mod history;
mod rig;

use std::path::Path;
use std::time::Instant;

use rig::{Budget, Chain, Running, number};
use serde_json::Value;

/// Datagrams per second, of 48 bytes each.
const RATES: [u32; 9] = [
    2_500, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 60_000,
];
const RATES_QUICK: [u32; 3] = [2_500, 10_000, 40_000];
/// Seconds of each rate. Reason: a pipeline that is short of a tenth lags a second by then.
const SECONDS: u32 = 12;
const SECONDS_QUICK: u32 = 2;
/// Lag at the end of a rate that fits, milliseconds.
const LAG_MS: f64 = 1_000.0;

fn main() {
    if rig::is_sender() {
        return;
    }
    let installation = rig::installation();
    let alone: Option<u32> = history::word().and_then(|word| word.parse().ok());
    let (rates, seconds): (&[u32], u32) = match (&alone, history::is_quick()) {
        (Some(rate), _) => (std::slice::from_ref(rate), SECONDS),
        (None, true) => (&RATES_QUICK, SECONDS_QUICK),
        (None, false) => (&RATES, SECONDS),
    };
    println!("inside a tenth of the cores, {seconds} s at each rate");
    println!(
        "plugins          rate/s   captured/s   processed/s    lost    shed   lag ms   CPU of all   \
         to verdict p50      p99    p99.9   sender late p99    max   fits"
    );
    for (chain, plugins) in [(Chain::Decode, "decoder"), (Chain::Route, "three")] {
        let mut highest = None;
        for &rate in rates {
            let round = round(&installation, chain, rate, seconds);
            round.show(plugins);
            if alone.is_none() {
                round.keep(plugins);
            }
            if !round.fits() {
                break;
            }
            highest = Some(rate);
        }
        if alone.is_some() {
            continue;
        }
        let Some(highest) = highest else {
            println!("{plugins}: no rate fits");
            continue;
        };
        let half = round(&installation, chain, highest / 2, seconds);
        println!("{plugins}: {highest}/s fit; half of it:");
        half.show(plugins);
        half.keep(plugins);
    }
}

/// What one rate came to.
struct Round {
    rate: u32,
    seconds: f64,
    captured: f64,
    processed: f64,
    lost: f64,
    shed: f64,
    lag_ms: f64,
    cpu_permille: f64,
    quantiles_us: [f64; 3],
    late_us: [f64; 2],
}

fn round(installation: &Path, chain: Chain, rate: u32, seconds: u32) -> Round {
    let port = rig::free_port();
    let keys = u64::from(rate) * 2;
    let running = Running::start(installation, port, chain, keys, Budget::Tenth);
    let threads = || rig::threads_cpu_ns(running.id());
    let cpu_ns = || threads().iter().map(|(_, ns)| ns).sum::<u64>() as f64;
    let (before_ns, began) = (cpu_ns(), Instant::now());
    let sent = rig::sent(rig::send(port, rate, seconds));
    let used = (cpu_ns() - before_ns) / began.elapsed().as_nanos() as f64;
    let after = running.status();
    running.end();
    let seconds = f64::from(seconds);
    let cores = number(&after, "/process/cores");
    let captured = number(&after, "/ledger/captured");
    let messages_shed = |status: &Value| -> f64 {
        let classes = status["classes"].as_array().expect("a list");
        classes
            .iter()
            .filter_map(|class| class["shed"].as_f64())
            .sum()
    };
    Round {
        rate,
        seconds,
        captured,
        processed: number(&after, "/ledger/processed"),
        lost: sent.datagrams as f64 - captured,
        shed: number(&after, "/ledger/shed") + messages_shed(&after),
        lag_ms: number(&after, "/pipeline/lag_ms"),
        cpu_permille: used / cores * 1_000.0,
        quantiles_us: ["p50_us", "p99_us", "p999_us"]
            .map(|name| number(&after, &format!("/to_verdict/{name}"))),
        late_us: sent.late_us(),
    }
}

impl Round {
    fn fits(&self) -> bool {
        // The last datagrams may be on their way when the status is told.
        let on_their_way = f64::from(self.rate) * 0.01;
        self.lost <= on_their_way && self.shed == 0.0 && self.lag_ms < LAG_MS
    }

    fn show(&self, plugins: &str) {
        let [p50, p99, p999] = self.quantiles_us;
        let [late_p99, late_max] = self.late_us;
        println!(
            "{plugins:<12} {:>10}   {:>10.0}   {:>11.0}   {:>5}   {:>5}   {:>6}   {:>8.0} ‰   \
             {p50:>14} {p99:>8} {p999:>8}   {late_p99:>15.0} {late_max:>6.0}   {}",
            self.rate,
            self.captured / self.seconds,
            self.processed / self.seconds,
            self.lost,
            self.shed,
            self.lag_ms,
            self.cpu_permille,
            if self.fits() { "yes" } else { "no" }
        );
    }

    fn keep(&self, plugins: &str) {
        let [p50, p99, p999] = self.quantiles_us;
        let [late_p99, late_max] = self.late_us;
        history::Line::new("budget", plugins)
            .number("rate", f64::from(self.rate))
            .number("captured_per_s", self.captured / self.seconds)
            .number("processed_per_s", self.processed / self.seconds)
            .number("lost", self.lost)
            .number("shed", self.shed)
            .number("lag_ms", self.lag_ms)
            .number("cpu_permille", self.cpu_permille)
            .number("p50_us", p50)
            .number("p99_us", p99)
            .number("p999_us", p999)
            .number("sender_late_p99_us", late_p99)
            .number("sender_late_us", late_max)
            .append();
    }
}
