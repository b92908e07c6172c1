//! Nanoseconds per message, natively: half inside, half outside and redacted.
//!
//! `cargo bench -p area-router`
#![allow(clippy::disallowed_types, clippy::expect_used, missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use area_router::AreaRouter;
use outrigger_sdk::testing::{Given, RouterHost, parameters};
use outrigger_sdk::{
    Configuration, ConfigureError, Deliveries, Description, Fields, RoutedMessage, Router, Text,
    TimeSource, Track, description,
};

/// Delivers as it is: what is left is the test host and the body.
struct Nothing;

impl Router for Nothing {
    type Body = Fields;

    fn describe() -> Description {
        description!().reads("track.sea").routes(&["inside"])
    }

    fn configure(_: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self)
    }

    fn route(&mut self, _: &RoutedMessage<Fields>, out: &mut Deliveries) {
        out.deliver("inside");
    }
}

const ROUNDS: usize = 101;

fn run<R: Router>(configuration: &Configuration, messages: &[Given]) -> f64 {
    let mut host = RouterHost::<R>::new(configuration.clone(), "").expect("good parameters");
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        for batch in messages.chunks(256) {
            black_box(host.route(batch));
        }
        start.elapsed().as_nanos() as f64
    });
    times.fold(f64::MAX, f64::min) / messages.len() as f64
}

fn main() {
    let area = BTreeMap::from([
        ("south", 54.9),
        ("west", 12.7),
        ("north", 55.4),
        ("east", 13.9),
    ]);
    #[derive(serde::Serialize)]
    struct Given1 {
        area: BTreeMap<&'static str, f64>,
        redact: [&'static str; 1],
    }
    let configuration = parameters(&Given1 {
        area,
        redact: ["callsign"],
    });
    let messages = |lat_deg: f64| -> Vec<Given> {
        let track = Track {
            platform_id: Text::new("219000001"),
            callsign: Text::new("SGLX"),
            platform_class: Text::new("class-a"),
            lat_deg: Some(lat_deg),
            lon_deg: Some(13.0),
            speed_mps: Some(7.0),
            course_deg: Some(10.0),
            heading_deg: Some(11.0),
            accuracy_m: Some(10.0),
            ..Track::new(
                Text::new("mmsi:219000001").expect("short"),
                1,
                TimeSource::UtcSecond,
            )
        };
        vec![Given::new("track.sea", &track.track_id, track.time_ns, &track); 25_600]
    };
    for (name, lat_deg) in [("inside, as it is", 55.0), ("outside, redacted", 56.0)] {
        let messages = messages(lat_deg);
        let nothing = run::<Nothing>(&configuration, &messages);
        let all = run::<AreaRouter>(&configuration, &messages);
        println!(
            "{name}: {all:.0} ns a message; {nothing:.0} ns of it host and body; {:.0} ns routing",
            all - nothing
        );
    }
}
