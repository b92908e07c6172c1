//! Signals and sockets: how the host's owner sees and steers a run.
//!
//! One thread with a small event loop. It owns:
//!
//! - SIGINT and SIGTERM: the first drains, a second stops where it is;
//! - `status.sock`: each connection is answered with one snapshot, as a JSON object, and closed;
//! - `control.sock`: each connection sends one line, a JSON object such as
//!   `{"command":"pause","tap":"harbour"}`, and is answered with one: `{"ok":…,"message":…}`.
//!
//! What always holds: only this process's user and root are answered, by the kernel's word for who
//! asks; every command is in the audit log before it is done, and its result after; whatever comes
//! in on a socket, the run goes on. Nothing here waits for a client longer than
//! [`CONNECTION_TIME_MAX`], and no client can make it wait for another.

mod client;
mod command;
mod serve;
mod sockets;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::audit::Audit;
use crate::config::Config;
use crate::run::{Shared, lock, now_ns};
use crate::status::{PipelineStatus, Sampler, StatusSnapshot, snapshot};

pub use client::{ClientError, STATUS_BYTES_MAX, ask, fetch_status, status_socket};
pub use command::{Answer, Command};
pub use sockets::{CONTROL_SOCKET, STATUS_SOCKET};

/// Connections served at the same time, per socket. Reached: further ones are closed unanswered.
/// Reason: readers are few, and each costs a snapshot.
pub const CONNECTIONS_MAX: usize = 8;
/// Longest life of a connection that neither sends nor takes what it should. Then it is closed.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest request, bytes, with its line feed. Reason: a command and a name. Longer ones are
/// refused.
pub const REQUEST_BYTES_MAX: usize = 1_024;
/// Longest wait of a command for the pipeline. Reason: a block of hostile calls, and a large
/// snapshot. Then the asker is told that it is not known to be done.
pub const COMMAND_TIME_MAX: Duration = Duration::from_secs(60);

/// Longest wait for a command that is being done when the run has ended. Then its asker is left
/// without an answer.
const STOP_TIME_MAX: Duration = Duration::from_millis(500);

/// Why there is no control.
#[derive(Debug)]
pub enum ControlError {
    /// The event loop or its thread cannot be made.
    Thread(std::io::Error),
    /// Signals cannot be received.
    Signal(std::io::Error),
    /// A socket cannot be made.
    Socket(PathBuf, std::io::Error),
}

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Thread(error) => write!(f, "cannot start the control thread: {error}"),
            Self::Signal(error) => write!(f, "cannot receive signals: {error}"),
            Self::Socket(path, error) => {
                write!(f, "socket {}: {error}", path.display())?;
                if error.kind() == std::io::ErrorKind::PermissionDenied {
                    f.write_str("; does the data directory belong to another user?")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ControlError {}

/// What the control side works with.
struct Context {
    shared: Arc<Shared>,
    config: Arc<Config>,
    audit: Arc<Audit>,
    sampler: Mutex<Sampler>,
    /// The only user, besides root, who is answered.
    uid: u32,
}

impl Context {
    fn snapshot(&self) -> StatusSnapshot {
        let status = lock(&self.shared.pipeline).clone();
        snapshot(&self.shared, &self.config, &status, &lock(&self.sampler))
    }
}

/// The running control side. Dropping it ends its thread and removes the sockets.
pub struct Control {
    context: Arc<Context>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    // Held for their removal.
    _sockets: [sockets::Bound; 2],
}

/// Starts the control side of a run. From here on signals drain instead of killing.
///
/// # Errors
/// A socket, the signals or the thread cannot be had.
pub fn start(
    shared: Arc<Shared>,
    audit: Arc<Audit>,
    config: &Arc<Config>,
) -> Result<Control, ControlError> {
    let context = Arc::new(Context {
        sampler: Mutex::new(Sampler::new(&shared, config, now_ns())),
        shared,
        config: Arc::clone(config),
        audit,
        uid: rustix::process::geteuid().as_raw(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Commands wait for discs and for the pipeline; one after the other.
        .max_blocking_threads(1)
        .thread_name("control-command")
        .build()
        .map_err(ControlError::Thread)?;
    let entered = runtime.enter();
    let signals = [SignalKind::interrupt(), SignalKind::terminate()];
    let [interrupt, terminate] = signals.map(signal);
    let interrupt = interrupt.map_err(ControlError::Signal)?;
    let terminate = terminate.map_err(ControlError::Signal)?;
    let (status, status_bound) = bind(config, STATUS_SOCKET)?;
    let (control, control_bound) = bind(config, CONTROL_SOCKET)?;
    drop(entered);
    let (stop, stopped) = oneshot::channel();
    let serve = serve::Serve {
        context: Arc::clone(&context),
        interrupt,
        terminate,
        status,
        control,
        stopped,
    };
    let thread = std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || run_until_stopped(runtime, serve))
        .map_err(ControlError::Thread)?;
    Ok(Control {
        context,
        stop: Some(stop),
        thread: Some(thread),
        _sockets: [status_bound, control_bound],
    })
}

fn run_until_stopped(runtime: Runtime, serve: serve::Serve) {
    runtime.block_on(serve.run());
    // A command may still wait for a pipeline that has ended.
    runtime.shutdown_timeout(STOP_TIME_MAX);
}

fn bind(
    config: &Config,
    name: &str,
) -> Result<(tokio::net::UnixListener, sockets::Bound), ControlError> {
    let error = |error| ControlError::Socket(config.data_dir.join(name), error);
    let (listener, bound) = sockets::bind(&config.data_dir, name).map_err(error)?;
    let listener = tokio::net::UnixListener::from_std(listener).map_err(error)?;
    Ok((listener, bound))
}

impl Control {
    /// The last snapshot of a run that has ended: `status` is the pipeline's last.
    pub fn last_snapshot(&self, status: &PipelineStatus) -> StatusSnapshot {
        let Context {
            shared,
            config,
            sampler,
            ..
        } = &*self.context;
        let mut sampler = lock(sampler);
        sampler.end(shared, config);
        snapshot(shared, config, status, &sampler)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The other end is gone only if the thread is.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
