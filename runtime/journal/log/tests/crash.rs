//! A process killed at any moment, and a file system that runs out of room.

use crate::support::{Place, append, open_dir, read_all, small};
use crate::{AppendError, Block, Kind, Options, Reader, StreamId, Writer, verify};
use outrigger_policy::Columns;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const APPEND_DIR: &str = "OUTRIGGER_JOURNAL_APPEND_DIR";
const NO_ROOM_DIR: &str = "OUTRIGGER_JOURNAL_NO_ROOM_DIR";

/// Kills per run. Source: about 10 ms each; more in a longer run, by this variable.
const KILLS: &str = "OUTRIGGER_JOURNAL_KILLS";
const KILLS_DEFAULT: u64 = 60;

fn options() -> Options {
    Options {
        bytes_max: 1 << 30,
        ..small()
    }
}

/// The frame with this sequence number.
fn frame(seq: u64) -> Vec<u8> {
    let len = usize::try_from(seq * 37 % 800).unwrap();
    let mut frame = seq.to_le_bytes().to_vec();
    frame.resize(8 + len, u8::try_from(seq % 251).unwrap());
    frame
}

/// Not a test of its own: the process that is killed.
#[test]
fn appender() {
    let Some(path) = std::env::var_os(APPEND_DIR) else {
        return;
    };
    let (mut writer, report) = Writer::open(open_dir(path.as_ref()), options(), 0).unwrap();
    let mut out = std::io::stdout().lock();
    if let Some(cut) = report.cut {
        writeln!(out, "\ncut {}", cut.blocks_behind).unwrap();
    }
    let syncs = writer.sync_handle();
    std::thread::spawn(move || while syncs.sync().is_ok() {});
    let mut columns = Columns::new();
    for round in 0u64.. {
        let tap = writer.stream(&format!("tap {}", round % 3), "o").unwrap();
        let first_seq = writer.tip().next_seq;
        columns.clear();
        for seq in first_seq..first_seq + 1 + round % 4 {
            columns.push(seq, &frame(seq));
        }
        let appended = writer.append(Kind::Frames, tap, &columns, 0).unwrap();
        assert_eq!(appended.first_seq, first_seq);
        let count = columns.len();
        writeln!(out, "\nappended {} {first_seq} {count}", appended.block).unwrap();
        if round % 17 == 0 {
            writer.append_tick(StreamId::NONE, round, 0).unwrap();
        }
    }
}

/// Runs the appender, kills it after so many acknowledged blocks, and returns them as (block,
/// first sequence number, count): all that it printed, not only those awaited.
fn killed_after(place: &Place, blocks: u64) -> Vec<(u64, u64, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["log::tests::crash::appender", "--exact", "--nocapture"])
        .env(APPEND_DIR, place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut appended = Vec::new();
    let mut killed = false;
    for line in &mut lines {
        let line = line.unwrap();
        // Behind a torn tail nothing whole may stand.
        assert!(!line.starts_with("cut ") || line == "cut 0", "{line}");
        let words: Vec<&str> = line.split(' ').collect();
        let ["appended", block, first_seq, count] = words[..] else {
            continue;
        };
        // The last line may be cut by the kill; then it was not acknowledged.
        let (Ok(block), Ok(first_seq), Ok(count)) =
            (block.parse(), first_seq.parse(), count.parse())
        else {
            continue;
        };
        appended.push((block, first_seq, count));
        if !killed && appended.len() as u64 >= blocks {
            killed = true;
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(killed);
    appended
}

#[test]
fn a_killed_process_loses_nothing_acknowledged_and_reuses_no_number() {
    let place = Place::new();
    let kills = std::env::var(KILLS).map_or(KILLS_DEFAULT, |kills| kills.parse().unwrap());
    let mut reader = Reader::open(&place.dir).unwrap();
    let mut block = Block::default();
    let mut end = (0, 0);
    let mut random = 1u64;
    for _ in 0..kills {
        // Any sequence that varies will do: the kill's moment is random by itself.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let appended = killed_after(&place, 1 + (random >> 33) % 120);
        let mut appended = appended.into_iter().peekable();
        // One reader follows across all the kills.
        while reader.next(&mut block).unwrap() {
            let header = &block.header;
            assert!(header.block >= end.0 && header.first_seq >= end.1);
            end = (header.block + 1, header.seq_end());
            for (seq, (_, record)) in (header.first_seq..).zip(block.columns.iter()) {
                assert_eq!(record, frame(seq));
            }
            let told = (header.block, header.first_seq, u64::from(header.count));
            appended.next_if_eq(&told);
        }
        let lost: Vec<_> = appended.take(3).collect();
        assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
    }
    // The last kill may have left a torn tail; opening cuts it.
    let (writer, _) = place.writer(&options());
    let records: u64 = writer.streams().iter().map(|stream| stream.records).sum();
    writer.close().unwrap();
    let report = verify(&place.dir, None).unwrap();
    assert_eq!(report.problem, None);
    assert_eq!(report.records, records);
    assert!(report.blocks_skipped > 0);
}

/// Not a test of its own: runs where no file may pass 8 KiB.
#[test]
fn writer_without_room() {
    let Some(path) = std::env::var_os(NO_ROOM_DIR) else {
        return;
    };
    let options = Options {
        segment_bytes_max: 64 << 10,
        ..options()
    };
    let (mut writer, _) = Writer::open(open_dir(path.as_ref()), options, 0).unwrap();
    let tap = writer.stream("a", "b").unwrap();
    let mut appended = 0u64;
    let refused = loop {
        match append(&mut writer, tap, appended, &[7; 1_500]) {
            Ok(_) => appended += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::NoSpace { .. }), "{refused}");
    // The partial block is gone, its numbers are free, and a smaller block fits.
    let smaller = append(&mut writer, tap, 0, b"small").unwrap();
    assert_eq!((smaller.block, smaller.first_seq), (appended, appended));
    let again = append(&mut writer, tap, 0, &[7; 1_500]);
    assert!(matches!(again, Err(AppendError::NoSpace { .. })));
    // A new segment that does not fit leaves no file behind.
    let other = writer.stream("c", "d").unwrap();
    let large = append(&mut writer, other, 0, &[7; 20_000]);
    assert!(matches!(large, Err(AppendError::NoSpace { .. })));
    append(&mut writer, other, 0, b"small").unwrap();
    writer.close().unwrap();
    println!("\nblocks {}", appended + 2);
}

#[test]
fn a_write_that_finds_no_room_leaves_the_log_good() {
    let place = Place::new();
    // 16 units of 512 bytes; the signal that would end the process is ignored, so that the write
    // fails as it does on a full disk: after a part of it.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "log::tests::crash::writer_without_room",
            "--exact",
            "--nocapture",
        ])
        .env(NO_ROOM_DIR, place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let blocks = read_all(&place.dir);
    assert!(
        said.contains(&format!("\nblocks {}\n", blocks.len())),
        "{said}"
    );
    let report = verify(&place.dir, None).unwrap();
    assert_eq!((report.problem, report.tail_bytes), (None, 0));
    assert_eq!(place.segments().len(), 2);
}
