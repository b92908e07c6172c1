#![allow(clippy::unwrap_used)]

use super::*;

const HARBOUR: &str = include_str!("../../../harbour/scenario.toml");

/// A small scenario that passes: each case changes one thing.
pub(crate) const GOOD: &str = r#"
seed = 1
start = 2026-06-01T06:00:00Z
duration_s = 60
area = { south_deg = 55.0, west_deg = 13.0, north_deg = 55.3, east_deg = 13.6 }
[regions]
lane = { south_deg = 55.0, west_deg = 13.0, north_deg = 55.2, east_deg = 13.6 }
[sensors.shore]
format = "ais"
[[tracks]]
name = "TRADER"
class = "cargo"
count = 5
sensors = ["shore"]
region = "lane"
report_interval_s = 2
ais = { mmsi = 219_900_001 }
[[tracks]]
name = "BUOY"
class = "aid"
sensors = ["shore"]
at = [55.1, 13.1]
ais = { mmsi = 992_199_001 }
[[faults]]
kind = "teleport"
track = "TRADER 2"
at_s = 10
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is not in the good scenario");
    let text = GOOD.replacen(from, to, 1);
    Scenario::parse("bad.toml", &text).unwrap_err().to_string()
}

#[test]
fn the_harbour_scenario_loads() {
    let harbour = Scenario::parse("harbour", HARBOUR).unwrap();
    assert_eq!(harbour.track_count(), 67);
    let faults: u64 = harbour
        .faults
        .iter()
        .map(|order| order.target.count())
        .sum();
    assert_eq!(faults, 12);
}

#[test]
fn the_load_scenario_loads() {
    let load = Scenario::parse("load", include_str!("../../../harbour/load.toml")).unwrap();
    assert_eq!(load.track_count(), 20_000);
}

#[test]
fn a_good_scenario_keeps_what_it_says() {
    let scenario = Scenario::parse("good.toml", GOOD).unwrap();
    assert_eq!(scenario.start_ns, 1_780_293_600_000_000_000);
    assert_eq!(scenario.groups[0].track_name(4), "TRADER 5");
    assert_eq!(scenario.groups[0].ais.as_ref().unwrap().position_message, 1);
    assert_eq!(
        scenario.faults[0].target,
        Target::Track {
            track: 1,
            at_ms: 10_000
        }
    );
}

