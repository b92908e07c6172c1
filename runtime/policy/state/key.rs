//! A key as the index holds it: short ones in place, so that a look-up does not follow a pointer.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

/// Longest key that is held in place, bytes. Reason: identities of tracks are 6 to 20 bytes long, and
/// with it a key takes 24.
const SHORT_BYTES_MAX: usize = 22;

/// A key.
#[derive(Clone, Debug)]
pub(super) enum Key {
    /// Its length, and its bytes with zeros behind.
    Short(u8, [u8; SHORT_BYTES_MAX]),
    /// A longer one.
    Long(Box<[u8]>),
}

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT_BYTES_MAX];
        match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self::Short(bytes.len() as u8, short)
            }
            None => Self::Long(bytes.into()),
        }
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

// As its bytes are, so that it is found by them.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes: &[u8] = self.borrow();
        bytes.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let (a, b): (&[u8], &[u8]) = (self.borrow(), other.borrow());
        a == b
    }
}

impl Eq for Key {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_length_are_found_by_their_bytes() {
        assert_eq!(size_of::<Key>(), 24);
        let bytes: Vec<u8> = (1..=40).collect();
        let mut known = std::collections::HashMap::new();
        for length in 0..=40 {
            known.insert(Key::new(&bytes[..length]), length);
        }
        for length in 0..=40 {
            assert_eq!(known.get(&bytes[..length]), Some(&length));
        }
        assert_eq!(known.get(&[0u8; 5][..]), None);
    }
}
