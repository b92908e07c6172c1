#![allow(clippy::unwrap_used)]

use crate::AppendError;
use crate::ceiling::{Ceiling, RESERVE_BLOCKS};
use crate::support::{Place, append, columns, small};
use crate::{Kind, Options};

#[test]
fn a_sync_covers_every_segment_since_the_last() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    let handle = writer.sync_handle();
    assert_eq!(handle.sync().unwrap().block, None);
    for time in 0..100 {
        append(&mut writer, tap, time, &[0; 500]).unwrap();
    }
    assert!(place.segments().len() > 5);
    assert_eq!(handle.durable_below(), 0);
    let synced = std::thread::spawn({
        let handle = handle.clone();
        move || handle.sync().unwrap()
    });
    let tip = synced.join().unwrap();
    assert_eq!(tip, writer.tip());
    assert_eq!(tip.block, Some(99));
    assert_eq!(handle.durable_below(), 100);
    assert!(writer.shared.unsynced().rolled.is_empty());
}

#[test]
fn segments_waiting_for_a_sync_are_bounded() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    for time in 0..60 {
        append(&mut writer, tap, time, &[0; 4_000]).unwrap();
    }
    let waiting = writer.shared.unsynced().rolled.len();
    assert!(waiting <= super::UNSYNCED_SEGMENTS_MAX, "{waiting}");
    assert!(writer.sync_handle().durable_below() > 0);
}

#[test]
fn a_sync_extends_the_ceiling_before_an_append_needs_it() {
    let place = Place::new();
    let options = Options {
        segment_bytes_max: 8 << 20,
        bytes_max: 64 << 20,
        ..small()
    };
    let (mut writer, _) = place.writer(&options);
    let tap = writer.stream("a", "b").unwrap();
    let first = Ceiling::load(&place.dir).unwrap().unwrap();
    let mut block = columns(&[]);
    for time in 0..32_768 {
        block.push(time, b"");
    }
    // More than half of the sequence numbers reserved.
    for _ in 0..20 {
        writer.append(Kind::Frames, tap, &block, 0).unwrap();
    }
    assert_eq!(Ceiling::load(&place.dir).unwrap().unwrap(), first);
    writer.sync_handle().sync().unwrap();
    let second = Ceiling::load(&place.dir).unwrap().unwrap();
    assert!(second.seq > first.seq);
    assert!(second.block >= first.block);
    assert!(first.block > RESERVE_BLOCKS);
    assert!(!second.clean);
}

#[test]
fn a_failed_sync_is_never_tried_again_and_ends_appends() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 0, b"x").unwrap();
    let handle = writer.sync_handle();
    let first = handle
        .shared
        .poison("syncing a segment failed: EIO".to_owned());
    assert_eq!(handle.sync(), Err(first.clone()));
    assert!(matches!(
        append(&mut writer, tap, 1, b"y"),
        Err(AppendError::Failed(error)) if error == first
    ));
    assert_eq!(writer.close(), Err(first));
    // Opened again it is recovered from disk.
    let (_, report) = place.writer(&small());
    assert!(!report.clean);
    assert_eq!(report.last_block, Some(0));
}

#[test]
fn a_handle_that_outlives_its_writer_leaves_the_next_writer_alone() {
    let place = Place::new();
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let options = Options {
        bytes_max: 64 << 20,
        ..small()
    };
    for closed in [true, false] {
        let (mut writer, _) = place.writer(&options);
        let tap = writer.stream("a", "b").unwrap();
        // More than half of what is reserved, so that a sync would reserve more.
        let mut block = columns(&[]);
        for time in 0..60_000 {
            block.push(time, b"");
        }
        for _ in 0..10 {
            writer.append(Kind::Frames, tap, &block, 0).unwrap();
            writer.remove_owed(u64::MAX).unwrap();
        }
        let handle = writer.sync_handle();
        if closed {
            writer.close().unwrap();
        } else {
            drop(writer);
        }
        let (next, _) = place.writer(&options);
        let ceiling = Ceiling::load(&place.dir).unwrap();
        handle.sync().unwrap();
        assert_eq!(handle.sign_head(&key, 0).unwrap(), None);
        assert_eq!(Ceiling::load(&place.dir).unwrap(), ceiling);
        drop(next);
    }
}
