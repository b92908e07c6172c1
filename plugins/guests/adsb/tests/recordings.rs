//! Every Mode S recording against what rs1090 0.7.0 and pyModeS 3.6.1 make of it, field by field.
//!
//! Each line of a reference belongs to one frame, and each of its fields is compared with the
//! message, skip or reject of that frame, within half a unit of what is sent. README.md explains
//! each difference.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use adsb_decoder::bits::Me;
use adsb_decoder::message;
use common::{Host, Outcome, borrowed, lines, long_flight, los_angeles, recordings, unhex, value};
use serde_json::Value;

/// Differences by kind: how many, and one example.
#[derive(Default)]
struct Differences(BTreeMap<String, (u32, String)>);

impl Differences {
    fn add(&mut self, kind: impl Into<String>, detail: String) {
        self.0.entry(kind.into()).or_insert((0, detail)).0 += 1;
    }

    /// Compares with all that there may be.
    fn assert(&self, expected: &[(&str, u32)]) {
        for (kind, (count, example)) in &self.0 {
            println!("  difference: {count} x {kind}, for example {example}");
        }
        let counts: Vec<(&str, u32)> = self
            .0
            .iter()
            .map(|(kind, (count, _))| (kind.as_str(), *count))
            .collect();
        assert_eq!(counts, expected);
    }
}

/// What became of each frame, from 0.
enum Became {
    Message(&'static str, Value),
    Skip(&'static str),
    Reject(&'static str),
}

fn by_frame(outcome: &Outcome, frames: usize) -> Vec<Became> {
    let mut all: Vec<Option<Became>> = (0..frames).map(|_| None).collect();
    let mut set = |frame: u64, became: Became| {
        let place = &mut all[frame as usize - 1];
        assert!(place.is_none(), "frame {frame} became two things");
        *place = Some(became);
    };
    for message in &outcome.messages {
        let body = value(message);
        set(
            *message.sources.last().unwrap(),
            Became::Message(message.class, body),
        );
    }
    for (frame, kind) in &outcome.skips {
        set(*frame, Became::Skip(kind));
    }
    for reject in &outcome.rejects {
        set(reject.sequence, Became::Reject(reject.cause));
    }
    all.into_iter()
        .map(|became| became.expect("every frame becomes something"))
        .collect()
}

fn count(outcome: &Outcome) {
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    let names = outcome
        .messages
        .iter()
        .map(|message| message.class.to_owned())
        .chain(outcome.skips.iter().map(|(_, kind)| format!("skip {kind}")))
        .chain(
            outcome
                .rejects
                .iter()
                .map(|reject| format!("reject {}", reject.cause)),
        );
    for name in names {
        *kinds.entry(name).or_default() += 1;
    }
    println!("{kinds:#?}");
}

const KNOT_MPS: f64 = 1_852.0 / 3_600.0;
const FOOT_M: f64 = 0.3048;

/// A quantity of ours, in the reference's unit, is within `tolerance`.
fn near(ours: &Value, unit: f64, theirs: &Value, tolerance: f64) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => (ours / unit - theirs).abs() <= tolerance,
        (None, None) => true,
        _ => false,
    }
}

/// Names that rs1090 gives to categories, and ours.
fn category(name: &str) -> Option<&'static str> {
    Some(match name {
        "<7000kg" => "light",
        "<34,000kg" => "small",
        "<136,000kg" => "large",
        "High vortex" => "high-vortex",
        "Heavy" => "heavy",
        "Rotorcraft" => "rotorcraft",
        "Glider" => "glider",
        "Ultralight" => "ultralight",
        _ => return None,
    })
}

