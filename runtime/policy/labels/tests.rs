#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn chains(chains: &[&[&str]]) -> Vec<Vec<String>> {
    chains
        .iter()
        .map(|chain| chain.iter().map(|name| (*name).to_owned()).collect())
        .collect()
}

fn refused(given: &[&[&str]]) -> Vec<String> {
    Labels::new(&chains(given))
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn no_chain_gives_one_label() {
    let labels = Labels::new(&[]).unwrap();
    assert_eq!(labels, Labels::default());
    let only = labels.sole().unwrap();
    assert_eq!(labels.name(only), UNLABELLED);
    assert!(labels.dominates(only, only));
    assert_eq!(labels.join(only, only), only);
}

#[test]
fn a_chain_is_ordered_from_low_to_high() {
    let labels = Labels::new(&chains(&[
        &["open", "restricted"],
        &["restricted", "secret"],
    ]))
    .unwrap();
    let id = |name| labels.find(name).unwrap();
    assert_eq!(labels.len(), 3);
    assert_eq!(labels.sole(), None);
    assert!(labels.dominates(id("secret"), id("open")));
    assert!(!labels.dominates(id("open"), id("secret")));
    assert_eq!(labels.join(id("open"), id("restricted")), id("restricted"));
    assert_eq!(
        labels,
        Labels::new(&chains(&[&["open", "restricted", "secret"]])).unwrap()
    );
}

#[test]
fn labels_side_by_side_join_above() {
    let labels = Labels::new(&chains(&[&["open", "air", "all"], &["open", "sea", "all"]])).unwrap();
    let id = |name| labels.find(name).unwrap();
    assert!(!labels.dominates(id("air"), id("sea")));
    assert!(!labels.dominates(id("sea"), id("air")));
    assert_eq!(labels.join(id("air"), id("sea")), id("all"));
    assert_eq!(labels.join(id("open"), id("sea")), id("sea"));
}

#[test]
fn a_cycle_is_refused_by_name() {
    assert_eq!(
        refused(&[
            &["open", "low"],
            &["low", "mid"],
            &["mid", "high"],
            &["high", "low"]
        ]),
        ["a label cannot be above itself: low < mid < high < low"]
    );
    assert_eq!(
        refused(&[&["low", "low"]]),
        ["a label cannot be above itself: low < low"]
    );
}

#[test]
fn labels_without_a_join_are_refused_by_name() {
    assert_eq!(
        refused(&[&["open", "air"], &["open", "sea"]]),
        ["air and sea have no label above both, so nothing could hold what is made from both"]
    );
    assert_eq!(
        refused(&[
            &["air", "x", "top"],
            &["sea", "x"],
            &["air", "y", "top"],
            &["sea", "y"]
        ]),
        ["air and sea have no single least label above both: x and y are not ordered"]
    );
}

#[test]
fn the_number_of_labels_is_bounded() {
    let names = |count: usize| vec![(0..count).map(|at| format!("l{at}")).collect::<Vec<_>>()];
    assert_eq!(Labels::new(&names(LABELS_MAX)).unwrap().len(), LABELS_MAX);
    assert_eq!(
        Labels::new(&names(LABELS_MAX + 1)).unwrap_err(),
        [LabelsError::TooMany(LABELS_MAX + 1)]
    );
}

proptest! {
    /// Random pairs among few names: what is accepted is a join-semilattice.
    #[test]
    fn joins_are_least_upper_bounds(pairs in prop::collection::vec((0u8..7, 0u8..7), 0..14)) {
        let mut given: Vec<Vec<String>> = pairs
            .iter()
            .map(|(low, high)| vec![format!("l{low}"), format!("l{high}")])
            .collect();
        // A top makes it likely that joins exist.
        for low in 0..7 {
            given.push(vec![format!("l{low}"), "top".to_owned()]);
        }
        let Ok(labels) = Labels::new(&given) else { return Ok(()) };
        for chain in &given {
            prop_assert!(labels.dominates(
                labels.find(&chain[1]).unwrap(),
                labels.find(&chain[0]).unwrap()
            ));
        }
        for a in labels.ids() {
            prop_assert_eq!(labels.join(a, a), a);
            for b in labels.ids() {
                let join = labels.join(a, b);
                prop_assert_eq!(join, labels.join(b, a));
                prop_assert!(labels.dominates(join, a) && labels.dominates(join, b));
                prop_assert_eq!(labels.dominates(a, b), join == a);
                prop_assert!(a == b || !(labels.dominates(a, b) && labels.dominates(b, a)));
                for c in labels.ids() {
                    prop_assert_eq!(labels.join(join, c), labels.join(a, labels.join(b, c)));
                    if labels.dominates(c, a) && labels.dominates(c, b) {
                        prop_assert!(labels.dominates(c, join));
                    }
                }
            }
        }
    }
}
