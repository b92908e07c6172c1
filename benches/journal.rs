//! Journal append against plain `write`, and read against plain `read`, of the same bytes.
//!
//! The two are interleaved in one run, so that a busy machine slows both alike, and each figure is
//! the median over all rounds. Plain `write` is one system call per block, of bytes that are ready.
//! Plain `read` is one system call per 256 KiB, the bytes left as they are. So the ratios show what
//! numbering, checksum, hash chain and columns cost. Files stay in the page cache: this measures
//! processor time, not the disk.
//!
//! `cargo bench -p outrigger-journal [-- --quick] [DIRECTORY]`

#[path = "history.rs"]
mod history;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger_journal::{Block, Kind, Options, Reader, Writer};
use outrigger_policy::Columns;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

/// Rounds per shape. Source: medians differ by less than 3 % between runs.
const ROUNDS: usize = 31;
const ROUNDS_QUICK: usize = 3;

/// Bytes per round and shape, so that a round takes some milliseconds.
const ROUND_BYTES: usize = 16 << 20;

/// Blocks per round. Source: fewer than a ceiling reserves, as no thread syncs here.
const BLOCKS_MAX: usize = 50_000;

const READ_BYTES: usize = 256 << 10;

/// A block's records and the bytes of each.
const SHAPES: [(usize, usize); 4] = [(1, 80), (64, 80), (256, 80), (64, 1_000)];

fn main() {
    let parent = history::word().unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").to_owned());
    println!("records  bytes    append ns/record        read ns/record");
    println!("/block   /record  journal  plain  ratio   journal  plain  ratio");
    for (records, record_bytes) in SHAPES {
        let place = tempfile::tempdir_in(&parent).expect("the directory can be written");
        let times = measure(place.path(), records, record_bytes).expect("files can be used");
        let [append, write, next, read] = times;
        println!(
            "{records:>7}  {record_bytes:>7}  {append:>7.1}  {write:>5.1}  {:>5.2}   {next:>7.1}  \
             {read:>5.1}  {:>5.2}",
            append / write,
            next / read
        );
        for (what, ns, plain_ns) in [("append", append, write), ("read", next, read)] {
            history::Line::new("journal", what)
                .number("block_records", records as f64)
                .number("record_bytes", record_bytes as f64)
                .ns_per_message(ns)
                .number("plain_ns", plain_ns)
                .number("ratio", ns / plain_ns)
                .append();
        }
    }
}

/// Median ns per record of journal append, plain write, journal read and plain read.
fn measure(path: &Path, records: usize, record_bytes: usize) -> io::Result<[f64; 4]> {
    let mut columns = Columns::new();
    for index in 0..records {
        // Bytes that no compression or zero page can make cheap.
        let record: Vec<u8> = (0..record_bytes)
            .map(|byte| (byte.wrapping_mul(31) ^ index.wrapping_mul(17)) as u8)
            .collect();
        columns.push(index as u64, &record);
    }
    let block_bytes =
        outrigger_journal::block::HEADER_BYTES + columns.bytes().len() + 12 * columns.len();
    let blocks = (ROUND_BYTES / block_bytes).min(BLOCKS_MAX);
    let ready = vec![0x5a; block_bytes];
    let mut times = [const { Vec::new() }; 4];
    let rounds = if history::is_quick() {
        ROUNDS_QUICK
    } else {
        ROUNDS
    };
    for round in 0..rounds {
        let log = path.join(format!("log-{round}"));
        std::fs::create_dir(&log)?;
        let dir = Dir::open_ambient_dir(&log, ambient_authority())?;
        let (mut writer, _) =
            Writer::open(dir.try_clone()?, Options::new("bench"), 0).map_err(io::Error::other)?;
        let tap = writer.stream("bench", "").map_err(io::Error::other)?;

        let start = Instant::now();
        for _ in 0..blocks {
            let appended = writer.append(Kind::Frames, tap, &columns, 0);
            black_box(appended.map_err(io::Error::other)?);
        }
        times[0].push(start.elapsed());

        let plain = path.join(format!("plain-{round}"));
        let mut file = File::create(&plain)?;
        let start = Instant::now();
        for _ in 0..blocks {
            file.write_all(black_box(&ready))?;
        }
        times[1].push(start.elapsed());

        let mut reader = Reader::open(&dir).map_err(io::Error::other)?;
        let mut block = Block::default();
        let mut read = 0;
        let start = Instant::now();
        while reader.next(&mut block).map_err(io::Error::other)? {
            read += 1;
            black_box(&block);
        }
        times[2].push(start.elapsed());
        assert_eq!(read, blocks, "every block appended is read");

        let mut file = File::open(&plain)?;
        let mut bytes = vec![0; READ_BYTES];
        let start = Instant::now();
        while file.read(&mut bytes)? > 0 {
            black_box(&bytes);
        }
        times[3].push(start.elapsed());
        drop(writer);
        std::fs::remove_dir_all(&log)?;
        std::fs::remove_file(&plain)?;
    }
    let records = (blocks * records) as f64;
    Ok(times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_nanos() as f64 / records
    }))
}
