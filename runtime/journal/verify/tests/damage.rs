//! Every byte of a small log damaged, and the log cut at every byte: never a wrong record, never a
//! panic, loss only past the last good block, and said.

use crate::support::{Place, append, columns, copy, read_all, small};
use crate::{Block, Kind, Reader, StreamId, Writer, verify};
use std::path::Path;

/// A log of three segments, closed or left.
fn small_log(closed: bool) -> (Place, Vec<Block>) {
    let place = Place::new();
    let (mut writer, _) = place.writer(&small());
    for tap in ["a", "b", "c"] {
        let tap = writer.stream(tap, "o").unwrap();
        append(&mut writer, tap, 1, b"first").unwrap();
        writer.append_tick(StreamId::NONE, 2, 3).unwrap();
        let ruling = columns(&[(4, b"r")]);
        writer.append(Kind::Rulings, tap, &ruling, 5).unwrap();
        append(&mut writer, tap, 6, b"").unwrap();
    }
    assert_eq!(place.segments().len(), 3);
    if closed {
        writer.close().unwrap();
    } else {
        drop(writer);
    }
    let blocks = read_all(&place.dir);
    assert_eq!(blocks.len(), 12);
    (place, blocks)
}

fn same(left: &Block, right: &Block) -> bool {
    left.header == right.header && left.columns == right.columns && left.hash == right.hash
}

fn is_prefix(read: &[Block], whole: &[Block]) -> bool {
    read.len() <= whole.len()
        && read
            .iter()
            .zip(whole)
            .all(|(left, right)| same(left, right))
}

/// Reads to the end or to the first error, which is returned as text.
fn read_some(place: &Place) -> (Vec<Block>, Option<String>) {
    let mut blocks = Vec::new();
    let mut block = Block::default();
    let mut reader = match Reader::open(&place.dir) {
        Ok(reader) => reader,
        Err(error) => return (blocks, Some(error.to_string())),
    };
    loop {
        match reader.next(&mut block) {
            Ok(true) => blocks.push(block.clone()),
            Ok(false) => break,
            Err(error) => return (blocks, Some(error.to_string())),
        }
    }
    let end = reader.check_end();
    (blocks, end.err().map(|error| error.to_string()))
}

/// Checks a damaged copy of a log: what a reader, verification and the next opening make of it.
/// `good` blocks stand before the damage. `silent` is for a log left open that ends behind a whole
/// block: nobody can know that there was more.
fn check(place: &Place, whole: &[Block], good: usize, silent: bool, what: &str) {
    let (read, error) = read_some(place);
    assert!(is_prefix(&read, whole), "{what}: a wrong record");
    let lost = read.len() < whole.len();
    assert!(read.len() >= good, "{what}: the reader lost a good block");
    let report = verify(&place.dir, None).unwrap();
    let said = report.problem.is_some() || report.tail_bytes > 0;
    if lost && !silent {
        assert!(error.is_some() || said, "{what}: loss not said");
    }
    match Writer::open(place.dir.try_clone().unwrap(), small(), 0) {
        Ok((mut writer, opened)) => {
            let after = read_all(&place.dir);
            assert!(
                is_prefix(&after, whole),
                "{what}: a wrong record after opening"
            );
            assert!(after.len() >= good, "{what}: opening lost a good block");
            if after.len() < whole.len() {
                let told = opened.cut.is_some() || opened.blocks_missing > 0;
                assert!(
                    told || !opened.clean,
                    "{what}: opening did not say what it lost"
                );
            }
            let last = whole[whole.len() - 1].header.block;
            let tap = writer.stream("a", "o").unwrap();
            let appended = append(&mut writer, tap, 9, b"after").unwrap();
            assert!(appended.block > last, "{what}: block number used again");
            assert!(appended.first_seq > 5, "{what}: sequence number used again");
            writer.close().unwrap();
            let report = verify(&place.dir, None).unwrap();
            assert_eq!(report.problem, None, "{what}");
            assert_eq!(report.blocks, after.len() as u64 + 1, "{what}");
        }
        // Refused: nothing was changed.
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(read_some(place).0.len(), read.len(), "{what}");
        }
    }
}

/// For every segment: its name, its bytes, and for every offset the number of blocks of the log
/// that end at or before it.
fn segments(place: &Place, blocks: &[Block]) -> Vec<(String, Vec<u8>, Vec<usize>)> {
    let mut before = 0;
    let mut all = Vec::new();
    for name in place.segments() {
        let bytes = std::fs::read(place.path().join(&name)).unwrap();
        let mine = &blocks[before..before + 4];
        let blocks_bytes: usize = mine.iter().map(|block| block.header.block_bytes()).sum();
        let mut end = bytes.len() - blocks_bytes;
        let mut good = vec![before; bytes.len() + 1];
        for block in mine {
            end += block.header.block_bytes();
            before += 1;
            good[end..].fill(before);
        }
        all.push((name, bytes, good));
    }
    all
}

