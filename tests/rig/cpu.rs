//! The CPU of a process over every second, from outside.

use std::num::NonZero;
use std::time::{Duration, Instant};

/// What a window of a second may use above the budget: a tenth of it, and two of the kernel's ticks.
const TOLERANCE_PERMILLE: u64 = 100;
const TICK_MS: u64 = 10;

/// CPU that a process has used so far, milliseconds, in steps of [`TICK_MS`].
pub fn cpu_ms(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in brackets may hold spaces; behind it, fields 14 and 15 of all are user and system
    // time: proc_pid_stat(5).
    let behind = stat.rsplit_once(')').unwrap().1;
    let mut fields = behind.split_whitespace().skip(11);
    let mut next = || fields.next().unwrap().parse::<u64>().unwrap();
    (next() + next()) * TICK_MS
}

/// Most that a second may use, milliseconds.
pub fn cpu_ms_max(permille: u64) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let budget = cores * permille;
    budget + budget * TOLERANCE_PERMILLE / 1_000 + 2 * TICK_MS
}

/// Looks at a process ten times a second for that long: time, CPU used up to then.
pub fn watch_cpu(pid: u32, seconds: u64, mut look: impl FnMut()) -> Vec<(Duration, u64)> {
    let began = Instant::now();
    let mut seen = Vec::new();
    while began.elapsed() < Duration::from_secs(seconds) {
        seen.push((began.elapsed(), cpu_ms(pid)));
        look();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    seen
}

/// The most that was used in a second, milliseconds: over every window of one second or little more.
pub fn busiest_second(seen: &[(Duration, u64)]) -> u64 {
    let second = Duration::from_secs(1);
    let windows = seen.iter().filter_map(|(from, before)| {
        let (to, after) = seen.iter().find(|(to, _)| *to >= *from + second)?;
        Some((after - before) as f64 / (*to - *from).as_secs_f64())
    });
    windows.fold(0.0, f64::max).ceil() as u64
}
