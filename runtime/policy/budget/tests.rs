#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const MS: u64 = 1_000_000;
/// A tenth of two cores.
const RATE: u64 = 200 * MS;

/// A process whose taps and others use CPU as they like, but wait when they are told to.
struct Process {
    budget: CpuBudget,
    now_ns: u64,
    taps_ns: u64,
    others_ns: u64,
    /// Who may not run before this time.
    waits: (u64, u64),
}

impl Process {
    fn new(tap_permille: u64) -> Self {
        Self {
            budget: CpuBudget::new(RATE, tap_permille, 0, 0),
            now_ns: 0,
            taps_ns: 0,
            others_ns: 0,
            waits: (0, 0),
        }
    }

    /// One millisecond on a core each, with this share of it wanted, permille.
    fn millisecond(&mut self, tap_wants: u64, others_want: u64) {
        self.now_ns += MS;
        if self.waits.0 <= self.now_ns {
            self.taps_ns += MS / 1_000 * tap_wants;
        }
        if self.waits.1 <= self.now_ns {
            self.others_ns += MS / 1_000 * others_want;
        }
        let process = self.taps_ns + self.others_ns;
        self.budget.meter(self.now_ns, self.taps_ns, process);
        let wait = |wait: Option<u64>| self.now_ns + wait.unwrap_or(0);
        if let Some(ns) = self.budget.tap_wait_ns() {
            self.waits.0 = self.waits.0.max(wait(Some(ns)));
        }
        if let Some(ns) = self.budget.others_wait_ns() {
            self.waits.1 = self.waits.1.max(wait(Some(ns)));
        }
    }
}

/// Most that a window may use: rate, burst, and what two threads use between two looks.
const WINDOW_MAX: u64 = RATE + RATE / 1_000 * BURST_PERMILLE + 4 * MS;

proptest! {
    #[test]
    fn no_second_uses_more_than_budget_and_burst(
        tap_permille in 50_u64..900,
        phases in prop::collection::vec((0_u64..=1_000, 0_u64..=1_000, 1_u64..800), 1..12),
    ) {
        let mut process = Process::new(tap_permille);
        let mut used = vec![0];
        for (tap, others, ms) in phases {
            for _ in 0..ms {
                process.millisecond(tap, others);
                used.push(process.taps_ns + process.others_ns);
            }
        }
        for (at, before) in used.iter().enumerate() {
            let after = used[(at + 1_000).min(used.len() - 1)];
            prop_assert!(after - before <= WINDOW_MAX, "{} at {at} ms", after - before);
        }
    }

    #[test]
    fn whatever_went_before_a_tap_that_wants_has_its_share_in_the_next_second(
        tap_permille in 50_u64..900,
        phases in prop::collection::vec((0_u64..=1_000, 0_u64..=1_000, 1_u64..800), 0..12),
    ) {
        let mut process = Process::new(tap_permille);
        for (tap, others, ms) in phases {
            (0..ms).for_each(|_| process.millisecond(tap, others));
        }
        let before = process.taps_ns;
        (0..1_000).for_each(|_| process.millisecond(1_000, 1_000));
        let share = RATE / 1_000 * tap_permille;
        // Less what it owed, a quantum, and what it uses between two looks.
        let least = share.saturating_sub(RATE / 1_000 * QUANTUM_PERMILLE + 3 * MS);
        prop_assert!(process.taps_ns - before >= least, "{}", process.taps_ns - before);
    }
}

#[test]
fn frames_wait_longer_as_the_budget_is_used_up_and_no_longer_than_said() {
    let delays =
        [0, 499, 500, 600, 700, 800, 900, 1_000, 5_000].map(|used| block_delay_us(500, used));
    assert_eq!(
        delays,
        [500, 500, 500, 910, 1_657, 3_017, 5_493, 10_000, 10_000]
    );
    assert_eq!(block_delay_us(0, 400), 0);
    assert_eq!(block_delay_us(0, 1_000), FULL_DELAY_US);
    assert_eq!(block_delay_us(20_000, 1_000), 20_000, "as configured");
}

#[test]
fn a_pipeline_that_wants_everything_leaves_the_taps_their_share() {
    let mut process = Process::new(300);
    for _ in 0..10_000 {
        process.millisecond(1_000, 1_000);
    }
    let (taps, others) = (process.taps_ns / 10, process.others_ns / 10);
    assert!((57 * MS..=66 * MS).contains(&taps), "taps {taps}");
    assert!((133 * MS..=147 * MS).contains(&others), "others {others}");
}

#[test]
fn what_the_pipeline_does_not_use_is_the_taps() {
    let mut process = Process::new(300);
    for _ in 0..10_000 {
        process.millisecond(1_000, 10);
    }
    // All but the others' 10 ms a second.
    assert!(process.taps_ns / 10 >= 180 * MS, "{}", process.taps_ns);
}

#[test]
fn what_the_taps_do_not_use_is_the_pipelines() {
    let mut process = Process::new(300);
    for _ in 0..10_000 {
        process.millisecond(10, 1_000);
    }
    // All but the taps' 10 ms a second.
    assert!(process.others_ns / 10 >= 180 * MS, "{}", process.others_ns);
}

#[test]
fn a_clock_that_steps_back_charges_and_refills_nothing() {
    let mut budget = CpuBudget::new(RATE, 300, 1_000 * MS, 50 * MS);
    budget.meter(2_000 * MS, 0, 60 * MS);
    let before = budget;
    budget.meter(1_500 * MS, 0, 40 * MS);
    assert_eq!(budget, before);
}

#[test]
fn debt_is_paid_before_anything_goes_on() {
    let mut budget = CpuBudget::new(RATE, 300, 0, 0);
    let others_burst = RATE / 1_000 * BURST_PERMILLE / 1_000 * 700;
    budget.meter(0, 0, others_burst + 140 * MS);
    // 140 ms of debt beyond the burst, refilled by 200 ms a second at most, and a quantum on top.
    let wait = budget.others_wait_ns().unwrap();
    assert!((700 * MS..730 * MS).contains(&wait), "{wait}");
    assert_eq!(budget.tap_wait_ns(), None, "the taps do not pay it");
}
