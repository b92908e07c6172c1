#![allow(clippy::unwrap_used)]

mod crash;
mod model;

use crate::support::{Place, append, columns, read_all, small};
use crate::{AppendError, Kind, OpenError, Options, Reader, StreamId, Writer};

/// 28 February 2026, one second before midnight UTC.
const NOW_NS: u64 = 1_772_323_199_000_000_000;

#[test]
fn what_was_appended_is_read_back() {
    let place = Place::new();
    let (mut writer, report) = place.writer(&small());
    assert!(report.created);
    assert_eq!((report.next_block, report.next_seq), (0, 0));
    let tap = writer.stream("harbour", "udp:239.0.0.1:5000").unwrap();
    let first = columns(&[(10, b"one"), (12, b""), (11, b"three")]);
    let appended = writer.append(Kind::Frames, tap, &first, 100).unwrap();
    assert_eq!((appended.block, appended.first_seq), (0, 0));
    let tick = writer.append_tick(StreamId::NONE, 20, 101).unwrap();
    assert_eq!((tick.block, tick.first_seq), (1, 3));
    let ruling = columns(&[(21, b"lifted")]);
    let ruling = writer
        .append(Kind::Rulings, StreamId::NONE, &ruling, 102)
        .unwrap();
    assert_eq!((ruling.block, ruling.first_seq), (2, 3));
    let last = append(&mut writer, tap, 30, b"four").unwrap();
    assert_eq!((last.block, last.first_seq), (3, 3));

    let blocks = read_all(&place.dir);
    assert_eq!(blocks.len(), 4);
    assert_eq!(blocks[0].columns, first);
    let header = &blocks[0].header;
    assert_eq!((header.time_min_ns, header.time_max_ns), (10, 12));
    assert_eq!((header.written_ns, header.time_steps), (100, 1));
    assert_eq!(blocks[1].header.kind, Kind::Tick);
    assert_eq!(blocks[2].header.kind, Kind::Rulings);
    assert_eq!(blocks[3].header.stream_first, 3);
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].header.prev_hash, pair[0].hash);
    }
}

#[test]
fn a_clean_close_skips_no_number() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    for time in 0..100 {
        append(&mut writer, tap, time, &[0; 100]).unwrap();
    }
    writer.close().unwrap();
    let (mut writer, report) = place.writer(&small());
    assert!(report.clean);
    assert_eq!((report.next_block, report.next_seq), (100, 100));
    assert_eq!((report.blocks_skipped, report.seqs_skipped), (0, 0));
    assert_eq!(writer.stream("a", "b").unwrap(), tap);
    assert_eq!(writer.stream_records(tap), 100);
    append(&mut writer, tap, 100, b"next").unwrap();
    let blocks = read_all(&place.dir);
    assert_eq!(blocks.len(), 101);
    assert!(place.segments().len() > 1);
}

#[test]
fn an_unclean_start_reuses_no_number_and_says_how_many_it_skips() {
    let place = Place::new();
    let mut used = Vec::new();
    for round in 0..3 {
        let (mut writer, report) = place.writer(&small());
        assert_eq!(report.clean, round == 0);
        assert_eq!(report.blocks_skipped > 0, round > 0);
        let tap = writer.stream("a", "b").unwrap();
        assert_eq!(writer.stream_records(tap), round * 5);
        for time in 0..5 {
            let appended = append(&mut writer, tap, time, b"x").unwrap();
            used.push((appended.block, appended.first_seq));
        }
        // Dropped, not closed.
    }
    assert!(used.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(used.windows(2).all(|pair| pair[0].1 < pair[1].1));
    let read: Vec<_> = read_all(&place.dir)
        .iter()
        .map(|block| (block.header.block, block.header.first_seq))
        .collect();
    assert_eq!(read, used);
}

#[test]
fn a_second_writer_is_refused_and_told_whose_the_log_is() {
    let place = Place::new();
    let options = Options {
        command: "outrigger run".to_owned(),
        ..small()
    };
    let dir = place.dir.try_clone().unwrap();
    let (_writer, _) = Writer::open(dir, options, NOW_NS).unwrap();
    let refused = Writer::open(place.dir.try_clone().unwrap(), small(), NOW_NS);
    let Err(OpenError::Lock(error)) = refused else {
        panic!("the second writer was not refused");
    };
    let said = error.to_string();
    let pid = std::process::id();
    let expected = format!("in use by pid {pid} (outrigger run), since 2026-02-28T23:59:59Z");
    assert_eq!(said, expected);
}

#[test]
fn a_reader_of_an_empty_log_finds_the_first_block_later() {
    let place = Place::new();
    let mut reader = Reader::open(&place.dir).unwrap();
    let mut block = crate::Block::default();
    assert!(!reader.next(&mut block).unwrap());
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    assert!(!reader.next(&mut block).unwrap());
    append(&mut writer, tap, 1, b"x").unwrap();
    assert!(reader.next(&mut block).unwrap());
    assert_eq!(block.columns.get(0), Some(&b"x"[..]));
    assert!(!reader.next(&mut block).unwrap());
}

#[test]
fn blocks_outside_the_bounds_are_refused_and_take_no_number() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    let empty = writer.append(Kind::Frames, tap, &columns(&[]), 0);
    assert!(matches!(empty, Err(AppendError::Empty)));
    let large = vec![0; crate::block::BODY_BYTES_MAX];
    let large = append(&mut writer, tap, 0, &large);
    assert!(matches!(large, Err(AppendError::TooLarge { .. })));
    let unknown = append(&mut writer, StreamId(9), 0, b"x");
    assert!(matches!(unknown, Err(AppendError::Stream(StreamId(9)))));
    let appended = append(&mut writer, tap, 0, b"x").unwrap();
    assert_eq!((appended.block, appended.first_seq), (0, 0));
}

