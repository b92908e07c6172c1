//! What the pipeline has folded from the journal, out of it and back in.

use std::sync::Arc;

use outrigger_policy::state::{Kept, StateStore, TooLarge};
use outrigger_policy::topology::{ClassId, TapId};
use outrigger_policy::verdict::Health;

use super::{EXPIRY_STEP_NS, Pipeline};

/// State of one plugin under one label, as a snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePart<K = Kept> {
    /// Name of the plugin.
    pub plugin: String,
    /// Name of the label.
    pub label: String,
    /// Decoders: name of the tap.
    pub tap: Option<String>,
    /// Its keys, in the order of touching.
    pub kept: Vec<K>,
}

/// Everything that the pipeline has folded from the journal; its keys are in it, or `&Kept` lends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded<K = Kept> {
    /// Per tap: name, and latest capture time.
    pub taps: Vec<(String, u64)>,
    /// Names of the classes: what a key's class counts, as a key's domain counts `taps`.
    pub classes: Vec<String>,
    /// Per plugin: name and health.
    pub health: Vec<(String, Health)>,
    /// Per plugin and label: state.
    pub stores: Vec<StorePart<K>>,
    /// Names of the classes that are shed.
    pub shed: Vec<String>,
}

impl<K> Default for Folded<K> {
    fn default() -> Self {
        Self {
            taps: Vec::new(),
            classes: Vec::new(),
            health: Vec::new(),
            stores: Vec::new(),
            shed: Vec::new(),
        }
    }
}

/// What has become of one key's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Name of the plugin.
    pub plugin: String,
    /// Name of the label.
    pub label: String,
    /// Decoders: name of the tap.
    pub tap: Option<String>,
    /// The key.
    pub key: Vec<u8>,
    /// What is kept now; `None` if it is gone.
    pub kept: Option<Kept>,
}

impl Pipeline {
    /// From here on remembers which state changes.
    pub fn track_changes(&mut self) {
        for member in self.members.iter_mut().flatten() {
            member.tracked = true;
            for place in member.places.values_mut() {
                place.store.track();
            }
        }
    }

