//! PDUs: the header, and Entity State. A datagram holds one or several, end to end.
//!
//! Source: IEEE 1278.1-2012, 6.2.66 (PDU header), 7.2.2 (Entity State PDU);
//! Entity State has the same layout in versions 5 (IEEE 1278.1-1995), 6 (1278.1A-1998) and 7.

use crate::fault::{Cause, Fault};
use crate::geodesy::{RADIUS_M_MAX, RADIUS_M_MIN, length};

/// Bytes of a PDU header.
pub const HEADER_BYTES: usize = 12;
/// Bytes of an Entity State PDU without variable parameters.
pub const ENTITY_STATE_BYTES: usize = 144;
/// Bytes of one variable (before version 7: articulation) parameter.
pub const PARAMETER_BYTES: usize = 16;
/// PDUs of a datagram that are read. Reason: an Entity State gives two messages, so these stay
/// below the 64 that the host takes of a frame unless told otherwise, and within the fuel that one
/// frame alone has by default (`tests/dis.rs`); a datagram of an Ethernet frame holds ten. A
/// datagram with more is rejected.
pub const DATAGRAM_PDUS_MAX: usize = 12;
/// Versions that are read.
const VERSIONS: std::ops::RangeInclusive<u8> = 5..=7;
/// Type of the Entity State PDU.
pub const ENTITY_STATE: u8 = 1;
/// Family of the Entity State PDU: entity information and interaction.
const ENTITY_FAMILY: u8 = 1;

/// Names of all types of PDU, by number. Source: SISO-REF-010 v35, UID 4.
pub const TYPES: [&str; 73] = [
    "other",
    "entity-state",
    "fire",
    "detonation",
    "collision",
    "service-request",
    "resupply-offer",
    "resupply-received",
    "resupply-cancel",
    "repair-complete",
    "repair-response",
    "create-entity",
    "remove-entity",
    "start-resume",
    "stop-freeze",
    "acknowledge",
    "action-request",
    "action-response",
    "data-query",
    "set-data",
    "data",
    "event-report",
    "comment",
    "electromagnetic-emission",
    "designator",
    "transmitter",
    "signal",
    "receiver",
    "iff",
    "underwater-acoustic",
    "supplemental-emission-entity-state",
    "intercom-signal",
    "intercom-control",
    "aggregate-state",
    "is-group-of",
    "transfer-ownership",
    "is-part-of",
    "minefield-state",
    "minefield-query",
    "minefield-data",
    "minefield-response-nack",
    "environmental-process",
    "gridded-data",
    "point-object-state",
    "linear-object-state",
    "areal-object-state",
    "tspi",
    "appearance",
    "articulated-parts",
    "le-fire",
    "le-detonation",
    "create-entity-r",
    "remove-entity-r",
    "start-resume-r",
    "stop-freeze-r",
    "acknowledge-r",
    "action-request-r",
    "action-response-r",
    "data-query-r",
    "set-data-r",
    "data-r",
    "event-report-r",
    "comment-r",
    "record-r",
    "set-record-r",
    "record-query-r",
    "collision-elastic",
    "entity-state-update",
    "directed-energy-fire",
    "entity-damage-status",
    "information-operations-action",
    "information-operations-report",
    "attribute",
];

/// Three components along x, y and z.
pub type Vector = [f64; 3];

/// What every PDU begins with.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Version of the protocol.
    pub version: u8,
    /// Exercise.
    pub exercise: u8,
    /// Type, a place in [`TYPES`].
    pub number: u8,
    /// Time past the hour in 31 bits; the last bit tells an absolute time.
    pub timestamp: u32,
    /// Status, from version 7 on; padding before it.
    pub status: u8,
}

/// Identity of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityId {
    /// Site.
    pub site: u16,
    /// Application of the site.
    pub application: u16,
    /// Entity of the application.
    pub entity: u16,
}

/// Type of an entity. Source: SISO-REF-010, "Entity Types".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityType {
    /// Kind: 1 platform, 2 munition, 3 life form.
    pub kind: u8,
    /// Domain: 1 land, 2 air, 3 surface, 4 subsurface, 5 space.
    pub domain: u8,
    /// Country.
    pub country: u16,
    /// Category, by kind and domain.
    pub category: u8,
    /// Subcategory, by category.
    pub subcategory: u8,
    /// Specific, by subcategory.
    pub specific: u8,
    /// Extra.
    pub extra: u8,
}

/// An Entity State PDU, as sent.
#[derive(Clone, Copy, Debug)]
pub struct EntityState<'a> {
    /// Header.
    pub header: Header,
    /// Who.
    pub id: EntityId,
    /// Side: 1 friendly, 2 opposing, 3 neutral.
    pub force: u8,
    /// What it is.
    pub entity_type: EntityType,
    /// What it looks like to the other side.
    pub alternative_type: EntityType,
    /// Metres per second, in the coordinates that the dead reckoning algorithm says.
    pub velocity_mps: Vector,
    /// Metres from the earth's centre: x through 0° N 0° E, y through 90° E, z through the pole.
    pub location_m: Vector,
    /// Euler angles ψ, θ, φ from the location's axes to the entity's, radians.
    pub orientation_rad: Vector,
    /// Bits by kind and domain.
    pub appearance: u32,
    /// Dead reckoning algorithm.
    pub algorithm: u8,
    /// Its parameters, uninterpreted.
    pub algorithm_parameters: [u8; 15],
    /// Metres per second squared, in the same coordinates as the velocity.
    pub acceleration_mps2: Vector,
    /// Radians per second about the entity's axes: forward, right, down.
    pub angular_velocity_rps: Vector,
    /// Character set of the marking; 1 is ASCII.
    pub marking_set: u8,
    /// Marking.
    pub marking: [u8; 11],
    /// Bits by kind and domain.
    pub capabilities: u32,
    /// Variable parameters, 16 bytes each, uninterpreted.
    pub parameters: &'a [u8],
}

