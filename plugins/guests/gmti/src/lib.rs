//! GMTI: packets of STANAG 4607 to missions, dwells, tracks of the sensor's platform and detections,
//! each with the marking that the packet's header gives it.
//!
//! `packet` reads header and segments, `mission`, `dwell` and `location` the segments that are
//! decoded, `security` finds the marking, `time` the time of applicability, `body` writes what a
//! topic gets. What always holds: a packet is right as a whole or gives no message, and every
//! message of a packet carries its marking. Deliberately not here: detections are not joined to
//! tracks, and values are not judged.

#![cfg_attr(not(test), deny(clippy::panic, clippy::expect_used))]

pub mod body;
pub mod dwell;
pub mod fault;
pub mod location;
pub mod mission;
pub mod packet;
pub mod parameters;
pub mod read;
pub mod security;
pub mod time;

use outrigger_sdk::{
    Body, Configuration, ConfigureError, Decoded, Decoder, Description, Frame, FrameStates, Keys,
    Text, description, export_decoder,
};
use serde::{Deserialize, Serialize};

use body::{DwellBody, LocationBody, MissionBody, SegmentBody, TargetBody, report_id};
use dwell::Dwell;
use fault::{Cause, Fault};
use packet::{Header, Segment};
use parameters::Parameters;
use security::{MARKINGS, marking};
use time::EventTime;

/// A mission segment.
pub const MISSION: &str = "gmti.mission";
/// A dwell without its targets.
pub const DWELL: &str = "gmti.dwell";
/// The sensor's platform between dwells, where it flies or does not say otherwise.
pub const TRACK_AIR: &str = "track.air";
/// The same of a platform on the ground.
pub const TRACK_GROUND: &str = "track.ground";
/// The same of a satellite, for which there is no canonical class.
pub const PLATFORM: &str = "gmti.platform";
/// A segment that is not decoded.
pub const SEGMENT: &str = "gmti.segment";
/// A target report.
pub const DETECTION: &str = "detection.ground";

/// JSON Schema of [`MISSION`].
pub const MISSION_SCHEMA: &str = include_str!("../schemas/mission.schema.json");
/// JSON Schema of [`DWELL`].
pub const DWELL_SCHEMA: &str = include_str!("../schemas/dwell.schema.json");
/// JSON Schema of [`TRACK_AIR`], [`TRACK_GROUND`] and [`PLATFORM`].
pub const PLATFORM_SCHEMA: &str = include_str!("../schemas/platform.schema.json");
/// JSON Schema of [`SEGMENT`].
pub const SEGMENT_SCHEMA: &str = include_str!("../schemas/segment.schema.json");
/// JSON Schema of [`DETECTION`].
pub const DETECTION_SCHEMA: &str = include_str!("../schemas/detection.schema.json");

/// Kinds of packets that are passed over: without a segment; with none that gives a message while
/// the source classes are off.
const SKIPS: [&str; 2] = ["no-segment", "source-class-off"];

/// What is kept per platform, mission and marking, from the latest mission segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The begin of the reference day, nanoseconds since the Unix epoch.
    pub reference_ns: u64,
    /// M3: type of platform.
    pub platform_type: u8,
}

/// The plugin.
#[derive(Clone, Debug)]
pub struct GmtiDecoder {
    parameters: Parameters,
}

impl GmtiDecoder {
    /// Place of a packet's marking in [`MARKINGS`].
    fn marking(&self, header: &Header) -> usize {
        marking(
            header.classification,
            header.system,
            header.codes,
            &self.parameters,
        )
    }

    fn read<'a>(&self, frame: &'a [u8]) -> Result<(Header, Vec<Segment<'a>>), Fault> {
        let header = Header::read(frame, &self.parameters)?;
        let segments = packet::segments(frame)?;
        let messages: usize = segments.iter().map(Segment::messages).sum();
        if messages > self.parameters.messages_max {
            return Err(Fault {
                cause: Cause::TooMany,
                what: "more messages than messages_max",
                offset: packet::HEADER_BYTES,
            });
        }
        Ok((header, segments))
    }
}

impl Decoder for GmtiDecoder {
    type State = Kept;

