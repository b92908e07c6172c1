//! The part of MessagePack that bodies use, written for speed: a reader over a slice, and writers
//! of the canonical form (shortest integers, float64, UTF-8 strings).
//!
//! Formats are those of <https://github.com/msgpack/msgpack/blob/master/spec.md>.

/// Depth of nested maps and arrays that is read. The host refuses deeper bodies.
const DEPTH_MAX: u32 = 32;

/// What is wrong with some bytes.
pub(crate) type Fault = &'static str;

/// A value of one byte or more, without its content for strings, maps and arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Head {
    Nil,
    Bool(bool),
    /// Not negative.
    Unsigned(u64),
    /// Negative.
    Signed(i64),
    Float(f64),
    /// Bytes that follow.
    Str(usize),
    /// Bytes that follow.
    Bin(usize),
    /// Values that follow.
    Array(usize),
    /// Pairs that follow.
    Map(usize),
    /// Bytes that follow, the type included.
    Ext(usize),
}

/// Reads values from a slice, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (first, rest) = self.rest.split_first_chunk::<N>().ok_or("cut short")?;
        self.rest = rest;
        Ok(*first)
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (first, rest) = self.rest.split_at_checked(len).ok_or("cut short")?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn head(&mut self) -> Result<Head, Fault> {
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Head::Unsigned(u64::from(marker)),
            0x80..=0x8f => Head::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Head::Array(usize::from(marker & 0x0f)),
            0xa0..=0xbf => Head::Str(usize::from(marker & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err("byte 0xc1 begins no value"),
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xc4 => Head::Bin(self.len8()?),
            0xc5 => Head::Bin(self.len16()?),
            0xc6 => Head::Bin(self.len32()?),
            0xc7 => Head::Ext(self.len8()? + 1),
            0xc8 => Head::Ext(self.len16()? + 1),
            0xc9 => Head::Ext(self.len32()?.checked_add(1).ok_or("cut short")?),
            0xca => Head::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Head::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Head::Unsigned(u64::from(u8::from_be_bytes(self.array()?))),
            0xcd => Head::Unsigned(u64::from(u16::from_be_bytes(self.array()?))),
            0xce => Head::Unsigned(u64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Head::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => signed(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => signed(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => signed(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => signed(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => Head::Ext((1 << (marker - 0xd4)) + 1),
            0xd9 => Head::Str(self.len8()?),
            0xda => Head::Str(self.len16()?),
            0xdb => Head::Str(self.len32()?),
            0xdc => Head::Array(self.len16()?),
            0xdd => Head::Array(self.len32()?),
            0xde => Head::Map(self.len16()?),
            0xdf => Head::Map(self.len32()?),
            0xe0..=0xff => Head::Signed(i64::from(i8::from_be_bytes([marker]))),
        })
    }

    fn len8(&mut self) -> Result<usize, Fault> {
        Ok(usize::from(u8::from_be_bytes(self.array()?)))
    }

    fn len16(&mut self) -> Result<usize, Fault> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn len32(&mut self) -> Result<usize, Fault> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| "longer than memory")
    }

    /// The number of pairs of a map.
    pub(crate) fn map(&mut self) -> Result<usize, Fault> {
        match self.head()? {
            Head::Map(pairs) => Ok(pairs),
            _ => Err("not a map"),
        }
    }

    /// The bytes of a string.
    #[inline]
    pub(crate) fn str_bytes(&mut self) -> Result<&'a [u8], Fault> {
        if let [marker @ 0xa0..=0xbf, rest @ ..] = self.rest
            && let Some((text, rest)) = rest.split_at_checked(usize::from(marker & 0x1f))
        {
            self.rest = rest;
            return Ok(text);
        }
        match self.head()? {
            Head::Str(len) => self.take(len),
            _ => Err("not a string"),
        }
    }

    /// A string.
    pub(crate) fn str(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.str_bytes()?).map_err(|_| "not UTF-8")
    }

    /// A short string without its head, in registers: up to 15 bytes, zeros, and in the last byte
    /// the length. So two short strings are equal just if their words are. `None`, and nothing
    /// read, for anything else.
    #[inline]
    pub(crate) fn short_str(&mut self) -> Option<[u64; 2]> {
        let len = match self.rest.first() {
            Some(marker @ 0xa0..=0xaf) => usize::from(marker & 0x0f),
            _ => return None,
        };
        let [low, high, ..] = self.words(1, len)?;
        self.rest = &self.rest[1 + len..];
        Some([low, high | (len as u64) << 56])
    }

    /// A string of at most 31 bytes that comes next, without its head: words with zeros after it,
    /// and its length. Nothing is passed.
    #[inline]
    pub(crate) fn fix_str(&self) -> Option<([u64; 4], u8)> {
        let len = match self.rest.first() {
            Some(marker @ 0xa0..=0xbf) => marker & 0x1f,
            _ => return None,
        };
        Some((self.words(1, usize::from(len))?, len))
    }

    /// `len` bytes at `start`, at most 31, as little-endian words with zeros after them. `None` past
    /// the end.
    ///
    /// Reads whole words where the input has them: on WebAssembly a copy of a length that is not
    /// known to the compiler costs a call.
    #[inline]
    fn words(&self, start: usize, len: usize) -> Option<[u64; 4]> {
        let mut words = [0; 4];
        if let Some(bytes) = self.rest.get(start..start + 32) {
            let masks = &FIRST_BYTES[len];
            for (index, word) in words.iter_mut().enumerate() {
                let chunk = bytes[8 * index..].first_chunk()?;
                *word = u64::from_le_bytes(*chunk) & masks[index];
            }
        } else {
            for (index, &byte) in self.rest.get(start..start + len)?.iter().enumerate() {
                words[index / 8] |= u64::from(byte) << (8 * (index % 8));
            }
        }
        Some(words)
    }

    /// Passes a key if it comes next. False, and nothing passed, if another one does, or if fewer
    /// than 16 bytes are left, as keys are compared in two words.
    #[inline(always)]
    pub(crate) fn pass_expected(&mut self, key: &Expected) -> bool {
        let Some(bytes) = self.rest.first_chunk::<16>() else {
            return false;
        };
        let both = u128::from_le_bytes(*bytes);
        let same = both as u64 & key.masks[0] == key.words[0]
            && (both >> 64) as u64 & key.masks[1] == key.words[1];
        if same {
            self.rest = &self.rest[key.len..];
        }
        same
    }

    /// Drops `len` bytes that were looked at.
    #[inline]
    pub(crate) fn pass(&mut self, len: usize) {
        self.rest = &self.rest[len..];
    }

    /// A number as a float.
    #[inline(always)]
    pub(crate) fn number(&mut self) -> Result<f64, Fault> {
        if let [0xcb, rest @ ..] = self.rest
            && let Some((bytes, rest)) = rest.split_first_chunk()
        {
            self.rest = rest;
            return Ok(f64::from_be_bytes(*bytes));
        }
        self.other_number()
    }

    /// A number that is not in the canonical form of a float.
    #[cold]
    fn other_number(&mut self) -> Result<f64, Fault> {
        match self.head()? {
            Head::Float(value) => Ok(value),
            Head::Unsigned(value) => Ok(value as f64),
            Head::Signed(value) => Ok(value as f64),
            _ => Err("not a number"),
        }
    }

    /// A whole number that is not negative.
    #[inline(always)]
    pub(crate) fn unsigned(&mut self) -> Result<u64, Fault> {
        // A time is one of eight bytes.
        if let [0xcf, rest @ ..] = self.rest
            && let Some((bytes, rest)) = rest.split_first_chunk()
        {
            self.rest = rest;
            return Ok(u64::from_be_bytes(*bytes));
        }
        match self.head()? {
            Head::Unsigned(value) => Ok(value),
            _ => Err("not a whole number, or negative"),
        }
    }

    /// The bytes of one value, whatever it is.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], Fault> {
        let before = self.rest;
        self.pass_value()?;
        Ok(&before[..before.len() - self.rest.len()])
    }

    /// Passes over one value, whatever it is.
    #[inline(always)]
    pub(crate) fn pass_value(&mut self) -> Result<(), Fault> {
        let marker = *self.rest.first().ok_or("cut short")?;
        // What nearly all values of bodies are, without taking them apart.
        match LENGTHS[usize::from(marker)] {
            0 => self.skip_long(DEPTH_MAX),
            len => self.take(usize::from(len)).map(drop),
        }
    }

    /// The same, of a value whose length does not follow from its first byte, and which may hold
    /// others, `depth` of them inside of each other. Apart, so that the others need no call.
    #[inline(never)]
    fn skip_long(&mut self, depth: u32) -> Result<(), Fault> {
        let inner = depth.checked_sub(1).ok_or("nested too deep")?;
        let values = match self.head()? {
            Head::Nil | Head::Bool(_) | Head::Unsigned(_) | Head::Signed(_) | Head::Float(_) => 0,
            Head::Str(len) | Head::Bin(len) | Head::Ext(len) => {
                self.take(len)?;
                0
            }
            Head::Array(len) => len,
            Head::Map(len) => len.checked_mul(2).ok_or("cut short")?,
        };
        if values > 0 && inner == 0 {
            return Err("nested too deep");
        }
        let mut passed = 0;
        for _ in 0..values {
            let marker = *self.rest.get(passed).ok_or("cut short")?;
            match LENGTHS[usize::from(marker)] {
                0 => {
                    self.pass(passed);
                    passed = 0;
                    self.skip_long(inner)?;
                }
                len => passed += usize::from(len),
            }
        }
        self.take(passed).map(drop)
    }
}

