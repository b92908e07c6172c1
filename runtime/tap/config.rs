//! What a tap is told. Values are taken as given: their ranges are checked where the
//! configuration is read.

use std::net::IpAddr;
use std::path::PathBuf;

/// One tap, by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum TapConfig {
    /// Datagrams from a socket.
    Udp(UdpConfig),
    /// A stream from a server, reconnected.
    Tcp(TcpConfig),
    /// UDP payloads of a capture file, pcap or pcapng.
    Pcap(PcapConfig),
    /// Lines of a file.
    Lines(LinesConfig),
}

/// Datagrams to one address, or to one multicast group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpConfig {
    /// Local address to receive at. With a group and unless unspecified, it chooses the interface.
    pub address: IpAddr,
    /// Multicast group to join, of the same family as `address`.
    pub group: Option<IpAddr>,
    /// Port to receive at; 0 lets the kernel choose.
    pub port: u16,
    /// Interface on which the group is joined: its name, or one of its addresses. Without
    /// it and without an address the kernel's routes choose.
    pub interface: Option<String>,
    /// Kernel's receive buffer asked for, bytes of payload. When full, the kernel drops and counts.
    pub receive_buffer_bytes: usize,
    /// Largest datagram taken, bytes, from 1 on. A larger one is shed and counted.
    pub datagram_bytes_max: usize,
}

/// A stream from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// Host name or address; an IPv6 address may stand in brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the stream is cut into frames.
    pub framing: Framing,
    /// Largest frame taken, bytes, from 1 on. A larger one is shed and counted.
    pub frame_bytes_max: usize,
}

/// How a stream is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line feed ends a frame; a carriage return before it is no part of the frame.
    Line,
    /// A length stands before each frame.
    LengthPrefixed {
        /// Bytes of the length: 1, 2 or 4.
        prefix_bytes: u8,
        /// Order of these bytes.
        endian: Endian,
        /// True when the length counts its own bytes too.
        includes_itself: bool,
    },
    /// Mode S Beast: `1a`, type `1` to `4`, 6 bytes of clock, signal, payload of 2, 7, 14 or 14
    /// bytes; `1a` within these is doubled on the wire, and single in the frame.
    Beast,
}

/// Order of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Most significant byte first.
    Big,
    /// Least significant byte first.
    Little,
}

/// UDP payloads of a capture file.
#[derive(Clone, Debug, PartialEq)]
pub struct PcapConfig {
    /// The file: pcap or pcapng, also gzip.
    pub path: PathBuf,
    /// Destination port to pick; all when none.
    pub port: Option<u16>,
    /// How fast.
    pub pace: Pace,
    /// Largest frame taken, bytes. A larger one is shed and counted.
    pub frame_bytes_max: usize,
}

/// Lines of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct LinesConfig {
    /// The file, also gzip.
    pub path: PathBuf,
    /// What a line holds.
    pub encoding: Encoding,
    /// Lines start with a time since the Unix epoch, ended by a comma, semicolon, space or tab:
    /// seconds with or without a fraction, or whole nanoseconds.
    pub time_column: bool,
    /// How fast.
    pub pace: Pace,
    /// Largest frame taken, bytes. A larger one is shed and counted.
    pub frame_bytes_max: usize,
}

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The frame itself.
    Text,
    /// The frame as pairs of hexadecimal digits, of either case; spaces may stand between pairs.
    Hex,
}

/// How fast a recording is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it was captured, times this factor, which is above 0. Capture times stay the
    /// recorded ones. Without times it reads flat out.
    Recorded(f64),
    /// As fast as it can be read.
    FlatOut,
}
