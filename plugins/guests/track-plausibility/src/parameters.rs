//! Parameters: what a deployment may change, and what it must not.

use std::collections::BTreeMap;
use std::fmt;

use outrigger_sdk::{Configuration, ConfigureError, Source};
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::platform::{Limits, PLATFORMS_MAX, default_names, is_default};
use crate::source::{self, Noise};

/// How much earlier than the last accepted report one may be, seconds. The second of the minute is
/// cut, not rounded, at each of two senders' ends, and receivers' clocks differ by less than one
/// more: 2.1 s holds nearly every odd interval in the recordings.
const REVERSAL_TOLERANCE_S: f64 = 2.1;

/// Two equal reports this near are one that several receivers heard, when their time is only that
/// of reception, seconds. Below the shortest reporting interval of AIS, 2 s (ITU-R M.1371-5,
/// annex 1, table 1).
const DUPLICATE_WINDOW_S: f64 = 1.5;

/// A track that moved is taken up again with this report in a row that agrees with those before.
/// Source: readsb and rs1090 keep their state while a position is rejected; three is what the
/// published rule for a doubled identity asks.
const REACQUIRE_REPORTS: u64 = 3;

/// Gate on the squared innovation, two dimensions, as −2 ln P: a millionth of good reports, if the
/// noise were what it is taken for, where 9.21 and 13.82 let one of 100 and of 1,000 pass for a
/// fault, and a fleet sends thousands a minute.
const GATE: f64 = 27.6;

/// Shortest silence, seconds: class A lies silent for 10 s under way and 3 min at anchor
/// (M.1371-5, annex 1, table 1), the usual interval says which.
const SILENCE_S: f64 = 60.0;
const DAY_S: f64 = 86_400.0;

/// The longest of the above intervals that makes sense, seconds: past that, a report of AIS class A
/// under way is lost (M.1371-5, annex 1, table 1: 10 s) many times over.
const INTERVAL_MAX_S: f64 = 600.0;

/// Light in vacuum, metres per second: no limit on speed is above it.
const SPEED_OF_LIGHT_MPS: f64 = 299_792_458.0;

/// Bounds of what makes sense: missiles turn with less than 100 g, nothing turns faster than a
/// full turn a second, and a filter that expects more than 1,000 m/s² predicts nothing.
const LOAD_FACTOR_MAX: f64 = 100.0;
const TURN_MAX_DPS: f64 = 360.0;
const MANOEUVRE_MAX_MPS2: f64 = 1_000.0;

/// Noise past which a source is none: 100 km, a minute, 1,000 m/s.
const NOISE_MAX_M: f64 = 100_000.0;
const MINUTE_S: f64 = 60.0;
const NOISE_MAX_MPS: f64 = 1_000.0;

/// Half of the Earth's circumference, metres: no two positions are farther apart.
const DISTANCE_MAX_M: f64 = 20_037_509.0;

/// Parameters of the plugin. All have defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// How much earlier than the last accepted report one may be, seconds, 0 to 600.
    #[serde(deserialize_with = "number")]
    pub reversal_tolerance_s: f64,
    /// Two equal reports this near are one, when their time is that of reception, seconds, 0 to
    /// 600.
    #[serde(deserialize_with = "number")]
    pub duplicate_window_s: f64,
    /// A track that moved is taken up again with this report in a row, 2 to 100.
    #[serde(deserialize_with = "whole_number")]
    pub reacquire_reports: u64,
    /// Innovation past which a position is off its track: squared, in variances of one axis, 1 to
    /// 1,000.
    #[serde(deserialize_with = "number")]
    pub gate: f64,
    /// A track that says nothing for this long, and for ten of its usual intervals, has gone
    /// silent, seconds, 0 to 86,400.
    #[serde(deserialize_with = "number")]
    pub silence_s: f64,
    /// Limits by class of messages or by `platform_class` of tracks.
    pub platforms: BTreeMap<String, PlatformParameters>,
    /// Noise by source, by its word in the canonical track.
    pub sources: BTreeMap<String, SourceParameters>,
}

