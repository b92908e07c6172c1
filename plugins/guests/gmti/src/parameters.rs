//! Parameters: versions that are read, whose classifications are plain, how much comes of a packet.

use outrigger_sdk::{Configuration, ConfigureError};
use serde::Deserialize;

/// Classification systems and versions that can be listed, at most: each packet is compared with
/// all. More are refused.
pub const LIST_MAX: usize = 16;

/// Messages of a packet that can be asked for, at most. Source: the largest that the host can be
/// told to take of a frame.
pub const MESSAGES_MAX: usize = 1_024;

/// Parameters of the plugin.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Versions of the standard that are read (P1), two characters each.
    pub versions: Vec<String>,
    /// Classification systems (P5, for instance `XN`) whose classifications have the plain
    /// markings. All others are `.special`.
    pub systems: Vec<String>,
    /// Security codes (P6, bits) that leave a marking plain. Every other bit makes it `.special`.
    pub plain_codes: u16,
    /// Messages of one packet, at most. A packet with more is rejected.
    pub messages_max: usize,
    /// Whether classes that begin with `gmti.` are written too.
    pub source_classes: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            versions: vec!["30".into(), "41".into()],
            systems: Vec::new(),
            plain_codes: 0,
            messages_max: 64,
            source_classes: true,
        }
    }
}

impl Parameters {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// Names the parameter, its rule and its value.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters: Self = configuration.parameters()?;
        for (name, list) in [
            ("versions", &parameters.versions),
            ("systems", &parameters.systems),
        ] {
            if list.len() > LIST_MAX {
                let rule = format!("at most {LIST_MAX} texts");
                return Err(ConfigureError::parameter(name, &rule, list.len()));
            }
            if let Some(text) = list.iter().find(|text| pair(text).is_none()) {
                let rule = "texts of two printable characters each";
                return Err(ConfigureError::parameter(name, rule, format!("{text:?}")));
            }
        }
        if !(1..=MESSAGES_MAX).contains(&parameters.messages_max) {
            let rule = format!("1 to {MESSAGES_MAX}");
            let value = parameters.messages_max;
            return Err(ConfigureError::parameter("messages_max", &rule, value));
        }
        Ok(parameters)
    }

    /// True for a version that is read.
    pub fn knows_version(&self, version: [u8; 2]) -> bool {
        has(&self.versions, version)
    }

    /// True for a system whose classifications are plain.
    pub fn knows_system(&self, system: [u8; 2]) -> bool {
        has(&self.systems, system)
    }
}

fn has(list: &[String], wanted: [u8; 2]) -> bool {
    list.iter().any(|text| text.as_bytes() == wanted)
}

fn pair(text: &str) -> Option<[u8; 2]> {
    let bytes: [u8; 2] = text.as_bytes().try_into().ok()?;
    bytes
        .iter()
        .all(|byte| (b' '..=b'~').contains(byte))
        .then_some(bytes)
}
