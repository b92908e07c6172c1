//! One node: a JVM that is broker and controller, its configuration and its log.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::kit::Kit;
use crate::properties::INTERNAL_PORT;
use crate::spawn;

/// Heap of a node, MiB: the broker runs in a third of it, with messages of some megabytes to spare.
const HEAP_MIB: u32 = 256;
/// A node that is told to stop does so within a second, but within 15 s or more when it writes down
/// its classes on a busy machine. Longer, and it is killed.
const STOP_MAX: Duration = Duration::from_secs(120);
/// Between two looks at a process or a broker.
pub const POLL: Duration = Duration::from_millis(20);
/// Lines of a log that a failure shows.
const TAIL_LINES: usize = 25;

#[derive(Debug)]
pub struct Node {
    pub id: i32,
    pub address: Ipv4Addr,
    folder: PathBuf,
    format: Vec<String>,
    child: Mutex<Option<Child>>,
}

impl Node {
    /// Writes the node's configuration; does not start it. `format` are options for the first start.
    pub fn new(
        id: i32,
        address: Ipv4Addr,
        folder: PathBuf,
        properties: &[(String, String)],
        format: Vec<String>,
    ) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let mut text = String::new();
        for (key, value) in properties {
            let value = value.replace('\\', "\\\\");
            writeln!(text, "{key}={value}").expect("a text grows");
        }
        writeln!(text, "log.dirs={}", folder.join("data").display()).expect("a text grows");
        fs::write(folder.join("server.properties"), text).unwrap();
        Self {
            id,
            address,
            folder,
            format,
            child: Mutex::new(None),
        }
    }

    /// Address of the internal listener.
    pub fn internal(&self) -> SocketAddr {
        (self.address, INTERNAL_PORT).into()
    }

    /// Starts the process and does not wait until it serves.
    pub fn spawn(&self, kit: &Kit) {
        let mut child = self.child.lock().unwrap();
        assert!(child.is_none(), "node {} runs already", self.id);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let mut command = spawn::command(kit.tool("java"));
        command
            .arg(format!("-Xmx{HEAP_MIB}m"))
            .args(kit.arguments("Node"))
            .arg("Node")
            .arg(self.folder.join("server.properties"))
            .args(&self.format)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // An interrupt typed at the terminal reaches the tests, and by them the brokers.
            .process_group(0);
        *child = Some(spawn::spawn(command).unwrap());
    }

    /// Whether the process was started, and not killed or stopped since.
    pub fn is_started(&self) -> bool {
        self.child.lock().unwrap().is_some()
    }

    /// Whether the process is there.
    pub fn is_up(&self) -> bool {
        let mut child = self.child.lock().unwrap();
        matches!(child.as_mut().map(Child::try_wait), Some(Ok(None)))
    }

    /// Process id, while the process is there.
    pub fn pid(&self) -> Option<u32> {
        self.is_up()
            .then(|| self.child.lock().unwrap().as_ref().map(Child::id))
            .flatten()
    }

    /// Sends a signal, if the process is there.
    pub fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap();
        if let Some(child) = child.as_ref() {
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }

    /// SIGKILL, and the end of the process.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and the end of the process; with force when it takes too long.
    pub fn stop(&self) {
        self.signal(Signal::TERM);
        let _ = self.ended(STOP_MAX);
        self.kill();
    }

    fn ended(&self, max: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < max {
            if let Some(status) = self.child.lock().unwrap().as_mut()?.try_wait().ok()? {
                return Some(status);
            }
            thread::sleep(POLL);
        }
        None
    }

    /// The file that the broker's log goes to.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    /// Data of the node.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Last lines of the log.
    pub fn log_tail(&self) -> String {
        tail(&self.log())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn tail(path: &Path) -> String {
    let text = File::open(path)
        .and_then(std::io::read_to_string)
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
