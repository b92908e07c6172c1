//! Slots: each key of a batch once, with its state.

use std::collections::HashMap;

use outrigger_policy::Packed;
use outrigger_policy::claims::Changes;
use outrigger_policy::state::StateStore;

/// The keys of a batch, their slots and states.
#[derive(Default)]
pub(super) struct Slots<'k> {
    /// Slot per key given, in the order given.
    pub(super) slots: Vec<u32>,
    /// Key per slot, in the order of first use.
    pub(super) keys: Vec<&'k [u8]>,
    /// State per slot.
    pub(super) states: Packed,
}

impl<'k> Slots<'k> {
    pub(super) fn new(keys: impl Iterator<Item = &'k [u8]>, store: &StateStore) -> Self {
        let mut slots = Self::default();
        // Only looked up, never walked: the order of a hash map must not show.
        let mut known: HashMap<&[u8], u32> = HashMap::new();
        for key in keys {
            let next = u32::try_from(slots.keys.len()).expect("a batch has few keys");
            let slot = *known.entry(key).or_insert(next);
            if slot == next {
                slots.keys.push(key);
                slots.states.push(store.get(key).unwrap_or_default());
            }
            slots.slots.push(slot);
        }
        slots
    }

    /// Key and new state of every changed slot.
    pub(super) fn changes<'c>(&self, changes: &'c Changes) -> Vec<(&'k [u8], &'c [u8])> {
        changes
            .changed
            .iter()
            .zip(changes.states.iter())
            .map(|(&slot, state)| (self.keys[slot as usize], state))
            .collect()
    }
}