/// Lengths of values by their first byte, which they include; 0 where it does not say.
const LENGTHS: [u8; 256] = {
    let mut lengths = [0; 256];
    let mut marker = 0;
    while marker < 256 {
        lengths[marker] = match marker {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xa0..=0xbf => 1 + (marker as u8 & 0x1f),
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xca | 0xce | 0xd2 => 5,
            0xcb | 0xcf | 0xd3 => 9,
            0xd4..=0xd8 => 2 + (1 << (marker - 0xd4)),
            _ => 0,
        };
        marker += 1;
    }
    lengths
};

/// Masks of the first 0 to 31 bytes of four little-endian words.
const FIRST_BYTES: [[u64; 4]; 32] = {
    let mut masks = [[0; 4]; 32];
    let mut len = 0;
    while len < 32 {
        let mut byte = 0;
        while byte < len {
            masks[len][byte / 8] |= 0xff << (8 * (byte % 8));
            byte += 1;
        }
        len += 1;
    }
    masks
};

/// True if both are equal. On WebAssembly comparing bytes is a call, and goes byte by byte: names are
/// compared as their first and last bytes, which overlap.
#[inline]
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        4..8 => ends::<4>(a) == ends::<4>(b),
        8..=16 => ends::<8>(a) == ends::<8>(b),
        _ => a == b,
    }
}

