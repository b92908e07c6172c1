//! Established decoders read the simulator's datagrams back to the values of its truth, field by
//! field and within half a step of each. `reference/read_back.py` compares; this sets it up.
//!
//! The decoders come from PyPI, exact versions, into a virtual environment under the project's
//! cache (`OUTRIGGER_CACHE`, or `~/.cache/outrigger`). Where Python, its venv or the packages are
//! not to be had, the tests say so aloud and pass.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("reference/requirements.txt");

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs to the end; what it said, or why it could not.
fn ran(command: &mut Command) -> Result<Output, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(output)
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{command:?} ended with {}: {said}", output.status))
    }
}

/// Where the project keeps what it fetches.
fn cache() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("OUTRIGGER_CACHE") {
        return Some(PathBuf::from(named));
    }
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/outrigger"))
}

/// FNV-1a: equal requirements share an environment, others get one of their own.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A Python with the reference decoders. It is made once, beside its place, and then moved there,
/// so that a broken-off attempt is never taken for one that is whole.
fn set_up() -> Result<PathBuf, String> {
    let cache = cache().ok_or("neither OUTRIGGER_CACHE nor HOME is set")?;
    let folder = cache
        .join("python")
        .join(format!("{:016x}", digest(REQUIREMENTS)));
    let marker = folder.join("complete");
    let python = folder.join("bin/python");
    if marker.exists() {
        return Ok(python);
    }
    // `--clear` empties what an attempt that broke off has left.
    ran(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    ran(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .arg("--requirement")
        .arg(here("tests/reference/requirements.txt")))?;
    std::fs::write(&marker, REQUIREMENTS).map_err(|error| error.to_string())?;
    Ok(python)
}

/// The Python, or `None` once it has been said aloud that there is none.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(set_up) {
        Ok(python) => Some(python),
        Err(cause) => {
            eprintln!("SKIPPED: no reference decoders of Python to read back with: {cause}");
            None
        }
    }
}

/// Plays `scenario` for `seconds` and has every sensor's recording read back.
fn read_back(scenario: &Path, sensors: &[&str], seconds: u32) -> Option<String> {
    let python = python()?;
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("truth.jsonl");
    let mut simulator = Command::new(env!("CARGO_BIN_EXE_bus-simulator"));
    simulator
        .args(["run", "--quiet", "--scenario"])
        .arg(scenario);
    simulator.args(["--duration", &seconds.to_string()]);
    simulator.arg("--truth").arg(&truth);
    let mut reader = Command::new(python);
    reader
        .arg(here("tests/reference/read_back.py"))
        .arg(scenario)
        .arg(&truth);
    for sensor in sensors {
        let file = folder.path().join(sensor);
        let named = format!("{sensor}={}", file.display());
        simulator.args(["--out", &named]);
        reader.arg(&named);
    }
    ran(&mut simulator).unwrap();
    let read = reader.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&read.stdout).into_owned();
    let errors = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{said}{errors}");
    println!("{said}");
    Some(said)
}

/// How many values of a field were compared.
fn compared(said: &str, field: &str) -> u32 {
    let line = said.lines().find(|line| {
        line.strip_prefix(field).is_some_and(|rest| {
            rest.trim_start()
                .starts_with(|first: char| first.is_ascii_digit())
        })
    });
    let line = line.unwrap_or_else(|| panic!("no {field:?} was compared"));
    let count = line[field.len()..].split_whitespace().next().unwrap();
    count.parse().unwrap()
}

#[test]
fn every_format_and_fault_reads_back_to_the_truth() {
    let sensors = ["tower", "dish", "beast", "avr", "shore"];
    let scenario = here("tests/reference/scenario.toml");
    let Some(said) = read_back(&scenario, &sensors, 120) else {
        return;
    };
    for (field, least) in [
        ("062 lat_deg", 700),
        ("062 climb", 700),
        ("048 range", 600),
        ("048 azimuth", 600),
        ("ads-b latitude", 5_000),
        ("ads-b latitude by pairs", 3_000),
        ("ads-b speed", 5_000),
        ("ads-b callsign", 500),
        ("ais latitude", 900),
        ("ais name", 80),
    ] {
        assert!(compared(&said, field) >= least, "{field}:\n{said}");
    }
    for absent in [
        "062 lat_deg (not available)",
        "062 velocity (not available)",
        "048 range (not available)",
        "ads-b latitude (not available)",
        "ads-b speed (not available)",
    ] {
        assert!(compared(&said, absent) > 0, "{absent}:\n{said}");
    }
}

#[test]
fn the_example_missions_read_back_to_their_truth() {
    read_back(
        &here("../air/scenario.toml"),
        &["centre", "radar", "receiver"],
        60,
    );
    read_back(
        &here("../harbour/scenario.toml"),
        &["pilot-receiver", "shore-receiver"],
        60,
    );
}
