//! Bits of a message to what it says.
//!
//! Source of every position, width and value for "not available": ITU-R M.1371-5, annex 8; the
//! section is named at each type. What always holds: a message has the length of its type, so
//! nothing is read from bits that were not sent.

use crate::bits::Bits;
use crate::report::{Aid, Base, ClassB, Dimensions, Movement, Position, Report, Static};

/// Why bits are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// No bits, or a type that does not exist.
    Type,
    /// Fewer or more bits than the type has.
    Length,
}

/// Bits of each type that is read: fewest and most. Source: M.1371-5, annex 8; up to five bits
/// more, where a sender fills the last character and does not say so. Name extensions of type 21
/// have up to 14 characters and their filling.
fn length_bits(message_type: u8, part: u32) -> (usize, usize) {
    match (message_type, part) {
        (1..=4 | 9 | 11 | 18, _) => (168, 173),
        (5, _) => (424, 429),
        (19, _) => (312, 317),
        (21, _) => (272, 365),
        (24, 0) => (160, 173),
        (24, _) => (168, 173),
        (27, _) => (96, 101),
        // Counted only: at least type, repeat indicator and MMSI.
        _ => (38, usize::MAX),
    }
}

/// Bits of a type 27 that a shore station has padded to a whole slot, as gpsd's samples show.
const PADDED_LONG_RANGE: std::ops::RangeInclusive<usize> = 168..=173;

/// Reads a message.
///
/// # Errors
/// The bits are none of the types, or not of the length of their type.
pub fn read(bits: &Bits) -> Result<Report, ReadError> {
    if bits.len() < 6 {
        return Err(ReadError::Type);
    }
    let message_type = bits.unsigned(0, 6) as u8;
    if !(1..=27).contains(&message_type) {
        return Err(ReadError::Type);
    }
    let part = bits.unsigned(38, 2);
    let (fewest, most) = length_bits(message_type, part);
    let padded = message_type == 27 && PADDED_LONG_RANGE.contains(&bits.len());
    if !(fewest..=most).contains(&bits.len()) && !padded {
        return Err(ReadError::Length);
    }
    Ok(match message_type {
        1..=3 => Report::Movement(class_a(bits, message_type)),
        4 | 11 => Report::Base(base(bits, message_type)),
        5 => Report::Static(voyage(bits)),
        9 => Report::Movement(aircraft(bits)),
        18 => Report::Movement(class_b(bits)),
        19 => {
            let (movement, data) = class_b_extended(bits);
            Report::Both(movement, data)
        }
        21 => Report::Aid(aid(bits)),
        24 if part == 0 => Report::Static(part_a(bits)),
        24 if part == 1 => Report::Static(part_b(bits)),
        27 => Report::Movement(long_range(bits)),
        other => Report::Counted(other),
    })
}

/// Types 1, 2, 3: § 3.1.
#[inline]
fn class_a(bits: &Bits, message_type: u8) -> Movement {
    Movement {
        status: unless(bits.unsigned(38, 4) as u8, 15),
        turn: unless(bits.signed(42, 8) as i8, -128),
        heading_deg: unless(bits.unsigned(128, 9) as u16, 511),
        second: Some(bits.unsigned(137, 6) as u8),
        manoeuvre: unless(bits.unsigned(143, 2) as u8, 0),
        raim: bits.flag(148),
        radio: Some(bits.unsigned(149, 19)),
        ..moving(bits, message_type, 50)
    }
}

/// Type 18: § 3.16.
#[inline]
fn class_b(bits: &Bits) -> Movement {
    Movement {
        heading_deg: unless(bits.unsigned(124, 9) as u16, 511),
        second: Some(bits.unsigned(133, 6) as u8),
        raim: bits.flag(147),
        radio: Some(bits.unsigned(148, 20)),
        assigned: Some(bits.flag(146)),
        class_b: Some(ClassB {
            carrier_sense: bits.flag(141),
            display: bits.flag(142),
            dsc: bits.flag(143),
            whole_band: bits.flag(144),
            message_22: bits.flag(145),
        }),
        ..moving(bits, 18, 46)
    }
}

/// Type 19: § 3.17.
fn class_b_extended(bits: &Bits) -> (Movement, Static) {
    let movement = Movement {
        heading_deg: unless(bits.unsigned(124, 9) as u16, 511),
        second: Some(bits.unsigned(133, 6) as u8),
        raim: bits.flag(305),
        dte: Some(bits.flag(306)),
        assigned: Some(bits.flag(307)),
        ..moving(bits, 19, 46)
    };
    let data = Static {
        name: bits.text(143, 20),
        ship_type: unless(bits.unsigned(263, 8) as u8, 0),
        dimensions: dimensions(bits, 271),
        epfd: unless(bits.unsigned(301, 4) as u8, 0),
        dte: Some(bits.flag(306)),
        assigned: Some(bits.flag(307)),
        ..identity(bits, 19)
    };
    (movement, data)
}

