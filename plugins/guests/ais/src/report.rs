//! What AIS messages say, field by field. Numbers are as transmitted; absent means the sender
//! said "not available".
//!
//! Shapes only; `read` fills them.

use crate::bits::Text;

/// A position in degrees, WGS-84. A value out of range is kept: judging is not decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// Longitude, degrees east.
    pub lon_deg: Option<f64>,
    /// Latitude, degrees north.
    pub lat_deg: Option<f64>,
}

/// Overall dimensions seen from the reference point of the position, metres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// To the bow.
    pub bow_m: u16,
    /// To the stern.
    pub stern_m: u16,
    /// To port.
    pub port_m: u16,
    /// To starboard.
    pub starboard_m: u16,
}

/// Position reports: types 1 to 3, 9, 18, 19 and 27.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Movement {
    /// Message type.
    pub message_type: u8,
    /// How often it was repeated, 0 to 3.
    pub repeat: u8,
    /// MMSI.
    pub mmsi: u32,
    /// Navigational status, 0 to 14.
    pub status: Option<u8>,
    /// Rate of turn as transmitted, -127 to 127.
    pub turn: Option<i8>,
    /// Speed over ground, metres per second.
    pub speed_mps: Option<f64>,
    /// Altitude, metres; types 9.
    pub alt_m: Option<u16>,
    /// True if the altitude is barometric; types 9.
    pub alt_barometric: bool,
    /// True if the position is better than 10 m.
    pub accurate: bool,
    /// Position.
    pub position: Position,
    /// Course over ground, degrees.
    pub course_deg: Option<f64>,
    /// True heading, degrees.
    pub heading_deg: Option<u16>,
    /// Time stamp as transmitted: second of the minute, or 60 to 63. Type 27 has none.
    pub second: Option<u8>,
    /// Special manoeuvre: 1 not engaged, 2 engaged.
    pub manoeuvre: Option<u8>,
    /// True if receiver autonomous integrity monitoring is in use.
    pub raim: bool,
    /// Communication state, link layer, with its selector where there is one.
    pub radio: Option<u32>,
    /// True in assigned mode; types 9, 18, 19.
    pub assigned: Option<bool>,
    /// Data terminal not ready; types 9, 19.
    pub dte: Option<bool>,
    /// Equipment of a class B unit; type 18.
    pub class_b: Option<ClassB>,
    /// True if the position is the current GNSS position; type 27.
    pub gnss_current: Option<bool>,
}

/// Equipment of a class B unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassB {
    /// True for a carrier sense unit, false for a SOTDMA unit.
    pub carrier_sense: bool,
    /// Has a display.
    pub display: bool,
    /// Has a DSC receiver.
    pub dsc: bool,
    /// Works on the whole marine band.
    pub whole_band: bool,
    /// Accepts channel management by message 22.
    pub message_22: bool,
}

/// Static data: types 5, 19 and 24.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Static {
    /// Message type.
    pub message_type: u8,
    /// How often it was repeated, 0 to 3.
    pub repeat: u8,
    /// MMSI.
    pub mmsi: u32,
    /// `A` or `B` of type 24.
    pub part: Option<char>,
    /// AIS version, 0 to 3; type 5.
    pub ais_version: Option<u8>,
    /// IMO number.
    pub imo: Option<u32>,
    /// Call sign.
    pub callsign: Text,
    /// Name of the ship.
    pub name: Text,
    /// Type of ship and cargo.
    pub ship_type: Option<u8>,
    /// Dimensions.
    pub dimensions: Option<Dimensions>,
    /// Type of position fixing device.
    pub epfd: Option<u8>,
    /// ETA month, 1 to 12.
    pub eta_month: Option<u8>,
    /// ETA day.
    pub eta_day: Option<u8>,
    /// ETA hour.
    pub eta_hour: Option<u8>,
    /// ETA minute.
    pub eta_minute: Option<u8>,
    /// Draught, decimetres.
    pub draught_dm: Option<u8>,
    /// Destination.
    pub destination: Text,
    /// Data terminal not ready.
    pub dte: Option<bool>,
    /// Manufacturer; type 24 B.
    pub vendor: Text,
    /// Unit model code; type 24 B.
    pub unit_model: Option<u8>,
    /// Unit serial number; type 24 B.
    pub unit_serial: Option<u32>,
    /// MMSI of the mother ship, of an auxiliary craft; type 24 B.
    pub mothership_mmsi: Option<u32>,
    /// True in assigned mode; type 19, which also has it in its position report.
    pub assigned: Option<bool>,
}

/// Base station report and UTC response: types 4 and 11.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Base {
    /// Message type.
    pub message_type: u8,
    /// How often it was repeated, 0 to 3.
    pub repeat: u8,
    /// MMSI.
    pub mmsi: u32,
    /// UTC year.
    pub year: Option<u16>,
    /// UTC month.
    pub month: Option<u8>,
    /// UTC day.
    pub day: Option<u8>,
    /// UTC hour.
    pub hour: Option<u8>,
    /// UTC minute.
    pub minute: Option<u8>,
    /// UTC second.
    pub second: Option<u8>,
    /// True if the position is better than 10 m.
    pub accurate: bool,
    /// Position.
    pub position: Position,
    /// Type of position fixing device.
    pub epfd: Option<u8>,
    /// True if receiver autonomous integrity monitoring is in use.
    pub raim: bool,
    /// Communication state, link layer.
    pub radio: u32,
}

/// Aid to navigation: type 21.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aid {
    /// How often it was repeated, 0 to 3.
    pub repeat: u8,
    /// MMSI.
    pub mmsi: u32,
    /// Type of aid, 1 to 31.
    pub aid_type: Option<u8>,
    /// Name, with its extension.
    pub name: Text,
    /// True if the position is better than 10 m.
    pub accurate: bool,
    /// Position.
    pub position: Position,
    /// Dimensions.
    pub dimensions: Option<Dimensions>,
    /// Type of position fixing device.
    pub epfd: Option<u8>,
    /// Time stamp as transmitted: second of the minute, or 60 to 63.
    pub second: u8,
    /// True if off its position; meaningful only while `second` is below 60.
    pub off_position: bool,
    /// True if receiver autonomous integrity monitoring is in use.
    pub raim: bool,
    /// True for an aid that is not there but for its signal.
    pub is_virtual: bool,
    /// True in assigned mode.
    pub assigned: bool,
}

/// A decoded message.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // lives on the stack, one at a time
pub enum Report {
    /// Position of a ship or aircraft.
    Movement(Movement),
    /// Static and voyage data.
    Static(Static),
    /// Position of a ship with its static data: type 19.
    Both(Movement, Static),
    /// Base station.
    Base(Base),
    /// Aid to navigation.
    Aid(Aid),
    /// A type that is counted only, 1 to 27.
    Counted(u8),
}
