//! Bodies: what a message says, in SI units and degrees.
//!
//! Keys stand in the order of the schemas in `schemas/`; what was not sent is absent.

use outrigger_sdk::{AltDatum, Body, BodyError, Map, Source, Text, TimeSource, Track};

use crate::dwell::{Dwell, Target};
use crate::location::Location;
use crate::mission::Mission;
use crate::packet::{Header, Kept};
use crate::read::{ba16_deg, ba32_deg, longitude_deg, sa16_deg, sa32_deg};
use crate::time::EventTime;

/// Bytes of a segment that are kept in a body, at most. Reason: a packet of nothing but such
/// segments has to fit the fuel that one frame alone has by default; all segments of fixed length
/// are shorter. Of a longer one only the length is kept.
pub const SEGMENT_BYTES_KEPT_MAX: usize = 256;

/// D31 when the radar says nothing of its least velocity.
const NO_STATEMENT: u8 = 255;

/// A decoder writes bodies; nothing here reads one.
fn unread<T>() -> Result<T, BodyError> {
    Err(BodyError("this plugin only writes this body".into()))
}

/// Where the day of a time comes from.
fn day_from(time: EventTime) -> &'static str {
    if time.from_mission {
        "mission"
    } else {
        "capture"
    }
}

/// Two characters that the header has checked; `None` when they are padding.
fn pair(bytes: &[u8; 2]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.trim_end_matches([' ', '\0']);
    (!text.is_empty()).then_some(text)
}

/// Where a packet comes from and who may see it: P1 to P10 without the size.
fn packet(map: &mut Map, header: &Header) {
    map.map("packet", |map| {
        map.text("version", pair(&header.version))
            .text("nationality", header.nationality.as_deref())
            .text("classification", header.classification.name())
            .text("classification_system", pair(&header.system))
            .unsigned("security_codes", header.codes)
            .unsigned("exercise_indicator", header.exercise)
            .text("platform", header.platform.as_deref())
            .unsigned("mission_id", header.mission_id)
            .unsigned("job_id", header.job_id);
    });
}

/// Body of `gmti.mission`: the segment, captured at this time; it has none of its own.
#[derive(Clone, Copy, Debug)]
pub struct MissionBody<'a>(pub &'a Header, pub &'a Mission, pub u64);

impl Body for MissionBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(header, mission, time_ns) = self;
        let (year, month, day) = mission.reference_date;
        let date = Text::format(format_args!("{year:04}-{month:02}-{day:02}"));
        Map::write(out, |map| {
            map.unsigned("time_ns", *time_ns)
                .text("time_source", TimeSource::Capture.as_str());
            packet(map, header);
            map.text("mission_plan", mission.plan.as_deref())
                .text("flight_plan", mission.flight_plan.as_deref())
                .unsigned("platform_type", mission.platform_type)
                .text(
                    "platform_configuration",
                    mission.platform_configuration.as_deref(),
                )
                .text("reference_date", date.as_deref());
        });
    }
}

/// Body of `gmti.segment`: any segment that is not decoded, captured at this time.
#[derive(Clone, Copy, Debug)]
pub struct SegmentBody<'a>(pub &'a Header, pub &'a Kept<'a>, pub u64);

impl Body for SegmentBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(header, kept, time_ns) = self;
        let short = kept.payload.len() <= SEGMENT_BYTES_KEPT_MAX;
        let content = short.then(|| hexadecimal(kept.payload));
        Map::write(out, |map| {
            map.unsigned("time_ns", *time_ns)
                .text("time_source", TimeSource::Capture.as_str());
            packet(map, header);
            map.unsigned("segment_type", kept.number)
                .text("segment_name", kept.name)
                .unsigned("length_bytes", kept.payload.len() as u64)
                .text("content", content.as_deref());
        });
    }
}

/// Two lower-case digits a byte. From a table and through plain bytes: the largest frame has to fit
/// the default fuel.
fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = vec![b'0'; 2 * bytes.len()];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Body of `gmti.dwell`: all of a dwell but its targets.
#[derive(Clone, Copy, Debug)]
pub struct DwellBody<'a>(pub &'a Header, pub &'a Dwell, pub EventTime);

