//! One frame to a message, a reject or a skip.
//!
//! What always holds: a frame gives exactly one of the three; a message comes only of a frame
//! whose parity is right, or, where the parity is mixed with the address, of one whose address an
//! extended squitter has just confirmed; and the answer depends on the frame and the state alone,
//! so not on where batches end.

use outrigger_sdk::Body;

use crate::address::{Address, Origin};
use crate::altitude::{self, Code};
use crate::bits::{ME_BYTES, Me};
use crate::body::{
    EmergencyBody, Head, IdentificationBody, Merged, Reply, ReplyBody, StatusBody, TargetBody,
    TrackBody, VelocityBody,
};
use crate::cpr;
use crate::crc::residue;
use crate::fault::{Cause, Fault};
use crate::frame::{Form, ModeS, Payload, unpack};
use crate::message::{Emergency, Identification, Position, Status, Target, Velocity};
use crate::position::{Unresolved, is_repeat, resolve};
use crate::state::{Heard, Kept, Squawk, When};

/// Positions.
pub const TRACK_AIR: &str = "track.air";
/// Type codes 1 to 4.
pub const IDENTIFICATION: &str = "mode-s.identification";
/// Type code 19.
pub const VELOCITY: &str = "mode-s.velocity";
/// Type code 28, subtype 1.
pub const EMERGENCY: &str = "mode-s.emergency";
/// Type code 31.
pub const STATUS: &str = "mode-s.status";
/// Type code 29, subtype 1.
pub const TARGET: &str = "mode-s.target";
/// Downlink formats 4, 5, 20 and 21.
pub const SURVEILLANCE: &str = "mode-s.surveillance";

/// Ages up to which a value heard earlier is merged into a track, microseconds. The age itself
/// stands beside it. Velocity: sent twice a second (DO-260B), so ten in a row were
/// missed, and a standard turn has changed the course by 15°.
pub const VELOCITY_AGE_US_MAX: u64 = 5_000_000;
/// Operational status: sent every 2.5 s at the slowest (same), so twelve were missed.
pub const STATUS_AGE_US_MAX: u64 = 30_000_000;
/// Mode A code: every 5 s at the slowest (same), so twelve were missed.
pub const SQUAWK_AGE_US_MAX: u64 = 60_000_000;
/// Callsign: every 5 to 10 s (same), and it hardly changes within a flight.
pub const CALLSIGN_AGE_US_MAX: u64 = 300_000_000;
/// Emitter category: does not change within a flight.
pub const CATEGORY_AGE_US_MAX: u64 = 3_600_000_000;
/// Age of the last extended squitter up to which an address is known. Source: 60 s, after which
/// readsb, too, forgets an address it has not heard.
pub const CONFIRMED_AGE_US_MAX: u64 = 60_000_000;

/// Highest remainder of an all-call reply: the interrogator's code, 7 bits, up to SI 63. Source:
/// ICAO Annex 10, volume IV, § 3.1.2.5.2.1.2.
const INTERROGATOR_MAX: u32 = 79;

/// Kinds of frames that are passed over.
pub const SKIPS: [&str; 25] = [
    "empty",
    "mode-a-c",
    "receiver-status",
    "df-0",
    "df-11",
    "df-16",
    "df-19",
    "df-24",
    "df-reserved",
    "address-unconfirmed",
    "class-off",
    "df-18-coarse-tis-b",
    "df-18-other",
    "type-0",
    "type-23",
    "type-24",
    "type-27",
    "type-28-other",
    "type-29-other",
    "type-30",
    "status-version",
    "repeat",
    "position-unpaired",
    "position-no-reference",
    "position-inconsistent",
];

/// What the decoder is told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// Form of payloads.
    pub form: Form,
    /// Where the receiver is.
    pub receiver: Option<cpr::Position>,
    /// Only tracks are written.
    pub tracks_only: bool,
}

/// A frame with its sequence number and capture time.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Sequence number in the journal.
    pub sequence: u64,
    /// Capture time, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Bytes.
    pub payload: &'a [u8],
}

