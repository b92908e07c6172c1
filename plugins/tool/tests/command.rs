//! The command: its help and its exit codes.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use crate::fixtures::{tiny, written};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_outrigger-plugin"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["Examples:", "Exit codes:", "build", "install", "inspect"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn exit_codes_are_as_stated() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    written(folder.path(), "tiny.wasm", &tiny("1.2.3"));
    written(folder.path(), "no.wasm", b"no");
    let (installed, tiny, no) = (path("installed"), path("tiny.wasm"), path("no.wasm"));
    let code = |arguments: &[&str]| run(arguments).status.code();
    assert_eq!(code(&["install", "--dir", &installed, &tiny]), Some(0));
    assert_eq!(code(&["inspect", &tiny]), Some(0));
    assert_eq!(
        code(&["inspect", "--dir", &installed, "tiny.wasm", "--json"]),
        Some(0)
    );
    assert_eq!(code(&["install", "--dir", &installed, &no]), Some(1));
    assert_eq!(code(&["install", &tiny]), Some(2));
    assert_eq!(
        code(&["install", "--dir", &installed, &path("absent.wasm")]),
        Some(3)
    );
    assert_eq!(
        code(&["inspect", "--dir", &installed, "absent.wasm"]),
        Some(3)
    );
}

#[test]
fn install_prints_a_line_for_each_component() {
    let folder = tempfile::tempdir().unwrap();
    let one = written(folder.path(), "one.wasm", &tiny("1.2.3"));
    let two = written(folder.path(), "two.wasm", &tiny("2.0.0"));
    let installed = folder.path().join("installed").display().to_string();
    let files = [one, two].map(|path| path.display().to_string());
    let output = run(&["install", "--dir", &installed, &files[0], &files[1]]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("installed one.wasm: tiny 1.2.3 (validator), "));
    assert!(lines[1].starts_with("installed two.wasm: tiny 2.0.0 (validator), "));
}
