//! Every ASTERIX recording against what asterix-decoder 0.7.11 makes of it, field by field, and
//! against what the encoder of the transcoded one was given.
//!
//! Each record of the reference must be matched, in order, by one of ours from the same datagram,
//! and the other way round; the same of the fields of a record. Differences are listed in
//! README.md.
#![allow(missing_docs, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use asterix_decoder::site::Geodetic;
use common::geocentric::seen;
use common::{
    Message, RECORDINGS, datagrams, decode, decode_with, hex, json_lines, recordings, sites,
    sites_json, value,
};
use serde_json::{Value, json};

/// Fields of the reference, and what they are called here: category, item and field.
const NAMES: &str = include_str!("names.txt");

/// Records of all recordings by category: ours and the reference's.
const RECORDS: [(u64, usize); 5] = [(21, 2), (34, 34), (48, 129), (62, 12_975), (65, 2)];

/// Fields that differ, by name and number: all that do. README.md explains each.
const DIFFERENCES: [(&str, u32); 4] = [
    ("021.IRE", 2),
    ("034.I120.LAT", 2),
    ("034.I120.Lon", 2),
    ("048.I250", 91),
];

/// Fields by path; a list's fields one after the other under the same path.
fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("val") => {
            into.entry(path.into())
                .or_default()
                .push(map["val"].clone());
        }
        Value::Object(map) if !map.contains_key("bytes") => {
            for (key, value) in map {
                leaves(value, &format!("{path}.{key}"), into);
            }
        }
        Value::Array(all) => {
            for value in all {
                leaves(value, path, into);
            }
        }
        leaf => into.entry(path.into()).or_default().push(leaf.clone()),
    }
}

/// True when a value of the reference is ours in its own unit and spelling.
fn is_same(name: &str, theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::String(theirs), Value::String(ours)) => {
            // Padded with spaces, and addresses in capitals.
            match name {
                "021.I080.TAddr" | "048.I220.ACAddr" | "062.I380.ADR.ADR" => {
                    theirs.eq_ignore_ascii_case(ours)
                }
                _ => theirs.trim_end() == ours,
            }
        }
        (Value::Number(theirs), Value::Number(ours)) => {
            let factor = match name {
                // Nanoseconds there.
                "021.I074.time_reception_position_highprecision" => 1e9,
                // Feet there.
                "062.I135.CTBA" | "062.I136.MFL" => 100.0,
                _ => 1.0,
            };
            let (theirs, ours) = (theirs.as_f64().unwrap(), ours.as_f64().unwrap() * factor);
            (theirs - ours).abs() <= ours.abs() * 1e-12
        }
        _ => false,
    }
}

struct Comparison {
    names: BTreeMap<&'static str, &'static str>,
    differences: BTreeMap<String, (u32, String)>,
    fields: usize,
}

impl Comparison {
    fn differs(&mut self, name: &str, example: String) {
        self.differences
            .entry(name.into())
            .or_insert((0, example))
            .0 += 1;
    }

    fn compare(&mut self, record: &Value, message: &Message, at: &str) {
        let category = record["category"].as_u64().unwrap();
        let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
        for (item, value) in record.as_object().unwrap() {
            // Not decoded here: one field, of bytes.
            if item == "IRE" || item == "I250" {
                let name = format!("{category:03}.{item}");
                self.differs(&name, format!("{at}: {value}"));
            } else if item.starts_with('I') {
                leaves(value, &format!("{category:03}.{item}"), &mut theirs);
            }
        }
        let body = value(message);
        for (item, value) in body.as_object().unwrap() {
            if !["time_ns", "time_source", "i021_re", "i048_250"].contains(&item.as_str()) {
                leaves(value, item, &mut ours);
            }
        }
        theirs.retain(|name, _| !name.ends_with(".spare") && !name.ends_with(".FX"));
        for (name, theirs) in &theirs {
            let own = self.names.get(name.as_str()).copied();
            let own = own.unwrap_or_else(|| panic!("{at}: {name} has no name here"));
            let ours = ours.remove(own).unwrap_or_else(|| panic!("{at}: no {own}"));
            assert_eq!(theirs.len(), ours.len(), "{at}: {own}");
            for (theirs, ours) in theirs.iter().zip(&ours) {
                self.fields += 1;
                if !is_same(name, theirs, ours) {
                    self.differs(name, format!("{at}: {ours} here, {theirs} there"));
                }
            }
        }
        assert!(ours.is_empty(), "{at}: the reference lacks {ours:?}");
    }
}

