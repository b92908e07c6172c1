//! Judges each update of a track: is it in range, new, in time, and reachable from the last one?
//!
//! `parameters` reads the configuration, `platform` has the limits by kind of platform, `values`
//! judges a report by itself, `repeats` and `motion` judge it against what `state` kept of the
//! track, `score` says how sure an anomaly is. A rejected position never moves the track: one bad
//! report far away is one anomaly, and a track that has really moved is taken up again after a few
//! reports that agree with each other. Deliberately not here: smoothing, and anything that needs
//! more than one track.

mod motion;
mod parameters;
mod platform;
mod repeats;
mod score;
mod state;
mod values;

use geographiclib_rs::Geodesic;
use outrigger_sdk::{
    Anomalies, Configuration, ConfigureError, Description, Message, Track, Validator, description,
    export_validator,
};

pub use parameters::{Parameters, PlatformParameters};
pub use platform::{Limits, PLATFORMS_MAX};
pub use state::{Candidate, Fix, RECENT_MAX, Recent, STATE_BYTES_MAX, TimeKind, TrackState};

/// Reported speed is beyond the platform's limit.
pub const SPEED: &str = "speed";
/// The position cannot be reached from the last accepted one in the time between.
pub const TELEPORT: &str = "teleport";
/// The report applies to a time before the last accepted one.
pub const TIME_REVERSAL: &str = "time-reversal";
/// The report has been seen already.
pub const DUPLICATE: &str = "duplicate";
/// A report that should carry a position carries none.
pub const NOT_AVAILABLE: &str = "not-available";
/// A value is outside its physical range or that of its format.
pub const OUT_OF_RANGE: &str = "out-of-range";

/// The validator, configured.
pub struct TrackPlausibility {
    platforms: platform::Platforms,
    rules: motion::Rules,
}

impl Validator for TrackPlausibility {
    type Body = Track;
    type State = TrackState;

    fn describe() -> Description {
        description!()
            .reads(platform::TRACK_SEA)
            .reads(platform::TRACK_AIR)
            .rules(&[
                SPEED,
                TELEPORT,
                TIME_REVERSAL,
                DUPLICATE,
                NOT_AVAILABLE,
                OUT_OF_RANGE,
            ])
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters = Parameters::read(configuration)?;
        Ok(Self {
            platforms: platform::Platforms::new(&parameters.platforms),
            rules: motion::Rules {
                parameters,
                geodesic: Geodesic::wgs84(),
            },
        })
    }

    fn validate(
        &mut self,
        message: &Message<Track>,
        state: &mut Option<TrackState>,
        out: &mut Anomalies,
    ) {
        let track = &message.body;
        let limits = self.platforms.limits(message.class, track);
        let state = state.get_or_insert_default();
        // What a repeat says was judged when it was said first.
        if repeats::judge(track, state, &self.rules.parameters, out) {
            return;
        }
        let position = values::judge(track, limits, out);
        let Some((lat_deg, lon_deg)) = position else {
            return;
        };
        let fix = Fix::new(track, lat_deg, lon_deg, limits);
        motion::judge(fix, limits, state, &self.rules, out);
    }
}

export_validator!(TrackPlausibility);
