//! Forms in which receivers hand on Mode S frames: to the 7 or 14 bytes of Mode S.
//!
//! A payload holds one frame. What always holds: every byte of a payload is accounted for; bytes
//! too many are a fault like bytes too few.

use serde::Deserialize;

use crate::fault::{Cause, Fault};

/// Bytes of a short frame: downlink formats 0 to 15.
pub const SHORT_BYTES: usize = 7;
/// Bytes of a long frame: downlink formats 16 to 31.
pub const LONG_BYTES: usize = 14;

/// Form of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Whichever of the others it is, told apart by first byte and length.
    #[default]
    Auto,
    /// Beast binary: `1a` (may be absent), type, 6 bytes of clock, signal, frame. Doubled `1a`
    /// are undone where the length says that they are doubled.
    Beast,
    /// Text: `*hex;`, or `@` with 12 digits of clock before the frame.
    Avr,
    /// Text: the digits alone.
    Hex,
    /// The bytes alone.
    Raw,
}

/// A frame, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeS {
    bytes: [u8; LONG_BYTES],
    len: usize,
    /// Where the frame starts in the payload.
    pub offset: usize,
}

impl ModeS {
    fn new(bytes: &[u8], offset: usize) -> Result<Self, Fault> {
        if bytes.len() != SHORT_BYTES && bytes.len() != LONG_BYTES {
            return Err(Fault::new(
                Cause::Length,
                "a frame has 7 or 14 bytes",
                offset,
            ));
        }
        let mut held = [0; LONG_BYTES];
        held[..bytes.len()].copy_from_slice(bytes);
        let frame = Self {
            bytes: held,
            len: bytes.len(),
            offset,
        };
        // Formats 24 to 31 are one, told by their first two bits: ICAO Annex 10, volume IV,
        // chapter 3; all from 16 on are long.
        let expected = match frame.bytes[0] >> 3 {
            0..=15 => SHORT_BYTES,
            _ => LONG_BYTES,
        };
        if frame.len != expected {
            let what = "not the length of its downlink format";
            return Err(Fault::new(Cause::Length, what, offset));
        }
        Ok(frame)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What a payload holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A frame of Mode S.
    ModeS(ModeS),
    /// A reply of Mode A or C, as Beast type 1.
    ModeAc,
    /// A receiver's status, as Beast type 4.
    ReceiverStatus,
    /// Nothing.
    Empty,
}

/// Unpacks a payload.
///
/// # Errors
/// What is wrong with its form or length.
pub fn unpack(form: Form, payload: &[u8]) -> Result<Payload, Fault> {
    if payload.is_empty() {
        return Ok(Payload::Empty);
    }
    match form {
        Form::Auto => match payload {
            [0x1a, ..] | [b'1'..=b'4', ..] if looks_beast(payload) => beast(payload),
            [b'*' | b'@', ..] => avr(trimmed(payload)),
            [first, ..] if first.is_ascii_hexdigit() && is_hex(trimmed(payload)) => {
                hex(trimmed(payload), 0)
            }
            _ if payload.len() == SHORT_BYTES || payload.len() == LONG_BYTES => raw(payload),
            _ => Err(Fault::new(Cause::Form, "of no known form", 0)),
        },
        Form::Beast => beast(payload),
        Form::Avr => avr(trimmed(payload)),
        Form::Hex => hex(trimmed(payload), 0),
        Form::Raw => raw(payload),
    }
}

/// Bytes between a Beast type and its frame: clock and signal.
const BEAST_HEAD_BYTES: usize = 7;
/// Starts a Beast message; doubled within one.
const BEAST_ESCAPE: u8 = 0x1a;

/// Bytes of a frame by Beast type.
fn beast_content_bytes(kind: u8) -> Option<usize> {
    match kind {
        b'1' => Some(2),
        b'2' => Some(SHORT_BYTES),
        b'3' | b'4' => Some(LONG_BYTES),
        _ => None,
    }
}

/// Starts with the escape, or has exactly the length of its type without it. A text that happens
/// to have that length (15 and 22 digits) is no frame in hexadecimal either.
fn looks_beast(payload: &[u8]) -> bool {
    match payload {
        // A raw frame of downlink format 3 starts so, too; that format does not exist.
        [BEAST_ESCAPE, ..] => true,
        [kind, rest @ ..] => {
            beast_content_bytes(*kind).is_some_and(|bytes| rest.len() == BEAST_HEAD_BYTES + bytes)
        }
        [] => false,
    }
}

/// Longest Beast message after its type, with every byte doubled.
const BEAST_DOUBLED_BYTES_MAX: usize = 2 * (BEAST_HEAD_BYTES + LONG_BYTES);

fn beast(payload: &[u8]) -> Result<Payload, Fault> {
    let start = usize::from(payload.first() == Some(&BEAST_ESCAPE));
    let Some((&kind, rest)) = payload[start..].split_first() else {
        return Err(Fault::new(Cause::Length, "nothing after the escape", 1));
    };
    let Some(content) = beast_content_bytes(kind) else {
        return Err(Fault::new(Cause::Form, "of no known Beast type", start));
    };
    let offset = start + 1 + BEAST_HEAD_BYTES;
    let expected = BEAST_HEAD_BYTES + content;
    let mut held = [0; BEAST_HEAD_BYTES + LONG_BYTES];
    if rest.len() == expected {
        held[..expected].copy_from_slice(rest);
    } else if rest.len() > expected && rest.len() <= BEAST_DOUBLED_BYTES_MAX {
        undouble(rest, &mut held[..expected]).map_err(|at| {
            Fault::new(Cause::Length, "not the length of its type", start + 1 + at)
        })?;
    } else {
        let what = "not the length of its type";
        return Err(Fault::new(Cause::Length, what, payload.len()));
    }
    match kind {
        b'1' => Ok(Payload::ModeAc),
        b'4' => Ok(Payload::ReceiverStatus),
        _ => ModeS::new(&held[BEAST_HEAD_BYTES..expected], offset).map(Payload::ModeS),
    }
}

/// Undoes doubled escapes; the result must fill `out` exactly.
fn undouble(bytes: &[u8], out: &mut [u8]) -> Result<(), usize> {
    let mut at = 0;
    for place in out.iter_mut() {
        let byte = *bytes.get(at).ok_or(at)?;
        at += 1;
        if byte == BEAST_ESCAPE {
            if bytes.get(at) != Some(&BEAST_ESCAPE) {
                return Err(at);
            }
            at += 1;
        }
        *place = byte;
    }
    if at == bytes.len() { Ok(()) } else { Err(at) }
}

/// Digits of an AVR clock: 48 bits.
const AVR_CLOCK_DIGITS: usize = 12;

fn avr(text: &[u8]) -> Result<Payload, Fault> {
    let Some(text) = text.strip_suffix(b";") else {
        return Err(Fault::new(Cause::Form, "without its semicolon", text.len()));
    };
    match text {
        [b'*', digits @ ..] => hex(digits, 1),
        [b'@', digits @ ..] => {
            let Some((clock, digits)) = digits.split_at_checked(AVR_CLOCK_DIGITS) else {
                return Err(Fault::new(Cause::Length, "shorter than its clock", 1));
            };
            if let Some(at) = clock.iter().position(|digit| !digit.is_ascii_hexdigit()) {
                return Err(Fault::new(Cause::Form, "not a hexadecimal digit", 1 + at));
            }
            hex(digits, 1 + AVR_CLOCK_DIGITS)
        }
        _ => Err(Fault::new(Cause::Form, "starts with neither * nor @", 0)),
    }
}

fn hex(digits: &[u8], offset: usize) -> Result<Payload, Fault> {
    let mut bytes = [0; LONG_BYTES];
    if digits.len() != 2 * SHORT_BYTES && digits.len() != 2 * LONG_BYTES {
        let what = "a frame has 14 or 28 digits";
        return Err(Fault::new(Cause::Length, what, offset));
    }
    for (at, &digit) in digits.iter().enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => {
                let what = "not a hexadecimal digit";
                return Err(Fault::new(Cause::Form, what, offset + at));
            }
        };
        bytes[at / 2] = bytes[at / 2] << 4 | value;
    }
    ModeS::new(&bytes[..digits.len() / 2], offset).map(Payload::ModeS)
}

fn raw(payload: &[u8]) -> Result<Payload, Fault> {
    ModeS::new(payload, 0).map(Payload::ModeS)
}

fn is_hex(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_hexdigit)
}

/// Without blanks and line ends behind it.
fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii_end()
}

#[cfg(test)]
mod tests;