/// Compares one line of rs1090; returns the number of fields.
fn compare_rs1090(line: &Value, frame: &[u8], became: &Became, out: &mut Differences) -> u32 {
    let Some(format) = line["df"].as_str() else {
        match became {
            Became::Skip("df-24") => out.add("DF24 is counted", line.to_string()),
            _ => panic!("{line}"),
        }
        return 0;
    };
    let type_name = line["bds"].as_str();
    let kind = match type_name {
        Some(type_name) => format!("DF{format} {type_name}"),
        None => format!("DF{format}"),
    };
    let (class, body) = match became {
        Became::Message(class, body) => (*class, body),
        Became::Skip(skip) => {
            let expected = match (format, type_name) {
                ("0", _) => "df-0",
                ("16", _) => "df-16",
                ("11", _) => "df-11",
                ("17" | "18", Some("id24")) => "type-24",
                ("17", Some("NoPosition")) => "type-0",
                _ => "",
            };
            if *skip != expected {
                let place = if line["latitude"].is_null() {
                    ""
                } else {
                    ", a position in the reference"
                };
                out.add(format!("{kind}: {skip}{place}"), line.to_string());
            }
            return 0;
        }
        Became::Reject(cause) => {
            out.add(format!("{kind}: rejected, {cause}"), line.to_string());
            return 0;
        }
    };
    let mut fields = 0;
    let fields = &mut fields;
    let mut check = |name: &str, ours: &Value, holds: bool| {
        *fields += 1;
        if !holds {
            let theirs = &line[name];
            let at = &line["i"];
            let detail = format!("line {at}: {ours} here, {theirs} in the reference");
            out.add(format!("{kind} {name}"), detail);
        }
    };
    let address = body["track_id"].as_str().unwrap();
    let digits = &address[address.len() - 6..];
    check("icao24", &body["track_id"], line["icao24"] == digits);
    match class {
        "mode-s.surveillance" => {
            if matches!(format, "4" | "20") {
                let ours = &body["alt_m"];
                check(
                    "altitude",
                    ours,
                    near(ours, FOOT_M, &line["altitude"], 1e-6),
                );
            } else {
                check("squawk", &body["squawk"], body["squawk"] == line["squawk"]);
            }
        }
        "track.air" => {
            let me = Me::new(frame[4..11].try_into().unwrap());
            let sent = message::Position::read(me).unwrap();
            check(
                "lat_cpr",
                &sent.cpr.lat.into(),
                line["lat_cpr"] == sent.cpr.lat,
            );
            check(
                "lon_cpr",
                &sent.cpr.lon.into(),
                line["lon_cpr"] == sent.cpr.lon,
            );
            let parity = if sent.cpr.odd { "odd" } else { "even" };
            check("parity", &parity.into(), line["parity"] == parity);
            let code = &body["mode_s"]["type_code"];
            check("tc", code, line["tc"] == *code);
            let place = [&body["lat_deg"], &body["lon_deg"]];
            let theirs = [&line["latitude"], &line["longitude"]];
            if theirs[0].is_null() {
                check("latitude", place[0], false);
            } else {
                let close =
                    near(place[0], 1.0, theirs[0], 1e-6) && near(place[1], 1.0, theirs[1], 1e-6);
                check("latitude and longitude", place[0], close);
            }
            if type_name == Some("05") {
                let ours = &body["alt_m"];
                check(
                    "altitude",
                    ours,
                    near(ours, FOOT_M, &line["altitude"], 1e-6),
                );
                let source = match body["alt_datum"].as_str() {
                    Some("geometric") => "GNSS",
                    _ => "barometric",
                };
                check("source", &source.into(), line["source"] == source);
                let synchronised = &body["mode_s"]["utc_synchronised"];
                check(
                    "time_sync",
                    synchronised,
                    *synchronised == line["time_sync"],
                );
            } else {
                let ours = &body["speed_mps"];
                check(
                    "groundspeed",
                    ours,
                    near(ours, KNOT_MPS, &line["groundspeed"], 1e-6),
                );
                let angle = &body["mode_s"]["surface_angle_deg"];
                check("track", angle, near(angle, 1.0, &line["track"], 1e-6));
            }
        }
        "mode-s.identification" => {
            let ours = &body["callsign"];
            check("callsign", ours, *ours == line["callsign"]);
            let theirs = category(line["wake_vortex"].as_str().unwrap());
            let ours = &body["platform_class"];
            check("wake_vortex", ours, ours.as_str() == theirs);
        }
        "mode-s.velocity" => {
            let ours = &body["nac_v"];
            check("NACv", ours, *ours == line["NACv"]);
            let ours = &body["speed_mps"];
            check(
                "groundspeed",
                ours,
                near(ours, KNOT_MPS, &line["groundspeed"], 1e-6),
            );
            let ours = &body["course_deg"];
            check("track", ours, near(ours, 1.0, &line["track"], 1e-6));
            let ours = &body["climb_mps"];
            let theirs = &line["vertical_rate"];
            check(
                "vertical_rate",
                ours,
                near(ours, FOOT_M / 60.0, theirs, 1e-6),
            );
            let source = match body["climb_source"].as_str() {
                Some("geometric") => "GNSS",
                Some(_) => "barometric",
                None => line["vrate_src"].as_str().unwrap(),
            };
            check("vrate_src", &source.into(), line["vrate_src"] == source);
            let ours = &body["geometric_minus_barometric_m"];
            check(
                "geo_minus_baro",
                ours,
                near(ours, FOOT_M, &line["geo_minus_baro"], 1e-6),
            );
        }
        "mode-s.emergency" => {
            check("squawk", &body["squawk"], body["squawk"] == line["squawk"]);
            let ours = &body["emergency"];
            check("emergency_state", ours, *ours == line["emergency_state"]);
        }
        "mode-s.status" => {
            let flag = |value: &Value| value.as_bool().map(u64::from);
            let ours = &body["version"];
            check("version", ours, *ours == line["version"]);
            let ours = &body["nac_p"];
            check("NACp", ours, *ours == line["NACp"]);
            let ours = &body["sil"];
            check("SIL", ours, *ours == line["SIL"]);
            let ours = &body["gva"];
            check("GVA", ours, ours.as_u64() == line["GVA"].as_u64());
            for (name, ours) in [
                ("NICa", "nic_supplement_a"),
                ("BAI", "nic_baro"),
                ("TAH", "angle_is_heading"),
                ("HRD", "magnetic_north"),
                ("SILs", "sil_per_sample"),
            ] {
                let ours = &body[ours];
                check(name, ours, flag(ours) == line[name].as_u64());
            }
        }
        "mode-s.target" => {
            let ours = &body["selected_alt_m"];
            // Printed in hundreds of feet; sent in steps of 32 ft.
            check(
                "selected_altitude",
                ours,
                near(ours, FOOT_M, &line["selected_altitude"], 50.0),
            );
            let source = match body["selected_alt_source"].as_str() {
                Some("fms") => "FMS",
                Some(_) => "MCP/FCU",
                None => line["source"].as_str().unwrap(),
            };
            check("source", &source.into(), line["source"] == source);
            let ours = &body["barometric_setting_hpa"];
            let theirs = &line["barometric_setting"];
            check("barometric_setting", ours, near(ours, 1.0, theirs, 1e-3));
            let ours = &body["selected_heading_deg"];
            let theirs = &line["selected_heading"];
            check("selected_heading", ours, near(ours, 1.0, theirs, 1e-6));
            let ours = &body["nac_p"];
            check("NACp", ours, *ours == line["NACp"]);
            for (name, ours) in [
                ("nic_baro", "nic_baro"),
                ("autopilot", "autopilot"),
                ("vnav_mode", "vnav"),
                ("alt_hold", "altitude_hold"),
                ("approach_mode", "approach"),
                ("lnav_mode", "lnav"),
                ("tcas_operational", "tcas"),
            ] {
                let ours = &body[ours];
                check(name, ours, ours.as_bool() == line[name].as_bool());
            }
        }
        other => panic!("class {other}"),
    }
    *fields
}

