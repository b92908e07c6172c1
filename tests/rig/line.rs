//! The pipeline in this process: real plugins, frames in, records out, no files.

use std::collections::BTreeMap;
use std::path::Path;

use outrigger::config::Config;
use outrigger::install::{InstallError, Plugins};
use outrigger::pipeline::{FrameArchive, Input, Outbox, Pipeline, PluginView, Stopped};
use outrigger::record::{Position, Record};
use outrigger_policy::Columns;
use outrigger_policy::topology::{TapId, TopicId};

/// A pipeline, and everything that went in and came out.
pub struct Line {
    /// The configuration.
    pub config: Config,
    /// The pipeline.
    pub pipeline: Pipeline,
    _plugins: Plugins,
    /// Records by topic.
    pub out: Out,
    frames: Frames,
    next_block: u64,
}

/// Records by topic, in order.
#[derive(Default)]
pub struct Out {
    names: Vec<String>,
    topics: BTreeMap<String, Vec<Record>>,
    positions: BTreeMap<String, Position>,
}

impl Outbox for Out {
    fn put(&mut self, topic: TopicId, position: Position, _time_ns: u64, record: &[u8]) {
        let name = &self.names[topic.index()];
        let record = Record::decode(record).unwrap();
        assert_eq!(
            (position.block, position.ordinal),
            (record.block, record.ordinal)
        );
        let before = self.positions.insert(name.clone(), position);
        assert!(
            before.is_none_or(|before| before < position),
            "positions rise"
        );
        self.topics.entry(name.clone()).or_default().push(record);
    }
}

#[derive(Default)]
struct Frames(BTreeMap<u64, (TapId, u64, Vec<u8>)>);

impl FrameArchive for Frames {
    fn frame(&mut self, tap: TapId, sequence: u64) -> Option<(u64, Vec<u8>)> {
        let (of, time_ns, frame) = self.0.get(&sequence)?;
        (*of == tap).then(|| (*time_ns, frame.clone()))
    }
}

impl Line {
    /// Loads the plugins of a configuration.
    ///
    /// # Errors
    /// A plugin that may not run.
    pub fn try_open(plugins_dir: &Path, rest: &str) -> Result<Self, InstallError> {
        let plugins_dir = plugins_dir.display();
        let text = format!(
            "[runtime]\ndata_dir = \"/nowhere/data\"\nplugins_dir = \"{plugins_dir}\"\n{rest}\n"
        );
        let config = Config::parse(&text, Path::new("line.toml"))
            .unwrap_or_else(|errors| panic!("{errors}"));
        let plugins = Plugins::load(&config)?;
        let pipeline = Pipeline::new(plugins.setup(&config)).map_err(InstallError::Misfit)?;
        let names = config
            .topics
            .iter()
            .map(|topic| topic.name.clone())
            .collect();
        Ok(Self {
            config,
            pipeline,
            _plugins: plugins,
            out: Out {
                names,
                ..Out::default()
            },
            frames: Frames::default(),
            next_block: 0,
        })
    }

    /// As [`Line::try_open`], for plugins that run.
    pub fn open(plugins_dir: &Path, rest: &str) -> Self {
        Self::try_open(plugins_dir, rest).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One block of frames of a tap: capture time and payload of each.
    ///
    /// # Errors
    /// A quarantined plugin that stops the runtime.
    pub fn block(&mut self, tap: &str, frames: &[(u64, &[u8])]) -> Result<(), Stopped> {
        let first_seq = self.frames.0.len() as u64;
        let mut columns = Columns::new();
        for (at, &(time_ns, bytes)) in frames.iter().enumerate() {
            columns.push(time_ns, bytes);
            let of = self.config.topology.find_tap(tap).unwrap();
            let kept = (of, time_ns, bytes.to_vec());
            self.frames.0.insert(first_seq + at as u64, kept);
        }
        self.process(tap, first_seq, &columns, None)
    }

    /// A block without frames: time passes on a silent tap.
    pub fn tick(&mut self, tap: &str, time_ns: u64) {
        let first_seq = self.frames.0.len() as u64;
        self.process(tap, first_seq, &Columns::new(), Some(time_ns))
            .unwrap();
    }

    /// Frames in blocks of at most `cut`.
    pub fn blocks(&mut self, tap: &str, frames: &[(u64, &[u8])], cut: usize) {
        for block in frames.chunks(cut) {
            self.block(tap, block).unwrap();
        }
    }

    fn process(
        &mut self,
        tap: &str,
        first_seq: u64,
        frames: &Columns,
        tick_ns: Option<u64>,
    ) -> Result<(), Stopped> {
        let input = Input {
            block: self.next_block,
            tap: self.config.topology.find_tap(tap).unwrap(),
            first_seq,
            frames,
            tick_ns,
        };
        self.next_block += 1;
        self.pipeline
            .process(&input, &mut self.out, &mut self.frames)
    }

    /// Number of the next block.
    pub fn next_block(&self) -> u64 {
        self.next_block
    }

    /// Records of a topic so far.
    pub fn records(&self, topic: &str) -> &[Record] {
        self.out.topics.get(topic).map_or(&[], Vec::as_slice)
    }

    /// Dead letters so far: cause, stage, detail, and the frame.
    pub fn dead(&self) -> Vec<(String, String, String, Vec<u8>)> {
        let dead = self.records("_dead-letters").iter().map(|record| {
            let (stage, detail) = record.stage.clone().unwrap();
            let frame = record
                .frame
                .clone()
                .map(|frame| frame.0)
                .unwrap_or_default();
            (record.cause.clone().unwrap(), stage, detail, frame)
        });
        dead.collect()
    }

    /// Every topic's records, without their position.
    pub fn comparable(&self) -> BTreeMap<String, Vec<Record>> {
        let mut topics = self.out.topics.clone();
        for record in topics.values_mut().flatten() {
            record.block = 0;
            record.ordinal = 0;
        }
        topics
    }

    /// What is to be said of a plugin.
    pub fn plugin(&mut self, name: &str) -> PluginView {
        let views = self.pipeline.plugins();
        let view = views.into_iter().find(|view| view.plugin.name == name);
        view.unwrap_or_else(|| panic!("no plugin {name}"))
    }
}
