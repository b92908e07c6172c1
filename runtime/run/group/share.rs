//! A partition that is ours: its pipeline, what was read and is not yet processed, and its state.

use std::time::Instant;

use outrigger_kafka::{Fetched, Table};
use outrigger_policy::Columns;
use outrigger_policy::topology::{TapId, TopicId};

use super::decoded::{Decoded, Origin};
use super::rows::{APART, StateRecord, pack, pack_apart, unpack};
use crate::config::GroupConfig;
use crate::pipeline::{Carried, FrameArchive, Input, Outbox, Pipeline, Refusal, Setup};
use crate::record::{Position, RecordError};

/// Bytes of a partition that are processed together. Reason: a quarter of what may be fetched; one
/// record may be larger.
pub const BYTES_MAX: usize = 512 << 10;
/// Changed keys per transaction that are looked for in other partitions. Reason: a look-up each and
/// partition; where keys are not confined, the first few transactions find one.
pub(super) const SPLIT_LOOKS_MAX: usize = 64;

/// Records that a batch became, and what is handed on of its frames.
#[derive(Default)]
pub(super) struct Made {
    /// Topic and record.
    pub(super) records: Vec<(TopicId, Vec<u8>)>,
    /// Offset of the batch's first frame.
    pub(super) first_offset: u64,
    /// By frame; none of frames that were decoded here.
    pub(super) origins: Vec<Origin>,
}

impl Outbox for Made {
    fn put(&mut self, topic: TopicId, _: Position, _: u64, record: &[u8]) {
        self.records.push((topic, record.to_vec()));
    }
}

/// Earlier frames are in the source topic, and not read again for a dead letter.
struct NoArchive;

impl FrameArchive for NoArchive {
    fn frame(&mut self, _: TapId, _: u64) -> Option<(u64, Vec<u8>)> {
        None
    }
}

/// A key of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PluginKey {
    pub(super) plugin: String,
    label: String,
    tap: Option<String>,
    key: Vec<u8>,
}

/// A partition that is ours.
pub(super) struct Share {
    pub(super) partition: i32,
    pub(super) pipeline: Pipeline,
    tap: TapId,
    decoded: Option<Decoded>,
    first_offset: i64,
    frames: Columns,
    carried: Vec<Carried>,
    origins: Vec<Origin>,
    /// Offset behind the last frame processed, if there is something that is not committed.
    uncommitted: Option<i64>,
    position: Option<i64>,
    /// Since when there is nothing more, and the pipeline's time then.
    idle: Option<(Instant, u64)>,
    classes: Vec<String>,
    apart: Vec<u8>,
}

