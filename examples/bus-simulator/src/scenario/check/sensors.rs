//! Rules of sensors.

use super::Checker;
use crate::format::adsb::Encoding;
use crate::format::asterix::Source;
use crate::geodesy::Site;
use crate::report::Position;
use crate::scenario::{FormatName, ScenarioError, Sensor, raw};

/// Farthest that a radar's 16 bits of range reach, metres: 256 NM (I048/040).
const RANGE_MAX_M: f64 = 256.0 * 1_852.0;

/// What sensors of a format have when the scenario does not say.
struct Defaults {
    position_noise_m: f64,
    correlation_s: f64,
    altitude_noise_m: f64,
    climb_noise_mps: f64,
    update_period_s: f64,
    gather_s: f64,
    latency_s: f64,
}

impl Defaults {
    /// Orders of size of such sensors, not any one's trial results.
    fn of(format: FormatName) -> Self {
        match format {
            FormatName::Ais | FormatName::AdsB => Self {
                position_noise_m: 3.0,
                correlation_s: 60.0,
                altitude_noise_m: 0.0,
                climb_noise_mps: 0.0,
                update_period_s: 1.0,
                gather_s: 0.0,
                latency_s: 0.0,
            },
            FormatName::Cat062 => Self {
                position_noise_m: 20.0,
                correlation_s: 30.0,
                altitude_noise_m: 3.0,
                climb_noise_mps: 0.2,
                update_period_s: 4.0,
                gather_s: 0.2,
                latency_s: 0.1,
            },
            FormatName::Cat048 => Self {
                position_noise_m: 0.0,
                correlation_s: 0.0,
                altitude_noise_m: 0.0,
                climb_noise_mps: 0.0,
                update_period_s: 4.0,
                gather_s: 0.1,
                latency_s: 0.1,
            },
        }
    }
}

