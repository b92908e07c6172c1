//! What benchmarks share: medians, and the history that they append to.
//!
//! One line of `benches/history.jsonl` per figure, with date, commit and machine, so that a figure
//! is compared with the one before. Quick runs append nothing: they only show that it runs.

#![allow(dead_code, reason = "each benchmark uses a part")]

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// True if the command line says `--quick`: a few seconds, to see that it runs.
pub fn is_quick() -> bool {
    std::env::args().any(|word| word == "--quick")
}

/// The first word of the command line that is no option, for instance a directory.
pub fn word() -> Option<String> {
    std::env::args().skip(1).find(|word| !word.starts_with('-'))
}

/// The middle value; of an even number the upper one.
///
/// # Panics
/// Without values.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A line of the history.
pub struct Line(String);

impl Line {
    /// Begins a line of a benchmark: what was measured, in words that stay the same.
    pub fn new(bench: &str, what: &str) -> Self {
        let line = Self(String::from("{"));
        line.text("bench", bench).text("what", what)
    }

    /// A text.
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.key(name);
        let plain = value.replace(['"', '\\'], "'");
        let _ = write!(self.0, "\"{plain}\"");
        self
    }

    /// A number, to four significant digits or the whole.
    pub fn number(mut self, name: &str, value: f64) -> Self {
        self.key(name);
        let digits = match value.abs() {
            size if size >= 1_000.0 => 0,
            size if size >= 100.0 => 1,
            size if size >= 10.0 => 2,
            _ => 3,
        };
        let _ = write!(self.0, "{value:.digits$}");
        self
    }

    /// Nanoseconds per message and, from it, messages per second of one core.
    pub fn ns_per_message(self, ns: f64) -> Self {
        self.number("ns_per_message", ns)
            .number("messages_per_s", 1e9 / ns)
    }

    fn key(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{name}\":");
    }

    /// Appends it to the history; not in a quick run.
    ///
    /// # Panics
    /// If the history cannot be written: a figure without its line is lost.
    pub fn append(self) {
        if is_quick() {
            return;
        }
        let machine = Machine::here();
        let mut line = self
            .text("date", &said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]))
            .text("commit", &commit())
            .text("cpu", &machine.cpu)
            .number("cores", machine.cores as f64)
            .text("kernel", &machine.kernel)
            .0;
        line.push_str("}\n");
        let path = root().join("benches/history.jsonl");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Where the figures are from.
pub struct Machine {
    /// Model of the processor, and what distinguishes models of one name.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Release of the kernel.
    pub kernel: String,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = info.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": "))
                .map_or("?", |(_, value)| value)
        };
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: format!(
                "{} family {} model {} at {} MHz",
                field("model name"),
                field("cpu family"),
                field("model\t"),
                field("cpu MHz").split('.').next().unwrap_or("?")
            ),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// The project's root: the folder above that has a history.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut above = here.ancestors();
    let root = above.find(|folder| folder.join("benches/history.jsonl").exists());
    root.unwrap_or(here).to_owned()
}

fn commit() -> String {
    let hash = said("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    // The history itself is always changed by the line before.
    let clean = changed
        .lines()
        .all(|line| line.ends_with("benches/history.jsonl"));
    if clean { hash } else { hash + "+changes" }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output();
    output.map_or_else(
        |_| "?".to_owned(),
        |output| {
            String::from_utf8_lossy(&output.stdout)
                .trim_end()
                .to_owned()
        },
    )
}
