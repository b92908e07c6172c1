//! MessagePack maps as bodies have them: string keys, shortest integers, float64, an absent key
//! for an absent value.
//!
//! Written for speed: no intermediate value, no allocation but the growth of the column.

/// Writes the pairs of a map.
pub(crate) struct Map<'a> {
    out: &'a mut Vec<u8>,
    pairs: u8,
}

// Inlined, so that the lengths of keys are constants: a body has some twenty.
impl Map<'_> {
    pub(crate) fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Map<'_>)) {
        out.reserve(BODY_BYTES_MAX);
        let start = out.len();
        out.push(0x80);
        let mut map = Map { out, pairs: 0 };
        fill(&mut map);
        let pairs = map.pairs;
        if pairs < 16 {
            out[start] = 0x80 | pairs;
        } else {
            out.splice(start..=start, [0xde, 0, pairs]);
        }
    }

    #[inline(always)]
    fn key(&mut self, key: &str) {
        self.pair(key, []);
    }

    /// A key of at most 31 bytes and a value, in one piece.
    #[inline(always)]
    fn pair<const N: usize>(&mut self, key: &str, value: [u8; N]) {
        let mut pair = [0; 1 + 31 + 9];
        pair[0] = 0xa0 | key.len() as u8;
        pair[1..=key.len()].copy_from_slice(key.as_bytes());
        pair[1 + key.len()..][..N].copy_from_slice(&value);
        self.out.extend_from_slice(&pair[..1 + key.len() + N]);
        self.pairs += 1;
    }

    #[inline(always)]
    pub(crate) fn text(&mut self, key: &str, value: Option<impl AsText>) {
        if let Some(value) = value {
            self.key(key);
            let mut room = [0; 4];
            text(self.out, value.as_text(&mut room));
        }
    }

    #[inline(always)]
    pub(crate) fn number(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value {
            let mut float = [0xcb; 9];
            float[1..].copy_from_slice(&value.to_be_bytes());
            self.pair(key, float);
        }
    }

    #[inline(always)]
    pub(crate) fn unsigned(&mut self, key: &str, value: impl Into<u64>) {
        self.key(key);
        unsigned(self.out, value.into());
    }

    #[inline(always)]
    pub(crate) fn optional(&mut self, key: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.unsigned(key, value);
        }
    }

    #[inline(always)]
    pub(crate) fn flag(&mut self, key: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.pair(key, [0xc2 | u8::from(value)]);
        }
    }
}

/// Texts and single characters alike.
pub(crate) trait AsText {
    fn as_text<'a>(&'a self, room: &'a mut [u8; 4]) -> &'a str;
}

impl AsText for &str {
    fn as_text<'a>(&'a self, _room: &'a mut [u8; 4]) -> &'a str {
        self
    }
}

impl AsText for char {
    fn as_text<'a>(&'a self, room: &'a mut [u8; 4]) -> &'a str {
        self.encode_utf8(room)
    }
}

/// Counts one more pair in the head of a map that another has written, at `start`: one byte up to
/// 15 pairs, then three.
pub(crate) fn add_pair(out: &mut Vec<u8>, start: usize) {
    match out[start] {
        0x8f => {
            out.splice(start..=start, [0xde, 0, 16]);
        }
        0xde => out[start + 2] += 1,
        _ => out[start] += 1,
    }
}

/// Room for any map here, in bytes; measured on the recordings, where the largest has 340.
const BODY_BYTES_MAX: usize = 512;

/// A string of at most 255 bytes; all keys and texts here are far shorter.
#[inline(always)]
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length => out.extend_from_slice(&[0xd9, length as u8]),
    }
    out.extend_from_slice(text.as_bytes());
}

fn unsigned(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(0xcd);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
