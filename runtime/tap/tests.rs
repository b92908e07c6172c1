#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use outrigger_policy::Columns;

use crate::clock::{Clock, SystemClock, TestClock};
use crate::{
    Encoding, Framing, LinesConfig, Pace, PcapConfig, Progress, ReadLimits, Tap, TapConfig,
    TcpConfig, UdpConfig, memory_bytes, open, open_with,
};

/// Limits that no test reaches by accident, without waiting.
pub(crate) fn limits() -> ReadLimits {
    ReadLimits {
        frames_max: 256,
        bytes_max: 256 * 1024,
        delay: Duration::ZERO,
        wait: Duration::ZERO,
    }
}

/// Reads to the end of a recording; every frame with its time.
pub(crate) fn read_all(tap: &mut dyn Tap) -> Vec<(u64, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut columns = Columns::new();
    // At recorded pace the test clock moves only while the tap waits.
    let waiting = ReadLimits {
        wait: Duration::from_secs(1),
        ..limits()
    };
    loop {
        columns.clear();
        let progress = tap.read(&mut columns, &waiting).unwrap();
        frames.extend(columns.iter().map(|(time, frame)| (time, frame.to_vec())));
        match progress {
            Progress::Frames => assert!(!columns.is_empty()),
            Progress::Idle => assert!(columns.is_empty()),
            Progress::End => {
                assert!(columns.is_empty());
                return frames;
            }
        }
    }
}

/// Frames without their times.
pub(crate) fn payloads(frames: &[(u64, Vec<u8>)]) -> Vec<Vec<u8>> {
    frames.iter().map(|(_, frame)| frame.clone()).collect()
}

/// Opens with the test clock.
pub(crate) fn open_tested(config: &TapConfig, resume_after: u64) -> Box<dyn Tap> {
    open_with(config, resume_after, Box::new(TestClock::default())).unwrap()
}

/// The folder of recordings; says so aloud where there is none.
pub(crate) fn recordings() -> Option<PathBuf> {
    let path = match std::env::var_os("OUTRIGGER_RECORDINGS") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings"),
    };
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: recordings absent");
    None
}

pub(crate) fn lines(path: &Path) -> LinesConfig {
    LinesConfig {
        path: path.to_owned(),
        encoding: Encoding::Text,
        time_column: false,
        pace: Pace::FlatOut,
        frame_bytes_max: 1024,
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Production sources of this crate: every file but tests and benchmarks.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("benches") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_name().is_some_and(|name| name != "tests.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 10);
    found
}

#[test]
fn no_source_calls_what_sends() {
    const SENDING: [&str; 9] = [
        "sendto",
        "sendmsg",
        "sendmmsg",
        "send_to",
        "write_all",
        ".write(",
        "io::Write",
        "shutdown",
        "splice",
    ];
    for (path, text) in sources() {
        for word in SENDING {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
        // The one channel within the process, by which a connection is handed over.
        let sends = text.matches(".send(").count();
        let allowed = if path.ends_with("tcp/connect.rs") {
            2
        } else {
            0
        };
        assert_eq!(sends, allowed, "{}", path.display());
    }
}

#[test]
fn memory_is_stated_for_every_kind() {
    let path = PathBuf::from("x");
    let udp = UdpConfig {
        address: "0.0.0.0".parse().unwrap(),
        group: None,
        port: 1,
        interface: None,
        receive_buffer_bytes: 4 << 20,
        datagram_bytes_max: 65_535,
    };
    let tcp = TcpConfig {
        host: "h".to_owned(),
        port: 1,
        framing: Framing::Beast,
        frame_bytes_max: 65_535,
    };
    let pcap = PcapConfig {
        path: path.clone(),
        port: None,
        pace: Pace::FlatOut,
        frame_bytes_max: 65_535,
    };
    let cases = [
        (TapConfig::Udp(udp), 64 * 65_535 + 2 * (4 << 20)),
        (TapConfig::Tcp(tcp), 64 * 1024),
        (TapConfig::Pcap(pcap), 262_144),
        (TapConfig::Lines(lines(&path)), 64 * 1024),
    ];
    for (config, at_least) in cases {
        let bytes = memory_bytes(&config);
        assert!(
            (at_least..at_least + (1 << 20)).contains(&bytes),
            "{config:?}: {bytes}"
        );
    }
}

#[test]
fn missing_file_is_fatal_and_named() {
    for config in [
        TapConfig::Lines(lines(Path::new("/nonexistent/day.txt"))),
        TapConfig::Pcap(PcapConfig {
            path: PathBuf::from("/nonexistent/day.txt"),
            port: None,
            pace: Pace::FlatOut,
            frame_bytes_max: 1,
        }),
    ] {
        let kind = match &config {
            TapConfig::Pcap(_) => "pcap",
            TapConfig::Lines(_) | TapConfig::Udp(_) | TapConfig::Tcp(_) => "lines",
        };
        let Err(error) = open(&config, 0) else {
            panic!("a file that is not there was opened");
        };
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!(
                "tap {kind} /nonexistent/day.txt: cannot find the file: No such file or directory \
                 (os error 2); a relative path is taken from the configuration's folder"
            )
        );
    }
}

#[test]
fn folder_is_no_recording() {
    let Err(error) = open(&TapConfig::Lines(lines(Path::new("/"))), 0) else {
        panic!("a folder was opened");
    };
    assert_eq!(
        error.to_string(),
        "tap lines /: cannot open the file: it is no regular file"
    );
}

#[test]
fn system_clock_moves_forward() {
    let clock = SystemClock::new();
    let before = clock.uptime();
    assert!(clock.uptime() >= before);
    // Later than 2020.
    assert!(clock.wall_ns() > 1_577_836_800_000_000_000);
}
