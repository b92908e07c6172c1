//! Bodies: what a message says, in SI units and degrees.
//!
//! Keys stand in the order of the schemas in `schemas/`; what was not sent is absent.

use outrigger_sdk::{AltDatum, Body, BodyError, Source, Text, TimeSource, Track};
use serde::{Deserialize, Serialize};

use crate::dwell::{Dwell, Target};
use crate::location::Location;
use crate::mission::Mission;
use crate::packet::{Header, Kept};
use crate::read::{ba16_deg, longitude_deg, sa16_deg, sa32_deg};
use crate::time::EventTime;

/// Bytes of a segment that are kept in a body, at most. Reason: written in hexadecimal they fit
/// the 4,096 bytes that a body has by default. Of a longer one only the length is kept.
pub const SEGMENT_BYTES_KEPT_MAX: usize = 1_500;

/// D31 when the radar says nothing of its least velocity.
const NO_STATEMENT: u8 = 255;

/// Where a packet comes from and who may see it: P1 to P10 without the size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PacketBody {
    version: Option<Text>,
    nationality: Option<Text>,
    classification: Option<Text>,
    classification_system: Option<Text>,
    security_codes: u16,
    exercise_indicator: u8,
    platform: Option<Text>,
    mission_id: u32,
    job_id: u32,
}

/// Where the day of a time comes from.
fn day_from(time: EventTime) -> Option<Text> {
    Text::new(if time.from_mission {
        "mission"
    } else {
        "capture"
    })
}

fn ascii(bytes: &[u8]) -> Option<Text> {
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| Text::new(text.trim_end_matches([' ', '\0'])))
}

impl PacketBody {
    /// From the header.
    pub fn new(header: &Header) -> Self {
        Self {
            version: ascii(&header.version),
            nationality: header.nationality,
            classification: Text::new(header.classification.name()),
            classification_system: ascii(&header.system),
            security_codes: header.codes,
            exercise_indicator: header.exercise,
            platform: header.platform,
            mission_id: header.mission_id,
            job_id: header.job_id,
        }
    }
}

/// Body of `gmti.mission`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MissionBody {
    time_ns: u64,
    time_source: Option<Text>,
    packet: PacketBody,
    mission_plan: Option<Text>,
    flight_plan: Option<Text>,
    platform_type: u8,
    platform_configuration: Option<Text>,
    reference_date: Option<Text>,
}

impl MissionBody {
    /// A mission segment, captured at `time_ns`; it has no time of its own.
    pub fn new(packet: PacketBody, mission: &Mission, time_ns: u64) -> Self {
        let (year, month, day) = mission.reference_date;
        Self {
            time_ns,
            time_source: Text::new(TimeSource::Capture.as_str()),
            packet,
            mission_plan: mission.plan,
            flight_plan: mission.flight_plan,
            platform_type: mission.platform_type,
            platform_configuration: mission.platform_configuration,
            reference_date: Text::format(format_args!("{year:04}-{month:02}-{day:02}")),
        }
    }
}

/// Body of `gmti.segment`: any segment that is not decoded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentBody {
    time_ns: u64,
    time_source: Option<Text>,
    packet: PacketBody,
    segment_type: u8,
    segment_name: Option<Text>,
    length_bytes: u64,
    content: Option<String>,
}

impl SegmentBody {
    /// A segment, captured at `time_ns`.
    pub fn new(packet: PacketBody, kept: &Kept, time_ns: u64) -> Self {
        let short = kept.payload.len() <= SEGMENT_BYTES_KEPT_MAX;
        Self {
            time_ns,
            time_source: Text::new(TimeSource::Capture.as_str()),
            packet,
            segment_type: kept.number,
            segment_name: Text::new(kept.name),
            length_bytes: kept.payload.len() as u64,
            content: short.then(|| hexadecimal(kept.payload)),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 0x0f)],
            ]
        })
        .collect()
}

/// Body of `gmti.dwell`: all of a dwell but its targets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DwellBody {
    time_ns: u64,
    time_source: Option<Text>,
    day_from: Option<Text>,
    packet: PacketBody,
    revisit_index: u16,
    dwell_index: u16,
    last_dwell: bool,
    target_count: u64,
    sensor_lat_deg: f64,
    sensor_lon_deg: f64,
    sensor_alt_m: f64,
    lat_scale_deg: Option<f64>,
    lon_scale_deg: Option<f64>,
    along_track_deviation_m: Option<f64>,
    cross_track_deviation_m: Option<f64>,
    alt_deviation_m: Option<f64>,
    sensor_course_deg: Option<f64>,
    sensor_speed_mps: Option<f64>,
    sensor_climb_mps: Option<f64>,
    course_deviation_deg: Option<f64>,
    speed_deviation_mps: Option<f64>,
    climb_deviation_mps: Option<f64>,
    platform_heading_deg: Option<f64>,
    platform_pitch_deg: Option<f64>,
    platform_roll_deg: Option<f64>,
    centre_lat_deg: f64,
    centre_lon_deg: f64,
    range_half_extent_m: f64,
    angle_half_extent_deg: f64,
    sensor_heading_deg: Option<f64>,
    sensor_pitch_deg: Option<f64>,
    sensor_roll_deg: Option<f64>,
    least_velocity_mps: Option<f64>,
}