#[test]
fn every_broken_rule_names_file_key_rule_and_value() {
    let cases = [
        (
            "start = 2026-06-01T06:00:00Z",
            "start = 2026-06-01T06:00:00",
            "bad.toml: start: must be a whole second with its offset, from 1970 on, as \
             2026-06-01T06:00:00Z, not 2026-06-01T06:00:00",
        ),
        (
            "duration_s = 60",
            "duration_s = 0",
            "bad.toml: duration_s: must be 1 to 2678400, not 0",
        ),
        (
            "south_deg = 55.0",
            "south_deg = 85.0",
            "bad.toml: area.south_deg: must be -80 to 80, not 85",
        ),
        (
            "north_deg = 55.3",
            "north_deg = 54.0",
            "bad.toml: area.north_deg: must be above south_deg 55, not 54",
        ),
        (
            "north_deg = 55.2",
            "north_deg = 55.4",
            "bad.toml: regions.lane: must lie in the area, not partly outside",
        ),
        (
            "north_deg = 55.2",
            "north_deg = 55.01",
            "bad.toml: tracks[0].region: must be wider than 4137 m each way for class cargo at \
             16 kt, not 1113 m by 38392 m",
        ),
        (
            "format = \"ais\"",
            "format = \"ais\"\nposition_noise_m = -1",
            "bad.toml: sensors.shore.position_noise_m: must be 0 to 10000, not -1",
        ),
        (
            "count = 5",
            "count = 0",
            "bad.toml: tracks[0].count: must be 1 to 1000000, not 0",
        ),
        (
            "region = \"lane\"",
            "region = \"land\"",
            "bad.toml: tracks[0].region: must be one of the regions, not \"land\"",
        ),
        (
            "sensors = [\"shore\"]",
            "sensors = [\"ship\"]",
            "bad.toml: tracks[0].sensors: must name sensors, each once, not \"ship\"",
        ),
        (
            "sensors = [\"shore\"]",
            "sensors = []",
            "bad.toml: tracks[0].sensors: must name a sensor, and at most one for AIS: a transponder reports once, \
             not 0 of them",
        ),
        (
            "report_interval_s = 2",
            "report_interval_s = 1",
            "bad.toml: tracks[0].report_interval_s: must be 2 to 3600, not 1",
        ),
        (
            "report_interval_s = 2",
            "speed_kt = [10, 30]",
            "bad.toml: tracks[0].speed_kt: must be [low, high] with 0 < low <= high <= 22 for \
             class cargo, not [10, 30]",
        ),
        (
            "mmsi = 219_900_001",
            "mmsi = 992_199_005",
            "bad.toml: tracks[0].ais.mmsi: must leave all within a ship's 201000000 to \
             775999999, not 992199005 to 992199009",
        ),
        (
            "ais = { mmsi = 219_900_001 }",
            "",
            "bad.toml: tracks[0].ais: must be given for an AIS sensor, not absent",
        ),
        (
            "mmsi = 219_900_001",
            "mmsi = 219_900_001, position_message = 4",
            "bad.toml: tracks[0].ais.position_message: must be one of [1, 2, 3, 18] for class \
             cargo, not 4",
        ),
        (
            "name = \"TRADER\"",
            "name = \"Trader\"",
            "bad.toml: tracks[0].name: must be at most 20 characters of the AIS six-bit set \
             (capitals, digits, punctuation), not \"Trader 5\"",
        ),
        (
            "name = \"BUOY\"",
            "name = \"TRADER\"",
            "bad.toml: tracks[1].name: must be unique, not \"TRADER\" again",
        ),
        (
            "name = \"BUOY\"",
            "name = \"TRADER 3\"",
            "bad.toml: tracks[1].name: must not be that of a track of group \"TRADER\", not \
             \"TRADER 3\"",
        ),
        (
            "at = [55.1, 13.1]",
            "",
            "bad.toml: tracks[1].at: must say where a fixed station is, not absent",
        ),
        (
            "at = [55.1, 13.1]",
            "at = [56.1, 13.1]",
            "bad.toml: tracks[1].at: must lie in the track's region, not [56.1, 13.1]",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"teleprot\"",
            "bad.toml: faults[0].kind: must be one of [\"speed-jump\", \"teleport\", \
             \"time-reversal\", \"duplicate\", \"not-available\", \"out-of-range\", \
             \"position-offset\", \"altitude-ramp\", \"speed-ramp\", \"reversed-heading\", \
             \"reversed-climb\", \"frozen-position\", \"time-shift\", \"identity-clash\", \
             \"dropped\", \"swapped\"], not \"teleprot\"",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"teleport\"\ndelay_s = 5",
            "bad.toml: faults[0].delay_s: must be absent for kind teleport, not given",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"teleport\"\ndistance_m = 100",
            "bad.toml: faults[0].distance_m: must be 5000 to 500000, not 100",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"speed-jump\"\nby_kt = 90",
            "bad.toml: faults[0].by_kt: must be 22 to 79.2, not 90",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"out-of-range\"\nfield = \"speed\"",
            "bad.toml: faults[0].field: must be position or course: AIS has no speed out of \
             range, not speed",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"time-reversal\"\ndelay_s = 12",
            "bad.toml: faults[0].at_s: must be 12 to 60, not 10",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"duplicate\"\nreports = 2",
            "bad.toml: faults[0].reports: must be 1 to 1000, and 1 where a report is repeated \
             or swapped, not 2",
        ),
        (
            "track = \"TRADER 2\"",
            "track = \"TRADER 6\"",
            "bad.toml: faults[0].track: must name a track, not \"TRADER 6\"",
        ),
        (
            "track = \"TRADER 2\"",
            "track = \"BUOY\"",
            "bad.toml: faults[0].track: must be a track that moves or swings, not \"BUOY\" of \
             class aid",
        ),
        (
            "track = \"TRADER 2\"",
            "",
            "bad.toml: faults[0].track: must be given, or else `among`, not neither",
        ),
        (
            "track = \"TRADER 2\"\nat_s = 10",
            "among = \"TRADER\"\ncount = 6\nfrom_s = 1\nto_s = 5",
            "bad.toml: faults[0]: must leave 30 s between two faults of a track, and draw from a \
             group with enough tracks that have none, not 6 more",
        ),
        (
            "at_s = 10",
            "at_s = 61",
            "bad.toml: faults[0].at_s: must be 0 to 60, not 61",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(refusal(from, to), expected);
    }
}

#[test]
fn identities_that_two_groups_share_are_refused() {
    let twice = format!(
        "{GOOD}\n[[tracks]]\nname = \"OTHER\"\nclass = \"ferry\"\nsensors = [\"shore\"]\n\
         ais = {{ mmsi = 219_900_005 }}\n"
    );
    assert_eq!(
        Scenario::parse("bad.toml", &twice).unwrap_err().to_string(),
        "bad.toml: tracks[2].ais.mmsi: must not be among those of tracks[0], 219900001 to \
         219900005, not 219900005"
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let message = refusal("count = 5", "cuont = 5");
    assert!(
        message.starts_with("bad.toml: TOML parse error at line 13"),
        "{message}"
    );
    assert!(message.contains("unknown field `cuont`"), "{message}");
}

#[test]
fn a_missing_file_is_named() {
    assert_eq!(
        Scenario::load(Path::new("/nowhere/scenario.toml"))
            .unwrap_err()
            .to_string(),
        "/nowhere/scenario.toml: cannot be read: No such file or directory (os error 2)"
    );
}
