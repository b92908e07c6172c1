#![allow(clippy::unwrap_used)]

use crate::support::{Place, append, read_all, small};
use crate::{AppendError, Block, Kind, Options, ReadError, Reader, StreamId, verify};

/// Blocks of 1,000 bytes until the log is full.
fn fill(writer: &mut crate::Writer, tap: StreamId) -> u64 {
    let mut appended = 0;
    loop {
        match append(writer, tap, appended, &[0; 1_000]) {
            Ok(_) => appended += 1,
            Err(AppendError::Full { bytes, bytes_max }) => {
                assert!(bytes <= bytes_max);
                return appended;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_full_log_has_room_for_rulings() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    fill(&mut writer, tap);
    // A tick is smaller than a frame, so a few may still fit.
    let tick = (0..10).find_map(|_| writer.append_tick(tap, 0, 0).err());
    assert!(matches!(tick, Some(AppendError::Full { .. })));
    let ruling = crate::support::columns(&[(0, &[1; 1_000])]);
    let mut rulings = 0;
    loop {
        match writer.append(Kind::Rulings, StreamId::NONE, &ruling, 0) {
            Ok(_) => rulings += 1,
            Err(AppendError::Full { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(rulings > 500, "{rulings}");
    assert!(writer.bytes() <= small().bytes_max);
    let report = verify(&place.dir, None).unwrap();
    assert_eq!(report.problem, None);
}

#[test]
fn what_is_owed_stays_however_full_and_old_the_log_is() {
    let place = Place::new();
    let options = Options {
        age_ns_max: Some(10),
        ..small()
    };
    let (mut writer, _) = place.writer(&options);
    let tap = writer.stream("a", "b").unwrap();
    let appended = fill(&mut writer, tap);
    let owed_from = appended / 2;
    let retained = writer.retain(owed_from, u64::MAX).unwrap();
    assert!(retained.segments > 0);
    assert!(retained.last_block.unwrap() < owed_from);
    assert_eq!(retained.blocks, retained.last_block.unwrap() + 1);
    assert_eq!(retained.records, retained.blocks);
    // As much as whole segments allow.
    let left = read_all(&place.dir);
    assert_eq!(left[0].header.block, retained.last_block.unwrap() + 1);
    let kept_needlessly = left.iter().filter(|block| block.header.block < owed_from);
    assert!(kept_needlessly.count() < 4);
    let again = writer.retain(owed_from, u64::MAX).unwrap();
    assert_eq!(again.segments, 0);
    assert_eq!(writer.retain(0, u64::MAX).unwrap().segments, 0);
}

#[test]
fn retention_by_bytes_makes_room_for_one_more_segment() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    fill(&mut writer, tap);
    let before = writer.bytes();
    let retained = writer.retain(u64::MAX, 0).unwrap();
    assert!(retained.segments >= 1);
    assert_eq!(writer.bytes(), before - retained.bytes);
    for time in 0..3 {
        append(&mut writer, tap, time, &[0; 1_000]).unwrap();
    }
    let on_disk: u64 = place
        .segments()
        .iter()
        .map(|name| place.path().join(name).metadata().unwrap().len())
        .sum();
    assert_eq!(writer.bytes(), on_disk);
}

#[test]
fn a_slow_log_is_bounded_by_age_too() {
    let place = Place::new();
    let options = Options {
        age_ns_max: Some(80),
        ..small()
    };
    let (mut writer, _) = place.writer(&options);
    let tap = writer.stream("a", "b").unwrap();
    for now_ns in 0..300 {
        append(&mut writer, tap, now_ns, b"x").unwrap();
        writer.retain(u64::MAX, now_ns).unwrap();
    }
    let left = read_all(&place.dir);
    let oldest = left[0].header.written_ns;
    // The bound, and the span of one segment.
    assert!(oldest >= 300 - 80 - 12, "{oldest}");
    assert!(oldest <= 300 - 80, "{oldest}");
}

#[test]
fn an_owed_segment_goes_only_when_told() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    let appended = fill(&mut writer, tap);
    assert_eq!(writer.retain(0, 0).unwrap().segments, 0);
    let retained = writer.remove_owed(appended / 4).unwrap();
    assert!(retained.last_block.unwrap() < appended / 4);
    // The segment being written stays, whatever is said.
    writer.remove_owed(u64::MAX).unwrap();
    assert_eq!(place.segments().len(), 1);
    append(&mut writer, tap, 0, b"x").unwrap();
}

#[test]
fn numbers_and_chain_go_on_across_what_was_removed() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    let appended = fill(&mut writer, tap);
    writer.remove_owed(u64::MAX).unwrap();
    writer.close().unwrap();
    let (mut writer, report) = place.writer(&small());
    assert_eq!(report.next_block, appended);
    assert_eq!(writer.stream_records(tap), appended);
    append(&mut writer, tap, 0, b"x").unwrap();
    assert_eq!(verify(&place.dir, None).unwrap().problem, None);
}

#[test]
fn a_reader_is_told_what_was_removed_under_it() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    let appended = fill(&mut writer, tap);
    let mut reader = Reader::open(&place.dir).unwrap();
    let mut block = Block::default();
    assert!(reader.next(&mut block).unwrap());
    let retained = writer.remove_owed(appended / 2).unwrap();
    let removed_to = retained.last_block.unwrap();
    // What it has open it may still read; then it hears of the hole.
    let mut last = block.header.block;
    let (from, to) = loop {
        match reader.next(&mut block) {
            Ok(more) => {
                assert!(more);
                assert_eq!(block.header.block, last + 1);
                last = block.header.block;
            }
            Err(ReadError::Gone { from, to }) => break (from, to),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!((from, to), (last + 1, removed_to));
    assert!(reader.next(&mut block).unwrap());
    assert_eq!(block.header.block, to + 1);

    let sought = reader.seek_block(3);
    assert!(matches!(sought, Err(ReadError::Gone { from: 3, to }) if to == removed_to));
    assert!(reader.next(&mut block).unwrap());
    assert_eq!(block.header.block, removed_to + 1);
    let sought = reader.seek_seq(3);
    assert!(matches!(sought, Err(ReadError::GoneRecords { from: 3, to }) if to == removed_to));
    assert!(reader.next(&mut block).unwrap());
    assert_eq!(block.header.first_seq, removed_to + 1);
    reader.seek_block(removed_to + 1).unwrap();
}
