//! pcapng: sections of blocks. Only interfaces and packets matter; all else is passed over.

use super::input::{Endianness, Input};
use super::{BLOCK_BYTES_MAX, Found, PACKET_BYTES_MAX};
use crate::error::TapError;

/// Type of a section's first block, the same in either order of bytes.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
/// Tells the order of bytes of a section.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Bytes of a block's type and length, and of the length again at its end.
const HEAD_BYTES: usize = 8;
const TAIL_BYTES: usize = 4;
/// Longest part of a packet's block before the packet.
const PACKET_HEAD_BYTES: usize = 28;
/// Largest block that is taken whole, bytes: the largest packet, its head, and some options.
const TAKEN_BYTES_MAX: usize = PACKET_BYTES_MAX + 4096;

/// Most interfaces of a section. Reason: more than any host has. Packets of later ones are
/// counted as malformed.
const INTERFACES_MAX: usize = 1024;
/// Their memory, bytes.
pub(super) const INTERFACES_BYTES: usize = INTERFACES_MAX * size_of::<Interface>();

const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// What an interface's packets share.
#[derive(Clone, Copy)]
struct Interface {
    link_type: u32,
    /// Longest captured packet, bytes; 0 without limit.
    snap_bytes: usize,
    /// Units of time in a second; none when it is no number that fits.
    units_per_s: Option<u64>,
    /// Seconds to add to every time.
    offset_s: i64,
}

/// The section being read.
#[derive(Default)]
pub(super) struct Section {
    endianness: Endianness,
    interfaces: Vec<Interface>,
}

impl Section {
    /// Reads one block.
    pub(super) fn read_block(&mut self, input: &mut Input) -> Result<Found, TapError> {
        if !input.need(HEAD_BYTES)? {
            return Ok(match input.ended_well() {
                true => Found::End,
                false => Found::Cut(input.broken_off("a block's head")),
            });
        }
        let kind = self.endianness.u32(input.bytes(), 0);
        if kind == SECTION {
            if !input.need(HEAD_BYTES + 4)? {
                return Ok(Found::Cut(input.broken_off("a section's head")));
            }
            let order = [Endianness::Little, Endianness::Big]
                .into_iter()
                .find(|order| order.u32(input.bytes(), HEAD_BYTES) == BYTE_ORDER);
            let Some(order) = order else {
                return Ok(Found::Cut("a section without its byte order".to_owned()));
            };
            self.endianness = order;
            self.interfaces.clear();
        }
        let total = self.endianness.u32(input.bytes(), 4) as usize;
        if total < HEAD_BYTES + TAIL_BYTES || !total.is_multiple_of(4) || total > BLOCK_BYTES_MAX {
            let why = format!("a block claims {total} bytes, which is damage");
            return Ok(Found::Cut(why));
        }
        let matters = matches!(
            kind,
            INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET
        );
        if !matters || total > TAKEN_BYTES_MAX {
            return Ok(match input.pass_over(total)? {
                false => Found::Cut(input.broken_off("a block")),
                true if kind == INTERFACE => {
                    // Kept in the list, so that later ones keep their numbers.
                    self.add(Interface::unknown());
                    Found::Malformed("an interface with too many options")
                }
                true if matters => Found::Oversized,
                true => Found::Nothing,
            });
        }
        if !input.need(total)? {
            return Ok(Found::Cut(input.broken_off("a block")));
        }
        let block = &input.bytes()[..total];
        if self.endianness.u32(block, total - TAIL_BYTES) as usize != total {
            let why = "a block's length differs at its end, which is damage";
            return Ok(Found::Cut(why.to_owned()));
        }
        let body = &block[HEAD_BYTES..total - TAIL_BYTES];
        let found = match kind {
            INTERFACE => {
                let interface = self.read_interface(body);
                self.add(interface);
                Found::Nothing
            }
            _packet => self.read_packet(kind, body, total),
        };
        match found {
            // Its bytes are used up after its frame was delivered.
            Found::Packet { .. } => {}
            Found::Oversized
            | Found::Malformed(_)
            | Found::Nothing
            | Found::End
            | Found::Cut(_) => input.consume(total),
        }
        Ok(found)
    }

