//! Makes the receiving socket: address, group, buffer, time stamps, count of drops.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use super::interface;
use crate::config::UdpConfig;
use crate::error::TapError;
use crate::report::TapFacts;

/// A socket that receives, and what the host gave.
pub(super) struct Opened {
    pub(super) socket: UdpSocket,
    pub(super) facts: TapFacts,
    /// Kind and address, for messages.
    pub(super) tap: String,
}

/// Address and port as text, an IPv6 address in brackets.
pub(super) fn address(ip: IpAddr, port: u16) -> String {
    SocketAddr::new(ip, port).to_string()
}

/// Opens the socket and joins the group.
pub(super) fn open(config: &UdpConfig) -> Result<Opened, TapError> {
    let receive_at = config.group.unwrap_or(config.address);
    let tap = format!("udp {}", address(receive_at, config.port));
    check(config, &tap)?;
    let fail = |action: &str| {
        let (tap, action) = (tap.clone(), action.to_owned());
        move |error: io::Error| TapError::from_io(&tap, &action, &error, None)
    };

    let domain = match receive_at {
        IpAddr::V4(_) => Domain::IPV4,
        IpAddr::V6(_) => Domain::IPV6,
    };
    let socket =
        Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(fail("make a socket"))?;
    // Before the address: nothing may arrive in a buffer too small, or be counted by no one.
    let got_bytes = set_receive_buffer(&socket, config.receive_buffer_bytes)
        .map_err(fail("set the receive buffer"))?;
    let errno = io::Error::from;
    setsockopt(&socket, sockopt::RxqOvfl, &1)
        .map_err(errno)
        .map_err(fail("ask for the count of drops"))?;
    // A kernel without them leaves the time of the read.
    let kernel_times = setsockopt(&socket, sockopt::ReceiveTimestampns, &true).is_ok();

    if config.group.is_some() {
        // Others on this host listen to the group too, and must go on doing so.
        socket
            .set_reuse_address(true)
            .map_err(fail("share the port"))?;
        // Else a datagram to any group joined by anyone on this host would come in.
        let only_own_groups = match receive_at {
            IpAddr::V4(_) => socket.set_multicast_all_v4(false),
            IpAddr::V6(_) => socket.set_multicast_all_v6(false),
        };
        only_own_groups.map_err(fail("refuse the groups of others"))?;
    }
    // Bound to the group, so that a datagram to the host's own address does not come in.
    socket
        .bind(&SocketAddr::new(receive_at, config.port).into())
        .map_err(|error| bind_error(&tap, &error))?;
    let interface = match config.group {
        Some(group) => join(&socket, config, group, &tap)?,
        None => None,
    };

    let socket = UdpSocket::from(socket);
    let facts = TapFacts {
        kind: "udp",
        local: socket.local_addr().ok(),
        group: config.group,
        interface,
        receive_buffer_asked_bytes: Some(config.receive_buffer_bytes),
        receive_buffer_got_bytes: Some(got_bytes),
        kernel_times: Some(kernel_times),
        ..TapFacts::default()
    };
    Ok(Opened { socket, facts, tap })
}

/// Refuses what no socket can be.
fn check(config: &UdpConfig, tap: &str) -> Result<(), TapError> {
    let refuse = |cause: &str| Err(TapError::fatal(tap, "open a socket", cause, None));
    match config.group {
        Some(group) if !group.is_multicast() => refuse("the group is no multicast address"),
        Some(group) if group.is_ipv4() != config.address.is_ipv4() => {
            refuse("group and address are of different families")
        }
        None if config.address.is_multicast() => {
            refuse("the address is multicast: name it as group")
        }
        None if config.interface.is_some() => {
            refuse("an interface is chosen only for a group; for one address name the address")
        }
        Some(_) | None => Ok(()),
    }
}

/// Asks for a receive buffer, with privilege if we have it, and returns what was got. The kernel
/// doubles what is asked, for its own bookkeeping, and tells the double.
fn set_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<usize> {
    if setsockopt(socket, sockopt::RcvBufForce, &bytes).is_err() {
        socket.set_recv_buffer_size(bytes)?;
    }
    Ok(socket.recv_buffer_size()? / 2)
}

fn bind_error(tap: &str, error: &io::Error) -> TapError {
    let action = "bind the address";
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let remedy = "another process receives at this port: `ss -lunp` names it";
            TapError::from_io(tap, action, error, Some(remedy))
        }
        io::ErrorKind::AddrNotAvailable => {
            let remedy = "no interface has this address: `ip address` lists them";
            TapError::from_io(tap, action, error, Some(remedy))
        }
        io::ErrorKind::PermissionDenied => {
            let remedy = "ports below 1024 need CAP_NET_BIND_SERVICE";
            TapError::from_io(tap, action, error, Some(remedy))
        }
        _ => TapError::from_io(tap, action, error, None),
    }
}

/// Joins the group; returns the interface chosen, none when the kernel chose it.
fn join(
    socket: &Socket,
    config: &UdpConfig,
    group: IpAddr,
    tap: &str,
) -> Result<Option<String>, TapError> {
    let own_address = match config.address.is_unspecified() {
        true => None,
        false => Some(config.address.to_string()),
    };
    let asked = config.interface.clone().or(own_address);
    let found = match &asked {
        None => None,
        Some(text) => Some(interface::find(text).map_err(|remedy| {
            let action = format!("join the group on interface {text}");
            TapError::retryable(tap, &action, "there is no such interface", Some(&remedy))
        })?),
    };
    let index = found.as_ref().map(|interface| interface.index);
    let joined = match group {
        IpAddr::V4(group) => {
            let on = match index {
                Some(index) => InterfaceIndexOrAddress::Index(index),
                None => InterfaceIndexOrAddress::Address(Ipv4Addr::UNSPECIFIED),
            };
            socket.join_multicast_v4_n(&group, &on)
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, index.unwrap_or(0)),
    };
    match joined {
        Ok(()) => Ok(found.map(|interface| interface.name)),
        Err(error) => {
            let action = match &asked {
                Some(text) => format!("join the group on interface {text}"),
                None => "join the group on the interface of the kernel's choice".to_owned(),
            };
            let remedy = match asked {
                Some(_) => "is the interface up, with an address of the group's family?",
                None => "no route leads to the group: name an interface",
            };
            Err(TapError::from_io(tap, &action, &error, Some(remedy)))
        }
    }
}
