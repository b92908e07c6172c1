//! Category 048, monoradar target reports: EUROCONTROL-SPEC-0149-4, edition 1.21.
//!
//! The radar measures slant range and azimuth; a report's place is turned into those two as seen
//! from the radar's site. A target beyond its range gives no record.

use super::{
    M_PER_NM, Record, Source, pack, quarter_levels, signed, six_bit, time_of_day, unsigned_16,
};
use crate::format::{Datagram, Format, Placed};
use crate::geodesy::Site;
use crate::report::{AircraftIdentity, Content, Measured, Report};

/// Largest track number of I048/161, 12 bits.
pub const RADAR_TRACK_NUMBER_MAX: u16 = 4_095;
/// Steps of a degree in 16 bits of a full turn.
const STEPS_PER_DEG: f64 = 65_536.0 / 360.0;
/// Climb above which a track counts as climbing, m/s.
const CLIMBING_MPS: f64 = 1.0;

/// The encoder of one radar.
#[derive(Debug)]
pub struct Cat048 {
    source: Source,
    site: Site,
    records_per_datagram: usize,
}

impl Cat048 {
    /// An encoder for the radar `source` at `site`, with at most so many records in a datagram.
    pub fn new(source: Source, site: Site, records_per_datagram: u16) -> Self {
        Self {
            source,
            site,
            records_per_datagram: usize::from(records_per_datagram),
        }
    }

    fn record(&self, report: &Report<'_>) -> Option<Record> {
        let aircraft = report.identity.aircraft.as_ref()?;
        let Content::Position(measured) = report.content else {
            return None;
        };
        let seen = measured
            .position
            .map(|position| self.site.sees(position, measured.altitude_m.unwrap_or(0.0)));
        // 16 bits of range end at 256 NM.
        if seen.is_some_and(|seen| seen.range_m >= 256.0 * M_PER_NM) {
            return None;
        }
        Some(self.target(report, aircraft, &measured))
    }

    /// Items in the order of the user application profile.
    fn target(
        &self,
        report: &Report<'_>,
        aircraft: &AircraftIdentity,
        measured: &Measured,
    ) -> Record {
        let mut record = Record::default();
        record.item(1, &[self.source.sac, self.source.sic]); // I048/010
        record.item(2, &time_of_day(report.applies_ns)); // I048/140
        record.item(3, &[0b1010_0000]); // I048/020: single Mode S roll-call
        if let Some(position) = measured.position {
            // I048/040: range in 1/256 NM, azimuth in 360/2¹⁶°.
            let seen = self.site.sees(position, measured.altitude_m.unwrap_or(0.0));
            let range = unsigned_16(seen.range_m / M_PER_NM * 256.0).to_be_bytes();
            let azimuth = turn_16(seen.azimuth_deg);
            record.item(4, &[range, azimuth].concat());
        }
        record.item(5, &aircraft.squawk.to_be_bytes()); // I048/070: validated, not garbled
        if let Some(altitude_m) = measured.altitude_m {
            // I048/090: 14 bits, a quarter of a flight level; validated, not garbled.
            let level = signed(quarter_levels(altitude_m), 14) as u16 & 0x3FFF;
            record.item(6, &level.to_be_bytes());
        }
        let [_, a, b, c] = aircraft.icao.to_be_bytes();
        record.item(8, &[a, b, c]); // I048/220
        record.item(9, &six_bit(&aircraft.callsign)); // I048/240
        record.item(11, &aircraft.track_number.to_be_bytes()); // I048/161
        if let (Some(speed_mps), Some(course_deg)) = (measured.speed_mps, measured.course_deg) {
            // I048/200: speed in 2⁻¹⁴ NM/s, course in 360/2¹⁶°.
            let speed = unsigned_16(speed_mps / M_PER_NM * 16_384.0).to_be_bytes();
            record.item(13, &[speed, turn_16(course_deg)].concat());
        }
        // I048/170: confirmed, SSR or Mode S track; climbing or descending.
        let upwards = match measured.climb_mps {
            None => 3,
            Some(climb) if climb > CLIMBING_MPS => 1,
            Some(climb) if climb < -CLIMBING_MPS => 2,
            Some(_) => 0,
        };
        record.item(14, &[2 << 5 | upwards << 1]);
        // I048/230: communication A and B, airborne, no alert; what it can.
        record.item(21, &[0b0010_0000, 0b1110_0000]);
        record
    }
}

/// A direction in 16 bits of a full turn.
fn turn_16(angle_deg: f64) -> [u8; 2] {
    let steps = (angle_deg.rem_euclid(360.0) * STEPS_PER_DEG).round() as u32;
    // 359.999° rounds to north.
    ((steps % 65_536) as u16).to_be_bytes()
}

impl Format for Cat048 {
    fn encode(
        &mut self,
        reports: &[Report<'_>],
        out: &mut Vec<Datagram>,
        placed: &mut Vec<Placed>,
    ) {
        let records = reports.iter().map(|report| self.record(report));
        pack(48, "048", self.records_per_datagram, records, out, placed);
    }
}
