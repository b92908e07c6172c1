//! Datagrams, unicast or multicast.
//!
//! One system call brings up to [`BATCH`] datagrams with the kernel's time stamps and its count of
//! drops. After a first datagram the tap sleeps once, to the end of the batch's delay, and then
//! takes all that is queued: three system calls a batch, and one more for every further [`BATCH`]
//! datagrams.

mod drops;
mod interface;
mod socket;

#[cfg(test)]
mod tests;

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, recvmmsg};
use nix::sys::time::TimeSpec;
use outrigger_policy::Columns;

use crate::clock::Clock;
use crate::config::UdpConfig;
use crate::error::TapError;
use crate::report::{TapCounts, TapFacts};
use crate::{Progress, ReadLimits, Tap};

/// Most datagrams taken by one system call. Reason: beyond it the call's own cost no longer
/// shows. More are left to the next call.
const BATCH: usize = 64;

/// Heads and control messages of one call, bytes, rounded up; allocated for each call.
const HEADS_BYTES: usize = BATCH * 256;

/// Largest memory of the tap, bytes. The kernel takes twice of what is asked.
pub(crate) fn memory_bytes(config: &UdpConfig) -> usize {
    BATCH * config.datagram_bytes_max + HEADS_BYTES + 2 * config.receive_buffer_bytes
}

/// A datagram in the buffer.
#[derive(Clone, Copy)]
struct Datagram {
    slot: usize,
    bytes: usize,
    time_ns: u64,
}

/// A UDP socket as a tap. Dropping it closes the socket, by which the kernel leaves the group.
pub(crate) struct UdpTap {
    socket: UdpSocket,
    clock: Box<dyn Clock>,
    facts: TapFacts,
    tap: String,
    origin: String,
    /// `BATCH` slots of the largest datagram.
    buffer: Box<[u8]>,
    datagram_bytes_max: usize,
    /// Received, not delivered; `waiting[..delivered]` is.
    waiting: Vec<Datagram>,
    delivered: usize,
    counts: TapCounts,
    /// The kernel's count of drops, which wraps.
    drops_seen: u32,
    drops: drops::SocketDrops,
    timeout: Option<Duration>,
}

impl UdpTap {
    pub(crate) fn open(config: &UdpConfig, clock: Box<dyn Clock>) -> Result<Self, TapError> {
        let opened = socket::open(config)?;
        let drops = drops::SocketDrops::of(&opened.socket);
        Ok(Self {
            socket: opened.socket,
            clock,
            facts: opened.facts,
            tap: opened.tap,
            origin: format!(
                "udp:{}",
                socket::address(config.group.unwrap_or(config.address), config.port)
            ),
            buffer: vec![0; BATCH * config.datagram_bytes_max].into_boxed_slice(),
            datagram_bytes_max: config.datagram_bytes_max,
            waiting: Vec::with_capacity(BATCH),
            delivered: 0,
            counts: TapCounts::default(),
            drops_seen: 0,
            drops,
            timeout: None,
        })
    }

    /// Moves received datagrams to `into`; true when some are left because it is full.
    fn deliver(&mut self, into: &mut Columns, limits: &ReadLimits) -> bool {
        while let Some(&datagram) = self.waiting.get(self.delivered) {
            if limits.refuse(into, datagram.bytes) {
                return true;
            }
            let start = datagram.slot * self.datagram_bytes_max;
            into.push(
                datagram.time_ns,
                &self.buffer[start..start + datagram.bytes],
            );
            self.counts.frames += 1;
            self.counts.bytes += datagram.bytes as u64;
            self.delivered += 1;
        }
        self.waiting.clear();
        self.delivered = 0;
        false
    }

