//! One attempt to connect, on a thread of its own.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Longest wait for one address of the server to answer. Reason: a LAN answers in milliseconds; a
/// silent address must not keep the others from being tried.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Most addresses of one name that are tried. Reason: bounds an attempt to 20 s and the resolver.
const ADDRESSES_MAX: usize = 4;

/// Stack of the connecting thread, bytes. Reason: the C library's resolver needs some 100 KiB.
pub(super) const CONNECT_THREAD_BYTES: usize = 256 * 1024;

/// Silence before the kernel asks whether the server still lives, how often it asks again, and
/// after how many unanswered questions the connection is lost: half a minute in all.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// An attempt under way. Dropping it lets the thread end by itself, within its bounds.
pub(super) struct Attempt {
    answer: Receiver<Result<TcpStream, String>>,
}

impl Attempt {
    /// Starts to connect.
    pub(super) fn start(host: &str, port: u16) -> Self {
        let (send, answer) = sync_channel(1);
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let fallback = send.clone();
        let thread = std::thread::Builder::new()
            .name("tap-connect".to_owned())
            .stack_size(CONNECT_THREAD_BYTES)
            .spawn(move || {
                // A tap that was dropped meanwhile does not want the answer.
                let _ = send.send(connect(&host, port));
            });
        if let Err(error) = thread {
            // The channel has room for one answer, so this never waits.
            let _ = fallback.send(Err(format!("no thread to connect with: {error}")));
        }
        Self { answer }
    }

    /// An attempt that someone else answers.
    #[cfg(test)]
    pub(super) fn from_receiver(answer: Receiver<Result<TcpStream, String>>) -> Self {
        Self { answer }
    }

    /// The connection, or why there is none; nothing when neither is known within `wait`.
    pub(super) fn result(&self, wait: Duration) -> Option<Result<TcpStream, String>> {
        match self.answer.recv_timeout(wait) {
            Ok(result) => Some(result),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                Some(Err("the connecting thread gave no answer".to_owned()))
            }
        }
    }
}

fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|error| format!("cannot resolve {host}: {error}"))?;
    let mut last = format!("{host} has no address");
    for address in addresses.take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => {
                return match keep_alive(&stream) {
                    Ok(()) => Ok(stream),
                    Err(error) => Err(format!("cannot set keep-alive: {error}")),
                };
            }
            Err(error) => last = format!("cannot connect to {address}: {error}"),
        }
    }
    Err(last)
}

/// A server that vanished without a word would else never be missed.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
