//! Category 062, system track data: EUROCONTROL-SPEC-0149-9, edition 1.18.

use super::{M_PER_FT, Record, Source, pack, quarter_levels, signed, six_bit, time_of_day};
use crate::format::{Datagram, Format, Placed};
use crate::platform::Class;
use crate::report::{AircraftIdentity, Content, Measured, Report};

/// Steps of a degree in I062/105: 180/2²⁵°.
const STEPS_PER_DEG: f64 = (1_u64 << 25) as f64 / 180.0;
/// Turn rate above which a track counts as turning, degrees per second.
const TURNING_DEG_S: f64 = 0.2;
/// Climb above which a track counts as climbing, m/s.
const CLIMBING_MPS: f64 = 1.0;

/// The encoder of one tracker.
#[derive(Debug)]
pub struct Cat062 {
    source: Source,
    records_per_datagram: usize,
}

impl Cat062 {
    /// An encoder for `source`, with at most so many records in a datagram.
    pub fn new(source: Source, records_per_datagram: u16) -> Self {
        Self {
            source,
            records_per_datagram: usize::from(records_per_datagram),
        }
    }

    fn record(&self, report: &Report<'_>) -> Option<Record> {
        let aircraft = report.identity.aircraft.as_ref()?;
        let Content::Position(measured) = report.content else {
            return None;
        };
        Some(self.track(report, aircraft, &measured))
    }

    /// Items in the order of the user application profile.
    fn track(
        &self,
        report: &Report<'_>,
        aircraft: &AircraftIdentity,
        measured: &Measured,
    ) -> Record {
        let mut record = Record::default();
        record.item(1, &[self.source.sac, self.source.sic]); // I062/010
        record.item(4, &time_of_day(report.applies_ns)); // I062/070
        if let Some(position) = measured.position {
            // I062/105: latitude, longitude; 32 bits carry more than the standard allows.
            let lat = signed(position.lat_deg * STEPS_PER_DEG, 32).to_be_bytes();
            let lon = signed(position.lon_deg * STEPS_PER_DEG, 32).to_be_bytes();
            record.item(5, &[lat, lon].concat());
        }
        if let (Some(speed_mps), Some(course_deg)) = (measured.speed_mps, measured.course_deg) {
            // I062/185: to the east and to the north, 0.25 m/s.
            let (sin, cos) = course_deg.to_radians().sin_cos();
            let part = |share: f64| (signed(speed_mps * share * 4.0, 16) as i16).to_be_bytes();
            record.item(7, &[part(sin), part(cos)].concat());
        }
        record.item(9, &aircraft.squawk.to_be_bytes()); // I062/060: validated, not garbled
        // I062/245: callsign as downlinked from the target.
        let mut identification = vec![0];
        identification.extend_from_slice(&six_bit(&aircraft.callsign));
        record.item(10, &identification);
        // I062/380 with subfields 1, the target's address, and 21, its emitter category.
        let [_, a, b, c] = aircraft.icao.to_be_bytes();
        let category = emitter_category(report.identity.class);
        record.item(11, &[0x81, 0x01, 0x02, a, b, c, category]);
        record.item(12, &aircraft.track_number.to_be_bytes()); // I062/040
        // I062/080: several sensors, height by barometer, confirmed.
        record.item(13, &[0]);
        record.item(15, &[mode_of_movement(measured)]); // I062/200
        if let Some(altitude_m) = measured.altitude_m {
            // I062/136, a quarter of a flight level; I062/130, 6.25 ft.
            let level = signed(quarter_levels(altitude_m), 16) as i16;
            record.item(17, &level.to_be_bytes());
            let height = signed(altitude_m / M_PER_FT / 6.25, 16) as i16;
            record.item(18, &height.to_be_bytes());
        }
        if let Some(climb_mps) = measured.climb_mps {
            // I062/220: 6.25 ft/min.
            let rate = signed(climb_mps / M_PER_FT * 60.0 / 6.25, 16) as i16;
            record.item(20, &rate.to_be_bytes());
        }
        record
    }
}

/// I062/200: to the right or left, faster or slower (undetermined), up or down.
fn mode_of_movement(measured: &Measured) -> u8 {
    let across = match measured.turn_rate_deg_s {
        None => 3,
        Some(rate) if rate > TURNING_DEG_S => 1,
        Some(rate) if rate < -TURNING_DEG_S => 2,
        Some(_) => 0,
    };
    let along = 3;
    let upwards = match measured.climb_mps {
        None => 3,
        Some(climb) if climb > CLIMBING_MPS => 1,
        Some(climb) if climb < -CLIMBING_MPS => 2,
        Some(_) => 0,
    };
    across << 6 | along << 4 | upwards << 2
}

/// Subfield 21 of I062/380.
fn emitter_category(class: Class) -> u8 {
    match class {
        Class::LightAircraft => 1,
        Class::SarAircraft | Class::Airliner => 3,
        Class::Fighter => 6,
        Class::Helicopter => 10,
        Class::Drone => 13,
        // Refused by the scenario's check: 0 would be "not an aircraft that is known".
        Class::Cargo
        | Class::Ferry
        | Class::Fishing
        | Class::Pleasure
        | Class::Anchored
        | Class::BaseStation
        | Class::Aid => 0,
    }
}

impl Format for Cat062 {
    fn encode(
        &mut self,
        reports: &[Report<'_>],
        out: &mut Vec<Datagram>,
        placed: &mut Vec<Placed>,
    ) {
        let records = reports.iter().map(|report| self.record(report));
        pack(62, "062", self.records_per_datagram, records, out, placed);
    }
}
