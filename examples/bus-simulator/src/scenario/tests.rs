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
    assert_eq!(faults, 14);
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
             \"position-offset\", \"position-noise\", \"altitude-ramp\", \"speed-ramp\", \
             \"reversed-heading\", \"reversed-climb\", \"frozen-position\", \"time-shift\", \"identity-clash\", \
             \"dropped\", \"swapped\"], not \"teleprot\"",
        ),
        (
            "kind = \"teleport\"",
            "kind = \"position-noise\"\nnoise_m = 5",
            "bad.toml: faults[0].noise_m: must be 10 to 100000, not 5",
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

const AIR: &str = include_str!("../../../air/scenario.toml");

/// What is said of the air scenario with `from` replaced by `to`.
fn air_refusal(from: &str, to: &str) -> String {
    assert!(AIR.contains(from), "{from}");
    Scenario::parse("air.toml", &AIR.replacen(from, to, 1))
        .unwrap_err()
        .to_string()
}

#[test]
fn the_air_scenarios_load() {
    let air = Scenario::parse("air", AIR).unwrap();
    assert_eq!(
        (air.track_count(), air.sensors.len(), air.faults.len()),
        (43, 3, 14)
    );
    for (name, text) in [
        ("ads-b", include_str!("../../../air/load-adsb.toml")),
        ("cat062", include_str!("../../../air/load-cat062.toml")),
        ("cat048", include_str!("../../../air/load-cat048.toml")),
    ] {
        let load = Scenario::parse(name, text).unwrap();
        assert_eq!(load.sensors[0].format.name(), name);
        assert!(load.track_count() >= 4_000);
    }
}

#[test]
fn rules_of_aircraft_sensors_and_their_faults_are_named() {
    for (from, to, expected) in [
        (
            "sic = 1\n",
            "",
            "sensors.centre.sic: must be given for ASTERIX, 0 to 255, not absent",
        ),
        (
            "sic = 1\n",
            "sic = 1\nencoding = \"avr\"\n",
            "sensors.centre.encoding: must be absent for format cat062, not given",
        ),
        (
            "site = { lat_deg = 55.53, lon_deg = 13.38, alt_m = 60, range_max_m = 330_000 }\n",
            "",
            "sensors.radar.site: must say where the radar stands, not absent",
        ),
        (
            "range_max_m = 330_000",
            "range_max_m = 500_000",
            "sensors.radar.site.range_max_m: must be 1000 to 474112, not 500000",
        ),
        (
            "update_period_s = 2.0",
            "update_period_s = 0.1",
            "sensors.centre.update_period_s: must be 0.4 to 60, not 0.1",
        ),
        (
            "icao = 0xF10101",
            "icao = 0xF10002",
            "tracks[1].aircraft.icao: must not be among those of tracks[0], 0xf10001 to 0xf10018, \
             not 0xf10002",
        ),
        (
            "icao = 0xF10001",
            "icao = 0xFFFFFE",
            "tracks[0].aircraft.icao: must leave all within 0x000001 to 0xFFFFFE, not 0xfffffe to \
             0x1000015",
        ),
        (
            "callsign = \"OUT\"",
            "callsign = \"OUTRIDE\"",
            "tracks[0].aircraft.callsign: must be capitals and digits, at most 8 with the number \
             of the last track, not \"OUTRIDE\"",
        ),
        (
            "squawk = \"2201\"",
            "squawk = \"2801\"",
            "tracks[0].aircraft.squawk: must be four octal digits, not \"2801\"",
        ),
        (
            "aircraft = { icao = 0xF10001, callsign = \"OUT\", squawk = \"2201\" }",
            "",
            "tracks[0].aircraft: must be given for a sensor of aircraft, not absent",
        ),
        (
            "class = \"drone\"",
            "class = \"fishing\"",
            "tracks[4].pattern: must be absent for class fishing, not given",
        ),
        (
            "formation_m = 400",
            "formation_m = 5",
            "tracks[2].formation_m: must be 20 to 2000, not 5",
        ),
        (
            "radius_m = 6_000",
            "radius_m = 500",
            "tracks[4].radius_m: must be at least 564 for class drone at 90 kt, not 500",
        ),
        (
            "altitude_m = [2_400, 3_600]",
            "altitude_m = [2_400, 36_000]",
            "tracks[1].altitude_m: must be [low, high] with -300 <= low <= high <= 15000, not \
             [2400, 36000]",
        ),
        (
            "kind = \"duplicate\"\ntrack = \"AIRWAY 17\"\nsensor = \"centre\"",
            "kind = \"duplicate\"\ntrack = \"AIRWAY 17\"\nsensor = \"receiver\"",
            "faults[9].kind: must fit the format: it needs a time in its reports, not duplicate \
             in ads-b",
        ),
        (
            "with = \"AIRWAY 16\"\n",
            "",
            "faults[8].with: must name the track whose identity is used, not absent",
        ),
        (
            "with = \"AIRWAY 16\"",
            "with = \"SPORT 1\"",
            "faults[8].with: must name another track, with the same sensors, not \"SPORT 1\"",
        ),
        (
            "shift_s = -12",
            "shift_s = -12\nby_kt = 5",
            "faults[7].by_kt: must be absent for kind time-shift, not given",
        ),
        (
            "sensor = \"radar\"",
            "sensor = \"dish\"",
            "faults[1].sensor: must be one of the track's sensors, not \"dish\"",
        ),
    ] {
        let said = air_refusal(from, to);
        let expected = format!("air.toml: {expected}");
        assert_eq!(said, expected);
    }
}
