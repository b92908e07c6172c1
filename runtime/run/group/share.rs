//! A partition that is ours: its pipeline, what was read and is not yet processed, and its state.

use outrigger_kafka::{Fetched, Table};
use outrigger_policy::Columns;
use outrigger_policy::state::Kept;
use outrigger_policy::topology::{TapId, TopicId};
use outrigger_policy::verdict::Health;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use crate::config::GroupConfig;
use crate::pipeline::{Change, Folded, FrameArchive, Input, Outbox, Pipeline, Setup, StorePart};
use crate::record::Position;
use crate::status::PipelineStatus;

/// Key of what is folded apart from keys. No key of state is of this length.
const APART: &[u8] = b"";

/// Records that a block became: topic and record.
#[derive(Default)]
pub(super) struct Made(pub(super) Vec<(TopicId, Vec<u8>)>);

impl Outbox for Made {
    fn put(&mut self, topic: TopicId, _: Position, _: u64, record: &[u8]) {
        self.0.push((topic, record.to_vec()));
    }
}

/// Earlier frames are in the source topic, and not read again for a dead letter.
struct NoArchive;

impl FrameArchive for NoArchive {
    fn frame(&mut self, _: TapId, _: u64) -> Option<(u64, Vec<u8>)> {
        None
    }
}

/// A record of the state topic: what a key of a plugin has.
#[derive(Serialize, Deserialize)]
struct Row {
    value: ByteBuf,
    /// Validators: name of the class, since its number is the configuration's.
    class: Option<String>,
    /// Decoders: 0.
    number: u16,
    seen_ns: u64,
    touched: u64,
}

/// Plugin, label, tap of a decoder, key.
type RowKey = (String, String, Option<String>, ByteBuf);

/// What is folded apart from keys: latest capture time; plugins with faults, good rows, quarantine.
#[derive(Serialize, Deserialize)]
struct Apart {
    time_ns: u64,
    health: Vec<(String, u32, u32, bool)>,
}

/// A partition that is ours.
pub(super) struct Share {
    pub(super) partition: i32,
    tap: TapId,
    pipeline: Pipeline,
    first_offset: i64,
    frames: Columns,
    /// Offset behind the last frame processed, if there is one that is not committed.
    uncommitted: Option<i64>,
    position: Option<i64>,
    classes: Vec<String>,
    apart: Vec<u8>,
}

