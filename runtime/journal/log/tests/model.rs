//! Random use of a log against a list in memory.

use crate::support::{Place, drain, read_all, small};
use crate::{Block, Kind, Reader, StreamId, Writer, verify};
use outrigger_policy::Columns;
use proptest::prelude::*;

/// What the model keeps of a block.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    block: u64,
    first_seq: u64,
    kind: Kind,
    stream: StreamId,
    stream_first: u64,
    time_min_ns: u64,
    time_max_ns: u64,
    columns: Columns,
}

impl From<&Block> for Kept {
    fn from(block: &Block) -> Self {
        let header = &block.header;
        Self {
            block: header.block,
            first_seq: header.first_seq,
            kind: header.kind,
            stream: header.stream,
            stream_first: header.stream_first,
            time_min_ns: header.time_min_ns,
            time_max_ns: header.time_max_ns,
            columns: block.columns.clone(),
        }
    }
}

impl Kept {
    fn seq_end(&self) -> u64 {
        if self.kind.consumes() {
            self.first_seq + self.columns.len() as u64
        } else {
            self.first_seq
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Append {
        tap: u8,
        ruling: bool,
        times: Vec<u64>,
        bytes: usize,
    },
    Tick {
        time_ns: u64,
    },
    Sync,
    Close,
    Drop,
    /// Retain, with this share of blocks not owed, per mille.
    Retain {
        done_permille: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (0u8..3, prop::bool::weighted(0.2), prop::collection::vec(0u64..1_000, 1..6), 0usize..900)
            .prop_map(|(tap, ruling, times, bytes)| Act::Append { tap, ruling, times, bytes }),
        3 => (0u64..1_000).prop_map(|time_ns| Act::Tick { time_ns }),
        1 => Just(Act::Sync),
        1 => Just(Act::Close),
        1 => Just(Act::Drop),
        1 => (0u64..1_000).prop_map(|done_permille| Act::Retain { done_permille }),
    ]
}

/// A log and its model.
struct Run {
    place: Place,
    writer: Option<Writer>,
    kept: Vec<Kept>,
    next_block: u64,
    next_seq: u64,
    /// Behind the last block.
    block_end: u64,
    seq_end: u64,
    records: [u64; 3],
    marker: u8,
    /// Closed before, and nothing appended since.
    untouched: bool,
}

impl Run {
    fn new() -> Self {
        let place = Place::new();
        let (writer, _) = place.writer(&small());
        Self {
            place,
            writer: Some(writer),
            kept: Vec::new(),
            next_block: 0,
            next_seq: 0,
            block_end: 0,
            seq_end: 0,
            records: [0; 3],
            marker: 0,
            untouched: true,
        }
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().unwrap()
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Append {
                tap,
                ruling,
                times,
                bytes,
            } => self.append(*tap, *ruling, times, *bytes),
            Act::Tick { time_ns } => {
                let time_ns = *time_ns;
                self.writer()
                    .append_tick(StreamId::NONE, time_ns, 0)
                    .unwrap();
                self.keep(
                    Kind::Tick,
                    StreamId::NONE,
                    0,
                    (time_ns, time_ns),
                    Columns::new(),
                );
            }
            Act::Sync => {
                let tip = self.writer().sync_handle().sync().unwrap();
                assert_eq!(tip.next_block, self.next_block);
            }
            Act::Close => {
                self.writer.take().unwrap().close().unwrap();
                self.reopen(true);
            }
            Act::Drop => {
                self.writer = None;
                self.reopen(self.untouched);
            }
            Act::Retain { done_permille } => {
                let owed_from = self.next_block * done_permille / 1_000;
                // An age that all have, so that only what is owed holds them.
                self.writer().options.age_ns_max = Some(0);
                let retained = self.writer().retain(owed_from, 1).unwrap();
                self.writer().options.age_ns_max = None;
                let gone_below = retained.last_block.map_or(0, |last| last + 1);
                assert!(gone_below <= owed_from);
                let before = self.kept.len();
                self.kept.retain(|kept| kept.block >= gone_below);
                assert_eq!(retained.blocks, (before - self.kept.len()) as u64);
            }
        }
    }

    fn append(&mut self, tap: u8, ruling: bool, times: &[u64], bytes: usize) {
        let name = format!("tap {tap}");
        let stream = self.writer().stream(&name, "origin").unwrap();
        let tap = usize::from(tap);
        assert_eq!(self.writer().stream_records(stream), self.records[tap]);
        let mut columns = Columns::new();
        for &time_ns in times {
            self.marker = self.marker.wrapping_add(1);
            columns.push(time_ns, &vec![self.marker; bytes]);
        }
        let kind = if ruling { Kind::Rulings } else { Kind::Frames };
        let appended = self.writer().append(kind, stream, &columns, 0).unwrap();
        assert_eq!(
            (appended.block, appended.first_seq),
            (self.next_block, self.next_seq)
        );
        let first = self.records[tap];
        if !ruling {
            self.records[tap] += times.len() as u64;
        }
        let span = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
        self.keep(kind, stream, first, span, columns);
    }

    fn keep(
        &mut self,
        kind: Kind,
        stream: StreamId,
        stream_first: u64,
        span: (u64, u64),
        columns: Columns,
    ) {
        let kept = Kept {
            block: self.next_block,
            first_seq: self.next_seq,
            kind,
            stream,
            stream_first,
            time_min_ns: span.0,
            time_max_ns: span.1,
            columns,
        };
        self.untouched = false;
        self.next_block += 1;
        self.next_seq = kept.seq_end();
        (self.block_end, self.seq_end) = (self.next_block, self.next_seq);
        self.kept.push(kept);
    }

    fn reopen(&mut self, clean: bool) {
        let (writer, report) = self.place.writer(&small());
        assert_eq!(report.clean, clean);
        assert_eq!(report.cut, None);
        assert_eq!(report.blocks_missing, 0);
        assert_eq!(report.blocks_skipped, report.next_block - self.block_end);
        assert_eq!(report.seqs_skipped, report.next_seq - self.seq_end);
        if clean {
            assert_eq!(
                (report.next_block, report.next_seq),
                (self.next_block, self.next_seq)
            );
        } else {
            assert!(report.next_block > self.next_block && report.next_seq > self.next_seq);
        }
        self.untouched = clean;
        self.next_block = report.next_block;
        self.next_seq = report.next_seq;
        self.writer = Some(writer);
    }

    /// Compares everything that can be asked of the log.
    fn check(&self, targets: &[u64]) {
        let read: Vec<Kept> = read_all(&self.place.dir).iter().map(Kept::from).collect();
        assert_eq!(read, self.kept);
        let report = verify(&self.place.dir, None).unwrap();
        assert_eq!(report.problem, None);
        assert_eq!(report.blocks, self.kept.len() as u64);
        let mut reader = Reader::open(&self.place.dir).unwrap();
        let next = |reader: &mut Reader| drain(reader).first().map(Kept::from);
        assert_eq!(reader.seek_last().unwrap(), !self.kept.is_empty());
        assert_eq!(next(&mut reader).as_ref(), self.kept.last());
        for &target in targets {
            reader.seek_time(target).unwrap();
            let linear = self
                .kept
                .iter()
                .find(|kept| kept.kind.is_dated() && kept.time_max_ns >= target);
            assert_eq!(next(&mut reader).as_ref(), linear);
        }
        let Some(first) = self.kept.first() else {
            return;
        };
        for &target in targets {
            let span = self.next_block - first.block + 2;
            let block = first.block + target % span;
            reader.seek_block(block).unwrap();
            let linear = self.kept.iter().find(|kept| kept.block >= block);
            assert_eq!(next(&mut reader).as_ref(), linear);
            // Near a number in use: most of the range was skipped.
            let near = &self.kept[usize::try_from(target).unwrap() % self.kept.len()];
            let seq = near.first_seq + target % 3;
            if seq >= first.first_seq {
                reader.seek_seq(seq).unwrap();
                let linear = self
                    .kept
                    .iter()
                    .find(|kept| kept.kind.consumes() && kept.seq_end() > seq);
                assert_eq!(next(&mut reader).as_ref(), linear);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_log_equals_a_list(
        acts in prop::collection::vec(act(), 1..80),
        targets in prop::collection::vec(0u64..1_100, 1..12),
    ) {
        let mut run = Run::new();
        for act in &acts {
            run.act(act);
        }
        run.check(&targets);
    }
}
