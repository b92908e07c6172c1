//! Truth: one JSON line for each report sent, beside what it claimed.

use serde::Serialize;

use crate::report::{Measured, State};

/// One report: what was, what was reported, and the fault between the two.
#[derive(Debug, Clone, Serialize)]
pub struct Truth<'a> {
    /// Number of the report in the run, from 0.
    pub report: u64,
    /// First and last datagram that carry it, counted from 0; `null` when it was not sent.
    pub datagrams: Option<[u64; 2]>,
    /// When it was due to be sent, nanoseconds since 1970 (UTC).
    pub sent_ns: u64,
    /// The moment its content is true for, nanoseconds since 1970 (UTC).
    pub applies_ns: u64,
    /// The moment for which it claims to hold, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamped_ns: Option<u64>,
    /// Name of the track.
    pub track: &'a str,
    /// Class of the track.
    pub class: &'static str,
    /// AIS identity, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mmsi: Option<u32>,
    /// What identifies the track in its format: MMSI, ICAO address in six hex digits, or
    /// `SAC-SIC-TRACKNUMBER`. Under a clash of identities, the other's.
    pub key: String,
    /// ICAO address in six hex digits, as reported: under a clash of identities, the other's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icao: Option<String>,
    /// Callsign, as reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callsign: Option<&'a str>,
    /// Mode 3/A code in four octal digits, as reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub squawk: Option<String>,
    /// The sensor that reported it.
    pub sensor: &'a str,
    /// Types of the messages that carry it.
    pub messages: &'a [&'static str],
    /// What was; absent for reports of identity.
    #[serde(rename = "true", skip_serializing_if = "Option::is_none")]
    pub actual: Option<Values>,
    /// What was reported, before the format rounds it; absent for reports of identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported: Option<Values>,
    /// The injected fault; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// Kinematic values; `null` is "not available". Units are in the names; WGS-84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Values {
    /// Latitude.
    pub lat_deg: Option<f64>,
    /// Longitude.
    pub lon_deg: Option<f64>,
    /// Speed over ground.
    pub speed_mps: Option<f64>,
    /// Course over ground.
    pub course_deg: Option<f64>,
    /// Height above the ellipsoid; absent for what floats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt_m: Option<f64>,
    /// Climb, m/s; absent for what floats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub climb_mps: Option<f64>,
}

/// A fault that has run its course: a line of its own, after its last report.
#[derive(Debug, Clone, Serialize)]
pub struct FaultTruth<'a> {
    /// The fault.
    pub fault: Fault,
    /// Name of the track.
    pub track: &'a str,
    /// What identifies the track in its format.
    pub key: String,
    /// The sensor whose reports it spoiled.
    pub sensor: &'a str,
    /// Number of the first report that it spoiled.
    pub first_report: u64,
    /// Number of the last.
    pub last_report: u64,
    /// When the last was due, nanoseconds since 1970 (UTC).
    pub sent_ns: u64,
}

/// A fault as truth names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `fault-1` and so on: reports with the same id belong to one injection.
    pub id: String,
    /// What was done.
    pub kind: &'static str,
    /// The rule that an ideal validator names.
    pub rule: &'static str,
    /// Other rules that name it rightly; absent when there is none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub also: &'static [&'static str],
}

impl From<&State> for Values {
    fn from(state: &State) -> Self {
        Self {
            lat_deg: Some(state.position.lat_deg),
            lon_deg: Some(state.position.lon_deg),
            speed_mps: Some(state.speed_mps),
            course_deg: Some(state.course_deg),
            alt_m: state.altitude_m,
            climb_mps: state.altitude_m.map(|_| state.climb_mps),
        }
    }
}

impl From<&Measured> for Values {
    fn from(measured: &Measured) -> Self {
        Self {
            lat_deg: measured.position.map(|position| position.lat_deg),
            lon_deg: measured.position.map(|position| position.lon_deg),
            speed_mps: measured.speed_mps,
            course_deg: measured.course_deg,
            alt_m: measured.altitude_m,
            climb_mps: measured.climb_mps,
        }
    }
}