impl Input<'_> {
    fn when(&self) -> When {
        When {
            at_us: self.captured_ns / 1_000,
            sequence: self.sequence,
        }
    }
}

/// Takes what a frame became.
pub trait Output {
    /// A message of `class` with its key and time, from this frame and the `earlier` ones.
    fn message(
        &mut self,
        class: &'static str,
        key: &str,
        event_ns: u64,
        body: &impl Body,
        earlier: &[u64],
    );
    /// This frame will never be a message.
    fn reject(&mut self, cause: Cause, detail: &str);
    /// This frame is passed over.
    fn skip(&mut self, kind: &'static str);
}

/// Whose state a frame needs; `None` when none.
pub fn key_of(settings: &Settings, payload: &[u8]) -> Option<Address> {
    let Ok(Payload::ModeS(frame)) = unpack(settings.form, payload) else {
        return None;
    };
    let bytes = frame.bytes();
    let format = bytes[0] >> 3;
    match format {
        4 | 5 | 20 | 21 => Some(Address::new(Origin::Adsb, true, residue(bytes))),
        17 | 18 => squitter(&frame).filter(|_| residue(bytes) == 0)?.1,
        _ => None,
    }
}

/// Message field and sender of an extended squitter.
fn squitter(frame: &ModeS) -> Option<(Me, Option<Address>)> {
    let bytes = frame.bytes();
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    let me = Me::new(*rest.first_chunk::<ME_BYTES>()?);
    let address = u32::from_be_bytes([0, head[1], head[2], head[3]]);
    let sender = Address::of_squitter(head[0] >> 3, head[0] & 7, address, me);
    Some((me, sender))
}

/// Decodes a frame. `kept` is the state under its key; frames without one do not look at it.
pub fn decode(
    settings: &Settings,
    input: Input<'_>,
    kept: &mut Option<Kept>,
    out: &mut impl Output,
) {
    let fault = |fault: Fault, out: &mut dyn FnMut(Cause, &str)| {
        out(
            fault.cause,
            &format!("{} at byte {}", fault.what, fault.offset),
        );
    };
    let frame = match unpack(settings.form, input.payload) {
        Ok(Payload::ModeS(frame)) => frame,
        Ok(Payload::Empty) => return out.skip("empty"),
        Ok(Payload::ModeAc) => return out.skip("mode-a-c"),
        Ok(Payload::ReceiverStatus) => return out.skip("receiver-status"),
        Err(wrong) => return fault(wrong, &mut |cause, detail| out.reject(cause, detail)),
    };
    let bytes = frame.bytes();
    let format = bytes[0] >> 3;
    match format {
        0 => out.skip("df-0"),
        16 => out.skip("df-16"),
        19 => out.skip("df-19"),
        24..=31 => out.skip("df-24"),
        11 if residue(bytes) > INTERROGATOR_MAX => {
            let what = "parity of an all-call reply is no interrogator's";
            let wrong = Fault::new(Cause::Parity, what, frame.offset);
            fault(wrong, &mut |cause, detail| out.reject(cause, detail));
        }
        11 => out.skip("df-11"),
        4 | 5 | 20 | 21 => reply(settings, input, &frame, kept, out),
        17 | 18 if residue(bytes) != 0 => {
            let what = "parity of an extended squitter is wrong";
            let wrong = Fault::new(Cause::Parity, what, frame.offset);
            fault(wrong, &mut |cause, detail| out.reject(cause, detail));
        }
        17 | 18 => match squitter(&frame) {
            Some((me, Some(address))) => {
                let head = Head {
                    address,
                    time_ns: input.captured_ns,
                    format,
                    type_code: Some(me.type_code()),
                };
                let kept = kept.get_or_insert_default();
                kept.confirmed = input.when();
                Squitter {
                    settings,
                    head,
                    heard: Heard {
                        when: input.when(),
                        me,
                    },
                    offset: frame.offset,
                }
                .decode(kept, out);
            }
            _ if bytes[0] & 7 == 3 => out.skip("df-18-coarse-tis-b"),
            _ => out.skip("df-18-other"),
        },
        _ => out.skip("df-reserved"),
    }
}

/// Formats 4, 5, 20, 21. Their parity is mixed with the address, so a damaged frame is a frame of
/// another address: it counts only when that address is one that was confirmed.
fn reply(
    settings: &Settings,
    input: Input<'_>,
    frame: &ModeS,
    kept: &mut Option<Kept>,
    out: &mut impl Output,
) {
    let (bytes, offset) = (frame.bytes(), frame.offset);
    let when = input.when();
    let Some(kept) = kept
        .as_mut()
        .filter(|kept| kept.confirmed.apart_us(when) <= CONFIRMED_AGE_US_MAX)
    else {
        return out.skip("address-unconfirmed");
    };
    let format = bytes[0] >> 3;
    let code = u32::from(bytes[2] & 0x1f) << 8 | u32::from(bytes[3]);
    let identity = format & 1 == 1;
    let reply = Reply {
        flight_status: bytes[0] & 7,
        altitude: (!identity).then(|| altitude::code_13(code)),
        squawk: identity.then(|| altitude::squawk(code)),
    };
    // Noise passes for an address that happens to be known once in 2^24 times for each of them, and
    // receivers make that much noise: what no aircraft says shows it.
    if reply.flight_status > 5 || matches!(reply.altitude, Some(Code::Metric | Code::Invalid)) {
        let what = "flight status or altitude that is reserved";
        return out.reject(Cause::Value, &format!("{what} at byte {offset}"));
    }
    if let Some(code) = reply.squawk {
        kept.squawk = Some(Squawk { when, code });
    }
    if settings.tracks_only {
        return out.skip("class-off");
    }
    let head = Head {
        address: Address::new(Origin::Adsb, true, residue(bytes)),
        time_ns: input.captured_ns,
        format,
        type_code: None,
    };
    let body = ReplyBody(head, reply);
    // The address is known by that squitter, so the message is made from it, too.
    let earlier = [kept.confirmed.sequence];
    out.message(
        SURVEILLANCE,
        head.address.key(),
        head.time_ns,
        &body,
        &earlier,
    );
}

/// An extended squitter of a right parity.
struct Squitter<'a> {
    settings: &'a Settings,
    head: Head,
    heard: Heard,
    offset: usize,
}

