//! Bodies: what a message says, as a MessagePack map.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::msgpack::{self, Head, Reader};

/// What a message says. Every type that derives serde's `Serialize` and `Deserialize` and is a map
/// of named fields is one; [`Track`](crate::Track) is one with a faster path.
///
/// On the wire: string keys in the order of the schema (that of the type's fields), shortest
/// integers, float64, an absent key for an absent value. So equal values are equal bytes.
pub trait Body: Sized {
    /// Reads the body of a message of `class`.
    ///
    /// # Errors
    /// Says what the bytes lack.
    fn decode(class: &str, bytes: &[u8]) -> Result<Self, BodyError>;

    /// Appends the body's bytes.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Why bytes are not such a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError(pub String);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BodyError {}

impl<T: Serialize + DeserializeOwned> Body for T {
    fn decode(_class: &str, bytes: &[u8]) -> Result<Self, BodyError> {
        rmp_serde::from_slice(bytes).map_err(|error| BodyError(error.to_string()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let bytes = rmp_serde::to_vec_named(self)
            .unwrap_or_else(|error| panic!("this body cannot be encoded: {error}"));
        if let Err(fault) = msgpack::canonicalise(&bytes, out) {
            panic!("this body cannot be encoded: {fault}");
        }
    }
}

/// Reads a body that the host has checked for form.
///
/// # Panics
/// If it is not what this plugin expects of the class: then the configuration gives it a class of
/// another meaning, which is a fault to be seen and not an anomaly of the bus.
pub(crate) fn read_body<B: Body>(class: &str, bytes: &[u8]) -> B {
    match B::decode(class, bytes) {
        Ok(body) => body,
        Err(error) => panic!("body of class {class}: {error}"),
    }
}

/// Body of a plugin that does not look at bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread;

impl Body for Unread {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        Ok(Self)
    }

    /// An empty map.
    fn encode(&self, out: &mut Vec<u8>) {
        msgpack::write_map(out, 0);
    }
}

/// Writes a MessagePack map, pair by pair and without an intermediate value: evidence, and bodies
/// that are too many to go through serde. Put the unit into each name, and write names in the
/// schema's order.
#[derive(Debug)]
pub struct Map<'a> {
    out: &'a mut Vec<u8>,
    pairs: usize,
}

impl Map<'_> {
    /// Appends a map that `fill` fills.
    pub fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Map)) {
        let start = out.len();
        // Nearly every map has fewer than 16 pairs and so a head of one byte.
        out.push(0x80);
        let mut map = Map { out, pairs: 0 };
        fill(&mut map);
        let pairs = map.pairs;
        if pairs < 16 {
            out[start] = 0x80 | pairs as u8;
        } else {
            let mut head = Vec::with_capacity(5);
            msgpack::write_map(&mut head, pairs);
            out.splice(start..=start, head);
        }
    }

    #[inline]
    fn name(&mut self, name: &str) {
        msgpack::write_text(self.out, name);
        self.pairs += 1;
    }

    /// A number, kept as float64. One that is absent or not finite is left out.
    pub fn number(&mut self, name: &str, value: impl Into<Option<f64>>) -> &mut Self {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            self.name(name);
            msgpack::write_float(self.out, value);
        }
        self
    }

    /// Numbers, kept as float64. If one is not finite, all are left out.
    pub fn numbers(&mut self, name: &str, values: &[f64]) -> &mut Self {
        if values.iter().all(|value| value.is_finite()) {
            self.name(name);
            msgpack::write_array(self.out, values.len());
            for value in values {
                msgpack::write_float(self.out, *value);
            }
        }
        self
    }

    /// A whole number.
    pub fn integer(&mut self, name: &str, value: i64) -> &mut Self {
        self.name(name);
        msgpack::write_signed(self.out, value);
        self
    }

    /// A whole number that is not negative.
    pub fn unsigned(&mut self, name: &str, value: impl Into<u64>) -> &mut Self {
        self.name(name);
        msgpack::write_unsigned(self.out, value.into());
        self
    }

    /// The same; one that is absent is left out.
    pub fn optional(&mut self, name: &str, value: Option<impl Into<u64>>) -> &mut Self {
        match value {
            Some(value) => self.unsigned(name, value),
            None => self,
        }
    }

    /// A text. One that is absent is left out.
    pub fn text<'t>(&mut self, name: &str, value: impl Into<Option<&'t str>>) -> &mut Self {
        if let Some(value) = value.into() {
            self.name(name);
            msgpack::write_text(self.out, value);
        }
        self
    }

    /// True or false.
    pub fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.name(name);
        self.out.push(0xc2 | u8::from(value));
        self
    }

    /// A map inside of this one.
    pub fn map(&mut self, name: &str, fill: impl FnOnce(&mut Map)) -> &mut Self {
        self.name(name);
        Map::write(self.out, fill);
        self
    }
}

