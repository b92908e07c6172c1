//! Which keys have changed since somebody last asked: what is written down, where not all is.

use super::{Kept, StateStore};

impl StateStore {
    /// From here on remembers which keys change.
    pub fn track(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// Takes what has changed since the last time: each key, and what is kept for it now.
    pub fn take_changes(&mut self) -> Vec<(Vec<u8>, Option<Kept>)> {
        let Some(changed) = self.changed.as_mut().map(std::mem::take) else {
            return Vec::new();
        };
        let now = |key: &Vec<u8>| {
            let &at = self.index.get(&key[..])?;
            let node = self.nodes[at as usize].as_ref()?;
            Some(node.kept.clone())
        };
        changed
            .into_iter()
            .map(|key| {
                let kept = now(&key);
                (key, kept)
            })
            .collect()
    }

    pub(super) fn note(&mut self, key: &[u8]) {
        if let Some(changed) = self.changed.as_mut()
            && !changed.contains(key)
        {
            changed.insert(key.to_vec());
        }
    }
}
