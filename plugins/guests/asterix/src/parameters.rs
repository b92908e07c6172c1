//! Parameters: what a deployment says of its radars and its bus.

use outrigger_sdk::{Configuration, ConfigureError};
use serde::Deserialize;

use crate::site::{Geodetic, Site};

/// Radars, at most: a plot's is looked for one by one. More are refused.
pub const SITES_MAX: usize = 64;

/// Messages of a datagram, at most, unless the parameter says otherwise: what the host takes
/// unless told otherwise. A datagram with more is rejected.
pub const FRAME_MESSAGES: usize = 64;

/// The largest value of that parameter: the host's own limit on outputs of an input.
pub const FRAME_MESSAGES_MAX: usize = 1_024;

/// Heights of radars, metres: no place on Earth is outside.
const HEIGHT_RANGE_M: std::ops::RangeInclusive<f64> = -1_000.0..=10_000.0;

/// Parameters of the plugin. All have defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Where the radars stand. CAT048 of one that is not here becomes no track.
    pub sites: Vec<SiteParameters>,
    /// True if each record also becomes a message of its category's class, with every item.
    pub source_classes: bool,
    /// Categories that are passed over and counted. Others that are not decoded are rejected.
    pub skipped_categories: Vec<u8>,
    /// True if bits that the editions decoded here leave spare may be set, as a later edition may.
    /// An item in which one is, is then kept as bytes.
    pub spare_bits_allowed: bool,
    /// Messages of a datagram, at most, 1 to 1,024: the host's `outputs_per_input_max`.
    pub frame_messages_max: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            sites: Vec::new(),
            source_classes: true,
            skipped_categories: Vec::new(),
            spare_bits_allowed: false,
            frame_messages_max: FRAME_MESSAGES,
        }
    }
}

/// Where one radar stands.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteParameters {
    /// System area code.
    pub sac: u8,
    /// System identification code.
    pub sic: u8,
    /// Latitude, degrees north, WGS-84.
    pub lat_deg: f64,
    /// Longitude, degrees east, WGS-84.
    pub lon_deg: f64,
    /// Height of the antenna above the WGS-84 ellipsoid, metres, -1,000 to 10,000.
    pub height_m: f64,
}

/// Parameters, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    sites: Vec<((u8, u8), Site)>,
    /// See [`Parameters::source_classes`].
    pub source_classes: bool,
    skipped: [bool; 256],
    /// See [`Parameters::spare_bits_allowed`].
    pub spare_bits_allowed: bool,
    /// See [`Parameters::frame_messages_max`].
    pub frame_messages_max: usize,
}

impl Settings {
    /// Of a plugin's configuration.
    ///
    /// # Errors
    /// Says which parameter is out of its range, or given twice.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigureError> {
        Self::new(&configuration.parameters()?)
    }

    /// Of parameters.
    ///
    /// # Errors
    /// Says which is out of its range, or given twice.
    pub fn new(parameters: &Parameters) -> Result<Self, ConfigureError> {
        if parameters.sites.len() > SITES_MAX {
            let rule = format!("at most {SITES_MAX}");
            return Err(ConfigureError::parameter(
                "the number of sites",
                &rule,
                parameters.sites.len(),
            ));
        }
        let mut sites: Vec<((u8, u8), Site)> = Vec::with_capacity(parameters.sites.len());
        for site in &parameters.sites {
            let source = (site.sac, site.sic);
            let name = |what: &str| format!("sites {}-{} {what}", site.sac, site.sic);
            let ranged = |what: &str, value: f64, range: std::ops::RangeInclusive<f64>| {
                let rule = format!("{} to {}", range.start(), range.end());
                match range.contains(&value) {
                    true => Ok(value),
                    false => Err(ConfigureError::parameter(&name(what), &rule, value)),
                }
            };
            if sites.iter().any(|(known, _)| *known == source) {
                return Err(ConfigureError::parameter(
                    &name("sic"),
                    "given once",
                    site.sic,
                ));
            }
            let place = Geodetic {
                lat_deg: ranged("lat_deg", site.lat_deg, -90.0..=90.0)?,
                lon_deg: ranged("lon_deg", site.lon_deg, -180.0..=180.0)?,
                height_m: ranged("height_m", site.height_m, HEIGHT_RANGE_M)?,
            };
            sites.push((source, Site::new(place)));
        }
        if !(1..=FRAME_MESSAGES_MAX).contains(&parameters.frame_messages_max) {
            return Err(ConfigureError::parameter(
                "frame_messages_max",
                &format!("1 to {FRAME_MESSAGES_MAX}"),
                parameters.frame_messages_max,
            ));
        }
        let mut skipped = [false; 256];
        for &number in &parameters.skipped_categories {
            skipped[usize::from(number)] = true;
        }
        Ok(Self {
            sites,
            source_classes: parameters.source_classes,
            skipped,
            spare_bits_allowed: parameters.spare_bits_allowed,
            frame_messages_max: parameters.frame_messages_max,
        })
    }

    /// Where the radar stands that has these codes.
    pub fn site(&self, sac: u8, sic: u8) -> Option<&Site> {
        let found = self.sites.iter().find(|(source, _)| *source == (sac, sic));
        found.map(|(_, site)| site)
    }

    /// True for a category that is passed over. One that is decoded can be, too.
    pub fn is_skipped(&self, category: u8) -> bool {
        self.skipped[usize::from(category)]
    }
}
