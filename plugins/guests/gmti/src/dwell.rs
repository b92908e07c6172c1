//! Dwell segments: what the radar saw while it looked at one spot.
//!
//! A mask of 64 bits says which fields follow; each target report has the fields that its last
//! bits select. Source: AEDP-4607, edition A version 1: D1 (the mask) to
//! D32.18.

use crate::fault::{Cause, Fault};
use crate::read::Reader;

/// Fields that every dwell has: D2 to D9 and D24 to D27.
const MANDATORY: [u32; 12] = [2, 3, 4, 5, 6, 7, 8, 9, 24, 25, 26, 27];
/// Bits of the mask without a field.
const SPARE_BITS: u64 = 0xffff;
/// Widths of D32.1 to D32.18, bytes.
const TARGET_WIDTHS: [usize; 18] = [2, 4, 4, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 1, 2, 1, 4, 1];

/// D1: which fields there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(pub u64);

impl Mask {
    /// True when D`field` is there, 2 to 31.
    pub fn has(self, field: u32) -> bool {
        self.0 >> (65 - field) & 1 == 1
    }

    /// True when D32.`field` is there, 1 to 18.
    pub fn has_target(self, field: u32) -> bool {
        self.0 >> (34 - field) & 1 == 1
    }

    /// Bytes of one target report.
    fn target_bytes(self) -> usize {
        (1..)
            .zip(TARGET_WIDTHS)
            .filter(|(field, _)| self.has_target(*field))
            .map(|(_, width)| width)
            .sum()
    }

    /// What is wrong with it, if anything.
    fn fault(self) -> Option<&'static str> {
        let both = |one, other| self.has_target(one) == self.has_target(other);
        if !MANDATORY.iter().all(|field| self.has(*field)) {
            Some("a mandatory field is absent")
        } else if self.0 & SPARE_BITS != 0 {
            Some("a bit without a field is set")
        } else if !both(2, 3) || !both(4, 5) {
            Some("half a position of a target")
        } else if self.has_target(2) && self.has_target(4) {
            Some("two positions of a target")
        } else if self.has_target(4) && !(self.has(10) && self.has(11)) {
            Some("a position without its scale")
        } else {
            None
        }
    }
}

/// A dwell. Raw, as sent; absent where the mask says so.
#[derive(Clone, Debug)]
pub struct Dwell {
    /// D1.
    pub mask: Mask,
    /// D2: which visit of the area.
    pub revisit: u16,
    /// D3: which dwell of the visit.
    pub dwell: u16,
    /// D4: the last one of the visit.
    pub last: bool,
    /// D6: milliseconds since the begin of the reference day, at the dwell's centre.
    pub time_ms: u32,
    /// D7: SA32.
    pub sensor_lat: i32,
    /// D8: BA32.
    pub sensor_lon: u32,
    /// D9: centimetres above the WGS-84 ellipsoid.
    pub sensor_alt_cm: i32,
    /// D10: SA32.
    pub lat_scale: Option<i32>,
    /// D11: BA32.
    pub lon_scale: Option<u32>,
    /// D12: standard deviation along the track, centimetres.
    pub along_track_cm: Option<u32>,
    /// D13: standard deviation across the track, centimetres.
    pub cross_track_cm: Option<u32>,
    /// D14: standard deviation of the altitude, centimetres.
    pub alt_deviation_cm: Option<u16>,
    /// D15: track over ground, BA16.
    pub track: Option<u16>,
    /// D16: millimetres per second.
    pub speed_mmps: Option<u32>,
    /// D17: decimetres per second, up.
    pub climb_dmps: Option<i8>,
    /// D18: standard deviation, degrees.
    pub track_deviation_deg: Option<u8>,
    /// D19: standard deviation, millimetres per second.
    pub speed_deviation_mmps: Option<u16>,
    /// D20: standard deviation, centimetres per second.
    pub climb_deviation_cmps: Option<u16>,
    /// D21: BA16.
    pub platform_heading: Option<u16>,
    /// D22: SA16.
    pub platform_pitch: Option<i16>,
    /// D23: SA16.
    pub platform_roll: Option<i16>,
    /// D24: SA32.
    pub centre_lat: i32,
    /// D25: BA32.
    pub centre_lon: u32,
    /// D26: half the extent in range, 1/128 kilometre.
    pub range_half: u16,
    /// D27: half the extent in angle, BA16.
    pub angle_half: u16,
    /// D28: BA16.
    pub sensor_heading: Option<u16>,
    /// D29: SA16.
    pub sensor_pitch: Option<i16>,
    /// D30: SA16.
    pub sensor_roll: Option<i16>,
    /// D31: decimetres per second; 255 says nothing.
    pub least_velocity_dmps: Option<u8>,
    /// D32, as many as D5 says.
    pub targets: Vec<Target>,
}

/// A target report. Raw, as sent; absent where the mask says so.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// D32.1.
    pub index: Option<u16>,
    /// D32.2 and D32.3, or what D32.4 and D32.5 make of D24 and D25: SA32 and BA32.
    pub position: Option<(i32, u32)>,
    /// D32.6: metres above the WGS-84 ellipsoid.
    pub height_m: Option<i16>,
    /// D32.7: centimetres per second, away from the sensor.
    pub radial_cmps: Option<i16>,
    /// D32.8: centimetres per second.
    pub wrap_cmps: Option<u16>,
    /// D32.9: decibels.
    pub snr_db: Option<i8>,
    /// D32.10: a number of the standard's table.
    pub class: Option<u8>,
    /// D32.11: percent.
    pub class_percent: Option<u8>,
    /// D32.12: standard deviation, centimetres.
    pub range_deviation_cm: Option<u16>,
    /// D32.13: standard deviation, decimetres.
    pub cross_deviation_dm: Option<u16>,
    /// D32.14: standard deviation, metres.
    pub height_deviation_m: Option<u8>,
    /// D32.15: standard deviation, centimetres per second.
    pub radial_deviation_cmps: Option<u16>,
    /// D32.16.
    pub truth_application: Option<u8>,
    /// D32.17.
    pub truth_entity: Option<u32>,
    /// D32.18: half decibels over a square metre.
    pub cross_section_half_db: Option<i8>,
}

