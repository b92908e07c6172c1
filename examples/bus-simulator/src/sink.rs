//! Where datagrams go: a UDP address, a recording, or both.

use std::fs::File;
use std::io::{self, BufWriter, IoSlice, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;

use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg, sockopt};

/// Most datagrams handed to the kernel in one call: enough that the call's cost is spread thin.
pub const BATCH_DATAGRAMS_MAX: usize = 64;

/// A UDP sender. It never receives, and does not mind that nobody listens.
#[derive(Debug)]
pub struct Udp {
    socket: UdpSocket,
    to: SocketAddrAny,
}

impl Udp {
    /// Opens a sender to `to`. `interface` is the local address to send from, for multicast the
    /// one that chooses the interface; `ttl` is the number of hops of multicast datagrams.
    ///
    /// # Errors
    /// The address is not this host's, or is of the other family; or multicast over IPv6 was
    /// asked for, which needs an interface number and is not offered.
    pub fn open(to: SocketAddr, interface: Option<IpAddr>, ttl: u32) -> io::Result<Self> {
        let unspecified = match to {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        };
        let from = interface.unwrap_or(unspecified);
        if from.is_ipv4() != to.is_ipv4() {
            return Err(invalid(
                "interface and destination are of different families",
            ));
        }
        let socket = UdpSocket::bind((from, 0))?;
        if to.ip().is_multicast() {
            if to.is_ipv6() {
                return Err(invalid("multicast is offered over IPv4 only"));
            }
            if let Some(IpAddr::V4(address)) = interface {
                sockopt::set_ip_multicast_if(&socket, &address)?;
            }
            sockopt::set_ip_multicast_ttl(&socket, ttl)?;
            // Listeners on this host are the usual case for a simulator.
            sockopt::set_ip_multicast_loop(&socket, true)?;
        }
        Ok(Self {
            socket,
            to: to.into(),
        })
    }

    /// Sends `datagrams` in order, at most [`BATCH_DATAGRAMS_MAX`] of them, in as few system
    /// calls as it takes.
    ///
    /// # Errors
    /// The kernel refused one.
    ///
    /// # Panics
    /// There are more than that.
    pub fn send(&self, datagrams: &[&[u8]]) -> io::Result<()> {
        assert!(datagrams.len() <= BATCH_DATAGRAMS_MAX, "batch too large");
        let slices: Vec<[IoSlice<'_>; 1]> = datagrams
            .iter()
            .map(|bytes| [IoSlice::new(bytes)])
            .collect();
        let mut sent = 0;
        while sent < slices.len() {
            let mut control: [SendAncillaryBuffer<'_, '_, '_>; BATCH_DATAGRAMS_MAX] =
                std::array::from_fn(|_| SendAncillaryBuffer::default());
            let mut heads: Vec<MMsgHdr<'_>> = slices[sent..]
                .iter()
                .zip(&mut control)
                .map(|(slice, control)| MMsgHdr::new_with_addr(&self.to, slice, control))
                .collect();
            match sendmmsg(&self.socket, &mut heads, SendFlags::empty()) {
                Ok(count) => sent += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }
}

fn invalid(cause: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, cause)
}

/// A recording: each line of a datagram as `seconds.microseconds,line`, seconds since 1970. A
/// datagram that is not text is one line of hex digits.
#[derive(Debug)]
pub struct Recording {
    out: BufWriter<File>,
}

impl Recording {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::new(File::create(path)?),
        })
    }

    /// Appends a datagram, of text lines or of bytes, due at `time_ns` since 1970.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&mut self, time_ns: u64, datagram: &[u8], is_text: bool) -> io::Result<()> {
        let (seconds, micros) = (time_ns / 1_000_000_000, time_ns / 1_000 % 1_000_000);
        if !is_text {
            write!(self.out, "{seconds}.{micros:06},")?;
            for byte in datagram {
                write!(self.out, "{byte:02x}")?;
            }
            return self.out.write_all(b"\n");
        }
        for line in datagram.split(|byte| matches!(byte, b'\r' | b'\n')) {
            if !line.is_empty() {
                write!(self.out, "{seconds}.{micros:06},")?;
                self.out.write_all(line)?;
                self.out.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// The system's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
