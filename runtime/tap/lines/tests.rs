#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;

use super::time::split;
use super::*;
use crate::clock::TestClock;
use crate::config::{Pace, TapConfig};
use crate::tests::{gzip, lines, open_tested, payloads, read_all, recordings};
use crate::{Tap, report::TapCounts};

/// A file of these bytes.
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn timed_hex(path: &Path) -> LinesConfig {
    LinesConfig {
        encoding: Encoding::Hex,
        time_column: true,
        ..lines(path)
    }
}

fn tap(config: LinesConfig) -> Box<dyn Tap> {
    open_tested(&TapConfig::Lines(config), 0)
}

#[test]
fn lines_are_frames() {
    let file = file(b"one\r\n\ntwo\n\nthree");
    let mut tap = tap(lines(file.path()));
    let frames = read_all(&mut *tap);
    assert_eq!(payloads(&frames), [&b"one"[..], b"two", b"three"]);
    assert!(frames.iter().all(|(time, _)| *time == TestClock::EPOCH_NS));
    let counts = TapCounts {
        frames: 3,
        bytes: 11,
        empty: 2,
        ..TapCounts::default()
    };
    assert_eq!(tap.counts(), counts);
    assert!(tap.finite() && !tap.recorded_time());
    let path = file.path().canonicalize().unwrap();
    assert_eq!(tap.origin(), format!("file:{}:16", path.display()));
}

#[test]
fn empty_file_ends_at_once() {
    let empty = file(b"");
    assert!(read_all(&mut *tap(lines(empty.path()))).is_empty());
}

#[test]
fn times_are_read_exactly() {
    for (line, time_ns, rest) in [
        ("1.5,a", 1_500_000_000, "a"),
        ("1700000000,a", 1_700_000_000_000_000_000, "a"),
        ("1700000000.123456789 \t a", 1_700_000_000_123_456_789, "a"),
        ("1700000000.000001\ta", 1_700_000_000_000_001_000, "a"),
        ("1700000000.1234567899;a", 1_700_000_000_123_456_789, "a"),
        ("1700000000123456789, a b", 1_700_000_000_123_456_789, "a b"),
        ("18446744073.709551615,", u64::MAX, ""),
        ("18446744073709551615,x", u64::MAX, "x"),
        ("0,,x", 0, ",x"),
    ] {
        let (time, at) = split(line.as_bytes()).expect(line);
        assert_eq!((time, &line[at..]), (time_ns, rest), "{line}");
    }
}

#[test]
fn times_that_cannot_be_are_refused() {
    for (line, why) in [
        ("", "no separator after the time"),
        ("1700000000", "no separator after the time"),
        (",a", "a time that is no decimal number"),
        (".5,a", "a time that is no decimal number"),
        ("5.,a", "a time that is no decimal number"),
        ("-1,a", "a time that is no decimal number"),
        ("1e9,a", "a time that is no decimal number"),
        ("1.2.3,a", "a time that is no decimal number"),
        ("nan,a", "a time that is no decimal number"),
        (
            "1700000000000,a",
            "a time that is neither seconds nor nanoseconds",
        ),
        (
            "1700000000000000,a",
            "a time that is neither seconds nor nanoseconds",
        ),
        (
            "18446744073.709551616,a",
            "a time outside the years 1970 to 2554",
        ),
        ("99999999999,a", "a time outside the years 1970 to 2554"),
        (
            "18446744073709551616,a",
            "a time outside the years 1970 to 2554",
        ),
        (
            "999999999999999999999999999,a",
            "a time outside the years 1970 to 2554",
        ),
        (
            "999999999999999999999999999.5,a",
            "a time outside the years 1970 to 2554",
        ),
    ] {
        assert_eq!(split(line.as_bytes()), Err(why), "{line}");
    }
}

#[test]
fn bad_lines_are_counted_and_the_first_is_named() {
    let file = file(
        b"1.0,1a2B 3c\n2.0,1a2\n3.0,zz\n,00\n\xff\xfe,00\n4.0,\n5.0,0011223344\n6.0,ff\n\n7.0 ff",
    );
    let mut config = timed_hex(file.path());
    config.frame_bytes_max = 4;
    let mut tap = tap(config);
    let frames = read_all(&mut *tap);
    let expected = [
        (1_000_000_000, vec![0x1a, 0x2b, 0x3c]),
        (6_000_000_000, vec![0xff]),
        (7_000_000_000, vec![0xff]),
    ];
    assert_eq!(frames, expected);
    let counts = TapCounts {
        frames: 3,
        bytes: 5,
        malformed: 4,
        empty: 2,
        oversized: 1,
        ..TapCounts::default()
    };
    assert_eq!(tap.counts(), counts);
    let first = tap.facts().first_malformed.unwrap();
    assert_eq!(first, "line 2: an odd number of digits");
    assert!(tap.recorded_time());
}

