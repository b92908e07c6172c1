//! Finding the row that faults.
//!
//! The rule is `outrigger_policy::verdict::judge`; this is the loop around it. Rows are taken in
//! order, so what a stage does for a row never comes before what it did for an earlier one.

use std::ops::Range;

use outrigger_policy::verdict::{Action, Fault, judge};

/// A stage of the pipeline, called for ranges of its rows.
pub(super) trait Rows {
    /// Calls the plugin for `rows` and takes its answer; in a fresh instance if told so.
    ///
    /// # Errors
    /// The fault, and whether the instance that faulted was fresh. Nothing was taken then.
    fn attempt(&mut self, rows: Range<usize>, fresh: bool) -> Result<(), (Fault, bool)>;

    /// Takes note that `row` faults by itself.
    fn dead(&mut self, row: usize, fault: Fault);
}

/// Runs a stage over `count` rows in calls of at most `most`.
pub(super) fn run(stage: &mut impl Rows, count: usize, most: usize) {
    let mut start = 0;
    while start < count {
        let end = count.min(start + most);
        halve(stage, start..end);
        start = end;
    }
}

fn halve(stage: &mut impl Rows, rows: Range<usize>) {
    // At most one waiting right half per halving: the stack is log2 of the batch deep.
    let mut waiting = vec![(rows, false)];
    while let Some((rows, fresh)) = waiting.pop() {
        let Err((fault, was_fresh)) = stage.attempt(rows.clone(), fresh) else {
            continue;
        };
        match judge(rows.len(), was_fresh) {
            Action::DeadLetter => stage.dead(rows.start, fault),
            Action::Retry => waiting.push((rows, true)),
            Action::Halve => {
                let middle = rows.start + rows.len() / 2;
                waiting.push((middle..rows.end, true));
                waiting.push((rows.start..middle, true));
            }
        }
    }
}

#[cfg(test)]
mod tests;