/// Type 9: § 3.7. Speed is in whole knots.
fn aircraft(bits: &Bits) -> Movement {
    Movement {
        speed_mps: unless(bits.unsigned(50, 10), 1_023).map(|knots| f64::from(knots) * KNOT_MPS),
        alt_m: unless(bits.unsigned(38, 12) as u16, 4_095),
        alt_barometric: bits.flag(134),
        second: Some(bits.unsigned(128, 6) as u8),
        dte: Some(bits.flag(142)),
        assigned: Some(bits.flag(146)),
        raim: bits.flag(147),
        radio: Some(bits.unsigned(148, 20)),
        ..moving(bits, 9, 50)
    }
}

/// Type 27: § 3.25. Positions are in tenths of a minute, speed in whole knots, course in whole
/// degrees.
fn long_range(bits: &Bits) -> Movement {
    let tenth = |value: i32| f64::from(value) / 600.0;
    Movement {
        status: unless(bits.unsigned(40, 4) as u8, 15),
        speed_mps: unless(bits.unsigned(79, 6), 63).map(|knots| f64::from(knots) * KNOT_MPS),
        accurate: bits.flag(38),
        position: Position {
            lon_deg: unless(bits.signed(44, 18), 181 * 600).map(tenth),
            lat_deg: unless(bits.signed(62, 17), 91 * 600).map(tenth),
        },
        course_deg: unless(bits.unsigned(85, 9), 511).map(f64::from),
        second: None,
        raim: bits.flag(39),
        gnss_current: Some(!bits.flag(94)),
        ..still(bits, 27)
    }
}

/// One knot in metres per second. Source: 1,852 m an hour.
const KNOT_MPS: f64 = 1_852.0 / 3_600.0;

/// What reports of movement share: speed, accuracy, position and course stand together from bit
/// `at` on.
#[inline]
fn moving(bits: &Bits, message_type: u8, at: usize) -> Movement {
    Movement {
        speed_mps: unless(bits.unsigned(at, 10), 1_023)
            .map(|tenths| f64::from(tenths) * 1_852.0 / 36_000.0),
        accurate: bits.flag(at + 10),
        position: position(bits, at + 11),
        course_deg: unless(bits.unsigned(at + 66, 12), 3_600)
            .map(|tenths| f64::from(tenths) / 10.0),
        ..still(bits, message_type)
    }
}

#[inline]
fn still(bits: &Bits, message_type: u8) -> Movement {
    Movement {
        message_type,
        repeat: bits.unsigned(6, 2) as u8,
        mmsi: bits.unsigned(8, 30),
        status: None,
        turn: None,
        speed_mps: None,
        alt_m: None,
        alt_barometric: false,
        accurate: false,
        position: Position::default(),
        course_deg: None,
        heading_deg: None,
        second: None,
        manoeuvre: None,
        raim: false,
        radio: None,
        assigned: None,
        dte: None,
        class_b: None,
        gnss_current: None,
    }
}

/// Types 4 and 11: § 3.2 and § 3.9.
fn base(bits: &Bits, message_type: u8) -> Base {
    Base {
        message_type,
        repeat: bits.unsigned(6, 2) as u8,
        mmsi: bits.unsigned(8, 30),
        year: unless(bits.unsigned(38, 14) as u16, 0),
        month: unless(bits.unsigned(52, 4) as u8, 0),
        day: unless(bits.unsigned(56, 5) as u8, 0),
        hour: unless(bits.unsigned(61, 5) as u8, 24),
        minute: unless(bits.unsigned(66, 6) as u8, 60),
        second: unless(bits.unsigned(72, 6) as u8, 60),
        accurate: bits.flag(78),
        position: position(bits, 79),
        epfd: unless(bits.unsigned(134, 4) as u8, 0),
        raim: bits.flag(148),
        radio: bits.unsigned(149, 19),
    }
}