impl Body for DwellBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(header, dwell, time) = self;
        let per = |unit: f64| move |raw: f64| raw / unit;
        let along_track = dwell.along_track_cm.map(f64::from);
        let cross_track = dwell.cross_track_cm.map(f64::from);
        let alt_deviation = dwell.alt_deviation_cm.map(f64::from);
        let speed = dwell.speed_mmps.map(f64::from);
        let climb = dwell.climb_dmps.map(f64::from);
        let course_deviation = dwell.track_deviation_deg.map(f64::from);
        let speed_deviation = dwell.speed_deviation_mmps.map(f64::from);
        let climb_deviation = dwell.climb_deviation_cmps.map(f64::from);
        let least_velocity = dwell.least_velocity_dmps;
        let least_velocity = least_velocity.filter(|raw| *raw != NO_STATEMENT);
        Map::write(out, |map| {
            map.unsigned("time_ns", time.time_ns)
                .text("time_source", TimeSource::TimeOfTrack.as_str())
                .text("day_from", day_from(*time));
            packet(map, header);
            map.unsigned("revisit_index", dwell.revisit)
                .unsigned("dwell_index", dwell.dwell)
                .flag("last_dwell", dwell.last)
                .unsigned("target_count", dwell.targets.len() as u64)
                .number("sensor_lat_deg", sa32_deg(dwell.sensor_lat))
                .number("sensor_lon_deg", longitude_deg(dwell.sensor_lon))
                .number("sensor_alt_m", f64::from(dwell.sensor_alt_cm) / 100.0)
                .number("lat_scale_deg", dwell.lat_scale.map(sa32_deg))
                .number("lon_scale_deg", dwell.lon_scale.map(ba32_deg))
                .number("along_track_deviation_m", along_track.map(per(100.0)))
                .number("cross_track_deviation_m", cross_track.map(per(100.0)))
                .number("alt_deviation_m", alt_deviation.map(per(100.0)))
                .number("sensor_course_deg", dwell.track.map(ba16_deg))
                .number("sensor_speed_mps", speed.map(per(1_000.0)))
                .number("sensor_climb_mps", climb.map(per(10.0)))
                .number("course_deviation_deg", course_deviation)
                .number("speed_deviation_mps", speed_deviation.map(per(1_000.0)))
                .number("climb_deviation_mps", climb_deviation.map(per(100.0)))
                .number("platform_heading_deg", dwell.platform_heading.map(ba16_deg))
                .number("platform_pitch_deg", dwell.platform_pitch.map(sa16_deg))
                .number("platform_roll_deg", dwell.platform_roll.map(sa16_deg))
                .number("centre_lat_deg", sa32_deg(dwell.centre_lat))
                .number("centre_lon_deg", longitude_deg(dwell.centre_lon))
                .number(
                    "range_half_extent_m",
                    f64::from(dwell.range_half) / 128.0 * 1_000.0,
                )
                .number("angle_half_extent_deg", ba16_deg(dwell.angle_half))
                .number("sensor_heading_deg", dwell.sensor_heading.map(ba16_deg))
                .number("sensor_pitch_deg", dwell.sensor_pitch.map(sa16_deg))
                .number("sensor_roll_deg", dwell.sensor_roll.map(sa16_deg))
                .number(
                    "least_velocity_mps",
                    least_velocity.map(f64::from).map(per(10.0)),
                );
        });
    }
}

/// Body of a platform's location, known under this identity: the canonical track, and under `gmti` what
/// only this source says.
#[derive(Clone, Copy, Debug)]
pub struct LocationBody<'a>(pub Text, pub &'a Header, pub &'a Location, pub EventTime);

