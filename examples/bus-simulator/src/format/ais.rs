//! AIS messages 1, 2, 3, 4, 5, 9, 18, 21 and 24, as ITU-R M.1371-5, Annex 8 lays them out.
//!
//! Each function packs one message's table, field by field in the table's order. Values that are
//! not available become the table's sentinels; values out of range are packed as they are, as far
//! as the field is wide, because a fault must reach the wire.

mod bits;
mod nmea;

use crate::geodesy::compass_deg;
use crate::platform::{Class, MPS_PER_KNOT};
use crate::report::{AisIdentity, Content, Measured, Position, Report};

use bits::Bits;
pub use bits::is_six_bit;
use nmea::Sentences;

use super::{Datagram, Format, Placed};

/// Characters of a name or destination (M.1371-5, Tables 52, 78).
pub const NAME_CHARS_MAX: usize = 20;
/// Characters of a call sign (M.1371-5, Table 52).
const CALLSIGN_CHARS: usize = 7;

/// SOTDMA state: UTC direct, slot time-out 0, slot offset 2,250, which is one frame
/// (M.1371-5, Annex 2, SOTDMA communication state).
const SOTDMA_STATE: u32 = 2_250;
/// ITDMA state: UTC direct, one slot, kept (M.1371-5, Annex 2, ITDMA communication state).
const ITDMA_STATE: u32 = 1;
/// State that a carrier-sense unit sends in place of its own (M.1371-5, Table 70).
const CARRIER_SENSE_STATE: u32 = 0b110_0000_0000_0000_0110;

/// Electronic position fixing device 1: GPS (M.1371-5, Table 52).
const EPFD_GPS: u32 = 1;
/// Electronic position fixing device 7: surveyed (M.1371-5, Table 52).
const EPFD_SURVEYED: u32 = 7;

/// The encoder of one AIS receiver.
#[derive(Debug)]
pub struct Ais {
    sentences: Sentences,
    /// Whether the next message of a track goes out on channel B: stations alternate
    /// (M.1371-5, Annex 2).
    channel_b: Vec<bool>,
    sentences_per_datagram: usize,
}

impl Ais {
    /// An encoder for `tracks` tracks, with at most so many sentences of a report in a datagram.
    pub fn new(tracks: usize, sentences_per_datagram: u8) -> Self {
        Self {
            sentences: Sentences::default(),
            channel_b: vec![false; tracks],
            sentences_per_datagram: usize::from(sentences_per_datagram.max(1)),
        }
    }
}

