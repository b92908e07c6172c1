//! Judges each update of a track: is it in range, new, in time, and reachable from the last one?
//!
//! `parameters` reads the configuration, `platform` has the limits by kind of platform, `source` the
//! noise by kind of sensor. `repeats` finds what was seen already, `values` judges a report by
//! itself, `motion` against what `state` kept of the track: `step` says what is in time and within
//! reach, `gate` what is where the track was going (`filter`, in the tangent plane of `plane`),
//! `velocity` and `vertical` what the platform can do. `finding` chooses the one rule that speaks,
//! `said` keeps what lasts from being said at every report, `score` says how sure it is. A rejected position never moves the track: one bad report far away
//! is one anomaly, and a track that has really moved is taken up again after a few reports that
//! agree with each other. Deliberately not here: anything that needs more than one track.

mod filter;
mod finding;
mod gate;
mod motion;
mod parameters;
mod plane;
mod platform;
mod repeats;
mod said;
mod score;
mod source;
mod state;
mod step;
mod values;
mod velocity;
mod vertical;

use geographiclib_rs::Geodesic;
use outrigger_sdk::{
    Anomalies, Configuration, ConfigureError, Description, Message, Severity, Track, Validator,
    description, export_validator,
};

use finding::{Finding, Findings};

pub use filter::Filter;
pub use finding::Rule;
pub use parameters::{Parameters, PlatformParameters, SourceParameters};
pub use plane::Place;
pub use platform::{Limits, PLATFORMS_MAX};
pub use said::{AGAIN_MS, LASTING_MAX, Said};
pub use score::{SCORE_RATIOS, score};
pub use state::{
    Candidate, Course, Fix, RECENT_MAX, Recent, STATE_BYTES_MAX, TimeKind, TrackState, Velocity,
    Vertical,
};

/// Weight of one interval in a track's usual one.
const INTERVAL_WEIGHT: f32 = 1.0 / 8.0;
/// Usual intervals without a report after which a track has gone silent. Ten reports lost in a row
/// are no collisions on the channel.
const SILENT_INTERVALS: f64 = 10.0;

/// The validator, configured.
pub struct TrackPlausibility {
    platforms: platform::Platforms,
    sources: source::Sources,
    rules: step::Rules,
}

impl Validator for TrackPlausibility {
    type Body = Track;
    type State = TrackState;

    fn describe() -> Description {
        description!()
            .reads(platform::TRACK_SEA)
            .reads(platform::TRACK_AIR)
            .reads(platform::TRACK_GROUND)
            .rules(&Rule::ALL.map(Rule::name))
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters = Parameters::read(configuration)?;
        Ok(Self {
            platforms: platform::Platforms::new(&parameters.platforms),
            sources: source::Sources::new(&parameters.sources),
            rules: step::Rules {
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
        let noise = self.sources.noise(message.class, track);
        let state = state.get_or_insert_with(|| TrackState {
            captured_ms: state::millis(message.captured_ns),
            ..TrackState::default()
        });
        heard(state, state::millis(message.captured_ns));
        let mut found = Findings::new(state.said);
        // What a repeat says was judged when it was said first.
        if !repeats::judge(track, state, &noise, limits, &self.rules, &mut found) {
            let report = values::judge(message, noise, limits, &mut found);
            motion::judge(&report, limits, state, &self.rules, &mut found);
        }
        state.said = found.say(out);
    }

    fn expire(
        &mut self,
        now_ns: u64,
        _class: &str,
        _key: &str,
        state: TrackState,
        out: &mut Anomalies,
    ) {
        let silence_s = state::seconds(state.captured_ms, state::millis(now_ns));
        let interval_s = f64::from(state.interval_s);
        let limit_s = (SILENT_INTERVALS * interval_s).max(self.rules.parameters.silence_s);
        // Evicted for want of room, and not silent; or heard once, and so of no usual interval.
        if silence_s <= limit_s || interval_s == 0.0 {
            return;
        }
        let mut found = Findings::default();
        found.add(Finding::new(
            Rule::Silent,
            Severity::Minor,
            silence_s / limit_s,
            &[
                ("silence_s", silence_s),
                ("limit_s", limit_s),
                ("interval_s", interval_s),
            ],
        ));
        found.say(out);
    }
}

/// Notes when the track was heard.
fn heard(state: &mut TrackState, captured_ms: u32) {
    let interval_s = state::seconds(state.captured_ms, captured_ms).max(0.0) as f32;
    if interval_s > 0.0 {
        let elapsed_ms = captured_ms.wrapping_sub(state.captured_ms);
        state.said.elapse(elapsed_ms);
    }
    state.captured_ms = captured_ms;
    if interval_s > 0.0 {
        state.interval_s = if state.interval_s == 0.0 {
            interval_s
        } else {
            state.interval_s + (interval_s - state.interval_s) * INTERVAL_WEIGHT
        };
    }
}

export_validator!(TrackPlausibility);
