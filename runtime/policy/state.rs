//! Per-key state of one plugin under one label.
//!
//! Owns opaque bytes per key, bounded in size, number and age. What always holds: no value is
//! larger than `value_bytes_max`; there are never more than `keys_max` keys; a batch's changes
//! are taken all together; what is evicted, and when, is a function of the calls made, never of
//! a clock or of hashing order.
//!
//! Age runs by capture time, and per domain. A domain is a tap: recordings of different years may
//! run side by side, and a key ages by the tap that saw it last. (Event time comes from the bus
//! and can be forged.)

mod changes;
mod key;
mod memory;

use std::collections::{BTreeSet, HashMap};

use key::Key;
pub use memory::ENTRY_BYTES;

/// Bounds of one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateBounds {
    /// Largest value, in bytes. A batch with a larger one is refused whole.
    pub value_bytes_max: usize,
    /// Most keys. When reached, the key not seen for longest is evicted.
    pub keys_max: usize,
    /// Longest time since a key was seen, nanoseconds of capture time. Older keys are evicted.
    pub age_ns_max: u64,
}

/// A key seen in a batch.
#[derive(Clone, Copy, Debug)]
pub struct Touch<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Class of the message, kept for the plugin's `expire`.
    pub class: u16,
    /// Capture time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
}

/// One key as it is kept, evicted, or written to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The key.
    pub key: Vec<u8>,
    /// Opaque bytes of the plugin, never empty.
    pub value: Vec<u8>,
    /// Class of the last message.
    pub class: u16,
    /// Tap that saw it last.
    pub domain: u16,
    /// Latest capture time at which it was seen.
    pub seen_ns: u64,
    /// Orders keys by when they were touched, over all domains.
    pub touched: u64,
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Node {
    kept: Kept,
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    oldest: u32,
    newest: u32,
}

const EMPTY: List = List {
    oldest: NONE,
    newest: NONE,
};

/// The state of one plugin under one label.
#[derive(Debug)]
pub struct StateStore {
    bounds: StateBounds,
    index: HashMap<Key, u32>,
    nodes: Vec<Option<Node>>,
    free: Vec<u32>,
    /// Per domain, its keys from the one touched longest ago to the latest.
    lists: Vec<List>,
    touches: u64,
    bytes: u64,
    /// Keys touched, changed or gone since they were last taken; `None` where nobody asks. Bounded
    /// by the keys and the changes between two takings.
    changed: Option<BTreeSet<Vec<u8>>>,
}

/// A value is over the bound; nothing of its batch was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Size of the value, in bytes.
    pub bytes: usize,
    /// The bound, in bytes.
    pub bytes_max: usize,
}

impl std::fmt::Display for TooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bytes, bytes_max } = self;
        write!(
            f,
            "state of {bytes} bytes for a key, at most {bytes_max} are allowed"
        )
    }
}

impl std::error::Error for TooLarge {}