/// The body of any class, read field by field; for routers that rewrite some fields and leave the
/// others as they are. It is walked once: after that, a field is found by comparing names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// One map of string keys; checked once.
    bytes: Vec<u8>,
    /// Where its pairs are, in order.
    pairs: Vec<Pair>,
}

/// Where a pair is in the bytes of a body: the name without its head, the value, the end of both.
/// Four bytes each: guest memory is smaller than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    name: u32,
    value: u32,
    end: u32,
}

/// Pairs that a body has room for before it grows: a track has about twenty.
const PAIRS_EXPECTED: usize = 24;

impl Body for Fields {
    fn decode(_class: &str, bytes: &[u8]) -> Result<Self, BodyError> {
        let pairs = walk(bytes).map_err(|fault| BodyError(fault.into()))?;
        Ok(Self {
            bytes: bytes.to_vec(),
            pairs,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }
}

/// Finds the pairs of a map of string keys, which must be all of the bytes.
fn walk(bytes: &[u8]) -> Result<Vec<Pair>, msgpack::Fault> {
    let mut reader = Reader::new(bytes);
    let at = |reader: &Reader| (bytes.len() - reader.rest().len()) as u32;
    let count = reader.map()?;
    let mut pairs = Vec::with_capacity(count.min(PAIRS_EXPECTED));
    for _ in 0..count {
        let text = reader.str_bytes()?;
        if !msgpack::is_utf8(text) {
            return Err("not UTF-8");
        }
        let value = at(&reader);
        reader.pass_value()?;
        pairs.push(Pair {
            name: value - text.len() as u32,
            value,
            end: at(&reader),
        });
    }
    match reader.rest() {
        [] => Ok(pairs),
        _ => Err("bytes after the map"),
    }
}

impl Fields {
    fn part(&self, start: u32, end: u32) -> &[u8] {
        &self.bytes[start as usize..end as usize]
    }

    fn name(&self, pair: Pair) -> &[u8] {
        self.part(pair.name, pair.value)
    }

    #[inline]
    fn is_named(&self, pair: Pair, name: &[u8]) -> bool {
        (pair.value - pair.name) as usize == name.len() && msgpack::is_same(self.name(pair), name)
    }

    fn value(&self, name: &str) -> Option<Reader<'_>> {
        let name = name.as_bytes();
        let mut pairs = self.pairs.iter();
        let pair = *pairs.find(|pair| self.is_named(**pair, name))?;
        Some(Reader::new(self.part(pair.value, pair.end)))
    }

    /// True if there is such a field.
    pub fn has(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let mut pairs = self.pairs.iter();
        pairs.any(|pair| self.is_named(*pair, name))
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.number().ok()
    }

    /// A field that is a whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)?.head().ok()? {
            Head::Unsigned(value) => i64::try_from(value).ok(),
            Head::Signed(value) => Some(value),
            _ => None,
        }
    }

    /// A field that is true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)?.head().ok()? {
            Head::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A field that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.str().ok()
    }

    /// Names of all fields, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.pairs.iter().map(|pair| self.name(*pair));
        names.map(|name| std::str::from_utf8(name).expect("names were checked when it was read"))
    }

    /// The same body without these fields.
    pub fn without(&self, names: &[&str]) -> Self {
        self.rewritten(|name, value, out| {
            let mut names = names.iter();
            if names.any(|known| msgpack::is_same(known.as_bytes(), name)) {
                return false;
            }
            msgpack::append(out, value);
            true
        })
    }

    /// The same body with another number in a field that it has; without the field when the
    /// number is not finite.
    pub fn with_number(&self, name: &str, number: f64) -> Self {
        self.rewritten(|known, value, out| {
            if known != name.as_bytes() {
                msgpack::append(out, value);
            } else if number.is_finite() {
                msgpack::write_float(out, number);
            } else {
                return false;
            }
            true
        })
    }

    /// The same body, each value as `write` writes it, or left out when that says false.
    fn rewritten(&self, mut write: impl FnMut(&[u8], &[u8], &mut Vec<u8>) -> bool) -> Self {
        let mut content = Vec::with_capacity(self.bytes.len() + 9);
        let mut pairs = Vec::with_capacity(self.pairs.len());
        for &pair in &self.pairs {
            let start = content.len();
            msgpack::write_str_bytes(&mut content, self.name(pair));
            let value = content.len();
            let name = value - (pair.value - pair.name) as usize;
            let old = self.part(pair.value, pair.end);
            if write(self.name(pair), old, &mut content) {
                let [name, value, end] = [name, value, content.len()].map(|at| at as u32);
                pairs.push(Pair { name, value, end });
            } else {
                content.truncate(start);
            }
        }
        let mut bytes = Vec::with_capacity(content.len() + 5);
        msgpack::write_map(&mut bytes, pairs.len());
        let head = bytes.len() as u32;
        bytes.append(&mut content);
        for pair in &mut pairs {
            pair.name += head;
            pair.value += head;
            pair.end += head;
        }
        Self { bytes, pairs }
    }
}

#[cfg(test)]
mod tests;
