//! Where the items of a record are: lengths only, no values.
//!
//! What always holds: an item lies within its block, and a record that passed [`Layout::of`] can
//! be written without another look at its lengths.

use crate::category::{Category, FIELDS_MAX};
use crate::fault::Cause;
use crate::table::{Item, Shape};
use crate::time::DAY_TICKS;

/// Where a record's items are, by field reference number.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// One bit per item that is there.
    present: u64,
    /// Ends of the items from the record's start; those that are absent end where they start.
    ends: [u16; FIELDS_MAX],
    /// Start of the first item: the length of the field specification.
    start: u16,
    /// Length of the record.
    pub length: u16,
}

const _: () = assert!(FIELDS_MAX <= 64);

/// What is wrong with a record: byte from its start, and the item it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The kind.
    pub cause: Cause,
    /// Byte from the record's start.
    pub offset: usize,
    /// Key of the item, or nothing.
    pub item: &'static str,
}

impl Layout {
    /// Of a record at the start of `bytes`, which go on to the end of its block.
    ///
    /// # Errors
    /// Says what cannot be, and where.
    pub fn of(category: &Category, bytes: &[u8], spare_allowed: bool) -> Result<Self, Wrong> {
        let (fields, start) = specification(category, bytes)?;
        let mut layout = Self {
            present: fields,
            ends: [start as u16; FIELDS_MAX],
            start: start as u16,
            length: 0,
        };
        let mut at = start;
        let mut next = 0;
        let mut rest = fields;
        while rest != 0 {
            let number = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            layout.ends[next..number].fill(at as u16);
            let item = category.items.get(number).copied().flatten();
            let Some(item) = item else {
                return Err(Wrong {
                    cause: Cause::FieldSpecification,
                    offset: number / 7,
                    item: "",
                });
            };
            let tail = bytes.get(at..).unwrap_or_default();
            let length = length(&item.shape, tail).ok_or(Wrong {
                cause: Cause::ItemLength,
                offset: at,
                item: item.key,
            })?;
            if !spare_allowed && has_spare_bits(&item.shape, tail) {
                return Err(Wrong {
                    cause: Cause::SpareBits,
                    offset: at,
                    item: item.key,
                });
            }
            at += length;
            layout.ends[number] = at as u16;
            next = number + 1;
        }
        layout.ends[next..].fill(at as u16);
        layout.length = at as u16;
        for &number in category.times {
            if let Some(&[a, b, c]) = layout.item(bytes, number)
                && u32::from_be_bytes([0, a, b, c]) >= DAY_TICKS
            {
                return Err(Wrong {
                    cause: Cause::TimeOfDay,
                    offset: usize::from(layout.ends[number]) - 3,
                    item: category.items[number].map_or("", |item| item.key),
                });
            }
        }
        for &number in category.required {
            if fields & (1 << number) == 0 {
                return Err(Wrong {
                    cause: Cause::ItemMissing,
                    offset: 0,
                    item: category.items[number].map_or("", |item| item.key),
                });
            }
        }
        Ok(layout)
    }

    /// The bytes of an item, `None` when it is absent. `record` is what the layout was made of.
    pub fn item<'a>(&self, record: &'a [u8], number: usize) -> Option<&'a [u8]> {
        if self.present & (1 << number) == 0 {
            return None;
        }
        let start = match number {
            0 => self.start,
            _ => self.ends[number - 1],
        };
        record.get(usize::from(start)..usize::from(self.ends[number]))
    }

    /// Numbers of the items that are there, rising.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        let mut rest = self.present;
        std::iter::from_fn(move || {
            let number = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(number)
        })
    }

    /// How many items are there.
    pub fn len(&self) -> usize {
        self.present.count_ones() as usize
    }

    /// True when there are none, which no record of a category here may have.
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }
}

/// One bit per item, and the length of the field specification.
fn specification(category: &Category, bytes: &[u8]) -> Result<(u64, usize), Wrong> {
    let (fields, length) = indicators(bytes, category.items.len() / 7).ok_or(Wrong {
        cause: Cause::FieldSpecification,
        offset: 0,
        item: "",
    })?;
    Ok((fields, length))
}

