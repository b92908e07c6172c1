//! What the tests share: a log in a temporary directory.
#![allow(clippy::unwrap_used)]

use crate::{AppendError, Appended, Block, Kind, OpenReport, Options, Reader, StreamId, Writer};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger_policy::Columns;
use std::path::Path;

/// A temporary directory and the capability for it.
pub(crate) struct Place {
    pub(crate) temporary: tempfile::TempDir,
    pub(crate) dir: Dir,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Memory where there is some: these tests sync often and care for no power cut.
        let memory = Path::new("/dev/shm");
        let temporary = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        let dir = open_dir(temporary.path());
        Self { temporary, dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    pub(crate) fn writer(&self, options: &Options) -> (Writer, OpenReport) {
        Writer::open(self.dir.try_clone().unwrap(), options.clone(), 0).unwrap()
    }

    /// Names of the segments, in order.
    pub(crate) fn segments(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".seg"))
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn open_dir(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

/// Small segments, so that a few blocks fill several.
pub(crate) fn small() -> Options {
    Options {
        log_id: Some([7; 16]),
        bytes_max: 2 << 20,
        segment_bytes_max: crate::log::SEGMENT_BYTES_MIN,
        accept_loss: true,
        ..Options::new("test")
    }
}

/// A copy of a log's files, without its lock.
pub(crate) fn copy(from: &Path) -> Place {
    let place = Place::new();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != crate::lock::LOCK_FILE {
            std::fs::copy(entry.path(), place.path().join(entry.file_name())).unwrap();
        }
    }
    place
}

/// Columns with these times and records.
pub(crate) fn columns(records: &[(u64, &[u8])]) -> Columns {
    let mut columns = Columns::new();
    for (time_ns, record) in records {
        columns.push(*time_ns, record);
    }
    columns
}

/// Appends one frame.
pub(crate) fn append(
    writer: &mut Writer,
    stream: StreamId,
    time_ns: u64,
    frame: &[u8],
) -> Result<Appended, AppendError> {
    writer.append(Kind::Frames, stream, &columns(&[(time_ns, frame)]), time_ns)
}

/// All blocks from where the reader stands.
pub(crate) fn drain(reader: &mut Reader) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut block = Block::default();
    while reader.next(&mut block).unwrap() {
        blocks.push(block.clone());
    }
    blocks
}

/// All blocks of the log.
pub(crate) fn read_all(dir: &Dir) -> Vec<Block> {
    drain(&mut Reader::open(dir).unwrap())
}