impl Squitter<'_> {
    fn decode(&self, kept: &mut Kept, out: &mut impl Output) {
        let me = self.heard.me;
        match me.type_code() {
            0 => out.skip("type-0"),
            1..=4 => {
                kept.identification = Some(self.heard);
                let body = IdentificationBody(self.head, Identification::read(me));
                self.message(IDENTIFICATION, &body, out);
            }
            5..=18 | 20..=22 => match Position::read(me) {
                Some(position) => self.position(&position, kept, out),
                None => self.reject("of no type of position", out),
            },
            19 => match Velocity::read(me) {
                Some(velocity) => {
                    kept.velocity = Some(self.heard);
                    self.message(VELOCITY, &VelocityBody(self.head, velocity), out);
                }
                None => self.reject("velocity of a reserved subtype", out),
            },
            23 => out.skip("type-23"),
            24 => out.skip("type-24"),
            25..=27 => out.skip("type-27"),
            28 => match Emergency::read(me) {
                Some(emergency) => {
                    kept.squawk = Some(Squawk {
                        when: self.heard.when,
                        code: emergency.squawk,
                    });
                    self.message(EMERGENCY, &EmergencyBody(self.head, emergency), out);
                }
                None => out.skip("type-28-other"),
            },
            29 => match Target::read(me) {
                Some(target) => self.message(TARGET, &TargetBody(self.head, target), out),
                None => out.skip("type-29-other"),
            },
            30 => out.skip("type-30"),
            _ => match Status::read(me) {
                Some(status) => {
                    kept.status = Some(self.heard);
                    self.message(STATUS, &StatusBody(self.head, status), out);
                }
                None if Status::is_of_later_version(me) => out.skip("status-version"),
                None => self.reject("status of a reserved subtype", out),
            },
        }
    }

    fn reject(&self, what: &str, out: &mut impl Output) {
        // The message field starts after format and address.
        let detail = format!("{what} at byte {}", self.offset + 4);
        out.reject(Cause::Value, &detail);
    }

    fn message(&self, class: &'static str, body: &impl Body, out: &mut impl Output) {
        if self.settings.tracks_only {
            out.skip("class-off");
        } else {
            out.message(class, self.head.address.key(), self.head.time_ns, body, &[]);
        }
    }

    fn position(&self, message: &Position, kept: &mut Kept, out: &mut impl Output) {
        if message.air.is_some() && is_repeat(self.heard, kept) {
            return out.skip("repeat");
        }
        let found = match resolve(self.heard, message, kept, self.settings.receiver) {
            Ok(found) => found,
            Err(Unresolved::Unpaired) => return out.skip("position-unpaired"),
            Err(Unresolved::NoReference) => return out.skip("position-no-reference"),
            Err(Unresolved::Inconsistent) => return out.skip("position-inconsistent"),
        };
        let mut sources = Sources::default();
        sources.add(found.partner);
        let merged = merge(kept, self.heard.when, message.cpr.surface, &mut sources);
        let body = TrackBody {
            head: self.head,
            message,
            at: found.position,
            method: found.method,
            merged,
        };
        let key = self.head.address.key();
        out.message(TRACK_AIR, key, self.head.time_ns, &body, sources.get());
    }
}

