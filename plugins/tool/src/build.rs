//! Building: a plugin's folder to a component, the same bytes from any path.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wit_component::ComponentEncoder;

use crate::{ToolError, files};

/// Target of all guests: its components import nothing but their world.
const TARGET: &str = "wasm32-unknown-unknown";

/// With what guests are built. From the environment, so that a machine without the target in its
/// toolchain can name another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// `OUTRIGGER_GUEST_CARGO`, else the cargo that runs this, else `cargo`.
    pub cargo: OsString,
    /// `OUTRIGGER_GUEST_RUSTC`: the compiler for that cargo.
    pub rustc: Option<OsString>,
    /// `OUTRIGGER_GUEST_LINKER`: the linker for WebAssembly, for instance `wasm-ld-19`.
    pub linker: Option<OsString>,
    /// `OUTRIGGER_GUEST_BUILD_STD=1`: the toolchain has the standard library only as source.
    pub build_std: bool,
    /// `OUTRIGGER_GUEST_TARGET_DIR`: else `target` of the plugin's workspace.
    pub target_dir: Option<PathBuf>,
}

impl Toolchain {
    /// What the environment names.
    pub fn from_environment() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            cargo: set("OUTRIGGER_GUEST_CARGO")
                .or_else(|| set("CARGO"))
                .unwrap_or_else(|| "cargo".into()),
            rustc: set("OUTRIGGER_GUEST_RUSTC"),
            linker: set("OUTRIGGER_GUEST_LINKER"),
            build_std: set("OUTRIGGER_GUEST_BUILD_STD").is_some_and(|value| value == "1"),
            target_dir: set("OUTRIGGER_GUEST_TARGET_DIR").map(PathBuf::from),
        }
    }

    /// Runs a program of the toolchain and returns what it prints.
    fn ask(
        &self,
        program: &OsString,
        arguments: &[&str],
        folder: &Path,
    ) -> Result<String, ToolError> {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| cannot_run(program, &error.to_string()))?;
        if !output.status.success() {
            return Err(cannot_run(program, &output.status.to_string()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn rustc(&self) -> OsString {
        self.rustc.clone().unwrap_or_else(|| "rustc".into())
    }
}

fn cannot_run(program: &OsString, cause: &str) -> ToolError {
    ToolError::Toolchain(format!(
        "cannot run {}: {cause}; install Rust, or name another with OUTRIGGER_GUEST_CARGO and \
         OUTRIGGER_GUEST_RUSTC",
        program.display()
    ))
}

/// Builds the plugin in `folder` and writes its component into `out`, by default `components` in
/// the target directory. Returns the component's path: the crate's name with `_`, and `.wasm`.
///
/// # Errors
/// [`ToolError`]; what the compiler has to say it says itself, on standard error.
pub fn build(
    folder: &Path,
    out: Option<&Path>,
    toolchain: &Toolchain,
) -> Result<PathBuf, ToolError> {
    let folder = fs::canonicalize(folder).map_err(ToolError::io(folder))?;
    let name = crate_name(&folder)?;
    let workspace = workspace_of(&folder, toolchain)?;
    let target_dir = match &toolchain.target_dir {
        Some(directory) => std::path::absolute(directory).map_err(ToolError::io(directory))?,
        None => workspace.join("target"),
    };
    compile(&folder, &workspace, &target_dir, toolchain)?;
    let module_path = target_dir
        .join(TARGET)
        .join("release")
        .join(format!("{name}.wasm"));
    let module = fs::read(&module_path).map_err(ToolError::io(&module_path))?;
    let component =
        componentise(&module).map_err(|cause| ToolError::Componentise(folder.clone(), cause))?;
    let out = out.map_or_else(|| target_dir.join("components"), Path::to_owned);
    fs::create_dir_all(&out).map_err(ToolError::io(&out))?;
    let path = out.join(format!("{name}.wasm"));
    files::replace(&path, &component, 0o644)?;
    Ok(path)
}

/// Wraps a core module, which carries its world in a section, into a component.
///
/// # Errors
/// Says what the module lacks.
pub fn componentise(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

/// Name of the library that the folder's package builds.
fn crate_name(folder: &Path) -> Result<String, ToolError> {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(ToolError::io(&path))?;
    let not_a_plugin = |cause: &str| ToolError::NotAPlugin(path.clone(), cause.to_owned());
    let manifest: toml::Table =
        toml::from_str(&text).map_err(|error| not_a_plugin(&error.to_string()))?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str)
        .ok_or_else(|| not_a_plugin("it has no package.name"))?;
    let is_cdylib = manifest
        .get("lib")
        .and_then(|lib| lib.get("crate-type"))
        .and_then(toml::Value::as_array)
        .is_some_and(|types| types.iter().any(|kind| kind.as_str() == Some("cdylib")));
    if is_cdylib {
        Ok(name.replace('-', "_"))
    } else {
        Err(not_a_plugin(
            "lib.crate-type must be [\"cdylib\", \"rlib\"]",
        ))
    }
}

fn workspace_of(folder: &Path, toolchain: &Toolchain) -> Result<PathBuf, ToolError> {
    let arguments = ["locate-project", "--workspace", "--message-format=plain"];
    let manifest = toolchain.ask(&toolchain.cargo, &arguments, folder)?;
    let manifest = PathBuf::from(manifest);
    Ok(manifest.parent().unwrap_or(folder).to_owned())
}

fn compile(
    folder: &Path,
    workspace: &Path,
    target_dir: &Path,
    toolchain: &Toolchain,
) -> Result<(), ToolError> {
    let sysroot =
        PathBuf::from(toolchain.ask(&toolchain.rustc(), &["--print", "sysroot"], folder)?);
    if !toolchain.build_std && !sysroot.join("lib/rustlib").join(TARGET).exists() {
        return Err(ToolError::Toolchain(format!(
            "the Rust in {} cannot build for {TARGET}: run rustup target add {TARGET}, or name a \
             toolchain that has its standard library as source (OUTRIGGER_GUEST_CARGO, \
             OUTRIGGER_GUEST_RUSTC, OUTRIGGER_GUEST_LINKER=wasm-ld-19, OUTRIGGER_GUEST_BUILD_STD=1; \
             on Debian: apt-get install rustc-web cargo-web rust-web-src lld-19)",
            sysroot.display()
        )));
    }
    let mut cargo = Command::new(&toolchain.cargo);
    cargo
        .args(["build", "--release", "--lib", "--target", TARGET])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(workspace);
    if workspace.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    } else {
        eprintln!(
            "no Cargo.lock in {}: cargo writes one now; keep it, for the digest depends on it",
            workspace.display()
        );
    }
    // A digest must depend on nothing that the builder's environment says.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let foreign = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "RUSTC_"]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        if foreign || text == "RUSTFLAGS" || text == "RUSTC" {
            cargo.env_remove(name);
        }
    }
    if let Some(rustc) = &toolchain.rustc {
        cargo.env("RUSTC", rustc);
    }
    if toolchain.build_std {
        cargo
            .args(["-Z", "build-std=std,panic_abort"])
            .env("RUSTC_BOOTSTRAP", "1");
    }
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags(workspace, target_dir, &sysroot, toolchain),
    );
    let status = cargo
        .status()
        .map_err(|error| cannot_run(&toolchain.cargo, &error.to_string()))?;
    if status.success() {
        Ok(())
    } else {
        Err(ToolError::Build(folder.to_owned()))
    }
}

/// Compiler flags, separated as cargo wants them: paths of this machine are given names that are
/// the same everywhere.
fn flags(workspace: &Path, target_dir: &Path, sysroot: &Path, toolchain: &Toolchain) -> OsString {
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(
        || env::home_dir().unwrap_or_default().join(".cargo"),
        PathBuf::from,
    );
    let mut flags = OsString::new();
    let mut add = |flag: OsString| {
        if !flags.is_empty() {
            flags.push("\x1f");
        }
        flags.push(flag);
    };
    // Later flags win: the most specific last.
    let remaps = [
        (cargo_home, "/cargo"),
        (sysroot.to_owned(), "/rust"),
        (workspace.to_owned(), "/guests"),
        (target_dir.to_owned(), "/target"),
    ];
    for (from, to) in remaps {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        add(flag);
    }
    if let Some(linker) = &toolchain.linker {
        let mut flag = OsString::from("-Clinker=");
        flag.push(linker);
        add(flag);
    }
    flags
}

#[cfg(test)]
mod tests;
