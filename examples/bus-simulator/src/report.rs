//! What a sensor says about a track at one moment: the one thing every format encodes.

use crate::platform::Class;

/// A place on WGS-84, degrees; north and east positive.
///
/// A reported place may lie outside ±90° and ±180°: then it is a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Latitude.
    pub lat_deg: f64,
    /// Longitude.
    pub lon_deg: f64,
}

/// Where a platform truly is and how it moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    /// Place.
    pub position: Position,
    /// Speed over ground, m/s.
    pub speed_mps: f64,
    /// Course over ground, degrees from true north, 0 to below 360.
    pub course_deg: f64,
    /// Heading, degrees from true north, 0 to below 360.
    pub heading_deg: f64,
    /// Turn rate, degrees per second, positive to starboard.
    pub turn_rate_deg_s: f64,
    /// Height above the ellipsoid, metres; `None` for what floats or stands.
    pub altitude_m: Option<f64>,
    /// Climb, m/s, positive up.
    pub climb_mps: f64,
}

/// What a sensor measured; `None` is reported as "not available". Units as in [`State`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Place.
    pub position: Option<Position>,
    /// Speed over ground.
    pub speed_mps: Option<f64>,
    /// Course over ground.
    pub course_deg: Option<f64>,
    /// Heading.
    pub heading_deg: Option<f64>,
    /// Turn rate.
    pub turn_rate_deg_s: Option<f64>,
    /// Height.
    pub altitude_m: Option<f64>,
    /// Climb.
    pub climb_mps: Option<f64>,
}

/// The content of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Content {
    /// Where the platform is.
    Position(Measured),
    /// Who the platform is.
    Identity,
}

/// Who a track is, in every identity that some format needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Name in the scenario and in truth, unique.
    pub name: String,
    /// What it is.
    pub class: Class,
    /// Its AIS identity, if an AIS sensor reports it.
    pub ais: Option<AisIdentity>,
    /// Its identity as an aircraft, if a sensor of aircraft reports it.
    pub aircraft: Option<AircraftIdentity>,
}

/// Identity of an aircraft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AircraftIdentity {
    /// ICAO 24-bit address (Annex 10, Volume III, Part I, Chapter 9).
    pub icao: u32,
    /// Aircraft identification, at most 8 capitals and digits.
    pub callsign: String,
    /// Mode 3/A code, 12 bits: four octal digits.
    pub squawk: u16,
    /// Track number that system and radar give it, from 1.
    pub track_number: u16,
}

/// Identity of an AIS station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AisIdentity {
    /// Maritime mobile service identity, nine digits with leading zeros.
    pub mmsi: u32,
    /// Message type of its position reports: 1, 2, 3, 4, 9, 18 or 21.
    pub position_message: u8,
    /// Name on the air, at most 20 characters of the six-bit set.
    pub name: String,
    /// Call sign, at most 7 characters of the six-bit set.
    pub callsign: String,
    /// Destination, at most 20 characters of the six-bit set.
    pub destination: String,
    /// Type of aid to navigation, 0 to 31 (M.1371-5, Annex 8, § 3.19); only for aids.
    pub aid_type: u8,
}

/// One report, ready to be encoded.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Place in the scenario of the track that it speaks for, from 0: formats keep their state
    /// by it.
    pub track: usize,
    /// Who.
    pub identity: &'a Identity,
    /// When it leaves the sensor, nanoseconds since 1970 (UTC).
    pub sent_ns: u64,
    /// The moment for which it claims to hold, nanoseconds since 1970 (UTC).
    pub applies_ns: u64,
    /// What.
    pub content: Content,
}
