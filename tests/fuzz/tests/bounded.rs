//! A bounded run of each target, the same cases every time: what `cargo xtask test` runs.
#![allow(missing_docs, clippy::unwrap_used)]

use outrigger_fuzz::case::{from_text, to_text};
use outrigger_fuzz::run::{Until, run};
use outrigger_fuzz::targets::{TARGETS, named};

/// Cases of a target: some seconds each.
const CASES: u64 = 5_000;
/// Any; the long run has others.
const SEED: u64 = 1;

fn bounded(name: &str) {
    let target = named(name).unwrap();
    let ran = run(&target, SEED, Until::Cases(CASES));
    println!("{}", ran.summary(&target));
    if let Some(finding) = ran.finding(&target, SEED) {
        panic!("{finding}");
    }
}

macro_rules! bounded {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            bounded($name);
        })*

        #[test]
        fn every_target_has_a_bounded_run() {
            assert_eq!(TARGETS.map(|target| target.name), [$($name),*]);
        }
    };
}

bounded! {
    ais_holds: "ais",
    adsb_holds: "adsb",
    asterix_holds: "asterix",
    dis_holds: "dis",
    gmti_holds: "gmti",
    track_plausibility_holds: "track-plausibility",
}

#[test]
fn a_case_is_read_as_it_was_written() {
    let case = vec![(7, vec![0, 0xff]), (8, vec![])];
    assert_eq!(to_text(&case), "7:00ff 8:");
    assert_eq!(from_text(&to_text(&case)), Some(case));
    assert_eq!(from_text("7:0"), None);
}