/// Reads a field when the mask has it.
fn when<'a, T>(
    there: bool,
    reader: &mut Reader<'a>,
    read: fn(&mut Reader<'a>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    there.then(|| read(reader)).transpose()
}

impl Dwell {
    /// Reads a segment's content.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(reader: &mut Reader) -> Result<Self, Fault> {
        let start = *reader;
        let mask = Mask(reader.u64()?);
        if let Some(what) = mask.fault() {
            return Err(start.fault(Cause::ExistenceMask, what));
        }
        let has = |field| mask.has(field);
        let revisit = reader.u16()?;
        let dwell = reader.u16()?;
        let flag = reader.fault(Cause::Value, "the last dwell is neither 0 nor 1");
        let last = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(flag),
        };
        let reports = usize::from(reader.u16()?);
        let mut dwell = Self {
            mask,
            revisit,
            dwell,
            last,
            time_ms: reader.u32()?,
            sensor_lat: reader.i32()?,
            sensor_lon: reader.u32()?,
            sensor_alt_cm: reader.i32()?,
            lat_scale: when(has(10), reader, Reader::i32)?,
            lon_scale: when(has(11), reader, Reader::u32)?,
            along_track_cm: when(has(12), reader, Reader::u32)?,
            cross_track_cm: when(has(13), reader, Reader::u32)?,
            alt_deviation_cm: when(has(14), reader, Reader::u16)?,
            track: when(has(15), reader, Reader::u16)?,
            speed_mmps: when(has(16), reader, Reader::u32)?,
            climb_dmps: when(has(17), reader, Reader::i8)?,
            track_deviation_deg: when(has(18), reader, Reader::u8)?,
            speed_deviation_mmps: when(has(19), reader, Reader::u16)?,
            climb_deviation_cmps: when(has(20), reader, Reader::u16)?,
            platform_heading: when(has(21), reader, Reader::u16)?,
            platform_pitch: when(has(22), reader, Reader::i16)?,
            platform_roll: when(has(23), reader, Reader::i16)?,
            centre_lat: reader.i32()?,
            centre_lon: reader.u32()?,
            range_half: reader.u16()?,
            angle_half: reader.u16()?,
            sensor_heading: when(has(28), reader, Reader::u16)?,
            sensor_pitch: when(has(29), reader, Reader::i16)?,
            sensor_roll: when(has(30), reader, Reader::i16)?,
            least_velocity_dmps: when(has(31), reader, Reader::u8)?,
            targets: Vec::new(),
        };
        let target_bytes = mask.target_bytes();
        if reports > 0 && target_bytes == 0 {
            return Err(start.fault(Cause::ExistenceMask, "target reports without fields"));
        }
        // Looked at before anything is reserved: the count alone proves nothing.
        let mut left = *reader;
        if left.rest().len() != reports * target_bytes {
            return Err(reader.fault(
                Cause::SegmentLength,
                "the target reports do not fill the segment",
            ));
        }
        dwell.targets.reserve_exact(reports);
        for _ in 0..reports {
            let target = dwell.read_target(reader)?;
            dwell.targets.push(target);
        }
        Ok(dwell)
    }

    fn read_target(&self, reader: &mut Reader) -> Result<Target, Fault> {
        let has = |field| self.mask.has_target(field);
        let index = when(has(1), reader, Reader::u16)?;
        let position = if has(2) {
            Some((reader.i32()?, reader.u32()?))
        } else if has(4) {
            let fault = reader.fault(Cause::Value, "a latitude beyond a pole");
            let delta = (reader.i16()?, reader.i16()?);
            Some(self.moved(delta).ok_or(fault)?)
        } else {
            None
        };
        Ok(Target {
            index,
            position,
            height_m: when(has(6), reader, Reader::i16)?,
            radial_cmps: when(has(7), reader, Reader::i16)?,
            wrap_cmps: when(has(8), reader, Reader::u16)?,
            snr_db: when(has(9), reader, Reader::i8)?,
            class: when(has(10), reader, Reader::u8)?,
            class_percent: when(has(11), reader, Reader::u8)?,
            range_deviation_cm: when(has(12), reader, Reader::u16)?,
            cross_deviation_dm: when(has(13), reader, Reader::u16)?,
            height_deviation_m: when(has(14), reader, Reader::u8)?,
            radial_deviation_cmps: when(has(15), reader, Reader::u16)?,
            truth_application: when(has(16), reader, Reader::u8)?,
            truth_entity: when(has(17), reader, Reader::u32)?,
            cross_section_half_db: when(has(18), reader, Reader::i8)?,
        })
    }

    /// The dwell's centre, moved by whole steps of its scale (D32.4, D32.5: the position is
    /// centre + delta × scale). `None` beyond a pole.
    fn moved(&self, (lat_steps, lon_steps): (i16, i16)) -> Option<(i32, u32)> {
        let lat = i64::from(self.centre_lat) + i64::from(lat_steps) * i64::from(self.lat_scale?);
        let lon = i64::from(self.centre_lon) + i64::from(lon_steps) * i64::from(self.lon_scale?);
        // Longitudes go round: modulo 2³², which is 360 degrees.
        Some((i32::try_from(lat).ok()?, lon.rem_euclid(1 << 32) as u32))
    }
}
