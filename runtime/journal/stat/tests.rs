#![allow(clippy::unwrap_used)]

use super::*;
use crate::Kind;
use crate::block::StreamId;
use crate::support::{Place, append, columns, small};

#[test]
fn an_empty_directory_holds_nothing() {
    assert_eq!(stat(&Place::new().dir).unwrap(), Stat::default());
}

#[test]
fn a_log_is_told_without_reading_all_of_it() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let ruling = columns(&[(9_999_999, b"r")]);
    writer
        .append(Kind::Rulings, StreamId::NONE, &ruling, 1)
        .unwrap();
    let tap = writer.stream("a", "b").unwrap();
    for time in [500, 900, 700] {
        append(&mut writer, tap, time, &[0; 3_000]).unwrap();
    }
    drop(writer);
    let (mut writer, report) = place.writer(&small());
    append(&mut writer, tap, 800, b"x").unwrap();
    writer.append_tick(StreamId::NONE, 850, 1_000).unwrap();
    let told = stat(&place.dir).unwrap();
    assert_eq!(told.log_id, Some([7; 16]));
    assert_eq!(told.segments as usize, place.segments().len());
    assert_eq!(told.bytes, writer.bytes());
    assert_eq!(told.first_block, Some(0));
    assert_eq!(told.last_block, Some(report.next_block + 1));
    assert_eq!((told.first_seq, told.next_seq), (0, report.next_seq + 1));
    assert_eq!(told.blocks_skipped, report.blocks_skipped);
    assert_eq!(told.seqs_skipped, report.seqs_skipped);
    assert_eq!(told.time_first_ns, Some(500));
    assert_eq!(told.time_max_ns, Some(900));
    assert_eq!(told.written_ns, Some((1, 1_000)));
    assert_eq!(told.streams.len(), 1);
    assert_eq!(
        (told.streams[0].records, told.streams[0].time_steps),
        (4, 1)
    );
    assert_eq!(told.tail, None);
}

#[test]
fn a_torn_tail_is_told() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 1, b"x").unwrap();
    append(&mut writer, tap, 2, b"y").unwrap();
    drop(writer);
    let path = place.path().join(&place.segments()[0]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let told = stat(&place.dir).unwrap();
    assert_eq!(told.last_block, Some(0));
    assert!(told.tail.is_some());
}
