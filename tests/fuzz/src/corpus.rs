//! What cases grow from: the plugins' golden inputs, and the recordings where they are there.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::case::{Case, from_hex};

/// Capture time of the first frame where a recording has none: 2020-01-01. Each further one is a
/// millisecond later.
const CAPTURED_NS: u64 = 1_577_836_800_000_000_000;
/// Frames that are taken from the beginning of a recording. Enough for each kind of frame in them,
/// and a start in less than a second.
const RECORDING_FRAMES_MAX: usize = 4_000;

/// A plugin's corpus, one case a file. Says aloud when the recordings are absent.
pub fn load(plugin: &str, recordings: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut corpus = folder(&root.join("plugins/guests").join(plugin).join("golden"));
    let place = std::env::var_os("OUTRIGGER_RECORDINGS")
        .filter(|value| !value.is_empty())
        .map_or_else(|| root.join("../shared/recordings"), PathBuf::from)
        .join(recordings);
    if place.is_dir() {
        corpus.extend(folder(&place));
    } else {
        println!(
            "{plugin}: recordings absent ({}), golden inputs only",
            place.display()
        );
    }
    corpus.retain(|case| !case.is_empty());
    assert!(
        !corpus.is_empty(),
        "{plugin} has neither golden inputs nor recordings"
    );
    corpus
}

fn folder(folder: &Path) -> Vec<Case> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    // The order of a folder is the file system's.
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        if path.is_dir() {
            cases.extend(self::folder(&path));
        } else {
            cases.push(file(&path));
        }
    }
    cases
}

/// Frames of a file, after the ending of its name; none of what is no recording.
fn file(path: &Path) -> Case {
    let name = path.to_string_lossy();
    let bytes = fs::read(path).unwrap_or_default();
    let (name, bytes) = match name.strip_suffix(".gz") {
        Some(name) => {
            let mut unpacked = Vec::new();
            let read = flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked);
            (name, read.map(|_| unpacked).unwrap_or_default())
        }
        None => (&*name, bytes),
    };
    let mut case = match name.rsplit('.').next() {
        Some("pcap") => pcap(&bytes).unwrap_or_default(),
        Some("raw" | "ast" | "gmti") => timed([bytes]),
        Some("nmea" | "log" | "ais" | "txt" | "avr") => {
            timed(bytes.split(|&byte| byte == b'\n').map(<[u8]>::to_vec))
        }
        Some("csv") => csv(&String::from_utf8_lossy(&bytes)),
        Some("hex") => timed(paragraphs(&String::from_utf8_lossy(&bytes))),
        _ => Case::new(),
    };
    case.retain(|(_, bytes)| !bytes.is_empty());
    case.truncate(RECORDING_FRAMES_MAX);
    case
}

fn timed(frames: impl IntoIterator<Item = Vec<u8>>) -> Case {
    (CAPTURED_NS..).step_by(1_000_000).zip(frames).collect()
}

/// Lines of a time in seconds and a frame in hexadecimal.
fn csv(text: &str) -> Case {
    let lines = text.lines().filter_map(|line| {
        let (time, digits) = line.split_once(',')?;
        let time_s: f64 = time.parse().ok()?;
        Some(((time_s * 1e9) as u64, from_hex(digits)?))
    });
    lines.collect()
}

/// Frames in hexadecimal, apart by an empty line or one that is only a comment.
fn paragraphs(text: &str) -> Vec<Vec<u8>> {
    let mut frames = vec![String::new()];
    for line in text.lines() {
        let digits = line.split('#').next().unwrap_or_default();
        if digits.trim().is_empty() {
            frames.push(String::new());
        } else if let Some(frame) = frames.last_mut() {
            frame.extend(digits.split_whitespace());
        }
    }
    frames.iter().filter_map(|frame| from_hex(frame)).collect()
}

/// Payloads of a pcap file's UDP packets over IPv4, little-endian, Ethernet or IP alone.
fn pcap(bytes: &[u8]) -> Option<Case> {
    let word = |at: usize| {
        let word = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(word))
    };
    let fraction_ns = if word(0)? == 0xa1b2_3c4d { 1 } else { 1_000 };
    let link_bytes = if word(20)? == 1 { 14 } else { 0 };
    let mut case = Case::new();
    let mut at = 24;
    while let (Some(seconds), Some(fraction), Some(length)) = (word(at), word(at + 4), word(at + 8))
    {
        let packet = bytes.get(at + 16..at + 16 + length as usize)?;
        at += 16 + length as usize;
        let ip = packet.get(link_bytes..)?;
        let Some(payload) = ip.get(usize::from(ip.first()? & 15) * 4 + 8..) else {
            continue;
        };
        if ip.get(9) == Some(&17) {
            let captured_ns =
                u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * fraction_ns;
            case.push((captured_ns, payload.to_vec()));
        }
    }
    Some(case)
}
