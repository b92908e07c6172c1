//! Items of a record as MessagePack, by the tables.
//!
//! An item is a map of its fields, a repetitive one a list of such maps, a compound one a map of
//! its parts, in which a part of one field stands alone. An item that says more than its table
//! knows is bytes, so that nothing is lost.

use crate::pack;
use crate::table::{Fields, Item, Kind, Parts, Shape};
use crate::value::{Chars, bits, signed, word};
use crate::walk::{length, numbers, parts_present};

/// Writes key and value of an item that [`Layout::read`](crate::walk::Layout::read) has found whole.
pub fn write_item(out: &mut Vec<u8>, item: &Item, bytes: &[u8]) {
    if let Shape::Compound(parts) = &item.shape {
        pack::key(out, &item.key);
        write_compound(out, parts, bytes);
    } else if is_known(&item.shape, bytes) {
        pack::key(out, &item.key);
        write_shape(out, &item.shape, bytes);
    } else {
        write_bytes(out, item, bytes);
    }
}

/// Writes key and bytes of an item.
pub fn write_bytes(out: &mut Vec<u8>, item: &Item, bytes: &[u8]) {
    pack::key(out, &item.key);
    pack::bytes(out, bytes);
}

fn write_compound(out: &mut Vec<u8>, parts: &Parts, bytes: &[u8]) {
    let Some((present, mut at)) = parts_present(parts, bytes) else {
        pack::map(out, 0);
        return;
    };
    pack::map(out, present.count_ones() as usize);
    for part in numbers(present).filter_map(|index| parts.all[index].as_ref()) {
        let tail = &bytes[at..];
        let length = length(&part.shape, tail).unwrap_or_default();
        let own = &tail[..length];
        match &part.shape {
            Shape::Fixed(fields) if fields.written == 1 && is_known(&part.shape, own) => {
                write_pairs(out, fields, own);
            }
            _ => write_item(out, part, own),
        }
        at += length;
    }
}

/// False for an item with more parts than its table has, or with a spare bit set.
fn is_known(shape: &Shape, bytes: &[u8]) -> bool {
    match shape {
        Shape::Fixed(fields) => fields.spare == 0 || !has_spare(fields, bytes),
        Shape::Extended(parts) => {
            let mut start = 0;
            for part in *parts {
                let end = start + part.bytes;
                if end > bytes.len() || has_spare(part, &bytes[start..end]) {
                    break;
                }
                start = end;
                if start == bytes.len() {
                    return true;
                }
            }
            false
        }
        Shape::Repeated(fields) => {
            fields.spare == 0
                || !bytes[1..]
                    .chunks_exact(fields.bytes)
                    .any(|group| has_spare(fields, group))
        }
        Shape::Chained(_) | Shape::Compound(_) => true,
        Shape::Explicit => false,
    }
}

fn has_spare(fields: &Fields, bytes: &[u8]) -> bool {
    fields.spare != 0 && fields.spare & word(&bytes[..fields.bytes]) != 0
}

fn write_shape(out: &mut Vec<u8>, shape: &Shape, bytes: &[u8]) {
    match shape {
        Shape::Fixed(fields) => write_group(out, fields, bytes),
        Shape::Extended(parts) => {
            let mut left = bytes.len();
            let mut pairs = 0;
            for part in *parts {
                if left == 0 {
                    break;
                }
                left -= part.bytes;
                pairs += part.written;
            }
            pack::map(out, pairs);
            let mut start = 0;
            for part in *parts {
                if start == bytes.len() {
                    break;
                }
                write_pairs(out, part, &bytes[start..]);
                start += part.bytes;
            }
        }
        Shape::Repeated(fields) => write_groups(out, fields, &bytes[1..]),
        Shape::Chained(fields) => write_groups(out, fields, bytes),
        Shape::Compound(parts) => write_compound(out, parts, bytes),
        Shape::Explicit => pack::bytes(out, bytes),
    }
}

fn write_groups(out: &mut Vec<u8>, fields: &Fields, bytes: &[u8]) {
    pack::array(out, bytes.len() / fields.bytes);
    for group in bytes.chunks_exact(fields.bytes) {
        write_group(out, fields, group);
    }
}

fn write_group(out: &mut Vec<u8>, fields: &Fields, bytes: &[u8]) {
    pack::map(out, fields.written);
    write_pairs(out, fields, bytes);
}

fn write_pairs(out: &mut Vec<u8>, fields: &Fields, bytes: &[u8]) {
    let mut at = 0;
    for field in fields.all {
        let start = at;
        at += field.bits;
        let raw = || bits(bytes, start, field.bits);
        match field.kind {
            Kind::Spare => continue,
            Kind::Airspeed => {
                write_airspeed(out, raw());
                continue;
            }
            _ => pack::key(out, &field.key),
        }
        match field.kind {
            Kind::Code => pack::unsigned(out, raw()),
            Kind::Unsigned(times, per) => pack::number(out, raw() as f64 * times / per),
            Kind::Signed(times, per) => {
                pack::number(out, signed(raw(), field.bits) as f64 * times / per);
            }
            Kind::Octal => pack::chars(out, &Chars::octal(raw())),
            Kind::Icao => pack::chars(out, &Chars::icao(raw())),
            Kind::Address => pack::chars(out, &Chars::address(raw())),
            Kind::Ascii => {
                let own = &bytes[start / 8..at / 8];
                pack::chars(out, &Chars::ascii(own));
            }
            Kind::Bytes => pack::bytes(out, &bytes[start / 8..at / 8]),
            Kind::Spare | Kind::Airspeed => {}
        }
    }
}

fn write_airspeed(out: &mut Vec<u8>, raw: u64) {
    let value = (raw & 0x7fff) as f64;
    if raw & 0x8000 == 0 {
        pack::text(out, "ias_kt");
        pack::number(out, value * 3_600.0 / 16_384.0);
    } else {
        pack::text(out, "mach");
        pack::number(out, value / 1_000.0);
    }
}
