//! ADS-B: Mode S extended squitters, downlink format 17, of version 0 to 2 transponders.
//!
//! Sections are those of ICAO Doc 9871, second edition, Appendix A, and of Annex 10, Volume IV. A
//! position report becomes a position squitter, even and odd in turn, and a velocity squitter; an
//! identity report becomes identification, and status with the Mode A code. The format carries no
//! time: a receiver stamps what it hears.

mod cpr;
mod frame;

use super::asterix::{M_PER_FT, six_bit};
use super::{Datagram, Format, Placed};
use crate::platform::{Class, MPS_PER_KNOT};
use crate::report::{AircraftIdentity, Content, Measured, Report};

use frame::Message;
pub use frame::{Encoding, FRAME_BYTES};

/// Type code 11: airborne position, barometric altitude, within 0.1 NM (Table A-2-5).
const TYPE_POSITION: u64 = 11;
/// Type code 0: no position information, with altitude (§ A.2.3.2.1).
const TYPE_NO_POSITION: u64 = 0;
/// Type code 19: airborne velocity (Table A-2-9).
const TYPE_VELOCITY: u64 = 19;
/// Type code 28, subtype 1: emergency status and Mode A code (Table A-2-97).
const TYPE_STATUS: u64 = 28;
/// Highest component of a subsonic velocity, knots (Table A-2-9a).
const SUBSONIC_MAX_KT: f64 = 1_021.0;

/// The encoder of one receiver.
#[derive(Debug)]
pub struct AdsB {
    encoding: Encoding,
    frames_per_datagram: usize,
    /// Whether the next position of a track is odd.
    odd: Vec<bool>,
}

impl AdsB {
    /// An encoder for `tracks` tracks, with at most so many frames of a report in a datagram.
    pub fn new(tracks: usize, encoding: Encoding, frames_per_datagram: u8) -> Self {
        Self {
            encoding,
            frames_per_datagram: usize::from(frames_per_datagram),
            odd: vec![false; tracks],
        }
    }

