//! A TCP proxy that knows where Kafka's frames begin: between clients and one listener of a broker.
//!
//! Each connection has one thread a direction. What a test says holds for all connections, those to
//! come included. Bytes that are held are not lost: they go on, in order, when the hold ends, also
//! when the client has gone meanwhile, as a late packet would.
//!
//! On an encrypted listener frames cannot be told apart: only whole directions can be held.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

mod relay;

use relay::Connection;

/// Kafka's API keys (protocol guide, "API Keys") that tests hold.
pub mod api {
    /// Produce.
    pub const PRODUCE: i16 = 0;
    /// Fetch.
    pub const FETCH: i16 = 1;
    /// Metadata.
    pub const METADATA: i16 = 3;
    /// SyncGroup.
    pub const SYNC_GROUP: i16 = 14;
    /// InitProducerId.
    pub const INIT_PRODUCER_ID: i16 = 22;
    /// AddPartitionsToTxn.
    pub const ADD_PARTITIONS_TO_TXN: i16 = 24;
    /// AddOffsetsToTxn.
    pub const ADD_OFFSETS_TO_TXN: i16 = 25;
    /// EndTxn.
    pub const END_TXN: i16 = 26;
    /// TxnOffsetCommit.
    pub const TXN_OFFSET_COMMIT: i16 = 28;
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From clients to the broker.
    Request,
    /// From the broker to clients.
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Pass,
    /// Until told otherwise, or until then.
    Hold(Option<Instant>),
    Discard,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    side: Side,
    key: i16,
    /// None holds until released.
    delay: Option<Duration>,
    caught: usize,
}

#[derive(Debug)]
struct State {
    flow: [Flow; 2],
    rules: Vec<Rule>,
    /// Rules that ended by discarding, which threads with a frame may still have to see.
    discarded: Vec<u64>,
    next_rule: u64,
    refusing: bool,
    ended: bool,
    connections: Vec<Arc<Connection>>,
    requests: HashMap<i16, u64>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    upstream: SocketAddr,
    framed: bool,
}

/// A proxy before one address. Ends, with its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy on a free loopback port, before a listener without encryption. Brokers send clients
    /// past it unless they advertise it: [`crate::Options::proxied`] makes them.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(upstream: SocketAddr) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), upstream, true)
    }

    /// A proxy at `address`; `framed` where the bytes are Kafka's frames, not TLS records.
    pub(crate) fn at(address: SocketAddr, upstream: SocketAddr, framed: bool) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                flow: [Flow::Pass; 2],
                rules: Vec::new(),
                discarded: Vec::new(),
                next_rule: 0,
                refusing: false,
                ended: false,
                connections: Vec::new(),
                requests: HashMap::new(),
            }),
            changed: Condvar::new(),
            upstream,
            framed,
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || relay::accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn flow(&self, sides: &[Side], flow: Flow) {
        let mut state = self.shared.lock();
        for side in sides {
            state.flow[*side as usize] = flow;
        }
        self.shared.changed.notify_all();
    }

    /// Cuts one way: connections stay, nothing comes through in this direction, nothing is lost.
    /// What a network does to packets that TCP sends again.
    pub fn hold(&self, side: Side) {
        self.flow(&[side], Flow::Hold(None));
    }

    /// Cuts both ways, as [`Proxy::hold`].
    pub fn hold_both(&self) {
        self.flow(&[Side::Request, Side::Response], Flow::Hold(None));
    }

    /// [`Proxy::hold_both`] for a time, which begins now.
    pub fn stall(&self, period: Duration) {
        let until = Some(Instant::now() + period);
        self.flow(&[Side::Request, Side::Response], Flow::Hold(until));
    }

    /// Throws away whatever goes in this direction, without a word to either end. Connections that
    /// lost something end with [`Proxy::pass`].
    pub fn discard(&self, side: Side) {
        self.flow(&[side], Flow::Discard);
    }

    /// Closes all connections, and each new one at once, until [`Proxy::pass`].
    pub fn refuse(&self) {
        self.shared.lock().refusing = true;
        self.close_connections();
    }

    /// Ends every hold, discard and refusal, but for those of single kinds of requests.
    pub fn pass(&self) {
        self.shared.lock().refusing = false;
        self.flow(&[Side::Request, Side::Response], Flow::Pass);
        for connection in &self.shared.lock().connections {
            if connection.is_lossy() {
                connection.close();
            }
        }
    }

    /// Closes all connections at both ends. What is held on them is lost.
    pub fn close_connections(&self) {
        for connection in &self.shared.lock().connections {
            connection.close();
        }
    }

    /// Closes all connections at the clients' end. Requests that are held still reach the broker.
    pub fn close_clients(&self) {
        for connection in &self.shared.lock().connections {
            connection.close_client();
        }
    }

    /// Holds requests with this API key, or their responses, until [`Held`] says. Each holds up all
    /// that follows on its connection, because Kafka answers in order.
    ///
    /// # Panics
    /// If the listener is encrypted.
    pub fn hold_api(&self, key: i16, side: Side) -> Held<'_> {
        Held {
            proxy: self,
            id: self.rule(key, side, None),
        }
    }

    /// Delays requests with this API key, or their responses, while [`Held`] lives.
    ///
    /// # Panics
    /// If the listener is encrypted.
    pub fn delay_api(&self, key: i16, side: Side, delay: Duration) -> Held<'_> {
        Held {
            proxy: self,
            id: self.rule(key, side, Some(delay)),
        }
    }

    fn rule(&self, key: i16, side: Side, delay: Option<Duration>) -> u64 {
        assert!(
            self.shared.framed,
            "frames cannot be told apart on an encrypted listener"
        );
        let mut state = self.shared.lock();
        let id = state.next_rule;
        state.next_rule += 1;
        state.rules.push(Rule {
            id,
            side,
            key,
            delay,
            caught: 0,
        });
        id
    }

    /// Requests with this API key that clients have sent, held ones included.
    pub fn requests(&self, key: i16) -> u64 {
        self.shared.lock().requests.get(&key).copied().unwrap_or(0)
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        self.close_connections();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

/// A kind of request that is held or delayed. Dropping it lets them through.
#[derive(Debug)]
pub struct Held<'a> {
    proxy: &'a Proxy,
    id: u64,
}

