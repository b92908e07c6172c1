//! What plugins' messages cost, gathered batch by batch. It is read by the status and by what looks
//! for drift; no output depends on it.

use outrigger_policy::drift::{BARE, CALLS, TERMS_MAX, term_of};
use outrigger_policy::topology::ClassId;
use outrigger_sandbox::Usage;

use super::member::{Member, Serves};

impl Member {
    /// What the calls of a place have cost so far.
    pub(super) fn usage_of(&self, serves: Serves) -> Usage {
        let place = self.places.get(&serves);
        place.map(|place| place.seat.usage()).unwrap_or_default()
    }

    /// Adds what a batch has cost since `before`: `rows` in all, of which these were messages of the
    /// plugin's classes. A decoder's row that became none is bare.
    pub(super) fn observe(
        &mut self,
        serves: Serves,
        before: &Usage,
        rows: usize,
        classes: impl Iterator<Item = ClassId>,
    ) {
        let after = self.usage_of(serves);
        let mut counts = [0_u32; TERMS_MAX];
        let calls = after.calls.saturating_sub(before.calls);
        counts[CALLS] = u32::try_from(calls).unwrap_or(u32::MAX);
        let mut messages = 0;
        for class in classes {
            if let Some(index) = self.index_of[class.index()] {
                counts[term_of(usize::from(index))] += 1;
                messages += 1;
            }
        }
        counts[BARE] = u32::try_from(rows.saturating_sub(messages)).unwrap_or(u32::MAX);
        if calls > 0 {
            self.cost
                .observe(&counts, after.fuel.saturating_sub(before.fuel));
        }
    }
}
