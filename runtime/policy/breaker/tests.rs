#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    cpu_permille: 100,
    memory_bytes: 1_000,
    egress_bytes_per_s: 1_000,
    storage_bytes: 1_000,
    thresholds: Thresholds {
        drops_permille_max: 500,
        host_cpu_permille_max: 900,
        host_available_permille_min: 50,
        pressure_cpu_permille_max: 800,
        pressure_memory_permille_max: 100,
        trip_after_ms: 3_000,
        backoff_ms: 5_000,
        backoff_ms_max: 20_000,
        probe_ms: 1_000,
    },
};

const CALM: Sample = Sample {
    cpu_permille: Some(100),
    rss_bytes: Some(900),
    egress_bytes_per_s: Some(1_000),
    storage_bytes: Some(1_000),
    drops_permille: Some(500),
    host_cpu_permille: Some(900),
    host_available_permille: Some(50),
    pressure_cpu_permille: Some(800),
    pressure_memory_permille: Some(100),
};

const BUSY: Sample = Sample {
    host_cpu_permille: Some(950),
    ..CALM
};

fn closed(over_since: Option<u64>) -> State {
    State::Closed {
        over_since,
        since: 0,
    }
}

fn open(until: u64) -> State {
    State::Open { until, held: false }
}

fn half(slice: u32, mirrors: bool, until: u64) -> State {
    State::HalfOpen {
        slice,
        mirrors,
        until,
    }
}

const HELD: bool = true;
const FREE: bool = false;

/// A row of the table in the module's documentation: state and last wait before, sample, held, time;
/// state and last wait after.
type Row = (State, u64, Sample, bool, u64, State, u64);

#[test]
fn every_row_of_the_transition_table_holds() {
    let now_closed = |since| State::Closed {
        over_since: None,
        since,
    };
    let held = |until| State::Open { until, held: true };
    let rows: Vec<Row> = vec![
        // Closed.
        (closed(None), 0, CALM, FREE, 100, closed(None), 0),
        (closed(Some(50)), 0, CALM, FREE, 100, closed(None), 0),
        (closed(None), 0, BUSY, FREE, 100, closed(Some(100)), 0),
        (
            closed(Some(100)),
            0,
            BUSY,
            FREE,
            3_099,
            closed(Some(100)),
            0,
        ),
        (closed(Some(100)), 0, BUSY, FREE, 3_100, open(8_100), 5_000),
        (
            closed(Some(100)),
            5_000,
            BUSY,
            FREE,
            3_100,
            open(13_100),
            10_000,
        ),
        (
            closed(Some(100)),
            20_000,
            BUSY,
            FREE,
            3_100,
            open(23_100),
            20_000,
        ),
        (closed(None), 5_000, CALM, FREE, 50_000, closed(None), 5_000),
        (closed(None), 5_000, CALM, FREE, 50_001, closed(None), 0),
        // Open.
        (open(5_000), 5_000, CALM, FREE, 4_999, open(5_000), 5_000),
        (open(5_000), 5_000, BUSY, FREE, 4_999, open(5_000), 5_000),
        (open(5_000), 5_000, BUSY, FREE, 5_000, open(10_000), 5_000),
        (
            open(5_000),
            5_000,
            CALM,
            FREE,
            5_000,
            half(0, true, 6_000),
            5_000,
        ),
        // HalfOpen.
        (
            half(0, true, 6_000),
            5_000,
            BUSY,
            FREE,
            5_500,
            open(15_500),
            10_000,
        ),
        (
            half(0, false, 6_000),
            5_000,
            BUSY,
            FREE,
            5_500,
            open(15_500),
            10_000,
        ),
        (
            half(2, true, 6_000),
            20_000,
            BUSY,
            FREE,
            5_500,
            open(25_500),
            20_000,
        ),
        (
            half(0, true, 6_000),
            5_000,
            CALM,
            FREE,
            5_999,
            half(0, true, 6_000),
            5_000,
        ),
        (
            half(0, true, 6_000),
            5_000,
            CALM,
            FREE,
            6_000,
            half(0, false, 7_000),
            5_000,
        ),
        (
            half(0, false, 7_000),
            5_000,
            CALM,
            FREE,
            6_999,
            half(0, false, 7_000),
            5_000,
        ),
        (
            half(0, false, 7_000),
            5_000,
            CALM,
            FREE,
            7_000,
            half(1, true, 9_000),
            5_000,
        ),
        (
            half(2, false, 7_000),
            5_000,
            CALM,
            FREE,
            7_000,
            half(3, true, 15_000),
            5_000,
        ),
        (
            half(3, true, 7_000),
            5_000,
            CALM,
            FREE,
            7_000,
            now_closed(7_000),
            5_000,
        ),
        // An operator.
        (closed(None), 0, CALM, HELD, 100, held(100), 0),
        (
            half(1, true, 6_000),
            5_000,
            CALM,
            HELD,
            5_500,
            held(5_500),
            5_000,
        ),
        (open(5_000), 5_000, CALM, HELD, 100, held(100), 5_000),
        (held(100), 0, CALM, HELD, 9_000, held(9_000), 0),
        (held(100), 0, CALM, FREE, 9_000, open(14_000), 5_000),
    ];
    for (at, (before, wait_ms, sample, held, now, after, wait_after)) in
        rows.into_iter().enumerate()
    {
        let breaker = Breaker {
            state: before,
            wait_ms,
            clock_ms: now,
            last_now_ms: now,
            ..Breaker::new(0)
        };
        let next = breaker.step(&LIMITS, &sample, held, now);
        assert_eq!(next.state, after, "row {at}: {before:?} at {now}");
        assert_eq!(next.wait_ms, wait_after, "row {at}: the wait");
        let opened = matches!(after, State::Open { .. });
        assert_eq!(
            next.mirrors(),
            !opened && !matches!(after, State::HalfOpen { mirrors: false, .. })
        );
    }
}

