//! The runtime that is measured: a process of its own.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::place::Place;
use crate::control::{fetch_status, status_socket};
use crate::status::StatusSnapshot;

/// Lines of its log that are shown after a failure. Reason: the cause stands at the end.
const WORDS_LINES_MAX: usize = 12;
/// Bytes of its log that are read for these.
const WORDS_BYTES_MAX: u64 = 16 << 10;
/// Largest last status that is read, bytes, as from its socket.
const STATUS_BYTES_MAX: u64 = 16 << 20;

/// A runtime; dropping it kills it.
pub(super) struct Child {
    process: std::process::Child,
    socket: PathBuf,
    out: PathBuf,
    log: PathBuf,
}

impl Child {
    /// Starts it; with `until_idle` it ends when its recordings are over.
    ///
    /// # Errors
    /// There is no such program any more, or no process to be had.
    pub(super) fn start(
        place: &Place,
        kafka: Option<&str>,
        until_idle: bool,
    ) -> std::io::Result<Self> {
        let (out, log) = (place.path("out.json"), place.path("log.txt"));
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--log", "warn", "run", "--json", "--config"])
            .arg(place.configuration())
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(&log)?)
            // An interrupt from the terminal is for us; we tell it.
            .process_group(0);
        if let Some(bootstrap) = kafka {
            command.args(["--kafka", bootstrap]);
        }
        if until_idle && place.plays() {
            command.arg("--until-idle");
        }
        Ok(Self {
            process: command.spawn()?,
            socket: status_socket(&place.data()),
            out,
            log,
        })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Its status, if it answers: it may not have begun, or be about to end.
    pub(super) fn status(&self) -> Option<StatusSnapshot> {
        fetch_status(&self.socket).ok()
    }

    /// Tells it to end: it processes what it has captured.
    pub(super) fn stop(&self) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
    }

    /// What it printed at its end.
    pub(super) fn last_status(&self) -> Option<StatusSnapshot> {
        let file = File::open(&self.out).ok()?;
        let mut bytes = Vec::new();
        file.take(STATUS_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(WORDS_BYTES_MAX)))?;
            let mut bytes = Vec::new();
            file.take(WORDS_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        match lines.len() {
            0 => "nothing".to_owned(),
            count => lines[count.saturating_sub(WORDS_LINES_MAX)..].join("\n"),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It has ended, except after an error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
