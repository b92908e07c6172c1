#![allow(clippy::unwrap_used)]

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
