//! MessagePack maps as bodies have them: string keys, shortest integers, float64, an absent key
//! for an absent value.

/// Room for any map here, in bytes.
const BODY_BYTES_MAX: usize = 512;

/// Writes the pairs of a map.
pub(crate) struct Map<'a> {
    out: &'a mut Vec<u8>,
    pairs: u8,
}

// Inlined, so that the lengths of keys are constants.
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
        self.pairs += 1;
        text(self.out, key);
    }

    #[inline(always)]
    pub(crate) fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(key);
            text(self.out, value);
        }
    }

    /// Left out when absent or not finite.
    #[inline(always)]
    pub(crate) fn number(&mut self, key: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.key(key);
            self.out.push(0xcb);
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    }

    #[inline(always)]
    pub(crate) fn unsigned(&mut self, key: &str, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.key(key);
            unsigned(self.out, value.into());
        }
    }

    #[inline(always)]
    pub(crate) fn flag(&mut self, key: &str, value: Option<bool>) {
        if let Some(value) = value {
            self.key(key);
            self.out.push(0xc2 | u8::from(value));
        }
    }
}

/// Counts one more pair in the head of a map that another has written, at `start`.
pub(crate) fn add_pair(out: &mut Vec<u8>, start: usize) {
    match out[start] {
        0x8f => {
            out.splice(start..=start, [0xde, 0, 16]);
        }
        0xde => out[start + 2] += 1,
        _ => out[start] += 1,
    }
}

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
