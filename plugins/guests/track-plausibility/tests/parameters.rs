//! Parameters change what they say, and bad ones are refused by name, rule and value.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::report::{given, rules, ship};
use outrigger_sdk::testing::{ValidatorHost, no_parameters, parameters};
use outrigger_sdk::{Text, Track};
use serde_json::{Value, json};
use track_plausibility::TrackPlausibility;

fn refusal(given: &Value) -> String {
    let error = ValidatorHost::<TrackPlausibility>::new(parameters(given)).err();
    error.unwrap().to_string()
}

#[test]
fn bad_parameters_are_refused_with_name_rule_and_value() {
    let kinds = "track.sea, track.air, track.ground, class-a, class-b, sar-aircraft, helicopter, fighter, high-performance, highly-manoeuvrable, rotorcraft, attack, electronic-warfare, reconnaissance, trainer, air-sea-rescue, autogyro, surface-emergency, surface-service, surface-vehicle, emergency-surface-vehicle";
    for (given, expected) in [
        (
            json!({ "reversal_tolerance_s": -1.0 }),
            "reversal_tolerance_s must be 0 to 600, not -1".into(),
        ),
        (
            json!({ "duplicate_window_s": 600.5 }),
            "duplicate_window_s must be 0 to 600, not 600.5".into(),
        ),
        (
            json!({ "reacquire_reports": 1 }),
            "reacquire_reports must be 2 to 100, not 1".into(),
        ),
        (
            json!({ "reacquire_reports": "three" }),
            "reacquire_reports: invalid type: string \"three\", expected a whole number that is not negative".into(),
        ),
        (
            json!({ "platforms": { "class-a": { "speed_max_mps": -2 } } }),
            "platforms.class-a.speed_max_mps must be 0 to 299792458, not -2".into(),
        ),
        (
            json!({ "platforms": { "class-a": { "floor_m": "far" } } }),
            "platforms.class-a.floor_m: invalid type: string \"far\", expected a number".into(),
        ),
        (
            json!({ "platforms": { "class-a": { "like": "class-b" } } }),
            "platforms.class-a.like must be absent, for the kind has defaults, not class-b".into(),
        ),
        (
            json!({ "platforms": { "drone": { "speed_max_mps": 700 } } }),
            format!("platforms.drone.like must be one of {kinds}, not absent"),
        ),
        (
            json!({ "platforms": { "drone": { "like": "jet" } } }),
            format!("platforms.drone.like must be one of {kinds}, not jet"),
        ),
        (
            json!({ "platforms": { "class-a": { "speed_max_kt": 30 } } }),
            "platforms.class-a.speed_max_kt: unknown field `speed_max_kt`, expected one of `like`, `speed_max_mps`, `reach_speed_mps`, `acceleration_mps2`, `load_factor`, `turn_max_dps`, `climb_max_mps`, `manoeuvre_mps2`, `direction_speed_mps`, `floor_m`, `position_expected`".into(),
        ),
        (json!({ "gate": 0.5 }), "gate must be 1 to 1000, not 0.5".into()),
        (
            json!({ "silence_s": 90_000 }),
            "silence_s must be 0 to 86400, not 90000".into(),
        ),
        (
            json!({ "platforms": { "class-a": { "load_factor": 0.5 } } }),
            "platforms.class-a.load_factor must be 1 to 100, not 0.5".into(),
        ),
        (
            json!({ "sources": { "sonar": {} } }),
            "sources must be named by one of ais, adsb, mlat, radar, system-track, gmti, dis, other, not sonar".into(),
        ),
        (
            json!({ "sources": { "radar": { "time_s": 61 } } }),
            "sources.radar.time_s must be 0 to 60, not 61".into(),
        ),
        (
            json!({ "tolerance_s": 3 }),
            "tolerance_s: unknown field `tolerance_s`, expected one of `reversal_tolerance_s`, `duplicate_window_s`, `reacquire_reports`, `gate`, `silence_s`, `platforms`, `sources`".into(),
        ),
    ] {
        assert_eq!(refusal(&given), format!("parameter: {expected}"));
    }
    let many: serde_json::Map<String, Value> = (0..65)
        .map(|kind| (format!("kind-{kind}"), json!({ "like": "class-a" })))
        .collect();
    assert_eq!(
        refusal(&json!({ "platforms": many })),
        "parameter: platforms must be at most 64 kinds, not 65"
    );
}

#[test]
fn no_parameters_are_the_defaults_and_each_one_changes_its_limit() {
    assert!(ValidatorHost::<TrackPlausibility>::new(no_parameters()).is_ok());
    let tug = |seconds, north_m| Track {
        platform_class: Text::new("tug"),
        ..ship(seconds, north_m)
    };
    let mut host = ValidatorHost::<TrackPlausibility>::new(parameters(&json!({
        "reversal_tolerance_s": 20,
        "platforms": { "tug": {
            "like": "class-a", "speed_max_mps": 9, "reach_speed_mps": 5,
            "acceleration_mps2": 0, "floor_m": 1, "position_expected": false,
        } },
    })))
    .unwrap();
    let nowhere = Track {
        lat_deg: None,
        lon_deg: None,
        speed_mps: None,
        ..tug(30.0, 0.0)
    };
    let tracks = [tug(0.0, 0.0), tug(10.0, 58.0), tug(1.0, 58.0), nowhere];
    let found = host.validate(0, &tracks.map(|track| given(&track)));
    // The reported 10 m/s is what speaks of the first three, once.
    assert_eq!(rules(&found), [vec!["speed"], vec![], vec![], vec![]]);
    let slow = |seconds, north_m| Track {
        speed_mps: None,
        ..tug(seconds, north_m)
    };
    let mut host = ValidatorHost::<TrackPlausibility>::new(parameters(&json!({
        "platforms": { "tug": {
            "like": "class-a", "reach_speed_mps": 5, "floor_m": 1,
        } },
        "sources": { "ais": { "position_m": 0 } },
    })))
    .unwrap();
    let found = host.validate(
        0,
        &[slow(0.0, 0.0), slow(10.0, 58.0)].map(|track| given(&track)),
    );
    assert_eq!(found[1][0].rule, "teleport");
    assert_eq!(found[1][0].evidence["allowed_m"], 1.0 + 11.2 * 5.0);
}
