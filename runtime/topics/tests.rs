#![allow(clippy::unwrap_used)]

use std::path::Path;

use cap_std::ambient_authority;
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::record::{EMPTY_BODY, Outgoing, Record, Source, encode, encode_plugins};

const NAMES: [&str; 2] = ["first", "second"];

fn dir(folder: &TempDir) -> Dir {
    Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap()
}

fn options(name: &str) -> Option<TopicOptions> {
    Some(TopicOptions {
        name: name.to_owned(),
        log: Some(Options::new("test")),
        tail: None,
        from_block: 0,
    })
}

fn open(folder: &TempDir) -> Topics {
    let topics = NAMES.map(options).to_vec();
    Topics::open(&dir(folder), topics, 1).unwrap().0
}

fn position(block: u64, ordinal: u32) -> Position {
    Position { block, ordinal }
}

/// A record at a position, with a body of about so many bytes.
fn record(position: Position, key: &str) -> Vec<u8> {
    let plugins = encode_plugins(std::iter::empty());
    let outgoing = Outgoing {
        source: Source {
            position,
            tap: "tap",
            frames: &[position.block],
            index: 0,
            captured_ns: 5,
        },
        class: "class",
        key,
        event_ns: 5,
        label: "open",
        plugins: &plugins,
        body: EMPTY_BODY,
        failure: None,
    };
    let mut bytes = Vec::new();
    encode(&mut bytes, &outgoing, std::iter::empty());
    bytes
}

/// Only a graph makes identities of topics.
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
    let id = config.topology.find_topic(NAMES[at]).unwrap();
    assert_eq!(id.index(), at);
    id
}

fn put(topics: &mut Topics, at: usize, position: Position) {
    topics.put(topic(at), position, 5, &record(position, "key"));
}

fn held_in(folder: &TempDir, name: &str) -> Vec<Position> {
    let mut reader = Reader::open(&dir(folder).open_dir(name).unwrap()).unwrap();
    let mut block = Block::default();
    let mut positions = Vec::new();
    while reader.next(&mut block).unwrap() {
        for (_, bytes) in block.columns.iter() {
            let record = Record::decode(bytes).unwrap();
            positions.push(position(record.block, record.ordinal));
        }
    }
    positions
}

#[test]
fn what_the_log_holds_is_passed_over_and_the_rest_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let all = [
        position(1, 0),
        position(1, 1),
        position(4, 0),
        position(9, 0),
    ];
    let mut topics = open(&folder);
    for at in &all[..2] {
        put(&mut topics, 0, *at);
    }
    put(&mut topics, 1, all[3]);
    topics.flush(1).unwrap();
    topics.close().unwrap();
    // The same blocks are processed again, and then more.
    let mut topics = open(&folder);
    for at in all {
        put(&mut topics, 0, at);
        put(&mut topics, 1, at);
    }
    topics.flush(2).unwrap();
    let figures = topics.figures();
    assert_eq!((figures[0].suppressed, figures[0].written), (2, 2));
    assert_eq!((figures[1].suppressed, figures[1].written), (4, 0));
    topics.close().unwrap();
    assert_eq!(held_in(&folder, "first"), all);
    assert_eq!(held_in(&folder, "second"), all[3..]);
}

#[test]
fn unflushed_records_are_not_held_and_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut topics = open(&folder);
    put(&mut topics, 0, position(1, 0));
    topics.flush(1).unwrap();
    put(&mut topics, 0, position(2, 0));
    drop(topics);
    let mut topics = open(&folder);
    put(&mut topics, 0, position(1, 0));
    put(&mut topics, 0, position(2, 0));
    topics.flush(1).unwrap();
    topics.close().unwrap();
    assert_eq!(held_in(&folder, "first"), [position(1, 0), position(2, 0)]);
}

#[test]
fn part_of_a_block_that_the_log_holds_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let mut topics = open(&folder);
    put(&mut topics, 0, position(3, 0));
    topics.flush(1).unwrap();
    topics.close().unwrap();
    let mut topics = open(&folder);
    for ordinal in 0..3 {
        put(&mut topics, 0, position(3, ordinal));
    }
    topics.flush(1).unwrap();
    topics.close().unwrap();
    let expected = [position(3, 0), position(3, 1), position(3, 2)];
    assert_eq!(held_in(&folder, "first"), expected);
}