    fn messages(
        &mut self,
        report: &Report<'_>,
        aircraft: &AircraftIdentity,
    ) -> [(&'static str, Message); 2] {
        match report.content {
            Content::Position(measured) => {
                let odd = &mut self.odd[report.track];
                let position = position(&measured, *odd);
                *odd = !*odd;
                let name = if measured.position.is_some() {
                    "position"
                } else {
                    "no-position"
                };
                [(name, position), ("velocity", velocity(&measured))]
            }
            Content::Identity => [
                (
                    "identification",
                    identification(aircraft, report.identity.class),
                ),
                ("status", status(aircraft)),
            ],
        }
    }
}

impl Format for AdsB {
    fn encode(
        &mut self,
        reports: &[Report<'_>],
        out: &mut Vec<Datagram>,
        placed: &mut Vec<Placed>,
    ) {
        let first = out.len();
        for report in reports {
            let Some(aircraft) = &report.identity.aircraft else {
                placed.push(None);
                continue;
            };
            let before = out.len() - first;
            let mut filled = self.frames_per_datagram;
            for (name, message) in self.messages(report, aircraft) {
                if filled == self.frames_per_datagram {
                    filled = 0;
                    out.push(Datagram {
                        bytes: Vec::with_capacity(64),
                        messages: Vec::with_capacity(2),
                    });
                }
                filled += 1;
                // The loop's first pass has just pushed one.
                if let Some(datagram) = out.last_mut() {
                    let frame = frame::squitter(aircraft.icao, message);
                    self.encoding
                        .wrap(&frame, report.sent_ns, &mut datagram.bytes);
                    datagram.messages.push(name);
                }
            }
            placed.push(Some([before, out.len() - 1 - first]));
        }
    }
}

/// Table A-2-5: airborne position; without a place, type code 0 (§ A.2.3.2.1).
fn position(measured: &Measured, odd: bool) -> Message {
    let mut message = Message::default();
    message.put(
        if measured.position.is_some() {
            TYPE_POSITION
        } else {
            TYPE_NO_POSITION
        },
        5,
    );
    message.put(0, 2); // no condition
    message.put(0, 1); // one antenna, or NIC supplement B
    message.put(measured.altitude_m.map_or(0, altitude_code), 12);
    message.put(0, 1); // time not synchronised to UTC
    message.put(u64::from(odd), 1);
    match measured.position {
        Some(place) => {
            let (lat, lon) = cpr::encode(place, odd);
            message.put(u64::from(lat), 17);
            message.put(u64::from(lon), 17);
        }
        None => message.put(0, 34),
    }
    message
}

/// Twelve bits of altitude in steps of 25 ft from −1,000 ft, with the Q bit (Annex 10, Volume IV,
/// § 3.1.2.6.5.4); 0, not available, outside of what they hold.
fn altitude_code(altitude_m: f64) -> u64 {
    let steps = ((altitude_m / M_PER_FT + 1_000.0) / 25.0).round();
    if (0.0..2_048.0).contains(&steps) {
        let steps = steps as u64;
        (steps >> 4) << 5 | 1 << 4 | (steps & 0xF)
    } else {
        0
    }
}

/// Table A-2-9a and A-2-9b: airborne velocity over ground, subtype 1, or 2 above the speed of
/// sound, in steps of four knots.
fn velocity(measured: &Measured) -> Message {
    let parts_kt = match (measured.speed_mps, measured.course_deg) {
        (Some(speed_mps), Some(course_deg)) => {
            let (sin, cos) = course_deg.to_radians().sin_cos();
            Some([sin, cos].map(|share| share * speed_mps / MPS_PER_KNOT))
        }
        (_, _) => None,
    };
    let fast = parts_kt.is_some_and(|parts| parts.iter().any(|part| part.abs() > SUBSONIC_MAX_KT));
    let mut message = Message::default();
    message.put(TYPE_VELOCITY, 5);
    message.put(if fast { 2 } else { 1 }, 3);
    message.put(0, 1); // no change of intent
    message.put(0, 1); // reserved
    message.put(2, 3); // accuracy: better than 3 m/s
    for place in 0..2 {
        // 0 is "not available", 1 is none.
        let (minus, steps) = parts_kt.map_or((0, 0), |parts| {
            let step_kt = if fast { 4.0 } else { 1.0 };
            let steps = (parts[place].abs() / step_kt).round().min(1_022.0) as u64;
            (u64::from(parts[place] < 0.0), steps + 1)
        });
        message.put(minus, 1);
        message.put(steps, 10);
    }
    message.put(1, 1); // vertical rate by barometer
    let (minus, steps) = measured.climb_mps.map_or((0, 0), |climb_mps| {
        let steps = climb_mps / M_PER_FT * 60.0 / 64.0;
        (
            u64::from(steps < 0.0),
            steps.abs().round().min(510.0) as u64 + 1,
        )
    });
    message.put(minus, 1);
    message.put(steps, 9);
    message.put(0, 2); // reserved
    // Height by satellite equals that by barometer: the simulated air is the standard's.
    message.put(0, 1);
    message.put(1, 7);
    message
}

/// Table A-2-8: identification and category.
fn identification(aircraft: &AircraftIdentity, class: Class) -> Message {
    let mut message = Message::default();
    let (type_code, category) = category(class);
    message.put(type_code, 5);
    message.put(category, 3);
    for byte in six_bit(&aircraft.callsign) {
        message.put(u64::from(byte), 8);
    }
    message
}

/// Type code and emitter category (Table A-2-8): set A is type 4, set B is type 3.
fn category(class: Class) -> (u64, u64) {
    match class {
        Class::LightAircraft => (4, 1),
        Class::SarAircraft => (4, 2),
        Class::Airliner => (4, 3),
        Class::Fighter => (4, 6),
        Class::Helicopter => (4, 7),
        Class::Drone => (3, 6),
        // Refused by the scenario's check: these carry no ADS-B.
        Class::Cargo
        | Class::Ferry
        | Class::Fishing
        | Class::Pleasure
        | Class::Anchored
        | Class::BaseStation
        | Class::Aid => (4, 0),
    }
}

/// Table A-2-97: no emergency, and the Mode A code.
fn status(aircraft: &AircraftIdentity) -> Message {
    let mut message = Message::default();
    message.put(TYPE_STATUS, 5);
    message.put(1, 3);
    message.put(0, 3); // no emergency
    message.put(identity_code(aircraft.squawk), 13);
    message.put(0, 32);
    message
}

/// The thirteen bits C1 A1 C2 A2 C4 A4 X B1 D1 B2 D2 B4 D4 (Annex 10, Volume IV, § 3.1.2.6.7.1).
fn identity_code(squawk: u16) -> u64 {
    // From the highest bit of the four octal digits A, B, C and D, the weight 4 first.
    let bit = |digit: u32, weight: u32| u64::from(squawk >> (9 - 3 * digit) >> weight & 1);
    let order = [
        (2, 0),
        (0, 0),
        (2, 1),
        (0, 1),
        (2, 2),
        (0, 2),
        (9, 0),
        (1, 0),
        (3, 0),
        (1, 1),
        (3, 1),
        (1, 2),
        (3, 2),
    ];
    order.iter().fold(0, |code, (digit, weight)| {
        code << 1 | if *digit < 4 { bit(*digit, *weight) } else { 0 }
    })
}

#[cfg(test)]
mod tests;
