//! The same plugin from two paths is the same component.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use outrigger_plugin::{Toolchain, build, inspect};
use outrigger_sandbox::Role;
use outrigger_sandbox::artifact::{digest, hex};

use crate::fixtures::repository;

/// Copies what guests are built from; not what was built.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn equal_sources_at_two_paths_give_one_digest() {
    let folder = tempfile::tempdir().unwrap();
    let here = repository();
    let there = folder.path().join("some/other/place");
    copy(&here.join("wit"), &there.join("wit"));
    copy(&here.join("plugins/guests"), &there.join("plugins/guests"));
    let toolchain = Toolchain::from_environment();
    let elsewhere = Toolchain {
        target_dir: Some(folder.path().join("target")),
        ..toolchain.clone()
    };
    let plugin = "plugins/guests/example-validator";
    let out = folder.path().join("out");
    let one = build(&here.join(plugin), Some(&out), &toolchain).unwrap();
    assert!(one.ends_with("out/example_validator.wasm"));
    let one_bytes = fs::read(&one).unwrap();
    let other = build(&there.join(plugin), None, &elsewhere).unwrap();
    assert!(other.ends_with("target/components/example_validator.wasm"));
    let other_bytes = fs::read(&other).unwrap();
    assert_eq!(hex(&digest(&one_bytes)), hex(&digest(&other_bytes)));

    let text = String::from_utf8_lossy(&one_bytes);
    let home = std::env::home_dir().unwrap().display().to_string();
    for path in [home, here.canonicalize().unwrap().display().to_string()] {
        assert!(!text.contains(&path), "the component names {path}");
    }

    let report = inspect(&one, None).unwrap();
    assert_eq!(report.role, Role::Validator);
    assert_eq!(report.description.name, "example-validator");
    assert_eq!(report.description.rules, ["too-fast"]);
    let shown = report.to_string();
    let trust = "outrigger:plugin/host (note) — this plugin can compute, and nothing else";
    assert!(shown.contains(trust), "{shown}");
}
