//! The kernel's count of drops of one socket, from `/proc/net/udp`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

/// Most bytes of the table that are read. Reason: some ten thousand sockets. A socket listed
/// after them keeps the count that came with its datagrams.
const TABLE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Columns of the table, from 0 (Linux, `udp4_seq_show`).
const INODE_COLUMN: usize = 9;
const DROPS_COLUMN: usize = 12;

/// Finds one socket in the kernel's table.
pub(super) struct SocketDrops {
    table: &'static str,
    inode: Option<u64>,
}

impl SocketDrops {
    pub(super) fn of(socket: &UdpSocket) -> Self {
        // The number of the socket's file, by which the table names it.
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        Self {
            table: match socket.local_addr() {
                Ok(address) if address.is_ipv6() => "/proc/net/udp6",
                _ => "/proc/net/udp",
            },
            inode: std::fs::metadata(path).ok().map(|metadata| metadata.ino()),
        }
    }

    /// Drops since the socket was made; none where the table cannot be read.
    pub(super) fn read(&self) -> Option<u64> {
        let table = File::open(self.table).ok()?;
        find(BufReader::new(table.take(TABLE_BYTES_MAX)), self.inode?)
    }
}

/// The drops of the socket with this inode.
pub(super) fn find(table: impl BufRead, inode: u64) -> Option<u64> {
    for line in table.lines().skip(1) {
        let line = line.ok()?;
        let mut columns = line.split_ascii_whitespace().skip(INODE_COLUMN);
        if columns.next().and_then(|text| text.parse().ok()) == Some(inode) {
            return columns.nth(DROPS_COLUMN - INODE_COLUMN - 1)?.parse().ok();
        }
    }
    None
}
