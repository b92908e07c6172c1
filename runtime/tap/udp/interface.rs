//! Finds a network interface by its name or by one of its addresses.

use std::net::{IpAddr, Ipv4Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;

/// Most interfaces named in a message. Reason: one line.
const NAMES_MAX: usize = 12;

/// An interface of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) index: u32,
}

/// Finds an interface by name, or by one of its addresses.
///
/// # Errors
/// Says that there is none, and which there are.
pub(super) fn find(text: &str) -> Result<Interface, String> {
    let name = match text.parse::<IpAddr>() {
        Ok(address) => by_address(address),
        Err(_) => Some(text.to_owned()),
    };
    let index = name
        .as_deref()
        .and_then(|name| Some((name, if_nametoindex(name).ok()?)));
    match index {
        Some((name, index)) => Ok(Interface {
            name: name.to_owned(),
            index,
        }),
        None => Err(format!("interfaces here: {}", names().join(", "))),
    }
}

/// The name of the interface with this address.
fn by_address(address: IpAddr) -> Option<String> {
    getifaddrs().ok()?.find_map(|entry| {
        let storage = entry.address?;
        let own = match address {
            IpAddr::V4(_) => IpAddr::V4(storage.as_sockaddr_in()?.ip()),
            IpAddr::V6(_) => IpAddr::V6(storage.as_sockaddr_in6()?.ip()),
        };
        (own == address).then_some(entry.interface_name)
    })
}

/// Names of the host's interfaces, with their IPv4 addresses.
fn names() -> Vec<String> {
    let mut names: Vec<(String, Option<Ipv4Addr>)> = Vec::new();
    for entry in getifaddrs().into_iter().flatten() {
        let own = entry
            .address
            .and_then(|storage| Some(storage.as_sockaddr_in()?.ip()));
        let known = names
            .iter_mut()
            .find(|(name, _)| *name == entry.interface_name);
        match known {
            Some((_, address)) => *address = address.or(own),
            None => names.push((entry.interface_name, own)),
        }
    }
    let more = names.len().saturating_sub(NAMES_MAX);
    let mut texts: Vec<String> = names
        .into_iter()
        .take(NAMES_MAX)
        .map(|(name, address)| match address {
            Some(address) => format!("{name} ({address})"),
            None => name,
        })
        .collect();
    if more > 0 {
        texts.push(format!("and {more} more"));
    }
    texts
}