fn write(path: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(path.join(name), bytes).unwrap();
}

#[test]
fn a_changed_byte_anywhere_costs_only_what_is_behind_it() {
    let (place, blocks) = small_log(true);
    for (name, bytes, good) in segments(&place, &blocks) {
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 0x41;
            let damaged = copy(place.path());
            write(damaged.path(), &name, &changed);
            let report = verify(&damaged.dir, None).unwrap();
            let what = format!("{name}, byte {index}");
            assert!(report.problem.is_some(), "{what}: not found");
            assert_eq!(report.blocks, good[index] as u64, "{what}");
            check(&damaged, &blocks, good[index], false, &what);
        }
    }
}

#[test]
fn a_log_cut_anywhere_keeps_every_whole_block() {
    for closed in [true, false] {
        let (place, blocks) = small_log(closed);
        let all = segments(&place, &blocks);
        for (index, (name, bytes, good)) in all.iter().enumerate() {
            for len in 0..bytes.len() {
                let cut = copy(place.path());
                write(cut.path(), name, &bytes[..len]);
                let on_a_block = len > 0 && good[len] > good[len - 1];
                let silent = !closed && on_a_block && index + 1 == all.len();
                let what = format!("{name} cut to {len}");
                check(&cut, &blocks, good[len], silent, &what);
            }
        }
    }
}

#[test]
fn a_log_that_simply_ends_anywhere_is_cut_at_its_last_whole_block() {
    // As after a kill in the middle of a write: the last segments of an open log.
    let (place, blocks) = small_log(false);
    let all = segments(&place, &blocks);
    for last in 0..all.len() {
        let (name, bytes, good) = &all[last];
        for len in 0..bytes.len() {
            let cut = copy(place.path());
            for (later, ..) in &all[last + 1..] {
                std::fs::remove_file(cut.path().join(later)).unwrap();
            }
            write(cut.path(), name, &bytes[..len]);
            let (read, _) = read_some(&cut);
            if len >= bytes.len() - 4 * crate::block::HEADER_BYTES {
                assert_eq!(read.len(), good[len], "{name} cut to {len}");
            }
            let dir = cut.dir.try_clone().unwrap();
            let (writer, report) = Writer::open(dir, small(), 0).unwrap();
            let after = read_all(&cut.dir);
            assert_eq!(after.len(), good[len], "{name} cut to {len}");
            assert!(is_prefix(&after, &blocks));
            assert_eq!(report.cut.map_or(0, |cut| cut.blocks_behind), 0);
            let on_a_block = len == bytes.len() || (len > 0 && good[len] > good[len - 1]);
            assert_eq!(report.cut.is_none(), on_a_block, "{name} cut to {len}");
            drop(writer);
        }
    }
}

#[test]
fn damage_in_the_middle_says_how_much_is_lost_behind_it() {
    let (place, blocks) = small_log(true);
    let (name, mut bytes, good) = segments(&place, &blocks).pop().unwrap();
    let index = good.iter().position(|&good| good == 9).unwrap() + 20;
    bytes[index] ^= 1;
    write(place.path(), &name, &bytes);
    let (_, report) = place.writer(&small());
    let cut = report.cut.unwrap();
    assert_eq!(cut.blocks_behind, 2);
    assert_eq!(report.blocks_missing, 3);
    let offset = good.iter().position(|&good| good == 9).unwrap();
    let lost = bytes.len() - offset;
    assert_eq!(
        cut.to_string(),
        format!(
            "{name}, offset {offset}: the checksum of the header does not match: \
             cut {lost} bytes and removed 0 segments; 2 whole blocks stood behind it"
        )
    );
}

#[test]
fn random_files_in_the_place_of_a_log_are_refused_or_removed_without_panic() {
    let (place, _) = small_log(true);
    let name = &place.segments()[2];
    for seed in 0..200u32 {
        let damaged = copy(place.path());
        let mut state = seed.wrapping_mul(2_654_435_761);
        let garbage: Vec<u8> = (0..seed * 7)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_le_bytes()[3]
            })
            .collect();
        write(damaged.path(), name, &garbage);
        let report = verify(&damaged.dir, None).unwrap();
        assert!(report.problem.is_some());
        let (writer, report) = damaged.writer(&small());
        assert!(report.cut.is_some());
        assert_eq!(read_all(&damaged.dir).len(), 8);
        drop(writer);
    }
}
