//! CPU by construction: two token buckets on the process's CPU clock.
//!
//! One bucket is the taps', one is everybody else's: pipeline, forwarders, the Kafka client's
//! threads, keeper, status. Each is refilled at its share of the budget and charged with what its
//! threads have used. Who finds its bucket empty waits. What a bucket cannot hold flows over into
//! the other: whoever is quiet leaves its share, and has a full bucket and all of its own rate from
//! the moment that it is not. So a pipeline that could use everything leaves the taps what they want
//! of their share, and nothing is left lying.
//!
//! So over any time *t* the process uses at most `rate · t + burst + granularity`: the burst is what
//! both buckets hold, the granularity what is used between two looks at the clock and by one piece
//! of work that cannot be cut.

/// What both buckets hold at most, permille of a second's budget. Reason: the tolerance that is stated
/// for any second, so that a hiccup of the host, which its clocks charge to whoever runs, makes no
/// frame wait; half of it made the slowest hundredth at half load wait twice as long.
pub const BURST_PERMILLE: u64 = 100;
/// Tokens that must be there before who waited goes on, permille of a second's budget. Reason: it
/// wakes a hundred times a second at most, each for a worthwhile piece of work.
pub const QUANTUM_PERMILLE: u64 = 10;

/// Use of the budget, permille, up to which frames wait for others no longer than configured.
pub const EASY_PERMILLE: u64 = 500;
/// How long frames wait for others where the whole budget is used, microseconds. Reason: a hundred
/// blocks a second, of which each is full at the rates that use a budget up.
pub const FULL_DELAY_US: u64 = 10_000;

const SECOND_NS: u64 = 1_000_000_000;

/// How long a frame waits for others to share its block, microseconds: `base_us` while at most
/// [`EASY_PERMILLE`] of the budget are used, from there to the whole budget longer by equal factors,
/// up to [`FULL_DELAY_US`]. Reason: a block costs as much as ten messages, so that waiting is what CPU
/// can be bought with; and it is little waiting, since the cost falls with it.
pub fn block_delay_us(base_us: u64, used_permille: u64) -> u64 {
    if base_us >= FULL_DELAY_US || used_permille <= EASY_PERMILLE {
        return base_us;
    }
    let part = (used_permille.min(1_000) - EASY_PERMILLE) as f64 / (1_000 - EASY_PERMILLE) as f64;
    let base = base_us.max(1) as f64;
    let delay = base * (FULL_DELAY_US as f64 / base).powf(part);
    (delay.round() as u64).clamp(base_us, FULL_DELAY_US)
}

/// A bucket of CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// CPU nanoseconds for each second.
    rate_ns: u64,
    /// Most that it holds, CPU nanoseconds.
    capacity_ns: u64,
    /// What it holds; below zero is debt.
    level_ns: i128,
}

impl Bucket {
    fn new(rate_ns: u64, capacity_ns: u64) -> Self {
        Self {
            rate_ns,
            capacity_ns,
            level_ns: i128::from(capacity_ns),
        }
    }

    /// Adds tokens, and gives back those that it cannot hold.
    fn add(&mut self, tokens_ns: i128) -> i128 {
        self.level_ns += tokens_ns;
        let spilt = (self.level_ns - i128::from(self.capacity_ns)).max(0);
        self.level_ns -= spilt;
        spilt
    }

    /// How long to wait until there is a quantum, if it is refilled at this rate; `None` if there are
    /// tokens.
    fn wait_ns(&self, quantum_ns: u64, rate_ns: u64) -> Option<u64> {
        if self.level_ns > 0 {
            return None;
        }
        let wanted = (i128::from(quantum_ns) - self.level_ns).unsigned_abs();
        let wait = wanted * u128::from(SECOND_NS) / u128::from(rate_ns.max(1));
        Some(u64::try_from(wait).unwrap_or(u64::MAX).max(1))
    }
}

/// The CPU budget of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuBudget {
    taps: Bucket,
    others: Bucket,
    quantum_ns: u64,
    last_ns: u64,
    /// What the clocks said last: taps, whole process.
    used_ns: (u64, u64),
}

impl CpuBudget {
    /// `rate_ns` of CPU each second, of which `tap_permille` are for taps only. `now_ns` is of a
    /// monotonic clock; what the process has used before, `process_ns`, is not charged.
    pub fn new(rate_ns: u64, tap_permille: u64, now_ns: u64, process_ns: u64) -> Self {
        let of = |whole: u64, permille: u64| whole / 1_000 * permille.min(1_000);
        let (tap_rate, burst) = (of(rate_ns, tap_permille), of(rate_ns, BURST_PERMILLE));
        let tap_burst = of(burst, tap_permille);
        Self {
            taps: Bucket::new(tap_rate, tap_burst),
            others: Bucket::new(rate_ns - tap_rate, burst - tap_burst),
            quantum_ns: of(rate_ns, QUANTUM_PERMILLE),
            last_ns: now_ns,
            used_ns: (0, process_ns),
        }
    }

    /// Refills and charges. `taps_ns` and `process_ns` are what the taps' threads and the whole
    /// process have used since they began. Clocks that step back change nothing.
    pub fn meter(&mut self, now_ns: u64, taps_ns: u64, process_ns: u64) {
        let passed = now_ns.saturating_sub(self.last_ns);
        self.last_ns = self.last_ns.max(now_ns);
        let (taps_before, process_before) = self.used_ns;
        let taps = taps_ns.saturating_sub(taps_before);
        let process = process_ns.saturating_sub(process_before);
        self.used_ns = (taps_before.max(taps_ns), process_before.max(process_ns));
        let tokens =
            |rate_ns: u64| i128::from(rate_ns) * i128::from(passed) / i128::from(SECOND_NS);
        // Charged first: who has debts pays them before anything flows over. What a tap has used
        // and not yet told is charged to the others, and given back when it is told.
        self.others.level_ns -= i128::from(process) - i128::from(taps);
        self.taps.level_ns -= i128::from(taps);
        let spilt = self.others.add(tokens(self.others.rate_ns));
        let spilt = self.taps.add(tokens(self.taps.rate_ns) + spilt);
        // Where this is more than it can hold, both are full.
        self.others.add(spilt);
    }

    /// How long a tap must wait, nanoseconds; `None` if it may read.
    pub fn tap_wait_ns(&self) -> Option<u64> {
        self.taps.wait_ns(self.quantum_ns, self.rate_ns())
    }

    /// How long everybody else must wait, nanoseconds; `None` if it may go on.
    pub fn others_wait_ns(&self) -> Option<u64> {
        self.others.wait_ns(self.quantum_ns, self.rate_ns())
    }

    /// What a bucket is refilled with at most: its own rate and what the other leaves. Reason: what
    /// comes while somebody waits too long flows over; who waits too short asks again.
    fn rate_ns(&self) -> u64 {
        self.taps.rate_ns + self.others.rate_ns
    }
}

#[cfg(test)]
mod tests;