/// Type 5: § 3.3.
fn voyage(bits: &Bits) -> Static {
    Static {
        ais_version: Some(bits.unsigned(38, 2) as u8),
        imo: unless(bits.unsigned(40, 30), 0),
        callsign: bits.text(70, 7),
        name: bits.text(112, 20),
        ship_type: unless(bits.unsigned(232, 8) as u8, 0),
        dimensions: dimensions(bits, 240),
        epfd: unless(bits.unsigned(270, 4) as u8, 0),
        eta_month: unless(bits.unsigned(274, 4) as u8, 0),
        eta_day: unless(bits.unsigned(278, 5) as u8, 0),
        eta_hour: unless(bits.unsigned(283, 5) as u8, 24),
        eta_minute: unless(bits.unsigned(288, 6) as u8, 60),
        draught_dm: unless(bits.unsigned(294, 8) as u8, 0),
        destination: bits.text(302, 20),
        dte: Some(bits.flag(422)),
        ..identity(bits, 5)
    }
}

/// Type 24 part A: § 3.22.
fn part_a(bits: &Bits) -> Static {
    Static {
        part: Some('A'),
        name: bits.text(40, 20),
        ..identity(bits, 24)
    }
}

/// MMSI of ships: a country's three digits first. Source: ITU-R M.585.
const SHIP_MMSI: std::ops::RangeInclusive<u32> = 201_000_000..=775_999_999;

/// Type 24 part B: § 3.22. Auxiliary craft (MMSI 98…) may give their mother ship's MMSI instead of
/// dimensions. Nothing says which it is but the number: read as dimensions, a ship's MMSI would
/// be a bow of 95 m or more, which no auxiliary craft has.
fn part_b(bits: &Bits) -> Static {
    let identity = identity(bits, 24);
    let mothership = bits.unsigned(132, 30);
    let auxiliary = identity.mmsi / 10_000_000 == 98 && SHIP_MMSI.contains(&mothership);
    Static {
        part: Some('B'),
        ship_type: unless(bits.unsigned(40, 8) as u8, 0),
        vendor: bits.text(48, 3),
        unit_model: Some(bits.unsigned(66, 4) as u8),
        unit_serial: Some(bits.unsigned(70, 20)),
        callsign: bits.text(90, 7),
        dimensions: (!auxiliary).then(|| dimensions(bits, 132)).flatten(),
        mothership_mmsi: auxiliary.then_some(mothership),
        epfd: unless(bits.unsigned(162, 4) as u8, 0),
        ..identity
    }
}

fn identity(bits: &Bits, message_type: u8) -> Static {
    Static {
        message_type,
        repeat: bits.unsigned(6, 2) as u8,
        mmsi: bits.unsigned(8, 30),
        ..Static::default()
    }
}

/// Type 21: § 3.19.
fn aid(bits: &Bits) -> Aid {
    let extension = (bits.len() - 272) / 6;
    let name = bits.text(43, 20);
    Aid {
        repeat: bits.unsigned(6, 2) as u8,
        mmsi: bits.unsigned(8, 30),
        aid_type: unless(bits.unsigned(38, 5) as u8, 0),
        name: name.join(bits.text(272, extension)),
        accurate: bits.flag(163),
        position: position(bits, 164),
        dimensions: dimensions(bits, 219),
        epfd: unless(bits.unsigned(249, 4) as u8, 0),
        second: bits.unsigned(253, 6) as u8,
        off_position: bits.flag(259),
        raim: bits.flag(268),
        is_virtual: bits.flag(269),
        assigned: bits.flag(270),
    }
}

/// Longitude and latitude in ten-thousandths of a minute. 181° and 91° stand for none.
fn position(bits: &Bits, at: usize) -> Position {
    let degrees = |value: i32| f64::from(value) / 600_000.0;
    Position {
        lon_deg: unless(bits.signed(at, 28), 181 * 600_000).map(degrees),
        lat_deg: unless(bits.signed(at + 28, 27), 91 * 600_000).map(degrees),
    }
}

/// Four dimensions from bit `at`; absent when all are zero. One alone may be zero: that is a
/// reference point at the edge, or one that is not given.
fn dimensions(bits: &Bits, at: usize) -> Option<Dimensions> {
    (bits.unsigned(at, 30) != 0).then(|| Dimensions {
        bow_m: bits.unsigned(at, 9) as u16,
        stern_m: bits.unsigned(at + 9, 9) as u16,
        port_m: bits.unsigned(at + 18, 6) as u16,
        starboard_m: bits.unsigned(at + 24, 6) as u16,
    })
}

/// `value`, unless it is the one that stands for "not available".
fn unless<T: PartialEq>(value: T, sentinel: T) -> Option<T> {
    (value != sentinel).then_some(value)
}

#[cfg(test)]
mod tests;
