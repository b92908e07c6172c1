//! Which item a track's value comes from, where a record has several or none.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use common::{CAPTURED_NS, decode_with, sites_json, unhex, value};
use serde_json::Value;

fn block(category: u8, digits: &str) -> Vec<u8> {
    let record = unhex(&digits.replace(' ', ""));
    let mut bytes = vec![category, 0, 3 + record.len() as u8];
    bytes.extend(record);
    bytes
}

/// The track of a record.
fn track(category: u8, digits: &str) -> Value {
    let found = decode_with(&sites_json(), &[(CAPTURED_NS, block(category, digits))], 1);
    assert_eq!(found.rejects, [], "{digits}");
    assert_eq!(found.messages[0].class, "track.air");
    value(&found.messages[0])
}

/// A plot of radar 25-12 at 10 NM in the north, with or without I048/090 and I048/210.
fn plot(level: &str, accuracy: &str) -> Value {
    let first = if level.is_empty() { "b1" } else { "b5" };
    let rest = if accuracy.is_empty() { "10" } else { "1180" };
    track(
        48,
        &format!("{first}{rest} 190c 20 0a000000 {level} 0007 {accuracy}"),
    )
}

#[test]
fn a_plot_is_put_at_the_best_height_there_is() {
    let at = |plot: &Value| plot["lat_deg"].as_f64().unwrap();
    let from = |plot: &Value| {
        plot["asterix"]["slant_height_from"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // Flight level 360, some 11 km: sure, not validated, garbled, both.
    let sure = plot("05a0", "");
    assert_eq!(from(&sure), "i048_090");
    assert!(sure["alt_m"].is_f64());
    let unsure = plot("85a0", "");
    assert_eq!(from(&unsure), "i048_090_unvalidated");
    assert_eq!(at(&unsure), at(&sure));
    assert!(unsure["alt_m"].is_null(), "it is no altitude of the track");
    assert!(unsure["accuracy_m"].is_null());
    let none = plot("", "");
    for garbled in ["45a0", "c5a0"] {
        assert_eq!(plot(garbled, ""), none);
    }
    assert_eq!(from(&none), "none");
    // Higher than it is away: not validated, and not so.
    assert_eq!(plot("9f40", ""), none);
    // Some 3 km nearer with its height.
    let moved_m = (at(&none) - at(&sure)) * 111_100.0;
    assert!((3_000.0..5_000.0).contains(&moved_m), "{moved_m} m");
}

/// A target at 15,240 m, 14,460 m above this radar, would be √(18,520² − 14,460²) = 11,571 m away
/// over flat ground, and not 18,520 m.
#[test]
fn without_a_height_the_accuracy_holds_what_it_can_be_off() {
    let spread_m = plot("", "")["accuracy_m"].as_f64().unwrap();
    assert!((6_930.0..6_980.0).contains(&spread_m), "{spread_m}");
    // Both parts of the error, as independent ones: 95 % of 14.5 m on each axis, and this.
    let radar_m = plot("05a0", "01010101")["accuracy_m"].as_f64().unwrap();
    assert!((35.0..36.0).contains(&radar_m), "{radar_m}");
    let both_m = plot("", "80800101")["accuracy_m"].as_f64().unwrap();
    let expected_m = spread_m.hypot(128.0 * radar_m);
    assert!((both_m - expected_m).abs() < 1e-6, "{both_m}");
}

#[test]
fn the_climb_of_a_report_is_that_of_its_altitude() {
    // I021/155 says 100 ft/min, I021/157 200 ft/min.
    let fpm = |track: Value| (track["climb_mps"].as_f64().unwrap() * 60.0 / 0.3048).round();
    let barometric = "c111 0330 0102 00 abcdef 05a0 0010 0020";
    let geometric = "c111 4130 0102 00 abcdef 05a0 0010 0020";
    assert_eq!(fpm(track(21, barometric)), 100.0);
    assert_eq!(fpm(track(21, geometric)), 200.0);
    // Where the right one is missing, or beyond its range, the other.
    assert_eq!(fpm(track(21, "c111 0310 0102 00 abcdef 05a0 0020")), 200.0);
    assert_eq!(
        fpm(track(21, "c111 0330 0102 00 abcdef 05a0 8010 0020")),
        200.0
    );
    assert_eq!(fpm(track(21, "c111 4120 0102 00 abcdef 05a0 0010")), 100.0);
}

/// I062/100 alone: a place in a plane that no item describes.
#[test]
fn a_place_in_the_trackers_plane_alone_makes_no_track() {
    let classes = |digits: &str| -> Vec<&str> {
        let given = [(CAPTURED_NS, block(62, digits))];
        let found = decode_with(&Value::Null, &given, 1);
        assert_eq!(found.rejects, []);
        found.messages.iter().map(|message| message.class).collect()
    };
    let plane = classes("950c 0102 000000 000100 000100 0007 00");
    assert_eq!(plane, ["asterix.cat062"]);
    let both = classes("9d0c 0102 000000 0000000100000001 000100 000100 0007 00");
    assert_eq!(both, ["track.air", "asterix.cat062"]);
}

/// Positions beyond a globe are kept as sent: the schemas do not forbid them.
#[test]
fn a_position_out_of_range_is_kept_as_sent() {
    let found = track(62, "990c 0102 000000 0400000008000000 0007 00");
    assert_eq!(found["lat_deg"], 360.0);
    assert_eq!(found["lon_deg"], 720.0);
}