fn reference(path: &std::path::Path) -> Vec<Value> {
    lines(path)
        .iter()
        .map(|line| serde_json::from_str(line).expect("the reference is JSON"))
        .collect()
}

#[test]
fn the_long_flight_is_what_rs1090_says() {
    let Some(folder) = recordings() else { return };
    let frames = long_flight(&folder);
    let outcome = Host::toulouse().run(borrowed(&frames), 256);
    println!("{} frames", frames.len());
    count(&outcome);
    let became = by_frame(&outcome, frames.len());
    let mut differences = Differences::default();
    let mut fields = 0;
    let reference = reference(&folder.join("rs1090_long_flight.rs1090.jsonl.gz"));
    assert_eq!(reference.len(), frames.len());
    for ((line, (_, payload)), became) in reference.iter().zip(&frames).zip(&became) {
        fields += compare_rs1090(line, &payload[9..], became, &mut differences);
    }
    assert_eq!(fields, 389_939);
    differences.assert(&[
        ("DF11: rejected, parity", 4),
        ("DF17 05 latitude", 106),
        ("DF17 05: position-unpaired", 2),
        ("DF17 06 latitude", 1_397),
        ("DF17 06: position-unpaired", 16),
        ("DF17 09 geo_minus_baro", 205),
        ("DF17 09 vrate_src", 10_450),
        ("DF18 06 latitude", 84),
        ("DF18 06: position-unpaired", 12),
        ("DF18 08 wake_vortex", 12),
        ("DF20: address-unconfirmed", 30),
        ("DF20: rejected, value", 1),
        ("DF4: address-unconfirmed", 15),
        ("DF5: address-unconfirmed", 4),
    ]);
}

