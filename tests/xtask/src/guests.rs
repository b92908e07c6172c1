//! The plugins: built to components, and installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{self, Key};
use crate::places::Places;
use crate::progress::{Failure, Progress};
use crate::runner;
use crate::setup::GuestToolchain;
use crate::suite::with_compiler;

/// File beside the components that says what they are: a line for each.
const DIGESTS: &str = "digests.txt";
/// What components are built from: sources, what builds them, and the versions of both.
const BUILT_FROM: [&str; 5] = [
    "plugins/guests",
    "wit",
    "plugins/tool/src/build.rs",
    "plugins/tool/Cargo.toml",
    "Cargo.lock",
];
/// What in a plugin's folder does not go into its component.
const NOT_BUILT: [&str; 5] = ["README.md", "tests", "benches", "golden", "clippy.toml"];

/// Components of all plugins.
#[derive(Clone, Debug)]
pub struct Built {
    /// Names the sources.
    pub key: String,
    /// Where they are; nobody changes them there.
    pub folder: PathBuf,
    /// A line for each: SHA-256 and file name.
    pub digests: String,
    /// The program that installs them.
    pub tool: PathBuf,
}

impl Built {
    /// Paths of the components, in order of name.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn components(&self) -> Result<Vec<PathBuf>, Failure> {
        components(&self.folder).map_err(|error| Failure::io(&self.folder, &error))
    }
}

fn components(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What tests install from and run: installed plugins, their components, and the tool, in one
/// folder of the cache. Nobody changes it; who needs to, copies.
#[derive(Clone, Debug)]
pub struct Kit {
    folder: PathBuf,
}

impl Kit {
    /// The installation.
    pub fn installed(&self) -> PathBuf {
        self.folder.join("installed")
    }
}

/// Folders of `plugins/guests` that are plugins: their package is a `cdylib`.
///
/// # Errors
/// If they cannot be read, or there is none.
pub fn discover(places: &Places) -> Result<Vec<PathBuf>, Failure> {
    let guests = places.guests();
    let io = |error| Failure::io(&guests, &error);
    let mut folders = Vec::new();
    for entry in fs::read_dir(&guests).map_err(io)? {
        let folder = entry.map_err(io)?.path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else {
            continue;
        };
        let is_plugin = manifest
            .lines()
            .any(|line| line.trim_start().starts_with("crate-type") && line.contains("\"cdylib\""));
        if is_plugin {
            folders.push(folder);
        }
    }
    folders.sort();
    if folders.is_empty() {
        let cause = format!("{}: no plugin in it", guests.display());
        return Err(Failure::new(cause, "check out the whole project"));
    }
    Ok(folders)
}

/// Builds the tool, the only program with a compiler in it. Selected, and built with a test, as
/// the tests are later: else features differ, and wasmtime is compiled once more.
///
/// # Errors
/// If it does not build.
pub fn tool(places: &Places, progress: &Progress) -> Result<PathBuf, Failure> {
    progress.step("build outrigger-plugin", || {
        let mut cargo = places.cargo("build");
        with_compiler(cargo.args(["--release", "--locked", "--bins", "--test", "all"]));
        runner::run(&mut cargo, "read the compiler's message above")
    })?;
    Ok(places.binary("outrigger-plugin"))
}

/// Hash of everything that a component is made from.
fn key_of(places: &Places, toolchain: &GuestToolchain) -> Result<String, Failure> {
    let mut key = Key::default();
    key.text(&toolchain.version);
    for path in BUILT_FROM {
        key.text(path);
        key.files(&places.root.join(path), &NOT_BUILT)?;
    }
    Ok(key.finish())
}

/// Builds all plugins to components, unless the cache has them.
///
/// # Errors
/// If the tool or a plugin does not build.
pub fn build(
    places: &Places,
    toolchain: &GuestToolchain,
    force: bool,
    progress: &Progress,
) -> Result<Built, Failure> {
    let plugins = discover(places)?;
    let tool = tool(places, progress)?;
    let key = key_of(places, toolchain)?;
    let kind = places.cache.join("plugins");
    let folder = cache::folder(&kind, &key, force, |aside| {
        let mut digests = String::new();
        for plugin in &plugins {
            let name = plugin.file_name().unwrap_or_default().to_string_lossy();
            progress.step(&format!("build plugin {name}"), || {
                let mut command = Command::new(&tool);
                command
                    .arg("build")
                    .arg(plugin)
                    .arg("--out")
                    .arg(aside)
                    .env("OUTRIGGER_GUEST_TARGET_DIR", &places.guests_target)
                    .envs(toolchain.environment.iter().cloned());
                let path = runner::ask(&mut command, "read the message above")?;
                digests.push_str(&digest_line(&tool, Path::new(path.trim()))?);
                Ok(())
            })?;
        }
        if key_of(places, toolchain)? != key {
            let cause = "the plugins' sources changed while they were built";
            return Err(Failure::new(cause, "run it again"));
        }
        let path = aside.join(DIGESTS);
        fs::write(&path, digests).map_err(|error| Failure::io(&path, &error))
    })?;
    let path = folder.join(DIGESTS);
    let digests = fs::read_to_string(&path).map_err(|error| Failure::io(&path, &error))?;
    progress.say(&format!(
        "{} plugins in {}",
        plugins.len(),
        folder.display()
    ));
    Ok(Built {
        key,
        folder,
        digests,
        tool,
    })
}

/// Digest and file name, as the tool says.
fn digest_line(tool: &Path, component: &Path) -> Result<String, Failure> {
    let mut command = Command::new(tool);
    command.arg("inspect").arg(component).arg("--json");
    let report = runner::ask(&mut command, "read the message above")?;
    let digest = report
        .split_once("\"sha256\":")
        .and_then(|(_, rest)| rest.split('"').nth(1))
        .unwrap_or("?");
    let name = component.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{digest}  {name}\n"))
}

/// Installs all plugins into a directory, signed with that directory's own key.
///
/// # Errors
/// If the tool refuses one.
pub fn install(built: &Built, dir: &Path, progress: &Progress) -> Result<(), Failure> {
    let components = built.components()?;
    progress.step(&format!("install {} plugins", components.len()), || {
        let mut command = Command::new(&built.tool);
        command
            .arg("install")
            .arg("--dir")
            .arg(dir)
            .args(components);
        let installed = runner::ask(&mut command, "read the message above")?;
        for line in installed.lines() {
            progress.say(line);
        }
        Ok(())
    })
}

/// Finds or makes the kit of tests.
///
/// # Errors
/// As [`install`].
pub fn kit(places: &Places, built: &Built, progress: &Progress) -> Result<Kit, Failure> {
    let mut key = Key::default();
    key.text(&built.key);
    // An installed plugin is native code for one build of the engine.
    for path in [
        "plugins/tool",
        "runtime/sandbox",
        "runtime/policy",
        "Cargo.toml",
    ] {
        key.files(&places.root.join(path), &["tests", "tests.rs"])?;
    }
    let kind = places.cache.join("kits");
    let folder = cache::folder(&kind, &key.finish(), false, |aside| {
        install(built, &aside.join("installed"), progress)?;
        let paths = built.components()?;
        let components = aside.join("components");
        let copied = fs::create_dir_all(&components).and_then(|()| {
            for path in paths {
                let name = path.file_name().unwrap_or_default();
                fs::copy(&path, components.join(name))?;
            }
            fs::copy(&built.tool, aside.join("outrigger-plugin"))
        });
        copied.map(drop).map_err(|error| Failure::io(aside, &error))
    })?;
    Ok(Kit { folder })
}