#[test]
fn every_reference_record_is_matched_field_by_field() {
    let Some(folder) = recordings() else { return };
    let mut comparison = Comparison {
        names: NAMES
            .lines()
            .map(|line| line.split_once(' ').unwrap())
            .collect(),
        differences: BTreeMap::new(),
        fields: 0,
    };
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for file in RECORDINGS {
        let given = datagrams(&folder.join(file));
        let outcome = decode(&given, 256);
        let ours = outcome
            .messages
            .iter()
            .filter(|message| message.class != "track.air");
        let mut ours = ours.peekable();
        let stem = file.split('.').next().unwrap();
        let mut path = folder.join(format!("{stem}.astdec.jsonl"));
        if !path.exists() {
            path.set_extension("jsonl.gz");
        }
        let reference = json_lines(&path);
        let mut rejected = 0;
        for (line, record) in reference.iter().enumerate() {
            let at = format!("{file} record {line}");
            let category = record["category"].as_u64().unwrap();
            *counts.entry(category).or_default() += 1;
            if category == 65 {
                rejected += 1;
                continue;
            }
            let message = ours.next().unwrap_or_else(|| panic!("{at} is not ours"));
            assert_eq!(message.class, format!("asterix.cat{category:03}"), "{at}");
            // The reference numbers blocks of bare files, and datagrams of captured ones.
            let number = message.sources[0] as usize - 1;
            if given.len() > 1 {
                assert_eq!(record["pkt"], number, "{at}");
            }
            comparison.compare(record, message, &at);
        }
        assert_eq!(ours.next(), None, "{file}: more than the reference has");
        assert_eq!(
            outcome.rejects.len(),
            rejected,
            "{file}: {:?}",
            outcome.rejects
        );
        assert!(
            outcome
                .rejects
                .iter()
                .all(|reject| reject.cause == "category")
        );
        assert_eq!(outcome.skips, [], "{file}");
        println!(
            "{file}: {} datagrams, {} records",
            given.len(),
            reference.len()
        );
    }
    assert_eq!(comparison.fields, 239_302);
    for (name, (count, example)) in &comparison.differences {
        println!("difference: {count} x {name}, for example {example}");
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), RECORDS);
    let found = comparison.differences.iter();
    let found: Vec<(&str, u32)> = found
        .map(|(name, (count, _))| (name.as_str(), *count))
        .collect();
    assert_eq!(found, DIFFERENCES);
}

/// What stays bytes is what was sent: the reference's BDS registers, read by hand.
#[test]
fn bytes_that_are_not_decoded_are_those_that_were_sent() {
    let Some(folder) = recordings() else { return };
    for file in ["croatia_cat_034_048.pcap", "croatia_cat21_re.ast"] {
        let given = datagrams(&folder.join(file));
        for message in &decode(&given, 256).messages {
            let body = value(message);
            let sent = hex(&given[message.sources[0] as usize - 1].1);
            if let Some(bytes) = body["i021_re"]["bytes"].as_str() {
                assert!(sent.contains(bytes), "{bytes}");
            }
            for register in body["i048_250"].as_array().into_iter().flatten() {
                let bytes = register["mbdata"]["bytes"].as_str().unwrap();
                let (first, second) = (&register["bds1"], &register["bds2"]);
                assert!(sent.contains(&format!("{bytes}{first}{second}")), "{bytes}");
            }
        }
    }
}

/// Half a unit of what is sent, and a little for the truth's own decimals.
fn assert_near(ours: &Value, theirs: f64, tolerance: f64, at: &str) {
    let ours = ours.as_f64().unwrap_or_else(|| panic!("{at}: absent"));
    assert!(
        (ours - theirs).abs() <= tolerance,
        "{at}: {ours} here, {theirs} given"
    );
}

#[test]
fn every_transcoded_track_is_what_the_encoder_was_given() {
    let Some(folder) = recordings() else { return };
    let truth = json_lines(&folder.join("transcoded_switzerland_cat062.truth.jsonl.gz"));
    let given = datagrams(&folder.join("transcoded_switzerland_cat062.pcap"));
    assert_eq!(given.len(), 778);
    let outcome = decode_with(&json!({ "source_classes": false }), &given, 256);
    assert_eq!((outcome.messages.len(), truth.len()), (12_971, 12_971));
    for (index, (message, truth)) in outcome.messages.iter().zip(&truth).enumerate() {
        let at = format!("track {index}");
        let body = value(message);
        let number = |key: &str| truth[key].as_f64().unwrap();
        assert_eq!(message.class, "track.air");
        assert_eq!(message.key, format!("25-1-{}", truth["trk"]), "{at}");
        assert_eq!(
            body["track_id"],
            format!("asterix:25-1-{}", truth["trk"]),
            "{at}"
        );
        assert_eq!(body["platform_id"], truth["icao24"], "{at}");
        match truth["callsign"].as_str().unwrap() {
            "" => assert_eq!(body["callsign"], Value::Null, "{at}"),
            callsign => assert_eq!(body["callsign"], callsign, "{at}"),
        }
        let time_ns = (number("pkt_ts") * 1e3).round() as u64 * 1_000_000;
        assert!(
            message.event_ns.abs_diff(time_ns) <= 1_000_000_000 / 256,
            "{at}"
        );
        assert_eq!(body["time_ns"], message.event_ns, "{at}");
        assert_eq!(body["time_source"], "time-of-track", "{at}");
        assert_eq!(body["source"], "system-track", "{at}");
        assert_near(&body["lat_deg"], number("lat"), 90.0 / 33_554_432.0, &at);
        assert_near(&body["lon_deg"], number("lon"), 90.0 / 33_554_432.0, &at);
        assert_near(
            &body["alt_m"],
            number("alt_ft") * 0.3048,
            12.5 * 0.3048 + 1e-9,
            &at,
        );
        assert_eq!(body["alt_datum"], "barometric", "{at}");
        // Two components of half a unit, 0.125 m/s, each.
        let speed_mps = number("gs_kt") * 1_852.0 / 3_600.0;
        assert_near(
            &body["speed_mps"],
            speed_mps,
            0.125 * 2f64.sqrt() + 1e-6,
            &at,
        );
        let turned = body["course_deg"].as_f64().unwrap() - number("track");
        let turned = (turned + 180.0).rem_euclid(360.0) - 180.0;
        let most = (0.125 * 2f64.sqrt() / speed_mps).asin().to_degrees() + 1e-6;
        assert!(turned.abs() <= most, "{at}: {turned}");
        let climb_mps = number("vr_fpm") * 0.3048 / 60.0;
        assert_near(&body["climb_mps"], climb_mps, 3.126 * 0.3048 / 60.0, &at);
    }
}

