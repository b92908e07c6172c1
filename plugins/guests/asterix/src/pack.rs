//! MessagePack as bodies have it: string keys, shortest integers, float64.
//!
//! Written for speed: the number of pairs of a map is known before it is written, so nothing is
//! moved; no intermediate value, and no allocation but the growth of the buffer.

/// Head of a map.
#[inline]
pub fn map(out: &mut Vec<u8>, pairs: usize) {
    head(out, pairs, 0x80, 0xde);
}

/// Head of an array.
#[inline]
pub fn array(out: &mut Vec<u8>, length: usize) {
    head(out, length, 0x90, 0xdc);
}

/// Maps and arrays here have far fewer than 2^16 members.
fn head(out: &mut Vec<u8>, length: usize, fix: u8, wide: u8) {
    if length < 16 {
        out.push(fix | length as u8);
    } else {
        let length = (length as u16).to_be_bytes();
        out.extend_from_slice(&[wide, length[0], length[1]]);
    }
}

/// A string of at most 255 bytes; all here are far shorter.
#[inline]
pub fn text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length => out.extend_from_slice(&[0xd9, length as u8]),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Bytes, at most 65,535: no item has more.
pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend_from_slice(&[0xc4, length]),
        Err(_) => {
            let length = (bytes.len() as u16).to_be_bytes();
            out.extend_from_slice(&[0xc5, length[0], length[1]]);
        }
    }
    out.extend_from_slice(bytes);
}

/// A float.
#[inline]
pub fn number(out: &mut Vec<u8>, value: f64) {
    let mut bytes = [0xcb; 9];
    bytes[1..].copy_from_slice(&value.to_be_bytes());
    out.extend_from_slice(&bytes);
}

/// A whole number.
#[inline]
pub fn unsigned(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        let value = value.to_be_bytes();
        out.extend_from_slice(&[0xcd, value[0], value[1]]);
    } else if let Ok(value) = u32::try_from(value) {
        out.push(0xce);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(0xcf);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// A boolean.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(0xc2 | u8::from(value));
}

/// Counts one more pair in the head of a map that another has written, at `start`: one byte up to
/// 15 pairs, then three.
pub fn add_pair(out: &mut Vec<u8>, start: usize) {
    match out[start] {
        0x8f => {
            out.splice(start..=start, [0xde, 0, 16]);
        }
        0xde => out[start + 2] += 1,
        _ => out[start] += 1,
    }
}
