//! What a store can come to in memory, from its own bounds.

use super::{Kept, StateBounds};
use crate::claims::KEY_BYTES_MAX;

/// Beside key and value, per key: a node, its place in the index, free places, and what the allocator
/// adds to three allocations. Bytes. Source: resident memory of stores of 1,000 to 460,000 keys, filled
/// thrice over with values of changing size, was at most 262 above the bytes of keys and values
/// (glibc 2.36, x86-64); `tests/memory.rs` holds stores against it.
pub const ENTRY_BYTES: u64 = 288;

/// What the allocator adds to the key and the value of a copied entry, bytes.
const COPY_BYTES: u64 = 2 * 24;

impl StateBounds {
    /// Largest memory of a store, bytes. A long key is held twice, in its node and in the index.
    pub fn memory_bytes(&self) -> u64 {
        let entry = self.value_bytes_max as u64 + 2 * KEY_BYTES_MAX as u64 + ENTRY_BYTES;
        (self.keys_max as u64).saturating_mul(entry)
    }

    /// Largest memory of a copy of all that a store keeps, with a reference to each, bytes.
    pub fn copy_bytes(&self) -> u64 {
        let kept = (size_of::<Kept>() + size_of::<&Kept>()) as u64;
        let entry = self.value_bytes_max as u64 + KEY_BYTES_MAX as u64 + kept + COPY_BYTES;
        (self.keys_max as u64).saturating_mul(entry)
    }
}