/// Earlier frames of a message.
#[derive(Default)]
struct Sources {
    sequences: [u64; 5],
    len: usize,
}

impl Sources {
    fn add(&mut self, when: Option<When>) {
        if let (Some(when), Some(place)) = (when, self.sequences.get_mut(self.len)) {
            *place = when.sequence;
            self.len += 1;
        }
    }

    fn get(&self) -> &[u64] {
        self.sequences.get(..self.len).unwrap_or_default()
    }
}

/// What was heard before and is not too old, its frames added to `sources`.
fn merge(kept: &Kept, now: When, surface: bool, sources: &mut Sources) -> Merged {
    let fresh = |heard: Option<Heard>, age_us_max: u64| {
        heard.filter(|heard| heard.when.apart_us(now) <= age_us_max)
    };
    let age_ms = |when: When| when.apart_us(now) / 1_000;
    let velocity = fresh(kept.velocity, VELOCITY_AGE_US_MAX).filter(|_| !surface);
    let identification = fresh(kept.identification, CATEGORY_AGE_US_MAX);
    // On the surface and in the air different things are said.
    let status = fresh(kept.status, STATUS_AGE_US_MAX)
        .and_then(|heard| Some((heard, Status::read(heard.me)?)))
        .filter(|(_, status)| status.surface == surface);
    let squawk = kept
        .squawk
        .filter(|squawk| squawk.when.apart_us(now) <= SQUAWK_AGE_US_MAX);
    sources.add(velocity.map(|heard| heard.when));
    sources.add(identification.map(|heard| heard.when));
    sources.add(status.map(|(heard, _)| heard.when));
    sources.add(squawk.map(|squawk| squawk.when));
    Merged {
        identification: identification
            .map(|heard| (Identification::read(heard.me), age_ms(heard.when))),
        velocity: velocity.and_then(|heard| Some((Velocity::read(heard.me)?, age_ms(heard.when)))),
        status: status.map(|(heard, status)| (status, age_ms(heard.when))),
        squawk: squawk.map(|squawk| (squawk.code, age_ms(squawk.when))),
        callsign_fresh: fresh(kept.identification, CALLSIGN_AGE_US_MAX).is_some(),
    }
}

#[cfg(test)]
mod tests;
