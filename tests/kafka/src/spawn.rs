//! Child processes that the kernel kills when this process dies, however it dies.
//!
//! The signal is bound to the *thread* that started the child, and tests are threads that end
//! early. So one thread, which lives as long as the process, starts all of them.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Request = (Command, Sender<io::Result<Child>>);

/// The command that sets the signal and becomes `program`. Part of util-linux.
pub const SETPRIV: &str = "setpriv";

/// A command for [`spawn`].
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts what [`command`] made.
///
/// # Errors
/// As `Command::spawn`.
pub fn spawn(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Sender<Request>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, requests) = channel::<Request>();
        thread::spawn(move || {
            for (mut command, answer) in requests {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, answer) = channel();
    starter
        .send((command, sender))
        .expect("the thread lives as long as the process");
    answer
        .recv()
        .expect("the thread answers each request before it takes the next")
}
