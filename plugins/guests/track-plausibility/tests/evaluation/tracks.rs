//! Real tracks of the recordings, each with its updates in order.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use outrigger_sdk::{AltDatum, Body, Source, Text, TimeSource, Track};
use serde_json::Value;

use super::hash;

/// A knot, a foot and a foot a minute.
const KNOT_MPS: f64 = 1_852.0 / 3_600.0;
const FOOT_M: f64 = 0.3048;
const FOOT_PER_MINUTE_MPS: f64 = FOOT_M / 60.0;

/// Which half of the tracks a track is in: thresholds and scores are set on one and reported on the
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    Calibration,
    Report,
}

/// One real track.
#[derive(Clone, Debug)]
pub struct Real {
    pub recording: &'static str,
    pub class: &'static str,
    pub key: String,
    /// In order of arrival.
    pub updates: Vec<Track>,
}

/// Seed of the split into halves.
const SPLIT_SEED: u64 = 20_261;

impl Real {
    pub fn half(&self) -> Half {
        if super::mix(hash(&self.key) ^ SPLIT_SEED) & 1 == 0 {
            Half::Calibration
        } else {
            Half::Report
        }
    }
}

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
}

/// All tracks, or `None`, said aloud, where the recordings are absent.
pub fn all() -> Option<Vec<Real>> {
    let mut tracks = Vec::new();
    for recording in crate::common::RECORDINGS.iter().take(3) {
        let given = crate::common::recording(recording)?;
        let updates = given.iter().map(|given| {
            let track = Track::decode(given.class, &given.body).expect("a track");
            (given.class, given.key.clone(), track)
        });
        collect(recording, updates, &mut tracks);
    }
    collect("rs1090_long_flight", adsb()?.into_iter(), &mut tracks);
    collect(
        "transcoded_switzerland",
        system_tracks()?.into_iter(),
        &mut tracks,
    );
    Some(tracks)
}

type Update = (&'static str, String, Track);

fn collect(recording: &'static str, updates: impl Iterator<Item = Update>, tracks: &mut Vec<Real>) {
    let mut by_key: BTreeMap<(String, &'static str), Vec<Track>> = BTreeMap::new();
    for (class, key, track) in updates {
        by_key.entry((key, class)).or_default().push(track);
    }
    tracks.extend(by_key.into_iter().map(|((key, class), updates)| Real {
        recording,
        class,
        key,
        updates,
    }));
}

fn lines(path: &str) -> Option<Vec<Value>> {
    let path = folder().join(path);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: recording absent ({})", path.display());
        return None;
    };
    let mut unpacked = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_string(&mut unpacked)
        .expect("a recording is whole");
    let parse = |line| serde_json::from_str(line).expect("a line is JSON");
    Some(unpacked.lines().map(parse).collect())
}

fn adsb() -> Option<Vec<Update>> {
    let mut updates = Vec::new();
    for line in lines("adsb/rs1090_long_flight.pymodes_df17_18.jsonl.gz")? {
        let number = |name: &str| line[name].as_f64();
        let Some(key) = line["icao"].as_str().map(str::to_lowercase) else {
            continue;
        };
        let time_ns = (number("ts").unwrap() * 1e9) as u64;
        let mut track = Track::new(Text::new(&key).unwrap(), time_ns, TimeSource::Receiver);
        track.source = Some(Source::Adsb);
        match line["bds"].as_str() {
            Some("0,5") if line["latitude"].is_number() => {
                track.lat_deg = number("latitude");
                track.lon_deg = number("longitude");
                track.alt_m = number("altitude").map(|feet| feet * FOOT_M);
                track.alt_datum = Some(AltDatum::Barometric);
            }
            Some("0,9" | "0,6") => {
                track.speed_mps = number("groundspeed").map(|knots| knots * KNOT_MPS);
                track.course_deg = number("track");
                track.climb_mps = number("vertical_rate").map(|rate| rate * FOOT_PER_MINUTE_MPS);
            }
            _ => continue,
        }
        updates.push(("track.air", key, track));
    }
    Some(updates)
}

fn system_tracks() -> Option<Vec<Update>> {
    let mut updates = Vec::new();
    for line in lines("asterix/transcoded_switzerland_cat062.truth.jsonl.gz")? {
        let number = |name: &str| line[name].as_f64();
        let key = line["trk"].to_string();
        let time_ns = (number("pkt_ts").unwrap() * 1e9) as u64;
        let mut track = Track::new(Text::new(&key).unwrap(), time_ns, TimeSource::TimeOfTrack);
        track.source = Some(Source::SystemTrack);
        track.lat_deg = number("lat");
        track.lon_deg = number("lon");
        track.alt_m = number("alt_ft").map(|feet| feet * FOOT_M);
        track.alt_datum = Some(AltDatum::Barometric);
        track.speed_mps = number("gs_kt").map(|knots| knots * KNOT_MPS);
        track.course_deg = number("track");
        track.climb_mps = number("vr_fpm").map(|rate| rate * FOOT_PER_MINUTE_MPS);
        updates.push(("track.air", key, track));
    }
    Some(updates)
}
