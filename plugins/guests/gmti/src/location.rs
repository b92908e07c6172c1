//! Platform location segments. Source: AEDP-4607, edition A version 1, L1 to L7.

use crate::fault::Fault;
use crate::read::Reader;

/// Where the platform was between two dwells. Raw, as sent.
#[derive(Clone, Copy, Debug)]
pub struct Location {
    /// L1: milliseconds since the begin of the reference day.
    pub time_ms: u32,
    /// L2: SA32.
    pub lat: i32,
    /// L3: BA32.
    pub lon: u32,
    /// L4: centimetres above the WGS-84 ellipsoid.
    pub alt_cm: i32,
    /// L5: track over ground, BA16.
    pub track: u16,
    /// L6: ground speed, millimetres per second.
    pub speed_mmps: u32,
    /// L7: decimetres per second, up.
    pub climb_dmps: i8,
}

impl Location {
    /// Reads a segment's content.
    ///
    /// # Errors
    /// When it is cut short.
    pub fn read(reader: &mut Reader) -> Result<Self, Fault> {
        Ok(Self {
            time_ms: reader.u32()?,
            lat: reader.i32()?,
            lon: reader.u32()?,
            alt_cm: reader.i32()?,
            track: reader.u16()?,
            speed_mmps: reader.u32()?,
            climb_dmps: reader.i8()?,
        })
    }
}
