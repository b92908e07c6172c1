//! Bodies: what a message says, as MessagePack.
//!
//! Keys stand in the order of the schemas in `schemas/`; a value that is not available is absent.

use outrigger_sdk::{AltDatum, Body, BodyError, Source, Text, Track};

use crate::map::{Map, add_pair, text};
use crate::report::{Aid, Base, Dimensions, Movement, Position, Static};
use crate::time::{EventTime, unix_ns};

/// MMSI in nine digits.
#[derive(Clone, Copy, Debug)]
pub struct Mmsi {
    digits: [u8; PREFIX.len() + 10],
    start: usize,
}

const PREFIX: &[u8] = b"mmsi:";

impl Mmsi {
    /// From its number. 30 bits can hold ten digits, which is no MMSI but is kept as sent.
    pub fn new(number: u32) -> Self {
        let mut digits = [b'0'; PREFIX.len() + 10];
        let mut rest = number;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let start = digits.len() - if number > 999_999_999 { 10 } else { 9 };
        digits[start - PREFIX.len()..start].copy_from_slice(PREFIX);
        Self { digits, start }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[self.start..]).unwrap_or_default()
    }

    /// The digits, as a platform's identity.
    fn platform_id(&self) -> Option<Text> {
        Text::ascii(&self.digits[self.start..])
    }

    /// `mmsi:` and the digits, as a track's identity.
    fn track_id(&self) -> Option<Text> {
        Text::ascii(&self.digits[self.start - PREFIX.len()..])
    }
}

/// What every message has beside its report.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Sender.
    pub mmsi: Mmsi,
    /// Time of applicability.
    pub time: EventTime,
    /// True for a report of the receiver's own ship or station.
    pub own: bool,
}

/// Body of `track.sea` and `track.air`: the canonical track, and under `ais` what only AIS says.
#[derive(Clone, Copy, Debug)]
pub struct TrackBody<'a>(pub Head, pub &'a Movement);
/// Body of `static.sea`.
#[derive(Clone, Copy, Debug)]
pub struct StaticBody<'a>(pub Head, pub &'a Static);
/// Body of `station.base`.
#[derive(Clone, Copy, Debug)]
pub struct BaseBody<'a>(pub Head, pub &'a Base);
/// Body of `aid.navigation`.
#[derive(Clone, Copy, Debug)]
pub struct AidBody<'a>(pub Head, pub &'a Aid);

/// A decoder writes bodies; nothing here reads one.
fn unread<T>() -> Result<T, BodyError> {
    Err(BodyError("this plugin only writes this body".into()))
}

/// Accuracy when the flag for high accuracy is set, metres. Source: M.1371-5, annex 8, § 3.1,
/// "high (≤ 10 m)". Without the flag it is worse or unknown, and so absent.
const ACCURACY_HIGH_M: f64 = 10.0;

impl Body for TrackBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(head, report) = self;
        let Some(track_id) = head.mmsi.track_id() else {
            return;
        };
        let mut track = Track::new(track_id, head.time.time_ns, head.time.source());
        track.platform_id = head.mmsi.platform_id();
        track.platform_class = match report.message_type {
            1..=3 => Text::new("class-a"),
            9 => Text::new("sar-aircraft"),
            18 | 19 => Text::new("class-b"),
            _ => None,
        };
        track.lat_deg = report.position.lat_deg;
        track.lon_deg = report.position.lon_deg;
        track.alt_m = report.alt_m.map(f64::from);
        track.alt_datum = report.alt_m.map(|_| {
            if report.alt_barometric {
                AltDatum::Barometric
            } else {
                AltDatum::Geometric
            }
        });
        track.speed_mps = report.speed_mps;
        track.course_deg = report.course_deg;
        track.heading_deg = report.heading_deg.map(f64::from);
        track.turn_rate_dps = report.turn.filter(|turn| turn.abs() < 127).map(turn_dps);
        track.source = Some(Source::Ais);
        track.accuracy_m = report.accurate.then_some(ACCURACY_HIGH_M);
        let start = out.len();
        track.encode(out);
        add_pair(out, start);
        text(out, "ais");
        Map::write(out, |map| extras(map, head, report));
    }
}

/// What only AIS says of a position.
fn extras(map: &mut Map<'_>, head: &Head, report: &Movement) {
    map.unsigned("message_type", report.message_type);
    map.unsigned("repeat_indicator", report.repeat);
    map.optional("navigation_status", report.status);
    map.text(
        "turn_beyond_scale",
        match report.turn {
            Some(127) => Some("starboard"),
            Some(-127) => Some("port"),
            _ => None,
        },
    );
    map.text("positioning_mode", positioning_mode(report.second));
    map.optional("special_manoeuvre", report.manoeuvre);
    map.flag("raim", Some(report.raim));
    map.flag("gnss_position_current", report.gnss_current);
    map.flag("dte_not_ready", report.dte);
    map.flag("assigned_mode", report.assigned);
    let unit = report.class_b;
    map.flag("unit_carrier_sense", unit.map(|unit| unit.carrier_sense));
    map.flag("unit_display", unit.map(|unit| unit.display));
    map.flag("unit_dsc", unit.map(|unit| unit.dsc));
    map.flag("unit_whole_band", unit.map(|unit| unit.whole_band));
    map.flag("unit_message_22", unit.map(|unit| unit.message_22));
    map.optional("communication_state", report.radio);
    map.origin(head);
}