/// A PDU of a datagram.
#[derive(Clone, Copy, Debug)]
pub enum Pdu<'a> {
    /// An entity's state.
    EntityState(EntityState<'a>),
    /// Any other type, of which only the header is looked at.
    Other(Header),
}

/// Reads all PDUs of a datagram, to its end.
///
/// # Errors
/// The first thing that is wrong.
pub fn pdus(frame: &[u8]) -> Result<Vec<Pdu<'_>>, Fault> {
    let mut pdus = Vec::new();
    let mut at = 0;
    while at < frame.len() || pdus.is_empty() {
        if pdus.len() == DATAGRAM_PDUS_MAX {
            return Err(Fault {
                cause: Cause::TooMany,
                what: "more PDUs than are read",
                offset: at,
            });
        }
        let rest = frame.get(at..).unwrap_or_default();
        let (pdu, length) = read(rest, at)?;
        pdus.push(pdu);
        at += length;
    }
    Ok(pdus)
}

/// Reads the PDU with which `bytes` begin, and its length. They are byte `start` of the frame.
fn read(bytes: &[u8], start: usize) -> Result<(Pdu<'_>, usize), Fault> {
    let fault = |cause, what, at| Fault {
        cause,
        what,
        offset: start + at,
    };
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
        let what = "shorter than a PDU header";
        return Err(fault(Cause::PduLength, what, bytes.len()));
    };
    let header = Header {
        version: head[0],
        exercise: head[1],
        number: head[2],
        timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        status: head[10],
    };
    if !VERSIONS.contains(&header.version) {
        return Err(fault(Cause::Version, "a version that is not read", 0));
    }
    if usize::from(header.number) >= TYPES.len() {
        return Err(fault(Cause::PduType, "a PDU of no known type", 2));
    }
    let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
    let pdu = match bytes.get(..length) {
        Some(pdu) if length >= HEADER_BYTES => pdu,
        _ => {
            let what = "the PDU does not end within the datagram";
            return Err(fault(Cause::PduLength, what, 8));
        }
    };
    if header.number != ENTITY_STATE {
        return Ok((Pdu::Other(header), length));
    }
    if head[3] != ENTITY_FAMILY {
        let what = "an Entity State of another family";
        return Err(fault(Cause::PduType, what, 3));
    }
    let state = Reader {
        bytes: pdu,
        at: HEADER_BYTES,
        start,
    }
    .entity_state(header)?;
    Ok((Pdu::EntityState(state), length))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    start: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self, cause: Cause, what: &'static str) -> Fault {
        Fault {
            cause,
            what,
            offset: self.start + self.at,
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.first_chunk::<N>() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => {
                self.at = self.bytes.len();
                Err(self.fault(Cause::PduLength, "ends inside a field"))
            }
        }
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    fn finite(&self, value: f64, width: usize) -> Result<f64, Fault> {
        if value.is_finite() {
            Ok(value)
        } else {
            Err(Fault {
                cause: Cause::NotANumber,
                what: "no finite number",
                offset: self.start + self.at - width,
            })
        }
    }

    fn f32(&mut self) -> Result<f64, Fault> {
        let value = f64::from(f32::from_be_bytes(self.array()?));
        self.finite(value, 4)
    }

    fn f64(&mut self) -> Result<f64, Fault> {
        let value = f64::from_be_bytes(self.array()?);
        self.finite(value, 8)
    }

    fn vector_f32(&mut self) -> Result<Vector, Fault> {
        Ok([self.f32()?, self.f32()?, self.f32()?])
    }

    fn entity_type(&mut self) -> Result<EntityType, Fault> {
        Ok(EntityType {
            kind: self.u8()?,
            domain: self.u8()?,
            country: self.u16()?,
            category: self.u8()?,
            subcategory: self.u8()?,
            specific: self.u8()?,
            extra: self.u8()?,
        })
    }

    fn location(&mut self) -> Result<Vector, Fault> {
        let fault = self.fault(Cause::Location, "not on the earth or around it");
        let location_m = [self.f64()?, self.f64()?, self.f64()?];
        if (RADIUS_M_MIN..=RADIUS_M_MAX).contains(&length(location_m)) {
            Ok(location_m)
        } else {
            Err(fault)
        }
    }

    fn entity_state(mut self, header: Header) -> Result<EntityState<'a>, Fault> {
        let id = EntityId {
            site: self.u16()?,
            application: self.u16()?,
            entity: self.u16()?,
        };
        let force = self.u8()?;
        let parameters = usize::from(self.u8()?);
        if self.bytes.len() != ENTITY_STATE_BYTES + parameters * PARAMETER_BYTES {
            return Err(Fault {
                cause: Cause::PduLength,
                what: "an Entity State of another length",
                offset: self.start + 8,
            });
        }
        Ok(EntityState {
            header,
            id,
            force,
            entity_type: self.entity_type()?,
            alternative_type: self.entity_type()?,
            velocity_mps: self.vector_f32()?,
            location_m: self.location()?,
            orientation_rad: self.vector_f32()?,
            appearance: self.u32()?,
            algorithm: self.u8()?,
            algorithm_parameters: self.array()?,
            acceleration_mps2: self.vector_f32()?,
            angular_velocity_rps: self.vector_f32()?,
            marking_set: self.u8()?,
            marking: self.array()?,
            capabilities: self.u32()?,
            parameters: self.bytes.get(self.at..).unwrap_or_default(),
        })
    }
}
