//! What stands in for a broker: keeps what it was sent, and fails as it is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use outrigger_kafka::{Delivered, ProducerFigures, Progress, Remedy, Shipment, Trouble};
use proptest::prelude::*;

use super::super::Broker;
use super::PROGRESS;
use crate::record::Position;
use crate::telemetry::lock;

/// What becomes of a call. A fate that does not fit its call is no trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// All is well.
    Well,
    /// The broker is away.
    Away,
    /// Nothing was done, and the transaction has to be aborted.
    Abort,
    /// Nothing was done, and nobody knows.
    UnknownNotDone,
    /// It was done, and nobody knows.
    UnknownDone,
    /// There is no room, or no report in time.
    Full,
}

impl Fate {
    pub fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            6 => Just(Self::Well),
            1 => Just(Self::Away),
            1 => Just(Self::Abort),
            1 => Just(Self::UnknownNotDone),
            1 => Just(Self::UnknownDone),
            1 => Just(Self::Full),
        ]
    }
}

/// Brokers, as long as the test lasts.
#[derive(Debug, Default)]
pub struct World {
    fates: VecDeque<Fate>,
    /// Records that are refused for good.
    refused: BTreeSet<(String, Position)>,
    /// Records that a reader of committed records sees, by topic, in order.
    visible: BTreeMap<String, Vec<Position>>,
    progress: BTreeMap<String, Position>,
    /// Clients that were made.
    pub connects: u64,
    /// Another process has the name.
    pub taken_over: bool,
}

impl World {
    pub fn new(fates: Vec<Fate>, refused: BTreeSet<(String, Position)>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            fates: fates.into(),
            refused,
            ..Self::default()
        }))
    }

    pub fn visible(&self, topic: &str) -> Vec<Position> {
        self.visible.get(topic).cloned().unwrap_or_default()
    }

    fn fate(&mut self) -> Fate {
        self.fates.pop_front().unwrap_or(Fate::Well)
    }
}

/// A record that was sent, and is not yet reported.
struct Sent {
    ticket: usize,
    topic: String,
    place: Place,
}

enum Place {
    Record(Position),
    Progress(String, Position),
}

/// A client of the world.
pub struct StandIn {
    world: Arc<Mutex<World>>,
    transactions: bool,
    connected: bool,
    in_transaction: bool,
    /// Nothing more comes through until the client is made anew, or the transaction is aborted.
    broken: bool,
    sent: Vec<Sent>,
    /// Acknowledged, in the transaction.
    taken: Vec<Sent>,
    reports: Vec<Delivered>,
}

fn trouble(remedy: Remedy, code: &str) -> Trouble {
    Trouble {
        remedy,
        code: code.to_owned(),
        detail: "a test".to_owned(),
    }
}

impl StandIn {
    pub fn new(world: Arc<Mutex<World>>, transactions: bool) -> Self {
        Self {
            world,
            transactions,
            connected: false,
            in_transaction: false,
            broken: false,
            sent: Vec::new(),
            taken: Vec::new(),
            reports: Vec::new(),
        }
    }

    fn report(&mut self, ticket: usize, outcome: Result<(), Trouble>) {
        self.reports.push(Delivered { ticket, outcome });
    }

    /// Brings what was sent to the broker, in order. Behind one that fails nothing comes through.
    fn arrive(&mut self) {
        let sent = std::mem::take(&mut self.sent);
        let world = Arc::clone(&self.world);
        let mut world = lock(&world);
        let refused = |sent: &Sent| match &sent.place {
            Place::Record(at) => world.refused.contains(&(sent.topic.clone(), *at)),
            Place::Progress(..) => false,
        };
        // As in a request: one that is refused takes those along that share it.
        let any_refused = sent.iter().any(refused);
        for sent in sent {
            if any_refused || self.broken {
                let code = match any_refused {
                    true => trouble(Remedy::Never, "InvalidRecord"),
                    false => trouble(Remedy::Later, "Purged"),
                };
                self.broken = true;
                self.report(sent.ticket, Err(code));
                continue;
            }
            match world.fate() {
                Fate::Well | Fate::Full => {}
                Fate::Away | Fate::Abort | Fate::UnknownNotDone => {
                    self.broken = true;
                    self.report(sent.ticket, Err(trouble(Remedy::Later, "MessageTimedOut")));
                    continue;
                }
                Fate::UnknownDone if self.transactions => {}
                Fate::UnknownDone => {
                    // It was taken, and the answer was lost.
                    self.broken = true;
                    if let Place::Record(at) = sent.place {
                        world.visible.entry(sent.topic).or_default().push(at);
                    }
                    self.report(sent.ticket, Err(trouble(Remedy::Later, "MessageTimedOut")));
                    continue;
                }
            }
            self.report(sent.ticket, Ok(()));
            match (&sent.place, self.transactions) {
                (Place::Record(at), false) => {
                    let topic = sent.topic.clone();
                    world.visible.entry(topic).or_default().push(*at);
                }
                (_, true) => self.taken.push(sent),
                (Place::Progress(..), false) => unreachable!("progress without a transaction"),
            }
        }
    }

