//! Packets: the header, and the segments that must fill the rest exactly.
//!
//! A packet is read whole before anything is made of it: one that is wrong anywhere gives one
//! reject and no message. Source: AEDP-4607, edition A version 1: packet header
//! P1 to P10, segment header S1 and S2.

use outrigger_sdk::Text;

use crate::dwell::Dwell;
use crate::fault::{Cause, Fault};
use crate::location::Location;
use crate::mission::Mission;
use crate::parameters::Parameters;
use crate::read::Reader;
use crate::security::Classification;

/// Bytes of a packet header.
pub const HEADER_BYTES: usize = 32;
/// Bytes of a segment header.
const SEGMENT_HEADER_BYTES: usize = 5;
/// Byte of P2, the packet's size.
const SIZE_OFFSET: usize = 2;
/// Byte of P4, the classification.
const CLASSIFICATION_OFFSET: usize = 8;

/// Who sent a packet, in which job, and who may see it.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// P1: edition and version of the standard.
    pub version: [u8; 2],
    /// P3: nationality of the platform, two letters.
    pub nationality: Option<Text>,
    /// P4.
    pub classification: Classification,
    /// P5: the system that classified, as sent.
    pub system: [u8; 2],
    /// P6: codes that narrow the classification, bits.
    pub codes: u16,
    /// P7: 0, 1, 2 an operation with real, simulated, synthesized data; 128 to 130 an exercise.
    pub exercise: u8,
    /// P8: the platform, as sent.
    pub platform_bytes: [u8; 10],
    /// P8 without its padding.
    pub platform: Option<Text>,
    /// P9.
    pub mission_id: u32,
    /// P10; 0 in packets that belong to no job.
    pub job_id: u32,
}

impl Header {
    /// Reads the header of a packet.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(frame: &[u8], parameters: &Parameters) -> Result<Self, Fault> {
        if frame.len() < HEADER_BYTES {
            return Err(Fault {
                cause: Cause::PacketLength,
                what: "shorter than a packet header",
                offset: frame.len(),
            });
        }
        let mut reader = Reader::new(frame, 0);
        let version = reader.array()?;
        if !parameters.knows_version(version) {
            return Err(Fault {
                cause: Cause::Version,
                what: "a version that is not read",
                offset: 0,
            });
        }
        if usize::try_from(reader.u32()?) != Ok(frame.len()) {
            return Err(Fault {
                cause: Cause::PacketLength,
                what: "the packet is not as long as it says",
                offset: SIZE_OFFSET,
            });
        }
        let nationality = reader.text::<2>()?;
        let classification = Classification::new(reader.u8()?, CLASSIFICATION_OFFSET)?;
        let mut system_text = reader;
        system_text.text::<2>()?;
        let system = reader.array()?;
        let codes = reader.u16()?;
        let exercise = reader.u8()?;
        let mut platform = reader;
        Ok(Self {
            version,
            nationality,
            classification,
            system,
            codes,
            exercise,
            platform_bytes: reader.array()?,
            platform: platform.text::<10>()?,
            mission_id: reader.u32()?,
            job_id: reader.u32()?,
        })
    }
}

/// What a segment says.
#[derive(Clone, Debug)]
pub enum Segment<'a> {
    /// Type 1.
    Mission(Mission),
    /// Type 2.
    Dwell(Box<Dwell>),
    /// Type 13.
    Location(Location),
    /// Any other type that the standard defines, as it is.
    Other(Kept<'a>),
}

/// A segment that is kept as its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Its type.
    pub number: u8,
    /// Name of its type.
    pub name: &'static str,
    /// What follows its header.
    pub payload: &'a [u8],
}

impl Segment<'_> {
    /// Messages that it gives with all classes on.
    pub fn messages(&self) -> usize {
        match self {
            Self::Mission(_) | Self::Location(_) | Self::Other(_) => 1,
            Self::Dwell(dwell) => 1 + dwell.targets.len(),
        }
    }
}

/// Name of a segment's type that is not decoded. Source: AEDP-4607, table of segment types (S1).
fn kept_name(number: u8) -> Option<&'static str> {
    Some(match number {
        3 => "hrr",
        5 => "job-definition",
        6 => "free-text",
        7 => "low-reflectivity-index",
        8 => "group",
        9 => "attached-target",
        10 => "test-and-status",
        11 => "system-specific",
        12 => "processing-history",
        101 => "job-request",
        102 => "job-acknowledge",
        _ => return None,
    })
}

/// Reads all segments of a packet, to its end.
///
/// # Errors
/// The first thing that is wrong.
pub fn segments(frame: &[u8]) -> Result<Vec<Segment<'_>>, Fault> {
    let mut segments = Vec::new();
    let mut at = HEADER_BYTES;
    while at < frame.len() {
        let rest = frame.get(at..).unwrap_or_default();
        let mut header = Reader::new(rest, at);
        let number = header.u8()?;
        let size = usize::try_from(header.u32()?).unwrap_or(usize::MAX);
        let payload = rest.get(SEGMENT_HEADER_BYTES..size).ok_or(Fault {
            cause: Cause::SegmentLength,
            what: "the segment does not end within the packet",
            offset: at + 1,
        })?;
        let mut reader = Reader::new(payload, at + SEGMENT_HEADER_BYTES);
        let segment = match number {
            1 => Segment::Mission(Mission::read(&mut reader)?),
            2 => Segment::Dwell(Box::new(Dwell::read(&mut reader)?)),
            13 => Segment::Location(Location::read(&mut reader)?),
            _ => {
                let name = kept_name(number).ok_or(Fault {
                    cause: Cause::SegmentType,
                    what: "a segment of no known type",
                    offset: at,
                })?;
                reader.rest();
                Segment::Other(Kept {
                    number,
                    name,
                    payload,
                })
            }
        };
        let end = reader.offset();
        at += size;
        if end != at {
            return Err(Fault {
                cause: Cause::SegmentLength,
                what: "bytes after the segment's content",
                offset: end,
            });
        }
        segments.push(segment);
    }
    Ok(segments)
}
