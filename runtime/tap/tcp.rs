//! A stream from a server, connected again whenever it breaks.
//!
//! Resolving a name and connecting block, so a thread of its own does them, at most one at a time;
//! [`Tap::read`] only looks whether it is done. Nothing is ever written to the stream, and it is
//! not half-closed either, which some servers take as the end.

mod connect;

#[cfg(test)]
mod tests;

use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use outrigger_policy::Columns;

use crate::clock::Clock;
use crate::config::TcpConfig;
use crate::error::TapError;
use crate::framing::{Cut, Cutter, held_bytes_max};
use crate::report::{TapCounts, TapFacts};
use crate::{Progress, ReadLimits, Tap};
use connect::{Attempt, CONNECT_THREAD_BYTES};

/// Bytes taken from the stream by one system call.
const CHUNK_BYTES: usize = 64 * 1024;

/// Wait after a first failure; doubled with each further one.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait between two attempts. Reason: a server that is back is seen within seconds.
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Largest memory of the tap, bytes.
pub(crate) fn memory_bytes(config: &TcpConfig) -> usize {
    CHUNK_BYTES + held_bytes_max(config.framing, config.frame_bytes_max) + CONNECT_THREAD_BYTES
}

/// Where the connection is.
enum Link {
    /// A thread is at it.
    Connecting(Attempt),
    /// Bytes may come.
    Up(TcpStream),
    /// Not before this time on the clock's uptime.
    Waiting(Duration),
}

/// What a look at the stream came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// Bytes came; true when there may be more at once.
    Bytes(bool),
    /// None came.
    Nothing,
}

/// A TCP client as a tap.
pub(crate) struct TcpTap {
    config: TcpConfig,
    clock: Box<dyn Clock>,
    link: Link,
    /// Next wait.
    backoff: Duration,
    cutter: Cutter,
    chunk: Box<[u8]>,
    /// `chunk[start..end]` is received and not cut.
    start: usize,
    end: usize,
    /// The cutter's frame did not fit the columns and waits for the next call; its capture time.
    pending: Option<u64>,
    /// When the chunk came, nanoseconds since the Unix epoch.
    captured_ns: u64,
    counts: TapCounts,
    facts: TapFacts,
    timeout: Option<Duration>,
}

