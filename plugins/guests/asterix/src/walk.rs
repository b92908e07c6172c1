//! Where the items of a record are: lengths only, no values.
//!
//! What always holds: an item lies within its block, and a record that passed [`Layout::read`] can
//! be written without another look at its lengths.

use crate::category::{Category, FIELDS_MAX};
use crate::fault::Cause;
use crate::table::{Item, Parts, Shape};
use crate::time::DAY_TICKS;
use crate::value::word;

/// Where a record's items are, by field reference number.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// One bit per item that is there.
    present: u64,
    /// Where the first item that is there starts, from the record's start, then where each ends.
    offsets: [u16; FIELDS_MAX + 1],
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
    /// Of no record.
    pub const EMPTY: Self = Self {
        present: 0,
        offsets: [0; FIELDS_MAX + 1],
    };

    /// Becomes that of a record at the start of `bytes`, which go on to the end of its block.
    ///
    /// # Errors
    /// Says what cannot be, and where; then it is of no record.
    pub fn read(
        &mut self,
        category: &Category,
        bytes: &[u8],
        spare_allowed: bool,
    ) -> Result<(), Wrong> {
        self.present = 0;
        let (fields, start) = specification(category, bytes)?;
        self.offsets[0] = start as u16;
        let mut at = start;
        for (place, number) in numbers(fields).enumerate() {
            let Some(Some(item)) = category.items.get(number) else {
                return Err(Wrong {
                    cause: Cause::FieldSpecification,
                    offset: number / 7,
                    item: "",
                });
            };
            let wrong = |cause, offset| Wrong {
                cause,
                offset,
                item: item.key.text,
            };
            let tail = bytes.get(at..).unwrap_or_default();
            let length = length(&item.shape, tail).ok_or_else(|| wrong(Cause::ItemLength, at))?;
            if !spare_allowed && has_spare_bits(&item.shape, tail) {
                return Err(wrong(Cause::SpareBits, at));
            }
            if category.times.contains(&number)
                && let Some(&[a, b, c]) = tail.get(..length)
                && u32::from_be_bytes([0, a, b, c]) >= DAY_TICKS
            {
                return Err(wrong(Cause::TimeOfDay, at));
            }
            at += length;
            // No block is longer than 2^16 bytes.
            self.offsets[place + 1] = at as u16;
        }
        for &number in category.required {
            if fields & (1 << number) == 0 {
                return Err(Wrong {
                    cause: Cause::ItemMissing,
                    offset: 0,
                    item: category.items[number].map_or("", |item| item.key.text),
                });
            }
        }
        self.present = fields;
        Ok(())
    }

    /// Length of the record.
    pub fn length(&self) -> usize {
        usize::from(self.offsets[self.len()])
    }

    /// The bytes of an item, `None` when it is absent. `record` is what the layout was made of.
    #[inline]
    pub fn item<'a>(&self, record: &'a [u8], number: usize) -> Option<&'a [u8]> {
        let bit = 1 << number;
        if self.present & bit == 0 {
            return None;
        }
        let place = (self.present & (bit - 1)).count_ones() as usize;
        let (start, end) = (self.offsets[place], self.offsets[place + 1]);
        record.get(usize::from(start)..usize::from(end))
    }

    /// Numbers of the items that are there, rising.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        numbers(self.present)
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
#[inline]
pub fn parts_present(parts: &Parts, bytes: &[u8]) -> Option<(u64, usize)> {
    let (present, start) = indicators(bytes, parts.all.len().div_ceil(7))?;
    (present & !parts.known == 0).then_some((present, start))
}

/// Numbers of the bits that are set, rising.
pub fn numbers(mut rest: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
        rest &= rest - 1;
        Some(number)
    })
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
            for index in numbers(present) {
                let part = parts.all[index].as_ref()?;
                end += self::length(&part.shape, bytes.get(end..)?)?;
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
        Shape::Fixed(fields) => fields.spare != 0 && word(bytes) & fields.spare != 0,
        Shape::Extended(parts) => {
            let mut start = 0;
            for part in *parts {
                if part.spare != 0 && word(&bytes[start..]) & part.spare != 0 {
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
                    .any(|group| word(group) & fields.spare != 0)
        }
        Shape::Chained(_) | Shape::Explicit => false,
        Shape::Compound(parts) => {
            let Some((present, mut at)) = parts_present(parts, bytes) else {
                return true;
            };
            for part in numbers(present).filter_map(|index| parts.all[index].as_ref()) {
                let tail = &bytes[at..];
                if has_spare_bits(&part.shape, tail) {
                    return true;
                }
                at += length(&part.shape, tail).unwrap_or_default();
            }
            false
        }
    }
}

/// The bytes of part `index` of a compound item.
pub fn part_of<'a>(item: &Item, bytes: &'a [u8], index: usize) -> Option<&'a [u8]> {
    let Shape::Compound(parts) = &item.shape else {
        return None;
    };
    let (present, mut at) = parts_present(parts, bytes)?;
    if present & (1 << index) == 0 {
        return None;
    }
    for place in numbers(present) {
        let part = parts.all[place].as_ref()?;
        let tail = bytes.get(at..)?;
        let length = length(&part.shape, tail)?;
        if place == index {
            return tail.get(..length);
        }
        at += length;
    }
    None
}
