#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

/// Fuel of a call, of a bare row, and of a message of each of three classes.
const COSTS: [f64; 5] = [6_000.0, 900.0, 5_000.0, 12_000.0, 2_500.0];

/// Batches of this mix: rows of each kind in each.
fn observed(costs: &[f64], batches: &[[u32; 4]]) -> Fit {
    let mut fit = Fit::new(3);
    for rows in batches {
        let mut counts = [1, 0, 0, 0, 0];
        counts[1..].copy_from_slice(rows);
        let fuel: f64 = counts
            .iter()
            .zip(costs)
            .map(|(&n, cost)| f64::from(n) * cost)
            .sum();
        fit.observe(&counts, fuel as u64);
    }
    fit
}

fn batches() -> impl Strategy<Value = Vec<[u32; 4]>> {
    let rows = [0_u32..20, 1_u32..120, 0_u32..60, 0_u32..60];
    prop::collection::vec(rows, 60..200)
}

#[test]
fn costs_are_found_out_of_mixed_batches() {
    let mixed: Vec<[u32; 4]> = (0..100)
        .map(|at| [at % 7, 20 + at % 31, at % 13, (at * at) % 17])
        .collect();
    let found = observed(&COSTS, &mixed).costs(None);
    for (found, cost) in found.iter().zip(COSTS) {
        assert!((found / cost - 1.0).abs() < 0.05, "{found} of {cost}");
    }
}

#[test]
fn classes_that_always_come_together_keep_the_baselines_proportion() {
    let fit = observed(&COSTS, &[[0, 10, 10, 0]; 50]);
    let found = fit.costs(Some(&COSTS));
    assert!((found[2] / COSTS[2] - 1.0).abs() < 0.01, "{found:?}");
    assert!((found[3] / COSTS[3] - 1.0).abs() < 0.01, "{found:?}");
    assert_eq!(found[4], COSTS[4], "never seen");
}

#[test]
fn a_window_is_what_came_since() {
    let first = observed(&COSTS, &[[1, 2, 3, 4]; 10]);
    let mut both = first.clone();
    both.observe(&[1, 5, 6, 7, 8], 99);
    let mut alone = Fit::new(3);
    alone.observe(&[1, 5, 6, 7, 8], 99);
    assert_eq!(both.since(&first), alone);
}

#[test]
fn too_few_messages_say_nothing() {
    let dear: Vec<f64> = COSTS.iter().map(|cost| cost * 3.0).collect();
    assert!(drift(&COSTS, &observed(&dear, &[[0, 10, 10, 10]; 10]), 200).is_empty());
    assert!(!drift(&COSTS, &observed(&dear, &[[0, 10, 10, 10]; 20]), 200).is_empty());
    assert!(drift(&COSTS, &Fit::new(3), 200).is_empty());
    // A baseline of another plugin has other terms.
    let fit = observed(&dear, &[[0, 10, 10, 10]; 20]);
    assert!(drift(&COSTS[..4], &fit, 200).is_empty());
}

#[test]
fn more_classes_than_terms_are_counted_together() {
    let mut fit = Fit::new(300);
    assert_eq!(fit.counts().len(), TERMS_MAX);
    let mut counts = [0; TERMS_MAX];
    counts[term_of(299)] += 7;
    counts[term_of(250)] += 5;
    fit.observe(&counts, 100);
    assert_eq!(fit.counts()[TERMS_MAX - 1], 12.0);
}

proptest! {
    #[test]
    fn another_mix_alone_never_drifts(mix in batches()) {
        prop_assert_eq!(drift(&COSTS, &observed(&COSTS, &mix), 100), vec![]);
    }

    #[test]
    fn what_the_baseline_did_not_see_never_drifts(mix in batches(), term in 1_usize..5) {
        let mut before = COSTS;
        before[term] = 0.0;
        prop_assert_eq!(drift(&before, &observed(&COSTS, &mix), 100), vec![]);
    }

    #[test]
    fn a_plugin_dearer_by_three_tenths_is_told(mix in batches()) {
        let dear: Vec<f64> = COSTS.iter().map(|cost| cost * 1.3).collect();
        let drifts = drift(&COSTS, &observed(&dear, &mix), 200);
        let whole = drifts.iter().find(|drift| drift.term.is_none()).unwrap();
        prop_assert!((295..=305).contains(&whole.permille()), "{whole:?}");
    }

    #[test]
    fn a_class_dearer_by_a_half_is_named_and_no_other(mix in batches(), class in 0_usize..3) {
        let mut dear = COSTS;
        dear[term_of(class)] *= 1.5;
        let fit = observed(&dear, &mix);
        let enough = fit.counts()[term_of(class)] >= MESSAGES_MIN;
        let named: Vec<usize> = drift(&COSTS, &fit, 200).iter().filter_map(|drift| drift.term).collect();
        if enough {
            prop_assert_eq!(named, vec![term_of(class)]);
        }
    }

    #[test]
    fn any_counts_give_numbers(counts in prop::collection::vec(
        (prop::collection::vec(any::<u32>(), 5), any::<u32>()), 0..20,
    )) {
        let mut fit = Fit::new(3);
        for (counts, fuel) in counts {
            fit.observe(&counts, u64::from(fuel));
        }
        prop_assert!(fit.costs(None).iter().all(|cost| cost.is_finite()));
    }
}
