#![allow(clippy::unwrap_used)]

use super::*;
use crate::support::{Place, append, drain, read_all, small};
use crate::{Options, Writer};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_reader_follows_a_live_writer_through_every_segment() {
    const BLOCKS: u64 = 5_000;
    let place = Place::new();
    let options = Options {
        bytes_max: 64 << 20,
        ..small()
    };
    let (mut writer, _) = place.writer(&options);
    let tap = writer.stream("a", "b").unwrap();
    std::thread::scope(|scope| {
        for start in [0, 2_500] {
            let dir = &place.dir;
            scope.spawn(move || {
                let mut reader = Reader::open(dir).unwrap();
                let mut block = Block::default();
                while reader.next_block() < start {
                    reader.seek_block(start).unwrap();
                }
                let mut next = start;
                while next < BLOCKS {
                    if !reader.next(&mut block).unwrap() {
                        std::thread::yield_now();
                        continue;
                    }
                    assert_eq!(block.header.block, next);
                    let frame = block.columns.get(0).unwrap();
                    assert_eq!(frame.len() as u64, next % 700);
                    next += 1;
                }
            });
        }
        scope.spawn(move || {
            for time in 0..BLOCKS {
                let frame = vec![1; usize::try_from(time % 700).unwrap()];
                append(&mut writer, tap, time, &frame).unwrap();
            }
        });
    });
}

#[test]
fn a_reader_overtaken_by_retention_misses_only_what_it_is_told() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (dir, done) = (&place.dir, &done);
        scope.spawn(move || {
            for time in 0..5_000 {
                append(&mut writer, tap, time, &[1; 500]).unwrap();
                if time % 50 == 0 {
                    writer.remove_owed(time).unwrap();
                }
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(move || {
            let mut reader = Reader::open(dir).unwrap();
            let mut block = Block::default();
            let (mut next, mut read, mut told) = (None, 0, 0);
            loop {
                let finished = done.load(Ordering::Acquire);
                match reader.next(&mut block) {
                    Ok(true) => {
                        let number = block.header.block;
                        assert_eq!(number, next.unwrap_or(number));
                        next = Some(number + 1);
                        read += 1;
                    }
                    Ok(false) if finished => break,
                    Ok(false) => std::thread::yield_now(),
                    Err(ReadError::Gone { from, to }) => {
                        assert_eq!(from, next.unwrap_or(from));
                        told += to - from + 1;
                        next = Some(to + 1);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(next, Some(5_000));
            assert!(read + told <= 5_000);
        });
    });
}

/// The bytes of a log's only segment, and the log.
fn one_segment() -> (Place, std::path::PathBuf, Vec<u8>) {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    for time in 0..3 {
        append(&mut writer, tap, time, b"some frame").unwrap();
    }
    drop(writer);
    let path = place.path().join(&place.segments()[0]);
    let bytes = std::fs::read(&path).unwrap();
    (place, path, bytes)
}

#[test]
fn a_block_being_written_is_not_there_yet() {
    let (place, path, bytes) = one_segment();
    let last = crate::block::HEADER_BYTES + 12 + 10;
    for missing in 1..=last {
        std::fs::write(&path, &bytes[..bytes.len() - missing]).unwrap();
        let mut reader = Reader::open(&place.dir).unwrap();
        assert_eq!(drain(&mut reader).len(), 2);
        let mut block = Block::default();
        assert!(!reader.next(&mut block).unwrap());
        assert_eq!(reader.check_end().is_ok(), missing == last);
        std::fs::write(&path, &bytes).unwrap();
        assert!(reader.next(&mut block).unwrap());
        assert_eq!(block.header.block, 2);
        reader.check_end().unwrap();
    }
}

#[test]
fn a_partial_block_taken_back_and_replaced_is_read_as_replaced() {
    let (place, path, bytes) = one_segment();
    let other = {
        let place = Place::new();
        let (mut writer, _) = place.writer(&small());
        let tap = writer.stream("a", "b").unwrap();
        for (time, frame) in (0..).zip([&b"some frame"[..], b"some frame", b"x"]) {
            append(&mut writer, tap, time, frame).unwrap();
        }
        std::fs::read(place.path().join(&place.segments()[0])).unwrap()
    };
    for partial in 1..(crate::block::HEADER_BYTES + 22) {
        std::fs::write(&path, &bytes[..bytes.len() - partial]).unwrap();
        let mut reader = Reader::open(&place.dir).unwrap();
        assert_eq!(drain(&mut reader).len(), 2);
        std::fs::write(&path, &other).unwrap();
        let read = drain(&mut reader);
        assert_eq!(read[0].columns.get(0), Some(&b"x"[..]));
    }
}

#[test]
fn a_follower_crosses_an_unclean_start_of_the_writer() {
    let place = Place::new();
    let mut reader = Reader::open(&place.dir).unwrap();
    let mut block = Block::default();
    let mut last = 0;
    for round in 0..4 {
        let (mut writer, report) = place.writer(&small());
        let tap = writer.stream("a", "b").unwrap();
        assert!(!reader.next(&mut block).unwrap());
        append(&mut writer, tap, round, b"x").unwrap();
        // At the latest when it has looked in vain a few times.
        let found = (0..=IDLE_READS_PER_LISTING).any(|_| reader.next(&mut block).unwrap());
        assert!(found);
        assert_eq!(block.header.block, report.next_block);
        assert!(round == 0 || block.header.block > last + 1);
        last = block.header.block;
    }
    assert_eq!(read_all(&place.dir).len(), 4);
}

#[test]
fn a_reader_names_streams_and_log() {
    let (place, ..) = one_segment();
    let reader = Reader::open(&place.dir).unwrap();
    assert_eq!(reader.log_id(), Some([7; 16]));
    assert_eq!(reader.streams()[0].name, "a");
    assert_eq!(Reader::open(&Place::new().dir).unwrap().log_id(), None);
}

#[test]
fn a_reader_needs_no_lock_and_no_right_to_write() {
    let (place, ..) = one_segment();
    let (_writer, _): (Writer, _) = place.writer(&small());
    std::fs::remove_file(place.path().join(crate::ceiling::CEILING_FILE)).unwrap();
    assert_eq!(read_all(&place.dir).len(), 3);
}
