//! The scenario file: parsed, checked once, and then a [`Scenario`] that cannot hold nonsense.
//!
//! Every refusal names file, key, rule and value. Unknown keys are refused.

mod check;
mod raw;

use std::fmt;
use std::path::Path;

use crate::faults::Kind;
use crate::format::adsb::Encoding;
use crate::format::asterix::Source;
use crate::geodesy::Site;
use crate::motion::{Pattern, Region, Slot, Task};
use crate::platform::Class;

/// Most tracks of one scenario. About 1 kB each; a scenario that asks for more is refused.
pub const TRACKS_MAX: u32 = 1_000_000;
/// Most fault injections of one scenario; one that asks for more is refused.
pub const FAULTS_MAX: usize = 100_000;
/// Longest run, seconds: 31 days. A scenario that asks for more is refused.
pub const DURATION_MAX_S: u32 = 31 * 86_400;
/// Largest scenario file, bytes; a larger one is refused unread.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A checked scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Seed of all that is drawn.
    pub seed: u64,
    /// Start for recordings, nanoseconds since 1970 (UTC), on a whole second.
    pub start_ns: u64,
    /// Length, seconds.
    pub duration_s: u32,
    /// Sensors, in the order of their names.
    pub sensors: Vec<Sensor>,
    /// Groups of tracks, in the order of the file.
    pub groups: Vec<Group>,
    /// Faults, in the order of the file.
    pub faults: Vec<FaultOrder>,
}

impl Scenario {
    /// Reads and checks a scenario file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML of this form, or breaks a rule.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        let read = |cause: std::io::Error| ScenarioError::Read {
            file: file.clone(),
            cause: cause.to_string(),
        };
        let bytes = std::fs::metadata(path).map_err(read)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(ScenarioError::Read {
                file,
                cause: format!("{bytes} bytes, more than the {FILE_BYTES_MAX} allowed"),
            });
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(&file, &text)
    }

    /// Parses and checks `text`; `file` is the name that errors give.
    ///
    /// # Errors
    /// The text is not TOML of this form, or breaks a rule.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let raw: raw::Scenario = toml::from_str(text).map_err(|cause| ScenarioError::Parse {
            file: file.to_owned(),
            cause: cause.to_string(),
        })?;
        check::check(file, raw)
    }

    /// Number of tracks in all groups.
    pub fn track_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }
}

/// Wire format of a sensor's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormatName {
    /// AIS: NMEA 0183 AIVDM sentences.
    Ais,
    /// ADS-B: Mode S extended squitters, as a receiver passes them on.
    AdsB,
    /// ASTERIX category 062: tracks of a system.
    Cat062,
    /// ASTERIX category 048: what a radar sees.
    Cat048,
}

impl FormatName {
    /// Every format, for tests and words of errors.
    pub const ALL: [Self; 4] = [Self::Ais, Self::AdsB, Self::Cat062, Self::Cat048];

    /// Name in the scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ais => "ais",
            Self::AdsB => "ads-b",
            Self::Cat062 => "cat062",
            Self::Cat048 => "cat048",
        }
    }

    /// Whether its datagrams are lines of text; Mode S frames are when `encoding` makes them so.
    pub fn is_text(self, encoding: Encoding) -> bool {
        match self {
            Self::Ais => true,
            Self::AdsB => encoding == Encoding::Avr,
            Self::Cat062 | Self::Cat048 => false,
        }
    }

    /// Whether reports gather for a moment and leave together.
    pub fn gathers(self) -> bool {
        match self {
            Self::Ais | Self::AdsB => false,
            Self::Cat062 | Self::Cat048 => true,
        }
    }

    /// Whether it tells who a track is in messages of their own.
    pub fn tells_identity_apart(self) -> bool {
        match self {
            Self::Ais | Self::AdsB => true,
            Self::Cat062 | Self::Cat048 => false,
        }
    }

    /// Whether its reports carry the time for which they hold.
    pub fn carries_time(self) -> bool {
        match self {
            Self::AdsB => false,
            Self::Ais | Self::Cat062 | Self::Cat048 => true,
        }
    }

    /// Whether its reports carry a rate of climb.
    pub fn carries_climb(self) -> bool {
        match self {
            Self::AdsB | Self::Cat062 => true,
            Self::Ais | Self::Cat048 => false,
        }
    }
}

/// Something that reports tracks, with its errors of measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Name in the scenario and in truth.
    pub name: String,
    /// How its reports are encoded.
    pub format: FormatName,
    /// Standard deviation of the position along each axis, metres.
    pub position_noise_m: f64,
    /// Time over which the position error loses memory (to 1/e), seconds.
    pub correlation_s: f64,
    /// Standard deviation of the speed over ground, knots.
    pub speed_noise_kt: f64,
    /// Standard deviation of the course over ground, degrees.
    pub course_noise_deg: f64,
    /// Error of the position that stays, to the north and to the east, metres.
    pub position_bias_m: [f64; 2],
    /// Standard deviation of the height, metres.
    pub altitude_noise_m: f64,
    /// Error of the height that stays, metres.
    pub altitude_bias_m: f64,
    /// Standard deviation of the climb, m/s.
    pub climb_noise_mps: f64,
    /// Standard deviation of a radar's slant range, metres.
    pub range_noise_m: f64,
    /// Error of a radar's slant range that stays, metres.
    pub range_bias_m: f64,
    /// Standard deviation of a radar's azimuth, degrees.
    pub azimuth_noise_deg: f64,
    /// Error of a radar's azimuth that stays, degrees.
    pub azimuth_bias_deg: f64,
    /// Standard deviation of the time that reports claim, seconds.
    pub time_jitter_s: f64,
    /// Time from what is reported to the moment it leaves, seconds; AIS and ADS-B leave at once.
    pub latency_s: f64,
    /// Time between two reports of a track, seconds; a radar's turn. AIS has its groups' own.
    pub update_period_s: f64,
    /// Time for which reports gather before they leave together, seconds.
    pub gather_s: f64,
    /// Most sentences of one report in a datagram; the rest follow in datagrams of their own.
    pub sentences_per_datagram: u8,
    /// Most Mode S frames of one report in a datagram.
    pub frames_per_datagram: u8,
    /// Most ASTERIX records in a datagram.
    pub records_per_datagram: u16,
    /// How Mode S frames are passed on.
    pub encoding: Encoding,
    /// Data source of ASTERIX records.
    pub source: Source,
    /// Where a radar stands.
    pub site: Option<Site>,
    /// How far a radar sees, metres.
    pub range_max_m: f64,
}