impl Checker<'_> {
    pub(super) fn sensor(&self, name: &str, raw: &raw::Sensor) -> Result<Sensor, ScenarioError> {
        let key = |what: &str| format!("sensors.{name}.{what}");
        let bounded = |what: &str, value: Option<f64>, default: f64, low: f64, high: f64| {
            self.within(key(what), value.unwrap_or(default), low, high)
        };
        self.only_of_its_format(name, raw)?;
        let defaults = Defaults::of(raw.format);
        let whole = |what: &str, value: u16, high: u16| {
            self.within(key(what), f64::from(value), 1.0, f64::from(high))
                .map(|_| value)
        };
        let sentences = raw.sentences_per_datagram.unwrap_or(1);
        whole("sentences_per_datagram", sentences.into(), 9)?;
        let frames = raw.frames_per_datagram.unwrap_or(1);
        whole("frames_per_datagram", frames.into(), 2)?;
        let records_per_datagram = raw.records_per_datagram.unwrap_or(64);
        whole("records_per_datagram", records_per_datagram, 255)?;
        let [north_m, east_m] = raw.position_bias_m.unwrap_or([0.0; 2]);
        let position_bias_m = [
            bounded("position_bias_m", Some(north_m), 0.0, -1e4, 1e4)?,
            bounded("position_bias_m", Some(east_m), 0.0, -1e4, 1e4)?,
        ];
        let latency_s = bounded("latency_s", raw.latency_s, defaults.latency_s, 0.0, 10.0)?;
        let source = Source {
            sac: raw.sac.unwrap_or(0),
            sic: raw.sic.unwrap_or(0),
        };
        let (site, range_max_m) = self.site(name, raw)?;
        Ok(Sensor {
            name: name.to_owned(),
            format: raw.format,
            position_noise_m: bounded(
                "position_noise_m",
                raw.position_noise_m,
                defaults.position_noise_m,
                0.0,
                1e4,
            )?,
            correlation_s: bounded(
                "correlation_s",
                raw.correlation_s,
                defaults.correlation_s,
                0.0,
                1e5,
            )?,
            speed_noise_kt: bounded("speed_noise_kt", raw.speed_noise_kt, 0.1, 0.0, 10.0)?,
            course_noise_deg: bounded("course_noise_deg", raw.course_noise_deg, 0.5, 0.0, 30.0)?,
            position_bias_m,
            altitude_noise_m: bounded(
                "altitude_noise_m",
                raw.altitude_noise_m,
                defaults.altitude_noise_m,
                0.0,
                1e3,
            )?,
            altitude_bias_m: bounded("altitude_bias_m", raw.altitude_bias_m, 0.0, -1e3, 1e3)?,
            climb_noise_mps: bounded(
                "climb_noise_mps",
                raw.climb_noise_mps,
                defaults.climb_noise_mps,
                0.0,
                20.0,
            )?,
            range_noise_m: bounded("range_noise_m", raw.range_noise_m, 30.0, 0.0, 1e3)?,
            range_bias_m: bounded("range_bias_m", raw.range_bias_m, 0.0, -1e4, 1e4)?,
            azimuth_noise_deg: bounded("azimuth_noise_deg", raw.azimuth_noise_deg, 0.04, 0.0, 2.0)?,
            azimuth_bias_deg: bounded("azimuth_bias_deg", raw.azimuth_bias_deg, 0.0, -10.0, 10.0)?,
            time_jitter_s: bounded("time_jitter_s", raw.time_jitter_s, 0.0, 0.0, 1.0)?,
            latency_s,
            update_period_s: bounded(
                "update_period_s",
                raw.update_period_s,
                defaults.update_period_s,
                0.4,
                60.0,
            )?,
            gather_s: bounded("gather_s", raw.gather_s, defaults.gather_s, 0.0, 10.0)?,
            sentences_per_datagram: sentences,
            frames_per_datagram: frames,
            records_per_datagram,
            encoding: raw.encoding.unwrap_or(Encoding::Avr),
            source,
            site,
            range_max_m,
        })
    }

    /// Keys that mean nothing to the sensor's format are refused.
    fn only_of_its_format(&self, name: &str, raw: &raw::Sensor) -> Result<(), ScenarioError> {
        use FormatName::{AdsB, Ais, Cat048, Cat062};
        let given: [(bool, &str, &[FormatName]); 18] = [
            (
                raw.position_noise_m.is_some(),
                "position_noise_m",
                &[Ais, AdsB, Cat062],
            ),
            (
                raw.position_bias_m.is_some(),
                "position_bias_m",
                &[Ais, AdsB, Cat062],
            ),
            (
                raw.correlation_s.is_some(),
                "correlation_s",
                &[Ais, AdsB, Cat062],
            ),
            (
                raw.altitude_noise_m.is_some(),
                "altitude_noise_m",
                &[AdsB, Cat062, Cat048],
            ),
            (
                raw.altitude_bias_m.is_some(),
                "altitude_bias_m",
                &[AdsB, Cat062, Cat048],
            ),
            (
                raw.climb_noise_mps.is_some(),
                "climb_noise_mps",
                &[AdsB, Cat062],
            ),
            (raw.range_noise_m.is_some(), "range_noise_m", &[Cat048]),
            (raw.range_bias_m.is_some(), "range_bias_m", &[Cat048]),
            (
                raw.azimuth_noise_deg.is_some(),
                "azimuth_noise_deg",
                &[Cat048],
            ),
            (
                raw.azimuth_bias_deg.is_some(),
                "azimuth_bias_deg",
                &[Cat048],
            ),
            (
                raw.time_jitter_s.is_some(),
                "time_jitter_s",
                &[Cat062, Cat048],
            ),
            (raw.latency_s.is_some(), "latency_s", &[Cat062, Cat048]),
            (
                raw.update_period_s.is_some(),
                "update_period_s",
                &[AdsB, Cat062, Cat048],
            ),
            (raw.gather_s.is_some(), "gather_s", &[Cat062, Cat048]),
            (
                raw.sentences_per_datagram.is_some(),
                "sentences_per_datagram",
                &[Ais],
            ),
            (
                raw.frames_per_datagram.is_some(),
                "frames_per_datagram",
                &[AdsB],
            ),
            (
                raw.records_per_datagram.is_some(),
                "records_per_datagram",
                &[Cat062, Cat048],
            ),
            (raw.encoding.is_some(), "encoding", &[AdsB]),
        ];
        for (is_given, what, formats) in given {
            if is_given && !formats.contains(&raw.format) {
                return self.refuse(
                    format_args!("sensors.{name}.{what}"),
                    format_args!("must be absent for format {}", raw.format.name()),
                    "given",
                );
            }
        }
        let asterix = matches!(raw.format, Cat062 | Cat048);
        for (code, what) in [(raw.sac, "sac"), (raw.sic, "sic")] {
            if code.is_some() != asterix {
                let rule = if asterix {
                    "must be given for ASTERIX, 0 to 255"
                } else {
                    "must be absent where the format is not ASTERIX"
                };
                let value = if asterix { "absent" } else { "given" };
                return self.refuse(format_args!("sensors.{name}.{what}"), rule, value);
            }
        }
        Ok(())
    }

    /// A radar's site, and how far it sees.
    fn site(&self, name: &str, raw: &raw::Sensor) -> Result<(Option<Site>, f64), ScenarioError> {
        let key = |what: &str| format!("sensors.{name}.site{what}");
        match (&raw.site, raw.format) {
            (None, FormatName::Cat048) => {
                self.refuse(key(""), "must say where the radar stands", "absent")
            }
            (Some(_), FormatName::Ais | FormatName::AdsB | FormatName::Cat062) => {
                let rule = "must be absent where the format is not cat048";
                self.refuse(key(""), rule, "given")
            }
            (None, _) => Ok((None, f64::INFINITY)),
            (Some(site), FormatName::Cat048) => {
                let position = Position {
                    lat_deg: self.within(key(".lat_deg"), site.lat_deg, -80.0, 80.0)?,
                    lon_deg: self.within(key(".lon_deg"), site.lon_deg, -180.0, 180.0)?,
                };
                let altitude_m = site.alt_m.unwrap_or(0.0);
                let altitude_m = self.within(key(".alt_m"), altitude_m, -500.0, 5_000.0)?;
                let range_max_m = site.range_max_m.unwrap_or(RANGE_MAX_M);
                let range_max_m =
                    self.within(key(".range_max_m"), range_max_m, 1_000.0, RANGE_MAX_M)?;
                let site = Site {
                    position,
                    altitude_m,
                };
                Ok((Some(site), range_max_m))
            }
        }
    }
}