/// True for UTF-8, which names are, and nearly always short and ASCII.
#[inline]
pub(crate) fn is_utf8(text: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let is_ascii = match text.len() {
        4..8 => ends::<4>(text).is_some_and(|[first, last]| (first | last) & HIGH_BITS == 0),
        8..=16 => ends::<8>(text).is_some_and(|[first, last]| (first | last) & HIGH_BITS == 0),
        _ => text.is_ascii(),
    };
    is_ascii || std::str::from_utf8(text).is_ok()
}

/// The first and the last N bytes, at most 8, as little-endian words.
#[inline(always)]
fn ends<const N: usize>(bytes: &[u8]) -> Option<[u64; 2]> {
    let word = |bytes: &[u8; N]| {
        let mut word = [0; 8];
        word[..N].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    Some([word(bytes.first_chunk()?), word(bytes.last_chunk()?)])
}

/// A key that a reader may expect next: at most 15 bytes, so 16 with its head.
pub(crate) struct Expected {
    /// Head and key, little-endian, then zeros.
    words: [u64; 2],
    /// Which bits of the words are of it.
    masks: [u64; 2],
    /// Bytes, head included.
    len: usize,
}

impl Expected {
    pub(crate) const fn new(key: &str) -> Self {
        let key = key.as_bytes();
        assert!(key.len() < 16);
        let len = key.len() + 1;
        let mut words = [0xa0 | key.len() as u64, 0];
        let mut index = 1;
        while index < len {
            words[index / 8] |= (key[index - 1] as u64) << (8 * (index % 8));
            index += 1;
        }
        let masks = match len {
            16 => [u64::MAX; 2],
            _ => [FIRST_BYTES[len][0], FIRST_BYTES[len][1]],
        };
        Self { words, masks, len }
    }
}

/// A text of at most 15 bytes as [`Reader::short_str`] gives it.
pub(crate) const fn short_words(text: &str) -> [u64; 2] {
    let bytes = text.as_bytes();
    assert!(bytes.len() < 16);
    let mut words = [0, (bytes.len() as u64) << 56];
    let mut index = 0;
    while index < bytes.len() {
        words[index / 8] |= (bytes[index] as u64) << (8 * (index % 8));
        index += 1;
    }
    words
}

fn signed(value: i64) -> Head {
    match u64::try_from(value) {
        Ok(value) => Head::Unsigned(value),
        Err(_) => Head::Signed(value),
    }
}

#[inline(always)]
pub(crate) fn write_float(out: &mut Vec<u8>, value: f64) {
    let mut bytes = [0xcb; 9];
    bytes[1..].copy_from_slice(&value.to_be_bytes());
    out.extend_from_slice(&bytes);
}

pub(crate) fn write_unsigned(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if value <= u64::from(u8::MAX) {
        out.extend_from_slice(&[0xcc, value as u8]);
    } else if value <= u64::from(u16::MAX) {
        out.push(0xcd);
        out.extend_from_slice(&(value as u16).to_be_bytes());
    } else if value <= u64::from(u32::MAX) {
        out.push(0xce);
        out.extend_from_slice(&(value as u32).to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

pub(crate) fn write_signed(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        write_unsigned(out, value);
    } else if value >= -32 {
        out.push(value as u8);
    } else if value >= i64::from(i8::MIN) {
        out.extend_from_slice(&[0xd0, value as u8]);
    } else if value >= i64::from(i16::MIN) {
        out.push(0xd1);
        out.extend_from_slice(&(value as i16).to_be_bytes());
    } else if value >= i64::from(i32::MIN) {
        out.push(0xd2);
        out.extend_from_slice(&(value as i32).to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends bytes that are nearly always few. On WebAssembly a copy of a length that only the data
/// knows is a call into the host; two that overlap, of lengths that the compiler knows, are not.
#[inline]
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        0..4 => out.extend(bytes.iter().copied()),
        4..8 => append_ends::<4>(out, bytes),
        8..16 => append_ends::<8>(out, bytes),
        16..32 => append_ends::<16>(out, bytes),
        32..=64 => append_ends::<32>(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
}

/// Appends N to 2 N bytes, as the first N and the last N.
#[inline(always)]
fn append_ends<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        let end = out.len() + bytes.len();
        out.extend_from_slice(first);
        out.truncate(end - N);
        out.extend_from_slice(last);
    }
}

/// A string of a length that only the data knows.
#[inline]
pub(crate) fn write_text(out: &mut Vec<u8>, value: &str) {
    write_str_head(out, value.len());
    append(out, value.as_bytes());
}

/// A string that is UTF-8 already, of a length that only the data knows.
#[inline]
pub(crate) fn write_str_bytes(out: &mut Vec<u8>, value: &[u8]) {
    write_str_head(out, value.len());
    append(out, value);
}

/// A string whose length the compiler knows, where this is inlined.
#[inline(always)]
pub(crate) fn write_str(out: &mut Vec<u8>, value: &str) {
    write_str_head(out, value.len());
    out.extend_from_slice(value.as_bytes());
}

#[inline(always)]
fn write_str_head(out: &mut Vec<u8>, len: usize) {
    if len < 32 {
        out.push(0xa0 | len as u8);
    } else if let Ok(len) = u8::try_from(len) {
        out.extend_from_slice(&[0xd9, len]);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(0xda);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(0xdb);
        let len = u32::try_from(len).expect("guest memory is smaller than 4 GiB");
        out.extend_from_slice(&len.to_be_bytes());
    }
}

fn write_len(out: &mut Vec<u8>, len: usize, fix: u8, wide: u8) {
    if len < 16 {
        out.push(fix | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(wide);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(wide + 1);
        let len = u32::try_from(len).expect("guest memory is smaller than 4 GiB");
        out.extend_from_slice(&len.to_be_bytes());
    }
}

pub(crate) fn write_array(out: &mut Vec<u8>, values: usize) {
    write_len(out, values, 0x90, 0xdc);
}

pub(crate) fn write_map(out: &mut Vec<u8>, pairs: usize) {
    write_len(out, pairs, 0x80, 0xde);
}

/// Appends a value in canonical form: nils in maps left out, float32 widened, integers and lengths
/// in their shortest form.
pub(crate) fn canonicalise(value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    canonical_value(&mut Reader::new(value), out, DEPTH_MAX)
}

fn canonical_value(reader: &mut Reader, out: &mut Vec<u8>, depth: u32) -> Result<(), Fault> {
    let depth = depth.checked_sub(1).ok_or("nested too deep")?;
    let before = reader.rest();
    match reader.head()? {
        Head::Nil | Head::Bool(_) => out.push(before[0]),
        Head::Unsigned(value) => write_unsigned(out, value),
        Head::Signed(value) => write_signed(out, value),
        Head::Float(value) => write_float(out, value),
        Head::Str(len) => {
            let bytes = reader.take(len)?;
            write_str(out, std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?);
        }
        Head::Bin(len) | Head::Ext(len) => {
            reader.take(len)?;
            out.extend_from_slice(&before[..before.len() - reader.rest().len()]);
        }
        Head::Array(len) => {
            write_array(out, len);
            for _ in 0..len {
                canonical_value(reader, out, depth)?;
            }
        }
        Head::Map(len) => {
            let mut counting = *reader;
            let mut present = 0;
            for _ in 0..len {
                counting.value()?;
                present += usize::from(counting.value()? != [0xc0]);
            }
            write_map(out, present);
            for _ in 0..len {
                let key = reader.value()?;
                let value = reader.value()?;
                if value != [0xc0] {
                    canonical_value(&mut Reader::new(key), out, depth)?;
                    canonical_value(&mut Reader::new(value), out, depth)?;
                }
            }
        }
    }
    Ok(())
}
