//! Opens a recording: a regular file, which may be gzip.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::TapError;

/// First bytes of a gzip member (RFC 1952, section 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Memory of a gzip reader, bytes: input buffer, 32 KiB of window, and tables.
pub(crate) const GZIP_BYTES: usize = 160 * 1024;

/// A recording's bytes, unpacked.
pub(crate) struct RecordingFile {
    /// Kind and path, for messages.
    pub(crate) tap: String,
    /// Canonical path.
    pub(crate) path: PathBuf,
    /// Bytes on disk when opened.
    pub(crate) bytes: u64,
    reader: Box<dyn Read + Send>,
}

impl RecordingFile {
    /// Opens `path`. Gzip is known by its first bytes, not by the name.
    pub(crate) fn open(kind: &str, path: &Path) -> Result<Self, TapError> {
        let tap = format!("{kind} {}", path.display());
        let fail = |action: &str, error: &io::Error| {
            let remedy = match error.kind() {
                io::ErrorKind::NotFound => {
                    Some("a relative path is taken from the configuration's folder")
                }
                io::ErrorKind::PermissionDenied => Some("let the runtime's user read the file"),
                _ => None,
            };
            TapError::from_io(&tap, action, error, remedy)
        };
        let canonical = path
            .canonicalize()
            .map_err(|error| fail("find the file", &error))?;
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let metadata = canonical
            .metadata()
            .map_err(|error| fail("look at the file", &error))?;
        if !metadata.is_file() {
            let cause = "it is no regular file";
            return Err(TapError::fatal(&tap, "open the file", cause, None));
        }
        let mut file = File::open(&canonical).map_err(|error| fail("open the file", &error))?;
        let mut magic = [0; 2];
        let gzip = match file.read_exact(&mut magic) {
            Ok(()) => magic == GZIP_MAGIC,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(fail("read the file", &error)),
        };
        file.seek(SeekFrom::Start(0))
            .map_err(|error| fail("read the file", &error))?;
        Ok(Self {
            path: canonical,
            bytes: metadata.len(),
            reader: if gzip {
                Box::new(MultiGzDecoder::new(file))
            } else {
                Box::new(file)
            },
            tap,
        })
    }

    /// Reads some bytes; `Ok(Err(why))` when the gzip stream breaks off or is damaged, so that
    /// what came before still counts.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<Result<usize, String>, TapError> {
        loop {
            return match self.reader.read(into) {
                Ok(bytes) => Ok(Ok(bytes)),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput => {
                        Ok(Err(format!("the gzip stream is cut or damaged: {error}")))
                    }
                    _ => Err(TapError::from_io(&self.tap, "read the file", &error, None)),
                },
            };
        }
    }
}
