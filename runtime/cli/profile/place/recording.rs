//! A recording, as far as one must look into it to play it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Pace;

/// Bytes looked at. Reason: any first line of a bus is shorter.
const LOOK_BYTES: usize = 64 << 10;
/// First bytes of a capture. Source: draft-ietf-opsawg-pcap-04, section 4, in either order and with
/// microseconds or nanoseconds; draft-ietf-opsawg-pcapng-02, section 4.1.
const CAPTURES: [[u8; 4]; 5] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
];
/// Keys of a tap that hold whatever it reads.
const KEPT_ALWAYS: [&str; 2] = ["label", "frame_bytes_max"];

/// A recording to play.
pub(super) struct Recording {
    /// Its file.
    pub(super) path: PathBuf,
    /// What is in it.
    pub(super) form: Form,
}

/// What a recording is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A capture of packets.
    Capture,
    /// Lines.
    Lines {
        /// Each after its time.
        timed: bool,
        /// Of hexadecimal digits.
        hex: bool,
    },
}

/// Looks into a file, which may be gzip.
///
/// # Errors
/// It cannot be read, or is no recording that can be played.
pub(super) fn look(path: &Path) -> Result<Recording, String> {
    let bytes = outrigger_tap::peek(path, LOOK_BYTES).map_err(|error| {
        let fault = error.fault();
        format!("cannot {}: {}", fault.action, fault.cause)
    })?;
    let form = form(&bytes)?;
    Ok(Recording {
        path: path.to_owned(),
        form,
    })
}

fn form(bytes: &[u8]) -> Result<Form, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    if CAPTURES.iter().any(|magic| bytes.starts_with(magic)) {
        return Ok(Form::Capture);
    }
    let none = || Err("is neither a capture (pcap, pcapng) nor lines of text".to_owned());
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let Some(Ok(line)) = lines.next().map(std::str::from_utf8) else {
        return none();
    };
    let line = line.trim_end();
    if line.chars().any(|one| one.is_control() && one != '\t') {
        return none();
    }
    let is_time = |text: &str| {
        text.parse::<f64>().is_ok() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let (timed, rest) = match line.split_once([',', ';', ' ', '\t']) {
        Some((time, rest)) if is_time(time) => (true, rest.trim_start()),
        Some(_) | None => (false, line),
    };
    let hex = !rest.is_empty()
        && rest.len().is_multiple_of(2)
        && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(Form::Lines { timed, hex })
}

impl Recording {
    /// The pace that is asked for, or its own.
    pub(super) fn pace(&self, asked: Option<Pace>) -> Result<Pace, String> {
        let untimed = matches!(self.form, Form::Lines { timed: false, .. });
        match asked {
            Some(Pace::Recorded(_)) if untimed => Err(format!(
                "{}: its lines have no times, so it can only be played flat-out",
                self.path.display()
            )),
            Some(pace) => Ok(pace),
            None if untimed => Ok(Pace::FlatOut),
            None => Ok(Pace::Recorded(1.0)),
        }
    }

    /// A tap that plays it in the place of another.
    pub(super) fn tap(&self, own: &Table, pace: Pace, path: Value) -> Table {
        let text = |text: &str| Value::String(text.to_owned());
        let kind = match self.form {
            Form::Capture => "pcap",
            Form::Lines { .. } => "lines",
        };
        let same = own.get("kind").and_then(Value::as_str) == Some(kind);
        let keeps =
            |key: &str| KEPT_ALWAYS.contains(&key) || (same && ["port", "encoding"].contains(&key));
        let kept = own.iter().filter(|(key, _)| keeps(key));
        let mut tap: Table = kept.map(|(k, v)| (k.clone(), v.clone())).collect();
        tap.insert("kind".to_owned(), text(kind));
        tap.insert("path".to_owned(), path);
        if let Form::Lines { timed, hex } = self.form {
            tap.insert("time_column".to_owned(), Value::Boolean(timed));
            let encoding = if hex { "hex" } else { "text" };
            tap.entry("encoding").or_insert_with(|| text(encoding));
        }
        match pace {
            Pace::FlatOut => {
                tap.insert("pace".to_owned(), text("flat-out"));
            }
            Pace::Recorded(factor) => {
                tap.insert("pace".to_owned(), text("recorded"));
                tap.insert("factor".to_owned(), Value::Float(factor));
            }
        }
        tap
    }
}