    /// Takes what has changed since the last time. With [`Pipeline::fold_apart`] it makes of what
    /// was folded then what is folded now.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for member in self.members.iter_mut().flatten() {
            let plugin = member.name().to_owned();
            for (&(label, tap), place) in &mut member.places {
                let taken = place.store.take_changes().into_iter();
                changes.extend(taken.map(|(key, kept)| Change {
                    plugin: plugin.clone(),
                    label: self.topology.labels().name(label).to_owned(),
                    tap: tap.map(|tap| self.topology.tap(tap).name.clone()),
                    key,
                    kept,
                }));
            }
        }
        changes
    }

    /// Latest capture time of a tap, nanoseconds since the Unix epoch; 0 before the first frame.
    pub fn time_ns(&self, tap: TapId) -> u64 {
        self.watermarks[tap.index()]
    }

    /// True if state would expire at a tick of this time.
    pub fn would_expire(&self, tap: TapId, time_ns: u64) -> bool {
        let mut places = self.members.iter().flatten().flat_map(|one| &one.places);
        let before = self.watermarks[tap.index()] / EXPIRY_STEP_NS;
        time_ns / EXPIRY_STEP_NS > before
            && places.any(|(_, place)| place.store.has_expired(tap.get(), time_ns))
    }

    /// True if a plugin keeps something for a key.
    pub fn keeps(&self, plugin: &str, label: &str, tap: Option<&str>, key: &[u8]) -> bool {
        let Some(label) = self.topology.labels().find(label) else {
            return false;
        };
        let tap = tap.and_then(|tap| self.topology.find_tap(tap));
        let mut members = self.members.iter().flatten();
        let member = members.find(|member| member.name() == plugin);
        let place = member.and_then(|member| member.places.get(&(label, tap)));
        place.is_some_and(|place| place.store.get(key).is_some())
    }

    /// Lifts a plugin's quarantine here, without a ruling. False if it is in none.
    pub fn lift_now(&mut self, plugin: &str) -> bool {
        let mut members = self.members.iter_mut().flatten();
        let member = members.find(|member| member.name() == plugin);
        let quarantined = member.filter(|member| member.health.quarantined);
        quarantined.map(|member| member.health.lift()).is_some()
    }

    /// What is folded apart from keys: times, classes, health.
    pub fn fold_apart(&self) -> Folded {
        let taps = self.topology.taps().iter().zip(&self.watermarks);
        let classes = self.topology.classes().iter();
        let members = self.members.iter().flatten();
        Folded {
            taps: taps.map(|(tap, &time)| (tap.name.clone(), time)).collect(),
            classes: classes.map(|class| class.name.clone()).collect(),
            health: members
                .map(|member| (member.name().to_owned(), member.health))
                .collect(),
            stores: Vec::new(),
            shed: self.sheds(),
        }
    }

    /// Everything folded so far. Only at the start of a span is it enough to go on from.
    pub fn fold(&self) -> Folded {
        let own = |part: StorePart<&Kept>| StorePart {
            plugin: part.plugin,
            label: part.label,
            tap: part.tap,
            kept: part.kept.into_iter().cloned().collect(),
        };
        Folded {
            stores: self.stores().map(own).collect(),
            ..self.fold_apart()
        }
    }

    /// The same, and its keys stay where they are.
    pub fn lend(&self) -> Folded<&Kept> {
        let apart = self.fold_apart();
        Folded {
            taps: apart.taps,
            classes: apart.classes,
            health: apart.health,
            stores: self.stores().collect(),
            shed: apart.shed,
        }
    }

    fn stores(&self) -> impl Iterator<Item = StorePart<&Kept>> {
        let labels = self.topology.labels();
        self.members.iter().flatten().flat_map(move |member| {
            let places = member.places.iter();
            places.map(move |(&(label, tap), place)| StorePart {
                plugin: member.name().to_owned(),
                label: labels.name(label).to_owned(),
                tap: tap.map(|tap| self.topology.tap(tap).name.clone()),
                kept: place.store.kept(),
            })
        })
    }

    /// Goes on from what was folded, in this graph or another. What belongs to taps, plugins, labels
    /// and classes that are gone is dropped.
    ///
    /// # Errors
    /// A state that is over its plugin's bound.
    pub fn unfold(&mut self, folded: Folded) -> Result<(), TooLarge> {
        for (name, time_ns) in &folded.taps {
            if let Some(tap) = self.topology.find_tap(name) {
                self.watermarks[tap.index()] = *time_ns;
            }
        }
        self.unfold_shed(&folded.shed);
        let topology = Arc::clone(&self.topology);
        let tap_now = |domain: u16| {
            let (name, _) = folded.taps.get(usize::from(domain))?;
            topology.find_tap(name).map(TapId::get)
        };
        let class_now = |class: u16| {
            let name = folded.classes.get(usize::from(class))?;
            topology.find_class(name).map(ClassId::get)
        };
        for member in self.members.iter_mut().flatten() {
            let name = member.name().to_owned();
            if let Some((_, health)) = folded.health.iter().find(|(plugin, _)| *plugin == name) {
                member.health = *health;
            }
        }
        for mut part in folded.stores {
            let label = self.topology.labels().find(&part.label);
            let tap = part.tap.as_deref().map(|tap| self.topology.find_tap(tap));
            let mut members = self.members.iter_mut().flatten();
            let member = members.find(|member| member.name() == part.plugin);
            let (Some(label), Some(member)) = (label, member) else {
                continue;
            };
            let serves = match tap {
                None => (label, None),
                Some(Some(tap)) => (label, Some(tap)),
                Some(None) => continue,
            };
            member.ensure_place(serves);
            part.kept.retain_mut(|kept| {
                // A decoder's keys are of no class.
                let class = match serves.1 {
                    Some(_) => Some(kept.class),
                    None => class_now(kept.class),
                };
                match (tap_now(kept.domain), class) {
                    (Some(domain), Some(class)) => {
                        (kept.domain, kept.class) = (domain, class);
                        true
                    }
                    (None, _) | (_, None) => false,
                }
            });
            let store = StateStore::restore(member.installed.bounds, part.kept)?;
            if let Some(place) = member.places.get_mut(&serves) {
                place.store = store;
            }
        }
        Ok(())
    }
}
