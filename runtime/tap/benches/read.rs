//! What a tap costs: recordings read flat out, and datagrams taken from loopback.
//!
//! `cargo bench --profile release -p outrigger-tap --bench read`. Times of recordings are wall times of the whole read, gzip
//! included. For UDP only the reading is timed, of a socket that holds the datagrams already.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use outrigger_policy::Columns;
use outrigger_tap::{
    Encoding, LinesConfig, Pace, PcapConfig, Progress, ReadLimits, Tap, TapConfig, UdpConfig, open,
};

const LIMITS: ReadLimits = ReadLimits {
    frames_max: 256,
    bytes_max: 256 * 1024,
    delay: Duration::ZERO,
    wait: Duration::ZERO,
};

/// Repetitions; the fastest counts.
const ROUNDS: usize = 5;

fn main() {
    let folder = match std::env::var_os("OUTRIGGER_RECORDINGS") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings"),
    };
    if folder.is_dir() {
        let lines = |name: &str, encoding, time_column| {
            TapConfig::Lines(LinesConfig {
                path: folder.join(name),
                encoding,
                time_column,
                pace: Pace::FlatOut,
                frame_bytes_max: 1_024,
            })
        };
        let pcap = TapConfig::Pcap(PcapConfig {
            path: folder.join("asterix/transcoded_switzerland_cat062.pcap"),
            port: None,
            pace: Pace::FlatOut,
            frame_bytes_max: 65_535,
        });
        let beast = lines("adsb/rs1090_long_flight.csv.gz", Encoding::Hex, true);
        recording("timed hex lines, gzip", &beast);
        let text = lines("ais/dma_ais-sample.txt.gz", Encoding::Text, false);
        recording("text lines, gzip", &text);
        let text = lines("ais/dma_538004030_drift_1.ais", Encoding::Text, false);
        recording("text lines", &text);
        recording("pcap", &pcap);
    } else {
        eprintln!("skipped: recordings absent");
    }
    for bytes in [64, 512, 1_400] {
        datagrams(bytes);
    }
}

fn drain(tap: &mut dyn Tap) -> u64 {
    let mut into = Columns::new();
    let mut frames = 0;
    while tap.read(&mut into, &LIMITS).expect("the tap reads") == Progress::Frames {
        frames += into.len() as u64;
        into.clear();
    }
    frames
}

fn recording(name: &str, config: &TapConfig) {
    let mut best = Duration::MAX;
    let mut frames = 0;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        frames = drain(&mut *open(config, 0).expect("the recording opens"));
        best = best.min(begun.elapsed());
    }
    report(name, frames, best);
}

fn datagrams(bytes: usize) {
    const PORT: u16 = 47_113;
    let config = TapConfig::Udp(UdpConfig {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        group: None,
        port: PORT,
        interface: None,
        receive_buffer_bytes: 64 << 20,
        datagram_bytes_max: 2_048,
    });
    let mut tap = open(&config, 0).expect("the socket opens");
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    sender
        .connect((Ipv4Addr::LOCALHOST, PORT))
        .expect("loopback connects");
    let frame = vec![0x55; bytes];
    let (mut frames, mut spent) = (0, Duration::ZERO);
    for _ in 0..ROUNDS * 20 {
        for _ in 0..1_000 {
            sender.send(&frame).expect("loopback takes it");
        }
        let begun = Instant::now();
        frames += drain(&mut *tap);
        spent += begun.elapsed();
    }
    report(
        &format!("datagrams of {bytes} bytes, queued"),
        frames,
        spent,
    );
}

fn report(name: &str, frames: u64, time: Duration) {
    let each = time.as_nanos() as f64 / frames.max(1) as f64;
    println!(
        "{name:34} {frames:>8} frames {each:>8.0} ns each {:>12.0}/s",
        1e9 / each
    );
}
