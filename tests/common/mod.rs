//! Fixtures with defaults: what a test sets is what matters.
//!
//! - [`installation`]: the project's plugins, installed once for all tests and changed by none;
//! - [`recordings`]: real recordings, or a line that says aloud that they are absent;
//! - [`Deployment`]: a configuration in a folder of its own, and the program that runs it;
//! - [`Running`]: that program while it runs; it never outlives its test.
#![allow(clippy::unwrap_used, dead_code)] // each test uses a part

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The clone.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Directory of installed plugins. `cargo xtask test` names it; else xtask builds what is missing,
/// once for each state of the sources, whoever asks first. Copy it to change it.
pub fn installation() -> &'static Path {
    static INSTALLATION: OnceLock<PathBuf> = OnceLock::new();
    INSTALLATION.get_or_init(|| {
        if let Some(path) = std::env::var_os("OUTRIGGER_TEST_INSTALLATION") {
            return PathBuf::from(path);
        }
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "run",
                "--quiet",
                "--release",
                "--locked",
                "--package",
                "xtask",
            ])
            .args(["--", "installation"])
            .current_dir(root())
            .stdin(Stdio::null())
            .output()
            .expect("cargo runs: it runs this test");
        assert!(
            output.status.success(),
            "the plugins cannot be installed; cargo xtask installation says:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        PathBuf::from(text.lines().last().expect("xtask prints the path"))
    })
}

/// The components of the installed plugins.
pub fn components() -> PathBuf {
    installation().with_file_name("components")
}

/// The program that builds, inspects and installs plugins.
pub fn plugin_tool() -> PathBuf {
    installation().with_file_name("outrigger-plugin")
}

/// A file or folder of the recordings, for instance `ais`. `None` where the recordings are absent:
/// then the test ends, having said so in one line, which is counted.
pub fn recordings(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("OUTRIGGER_RECORDINGS")
        .map_or_else(|| root().join("../shared/recordings"), PathBuf::from)
        .join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("recordings absent ({})", path.display()));
    None
}

