//! Connections of a proxy: two threads each, which pass on frames when they are let.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Flow, Shared, Side};

/// Largest frame, bytes: Kafka's own `socket.request.max.bytes`. A larger one ends the connection.
const FRAME_BYTES_MAX: usize = 104_857_600;
/// Read at once where frames are not told apart, bytes.
const CHUNK_BYTES: usize = 65_536;
/// Connections at a time; one more is closed at once.
const CONNECTIONS_MAX: usize = 512;
/// Requests remembered until they are answered, of one connection. Produce without acknowledgement
/// never is, so the oldest are forgotten.
const WAITING_MAX: usize = 4_096;
const CONNECT_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Connection {
    client: TcpStream,
    broker: TcpStream,
    /// API keys of requests without response yet, by correlation id, which counts up.
    waiting: Mutex<BTreeMap<i32, i16>>,
    /// Something was thrown away, so what follows would make no sense.
    lossy: AtomicBool,
}

impl Connection {
    pub fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.broker.shutdown(Shutdown::Both);
    }

    pub fn close_client(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
    }

    pub fn is_lossy(&self) -> bool {
        self.lossy.load(Ordering::Relaxed)
    }
}

/// Takes connections until the proxy ends.
pub fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let state = shared.lock();
        if state.ended {
            return;
        }
        let open = !state.refusing && state.connections.len() < CONNECTIONS_MAX;
        drop(state);
        if let Ok(client) = client
            && open
        {
            // A broker that is away, or paused with a full backlog, must not keep others waiting.
            let shared = Arc::clone(shared);
            thread::spawn(move || connect(client, &shared));
        }
    }
}

fn connect(client: TcpStream, shared: &Arc<Shared>) {
    let Ok(broker) = TcpStream::connect_timeout(&shared.upstream, CONNECT_MAX) else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = broker.set_nodelay(true);
    let connection = Arc::new(Connection {
        client,
        broker,
        waiting: Mutex::new(BTreeMap::new()),
        lossy: AtomicBool::new(false),
    });
    let mut state = shared.lock();
    if state.refusing || state.ended {
        return;
    }
    state.connections.push(Arc::clone(&connection));
    drop(state);
    let requests = thread::spawn({
        let (shared, connection) = (Arc::clone(shared), Arc::clone(&connection));
        move || {
            let _ = pump(Side::Request, &connection, &shared);
            // The broker learns that the client has gone when it has all that the client sent.
            if shared.admit(Side::Request, None) {
                let _ = connection.broker.shutdown(Shutdown::Write);
            } else {
                connection.lossy.store(true, Ordering::Relaxed);
            }
        }
    });
    let _ = pump(Side::Response, &connection, shared);
    if shared.admit(Side::Response, None) {
        connection.close();
    }
    let _ = requests.join();
    connection.close();
    let mut state = shared.lock();
    state
        .connections
        .retain(|other| !Arc::ptr_eq(other, &connection));
}

/// Passes on one direction until it ends.
fn pump(side: Side, connection: &Connection, shared: &Shared) -> io::Result<()> {
    let (mut from, mut to) = match side {
        Side::Request => (&connection.client, &connection.broker),
        Side::Response => (&connection.broker, &connection.client),
    };
    let mut frame = Vec::new();
    // The broker's answers are read to their end also when nobody takes them.
    let mut taken = true;
    loop {
        let key = if shared.framed {
            read_frame(&mut from, &mut frame)?;
            classify(side, &frame, connection, shared)
        } else {
            frame.resize(CHUNK_BYTES, 0);
            let count = from.read(&mut frame)?;
            if count == 0 {
                return Ok(());
            }
            frame.truncate(count);
            None
        };
        if shared.admit(side, key) {
            if connection.is_lossy() {
                connection.close();
            }
            if taken && let Err(error) = to.write_all(&frame) {
                if side == Side::Request {
                    return Err(error);
                }
                taken = false;
            }
        } else {
            connection.lossy.store(true, Ordering::Relaxed);
            if shared.lock().flow[side as usize] != Flow::Discard {
                connection.close();
            }
        }
    }
}

/// Reads length and body; the frame holds both.
fn read_frame(from: &mut impl Read, frame: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let body = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if body > FRAME_BYTES_MAX {
        return Err(io::Error::other("frame too long"));
    }
    frame.clear();
    frame.extend(length);
    frame.resize(4 + body, 0);
    from.read_exact(&mut frame[4..])
}

/// API key of a frame: a request says it, a response says which request it answers.
fn classify(side: Side, frame: &[u8], connection: &Connection, shared: &Shared) -> Option<i16> {
    let mut waiting = connection.waiting.lock().unwrap();
    match side {
        Side::Request => {
            let key = i16::from_be_bytes(*frame.get(4..)?.first_chunk()?);
            let correlation = i32::from_be_bytes(*frame.get(8..)?.first_chunk()?);
            waiting.insert(correlation, key);
            if waiting.len() > WAITING_MAX {
                waiting.pop_first();
            }
            drop(waiting);
            *shared.lock().requests.entry(key).or_default() += 1;
            Some(key)
        }
        Side::Response => {
            let correlation = i32::from_be_bytes(*frame.get(4..)?.first_chunk()?);
            waiting.remove(&correlation)
        }
    }
}