impl TcpTap {
    pub(crate) fn open(config: &TcpConfig, clock: Box<dyn Clock>) -> Self {
        let server = format!("{}:{}", config.host, config.port);
        Self {
            link: Link::Connecting(Attempt::start(&config.host, config.port)),
            backoff: BACKOFF_MIN,
            cutter: Cutter::new(config.framing, config.frame_bytes_max),
            chunk: vec![0; CHUNK_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            pending: None,
            captured_ns: 0,
            counts: TapCounts::default(),
            facts: TapFacts {
                kind: "tcp",
                server: Some(server),
                ..TapFacts::default()
            },
            timeout: None,
            config: config.clone(),
            clock,
        }
    }

    /// Cuts what was received into frames; true when `into` takes no more.
    fn deliver(&mut self, into: &mut Columns, limits: &ReadLimits) -> bool {
        loop {
            if let Some(time_ns) = self.pending {
                let frame = self.cutter.frame();
                if limits.refuse(into, frame.len()) {
                    return true;
                }
                into.push(time_ns, frame);
                self.counts.frames += 1;
                self.counts.bytes += frame.len() as u64;
                self.pending = None;
                // Only a server that serves ends the backoff.
                self.backoff = BACKOFF_MIN;
            }
            if self.start == self.end {
                return limits.is_full(into);
            }
            let (used, cut) = self.cutter.cut(&self.chunk[self.start..self.end]);
            self.start += used;
            match cut {
                Cut::More => {}
                Cut::Frame => self.pending = Some(self.captured_ns),
                Cut::Oversized => self.counts.oversized += 1,
                Cut::Empty => self.counts.empty += 1,
                Cut::Malformed => self.counts.malformed += 1,
                Cut::Skipped => self.counts.skipped += 1,
                Cut::Lost => {
                    self.counts.malformed += 1;
                    self.disconnect("a length that no frame can have: is the framing right?");
                }
            }
        }
    }

    /// Moves the link on and takes bytes from it, waiting no longer than `wait`. What was received
    /// before is cut.
    fn fill(&mut self, wait: Duration) -> Fill {
        match &self.link {
            Link::Up(_) => self.receive(wait),
            Link::Waiting(until) => {
                let left = until.saturating_sub(self.clock.uptime());
                self.clock.sleep(left.min(wait));
                if left <= wait {
                    let attempt = Attempt::start(&self.config.host, self.config.port);
                    self.link = Link::Connecting(attempt);
                }
                Fill::Nothing
            }
            Link::Connecting(attempt) => {
                match attempt.result(wait) {
                    None => {}
                    Some(Ok(stream)) => {
                        self.facts.peer = stream.peer_addr().ok();
                        self.timeout = None;
                        self.link = Link::Up(stream);
                    }
                    Some(Err(why)) => {
                        self.counts.connect_failures += 1;
                        self.back_off(why);
                    }
                }
                Fill::Nothing
            }
        }
    }

    fn receive(&mut self, wait: Duration) -> Fill {
        let Link::Up(stream) = &self.link else {
            return Fill::Nothing;
        };
        let flags = if wait.is_zero() {
            MsgFlags::MSG_DONTWAIT
        } else {
            if self.timeout != Some(wait) {
                if let Err(error) = stream.set_read_timeout(Some(wait)) {
                    self.disconnect(&error.to_string());
                    return Fill::Nothing;
                }
                self.timeout = Some(wait);
            }
            MsgFlags::empty()
        };
        match recv(stream.as_raw_fd(), &mut self.chunk, flags) {
            Ok(0) => {
                self.disconnect("the server closed the connection");
                Fill::Nothing
            }
            Ok(bytes) => {
                (self.start, self.end) = (0, bytes);
                self.captured_ns = self.clock.wall_ns();
                Fill::Bytes(bytes == CHUNK_BYTES)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Fill::Nothing,
            Err(errno) => {
                self.disconnect(&io::Error::from(errno).to_string());
                Fill::Nothing
            }
        }
    }

    /// Drops an established connection and what was unfinished in it.
    fn disconnect(&mut self, why: &str) {
        self.counts.reconnects += 1;
        if self.cutter.reset() {
            self.counts.truncated += 1;
        }
        (self.start, self.end) = (0, 0);
        self.facts.peer = None;
        self.back_off(why.to_owned());
    }

    fn back_off(&mut self, why: String) {
        self.facts.last_error = Some(why);
        self.link = Link::Waiting(self.clock.uptime() + self.backoff);
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
    }
}

impl Tap for TcpTap {
    fn read(&mut self, into: &mut Columns, limits: &ReadLimits) -> Result<Progress, TapError> {
        let before = into.len();
        let begun = self.clock.uptime();
        let mut full = self.deliver(into, limits);
        // The stream may have more at once.
        let mut more = true;
        // A first frame. Whatever else happens to the link shows in the next call.
        while into.len() == before {
            let spent = self.clock.uptime().saturating_sub(begun);
            if full || spent > limits.wait {
                return Ok(Progress::Idle);
            }
            // The whole wait each time: a timeout set anew would be a further system call.
            match self.fill(limits.wait) {
                Fill::Nothing => return Ok(Progress::Idle),
                Fill::Bytes(filled) => more = filled,
            }
            full = self.deliver(into, limits);
        }
        // Others that share its batch.
        let mut slept = false;
        while !full {
            if !more {
                let age_ns = self.clock.wall_ns().saturating_sub(into.times_ns()[before]);
                let left = limits.delay.saturating_sub(Duration::from_nanos(age_ns));
                if slept || left.is_zero() {
                    break;
                }
                slept = true;
                self.clock.sleep(left);
            }
            more = self.fill_now() == Fill::Bytes(true);
            full = self.deliver(into, limits);
        }
        Ok(Progress::Frames)
    }

    fn counts(&mut self) -> TapCounts {
        self.counts
    }

    fn facts(&self) -> TapFacts {
        self.facts.clone()
    }

    fn origin(&self) -> String {
        format!("tcp:{}:{}", self.config.host, self.config.port)
    }

    fn finite(&self) -> bool {
        false
    }

    fn recorded_time(&self) -> bool {
        false
    }
}

impl TcpTap {
    /// Takes what has come already.
    fn fill_now(&mut self) -> Fill {
        match self.link {
            Link::Up(_) => self.receive(Duration::ZERO),
            Link::Connecting(_) | Link::Waiting(_) => Fill::Nothing,
        }
    }
}
