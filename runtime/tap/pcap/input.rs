//! The file's bytes through one buffer: so many at once, or passed over.

use crate::error::TapError;
use crate::file::RecordingFile;

/// Order of the bytes of a file's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Endianness {
    #[default]
    Little,
    Big,
}

impl Endianness {
    /// The number at `at`, which must be within `bytes`.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = [bytes[at], bytes[at + 1]];
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// The number at `at`, which must be within `bytes`.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Two numbers of which `high` is the more significant one.
    pub(super) fn join(high: u32, low: u32) -> u64 {
        u64::from(high) << 32 | u64::from(low)
    }
}

/// A file behind a buffer of fixed size.
pub(super) struct Input {
    file: RecordingFile,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    over: bool,
    /// Why the gzip stream ended before its end.
    damage: Option<String>,
}

impl Input {
    pub(super) fn new(file: RecordingFile, bytes: usize) -> Self {
        Self {
            file,
            buffer: vec![0; bytes].into_boxed_slice(),
            start: 0,
            end: 0,
            over: false,
            damage: None,
        }
    }

    pub(super) fn file(&self) -> &RecordingFile {
        &self.file
    }

    /// Bytes read and not used.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads until there are `count` bytes, at most the buffer's size; false when the file ends
    /// before.
    pub(super) fn need(&mut self, count: usize) -> Result<bool, TapError> {
        while self.end - self.start < count {
            if self.over {
                return Ok(false);
            }
            if self.buffer.len() - self.start < count {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            match self.file.read(&mut self.buffer[self.end..])? {
                Ok(0) => self.over = true,
                Ok(bytes) => self.end += bytes,
                Err(why) => {
                    self.over = true;
                    self.damage = Some(why);
                }
            }
        }
        Ok(true)
    }

    /// Uses bytes that are there.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "only bytes that are there are used");
    }

    /// Uses `count` bytes, however many; false when the file ends before.
    pub(super) fn pass_over(&mut self, count: usize) -> Result<bool, TapError> {
        let mut left = count;
        loop {
            let step = left.min(self.end - self.start);
            self.consume(step);
            left -= step;
            if left == 0 {
                return Ok(true);
            }
            if !self.need(1)? {
                return Ok(false);
            }
        }
    }

    /// True when the file ended and all of it was used.
    pub(super) fn ended_well(&self) -> bool {
        self.start == self.end && self.damage.is_none()
    }

    /// Says that the file ends within something.
    pub(super) fn broken_off(&self, what: &str) -> String {
        match &self.damage {
            Some(why) => why.clone(),
            None => format!("the file ends within {what}"),
        }
    }
}