impl Format for Ais {
    fn encode(
        &mut self,
        reports: &[Report<'_>],
        out: &mut Vec<Datagram>,
        placed: &mut Vec<Placed>,
    ) {
        let first = out.len();
        for report in reports {
            let before = out.len() - first;
            self.encode_one(report, out);
            let after = out.len() - first;
            placed.push((after > before).then(|| [before, after - 1]));
        }
    }
}

impl Ais {
    fn encode_one(&mut self, report: &Report<'_>, out: &mut Vec<Datagram>) {
        let Some(ais) = &report.identity.ais else {
            return;
        };
        let messages = messages(report, ais);
        let mut filled = self.sentences_per_datagram;
        for (name, bits) in messages {
            let channel_b = &mut self.channel_b[report.track];
            let channel = if *channel_b { 'B' } else { 'A' };
            *channel_b = !*channel_b;
            for (place, sentence) in self.sentences.wrap(&bits, channel).enumerate() {
                if filled == self.sentences_per_datagram {
                    filled = 0;
                    out.push(Datagram {
                        bytes: Vec::with_capacity(96),
                        messages: Vec::with_capacity(1),
                    });
                }
                filled += 1;
                // The loop's first pass has just pushed one.
                if let Some(datagram) = out.last_mut() {
                    datagram.bytes.extend_from_slice(sentence.as_bytes());
                    if place == 0 {
                        datagram.messages.push(name);
                    }
                }
            }
        }
    }
}

/// The messages of a report, with their names.
fn messages(report: &Report<'_>, ais: &AisIdentity) -> Vec<(&'static str, Bits)> {
    let class = report.identity.class;
    match (report.content, ais.position_message) {
        (Content::Position(measured), 4) => vec![("4", base_station(report, ais, &measured))],
        (Content::Position(measured), 9) => vec![("9", sar_aircraft(report, ais, &measured))],
        (Content::Position(measured), 18) => vec![("18", class_b(report, ais, &measured))],
        (Content::Position(measured), 21) => vec![("21", aid(report, ais, &measured))],
        (Content::Position(measured), message) => {
            let name = match message {
                2 => "2",
                3 => "3",
                _ => "1",
            };
            vec![(name, class_a(report, ais, &measured))]
        }
        // Stations that do not move say who they are in every report.
        (Content::Identity, 4 | 21) => Vec::new(),
        (Content::Identity, 9) => vec![("24A", name_report(ais))],
        (Content::Identity, 18) => {
            vec![("24A", name_report(ais)), ("24B", static_b(ais, class))]
        }
        (Content::Identity, _) => vec![("5", static_a(ais, class))],
    }
}

/// Table 48: messages 1, 2 and 3, class A position report, 168 bits.
fn class_a(report: &Report<'_>, ais: &AisIdentity, measured: &Measured) -> Bits {
    let message = ais.position_message;
    let mut bits = Bits::message(message, ais.mmsi);
    bits.unsigned(navigational_status(report.identity.class), 4);
    bits.signed(turn_rate(measured.turn_rate_deg_s), 8);
    bits.unsigned(speed_tenths(measured.speed_mps), 10);
    bits.unsigned(1, 1); // accuracy: 10 m or better
    position(&mut bits, measured.position);
    bits.unsigned(course_tenths(measured.course_deg), 12);
    bits.unsigned(heading(measured.heading_deg), 9);
    bits.unsigned(utc_second(report), 6);
    bits.unsigned(0, 2); // special manoeuvre: not available
    bits.unsigned(0, 3); // spare
    bits.unsigned(0, 1); // RAIM not in use
    bits.unsigned(
        if message == 3 {
            ITDMA_STATE
        } else {
            SOTDMA_STATE
        },
        19,
    );
    bits
}

/// Table 51: message 4, base station report, 168 bits.
fn base_station(report: &Report<'_>, ais: &AisIdentity, measured: &Measured) -> Bits {
    let mut bits = Bits::message(4, ais.mmsi);
    let [year, month, day, hour, minute, second] = calendar(report.applies_ns);
    bits.unsigned(year, 14);
    bits.unsigned(month, 4);
    bits.unsigned(day, 5);
    bits.unsigned(hour, 5);
    bits.unsigned(minute, 6);
    bits.unsigned(second, 6);
    bits.unsigned(1, 1); // accuracy
    position(&mut bits, measured.position);
    bits.unsigned(EPFD_SURVEYED, 4);
    bits.unsigned(0, 1); // transmission control of message 27: default
    bits.unsigned(0, 9); // spare
    bits.unsigned(0, 1); // RAIM
    bits.unsigned(SOTDMA_STATE, 19);
    bits
}

/// Table 52: message 5, ship static and voyage related data, 424 bits.
fn static_a(ais: &AisIdentity, class: Class) -> Bits {
    let mut bits = Bits::message(5, ais.mmsi);
    bits.unsigned(2, 2); // station complies with M.1371-5
    // IMO number: not available. Any valid number could be a real ship's.
    bits.unsigned(0, 30);
    bits.text(&ais.callsign, CALLSIGN_CHARS);
    bits.text(&ais.name, NAME_CHARS_MAX);
    bits.unsigned(ship_type(class), 8);
    dimensions(&mut bits, class);
    bits.unsigned(EPFD_GPS, 4);
    // Estimated arrival: month 0, day 0, hour 24, minute 60 are "not available".
    bits.unsigned(0, 4);
    bits.unsigned(0, 5);
    bits.unsigned(24, 5);
    bits.unsigned(60, 6);
    bits.unsigned(draught_tenths(class), 8);
    bits.text(&ais.destination, NAME_CHARS_MAX);
    bits.unsigned(0, 1); // data terminal ready
    bits.unsigned(0, 1); // spare
    bits
}

/// Table 59: message 9, SAR aircraft position report, 168 bits.
fn sar_aircraft(report: &Report<'_>, ais: &AisIdentity, measured: &Measured) -> Bits {
    let mut bits = Bits::message(9, ais.mmsi);
    // Metres; 4,094 and more are 4,094, 4,095 is not available.
    let altitude = measured
        .altitude_m
        .map_or(4_095, |altitude| rounded(altitude, 0, 4_094));
    bits.unsigned(altitude, 12);
    // Whole knots here, not tenths.
    let speed = measured
        .speed_mps
        .map_or(1_023, |speed| rounded(speed / MPS_PER_KNOT, 0, 1_022));
    bits.unsigned(speed, 10);
    bits.unsigned(1, 1); // accuracy
    position(&mut bits, measured.position);
    bits.unsigned(course_tenths(measured.course_deg), 12);
    bits.unsigned(utc_second(report), 6);
    bits.unsigned(0, 1); // altitude from satellite navigation
    bits.unsigned(0, 7); // spare
    bits.unsigned(1, 1); // data terminal not ready
    bits.unsigned(0, 3); // spare
    bits.unsigned(0, 1); // autonomous mode
    bits.unsigned(0, 1); // RAIM
    bits.unsigned(0, 1); // the state is SOTDMA's
    bits.unsigned(SOTDMA_STATE, 19);
    bits
}

/// Table 70: message 18, class B position report, 168 bits.
fn class_b(report: &Report<'_>, ais: &AisIdentity, measured: &Measured) -> Bits {
    let mut bits = Bits::message(18, ais.mmsi);
    bits.unsigned(0, 8); // spare
    bits.unsigned(speed_tenths(measured.speed_mps), 10);
    bits.unsigned(1, 1); // accuracy
    position(&mut bits, measured.position);
    bits.unsigned(course_tenths(measured.course_deg), 12);
    bits.unsigned(heading(None), 9); // small craft seldom have a compass wired to it
    bits.unsigned(utc_second(report), 6);
    bits.unsigned(0, 2); // spare
    bits.unsigned(1, 1); // carrier-sense unit
    bits.unsigned(0, 1); // no display
    bits.unsigned(1, 1); // with DSC
    bits.unsigned(1, 1); // whole marine band
    bits.unsigned(1, 1); // takes channel management
    bits.unsigned(0, 1); // autonomous mode
    bits.unsigned(0, 1); // RAIM
    bits.unsigned(1, 1); // the state is ITDMA's, which carrier-sense units must say
    bits.unsigned(CARRIER_SENSE_STATE, 19);
    bits
}

/// § 3.19: message 21, aid-to-navigation report, 272 bits without an extension of the name.
fn aid(report: &Report<'_>, ais: &AisIdentity, measured: &Measured) -> Bits {
    let mut bits = Bits::message(21, ais.mmsi);
    bits.unsigned(u32::from(ais.aid_type), 5);
    bits.text(&ais.name, NAME_CHARS_MAX);
    bits.unsigned(1, 1); // accuracy
    position(&mut bits, measured.position);
    dimensions(&mut bits, Class::Aid);
    bits.unsigned(EPFD_GPS, 4);
    bits.unsigned(utc_second(report), 6);
    bits.unsigned(0, 1); // on position
    bits.unsigned(0, 8); // status: default
    bits.unsigned(0, 1); // RAIM
    bits.unsigned(0, 1); // a real aid
    bits.unsigned(0, 1); // autonomous mode
    bits.unsigned(0, 1); // spare
    bits
}

/// Table 78: message 24, part A, 160 bits.
fn name_report(ais: &AisIdentity) -> Bits {
    let mut bits = Bits::message(24, ais.mmsi);
    bits.unsigned(0, 2);
    bits.text(&ais.name, NAME_CHARS_MAX);
    bits
}

/// Table 79: message 24, part B, 168 bits.
fn static_b(ais: &AisIdentity, class: Class) -> Bits {
    let mut bits = Bits::message(24, ais.mmsi);
    bits.unsigned(1, 2);
    bits.unsigned(ship_type(class), 8);
    bits.text("SIM", 3); // vendor: not a registered one
    bits.unsigned(0, 4); // unit model
    bits.unsigned(0, 20); // serial number
    bits.text(&ais.callsign, CALLSIGN_CHARS);
    dimensions(&mut bits, class);
    bits.unsigned(EPFD_GPS, 4);
    bits.unsigned(0, 2); // spare
    bits
}

/// `value` as a whole number within `low..=high`.
fn rounded(value: f64, low: u32, high: u32) -> u32 {
    // The cast saturates, and NaN becomes 0: the clamp decides.
    (value.round() as i64).clamp(i64::from(low), i64::from(high)) as u32
}

/// Longitude, then latitude, in 1/10,000 min; 181° and 91° are not available (Table 48).
fn position(bits: &mut Bits, position: Option<Position>) {
    let Position { lat_deg, lon_deg } = position.unwrap_or(Position {
        lat_deg: 91.0,
        lon_deg: 181.0,
    });
    let steps = |degrees: f64| (degrees * 600_000.0).round() as i32;
    bits.signed(steps(lon_deg), 28);
    bits.signed(steps(lat_deg), 27);
}

/// Tenths of a knot; 1,022 is 102.2 kt or more, 1,023 not available (Table 48).
fn speed_tenths(speed_mps: Option<f64>) -> u32 {
    speed_mps.map_or(1_023, |speed| {
        rounded(speed / MPS_PER_KNOT * 10.0, 0, 1_022)
    })
}

/// Tenths of a degree; 3,600 is not available, and what is above should not be used (Table 48).
fn course_tenths(course_deg: Option<f64>) -> u32 {
    match course_deg {
        None => 3_600,
        // 359.97° rounds to north, not to "not available".
        Some(course) if course < 360.0 => rounded(compass_deg(course) * 10.0, 0, 3_600) % 3_600,
        Some(course) => rounded(course * 10.0, 3_601, 4_095),
    }
}

/// Whole degrees; 511 is not available (Table 48).
fn heading(heading_deg: Option<f64>) -> u32 {
    heading_deg.map_or(511, |heading| rounded(compass_deg(heading), 0, 360) % 360)
}

/// 4.733 times the root of the rate in degrees per minute, with its sign; −128 is not available
/// (Table 48).
fn turn_rate(turn_rate_deg_s: Option<f64>) -> i32 {
    turn_rate_deg_s.map_or(-128, |rate| {
        let size = 4.733 * (rate.abs() * 60.0).sqrt();
        (size.round().min(126.0).copysign(rate)) as i32
    })
}

/// Second of the minute for which the report holds (Table 48).
fn utc_second(report: &Report<'_>) -> u32 {
    (report.applies_ns / 1_000_000_000 % 60) as u32
}

/// Year, month, day, hour, minute, second in UTC.
fn calendar(time_ns: u64) -> [u32; 6] {
    // Scenario times end long before the calendar does; the standard's sentinels otherwise.
    let stamp = i64::try_from(time_ns / 1_000_000_000)
        .ok()
        .and_then(|second| jiff::Timestamp::from_second(second).ok());
    stamp.map_or([0, 0, 0, 24, 60, 60], |stamp| {
        let civil = jiff::tz::Offset::UTC.to_datetime(stamp);
        [
            i32::from(civil.year()),
            i32::from(civil.month()),
            i32::from(civil.day()),
            i32::from(civil.hour()),
            i32::from(civil.minute()),
            i32::from(civil.second()),
        ]
        .map(i32::unsigned_abs)
    })
}

/// Navigational status (Table 48).
fn navigational_status(class: Class) -> u32 {
    match class {
        Class::Cargo | Class::Ferry | Class::Pleasure => 0,
        Class::Anchored => 1,
        Class::Fishing => 7,
        Class::SarAircraft | Class::BaseStation | Class::Aid => 15,
        // Refused by the scenario's check: these carry no AIS.
        Class::Airliner
        | Class::LightAircraft
        | Class::Helicopter
        | Class::Fighter
        | Class::Drone => 15,
    }
}

/// Type of ship and cargo (M.1371-5, Table 53).
fn ship_type(class: Class) -> u32 {
    match class {
        Class::Cargo | Class::Anchored => 70,
        Class::Ferry => 60,
        Class::Fishing => 30,
        Class::Pleasure => 37,
        Class::SarAircraft
        | Class::BaseStation
        | Class::Aid
        | Class::Airliner
        | Class::LightAircraft
        | Class::Helicopter
        | Class::Fighter
        | Class::Drone => 0,
    }
}

/// Metres from the antenna to bow, stern, port and starboard, 9, 9, 6 and 6 bits (Figure 41).
fn dimensions(bits: &mut Bits, class: Class) {
    let [bow, stern, port, starboard] = match class {
        Class::Cargo | Class::Anchored => [130, 30, 14, 14],
        Class::Ferry => [90, 50, 12, 12],
        Class::Fishing => [18, 10, 4, 4],
        Class::Pleasure => [8, 5, 2, 2],
        Class::Aid => [2, 2, 2, 2],
        Class::SarAircraft
        | Class::BaseStation
        | Class::Airliner
        | Class::LightAircraft
        | Class::Helicopter
        | Class::Fighter
        | Class::Drone => [0; 4],
    };
    bits.unsigned(bow, 9);
    bits.unsigned(stern, 9);
    bits.unsigned(port, 6);
    bits.unsigned(starboard, 6);
}

/// Draught in tenths of a metre; 0 is not available (Table 52).
fn draught_tenths(class: Class) -> u32 {
    match class {
        Class::Cargo | Class::Anchored => 86,
        Class::Ferry => 62,
        Class::Fishing => 34,
        Class::Pleasure
        | Class::SarAircraft
        | Class::BaseStation
        | Class::Aid
        | Class::Airliner
        | Class::LightAircraft
        | Class::Helicopter
        | Class::Fighter
        | Class::Drone => 0,
    }
}

#[cfg(test)]
pub(crate) mod tests;