#[test]
fn plots_of_a_known_radar_become_tracks() {
    let Some(folder) = recordings() else { return };
    let given = datagrams(&folder.join("croatia_cat_034_048.pcap"));
    let outcome = decode_with(&sites_json(), &given, 256);
    let tracks: Vec<&Message> = outcome
        .messages
        .iter()
        .filter(|message| message.class == "track.air")
        .collect();
    assert_eq!((outcome.messages.len(), tracks.len()), (290, 128));
    let placed = tracks
        .iter()
        .filter(|track| value(track)["lat_deg"].is_f64());
    assert_eq!(placed.count(), 126, "two reports have no position");
    let none = decode(&given, 256);
    assert!(
        none.messages
            .iter()
            .all(|message| message.class != "track.air")
    );
}

/// The radar's own Cartesian position (I048/042) is another way to the same plot: its tracker's, in
/// the plane of slant range. Range and azimuth from the radar to where the track was put, through
/// points in space, agree with it within 0.03 NM and 0.08°: four of its units of 1/128 NM, and what
/// the tracker smooths.
#[test]
fn plots_are_where_the_radars_tracker_has_them() {
    let Some(folder) = recordings() else { return };
    let given = datagrams(&folder.join("croatia_cat_034_048.pcap"));
    let outcome = decode_with(&sites_json(), &given, 256);
    let radar = &sites()[0];
    let radar = Geodetic {
        lat_deg: radar.lat_deg,
        lon_deg: radar.lon_deg,
        height_m: radar.height_m,
    };
    let mut compared = 0;
    let (mut worst_nmi, mut worst_deg): (f64, f64) = (0.0, 0.0);
    for pair in outcome.messages.windows(2) {
        let (track, record) = (value(&pair[0]), value(&pair[1]));
        let item = &record["i048_042"];
        if pair[0].class != "track.air" || !item.is_object() {
            continue;
        }
        assert_eq!(
            (pair[1].class, &pair[0].key),
            ("asterix.cat048", &pair[1].key)
        );
        let number = |value: &Value| value.as_f64().unwrap();
        let target = Geodetic {
            lat_deg: number(&track["lat_deg"]),
            lon_deg: number(&track["lon_deg"]),
            height_m: number(&track["alt_m"]),
        };
        let (slant_m, azimuth_rad) = seen(radar, target);
        let (x_nmi, y_nmi) = (number(&item["x_nmi"]), number(&item["y_nmi"]));
        let off_nmi = slant_m / 1_852.0 - x_nmi.hypot(y_nmi);
        let turned = azimuth_rad.to_degrees() - x_nmi.atan2(y_nmi).to_degrees();
        let turned_deg = (turned + 180.0).rem_euclid(360.0) - 180.0;
        worst_nmi = worst_nmi.max(off_nmi.abs());
        worst_deg = worst_deg.max(turned_deg.abs());
        compared += 1;
    }
    println!("{compared} plots, at most {worst_nmi:.4} NM and {worst_deg:.4} deg off");
    assert_eq!(compared, 64);
    assert!(worst_nmi < 0.03, "{worst_nmi} NM");
    assert!(worst_deg < 0.08, "{worst_deg} deg");
}

/// Recorded in editions long past, whose records have another order of items.
#[test]
fn older_editions_become_rejects_only() {
    let Some(folder) = recordings() else { return };
    let folder = folder.join("undecodable");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 2);
    for path in files {
        let given = datagrams(&path);
        for parameters in [Value::Null, json!({ "spare_bits_allowed": true })] {
            let outcome = decode_with(&parameters, &given, 256);
            assert_eq!(outcome.messages, [], "{}", path.display());
            assert_eq!(outcome.rejects.len(), given.len(), "{}", path.display());
            let mut causes: BTreeMap<&str, u32> = BTreeMap::new();
            for reject in &outcome.rejects {
                *causes.entry(reject.cause).or_default() += 1;
            }
            println!("{}: {causes:?}", path.display());
        }
    }
}