impl StateStore {
    /// An empty store.
    pub fn new(bounds: StateBounds) -> Self {
        Self {
            bounds,
            index: HashMap::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            lists: Vec::new(),
            touches: 0,
            bytes: 0,
            changed: None,
        }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of all keys and values, without the overhead of the maps.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is kept for `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let &at = self.index.get(key)?;
        self.nodes[at as usize]
            .as_ref()
            .map(|node| &node.kept.value[..])
    }

    /// Takes a batch: every message's key as `touches`, in order, then `changes` (key and new
    /// value; empty removes). Returns the keys evicted because there were more than `keys_max`,
    /// longest unseen first.
    ///
    /// A key that was touched, has nothing kept and does not change stays absent.
    ///
    /// # Errors
    /// A value over the bound; nothing is taken then.
    pub fn apply<'a>(
        &mut self,
        domain: u16,
        touches: impl Iterator<Item = Touch<'a>>,
        changes: &[(&[u8], &[u8])],
    ) -> Result<Vec<Kept>, TooLarge> {
        let bytes_max = self.bounds.value_bytes_max;
        if let Some((_, value)) = changes.iter().find(|(_, value)| value.len() > bytes_max) {
            return Err(TooLarge {
                bytes: value.len(),
                bytes_max,
            });
        }
        // Where each changed key is; with many keys every look-up costs misses, so one each.
        let places: Vec<Option<u32>> = changes
            .iter()
            .map(|(key, _)| self.index.get(*key).copied())
            .collect();
        // A new key joins the order where its message stands, not where its change does: the
        // order must not depend on how frames were cut into batches.
        let fresh: HashMap<&[u8], &[u8]> = changes
            .iter()
            .zip(&places)
            .filter(|((_, value), place)| !value.is_empty() && place.is_none())
            .map(|(change, _)| *change)
            .collect();
        for touch in touches {
            if let Some(&at) = self.index.get(touch.key) {
                self.touch(at, domain, touch);
            } else if let Some(value) = fresh.get(touch.key) {
                self.insert(domain, touch, value);
            }
        }
        for ((_, value), place) in changes.iter().zip(places) {
            match place {
                Some(at) if value.is_empty() => drop(self.take(at)),
                Some(at) => self.replace(at, value),
                // Not kept before: inserted above, or never touched.
                None => {}
            }
        }
        let mut evicted = Vec::new();
        while self.index.len() > self.bounds.keys_max {
            match self.longest_untouched() {
                Some(at) => evicted.extend(self.take(at)),
                None => break,
            }
        }
        Ok(evicted)
    }

    /// Removes and returns keys of `domain` that were last seen `age_ns_max` or longer before
    /// `now_ns`, longest unseen first, at most `count_max`.
    pub fn expire(&mut self, domain: u16, now_ns: u64, count_max: usize) -> Vec<Kept> {
        let mut expired = Vec::new();
        while expired.len() < count_max && self.has_expired(domain, now_ns) {
            let at = self.lists[usize::from(domain)].oldest;
            expired.extend(self.take(at));
        }
        expired
    }

    /// True if [`StateStore::expire`] would return a key.
    pub fn has_expired(&self, domain: u16, now_ns: u64) -> bool {
        let oldest = self
            .lists
            .get(usize::from(domain))
            .and_then(|list| self.nodes.get(list.oldest as usize))
            .and_then(Option::as_ref);
        oldest
            .is_some_and(|node| node.kept.seen_ns.saturating_add(self.bounds.age_ns_max) <= now_ns)
    }

    /// Every key in the order of touching, for a snapshot.
    pub fn kept(&self) -> Vec<&Kept> {
        let mut all = Vec::with_capacity(self.len());
        for list in &self.lists {
            let mut at = list.oldest;
            while let Some(Some(node)) = self.nodes.get(at as usize) {
                all.push(&node.kept);
                at = node.after;
            }
        }
        // Keys of a domain stand in order, which a stable sort makes use of.
        all.sort_by_key(|kept| kept.touched);
        all
    }

    /// Rebuilds a store from a snapshot's keys, which must be in the order of touching.
    ///
    /// # Errors
    /// A value over the bound (the bound shrank since); the snapshot cannot be used then.
    pub fn restore(bounds: StateBounds, kept: Vec<Kept>) -> Result<Self, TooLarge> {
        let mut store = Self::new(bounds);
        for one in kept {
            if one.value.len() > bounds.value_bytes_max {
                return Err(TooLarge {
                    bytes: one.value.len(),
                    bytes_max: bounds.value_bytes_max,
                });
            }
            store.touches = store.touches.max(one.touched + 1);
            store.add(one);
        }
        Ok(store)
    }

    fn touch(&mut self, at: u32, domain: u16, touch: Touch<'_>) {
        self.note(touch.key);
        self.unlink(at);
        if let Some(node) = self.nodes[at as usize].as_mut() {
            let kept = &mut node.kept;
            // Capture time may step back; within a domain a key is as young as its latest sight.
            kept.seen_ns = if kept.domain == domain {
                kept.seen_ns.max(touch.time_ns)
            } else {
                touch.time_ns
            };
            kept.domain = domain;
            kept.class = touch.class;
            kept.touched = self.touches;
        }
        self.touches += 1;
        self.link(at);
    }

    fn insert(&mut self, domain: u16, touch: Touch<'_>, value: &[u8]) {
        let kept = Kept {
            key: touch.key.to_vec(),
            value: value.to_vec(),
            class: touch.class,
            domain,
            seen_ns: touch.time_ns,
            touched: self.touches,
        };
        self.touches += 1;
        self.add(kept);
    }

    fn add(&mut self, kept: Kept) {
        self.note(&kept.key);
        self.bytes += (kept.key.len() + kept.value.len()) as u64;
        let key = Key::new(&kept.key);
        let node = Node {
            kept,
            before: NONE,
            after: NONE,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = Some(node);
                at
            }
            None => {
                self.nodes.push(Some(node));
                u32::try_from(self.nodes.len() - 1).expect("keys_max is far below 2^32")
            }
        };
        self.index.insert(key, at);
        self.link(at);
    }

    fn replace(&mut self, at: u32, value: &[u8]) {
        if let Some(node) = self.nodes[at as usize].as_mut() {
            self.bytes = self.bytes - node.kept.value.len() as u64 + value.len() as u64;
            if node.kept.value.capacity() < value.len() {
                // Growing in steps would leave up to twice the bound reserved.
                node.kept.value = value.to_vec();
            } else {
                node.kept.value.clear();
                node.kept.value.extend_from_slice(value);
            }
        }
    }

    fn take(&mut self, at: u32) -> Option<Kept> {
        self.unlink(at);
        let node = self.nodes.get_mut(at as usize)?.take()?;
        self.index.remove(&node.kept.key[..]);
        self.note(&node.kept.key);
        self.bytes -= (node.kept.key.len() + node.kept.value.len()) as u64;
        self.free.push(at);
        Some(node.kept)
    }

    fn longest_untouched(&self) -> Option<u32> {
        self.lists
            .iter()
            .filter(|list| list.oldest != NONE)
            .min_by_key(|list| {
                self.nodes[list.oldest as usize]
                    .as_ref()
                    .map_or(u64::MAX, |node| node.kept.touched)
            })
            .map(|list| list.oldest)
    }

    /// Appends a node to its domain's list, as the latest.
    fn link(&mut self, at: u32) {
        let Some(node) = self.nodes[at as usize].as_mut() else {
            return;
        };
        let domain = usize::from(node.kept.domain);
        if self.lists.len() <= domain {
            self.lists.resize(domain + 1, EMPTY);
        }
        let list = &mut self.lists[domain];
        node.before = list.newest;
        node.after = NONE;
        let before = list.newest;
        list.newest = at;
        if before == NONE {
            list.oldest = at;
        } else if let Some(node) = self.nodes[before as usize].as_mut() {
            node.after = at;
        }
    }

    fn unlink(&mut self, at: u32) {
        let Some(node) = self.nodes.get(at as usize).and_then(Option::as_ref) else {
            return;
        };
        let (before, after, domain) = (node.before, node.after, usize::from(node.kept.domain));
        match self.nodes.get_mut(before as usize).and_then(Option::as_mut) {
            Some(node) => node.after = after,
            None => self.lists[domain].oldest = after,
        }
        match self.nodes.get_mut(after as usize).and_then(Option::as_mut) {
            Some(node) => node.before = before,
            None => self.lists[domain].newest = before,
        }
    }
}

#[cfg(test)]
mod tests;
