use std::ops::Range;

use outrigger_policy::verdict::{Fault, FaultKind};

use super::{Rows, run};

/// A stage whose plugin faults on any call that holds one of `bad`.
#[derive(Default)]
struct Stage {
    bad: Vec<usize>,
    served: bool,
    taken: Vec<usize>,
    dead: Vec<usize>,
    calls: usize,
    flaky: bool,
}

impl Rows for Stage {
    fn attempt(&mut self, rows: Range<usize>, fresh: bool) -> Result<(), (Fault, bool)> {
        self.calls += 1;
        if fresh {
            self.served = false;
        }
        let was_fresh = !std::mem::replace(&mut self.served, true);
        let fault = |kind| Fault {
            kind,
            detail: String::new(),
        };
        if self.flaky && !was_fresh {
            self.served = false;
            return Err((fault(FaultKind::OutOfMemory), was_fresh));
        }
        if self.bad.iter().any(|row| rows.contains(row)) {
            self.served = false;
            return Err((fault(FaultKind::Trapped), was_fresh));
        }
        self.taken.extend(rows);
        Ok(())
    }

    fn dead(&mut self, row: usize, _: Fault) {
        self.dead.push(row);
    }
}

#[test]
fn only_rows_that_fault_alone_are_dead_and_order_is_kept() {
    for bad in [
        vec![],
        vec![0],
        vec![7],
        vec![99],
        vec![3, 4, 50],
        (0..100).collect(),
    ] {
        let mut stage = Stage {
            bad: bad.clone(),
            ..Stage::default()
        };
        run(&mut stage, 100, 64);
        assert_eq!(stage.dead, bad);
        let good: Vec<usize> = (0..100).filter(|row| !bad.contains(row)).collect();
        assert_eq!(stage.taken, good);
    }
}

#[test]
fn one_bad_row_costs_calls_in_the_logarithm_of_the_batch() {
    let mut stage = Stage {
        bad: vec![100],
        ..Stage::default()
    };
    run(&mut stage, 256, 256);
    assert!(stage.calls <= 2 * 8 + 1, "{} calls", stage.calls);
}

#[test]
fn a_used_instance_that_fails_gets_its_row_a_fresh_one() {
    let mut stage = Stage {
        flaky: true,
        served: true,
        ..Stage::default()
    };
    run(&mut stage, 1, 256);
    assert_eq!((stage.taken, stage.dead), (vec![0], vec![]));
}
