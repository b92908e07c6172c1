//! Standard output of a command that prints much: buffered, and at ease when its reader leaves.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{EXIT_CONFIG, EXIT_DAMAGED, EXIT_START};

/// Bytes that wait for a write. Reason: a system call per record would cost more than the record.
const BUFFER_BYTES: usize = 64 << 10;

/// Why a command that reads stopped.
#[derive(Debug)]
pub enum Trouble {
    /// The configuration is wrong.
    Config(String),
    /// What was asked for is not there, cannot be read, or is of a newer format.
    Unreadable(String),
    /// What is there is not what was written.
    Damaged(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Trouble {
    /// Says it on standard error, and what to exit with. A reader that has left is no trouble.
    pub fn report(self) -> ExitCode {
        let (code, message) = match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::SUCCESS;
            }
            Self::Output(error) => (EXIT_START, format!("standard output: {error}")),
            Self::Config(message) => (EXIT_CONFIG, message),
            Self::Unreadable(message) => (EXIT_START, message),
            Self::Damaged(message) => (EXIT_DAMAGED, message),
        };
        eprintln!("outrigger: {message}");
        ExitCode::from(code)
    }
}

/// Runs a command with a buffered standard output and flushes it, also after trouble: what was
/// good is printed.
pub fn with_output(act: impl FnOnce(&mut Output) -> Result<ExitCode, Trouble>) -> ExitCode {
    let mut out = Output {
        writer: BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()),
    };
    let result = act(&mut out);
    let flushed = out.writer.flush();
    // A writer that is dropped with bytes in it would try again.
    let _ = out.writer.into_parts();
    match (result, flushed) {
        (Ok(code), Ok(())) => code,
        (Ok(_), Err(error)) => Trouble::from(error).report(),
        (Err(trouble), _) => trouble.report(),
    }
}

/// Standard output, buffered.
pub struct Output {
    writer: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// True if whoever read the other end of a pipe has left.
    pub fn is_closed(&self) -> bool {
        let mut fds = [PollFd::new(self.writer.get_ref(), PollFlags::empty())];
        let now = Timespec::default();
        // An error here leaves it to the next write to find out.
        poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::ERR)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
