//! Recorded frames over real taps: datagrams and streams on loopback, a part at a time, as fast as the
//! runtime says that it has captured them.

use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};

use outrigger::status::StatusSnapshot;
use rustix::process::Signal;

use super::{Running, Site};

/// Datagrams under way. Reason: what a receive buffer of Linux's default bound, 212,992 bytes, holds
/// of small ones.
const PART_DATAGRAMS: usize = 200;
/// Their bytes. Reason: the same bound, half of which the kernel takes for itself.
const PART_BYTES: usize = 64 << 10;

/// Plays frames as datagrams onto a tap of that configuration in the data directory `udp`, and ends
/// the run. The last status.
pub fn over_udp(
    site: &Site,
    configuration: impl Fn(&str) -> String,
    frames: &[Vec<u8>],
) -> StatusSnapshot {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = free.local_addr().unwrap();
    drop(free);
    let port = to.port();
    let tap = format!("kind = \"udp\"\naddress = \"127.0.0.1\"\nport = {port}");
    site.configure("udp", "", &configuration(&tap));
    let mut running = site.start("udp", &[]);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut sent, mut awaited, mut bytes) = (0, 0, 0);
    for frame in frames {
        if sent - awaited >= PART_DATAGRAMS || bytes + frame.len() > PART_BYTES && sent > awaited {
            wait_captured(&mut running, sent);
            (awaited, bytes) = (sent, 0);
        }
        sender.send_to(frame, to).unwrap();
        sent += 1;
        bytes += frame.len();
    }
    wait_captured(&mut running, sent);
    end(running)
}

/// Plays bytes into a connection that the tap opens, in the data directory `tcp`, until the runtime
/// has captured `frames`; and ends the run. The last status.
pub fn over_tcp(
    site: &Site,
    configuration: impl Fn(&str) -> String,
    framing: &str,
    bytes: &[u8],
    frames: usize,
) -> StatusSnapshot {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let tap = format!("kind = \"tcp\"\nconnect = \"127.0.0.1:{port}\"\nframing = {framing:?}");
    site.configure("tcp", "", &configuration(&tap));
    let mut running = site.start("tcp", &[]);
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(bytes).unwrap();
    wait_captured(&mut running, frames);
    end(running)
}

fn wait_captured(running: &mut Running, frames: usize) {
    running.wait_status("frames to be captured", |status| {
        status.ledger.captured == frames as u64
    });
}

fn end(mut running: Running) -> StatusSnapshot {
    let status = running.wait_status("all of it", |status| status.ledger.waiting == 0);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    status
}
