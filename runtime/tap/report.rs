//! What a tap counted, and what it was given by the host.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Counts since the tap was opened; the frames passed over on resuming are in none of them.
/// Only `frames` and `bytes` were delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounts {
    /// Frames delivered.
    pub frames: u64,
    /// Bytes of the frames delivered.
    pub bytes: u64,
    /// Datagrams that the kernel dropped at the socket, as told with each later datagram
    /// (`SO_RXQ_OVFL`).
    pub kernel_drops: u64,
    /// The same counter as of now, from `/proc/net/udp`: it also shows drops after which nothing
    /// came. At least `kernel_drops`; not to be added to it.
    pub socket_drops: u64,
    /// Frames longer than the tap takes, shed.
    pub oversized: u64,
    /// Lines, or frames of a stream, without a byte, passed over. An empty datagram is delivered.
    pub empty: u64,
    /// Frames of which a part is missing, shed: a lost connection, a short capture, a file's end.
    pub truncated: u64,
    /// Lines that cannot be read and bytes between frames (a run of them counts once), shed.
    pub malformed: u64,
    /// What the tap is not meant to deliver: packets that are not UDP, to another port, or
    /// fragments; Beast messages of other types.
    pub skipped: u64,
    /// Connections lost after they were established.
    pub reconnects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
}

/// What was asked of the host, and what it gave. Absent is what the tap's kind does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapFacts {
    /// `udp`, `tcp`, `pcap`, `pcapng` or `lines`.
    pub kind: &'static str,
    /// Address at which datagrams are received.
    pub local: Option<SocketAddr>,
    /// Group joined.
    pub group: Option<IpAddr>,
    /// Interface on which the group was joined; none when the kernel's routes chose it.
    pub interface: Option<String>,
    /// Kernel's receive buffer asked for, bytes.
    pub receive_buffer_asked_bytes: Option<usize>,
    /// Kernel's receive buffer got, bytes, counted as when asking (the kernel doubles both).
    pub receive_buffer_got_bytes: Option<usize>,
    /// True when the kernel stamps datagrams; else the capture time is that of the read.
    pub kernel_times: Option<bool>,
    /// Server asked for, `host:port`.
    pub server: Option<String>,
    /// Address of the server while connected.
    pub peer: Option<SocketAddr>,
    /// Why the last attempt failed or the last connection ended.
    pub last_error: Option<String>,
    /// File, as a canonical path.
    pub path: Option<PathBuf>,
    /// Bytes of the file on disk.
    pub file_bytes: Option<u64>,
    /// Frames passed over on resuming, so far.
    pub resumed: Option<u64>,
    /// Why the recording ended before its format says so.
    pub cut: Option<String>,
    /// The first line or packet that could not be read, by number and reason.
    pub first_malformed: Option<String>,
}
