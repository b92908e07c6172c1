#![allow(clippy::unwrap_used)]

mod damage;

use super::*;
use crate::support::{Place, append, small};
use crate::{Writer, block};
use ed25519_dalek::SigningKey;

const KEY: [u8; 32] = [5; 32];

fn key() -> SigningKey {
    SigningKey::from_bytes(&KEY)
}

/// A log of several segments, signed at block 19 and 39 of 0..=49.
fn signed() -> (Place, Writer) {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    for time in 0..50 {
        append(&mut writer, tap, time, &[1; 300]).unwrap();
        if time % 20 == 19 {
            let head = writer.sign_head(&key(), time).unwrap().unwrap();
            assert_eq!(head.block, time);
            assert_eq!(writer.sign_head(&key(), time).unwrap(), None);
        }
    }
    (place, writer)
}

#[test]
fn evidence_reaches_to_the_last_signed_head() {
    let (place, writer) = signed();
    let report = verify(&place.dir, Some(&key().verifying_key())).unwrap();
    assert_eq!(report.problem, None);
    assert_eq!((report.blocks, report.records), (50, 50));
    assert_eq!(report.heads, 2);
    assert_eq!(report.signed_to, Some(39));
    assert_eq!(report.blocks_unsigned, 10);
    writer.close().unwrap();
    let report = verify(&place.dir, None).unwrap();
    assert_eq!(report.problem, None);
    assert_eq!((report.signed_to, report.blocks_unsigned), (None, 50));
}

#[test]
fn another_key_has_signed_nothing() {
    let (place, _writer) = signed();
    let other = SigningKey::from_bytes(&[6; 32]).verifying_key();
    let report = verify(&place.dir, Some(&other)).unwrap();
    let expected = "heads, entry 0, block 19: the signature is not by this key over this log";
    assert_eq!(report.problem.unwrap().to_string(), expected);
    assert_eq!(report.signed_to, None);
}

#[test]
fn a_log_rewritten_with_a_good_chain_is_found_out_by_its_heads() {
    let (place, writer) = signed();
    writer.close().unwrap();
    // The same log with another byte in one frame, chain and checksums all right.
    let forged = Place::new();
    let (mut writer, _) = forged.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    for time in 0..50 {
        let byte = if time == 30 { 2 } else { 1 };
        append(&mut writer, tap, time, &[byte; 300]).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(verify(&forged.dir, None).unwrap().problem, None);
    let heads = |place: &Place| place.path().join(heads::HEADS_FILE);
    std::fs::copy(heads(&place), heads(&forged)).unwrap();
    let report = verify(&forged.dir, Some(&key().verifying_key())).unwrap();
    let expected = "heads, entry 1, block 39: the block has another hash than the one signed";
    assert_eq!(report.problem.unwrap().to_string(), expected);
    assert_eq!(report.signed_to, Some(19));
}

#[test]
fn a_log_cut_behind_a_signed_head_is_found_out() {
    let (place, writer) = signed();
    drop(writer);
    let names = place.segments();
    for name in &names[names.len() - 3..] {
        std::fs::remove_file(place.path().join(name)).unwrap();
    }
    let report = verify(&place.dir, Some(&key().verifying_key())).unwrap();
    let expected = "heads, entry 1, block 39: the block signed is not there";
    assert_eq!(report.problem.unwrap().to_string(), expected);
}

#[test]
fn heads_of_removed_blocks_are_no_problem_but_the_last_one_removed_is_checked() {
    let (place, mut writer) = signed();
    let removed = writer.remove_owed(30).unwrap();
    let public = key().verifying_key();
    let report = verify(&place.dir, Some(&public)).unwrap();
    assert_eq!(report.problem, None);
    assert_eq!((report.heads_before, report.signed_to), (1, Some(39)));
    let (block, hash) = (removed.last_block.unwrap(), [1; 32]);
    let signed = heads::signed_bytes(&[7; 16], block, &hash, 0);
    let signature = ed25519_dalek::Signer::sign(&key(), &signed).to_bytes();
    let head = heads::Head {
        block,
        hash,
        time_ns: 0,
        signature,
    };
    std::fs::write(place.path().join(heads::HEADS_FILE), head.encode()).unwrap();
    let problem = verify(&place.dir, Some(&public)).unwrap().problem;
    assert_eq!(
        problem,
        Some(Problem::Head {
            index: 0,
            block: Some(block),
            fault: HeadFault::Hash
        })
    );
}

#[test]
fn a_segment_missing_in_the_middle_is_said() {
    let (place, writer) = signed();
    writer.close().unwrap();
    let names = place.segments();
    std::fs::remove_file(place.path().join(&names[1])).unwrap();
    let problem = verify(&place.dir, None).unwrap().problem.unwrap();
    let name = &names[2];
    assert_eq!(
        problem.to_string(),
        format!("{name}, offset 0: it does not name the hash of the block before")
    );
}

#[test]
fn numbers_above_the_ceiling_are_said() {
    let (place, writer) = signed();
    let early = std::fs::read(place.path().join(crate::ceiling::CEILING_FILE)).unwrap();
    writer.close().unwrap();
    let dir_file = place.dir.open(".").unwrap().into_std();
    let low = Ceiling {
        log_id: [7; 16],
        block: 10,
        seq: 10,
        block_end: 0,
        clean: false,
    };
    low.store(&place.dir, &dir_file).unwrap();
    let problem = verify(&place.dir, None).unwrap().problem;
    assert_eq!(
        problem,
        Some(Problem::AboveCeiling {
            block_end: 50,
            seq_end: 50
        })
    );
    std::fs::write(place.path().join(crate::ceiling::CEILING_FILE), early).unwrap();
    assert_eq!(verify(&place.dir, None).unwrap().problem, None);
}

#[test]
fn a_newer_segment_is_refused_as_newer() {
    let (place, writer) = signed();
    writer.close().unwrap();
    let name = place.segments().pop().unwrap();
    let path = place.path().join(&name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let said = format!(
        "{name}, offset 0: format version 2 is newer than this build's {}",
        block::FORMAT_VERSION
    );
    let open = Writer::open(place.dir.try_clone().unwrap(), small(), 0);
    assert_eq!(open.unwrap_err().to_string(), said);
    let problem = verify(&place.dir, None).unwrap().problem.unwrap();
    assert_eq!(problem.to_string(), said);
}

#[test]
fn a_live_log_is_verified_without_false_alarm() {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    let tap = writer.stream("a", "b").unwrap();
    append(&mut writer, tap, 0, b"x").unwrap();
    let handle = writer.sync_handle();
    let done = std::sync::atomic::AtomicBool::new(false);
    let ordering = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let (place, done) = (&place, &done);
        scope.spawn(move || {
            for time in 1..4_000 {
                append(&mut writer, tap, time, &[1; 500]).unwrap();
                if time % 100 == 0 {
                    writer.remove_owed(time.saturating_sub(500)).unwrap();
                    handle.sign_head(&key(), time).unwrap();
                }
            }
            done.store(true, ordering);
        });
        scope.spawn(move || {
            while !done.load(ordering) {
                let report = verify(&place.dir, Some(&key().verifying_key())).unwrap();
                assert_eq!(report.problem, None);
            }
        });
    });
}
