//! State: what a plugin remembers of a key between batches. The host keeps it as opaque bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::packed::{self, Packed};

/// What a plugin remembers of one key. Every type that derives serde's `Serialize` and
/// `Deserialize` is one; `()` is for plugins that remember nothing.
///
/// Kept as a MessagePack array by position. So a newer version of the plugin may *append* a field
/// marked `#[serde(default)]` and still read what the older one left; it may not reorder or remove
/// any. Use `BTreeMap`, so that equal states are equal bytes.
pub trait State: Sized {
    /// Reads a state.
    ///
    /// # Errors
    /// Says why the bytes are not such a state.
    fn decode(bytes: &[u8]) -> Result<Self, String>;

    /// Reads a state to its place, for one so large that each move of it is felt.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    fn decode_to(bytes: &[u8], place: &mut Option<Self>) -> Result<(), String> {
        *place = Some(Self::decode(bytes)?);
        Ok(())
    }

    /// Appends the state's bytes, at least one.
    fn encode(&self, out: &mut Vec<u8>);
}

impl<T: Serialize + DeserializeOwned> State for T {
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        rmp_serde::from_slice(bytes).map_err(|error| error.to_string())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        rmp_serde::encode::write(out, self)
            .unwrap_or_else(|error| panic!("this state cannot be encoded: {error}"));
    }
}

/// Reads one state that this plugin wrote; empty is none.
///
/// # Panics
/// If it did not: an older version wrote what this one cannot read.
pub(crate) fn read<S: State>(bytes: &[u8]) -> Option<S> {
    let mut state = None;
    read_to(bytes, &mut state);
    state
}

/// The same, to a place where none is.
fn read_to<S: State>(bytes: &[u8], place: &mut Option<S>) {
    if !bytes.is_empty()
        && let Err(error) = S::decode_to(bytes, place)
    {
        panic!("a kept state cannot be read by this version: {error}");
    }
}

/// The states of one batch, decoded when first used.
pub(crate) struct Slots<S> {
    stored: Packed,
    used: Vec<Option<Option<S>>>,
}

impl<S: State> Slots<S> {
    pub(crate) fn new(stored: Packed) -> Self {
        let mut used = Vec::new();
        used.resize_with(packed::len(&stored), || None);
        Self { stored, used }
    }

    /// The state of a slot: `None` when nothing is kept. Setting `None` removes it.
    pub(crate) fn get(&mut self, slot: u32) -> &mut Option<S> {
        let slot = slot as usize;
        let used = &mut self.used[slot];
        if let Some(state) = used {
            return state;
        }
        let state = used.insert(None);
        read_to(packed::get(&self.stored, slot), state);
        state
    }

    /// Slots whose bytes changed, and their new bytes; empty for a removed state.
    pub(crate) fn finish(self) -> (Vec<u32>, Packed) {
        let mut changed = Vec::new();
        let mut states = packed::empty(0);
        for (index, used) in self.used.iter().enumerate() {
            let Some(state) = used else { continue };
            let start = states.bytes.len();
            if let Some(state) = state {
                state.encode(&mut states.bytes);
            }
            if &states.bytes[start..] == packed::get(&self.stored, index) {
                states.bytes.truncate(start);
            } else {
                changed.push(u32::try_from(index).expect("slots are counted in 32 bits"));
                packed::close(&mut states);
            }
        }
        (changed, states)
    }
}

#[cfg(test)]
mod tests;