impl Share {
    /// Sets a pipeline up with the state that the last owner committed, at the position that it
    /// committed.
    pub(super) fn new(
        setup: Setup,
        partition: i32,
        group: &GroupConfig,
        table: Table,
        position: Option<i64>,
    ) -> Result<Self, String> {
        let tap = setup.topology.find_tap(&group.tap);
        let tap = tap.ok_or_else(|| format!("no tap {} in the graph", group.tap))?;
        let decoded = group.decoded.as_ref();
        let decoded = decoded.map(|(_, format)| Decoded::new(&setup.topology, tap, *format));
        let mut pipeline = Pipeline::new(setup).map_err(|error| error.to_string())?;
        let classes = pipeline.fold_apart().classes;
        let unread = |error: &dyn std::fmt::Display| {
            format!("{} partition {partition}: {error}", group.state_topic)
        };
        let folded = unpack(&classes, &group.tap, table).map_err(|error| unread(&error))?;
        pipeline.unfold(folded).map_err(|error| unread(&error))?;
        pipeline.track_changes();
        Ok(Self {
            partition,
            tap,
            pipeline,
            decoded,
            first_offset: 0,
            frames: Columns::new(),
            carried: Vec::new(),
            origins: Vec::new(),
            uncommitted: None,
            position,
            idle: None,
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

    /// Takes a record. True if with it there are enough to be processed: `frames_max`, or a bound of
    /// bytes. The record must continue what waits.
    pub(super) fn take(&mut self, fetched: &Fetched, frames_max: usize) -> bool {
        if self.is_empty() {
            self.first_offset = fetched.offset;
        }
        self.idle = None;
        let payload = fetched.value.as_deref().unwrap_or_default();
        let captured_ns = match &self.decoded {
            None => u64::try_from(fetched.time_ms)
                .unwrap_or(0)
                .saturating_mul(1_000_000),
            Some(decoded) => {
                let (carried, captured_ns, origin) = decoded.read(fetched);
                self.carried.push(carried);
                self.origins.push(origin);
                captured_ns
            }
        };
        self.frames.push(captured_ns, payload);
        self.frames.len() >= frames_max || self.frames.bytes().len() >= BYTES_MAX
    }

    /// Processes what waits: number of frames, and what they became.
    pub(super) fn process(&mut self) -> Result<(u64, Made), String> {
        let first = u64::try_from(self.first_offset).unwrap_or(0);
        let mut made = Made {
            first_offset: first,
            origins: std::mem::take(&mut self.origins),
            ..Made::default()
        };
        let input = Input {
            // Rises with the offset, which is all that a pipeline asks of it.
            block: first,
            tap: self.tap,
            first_seq: first,
            frames: &self.frames,
            tick_ns: None,
        };
        let archive = &mut NoArchive;
        let carried = &self.carried;
        let stopped = self
            .pipeline
            .process_carried(&input, carried, &mut made, archive);
        stopped.map_err(|stopped| stopped.to_string())?;
        self.pipeline.take_late();
        let frames = self.frames.len();
        let next = self.first_offset + frames as i64;
        self.frames.clear();
        self.carried.clear();
        self.uncommitted = Some(next);
        self.position = Some(next);
        Ok((frames as u64, made))
    }

    /// There is nothing more: from now on its time moves with the clock.
    pub(super) fn rest(&mut self, now: Instant) {
        let time_ns = self.pipeline.time_ns(self.tap);
        if self.is_empty() && time_ns > 0 {
            self.idle.get_or_insert((now, time_ns));
        }
    }

    /// Lets state expire whose age is over, if nothing has come for so long: what that made.
    pub(super) fn tick(&mut self, now: Instant) -> Result<Option<Made>, String> {
        let (Some((since, base_ns)), Some(position)) = (self.idle, self.position) else {
            return Ok(None);
        };
        let elapsed = now.saturating_duration_since(since).as_nanos();
        let tick_ns = base_ns.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX));
        if !self.pipeline.would_expire(self.tap, tick_ns) {
            return Ok(None);
        }
        let at = u64::try_from(position).unwrap_or(0);
        let input = Input {
            block: at,
            tap: self.tap,
            first_seq: at,
            frames: &Columns::new(),
            tick_ns: Some(tick_ns),
        };
        let mut made = Made::default();
        let stopped = self.pipeline.process(&input, &mut made, &mut NoArchive);
        stopped.map_err(|stopped| stopped.to_string())?;
        self.pipeline.take_late();
        self.uncommitted = Some(position);
        Ok(Some(made))
    }

    /// Lifts a plugin's quarantine. False if it is in none here.
    pub(super) fn lift(&mut self, plugin: &str) -> bool {
        let lifted = self.pipeline.lift_now(plugin);
        if lifted {
            self.uncommitted = self.uncommitted.or(self.position);
        }
        lifted
    }

    /// The dead letter of a refused record. Its frame is in the source topic.
    pub(super) fn bury(&mut self, refusal: &Refusal<'_>) -> Result<Made, RecordError> {
        let mut made = Made::default();
        self.pipeline
            .bury(refusal, Position::default(), &mut made, &mut NoArchive)?;
        Ok(made)
    }

    /// Offset to go on from, if it is not committed yet.
    pub(super) fn take_position(&mut self) -> Option<i64> {
        self.uncommitted.take()
    }

    /// Offset behind the last frame processed.
    pub(super) fn position(&self) -> Option<i64> {
        self.position
    }

    /// What has changed since the last time, as records of the state topic, and some of the keys
    /// that did. Instances restart, so that the next owner has what this one has.
    pub(super) fn take_changes(&mut self) -> (Vec<StateRecord>, Vec<PluginKey>) {
        self.pipeline.restart();
        let changes = self.pipeline.take_changes();
        let kept = changes.iter().filter(|change| change.kept.is_some());
        let some = kept.take(SPLIT_LOOKS_MAX).map(|change| PluginKey {
            plugin: change.plugin.clone(),
            label: change.label.clone(),
            tap: change.tap.clone(),
            key: change.key.clone(),
        });
        let some = some.collect();
        let packed = changes.into_iter().map(|one| pack(&self.classes, one));
        let mut rows: Vec<_> = packed.collect();
        let apart = pack_apart(self.pipeline.fold_apart());
        if apart != self.apart {
            self.apart.clone_from(&apart);
            rows.push((APART.to_vec(), Some(apart)));
        }
        (rows, some)
    }

    /// True if there is state for this key.
    pub(super) fn keeps(&self, of: &PluginKey) -> bool {
        self.pipeline
            .keeps(&of.plugin, &of.label, of.tap.as_deref(), &of.key)
    }
}