#[test]
fn long_lines_are_shed_whatever_their_length() {
    let long = vec![b'x'; 300_000];
    let file = file(&[b"a\n", &long[..], b"\nb\n", &long[..9], b"\n"].concat());
    let mut config = lines(file.path());
    config.frame_bytes_max = 8;
    let mut tap = tap(config);
    assert_eq!(payloads(&read_all(&mut *tap)), [b"a", b"b"]);
    assert_eq!(tap.counts().oversized, 2);
}

#[test]
fn gzip_is_known_by_its_content() {
    let text = b"one\ntwo\nthree\n";
    // Two members, as log rotation joins them.
    let file = file(&[gzip(text), gzip(text)].concat());
    let mut tap = tap(lines(file.path()));
    let frames = payloads(&read_all(&mut *tap));
    assert_eq!(frames.concat(), b"onetwothreeonetwothree");
    assert_eq!(tap.facts().cut, None);
}

#[test]
fn gzip_cut_anywhere_gives_its_good_part() {
    let text: String = (0..200)
        .map(|n| format!("line {n} {}\n", n * n * 7919))
        .collect();
    let whole: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let packed = gzip(text.as_bytes());
    for end in 2..packed.len() {
        let file = file(&packed[..end]);
        let mut tap = tap(lines(file.path()));
        let frames = payloads(&read_all(&mut *tap));
        assert_eq!(frames, whole[..frames.len()], "cut at {end}");
        assert_eq!(tap.counts().truncated, 1, "cut at {end}");
        let cut = tap.facts().cut.unwrap();
        assert!(cut.contains("the gzip stream is cut or damaged"), "{cut}");
    }
}

#[test]
fn gzip_damaged_anywhere_is_no_panic() {
    let packed = gzip(&b"some text\n".repeat(100));
    for at in 2..packed.len() {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        let file = file(&damaged);
        read_all(&mut *tap(lines(file.path())));
    }
}

#[test]
fn recorded_beast_lines_all_come() {
    let Some(folder) = recordings() else { return };
    let path = folder.join("adsb/rs1090_long_flight.csv.gz");
    let mut tap = tap(timed_hex(&path));
    let frames = read_all(&mut *tap);
    // The count is the recordings' README's.
    assert_eq!(frames.len(), 172_432);
    assert_eq!(tap.counts().malformed, 0);
    assert!(
        frames
            .iter()
            .all(|(_, f)| f[0] == 0x1a && [16, 23].contains(&f.len()))
    );
    // Against a reading of its own.
    let text = BufReader::new(flate2::read::MultiGzDecoder::new(
        std::fs::File::open(&path).unwrap(),
    ));
    for (line, (time_ns, frame)) in text.lines().zip(&frames) {
        let line = line.unwrap();
        let (time, hex) = line.split_once(',').unwrap();
        let ours: String = frame.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, ours);
        let seconds: f64 = time.parse().unwrap();
        assert!(
            (seconds * 1e9 - *time_ns as f64).abs() < 1_000.0,
            "{time} is {time_ns}"
        );
    }
}

#[test]
fn recorded_text_lines_all_come() {
    let Some(folder) = recordings() else { return };
    for (name, frames) in [
        ("adsb/adsb_deku_lax.avr.gz", Some(215_606)),
        ("ais/dma_ais-sample.txt.gz", Some(80_246)),
        ("ais/dma_538004030_drift_1.ais", None),
        ("ais/gpsd_ais-nmea.log", None),
        ("ais/signalk_nais300-merrimac.log", None),
    ] {
        let mut tap = tap(lines(&folder.join(name)));
        let read = read_all(&mut *tap);
        let counts = tap.counts();
        if let Some(frames) = frames {
            assert_eq!(counts.frames + counts.empty, frames, "{name}");
        }
        assert!(!read.is_empty(), "{name}");
        let losses = [counts.oversized, counts.malformed, counts.truncated];
        assert_eq!(losses, [0; 3], "{name}");
    }
}

#[test]
fn resumed_recording_is_the_tail_of_the_whole() {
    let Some(folder) = recordings() else { return };
    let config = TapConfig::Lines(lines(&folder.join("ais/dma_219165000_ssc_1.ais")));
    let whole = read_all(&mut *open_tested(&config, 0));
    for after in 0..=whole.len() + 1 {
        let mut tap = open_tested(&config, after as u64);
        assert_eq!(read_all(&mut *tap), whole[after.min(whole.len())..]);
        assert_eq!(tap.facts().resumed, Some(after.min(whole.len()) as u64));
    }
}

#[test]
fn pace_without_times_is_flat_out() {
    let file = file(b"a\nb\n");
    let mut config = lines(file.path());
    config.pace = Pace::Recorded(1.0);
    assert_eq!(payloads(&read_all(&mut *tap(config))), [b"a", b"b"]);
}
