//! Lines that say what goes on, each with the time since the start; and failures with a remedy.

use std::fmt;
use std::time::{Duration, Instant};

/// The clock of one command. Its lines go to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    begun: Instant,
}

impl Progress {
    /// Starts the clock.
    pub fn start() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    /// Prints a line.
    pub fn say(&self, line: &str) {
        eprintln!("[{}] {line}", shown(self.begun.elapsed()));
    }

    /// Says that a step begins, runs it, and says how it ended.
    ///
    /// # Errors
    /// The step's.
    pub fn step<T>(
        &self,
        name: &str,
        body: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.say(&format!("{name} …"));
        let begun = Instant::now();
        let result = body();
        let took = shown(begun.elapsed());
        match &result {
            Ok(_) => self.say(&format!("{name}: done in {took}")),
            Err(_) => self.say(&format!("{name}: FAILED after {took}")),
        }
        result
    }
}

/// Minutes and seconds.
pub fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    cause: String,
    remedy: String,
}

impl Failure {
    /// A cause without a final stop, and the remedy as an instruction.
    pub fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }

    /// A file or directory that cannot be used.
    pub fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("{}: {error}", path.display()),
            "make room and allow access there, or set OUTRIGGER_CACHE to another directory",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  remedy: {}", self.cause, self.remedy)
    }
}

impl std::error::Error for Failure {}