#[test]
fn blocks_of_a_log_are_bounded_by_bytes_and_number_and_dated_by_their_writing() {
    let folder = tempfile::tempdir().unwrap();
    let mut topics = open(&folder);
    let long = "k".repeat(60_000);
    let mut waiting_max = 0;
    for block in 0..100 {
        let at = position(block, 0);
        topics.put(topic(0), at, 5, &record(at, &long));
        waiting_max = waiting_max.max(topics.logs[0].as_ref().unwrap().waiting.bytes().len());
    }
    assert!(waiting_max < WAITING_BYTES_MAX);
    for block in 0..WAITING_RECORDS_MAX as u64 + 1 {
        put(&mut topics, 1, position(block, 0));
    }
    // Nothing is written before the block is done, whatever waits.
    assert_eq!(topics.figures()[1].written, 0);
    assert!(topics.lacks_room());
    topics.flush(77).unwrap();
    assert!(!topics.lacks_room());
    assert_eq!(topics.figures()[1].written, WAITING_RECORDS_MAX as u64 + 1);
    topics.close().unwrap();
    assert_eq!(held_in(&folder, "first").len(), 100);
    let log = dir(&folder).open_dir("first").unwrap();
    let mut reader = Reader::open(&log).unwrap();
    let mut block = Block::default();
    let mut blocks = 0;
    while reader.next(&mut block).unwrap() {
        assert_eq!(block.header.written_ns, 77, "not the time of capture");
        blocks += 1;
    }
    assert!(blocks > 1);
}

#[test]
fn full_log_gives_up_its_oldest_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options("first").unwrap();
    let log = options.log.as_mut().unwrap();
    log.bytes_max = 4 << 20;
    log.segment_bytes_max = 256 << 10;
    let (mut topics, _) = Topics::open(&dir(&folder), vec![Some(options)], 1).unwrap();
    let long = "k".repeat(60_000);
    for block in 0..200 {
        let at = position(block, 0);
        topics.put(topic(0), at, 5, &record(at, &long));
        topics.flush(block).unwrap();
    }
    assert!(topics.figures()[0].bytes <= 4 << 20);
    topics.close().unwrap();
    let held = held_in(&folder, "first");
    assert_eq!(held.last(), Some(&position(199, 0)), "the newest are there");
    let first = held[0].block;
    assert!(first > 0);
    let expected: Vec<Position> = (first..200).map(|block| position(block, 0)).collect();
    assert_eq!(held, expected, "and none is missing in between");
}

#[test]
fn what_a_long_block_becomes_finds_room_in_a_full_log_of_small_segments() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options("first").unwrap();
    let log = options.log.as_mut().unwrap();
    log.bytes_max = 4 << 20;
    log.segment_bytes_max = 128 << 10;
    let tail = Arc::new(Tail::new(Arc::default(), false));
    options.tail = Some(Arc::clone(&tail));
    let (mut topics, _) = Topics::open(&dir(&folder), vec![Some(options)], 1).unwrap();
    let long = "k".repeat(10_000);
    for block in 0..40 {
        // A megabyte at a time.
        for ordinal in 0..100 {
            let at = position(block, ordinal);
            topics.put(topic(0), at, 5, &record(at, &long));
        }
        topics.flush(block).unwrap();
        let log = topics.logs[0].as_ref().unwrap().log.as_ref().unwrap();
        // All of it has been delivered.
        tail.set_owed(log.writer.tip().next_block - 1);
    }
    topics.close().unwrap();
}

#[test]
fn topic_that_is_left_out_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut topics, reports) =
        Topics::open(&dir(&folder), vec![None, options("second")], 1).unwrap();
    assert_eq!(reports.len(), 1);
    put(&mut topics, 0, position(1, 0));
    put(&mut topics, 1, position(1, 0));
    topics.flush(1).unwrap();
    assert_eq!(topics.figures()[0], TopicFigures::default());
    assert_eq!(topics.sync_handles().len(), 1);
    topics.close().unwrap();
    assert_eq!(held_in(&folder, "second"), [position(1, 0)]);
}

#[test]
fn second_writer_is_refused_with_the_topics_name() {
    let folder = tempfile::tempdir().unwrap();
    let _topics = open(&folder);
    let error = Topics::open(&dir(&folder), NAMES.map(options).to_vec(), 1)
        .err()
        .unwrap()
        .to_string();
    assert!(error.starts_with("topic first: in use by pid "), "{error}");
}

#[test]
fn log_that_ends_with_no_record_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let topics_dir = make_dir(&dir(&folder), "first").unwrap();
    let (mut writer, _) = Writer::open(topics_dir, Options::new("test"), 1).unwrap();
    let stream = writer.stream("first", "pipeline").unwrap();
    let mut columns = Columns::new();
    columns.push(1, b"no record");
    writer.append(Kind::Records, stream, &columns, 1).unwrap();
    writer.close().unwrap();
    let error = Topics::open(&dir(&folder), vec![options("first")], 1)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.starts_with("topic first: a record cannot be read: "),
        "{error}"
    );
}