/// Changes to the noise of one source.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceParameters {
    /// Standard deviation of a position on one axis, metres.
    #[serde(deserialize_with = "some_number")]
    pub position_m: Option<f64>,
    /// Standard deviation of a time of applicability, seconds.
    #[serde(deserialize_with = "some_number")]
    pub time_s: Option<f64>,
    /// How far such a time can be off at most, seconds.
    #[serde(deserialize_with = "some_number")]
    pub late_s: Option<f64>,
    /// Standard deviation of a reported speed, metres per second.
    #[serde(deserialize_with = "some_number")]
    pub speed_mps: Option<f64>,
}

impl SourceParameters {
    pub(crate) fn apply(&self, noise: &mut Noise) {
        let set = |to: &mut f64, from: Option<f64>| *to = from.unwrap_or(*to);
        set(&mut noise.position_m, self.position_m);
        set(&mut noise.time_s, self.time_s);
        set(&mut noise.late_s, self.late_s);
        set(&mut noise.speed_mps, self.speed_mps);
    }

    fn check(&self, word: &str) -> Result<(), ConfigureError> {
        if source::index_of(word).is_none() {
            let words = Source::ALL.map(Source::as_str).join(", ");
            let rule = format!("named by one of {words}");
            return Err(ConfigureError::parameter("sources", &rule, word));
        }
        for (name, value, max) in [
            ("position_m", self.position_m, NOISE_MAX_M),
            ("time_s", self.time_s, MINUTE_S),
            ("late_s", self.late_s, MINUTE_S),
            ("speed_mps", self.speed_mps, NOISE_MAX_MPS),
        ] {
            if let Some(value) = value {
                in_range(&format!("sources.{word}.{name}"), value, max)?;
            }
        }
        Ok(())
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            reversal_tolerance_s: REVERSAL_TOLERANCE_S,
            duplicate_window_s: DUPLICATE_WINDOW_S,
            reacquire_reports: REACQUIRE_REPORTS,
            gate: GATE,
            silence_s: SILENCE_S,
            platforms: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }
}

/// Changes to the [`Limits`] of one kind of platform.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformParameters {
    /// For a new kind: the kind with defaults that it starts from.
    pub like: Option<String>,
    /// See [`Limits::speed_max_mps`].
    #[serde(deserialize_with = "some_number")]
    pub speed_max_mps: Option<f64>,
    /// See [`Limits::reach_speed_mps`].
    #[serde(deserialize_with = "some_number")]
    pub reach_speed_mps: Option<f64>,
    /// See [`Limits::acceleration_mps2`].
    #[serde(deserialize_with = "some_number")]
    pub acceleration_mps2: Option<f64>,
    /// See [`Limits::load_factor`].
    #[serde(deserialize_with = "some_number")]
    pub load_factor: Option<f64>,
    /// See [`Limits::turn_max_dps`].
    #[serde(deserialize_with = "some_number")]
    pub turn_max_dps: Option<f64>,
    /// See [`Limits::climb_max_mps`].
    #[serde(deserialize_with = "some_number")]
    pub climb_max_mps: Option<f64>,
    /// See [`Limits::manoeuvre_mps2`].
    #[serde(deserialize_with = "some_number")]
    pub manoeuvre_mps2: Option<f64>,
    /// See [`Limits::direction_speed_mps`].
    #[serde(deserialize_with = "some_number")]
    pub direction_speed_mps: Option<f64>,
    /// See [`Limits::floor_m`].
    #[serde(deserialize_with = "some_number")]
    pub floor_m: Option<f64>,
    /// See [`Limits::position_expected`].
    pub position_expected: Option<bool>,
}

impl PlatformParameters {
    pub(crate) fn apply(&self, limits: &mut Limits) {
        let set = |to: &mut f64, from: Option<f64>| *to = from.unwrap_or(*to);
        set(&mut limits.speed_max_mps, self.speed_max_mps);
        set(&mut limits.reach_speed_mps, self.reach_speed_mps);
        set(&mut limits.acceleration_mps2, self.acceleration_mps2);
        set(&mut limits.load_factor, self.load_factor);
        set(&mut limits.turn_max_dps, self.turn_max_dps);
        set(&mut limits.climb_max_mps, self.climb_max_mps);
        set(&mut limits.manoeuvre_mps2, self.manoeuvre_mps2);
        set(&mut limits.direction_speed_mps, self.direction_speed_mps);
        set(&mut limits.floor_m, self.floor_m);
        if let Some(expected) = self.position_expected {
            limits.position_expected = expected;
        }
    }
}