#[test]
fn los_angeles_is_what_rs1090_says() {
    let Some(folder) = recordings() else { return };
    let frames = los_angeles(&folder);
    let outcome = Host::default().run(borrowed(&frames), 256);
    println!("{} frames", frames.len());
    count(&outcome);
    let became = by_frame(&outcome, frames.len());
    let mut differences = Differences::default();
    let mut fields = 0;
    let reference = reference(&folder.join("adsb_deku_lax.rs1090.jsonl.gz"));
    assert_eq!(reference.len(), frames.len());
    for ((line, (_, payload)), became) in reference.iter().zip(&frames).zip(&became) {
        let text = std::str::from_utf8(payload).unwrap();
        let bytes = unhex(text.trim_matches(['*', ';']));
        fields += compare_rs1090(line, &bytes, became, &mut differences);
    }
    assert_eq!(fields, 607_161);
    differences.assert(&[
        ("DF11: rejected, parity", 53),
        ("DF17 05 latitude", 25_019),
        ("DF17 05: position-inconsistent", 200),
        ("DF17 05: position-unpaired", 278),
        ("DF17 09 geo_minus_baro", 18),
        ("DF17 09 vrate_src", 25_092),
        ("DF17 62 selected_altitude", 41),
        ("DF18 05 latitude", 8),
        ("DF18 05: position-inconsistent", 1),
        ("DF18 05: position-unpaired", 31),
        ("DF18 05: repeat", 5),
        ("DF18 06: position-unpaired", 1),
        ("DF18 09 geo_minus_baro", 2),
        ("DF18 09 groundspeed", 1),
        ("DF18 09 track", 1),
        ("DF18 09 vrate_src", 28),
        ("DF20: address-unconfirmed", 7),
        ("DF20: rejected, value", 8),
        ("DF21: address-unconfirmed", 1),
        ("DF24 is counted", 7),
        ("DF4: address-unconfirmed", 110),
        ("DF4: rejected, value", 7),
        ("DF5: address-unconfirmed", 16),
    ]);
}

#[test]
fn the_long_flight_is_what_pymodes_says() {
    let Some(folder) = recordings() else { return };
    let frames = long_flight(&folder);
    let outcome = Host::toulouse().run(borrowed(&frames), 256);
    let became = by_frame(&outcome, frames.len());
    let mut differences = Differences::default();
    let mut fields = 0;
    let reference = reference(&folder.join("rs1090_long_flight.pymodes_df17_18.jsonl.gz"));
    for line in &reference {
        let frame = line["i"].as_u64().unwrap() as usize;
        fields += compare_pymodes(line, &became[frame], &mut differences);
    }
    assert_eq!((reference.len(), fields), (50_385, 126_099));
    differences.assert(&[
        ("0,5 latitude", 14),
        ("0,5: position-unpaired", 2),
        ("0,6 latitude", 2_528),
        ("0,6: position-unpaired", 28),
    ]);
}

