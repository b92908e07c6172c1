//! Finds what the build needs on this machine, and installs what is missing.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::places::set;
use crate::progress::{Failure, Progress};
use crate::runner;

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's toolchain of current Rust, its standard library as source, and a linker for
/// WebAssembly. Where they put things: below.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_STD: &str = "/usr/lib/rustlib/src/rust/library/Cargo.lock";
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-19";
/// The oldest Rust that the workspace takes, 1.x.
const RUST_MINOR_MIN: u32 = 95;

const REMEDY: &str = "install the target (rustup target add wasm32-unknown-unknown), or on Debian, \
as root: apt-get install rustc-web cargo-web rust-web-src lld-19";

/// What guests are built with, as `outrigger-plugin build` takes it from its environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestToolchain {
    /// Variables to set.
    pub environment: Vec<(&'static str, OsString)>,
    /// What the compiler says of itself: guests built by another one are others.
    pub version: String,
}

/// Finds the toolchain of the guests, installing it when it is missing.
///
/// # Errors
/// If none can be had; the remedy names both ways.
pub fn guest_toolchain(progress: &Progress) -> Result<GuestToolchain, Failure> {
    if set("OUTRIGGER_GUEST_CARGO").is_some() || set("OUTRIGGER_GUEST_RUSTC").is_some() {
        let rustc = set("OUTRIGGER_GUEST_RUSTC").unwrap_or_else(|| "rustc".into());
        let version = version_of(&rustc)?;
        progress.say("guests: toolchain named by OUTRIGGER_GUEST_CARGO and OUTRIGGER_GUEST_RUSTC");
        return Ok(GuestToolchain {
            environment: Vec::new(),
            version,
        });
    }
    if has_target()? {
        return own(progress, "is there");
    }
    progress.say(&format!("{TARGET} is missing: rustup target add {TARGET}"));
    let mut rustup = Command::new("rustup");
    let added = runner::run(rustup.args(["target", "add", TARGET]), REMEDY);
    match added {
        Ok(()) if has_target()? => return own(progress, "was added"),
        Ok(()) => progress.say("rustup added it to another toolchain than the one in use"),
        Err(failure) => progress.say(&format!("refused: {failure}")),
    }
    debian(progress)
}

fn own(progress: &Progress, how: &str) -> Result<GuestToolchain, Failure> {
    progress.say(&format!("guests: {TARGET} {how}"));
    Ok(GuestToolchain {
        environment: Vec::new(),
        version: version_of(&"rustc".into())?,
    })
}

fn has_target() -> Result<bool, Failure> {
    let mut rustc = Command::new("rustc");
    let remedy = "install Rust 1.95 or later";
    let sysroot = runner::ask(rustc.args(["--print", "sysroot"]), remedy)?;
    let target = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET);
    Ok(target.join("lib").is_dir())
}

fn version_of(rustc: &OsString) -> Result<String, Failure> {
    runner::ask(Command::new(rustc).arg("-vV"), REMEDY)
}

/// The fallback: the standard library of the guests is built from source.
fn debian(progress: &Progress) -> Result<GuestToolchain, Failure> {
    if debian_is_there() {
        progress.say("guests: Debian's toolchain is there");
    } else {
        progress.say(&format!(
            "guests: installing Debian's {}",
            DEBIAN_PACKAGES.join(", ")
        ));
        apt_get(&["update"])?;
        let mut arguments = vec!["install", "-y", "--no-install-recommends"];
        arguments.extend(DEBIAN_PACKAGES);
        apt_get(&arguments)?;
        if !debian_is_there() {
            let cause = format!(
                "Debian's packages are installed, but one of {DEBIAN_CARGO}, {DEBIAN_RUSTC} \
                 (1.{RUST_MINOR_MIN} or later), {DEBIAN_STD}, {DEBIAN_LINKER} is missing"
            );
            return Err(Failure::new(cause, REMEDY));
        }
    }
    let environment = vec![
        ("OUTRIGGER_GUEST_CARGO", DEBIAN_CARGO.into()),
        ("OUTRIGGER_GUEST_RUSTC", DEBIAN_RUSTC.into()),
        ("OUTRIGGER_GUEST_LINKER", DEBIAN_LINKER.into()),
        ("OUTRIGGER_GUEST_BUILD_STD", "1".into()),
    ];
    Ok(GuestToolchain {
        environment,
        version: version_of(&DEBIAN_RUSTC.into())?,
    })
}

fn debian_is_there() -> bool {
    [DEBIAN_CARGO, DEBIAN_STD, DEBIAN_LINKER]
        .iter()
        .all(|path| Path::new(path).exists())
        && version_of(&DEBIAN_RUSTC.into())
            .is_ok_and(|text| minor(&text).is_some_and(|minor| minor >= RUST_MINOR_MIN))
}

/// The x of "rustc 1.x.y …".
fn minor(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(1)?;
    let mut parts = number.split('.');
    (parts.next() == Some("1"))
        .then(|| parts.next())??
        .parse()
        .ok()
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    let root = runner::ask(Command::new("id").arg("-u"), REMEDY)?.trim() == "0";
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", "apt-get"]);
        command
    };
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    runner::run(&mut command, REMEDY)
}

/// Checks the tools that tests and lints use, and adds those that rustup can.
///
/// # Errors
/// Names the tool that is missing.
pub fn check_tools(progress: &Progress) -> Result<(), Failure> {
    for (verb, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if said(Command::new("cargo").args([verb, "--version"])).is_none() {
            let remedy = format!("rustup component add {component}");
            progress.say(&format!("cargo {verb} is missing: {remedy}"));
            let mut rustup = Command::new("rustup");
            runner::run(rustup.args(["component", "add", component]), &remedy)?;
        }
    }
    let tools = [
        ("rustc", vec!["--version"]),
        ("cargo", vec!["--version"]),
        ("cargo", vec!["fmt", "--version"]),
        ("cargo", vec!["clippy", "--version"]),
        ("cc", vec!["--version"]),
    ];
    for (tool, arguments) in tools {
        let Some(version) = said(Command::new(tool).args(&arguments)) else {
            let remedy = if tool == "cc" {
                "install a C compiler (on Debian, as root: apt-get install gcc libc6-dev)"
            } else {
                "install Rust 1.95 or later, with rustfmt and clippy"
            };
            return Err(Failure::new(format!("{tool} does not run"), remedy));
        };
        progress.say(&format!("found {version}"));
    }
    for (tool, argument) in [("javac", "--version"), ("mvn", "--version")] {
        progress.say(&match said(Command::new(tool).arg(argument)) {
            Some(version) => format!("found {version}"),
            None => format!("{tool} is missing: tests with a Kafka broker will skip themselves"),
        });
    }
    Ok(())
}

/// First line of what a program prints, if it succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next()?.to_owned();
    output.status.success().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn minor_version_is_read() {
        assert_eq!(
            minor("rustc 1.96.0 (ac68faa20 2026-05-25)\nhost: x"),
            Some(96)
        );
        assert_eq!(minor("rustc 1.63.0-nightly"), Some(63));
        assert_eq!(minor("rustc 2.0.0"), None);
        assert_eq!(minor(""), None);
    }
}
