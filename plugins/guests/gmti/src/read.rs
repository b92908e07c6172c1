//! Reads fields of a packet, and knows where it is.
//!
//! Source: AEDP-4607, edition A version 1: high-order byte first; angles as
//! fractions of a circle; the basic character set.

use outrigger_sdk::Text;

use crate::fault::{Cause, Fault};

/// Reads one stretch of a packet, field by field.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Byte of the frame at which `bytes` begin.
    start: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, which begin at byte `start` of the frame.
    pub fn new(bytes: &'a [u8], start: usize) -> Self {
        Self {
            bytes,
            at: 0,
            start,
        }
    }

    /// Byte of the frame that is read next.
    pub fn offset(&self) -> usize {
        self.start + self.at
    }

    /// A fault here.
    pub fn fault(&self, cause: Cause, what: &'static str) -> Fault {
        Fault {
            cause,
            what,
            offset: self.offset(),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Cause::SegmentLength`] when there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>) {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(Fault {
                cause: Cause::SegmentLength,
                what: "ends inside a field",
                offset: self.start + self.bytes.len(),
            }),
        }
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// An unsigned byte, I8 or E8.
    pub fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(u8::from_be_bytes)
    }

    /// A signed byte, S8.
    pub fn i8(&mut self) -> Result<i8, Fault> {
        self.array().map(i8::from_be_bytes)
    }

    /// Two unsigned bytes, I16 or FL16.
    pub fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    /// Two signed bytes, S16.
    pub fn i16(&mut self) -> Result<i16, Fault> {
        self.array().map(i16::from_be_bytes)
    }

    /// Four unsigned bytes, I32.
    pub fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four signed bytes, S32.
    pub fn i32(&mut self) -> Result<i32, Fault> {
        self.array().map(i32::from_be_bytes)
    }

    /// Eight unsigned bytes, a mask.
    pub fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_be_bytes)
    }

    /// A text of `N` bytes, filled up with spaces or zeros; `None` when there is nothing else.
    ///
    /// # Errors
    /// [`Cause::Text`] for a byte outside of the basic character set.
    pub fn text<const N: usize>(&mut self) -> Result<Option<Text>, Fault> {
        let offset = self.offset();
        let bytes: [u8; N] = self.array()?;
        let end = bytes
            .iter()
            .rposition(|byte| !matches!(byte, b' ' | 0))
            .map_or(0, |last| last + 1);
        if let Some(place) = bytes[..end].iter().position(|byte| !is_basic(*byte)) {
            return Err(Fault {
                cause: Cause::Text,
                what: "no character of the basic set",
                offset: offset + place,
            });
        }
        Ok(std::str::from_utf8(&bytes[..end]).ok().and_then(Text::new))
    }
}

/// True for the characters of the basic set: printable ASCII, and the ends of line and page.
pub fn is_basic(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\r' | 0x0c)
}

/// Degrees of a signed angle of 32 bits, SA32: 180° are 2³².
pub fn sa32_deg(raw: i32) -> f64 {
    f64::from(raw) * (180.0 / 4_294_967_296.0)
}

/// Degrees of an angle of 32 bits, BA32: 360° are 2³².
pub fn ba32_deg(raw: u32) -> f64 {
    f64::from(raw) * (360.0 / 4_294_967_296.0)
}

/// Degrees east of a BA32 longitude, above -180 up to 180.
pub fn longitude_deg(raw: u32) -> f64 {
    let degrees = ba32_deg(raw);
    if degrees > 180.0 {
        degrees - 360.0
    } else {
        degrees
    }
}

/// Degrees of a signed angle of 16 bits, SA16: 180° are 2¹⁶.
pub fn sa16_deg(raw: i16) -> f64 {
    f64::from(raw) * (180.0 / 65_536.0)
}

/// Degrees of an angle of 16 bits, BA16: 360° are 2¹⁶.
pub fn ba16_deg(raw: u16) -> f64 {
    f64::from(raw) * (360.0 / 65_536.0)
}
