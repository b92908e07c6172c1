//! Java, the jars, and the two small programs of `java/`, compiled: found, or made once in the cache
//! outside the clone. Each folder is made aside and renamed, under a lock that processes share.
//!
//! The last step runs a broker and a client once and writes down the classes that they loaded, which
//! halves the start of every later one.

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::cluster::{Cluster, Options};
use crate::spawn::SETPRIV;

const POM: &str = include_str!("../pom.xml");
const SOURCES: [(&str, &str); 2] = [
    ("Node.java", include_str!("../java/Node.java")),
    ("Client.java", include_str!("../java/Client.java")),
];
/// The oldest Java that runs these brokers.
const JAVA_MIN: u32 = 17;
/// Folders of one kind that are kept, the youngest: room for some branches side by side.
const FOLDERS_MAX: usize = 3;

/// What starts brokers and clients.
#[derive(Clone, Debug)]
pub struct Kit {
    java_home: Option<PathBuf>,
    /// Everything of the harness that lies in the cache.
    pub cache: PathBuf,
    programs: PathBuf,
    class_path: String,
    /// Whether this run only writes down which classes are loaded.
    training: bool,
}

/// The kit, made when it is first asked for; or why there is none.
pub fn kit() -> Result<&'static Kit, &'static str> {
    static KIT: OnceLock<Result<Kit, String>> = OnceLock::new();
    KIT.get_or_init(make).as_ref().map_err(String::as_str)
}

impl Kit {
    /// A program of the JDK.
    pub fn tool(&self, name: &str) -> PathBuf {
        tool(self.java_home.as_deref(), name)
    }

    /// Arguments of `java` for one of the programs, `Node` or `Client`.
    pub fn arguments(&self, program: &str) -> Vec<String> {
        let archive = self.archive(program);
        let mut arguments: Vec<String> = [
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xshare:auto",
            // What an archive lacks is no news.
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
        ]
        .map(str::to_owned)
        .to_vec();
        if program == "Client" {
            arguments.push("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn".to_owned());
        }
        if self.training {
            let aside = archive.with_extension("aside");
            arguments.push(format!("-XX:ArchiveClassesAtExit={}", aside.display()));
        } else if archive.exists() {
            arguments.push(format!("-XX:SharedArchiveFile={}", archive.display()));
        }
        arguments.extend(["-cp".to_owned(), self.class_path.clone()]);
        arguments
    }

    fn archive(&self, program: &str) -> PathBuf {
        self.programs.join(program).with_extension("jsa")
    }

    /// Runs both programs once for their archives. Without them all still works, more slowly.
    fn train(&self) {
        let pupil = Self {
            training: true,
            ..self.clone()
        };
        let cluster = Cluster::of(&pupil, &Options::default());
        let mut client = cluster.client();
        client.create_topic("training", 1, 1, &[]).unwrap();
        let record = [(&b"key"[..], &b"value"[..])];
        client.produce("training", &record).unwrap();
        client
            .produce_in_transaction("training", &record, "training", true)
            .unwrap();
        client.read_committed("training").unwrap();
        client.offsets("training").unwrap();
        client.describe("training").unwrap();
        client.end();
        cluster.stop(1);
        for program in ["Node", "Client"] {
            let archive = self.archive(program);
            if let Err(error) = fs::rename(archive.with_extension("aside"), &archive) {
                eprintln!("{program} has no archive of classes: {error}");
            }
        }
    }
}

fn tool(java_home: Option<&Path>, name: &str) -> PathBuf {
    java_home.map_or_else(|| name.into(), |home| home.join("bin").join(name))
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Output of a program, if it succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&text).into_owned())
}

/// The 17 of `openjdk version "17.0.15"`.
fn major(version: &str) -> Option<u32> {
    let number = version.split('"').nth(1)?;
    number.split(['.', '-', '+']).next()?.parse().ok()
}