/// Like tracks.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Name; with more than one track, track `n` is `NAME n`, counted from 1.
    pub name: String,
    /// What they are.
    pub class: Class,
    /// How many.
    pub count: u32,
    /// Places in [`Scenario::sensors`] of the sensors that report them.
    pub sensors: Vec<usize>,
    /// Where they move.
    pub region: Region,
    /// Where the first second finds them; drawn in the region when absent.
    pub at: Option<crate::report::Position>,
    /// Lowest and highest chosen speed, knots.
    pub speed_kt: [f64; 2],
    /// Time between position reports, seconds; by M.1371-5, Annex 1, Tables 1 and 2 when absent.
    pub report_interval_s: Option<f64>,
    /// Time between identity reports, seconds; each format's own when absent.
    pub static_interval_s: Option<f64>,
    /// Lowest and highest height, metres, in place of the class's.
    pub altitude_m: Option<[f64; 2]>,
    /// What they do under way.
    pub pattern: Pattern,
    /// Metres between neighbours of a formation; `None` when each goes its own way.
    pub formation_m: Option<f64>,
    /// AIS identity of the first; later ones count up.
    pub ais: Option<AisGroup>,
    /// Aircraft identity of the first; later ones count up.
    pub aircraft: Option<AircraftGroup>,
}

/// Aircraft identities of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AircraftGroup {
    /// Address of the first; the others follow without gaps.
    pub icao: u32,
    /// Callsign of a single aircraft; of several, what comes before their numbers.
    pub callsign: String,
    /// Mode 3/A code of all.
    pub squawk: u16,
}

impl Group {
    /// What is asked of its track `index`, from 0; a formation is a vee behind the first.
    pub fn task(&self, index: u32) -> Task {
        let slot = self.formation_m.map(|spacing_m| {
            let rank = f64::from(index.div_ceil(2)) * spacing_m;
            let side_m = if index.is_multiple_of(2) { -rank } else { rank };
            Slot {
                back_m: rank,
                side_m,
            }
        });
        Task {
            class: self.class,
            region: self.region,
            place: self.at,
            speed_kt: self.speed_kt,
            altitude_m: self.altitude_m,
            pattern: self.pattern,
            slot,
        }
    }

    /// Name of its track `index`, from 0.
    pub fn track_name(&self, index: u32) -> String {
        if self.count == 1 {
            self.name.clone()
        } else {
            format!("{} {}", self.name, index + 1)
        }
    }
}

/// AIS identities of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AisGroup {
    /// Identity of the first; the others follow without gaps.
    pub mmsi: u32,
    /// Message type of position reports.
    pub position_message: u8,
    /// Destination, for message 5.
    pub destination: String,
    /// Type of aid to navigation, for message 21.
    pub aid_type: u8,
}

/// An order to inject one kind of fault.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultOrder {
    /// What goes wrong.
    pub kind: Kind,
    /// Consecutive reports that it spoils.
    pub reports: u32,
    /// Whose reports: place in [`Scenario::sensors`].
    pub sensor: usize,
    /// The other track of a clash of identities.
    pub with: Option<usize>,
    /// Where and when.
    pub target: Target,
}

/// Tracks and times of a fault order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One track at one time.
    Track {
        /// Place of the track in the scenario.
        track: usize,
        /// Milliseconds from the start.
        at_ms: u64,
    },
    /// Tracks drawn from a group, each once, at times drawn from a window.
    Among {
        /// Place of the group's first track in the scenario.
        first: usize,
        /// Tracks in the group.
        tracks: u32,
        /// How many are spoiled.
        count: u32,
        /// Start of the window, milliseconds from the start of the scenario.
        from_ms: u64,
        /// End of the window.
        to_ms: u64,
    },
}

impl Target {
    /// Number of injections.
    pub fn count(&self) -> u64 {
        match self {
            Self::Track { .. } => 1,
            Self::Among { count, .. } => u64::from(*count),
        }
    }
}

/// Why a scenario is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScenarioError {
    /// The file cannot be read.
    Read {
        /// The file.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// The file is not TOML of the expected form.
    Parse {
        /// The file.
        file: String,
        /// Line, column and what was expected.
        cause: String,
    },
    /// A value breaks a rule.
    Rule {
        /// The file.
        file: String,
        /// Full key, as `tracks[2].count`.
        key: String,
        /// What must hold.
        rule: String,
        /// What the file says.
        value: String,
    },
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { file, cause } => write!(out, "{file}: cannot be read: {cause}"),
            Self::Parse { file, cause } => write!(out, "{file}: {}", cause.trim_end()),
            Self::Rule {
                file,
                key,
                rule,
                value,
            } => write!(out, "{file}: {key}: {rule}, not {value}"),
        }
    }
}

impl std::error::Error for ScenarioError {}

#[cfg(test)]
mod tests;