/// Says aloud that a test skips itself; once in a test. Written past the capture of test output,
/// which swallows what passing tests print.
pub fn skip(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// A text as TOML.
pub fn quoted(text: impl Display) -> String {
    let text = text.to_string();
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// A budget that is never spent, and thresholds that are never passed: what is not about the budget
/// must not depend on what else runs on the machine of the tests.
pub const UNBOUNDED: [(&str, &str); 7] = [
    ("cpu_permille", "1000"),
    ("lag_ms_max", "3600000"),
    ("drops_permille_max", "1000"),
    ("host_cpu_permille_max", "1000"),
    ("host_available_permille_min", "0"),
    ("pressure_cpu_permille_max", "1000"),
    ("pressure_memory_permille_max", "1000"),
];

/// [`UNBOUNDED`] as a table of a configuration.
pub fn unbounded() -> String {
    bounded(&[])
}

/// The same but for these keys.
pub fn bounded(keys: &[(&str, &str)]) -> String {
    let mut all: BTreeMap<&str, &str> = UNBOUNDED.into_iter().collect();
    all.extend(keys.iter().copied());
    let lines = all.iter().map(|(key, value)| format!("{key} = {value}\n"));
    format!("[budget]\n{}", lines.collect::<String>())
}

/// A configuration, and the folder that it lives in. Values are TOML as it is written.
pub struct Deployment {
    folder: TempDir,
    tables: BTreeMap<String, BTreeMap<String, String>>,
}

impl Deployment {
    /// The installed plugins and a data directory; no tap, class or topic.
    pub fn empty() -> Self {
        let mut deployment = Self {
            folder: tempfile::tempdir().unwrap(),
            tables: BTreeMap::new(),
        };
        for (key, value) in UNBOUNDED {
            deployment = deployment.set("budget", key, value);
        }
        deployment.set("runtime", "data_dir", quoted("data")).set(
            "runtime",
            "plugins_dir",
            quoted(installation().display()),
        )
    }

    /// AIS lines of a file, flat out: decoded, and each class to one topic of its own name, with
    /// `-` in place of `.`.
    pub fn ais(recording: &Path) -> Self {
        let classes = [
            "track.sea",
            "track.air",
            "static.sea",
            "station.base",
            "aid.navigation",
        ];
        let writes = classes.map(quoted).join(", ");
        let mut deployment = Self::empty()
            .set("taps.shore", "kind", quoted("lines"))
            .set("taps.shore", "path", quoted(recording.display()))
            .set("taps.shore", "pace", quoted("flat-out"))
            .set("plugins.ais", "component", quoted("ais_decoder.wasm"))
            .set("plugins.ais", "role", quoted("decoder"))
            .set("plugins.ais", "taps", format!("[{}]", quoted("shore")))
            .set("plugins.ais", "writes", format!("[{writes}]"));
        for class in classes {
            let topic = class.replace('.', "-");
            let table = format!("classes.{}", quoted(class));
            deployment = deployment
                .set(&table, "topic", quoted(&topic))
                .table(&format!("topics.{topic}"));
        }
        deployment
    }

    /// [`Deployment::ais`] with the track validator on both kinds of tracks.
    pub fn validated_ais(recording: &Path) -> Self {
        let validators = format!("[{}]", quoted("plausibility"));
        let component = quoted("track_plausibility.wasm");
        Self::ais(recording)
            .set("plugins.plausibility", "component", component)
            .set("plugins.plausibility", "role", quoted("validator"))
            .set("classes.\"track.sea\"", "validators", &validators)
            .set("classes.\"track.air\"", "validators", &validators)
    }

    /// Sets a key of a table, for instance `"taps.shore"`, `"port"`, `60_004`.
    pub fn set(mut self, table: &str, key: &str, value: impl Display) -> Self {
        let table = self.tables.entry(table.to_owned()).or_default();
        table.insert(key.to_owned(), value.to_string());
        self
    }

    /// Adds a table, if need be without keys.
    pub fn table(mut self, table: &str) -> Self {
        self.tables.entry(table.to_owned()).or_default();
        self
    }

    /// Takes a key away.
    pub fn unset(mut self, table: &str, key: &str) -> Self {
        let keys = self.tables.get_mut(table);
        let taken = keys.and_then(|keys| keys.remove(key));
        assert!(taken.is_some(), "{table}.{key} was not set");
        self
    }

    /// Takes a table away.
    pub fn without(mut self, table: &str) -> Self {
        assert!(self.tables.remove(table).is_some(), "no table {table}");
        self
    }

    /// The folder with everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory, as `runtime.data_dir` is by default.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The text of the configuration.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (table, keys) in &self.tables {
            text.push_str(&format!("[{table}]\n"));
            for (key, value) in keys {
                text.push_str(&format!("{key} = {value}\n"));
            }
        }
        text
    }

    /// Writes the configuration; its path.
    pub fn write(&self) -> PathBuf {
        let path = self.folder().join("outrigger.toml");
        fs::write(&path, self.text()).unwrap();
        path
    }

    /// `outrigger VERB --config …` on the configuration as it is now, for more arguments.
    pub fn outrigger(&self, verb: &str) -> Command {
        let mut command = outrigger();
        command.arg(verb).arg("--config").arg(self.write());
        command
    }

    /// Runs finite taps to their end.
    ///
    /// # Panics
    /// If it does not succeed.
    pub fn run_until_idle(&self) -> Output {
        succeed(self.outrigger("run").arg("--until-idle"))
    }

    /// Records of a topic, as `outrigger log read --format json` prints them; the topic may be live.
    pub fn records(&self, topic: &str) -> Vec<serde_json::Value> {
        let mut command = outrigger();
        command.args(["log", "read", topic, "--format", "json", "--data"]);
        let output = succeed(command.arg(self.data()));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    /// Starts it, and leaves it running. What it prints goes to files beside the configuration.
    pub fn start(&self) -> Running {
        Running::start(self.folder(), &mut self.outrigger("run"))
    }
}

/// The program under test, without arguments and without standard input.
pub fn outrigger() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outrigger"));
    command.stdin(Stdio::null());
    command
}

/// Runs a program to its end.
///
/// # Panics
/// If it does not succeed; says what it printed.
pub fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A program that runs, and is killed at the latest when its test ends.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// Starts a program whose output goes to `stdout.txt` and `stderr.txt` in `folder`.
    pub fn start(folder: &Path, command: &mut Command) -> Self {
        let (stdout, stderr) = (folder.join("stdout.txt"), folder.join("stderr.txt"));
        let child = command
            .stdin(Stdio::null())
            .stdout(fs::File::create(&stdout).unwrap())
            .stderr(fs::File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Asks it to end, and waits.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Kills it, as a crash would, and waits.
    pub fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.wait()
    }

    /// What it printed so far on standard output.
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }

    /// What it printed so far on standard error.
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