fn make() -> Result<Kit, String> {
    let java_home = set("JAVA_HOME");
    let java = said(Command::new(tool(java_home.as_deref(), "java")).arg("-version"))
        .ok_or("java is missing")?;
    if major(&java).is_none_or(|major| major < JAVA_MIN) {
        let first = java.lines().next().unwrap_or_default();
        return Err(format!("Java {JAVA_MIN} is needed, found {first}"));
    }
    if said(Command::new(SETPRIV).arg("--version")).is_none() {
        return Err(format!("{SETPRIV} of util-linux is missing"));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cache = set("OUTRIGGER_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|caches| caches.join("outrigger")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/outrigger")))
        .unwrap_or_else(|| root.join("target/cache"))
        .join("kafka");
    let cache = std::path::absolute(cache).unwrap();
    fs::create_dir_all(&cache).unwrap();
    let lock = File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();

    let jars = folder(&cache, "jars", &POM, |aside| download(&java_home, aside))?;
    let mut class_path = paths(&jars, "jar");
    let key = (POM, SOURCES, &java, &cache);
    let programs = folder(&cache, "programs", &key, |aside| {
        compile(java_home.as_deref(), &class_path, aside)
    })?;
    class_path.insert(0, programs.join("harness.jar"));
    let class_path = env::join_paths(class_path).unwrap().into_string().unwrap();
    let kit = Kit {
        java_home,
        cache,
        programs,
        class_path,
        training: false,
    };
    let trained = kit.programs.join("trained");
    if !trained.exists() {
        eprintln!("Kafka: preparing a quick start, once …");
        kit.train();
        File::create(trained).unwrap();
    }
    Ok(kit)
}

fn paths(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}

/// The folder `<kind>-<hash of key>`, made by `fill` if it is not there. Older ones go.
fn folder(
    cache: &Path,
    kind: &str,
    key: &impl Hash,
    fill: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let path = cache.join(format!("{kind}-{:016x}", hasher.finish()));
    if !path.exists() {
        let aside = cache.join(format!(".{kind}.aside"));
        let _ = fs::remove_dir_all(&aside);
        fs::create_dir(&aside).unwrap();
        fill(&aside)?;
        fs::rename(&aside, &path).unwrap();
        forget(cache, kind);
    }
    Ok(path)
}

fn forget(cache: &Path, kind: &str) {
    let mut folders: Vec<_> = fs::read_dir(cache)
        .unwrap()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{kind}-"))
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    folders.sort();
    for (_, path) in folders.iter().rev().skip(FOLDERS_MAX) {
        let _ = fs::remove_dir_all(path);
    }
}

fn download(java_home: &Option<PathBuf>, aside: &Path) -> Result<(), String> {
    if said(Command::new("mvn").arg("--version")).is_none() {
        return Err("mvn, of Apache Maven, is missing".to_owned());
    }
    eprintln!("Kafka: fetching its jars, once …");
    let project = aside.join("pom.xml");
    fs::write(&project, POM).unwrap();
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet", "dependency:copy-dependencies"])
        .args(["-DincludeScope=runtime", "--file"])
        .arg(&project)
        .arg(format!("-DoutputDirectory={}", aside.display()))
        .stdin(Stdio::null());
    if let Some(home) = java_home {
        maven.env("JAVA_HOME", home);
    }
    let output = maven.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "Kafka's jars cannot be had:\n{text}"
    );
    Ok(())
}

fn compile(java_home: Option<&Path>, jars: &[PathBuf], aside: &Path) -> Result<(), String> {
    let classes = aside.join("classes");
    let mut javac = Command::new(tool(java_home, "javac"));
    javac.arg("-cp").arg(env::join_paths(jars).unwrap());
    javac.arg("-d").arg(&classes);
    for (name, text) in SOURCES {
        let path = aside.join(name);
        fs::write(&path, text).unwrap();
        javac.arg(path);
    }
    let output = javac
        .stdin(Stdio::null())
        .output()
        .map_err(|_| "javac is missing: a JDK is needed")?;
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "javac:\n{text}");
    // A jar, because archives of classes take none from folders.
    let mut jar = Command::new(tool(java_home, "jar"));
    jar.arg("cf").arg(aside.join("harness.jar"));
    jar.arg("-C").arg(&classes).arg(".");
    said(&mut jar).ok_or("jar is missing: a JDK is needed")?;
    Ok(())
}
