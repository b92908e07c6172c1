//! Properties of the clock of deadlines.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::sync_channel;

use super::*;

fn calls() -> &'static Calls {
    Box::leak(Box::new(Calls::new()))
}

fn wait_for_rest(calls: &Calls) {
    while calls.resting.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn the_clock_rests_without_calls_and_ticks_while_one_is_under_way() {
    let calls = calls();
    let (moved, moves) = sync_channel(1_000);
    let ticker = Ticker::spawn(calls, move || moved.send(()).unwrap()).unwrap();
    for _ in 0..2 {
        wait_for_rest(calls);
        while moves.try_recv().is_ok() {}
        let call = calls.begin();
        // More than it ticks before it rests: only the call keeps it awake.
        for _ in 0..3 * REST_TICKS {
            moves.recv().unwrap();
        }
        assert_eq!(calls.resting.load(Ordering::SeqCst), 0);
        drop(call);
    }
    // It ends from its rest too.
    wait_for_rest(calls);
    drop(ticker);
}

#[test]
fn a_call_that_is_over_at_once_wakes_the_clock_all_the_same() {
    let calls = calls();
    let (moved, moves) = sync_channel(1_000);
    let _ticker = Ticker::spawn(calls, move || moved.send(()).unwrap()).unwrap();
    wait_for_rest(calls);
    while moves.try_recv().is_ok() {}
    drop(calls.begin());
    moves.recv().unwrap();
}
