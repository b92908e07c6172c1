//! Frames of earlier blocks, for messages and rejects that name them.

use outrigger_journal::{Block, Kind, Reader};
use outrigger_policy::topology::TapId;

use crate::data::DataDir;
use crate::pipeline::FrameArchive;

/// Finds frames of earlier blocks in the journal.
pub(super) struct Archive<'a> {
    data: &'a DataDir,
    streams: Vec<Option<(TapId, bool)>>,
    reader: Option<Reader>,
    /// The block read last: a plugin that names its frames again does not cost a read each time.
    last: Option<Block>,
}

impl<'a> Archive<'a> {
    pub(super) fn new(data: &'a DataDir, streams: Vec<Option<(TapId, bool)>>) -> Self {
        Self {
            data,
            streams,
            reader: None,
            last: None,
        }
    }

    fn read(&mut self, sequence: u64) -> Option<Block> {
        if self.reader.is_none() {
            self.reader = Reader::open(&self.data.journal).ok();
        }
        let reader = self.reader.as_mut()?;
        let mut block = Block::default();
        reader.seek_seq(sequence).ok()?;
        reader.next(&mut block).ok().filter(|there| *there)?;
        Some(block)
    }
}

impl FrameArchive for Archive<'_> {
    fn frame(&mut self, tap: TapId, sequence: u64) -> Option<(u64, Vec<u8>)> {
        let holds = |block: &Block| {
            let header = &block.header;
            header.kind == Kind::Frames && (header.first_seq..header.seq_end()).contains(&sequence)
        };
        if !self.last.as_ref().is_some_and(holds) {
            self.last = self.read(sequence);
        }
        let block = self.last.as_ref()?;
        let stream = self.streams.get(usize::from(block.header.stream.0));
        let owner = stream.copied().flatten().map(|(tap, _)| tap);
        if block.header.kind != Kind::Frames || owner != Some(tap) {
            return None;
        }
        let at = usize::try_from(sequence.checked_sub(block.header.first_seq)?).ok()?;
        let time_ns = *block.columns.times_ns().get(at)?;
        Some((time_ns, block.columns.get(at)?.to_vec()))
    }
}
