//! Topic logs for the tests, and what their hand-over to a forwarder keeps.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger_journal::Options;
use outrigger_policy::topology::TopicId;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::config::Config;
use crate::forward::Feed;
use crate::pipeline::Outbox;
use crate::record::{EMPTY_BODY, Outgoing, Position, Source, encode, encode_plugins};
use crate::topics::{Bell, TAIL_BYTES_MAX, Tail, TopicOptions, Topics};

pub const NAMES: [&str; 2] = ["first", "second"];

pub fn dir(folder: &TempDir) -> Dir {
    Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap()
}

/// Position of the record of a block; each has one.
pub fn position(block: u64) -> Position {
    Position { block, ordinal: 0 }
}

/// A record whose key is its block, with so many bytes besides.
fn record(block: u64, padding: usize) -> Vec<u8> {
    let plugins = encode_plugins(std::iter::empty());
    let label = "x".repeat(padding);
    let outgoing = Outgoing {
        source: Source {
            position: position(block),
            tap: "tap",
            frames: &[block],
            index: 0,
            captured_ns: 5,
        },
        class: "class",
        key: &block.to_string(),
        event_ns: 5,
        label: &label,
        plugins: &plugins,
        body: EMPTY_BODY,
        failure: None,
    };
    let mut bytes = Vec::new();
    encode(&mut bytes, &outgoing, std::iter::empty());
    bytes
}

fn topic(at: usize) -> TopicId {
    let text = r#"
        [taps.bus]
        kind = "udp"
        port = 60_004
        [plugins.decoder]
        component = "decoder.wasm"
        role = "decoder"
        taps = ["bus"]
        writes = ["one", "two"]
        [classes.one]
        topic = "first"
        [classes.two]
        topic = "second"
        [topics.first]
        [topics.second]
        [runtime]
        data_dir = "data"
        plugins_dir = "plugins"
    "#;
    let config = Config::parse(text, Path::new("outrigger.toml")).unwrap();
    config.topology.find_topic(NAMES[at]).unwrap()
}

/// What a forwarder sees of a topic.
pub struct Outlet {
    pub name: &'static str,
    pub tail: Arc<Tail>,
    pub bell: Arc<Bell>,
    folder: Dir,
}

impl Outlet {
    /// Directory of its log.
    pub fn log(&self) -> Dir {
        self.folder.open_dir(self.name).unwrap()
    }
}

/// Two topics with their logs.
pub struct Outlets {
    pub list: Vec<Outlet>,
    topics: Topics,
    ids: [TopicId; 2],
}

/// Opens both, or makes them.
pub fn outlets(folder: &TempDir) -> Outlets {
    let bell: Arc<Bell> = Arc::default();
    let list: Vec<Outlet> = NAMES
        .iter()
        .map(|name| Outlet {
            name,
            tail: Arc::new(Tail::new(Arc::clone(&bell), false)),
            bell: Arc::clone(&bell),
            folder: dir(folder),
        })
        .collect();
    let options = list.iter().map(|outlet| {
        Some(TopicOptions {
            name: outlet.name.to_owned(),
            log: Some(Options::new("test")),
            tail: Some(Arc::clone(&outlet.tail)),
            from_block: 0,
        })
    });
    let (topics, _) = Topics::open(&dir(folder), options.collect(), 1).unwrap();
    Outlets {
        list,
        topics,
        ids: [topic(0), topic(1)],
    }
}

impl Outlets {
    /// Writes a record of each block to both topics, some blocks at a time.
    pub fn write(&mut self, blocks: Range<u64>) {
        for block in blocks {
            for id in self.ids {
                self.topics.put(id, position(block), 5, &record(block, 0));
            }
            if block % 3 == 2 {
                self.topics.flush(1).unwrap();
            }
        }
        self.topics.flush(1).unwrap();
    }

    /// Writes one record of so many bytes to the first topic.
    fn write_one(&mut self, block: u64, padding: usize) {
        let record = record(block, padding);
        self.topics.put(self.ids[0], position(block), 5, &record);
        self.topics.flush(1).unwrap();
    }
}

/// What happens between a pipeline and a feed.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The pipeline writes so many records; each takes a fifth of what is kept in memory if `large`.
    Write { count: u64, large: bool },
    /// The forwarder takes so many at most.
    Take(u64),
    /// It goes back behind the record at this share of those it has taken, in percent.
    Rewind(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1u64..9, any::<bool>()).prop_map(|(count, large)| Act::Write { count, large }),
        (0u64..12).prop_map(Act::Take),
        (0u64..=100).prop_map(Act::Rewind),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_feed_shows_every_record_once_and_in_order_whatever_did_not_fit_memory(
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut outlets = outlets(&folder);
        let outlet = &outlets.list[0];
        let mut feed = Feed::new(Arc::clone(&outlet.tail), Some(outlet.log()));
        feed.rewind(0, None).unwrap();
        let mut written = 0;
        // Blocks of the log of what was taken, and what comes next.
        let mut taken: Vec<u64> = Vec::new();
        for act in acts.into_iter().chain([Act::Take(u64::MAX)]) {
            match act {
                Act::Write { count, large } => {
                    let padding = if large { TAIL_BYTES_MAX / 5 } else { 0 };
                    for _ in 0..count {
                        outlets.write_one(written, padding);
                        written += 1;
                    }
                }
                Act::Take(count) => {
                    for _ in 0..count {
                        let Some(fed) = feed.peek().unwrap() else { break };
                        prop_assert_eq!(fed.view.position, position(taken.len() as u64));
                        prop_assert_eq!(fed.ordinal, taken.len() as u64);
                        taken.push(fed.block);
                        feed.advance();
                    }
                }
                Act::Rewind(percent) => {
                    let keep = taken.len() * usize::try_from(percent).unwrap() / 100;
                    taken.truncate(keep);
                    let done = keep.checked_sub(1);
                    let from = done.map_or(0, |last| taken[last]);
                    let done = done.map(|last| position(last as u64));
                    feed.rewind(from, done).unwrap();
                }
            }
        }
        prop_assert_eq!(taken.len() as u64, written);
        prop_assert_eq!(feed.lost(), 0);
    }
}

/// Records that one thread writes while another takes them.
const RACED: u64 = 3_000;

#[test]
fn a_feed_keeps_up_with_a_writer_of_another_thread() {
    let folder = tempfile::tempdir().unwrap();
    let mut outlets = outlets(&folder);
    let outlet = &outlets.list[0];
    let mut feed = Feed::new(Arc::clone(&outlet.tail), Some(outlet.log()));
    feed.rewind(0, None).unwrap();
    let bell = Arc::clone(&outlet.bell);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for block in 0..RACED {
                // Now and then more than memory takes.
                let large = block % 97 < 7;
                outlets.write_one(block, if large { TAIL_BYTES_MAX / 4 } else { 0 });
            }
        });
        let mut next = 0;
        while next < RACED {
            let Some(fed) = feed.peek().unwrap() else {
                bell.wait(std::time::Duration::from_secs(1));
                continue;
            };
            assert_eq!(fed.view.position, position(next));
            next += 1;
            feed.advance();
            if next % 1_013 == 0 {
                let done = Some(position(next - 1));
                feed.rewind(0, done).unwrap();
            }
        }
        assert!(feed.peek().unwrap().is_none());
    });
}