    fn add(&mut self, interface: Interface) {
        if self.interfaces.len() < INTERFACES_MAX {
            self.interfaces.push(interface);
        }
    }

    fn read_interface(&self, body: &[u8]) -> Interface {
        if body.len() < 8 {
            return Interface::unknown();
        }
        let mut interface = Interface {
            link_type: u32::from(self.endianness.u16(body, 0)),
            snap_bytes: self.endianness.u32(body, 4) as usize,
            units_per_s: Some(1_000_000),
            offset_s: 0,
        };
        let mut rest = &body[8..];
        while rest.len() >= 4 {
            let code = self.endianness.u16(rest, 0);
            let length = usize::from(self.endianness.u16(rest, 2));
            let Some(value) = rest.get(4..4 + length) else {
                break;
            };
            match (code, length) {
                (0, _) => break,
                (OPTION_TIME_RESOLUTION, 1) => interface.units_per_s = units_per_s(value[0]),
                (OPTION_TIME_OFFSET, 8) => {
                    let (first, second) =
                        (self.endianness.u32(value, 0), self.endianness.u32(value, 4));
                    interface.offset_s = match self.endianness {
                        Endianness::Little => Endianness::join(second, first),
                        Endianness::Big => Endianness::join(first, second),
                    } as i64;
                }
                _ => {}
            }
            rest = rest
                .get(4 + length.next_multiple_of(4)..)
                .unwrap_or_default();
        }
        interface
    }

    fn read_packet(&self, kind: u32, body: &[u8], used: usize) -> Found {
        const SHORT: Found = Found::Malformed("a packet's block that is too short");
        let head = match kind {
            SIMPLE_PACKET => 4,
            _with_time => 20,
        };
        if body.len() < head {
            return SHORT;
        }
        let number = match kind {
            SIMPLE_PACKET => 0,
            OBSOLETE_PACKET => usize::from(self.endianness.u16(body, 0)),
            _enhanced => self.endianness.u32(body, 0) as usize,
        };
        let Some(interface) = self.interfaces.get(number) else {
            return Found::Malformed("a packet of an interface that is not described");
        };
        let (captured, time_ns) = if kind == SIMPLE_PACKET {
            let original = self.endianness.u32(body, 0) as usize;
            let snap = match interface.snap_bytes {
                0 => usize::MAX,
                bytes => bytes,
            };
            (original.min(snap).min(body.len() - head), None)
        } else {
            let units =
                Endianness::join(self.endianness.u32(body, 4), self.endianness.u32(body, 8));
            let Some(time_ns) = interface.time_ns(units) else {
                return Found::Malformed("a packet's time outside the years 1970 to 2554");
            };
            (self.endianness.u32(body, 12) as usize, Some(time_ns))
        };
        if captured > body.len() - head {
            return SHORT;
        }
        if captured > PACKET_BYTES_MAX {
            return Found::Oversized;
        }
        let start = HEAD_BYTES + head;
        Found::Packet {
            link_type: interface.link_type,
            bytes: start..start + captured,
            time_ns,
            used,
        }
    }
}

impl Interface {
    /// An interface that cannot be read: its packets cannot either.
    fn unknown() -> Self {
        Self {
            link_type: u32::MAX,
            snap_bytes: 0,
            units_per_s: None,
            offset_s: 0,
        }
    }

    /// Nanoseconds since the Unix epoch.
    fn time_ns(&self, units: u64) -> Option<u64> {
        const NS_PER_S: i128 = 1_000_000_000;
        let since = i128::from(units) * NS_PER_S / i128::from(self.units_per_s?);
        u64::try_from(since + i128::from(self.offset_s) * NS_PER_S).ok()
    }
}

/// Reads a resolution: a power of ten, or of two when the highest bit is set.
fn units_per_s(resolution: u8) -> Option<u64> {
    let exponent = u32::from(resolution & 0x7f);
    match resolution & 0x80 {
        0 => 10u64.checked_pow(exponent),
        _ => 1u64.checked_shl(exponent),
    }
}

const _: () = assert!(super::BUFFER_BYTES >= TAKEN_BYTES_MAX);
const _: () = assert!(TAKEN_BYTES_MAX >= PACKET_BYTES_MAX + PACKET_HEAD_BYTES + TAIL_BYTES);
