//! The form of a body: what the host checks on every message before it believes it.
//!
//! A body is one MessagePack map with string keys and nothing after it. Nesting is bounded, so
//! that no reader of a topic can be made to recurse without end. What the keys mean is the
//! schema's business, and is not looked at here.
//!
//! Source of the byte values: the MessagePack specification, "Formats".

/// Deepest nesting of maps and arrays in a body, the body itself being 1.
/// Reason: readers of a topic may recurse. A deeper body makes the plugin's answer be refused.
pub const BODY_DEPTH_MAX: usize = 8;

/// Why bytes are no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The bytes end inside a value.
    Short,
    /// The outermost value is not a map.
    NotMap,
    /// A map has a key that is not a string, at this offset.
    Key(usize),
    /// A string is not UTF-8, at this offset.
    Utf8(usize),
    /// An extension type or the unused byte `0xc1`, at this offset.
    Type(usize),
    /// Nested deeper than [`BODY_DEPTH_MAX`], at this offset.
    Depth(usize),
    /// Bytes follow the map, from this offset.
    Trailing(usize),
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short => f.write_str("body ends inside a value"),
            Self::NotMap => f.write_str("body is not a map"),
            Self::Key(at) => write!(f, "key at byte {at} is not a string"),
            Self::Utf8(at) => write!(f, "string at byte {at} is not UTF-8"),
            Self::Type(at) => write!(f, "type at byte {at} is not allowed in a body"),
            Self::Depth(at) => write!(f, "nested deeper than {BODY_DEPTH_MAX} at byte {at}"),
            Self::Trailing(at) => write!(f, "bytes after the map, from byte {at}"),
        }
    }
}

impl std::error::Error for BodyError {}

/// What a first byte announces.
enum Head {
    /// Nothing or this many bytes more.
    Bytes(usize),
    /// A string of this many bytes.
    Text(usize),
    /// This many values.
    Array(usize),
    /// This many pairs.
    Map(usize),
}

/// Checks that `bytes` is one map with string keys, at most [`BODY_DEPTH_MAX`] deep, and nothing
/// after it.
///
/// # Errors
/// Names what is wrong and the byte it starts at.
pub fn check_body(bytes: &[u8]) -> Result<(), BodyError> {
    let mut reader = Reader { bytes, at: 0 };
    let (Head::Map(pairs), _) = reader.head()? else {
        return Err(BodyError::NotMap);
    };
    reader.pairs(pairs, 1)?;
    if reader.at == bytes.len() {
        Ok(())
    } else {
        Err(BodyError::Trailing(reader.at))
    }
}

/// Length in bytes of the value that `bytes` begin with, of the same form and depth.
///
/// # Errors
/// As [`check_body`], but that any value will do and that more may follow it.
pub fn value_len(bytes: &[u8]) -> Result<usize, BodyError> {
    let mut reader = Reader { bytes, at: 0 };
    reader.value(0)?;
    Ok(reader.at)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    #[inline]
    fn number(&mut self, width: usize) -> Result<usize, BodyError> {
        let end = self.at.checked_add(width).ok_or(BodyError::Short)?;
        let bytes = self.bytes.get(self.at..end).ok_or(BodyError::Short)?;
        self.at = end;
        Ok(bytes
            .iter()
            .fold(0usize, |value, &byte| (value << 8) | usize::from(byte)))
    }

    #[inline(always)]
    fn skip(&mut self, count: usize) -> Result<&[u8], BodyError> {
        let end = self.at.checked_add(count).ok_or(BodyError::Short)?;
        let bytes = self.bytes.get(self.at..end).ok_or(BodyError::Short)?;
        self.at = end;
        Ok(bytes)
    }

    /// Reads a first byte and its length, and where it stood. Inlined: its answer is then taken
    /// apart in registers, which is half of the time of a check.
    #[inline(always)]
    fn head(&mut self) -> Result<(Head, usize), BodyError> {
        let at = self.at;
        let first = *self.bytes.get(at).ok_or(BodyError::Short)?;
        self.at += 1;
        let low = |mask: u8| usize::from(first & mask);
        let head = match first {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Head::Bytes(0),
            0x80..=0x8f => Head::Map(low(0x0f)),
            0x90..=0x9f => Head::Array(low(0x0f)),
            0xa0..=0xbf => Head::Text(low(0x1f)),
            0xcc | 0xd0 => Head::Bytes(1),
            0xcd | 0xd1 => Head::Bytes(2),
            0xca | 0xce | 0xd2 => Head::Bytes(4),
            0xcb | 0xcf | 0xd3 => Head::Bytes(8),
            0xc4 => Head::Bytes(self.number(1)?),
            0xc5 => Head::Bytes(self.number(2)?),
            0xc6 => Head::Bytes(self.number(4)?),
            0xd9 => Head::Text(self.number(1)?),
            0xda => Head::Text(self.number(2)?),
            0xdb => Head::Text(self.number(4)?),
            0xdc => Head::Array(self.number(2)?),
            0xdd => Head::Array(self.number(4)?),
            0xde => Head::Map(self.number(2)?),
            0xdf => Head::Map(self.number(4)?),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(BodyError::Type(at)),
        };
        Ok((head, at))
    }

    #[inline(always)]
    fn text(&mut self, length: usize, at: usize) -> Result<(), BodyError> {
        let bytes = self.skip(length)?;
        if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
            Ok(())
        } else {
            Err(BodyError::Utf8(at))
        }
    }

    /// Recursion is bounded by [`BODY_DEPTH_MAX`].
    fn pairs(&mut self, count: usize, depth: usize) -> Result<(), BodyError> {
        for _ in 0..count {
            match self.head()? {
                (Head::Text(length), at) => self.text(length, at)?,
                (_, at) => return Err(BodyError::Key(at)),
            }
            self.value(depth)?;
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), BodyError> {
        let (head, at) = self.head()?;
        match head {
            Head::Bytes(count) => self.skip(count).map(|_| ()),
            Head::Text(length) => self.text(length, at),
            Head::Array(_) | Head::Map(_) if depth >= BODY_DEPTH_MAX => Err(BodyError::Depth(at)),
            Head::Array(count) => {
                for _ in 0..count {
                    self.value(depth + 1)?;
                }
                Ok(())
            }
            Head::Map(count) => self.pairs(count, depth + 1),
        }
    }
}

#[cfg(test)]
mod tests;