impl DwellBody {
    /// A dwell at its time.
    pub fn new(packet: PacketBody, dwell: &Dwell, time: EventTime) -> Self {
        let per = |unit: f64| move |raw: f64| raw / unit;
        Self {
            time_ns: time.time_ns,
            time_source: Text::new(TimeSource::TimeOfTrack.as_str()),
            day_from: day_from(time),
            packet,
            revisit_index: dwell.revisit,
            dwell_index: dwell.dwell,
            last_dwell: dwell.last,
            target_count: dwell.targets.len() as u64,
            sensor_lat_deg: sa32_deg(dwell.sensor_lat),
            sensor_lon_deg: longitude_deg(dwell.sensor_lon),
            sensor_alt_m: f64::from(dwell.sensor_alt_cm) / 100.0,
            lat_scale_deg: dwell.lat_scale.map(sa32_deg),
            lon_scale_deg: dwell.lon_scale.map(crate::read::ba32_deg),
            along_track_deviation_m: dwell.along_track_cm.map(f64::from).map(per(100.0)),
            cross_track_deviation_m: dwell.cross_track_cm.map(f64::from).map(per(100.0)),
            alt_deviation_m: dwell.alt_deviation_cm.map(f64::from).map(per(100.0)),
            sensor_course_deg: dwell.track.map(ba16_deg),
            sensor_speed_mps: dwell.speed_mmps.map(f64::from).map(per(1_000.0)),
            sensor_climb_mps: dwell.climb_dmps.map(f64::from).map(per(10.0)),
            course_deviation_deg: dwell.track_deviation_deg.map(f64::from),
            speed_deviation_mps: dwell.speed_deviation_mmps.map(f64::from).map(per(1_000.0)),
            climb_deviation_mps: dwell.climb_deviation_cmps.map(f64::from).map(per(100.0)),
            platform_heading_deg: dwell.platform_heading.map(ba16_deg),
            platform_pitch_deg: dwell.platform_pitch.map(sa16_deg),
            platform_roll_deg: dwell.platform_roll.map(sa16_deg),
            centre_lat_deg: sa32_deg(dwell.centre_lat),
            centre_lon_deg: longitude_deg(dwell.centre_lon),
            range_half_extent_m: f64::from(dwell.range_half) / 128.0 * 1_000.0,
            angle_half_extent_deg: ba16_deg(dwell.angle_half),
            sensor_heading_deg: dwell.sensor_heading.map(ba16_deg),
            sensor_pitch_deg: dwell.sensor_pitch.map(sa16_deg),
            sensor_roll_deg: dwell.sensor_roll.map(sa16_deg),
            least_velocity_mps: dwell
                .least_velocity_dmps
                .filter(|raw| *raw != NO_STATEMENT)
                .map(f64::from)
                .map(per(10.0)),
        }
    }
}

/// A body in the form of the canonical track, and under `gmti` what only this source says.
#[derive(Clone, Debug)]
pub struct TrackBody<E> {
    /// The canonical track.
    pub track: Track,
    /// What is added.
    pub extras: E,
}

/// A decoder writes bodies; this one is not read here.
impl<E: Body> Body for TrackBody<E> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        Err(BodyError("this plugin only writes this body".into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        const NAME: &str = "gmti";
        let start = out.len();
        self.track.encode(out);
        // One more pair in the map's head: one byte up to 15 pairs, then three.
        match out[start] {
            0x8f => drop(out.splice(start..=start, [0xde, 0, 16])),
            0xde => out[start + 2] += 1,
            _ => out[start] += 1,
        }
        out.push(0xa0 | NAME.len() as u8);
        out.extend_from_slice(NAME.as_bytes());
        self.extras.encode(out);
    }
}

/// Under `gmti` in `gmti.platform`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocationExtras {
    packet: PacketBody,
    day_from: Option<Text>,
}