impl Share {
    /// Sets a pipeline up with the state that the last owner committed.
    pub(super) fn new(
        setup: Setup,
        partition: i32,
        group: &GroupConfig,
        table: Table,
    ) -> Result<Self, String> {
        let tap = setup.topology.find_tap(&group.tap);
        let tap = tap.ok_or_else(|| format!("no tap {} in the graph", group.tap))?;
        let mut pipeline = Pipeline::new(setup).map_err(|error| error.to_string())?;
        let classes = pipeline.fold_apart().classes;
        let folded = unpack(&classes, group, table)
            .map_err(|error| format!("{} partition {partition}: {error}", group.state_topic))?;
        pipeline
            .unfold(folded)
            .map_err(|error| format!("{} partition {partition}: {error}", group.state_topic))?;
        pipeline.track_changes();
        Ok(Self {
            partition,
            tap,
            pipeline,
            first_offset: 0,
            frames: Columns::new(),
            uncommitted: None,
            position: None,
            classes,
            apart: Vec::new(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// True if a record stands directly behind what waits.
    pub(super) fn continues(&self, fetched: &Fetched) -> bool {
        self.is_empty() || self.first_offset + self.frames.len() as i64 == fetched.offset
    }

    /// Takes a record; frames that wait now. The record must continue them.
    pub(super) fn take(&mut self, fetched: &Fetched) -> usize {
        if self.is_empty() {
            self.first_offset = fetched.offset;
        }
        let time_ms = u64::try_from(fetched.time_ms).unwrap_or(0);
        self.frames
            .push(time_ms.saturating_mul(1_000_000), &fetched.value);
        self.frames.len()
    }

    /// Processes what waits: number of frames, and what they became.
    pub(super) fn process(&mut self) -> Result<(u64, Made), String> {
        let mut made = Made::default();
        let first = u64::try_from(self.first_offset).unwrap_or(0);
        let input = Input {
            // Rises with the offset, which is all that a pipeline asks of it.
            block: first,
            tap: self.tap,
            first_seq: first,
            frames: &self.frames,
            tick_ns: None,
        };
        let stopped = self.pipeline.process(&input, &mut made, &mut NoArchive);
        stopped.map_err(|stopped| stopped.to_string())?;
        self.pipeline.take_late();
        let frames = self.frames.len();
        let next = self.first_offset + frames as i64;
        self.frames.clear();
        self.uncommitted = Some(next);
        self.position = Some(next);
        Ok((frames as u64, made))
    }

    /// Offset to go on from, if it is not committed yet.
    pub(super) fn take_position(&mut self) -> Option<i64> {
        self.uncommitted.take()
    }

    /// Offset behind the last frame processed.
    pub(super) fn position(&self) -> Option<i64> {
        self.position
    }

    /// What has changed since the last time, as records of the state topic. Instances restart, so
    /// that the next owner has what this one has.
    pub(super) fn take_changes(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.pipeline.restart();
        let mut rows: Vec<_> = self
            .pipeline
            .take_changes()
            .into_iter()
            .map(|change| pack(&self.classes, change))
            .collect();
        let folded = self.pipeline.fold_apart();
        let apart = Apart {
            time_ns: folded.taps.first().map_or(0, |(_, time_ns)| *time_ns),
            health: folded
                .health
                .into_iter()
                .map(|(name, health)| (name, health.faults, health.good_rows, health.quarantined))
                .collect(),
        };
        let apart = rmp_serde::to_vec(&apart).expect("numbers and names are plain data");
        if apart != self.apart {
            self.apart.clone_from(&apart);
            rows.push((APART.to_vec(), Some(apart)));
        }
        rows
    }

    /// Adds what the pipeline counted.
    pub(super) fn count_into(&mut self, status: &mut PipelineStatus) {
        let counters = self.pipeline.counters();
        let add = |to: &mut Vec<u64>, from: &[u64]| {
            to.resize(to.len().max(from.len()), 0);
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        let sum = &mut status.counters;
        sum.blocks += counters.blocks;
        add(&mut sum.frames, &counters.frames);
        add(&mut sum.rejected, &counters.rejected);
        add(&mut sum.messages, &counters.messages);
        add(&mut sum.anomalous, &counters.anomalous);
        add(&mut sum.records, &counters.records);
        for (key, count) in &counters.dead_letters {
            *sum.dead_letters.entry(key.clone()).or_default() += count;
        }
    }
}

fn pack(classes: &[String], change: Change) -> (Vec<u8>, Option<Vec<u8>>) {
    const PLAIN: &str = "names, numbers and bytes are plain data";
    let Change {
        plugin,
        label,
        tap,
        key,
        kept,
    } = change;
    let is_decoder = tap.is_some();
    let key = rmp_serde::to_vec(&(plugin, label, tap, Bytes::new(&key))).expect(PLAIN);
    let value = kept.map(|kept| {
        let class = classes.get(usize::from(kept.class)).cloned();
        let row = Row {
            value: ByteBuf::from(kept.value),
            class: class.filter(|_| !is_decoder),
            number: if is_decoder { kept.class } else { 0 },
            seen_ns: kept.seen_ns,
            touched: kept.touched,
        };
        rmp_serde::to_vec(&row).expect(PLAIN)
    });
    (key, value)
}

fn unpack(
    classes: &[String],
    group: &GroupConfig,
    table: Table,
) -> Result<Folded, rmp_serde::decode::Error> {
    let mut folded = Folded {
        classes: classes.to_vec(),
        ..Folded::default()
    };
    for (key, value) in table {
        if key == APART {
            let apart: Apart = rmp_serde::from_slice(&value)?;
            folded.taps = vec![(group.tap.clone(), apart.time_ns)];
            let health = apart.health.into_iter();
            folded.health = health
                .map(|(name, faults, good_rows, quarantined)| {
                    let health = Health {
                        faults,
                        good_rows,
                        quarantined,
                    };
                    (name, health)
                })
                .collect();
            continue;
        }
        let (plugin, label, tap, key): RowKey = rmp_serde::from_slice(&key)?;
        let row: Row = rmp_serde::from_slice(&value)?;
        let class = match &row.class {
            None => Some(row.number),
            Some(name) => {
                let at = classes.iter().position(|class| class == name);
                at.and_then(|at| u16::try_from(at).ok())
            }
        };
        let Some(class) = class else { continue };
        let kept = Kept {
            key: key.into_vec(),
            value: row.value.into_vec(),
            class,
            domain: 0,
            seen_ns: row.seen_ns,
            touched: row.touched,
        };
        let mut stores = folded.stores.iter_mut();
        let same = |part: &&mut StorePart| {
            (&part.plugin, &part.label, &part.tap) == (&plugin, &label, &tap)
        };
        match stores.find(same) {
            Some(part) => part.kept.push(kept),
            None => folded.stores.push(StorePart {
                plugin,
                label,
                tap,
                kept: vec![kept],
            }),
        }
    }
    for part in &mut folded.stores {
        part.kept.sort_unstable_by_key(|kept| kept.touched);
    }
    Ok(folded)
}
