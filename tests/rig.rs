//! What end-to-end tests stand on: a site with a configuration and a data directory, the runtime's
//! own command, and what a run left in its logs.

#![allow(clippy::unwrap_used, dead_code)] // each test uses a part

pub mod cpu;
pub mod disk;
pub mod guests;
pub mod line;
pub mod live;
pub mod recordings;

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use outrigger::audit::AuditRecord;
use outrigger::record::Record;
use outrigger::status::StatusSnapshot;
use outrigger_journal::{Block, Kind, Reader};
use tempfile::TempDir;

/// Longest wait for a condition. Reason: far above what any takes on a busy machine; a test that
/// reaches it has failed.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
/// Pause between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Longest pause between two questions for the status.
const ASK_EVERY_MAX: Duration = Duration::from_millis(50);

/// Looks again and again until `look` finds something.
///
/// # Panics
/// It finds nothing within [`WAIT_MAX`].
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// A configuration and its data directory.
pub struct Site {
    folder: TempDir,
    plugins_dir: PathBuf,
}

impl Site {
    /// A site whose plugins are installed in `plugins_dir`.
    pub fn new(plugins_dir: &Path) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            plugins_dir: plugins_dir.to_owned(),
        }
    }

    /// A path in the site's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the site's folder.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The text of a configuration whose data lies in `data`: `[runtime]`, then `[journal]` with
    /// these lines in it, then `rest`; without a budget of its own, one that is never spent.
    pub fn text(&self, data: &str, journal: &str, rest: &str) -> String {
        let plugins_dir = self.plugins_dir.display();
        let budget = match rest.contains("[budget]") {
            true => String::new(),
            false => crate::common::unbounded(),
        };
        format!(
            "[runtime]\nname = \"site\"\ndata_dir = \"{data}\"\nplugins_dir = \"{plugins_dir}\"\n\
             [journal]\nsigning_key = \"journal.key\"\n{journal}\n{rest}\n{budget}"
        )
    }

    /// Writes a configuration file, `NAME.toml`, whose data lies in `NAME`.
    pub fn configure(&self, name: &str, journal: &str, rest: &str) -> PathBuf {
        self.write(&format!("{name}.toml"), self.text(name, journal, rest))
    }

    /// The runtime's command.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outrigger"));
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// `outrigger run --config NAME.toml`, with more arguments.
    pub fn run_command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.command();
        command
            .args(["run", "--config", &format!("{name}.toml")])
            .args(arguments);
        command
    }

    /// Runs until idle, and says what it printed.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Output {
        let mut all = vec!["--until-idle", "--json"];
        all.extend(arguments);
        self.run_command(name, &all).output().unwrap()
    }

    /// Runs until idle, and must end well. The last status.
    pub fn run_well(&self, name: &str, arguments: &[&str]) -> StatusSnapshot {
        let output = self.run(name, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        // Shown if the test fails.
        eprint!("{errors}");
        assert_eq!(output.status.code(), Some(0), "{errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs until idle, and must end with this exit code. What it said on standard error.
    pub fn run_badly(&self, name: &str, arguments: &[&str], code: i32) -> String {
        let output = self.run(name, arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        errors
    }

    /// Starts a run, and waits until it is open.
    pub fn start(&self, name: &str, arguments: &[&str]) -> Running {
        self.start_by(name, self.run_command(name, arguments))
    }

    /// The same by a command that becomes the runtime.
    pub fn start_by(&self, name: &str, mut command: Command) -> Running {
        let child = command.spawn().unwrap();
        let socket = self.path(name).join("status.sock");
        let mut running = Running { child, socket };
        wait_for("the status socket", || running.status());
        running
    }

    /// What a data directory holds.
    pub fn data(&self, name: &str) -> Data {
        Data {
            path: self.path(name),
        }
    }
}

/// A live runtime; dropping it kills it.
pub struct Running {
    /// Its process.
    pub child: Child,
    socket: PathBuf,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its status, if it answers. A runtime that has ended fails the test.
    pub fn status(&mut self) -> Option<StatusSnapshot> {
        if let Some(status) = self.child.try_wait().unwrap() {
            let mut text = String::new();
            let errors = self.child.stderr.as_mut().unwrap();
            errors.read_to_string(&mut text).unwrap();
            panic!("the runtime has ended: {status}: {text}");
        }
        outrigger::control::fetch_status(&self.socket).ok()
    }

    /// Waits for a status of this kind.
    pub fn wait_status(
        &mut self,
        what: &str,
        mut is: impl FnMut(&StatusSnapshot) -> bool,
    ) -> StatusSnapshot {
        let until = Instant::now() + WAIT_MAX;
        // Each answer costs the runtime CPU of its budget: who waits long asks seldom.
        let mut look = LOOK_EVERY;
        let mut last = None;
        loop {
            match self.status() {
                Some(status) if is(&status) => return status,
                Some(status) => last = Some(status),
                None => {}
            }
            assert!(
                Instant::now() < until,
                "waited in vain for {what}: {last:?}"
            );
            std::thread::park_timeout(look);
            look = (look * 2).min(ASK_EVERY_MAX);
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn end(mut self) -> (Option<i32>, String, String) {
        let status = wait_for("the end of the runtime", || self.child.try_wait().unwrap());
        let (mut out, mut errors) = (String::new(), String::new());
        let child = &mut self.child;
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        (status.code(), out, errors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking()
            && let Some(errors) = &mut self.child.stderr
        {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            eprintln!("the runtime said:\n{text}");
        }
    }
}

/// A captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Sequence number in the journal.
    pub seq: u64,
    /// Ordinal in its stream, the same however the journal was cut.
    pub ordinal: u64,
    /// Block.
    pub block: u64,
    /// Capture time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// A data directory, as a reader without lock sees it.
#[derive(Clone, Debug)]
pub struct Data {
    /// Where it is.
    pub path: PathBuf,
}

/// Names of the topics that tests compare: all but the audit log.
const NOT_COMPARED: &str = "_audit";

impl Data {
    fn blocks(&self, log: &str, mut visit: impl FnMut(&Block)) {
        let path = self.path.join(log);
        let Ok(dir) = Dir::open_ambient_dir(&path, ambient_authority()) else {
            return;
        };
        let mut reader = Reader::open(&dir).unwrap();
        reader.seek_start().unwrap();
        let mut block = Block::default();
        while reader.next(&mut block).unwrap() {
            visit(&block);
        }
    }

    /// The journal's identity.
    pub fn log_id(&self) -> [u8; 16] {
        let dir = Dir::open_ambient_dir(self.path.join("journal"), ambient_authority()).unwrap();
        Reader::open(&dir).unwrap().log_id().unwrap()
    }

    /// Frames that the journal holds, in order.
    pub fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        self.blocks("journal", |block| {
            if block.header.kind == Kind::Frames {
                for (at, (time_ns, bytes)) in block.columns.iter().enumerate() {
                    frames.push(Frame {
                        seq: block.header.first_seq + at as u64,
                        ordinal: block.header.stream_first + at as u64,
                        block: block.header.block,
                        time_ns,
                        bytes: bytes.to_vec(),
                    });
                }
            }
        });
        frames
    }

    /// Records of a topic, in order.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        self.blocks(&format!("topics/{topic}"), |block| {
            for (_, bytes) in block.columns.iter() {
                records.push(Record::decode(bytes).unwrap());
            }
        });
        records
    }

    /// Dead letters, in order.
    pub fn dead_letters(&self) -> Vec<Record> {
        self.records("_dead-letters")
    }

    /// What the audit log says.
    pub fn audit(&self) -> Vec<AuditRecord> {
        let mut records = Vec::new();
        self.blocks("topics/_audit", |block| {
            for (_, bytes) in block.columns.iter() {
                records.push(rmp_serde::from_slice(bytes).unwrap());
            }
        });
        records
    }

    /// All topics' records with what may differ between two runs of the same frames taken out:
    /// position in the journal, and numbers of frames, which become ordinals in their stream.
    pub fn comparable(&self) -> Vec<(String, Vec<Record>)> {
        let frames = self.frames();
        let ordinals: HashMap<u64, u64> = frames.iter().map(|f| (f.seq, f.ordinal)).collect();
        let mut topics: Vec<String> = fs::read_dir(self.path.join("topics"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != NOT_COMPARED)
            .collect();
        topics.sort();
        let comparable = |mut record: Record| {
            record.block = 0;
            record.ordinal = 0;
            for frame in &mut record.frames {
                *frame = ordinals[frame];
            }
            record
        };
        topics
            .into_iter()
            .map(|topic| {
                let records = self.records(&topic);
                (topic, records.into_iter().map(comparable).collect())
            })
            .collect()
    }
}

/// Compares two data directories record for record; panics at the first that differs. Returns the
/// number of records by topic.
pub fn assert_equal_records(expected: &Data, got: &Data) -> Vec<(String, usize)> {
    let (expected, got) = (expected.comparable(), got.comparable());
    let names = |topics: &[(String, Vec<Record>)]| -> Vec<String> {
        topics.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&expected), names(&got));
    for ((topic, expected), (_, got)) in expected.iter().zip(&got) {
        for (at, (expected, got)) in expected.iter().zip(got).enumerate() {
            assert_eq!(expected, got, "record {at} of {topic}");
        }
        assert_eq!(expected.len(), got.len(), "number of records of {topic}");
    }
    let counts = expected.into_iter();
    counts
        .map(|(topic, records)| (topic, records.len()))
        .collect()
}

/// A small generator of numbers, equal for equal seeds (xorshift64*, Vigna 2016).
pub struct Random(u64);

impl Random {
    /// From a seed that is not 0.
    pub fn new(seed: u64) -> Self {
        assert_ne!(seed, 0);
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
