//! The clock of deadlines: a thread that moves the engine's epoch on.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// Length of an epoch tick. Reason: a deadline is a backstop of a second or so, and each tick
/// wakes a thread; 20 a second cost less than 0.1 % of a core.
pub const TICK_MS: u64 = 50;

/// Deadline in ticks of one in milliseconds, at least that long: the tick under way does not count.
pub fn deadline_ticks(deadline_ms: u64) -> u64 {
    deadline_ms.div_ceil(TICK_MS) + 1
}

/// Moves an engine's epoch on until it is dropped.
pub struct Ticker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let engine = engine.clone();
        let thread = std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn(move || tick(&engine, &stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

fn tick(engine: &Engine, stopped: &Receiver<()>) {
    let tick = Duration::from_millis(TICK_MS);
    while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
        engine.increment_epoch();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // Dropping the sender ends the thread's wait.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
