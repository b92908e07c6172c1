//! Runs cases of a target until one breaks a rule, or as many or as long as asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::case::{Case, to_text};
use crate::mutate::Mutator;
use crate::targets::Target;

/// Where a run ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many cases.
    Cases(u64),
    /// After so long.
    Elapsed(Duration),
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Cases.
    pub cases: u64,
    /// Frames in them.
    pub frames: u64,
    /// Time taken, without the corpus.
    pub took: Duration,
    /// Number of the case that broke a rule, and the case, reduced.
    pub found: Option<(u64, Case)>,
}

impl Ran {
    /// What was run, and how fast.
    pub fn summary(&self, target: &Target) -> String {
        let per_s = self.cases as f64 / self.took.as_secs_f64();
        format!(
            "{}: {} cases of {} frames in {:.1} s, {per_s:.0} cases a second",
            target.name,
            self.cases,
            self.frames,
            self.took.as_secs_f64()
        )
    }

    /// The finding, and how to make it again.
    pub fn finding(&self, target: &Target, seed: u64) -> Option<String> {
        let (number, case) = self.found.as_ref()?;
        Some(format!(
            "{name}: case {number} of seed {seed} breaks a rule; the panic above says which. Again:\n\
             cargo xtask fuzz {name} --again \"{}\"",
            to_text(case),
            name = target.name,
        ))
    }
}

/// Runs a target.
pub fn run(target: &Target, seed: u64, until: Until) -> Ran {
    let corpus = (target.corpus)();
    let begun = Instant::now();
    let (mut cases, mut frames) = (0, 0);
    let mut found = None;
    let goes_on = |cases| match until {
        Until::Cases(most) => cases < most,
        Until::Elapsed(longest) => begun.elapsed() < longest,
    };
    while found.is_none() && goes_on(cases) {
        let case = Mutator::new(seed, cases).case(&corpus, target.repair);
        frames += case.len() as u64;
        if breaks(target, &case) {
            found = Some((cases, reduced(target, case)));
        }
        cases += 1;
    }
    Ran {
        cases,
        frames,
        took: begun.elapsed(),
        found,
    }
}

/// True if a case breaks a rule; the panic's message goes to standard error.
pub fn breaks(target: &Target, case: &Case) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.check)(case))).is_err()
}

/// A case without the frames that the finding does not need.
fn reduced(target: &Target, mut case: Case) -> Case {
    let mut place = 0;
    while place < case.len() && case.len() > 1 {
        let mut fewer = case.clone();
        fewer.remove(place);
        if breaks(target, &fewer) {
            case = fewer;
        } else {
            place += 1;
        }
    }
    case
}