    /// Takes up to `most` datagrams, 1 to [`BATCH`], from the kernel, after waiting for the first if told so.
    /// Returns how many came, shed ones included. All received before must be delivered.
    fn receive(&mut self, most: usize, wait: Option<Duration>) -> Result<usize, TapError> {
        let flags = match wait {
            Some(wait) if !wait.is_zero() => {
                self.set_timeout(wait)?;
                MsgFlags::MSG_WAITFORONE
            }
            Some(_) | None => MsgFlags::MSG_DONTWAIT,
        };
        let mut slots: Vec<[IoSliceMut<'_>; 1]> = self
            .buffer
            .chunks_mut(self.datagram_bytes_max)
            .take(most)
            .map(|slot| [IoSliceMut::new(slot)])
            .collect();
        // New heads for each call: the kernel writes into a head how much control data came, and
        // a head used again would have no more room than that, so a first drop would go unseen.
        let control = nix::cmsg_space!(TimeSpec, u32);
        let mut heads = MultiHeaders::<()>::preallocate(most, Some(control));
        let received = recvmmsg(
            self.socket.as_raw_fd(),
            &mut heads,
            slots.iter_mut(),
            flags,
            None,
        );
        let received = match received {
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
            Err(errno) => {
                let error = std::io::Error::from(errno);
                return Err(TapError::from_io(&self.tap, "receive", &error, None));
            }
        };
        let mut came = 0;
        let mut now_ns = None;
        for (slot, message) in received.enumerate() {
            came += 1;
            let mut time_ns = None;
            // Room is made for both messages, so an error here has no cause but a kernel that
            // sends more than was asked; the datagram itself is good.
            for control in message.cmsgs().into_iter().flatten() {
                match control {
                    ControlMessageOwned::ScmTimestampns(time) => time_ns = nanoseconds(time),
                    ControlMessageOwned::RxqOvfl(drops) => {
                        let more = drops.wrapping_sub(self.drops_seen);
                        self.counts.kernel_drops += u64::from(more);
                        self.drops_seen = drops;
                    }
                    // No other kind was asked for.
                    _ => {}
                }
            }
            if message.flags.contains(MsgFlags::MSG_TRUNC) {
                self.counts.oversized += 1;
                continue;
            }
            self.waiting.push(Datagram {
                slot,
                bytes: message.bytes,
                time_ns: time_ns
                    .unwrap_or_else(|| *now_ns.get_or_insert_with(|| self.clock.wall_ns())),
            });
        }
        Ok(came)
    }

    /// Sets the longest wait of a receiving call, if it changed.
    fn set_timeout(&mut self, wait: Duration) -> Result<(), TapError> {
        if self.timeout != Some(wait) {
            self.socket
                .set_read_timeout(Some(wait))
                .map_err(|error| TapError::from_io(&self.tap, "set a timeout", &error, None))?;
            self.timeout = Some(wait);
        }
        Ok(())
    }
}

impl Tap for UdpTap {
    fn read(&mut self, into: &mut Columns, limits: &ReadLimits) -> Result<Progress, TapError> {
        let before = into.len();
        let mut full = self.deliver(into, limits) || limits.is_full(into);
        // The kernel may have more at once.
        let mut more = true;
        if into.len() == before {
            if full {
                return Ok(Progress::Idle);
            }
            let room = (limits.frames_max - into.len()).min(BATCH);
            more = self.receive(room, Some(limits.wait))? == room;
            full = self.deliver(into, limits);
            if into.len() == before {
                return Ok(Progress::Idle);
            }
        }
        let mut slept = false;
        while !full && !limits.is_full(into) {
            if !more {
                // From its capture on: what waited in the kernel has waited enough.
                let first_ns = into.times_ns()[before];
                let age_ns = self.clock.wall_ns().saturating_sub(first_ns);
                let left = limits.delay.saturating_sub(Duration::from_nanos(age_ns));
                if slept || left.is_zero() {
                    break;
                }
                slept = true;
                self.clock.sleep(left);
            }
            let room = (limits.frames_max - into.len()).min(BATCH);
            more = self.receive(room, None)? == room;
            full = self.deliver(into, limits);
        }
        Ok(Progress::Frames)
    }

    fn counts(&mut self) -> TapCounts {
        if let Some(drops) = self.drops.read() {
            self.counts.socket_drops = drops;
        }
        TapCounts {
            socket_drops: self.counts.socket_drops.max(self.counts.kernel_drops),
            ..self.counts
        }
    }

    fn facts(&self) -> TapFacts {
        self.facts.clone()
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }

    fn finite(&self) -> bool {
        false
    }

    fn recorded_time(&self) -> bool {
        false
    }
}

/// Nanoseconds since the Unix epoch; none before it.
fn nanoseconds(time: TimeSpec) -> Option<u64> {
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}
