//! Runs programs, shows what they print, and counts the tests that they report.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::progress::Failure;

/// Lines said aloud by skipping tests that are kept; more are counted only.
const SKIP_LINES_MAX: usize = 1_000;

/// What test runners reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that a runner ignored.
    pub ignored: u64,
    /// Tests that passed only by skipping, one line each.
    pub skips: u64,
    /// Those lines, `skipped: …`.
    pub skip_lines: Vec<String>,
}

impl Counts {
    /// Takes one line of output into account. An indented line is no runner's, and no skip.
    pub fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if line.starts_with("skipped:") {
            self.skips += 1;
            if self.skip_lines.len() < SKIP_LINES_MAX {
                self.skip_lines.push(line.to_owned());
            }
        } else if let Some(result) = line.strip_prefix("test result: ") {
            // "ok. 12 passed; 0 failed; 1 ignored; 0 measured; …"
            let figures = result.split_once(". ").map_or("", |(_, figures)| figures);
            for figure in figures.split(';') {
                let mut words = figure.split_whitespace();
                let (Some(number), Some(word)) = (words.next(), words.next()) else {
                    continue;
                };
                let Ok(number) = number.parse::<u64>() else {
                    continue;
                };
                match word {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    "ignored" => self.ignored += number,
                    _ => {}
                }
            }
        }
    }

    /// Adds another runner's.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.skips += other.skips;
        let room = SKIP_LINES_MAX.saturating_sub(self.skip_lines.len());
        self.skip_lines
            .extend(other.skip_lines.into_iter().take(room));
    }

    /// The closing line. A test that skipped itself did not pass.
    pub fn closing_line(&self) -> String {
        let skipped = self.ignored + self.skips;
        let passed = self.passed.saturating_sub(self.skips);
        let mut line = format!("{passed} passed, {} failed", self.failed);
        if skipped > 0 {
            line.push_str(&format!(", {skipped} skipped"));
        }
        line
    }
}

/// Runs a program whose output goes where ours goes.
///
/// # Errors
/// If it cannot run or does not succeed: `remedy` says what to do.
pub fn run(command: &mut Command, remedy: &str) -> Result<(), Failure> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| Failure::new(format!("cannot run {}: {error}", words(command)), remedy))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(
            format!("{}: {status}", words(command)),
            remedy,
        ))
    }
}

/// Runs a program and returns its standard output. Standard error goes where ours goes.
///
/// # Errors
/// As [`run`].
pub fn ask(command: &mut Command, remedy: &str) -> Result<String, Failure> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cannot run {}: {error}", words(command)), remedy))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let cause = format!("{}: {}", words(command), output.status);
        Err(Failure::new(cause, remedy))
    }
}

/// Runs tests: passes their output on and counts.
///
/// # Errors
/// As [`run`]. The counts hold in any case.
pub fn count(command: &mut Command, counts: &mut Counts, remedy: &str) -> Result<(), Failure> {
    count_into(
        command,
        counts,
        remedy,
        std::io::stdout(),
        std::io::stderr(),
    )
}

fn count_into(
    command: &mut Command,
    counts: &mut Counts,
    remedy: &str,
    stdout: impl Write + Send + 'static,
    stderr: impl Write + Send + 'static,
) -> Result<(), Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("cannot run {}: {error}", words(command)), remedy))?;
    let shared = Arc::new(Mutex::new(Counts::default()));
    let out = child
        .stdout
        .take()
        .map(|pipe| pass_on(pipe, stdout, &shared));
    let err = child
        .stderr
        .take()
        .map(|pipe| pass_on(pipe, stderr, &shared));
    let status = child.wait();
    for thread in [out, err].into_iter().flatten() {
        thread.join().expect("passing lines on does not panic");
    }
    counts.add(std::mem::take(
        &mut *shared.lock().expect("passing lines on does not panic"),
    ));
    let status =
        status.map_err(|error| Failure::new(format!("{}: {error}", words(command)), remedy))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(
            format!("{}: {status}", words(command)),
            remedy,
        ))
    }
}

/// Copies a pipe line by line, counting. A closed destination does not stop the counting.
fn pass_on(
    pipe: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    counts: &Arc<Mutex<Counts>>,
) -> JoinHandle<()> {
    let counts = Arc::clone(counts);
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let _ = to.write_all(&line).and_then(|()| to.flush());
            let mut counts = counts.lock().expect("the other thread does not panic");
            counts.read(&String::from_utf8_lossy(&line));
            drop(counts);
            line.clear();
        }
    })
}

/// The command line, for people.
pub fn words(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests;