/// Body of `gmti.platform`, known under `track_id`.
pub fn location(
    track_id: Text,
    packet: PacketBody,
    location: &Location,
    time: EventTime,
) -> TrackBody<LocationExtras> {
    let mut track = Track::new(track_id, time.time_ns, TimeSource::TimeOfTrack);
    track.lat_deg = Some(sa32_deg(location.lat));
    track.lon_deg = Some(longitude_deg(location.lon));
    track.alt_m = Some(f64::from(location.alt_cm) / 100.0);
    track.alt_datum = Some(AltDatum::Geometric);
    track.course_deg = Some(ba16_deg(location.track));
    track.speed_mps = Some(f64::from(location.speed_mmps) / 1_000.0);
    track.climb_mps = Some(f64::from(location.climb_dmps) / 10.0);
    // The sensor's own navigation, for which there is no word.
    track.source = Some(Source::Other);
    let extras = LocationExtras {
        packet,
        day_from: day_from(time),
    };
    TrackBody { track, extras }
}

/// Under `gmti` in `detection.ground`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetExtras {
    packet: PacketBody,
    day_from: Option<Text>,
    revisit_index: u16,
    dwell_index: u16,
    place: u64,
    report_index: Option<u16>,
    reduced_resolution: bool,
    radial_velocity_mps: Option<f64>,
    wrap_velocity_mps: Option<f64>,
    signal_to_noise_db: Option<f64>,
    target_class: Option<u8>,
    target_class_percent: Option<u8>,
    range_deviation_m: Option<f64>,
    cross_range_deviation_m: Option<f64>,
    height_deviation_m: Option<f64>,
    radial_velocity_deviation_mps: Option<f64>,
    truth_application: Option<u8>,
    truth_entity: Option<u32>,
    radar_cross_section_db: Option<f64>,
}

/// Body of `detection.ground`: target `place` of the dwell, counted from 0.
pub fn target(
    packet: PacketBody,
    dwell: &Dwell,
    place: usize,
    target: &Target,
    time: EventTime,
) -> Option<TrackBody<TargetExtras>> {
    let track_id = Text::format(format_args!(
        "{}-{}-{}-{place}",
        packet.job_id, dwell.revisit, dwell.dwell
    ))?;
    let mut track = Track::new(track_id, time.time_ns, TimeSource::TimeOfTrack);
    track.platform_class = target.class.and_then(class_name).and_then(Text::new);
    track.lat_deg = target.position.map(|(lat, _)| sa32_deg(lat));
    track.lon_deg = target.position.map(|(_, lon)| longitude_deg(lon));
    track.alt_m = target.height_m.map(f64::from);
    track.alt_datum = target.height_m.map(|_| AltDatum::Geometric);
    track.source = Some(Source::Gmti);
    let extras = TargetExtras {
        packet,
        day_from: day_from(time),
        revisit_index: dwell.revisit,
        dwell_index: dwell.dwell,
        place: place as u64,
        report_index: target.index,
        reduced_resolution: dwell.mask.has_target(4),
        radial_velocity_mps: target.radial_cmps.map(|raw| f64::from(raw) / 100.0),
        wrap_velocity_mps: target.wrap_cmps.map(|raw| f64::from(raw) / 100.0),
        signal_to_noise_db: target.snr_db.map(f64::from),
        target_class: target.class,
        target_class_percent: target.class_percent,
        range_deviation_m: target.range_deviation_cm.map(|raw| f64::from(raw) / 100.0),
        cross_range_deviation_m: target.cross_deviation_dm.map(|raw| f64::from(raw) / 10.0),
        height_deviation_m: target.height_deviation_m.map(f64::from),
        radial_velocity_deviation_mps: target
            .radial_deviation_cmps
            .map(|raw| f64::from(raw) / 100.0),
        truth_application: target.truth_application,
        truth_entity: target.truth_entity,
        radar_cross_section_db: target.cross_section_half_db.map(|raw| f64::from(raw) / 2.0),
    };
    Some(TrackBody { track, extras })
}

/// Word for a target's classification (D32.10), alike for live (from 0) and simulated (from 128)
/// ones. `None` where the number says nothing, or nothing that the table has.
fn class_name(number: u8) -> Option<&'static str> {
    // 143 is no simulated 15: it is the table's only one beyond 141 and below 254.
    Some(match (number, number & 0x7f) {
        (143, _) => "tagging-device",
        (_, 1) => "tracked-vehicle",
        (_, 2) => "wheeled-vehicle",
        (_, 3) => "rotary-wing-aircraft",
        (_, 4) => "fixed-wing-aircraft",
        (_, 5) => "stationary-rotator",
        (_, 6) => "maritime",
        (_, 7) => "beacon",
        (_, 8) => "amphibious",
        (_, 9) => "person",
        (_, 10) => "vehicle",
        (_, 11) => "animal",
        (_, 12) => "large-multiple-return-land",
        (_, 13) => "large-multiple-return-maritime",
        (_, 126) => "other",
        _ => return None,
    })
}
