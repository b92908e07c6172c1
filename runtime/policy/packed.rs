//! Packed values: the columnar form of a list of byte strings (`wit/types.wit`).

use crate::columns::{ColumnsError, check_ends};

/// Values packed end to end: value `i` is `bytes[ends[i-1]..ends[i]]`, with `ends[-1] = 0`.
///
/// Built by the host it always holds. Built from a guest's answer it holds after [`Packed::check`];
/// before, [`Packed::get`] answers `None` rather than panic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// One end per value, in bytes.
    pub ends: Vec<u32>,
    /// All values.
    pub bytes: Vec<u8>,
}

impl Packed {
    /// Appends one value.
    ///
    /// # Panics
    /// If all values together would pass `u32::MAX` bytes; callers bound a batch far below.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends
            .push(u32::try_from(self.bytes.len()).expect("a batch is bounded far below 4 GiB"));
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all values, keeps the memory.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
    }

    /// Value `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = match index.checked_sub(1) {
            None => 0,
            Some(before) => self.ends[before] as usize,
        };
        self.bytes.get(start..end)
    }

    /// Every value, in order. Only for values that hold.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map_while(|index| self.get(index))
    }

    /// Checks that the ends hold.
    ///
    /// # Errors
    /// Names the invariant that does not.
    pub fn check(&self) -> Result<(), ColumnsError> {
        check_ends(&self.ends, self.bytes.len())
    }
}

impl<'a> FromIterator<&'a [u8]> for Packed {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(values: I) -> Self {
        let mut packed = Self::default();
        for value in values {
            packed.push(value);
        }
        packed
    }
}