/// Reads octets of seven bits and one that says whether another follows: one bit per thing that
/// is there, lowest first, and the number of octets. `None` past the end or with more than
/// `octets_max`.
fn indicators(bytes: &[u8], octets_max: usize) -> Option<(u64, usize)> {
    let mut present = 0u64;
    for (index, &octet) in bytes.iter().take(octets_max).enumerate() {
        present |= u64::from((octet & 0xfe).reverse_bits()) << (7 * index);
        if octet & 1 == 0 {
            return Some((present, index + 1));
        }
    }
    None
}

/// Parts of a compound item that are there, one bit each, lowest first, and where they start.
pub fn parts_present(parts: &[Option<Item>], bytes: &[u8]) -> Option<(u64, usize)> {
    let (present, start) = indicators(bytes, parts.len().div_ceil(7))?;
    let known = parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.is_some())
        .fold(0u64, |known, (index, _)| known | 1 << index);
    (present & !known == 0).then_some((present, start))
}

/// Length of an item at the start of `bytes`; `None` when it does not fit in, or cannot be.
#[inline]
pub fn length(shape: &Shape, bytes: &[u8]) -> Option<usize> {
    let length = match shape {
        Shape::Fixed(fields) => fields.bytes,
        Shape::Extended(parts) => {
            let mut end = 0;
            let mut known = parts.iter();
            loop {
                // Parts of a later edition are one octet each, as nearly all are.
                end += known.next().map_or(1, |part| part.bytes);
                if bytes.get(end - 1)? & 1 == 0 {
                    break end;
                }
            }
        }
        Shape::Repeated(fields) => 1 + usize::from(*bytes.first()?) * fields.bytes,
        Shape::Chained(fields) => {
            let mut end = fields.bytes;
            while bytes.get(end - 1)? & 1 == 1 {
                end += fields.bytes;
            }
            end
        }
        Shape::Compound(parts) => {
            let (present, mut end) = parts_present(parts, bytes)?;
            for (index, part) in parts.iter().enumerate() {
                if let Some(part) = part
                    && present & (1 << index) != 0
                {
                    end += self::length(&part.shape, bytes.get(end..)?)?;
                }
            }
            end
        }
        // A length of 0 cannot be: it counts its own octet.
        Shape::Explicit => match *bytes.first()? {
            0 => return None,
            length => usize::from(length),
        },
    };
    (length <= bytes.len()).then_some(length)
}

/// True when an item that fits has a bit set that is spare in every edition decoded here.
#[inline]
fn has_spare_bits(shape: &Shape, bytes: &[u8]) -> bool {
    match shape {
        Shape::Fixed(fields) => fields.spare != 0 && first_word(bytes) & fields.spare != 0,
        Shape::Extended(parts) => {
            let mut start = 0;
            for part in *parts {
                if first_word(&bytes[start..]) & part.spare != 0 {
                    return true;
                }
                start += part.bytes;
                if bytes[start - 1] & 1 == 0 {
                    break;
                }
            }
            false
        }
        Shape::Repeated(fields) => {
            fields.spare != 0
                && bytes[1..]
                    .chunks_exact(fields.bytes)
                    .take(usize::from(bytes[0]))
                    .any(|group| first_word(group) & fields.spare != 0)
        }
        Shape::Chained(_) | Shape::Explicit => false,
        Shape::Compound(parts) => {
            let Some((present, mut at)) = parts_present(parts, bytes) else {
                return true;
            };
            for (index, part) in parts.iter().enumerate() {
                if let Some(part) = part
                    && present & (1 << index) != 0
                {
                    let tail = &bytes[at..];
                    if has_spare_bits(&part.shape, tail) {
                        return true;
                    }
                    at += length(&part.shape, tail).unwrap_or_default();
                }
            }
            false
        }
    }
}

/// The first eight bytes, zeros behind the end.
fn first_word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let kept = bytes.len().min(8);
    word[..kept].copy_from_slice(&bytes[..kept]);
    u64::from_be_bytes(word)
}

/// The bytes of part `index` of a compound item.
pub fn part_of<'a>(item: &Item, bytes: &'a [u8], index: usize) -> Option<&'a [u8]> {
    let Shape::Compound(parts) = item.shape else {
        return None;
    };
    let (present, mut at) = parts_present(parts, bytes)?;
    if present & (1 << index) == 0 {
        return None;
    }
    for (place, part) in parts.iter().enumerate().take(index + 1) {
        if let Some(part) = part
            && present & (1 << place) != 0
        {
            let tail = bytes.get(at..)?;
            let length = length(&part.shape, tail)?;
            if place == index {
                return tail.get(..length);
            }
            at += length;
        }
    }
    None
}