    fn apply(&mut self, world: &mut World) {
        for taken in self.taken.drain(..) {
            match taken.place {
                Place::Record(at) => world.visible.entry(taken.topic).or_default().push(at),
                Place::Progress(topic, at) => {
                    world.progress.insert(topic, at);
                }
            }
        }
    }
}

impl Broker for StandIn {
    fn connect(&mut self) -> Result<BTreeMap<String, Position>, Trouble> {
        self.disconnect();
        let mut world = lock(&self.world);
        if world.taken_over {
            return Err(trouble(Remedy::Fenced, "ProducerFenced"));
        }
        match world.fate() {
            Fate::Well | Fate::Full => {}
            Fate::Away | Fate::Abort | Fate::UnknownNotDone | Fate::UnknownDone => {
                return Err(trouble(Remedy::Later, "AllBrokersDown"));
            }
        }
        world.connects += 1;
        self.connected = true;
        Ok(match self.transactions {
            true => world.progress.clone(),
            false => BTreeMap::new(),
        })
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        assert!(self.connected && self.transactions && !self.in_transaction);
        match lock(&self.world).fate() {
            Fate::UnknownNotDone => return Err(trouble(Remedy::Renew, "State")),
            Fate::Well | Fate::Away | Fate::Abort | Fate::UnknownDone | Fate::Full => {}
        }
        self.in_transaction = true;
        Ok(())
    }

    fn send(&mut self, shipment: &Shipment<'_>) -> Result<bool, Trouble> {
        assert!(self.connected && self.in_transaction == self.transactions);
        match lock(&self.world).fate() {
            Fate::Well | Fate::UnknownDone => {}
            Fate::Away | Fate::Full => return Ok(false),
            Fate::Abort if self.transactions => return Err(trouble(Remedy::Abort, "State")),
            Fate::Abort | Fate::UnknownNotDone => return Err(trouble(Remedy::Renew, "Fatal")),
        }
        let key = std::str::from_utf8(shipment.key.unwrap()).unwrap();
        let place = if shipment.topic == PROGRESS {
            let progress: Progress = serde_json::from_slice(shipment.value.unwrap()).unwrap();
            let (_, topic) = key.split_once('/').unwrap();
            let at = Position {
                block: progress.block,
                ordinal: progress.ordinal,
            };
            Place::Progress(topic.to_owned(), at)
        } else {
            // The tests' records carry their position as key.
            Place::Record(super::feeding::position(key.parse().unwrap()))
        };
        self.sent.push(Sent {
            ticket: shipment.ticket,
            topic: shipment.topic.to_owned(),
            place,
        });
        Ok(true)
    }

    fn reports(&mut self, into: &mut Vec<Delivered>) {
        if lock(&self.world).fate() != Fate::Full {
            self.arrive();
        }
        into.append(&mut self.reports);
    }

    fn flush(&mut self) -> bool {
        if lock(&self.world).fate() == Fate::Full {
            return false;
        }
        self.arrive();
        true
    }

    fn commit(&mut self) -> Result<(), Trouble> {
        assert!(self.connected && self.in_transaction);
        self.arrive();
        if self.broken {
            return Err(trouble(Remedy::Abort, "Failed"));
        }
        let world = Arc::clone(&self.world);
        let mut world = lock(&world);
        match world.fate() {
            Fate::Well | Fate::Full => {
                self.apply(&mut world);
                self.in_transaction = false;
                Ok(())
            }
            Fate::UnknownDone => {
                self.apply(&mut world);
                self.connected = false;
                Err(trouble(Remedy::Renew, "OperationTimedOut"))
            }
            Fate::UnknownNotDone | Fate::Away => {
                self.connected = false;
                Err(trouble(Remedy::Renew, "OperationTimedOut"))
            }
            Fate::Abort => {
                self.broken = true;
                Err(trouble(Remedy::Abort, "Failed"))
            }
        }
    }

    fn abort(&mut self) -> Result<(), Trouble> {
        self.sent.clear();
        self.taken.clear();
        self.reports.clear();
        if !self.connected {
            return Err(trouble(Remedy::Renew, "NotConnected"));
        }
        match lock(&self.world).fate() {
            Fate::Well | Fate::Full | Fate::UnknownDone | Fate::Abort => {
                self.in_transaction = false;
                self.broken = false;
                Ok(())
            }
            Fate::Away | Fate::UnknownNotDone => Err(trouble(Remedy::Renew, "OperationTimedOut")),
        }
    }

    fn disconnect(&mut self) {
        *self = Self::new(Arc::clone(&self.world), self.transactions);
    }

    fn complaint(&mut self) -> Option<String> {
        None
    }

    fn figures(&self) -> ProducerFigures {
        ProducerFigures::default()
    }

    fn record_bytes_max(&self, _topic: &str) -> u64 {
        u64::MAX
    }
}
