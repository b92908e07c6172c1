use super::*;

fn schedule(pace: Pace, factor: f64, rate: Option<f64>) -> Schedule {
    Schedule { pace, factor, rate }
}

#[test]
fn steady_follows_the_scenario_and_its_factor() {
    assert_eq!(
        schedule(Pace::Steady, 1.0, None).due_ns(9, 2_500_000),
        2_500_000
    );
    assert_eq!(
        schedule(Pace::Steady, 2.0, None).due_ns(9, 2_500_000),
        1_250_000
    );
}

#[test]
fn a_rate_spaces_evenly_whatever_the_scenario_says() {
    let even = schedule(Pace::Steady, 1.0, Some(1_000.0));
    assert_eq!(even.due_ns(0, 77), 0);
    assert_eq!(even.due_ns(7, 77), 7_000_000);
    // No drift: the millionth is where the millionth belongs.
    assert_eq!(even.due_ns(1_000_000, 77), 1_000_000_000_000);
}

#[test]
fn bursts_leave_at_the_end_of_their_second() {
    let bursts = schedule(Pace::Bursty, 1.0, None);
    assert_eq!(bursts.due_ns(0, 0), BURST_NS);
    assert_eq!(bursts.due_ns(1, BURST_NS - 1), BURST_NS);
    assert_eq!(bursts.due_ns(2, BURST_NS), 2 * BURST_NS);
    let fast = schedule(Pace::Bursty, 1.0, Some(10.0));
    let due: Vec<u64> = (0..20).map(|number| fast.due_ns(number, 0)).collect();
    assert_eq!(due, [[BURST_NS; 10], [2 * BURST_NS; 10]].concat());
}

#[test]
fn flat_out_is_always_due() {
    assert_eq!(schedule(Pace::FlatOut, 1.0, None).due_ns(5, u64::MAX), 0);
}

#[test]
fn due_times_never_fall() {
    for pace in [Pace::Steady, Pace::Bursty, Pace::FlatOut] {
        for (factor, rate) in [(1.0, None), (0.3, None), (1.0, Some(333.0))] {
            let schedule = schedule(pace, factor, rate);
            let due: Vec<u64> = (0..5_000)
                .map(|number| schedule.due_ns(number, number * 1_234_567))
                .collect();
            assert!(due.is_sorted(), "{schedule:?}");
        }
    }
}
