//! The scenario file as written: names of keys and their types, nothing else.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::faults::Field;
use crate::format::adsb::Encoding;
use crate::platform::Class;
use crate::scenario::FormatName;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub seed: u64,
    pub start: toml::value::Datetime,
    pub duration_s: u32,
    pub area: Box,
    #[serde(default)]
    pub regions: BTreeMap<String, Box>,
    pub sensors: BTreeMap<String, Sensor>,
    pub tracks: Vec<Tracks>,
    #[serde(default)]
    pub faults: Vec<Fault>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Box {
    pub south_deg: f64,
    pub west_deg: f64,
    pub north_deg: f64,
    pub east_deg: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sensor {
    pub format: FormatName,
    pub position_noise_m: Option<f64>,
    pub correlation_s: Option<f64>,
    pub speed_noise_kt: Option<f64>,
    pub course_noise_deg: Option<f64>,
    pub position_bias_m: Option<[f64; 2]>,
    pub altitude_noise_m: Option<f64>,
    pub altitude_bias_m: Option<f64>,
    pub climb_noise_mps: Option<f64>,
    pub range_noise_m: Option<f64>,
    pub range_bias_m: Option<f64>,
    pub azimuth_noise_deg: Option<f64>,
    pub azimuth_bias_deg: Option<f64>,
    pub time_jitter_s: Option<f64>,
    pub latency_s: Option<f64>,
    pub update_period_s: Option<f64>,
    pub gather_s: Option<f64>,
    pub sentences_per_datagram: Option<u8>,
    pub frames_per_datagram: Option<u8>,
    pub records_per_datagram: Option<u16>,
    pub encoding: Option<Encoding>,
    pub sac: Option<u8>,
    pub sic: Option<u8>,
    pub site: Option<Site>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    pub lat_deg: f64,
    pub lon_deg: f64,
    pub alt_m: Option<f64>,
    pub range_max_m: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tracks {
    pub name: String,
    pub class: Class,
    pub count: Option<u32>,
    pub sensors: Vec<String>,
    pub region: Option<String>,
    pub at: Option<[f64; 2]>,
    pub speed_kt: Option<[f64; 2]>,
    pub report_interval_s: Option<f64>,
    pub static_interval_s: Option<f64>,
    pub altitude_m: Option<[f64; 2]>,
    pub pattern: Option<Pattern>,
    pub radius_m: Option<f64>,
    pub formation_m: Option<f64>,
    pub ais: Option<Ais>,
    pub aircraft: Option<Aircraft>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Pattern {
    Legs,
    Hold,
    Orbit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Aircraft {
    pub icao: u32,
    pub callsign: String,
    pub squawk: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ais {
    pub mmsi: u32,
    pub position_message: Option<u8>,
    pub destination: Option<String>,
    pub aid_type: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub kind: String,
    pub track: Option<String>,
    pub at_s: Option<f64>,
    pub among: Option<String>,
    pub count: Option<u32>,
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
    pub reports: Option<u32>,
    pub by_kt: Option<f64>,
    pub distance_m: Option<f64>,
    pub noise_m: Option<f64>,
    pub delay_s: Option<f64>,
    pub field: Option<Field>,
    pub sensor: Option<String>,
    pub with: Option<String>,
    pub rate_mps: Option<f64>,
    pub rate_kt_s: Option<f64>,
    pub shift_s: Option<f64>,
}
