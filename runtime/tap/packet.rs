//! Finds the UDP payload in a captured packet.
//!
//! Every length is checked against the bytes there are; no packet, however damaged, makes it read
//! past them. Fragments are not put together.

use std::ops::Range;

/// Why a packet gives no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// It is no UDP datagram, to another port, or a fragment of one.
    Other,
    /// The capture does not hold all of it.
    Short,
    /// Its headers contradict each other, or its link type is not known.
    Malformed(&'static str),
}

/// Most VLAN tags before a payload. Reason: two are in use; more is damage.
const VLAN_TAGS_MAX: usize = 4;
/// Most IPv6 extension headers before UDP. Reason: RFC 8200 knows seven kinds, each once.
const EXTENSIONS_MAX: usize = 8;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and the older double tag.
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// Protocol numbers of IANA.
const PROTOCOL_UDP: u8 = 17;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// Address families of BSD loopback: IPv4, and IPv6 on Linux, NetBSD, FreeBSD and macOS.
const FAMILIES: [u32; 6] = [2, 10, 23, 24, 28, 30];

const UDP_HEADER_BYTES: usize = 8;

/// Where in `packet`, of this link type (tcpdump.org's list), the UDP payload to `port` lies.
pub(crate) fn udp_payload(
    link_type: u32,
    packet: &[u8],
    port: Option<u16>,
) -> Result<Range<usize>, Miss> {
    let ip_at = match link_type {
        // Ethernet.
        1 => ethernet(packet)?,
        // Linux cooked, versions 1 and 2.
        113 => known(be16(packet, 14)?, 16)?,
        276 => known(be16(packet, 0)?, 20)?,
        // Raw IP: the standard number, what BSDs wrote for it, and one for each version.
        101 | 12 | 14 | 228 | 229 => 0,
        // BSD loopback, in the order of the capturing host or of the network.
        0 | 108 => {
            let family = be32(packet, 0)?;
            if !FAMILIES.contains(&family) && !FAMILIES.contains(&family.swap_bytes()) {
                return Err(Miss::Other);
            }
            4
        }
        _ => return Err(Miss::Malformed("a link type that is not known")),
    };
    let (udp_at, ip_end) = match byte(packet, ip_at)? >> 4 {
        4 => ipv4(packet, ip_at)?,
        6 => ipv6(packet, ip_at)?,
        _ => return Err(Miss::Malformed("an IP version that is neither 4 nor 6")),
    };
    let to = be16(packet, udp_at + 2)?;
    if port.is_some_and(|port| port != to) {
        return Err(Miss::Other);
    }
    let length = usize::from(be16(packet, udp_at + 4)?);
    if length < UDP_HEADER_BYTES || udp_at + length > ip_end {
        return Err(Miss::Malformed("a UDP length that cannot be"));
    }
    if udp_at + length > packet.len() {
        return Err(Miss::Short);
    }
    Ok(udp_at + UDP_HEADER_BYTES..udp_at + length)
}

fn ethernet(packet: &[u8]) -> Result<usize, Miss> {
    let mut at = 12;
    for _ in 0..=VLAN_TAGS_MAX {
        let kind = be16(packet, at)?;
        if !ETHERTYPES_VLAN.contains(&kind) {
            return known(kind, at + 2);
        }
        at += 4;
    }
    Err(Miss::Malformed("too many VLAN tags"))
}

/// `at`, if the type is IP.
fn known(ethertype: u16, at: usize) -> Result<usize, Miss> {
    match ethertype {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok(at),
        _ => Err(Miss::Other),
    }
}

/// Where UDP starts, and where the IP packet ends.
fn ipv4(packet: &[u8], at: usize) -> Result<(usize, usize), Miss> {
    let header = usize::from(byte(packet, at)? & 0x0f) * 4;
    let total = match usize::from(be16(packet, at + 2)?) {
        // Left to the network card by the host that captured its own packet.
        0 => packet.len() - at,
        total => total,
    };
    if header < 20 || total < header {
        return Err(Miss::Malformed("an IPv4 length that cannot be"));
    }
    // More fragments to come, or an offset: not the whole datagram.
    let fragment = be16(packet, at + 6)? & 0x3fff != 0;
    if fragment || byte(packet, at + 9)? != PROTOCOL_UDP {
        return Err(Miss::Other);
    }
    Ok((at + header, at + total))
}

/// Where UDP starts, and where the IP packet ends.
fn ipv6(packet: &[u8], at: usize) -> Result<(usize, usize), Miss> {
    let end = at + 40 + usize::from(be16(packet, at + 4)?);
    let mut next = byte(packet, at + 6)?;
    let mut header = at + 40;
    for _ in 0..=EXTENSIONS_MAX {
        if next == PROTOCOL_UDP {
            return Ok((header, end));
        }
        let length = usize::from(byte(packet, header + 1)?);
        let bytes = match next {
            HOP_BY_HOP | ROUTING | DESTINATION => (length + 1) * 8,
            AUTHENTICATION => (length + 2) * 4,
            // A fragment that is the whole datagram (RFC 6946) has neither offset nor successor.
            FRAGMENT if be16(packet, header + 2)? & 0xfff9 == 0 => 8,
            _ => return Err(Miss::Other),
        };
        next = byte(packet, header)?;
        header += bytes;
    }
    Err(Miss::Malformed("too many IPv6 extension headers"))
}

fn byte(packet: &[u8], at: usize) -> Result<u8, Miss> {
    packet.get(at).copied().ok_or(Miss::Short)
}

fn be16(packet: &[u8], at: usize) -> Result<u16, Miss> {
    let bytes = packet.get(at..at + 2).ok_or(Miss::Short)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn be32(packet: &[u8], at: usize) -> Result<u32, Miss> {
    Ok(u32::from(be16(packet, at)?) << 16 | u32::from(be16(packet, at + 2)?))
}
