//! Tracks that are faster than a limit, and how often in a row.
use outrigger_sdk::{Anomalies, Configuration, ConfigureError, Description, Message};
use outrigger_sdk::{Track, Validator, description, export_validator};

/// The validator, and its parameters.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeedLimit {
    speed_max_mps: f64,
}

impl Validator for SpeedLimit {
    type Body = Track;
    type State = u32; // reports above the limit, in a row

    fn describe() -> Description {
        description!().reads("track.sea").rules(&["too-fast"])
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        configuration.parameters()
    }

    fn validate(&mut self, m: &Message<Track>, in_a_row: &mut Option<u32>, out: &mut Anomalies) {
        let Some(speed_mps) = m.body.speed_mps.filter(|v| *v > self.speed_max_mps) else {
            *in_a_row = None;
            return;
        };
        let reports = in_a_row.unwrap_or(0) + 1;
        *in_a_row = Some(reports);
        out.major("too-fast", 900, |evidence| {
            evidence
                .number("speed_mps", speed_mps)
                .integer("reports", reports.into());
        });
    }
}

export_validator!(SpeedLimit);