/// What the time stamps 61 to 63 say of how the position was made.
fn positioning_mode(second: Option<u8>) -> Option<&'static str> {
    match second {
        Some(61) => Some("manual"),
        Some(62) => Some("dead-reckoning"),
        Some(63) => Some("inoperative"),
        _ => None,
    }
}

/// Degrees per second, clockwise. Source: M.1371-5, annex 8, § 3.1: the transmitted number is
/// 4.733 times the square root of the rate in degrees per minute.
fn turn_dps(turn: i8) -> f64 {
    let root = f64::from(turn) / 4.733;
    root * root.abs() / 60.0
}

impl Body for StaticBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(head, report) = self;
        Map::write(out, |map| {
            map.head(head, report.message_type, report.repeat);
            map.text("part", report.part);
            map.optional("ais_version", report.ais_version);
            map.optional("imo_number", report.imo);
            map.text("callsign", report.callsign.get());
            map.text("name", report.name.get());
            map.optional("ship_type", report.ship_type);
            map.dimensions(report.dimensions);
            map.optional("epfd_type", report.epfd);
            map.optional("eta_month", report.eta_month);
            map.optional("eta_day", report.eta_day);
            map.optional("eta_hour", report.eta_hour);
            map.optional("eta_minute", report.eta_minute);
            map.number(
                "draught_m",
                report.draught_dm.map(|dm| f64::from(dm) / 10.0),
            );
            map.text("destination", report.destination.get());
            map.flag("dte_not_ready", report.dte);
            map.flag("assigned_mode", report.assigned);
            map.text("vendor_id", report.vendor.get());
            map.optional("unit_model", report.unit_model);
            map.optional("unit_serial", report.unit_serial);
            let mothership = report.mothership_mmsi.map(Mmsi::new);
            map.text("mothership_id", mothership.as_ref().map(Mmsi::as_str));
        });
    }
}

impl Body for BaseBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(head, report) = self;
        Map::write(out, |map| {
            map.head(head, report.message_type, report.repeat);
            map.optional("utc_ns", utc_ns(report));
            map.position(report.position, report.accurate);
            map.optional("epfd_type", report.epfd);
            map.flag("raim", Some(report.raim));
            map.optional("communication_state", Some(report.radio));
        });
    }
}

/// The station's own clock, when it gave all of it.
fn utc_ns(report: &Base) -> Option<u64> {
    unix_ns(
        report.year?.into(),
        report.month?.into(),
        report.day?.into(),
        report.hour?.into(),
        report.minute?.into(),
        report.second?.into(),
    )
}

impl Body for AidBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(head, report) = self;
        Map::write(out, |map| {
            map.head(head, 21, report.repeat);
            map.optional("aid_type", report.aid_type);
            map.text("name", report.name.get());
            map.position(report.position, report.accurate);
            map.dimensions(report.dimensions);
            map.optional("epfd_type", report.epfd);
            map.text("positioning_mode", positioning_mode(Some(report.second)));
            // Without a time the flag means nothing.
            let timed = report.second < 60;
            map.flag("off_position", timed.then_some(report.off_position));
            map.flag("raim", Some(report.raim));
            map.flag("virtual", Some(report.is_virtual));
            map.flag("assigned_mode", Some(report.assigned));
        });
    }
}

impl Map<'_> {
    fn head(&mut self, head: &Head, message_type: u8, repeat: u8) {
        self.text("platform_id", Some(head.mmsi.as_str()));
        self.unsigned("time_ns", head.time.time_ns);
        self.text("time_source", Some(head.time.source().as_str()));
        self.origin(head);
        self.unsigned("message_type", message_type);
        self.unsigned("repeat_indicator", repeat);
    }

    /// Where the receive time was written; and that it was the receiver's own report, if it was.
    fn origin(&mut self, head: &Head) {
        self.text("receive_time_from", head.time.origin.name());
        self.flag("own", head.own.then_some(true));
    }

    fn position(&mut self, position: Position, accurate: bool) {
        self.number("lat_deg", position.lat_deg);
        self.number("lon_deg", position.lon_deg);
        self.number("accuracy_m", accurate.then_some(ACCURACY_HIGH_M));
    }

    fn dimensions(&mut self, dimensions: Option<Dimensions>) {
        if let Some(dimensions) = dimensions {
            self.unsigned("to_bow_m", dimensions.bow_m);
            self.unsigned("to_stern_m", dimensions.stern_m);
            self.unsigned("to_port_m", dimensions.port_m);
            self.unsigned("to_starboard_m", dimensions.starboard_m);
        }
    }
}

#[cfg(test)]
mod tests;