#[test]
fn each_bound_trips_beyond_it_and_not_at_it() {
    assert_eq!(LIMITS.over(&CALM), None);
    type Change = fn(&mut Sample);
    let beyond: [(Cause, Change); 9] = [
        (Cause::Cpu, |sample| sample.cpu_permille = Some(121)),
        (Cause::Memory, |sample| sample.rss_bytes = Some(951)),
        (Cause::Egress, |sample| {
            sample.egress_bytes_per_s = Some(1_251)
        }),
        (Cause::Storage, |sample| sample.storage_bytes = Some(1_001)),
        (Cause::Drops, |sample| sample.drops_permille = Some(501)),
        (Cause::HostCpu, |sample| {
            sample.host_cpu_permille = Some(901)
        }),
        (Cause::HostMemory, |sample| {
            sample.host_available_permille = Some(49)
        }),
        (Cause::PressureCpu, |sample| {
            sample.pressure_cpu_permille = Some(801)
        }),
        (Cause::PressureMemory, |sample| {
            sample.pressure_memory_permille = Some(101)
        }),
    ];
    for (cause, change) in beyond {
        let mut sample = CALM;
        change(&mut sample);
        let over = LIMITS.over(&sample).unwrap();
        assert_eq!(over.cause, cause);
        assert!(over.to_string().contains(&over.value.to_string()), "{over}");
    }
}

#[test]
fn what_cannot_be_measured_is_not_judged() {
    assert_eq!(LIMITS.over(&Sample::default()), None);
}

#[test]
fn a_thousand_permille_is_never() {
    let mut limits = LIMITS;
    limits.thresholds.host_cpu_permille_max = 1_000;
    limits.thresholds.host_available_permille_min = 0;
    let sample = Sample {
        host_cpu_permille: Some(1_000),
        host_available_permille: Some(0),
        ..CALM
    };
    assert_eq!(limits.over(&sample), None);
}

#[test]
fn a_clock_that_jumps_trips_nothing_and_is_lived_with() {
    let breaker = Breaker::new(1_000_000).step(&LIMITS, &BUSY, false, 1_000_000);
    // Back by all of it: no time has passed.
    let back = breaker.step(&LIMITS, &BUSY, false, 0);
    assert_eq!(back.state, breaker.state);
    // Forward by a night: as long as the longest step, which is more than is needed to trip here.
    let night = back.step(&LIMITS, &CALM, false, 30_000_000);
    assert_eq!(night.state.name(), "Closed");
    assert!(night.clock_ms <= STEP_MS_MAX);
}

/// Steps through samples half a second apart.
fn run(samples: &[bool]) -> Vec<Breaker> {
    let mut breaker = Breaker::new(0);
    let mut seen = Vec::new();
    for (at, busy) in samples.iter().enumerate() {
        let sample = if *busy { BUSY } else { CALM };
        breaker = breaker.step(&LIMITS, &sample, false, 500 * at as u64);
        seen.push(breaker);
    }
    seen
}

proptest! {
    #[test]
    fn never_mirrors_while_open(samples in prop::collection::vec(any::<bool>(), 0..400)) {
        for breaker in run(&samples) {
            let open = matches!(breaker.state, State::Open { .. });
            prop_assert!(!(open && breaker.mirrors()));
        }
    }

    #[test]
    fn always_recovers_when_load_ends(mut samples in prop::collection::vec(any::<bool>(), 0..400)) {
        // One wait, four slices, three rests, and a sample for each change.
        let thresholds = LIMITS.thresholds;
        let slices = thresholds.probe_ms * 15 + thresholds.probe_ms * 3;
        let calm = (thresholds.backoff_ms_max + slices) / 500 + 9;
        samples.extend(std::iter::repeat_n(false, usize::try_from(calm).unwrap()));
        let last = *run(&samples).last().unwrap();
        prop_assert_eq!(last.state.name(), "Closed");
    }

    #[test]
    fn opens_no_oftener_than_the_backoff(samples in prop::collection::vec(prop::bool::weighted(0.3), 0..2_000)) {
        let mut opened: Option<usize> = None;
        let mut trips = 0;
        for (at, breaker) in run(&samples).iter().enumerate() {
            if breaker.trips > trips {
                if let Some(before) = opened.replace(at) {
                    prop_assert!((at - before) as u64 * 500 >= LIMITS.thresholds.backoff_ms);
                }
                trips = breaker.trips;
            }
        }
    }
}