impl Held<'_> {
    /// Waits until one was caught; whether one was, within that time.
    pub fn wait(&self, max: Duration) -> bool {
        let none_yet = |state: &mut State| {
            let rule = state.rules.iter().find(|rule| rule.id == self.id);
            rule.is_none_or(|rule| rule.caught == 0)
        };
        let state = self.proxy.shared.lock();
        let changed = &self.proxy.shared.changed;
        let (_state, late) = changed.wait_timeout_while(state, max, none_yet).unwrap();
        !late.timed_out()
    }

    /// Lets through what is held, and all that comes.
    pub fn release(self) {}

    /// Throws away what is held, and closes its connections; lets through all that comes.
    pub fn discard(self) {
        self.proxy.shared.lock().discarded.push(self.id);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.proxy.shared.lock();
        state.rules.retain(|rule| rule.id != self.id);
        self.proxy.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Blocks while what the test said holds a frame, or the end of a direction. Whether it goes on.
    fn admit(&self, side: Side, key: Option<i16>) -> bool {
        let arrived = Instant::now();
        let mut seen: Vec<u64> = Vec::new();
        let mut state = self.lock();
        loop {
            if state.ended || state.discarded.iter().any(|id| seen.contains(id)) {
                return false;
            }
            let now = Instant::now();
            let mut until = None;
            let mut held = match state.flow[side as usize] {
                Flow::Pass => false,
                Flow::Hold(end) => {
                    until = end;
                    end.is_none_or(|end| end > now)
                }
                Flow::Discard => return false,
            };
            let mut caught = false;
            for rule in &mut state.rules {
                if rule.side != side || Some(rule.key) != key {
                    continue;
                }
                if !seen.contains(&rule.id) {
                    seen.push(rule.id);
                    rule.caught += 1;
                    caught = true;
                }
                let end = rule.delay.map(|delay| arrived + delay);
                if end.is_none_or(|end| end > now) {
                    until = if held { later(until, end) } else { end };
                    held = true;
                }
            }
            if caught {
                self.changed.notify_all();
            }
            if !held {
                return true;
            }
            state = match until {
                None => self.changed.wait(state).unwrap(),
                Some(end) => {
                    let left = end.saturating_duration_since(now);
                    self.changed.wait_timeout(state, left).unwrap().0
                }
            };
        }
    }
}

/// The later of two ends, where none is never.
fn later(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.zip(b).map(|(a, b)| a.max(b))
}