impl Parameters {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// Names the parameter, its rule and its value.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let WithPath(parameters) = configuration.parameters::<WithPath<Self>>()?;
        parameters.check()?;
        Ok(parameters)
    }

    fn check(&self) -> Result<(), ConfigureError> {
        for (name, value_s) in [
            ("reversal_tolerance_s", self.reversal_tolerance_s),
            ("duplicate_window_s", self.duplicate_window_s),
        ] {
            in_range(name, value_s, INTERVAL_MAX_S)?;
        }
        in_range("silence_s", self.silence_s, DAY_S)?;
        if !(1.0..=1_000.0).contains(&self.gate) {
            return Err(ConfigureError::parameter("gate", "1 to 1000", self.gate));
        }
        if !(2..=100).contains(&self.reacquire_reports) {
            let value = self.reacquire_reports;
            return Err(ConfigureError::parameter(
                "reacquire_reports",
                "2 to 100",
                value,
            ));
        }
        for (word, change) in &self.sources {
            change.check(word)?;
        }
        if self.platforms.len() > PLATFORMS_MAX {
            let rule = format!("at most {PLATFORMS_MAX} kinds");
            let kinds = self.platforms.len();
            return Err(ConfigureError::parameter("platforms", &rule, kinds));
        }
        for (kind, change) in &self.platforms {
            let path = |name: &str| format!("platforms.{kind}.{name}");
            match &change.like {
                Some(like) if is_default(kind) => {
                    let rule = "absent, for the kind has defaults";
                    return Err(ConfigureError::parameter(&path("like"), rule, like));
                }
                None if !is_default(kind) => {
                    let rule = format!("one of {}", default_names());
                    return Err(ConfigureError::parameter(&path("like"), &rule, "absent"));
                }
                Some(like) if !is_default(like) => {
                    let rule = format!("one of {}", default_names());
                    return Err(ConfigureError::parameter(&path("like"), &rule, like));
                }
                Some(_) | None => {}
            }
            if let Some(value) = change.load_factor
                && !(1.0..=LOAD_FACTOR_MAX).contains(&value)
            {
                let rule = format!("1 to {LOAD_FACTOR_MAX}");
                return Err(ConfigureError::parameter(
                    &path("load_factor"),
                    &rule,
                    value,
                ));
            }
            for (name, value, max) in [
                ("turn_max_dps", change.turn_max_dps, TURN_MAX_DPS),
                ("climb_max_mps", change.climb_max_mps, SPEED_OF_LIGHT_MPS),
                ("manoeuvre_mps2", change.manoeuvre_mps2, MANOEUVRE_MAX_MPS2),
                (
                    "direction_speed_mps",
                    change.direction_speed_mps,
                    SPEED_OF_LIGHT_MPS,
                ),
                ("speed_max_mps", change.speed_max_mps, SPEED_OF_LIGHT_MPS),
                (
                    "reach_speed_mps",
                    change.reach_speed_mps,
                    SPEED_OF_LIGHT_MPS,
                ),
                (
                    "acceleration_mps2",
                    change.acceleration_mps2,
                    SPEED_OF_LIGHT_MPS,
                ),
                ("floor_m", change.floor_m, DISTANCE_MAX_M),
            ] {
                if let Some(value) = value {
                    in_range(&path(name), value, max)?;
                }
            }
        }
        Ok(())
    }
}

fn in_range(name: &str, value: f64, max: f64) -> Result<(), ConfigureError> {
    if (0.0..=max).contains(&value) {
        Ok(())
    } else {
        Err(ConfigureError::parameter(
            name,
            &format!("0 to {max}"),
            value,
        ))
    }
}

/// A value whose errors say where they are.
struct WithPath<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for WithPath<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_path_to_error::deserialize(deserializer)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(Number)
}

fn some_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    number(deserializer).map(Some)
}

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(WholeNumber)
}

/// Takes any number. MessagePack's own reader would name its marker, and not the value, of what is
/// none.
struct Number;

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }
}

/// Takes a whole number that is not negative.
struct WholeNumber;

impl Visitor<'_> for WholeNumber {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }
}
