//! Classes that are shed after capture, because the pipeline lags.
//!
//! Which, and from which block on, is a ruling; so a re-run sheds the same. A message is shed when it
//! has been decoded, before anything else is done for it. Where all that a tap can bring is shed, its
//! frames are not even decoded: nothing of them is known then but the tap.

use std::collections::{BTreeMap, BTreeSet};

use outrigger_policy::topology::{ClassId, Role, TapId};

use super::Pipeline;

/// What is shed.
#[derive(Debug, Default)]
pub(super) struct Shed {
    /// Rulings of blocks not yet begun.
    ahead: BTreeMap<u64, BTreeSet<ClassId>>,
    now: BTreeSet<ClassId>,
}

impl Shed {
    /// Obeys the newest ruling up to this block.
    pub(super) fn begin(&mut self, block: u64) {
        let later = self.ahead.split_off(&(block + 1));
        let due = std::mem::replace(&mut self.ahead, later);
        if let Some((_, classes)) = due.into_iter().next_back() {
            self.now = classes;
        }
    }
}

impl Pipeline {
    /// Makes a ruling known: from `at_block` on these classes are shed, and no others. Names that the
    /// graph no longer has are passed over.
    pub fn rule_shed(&mut self, at_block: u64, classes: &[String]) {
        let classes = classes
            .iter()
            .filter_map(|name| self.topology.find_class(name));
        self.shed.ahead.insert(at_block, classes.collect());
    }

    /// Names of the classes that are shed now.
    pub fn sheds(&self) -> Vec<String> {
        let names = self.shed.now.iter();
        names
            .map(|&class| self.topology.class(class).name.clone())
            .collect()
    }

    /// Goes on shedding these, as a snapshot says.
    pub(super) fn unfold_shed(&mut self, classes: &[String]) {
        let classes = classes
            .iter()
            .filter_map(|name| self.topology.find_class(name));
        self.shed.now = classes.collect();
    }

    /// True if nothing that this tap can bring would be kept.
    pub(super) fn sheds_all_of(&self, tap: TapId) -> bool {
        if self.shed.now.is_empty() {
            return false;
        }
        let shed = |class: &ClassId| self.shed.now.contains(class);
        match self.topology.tap(tap).decoder {
            Some(decoder) => match &self.topology.plugin(decoder).role {
                Role::Decoder { writes, .. } => writes.iter().all(shed),
                Role::Validator { .. } | Role::Router { .. } => false,
            },
            None => {
                let classes = self.topology.class_ids();
                let mut carried =
                    classes.filter(|&class| self.topology.class(class).carriers.contains(&tap));
                carried.all(|class| shed(&class))
            }
        }
    }

    /// Takes the shed messages out of the batch, and counts them.
    pub(super) fn shed_messages(&mut self, tap: TapId) {
        if self.shed.now.is_empty() {
            return;
        }
        for message in &mut self.batch.messages {
            if message.live && self.shed.now.contains(&message.class) {
                message.live = false;
                self.counters.shed_messages[message.class.index()] += 1;
                let of_tap = (tap, message.class);
                *self.counters.shed_of_taps.entry(of_tap).or_default() += 1;
            }
        }
    }
}
