//! The JVM of a client: lines in, lines out. Used again by the next test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::kit::Kit;
use crate::spawn;

/// Heap of a client, MiB; a read is passed on in lines of 256 records.
const HEAP_MIB: u32 = 192;
/// Lines that wait to be taken; more, and the client waits.
const LINES_MAX: usize = 64;
/// Java clients that wait for the next test; more are ended.
const IDLE_MAX: usize = 4;
static IDLE: Mutex<Vec<Process>> = Mutex::new(Vec::new());

/// One JVM.
#[derive(Debug)]
pub struct Process {
    child: Child,
    questions: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Process {
    /// One that waits, or a new one.
    pub fn get(kit: &Kit) -> Self {
        let idle = IDLE.lock().unwrap().pop();
        idle.unwrap_or_else(|| Self::start(kit))
    }

    /// Keeps it for the next who asks.
    pub fn keep(self) {
        if let Ok(mut idle) = IDLE.lock()
            && idle.len() < IDLE_MAX
        {
            idle.push(self);
        }
    }

    /// Ends it in order.
    pub fn end(mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }

    /// Asks a question. Each line of the answer goes to `each`, the last one also to the caller.
    ///
    /// # Errors
    /// If the process has ended, or no line comes for that long.
    pub fn exchange(
        &mut self,
        question: &Value,
        max: Duration,
        mut each: impl FnMut(&Value),
    ) -> Result<Value, String> {
        let pipe = self.questions.as_mut().expect("closed only at the end");
        writeln!(pipe, "{question}")
            .and_then(|()| pipe.flush())
            .map_err(|error| format!("the Java client has ended: {error}"))?;
        loop {
            let line = self
                .lines
                .recv_timeout(max)
                .map_err(|error| format!("the Java client does not answer: {error}"))?;
            each(&line);
            if line["done"] == true {
                return Ok(line);
            }
        }
    }

    fn start(kit: &Kit) -> Self {
        let mut command = spawn::command(kit.tool("java"));
        command
            .arg(format!("-Xmx{HEAP_MIB}m"))
            .args(kit.arguments("Client"))
            .arg("Client")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = spawn::spawn(command).unwrap();
        let questions = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = sync_channel(LINES_MAX);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Ok(value) = serde_json::from_str(&line) else {
                    break;
                };
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            questions,
            lines,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