impl Body for LocationBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(track_id, header, location, time) = self;
        let mut track = Track::new(*track_id, time.time_ns, TimeSource::TimeOfTrack);
        track.lat_deg = Some(sa32_deg(location.lat));
        track.lon_deg = Some(longitude_deg(location.lon));
        track.alt_m = Some(f64::from(location.alt_cm) / 100.0);
        track.alt_datum = Some(AltDatum::Geometric);
        track.course_deg = Some(ba16_deg(location.track));
        track.speed_mps = Some(f64::from(location.speed_mmps) / 1_000.0);
        track.climb_mps = Some(f64::from(location.climb_dmps) / 10.0);
        // The platform's own navigation, for which there is no word.
        track.source = Some(Source::Other);
        track.encode_with(out, "gmti", |map| {
            packet(map, header);
            map.text("day_from", day_from(*time));
        });
    }
}

/// Body of `detection.ground`: a target of a dwell in the form of the canonical track, and under
/// `gmti` what only this source says.
#[derive(Clone, Copy, Debug)]
pub struct TargetBody<'a> {
    /// Header of its packet.
    pub header: &'a Header,
    /// Its dwell.
    pub dwell: &'a Dwell,
    /// Its place in the dwell, from 0.
    pub place: usize,
    /// The target.
    pub target: &'a Target,
    /// The dwell's time.
    pub time: EventTime,
    /// Identity of the report, see [`report_id`].
    pub track_id: Text,
}

/// Identity of a report: job, visit, dwell and place, 28 bytes at most.
pub fn report_id(header: &Header, dwell: &Dwell, place: usize) -> Option<Text> {
    Text::format(format_args!(
        "{}-{}-{}-{place}",
        header.job_id, dwell.revisit, dwell.dwell
    ))
}

impl Body for TargetBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        unread()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let (target, dwell) = (self.target, self.dwell);
        let time_ns = self.time.time_ns;
        let mut track = Track::new(self.track_id, time_ns, TimeSource::TimeOfTrack);
        track.platform_class = target.class.and_then(class_name).and_then(Text::new);
        track.lat_deg = target.position.map(|(lat, _)| sa32_deg(lat));
        track.lon_deg = target.position.map(|(_, lon)| longitude_deg(lon));
        track.alt_m = target.height_m.map(f64::from);
        track.alt_datum = target.height_m.map(|_| AltDatum::Geometric);
        track.source = Some(Source::Gmti);
        let hundredth = |raw: f64| raw / 100.0;
        let radial = target.radial_cmps.map(f64::from);
        let wrap = target.wrap_cmps.map(f64::from);
        let range_deviation = target.range_deviation_cm.map(f64::from);
        let cross_deviation = target.cross_deviation_dm.map(f64::from);
        let radial_deviation = target.radial_deviation_cmps.map(f64::from);
        let cross_section = target.cross_section_half_db.map(f64::from);
        track.encode_with(out, "gmti", |map| {
            packet(map, self.header);
            map.text("day_from", day_from(self.time))
                .unsigned("revisit_index", dwell.revisit)
                .unsigned("dwell_index", dwell.dwell)
                .unsigned("place", self.place as u64)
                .optional("report_index", target.index)
                .flag("reduced_resolution", dwell.mask.has_target(4))
                .number("radial_velocity_mps", radial.map(hundredth))
                .number("wrap_velocity_mps", wrap.map(hundredth))
                .number("signal_to_noise_db", target.snr_db.map(f64::from))
                .optional("target_class", target.class)
                .optional("target_class_percent", target.class_percent)
                .number("range_deviation_m", range_deviation.map(hundredth))
                .number(
                    "cross_range_deviation_m",
                    cross_deviation.map(|raw| raw / 10.0),
                )
                .number(
                    "height_deviation_m",
                    target.height_deviation_m.map(f64::from),
                )
                .number(
                    "radial_velocity_deviation_mps",
                    radial_deviation.map(hundredth),
                )
                .optional("truth_application", target.truth_application)
                .optional("truth_entity", target.truth_entity)
                .number("radar_cross_section_db", cross_section.map(|raw| raw / 2.0));
        });
    }
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