#[test]
fn a_stream_registered_later_has_records_of_its_own() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let one = writer.stream("harbour", "file:/a.pcap:10").unwrap();
    append(&mut writer, one, 5, b"x").unwrap();
    let two = writer.stream("harbour", "file:/b.pcap:11").unwrap();
    assert_ne!(one, two);
    append(&mut writer, two, 1, b"y").unwrap();
    append(&mut writer, one, 4, b"z").unwrap();
    assert_eq!(writer.streams()[0].time_steps, 1);
    assert_eq!(writer.streams()[1].time_steps, 0);
    drop(writer);
    let (mut writer, _) = place.writer(&small());
    assert_eq!(writer.stream("harbour", "file:/a.pcap:10"), Ok(one));
    assert_eq!(writer.stream("harbour", "file:/b.pcap:11"), Ok(two));
    assert_eq!(writer.stream_records(one), 2);
    assert_eq!(writer.stream_records(two), 1);
    let firsts: Vec<_> = read_all(&place.dir)
        .iter()
        .map(|block| (block.header.stream, block.header.stream_first))
        .collect();
    assert_eq!(firsts, [(one, 0), (two, 0), (one, 1)]);
}

#[test]
fn streams_are_bounded_and_only_one_without_records_held_makes_room() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let mut ids = Vec::new();
    for number in 0..crate::segment::STREAMS_MAX {
        let id = writer.stream(&format!("tap {number}"), "o").unwrap();
        append(&mut writer, id, 0, &[0; 3_000]).unwrap();
        ids.push(id);
    }
    let full = writer.stream("one more", "o");
    assert_eq!(full, Err(crate::StreamError::TooMany));
    writer.remove_owed(u64::MAX).unwrap();
    let id = writer.stream("one more", "o").unwrap();
    assert!(!ids.contains(&id));
    append(&mut writer, id, 0, b"x").unwrap();
    assert_eq!(writer.stream_records(ids[0]), 0);
    assert_eq!(writer.stream_records(ids[1]), 1);
    let long = writer.stream(&"n".repeat(256), "o");
    assert!(matches!(long, Err(crate::StreamError::TooLong { .. })));
}

#[test]
fn options_that_leave_no_room_are_refused() {
    let place = Place::new();
    let open = |options| Writer::open(place.dir.try_clone().unwrap(), options, 0).unwrap_err();
    let error = open(Options {
        segment_bytes_max: 100,
        ..small()
    });
    assert_eq!(error.to_string(), "segment_bytes_max 100 is below 4096");
    let error = open(Options {
        bytes_max: 1 << 20,
        ..small()
    });
    assert_eq!(
        error.to_string(),
        "bytes_max 1048576 is below 1056768: two segments and 1048576 for rulings"
    );
}

#[test]
fn segments_without_a_ceiling_and_of_another_log_are_refused() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 0, b"x").unwrap();
    writer.close().unwrap();
    let other = Place::new();
    let (other_writer, _) = other.writer(&Options {
        log_id: Some([8; 16]),
        ..small()
    });
    other_writer.close().unwrap();
    let ceiling = |place: &Place| place.path().join(crate::ceiling::CEILING_FILE);
    let open = || Writer::open(place.dir.try_clone().unwrap(), small(), 0).unwrap_err();
    std::fs::remove_file(ceiling(&place)).unwrap();
    assert!(matches!(open(), OpenError::CeilingMissing));
    std::fs::copy(ceiling(&other), ceiling(&place)).unwrap();
    assert!(matches!(open(), OpenError::LogId));
    assert_eq!(read_all(&place.dir).len(), 1);
}

#[test]
fn a_log_without_a_given_identity_draws_one() {
    let options = Options {
        log_id: None,
        ..small()
    };
    let (one, two) = (Place::new(), Place::new());
    assert_ne!(
        one.writer(&options).0.log_id(),
        two.writer(&options).0.log_id()
    );
}
