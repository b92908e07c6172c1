//! Files of text or hexadecimal lines, one frame a line, with an optional leading time.

mod time;

#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::config::{Encoding, Framing, LinesConfig};
use crate::error::TapError;
use crate::file::{GZIP_BYTES, RecordingFile};
use crate::framing::{Cut, Cutter, held_bytes_max};
use crate::recording::{RecordingTap, Source, Step};
use crate::report::{TapCounts, TapFacts};

/// Bytes read from the file at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Room in a line for its time and separators, bytes: 20 digits of nanoseconds, or seconds with
/// as many digits as a float prints, and spaces.
const TIME_BYTES_MAX: usize = 64;

/// Bytes of a hexadecimal line per byte of the frame: two digits and a space.
const HEX_BYTES_PER_BYTE: usize = 3;

/// Opens a file of lines, passing over its first `resume_after` frames.
pub(crate) fn open(
    config: &LinesConfig,
    resume_after: u64,
    clock: Box<dyn Clock>,
) -> Result<RecordingTap<Lines>, TapError> {
    let file = RecordingFile::open("lines", &config.path)?;
    let source = Lines {
        file,
        chunk: vec![0; CHUNK_BYTES].into_boxed_slice(),
        start: 0,
        end: 0,
        over: false,
        cutter: Cutter::new(Framing::Line, line_bytes_max(config)),
        encoding: config.encoding,
        time_column: config.time_column,
        frame_bytes_max: config.frame_bytes_max,
        payload_at: 0,
        decoded: Vec::new(),
        line: 0,
        first_malformed: None,
        cut: None,
    };
    Ok(RecordingTap::new(source, config.pace, resume_after, clock))
}

/// Largest memory of the tap, bytes.
pub(crate) fn memory_bytes(config: &LinesConfig) -> usize {
    CHUNK_BYTES
        + held_bytes_max(Framing::Line, line_bytes_max(config))
        + config.frame_bytes_max
        + GZIP_BYTES
}

fn line_bytes_max(config: &LinesConfig) -> usize {
    let time = if config.time_column {
        TIME_BYTES_MAX
    } else {
        0
    };
    time + match config.encoding {
        Encoding::Text => config.frame_bytes_max,
        Encoding::Hex => config.frame_bytes_max * HEX_BYTES_PER_BYTE,
    }
}

/// The frames of a file of lines.
pub(crate) struct Lines {
    file: RecordingFile,
    chunk: Box<[u8]>,
    /// `chunk[start..end]` is read and not used.
    start: usize,
    end: usize,
    /// The file is used up.
    over: bool,
    cutter: Cutter,
    encoding: Encoding,
    time_column: bool,
    frame_bytes_max: usize,
    /// Where in the line the payload starts.
    payload_at: usize,
    decoded: Vec<u8>,
    /// Number of the line last read, from 1.
    line: u64,
    first_malformed: Option<String>,
    cut: Option<String>,
}

impl Source for Lines {
    fn step(&mut self, counts: &mut TapCounts) -> Result<Step, TapError> {
        loop {
            if self.start == self.end && !self.fill(counts)? {
                self.over = true;
                let last = self.cutter.finish();
                return Ok(match last {
                    Cut::More => Step::End,
                    Cut::Frame
                    | Cut::Oversized
                    | Cut::Empty
                    | Cut::Malformed
                    | Cut::Skipped
                    | Cut::Lost => self.take_line(last, counts),
                });
            }
            let (used, cut) = self.cutter.cut(&self.chunk[self.start..self.end]);
            self.start += used;
            if cut != Cut::More {
                return Ok(self.take_line(cut, counts));
            }
        }
    }

    fn frame(&self) -> &[u8] {
        match self.encoding {
            Encoding::Text => &self.cutter.frame()[self.payload_at..],
            Encoding::Hex => &self.decoded,
        }
    }

    fn facts(&self) -> TapFacts {
        TapFacts {
            kind: "lines",
            path: Some(self.file.path.clone()),
            file_bytes: Some(self.file.bytes),
            cut: self.cut.clone(),
            first_malformed: self.first_malformed.clone(),
            ..TapFacts::default()
        }
    }

    fn identity(&self) -> String {
        format!("{}:{}", self.file.path.display(), self.file.bytes)
    }

    fn recorded_time(&self) -> bool {
        self.time_column
    }
}

impl Lines {
    /// Reads more of the file; false at its end.
    fn fill(&mut self, counts: &mut TapCounts) -> Result<bool, TapError> {
        if self.over {
            return Ok(false);
        }
        match self.file.read(&mut self.chunk)? {
            Ok(bytes) => {
                (self.start, self.end) = (0, bytes);
                Ok(bytes > 0)
            }
            Err(why) => {
                // The line begun may lack a part.
                self.cutter.reset();
                counts.truncated += 1;
                self.cut = Some(format!("after line {}: {why}", self.line));
                Ok(false)
            }
        }
    }

    /// Counts a line and reads it.
    fn take_line(&mut self, cut: Cut, counts: &mut TapCounts) -> Step {
        self.line += 1;
        match cut {
            Cut::Frame => self.parse(counts),
            Cut::Oversized => {
                counts.oversized += 1;
                Step::Passed
            }
            Cut::Empty => {
                counts.empty += 1;
                Step::Passed
            }
            Cut::More | Cut::Malformed | Cut::Skipped | Cut::Lost => {
                unreachable!("lines are whole, empty or too long")
            }
        }
    }

    fn parse(&mut self, counts: &mut TapCounts) -> Step {
        let line = self.cutter.frame();
        self.payload_at = 0;
        let mut recorded = None;
        if self.time_column {
            match time::split(line) {
                Ok((time_ns, payload_at)) => {
                    recorded = Some(time_ns);
                    self.payload_at = payload_at;
                }
                Err(why) => return self.refuse(why, counts),
            }
        }
        let payload = &line[self.payload_at..];
        let bytes = match self.encoding {
            Encoding::Text => payload.len(),
            Encoding::Hex => match decode_hex(payload, &mut self.decoded) {
                Ok(()) => self.decoded.len(),
                Err(why) => return self.refuse(why, counts),
            },
        };
        if bytes == 0 {
            counts.empty += 1;
            Step::Passed
        } else if bytes > self.frame_bytes_max {
            counts.oversized += 1;
            Step::Passed
        } else {
            Step::Frame(recorded)
        }
    }

    fn refuse(&mut self, why: &str, counts: &mut TapCounts) -> Step {
        counts.malformed += 1;
        if self.first_malformed.is_none() {
            self.first_malformed = Some(format!("line {}: {why}", self.line));
        }
        Step::Passed
    }
}

/// Not a hexadecimal digit, in [`DIGITS`].
const NO_DIGIT: u8 = 0xff;

/// The value of each byte as a hexadecimal digit. A table: this runs for every byte of a line.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// Reads pairs of digits; ASCII white space may stand between pairs.
fn decode_hex(text: &[u8], into: &mut Vec<u8>) -> Result<(), &'static str> {
    into.clear();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if first.is_ascii_whitespace() {
            rest = after;
            continue;
        }
        let [second, after @ ..] = after else {
            return Err("an odd number of digits");
        };
        let (high, low) = (DIGITS[usize::from(*first)], DIGITS[usize::from(*second)]);
        if high == NO_DIGIT || low == NO_DIGIT {
            return Err("no hexadecimal digit");
        }
        into.push(high << 4 | low);
        rest = after;
    }
    Ok(())
}