/// Compares what pyModeS has otherwise than rs1090, or rs1090 has not: positions, velocities, and
/// the numbers behind the names.
fn compare_pymodes(line: &Value, became: &Became, out: &mut Differences) -> u32 {
    let type_name = line["bds"].as_str().unwrap_or("none");
    let Became::Message(class, body) = became else {
        let Became::Skip(skip) = became else {
            panic!("rejected: {line}");
        };
        if !matches!((type_name, *skip), ("none", "type-24" | "type-0")) {
            let place = if line["latitude"].is_null() {
                ""
            } else {
                ", a position in the reference"
            };
            out.add(format!("{type_name}: {skip}{place}"), line.to_string());
        }
        return 0;
    };
    let mut fields = 0;
    let mut check = |name: &str, ours: &Value, holds: bool| {
        fields += 1;
        if !holds {
            let (at, theirs) = (&line["i"], &line[name]);
            let detail = format!("line {at}: {ours} here, {theirs} in the reference");
            out.add(format!("{type_name} {name}"), detail);
        }
    };
    match *class {
        "track.air" => {
            let ours = &body["lat_deg"];
            let close = near(ours, 1.0, &line["latitude"], 1e-6)
                && near(&body["lon_deg"], 1.0, &line["longitude"], 1e-6);
            if line["latitude"].is_null() {
                check("latitude", ours, false);
            } else {
                check("latitude and longitude", ours, close);
            }
            let name = if type_name == "0,5" {
                "altitude"
            } else {
                "groundspeed"
            };
            let (ours, unit) = match name {
                "altitude" => (&body["alt_m"], FOOT_M),
                _ => (&body["speed_mps"], KNOT_MPS),
            };
            check(name, ours, near(ours, unit, &line[name], 1e-6));
        }
        "mode-s.identification" => {
            let ours = &body["callsign"];
            check("callsign", ours, *ours == line["callsign"]);
            let ours = &body["category"];
            check("category", ours, *ours == line["category"]);
        }
        "mode-s.velocity" => {
            let ours = &body["subtype"];
            check("subtype", ours, *ours == line["subtype"]);
            let ours = &body["nac_v"];
            check("nac_v", ours, *ours == line["nac_v"]);
            // Printed in whole knots.
            let ours = &body["speed_mps"];
            check(
                "groundspeed",
                ours,
                near(ours, KNOT_MPS, &line["groundspeed"], 1.0),
            );
            let ours = &body["course_deg"];
            check("track", ours, near(ours, 1.0, &line["track"], 1e-6));
            let ours = &body["climb_mps"];
            let theirs = &line["vertical_rate"];
            check(
                "vertical_rate",
                ours,
                near(ours, FOOT_M / 60.0, theirs, 1e-6),
            );
            let source = match body["climb_source"].as_str() {
                Some("geometric") => "GNSS",
                _ => "BARO",
            };
            check("vr_source", &source.into(), line["vr_source"] == source);
            let ours = &body["geometric_minus_barometric_m"];
            check(
                "geo_minus_baro",
                ours,
                near(ours, FOOT_M, &line["geo_minus_baro"], 1e-6),
            );
        }
        "mode-s.emergency" => {
            check("squawk", &body["squawk"], body["squawk"] == line["squawk"]);
        }
        "mode-s.target" => {
            let ours = &body["selected_alt_m"];
            check(
                "selected_altitude",
                ours,
                near(ours, FOOT_M, &line["selected_altitude"], 1e-6),
            );
            let ours = &body["barometric_setting_hpa"];
            let theirs = &line["baro_pressure_setting"];
            check("baro_pressure_setting", ours, near(ours, 1.0, theirs, 1e-6));
            let ours = &body["nac_p"];
            check("nac_p", ours, *ours == line["nac_p"]);
            let ours = &body["sil"];
            check("sil", ours, *ours == line["sil"]);
        }
        "mode-s.status" => {
            for name in ["version", "nac_p", "sil"] {
                let ours = &body[name];
                check(name, ours, *ours == line[name]);
            }
        }
        other => panic!("class {other}"),
    }
    fields
}

/// A second receiver that hands on every squitter up to 2.2 s late: positions in the air are those
/// of the first one alone, each of its own is counted, and no time steps back.
#[test]
fn what_a_second_receiver_heard_late_is_no_second_position() {
    let Some(folder) = recordings() else { return };
    let frames = long_flight(&folder);
    let mut both = frames.clone();
    let mut positions = 0;
    for (index, (at, payload)) in frames.iter().enumerate() {
        let bytes = &payload[9..];
        if bytes.len() == 14 && matches!(bytes[0] >> 3, 17 | 18) {
            positions += u32::from(matches!(bytes[4] >> 3, 9..=18 | 20..=22));
            let late_ns = index as u64 * 7_919 % 2_201 * 1_000_000;
            both.push((at + late_ns, payload.clone()));
        }
    }
    both.sort_by_key(|(at, _)| *at);
    let airborne = |outcome: &Outcome| -> Vec<(String, u64, String)> {
        let tracks = outcome.messages.iter();
        tracks
            .filter(|message| message.class == "track.air")
            .map(|message| (message, value(message)))
            .filter(|(_, body)| !body["alt_m"].is_null())
            .map(|(message, body)| {
                let place = format!("{} {}", body["lat_deg"], body["lon_deg"]);
                (message.key.clone(), message.event_ns, place)
            })
            .collect()
    };
    let alone = airborne(&Host::toulouse().run(borrowed(&frames), 256));
    let outcome = Host::toulouse().run(borrowed(&both), 256);
    let repeats = outcome.skips.iter().filter(|(_, kind)| *kind == "repeat");
    assert_eq!(repeats.count() as u32, positions);
    assert_eq!(airborne(&outcome), alone);
    println!("{positions} positions in the air, {} tracks", alone.len());
}