    fn describe() -> Description {
        description!()
            .keyed()
            .class(MISSION, MISSION_SCHEMA)
            .class(DWELL, DWELL_SCHEMA)
            .class(TRACK_AIR, PLATFORM_SCHEMA)
            .class(TRACK_GROUND, PLATFORM_SCHEMA)
            .class(PLATFORM, PLATFORM_SCHEMA)
            .class(SEGMENT, SEGMENT_SCHEMA)
            .class(DETECTION, DETECTION_SCHEMA)
            .causes(&Cause::NAMES)
            .skips(&SKIPS)
            .markings(&MARKINGS)
    }

    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        let parameters = Parameters::read(configuration)?;
        Ok(Self { parameters })
    }

    /// The marking is part of the key: what a secret packet says never shows in what is made of
    /// an unclassified one.
    fn keys(&self, frame: &Frame, keys: &mut Keys) {
        if let Ok(header) = Header::read(frame.payload, &self.parameters) {
            let mut key = [0; 15];
            key[0] = self.marking(&header) as u8;
            key[1..11].copy_from_slice(&header.platform_bytes);
            key[11..].copy_from_slice(&header.mission_id.to_be_bytes());
            keys.push(&key);
        }
    }

    fn decode(
        &mut self,
        _now_ns: u64,
        frame: &Frame,
        states: &mut FrameStates<Kept>,
        out: &mut Decoded,
    ) {
        match self.read(frame.payload) {
            Ok((header, segments)) => {
                // A header that reads has a key.
                let mut none = None;
                let kept = if states.is_empty() {
                    &mut none
                } else {
                    states.get(0)
                };
                let platform = header.platform.as_deref().unwrap_or_default();
                let mission_key = format!("{platform}-{}", header.mission_id);
                let mut writer = Writer {
                    header,
                    job_key: format!("{mission_key}-{}", header.job_id),
                    mission_key,
                    marking: MARKINGS[self.marking(&header)],
                    captured_ns: frame.captured_ns,
                    source_classes: self.parameters.source_classes,
                    kept,
                    messages: 0,
                    out,
                };
                for segment in &segments {
                    writer.segment(segment);
                }
                if writer.messages == 0 {
                    out.skip(SKIPS[usize::from(!segments.is_empty())]);
                }
            }
            Err(fault) => {
                let detail = format!("{} at byte {}", fault.what, fault.offset);
                out.reject(fault.cause.name(), &detail);
            }
        }
    }
}

/// Writes the messages of one packet, all with its marking.
struct Writer<'a> {
    header: Header,
    /// Platform and mission, 21 bytes at most.
    mission_key: String,
    /// The same and the job.
    job_key: String,
    marking: &'static str,
    captured_ns: u64,
    source_classes: bool,
    kept: &'a mut Option<Kept>,
    messages: usize,
    out: &'a mut Decoded,
}

impl Writer<'_> {
    fn segment(&mut self, segment: &Segment) {
        let header = self.header;
        match segment {
            Segment::Mission(mission) => {
                *self.kept = Some(Kept {
                    reference_ns: mission.reference_ns,
                    platform_type: mission.platform_type,
                });
                let body = MissionBody(&header, mission, self.captured_ns);
                self.source(MISSION, self.captured_ns, &body);
            }
            Segment::Location(location) => {
                let time = self.time(location.time_ms);
                if let Some(track_id) = Text::new(&self.mission_key) {
                    let body = LocationBody(track_id, &header, location, time);
                    match platform_class(*self.kept) {
                        PLATFORM => self.source(PLATFORM, time.time_ns, &body),
                        class => self.message(class, time.time_ns, &body),
                    }
                }
            }
            Segment::Other(kept) => {
                let body = SegmentBody(&header, kept, self.captured_ns);
                self.source(SEGMENT, self.captured_ns, &body);
            }
            Segment::Dwell(dwell) => self.dwell(&header, dwell),
        }
    }

    fn dwell(&mut self, header: &Header, dwell: &Dwell) {
        let time = self.time(dwell.time_ms);
        self.source(DWELL, time.time_ns, &DwellBody(header, dwell, time));
        for (place, target) in dwell.targets.iter().enumerate() {
            if let Some(track_id) = report_id(header, dwell, place) {
                let body = TargetBody {
                    header,
                    dwell,
                    place,
                    target,
                    time,
                    track_id,
                };
                self.message(DETECTION, time.time_ns, &body);
            }
        }
    }

    fn time(&self, time_ms: u32) -> EventTime {
        let reference_ns = self.kept.map(|kept| kept.reference_ns);
        EventTime::resolve(time_ms, reference_ns, self.captured_ns)
    }

    /// A message of a class that the parameters may turn off.
    fn source(&mut self, class: &'static str, time_ns: u64, body: &impl Body) {
        if self.source_classes {
            self.message(class, time_ns, body);
        }
    }

    fn message(&mut self, class: &'static str, time_ns: u64, body: &impl Body) {
        let key = match class {
            DWELL | DETECTION => &self.job_key,
            _ => &self.mission_key,
        };
        self.out
            .message(class, key, time_ns, body)
            .with_marking(self.marking);
        self.messages += 1;
    }
}

/// Class of a platform's location, by the type of platform (M3, table of platform types). A platform
/// that no mission segment has named, or whose type the table does not have, is taken to fly: nearly
/// all of the table does.
fn platform_class(kept: Option<Kept>) -> &'static str {
    match kept.map(|kept| kept.platform_type) {
        // RADARSAT2.
        Some(10) => PLATFORM,
        // Unattended sensors (single, cluster), ground based, the vehicles Coyote and Stryker.
        Some(13 | 14 | 15 | 26 | 33) => TRACK_GROUND,
        Some(_) | None => TRACK_AIR,
    }
}

export_decoder!(GmtiDecoder);
