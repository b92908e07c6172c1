//! Taps: where frames enter.
//!
//! A tap reads a bus (UDP, TCP) or a recording of one (pcap, pcapng, lines) and appends what it
//! read to [`Columns`]: capture time and payload, in order. It decides nothing about a payload.
//!
//! What always holds:
//! - **A tap never writes to the bus.** No file here calls a function that sends; a test reads the
//!   sources for such calls, and others watch the far end of every socket. Joining a multicast
//!   group (IGMP, MLD) and TCP's own handshake, acknowledgements and keep-alive are the kernel's.
//! - A frame is passed whole or not at all: what is too long, cut short or not decodable as the
//!   tap's format is counted in [`TapCounts`], never silently lost and never repaired.
//! - Buffers are allocated once, at the size that [`memory_bytes`] states.
//! - [`Tap::read`] returns within about [`ReadLimits::wait`], whatever the bus does.

mod clock;
mod config;
mod error;
mod file;
mod framing;
mod lines;
mod packet;
mod pcap;
mod recording;
mod report;
mod tcp;
mod udp;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use outrigger_policy::Columns;

pub use config::{
    Encoding, Endian, Framing, LinesConfig, Pace, PcapConfig, TapConfig, TcpConfig, UdpConfig,
};
pub use error::{Fault, TapError};
pub use report::{TapCounts, TapFacts};

use clock::{Clock, SystemClock};

/// When [`Tap::read`] stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Most frames that the columns may hold after the call.
    pub frames_max: usize,
    /// Most bytes of frames that the columns may hold after the call. A frame that does not fit
    /// waits for the next call; one that is larger than this alone is still passed, alone.
    pub bytes_max: usize,
    /// Longest wait of the first frame for others to share its batch, from its capture on.
    pub delay: Duration,
    /// Longest wait for a first frame. A stream that trickles can make it twice as long.
    pub wait: Duration,
}

impl ReadLimits {
    /// True when `into` can take no frame of `bytes` more.
    fn refuse(&self, into: &Columns, bytes: usize) -> bool {
        self.is_full(into)
            || (!into.is_empty() && into.bytes().len().saturating_add(bytes) > self.bytes_max)
    }

    /// True when `into` can take no further frame, of whatever size.
    fn is_full(&self, into: &Columns) -> bool {
        into.len() >= self.frames_max || into.bytes().len() >= self.bytes_max
    }
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// At least one frame was appended.
    Frames,
    /// No frame was appended; there may be some later.
    Idle,
    /// No frame was appended and there will be none: the recording is over.
    End,
}

/// A source of frames.
pub trait Tap: Send {
    /// Appends frames to `into`, which may hold some already, until a limit is reached.
    ///
    /// # Errors
    /// After [`TapError::Retryable`] opening the tap again may help, after [`TapError::Fatal`] it
    /// will not. Frames already appended by the same call stay good.
    fn read(&mut self, into: &mut Columns, limits: &ReadLimits) -> Result<Progress, TapError>;

    /// What was read and what was lost since the tap was opened. For UDP this reads a file under
    /// `/proc`, so call it about once a second, not once a frame.
    fn counts(&mut self) -> TapCounts;

    /// What was asked of the host and what it gave, for `doctor` and the log.
    fn facts(&self) -> TapFacts;

    /// Names the source, so that a journal can tell how many of its frames it already holds:
    /// `udp:239.1.1.1:5000`, `file:/data/day.pcap:529488` (canonical path, bytes on disk).
    fn origin(&self) -> String;

    /// True for a recording, which ends by itself and can be resumed.
    fn finite(&self) -> bool;

    /// True when capture times come from the recording, not from the host's clock.
    fn recorded_time(&self) -> bool;
}

/// Opens a tap. `resume_after` frames of a recording are passed over: as many as the journal
/// already holds of its [`Tap::origin`]. A bus has no past, so there it is ignored.
///
/// A server that cannot be reached is no error: the tap keeps trying, and says so in its counts
/// and facts.
///
/// # Errors
/// The file, address, group or interface that could not be had, with cause and remedy.
pub fn open(config: &TapConfig, resume_after: u64) -> Result<Box<dyn Tap>, TapError> {
    open_with(config, resume_after, Box::new(SystemClock::new()))
}

fn open_with(
    config: &TapConfig,
    resume_after: u64,
    clock: Box<dyn Clock>,
) -> Result<Box<dyn Tap>, TapError> {
    Ok(match config {
        TapConfig::Udp(udp) => Box::new(udp::UdpTap::open(udp, clock)?),
        TapConfig::Tcp(tcp) => Box::new(tcp::TcpTap::open(tcp, clock)),
        TapConfig::Pcap(pcap) => Box::new(pcap::open(pcap, resume_after, clock)?),
        TapConfig::Lines(lines) => Box::new(lines::open(lines, resume_after, clock)?),
    })
}

/// The first bytes of a recording, unpacked, at most `bytes_max`: to see what it is.
///
/// # Errors
/// It is no regular file, cannot be read, or its gzip stream is damaged before the first byte.
pub fn peek(path: &Path, bytes_max: usize) -> Result<Vec<u8>, TapError> {
    let mut file = file::RecordingFile::open("recording", path)?;
    let mut bytes = vec![0; bytes_max];
    let mut filled = 0;
    while filled < bytes_max {
        match file.read(&mut bytes[filled..])? {
            Err(cause) if filled == 0 => {
                return Err(TapError::fatal(&file.tap, "unpack the file", &cause, None));
            }
            Ok(0) | Err(_) => break,
            Ok(more) => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// What of [`memory_bytes`] is the kernel's: not resident in the process, though a control group counts
/// it. Bytes. A stream's receive buffer is the kernel's own choice, and not in it.
pub fn kernel_bytes(config: &TapConfig) -> usize {
    match config {
        // Twice of what is asked, for the kernel's own bookkeeping.
        TapConfig::Udp(udp) => 2 * udp.receive_buffer_bytes,
        TapConfig::Tcp(_) | TapConfig::Pcap(_) | TapConfig::Lines(_) => 0,
    }
}

/// Largest memory of one tap, bytes: its own buffers, and for UDP the kernel's receive buffer,
/// which a control group also counts. The columns that [`Tap::read`] fills are the caller's.
pub fn memory_bytes(config: &TapConfig) -> usize {
    match config {
        TapConfig::Udp(udp) => udp::memory_bytes(udp),
        TapConfig::Tcp(tcp) => tcp::memory_bytes(tcp),
        TapConfig::Pcap(pcap) => pcap::memory_bytes(pcap),
        TapConfig::Lines(lines) => lines::memory_bytes(lines),
    }
}
